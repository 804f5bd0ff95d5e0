"""Messages as they stand in the topic: one JSON object each, null for what is missing."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import orjson

from ingest.mapping.frame_mapper import Message
from udfs.schema import MISSING, SESSION_COLUMNS, MsgType, Session

_CHUNK_ROWS: Final = 4096
"""Rows made into Python objects at a time, which take ten times the memory of the arrays."""

_NULLABLE: Final = ("exchange_ts_ns", "seq", "request_id")
_NAMES: Final = {int(msg_type): msg_type.name for msg_type in MsgType}
_CODES: Final = {name: code for code, name in _NAMES.items()}


def encode(session: Session) -> Iterator[bytes]:
    """Encode the messages of a session in their order.

    Yields
    ------
    bytes
        A JSON object with connection_id, recv_ts_ns, exchange_ts_ns, msg_type (by name), seq, request_id,
        payload_bytes and declared_exchange, and with prev_seq if the message has it.
    """
    for start in range(0, len(session), _CHUNK_ROWS):
        columns = {name: getattr(session, name)[start : start + _CHUNK_ROWS].tolist() for name in SESSION_COLUMNS}
        for name in _NULLABLE:
            columns[name] = [None if value == MISSING else value for value in columns[name]]
        columns["msg_type"] = [_NAMES[code] for code in columns["msg_type"]]
        predecessors = columns.pop("prev_seq")
        for row, prev_seq in zip(zip(*columns.values(), strict=True), predecessors, strict=True):
            body = {
                "connection_id": session.connection_id,
                **dict(zip(columns, row, strict=True)),
                "declared_exchange": session.declared_exchange,
            }
            yield _dump(body, prev_seq)


def encode_one(message: Message, connection_id: str, declared_exchange: str | None) -> bytes:
    """Encode one message: the same bytes as `encode` makes of it in a session."""
    recv_ts_ns, exchange_ts_ns, msg_type, seq, request_id, payload_bytes, prev_seq = message
    body = {
        "connection_id": connection_id,
        "recv_ts_ns": recv_ts_ns,
        "exchange_ts_ns": None if exchange_ts_ns == MISSING else exchange_ts_ns,
        "msg_type": _NAMES[msg_type],
        "seq": None if seq == MISSING else seq,
        "request_id": None if request_id == MISSING else request_id,
        "payload_bytes": payload_bytes,
        "declared_exchange": declared_exchange,
    }
    return _dump(body, prev_seq)


def decode(messages: Sequence[dict[str, Any]]) -> Session:
    """Lay out messages of one connection, in order, as a session: what `encode` has made of one.

    Parameters
    ----------
    messages : sequence of dict
        At least one; each a message by `ingest.kafka.record_validity`. What the connection claims to be is what the
        last of them declares.
    """
    columns = {
        name: array("q", [MISSING if (value := message.get(name)) is None else value for message in messages])
        for name in SESSION_COLUMNS
        if name != "msg_type"
    }
    columns["msg_type"] = array("q", [_CODES[message["msg_type"]] for message in messages])
    return Session(
        connection_id=messages[-1]["connection_id"],
        declared_exchange=messages[-1].get("declared_exchange"),
        **{name: np.frombuffer(column, np.int64) for name, column in columns.items()},
    )


def _dump(body: dict[str, object], prev_seq: int) -> bytes:
    if prev_seq != MISSING:
        body["prev_seq"] = prev_seq
    return orjson.dumps(body)

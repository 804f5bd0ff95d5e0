"""The messages of a session as frames of no venue's form, from which the mapper gets the same messages again."""

from __future__ import annotations

from typing import Final

import orjson

from ingest.frame import Direction, Frame
from udfs.schema import MISSING, MsgType, Session

_WORDS: Final = {
    MsgType.NEW: "trade",
    MsgType.ACK: "subscribed",
    MsgType.NACK: "error",
    MsgType.HEARTBEAT: "heartbeat",
    MsgType.OTHER: "info",
}


def to_neutral_frames(session: Session) -> list[Frame]:
    """Write each message as a JSON object: its type as a word, the number, request and time that it has.

    Spaces fill a frame to its `payload_bytes`; it is longer where those need more. NEW with
    a request_id is a frame that was sent.

    Examples
    --------
    >>> import numpy as np
    >>> columns = {"recv_ts_ns": 10, "exchange_ts_ns": MISSING, "msg_type": MsgType.HEARTBEAT, "seq": 7}
    >>> columns |= {"request_id": MISSING, "payload_bytes": 50}
    >>> arrays = {name: np.array([value]) for name, value in columns.items()}
    >>> to_neutral_frames(Session(connection_id="c", declared_exchange=None, **arrays))[0].text
    '{"type":"heartbeat","seq":7}                      '
    """
    columns = zip(
        session.recv_ts_ns.tolist(),
        session.exchange_ts_ns.tolist(),
        map(MsgType, session.msg_type.tolist()),
        session.seq.tolist(),
        session.request_id.tolist(),
        session.payload_bytes.tolist(),
        session.prev_seq.tolist(),
        strict=True,
    )
    return [_to_frame(*message) for message in columns]


def _to_frame(
    recv_ts_ns: int,
    exchange_ts_ns: int,
    msg_type: MsgType,
    seq: int,
    request_id: int,
    payload_bytes: int,
    prev_seq: int,
) -> Frame:
    numbers = {"seq": seq, "prev_seq": prev_seq, "req_id": request_id, "ts": exchange_ts_ns}
    body = {"type": _WORDS[msg_type], **{key: number for key, number in numbers.items() if number != MISSING}}
    # By a symbol the mapper tells data from an answer.
    if msg_type is MsgType.NEW:
        body["symbol"] = "X"
    direction: Direction = "send" if msg_type is MsgType.NEW and request_id != MISSING else "recv"
    return Frame(recv_ts_ns, direction, orjson.dumps(body).decode().ljust(payload_bytes))

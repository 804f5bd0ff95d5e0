"""One frame of any venue to one message, by the vocabulary that venues share; blind to the venue."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Final, NamedTuple

import orjson

from ingest.frame import Direction, Frame
from ingest.mapping.fix_messages import BEGIN, Fields, SentRequests, fix_seq, fix_time_ns, fix_type, parse_fix
from ingest.mapping.kinds import ACK, HEARTBEAT, NACK, NEW, body_type, text_type
from ingest.mapping.layers import FIRST_PARTS, Layer, Shape, to_layers
from ingest.mapping.values import to_epoch_ns, to_int64, to_request_id
from udfs.schema import MISSING, MsgType

_LINKED: Final = frozenset({ACK, NACK, HEARTBEAT})
"""Received frames whose id is a request's; in data, ids name trades and orders."""

_times: Final[Callable[[Shape], tuple[str, ...]]] = attrgetter("times")
_seqs: Final[Callable[[Shape], tuple[str, ...]]] = attrgetter("seqs")
_request_ids: Final[Callable[[Shape], tuple[str, ...]]] = attrgetter("request_ids")


class Message(NamedTuple):
    """The columns of one message, as in `udfs.schema.Session`; `MISSING` for NULL."""

    recv_ts_ns: int
    exchange_ts_ns: int
    msg_type: MsgType
    seq: int
    request_id: int
    payload_bytes: int


class FrameMapper:
    """Maps the frames of one connection, one after the other: a FIX reject names what it refuses by its number."""

    def __init__(self) -> None:
        self._sent = SentRequests()

    def to_message(self, frame: Frame) -> Message:
        """Map the next frame, as `map_frame` does."""
        return map_frame(frame.text, frame.direction, frame.ts_ns, self._sent)


def map_frame(frame: str | bytes, direction: Direction, recv_ts_ns: int, sent: SentRequests | None = None) -> Message:
    """Map a frame to a message.

    Parameters
    ----------
    frame : str or bytes
        The frame as it came or went, whatever it holds: this never raises.
    direction : {"recv", "send"}
        A sent frame is a request (NEW) or a HEARTBEAT, and has neither the venue's clock nor its sequence.
    recv_ts_ns : int
        When it arrived or left, ns since the epoch; handed through.
    sent : SentRequests, optional
        What the same connection has sent before; without it, a frame stands for itself.

    Returns
    -------
    Message
        Text that is neither JSON nor FIX is OTHER, unless it is a bare ping or pong. A received data event has no
        request_id: the ids in it name trades and orders. What FIX sends to keep the session is OTHER, too.
    """
    payload = frame.encode("utf-8", "surrogatepass") if isinstance(frame, str) else frame
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError:
        fields = parse_fix(payload) if payload.startswith(BEGIN) else None
        if fields is not None:
            sent = SentRequests() if sent is None else sent
            return _map_fix(fields, direction, recv_ts_ns, len(payload), sent)
        return Message(recv_ts_ns, MISSING, text_type(payload), MISSING, MISSING, len(payload))
    received = direction == "recv"
    layers = to_layers(body)
    msg_type = body_type(body, layers, received=received)
    return Message(
        recv_ts_ns,
        _first(layers, _times, to_epoch_ns) if received else MISSING,
        msg_type,
        _seq(body, layers) if received else MISSING,
        _first(layers, _request_ids, to_request_id) if not received or msg_type in _LINKED else MISSING,
        len(payload),
    )


def _map_fix(fields: Fields, direction: Direction, recv_ts_ns: int, n_bytes: int, sent: SentRequests) -> Message:
    received = direction == "recv"
    msg_type = fix_type(fields, received=received)
    request_id = MISSING
    if received and msg_type in (ACK, NACK):
        request_id = sent.answered(fields)
    elif not received and msg_type is NEW:
        request_id = sent.take(fields)
    time_ns, seq = (fix_time_ns(fields), fix_seq(fields)) if received else (MISSING, MISSING)
    return Message(recv_ts_ns, time_ns, msg_type, seq, request_id, n_bytes)


def _seq(body: object, layers: list[Layer]) -> int:
    seq = _first(layers, _seqs, to_int64)
    if seq == MISSING and type(body) is list:  # [channel, sequence, data]
        numbers = [part for part in body[:FIRST_PARTS] if type(part) is int]
        return to_int64(numbers[1]) if len(numbers) > 1 else MISSING
    return seq


def _first(layers: list[Layer], keys_of: Callable[[Shape], tuple[str, ...]], read: Callable[[object], int]) -> int:
    """Read the first value, from outside in and then by rank of its key, that is readable."""
    for fields, shape in layers:
        for key in keys_of(shape):
            number = read(fields[key])
            if number != MISSING:
                return number
    return MISSING

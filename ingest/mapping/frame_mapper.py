"""One frame of any venue to one message, by the vocabulary that venues share; blind to the venue."""

from __future__ import annotations

import ast
import logging
from typing import Final, NamedTuple

import orjson

from ingest.frame import Direction, Frame
from ingest.mapping.array_frames import ArrayCounter, array_numbers
from ingest.mapping.binary_formats import name_binary
from ingest.mapping.envelopes import Opened, open_envelope, telling
from ingest.mapping.fix_messages import BEGIN, Fields, SentRequests, fix_seq, fix_time_ns, fix_type, parse_fix
from ingest.mapping.kinds import ACK, HEARTBEAT, NACK, NEW, OTHER, body_type, text_type
from ingest.mapping.layers import Layer, Shape, read_text, to_layers
from ingest.mapping.values import exact_epoch_ns, exact_request_id, to_epoch_ns, to_int64
from udfs.schema import MISSING, MsgType

_log = logging.getLogger(__name__)

_LINKED: Final = frozenset({ACK, NACK, HEARTBEAT})
"""Received frames whose id is a request's; in data, ids name trades and orders."""

_BYTES_BEGIN: Final = (b"b'", b'b"')
"""How a binary frame that is no text begins once it was written as text."""

_LEAST_OF_TEXT: Final = 9
"""The tabulator; no text has a character before it."""

_SHOWN: Final = 60
_MOST_ASKED: Final = 4096


class Message(NamedTuple):
    """The columns of one message, as in `udfs.schema.Session`; `MISSING` for NULL."""

    recv_ts_ns: int
    exchange_ts_ns: int
    msg_type: MsgType
    seq: int
    request_id: int
    payload_bytes: int
    prev_seq: int = MISSING


class Memory:
    """What recurs in a connection, and what a frame may mean because of it."""

    def __init__(self, connection_id: str = "") -> None:
        self.connection_id = connection_id
        self.sent = SentRequests()
        self.array_counter = ArrayCounter()
        self.asked: set[int] = set()
        """Ids of the requests that were sent and have no answer yet."""
        self.passed_over: set[str] = set()
        """Keys of counters that stood beside another one, which is taken: alone they count the same other thing."""
        self._has_warned = False

    def take_request(self, request_id: int, *, received: bool) -> None:
        """Note that a request was sent, or that it was answered."""
        if received:
            self.asked.discard(request_id)
        elif len(self.asked) < _MOST_ASKED:
            self.asked.add(request_id)

    def warn(self, payload: bytes, data: bytes | None) -> None:
        """Say once that a frame was not understood."""
        if self._has_warned:
            return
        self._has_warned = True
        if data is None and min(payload) < _LEAST_OF_TEXT:
            data = payload  # binary, though it is UTF-8
        shown = repr(payload[:_SHOWN].decode("utf-8", "replace"))
        what = shown if data is None else f"{len(data)} bytes that look like {name_binary(data)}"
        _log.warning(
            "%s: a frame is neither JSON nor FIX (%s): it and others like it count as OTHER, by their size alone",
            self.connection_id or "a connection",
            what,
        )


class FrameMapper:
    """Maps the frames of one connection, one after the other: some only mean something beside others.

    Parameters
    ----------
    connection_id : str
        For the warning that a frame is not understood, which each connection gives once.
    """

    def __init__(self, connection_id: str = "") -> None:
        self._memory = Memory(connection_id)

    def to_message(self, frame: Frame) -> Message:
        """Map the next frame, as `map_frame` does."""
        return map_frame(frame.text, frame.direction, frame.ts_ns, self._memory)


def map_frame(frame: str | bytes, direction: Direction, recv_ts_ns: int, memory: Memory | None = None) -> Message:
    """Map a frame to a message.

    Parameters
    ----------
    frame : str or bytes
        The frame as it came or went, whatever it holds: this never raises.
    direction : {"recv", "send"}
        A sent frame is a request (NEW) or a HEARTBEAT, and has neither the venue's clock nor its sequence.
    recv_ts_ns : int
        When it arrived or left, ns since the epoch; handed through.
    memory : Memory, optional
        Of the same connection; without it, a frame stands for itself.

    Returns
    -------
    Message
        Text that is neither JSON nor FIX, nor JSON in an envelope that is known, is OTHER, unless it is a bare ping or
        pong. A received data event has no request_id: the ids in it name trades and orders. What FIX sends to keep the
        session is OTHER, too. The size of binary data is that of the frame, not of what they are written as.
    """
    payload = frame.encode("utf-8", "surrogatepass") if isinstance(frame, str) else frame
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return _map_other(payload, direction, recv_ts_ns, memory)
    if type(body) is str:
        body = read_text(body)
    return _map_body(body, payload, direction, recv_ts_ns, memory)


def _map_body(body: object, payload: bytes, direction: Direction, recv_ts_ns: int, memory: Memory | None) -> Message:
    received = direction == "recv"
    layers = to_layers(body)
    msg_type = body_type(body, layers, received=received, asked=() if memory is None else memory.asked)
    seq = prev_seq = time_ns = MISSING
    if received:
        time_ns = _time_ns(layers, payload)
        seq, prev_seq = _seq(layers, memory)
        if type(body) is list:
            seq, time_ns = _beside_payload(body, recv_ts_ns, memory, seq, time_ns)
    request_id = _request_id(layers, payload) if not received or msg_type in _LINKED else MISSING
    if request_id != MISSING and memory is not None:
        memory.take_request(request_id, received=received)
    return Message(recv_ts_ns, time_ns, msg_type, seq, request_id, len(payload), prev_seq)


def _map_other(payload: bytes, direction: Direction, recv_ts_ns: int, memory: Memory | None) -> Message:
    """Map a frame that is no plain JSON."""
    fields = parse_fix(payload) if payload.startswith(BEGIN) else None
    if fields is not None:
        return _map_fix(fields, direction, recv_ts_ns, len(payload), SentRequests() if memory is None else memory.sent)
    data = _binary(payload)
    opened = open_envelope(payload) if data is None else None
    if opened is not None:
        return _map_opened(opened, payload, direction, recv_ts_ns, memory)
    msg_type = text_type(payload)
    if msg_type is OTHER and memory is not None and direction == "recv" and payload:
        memory.warn(payload, data)
    return Message(recv_ts_ns, MISSING, msg_type, MISSING, MISSING, len(payload if data is None else data))


def _map_opened(
    opened: Opened, payload: bytes, direction: Direction, recv_ts_ns: int, memory: Memory | None
) -> Message:
    """Map what an envelope holds: of several messages the one that tells most, of equals the first."""
    mapped = [_map_body(body, payload, direction, recv_ts_ns, memory) for body in opened.bodies]
    message = min(mapped, key=lambda one: telling(one.msg_type), default=None)
    if message is None:
        message = Message(recv_ts_ns, MISSING, OTHER, MISSING, MISSING, len(payload))
    if opened.msg_type is not None and not (opened.msg_type is ACK and message.msg_type is NACK):
        is_request = direction == "send" and opened.msg_type is not HEARTBEAT
        message = message._replace(msg_type=NEW if is_request else opened.msg_type)
    if opened.request_id != MISSING and (direction == "send" or message.msg_type in _LINKED):
        message = message._replace(request_id=opened.request_id)
    return message


def _binary(payload: bytes) -> bytes | None:
    """Read the bytes of a binary frame that was written as text; None for any other frame."""
    if not payload.startswith(_BYTES_BEGIN):
        return None
    try:
        data = ast.literal_eval(payload.decode("ascii"))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return data if type(data) is bytes else None


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


def _time_ns(layers: list[Layer], payload: bytes) -> int:
    """Read the first time, from outside in and then by rank of its key, that is readable."""
    for fields, shape in layers:
        for key in shape.times:
            value = fields[key]
            time_ns = exact_epoch_ns(value, payload) if type(value) is float else to_epoch_ns(value)
            if time_ns != MISSING:
                return time_ns
    return MISSING


def _request_id(layers: list[Layer], payload: bytes) -> int:
    for fields, shape in layers:
        for key in shape.request_ids:
            request_id = exact_request_id(fields[key], key, payload)
            if request_id != MISSING:
                return request_id
    return MISSING


def _seq(layers: list[Layer], memory: Memory | None) -> tuple[int, int]:
    """Read the counter that names its predecessor, and that; else the outermost one, of those the first by rank."""
    found = MISSING
    for fields, shape in layers:
        if shape.chain is not None:
            number = to_int64(fields[shape.chain.last])
            if number != MISSING:
                return _link(number, to_int64(fields[shape.chain.before]), is_range=shape.chain.is_range)
        if found == MISSING and shape.seqs:
            found = _first_seq(fields, shape, memory)
    return found, MISSING


def _link(last: int, before: int, *, is_range: bool) -> tuple[int, int]:
    """Read the number that a message continues: beside the first of a range it is the one below."""
    if before == MISSING or is_range:
        return last, before - 1 if before > MISSING + 1 else MISSING
    return (MISSING, MISSING) if before == last else (last, before)


def _first_seq(fields: dict[str, object], shape: Shape, memory: Memory | None) -> int:
    for n, key in enumerate(shape.seqs):
        number = to_int64(fields[key])
        if number == MISSING:
            continue
        if memory is not None:
            if len(shape.seqs) > 1:
                memory.passed_over.update(shape.seqs[n + 1 :])
            elif key in memory.passed_over:
                return MISSING
        return number
    return MISSING


def _beside_payload(
    body: list[object], recv_ts_ns: int, memory: Memory | None, seq: int, time_ns: int
) -> tuple[int, int]:
    """Read what an array has beside its payload, where the payload's objects have said nothing."""
    if not body or type(body[0]) is not int:
        return seq, time_ns
    beside, beside_ns = array_numbers(body, recv_ts_ns)
    if beside != MISSING and memory is not None:
        beside = memory.array_counter.take(body[0], beside)
    return beside if seq == MISSING else seq, beside_ns if time_ns == MISSING else time_ns

"""One frame of any venue to one message, by the vocabulary that venues share; blind to the venue."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

import orjson

from ingest import vocabulary as words
from ingest.values import to_epoch_ns, to_int64, to_request_id
from udfs.schema import MISSING, MsgType

Direction = Literal["recv", "send"]

_LONGEST_NAME: Final = 64
"""Longer values are no names, and must not fill the caches."""

_WRAPPERS_DEEP: Final = 2
"""An envelope in an envelope, as JSON-RPC notifications have; deeper fields belong to single items."""

_ARRAY_PARTS: Final = 4
"""What tells an array frame's kind stands among its first items."""

_LINKED: Final = (MsgType.ACK, MsgType.NACK, MsgType.HEARTBEAT)
"""Received frames whose id is a request's; in data, ids name trades and orders."""

_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_TOPIC_PART: Final = re.compile(r"[.:/]")

_MEANINGS: Final = (
    (words.HEARTBEAT_WORDS, MsgType.HEARTBEAT),
    (words.NACK_WORDS, MsgType.NACK),
    (words.ACK_WORDS, MsgType.ACK),
    (words.OTHER_WORDS, MsgType.OTHER),
)

_Object = dict[str, Any]


class Message(NamedTuple):
    """The columns of one message, as in `udfs.schema.Session`; `MISSING` for NULL."""

    recv_ts_ns: int
    exchange_ts_ns: int
    msg_type: MsgType
    seq: int
    request_id: int
    payload_bytes: int


def map_frame(frame: str | bytes, direction: Direction, recv_ts_ns: int) -> Message:
    """Map a frame to a message.

    Parameters
    ----------
    frame : str or bytes
        The frame as it came or went, whatever it holds: this never raises.
    direction : {"recv", "send"}
        A sent frame is a request (NEW) or a HEARTBEAT, and has neither the venue's clock nor its sequence.
    recv_ts_ns : int
        When it arrived or left, ns since the epoch; handed through.

    Returns
    -------
    Message
        Text that is not JSON is OTHER, unless it is a bare ping or pong. A received data event has no request_id:
        the ids in it name trades and orders.
    """
    payload = frame.encode("utf-8", "surrogatepass") if isinstance(frame, str) else frame
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return Message(recv_ts_ns, MISSING, _text_type(payload), MISSING, MISSING, len(payload))
    received = direction == "recv"
    msg_type = _msg_type(body, received)
    layers = _layers(body)
    return Message(
        recv_ts_ns,
        _first(layers, words.TIME_KEYS, to_epoch_ns) if received else MISSING,
        msg_type,
        _seq(body, layers) if received else MISSING,
        _first(layers, words.REQUEST_ID_KEYS, to_request_id) if not received or msg_type in _LINKED else MISSING,
        len(payload),
    )


def _text_type(text: bytes) -> MsgType:
    word = text[:_LONGEST_NAME].strip().lower().decode("ascii", "replace")
    return MsgType.HEARTBEAT if word in words.HEARTBEAT_WORDS else MsgType.OTHER


def _msg_type(body: object, received: bool) -> MsgType:
    if type(body) is dict:
        named = _named(body)
        if named is MsgType.HEARTBEAT:
            return named
        return _received_type(body, named) if received else MsgType.NEW
    if type(body) is list:
        msg_type = _array_type(body)
        return msg_type if received or msg_type is MsgType.HEARTBEAT else MsgType.NEW
    return _text_type(body.encode()) if type(body) is str else MsgType.OTHER


def _array_type(items: list[Any]) -> MsgType:
    """Tell `[channel, "hb"]`, and `[channel]` with nothing to say, from `[channel, ..., [data] or {data}, ...]`."""
    parts = items[:_ARRAY_PARTS]
    if any(type(part) is str and part in words.HEARTBEAT_WORDS for part in parts):
        return MsgType.HEARTBEAT
    if any(type(part) in (list, dict) for part in parts):
        return MsgType.NEW
    return MsgType.HEARTBEAT if len(items) <= 1 else MsgType.OTHER


def _named(body: _Object) -> MsgType | None:
    """Read what an object calls itself: by its verb, else by its topic; an empty one only shows that the line lives."""
    if not body or not words.HEARTBEAT_KEYS.isdisjoint(body):
        return MsgType.HEARTBEAT
    return _meaning(body, words.VERB_KEYS, _verb_meaning) or _meaning(body, words.TOPIC_KEYS, _topic_meaning)


def _meaning(body: _Object, keys: tuple[str, ...], read: Callable[[str], MsgType | None]) -> MsgType | None:
    for key in keys:
        value = body.get(key)
        if type(value) is str and len(value) <= _LONGEST_NAME:
            found = read(value)
            if found is not None:
                return found
    return None


@lru_cache(maxsize=4096)
def _verb_meaning(verb: str) -> MsgType | None:
    parts = {word.lower() for word in _WORD.findall(verb)}
    return next((meaning for vocabulary, meaning in _MEANINGS if parts & vocabulary), None)


@lru_cache(maxsize=4096)
def _topic_meaning(topic: str) -> MsgType | None:
    tail = _TOPIC_PART.split(topic)[-1]
    return _verb_meaning(tail) if tail.isalpha() else None


def _received_type(body: _Object, named: MsgType | None) -> MsgType:
    outcome = MsgType.NACK if named is MsgType.NACK else _outcome(body)
    if outcome is not None:
        return outcome
    if named is MsgType.OTHER:
        return named
    if not _notifies(body):
        if not _code_is_yes(body):
            return MsgType.NACK
        if named is MsgType.ACK or _answers(body):
            return MsgType.ACK
    tells = any(body[key] for key in body.keys() & words.DATA_KEYS)
    return MsgType.NEW if tells else MsgType.OTHER


def _outcome(body: _Object) -> MsgType | None:
    """Read an explicit yes, no or "I am up"; None where the frame states none."""
    if body.get("error"):
        return MsgType.NACK
    for key in words.STATUS_KEYS:
        value = body.get(key)
        if type(value) is bool:
            return MsgType.ACK if value else MsgType.NACK
        if type(value) is str and value.lower() in words.STATUS_MEANINGS:
            return words.STATUS_MEANINGS[value.lower()]
        if type(value) is int and words.HTTP_OK <= value < words.HTTP_END:
            return MsgType.ACK if value < words.HTTP_NO else MsgType.NACK
    return None


def _notifies(body: _Object) -> bool:
    """Tell the frames that look like answers but come unasked: JSON-RPC notifications, and id -1."""
    return ("method" in body and "params" in body) or body.get("id") == -1


def _code_is_yes(body: _Object) -> bool:
    for key in body.keys() & words.CODE_KEYS:
        code = to_int64(body[key])
        if code != MISSING:
            return code in words.CODES_YES
    return True


def _answers(body: _Object) -> bool:
    if not words.ANSWER_KEYS.isdisjoint(body):
        return True
    numbered = body.get("id") is not None or body.get("I") is not None
    return numbered and not words.RESULT_KEYS.isdisjoint(body)


def _layers(body: object) -> list[_Object]:
    """List the objects whose fields describe the message: the frame, then its payload, from outside in."""
    if type(body) is list:
        return [part for part in body[:_ARRAY_PARTS] if type(part) is dict]
    layers: list[_Object] = []
    layer = body
    while type(layer) is dict and len(layers) <= _WRAPPERS_DEEP:
        layers.append(layer)
        layer = _payload(layer)
    return layers


def _payload(layer: _Object) -> object:
    for key in words.WRAPPER_KEYS:
        value = layer.get(key)
        if type(value) is list and value:
            value = value[0]
        if type(value) is dict:
            return value
    return None


def _seq(body: object, layers: list[_Object]) -> int:
    seq = _first(layers, words.SEQ_KEYS, to_int64)
    if seq == MISSING and type(body) is list:  # [channel, sequence, data]
        numbers = [part for part in body[:_ARRAY_PARTS] if type(part) is int]
        return to_int64(numbers[1]) if len(numbers) > 1 else MISSING
    return seq


def _first(layers: list[_Object], keys: tuple[str, ...], read: Callable[[object], int]) -> int:
    """Read the first key, from outside in and then by rank, whose value is readable."""
    for layer in layers:
        for key in keys:
            if key in layer:
                number = read(layer[key])
                if number != MISSING:
                    return number
    return MISSING

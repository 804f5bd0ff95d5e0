"""What a frame is: request, data, yes, no, heartbeat or something else, by the words that venues share."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from ingest.mapping import vocabulary as words
from ingest.mapping.layers import FIRST_PARTS, Layer, Shape
from ingest.mapping.values import to_int64
from udfs.schema import MISSING, MsgType

NEW, ACK, NACK, HEARTBEAT, OTHER = MsgType
"""Python 3.11 takes 0.1 µs to look a member up in its class, and a frame needs a dozen."""

_LONGEST_NAME: Final = 64
"""Longer values are no names, and must not fill the caches."""

_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_TOPIC_PART: Final = re.compile(r"[.:/]")

_MEANINGS: Final = (
    (words.HEARTBEAT_WORDS, HEARTBEAT),
    (words.NACK_WORDS, NACK),
    (words.ACK_WORDS, ACK),
    (words.OTHER_WORDS, OTHER),
)


def text_type(text: bytes) -> MsgType:
    """Tell what a frame of bare text is: a HEARTBEAT if it is a single such word, else OTHER."""
    word = text[:_LONGEST_NAME].strip().lower().decode("ascii", "replace")
    return HEARTBEAT if word in words.HEARTBEAT_WORDS else OTHER


def body_type(body: object, layers: list[Layer], *, received: bool) -> MsgType:
    """Tell what a JSON frame is.

    Parameters
    ----------
    body : object
        The frame, parsed.
    layers : list of Layer
        Its objects, from `ingest.mapping.layers.to_layers`.
    received : bool
        What was sent is a request, unless it is a heartbeat.
    """
    if type(body) is dict:
        return _object_type(layers, received=received)
    if type(body) is list:
        msg_type = _array_type(body[:FIRST_PARTS])
        return msg_type if received or msg_type is HEARTBEAT else NEW
    return text_type(body.encode()) if type(body) is str else OTHER


def _array_type(parts: list[Any]) -> MsgType:
    """Tell `[channel, "hb"]`, and `[channel]` with nothing to say, from `[channel, ..., [data] or {data}, ...]`."""
    if any(type(part) is str and part in words.HEARTBEAT_WORDS for part in parts):
        return HEARTBEAT
    for part in parts:
        if type(part) is list or type(part) is dict:
            return NEW
    return HEARTBEAT if len(parts) <= 1 else OTHER


def _object_type(layers: list[Layer], *, received: bool) -> MsgType:
    fields, shape = layers[0]
    named = HEARTBEAT if shape.heartbeat else _named(fields, shape)
    if named is HEARTBEAT:
        return HEARTBEAT
    if not received:
        return NEW
    answer = _answer_type(fields, shape, named) if named is not None or shape.may_answer else None
    return _told_type(layers) if answer is None else answer


def _named(fields: dict[str, Any], shape: Shape) -> MsgType | None:
    """Read what a frame calls itself: by its verb, else by its topic."""
    for keys, read in ((shape.verbs, _verb_meaning), (shape.topics, _topic_meaning)):
        for key in keys:
            value = fields[key]
            named = read(value) if type(value) is str and len(value) <= _LONGEST_NAME else None
            if named is not None:
                return named
    return None


@lru_cache(maxsize=4096)
def _verb_meaning(verb: str) -> MsgType | None:
    parts = {word.lower() for word in _WORD.findall(verb)}
    return next((meaning for vocabulary, meaning in _MEANINGS if parts & vocabulary), None)


@lru_cache(maxsize=4096)
def _topic_meaning(topic: str) -> MsgType | None:
    tail = _TOPIC_PART.split(topic)[-1]
    return _verb_meaning(tail) if tail.isalpha() else None


def _answer_type(fields: dict[str, Any], shape: Shape, named: MsgType | None) -> MsgType | None:
    """Tell a yes from a no; None for what comes unasked."""
    outcome = NACK if named is NACK else _outcome(fields, shape)
    if outcome is not None:
        return outcome
    if named is OTHER:
        return OTHER
    if shape.notifies or fields.get("id") == words.NO_REQUEST:
        return None
    if not _code_is_yes(fields, shape):
        return NACK
    return ACK if named is ACK or shape.answers else None


def _outcome(fields: dict[str, Any], shape: Shape) -> MsgType | None:
    """Read an explicit yes, no or "I am up"; None where the frame states none."""
    for key in shape.outcomes:
        value = fields[key]
        if key in ("error", "Error"):
            if value:
                return NACK
        elif type(value) is bool:
            return ACK if value else NACK
        elif type(value) is str and value.lower() in words.STATUS_MEANINGS:
            return words.STATUS_MEANINGS[value.lower()]
        elif type(value) is int and words.HTTP_OK <= value < words.HTTP_END:
            return ACK if value < words.HTTP_NO else NACK
    return None


def _code_is_yes(fields: dict[str, Any], shape: Shape) -> bool:
    codes = (to_int64(fields[key]) for key in shape.codes)
    return next((code in words.CODES_YES for code in codes if code != MISSING), True)


def _told_type(layers: list[Layer]) -> MsgType:
    """Tell data from a frame that tells nothing of a market or an account: empty values tell nothing."""
    for fields, shape in layers:
        for key in shape.data:
            if fields[key]:
                return NEW
    return OTHER

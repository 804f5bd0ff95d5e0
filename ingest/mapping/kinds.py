"""What a frame is: request, data, yes, no, heartbeat or something else, by the words that venues share.

Words and codes tell answers, amounts tell data: a frame that shows amounts and answers no request is data, whatever
a field of it is called.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any, Final

from ingest.mapping import vocabulary as words
from ingest.mapping.layers import FIRST_PARTS, Layer, Shape, is_nested, normal_key
from ingest.mapping.quantities import is_amount, shows_own_quantity, shows_quantity
from ingest.mapping.values import to_int64, to_request_id
from udfs.schema import MISSING, MsgType

NEW, ACK, NACK, HEARTBEAT, OTHER = MsgType
"""Python 3.11 takes 0.1 µs to look a member up in its class, and a frame needs a dozen."""

_LONGEST_NAME: Final = 64
"""Longer values are no names, and must not fill the caches."""

_LONGEST_TEXT: Final = 500
_LEAST_OF_NOTICE: Final = 3
_LEAST_CODE: Final = 3
"""Fewer digits are a state's number, no code."""

_MOST_AMOUNTS: Final = 64
_LEAST_SCALARS: Final = 3
"""An array of so many whole numbers beside its channel is data."""

_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_TOPIC_PART: Final = re.compile(r"[.:/]")

_MEANINGS: Final = (
    (words.HEARTBEAT_WORDS, HEARTBEAT),
    (words.NACK_WORDS, NACK),
    (words.ACK_WORDS, ACK),
    (words.OTHER_WORDS, OTHER),
)


def text_type(text: bytes) -> MsgType:
    """Tell what a frame of bare text is: a HEARTBEAT if it is a single such word, or a line's end, else OTHER."""
    word = text[:_LONGEST_NAME].strip().decode("ascii", "replace")
    return HEARTBEAT if normal_key(word.lower()) in words.HEARTBEAT_WORDS or text in words.ENDS_OF_LINE else OTHER


def body_type(body: object, layers: list[Layer], *, received: bool, asked: Collection[int] = ()) -> MsgType:
    """Tell what a JSON frame is.

    Parameters
    ----------
    body : object
        The frame, parsed.
    layers : list of Layer
        Its objects, from `ingest.mapping.layers.to_layers`.
    received : bool
        What was sent is a request, unless it is a heartbeat.
    asked : collection of int
        The ids of requests that were sent and have no answer yet, where the connection's requests are known.
    """
    if type(body) is dict:
        return _object_type(layers, received=received, asked=asked)
    if type(body) is list:
        msg_type = _array_type(body, layers)
        return msg_type if received or msg_type is HEARTBEAT else NEW
    if type(body) is str:
        return text_type(body.encode("utf-8", "surrogatepass")) if body else HEARTBEAT
    return _packet_type(body) if type(body) is int else OTHER


def _packet_type(number: int) -> MsgType:
    """Read a frame that is one digit: a ping or a pong of Engine.IO."""
    return HEARTBEAT if number in words.PACKETS_ALIVE else OTHER


def _array_type(body: list[Any], layers: list[Layer]) -> MsgType:
    """Tell `[channel, "hb"]`, and `[channel]` with nothing to say, from `[channel, ..., [data] or {data}, ...]`."""
    if len(body) == 1 and is_nested(body):
        return _array_type(body[0], layers)
    parts = body[:FIRST_PARTS]
    texts = [part for part in parts if type(part) is str]
    if not words.HEARTBEAT_WORDS.isdisjoint(texts):
        return HEARTBEAT
    for n, part in enumerate(parts):
        if type(part) is dict:
            names = [name for name in parts[:n] if type(name) is str]
            return _part_type(layers[0], names[-1] if names else "")
        if type(part) is list:
            notice = _notice_type(part) if part and type(part[-1]) is str else None
            return notice or (NEW if part or len(body) > 1 else OTHER)
    if len(body) == 1 and type(body[0]) is int:
        return HEARTBEAT
    if any(is_amount(part) for part in body[:_MOST_AMOUNTS]) or (not texts and len(body) > _LEAST_SCALARS):
        return NEW
    return (_named_by(texts[0]) if texts else None) or OTHER


def _notice_type(payload: list[Any]) -> MsgType | None:
    """Read what an array of an order or a request ends with: `..., "ERROR", "Invalid order."]`."""
    word = payload[-2] if len(payload) >= _LEAST_OF_NOTICE else None
    return words.STATUS_MEANINGS.get(word.lower()) if type(word) is str else None


def _part_type(layer: Layer, name: str) -> MsgType:
    """Tell an answer or news of the venue that stands in an array, perhaps behind the name of an event, from data."""
    fields, shape = layer
    named = _named_by(name)
    if not fields:
        return named or OTHER
    if shape.is_market:
        return NEW
    if named is not None and not shows_quantity(fields):
        return named
    control = _control_type([layer])
    return NEW if control is None else control


def _object_type(layers: list[Layer], *, received: bool, asked: Collection[int]) -> MsgType:
    fields, shape = layers[0]
    named = HEARTBEAT if shape.heartbeat else _named(fields, shape)
    if named is HEARTBEAT:
        return HEARTBEAT
    if not received:
        return NEW
    if named is not None or shape.may_answer or (asked and _is_asked(fields, shape, asked)):
        answer = _judged(layers, named, asked)
        if answer is not None:
            return answer
    elif len(layers) > 1 and not layers[1][1].is_market:
        control = _control_type(layers[1:])
        if control is not None:
            return control
    return _told_type(layers)


def _named_by(text: str) -> MsgType | None:
    return _verb_meaning(text) if len(text) <= _LONGEST_NAME else None


def _control_type(layers: list[Layer]) -> MsgType | None:
    """Tell what an object in an envelope or an array is, if it is no data."""
    fields, shape = layers[0]
    if shape.heartbeat:
        return HEARTBEAT if fields and not shows_quantity(fields) else None
    named = _named(fields, shape)
    answer = None
    if named is not None or shape.may_answer:
        answer = named if named is HEARTBEAT else _judged(layers, named)
    if answer is None:
        return _spoken_type(fields, shape) if shape.speaks else None
    return None if answer is not NACK and shows_quantity(fields) else answer


def _spoken_type(fields: dict[str, Any], shape: Shape) -> MsgType | None:
    """Tell a refusal or a greeting from an object that holds nothing but words."""
    if _says_no(fields, shape):
        return NACK
    values = (fields[key] for key in shape.outcomes)
    is_state = any(type(value) is str and _named_by(value) is OTHER for value in values)
    return OTHER if is_state or _greets(fields, shape) else None


def _named(fields: dict[str, Any], shape: Shape) -> MsgType | None:
    """Read what a frame calls itself: by its verb, else by its topic."""
    for key in shape.verbs:
        value = fields[key]
        named = _verb_meaning(value) if type(value) is str and len(value) <= _LONGEST_NAME else None
        if named is not None:
            return named
    for key in shape.short_verbs:
        value = fields[key]
        named = _short_meaning(value) if type(value) is str and len(value) <= _LONGEST_NAME else None
        if named is not None:
            return named
    for key in shape.topics:
        value = fields[key]
        named = _topic_meaning(value) if type(value) is str and len(value) <= _LONGEST_NAME else None
        if named is not None:
            return named
    return None


@lru_cache(maxsize=4096)
def _verb_meaning(verb: str) -> MsgType | None:
    parts = {word.lower() for word in _WORD.findall(verb)} | {normal_key(verb.lower())}
    return next((meaning for vocabulary, meaning in _MEANINGS if parts & vocabulary), None)


@lru_cache(maxsize=4096)
def _short_meaning(verb: str) -> MsgType | None:
    """Read the value of a key that data have, too: account events are called `listStatus`."""
    meaning = _verb_meaning(verb)
    is_status = meaning is OTHER and verb.lower() != "status" and "status" in verb.lower()
    return None if is_status or not re.fullmatch(r"[A-Za-z_.:-]+", verb) else meaning


@lru_cache(maxsize=4096)
def _topic_meaning(topic: str) -> MsgType | None:
    tail = _TOPIC_PART.split(topic)[-1]
    return _verb_meaning(tail) if tail.isalpha() else None


def _is_asked(fields: dict[str, Any], shape: Shape, asked: Collection[int]) -> bool:
    return any(to_request_id(fields[key]) in asked for key in shape.ids)


def _judged(layers: list[Layer], named: MsgType | None, asked: Collection[int] = ()) -> MsgType | None:
    """Tell a yes from a no; None for what comes unasked, and for data that only look like an answer."""
    fields, shape = layers[0]
    is_asked = bool(asked) and _is_asked(fields, shape, asked)
    answer = _answer_type(fields, shape, named, is_asked=is_asked)
    if answer is OTHER and any(shows_own_quantity(layer[0]) for layer in layers[:2]):
        return None
    if answer is None or answer is OTHER or answer is HEARTBEAT:
        return answer
    is_answer = named is ACK or named is NACK or is_asked or _is_linked(fields, shape)
    if not is_answer and _are_amounts(layers, answer):
        return None
    if answer is NACK:
        return NACK
    if any(_refuses(*layer) for layer in layers[:2]):
        return NACK
    if any(_answers_ping(*layer) for layer in layers[:2]):
        return HEARTBEAT
    return OTHER if _is_greeting(fields, shape, named) else ACK


def _answer_type(fields: dict[str, Any], shape: Shape, named: MsgType | None, *, is_asked: bool) -> MsgType | None:
    """Read what a frame says of itself: by its name, its outcome, its code."""
    outcome = NACK if named is NACK else _outcome(fields, shape)
    if outcome is not None:
        return outcome
    if named is OTHER:
        return OTHER
    if shape.notifies or fields.get("id") == words.NO_REQUEST:
        return None
    if not _code_is_yes(fields, shape) or (shape.codes and _says_no(fields, shape)):
        return NACK
    return ACK if named is ACK or shape.answers or is_asked else None


def _outcome(fields: dict[str, Any], shape: Shape) -> MsgType | None:
    """Read an explicit yes, no or "I am up"; None where the frame states none."""
    for key in shape.outcomes:
        value = fields[key]
        if key.lower() in words.ERROR_KEYS:
            if value and not (type(value) is str and value.lower() in words.NO_ERRORS):
                return NACK
        elif type(value) is bool:
            return ACK if value else NACK
        elif type(value) is str:
            meaning = _status_meaning(value) if len(value) <= _LONGEST_NAME else None
            if meaning is not None:
                return meaning
        elif type(value) is int and words.HTTP_OK <= value < words.HTTP_END:
            return ACK if value < words.HTTP_NO else NACK
    return None


@lru_cache(maxsize=4096)
def _status_meaning(status: str) -> MsgType | None:
    """Read a word, the last of several, or the digits of a code, of which only zeros are a yes.

    >>> [meaning and meaning.name for meaning in map(_status_meaning, ("OK", "auth_failed", "5100", "0000", "online"))]
    ['ACK', 'NACK', 'NACK', 'ACK', None]
    """
    if len(status) >= _LEAST_CODE and status.isdecimal() and status.isascii():
        return ACK if int(status) in words.CODES_YES else NACK
    last = (_WORD.findall(status) or [""])[-1]
    return words.STATUS_MEANINGS.get(status.lower()) or words.STATUS_MEANINGS.get(last.lower())


def _code_is_yes(fields: dict[str, Any], shape: Shape) -> bool:
    codes = (to_int64(fields[key]) for key in shape.codes)
    return next((code in words.CODES_YES for code in codes if code != MISSING), True)


def _is_linked(fields: dict[str, Any], shape: Shape) -> bool:
    """Tell an answer that has the id of a request, and what it answers with, from an order that has its own."""
    has_id = any(fields[key] is not None for key in shape.ids)
    if not has_id or not (shape.results or shape.outcomes) or not _code_is_yes(fields, shape):
        return False
    return not shows_own_quantity({key: value for key, value in fields.items() if key not in shape.results})


def _are_amounts(layers: list[Layer], answer: MsgType) -> bool:
    """Tell data by the amounts that they show; a refusal with a text may repeat those of a request."""
    fields, shape = layers[0]
    return not (answer is NACK and texts_of(fields, shape)) and shows_quantity(fields)


def _refuses(fields: dict[str, Any], shape: Shape) -> bool:
    """Tell a no behind a yes: in words, by an outcome of its own, or by a list of what failed."""
    is_no = NACK in (_outcome(fields, shape), _named(fields, shape))
    if is_no or (shape.codes and not _code_is_yes(fields, shape)):
        return not shows_quantity(fields)
    if shape.answers and any(fields[key] is False for key in shape.results):
        return True
    return _says_no(fields, shape) or any(value and words.FAILED.match(key) for key, value in fields.items())


def _answers_ping(fields: dict[str, Any], shape: Shape) -> bool:
    says_so = any(text.lower() in words.PINGS for text in texts_of(fields, shape))
    return says_so or (shape.heartbeat and bool(fields))


def _says_no(fields: dict[str, Any], shape: Shape) -> bool:
    return any(
        words.REFUSAL.search(text) is not None and words.NO_REFUSAL.search(text) is None
        for text in texts_of(fields, shape)
    )


def _is_greeting(fields: dict[str, Any], shape: Shape, named: MsgType | None) -> bool:
    is_asked = (named is ACK and not shape.short_verbs) or bool(shape.ids)
    return not is_asked and _greets(fields, shape)


def _greets(fields: dict[str, Any], shape: Shape) -> bool:
    return any(words.GREETING.search(text) for text in texts_of(fields, shape))


def texts_of(fields: dict[str, Any], shape: Shape) -> list[str]:
    """List what an object says in words, each cut to `_LONGEST_TEXT`."""
    values = (fields[key] for key in shape.texts)
    return [value[:_LONGEST_TEXT] for value in values if type(value) is str and value]


def _told_type(layers: list[Layer]) -> MsgType:
    """Tell data from a frame that tells nothing of a market or an account: empty values tell nothing."""
    for fields, shape in layers:
        for key in shape.data:
            value = fields[key]
            if value:
                return NEW if type(value) is not str else words.STATUS_MEANINGS.get(value.lower(), NEW)
    fields, shape = layers[0]
    if shows_quantity(fields) or (shape.seqs and any(type(value) is dict and value for value in fields.values())):
        return NEW
    return NACK if _says_no(fields, shape) and not _greets(fields, shape) else OTHER

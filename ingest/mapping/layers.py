"""The objects of a frame, from its envelope to its payload, and which of their fields mean something."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from ingest.mapping import vocabulary as words

FIRST_PARTS: Final = 6
"""What tells an array frame's kind stands among its first items."""

_WRAPPERS_DEEP: Final = 2
"""An envelope in an envelope, as JSON-RPC notifications have; deeper fields belong to single items."""

_MOST_KEYS: Final = 64
"""Larger objects are maps of data, not fields of a message; they must not fill the cache."""

_OPENINGS: Final = ("{", "[")

_SHORT: Final = 2
"""In keys of one or two letters the case has a meaning."""


def normal_key(key: str) -> str:
    """Write a key without what venues write in several ways.

    >>> normal_key("Ret_Code"), normal_key("err-msg"), normal_key("E")
    ('retcode', 'errmsg', 'E')
    """
    return key if len(key) <= _SHORT else key.lower().replace("_", "").replace("-", "")


class Chain(NamedTuple):
    """A counter, and the key of what stands beside it."""

    last: str
    before: str
    is_range: bool


class Shape(NamedTuple):
    """The keys of an object that mean something, by what they mean; where the order counts, by rank."""

    heartbeat: bool
    may_answer: bool
    answers: bool
    notifies: bool
    is_market: bool
    speaks: bool
    verbs: tuple[str, ...]
    short_verbs: tuple[str, ...]
    topics: tuple[str, ...]
    outcomes: tuple[str, ...]
    codes: tuple[str, ...]
    texts: tuple[str, ...]
    results: tuple[str, ...]
    ids: tuple[str, ...]
    data: tuple[str, ...]
    wrappers: tuple[str, ...]
    text_wrappers: tuple[str, ...]
    chain: Chain | None
    seqs: tuple[str, ...]
    times: tuple[str, ...]
    request_ids: tuple[str, ...]


_SPEAKING: Final = frozenset(
    map(
        normal_key,
        (*words.VERB_KEYS, *words.OUTCOME_KEYS, *words.CODE_KEYS, *words.TEXT_KEYS, *words.ID_KEYS, *words.ANSWER_KEYS),
    )
)
"""Keys of objects that speak to the client, and hold nothing of a market."""

Layer = tuple[dict[str, Any], Shape]
"""An object of a frame and what its keys are."""


def to_layers(body: object) -> list[Layer]:
    """List the objects whose fields describe the message: the frame, then its payload, from outside in."""
    if type(body) is list:
        parts: list[Any] = body[0] if len(body) == 1 and is_nested(body) else body
        return [to_layers(part)[0] for part in parts[:FIRST_PARTS] if type(part) is dict]
    layers: list[Layer] = []
    while type(body) is dict:
        shape = _shape(tuple(body)) if len(body) <= _MOST_KEYS else _shape.__wrapped__(tuple(body))
        layers.append((body, shape))
        if len(layers) > _WRAPPERS_DEEP:
            break
        if shape.wrappers:
            body = _payload(body, shape.wrappers)
        elif shape.text_wrappers:
            body = _payload_text(body[shape.text_wrappers[0]])
        elif not (shape.seqs or shape.times):
            body = _only_object(body)
        else:
            break
    return layers


def is_nested(body: list[Any]) -> bool:
    """Tell an array that holds nothing but an array of objects.

    >>> is_nested([[{"event": "subscribed"}]]), is_nested([[1, 2]])
    (True, False)
    """
    return len(body) == 1 and type(body[0]) is list and bool(body[0]) and type(body[0][0]) is dict


def read_text(text: str) -> object:
    """Read JSON that was written as text into JSON once more; the text itself if it is none.

    >>> read_text('{"price":1.5}'), read_text("[trade]")
    ({'price': 1.5}, '[trade]')
    """
    if text[:1] in _OPENINGS:
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            pass
    return text


def _payload(fields: dict[str, Any], wrappers: tuple[str, ...]) -> object:
    for key in wrappers:
        value = fields[key]
        if type(value) is dict:
            return value
        if type(value) is list:
            if value and type(value[0]) is dict:
                return value[0]
            payload = _first_object(value)
        elif type(value) is str and value[:1] in _OPENINGS:
            payload = _payload_text(value)
        else:
            continue
        if payload is not None:
            return payload
    return None


def _payload_text(value: object) -> object:
    """Read an object, or the first of a list, that was written as text."""
    value = read_text(value) if type(value) is str else None
    return _first_object(value) if type(value) is list else value if type(value) is dict else None


def _only_object(fields: dict[str, Any]) -> object:
    """Find the payload of an envelope whose key is unknown: the only object, or list of objects, in it."""
    found = None
    for value in fields.values():
        if type(value) is list:
            value = _first_object(value)
        if type(value) is dict:
            if found is not None:
                return None
            found = value
    return found


def _first_object(items: list[Any]) -> object:
    if items and type(items[0]) is not list:
        for item in items[:FIRST_PARTS]:
            if type(item) is dict:
                return item
    return None


@lru_cache(maxsize=1024)
def _shape(keys: tuple[str, ...]) -> Shape:
    """Look every key up once per kind of frame, not once per frame: that is half of the mapper's time."""
    written = {normal_key(key): key for key in keys}

    def present(vocabulary: Iterable[str]) -> tuple[str, ...]:
        return tuple(written[key] for key in map(normal_key, vocabulary) if key in written)

    answers, codes, results, ids = map(present, (words.ANSWER_KEYS, words.CODE_KEYS, words.RESULT_KEYS, words.ID_KEYS))
    results += present(words.RESULT_BESIDE_ID_KEYS) if ids else ()
    outcomes, texts, chain = present(words.OUTCOME_KEYS), present(words.TEXT_KEYS), _chain(written)
    return Shape(
        heartbeat=not keys or bool(present(words.HEARTBEAT_KEYS)),
        may_answer=bool(outcomes or answers or codes or results),
        answers=bool(answers or (ids and results)),
        notifies="method" in keys and "params" in keys,
        speaks=bool(texts or outcomes) and _SPEAKING.issuperset(written),
        is_market=len(present(words.MARKET_KEYS)) >= words.MOST_MARKET_KEYS,
        verbs=present(words.VERB_KEYS),
        short_verbs=present(words.SHORT_VERB_KEYS),
        topics=present(words.TOPIC_KEYS),
        outcomes=outcomes,
        codes=codes,
        texts=texts,
        results=results,
        ids=(*ids, *answers),
        data=present(words.DATA_KEYS),
        wrappers=present(words.WRAPPER_KEYS),
        text_wrappers=present(words.TEXT_WRAPPER_KEYS),
        chain=chain,
        seqs=present(words.SEQ_KEYS),
        times=present(words.TIME_KEYS),
        request_ids=present(words.REQUEST_ID_KEYS),
    )


def _chain(written: dict[str, str]) -> Chain | None:
    """Find the counter whose predecessor, or else whose first number, stands beside it."""
    for counter in words.CHAINED:
        for before in words.PREDECESSORS:
            pair = normal_key(counter), normal_key(before + counter)
            if pair[0] in written and pair[1] in written:
                return Chain(written[pair[0]], written[pair[1]], is_range=False)
    for pairs, is_range in ((words.LAST_IDS, False), (words.RANGES, True)):
        for last, before in pairs:
            pair = normal_key(last), normal_key(before)
            if pair[0] in written and pair[1] in written:
                return Chain(written[pair[0]], written[pair[1]], is_range)
    return None

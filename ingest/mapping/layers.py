"""The objects of a frame, from its envelope to its payload, and which of their fields mean something."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ingest.mapping import vocabulary as words

FIRST_PARTS: Final = 6
"""What tells an array frame's kind stands among its first items."""

_WRAPPERS_DEEP: Final = 2
"""An envelope in an envelope, as JSON-RPC notifications have; deeper fields belong to single items."""

_MOST_KEYS: Final = 64
"""Larger objects are maps of data, not fields of a message; they must not fill the cache."""

_SHORT: Final = 2
"""In keys of one or two letters the case has a meaning."""


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
    chain: Chain | None
    seqs: tuple[str, ...]
    times: tuple[str, ...]
    request_ids: tuple[str, ...]


Layer = tuple[dict[str, Any], Shape]
"""An object of a frame and what its keys are."""


def to_layers(body: object) -> list[Layer]:
    """List the objects whose fields describe the message: the frame, then its payload, from outside in."""
    if type(body) is list:
        return [to_layers(part)[0] for part in body[:FIRST_PARTS] if type(part) is dict]
    layers: list[Layer] = []
    while type(body) is dict:
        shape = _shape(tuple(body)) if len(body) <= _MOST_KEYS else _shape.__wrapped__(tuple(body))
        layers.append((body, shape))
        if not shape.wrappers or len(layers) > _WRAPPERS_DEEP:
            break
        body = _payload(body, shape.wrappers)
    return layers


def normal_key(key: str) -> str:
    """Write a key without what venues write in several ways.

    >>> normal_key("Ret_Code"), normal_key("err-msg"), normal_key("E")
    ('retcode', 'errmsg', 'E')
    """
    return key if len(key) <= _SHORT else key.lower().replace("_", "").replace("-", "")


def _payload(fields: dict[str, Any], wrappers: tuple[str, ...]) -> object:
    for key in wrappers:
        value = fields[key]
        if type(value) is list and value:
            value = value[0]
        if type(value) is dict:
            return value
    return None


@lru_cache(maxsize=1024)
def _shape(keys: tuple[str, ...]) -> Shape:
    """Look every key up once per kind of frame, not once per frame: that is half of the mapper's time."""
    written = {normal_key(key): key for key in keys}

    def present(vocabulary: Iterable[str]) -> tuple[str, ...]:
        return tuple(written[key] for key in map(normal_key, vocabulary) if key in written)

    answers, codes, results, ids = map(present, (words.ANSWER_KEYS, words.CODE_KEYS, words.RESULT_KEYS, words.ID_KEYS))
    outcomes, chain = present(words.OUTCOME_KEYS), _chain(written)
    return Shape(
        heartbeat=not keys or bool(present(words.HEARTBEAT_KEYS)),
        may_answer=bool(outcomes or answers or codes or results),
        answers=bool(answers or (ids and results)),
        notifies="method" in keys and "params" in keys,
        is_market=len(present(words.MARKET_KEYS)) >= words.MOST_MARKET_KEYS,
        verbs=present(words.VERB_KEYS),
        short_verbs=present(words.SHORT_VERB_KEYS),
        topics=present(words.TOPIC_KEYS),
        outcomes=outcomes,
        codes=codes,
        texts=present(words.TEXT_KEYS),
        results=results,
        ids=(*ids, *answers),
        data=present(words.DATA_KEYS),
        wrappers=present(words.WRAPPER_KEYS),
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
    for pair in words.RANGES:
        last, first = map(normal_key, pair)
        if last in written and first in written:
            return Chain(written[last], written[first], is_range=True)
    return None

"""The objects of a frame, from its envelope to its payload, and which of their fields mean something."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ingest.mapping import vocabulary as words

FIRST_PARTS: Final = 4
"""What tells an array frame's kind stands among its first items."""

_WRAPPERS_DEEP: Final = 2
"""An envelope in an envelope, as JSON-RPC notifications have; deeper fields belong to single items."""

_MOST_KEYS: Final = 64
"""Larger objects are maps of data, not fields of a message; they must not fill the cache."""


class Shape(NamedTuple):
    """The keys of an object that mean something, by what they mean; where the order counts, by rank."""

    heartbeat: bool
    may_answer: bool
    answers: bool
    notifies: bool
    verbs: tuple[str, ...]
    topics: tuple[str, ...]
    outcomes: tuple[str, ...]
    codes: tuple[str, ...]
    data: tuple[str, ...]
    wrappers: tuple[str, ...]
    seqs: tuple[str, ...]
    times: tuple[str, ...]
    request_ids: tuple[str, ...]


Layer = tuple[dict[str, Any], Shape]
"""An object of a frame and what its keys are."""


def to_layers(body: object) -> list[Layer]:
    """List the objects whose fields describe the message: the frame, then its payload, from outside in."""
    if type(body) is list:
        return [_to_layer(part) for part in body[:FIRST_PARTS] if type(part) is dict]
    layers: list[Layer] = []
    while type(body) is dict and len(layers) <= _WRAPPERS_DEEP:
        fields, shape = layer = _to_layer(body)
        layers.append(layer)
        body = _payload(fields, shape.wrappers)
    return layers


def _to_layer(fields: dict[str, Any]) -> Layer:
    keys = tuple(fields)
    return fields, _shape(keys) if len(keys) <= _MOST_KEYS else _shape.__wrapped__(keys)


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

    def present(vocabulary: Iterable[str]) -> tuple[str, ...]:
        return tuple(key for key in vocabulary if key in keys)

    return Shape(
        heartbeat=not keys or bool(present(words.HEARTBEAT_KEYS)),
        may_answer=bool(present((*words.OUTCOME_KEYS, *words.ANSWER_KEYS, *words.CODE_KEYS, *words.RESULT_KEYS))),
        answers=bool(present(words.ANSWER_KEYS) or (present(words.ID_KEYS) and present(words.RESULT_KEYS))),
        notifies="method" in keys and "params" in keys,
        verbs=present(words.VERB_KEYS),
        topics=present(words.TOPIC_KEYS),
        outcomes=present(words.OUTCOME_KEYS),
        codes=present(words.CODE_KEYS),
        data=present(words.DATA_KEYS),
        wrappers=present(words.WRAPPER_KEYS),
        seqs=present(words.SEQ_KEYS),
        times=present(words.TIME_KEYS),
        request_ids=present(words.REQUEST_ID_KEYS),
    )

"""What may be asked to be scored: the body of a request, checked before and after it is parsed.

A message is one by the rule of the topic, and what is none is refused with the reason that its dead letter would have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from itertools import chain, islice
from typing import Any, Final

import numpy as np
import orjson

from api.problems import Refused
from ingest.frame import Frame
from ingest.kafka.message_json import decode
from ingest.kafka.record_validity import (
    END_NS,
    FIELD_NAMES,
    MAX_DEPTH,
    MAX_VALUE_BYTES,
    START_NS,
    parse_value,
    wrong_field,
)
from ingest.recordings.capture import session_of_frames, wrong_frame
from udfs.schema import WINDOW_COLUMNS, WINDOW_SIZE, Session, Windows

MAX_BODY_BYTES: Final = 12 * 2**20
MAX_MESSAGES: Final = 50_000
MAX_WINDOWS: Final = MAX_MESSAGES // WINDOW_SIZE

_AROUND_MESSAGES: Final = 3
"""Objects and arrays that a message of `windows` lies in."""

_NAMED_AT_MOST: Final = 20
_ESCAPES: Final = re.compile(rb"\\.", re.DOTALL)
_STRINGS: Final = re.compile(rb'"[^"]*"?')
_STRUCTURE: Final = b'"{}[]'
_NO_STRUCTURE: Final = bytes(set(range(256)) - set(_STRUCTURE))
_OBJECT, _ARRAY = b"{["


def read_session(body: bytes) -> Session:
    """Read the body of POST /v1/score, the messages or frames of one connection, or refuse it."""
    asked = _parse(body)
    if ("messages" in asked) == ("frames" in asked):
        raise _wrong("Either messages or frames is expected")
    if "frames" in asked:
        _check_names(asked, ("frames", "connection_id", "declared_exchange"))
        return _session_of_frames(asked)
    _check_names(asked, ("messages",))
    messages = _items(asked, "messages", MAX_MESSAGES)
    _check_messages(messages, len(messages), body)
    return decode(messages)


def read_windows(body: bytes) -> Windows:
    """Read the body of POST /v1/windows, or refuse it."""
    asked = _parse(body)
    _check_names(asked, ("windows",))
    rows = _items(asked, "windows", MAX_WINDOWS)
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != WINDOW_SIZE:
            raise _wrong(f"windows[{number}] is not an array of {WINDOW_SIZE} messages")
    messages = list(chain.from_iterable(rows))
    _check_messages(messages, WINDOW_SIZE, body)
    session = decode(messages)
    shape = (len(rows), WINDOW_SIZE)
    return Windows(**{name: getattr(session, name).reshape(shape) for name in WINDOW_COLUMNS})


def _parse(body: bytes) -> dict[str, Any]:
    if depth(body) > MAX_DEPTH + _AROUND_MESSAGES:
        raise Refused(HTTPStatus.BAD_REQUEST, f"The body is nested deeper than {MAX_DEPTH} objects and arrays")
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        asked = _parse_slowly(body)
    if not isinstance(asked, dict):
        raise _wrong("The body is not a JSON object")
    return asked


def _parse_slowly(body: bytes) -> Any:
    """Have the second word on what orjson refuses: lone surrogates and enormous numbers are JSON."""
    try:
        return parse_value(body)
    except ValueError:
        raise Refused(HTTPStatus.BAD_REQUEST, "The body is not one JSON value (RFC 8259) in UTF-8") from None


def depth(body: bytes) -> int:
    r"""Count how many objects and arrays lie within each other, at most; of what is no JSON, some number.

    >>> depth(b'{"a": [1, {"b": "[[[\\"[["}]}')
    3
    """
    bare = _ESCAPES.sub(b"", body) if b"\\" in body else body
    bare = _STRINGS.sub(b"", bare.translate(None, _NO_STRUCTURE).replace(b'""', b""))
    brackets = np.frombuffer(bare, np.uint8)
    steps = np.where((brackets == _OBJECT) | (brackets == _ARRAY), 1, -1)
    return int(np.cumsum(steps).max(initial=0))


def _check_names(asked: Mapping[str, Any], known: Iterable[str]) -> None:
    further = sorted(asked.keys() - set(known))
    if further:
        raise _wrong(f"{_shown(further[0])} is nothing that can be asked for here")


def _items(asked: Mapping[str, Any], name: str, most: int) -> list[Any]:
    items = asked.get(name)
    if not isinstance(items, list) or not items:
        raise _wrong(f"{name} is not an array with something in it")
    if len(items) > most:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{name} has more than {most:,} entries")
    return items


def _check_messages(messages: Sequence[Any], n_together: int, body: bytes) -> None:
    """Check that each is a message by the topic's rule, and that so many in a row are of one connection."""
    may_be_large = len(body) > MAX_VALUE_BYTES or depth(body) > MAX_DEPTH

    def check(number: int, message: Any) -> str | None:
        if not isinstance(message, dict):
            return "not a JSON object"
        reason = _too_much(message) if may_be_large and not message.keys() <= FIELD_NAMES else None
        reason = reason or wrong_field(message)
        first = messages[number - number % n_together]
        if reason is None and message["connection_id"] != first["connection_id"]:
            return "connection_id is not that of the first message"
        return reason

    _refuse("message", messages, check)


def _too_much(message: dict[str, Any]) -> str | None:
    try:
        text = orjson.dumps(message)
    except orjson.JSONEncodeError:  # lone surrogates, or deeper than a message may be
        return None if depth_of(message) <= MAX_DEPTH else "not JSON"
    if len(text) > MAX_VALUE_BYTES:
        return "larger than 64 KiB"
    return "not JSON" if depth(text) > MAX_DEPTH else None


def depth_of(value: Any) -> int:
    """Count how many objects and arrays lie within each other in a parsed value.

    >>> depth_of({"a": [1, {}]})
    3
    """
    found, inside = 0, [value]
    while inside := [one for one in inside if isinstance(one, dict | list)]:
        found += 1
        inside = [part for one in inside for part in (one.values() if isinstance(one, dict) else one)]
    return found


def _session_of_frames(asked: Mapping[str, Any]) -> Session:
    frames = _items(asked, "frames", MAX_MESSAGES)
    _refuse("frame", frames, lambda _, frame: _wrong_frame(frame))
    claims = {name: asked[name] for name in ("connection_id", "declared_exchange") if asked.get(name) is not None}
    claims.setdefault("connection_id", "connection")
    reason = wrong_field({"recv_ts_ns": START_NS, "msg_type": "NEW", **claims})
    if reason is not None:
        raise _wrong(reason)
    return session_of_frames(
        (Frame(frame["ts_ns"], frame["dir"], frame["frame"]) for frame in frames),
        claims["connection_id"],
        claims.get("declared_exchange"),
    )


def _wrong_frame(frame: Any) -> str | None:
    if not isinstance(frame, dict):
        return "not a JSON object"
    if frame.keys() - {"ts_ns", "dir", "frame"}:
        return "more than ts_ns, dir and frame"
    reason = wrong_frame(frame)
    if reason is None and not START_NS <= frame["ts_ns"] < END_NS:
        return "ts_ns is not an integer of nanoseconds from 2000 to 2099"
    return reason


def _refuse(what: str, items: Sequence[Any], check: Callable[[int, Any], str | None]) -> None:
    """Refuse items of which something is wrong, and name the first ones."""
    reasons = ((number, check(number, item)) for number, item in enumerate(items))
    wrong = ({"index": number, "reason": reason} for number, reason in reasons if reason is not None)
    problems = list(islice(wrong, _NAMED_AT_MOST))
    if problems:
        detail = f"{what} {problems[0]['index']}, from 0: {problems[0]['reason']}"
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, detail, problems)


def _wrong(detail: str) -> Refused:
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, detail)


def _shown(name: str) -> str:
    return ascii(name[:64])

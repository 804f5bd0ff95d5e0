"""What of a topic is a message: one rule, from the bytes of one record.

The job has the same rule in Java. A record is a message if

- its value is at most `MAX_VALUE_BYTES` of UTF-8 and exactly one JSON value (RFC 8259; no NaN, no byte order mark; of a
  name that occurs twice the last counts), which is an object and nested no deeper than `MAX_DEPTH`;
- its fields are as below, where an integer is written without fraction and exponent, fits int64 and is not its
  smallest value (`MISSING`); null is as good as absent; other fields may be there and hold anything;
- its key is the connection_id in UTF-8.

| field | |
|---|---|
| connection_id | string of 1 to 128 characters, none of them a control character or a lone surrogate |
| recv_ts_ns | integer from 0 to before the year 2100 |
| msg_type | `NEW`, `ACK`, `NACK`, `HEARTBEAT` or `OTHER` |
| exchange_ts_ns, seq, request_id | integer or null |
| payload_bytes | integer from 0, or null |
| declared_exchange | string of at most 64 characters, none of them a control character or a lone surrogate, or null |

A character is a code point, as PostgreSQL counts; a control character is one of U+0000 to U+001F and U+007F to U+009F.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, Final, NoReturn, cast

import orjson

from udfs.schema import MISSING, MsgType

MAX_VALUE_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 500
"""Objects and arrays within each other, the outermost included."""

MAX_ID_CHARACTERS: Final = 128
MAX_EXCHANGE_CHARACTERS: Final = 64
END_NS: Final = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 10**9

_TYPES: Final = frozenset(t.name for t in MsgType)
_MAX_INT64: Final = 2**63 - 1
_INT64_DIGITS: Final = 20
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_STRINGS_AND_BRACKETS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)


def check_record(key: bytes | None, value: bytes | None) -> str | None:
    """Say why a record is no message; None if it is one.

    >>> check_record(b"c", b'{"connection_id": "c", "recv_ts_ns": 1.0, "msg_type": "NEW"}')
    'recv_ts_ns is not an integer of 64 bits'
    """
    return read_record(key, value)[1]


def read_record(key: bytes | None, value: bytes | None) -> tuple[dict[str, Any], None] | tuple[None, str]:
    """Return the fields of a message, or why it is none."""
    if value is None:
        return None, "no value"
    if len(value) > MAX_VALUE_BYTES:
        return None, f"value of more than {MAX_VALUE_BYTES} bytes"
    try:
        message = _parse(value)
    except UnicodeDecodeError:
        return None, "not UTF-8"
    except ValueError:
        return None, "not JSON"
    if not isinstance(message, dict):
        return None, "not a JSON object"
    reason = _wrong_field(message) or _wrong_key(key, message["connection_id"])
    return (message, None) if reason is None else (None, reason)


def _parse(value: bytes) -> object:
    """Parse strictly.

    orjson is fast but refuses more than JSON does (lone surrogates and enormous numbers in fields that nobody reads),
    so the standard library has the second word.
    """
    if value.count(b"[") + value.count(b"{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise ValueError("nested too deeply")
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return json.loads(value.decode(), parse_constant=_refuse_constant, parse_int=_parse_int)


def _depth(value: bytes) -> int:
    deepest = depth = 0
    for token in _STRINGS_AND_BRACKETS.findall(value):
        depth += (token in b"[{") - (token in b"]}")
        deepest = max(deepest, depth)
    return deepest


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _parse_int(digits: str) -> int | float:
    """Read an integer; one that cannot be int64 becomes a float, as in orjson, for Python limits its digits."""
    return int(digits) if len(digits) <= _INT64_DIGITS else float(digits)


def _wrong_field(message: dict[str, Any]) -> str | None:
    for name, wrong in _CHECKS.items():
        complaint = wrong(message.get(name))
        if complaint is not None:
            return f"{name} {complaint}"
    return None


def _wrong_key(key: bytes | None, connection_id: str) -> str | None:
    if key is None:
        return "no key"
    return None if key == connection_id.encode() else "key is not the connection_id"


def _wrong_id(value: object) -> str | None:
    return "is missing" if value is None else _wrong_text(value, 1, MAX_ID_CHARACTERS)


def _wrong_time(value: object) -> str | None:
    if value is None:
        return "is missing"
    return _wrong_number(value) or (None if 0 <= cast(int, value) < END_NS else "is not from 1970 to 2099")


def _wrong_type(value: object) -> str | None:
    if value is None:
        return "is missing"
    return None if isinstance(value, str) and value in _TYPES else "is unknown"


def _wrong_number(value: object) -> str | None:
    # A Boolean is an int to Python, and an integer of more than 64 bits a float to orjson.
    fits = value is None or (type(value) is int and MISSING < value <= _MAX_INT64)
    return None if fits else "is not an integer of 64 bits"


def _wrong_size(value: object) -> str | None:
    return _wrong_number(value) or ("is negative" if value is not None and cast(int, value) < 0 else None)


def _wrong_exchange(value: object) -> str | None:
    return None if value is None else _wrong_text(value, 0, MAX_EXCHANGE_CHARACTERS)


def _wrong_text(value: object, least: int, most: int) -> str | None:
    if not isinstance(value, str):
        return "is not a string"
    if not least <= len(value) <= most:
        return f"is not of {least} to {most} characters"
    return None if value.isprintable() or _UNFIT.search(value) is None else "has a control character or lone surrogate"


_CHECKS: Final = {
    "connection_id": _wrong_id,
    "recv_ts_ns": _wrong_time,
    "msg_type": _wrong_type,
    "exchange_ts_ns": _wrong_number,
    "seq": _wrong_number,
    "request_id": _wrong_number,
    "payload_bytes": _wrong_size,
    "declared_exchange": _wrong_exchange,
}
"""In the order in which they are complained of."""

"""What of a topic is a message: one rule, from the bytes of one record.

The job has the same rule in Java. A record is a message if

- its value is at most `MAX_VALUE_BYTES` of UTF-8 and exactly one JSON value (RFC 8259; no NaN, no byte order mark; of a
  name that occurs twice the last counts), which is an object and nested no deeper than `MAX_DEPTH`;
- its fields are as below, where an integer is written without fraction and exponent, fits int64 and is not its
  smallest value (`MISSING`); null is as good as absent; other fields may be there and hold anything;
- its key is the connection_id in UTF-8.

| field | |
|---|---|
| connection_id | string of 1 to 128 printable characters |
| recv_ts_ns | integer from the beginning of the year 2000 to before 2100, so that none in another unit is one |
| msg_type | `NEW`, `ACK`, `NACK`, `HEARTBEAT` or `OTHER` |
| exchange_ts_ns, seq, prev_seq, request_id | integer or null |
| payload_bytes | integer from 0, or null |
| declared_exchange | string of 1 to 64 printable characters, or null |

What follows an object makes it more than one JSON value if its first character begins one, else no JSON.
A character is a code point, as PostgreSQL counts. It is printable unless it is a control character (U+0000 to U+001F,
U+007F to U+009F), a surrogate, or one of `INVISIBLE`: two ids that look alike are one to a reader, and a terminal that
is told to write from right to left shows another text than there is.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import orjson

from udfs.schema import MISSING, MsgType

MAX_VALUE_BYTES: Final = 64 * 1024
MAX_KEY_BYTES: Final = 10_000
"""The longest key that is kept in a dead-letter record; that of a message has 512 bytes at most."""

MAX_DEPTH: Final = 500
"""Objects and arrays within each other, the outermost included."""

MAX_ID_CHARACTERS: Final = 128
MAX_EXCHANGE_CHARACTERS: Final = 64

INVISIBLE: Final = (
    *(0x00AD, 0x00AD, 0x0600, 0x0605, 0x061C, 0x061C, 0x06DD, 0x06DD, 0x070F, 0x070F, 0x0890, 0x0891, 0x08E2, 0x08E2),
    *(0x180E, 0x180E, 0x200B, 0x200F, 0x2028, 0x202E, 0x2060, 0x206F, 0xFEFF, 0xFEFF, 0xFFF9, 0xFFFB),
    *(0x110BD, 0x110BD, 0x110CD, 0x110CD, 0x13430, 0x1343F, 0x1BCA0, 0x1BCA3, 0x1D173, 0x1D17A),
    *(0xE0001, 0xE0001, 0xE0020, 0xE007F),
)
"""First and last code point of each range of characters that show nothing, or change how others show: the categories
Cf, Zl and Zp of Unicode 15, and U+2065, which is kept for one. They are listed, for Python and Java know different
versions of Unicode, and must not judge differently."""

_NS_PER_S: Final = 10**9
START_NS: Final = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * _NS_PER_S
END_NS: Final = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * _NS_PER_S

_TYPES: Final = frozenset(t.name for t in MsgType)
_MAX_INT64: Final = 2**63 - 1
_INT64_DIGITS: Final = 20
_UNFIT: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\ud800-\udfff"
    + "".join(f"{chr(a)}-{chr(z)}" for a, z in zip(INVISIBLE[::2], INVISIBLE[1::2], strict=True))
    + "]"
)
_STRINGS_AND_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
_SPACE: Final = " \t\n\r"
_VALUES_BEGIN: Final = '{["-0123456789tfn'


def check_record(key: bytes | None, value: bytes | None) -> str | None:
    """Say why a record is invalid; None if it is a message.

    >>> check_record(b"c", b'{"connection_id": "c", "recv_ts_ns": 1.0, "msg_type": "NEW"}')
    'recv_ts_ns is not an integer of nanoseconds from 2000 to 2099'
    """
    return read_record(key, value)[1]


def read_record(key: bytes | None, value: bytes | None) -> tuple[dict[str, Any], None] | tuple[None, str]:
    """Return the fields of a message, or why it is none."""
    if value is None:
        return None, "null value"
    if len(value) > MAX_VALUE_BYTES:
        return None, "larger than 64 KiB"
    try:
        message = parse_value(value)
    except UnicodeDecodeError:
        return None, "not UTF-8"
    except _MoreThanOneValue:
        return None, "more than one JSON value"
    except ValueError:
        return None, "not JSON"
    if not isinstance(message, dict):
        return None, "not a JSON object"
    reason = wrong_field(message) or _wrong_key(key, message["connection_id"])
    return (message, None) if reason is None else (None, reason)


def wrong_field(message: dict[str, Any]) -> str | None:
    """Say what is wrong with the fields of a JSON object that shall be a message; None if nothing is.

    >>> wrong_field({"connection_id": "c", "recv_ts_ns": 10**18, "msg_type": "TRADE"})
    'msg_type is not NEW, ACK, NACK, HEARTBEAT or OTHER'
    """
    for name, (is_right, expected) in _FIELDS.items():
        value = message.get(name)
        if value is None:
            if name in _NEEDED:
                return f"no {name}"
        elif not is_right(value):
            return f"{name} is not {expected}"
    return None


def kept_in_dead_letter(key: bytes | None, value: bytes | None) -> tuple[bytes | None, bytes | None]:
    """Leave out what a dead-letter record does not keep of an invalid one: a key or a value that is too long.

    >>> kept_in_dead_letter(b"connection", b" " * 65537)
    (b'connection', None)
    """
    is_long_key, is_long_value = len(key or b"") > MAX_KEY_BYTES, len(value or b"") > MAX_VALUE_BYTES
    return None if is_long_key else key, None if is_long_value else value


def printable_text(key: bytes | str | None) -> str | None:
    r"""Decode a key to a text that a table can hold and a person can read; None if it is none.

    >>> printable_text(b"caf\xc3\xa9"), printable_text(b"caf\xe9"), printable_text(b"a\x00b")
    ('café', None, None)
    """
    try:
        text = key.decode() if isinstance(key, bytes) else key
    except UnicodeDecodeError:
        return None
    return text if _is_text(text, MAX_ID_CHARACTERS) else None


class _MoreThanOneValue(ValueError):
    """An object is followed by what begins another value."""


def parse_value(value: bytes) -> object:
    """Parse exactly one JSON value strictly, or raise ValueError.

    orjson is fast but refuses more than JSON does (lone surrogates and enormous numbers in fields that nobody reads),
    so the standard library has the second word.
    """
    if value.count(b"[") + value.count(b"{") <= MAX_DEPTH:
        with suppress(orjson.JSONDecodeError):
            return orjson.loads(value)
    text = value.decode()
    if "\x00" in text[:4]:
        raise ValueError("another encoding, which may look like several values")
    found, end = _decode(text)
    behind = text[end:].lstrip(_SPACE)
    if not behind:
        return found
    is_further = isinstance(found, dict) and behind[0] in _VALUES_BEGIN
    raise _MoreThanOneValue if is_further else ValueError("something behind a value")


def _decode(text: str) -> tuple[object, int]:
    """Decode the value that a text begins with; return also where it ends."""
    start = len(text) - len(text.lstrip(_SPACE))
    depth = 0
    for token in _STRINGS_AND_BRACKETS.finditer(text, start):
        depth += (token[0] in "[{") - (token[0] in "]}")
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        if depth <= 0:
            break
    found, end = _DECODER.raw_decode(text, start)
    return found, end


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _parse_int(digits: str) -> int | float:
    """Read an integer; one that cannot be int64 becomes a float, as in orjson, for Python limits its digits."""
    return int(digits) if len(digits) <= _INT64_DIGITS else float(digits)


def _wrong_key(key: bytes | None, connection_id: str) -> str | None:
    if key is None:
        return "no key"
    return None if key == connection_id.encode() else "key is not the connection_id"


def _is_id(value: object) -> bool:
    return _is_text(value, MAX_ID_CHARACTERS) and value != ""


def _is_exchange(value: object) -> bool:
    return _is_text(value, MAX_EXCHANGE_CHARACTERS) and value != ""


def _is_text(value: object, most: int) -> bool:
    return isinstance(value, str) and len(value) <= most and (value.isprintable() or _UNFIT.search(value) is None)


def _is_time(value: object) -> bool:
    return type(value) is int and START_NS <= value < END_NS


def _is_type(value: object) -> bool:
    return isinstance(value, str) and value in _TYPES


def _is_number(value: object) -> bool:
    # A Boolean is an int to Python, and an integer of more than 64 bits a float to orjson.
    return type(value) is int and MISSING < value <= _MAX_INT64


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MAX_INT64


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_parse_int)
_NEEDED: Final = ("connection_id", "recv_ts_ns", "msg_type")
_FIELDS: Final = {
    "connection_id": (_is_id, "a string of 1 to 128 printable characters"),
    "recv_ts_ns": (_is_time, "an integer of nanoseconds from 2000 to 2099"),
    "msg_type": (_is_type, "NEW, ACK, NACK, HEARTBEAT or OTHER"),
    "exchange_ts_ns": (_is_number, "a 64-bit integer"),
    "seq": (_is_number, "a 64-bit integer"),
    "prev_seq": (_is_number, "a 64-bit integer"),
    "request_id": (_is_number, "a 64-bit integer"),
    "payload_bytes": (_is_size, "an integer of 0 or more"),
    "declared_exchange": (_is_exchange, "a string of 1 to 64 printable characters"),
}
"""What each may be, in the order in which they are complained of."""

FIELD_NAMES: Final = _FIELDS.keys()

"""Read the numbers in a frame: sequence numbers, request ids and times, whatever form a venue gives them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Final

from udfs.schema import MISSING

INT64_MAX: Final = 2**63 - 1

_DOUBLE_HOLDS: Final = 2**53
"""All integers up to this one."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_S: Final = 86_400
_SECOND_NS: Final = 10**9
_MICROSECOND_NS: Final = 10**3
_MICROSECONDS_LONG: Final = len("2021-04-05T18:41:15.803123")
"""As far as datetime reads; digits beyond are read here."""

_UNIT_NS: Final = ((10**9, 10**11, 10**9), (10**11, 10**14, 10**6), (10**14, 10**17, 10**3), (10**17, INT64_MAX, 1))
"""(from, below, ns): a number's size tells its unit, since every venue's clock shows a time after 2001 and before
5138; what is smaller is no time since the epoch."""

_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_DECIMAL: Final = re.compile(r"([0-9]{9,19})\.([0-9]{1,30})")
_FRACTION: Final = re.compile(rb"[0-9]{1,30}")
_WITH_POWER: Final = re.compile(r"[0-9](?:\.[0-9]{1,30})?[eE]\+?[0-9]{1,2}")
_COMPACT: Final = re.compile(r"[0-9]{8}[T -][0-9]{2}:?[0-9]{2}:?[0-9]{2}", re.ASCII)
"""ISO 8601 without dashes, and as FIX writes times."""

_NANOSECONDS: Final = re.compile(r"[.,][0-9]{6}([0-9]{1,3})")
_LONGEST_ID: Final = 400
_LONGEST_ID_BITS: Final = 1328  # about as many digits
_SHORTEST_TIME: Final = len("1617666423")
_LONGEST_TIME: Final = 40
_ISO_DASH: Final = len("2021")


def to_int64(value: object) -> int:
    """Read an integer or its digits; `MISSING` for anything else, booleans and what int64 cannot hold included.

    An integer may have been written as a number with a point, as long as a double holds it.

    >>> to_int64(42), to_int64("42"), to_int64(42.0), to_int64(True) == to_int64(2**63) == to_int64("4x") == MISSING
    (42, 42, 42, True)
    """
    if type(value) is str and _INTEGER.fullmatch(value):
        value = int(value)
    if type(value) is int:
        return value if -INT64_MAX <= value <= INT64_MAX else MISSING
    if type(value) is float and value.is_integer() and abs(value) <= _DOUBLE_HOLDS:
        return int(value)
    return MISSING


def to_request_id(value: object) -> int:
    """Read a request id: an integer as it is, other text as a signed 64-bit BLAKE2b hash, the same on every machine.

    Digits count as the integer they show, because some venues answer number 7 with "7"; an integer that int64 cannot
    hold, as a number or as text, has the hash of its digits.
    """
    number = to_int64(value)
    if number != MISSING:
        return number
    text = value if type(value) is str else str(value) if type(value) is int and _is_short(value) else ""
    if not text:
        return MISSING
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), signed=True)


def _is_short(number: int) -> bool:
    return number.bit_length() <= _LONGEST_ID_BITS


def exact_request_id(value: object, key: str, payload: bytes) -> int:
    """Read a request id whose digits the parser may have lost: those beyond 64 bits are a float to it."""
    if type(value) is float and abs(value) >= INT64_MAX:
        match = re.search(rb'"%s"\s*:\s*(-?[0-9]{19,%d})\s*[,}]' % (re.escape(key.encode()), _LONGEST_ID), payload)
        return to_request_id(match[1].decode()) if match is not None else MISSING
    return to_request_id(value)


def to_epoch_ns(value: object) -> int:
    """Read a time since the epoch in seconds, ms, µs or ns (told by its size), or in ISO 8601; ns, or `MISSING`.

    ISO 8601 without an offset is UTC. A float is read as the shortest decimal that stands for it.

    >>> to_epoch_ns(1617647797639), to_epoch_ns("1617666423.706626"), to_epoch_ns("2021-04-05T18:41:15.803Z")
    (1617647797639000000, 1617666423706626000, 1617648075803000000)
    """
    if type(value) is int:
        return _integer_to_ns(value)
    if type(value) is float:
        value = repr(value)
    if type(value) is not str or not _SHORTEST_TIME <= len(value) <= _LONGEST_TIME:
        return MISSING
    if value[_ISO_DASH] == "-":
        return _iso_to_ns(value)
    if _INTEGER.fullmatch(value):
        return _integer_to_ns(int(value))
    match = _DECIMAL.fullmatch(value)
    if match:
        return _parts_to_ns(int(match[1]), match[2])
    if _WITH_POWER.fullmatch(value):
        return _parts_to_ns(*_without_power(value))
    return _iso_to_ns(value) if _COMPACT.match(value) else MISSING


def exact_epoch_ns(value: object, payload: bytes) -> int:
    """Read a time as `to_epoch_ns` does, of a number with a fraction to the digit that the frame has.

    >>> exact_epoch_ns(1780000000.1234567, b'{"time":1780000000.123456789}')
    1780000000123456789
    """
    if type(value) is float and 0 < value < INT64_MAX:
        whole = int(value)
        written = b"%d." % whole
        at = payload.find(written)
        while at >= 0:
            fraction = _FRACTION.match(payload, at + len(written))
            if fraction is not None and float(payload[at : fraction.end()]) == value:
                return _parts_to_ns(whole, fraction[0].decode())
            at = payload.find(written, at + 1)
    return to_epoch_ns(value)


def _without_power(number: str) -> tuple[int, str]:
    whole, _, fraction = f"{Decimal(number):f}".partition(".")
    return int(whole), fraction


def _integer_to_ns(number: int) -> int:
    for start, below, unit_ns in _UNIT_NS:
        if start <= number < below:
            ns = number * unit_ns
            return ns if ns <= INT64_MAX else MISSING  # from the year 2262
    return MISSING


def _parts_to_ns(whole: int, fraction: str) -> int:
    """Read what stands before and behind a point; digits that no nanosecond has are left out."""
    for start, below, unit_ns in _UNIT_NS:
        if start <= whole < below:
            digits = len(str(unit_ns)) - 1
            ns = whole * unit_ns + int(fraction[:digits].ljust(digits, "0") or "0")
            return ns if ns <= INT64_MAX else MISSING
    return MISSING


def _iso_to_ns(text: str) -> int:
    text = text.removesuffix("UTC").rstrip() if text.endswith("UTC") else text
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return MISSING
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    since = time - _EPOCH
    ns = (since.days * _DAY_S + since.seconds) * _SECOND_NS + since.microseconds * _MICROSECOND_NS
    may_be_finer = text[_MICROSECONDS_LONG : _MICROSECONDS_LONG + 1].isdigit() or text[_ISO_DASH] != "-"
    beyond = _NANOSECONDS.search(text) if may_be_finer else None
    ns += int(beyond[1].ljust(3, "0")) if beyond else 0
    return ns if 0 < ns <= INT64_MAX else MISSING

"""Read the numbers in a frame: sequence numbers, request ids and times, whatever form a venue gives them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Final

from udfs.schema import MISSING

INT64_MAX: Final = 2**63 - 1

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_S: Final = 86_400
_SECOND_NS: Final = 10**9
_MICROSECOND_NS: Final = 10**3
_MICROSECONDS_LONG: Final = len("2021-04-05T18:41:15.803123Z")
"""As far as datetime reads; digits beyond are read here."""

_UNIT_NS: Final = ((10**9, 10**11, 10**9), (10**11, 10**14, 10**6), (10**14, 10**17, 10**3), (10**17, INT64_MAX, 1))
"""(from, below, ns): a number's size tells its unit, since every venue's clock shows a time after 2001 and before
5138; what is smaller is no time since the epoch."""

_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_DECIMAL: Final = re.compile(r"[0-9]{9,19}\.[0-9]{1,12}")
_NANOSECONDS: Final = re.compile(r"\.[0-9]{6}([0-9]{1,3})")
_SHORTEST_TIME: Final = len("1617666423")
_LONGEST_TIME: Final = 40
_ISO_DASH: Final = len("2021")


def to_int64(value: object) -> int:
    """Read an integer or its digits; `MISSING` for anything else, booleans and what int64 cannot hold included.

    >>> to_int64(42), to_int64("42"), to_int64(True) == to_int64(2**63) == to_int64("4x") == MISSING
    (42, 42, True)
    """
    if type(value) is str and _INTEGER.fullmatch(value):
        value = int(value)
    if type(value) is int and -INT64_MAX <= value <= INT64_MAX:
        return value
    return MISSING


def to_request_id(value: object) -> int:
    """Read a request id: an integer as it is, other text as a signed 64-bit BLAKE2b hash, the same on every machine.

    Digits count as the integer they show, because some venues answer number 7 with "7".
    """
    number = to_int64(value)
    if number == MISSING and type(value) is str and value:
        return int.from_bytes(blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest(), signed=True)
    return number


def to_epoch_ns(value: object) -> int:
    """Read a time since the epoch in seconds, ms, µs or ns (told by its size), or in ISO 8601; ns, or `MISSING`.

    ISO 8601 without an offset is UTC.

    >>> to_epoch_ns(1617647797639), to_epoch_ns("1617666423.706626"), to_epoch_ns("2021-04-05T18:41:15.803Z")
    (1617647797639000000, 1617666423706626000, 1617648075803000000)
    """
    if type(value) is int or type(value) is float:
        return _number_to_ns(value)
    if type(value) is not str or not _SHORTEST_TIME <= len(value) <= _LONGEST_TIME:
        return MISSING
    if value[_ISO_DASH] == "-":
        return _iso_to_ns(value)
    if _INTEGER.fullmatch(value):
        return _number_to_ns(int(value))
    return _number_to_ns(Decimal(value)) if _DECIMAL.fullmatch(value) else MISSING


def _number_to_ns(number: int | float | Decimal) -> int:
    for start, below, unit_ns in _UNIT_NS:
        if start <= number < below:
            ns = int(number * unit_ns)
            return ns if ns <= INT64_MAX else MISSING  # from the year 2262
    return MISSING


def _iso_to_ns(text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return MISSING
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    since = time - _EPOCH
    ns = (since.days * _DAY_S + since.seconds) * _SECOND_NS + since.microseconds * _MICROSECOND_NS
    beyond = _NANOSECONDS.search(text) if len(text) > _MICROSECONDS_LONG else None
    ns += int(beyond[1].ljust(3, "0")) if beyond else 0
    return ns if 0 < ns <= INT64_MAX else MISSING

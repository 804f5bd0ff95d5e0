"""FIX messages as logs print them, and as captures keep them.

A capture must tell what the mapper reads, and nothing of what a firm trades or who it is: of a message the fields
remain that say what it is, with pseudonyms for ids, and one field `58=xxx...` in the place of all others, so that the
size stays. BodyLength holds; CheckSum is computed anew.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from ingest.mapping.fix_messages import LONGEST_BYTES, Fields, Tag, parse_fix
from ingest.mapping.values import to_epoch_ns

SENDER_COMP_ID: Final = 49
TARGET_COMP_ID: Final = 56
BEGIN_STRING, BODY_LENGTH, TEXT = 8, 9, 58

_SOH: Final = b"\x01"
_START: Final = re.compile(
    rb"8=(?:FIX\.4\.[0-9]|FIX\.5\.0(?:SP[0-9])?|FIXT\.1\.1)(\x01|\||\^A)9=([0-9]{1,7})(\x01|\||\^A)"
)
_TRAILER: Final = re.compile(rb"10=([0-9]{3})\x01?")
_TRAILER_BYTES: Final = len(b"10=000\x01")
_CHECKSUM_MODULUS: Final = 256
_LONGEST_PREFIX: Final = 1000

_DATE_TIME: Final = re.compile(
    r"(?<![0-9])([0-9]{4})([-/]?)([0-9]{2})\2([0-9]{2})[ T-]([0-9]{2}:[0-9]{2}:[0-9]{2})"
    r"(?:[.,]([0-9]{1,9}))?(?:([+-][0-9]{2}):?([0-9]{2}))?"
)
_EPOCH: Final = re.compile(r"\W{0,3}([0-9]{10,19}(?:\.[0-9]{1,9})?)(?![0-9])")

_IDS: Final = frozenset({Tag.CL_ORD_ID, Tag.ORIG_CL_ORD_ID, Tag.BUSINESS_REJECT_REF_ID})
_KEPT: Final = frozenset({BEGIN_STRING, BODY_LENGTH, *Tag})
_SHORTEST_PSEUDONYM: Final = 4
"""What is shorter tells nothing, and there are too few pseudonyms for it."""

_PSEUDONYM_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_PRINTABLE: Final = bytes(byte if 32 <= byte < 127 else ord("?") for byte in range(256))


def find_start(line: bytes) -> int | None:
    """Return where a FIX message begins in a line, None if none does."""
    match = _START.search(line)
    return None if match is None else match.start()


def missing_bytes(message: bytes) -> int:
    """Return how many bytes a message lacks by its BodyLength: a data field may hold line feeds."""
    match = _START.match(message)
    if match is None:
        return 0
    n_bytes = match.end() + int(match[2]) + _TRAILER_BYTES - 1
    return n_bytes - len(message) if n_bytes <= LONGEST_BYTES else 0


def whole_message(text: bytes) -> bytes | None:
    """Return the message that a log printed, whatever stands behind it; None if its length or checksum is wrong.

    Nor is there one where another message stands behind it, which would be lost. Where `|` or `^A` stand for
    separators they may stand for themselves, too.
    """
    match = _START.match(text)
    if match is None or match[1] != match[3]:
        return None
    return next((message for form in _with_separators(text, match[1]) if (message := _checked(form))), None)


def _with_separators(text: bytes, separator: bytes) -> Iterator[bytes]:
    if separator == _SOH:
        yield text
        return
    yield text.replace(separator, _SOH)
    yield re.sub(re.escape(separator) + rb"(?=[0-9]+=|\s*$)", _SOH, text)


def _checked(text: bytes) -> bytes | None:
    match = _START.match(text)
    if match is None:
        return None
    end = match.end() + int(match[2])
    trailer = _TRAILER.match(text, end)
    if trailer is None or _checksum(text[:end]) != trailer[1] or _START.search(text, trailer.end()):
        return None
    return text[:end] + b"10=" + trailer[1] + _SOH


def local_time_ns(prefix: bytes) -> int:
    """Read the local time that a log printed before a message; `MISSING` if there is none.

    A date with a time (`2018-02-23T19:14:25.174`, `2018/02/23 19:14:25,174`, `20180223-19:14:25.174`), UTC unless its
    offset stands behind it; or a number since the epoch at the beginning, its unit told by its size.

    >>> local_time_ns(b"20180223-19:14:25.174454 : "), local_time_ns(b"[1519413265174454000] ")
    (1519413265174454000, 1519413265174454000)
    """
    text = prefix[:_LONGEST_PREFIX].decode("latin-1")
    match = _DATE_TIME.search(text)
    if match:
        year, _, month, day, time, fraction, hours, minutes = match.groups()
        offset = f"{hours}:{minutes}" if hours else "Z"
        return to_epoch_ns(f"{year}-{month}-{day}T{time}.{fraction or 0}{offset}")
    epoch = _EPOCH.match(text)
    return to_epoch_ns(epoch[1] if epoch else None)


class Masking:
    """Takes out of the messages of one log what is nobody's business.

    Ids get pseudonyms of their own length, counted up, so that equal ones stay equal.
    """

    def __init__(self) -> None:
        self._pseudonyms: dict[bytes, bytes] = {}
        self._n_of_length: Counter[int] = Counter()

    def to_frame(self, fields: Mapping[int, bytes], n_bytes: int) -> str:
        """Lay out the frame of a message of `n_bytes` with these fields."""
        kept = b"".join(
            b"%d=%b\x01" % (tag, self._pseudonym(value) if tag in _IDS else value.translate(_PRINTABLE))
            for tag, value in fields.items()
            if tag in _KEPT
        )
        room = n_bytes - len(kept) - _TRAILER_BYTES - len(b"58=\x01")
        text = kept + b"%d=%b\x01" % (TEXT, b"x" * room)
        return (text + b"10=" + _checksum(text) + _SOH).decode("ascii")

    def _pseudonym(self, value: bytes) -> bytes:
        length = len(value)
        if length < _SHORTEST_PSEUDONYM:
            return value.translate(_PRINTABLE)
        if value not in self._pseudonyms:
            self._pseudonyms[value] = _digits(self._n_of_length[length], length).encode()
            self._n_of_length[length] += 1
        return self._pseudonyms[value]


def parties(fields: Fields) -> tuple[str, str] | None:
    """Return SenderCompID and TargetCompID; None unless there are two."""
    sender, target = (fields.get(tag, b"").decode("utf-8", "replace") for tag in (SENDER_COMP_ID, TARGET_COMP_ID))
    return (sender, target) if sender and target and sender != target else None


def read_message(text: bytes) -> tuple[dict[int, bytes], int] | None:
    """Read the message at the beginning of what a log printed: its fields and its size in bytes."""
    message = whole_message(text)
    fields = None if message is None else parse_fix(message)
    return None if message is None or fields is None else (fields, len(message))


def _digits(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, digit = divmod(number, len(_PSEUDONYM_DIGITS))
        digits = _PSEUDONYM_DIGITS[digit] + digits
    return digits


def _checksum(text: bytes) -> bytes:
    return b"%03d" % (sum(text) % _CHECKSUM_MODULUS)

"""Frames that are arrays: `[channel, tag, payload, sequence number, time]`, each part but the first one optional."""

from __future__ import annotations

from typing import Any, Final

from ingest.mapping import vocabulary as words
from ingest.mapping.layers import FIRST_PARTS
from ingest.mapping.values import INT64_MAX, to_epoch_ns
from udfs.schema import MISSING

_CLOCK_TOLERANCE_NS: Final = 86_400 * 10**9
"""A number that reads as the time of arrival to within a day is the time."""

_FALLS: Final = 3
_RISES_A_FALL: Final = 10
"""A number that has not risen so often, and in a tenth of all cases, is no sequence number."""

_MOST_CHANNELS: Final = 4096


def array_numbers(body: list[Any], recv_ts_ns: int) -> tuple[int, int]:
    """Read the sequence number and the time (ns) that stand beside the payload of an array; `MISSING` for none.

    The payload is an array or an object; where there is none, a tag such as a checksum's has one number as payload,
    and a heartbeat has none. Without payload, tag and heartbeat the numbers are the payload themselves.

    >>> array_numbers([17, [1.5, 2], 394], 0)[0], array_numbers([17, "cs", -12, 394], 0)[0]
    (394, 394)
    >>> array_numbers([17, "cs", 12], 0)[0] == array_numbers([17, 1], 0)[0] == MISSING
    True
    """
    seq = time_ns = MISSING
    parts = body[1:FIRST_PARTS]
    is_beside = _has_payload(parts)
    if type(body[0]) is not int or not (is_beside or _is_tagged_number(parts)):
        return seq, time_ns
    for part in parts:
        if type(part) is not int:
            continue
        if not is_beside:
            is_beside = True  # this one is the tag's
        elif _is_clock(part, recv_ts_ns):
            time_ns = to_epoch_ns(part)
        elif seq == MISSING and 0 <= part <= INT64_MAX:
            seq = part
    return seq, time_ns


def _has_payload(parts: list[Any]) -> bool:
    return any(
        type(part) is list or type(part) is dict or (type(part) is str and part in words.HEARTBEAT_WORDS)
        for part in parts
    )


def _is_tagged_number(parts: list[Any]) -> bool:
    """Tell `tag, number` with nothing else than whole numbers behind it."""
    return type(parts[0]) is str and all(type(part) is int for part in parts[1:]) if parts else False


def _is_clock(number: int, recv_ts_ns: int) -> bool:
    time_ns = to_epoch_ns(number)
    return time_ns != MISSING and abs(time_ns - recv_ts_ns) < _CLOCK_TOLERANCE_NS


class ArrayCounter:
    """Whether what stands in a sequence number's place rises as one does, in each channel of a connection."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}
        self._rises = self._falls = 0

    def take(self, channel: int, number: int) -> int:
        """Return the number, or `MISSING` once such numbers have repeated or fallen too often."""
        last = self._last.get(channel)
        self._last[channel] = number
        if last is not None:
            if number > last:
                self._rises += 1
            else:
                self._falls += 1
        if len(self._last) > _MOST_CHANNELS:
            self._last.clear()
        return MISSING if self._falls >= _FALLS and self._falls * _RISES_A_FALL > self._rises else number

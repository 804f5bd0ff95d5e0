"""What a recording holds, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from ingest.frame import Frame
from ingest.mapping.frame_mapper import FrameMapper
from udfs.schema import MISSING, MsgType

_SECOND_NS: Final = 10**9
_FIELDS: Final = ("seq", "exchange_ts_ns", "request_id")


@dataclass(kw_only=True)
class Summary:
    """Counts of one recording, or of several added up.

    Attributes
    ----------
    by_type : Counter
        Frames of both directions by the type that they map to.
    with_field : Counter
        Frames that carry a `seq`, an `exchange_ts_ns`, a `request_id`.
    duration_ns : int
        From the earliest to the latest frame, summed over recordings.
    """

    by_type: Counter[MsgType] = field(default_factory=Counter)
    with_field: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    duration_ns: int = 0

    def __add__(self, other: Summary) -> Summary:
        return Summary(
            by_type=self.by_type + other.by_type,
            with_field=self.with_field + other.with_field,
            sent=self.sent + other.sent,
            duration_ns=self.duration_ns + other.duration_ns,
        )

    def facts(self) -> dict[str, Any]:
        """Lay it out as a JSON object; a rate or a share without anything to divide by is null."""
        frames, seconds = self.by_type.total(), self.duration_ns / _SECOND_NS
        return {
            "frames": frames,
            "sent": self.sent,
            "types": {msg_type.name: self.by_type[msg_type] for msg_type in MsgType},
            **{f"{name}_ratio": self.with_field[name] / frames if frames else None for name in _FIELDS},
            "seconds": seconds,
            "frames_per_s": frames / seconds if seconds else None,
        }


def summarize(frames: Iterable[Frame]) -> Summary:
    """Map and count the frames of one recording."""
    summary = Summary()
    mapper = FrameMapper()
    first_ns = last_ns = None
    for frame in frames:
        message = mapper.to_message(frame)
        summary.by_type[message.msg_type] += 1
        summary.sent += frame.direction == "send"
        for name in _FIELDS:
            summary.with_field[name] += getattr(message, name) != MISSING
        first_ns = frame.ts_ns if first_ns is None else min(first_ns, frame.ts_ns)
        last_ns = frame.ts_ns if last_ns is None else max(last_ns, frame.ts_ns)
    if first_ns is not None and last_ns is not None:
        summary.duration_ns = last_ns - first_ns
    return summary

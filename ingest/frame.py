"""One frame of a connection, as it was received or sent."""

from __future__ import annotations

from typing import Literal, NamedTuple

Direction = Literal["recv", "send"]


class Frame(NamedTuple):
    """One frame of a connection; a protocol ping that the venue sent is the text `ping`."""

    ts_ns: int
    direction: Direction
    text: str

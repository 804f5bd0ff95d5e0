"""How single subscriptions are written down in every profile."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from synthetic.behaviour import Channel, Mix, Periodic

SELDOM: Final = 0.01
"""Weight of subscriptions that show nothing of the venue, or that hardly a client has alone.

Trades without numbers, or statistics at so many a second, come from any venue: a model that is taught to name them
takes unknown venues for the one that it has them from.
"""


def alone(
    channel: Channel, *, weight: float, most_symbols: int | None = None, snapshot_bytes: int | None = None
) -> Mix:
    """Subscribe to nothing but a channel."""
    return Mix(
        name=channel.name,
        weight=weight,
        channels=(replace(channel, probability=1.0),),
        most_symbols=most_symbols,
        snapshot_bytes=snapshot_bytes,
    )


def clock_alone(periodic: Periodic, *, weight: float, snapshot_bytes: int | None = None) -> Mix:
    """Subscribe to nothing but what the clock sends."""
    return Mix(
        name=periodic.name,
        weight=weight,
        periodics=(replace(periodic, probability=1.0),),
        snapshot_bytes=snapshot_bytes,
    )

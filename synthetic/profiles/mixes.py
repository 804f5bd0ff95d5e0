"""How single subscriptions are written down in every profile."""

from __future__ import annotations

from dataclasses import replace

from synthetic.behaviour import Channel, Mix, Periodic


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

"""Whether a drawn behaviour could be taken for a known venue's."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Final

from synthetic.behaviour import Channel, MarketProfile, Mix, OrderProfile, Periodic, Profile, Reports, SeqRule, Ticks
from synthetic.profiles import profiles

_NEAR: Final = log(1.1)
_MOST_LAG_MS: Final = 0.5
"""Times that are taken longer before the frame leaves come out of order often enough to be seen."""


def resembles_a_known_venue(profile: Profile) -> bool:
    """Say whether what defines a behaviour is also a known venue's.

    The clock's frames, batching and sequence numbers define a feed: it resembles a known one if, in one of its mixes,
    the same types come at the same periods (those that not every session of the known one has may be missing), each of
    its channels has the tick pattern, the period, the numbers and the resolution of time of some channel there, and
    both or neither hide changes from its numbers. Reports and idle heartbeats come in for order entry.
    Periods within a tenth of each other are the same. A feed that has none of these traits is nobody's in particular:
    it resembles no one, though a known one is not told from it while its heartbeats are away.

    >>> from synthetic.profiles import profile
    >>> resembles_a_known_venue(profile("kraken-v2-market"))
    True
    """
    return any(_resembles(profile, known) for known in profiles())


def _resembles(profile: Profile, known: Profile) -> bool:
    if isinstance(profile, MarketProfile) and isinstance(known, MarketProfile):
        return any(_same_mix(profile, profile.mixes[0], known, mix) for mix in known.mixes)
    return (
        isinstance(profile, OrderProfile)
        and isinstance(known, OrderProfile)
        and _same_beats(profile.periodics, known.periodics)
        and _same_orders(profile, known)
    )


def _same_mix(profile: MarketProfile, mix: Mix, known: MarketProfile, known_mix: Mix) -> bool:
    beats = profile.periodics + mix.periodics
    has_traits = len(beats) > 0 or any(c.ticks is not None or c.seq is not SeqRule.NONE for c in mix.channels)
    return (
        has_traits
        and _same_beats(beats, known.periodics + known_mix.periodics)
        and _hides(profile, mix.channels) is _hides(known, known_mix.channels)
        and _same_channels(mix.channels, known_mix.channels)
    )


def _hides(profile: MarketProfile, channels: Sequence[Channel]) -> bool:
    """Say whether the numbers of these channels leave out changes."""
    counts = any(c.seq in (SeqRule.SYMBOL, SeqRule.VENUE) and not c.complete for c in channels)
    return counts and profile.hidden_updates > 0


def _same_beats(beats: Sequence[Periodic], known: Sequence[Periodic]) -> bool:
    return all(any(_same_beat(b, k) for k in known) for b in beats) and all(
        any(_same_beat(b, k) for b in beats) for k in known if k.probability == 1
    )


def _same_beat(one: Periodic, other: Periodic) -> bool:
    return one.msg_type is other.msg_type and _is_near(one.period_s, other.period_s)


def _same_channels(channels: Sequence[Channel], known: Sequence[Channel]) -> bool:
    return all(any(_same_channel(c, k) for k in known) for c in channels)


def _same_channel(one: Channel, other: Channel) -> bool:
    return (
        one.seq is other.seq
        and one.exchange_time_ns == other.exchange_time_ns
        and _lags(one) is _lags(other)
        and _same_ticks(one.ticks, other.ticks)
    )


def _lags(channel: Channel) -> bool:
    return channel.exchange_time_ns is not None and channel.time_lag_ms > _MOST_LAG_MS


def _same_ticks(one: Ticks | None, other: Ticks | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.pattern is other.pattern and any(_is_near(a, b) for a in one.period_ms for b in other.period_ms)


def _same_orders(one: OrderProfile, other: OrderProfile) -> bool:
    return (
        one.seq is other.seq
        and (one.idle_heartbeat is None) is (other.idle_heartbeat is None)
        and (_told(one.reports) <= _told(other.reports))
    )


def _told(alternatives: Sequence[Reports]) -> set[tuple[int, int, int, int, SeqRule] | None]:
    """List what sessions may be told: how many frames of each kind and with what numbers, or nothing."""
    told: set[tuple[int, int, int, int, SeqRule] | None] = {
        (r.placed, r.cancelled, r.traded, r.completed, r.seq) for r in alternatives
    }
    return told | ({None} if sum(r.probability for r in alternatives) < 1 else set())


def _is_near(one: float, other: float) -> bool:
    return abs(log(one / other)) < _NEAR

import re
from collections import Counter
from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from synthetic.behaviour import (
    Channel,
    MarketProfile,
    Mix,
    Opening,
    OrderProfile,
    Periodic,
    Profile,
    SeqRule,
    TickPattern,
    Ticks,
    Trigger,
)
from synthetic.generate import generate_session
from synthetic.open_world.resemblance import resembles_a_known_venue
from synthetic.open_world.unknown_venues import draw_unknown_profile, unknown_venue_sessions
from synthetic.profiles import profile, profiles
from synthetic.sessions import LabelledSession, synthetic_sessions
from udfs.errors import ConfigError
from udfs.schema import MISSING, SESSION_COLUMNS, UNKNOWN, MsgType, Session

START_NS = 1_700_000_000_000_000_000
N_PROFILES = 2000


@pytest.fixture(scope="module")
def drawn() -> list[Profile]:
    return [draw_unknown_profile(np.random.default_rng((7, k))) for k in range(N_PROFILES)]


@pytest.fixture(scope="module")
def sessions() -> list[LabelledSession]:
    return unknown_venue_sessions(n=150, seed=1, start_ns=START_NS, n_messages=300)


def columns(labelled: LabelledSession) -> bytes:
    return b"".join(getattr(labelled.session, name).tobytes() for name in SESSION_COLUMNS)


def markets(drawn: list[Profile]) -> list[MarketProfile]:
    return [p for p in drawn if isinstance(p, MarketProfile)]


def invented(drawn: list[Profile]) -> list[MarketProfile]:
    """Leave out the feeds that are known ones with some traits altered."""
    return [p for p in markets(drawn) if p.name == "unknown-market"]


def test_the_seed_and_the_place_decide_everything(sessions: list[LabelledSession]) -> None:
    fewer = unknown_venue_sessions(n=20, seed=1, start_ns=START_NS, n_messages=300)
    other = unknown_venue_sessions(n=20, seed=2, start_ns=START_NS, n_messages=300)
    assert [columns(d) for d in fewer] == [columns(d) for d in sessions[:20]]
    assert [d.session.connection_id for d in fewer] == [d.session.connection_id for d in sessions[:20]]
    assert not {columns(d) for d in other} & {columns(d) for d in fewer}


def test_unknown_venues_are_unknown_and_declare_nothing(sessions: list[LabelledSession]) -> None:
    assert all(d.exchange == UNKNOWN and d.session.declared_exchange is None for d in sessions)
    assert [d.profile for d in sessions] == [f"unknown-venue-1-{k}" for k in range(150)]
    assert all(d.anomalies == () for d in sessions)


def test_connection_ids_are_distinct_from_each_other_and_from_the_known(sessions: list[LabelledSession]) -> None:
    ids = [d.session.connection_id for d in sessions]
    known = [d.session.connection_id for d in synthetic_sessions(per_exchange=20, seed=1, start_ns=0, n_messages=10)]
    assert all(re.fullmatch(r"conn-\d{4}-[0-9a-f]{4}", i) for i in ids)
    assert len(set(ids + known)) == len(ids) + len(known)


def test_an_unknown_venues_session_is_well_formed(sessions: list[LabelledSession]) -> None:
    for session in (d.session for d in sessions):
        assert len(session) == 300
        assert (np.diff(session.recv_ts_ns) >= 0).all()
        assert session.recv_ts_ns[0] >= START_NS
        assert (session.payload_bytes >= 2).all()
        assert set(np.unique(session.msg_type)) <= {int(t) for t in MsgType}


def test_a_duration_is_kept() -> None:
    for labelled in unknown_venue_sessions(n=10, seed=4, start_ns=START_NS, duration_s=30.0):
        assert (int(labelled.session.recv_ts_ns[-1]) - START_NS) / 1e9 < 50


def test_the_length_is_checked() -> None:
    with pytest.raises(ConfigError, match="give exactly one"):
        unknown_venue_sessions(n=1, seed=1, start_ns=0)


def test_most_are_feeds_and_some_take_orders(drawn: list[Profile]) -> None:
    # 0.85 before those that resemble a known venue are drawn anew; a share of 2000 is off by 0.02 at most.
    assert 0.82 < len(markets(drawn)) / N_PROFILES < 0.88


def test_half_number_their_frames_and_by_every_rule(drawn: list[Profile]) -> None:
    rules = [{c.seq for c in p.mixes[0].channels} - {SeqRule.NONE} for p in invented(drawn)]
    assert 0.42 < np.mean([len(r) > 0 for r in rules]) < 0.52
    counts = Counter(rule for r in rules for rule in r)
    assert set(counts) == set(SeqRule) - {SeqRule.NONE}
    assert min(counts.values()) > 0.04 * len(rules)


def test_half_have_heartbeats_of_all_kinds(drawn: list[Profile]) -> None:
    own = [p for p in drawn if p.name.startswith("unknown") and p.name != "unknown-clockwork"]
    with_any = [p for p in own if p.periodics]
    # 0.55 are drawn; the tenth that resembles a known venue and is drawn anew has none more often than not.
    assert 0.5 < len(with_any) / len(own) < 0.62
    beats = [beat for p in with_any for beat in p.periodics]
    periods = np.array([b.period_s for b in beats])
    assert periods.min() >= 0.5
    assert periods.max() <= 60
    # A quarter of [0.5, 60] on a logarithmic scale is a factor of 3.3: none of them is empty.
    assert np.histogram(np.log(periods), 4, (np.log(0.5), np.log(60.0)))[0].min() > 0.1 * len(beats)
    assert {b.msg_type for b in beats} == {MsgType.HEARTBEAT, MsgType.OTHER, MsgType.NEW}
    for trait in ("per_symbol", "utc_aligned", "answered"):
        assert 0.1 < np.mean([getattr(b, trait) for b in beats]) < 0.4


def test_half_batch_by_all_patterns_and_periods(drawn: list[Profile]) -> None:
    ticks = [[c.ticks for c in p.mixes[0].channels if c.ticks is not None] for p in invented(drawn)]
    assert 0.35 < np.mean([len(t) > 0 for t in ticks]) < 0.6
    flat = [t for of_one in ticks for t in of_one]
    assert {t.pattern for t in flat} == set(TickPattern)
    periods = [t.period_ms[0] for t in flat]
    assert min(periods) >= 5
    assert max(periods) <= 2000
    assert {10, 20, 25, 40, 100, 200, 250, 300, 400, 500} <= set(periods)
    assert 0.2 < np.mean([t.excess_ms > 0 for t in flat]) < 0.8


def test_openings_differ(drawn: list[Profile]) -> None:
    openings = [p.opening for p in markets(drawn)]
    assert max(o.most_requests for o in openings) >= 38
    assert min(o.most_requests for o in openings) == 1
    for trait in ("greeting", "acknowledged", "ack_per_symbol", "ack_has_request_id"):
        assert 0.1 < np.mean([getattr(o, trait) for o in openings]) < 0.9


def test_sessions_are_as_diverse_as_their_behaviours(sessions: list[LabelledSession]) -> None:
    # Heartbeats of a minute's period are not all seen within 300 messages.
    beats = [bool((d.session.msg_type == MsgType.HEARTBEAT).any()) for d in sessions]
    numbers = [bool((d.session.seq != MISSING).any()) for d in sessions]
    assert 0.15 < np.mean(beats) < 0.6
    assert 0.3 < np.mean(numbers) < 0.6
    assert 0.5 < np.mean([b or n for b, n in zip(beats, numbers, strict=True)]) < 0.85


def test_an_unknown_venue_is_never_one_of_the_known(drawn: list[Profile]) -> None:
    assert not any(resembles_a_known_venue(p) for p in drawn if p.name != "unknown-fix-orders")
    for p in markets(drawn):
        channels = p.mixes[0].channels
        beats = sorted((b.msg_type.name, round(b.period_s, 1)) for b in p.periodics)
        rules = {c.seq for c in channels}
        batched = {(c.ticks.pattern, c.ticks.period_ms[0]) for c in channels if c.ticks is not None}
        steps = {c.exchange_time_ns for c in channels}
        if any(c.time_lag_ms > 0.5 or c.complete for c in channels):
            continue
        # Kraken v2, Coinbase's tickers, Advanced Trade without batches or Binance's depth: written out by hand.
        assert (beats, rules, batched, steps) != ([("HEARTBEAT", 1.0)], {SeqRule.NONE}, set(), {1_000})
        assert (beats, rules, batched, steps) != ([("HEARTBEAT", 1.0)], {SeqRule.CONNECTION}, set(), {1_000})
        if p.hidden_updates > 0:
            depth = ({SeqRule.SYMBOL}, {(TickPattern.GRID, 100.0)}, {1_000_000})
            assert (beats, rules, batched, steps) != ([("HEARTBEAT", 1.0)], {SeqRule.SYMBOL}, set(), {1_000})
            assert (beats, rules, batched, steps) != ([("HEARTBEAT", 20.0)], *depth)
            assert (beats, rules, batched, steps) != ([], *depth)


def test_a_session_of_fix_has_what_the_protocol_fixes_and_sizes_of_its_own(drawn: list[Profile]) -> None:
    sessions = [p for p in drawn if isinstance(p, OrderProfile) and p.name == "unknown-fix-orders"]
    # 15% take orders, of which 30% by FIX.
    assert 0.02 < len(sessions) / N_PROFILES < 0.08
    assert {p.seq for p in sessions} == {p.opening.seq for p in sessions} == {SeqRule.CONNECTION}
    assert all(p.idle_heartbeat is not None and p.opening.most_requests == 1 for p in sessions)
    assert len({(p.request_bytes, p.ack_bytes) for p in sessions}) > 0.9 * len(sessions)


def market(name: str) -> MarketProfile:
    return cast(MarketProfile, profile(name))


def with_beat(name: str, period_s: float) -> MarketProfile:
    found = market(name)
    return replace(found, periodics=(replace(found.periodics[0], period_s=period_s),))


def with_depth(**changes: object) -> MarketProfile:
    spot = market("binance-spot-market")
    depth = replace(spot.mixes[0].channels[0], **changes)  # type: ignore[arg-type]
    return replace(spot, mixes=(Mix(name="depth", channels=(depth,)),))


@pytest.mark.parametrize("known", profiles(), ids=lambda p: p.name)
def test_every_known_venue_resembles_itself(known: Profile) -> None:
    assert resembles_a_known_venue(replace(known, name="x", exchange=UNKNOWN))


@pytest.mark.parametrize(
    ("candidate", "resembles"),
    [
        (with_beat("kraken-v2-market", 1.05), True),
        (with_beat("kraken-v2-market", 1.2), False),
        (with_beat("kraken-v2-market", 5.0), False),
        (replace(market("binance-spot-market"), periodics=()), True),  # half of the recorders see no ping
        (with_depth(), True),
        (with_depth(ticks=Ticks(pattern=TickPattern.GRID, period_ms=(104.0,))), True),
        (with_depth(ticks=Ticks(pattern=TickPattern.GRID, period_ms=(200.0,))), False),
        (with_depth(ticks=Ticks(pattern=TickPattern.SUCCESSION, period_ms=(100.0,))), False),
        (with_depth(seq=SeqRule.VENUE), False),
        (with_depth(seq=SeqRule.CLOCK), False),
        # Nothing is nobody's, though Kraken's channels have no more
        (replace(market("kraken-v2-market"), periodics=()), False),
        (replace(cast(OrderProfile, profile("kraken-orders")), periodics=()), False),
        (replace(cast(OrderProfile, profile("binance-orders")), reports=()), True),
        (replace(cast(OrderProfile, profile("coinbase-orders")), reports=()), False),
        (replace(cast(OrderProfile, profile("coinbase-orders")), idle_heartbeat=None), False),
    ],
)
def test_resemblance_is_about_clock_batches_and_numbers(candidate: Profile, resembles: bool) -> None:
    assert resembles_a_known_venue(candidate) is resembles


# What the vocabulary has for unknown venues only.


def feed(seq: SeqRule, *, opening: Opening | None = None, periodics: tuple[Periodic, ...] = ()) -> MarketProfile:
    silent = Opening(
        greeting=False, subscribe_probability=0.0, ack_per_symbol=False, ack_has_request_id=False, snapshot_bytes=0
    )
    channel = Channel(name="c", trigger=Trigger.BOOK, seq=seq, payload_bytes=100, exchange_time_ns=1_000_000)
    return MarketProfile(
        name="x",
        exchange=UNKNOWN,
        mixes=(Mix(name="c", channels=(channel,)),),
        periodics=periodics,
        opening=silent if opening is None else opening,
        hidden_updates=0.0,
    )


def draw(behaviour: Profile, seed: int, n_messages: int = 400) -> Session:
    return generate_session(
        behaviour,
        rng=np.random.default_rng(seed),
        start_ns=START_NS,
        connection_id="c",
        n_messages=n_messages,
    )


def test_a_clocks_numbers_are_the_venues_time_in_milliseconds() -> None:
    for seed in range(5):
        session = draw(feed(SeqRule.CLOCK), seed)
        # The host's clock is off by a constant; each of the two is rounded down to a millisecond.
        off_ms = session.seq - session.exchange_ts_ns // 1_000_000
        # What one order trades within a millisecond has one time.
        assert off_ms.max() - off_ms.min() <= 2
        assert abs(off_ms).max() < 2000


@pytest.mark.parametrize("venue_ids_hz", [50.0, 100_000.0])
def test_a_venues_counter_runs_as_fast_as_told(venue_ids_hz: float) -> None:
    session = draw(replace(feed(SeqRule.VENUE), venue_ids_hz=venue_ids_hz), 1)
    passed_s = int(session.exchange_ts_ns[-1] - session.exchange_ts_ns[0]) / 1e9
    # Beside the venue's, each of the session's own events has an id.
    expected = venue_ids_hz * passed_s + len(session)
    assert int(session.seq.max() - session.seq.min()) == pytest.approx(expected, rel=0.02, abs=5)


def test_requests_may_go_unanswered() -> None:
    opening = Opening(
        greeting=False,
        subscribe_probability=1.0,
        acknowledged=False,
        ack_per_symbol=True,
        ack_has_request_id=True,
        snapshot_bytes=50_000,
    )
    session = draw(feed(SeqRule.NONE, opening=opening), 1)
    assert not (session.msg_type == MsgType.ACK).any()
    assert (session.request_id != MISSING).any()
    assert (session.payload_bytes > 20_000).any()


def test_a_venue_may_limit_symbols() -> None:
    opening = Opening(
        greeting=False, subscribe_probability=1.0, ack_per_symbol=False, ack_has_request_id=False, snapshot_bytes=50_000
    )
    unlimited = feed(SeqRule.NONE, opening=opening)

    # A symbol has one snapshot.
    def most(behaviour: MarketProfile) -> int:
        return max(int((draw(behaviour, seed).payload_bytes > 20_000).sum()) for seed in range(20))

    assert most(unlimited) > 3
    assert most(replace(unlimited, most_symbols=3)) == 3


def test_some_are_clockwork(drawn: list[Profile]) -> None:
    clockwork = [p for p in markets(drawn) if p.name == "unknown-clockwork"]
    # Of each pass 12%, and few are thrown away for what they resemble.
    assert 0.09 < len(clockwork) / N_PROFILES < 0.15
    for p in clockwork:
        assert p.mixes[0].channels == ()
        (data,) = p.mixes[0].periodics
        assert data.msg_type is MsgType.NEW
        assert 0.002 <= data.period_s <= 2.0
    beats = [p.periodics for p in clockwork]
    assert 0.2 < sum(b == () for b in beats) / len(beats) < 0.5


def test_a_clockwork_feed_has_its_period() -> None:
    data = Periodic(
        name="clock-data", msg_type=MsgType.NEW, period_s=0.1, jitter_ms=0.0, payload_bytes=100, exchange_time_ns=None
    )
    mix = Mix(name="clockwork", periodics=(data,))
    shared = cast(MarketProfile, profile("kraken-v2-market"))
    feed = replace(shared, exchange=UNKNOWN, mixes=(mix,), periodics=())
    session = generate_session(
        feed, rng=np.random.default_rng(3), start_ns=START_NS, connection_id="clock", n_messages=300
    )
    of_data = session.recv_ts_ns[session.msg_type == MsgType.NEW]
    assert np.median(np.diff(of_data[10:])) == pytest.approx(1e8, rel=0.02)

import heapq
import math
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from synthetic.behaviour import Channel, MarketProfile, Profile
from synthetic.generate import generate_session
from synthetic.profiles import profile
from synthetic.sessions import synthetic_sessions
from udfs.schema import EXCHANGES, MISSING, MsgType, Session

START_NS = 1_700_000_000_000_000_000
# First ids of symbols are drawn between 10**7 and 2 * 10**11: those of one symbol lie much closer together.
COUNTERS_APART = 10**5


def draw(behaviour: Profile, seed: int, *, duration_s: float = 120.0) -> Session:
    return generate_session(
        behaviour,
        rng=np.random.default_rng(seed),
        start_ns=START_NS,
        connection_id="conn-0001-00ff",
        duration_s=duration_s,
    )


def market(name: str) -> MarketProfile:
    found = profile(name)
    assert isinstance(found, MarketProfile)
    return found


def only(name: str, *channels: str, period_ms: float | None = None, mix: int = 0) -> MarketProfile:
    """Narrow a profile to some channels, without what the clock sends."""
    found = market(name)
    chosen: list[Channel] = []
    for channel in found.mixes[mix].channels:
        if channel.name in channels:
            ticks = channel.ticks
            if ticks is not None and period_ms is not None:
                ticks = replace(ticks, period_ms=(period_ms,))
            chosen.append(replace(channel, ticks=ticks, probability=1.0))
    return replace(found, mixes=(replace(found.mixes[mix], channels=tuple(chosen), periodics=()),), periodics=())


def main_mix(name: str) -> MarketProfile:
    """Narrow a profile to what most of its clients subscribe to, with what the clock sends."""
    found = market(name)
    return replace(found, mixes=found.mixes[:1])


def without_opening(session: Session) -> np.ndarray:
    """Positions after the last acknowledgement, the snapshots and the first seconds."""
    return np.flatnonzero(session.recv_ts_ns > START_NS + 2_000_000_000)


def by_counter(numbers: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Group (number, anything) by the counter that it must come from, each group in the order given."""
    groups: dict[int, list[tuple[int, int]]] = defaultdict(list)
    last, group = None, -1
    labels = {}
    for number, _ in sorted(numbers):
        if last is None or number - last > COUNTERS_APART:
            group += 1
        labels[number] = group
        last = number
    for pair in numbers:
        groups[labels[pair[0]]].append(pair)
    return list(groups.values())


def resultant_length(times_ns: np.ndarray, period_ns: int) -> float:
    """Circular statistics by a loop: the length of the mean of unit vectors, one for each arrival's phase."""
    x = y = 0.0
    for t in times_ns.tolist():
        angle = 2 * math.pi * (t % period_ns) / period_ns
        x, y = x + math.cos(angle), y + math.sin(angle)
    return math.hypot(x, y) / len(times_ns)


def window_alignment(session: Session, period_ms: int) -> float:
    """Median alignment of windows of 50 messages."""
    times_ns = session.recv_ts_ns[without_opening(session)]
    windows = [times_ns[i : i + 50] for i in range(0, len(times_ns) - 50, 50)]
    return float(np.median([resultant_length(w, period_ms * 1_000_000) for w in windows]))


def gaps_s(times_ns: list[int]) -> np.ndarray:
    return np.diff(times_ns) / 1e9


def heartbeats(session: Session) -> list[tuple[int, int]]:
    found = np.flatnonzero(session.msg_type == MsgType.HEARTBEAT)
    return [(int(session.seq[i]), int(session.recv_ts_ns[i])) for i in found]


@pytest.mark.parametrize("name", ["kraken-v1-market", "kraken-v2-market", "kraken-orders"])
def test_kraken_beats_once_a_second_with_any_traffic(name: str) -> None:
    for seed in range(10):
        beats = heartbeats(draw(profile(name), seed))
        assert 117 <= len(beats) <= 122
        assert np.median(gaps_s([t for _, t in beats])) == pytest.approx(1.0005, abs=0.01)
        assert all(seq == MISSING for seq, _ in beats)


def test_coinbase_advanced_beats_once_a_second_and_counts_its_beats() -> None:
    seen = 0
    for seed in range(20):
        beats = heartbeats(draw(main_mix("coinbase-advanced-market"), seed))
        if beats:
            seen += 1
            assert 117 <= len(beats) <= 122
            assert np.median(gaps_s([t for _, t in beats])) == pytest.approx(1.0, abs=0.01)
            assert all(seq != MISSING for seq, _ in beats)
    assert 12 <= seen <= 20


def test_the_coinbase_feed_beats_once_a_second_for_each_product() -> None:
    several = 0
    for seed in range(20):
        products = by_counter(heartbeats(draw(replace(main_mix("coinbase-feed-market"), most_symbols=8), seed)))
        several += len(products) > 1
        for beats in products:
            assert 117 <= len(beats) <= 122
            assert np.median(gaps_s([t for _, t in beats])) == pytest.approx(1.0, abs=0.02)
            assert all(a <= b for (a, _), (b, _) in zip(beats, beats[1:], strict=False))
    assert several > 3


@pytest.mark.parametrize(
    ("name", "period_s"), [("binance-spot-market", 20.0), ("binance-orders", 20.0), ("binance-usdm-market", 180.0)]
)
def test_binance_pings_and_is_answered(name: str, period_s: float) -> None:
    seen = 0
    for seed in range(16):
        times = [t for _, t in heartbeats(draw(profile(name), seed, duration_s=400.0))]
        if times:
            seen += 1
            pings, pongs = times[0::2], times[1::2]
            assert len(pings) == len(pongs)
            assert (gaps_s(pings) == pytest.approx(period_s, abs=0.5)) if len(pings) > 1 else True
            assert all(0 < pong - ping < 1_000_000 for ping, pong in zip(pings, pongs, strict=True))
    assert 3 <= seen <= 13


@pytest.mark.parametrize("seed", range(8))
def test_the_advanced_sequence_counts_every_frame_of_the_connection(seed: int) -> None:
    session = draw(profile("coinbase-advanced-market"), seed)
    received = [int(s) for s in session.seq if s != MISSING]
    assert received[0] in (0, 1)
    assert received == list(range(received[0], received[0] + len(received)))
    sent = session.request_id[session.seq == MISSING]
    assert len(sent) <= 3


@pytest.mark.parametrize("seed", range(8))
def test_the_full_channel_has_no_gap_in_any_product(seed: int) -> None:
    session = draw(only("coinbase-feed-market", "full", mix=2), seed)
    rows = [(int(s), 0) for s in session.seq if s != MISSING]
    assert len(rows) > 50
    for product in by_counter(rows):
        numbers = [n for n, _ in product]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_the_full_channel_tells_orders_lives_in_runs_of_one_product() -> None:
    """Orders enter by received and open, and leave by match and done: a share of the frames has its product's next."""
    behaviour = only("coinbase-feed-market", "full", mix=2)
    for seed in range(12):
        numbers = [int(s) for s in draw(behaviour, seed).seq if s != MISSING]
        followed = sum(b == a + 1 for a, b in zip(numbers, numbers[1:], strict=False))
        # Of three frames two belong to an event of two frames, so that one of three steps is certain whatever else.
        assert followed / len(numbers) > 0.25


def test_matches_of_a_product_hide_what_became_of_the_filled_order() -> None:
    for seed in range(8):
        session = draw(only("coinbase-feed-market", "matches", mix=1), seed)
        for product in by_counter([(int(s), 0) for s in session.seq if s != MISSING]):
            assert all(b - a >= 2 for (a, _), (b, _) in zip(product, product[1:], strict=False))


def test_level2_has_no_sequence_but_tickers_have() -> None:
    assert (draw(only("coinbase-feed-market", "level2", mix=1), 1).seq == MISSING).all()
    assert (draw(only("coinbase-feed-market", "ticker", mix=1), 1).seq != MISSING).sum() > 10


def test_kraken_market_data_has_no_sequence() -> None:
    for name in ("kraken-v1-market", "kraken-v2-market"):
        assert (draw(profile(name), 2).seq == MISSING).all()


@pytest.mark.parametrize("seed", range(8))
def test_update_ids_of_a_spot_symbol_never_go_back_but_jump(seed: int) -> None:
    session = draw(only("binance-spot-market", "depth", "bookTicker"), seed)
    jumps = total = 0
    for symbol in by_counter([(int(s), 0) for s in session.seq if s != MISSING]):
        steps = [b - a for (a, _), (b, _) in zip(symbol, symbol[1:], strict=False)]
        assert all(step >= 0 for step in steps)
        jumps, total = jumps + sum(step > 1 for step in steps), total + len(steps)
    assert jumps / total > 0.3


def test_a_depth_event_seldom_ends_with_a_change_of_the_best_price() -> None:
    """Of the recorded spot depth events 0.14 to 0.25 have the update id of the last bookTicker."""
    shares = []
    for seed in range(60):
        session = draw(only("binance-spot-market", "depth", "bookTicker"), seed, duration_s=60.0)
        # Of the two, only depth events carry the venue's time.
        rows = zip(session.seq.tolist(), session.exchange_ts_ns.tolist(), strict=True)
        for symbol in by_counter([(s, t) for s, t in rows if s != MISSING]):
            last, same, n = None, 0, 0
            for number, time_ns in symbol:
                if time_ns == MISSING:
                    last = number
                elif last is not None:
                    same, n = same + (number == last), n + 1
            if n > 25:
                shares.append(same / n)
    assert 0.05 < np.median(shares) < 0.25


def test_futures_ids_run_with_the_venue() -> None:
    rates_hz = []
    for seed in range(8):
        session = draw(only("binance-usdm-market", "bookTicker"), seed)
        rows = session.seq != MISSING
        seq, times_ns = session.seq[rows], session.recv_ts_ns[rows]
        rates_hz.append((int(seq.max()) - int(seq.min())) / ((int(times_ns[-1]) - int(times_ns[0])) / 1e9))
    # The session's own changes, 41 ids each, come on top where its market is lively.
    assert min(rates_hz) == pytest.approx(20_000, rel=0.05)
    assert np.median(rates_hz) < 30_000


def test_spot_depth_keeps_to_one_grid_for_all_symbols() -> None:
    behaviour = only("binance-spot-market", "depth", period_ms=100.0)
    assert np.median([window_alignment(draw(behaviour, seed), 100) for seed in range(12)]) > 0.9


def test_the_grid_of_spot_depth_drifts_so_that_a_whole_session_is_less_aligned() -> None:
    session = draw(only("binance-spot-market", "depth", period_ms=100.0), 5, duration_s=300.0)
    assert resultant_length(session.recv_ts_ns, 100_000_000) < 0.6


def test_futures_depth_follows_its_last_batch_and_has_no_phase() -> None:
    behaviour = only("binance-usdm-market", "depth", period_ms=103.0)
    lengths = []
    for seed in range(12):
        session = draw(behaviour, seed)
        lengths.append(resultant_length(session.recv_ts_ns, 100_000_000))
    assert np.median(lengths) < 0.15


def test_level2_batch_ticks_each_50_ms_and_level2_does_not() -> None:
    batched = only("coinbase-feed-market", "level2_batch", mix=0)
    straight = only("coinbase-feed-market", "level2", mix=1)
    assert np.median([window_alignment(draw(batched, seed), 50) for seed in range(12)]) > 0.85
    assert np.median([window_alignment(draw(straight, seed), 50) for seed in range(12)]) < 0.45


def test_kraken_has_no_tick() -> None:
    for name in ("kraken-v1-market", "kraken-v2-market"):
        lengths = [resultant_length(draw(profile(name), seed).recv_ts_ns, 100_000_000) for seed in range(12)]
        assert np.median(lengths) < 0.15


def test_kraken_v1_puts_an_instant_into_one_frame_and_v2_does_not() -> None:
    def close_share(name: str) -> float:
        shares = [(np.diff(draw(only(name, "book"), s).recv_ts_ns) < 300_000).mean() for s in range(12)]
        return float(np.median(shares))

    assert close_share("kraken-v1-market") < 0.05
    assert close_share("kraken-v2-market") > 0.2


def test_openings_are_answered() -> None:
    for name, greeted in [("kraken-v1-market", True), ("kraken-v2-market", True), ("coinbase-feed-market", False)]:
        first = [MsgType(int(t)).name for t in draw(profile(name), 3).msg_type[:12]]
        assert ("OTHER" in first) is greeted
        assert "ACK" in first
        assert first.index("NEW") < first.index("ACK")


def test_rate_alone_tells_the_exchange_hardly_better_than_chance() -> None:
    rates, labels = [], []
    for labelled in synthetic_sessions(per_exchange=400, seed=2, start_ns=0, n_messages=500):
        session = labelled.session
        rates.append(np.log((len(session) - 1) / (int(session.recv_ts_ns[-1]) - int(session.recv_ts_ns[0]))))
        labels.append(EXCHANGES.index(labelled.exchange))
    hits = 0
    for i, rate in enumerate(rates):
        nearest = heapq.nsmallest(15, ((abs(rate - other), j) for j, other in enumerate(rates) if j != i))
        votes = [labels[j] for _, j in nearest]
        hits += max(set(votes), key=votes.count) == labels[i]
    # Chance is 1/3 with a standard error of 0.014; a median of 400 has one of 0.1.
    assert hits / len(rates) < 0.42
    medians = [np.median([r for r, e in zip(rates, labels, strict=True) if e == k]) for k in range(3)]
    assert max(medians) - min(medians) < np.log(1.5)


def test_rates_drift_within_a_session() -> None:
    """The messages of a second vary more than those of a Poisson process, whose variance is its mean."""
    ratios = []
    for seed in range(12):
        session = draw(only("kraken-v2-market", "book"), seed, duration_s=200.0)
        seconds = (session.recv_ts_ns - session.recv_ts_ns[0]) // 1_000_000_000
        counts = np.bincount(seconds)
        ratios.append(counts.var() / counts.mean())
    assert np.median(ratios) > 2

"""The channels that each interface documents, alone and in the usual mixes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from synthetic.behaviour import Channel, MarketProfile, Mix, TickPattern, Ticks, Trigger
from synthetic.environment import QUIET_SHARE, draw_circumstances, draw_market_rates
from synthetic.market_plan import draw_market_plan, draw_mix
from synthetic.profiles import profile, profiles
from synthetic.profiles.binance_streams import enveloped
from synthetic.subscriptions import ORDER_ENTRY, Subscription, subscribed_sessions, subscriptions
from synthetic.ticks import tick_times
from udfs.schema import EXCHANGES, MISSING, SESSION_COLUMNS, MsgType, Session

START_NS = 1_700_000_000_000_000_000
SNAPSHOT_BYTES = 5_000

# From the lists of channels in the venues' documentation, without those that need an account's data.
DOCUMENTED = {
    "binance-spot-market": (
        "depth, partial depth, bookTicker, trade, aggTrade, kline, miniTicker, ticker, ticker_1h, avgPrice, "
        "referencePrice, !miniTicker@arr, !ticker_1h@arr"
    ),
    "binance-usdm-market": (
        "depth, partial depth, bookTicker, aggTrade, rpiDepth, kline, continuousKline, miniTicker, ticker, forceOrder, "
        "markPrice, compositeIndex, assetIndex, !miniTicker@arr, !ticker@arr"
    ),
    "binance-coinm-market": (
        "depth, partial depth, bookTicker, aggTrade, kline, continuousKline, indexPriceKline, markPriceKline, "
        "miniTicker, ticker, forceOrder, markPrice, indexPrice, !miniTicker@arr, !ticker@arr"
    ),
    "binance-sbe-market": "depth (SBE), depth20 (SBE), bestBidAsk (SBE), trade (SBE)",
    "coinbase-feed-market": (
        "level2_batch, level2, level3, full, ticker, ticker_batch, matches, heartbeat, status, auction"
    ),
    "coinbase-advanced-market": (
        "level2, ticker, market_trades, heartbeats, candles + heartbeats, ticker_batch + heartbeats, "
        "status + heartbeats"
    ),
    "kraken-v1-market": "ticker, ohlc, trade, spread, book",
    "kraken-v2-market": "ticker, book, level3, ohlc, trade, instrument",
}


def subscription(interface: str, channels: str) -> Subscription:
    return next(s for s in subscriptions() if (s.interface, s.channels) == (interface, channels))


def draw(interface: str, channels: str, *, n: int = 6, n_messages: int = 300) -> list[Session]:
    drawn = subscribed_sessions(
        subscription(interface, channels), n=n, seed=1, start_ns=START_NS, n_messages=n_messages
    )
    return [labelled.session for labelled in drawn]


def draw_one_symbol(interface: str, channels: str, *, n: int = 6, n_messages: int = 300) -> list[Session]:
    wanted = subscription(interface, channels)
    assert isinstance(wanted.behaviour, MarketProfile)
    narrowed = replace(wanted, behaviour=replace(wanted.behaviour, most_symbols=1))
    drawn = subscribed_sessions(narrowed, n=n, seed=1, start_ns=START_NS, n_messages=n_messages)
    return [labelled.session for labelled in drawn]


def columns(session: Session) -> bytes:
    return b"".join(getattr(session, name).tobytes() for name in SESSION_COLUMNS)


def data_rows(session: Session) -> NDArray[np.int64]:
    """Positions of what a subscription brings: no requests, no pings, no first book."""
    is_data = (session.msg_type == MsgType.NEW) & (session.request_id == MISSING)
    return np.flatnonzero(is_data & (session.payload_bytes < SNAPSHOT_BYTES))


@pytest.mark.parametrize("interface", DOCUMENTED)
def test_every_documented_channel_can_be_had_alone(interface: str) -> None:
    names = {s.channels for s in subscriptions() if s.interface == interface}
    assert set(DOCUMENTED[interface].split(", ")) <= names
    assert any(" + " in name for name in names)


def test_every_profile_has_its_subscriptions_under_distinct_names() -> None:
    listed = Counter((s.interface, s.channels) for s in subscriptions())
    assert max(listed.values()) == 1
    assert {interface for interface, _ in listed} == {p.name for p in profiles()}
    assert sum(channels == ORDER_ENTRY for _, channels in listed) == len(EXCHANGES)


def test_a_session_depends_on_seed_place_and_subscription_only() -> None:
    book = subscription("kraken-v1-market", "book")
    few = subscribed_sessions(book, n=2, seed=4, start_ns=START_NS, n_messages=60)
    many = subscribed_sessions(book, n=4, seed=4, start_ns=START_NS, n_messages=60)
    other = subscribed_sessions(book, n=2, seed=5, start_ns=START_NS, n_messages=60)
    assert [columns(d.session) for d in few] == [columns(d.session) for d in many[:2]]
    assert not {columns(d.session) for d in few} & {columns(d.session) for d in other}
    assert {d.session.declared_exchange for d in many} == {"kraken"}


@pytest.mark.parametrize("wanted", subscriptions(), ids=lambda s: f"{s.interface} {s.channels}")
def test_every_subscription_gives_whole_sessions(wanted: Subscription) -> None:
    for labelled in subscribed_sessions(wanted, n=2, seed=3, start_ns=START_NS, n_messages=200):
        assert len(labelled.session) == 200
        assert (np.diff(labelled.session.recv_ts_ns) >= 0).all()
        assert (labelled.session.payload_bytes >= 2).all()


def test_mixes_are_drawn_by_their_weights() -> None:
    known = profile("kraken-v1-market")
    assert isinstance(known, MarketProfile)
    weighed = replace(known, mixes=(Mix(name="a", weight=3.0), Mix(name="b", weight=1.0)))
    rng = np.random.default_rng(0)
    counts = Counter(draw_mix(rng, weighed).name for _ in range(4000))
    assert counts["a"] / 4000 == pytest.approx(0.75, abs=0.03)


def test_most_sessions_have_what_clients_usually_take() -> None:
    for known in profiles():
        if isinstance(known, MarketProfile) and known.name != "binance-sbe-market":
            usual = sum(mix.weight for mix in known.mixes if " + " in mix.name)
            assert usual / sum(mix.weight for mix in known.mixes) > 0.6


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_one_quiet_symbol_and_a_hundred_occur_at_every_venue(exchange: str) -> None:
    rng = np.random.default_rng(2)
    seen = []
    markets = [p for p in profiles() if isinstance(p, MarketProfile) and p.exchange == exchange]
    for k in range(1500):
        circumstances = draw_circumstances(rng, draw_market_rates(rng))
        plan = draw_market_plan(rng, markets[k % len(markets)], circumstances)
        seen.append((len(plan.symbol_weights), circumstances.target_rate_hz))
    assert any(n == 1 and rate_hz < 0.5 for n, rate_hz in seen)
    assert any(n >= 80 for n, _ in seen)
    assert any(n >= 20 and rate_hz < 20 for n, rate_hz in seen)


def test_some_markets_are_quiet() -> None:
    rng = np.random.default_rng(0)
    quiet = [draw_market_rates(rng)[1] < 2 for _ in range(4000)]
    # A share of 4000 is off by 0.015 at most.
    assert np.mean(quiet) == pytest.approx(QUIET_SHARE, abs=0.015)


def test_a_connection_has_no_more_streams_than_documented() -> None:
    for name in ("binance-spot-market", "binance-usdm-market", "binance-coinm-market"):
        known = profile(name)
        assert isinstance(known, MarketProfile)
        assert known.most_symbols is not None
        assert max(len(mix.channels) for mix in known.mixes) * known.most_symbols <= 1024


def test_a_cooldown_sends_with_the_first_event_after_its_rest() -> None:
    #  events  0   1   2   3   4   5   6   7   8   9      a rest of 2.5
    #  sent        ^           ^           ^           ^  from some first one on, three apart
    times_s, ticks = np.arange(10.0), Ticks(pattern=TickPattern.COOLDOWN, period_ms=(2500.0,))
    sent_s = tick_times(
        np.random.default_rng(1), ticks, 2.5, times_s=times_s, symbols=np.zeros(10, dtype=np.int64), n_symbols=1
    )
    leaving = np.unique(sent_s)
    assert (sent_s >= times_s).all()
    assert set(leaving) <= set(times_s)
    assert (np.diff(leaving[:-1]) == 3).all()


def test_candles_of_a_spot_symbol_rest_as_recorded() -> None:
    """Recorded, BINANCE__2021-04-04: gaps of a symbol's kline_1m are 2000 to 3650 ms, none shorter."""
    for session in draw_one_symbol("binance-spot-market", "kline"):
        gaps_s = np.diff(session.exchange_ts_ns[data_rows(session)]) / 1e9
        assert gaps_s.min() > 0.99
        assert min(abs(gaps_s.min() - 1), abs(gaps_s.min() - 2)) < 0.5


def test_snapshots_of_a_few_levels_have_one_size_and_the_books_number() -> None:
    for session in draw_one_symbol("binance-spot-market", "partial depth"):
        rows = data_rows(session)
        sizes = session.payload_bytes[rows]
        assert (session.exchange_ts_ns[rows] == MISSING).all()
        assert (np.diff(session.seq[rows]) > 0).all()
        # Only the digits vary: ten levels a side of 32 bytes do not come and go.
        assert sizes.max() - sizes.min() < 0.25 * sizes.mean()


def test_sbe_frames_are_small_fine_timed_and_twice_as_often() -> None:
    for session in draw_one_symbol("binance-sbe-market", "depth20 (SBE)"):
        rows = data_rows(session)
        times_us = session.exchange_ts_ns[rows] // 1_000
        assert (session.exchange_ts_ns[rows] % 1_000 == 0).all()
        assert (times_us % 1_000 != 0).mean() > 0.9
        assert np.diff(times_us).min() > 45_000
    for session in draw("binance-sbe-market", "bestBidAsk (SBE)"):
        assert np.median(session.payload_bytes[data_rows(session)]) < 100


def test_a_raw_stream_has_no_envelope() -> None:
    # {"stream":"btcusdt@bookTicker","data":...}: 10 + 1 + 18 + 2 + 7 + 1 characters around the payload.
    assert enveloped(107, "bookTicker") == 107 + 39
    spot = profile("binance-spot-market")
    assert isinstance(spot, MarketProfile)
    sizes = {mix.name: [c.payload_bytes for c in mix.channels] for mix in spot.mixes}
    combined, raw = sizes["depth + bookTicker + trade"], sizes["depth + bookTicker + trade, raw"]
    assert [a - b for a, b in zip(combined, raw, strict=True)] == [40, 39, 34]


def test_coin_margined_futures_count_with_the_venue_and_have_both_prices() -> None:
    for session in draw("binance-coinm-market", "depth"):
        assert (session.seq[data_rows(session)] != MISSING).all()
    for channels in ("markPrice", "indexPrice"):
        for session in draw("binance-coinm-market", channels):
            off_ms = session.recv_ts_ns[data_rows(session)] // 1_000_000 % 1000
            # At whole seconds of the venue's clock; the host is 2 to 220 ms away, and jitter has 8 ms.
            assert np.ptp(np.where(off_ms > 900, off_ms - 1000, off_ms)) < 150


def test_a_markets_array_is_one_frame_a_second_and_grows_with_it() -> None:
    spread = []
    for session in draw("binance-spot-market", "!miniTicker@arr", n=12):
        rows = np.flatnonzero((session.msg_type == MsgType.NEW) & (session.request_id == MISSING))
        assert np.median(np.diff(session.recv_ts_ns[rows])) > 0.9e9
        spread.append(np.median(session.payload_bytes[rows]))
    assert max(spread) > 3 * min(spread)


def test_coinbase_level3_is_lists_of_words_and_krakens_is_not() -> None:
    for session in draw("coinbase-feed-market", "level3"):
        lists = session.msg_type == MsgType.OTHER
        assert lists.mean() > 0.9
        assert (session.seq[lists] == MISSING).all()
        assert (session.exchange_ts_ns[lists] == MISSING).all()
    for session in draw("kraken-v2-market", "level3"):
        assert (session.seq == MISSING).all()
        assert (session.exchange_ts_ns[data_rows(session)] == MISSING).all()


def test_slow_channels_come_at_their_documented_periods() -> None:
    for session in draw_one_symbol("coinbase-feed-market", "ticker_batch", n_messages=120):
        times_ns = session.exchange_ts_ns[session.exchange_ts_ns != MISSING]
        assert np.diff(times_ns).min() > 4.9e9
    for session in draw("coinbase-advanced-market", "heartbeats", n_messages=120):
        beats = session.recv_ts_ns[session.msg_type == MsgType.HEARTBEAT]
        assert np.median(np.diff(beats)) == pytest.approx(1e9, rel=0.01)
        counted = session.seq[session.seq != MISSING]
        assert (np.diff(counted) == 1).all()
    for session in draw_one_symbol("coinbase-feed-market", "heartbeat", n_messages=120):
        assert (session.msg_type == MsgType.HEARTBEAT).mean() > 0.9


def test_a_hundred_pairs_begin_with_a_burst_of_snapshots() -> None:
    book = subscription("kraken-v2-market", "book")
    bursts = [
        int((labelled.session.payload_bytes > 1_000).sum())
        for labelled in subscribed_sessions(book, n=60, seed=1, start_ns=START_NS, n_messages=400)
    ]
    assert min(bursts) <= 2
    assert max(bursts) >= 50


def test_a_channel_of_chance_zero_is_taken_when_it_is_the_only_one() -> None:
    known = profile("kraken-v1-market")
    assert isinstance(known, MarketProfile)
    rare = Channel(name="rare", trigger=Trigger.TRADE, probability=0.0, payload_bytes=100, exchange_time_ns=None)
    plan = draw_market_plan(
        np.random.default_rng(0),
        replace(known, mixes=(Mix(name="rare", channels=(rare,)),)),
        draw_circumstances(np.random.default_rng(0), (10.0, 10.0)),
    )
    assert [channel.name for channel, _ in plan.channels] == ["rare"]

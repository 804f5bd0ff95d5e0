import csv
import gzip
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from fingerprint_testing.paths import ORDER_LOGS
from synthetic.behaviour import OrderProfile
from synthetic.environment import draw_circumstances
from synthetic.generate import generate_session
from synthetic.orders import draw_order_frames, draw_order_plan
from synthetic.profiles import profile
from udfs.schema import MISSING, MsgType, Session

NAMES = pytest.mark.parametrize("name", ["binance-orders", "coinbase-orders", "kraken-orders"])


def draw(name: str, seed: int, n_messages: int = 2000) -> Session:
    return generate_session(
        profile(name),
        rng=np.random.default_rng(seed),
        start_ns=1_700_000_000_000_000_000,
        connection_id="conn-0001-00ff",
        n_messages=n_messages,
    )


def order_profile(name: str) -> OrderProfile:
    found = profile(name)
    assert isinstance(found, OrderProfile)
    return found


def latencies_s(session: Session, kind: MsgType = MsgType.ACK) -> list[float]:
    """Match each answer with its request by a dictionary; the opening's answers, which come first, are left out."""
    sent: dict[int, int] = {}
    found = []
    rows = zip(session.recv_ts_ns.tolist(), session.msg_type.tolist(), session.request_id.tolist(), strict=True)
    for t, msg_type, request_id in rows:
        if request_id == MISSING or 1 <= request_id <= 3:
            continue
        if msg_type == MsgType.NEW:
            sent[request_id] = t
        elif msg_type == kind:
            found.append((t - sent[request_id]) / 1e9)
    return found


@NAMES
def test_every_answer_follows_its_own_request(name: str) -> None:
    for seed in range(10):
        session = draw(name, seed)
        asked: set[int] = set()
        answered: Counter[int] = Counter()
        for msg_type, request_id in zip(session.msg_type.tolist(), session.request_id.tolist(), strict=True):
            if msg_type in (MsgType.ACK, MsgType.NACK) and request_id != MISSING:
                assert request_id in asked
                answered[request_id] += 1
            elif request_id != MISSING:
                assert msg_type == MsgType.NEW
                asked.add(request_id)
        assert len(asked) > 100
        # What is not answered is still under way at the end.
        assert len(answered) > 0.5 * len(asked)
        assert max(answered.values()) == 1


@NAMES
def test_refusals_stay_within_a_tenth_and_do_not_take_longer(name: str) -> None:
    shares, haste = [], []
    for seed in range(30):
        session = draw(name, seed, 1500)
        acks, nacks = latencies_s(session), latencies_s(session, MsgType.NACK)
        shares.append(len(nacks) / (len(acks) + len(nacks)))
        if len(nacks) > 20:
            haste.append(np.median(nacks) / np.median(acks))
    assert 0 in shares
    assert 0.01 < max(shares) < 0.15
    assert max(haste) < 1.1


def received(session: Session) -> list[tuple[int, int]]:
    """(type, sequence) of what came in: all but the requests, which are NEW with an id, and beats without sequence."""
    rows = zip(session.msg_type.tolist(), session.seq.tolist(), session.request_id.tolist(), strict=True)
    return [(t, s) for t, s, r in rows if not (t == MsgType.NEW and r != MISSING)]


@pytest.mark.parametrize("seed", range(10))
def test_coinbase_counts_every_message_it_sends_and_none_that_it_gets(seed: int) -> None:
    session = draw("coinbase-orders", seed)
    logon, *rest = received(session)
    assert logon == (MsgType.NEW, MISSING)  # the client's, which has no id to be answered by
    assert rest[0][0] == MsgType.ACK
    numbers = [s for t, s in rest if s != MISSING]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert {t for t, s in rest if s == MISSING} <= {int(MsgType.HEARTBEAT)}


@pytest.mark.parametrize("seed", range(10))
def test_kraken_counts_its_reports_and_binance_nothing(seed: int) -> None:
    assert (draw("binance-orders", seed).seq == MISSING).all()
    numbered = [(t, s) for t, s in received(draw("kraken-orders", seed)) if s != MISSING]
    assert {t for t, _ in numbered} <= {int(MsgType.NEW)}
    assert [s - numbered[0][1] for _, s in numbered] == list(range(len(numbered)))


@pytest.mark.parametrize("period_s", [10.0, 30.0])
def test_a_side_of_coinbase_beats_when_it_has_been_silent_and_only_then(period_s: float) -> None:
    found, rng = order_profile("coinbase-orders"), np.random.default_rng(3)
    circumstances = draw_circumstances(rng, (0.05, 0.05))
    plan = replace(draw_order_plan(rng, found, circumstances), idle_s=period_s, timer_s=None)
    frames = draw_order_frames(rng, found, plan, circumstances, duration_s=2000.0, start_ns=0)
    for outgoing in (False, True):
        rows = sorted(
            (float(t), int(k))
            for t, k, o in zip(frames.times_s, frames.msg_type, frames.outgoing, strict=True)
            if o == outgoing
        )
        assert sum(kind == MsgType.HEARTBEAT for _, kind in rows) > 20
        for (before, _), (after, kind) in zip(rows, rows[1:], strict=False):
            assert after - before <= period_s + 1e-6
            assert kind != MsgType.HEARTBEAT or after - before == pytest.approx(period_s)


def count_reports(name: str, which: int, **fate: float) -> float:
    """Count the frames that an accepted request brings beside its answer, for a trader whose requests share a fate."""
    found, rng = order_profile(name), np.random.default_rng(5)
    circumstances = draw_circumstances(rng, (20.0, 20.0))
    plan = replace(draw_order_plan(rng, found, circumstances), reports=found.reports[which], **fate)
    frames = draw_order_frames(rng, found, plan, circumstances, duration_s=200.0, start_ns=0)
    linked = frames.request_id != MISSING
    n_accepted = int((linked & (frames.msg_type == MsgType.ACK) & (frames.request_id > 3)).sum())
    n_reports = int((~linked & ~frames.outgoing & (frames.msg_type == MsgType.NEW)).sum())
    return n_reports / n_accepted


@pytest.mark.parametrize(
    ("name", "which", "placed", "cancelled", "filled"),
    [
        ("binance-orders", 0, 2, 2, 4),  # executionReport and outboundAccountPosition for each of NEW, CANCELED, TRADE
        ("coinbase-orders", 0, 0, 0, 1),  # New and Canceled are the answers, Trade is not
        ("kraken-orders", 0, 2, 1, 4),  # pending_new, new; canceled; trade, filled
        ("kraken-orders", 1, 1, 1, 3),  # without pending_new
    ],
)
def test_each_venue_reports_an_order_in_its_own_number_of_frames(
    name: str, which: int, placed: int, cancelled: int, filled: int
) -> None:
    assert count_reports(name, which, cancel_share=0.0, fill_share=0.0) == placed
    assert count_reports(name, which, cancel_share=1.0) == cancelled
    assert count_reports(name, which, cancel_share=0.0, fill_share=1.0, trades_each=1.0) == filled


def test_order_entry_keeps_to_the_rate_that_all_venues_allow() -> None:
    for name in ("binance-orders", "coinbase-orders", "kraken-orders"):
        lives_s = [np.ptp(draw(name, seed, 1000).recv_ts_ns) / 1e9 for seed in range(30)]
        assert np.median(1000 / np.array(lives_s)) < 15
        assert 20 < max(1000 / np.array(lives_s)) < 100


def test_the_level_of_latency_is_the_hosts_and_spreads_alike_for_all() -> None:
    levels = {
        name: np.sort([np.log10(np.median(latencies_s(draw(name, seed, 600)))) for seed in range(60)])
        for name in ("binance-orders", "coinbase-orders", "kraken-orders")
    }
    for level in levels.values():
        assert level[-1] - level[0] > 1.2
    middles = [np.median(level) for level in levels.values()]
    assert max(middles) - min(middles) < 0.35


def quantile_ratios(values: list[float]) -> tuple[float, float, float]:
    p10, p50, p90, p99 = np.quantile(values, [0.1, 0.5, 0.9, 0.99])
    return p10 / p50, p90 / p50, p99 / p50


def logged_ratios() -> list[tuple[float, float, float]]:
    ratios = []
    for path in sorted(ORDER_LOGS.glob("binance_*.csv.gz")):
        pending: dict[str, tuple[int, str]] = {}
        waits: dict[str, list[float]] = {"PENDING_CREATE": [], "PENDING_CANCEL": []}
        with gzip.open(path, "rt") as lines:
            for row in csv.DictReader(lines):
                if row["Status"] in waits:
                    pending[row["Order_ID"]] = (int(row["Timestamp"]), row["Status"])
                elif row["Order_ID"] in pending:
                    sent_ms, kind = pending.pop(row["Order_ID"])
                    waits[kind].append(int(row["Timestamp"]) - sent_ms)
        ratios += [quantile_ratios(w) for w in waits.values()]
    return ratios


@pytest.mark.skipif(not ORDER_LOGS.is_dir(), reason=f"no order logs at {ORDER_LOGS} (FINGERPRINT_ORDER_LOGS)")
def test_binance_latencies_have_the_shape_of_the_recorded_ones() -> None:
    logged = np.array(logged_ratios())
    assert logged.shape == (6, 3)
    low, high = logged.min(axis=0), logged.max(axis=0)
    drawn = np.array([quantile_ratios(latencies_s(draw("binance-orders", seed, 5000))) for seed in range(40)])
    middle = np.median(drawn, axis=0)
    assert ((low < middle) & (middle < high)).all()
    near = (drawn > low * 0.85) & (drawn < high * 1.15)
    assert (near.mean(axis=0) > 0.85).all()

import csv
import gzip
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from synthetic.generate import generate_session
from synthetic.profiles import profile
from udfs.schema import MISSING, MsgType, Session

ORDER_LOGS = Path(os.environ.get("FINGERPRINT_ORDER_LOGS", Path(__file__).parents[2] / ".." / "shared" / "order_logs"))
NAMES = pytest.mark.parametrize("name", ["binance-orders", "coinbase-orders", "kraken-orders"])


def draw(name: str, seed: int, n_messages: int = 2000) -> Session:
    return generate_session(
        profile(name),
        rng=np.random.default_rng(seed),
        start_ns=1_700_000_000_000_000_000,
        connection_id="conn-0001-00ff",
        n_messages=n_messages,
    )


def latencies_s(session: Session, kind: MsgType = MsgType.ACK) -> list[float]:
    """Match each answer with its request by a dictionary; the opening's answers, which come first, are left out."""
    sent: dict[int, int] = {}
    found = []
    for t, msg_type, request_id in zip(session.recv_ts_ns, session.msg_type, session.request_id, strict=True):
        if request_id == MISSING or 1 <= request_id <= 3:
            continue
        if msg_type == MsgType.NEW:
            sent[int(request_id)] = int(t)
        elif msg_type == kind:
            found.append((int(t) - sent[int(request_id)]) / 1e9)
    return found


@NAMES
def test_every_answer_follows_its_own_request(name: str) -> None:
    for seed in range(10):
        session = draw(name, seed)
        asked: set[int] = set()
        answered: Counter[int] = Counter()
        for msg_type, request_id in zip(session.msg_type, session.request_id, strict=True):
            if msg_type in (MsgType.ACK, MsgType.NACK) and request_id != MISSING:
                assert int(request_id) in asked
                answered[int(request_id)] += 1
            elif request_id != MISSING:
                assert msg_type == MsgType.NEW
                asked.add(int(request_id))
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


def test_kraken_and_coinbase_reports_are_counted_without_gap_and_binance_has_none() -> None:
    for seed in range(10):
        assert (draw("binance-orders", seed).seq == MISSING).all()
        for name in ("coinbase-orders", "kraken-orders"):
            numbers = [int(s) for s in draw(name, seed).seq if s != MISSING]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True


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

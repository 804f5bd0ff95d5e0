"""What somebody's first program sends, a timer's messages with a heartbeat now and then, is no exchange."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from jobs.reference.scored_captures import verdict_of
from model.artifact.artifact_folder import load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from udfs.schema import MISSING, UNKNOWN, MsgType, Session
from udfs.scoring import Predictor, score_windows
from udfs.windows import session_windows

START_NS = 1_790_000_000_000_000_000
N = 600


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return load_predictor(DEFAULT_ARTIFACT)


def toy_feed(period_ms: int, jitter_ms: int, messages_a_beat: int, numbers: str, sizes: str, *, timed: bool) -> Session:
    rng = np.random.default_rng(1)
    jitter_ns = rng.integers(0, 1_000_000 * jitter_ms + 1, N)
    times_ns = np.sort(START_NS + np.arange(N) * period_ms * 1_000_000 + jitter_ns)
    types = np.full(N, int(MsgType.NEW))
    if messages_a_beat:
        types[::messages_a_beat] = int(MsgType.HEARTBEAT)
    is_data = types == int(MsgType.NEW)
    none = np.full(N, MISSING)
    return Session(
        connection_id="toy",
        declared_exchange=None,
        recv_ts_ns=times_ns,
        exchange_ts_ns=(times_ns - 5_000_000) // 1_000_000 * 1_000_000 if timed else none,
        msg_type=types,
        seq={"none": none, "all": np.arange(N), "data": np.where(is_data, np.cumsum(is_data), MISSING)}[numbers],
        request_id=none,
        payload_bytes={"none": none, "one": np.full(N, 100), "any": rng.integers(80, 220, N)}[sizes],
    )


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("sizes", ["none", "one", "any"])
@pytest.mark.parametrize("numbers", ["none", "all", "data"])
def test_no_toy_feed_is_certain_to_be_an_exchange(predictor: Predictor, numbers: str, sizes: str, timed: bool) -> None:
    found = {}
    # Slower ones are not told from a venue that sends a price a second (docs/figures.md).
    for period_ms, jitter_ms, messages_a_beat in product((10, 50, 100), (0, 2), (0, 10, 20, 100)):
        feed = toy_feed(period_ms, jitter_ms, messages_a_beat, numbers, sizes, timed=timed)
        verdict = verdict_of(score_windows(session_windows(feed), predictor), predictor)
        found[period_ms, jitter_ms, messages_a_beat] = (verdict.exchange, verdict.certainty)
    assert {toy: said for toy, said in found.items() if said[0] != UNKNOWN and said[1] == "certain"} == {}

"""Windows to compute features of: like market data, like order entry, adversarial, and any at all."""

from collections.abc import Callable

import numpy as np
import pytest

from udfs.schema import MISSING, WINDOW_COLUMNS, WINDOW_SIZE, Int64Array, MsgType, Windows

INT64 = np.iinfo(np.int64)
START_NS = 1_700_000_000_000_000_000


def venue_times_ns(rng: np.random.Generator, n_windows: int) -> Int64Array:
    """Draw times of a resolution for each window, some repeated, some earlier than the one before, half missing."""
    shape = (n_windows, WINDOW_SIZE)
    step_ns = rng.choice([1, 1_000, 1_000_000, 1_000_000_000], (n_windows, 1))
    times_ns = (START_NS + np.cumsum(rng.integers(-3, 8, shape) * 300_000_123, axis=1)) // step_ns * step_ns
    return np.where(rng.random(shape) < 0.5, MISSING, times_ns)


def market_data(n_windows: int, rng: np.random.Generator) -> Windows:
    shape = (n_windows, WINDOW_SIZE)
    gaps_ns = rng.exponential(2e7, shape) * rng.choice([0.001, 1, 10], shape, p=[0.3, 0.6, 0.1])
    seq = np.cumsum(rng.choice([1, 1, 1, 3, 0, -2], shape), axis=1)
    return Windows(
        recv_ts_ns=START_NS + np.cumsum(gaps_ns.astype(np.int64), axis=1),
        exchange_ts_ns=venue_times_ns(rng, n_windows),
        seq=np.where(rng.random(shape) < 0.2, MISSING, seq),
        request_id=np.full(shape, MISSING),
        msg_type=rng.choice(list(MsgType), shape, p=[0.8, 0, 0, 0.1, 0.1]).astype(np.int64),
        payload_bytes=rng.choice([21, 150, 151, 152, 4000], shape),
    )


def order_entry(n_windows: int, rng: np.random.Generator) -> Windows:
    shape = (n_windows, WINDOW_SIZE)
    request_id = rng.integers(0, 12, shape) * 0x1234_5678_9ABC
    return Windows(
        recv_ts_ns=START_NS + np.cumsum(rng.lognormal(16, 1.5, shape).astype(np.int64), axis=1),
        exchange_ts_ns=venue_times_ns(rng, n_windows),
        seq=np.where(rng.random(shape) < 0.3, MISSING, np.cumsum(rng.integers(0, 3, shape), axis=1)),
        request_id=np.where(rng.random(shape) < 0.1, MISSING, request_id),
        msg_type=rng.choice(list(MsgType), shape, p=[0.4, 0.3, 0.15, 0.05, 0.1]).astype(np.int64),
        payload_bytes=rng.integers(90, 900, shape),
    )


def adversarial(n_windows: int, rng: np.random.Generator) -> Windows:
    """Draw every column from its ends, its neighbours of the ends, few values and all values."""
    edges = np.array([INT64.min, INT64.min + 1, -1, 0, 1, INT64.max - 1, INT64.max])
    shape = (n_windows, WINDOW_SIZE)

    def column() -> Int64Array:
        whole = rng.integers(INT64.min, INT64.max, shape, endpoint=True)
        few = rng.integers(0, 4, shape)
        kind = rng.integers(0, 4, (n_windows, 1))
        return np.choose(kind, [rng.choice(edges, shape), whole, few, np.repeat(few[:, :1], WINDOW_SIZE, axis=1)])

    return Windows(**{name: column() for name in WINDOW_COLUMNS})


@pytest.fixture(params=[market_data, order_entry, adversarial], ids=lambda make: make.__name__)
def make_windows(request: pytest.FixtureRequest) -> Callable[[int, np.random.Generator], Windows]:
    """Give each kind of windows in turn: a function of the number of windows and a generator."""
    make: Callable[[int, np.random.Generator], Windows] = request.param
    return make


@pytest.fixture
def windows(make_windows: Callable[[int, np.random.Generator], Windows]) -> Windows:
    """Give 200 windows of each kind in turn."""
    return make_windows(200, np.random.default_rng(7))

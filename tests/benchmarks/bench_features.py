"""Print the time of each feature block and of writing the features: `python tests/benchmarks/bench_features.py`."""

import timeit
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from udfs.features import BLOCKS, compute_features
from udfs.rows import array_literals
from udfs.schema import MISSING, WINDOW_SIZE, Float64Array, MsgType, Windows

BATCH_SIZES = (1, 40, 400, 2000)
N_REPEATS = 7
TARGET_S = 0.05
START_NS = 1_700_000_000_000_000_000

Batch = TypeVar("Batch", Windows, Float64Array)


def market_data(n_windows: int, rng: np.random.Generator) -> Windows:
    shape = (n_windows, WINDOW_SIZE)
    return Windows(
        recv_ts_ns=np.cumsum(rng.exponential(2e7, shape).astype(np.int64), axis=1) + START_NS,
        exchange_ts_ns=np.where(rng.random(shape) < 0.7, START_NS + rng.integers(0, 10**10, shape), MISSING),
        seq=np.cumsum(rng.integers(1, 3, shape), axis=1),
        request_id=np.full(shape, MISSING),
        msg_type=rng.choice([MsgType.NEW, MsgType.HEARTBEAT, MsgType.OTHER], shape, p=[0.9, 0.05, 0.05]),
        payload_bytes=rng.integers(100, 400, shape),
    )


def order_entry(n_windows: int, rng: np.random.Generator) -> Windows:
    shape = (n_windows, WINDOW_SIZE)
    half_ids = rng.integers(-(2**62), 2**62, (n_windows, WINDOW_SIZE // 2))
    is_new = np.arange(WINDOW_SIZE) % 2 == 0
    return Windows(
        recv_ts_ns=np.cumsum(rng.exponential(2e7, shape).astype(np.int64), axis=1) + START_NS,
        exchange_ts_ns=np.where(rng.random(shape) < 0.7, START_NS + rng.integers(0, 10**10, shape), MISSING),
        seq=np.cumsum(rng.integers(1, 3, shape), axis=1),
        request_id=np.repeat(half_ids, 2, axis=1),
        msg_type=np.where(is_new, MsgType.NEW, rng.choice([MsgType.ACK, MsgType.NACK], shape, p=[0.9, 0.1])),
        payload_bytes=rng.integers(100, 400, shape),
    )


def us_a_window(compute: Callable[[Batch], object], batch: Batch) -> float:
    once_s = min(timeit.repeat(lambda: compute(batch), number=5, repeat=2)) / 5
    number = max(1, round(TARGET_S / once_s))
    return min(timeit.repeat(lambda: compute(batch), number=number, repeat=N_REPEATS)) / number / len(batch) * 1e6


def main() -> None:
    print(f"{'microseconds a window, best of ' + str(N_REPEATS):34}" + "".join(f"{n:>9}" for n in BATCH_SIZES))
    for make in (market_data, order_entry):
        batches = [make(n, np.random.default_rng(n)) for n in BATCH_SIZES]
        for name, compute in [(b.name, b.compute) for b in BLOCKS] + [("all", compute_features)]:
            figures = "".join(f"{us_a_window(compute, windows):9.2f}" for windows in batches)
            print(f"{make.__name__ + ' ' + name:34}{figures}")
        rows = [compute_features(windows) for windows in batches]
        figures = "".join(f"{us_a_window(array_literals, values):9.2f}" for values in rows)
        print(f"{make.__name__ + ' as arrays':34}{figures}")


if __name__ == "__main__":
    main()

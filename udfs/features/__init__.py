"""The behavioural features of a window of messages, family by family.

`FEATURES` names them in the order of the model's columns; `compute_features` computes them. Training and service call
the same function. A value is NaN where the behaviour it measures did not occur; it is never infinite.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from udfs.errors import SchemaError
from udfs.features.feature import Feature, FeatureBlock
from udfs.features.inter_arrival import INTER_ARRIVAL
from udfs.features.latency import LATENCY
from udfs.features.ngrams import NGRAMS
from udfs.features.payload_size import PAYLOAD_SIZE
from udfs.features.sequence import SEQUENCE
from udfs.features.spectrum import SPECTRUM
from udfs.features.venue_time import VENUE_TIME
from udfs.schema import WINDOW_COLUMNS, WINDOW_SIZE, Float64Array, Windows

__all__ = ["BLOCKS", "FEATURES", "Feature", "FeatureBlock", "compute_features"]

BLOCKS: Final = (INTER_ARRIVAL, SPECTRUM, NGRAMS, LATENCY, SEQUENCE, VENUE_TIME, PAYLOAD_SIZE)

FEATURES: Final[tuple[Feature, ...]] = tuple(feature for block in BLOCKS for feature in block.features)
"""Every feature; the order is the model's column order."""

_KEPT_BYTES: Final = 2**24
"""More than the arrays of any batch between two features take."""

LATEST_NS: Final = 2**62 - 1
EARLIEST_NS: Final = -(2**62)
"""Receive times are cut to these limits (the years 1823 and 2116), so that no difference of two wraps."""


# glibc gives freed memory back to the kernel, and asks for it anew a moment later, unless a larger block has been freed
# before (mallopt(3), M_MMAP_THRESHOLD); the pages of a batch's arrays cost a fifth of the time of its features.
np.empty(_KEPT_BYTES, dtype=np.uint8)


def compute_features(windows: Windows) -> Float64Array:
    """Compute the feature vectors of a batch of windows.

    A row depends on its own window alone: it is the same, bit for bit, alone and in any batch.

    Parameters
    ----------
    windows : Windows
        Columns (n_windows, `WINDOW_SIZE`) int64 in any memory layout; any values.

    Returns
    -------
    (n_windows, len(FEATURES)) float64
        Columns in the order of `FEATURES`; NaN = undefined, never infinite.

    Raises
    ------
    SchemaError
        If the windows do not have `WINDOW_SIZE` messages.

    Examples
    --------
    >>> column = np.arange(WINDOW_SIZE).reshape(1, -1)
    >>> metronome = Windows(recv_ts_ns=column * 100_000_000, exchange_ts_ns=column, seq=column, request_id=column,
    ...     msg_type=column * 0, payload_bytes=column + 100)
    >>> row = dict(zip((f.name for f in FEATURES), compute_features(metronome)[0].tolist(), strict=True))
    >>> row["inter_arrival_log10_median_us"], row["inter_arrival_cv"], row["bigram_numbered_numbered_share"]
    (5.0, 0.0, 1.0)
    """
    if windows.recv_ts_ns.shape[1] != WINDOW_SIZE:
        raise SchemaError(
            f"Expected windows of {WINDOW_SIZE} messages, found a batch of the shape {windows.recv_ts_ns.shape}: "
            "cut the messages with udfs.windows"
        )
    regular = _regular(windows)
    return np.concatenate([block.compute(regular) for block in BLOCKS], axis=1)


def _regular(windows: Windows) -> Windows:
    """Bring a batch to the form that `FeatureBlock.compute` relies on."""
    # NumPy sums along rows in an order that depends on the memory layout; one layout gives one order.
    columns = {name: np.ascontiguousarray(getattr(windows, name)) for name in WINDOW_COLUMNS}
    return Windows(**columns | {"recv_ts_ns": np.clip(columns["recv_ts_ns"], EARLIEST_NS, LATEST_NS)})

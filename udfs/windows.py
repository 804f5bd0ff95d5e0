"""Count windows: which messages of a connection make which window, and how a window travels to Python.

For `WINDOW_SIZE` 4 and `WINDOW_SLIDE` 2 (really 50 and 25)::

    message   1  2  3  4  5  6  7  8  9
    window 0  [---------]
    window 1        [---------]
    window 2              [---------]
    9 starts window 3, which is not complete: no row.

A message that comes more than an idle gap after the one before it begins a new segment of its connection: it counts as
message 1, and windows never span the gap. The job does the same, so a replay of a topic gives the live run's windows.

To Python one window travels as the bytes of `WIRE_LENGTH` little-endian integers, message by message (m: message, c:
column)::

    [m0 c0..c6 | m1 c0..c6 | ... | m49 c0..c6]
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from udfs.errors import SchemaError
from udfs.schema import WINDOW_COLUMNS, WINDOW_SIZE, WINDOW_SLIDE, Int64Array, Session, Windows

IDLE_GAP_NS: Final = 3600 * 10**9
"""The longest idle gap within a segment, unless the job is told another."""

WIRE_COLUMNS: Final = (*WINDOW_COLUMNS, "kafka_offset")
"""The columns of a window on the wire, in order."""

WIRE_LENGTH: Final = WINDOW_SIZE * len(WIRE_COLUMNS)

_INT64_BYTES: Final = 8


def count_windows(n_messages: int) -> int:
    """Count the complete windows of a connection that has sent `n_messages`.

    >>> count_windows(49), count_windows(50), count_windows(74), count_windows(75)
    (0, 1, 1, 2)
    """
    if n_messages < WINDOW_SIZE:
        return 0
    return (n_messages - WINDOW_SIZE) // WINDOW_SLIDE + 1


def slide(column: Int64Array) -> Int64Array:
    """Cut a column of one connection into its complete windows.

    Parameters
    ----------
    column : (n_messages,) int64

    Returns
    -------
    (n_windows, WINDOW_SIZE) int64
        A read-only view; zero rows if there are fewer than `WINDOW_SIZE` messages.
    """
    if len(column) < WINDOW_SIZE:
        return np.empty((0, WINDOW_SIZE), dtype=np.int64)
    return np.lib.stride_tricks.sliding_window_view(column, WINDOW_SIZE)[::WINDOW_SLIDE]


def window_starts(lengths: Int64Array) -> Int64Array:
    """Find the first message of each complete window of several segments, laid one after the other.

    Parameters
    ----------
    lengths : (n_segments,) int64
        Messages of each.

    Returns
    -------
    (n_windows,) int64
        Position of that message among all; a segment's windows in order, one segment after the other.

    >>> window_starts(np.array([75, 49, 50]))
    array([  0,  25, 124])
    """
    counts = np.maximum((lengths - WINDOW_SIZE) // WINDOW_SLIDE + 1, 0)
    offsets = np.cumsum(lengths) - lengths - WINDOW_SLIDE * (np.cumsum(counts) - counts)
    starts: Int64Array = np.repeat(offsets, counts) + WINDOW_SLIDE * np.arange(counts.sum())
    return starts


def segments(recv_ts_ns: Int64Array, idle_gap_ns: int = IDLE_GAP_NS) -> list[slice]:
    """Cut a connection's messages at its idle gaps: a connection without messages has no segment.

    Parameters
    ----------
    recv_ts_ns : (n_messages,) int64
        Receive times in arrival order.
    idle_gap_ns : int
        The longest idle gap within a segment.

    >>> segments(np.array([0, 10, 31, 30, 50]), idle_gap_ns=20)
    [slice(0, 2, None), slice(2, 5, None)]
    """
    starts = np.flatnonzero(np.diff(recv_ts_ns) > idle_gap_ns) + 1
    bounds = [0, *starts.tolist(), len(recv_ts_ns)]
    return [slice(start, stop) for start, stop in pairwise(bounds) if start < stop]


def session_windows(session: Session, idle_gap_ns: int = IDLE_GAP_NS) -> Windows:
    """Cut a session into the windows that the job would see."""
    parts = segments(session.recv_ts_ns, idle_gap_ns)
    return Windows(**{name: slide_segments(getattr(session, name), parts) for name in WINDOW_COLUMNS})


def slide_segments(column: Int64Array, parts: Sequence[slice]) -> Int64Array:
    """Cut a column of one connection into the complete windows of each of its segments: (n_windows, WINDOW_SIZE)."""
    if len(parts) == 1:
        return slide(column)
    return np.concatenate([np.empty((0, WINDOW_SIZE), dtype=np.int64), *(slide(column[part]) for part in parts)])


def decode_windows(data: bytes | memoryview) -> tuple[Windows, Int64Array]:
    """Turn a batch of windows as the job sends them into columns.

    Parameters
    ----------
    data : bytes
        `WIRE_LENGTH` int64 of each window, one window after the other.

    Returns
    -------
    Windows
        The batch, every column C-contiguous.
    (n_windows, WINDOW_SIZE) int64
        The Kafka offset of each message: identity of the row, never a feature.

    Raises
    ------
    SchemaError
        If they are not whole windows: job and code are of different versions.
    """
    n_windows, rest = divmod(len(data), WIRE_LENGTH * _INT64_BYTES)
    if rest:
        raise SchemaError(
            f"Expected windows of {WIRE_LENGTH} integers on the wire, found {len(data)} bytes in a batch: submit the "
            "job with the code of its own version"
        )
    flat = np.frombuffer(data, dtype="<i8")
    columns = np.ascontiguousarray(flat.reshape(n_windows, WINDOW_SIZE, len(WIRE_COLUMNS)).transpose(2, 0, 1))
    return Windows(**dict(zip(WINDOW_COLUMNS, columns, strict=False))), columns[-1]

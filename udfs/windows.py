"""Count windows: which messages of a connection make which window, and how a window travels to Python.

For `WINDOW_SIZE` 4 and `WINDOW_SLIDE` 2 (really 50 and 25)::

    message   1  2  3  4  5  6  7  8  9
    window 0  [---------]
    window 1        [---------]
    window 2              [---------]
    9 starts window 3, which is not complete: no row.

The job gathers a window in groups of `GROUP_SIZE` messages, each group column by column, because that is what Flink
does fastest. One window is one flat array of `WIRE_LENGTH` integers (g: group, c: column, m: message)::

    [g0 c0 m0..m4 | g0 c1 m0..m4 | ... | g9 c5 m0..m4]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from udfs.errors import SchemaError
from udfs.schema import WINDOW_COLUMNS, WINDOW_SIZE, WINDOW_SLIDE, Int64Array, Session, Windows

GROUP_SIZE: Final = 5
"""Messages that the job gathers at a time; divides `WINDOW_SIZE` and `WINDOW_SLIDE`."""

WIRE_COLUMNS: Final = (*WINDOW_COLUMNS, "kafka_offset")
"""The columns of a window on the wire, in order."""

WIRE_LENGTH: Final = WINDOW_SIZE * len(WIRE_COLUMNS)


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


def session_windows(session: Session) -> Windows:
    """Cut a session into the windows that the job would see."""
    return Windows(**{name: slide(getattr(session, name)) for name in WINDOW_COLUMNS})


def decode_windows(column: Iterable[Int64Array]) -> tuple[Windows, Int64Array]:
    """Turn a batch of windows as the job sends them into columns.

    Parameters
    ----------
    column : n_windows arrays of (WIRE_LENGTH,) int64

    Returns
    -------
    Windows
        The batch, every column C-contiguous.
    (n_windows, WINDOW_SIZE) int64
        The Kafka offset of each message: identity of the row, never a feature.

    Raises
    ------
    SchemaError
        If the arrays do not have `WIRE_LENGTH` elements: job and code are of different versions.
    """
    flat = np.concatenate([np.empty(0, dtype=np.int64), *column])
    n_windows, rest = divmod(len(flat), WIRE_LENGTH)
    if rest:
        raise SchemaError(f"A window on the wire must have {WIRE_LENGTH} integers, but a batch has {len(flat)} in all")
    grouped = flat.reshape(n_windows, WINDOW_SIZE // GROUP_SIZE, len(WIRE_COLUMNS), GROUP_SIZE)
    columns = np.ascontiguousarray(grouped.transpose(2, 0, 1, 3)).reshape(len(WIRE_COLUMNS), n_windows, WINDOW_SIZE)
    return Windows(**dict(zip(WINDOW_COLUMNS, columns, strict=False))), columns[-1]

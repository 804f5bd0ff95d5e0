"""Count windows: which messages of a connection make which window.

For `WINDOW_SIZE` 4 and `WINDOW_SLIDE` 2 (really 50 and 25)::

    message   1  2  3  4  5  6  7  8  9
    window 0  [---------]
    window 1        [---------]
    window 2              [---------]
    9 starts window 3, which is not complete: no row.
"""

from __future__ import annotations

import numpy as np

from udfs.schema import WINDOW_COLUMNS, WINDOW_SIZE, WINDOW_SLIDE, Int64Array, Session, Windows


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
        A view where NumPy can give one; zero rows if there are fewer than `WINDOW_SIZE` messages.
    """
    if len(column) < WINDOW_SIZE:
        return np.empty((0, WINDOW_SIZE), dtype=np.int64)
    return np.lib.stride_tricks.sliding_window_view(column, WINDOW_SIZE)[::WINDOW_SLIDE]


def session_windows(session: Session) -> Windows:
    """Cut a session into the windows that the job would see."""
    return Windows(**{name: slide(getattr(session, name)) for name in WINDOW_COLUMNS})

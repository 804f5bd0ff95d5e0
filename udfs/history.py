"""The memory of a connection: its last `HISTORY` windows, as a decision looks at them."""

from __future__ import annotations

from dataclasses import dataclass

from udfs.schema import Int64Array


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """The last windows of n connections, the newest last; what is before the first window is 0.

    Attributes
    ----------
    n_windows : (n,) int64
        How many of the `HISTORY` windows are real.
    window_start_ns : (n, HISTORY) int64
        Receive time of the window's first message.
    first_offset : (n, HISTORY) int64
        Kafka offset of that message.
    evidence : (n, HISTORY, n_classes) int64
        Millinats of each class.
    traits : (n, HISTORY, n_traits) int64
        What the signature is made of.
    """

    n_windows: Int64Array
    window_start_ns: Int64Array
    first_offset: Int64Array
    evidence: Int64Array
    traits: Int64Array

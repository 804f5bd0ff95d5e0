"""Names, dtypes and units of everything that crosses a border: messages, sessions and windows of messages."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from udfs.errors import SchemaError

Int64Array = NDArray[np.int64]
Float64Array = NDArray[np.float64]

WINDOW_SIZE: Final = 50
"""Messages in a window."""

WINDOW_SLIDE: Final = 25
"""Messages from one window's start to the next one's."""

MISSING: Final = int(np.iinfo(np.int64).min)
"""Stands for NULL in every int64 column: pandas and NumPy have no nullable int64 that keeps nanoseconds exact."""

STATE_LAYOUT: Final = 6
"""The version of what the job keeps of connections, in Java: raise it when anything there changes."""

UNKNOWN: Final = "unknown"
"""The verdict on behaviour that fits no exchange the model names."""

EXCHANGES: Final = ("binance", "coinbase", "kraken")
"""The exchanges that this project ships behaviour and a model for."""


class MsgType(IntEnum):
    """What a message is, whatever the venue; the code is what travels through Flink and the features."""

    NEW = 0
    ACK = 1
    NACK = 2
    HEARTBEAT = 3
    OTHER = 4


_NO_NUMBERS: Final = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Session:
    """The messages of one connection in arrival order, one array a column.

    Attributes
    ----------
    connection_id : str
        One session of one connection, 1 to 128 printable characters. Never a feature.
    declared_exchange : str or None
        What the connection claims to be. Never a feature.
    recv_ts_ns : (n,) int64
        Local receive time, ns since the epoch.
    exchange_ts_ns : (n,) int64
        The venue's own time, ns since the epoch, `MISSING` where a message carries none.
    msg_type : (n,) int64
        `MsgType` codes.
    seq : (n,) int64
        The venue's sequence number, `MISSING` where a message carries none.
    request_id : (n,) int64
        Links an ACK or NACK to its request, `MISSING` where a message has none.
    payload_bytes : (n,) int64
        Size of the frame.
    prev_seq : (n,) int64, optional
        The number before `seq` in the same numbering, where a message names it, else `MISSING`; left out, no message
        does. Never a feature.

    Raises
    ------
    SchemaError
        If a column is not a one-dimensional int64 array, or the columns differ in length.
    """

    connection_id: str
    declared_exchange: str | None
    recv_ts_ns: Int64Array
    exchange_ts_ns: Int64Array
    msg_type: Int64Array
    seq: Int64Array
    request_id: Int64Array
    payload_bytes: Int64Array
    prev_seq: Int64Array = field(default_factory=lambda: _NO_NUMBERS)

    def __post_init__(self) -> None:
        if self.prev_seq is _NO_NUMBERS:
            object.__setattr__(self, "prev_seq", np.full(len(self), MISSING))
        _check_columns(self, SESSION_COLUMNS, ndim=1)

    def __len__(self) -> int:
        return len(self.recv_ts_ns)


SESSION_COLUMNS: Final = tuple(f.name for f in fields(Session) if f.name not in ("connection_id", "declared_exchange"))
"""The per-message columns of a `Session`, in order."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """A batch of windows as the features see them: behaviour only, no name, no label, no text of the payload.

    Every column is (n_windows, `WINDOW_SIZE`) int64 in arrival order, `MISSING` for NULL.

    Raises
    ------
    SchemaError
        If a column is not a two-dimensional int64 array, or the columns differ in shape.
    """

    recv_ts_ns: Int64Array
    exchange_ts_ns: Int64Array
    seq: Int64Array
    request_id: Int64Array
    msg_type: Int64Array
    payload_bytes: Int64Array

    def __post_init__(self) -> None:
        _check_columns(self, WINDOW_COLUMNS, ndim=2)

    def __len__(self) -> int:
        return len(self.recv_ts_ns)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Windows:
        """Select windows by their positions, or by whether each is chosen."""
        return Windows(**{name: getattr(self, name)[rows] for name in WINDOW_COLUMNS})


WINDOW_COLUMNS: Final = tuple(f.name for f in fields(Windows))
"""The columns of `Windows`, in order."""


def _check_columns(owner: object, names: tuple[str, ...], *, ndim: int) -> None:
    first: NDArray[np.generic] = getattr(owner, names[0])
    for name in names:
        column: NDArray[np.generic] = getattr(owner, name)
        if column.dtype != np.int64 or column.ndim != ndim or column.shape != first.shape:
            raise SchemaError(
                f"Expected {type(owner).__name__}.{name} to be int64 with {ndim} dimension(s) and the shape of "
                f"{names[0]} {first.shape}, found {column.dtype} {column.shape}: convert it"
            )

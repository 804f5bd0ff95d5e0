"""The memory of a connection as text: one record a window, the last `HISTORY` records one after the other.

Flink keeps records of past windows in its state and hands them back with every new one. A record is a fixed number of
bytes (window_start_ns, first_offset: int64; evidence, traits: int16 each; zeros up to a multiple of three) in base64,
so that a whole batch is written and read without a loop. Features travel in the same way.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from udfs.errors import SchemaError
from udfs.schema import Float64Array, Int64Array
from udfs.verdicts import HISTORY

_INT16 = np.iinfo(np.int16)


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


class HistoryCodec:
    """Write windows as records and read them back.

    Parameters
    ----------
    n_classes, n_traits : int
        Of the model, and of the signature.
    """

    def __init__(self, *, n_classes: int, n_traits: int) -> None:
        n_bytes = 2 * 8 + 2 * (n_classes + n_traits)
        self._record = np.dtype(
            [
                ("window_start_ns", "<i8"),
                ("first_offset", "<i8"),
                ("evidence", "<i2", (n_classes,)),
                ("traits", "<i2", (n_traits,)),
                ("filling", "u1", (-n_bytes % 3,)),
            ]
        )
        self.record_length = self._record.itemsize // 3 * 4
        """Characters of a record."""

    def encode(
        self, *, window_start_ns: Int64Array, first_offset: Int64Array, evidence: Int64Array, traits: Int64Array
    ) -> NDArray[np.object_]:
        """Write each of n windows as a record.

        Raises
        ------
        SchemaError
            If evidence or a trait does not fit 16 bits.
        """
        records = np.zeros(len(window_start_ns), dtype=self._record)
        records["window_start_ns"], records["first_offset"] = window_start_ns, first_offset
        for name, values in (("evidence", evidence), ("traits", traits)):
            if values.size and not (values.min() >= _INT16.min and values.max() <= _INT16.max):
                raise SchemaError(
                    f"Expected {name} from {_INT16.min} to {_INT16.max}, found {values.min()} to {values.max()}: "
                    "train the model anew"
                )
            records[name] = values
        return _to_text(records.tobytes(), len(records))

    def decode(self, texts: Sequence[str]) -> History:
        """Read n connections' records, the oldest first.

        Raises
        ------
        SchemaError
            If a text is not of 1 to `HISTORY` whole records.
        """
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        counts, rest = np.divmod(lengths, self.record_length)
        if rest.any() or (counts < 1).any() or (counts > HISTORY).any():
            raise SchemaError(
                f"Expected histories of 1 to {HISTORY} records of {self.record_length} characters, "
                f"found texts of {sorted(set(lengths.tolist()))}: submit the job with the code of its own version"
            )
        found = np.frombuffer(base64.b64decode("".join(texts).encode("ascii")), dtype=self._record)
        rows = np.zeros((len(texts), HISTORY), dtype=self._record)
        rows[np.arange(HISTORY) >= HISTORY - counts[:, None]] = found
        return History(
            n_windows=counts,
            **{name: rows[name].astype(np.int64) for name in self._record.names or () if name != "filling"},
        )


def features_to_text(features: Float64Array) -> NDArray[np.object_]:
    """Write each row of features as text, to the last bit."""
    n, n_features = features.shape
    padded = np.zeros((n, -(-n_features // 3) * 3))
    padded[:, :n_features] = features
    return _to_text(padded.tobytes(), n)


def features_from_text(texts: Sequence[str], n_features: int) -> Float64Array:
    """Read what `features_to_text` wrote."""
    flat = np.frombuffer(base64.b64decode("".join(texts).encode("ascii")), dtype=np.float64)
    return np.ascontiguousarray(flat.reshape(len(texts), -(-n_features // 3) * 3)[:, :n_features])


def _to_text(data: bytes, n: int) -> NDArray[np.object_]:
    """Cut n rows of equal length, a multiple of three bytes, into texts."""
    if n == 0:
        return np.empty(0, dtype=object)
    text = np.frombuffer(base64.b64encode(data), dtype=f"S{len(data) // n // 3 * 4}")
    return text.astype(str).astype(object)

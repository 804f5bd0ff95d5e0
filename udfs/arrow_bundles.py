"""Bundles that stay in Arrow between Flink and a function, where PyFlink makes an object of each value.

PyFlink copies a bundle three times to read it, makes `bytes` of each window, and looks whether there was an equal one.
A window has 2.8 kB, so that takes half as long as its features.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray


def keep_in_arrow() -> None:
    """Let pandas functions in this process get columns of BYTES as Arrow has them, and give a ROW's columns back so."""
    # PyFlink is there in a worker; who scores without it need not wait for it.
    from pyflink.fn_execution.coders import coder_impl
    from pyflink.fn_execution.ResettableIO import ResettableIO
    from pyflink.table.utils import arrow_to_pandas, pandas_to_arrow

    def to_pandas(timezone: str, field_types: Sequence[Any], batches: Sequence[pa.RecordBatch]) -> list[Any]:
        (batch,) = batches
        return [
            _series(column)
            if pa.types.is_binary(column.type)
            else arrow_to_pandas(timezone, [kind], [pa.record_batch([column], [name])])[0]
            for name, column, kind in zip(batch.schema.names, batch.columns, field_types, strict=True)
        ]

    def to_arrow(schema: pa.Schema, timezone: str, field_types: Sequence[Any], found: Sequence[Any]) -> pa.RecordBatch:
        if not isinstance(found[0], pd.DataFrame):
            return pandas_to_arrow(schema, timezone, field_types, found)
        (rows,), (row_type,) = found, schema.types  # what gives a ROW back is the bundle's only function
        columns = [pa.array(rows.iloc[:, i], type=field.type) for i, field in enumerate(row_type)]
        return pa.RecordBatch.from_arrays([pa.StructArray.from_arrays(columns, fields=list(row_type))], schema=schema)

    coder_impl.arrow_to_pandas, coder_impl.pandas_to_arrow = to_pandas, to_arrow
    ResettableIO.read = _read


def joined(column: pd.Series[Any] | Iterable[bytes]) -> memoryview:
    """Return the bytes of all values, one after the other; no copy if Arrow has them so."""
    array = pa.array(column, type=pa.binary())
    _, ends, data = array.buffers()
    first, last = np.frombuffer(ends, dtype=np.int32)[[array.offset, array.offset + len(array)]]
    return memoryview(b"" if data is None else data).cast("B")[first:last]


def bytes_column(records: NDArray[Any]) -> pd.Series[Any]:
    """Make a column of (n,) records, each as its bytes, which are not copied."""
    ends = np.arange(len(records) + 1, dtype=np.int32) * records.itemsize
    data = np.ascontiguousarray(records).view(np.uint8)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(data)]
    return _series(pa.Array.from_buffers(pa.binary(), len(records), buffers))


def repeated_text(text: str, n: int) -> pd.Series[Any]:
    """Make a column that has a text n times."""
    return _series(pa.repeat(text, n))


def _series(column: pa.Array) -> pd.Series[Any]:
    return pd.Series(column, dtype=pd.ArrowDtype(column.type))


def _read(stream: Any, size: int = -1) -> memoryview:
    """Read from PyFlink's `ResettableIO` without copying: up to `size` bytes, all that are left if negative."""
    begin = stream._input_offset
    part = memoryview(stream._input_bytes)[begin : None if size < 0 else begin + size]
    stream._input_offset = begin + len(part)
    return part

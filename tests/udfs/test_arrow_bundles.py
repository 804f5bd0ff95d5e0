"""Bundles through PyFlink's own coder, with what keeps them in Arrow and without: the same values, and no copy."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from udfs.arrow_bundles import bytes_column, joined, keep_in_arrow, repeated_text

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of what Beam imports
    from pyflink.fn_execution.coders import coder_impl
    from pyflink.fn_execution.ResettableIO import ResettableIO
    from pyflink.table.types import DataTypes, to_arrow_type

BYTES, INT, STRING = DataTypes.BYTES(), DataTypes.INT(), DataTypes.STRING()
WINDOWS = [b"abc", b"", b"abc", bytes(range(256))]


def coder(*types: Any) -> Any:
    """Make the coder of bundles whose columns have these types."""
    fields = [DataTypes.FIELD(f"f{i}", of) for i, of in enumerate(types)]
    schema = pa.schema([pa.field(field.name, to_arrow_type(field.data_type)) for field in fields])
    return coder_impl.ArrowCoderImpl(schema, DataTypes.ROW(fields), "UTC")


@pytest.mark.usefixtures("pyflink_bundles")
def test_a_function_gets_the_same_values() -> None:
    numbers = pd.Series([7, 8, 9, 10], dtype="int32")
    names = pd.Series(["a", None, "a", "ü"])
    of_bundle = coder(BYTES, INT, STRING)
    data = of_bundle.encode([pd.Series(WINDOWS), numbers, names])
    before = of_bundle.decode(data)
    for _ in range(2):  # each function of a worker asks for it
        keep_in_arrow()
    windows, *others = of_bundle.decode(data)
    assert list(windows) == list(before[0]) == WINDOWS
    for found, expected, given in zip(others, before[1:], (numbers, names), strict=True):
        pd.testing.assert_series_equal(found, expected)
        pd.testing.assert_series_equal(found, given, check_names=False)
    assert isinstance(windows.dtype, pd.ArrowDtype)
    assert joined(windows) == joined(before[0]) == b"".join(WINDOWS)
    assert joined(windows[1:3]) == b"abc"
    assert of_bundle.decode(of_bundle.encode([pd.Series(WINDOWS[:1]), numbers[:1], names[:1]]))[1].tolist() == [7]


@pytest.mark.usefixtures("pyflink_bundles")
def test_what_is_read_is_not_copied() -> None:
    keep_in_arrow()
    stream = ResettableIO()
    data = bytes(range(10))
    stream.set_input_bytes(data)
    parts = [stream.read(4), stream.read(0), stream.read(), stream.read(3)]
    assert [bytes(part) for part in parts] == [data[:4], b"", data[4:], b""]
    assert all(part.obj is data for part in parts)
    assert stream.readable() == 0


@pytest.mark.usefixtures("pyflink_bundles")
def test_flink_gets_the_same_rows() -> None:
    records = np.zeros(3, dtype=[("f", "<f8", (2,)), ("n", "<i2")])
    records["f"], records["n"] = [[1, 2], [np.nan, 4], [5, 6]], [1, -2, 3]
    of_bundle = coder(DataTypes.ROW([DataTypes.FIELD("record", BYTES), DataTypes.FIELD("model", STRING)]))
    as_objects = pd.DataFrame({"record": [record.tobytes() for record in records], "model": "m"})
    of_pyflink = table_of(of_bundle.encode([as_objects]))
    keep_in_arrow()
    rows = pd.DataFrame({"record": bytes_column(records), "model": repeated_text("m", 3), "counted": ["a", "b", "c"]})
    for given in (rows, as_objects):
        assert table_of(of_bundle.encode([given])).equals(of_pyflink)
    backwards = table_of(of_bundle.encode([rows.iloc[::-1]])).column(0).to_pylist()
    assert backwards == of_pyflink.column(0).to_pylist()[::-1]
    texts = pd.Series(["x", None])
    assert table_of(coder(STRING).encode([texts])).column(0).to_pylist() == ["x", None]


def table_of(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(data).read_all()


def test_columns_of_nothing_are_empty() -> None:
    assert joined([]) == b""
    assert len(bytes_column(np.zeros(0, dtype=[("n", "<i2")]))) == len(repeated_text("m", 0)) == 0

"""The pandas UDF: a batch of windows from Flink in, a batch of rows out. Nothing is computed here."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import pandas as pd
from pyflink.table import DataTypes
from pyflink.table.types import RowType
from pyflink.table.udf import FunctionContext, ScalarFunction, UserDefinedScalarFunctionWrapper, udf

from udfs.rows import ROW_COLUMNS, score_rows
from udfs.scoring import Predictor, score_windows
from udfs.windows import decode_windows

_DATA_TYPES: Final = {"BIGINT": DataTypes.BIGINT, "DOUBLE": DataTypes.DOUBLE, "STRING": DataTypes.STRING}


class ScoreWindows(ScalarFunction):  # type: ignore[misc]  # PyFlink ships no types
    """Score windows inside Flink's Python worker.

    Flink pickles the instance into the job; it carries the loader, not the model. `open` runs once in each worker
    process, `eval` once for each bundle of windows that the operator has collected.

    Parameters
    ----------
    load_predictor : callable
        Called in the worker; must be importable there.
    """

    def __init__(self, load_predictor: Callable[[], Predictor]) -> None:
        self._load_predictor = load_predictor

    def open(self, function_context: FunctionContext) -> None:
        """Load the model and register the metrics of this worker."""
        self._predictor = self._load_predictor()
        self._batch_windows = 0
        self._batch_us = 0
        metrics = function_context.get_metric_group()
        self._windows_counter = metrics.counter("windows_scored")
        self._batches_counter = metrics.counter("batches_scored")
        self._scoring_us_counter = metrics.counter("scoring_time_us")
        metrics.gauge("last_batch_windows", lambda: self._batch_windows)
        metrics.gauge("last_batch_scoring_time_us", lambda: self._batch_us)

    def eval(self, column: pd.Series[Any]) -> pd.DataFrame:
        """Score one bundle."""
        started_ns = time.perf_counter_ns()
        windows, offsets = decode_windows(column)
        rows = score_rows(windows, offsets, score_windows(windows, self._predictor), self._predictor.model_version)
        self._batch_windows = len(rows)
        self._batch_us = (time.perf_counter_ns() - started_ns) // 1000
        self._windows_counter.inc(self._batch_windows)
        self._batches_counter.inc()
        self._scoring_us_counter.inc(self._batch_us)
        return rows


def build_score_udf(load_predictor: Callable[[], Predictor]) -> UserDefinedScalarFunctionWrapper:
    """Wrap `ScoreWindows` as the SQL function ARRAY<BIGINT> -> ROW<`ROW_COLUMNS`>."""
    result_type: RowType = DataTypes.ROW([DataTypes.FIELD(name, _DATA_TYPES[t]()) for name, t in ROW_COLUMNS.items()])
    return udf(ScoreWindows(load_predictor), result_type=result_type, func_type="pandas")

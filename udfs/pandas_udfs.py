"""The pandas UDFs: batches from Flink in, batches of rows out. Nothing is computed here."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pandas as pd
from pyflink.table import DataTypes
from pyflink.table.types import RowType
from pyflink.table.udf import FunctionContext, ScalarFunction, UserDefinedScalarFunctionWrapper, udf

from udfs.arrow_bundles import joined, keep_in_arrow
from udfs.bundle_sampling import start_no_sampling
from udfs.features import FEATURES
from udfs.model_schedule import Models, explain_scheduled, score_scheduled
from udfs.operator_metrics import ScoringMetrics
from udfs.window_records import RECORD_COLUMNS
from udfs.windows import decode_windows

_DATA_TYPES: Final = {
    "BYTES": DataTypes.BYTES,
    "STRING": DataTypes.STRING,
}


class ScoreWindows(ScalarFunction):  # type: ignore[misc]  # PyFlink ships no types
    """Score windows inside Flink's Python worker.

    Flink pickles the instance into the job; it carries what opens the models, not them. `open` runs once in each worker
    process, `eval` once for each bundle of windows that the operator has collected.

    Parameters
    ----------
    open_models : callable
        Called in the worker; must be importable there.
    """

    def __init__(self, open_models: Callable[[], Models]) -> None:
        self._open_models = open_models

    def open(self, function_context: FunctionContext) -> None:
        """Load the models and register the metrics of this worker."""
        start_no_sampling()
        keep_in_arrow()
        self._models = self._open_models()
        self._metrics = ScoringMetrics(function_context.get_metric_group())

    def eval(self, column: pd.Series[Any], partitions: pd.Series[int]) -> pd.DataFrame:
        """Score one bundle. PyFlink takes as many columns as it was promised, the first ones."""
        started_ns = time.perf_counter_ns()
        windows, offsets = decode_windows(joined(column))
        rows = score_scheduled(windows, offsets, partitions.to_numpy(dtype=np.int64), self._models)
        self._metrics.add(rows, _microseconds_since(started_ns))
        return rows


class ExplainVerdict(ScalarFunction):  # type: ignore[misc]  # PyFlink ships no types
    """Explain alerts inside Flink's Python worker: of the few windows that changed a verdict, those that raise one.

    Parameters
    ----------
    open_models : callable
        As for `ScoreWindows`.
    """

    def __init__(self, open_models: Callable[[], Models]) -> None:
        self._open_models = open_models

    def open(self, function_context: FunctionContext) -> None:
        """Load models and explainers, and register the metrics of this worker."""
        start_no_sampling()
        keep_in_arrow()
        self._models = self._open_models()
        metrics = function_context.get_metric_group()
        self._explained_counter = metrics.counter("verdicts_explained")
        self._explaining_us_counter = metrics.counter("explaining_time_us")

    def eval(
        self, columns: pd.Series[Any], verdicts: pd.Series[str], declared: pd.Series[str], versions: pd.Series[str]
    ) -> pd.Series[str]:
        """Explain one bundle."""
        started_ns = time.perf_counter_ns()
        features = np.frombuffer(joined(columns), dtype="<f8").reshape(len(columns), len(FEATURES))
        claims = np.array([name if isinstance(name, str) else None for name in declared], dtype=object)
        written = explain_scheduled(
            features, verdicts.to_numpy(dtype=object), claims, versions.to_numpy(dtype=object), self._models
        )
        self._explained_counter.inc(int(written.notna().sum()))
        self._explaining_us_counter.inc(_microseconds_since(started_ns))
        return written


def build_score_udf(open_models: Callable[[], Models]) -> UserDefinedScalarFunctionWrapper:
    """Wrap `ScoreWindows` as the SQL function (window: BYTES, partition: INT) -> ROW<`RECORD_COLUMNS`>."""
    return udf(ScoreWindows(open_models), result_type=_row_type(RECORD_COLUMNS), func_type="pandas")


def build_explain_udf(open_models: Callable[[], Models]) -> UserDefinedScalarFunctionWrapper:
    """Wrap `ExplainVerdict` as the SQL function (features: BYTES, verdict, declared, version: STRING) -> STRING."""
    return udf(ExplainVerdict(open_models), result_type=DataTypes.STRING(), func_type="pandas")


def _microseconds_since(started_ns: int) -> int:
    return (time.perf_counter_ns() - started_ns) // 1000


def _row_type(columns: dict[str, str]) -> RowType:
    fields: RowType = DataTypes.ROW([DataTypes.FIELD(name, _DATA_TYPES[t]()) for name, t in columns.items()])
    return fields

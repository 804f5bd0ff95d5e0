"""The pandas UDFs: batches from Flink in, batches of rows out. Nothing is computed here."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import pandas as pd
from pyflink.table import DataTypes
from pyflink.table.types import RowType
from pyflink.table.udf import FunctionContext, ScalarFunction, UserDefinedScalarFunctionWrapper, udf

from udfs.explanations import Explainer
from udfs.features import FEATURES
from udfs.fingerprints import N_TRAITS
from udfs.history import HistoryCodec, features_from_text
from udfs.rows import DECISION_COLUMNS, ROW_COLUMNS, decision_rows, explanations, score_rows
from udfs.scoring import Predictor, score_windows
from udfs.windows import decode_windows

_DATA_TYPES: Final = {
    "BIGINT": DataTypes.BIGINT,
    "BOOLEAN": DataTypes.BOOLEAN,
    "DOUBLE": DataTypes.DOUBLE,
    "STRING": DataTypes.STRING,
}


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


class DecideConnection(ScalarFunction):  # type: ignore[misc]  # PyFlink ships no types
    """Decide on connections inside Flink's Python worker, from the records of their last windows.

    Parameters
    ----------
    load_predictor : callable
        As for `ScoreWindows`; gives the classes and the decision rule.
    """

    def __init__(self, load_predictor: Callable[[], Predictor]) -> None:
        self._load_predictor = load_predictor

    def open(self, function_context: FunctionContext) -> None:
        """Load the decision rule and register the metrics of this worker."""
        predictor = self._load_predictor()
        self._classes, self._rule = predictor.classes, predictor.decision_rule
        self._codec = HistoryCodec(n_classes=len(self._classes), n_traits=N_TRAITS)
        metrics = function_context.get_metric_group()
        self._decided_counter = metrics.counter("windows_decided")
        self._deciding_us_counter = metrics.counter("deciding_time_us")

    def eval(self, texts: pd.Series[str], n_windows: pd.Series[int]) -> pd.DataFrame:
        """Decide on one bundle."""
        started_ns = time.perf_counter_ns()
        history = self._codec.decode(texts.to_list(), n_windows.to_numpy())
        rows = decision_rows(history, self._classes, self._rule)
        self._decided_counter.inc(len(rows))
        self._deciding_us_counter.inc((time.perf_counter_ns() - started_ns) // 1000)
        return rows


class ExplainVerdict(ScalarFunction):  # type: ignore[misc]  # PyFlink ships no types
    """Explain alerts inside Flink's Python worker: of the few windows that changed a verdict, those that raise one.

    Parameters
    ----------
    load_predictor, load_explainer : callable
        As for `ScoreWindows`.
    """

    def __init__(self, load_predictor: Callable[[], Predictor], load_explainer: Callable[[], Explainer]) -> None:
        self._load_predictor, self._load_explainer = load_predictor, load_explainer

    def open(self, function_context: FunctionContext) -> None:
        """Load model and explainer, and register the metric of this worker."""
        self._predictor, self._explainer = self._load_predictor(), self._load_explainer()
        self._explained_counter = function_context.get_metric_group().counter("verdicts_explained")

    def eval(self, texts: pd.Series[str], verdicts: pd.Series[str], declared: pd.Series[str]) -> pd.Series[str]:
        """Explain one bundle."""
        features = features_from_text(texts.to_list(), len(FEATURES))
        claims = [name if isinstance(name, str) else None for name in declared]
        written = explanations(features, verdicts.to_list(), claims, self._predictor, self._explainer)
        self._explained_counter.inc(sum(text is not None for text in written))
        return pd.Series(written, dtype=object)


def build_score_udf(load_predictor: Callable[[], Predictor]) -> UserDefinedScalarFunctionWrapper:
    """Wrap `ScoreWindows` as the SQL function ARRAY<BIGINT> -> ROW<`ROW_COLUMNS`>."""
    return udf(ScoreWindows(load_predictor), result_type=_row_type(ROW_COLUMNS), func_type="pandas")


def build_decide_udf(load_predictor: Callable[[], Predictor]) -> UserDefinedScalarFunctionWrapper:
    """Wrap `DecideConnection` as the SQL function (STRING, BIGINT) -> ROW<`DECISION_COLUMNS`>."""
    return udf(DecideConnection(load_predictor), result_type=_row_type(DECISION_COLUMNS), func_type="pandas")


def build_explain_udf(
    load_predictor: Callable[[], Predictor], load_explainer: Callable[[], Explainer]
) -> UserDefinedScalarFunctionWrapper:
    """Wrap `ExplainVerdict` as the SQL function (features, verdict, declared exchange: STRING) -> STRING."""
    return udf(ExplainVerdict(load_predictor, load_explainer), result_type=DataTypes.STRING(), func_type="pandas")


def _row_type(columns: dict[str, str]) -> RowType:
    fields: RowType = DataTypes.ROW([DataTypes.FIELD(name, _DATA_TYPES[t]()) for name, t in columns.items()])
    return fields

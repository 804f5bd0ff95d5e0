import dataclasses
import json
import pickle
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from model.artifact.artifact_folder import explainer_of, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.registry.topic_models import OneModel
from synthetic.open_world.unknown_venues import unknown_venue_sessions
from synthetic.sessions import synthetic_sessions
from udfs.operator_metrics import ScoringMetrics
from udfs.pandas_udfs import ScoreWindows
from udfs.rows import SCORE_COLUMNS, score_rows
from udfs.schema import WINDOW_COLUMNS, Windows
from udfs.scoring import score_windows, window_verdicts
from udfs.window_records import record_rows
from udfs.windows import session_windows

DECIMALS = 6


def default_models():
    return OneModel(load_predictor(DEFAULT_ARTIFACT), explainer_of(load_predictor(DEFAULT_ARTIFACT)))


@pytest.fixture(scope="module")
def predictor():
    return load_predictor(DEFAULT_ARTIFACT)


@pytest.fixture(scope="module")
def windows():
    drawn = synthetic_sessions(per_exchange=3, seed=11, start_ns=10**18, n_messages=2000)
    drawn += unknown_venue_sessions(n=2, seed=11, start_ns=10**18, n_messages=500)
    sessions = [one.session for one in drawn]
    parts = [session_windows(session) for session in sessions]
    return Windows(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in WINDOW_COLUMNS})


def take(windows, rows):
    return Windows(**{name: getattr(windows, name)[rows] for name in WINDOW_COLUMNS})


@pytest.mark.parametrize("batch", [1, 7, 400])
def test_scores_are_the_same_bits_for_any_batch(windows, predictor, batch):
    whole = score_windows(windows, predictor)
    for start in range(0, min(len(windows), 3 * batch + 40), batch):
        rows = slice(start, start + batch)
        part = score_windows(take(windows, rows), predictor)
        assert part.probabilities.tobytes() == whole.probabilities[rows].tobytes()
        assert part.predicted.tolist() == whole.predicted[rows].tolist()


def test_training_and_serving_predict_the_same_bits(windows, predictor):
    """The matrix that training uses and the call that serving uses, on the same booster."""
    import xgboost as xgb

    from model.artifact.artifact_folder import BOOSTER_NAME
    from model.training.calibration import Scaling, softmax
    from udfs.features import compute_features

    booster = xgb.Booster(model_file=DEFAULT_ARTIFACT / BOOSTER_NAME)
    features = compute_features(windows)
    matrix = xgb.DMatrix(features, feature_names=predictor.manifest.feature_names)
    raw = softmax(booster.predict(matrix, output_margin=True).astype(np.float64))
    scaling = Scaling(**{name: tuple(values) for name, values in predictor.manifest.scaling.items()})
    assert predictor.predict(features).tobytes() == scaling.apply(raw).tobytes()
    np.testing.assert_allclose(raw, booster.predict(matrix), rtol=1e-5)


def test_names_and_labels_never_reach_features_or_scores(predictor):
    session = synthetic_sessions(per_exchange=1, seed=3, start_ns=10**18, n_messages=200)[0].session
    names = [{"connection_id": "another", "declared_exchange": name} for name in (*predictor.classes, None)]
    scores = score_windows(session_windows(session), predictor)
    for renamed in (dataclasses.replace(session, **given) for given in names):
        found = score_windows(session_windows(renamed), predictor)
        assert found.features.tobytes() == scores.features.tobytes()
        assert found.probabilities.tobytes() == scores.probabilities.tobytes()


def test_rows_hold_what_was_scored(windows, predictor):
    scores = score_windows(windows, predictor)
    offsets = np.arange(len(windows))[:, None] * 25 + np.arange(50)
    rows = score_rows(windows, offsets, scores, "v9")
    assert list(rows.columns) == list(SCORE_COLUMNS)
    row = rows.iloc[4]
    assert row.first_offset == 100
    assert row.model_version == "v9"
    probabilities = json.loads(row.probabilities)
    assert list(probabilities) == list(predictor.classes)
    assert list(probabilities.values()) == scores.probabilities[4].tolist()
    assert row.predicted_exchange == scores.predicted[4]
    assert row.confidence == probabilities[row.predicted_exchange]
    assert row.unknown_score == probabilities["unknown"]
    last_us = max(windows.recv_ts_ns[4].tolist()) // 1000
    seconds, micros = divmod(last_us, 10**6)
    expected = datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)
    assert datetime.fromisoformat(row.window_end_at) == expected


def test_probabilities_are_rounded_and_sum_to_one(windows, predictor):
    probabilities = score_windows(windows, predictor).probabilities
    assert np.array_equal(probabilities, np.round(probabilities, DECIMALS))
    assert np.all(np.abs(probabilities.sum(axis=1) - 1) < 1e-5)


class Metrics:
    """Collects what Flink would: PyFlink's metric group exists only inside a running worker."""

    def __init__(self, prefix="", counters=None):
        self.prefix, self.counters, self.gauges = prefix, {} if counters is None else counters, {}

    def counter(self, name):
        return self.counters.setdefault(self.prefix + name, Count())

    def gauge(self, name, read):
        self.gauges[name] = read

    def add_group(self, name, extra):
        return Metrics(f"{name}={extra}.", self.counters)


class Count:
    count = 0

    def inc(self, n=1):
        self.count += n


class Context:
    def __init__(self):
        self.metrics = Metrics()

    def get_metric_group(self):
        return self.metrics


@pytest.mark.usefixtures("state_sampler", "pyflink_bundles")
def test_the_udf_survives_pickling_and_scores_what_offline_scoring_scores(windows, predictor):
    context = Context()
    function = pickle.loads(pickle.dumps(ScoreWindows(default_models)))  # noqa: S301  # ours
    function.open(context)
    part = take(windows, slice(0, 6))
    offsets = np.arange(6 * 50).reshape(6, 50)
    columns = [getattr(part, name) for name in WINDOW_COLUMNS] + [offsets]
    wire = [np.concatenate([[c[i, m] for c in columns] for m in range(50)]).astype("<i8").tobytes() for i in range(6)]
    rows = function.eval(wire, pd.Series([0] * 6, dtype="int32"))
    expected = record_rows(score_windows(part, predictor), predictor)
    promised = rows.iloc[:, :2]  # all that PyFlink takes
    assert promised.equals(expected[["record", "model"]])
    metrics = context.metrics
    assert metrics.counters.pop("scoring_time_us").count == metrics.gauges["last_batch_scoring_time_us"]()
    assert {name: counter.count for name, counter in metrics.counters.items()} == {
        "windows_scored": 6,
        "windows_unknown": int((expected["predicted_exchange"] == "unknown").sum()),
        "batches_scored": 1,
        f"model_version={predictor.model_version}.windows": 6,
    }
    assert metrics.gauges["last_batch_windows"]() == 6
    assert metrics.gauges["worker_memory_bytes"]() > 10_000_000


def naive_verdict(row, classes, thresholds):
    known = [name for name in classes if name != "unknown"]
    best = max(known, key=lambda name: row[classes.index(name)])
    return "unknown" if row[classes.index("unknown")] > thresholds[classes.index(best)] else best


def test_a_window_is_named_by_the_likeliest_known_class_unless_that_class_refuses_it(windows, predictor):
    scores = score_windows(windows, predictor)
    expected = [naive_verdict(r, predictor.classes, predictor.refusal_thresholds) for r in scores.probabilities]
    assert scores.predicted.tolist() == expected
    assert {"binance", "coinbase", "kraken", "unknown"} <= set(expected)


def test_refusal_is_above_the_threshold_of_the_likeliest_and_ties_go_to_the_first():
    rows = np.array([[0.3, 0.2, 0.5], [0.2, 0.3, 0.5], [0.25, 0.25, 0.5], [0.3, 0.2, 0.500001]])
    verdicts = window_verdicts(rows, ("a", "b", "unknown"), (0.5, 0.4, np.inf))
    assert verdicts.tolist() == [0, 2, 0, 2]


def test_each_batch_is_counted_by_model_and_by_what_is_unknown():
    group = Metrics()
    counted = ScoringMetrics(group)
    for names, versions in ((["kraken", "unknown"], ["a", "b"]), (["unknown"] * 3, ["b"] * 3)):
        counted.add(pd.DataFrame({"predicted_exchange": names, "model_version": versions}, dtype=object), 7)
    assert {name: counter.count for name, counter in group.counters.items()} == {
        "windows_scored": 5,
        "windows_unknown": 4,
        "batches_scored": 2,
        "scoring_time_us": 14,
        "model_version=a.windows": 1,
        "model_version=b.windows": 4,
    }
    assert {name: read() for name, read in group.gauges.items() if name.startswith("last_")} == {
        "last_batch_windows": 3,
        "last_batch_scoring_time_us": 7,
    }

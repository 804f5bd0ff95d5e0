"""Contributions of a real booster add up to its margins; typical ranges by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xgboost as xgb

from model.artifact.artifact_folder import BOOSTER_NAME
from model.artifact.booster_explainer import BoosterExplainer, margin_contributions, typical_ranges
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from synthetic.sessions import synthetic_sessions
from udfs.features import FEATURES, compute_features
from udfs.schema import EXCHANGES, Float64Array
from udfs.windows import session_windows

NAMES = [feature.name for feature in FEATURES]
TOLERANCE_NATS = 1e-4
"""The booster computes in single precision."""


@pytest.fixture(scope="module")
def material() -> tuple[Float64Array, np.ndarray]:
    drawn = synthetic_sessions(per_exchange=6, seed=5, start_ns=0, n_messages=300)
    features = [compute_features(session_windows(d.session)) for d in drawn]
    labels = np.repeat([d.exchange for d in drawn], [len(rows) for rows in features])
    return np.concatenate(features), labels


@pytest.fixture(scope="module")
def booster(material: tuple[Float64Array, np.ndarray]) -> xgb.Booster:
    features, labels = material
    matrix = xgb.DMatrix(features, label=[EXCHANGES.index(label) for label in labels], feature_names=NAMES)
    parameters = {"objective": "multi:softprob", "num_class": 3, "max_depth": 4, "nthread": 1}
    return xgb.train(parameters, matrix, num_boost_round=20)


def margins_of(booster: xgb.Booster, features: Float64Array) -> Float64Array:
    matrix = xgb.DMatrix(features, feature_names=booster.feature_names)
    return np.asarray(booster.predict(matrix, output_margin=True), dtype=np.float64)


def assert_adds_up(booster: xgb.Booster, features: Float64Array) -> None:
    margins = margins_of(booster, features)
    best, worst = margins.argmax(axis=1), margins.argmin(axis=1)
    rows = np.arange(len(features))
    contributions = margin_contributions(booster, features, best, worst)
    assert contributions.shape == (len(features), len(NAMES) + 1)
    assert np.abs(contributions.sum(axis=1) - (margins[rows, best] - margins[rows, worst])).max() < TOLERANCE_NATS


def test_contributions_add_up_to_the_margin(booster: xgb.Booster, material: tuple[Float64Array, np.ndarray]) -> None:
    assert_adds_up(booster, material[0])


def test_contributions_of_the_shipped_model_add_up(material: tuple[Float64Array, np.ndarray]) -> None:
    shipped = xgb.Booster(model_file=DEFAULT_ARTIFACT / BOOSTER_NAME)
    assert_adds_up(shipped, material[0][::5])


def test_contributions_do_not_depend_on_the_batch(
    booster: xgb.Booster, material: tuple[Float64Array, np.ndarray]
) -> None:
    features = material[0][:20]
    zeros, ones = np.zeros(20, dtype=np.int64), np.ones(20, dtype=np.int64)
    together = margin_contributions(booster, features, zeros, ones)
    alone = [margin_contributions(booster, features[i : i + 1], zeros[:1], ones[:1]) for i in range(20)]
    assert np.array_equal(together, np.concatenate(alone))


def test_an_explanation_is_about_the_named_classes(
    booster: xgb.Booster, material: tuple[Float64Array, np.ndarray]
) -> None:
    features, labels = material
    explainer = BoosterExplainer(booster, classes=EXCHANGES, typical=typical_ranges(features, labels, EXCHANGES))
    rows = features[[0, -1]]
    texts = explainer.explain(rows, ["kraken", "binance"], ["coinbase", "kraken"])
    margins = margins_of(booster, rows)
    first, second = (json.loads(text) for text in texts)
    assert (first["against"], second["against"]) == ("coinbase", "kraken")
    assert first["margin_nats"] == pytest.approx(margins[0, 2] - margins[0, 1], abs=TOLERANCE_NATS)
    assert second["margin_nats"] == pytest.approx(margins[1, 0] - margins[1, 2], abs=TOLERANCE_NATS)
    reason = second["reasons"][0]
    value = rows[1, NAMES.index(reason["feature"])]
    assert reason["value"] == (None if np.isnan(value) else pytest.approx(value, abs=1e-6))
    assert "kraken" in reason["text"]


def test_windows_explained_together_have_their_mean_margin_and_median_values(
    booster: xgb.Booster, material: tuple[Float64Array, np.ndarray]
) -> None:
    features, labels = material
    explainer = BoosterExplainer(booster, classes=EXCHANGES, typical=typical_ranges(features, labels, EXCHANGES))
    rows = features[-3:]
    margins = margins_of(booster, rows)
    together = json.loads(explainer.explain_together(rows, "coinbase", "binance"))
    assert together["margin_nats"] == pytest.approx(np.mean(margins[:, 1] - margins[:, 0]), abs=TOLERANCE_NATS)
    for reason in together["reasons"]:
        values = sorted(rows[:, NAMES.index(reason["feature"])])
        assert reason["value"] == (None if np.isnan(values[1]) else pytest.approx(values[1], abs=1e-6))


def test_one_window_explained_together_is_what_the_job_writes(
    booster: xgb.Booster, material: tuple[Float64Array, np.ndarray]
) -> None:
    features, labels = material
    explainer = BoosterExplainer(booster, classes=EXCHANGES, typical=typical_ranges(features, labels, EXCHANGES))
    for row in features[:40:8]:
        (alone,) = explainer.explain(row[None], ["kraken"], ["binance"])
        assert explainer.explain_together(row[None], "kraken", "binance") == alone


def test_nothing_to_explain(booster: xgb.Booster) -> None:
    explainer = BoosterExplainer(booster, classes=EXCHANGES, typical={})
    assert len(explainer.explain(np.empty((0, len(NAMES))), [], [])) == 0


def typical_of_one(values: list[float], weights: list[float] | None = None) -> list[float] | None:
    features = np.tile(np.array(values)[:, np.newaxis], len(NAMES))
    labels = np.array(["a"] * len(values))
    ranges = typical_ranges(features, labels, ["a", "b"], None if weights is None else np.array(weights))
    assert set(ranges) == {"a", "b"}
    assert list(ranges["a"]) == NAMES
    assert set(map(str, ranges["b"].values())) == {"None"}
    return ranges["a"][NAMES[0]]


def test_typical_ranges_by_hand() -> None:
    assert typical_of_one([float(i) for i in range(1, 11)]) == [1, 5, 9]
    assert typical_of_one([7.0]) == [7, 7, 7]
    assert typical_of_one([np.nan, 3.0, np.nan]) == [3, 3, 3]
    assert typical_of_one([np.nan, np.nan]) is None


def test_typical_ranges_go_by_weight() -> None:
    assert typical_of_one([1.0, 2.0, 3.0], [1.0, 8.0, 1.0]) == [1, 2, 2]
    assert typical_of_one([3.0, 1.0, 2.0], [0.0, 1.0, 1.0]) == [1, 1, 2]


def test_typical_ranges_agree_with_numpy() -> None:
    values = np.random.default_rng(8).normal(size=997).round(6)
    expected = np.quantile(values, (0.1, 0.5, 0.9), method="inverted_cdf").tolist()
    assert typical_of_one(values.tolist()) == expected

"""What a model knows of its classes' windows: deciles, shares and likeness by hand, by NumPy and by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from model.training.boosting import window_weights
from model.training.calibration import Scaling
from model.training.calibrator import Judge
from model.training.class_reference import build_reference
from model.training.dataset import Dataset, Source
from model.training.distributions import Distribution, distribution
from udfs.features import FEATURES
from udfs.schema import Float64Array
from udfs.verdicts import DecisionRule

NAMES = [feature.name for feature in FEATURES]


def describe(
    values: list[float], sessions: list[int] | None = None, weights: list[float] | None = None
) -> Distribution:
    return distribution(
        np.array(values, dtype=np.float32),
        np.arange(len(values)) if sessions is None else np.array(sessions),
        np.ones(len(values)) if weights is None else np.array(weights),
    )


def test_deciles_and_shares_by_hand() -> None:
    found = describe([float(i) for i in range(1, 11)])
    assert found["deciles"] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert (found["shares"], found["missing_share"]) == ([0.1] * 10, 0.0)


def test_a_frequent_value_has_the_share_that_it_has() -> None:
    """Six of ten are 0, which five deciles are; a value up to a decile belongs to the part that it ends."""
    found = describe([0, 0, 0, 0, 0, 0, 1, 2, 3, np.nan, np.nan, 4])
    assert found["deciles"] == [0, 0, 0, 0, 0, 0, 1, 2, 3]
    assert found["shares"] == [0.5, 0, 0, 0, 0, 0, 0.083333, 0.083333, 0.083333, 0.083333]
    assert found["missing_share"] == 0.166667


def test_the_deciles_are_numpys() -> None:
    values = np.random.default_rng(8).normal(size=997).astype(np.float32)
    found = describe(values.tolist())
    expected = np.quantile(values, np.arange(1, 10) / 10, method="inverted_cdf")
    np.testing.assert_allclose(found["deciles"], expected, atol=6e-7)
    np.testing.assert_allclose(found["shares"], 0.1, atol=2e-3)


def test_weights_count() -> None:
    found = describe([1, 2, np.nan], weights=[8, 1, 1])
    assert found["deciles"] == [1] * 8 + [2]
    assert (found["shares"], found["missing_share"]) == ([0.8] + [0.0] * 7 + [0.1, 0.0], 0.1)


@pytest.mark.parametrize("values", [[], [np.nan, np.nan]])
def test_what_is_never_defined_has_no_deciles(values: list[float]) -> None:
    found = describe(values)
    assert (found["deciles"], found["shares"], found["missing_share"]) == ([], [0.0] * 10, 1.0)


def test_likeness_is_the_variance_inflation_of_chi_square() -> None:
    """Sessions whose windows repeat one value in half of all cases: the chi-square statistic of m windows of each."""
    rng = np.random.default_rng(5)
    n_sessions, n_windows = 4000, 6
    own = rng.random((n_sessions, 1))
    values = np.where(rng.random((n_sessions, n_windows)) < 0.5, own, rng.random((n_sessions, n_windows)))
    sessions = np.repeat(np.arange(n_sessions), n_windows)
    found = describe(values.ravel().tolist(), sessions.tolist())
    # Two windows of a session are both the session's own value in a quarter of cases, whatever the value.
    assert found["likeness"] == pytest.approx(0.25, abs=0.01)
    assert found["likeness_square"] == pytest.approx(0.25**2, abs=0.01)
    parts = values.reshape(-1, 20, n_windows)
    bins = np.minimum((parts * 10).astype(int), 9)
    n = 20 * n_windows
    counts = np.stack([(bins == b).sum(axis=(1, 2)) for b in range(10)], axis=1)
    chi_squares = ((counts - n / 10) ** 2 / (n / 10)).sum(axis=1)
    assert chi_squares.mean() / 9 == pytest.approx(1 + (n_windows - 1) * found["likeness"], rel=0.1)
    assert found["effective_windows"] == pytest.approx(n_sessions * n_windows / (1 + 5 * found["likeness"]), rel=0.01)


def test_single_windows_of_sessions_are_taken_for_all_that_a_session_says() -> None:
    found = describe([1.0, 2.0, 3.0, 4.0])
    assert (found["likeness"], found["likeness_square"], found["effective_windows"]) == (1.0, 1.0, 4.0)


def make_source(label: str) -> Source:
    return Source(name=label, label=label, group="g", family=label, real=False, sha256="")


def make_dataset(features: Float64Array) -> Dataset:
    return Dataset(
        sources=[make_source("a"), make_source("unknown")], features=features, session=np.array([0, 0, 1, 1])
    )


def test_features_go_by_label_and_confidence_by_what_a_window_is_called() -> None:
    judge = Judge(
        classes=("a", "unknown"),
        scaling=Scaling(slopes=(1.0, 1.0), biases=(0.0, 0.0)),
        refusal={"a": [0.5] * 8},
        decision=DecisionRule(bounds_millinats=(1, 1), unknown=1, intercept=0.0, slope_per_nat=1.0),
    )
    trained = make_dataset(np.tile([[1.0], [2.0], [3.0], [np.nan]], len(NAMES)))
    raw = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.75, 0.25]])
    found = build_reference(trained, make_dataset(np.zeros((4, len(NAMES)))), raw, judge, ["a", "unknown"])
    assert list(found) == ["a", "unknown"]
    assert list(found["a"]) == [*NAMES, "confidence", "margin"]
    assert found["a"][NAMES[7]]["deciles"] == [1] * 5 + [2] * 4
    assert (found["unknown"][NAMES[7]]["deciles"], found["unknown"][NAMES[7]]["missing_share"]) == ([3] * 9, 0.5)
    # The last window is a stranger's and called a.
    weights = window_weights(make_dataset(np.zeros((4, 1))))
    assert len(set(weights.tolist())) == 1
    assert found["a"]["confidence"]["deciles"] == [0.6] * 3 + [0.75] * 3 + [0.9] * 3
    assert found["a"]["margin"]["deciles"] == pytest.approx([0.2] * 3 + [0.5] * 3 + [0.8] * 3)
    assert found["unknown"]["confidence"]["deciles"] == [0.8] * 9

"""Calibration and refusal against cases whose answer is known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from model.training.calibration import REQUESTED_RATES, Scaling, fit_scaling, refusal_quantiles, threshold_at


def test_scaling_is_the_softmax_of_scaled_logarithms() -> None:
    raw = np.random.default_rng(1).dirichlet([1, 1, 1], size=20)
    scaling = Scaling(slopes=(0.5, 1.0, 2.0), biases=(0.1, 0.0, -0.3))
    expected = softmax(np.log(raw) * [0.5, 1.0, 2.0] + [0.1, 0.0, -0.3], axis=1)
    np.testing.assert_allclose(scaling.apply(raw), expected, rtol=1e-12)
    rows = np.concatenate([scaling.apply(raw[i : i + 3]) for i in range(0, 20, 3)])
    assert rows.tobytes() == scaling.apply(raw).tobytes()


def test_fitting_finds_the_scaling_that_drew_the_labels() -> None:
    rng = np.random.default_rng(2)
    raw = rng.dirichlet([0.7, 0.7, 0.7], size=60_000)
    true = softmax(np.log(np.maximum(raw, 1e-6)) * [0.5, 1.0, 1.5] + [0.4, 0.0, -0.4], axis=1)
    labels = (rng.random((len(raw), 1)) > np.cumsum(true, axis=1)).sum(axis=1).astype(np.int64)
    found = fit_scaling(raw, labels, np.ones(len(raw)))
    np.testing.assert_allclose(found.slopes, [0.5, 1.0, 1.5], atol=0.04)
    np.testing.assert_allclose(np.array(found.biases) - found.biases[1], [0.4, 0.0, -0.4], atol=0.05)


def test_a_weight_of_two_is_the_same_window_twice() -> None:
    rng = np.random.default_rng(3)
    raw, labels = rng.dirichlet([1, 1], size=200), rng.integers(0, 2, 200)
    twice = np.concatenate([np.arange(200), np.arange(100)])
    weights = np.where(np.arange(200) < 100, 2.0, 1.0)
    found, expected = fit_scaling(raw, labels, weights), fit_scaling(raw[twice], labels[twice], np.ones(300))
    np.testing.assert_allclose(found.slopes, expected.slopes, atol=1e-3)


def test_refusal_quantiles_of_a_case_counted_by_hand() -> None:
    scores = np.random.default_rng(4).permutation(np.arange(1, 1001) / 1000)
    found = dict(zip(REQUESTED_RATES, refusal_quantiles(scores, np.ones(1000)), strict=True))
    # The least score that at least 99% of a thousand lie at or below is the 990th.
    assert found[0.01] == pytest.approx(0.990)
    assert found[0.1] == pytest.approx(0.900)
    assert found[0.001] == pytest.approx(0.999)


def test_refusal_quantiles_weigh_windows() -> None:
    # The window of weight 1 in 20 is 5% of all: refused at a rate of 5%, kept at 2%.
    found = dict(zip(REQUESTED_RATES, refusal_quantiles(np.array([0.3, 0.9]), np.array([19.0, 1.0])), strict=True))
    assert (found[0.05], found[0.02]) == (0.3, 0.9)


def test_thresholds_between_the_rates_are_interpolated() -> None:
    thresholds = [float(i) for i in range(len(REQUESTED_RATES))]
    assert [threshold_at(thresholds, rate) for rate in REQUESTED_RATES] == pytest.approx(thresholds)
    assert threshold_at(thresholds, np.sqrt(0.01 * 0.02)) == pytest.approx(3.5)

"""Statistics of the evaluation against hand-derived numbers, SciPy and naive loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from model.evaluation.statistics import (
    Share,
    auroc,
    average_precision,
    cluster_bootstrap_interval,
    connection_share,
    poisson_interval,
    precision_at_base_rate,
    precision_recall,
    quantiles,
    reliability,
    wilson_interval,
    window_share,
)


def test_wilson_interval_by_hand() -> None:
    # 1 of 4 with z = 1.959964, z^2 = 3.841459: centre (1 + 1.920729) / 7.841459 = 0.372473;
    # half 1.959964 / 7.841459 * sqrt(3 / 4 + 0.960365) = 0.249948 * 1.307810 = 0.326885.
    assert wilson_interval(1, 4) == pytest.approx((0.045587, 0.699358), abs=1e-5)


def test_nothing_has_no_share() -> None:
    assert wilson_interval(0, 0) == (0, 1)
    nothing = connection_share(np.zeros(0, dtype=np.bool_))
    assert nothing == Share(hits=0, of=0, ratio=None, low=None, high=None)
    assert window_share(np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.int64)) == nothing


def test_bootstrap_draws_sessions_not_windows() -> None:
    # Two sessions, one all right and one all wrong: a draw is 0, 1/2 or 1 with probabilities 1/4, 1/2, 1/4.
    hits = np.array([True] * 50 + [False] * 50)
    share = window_share(hits, np.repeat([3, 8], 50))
    assert (share.hits, share.of, share.ratio) == (50, 100, 0.5)
    assert (share.low, share.high) == (0.0, 1.0)
    # As independent windows the interval would be a fifth of that.
    assert np.subtract(*reversed(wilson_interval(50, 100))) < 0.2


def test_few_sessions_do_not_make_sure() -> None:
    # Nothing wrong in 5 sessions: as sure as 5 trials make, however many windows there are.
    share = window_share(np.ones(500, dtype=np.bool_), np.repeat(np.arange(5), 100))
    assert (share.low, share.high) == (pytest.approx(wilson_interval(5, 5)[0], abs=1e-5), 1.0)
    assert window_share(np.zeros(500, dtype=np.bool_), np.repeat(np.arange(5), 100)).high == pytest.approx(
        wilson_interval(0, 5)[1], abs=1e-5
    )
    alone = window_share(np.arange(100) < 97, np.zeros(100, dtype=np.int64))
    assert (alone.ratio, alone.low, alone.high) == (0.97, 0.0, 1.0)


def test_bootstrap_of_equal_sessions_is_a_point() -> None:
    assert cluster_bootstrap_interval(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])) == (0.5, 0.5)


def test_bootstrap_agrees_with_the_normal_interval_of_many_sessions() -> None:
    hits = np.arange(400) % 5 == 0
    low, high = cluster_bootstrap_interval(hits.astype(float), np.ones(400))
    assert (low, high) == pytest.approx((0.2 - 1.96 * 0.02, 0.2 + 1.96 * 0.02), abs=0.006)


def test_poisson_interval_is_the_published_one() -> None:
    # Garwood's table: 0 events 0 to 3.69, 5 events 1.62 to 11.67.
    assert poisson_interval(0) == pytest.approx((0.0, 3.689), abs=1e-3)
    assert poisson_interval(5) == pytest.approx((1.623, 11.668), abs=1e-3)


scores_and_labels = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30).filter(
    lambda rows: len({label for _, label in rows}) == 2
)


@given(scores_and_labels)
def test_auroc_counts_pairs(rows: list[tuple[int, bool]]) -> None:
    pairs = list(itertools.product([s for s, label in rows if label], [s for s, label in rows if not label]))
    naive = sum((p > n) + (p == n) / 2 for p, n in pairs) / len(pairs)
    scores, positive = np.array([float(s) for s, _ in rows]), np.array([label for _, label in rows])
    assert auroc(scores, positive) == pytest.approx(naive, abs=1e-5)
    assert mannwhitneyu(scores[positive], scores[~positive]).statistic / len(pairs) == pytest.approx(naive)


@given(scores_and_labels)
def test_a_weight_counts_as_so_many(rows: list[tuple[int, bool]]) -> None:
    scores, positive = np.array([float(s) for s, _ in rows]), np.array([label for _, label in rows])
    weights = np.arange(1, len(rows) + 1)
    repeated = np.repeat(np.arange(len(rows)), weights)
    args = (scores[repeated], positive[repeated])
    assert auroc(scores, positive, weights.astype(float)) == auroc(*args)
    assert average_precision(scores, positive, weights.astype(float)) == average_precision(*args)


def test_one_kind_has_no_ranking() -> None:
    assert auroc(np.ones(3), np.ones(3, dtype=np.bool_)) is None
    assert average_precision(np.ones(3), np.zeros(3, dtype=np.bool_)) is None


def test_precision_and_recall_by_hand() -> None:
    scores, positive = np.array([0.9, 0.8, 0.8, 0.1]), np.array([True, True, False, True])
    precision, recall = precision_recall(scores, positive)
    assert precision.tolist() == pytest.approx([1, 2 / 3, 3 / 4])
    assert recall.tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    # Precision times each step of recall: (1 + 2/3 + 3/4) / 3.
    assert average_precision(scores, positive) == pytest.approx(0.80556, abs=1e-5)


def test_precision_at_a_base_rate_is_bayes() -> None:
    # Of 1,001 connections one deserves the alert: 0.95 alerts are right, 1,000 * 0.001 = 1 is false.
    assert precision_at_base_rate(0.95, 0.001, 1000) == pytest.approx(0.95 / 1.95, abs=1e-5)
    prior = 1 / 11
    bayes = 0.8 * prior / (0.8 * prior + 0.05 * (1 - prior))
    assert precision_at_base_rate(0.8, 0.05, 10) == pytest.approx(bayes, abs=1e-5)
    assert precision_at_base_rate(0.0, 0.0, 10) is None


def test_reliability_by_hand() -> None:
    # Bins of 1/15: 0.50 and 0.52 are in (7/15, 8/15], 0.9 in (13/15, 14/15], 1.0 in the last.
    confidences = np.array([0.50, 0.52, 0.9, 1.0])
    found = reliability(confidences, np.array([True, False, True, True]))
    assert found["bins"]["confidence"] == pytest.approx([0.51, 0.9, 1.0])
    assert found["bins"]["accuracy"] == pytest.approx([0.5, 1.0, 1.0])
    assert found["bins"]["share"] == pytest.approx([0.5, 0.25, 0.25])
    assert found["ece"] == pytest.approx(0.5 * 0.01 + 0.25 * 0.1, abs=1e-5)


def test_reliability_weighs() -> None:
    found = reliability(np.array([0.8, 0.8]), np.array([True, False]), np.array([3.0, 1.0]))
    assert found["ece"] == pytest.approx(0.05, abs=1e-5)
    assert reliability(np.zeros(0), np.zeros(0, dtype=np.bool_))["ece"] is None


def test_a_bin_includes_its_upper_end() -> None:
    confidences = np.array([0.0, 1 / 15, 1 / 15 + 1e-9, 2 / 15])
    found = reliability(confidences, np.zeros(4, dtype=np.bool_))
    assert found["bins"]["share"] == [0.5, 0.5]


def test_calibrated_probabilities_have_hardly_any_error() -> None:
    rng = np.random.default_rng(1)
    confidences = rng.uniform(0.3, 1.0, 200_000)
    assert reliability(confidences, rng.random(200_000) < confidences)["ece"] < 0.005


def test_quantiles_of_nothing_are_nothing() -> None:
    assert quantiles(np.zeros(0)) == {"median": None, "p95": None}
    assert quantiles(np.arange(101.0)) == {"median": 50.0, "p95": 95.0}

"""What a connection's windows say together: evidence added up until it is decisive, forgotten after `HISTORY` windows.

A window's evidence for a class is the logarithm of its probability. Over the last k windows, the lead of a class is how
far its sum is above every other class's. A class is decisive once its lead over some k reaches its bound: the
window-limited generalised likelihood ratio, a CUSUM that also says when the change began (Page, Continuous Inspection
Schemes, Biometrika 41, 1954; Lai, Sequential Changepoint Detection, JRSS B 57, 1995). The bounds come with the model.
A verdict stands until another class leads by far more than its bound. Sums are of whole millinats: every order of
adding gives the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from udfs.elementary import exponential, natural_logarithm
from udfs.schema import Float64Array, Int64Array

HISTORY: Final = 16
"""Windows that a decision looks back on, the newest included."""

EVIDENCE_FLOOR: Final = 0.001
"""A class cannot be less likely than this in one window: no single window decides, nor rules a class out for good."""

OVERTURN_MILLINATS: Final = 11_513
"""How much further than its bound a class has to lead to replace another: odds of 100,000 to 1 more. The bounds are for
the first verdict of a connection; later each of its windows, 35,000 a day at 10 messages a second, could replace it."""

LIKELY_MILLINATS: Final = 3000
"""Lead from which a class that is not decisive is named as likely: odds of 20 to 1."""

REFUSE_MILLINATS: Final = 8000
"""Lead from which `unknown` is: a connection that some known class may explain is not refused lightly."""

PROBABILITY_DECIMALS: Final = 6

MOST_LOG_ODDS: Final = 40.0
"""Of a probability that is not 0 or 1 to six decimals, nor to the last bit."""

_NO_LEAD: Final = np.iinfo(np.int64).min


@dataclass(frozen=True, kw_only=True)
class DecisionRule:
    """How much evidence a model needs; chosen on sessions that it was not trained on.

    Attributes
    ----------
    bounds_millinats : n_classes int
        Lead at which a class is decisive, in the order of the classes; above 0.
    unknown : int
        Index of the class `unknown`.
    intercept, slope_per_nat : float
        Probability of a verdict with a lead of s nats: 1 / (1 + exp(-(intercept + slope_per_nat * s))).
    """

    bounds_millinats: tuple[int, ...]
    unknown: int
    intercept: float
    slope_per_nat: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Decisions:
    """What n connections' last windows say, one row a connection.

    Attributes
    ----------
    decisive : (n,) int64
        Index of the class whose lead has reached its bound, else -1. Of several the one that overturns, else the one
        that needs the fewest windows.
    overturns : (n,) bool
        Whether its lead is `OVERTURN_MILLINATS` above the bound, which it takes to replace another verdict.
    leaning : (n,) int64
        Where none is decisive: `unknown` if it leads by `REFUSE_MILLINATS`, else the known class that leads all other
        known ones by `LIKELY_MILLINATS`, else -1.
    strength_millinats : (n,) int64
        Lead of that class: the largest over all k if decisive, over all windows if leaning, 0 if neither.
    suffix_windows : (n,) int64
        The k of that lead, from 1: since so many windows it has been so. 0 if neither.
    probability : (n,) float64
        That the class is right, by the rule; six decimals.
    """

    decisive: Int64Array
    overturns: NDArray[np.bool_]
    leaning: Int64Array
    strength_millinats: Int64Array
    suffix_windows: Int64Array
    probability: Float64Array


def evidence_millinats(probabilities: Float64Array) -> Int64Array:
    """Turn windows' probabilities into evidence: ln(max(p, `EVIDENCE_FLOOR`)) in whole thousandths.

    >>> evidence_millinats(np.array([[1.0, 0.5, 0.0]]))
    array([[    0,  -693, -6908]])
    """
    nats = natural_logarithm(np.maximum(probabilities, EVIDENCE_FLOOR))
    whole: Float64Array = np.rint(1000 * nats)
    return whole.astype(np.int64)


def decide(evidence: Int64Array, n_windows: Int64Array, rule: DecisionRule) -> Decisions:
    """Look for a decisive class in each connection's last windows; a row does not depend on its batch.

    Parameters
    ----------
    evidence : (n, H, n_classes) int64
        Evidence of the last H windows, the newest last.
    n_windows : (n,) int64
        How many of the H are real, the newest ones; more than H count as H.
    rule : DecisionRule
        The model's.

    Examples
    --------
    Three windows, of which the last two speak for the second class; together they lead by 12 nats:

    >>> rule = DecisionRule(bounds_millinats=(10_000, 10_000), unknown=0, intercept=0.0, slope_per_nat=0.5)
    >>> decided = decide(np.array([[[0, -3000], [-6000, 0], [-6000, 0]]]), np.array([3]), rule)
    >>> decided.decisive, decided.strength_millinats, decided.suffix_windows
    (array([1]), array([12000]), array([2]))
    """
    sums = np.cumsum(evidence[:, ::-1], axis=1)
    rows, in_use = np.arange(len(sums)), np.minimum(n_windows, evidence.shape[1])
    leads = _leads(sums)
    leads[np.arange(evidence.shape[1]) >= in_use[:, None]] = _NO_LEAD
    bounds = np.array(rule.bounds_millinats, dtype=np.int64)
    overturning = _first_decisive(leads, bounds + OVERTURN_MILLINATS)
    decisive = np.where(overturning >= 0, overturning, _first_decisive(leads, bounds))
    leaning, leaning_lead = _leaning(sums[rows, in_use - 1], rule.unknown)
    leaning[(decisive >= 0) | (in_use == 0)] = -1
    # From the longest suffix down: the first maximum found is the one of the largest k.
    downwards = leads[rows, ::-1, decisive]
    best = np.argmax(downwards, axis=1)
    strength = np.where(decisive >= 0, downwards[rows, best], np.where(leaning >= 0, leaning_lead, 0))
    suffix = np.where(decisive >= 0, evidence.shape[1] - best, np.where(leaning >= 0, in_use, 0))
    return Decisions(
        decisive=decisive,
        overturns=overturning >= 0,
        leaning=leaning,
        strength_millinats=strength,
        suffix_windows=suffix,
        probability=verdict_probability(strength, rule),
    )


def verdict_probability(strength_millinats: Int64Array, rule: DecisionRule) -> Float64Array:
    """Say how probably a verdict of such a lead is right, to six decimals."""
    log_odds = rule.intercept + rule.slope_per_nat * (strength_millinats / 1000)
    probabilities: Float64Array = 1 / (1 + exponential(-np.clip(log_odds, -MOST_LOG_ODDS, MOST_LOG_ODDS)))
    return np.round(probabilities, PROBABILITY_DECIMALS)


def running_decisions(evidence: Int64Array, rule: DecisionRule, *, history: int = HISTORY) -> Decisions:
    """Decide at every window of one connection, from its evidence (n_windows, n_classes)."""
    return decide(_last_windows(evidence, history), np.arange(1, len(evidence) + 1), rule)


def running_leads(evidence: Int64Array) -> Int64Array:
    """Measure every lead at every window of one connection: (n_windows, `HISTORY`, n_classes), without a rule."""
    leads = _leads(np.cumsum(_last_windows(evidence, HISTORY)[:, ::-1], axis=1))
    leads[np.arange(HISTORY) > np.arange(len(evidence))[:, None]] = _NO_LEAD
    return leads


def _last_windows(evidence: Int64Array, history: int) -> Int64Array:
    """Lay out what precedes each window of a connection, itself included: (n_windows, history, n_classes)."""
    padded = np.concatenate([np.zeros((history - 1, evidence.shape[1]), dtype=np.int64), evidence])
    if not len(evidence):
        return np.empty((0, history, evidence.shape[1]), dtype=np.int64)
    return np.lib.stride_tricks.sliding_window_view(padded, history, axis=0).transpose(0, 2, 1)


def _leads(sums: Int64Array) -> Int64Array:
    """Compare each class with the best of the others, along the last axis."""
    n_classes = sums.shape[-1]
    winner = np.argmax(sums, axis=-1)[..., None]
    second, first = np.moveaxis(np.partition(sums, n_classes - 2, axis=-1)[..., -2:, None], -2, 0)
    return np.asarray(sums - np.where(np.arange(n_classes) == winner, second, first), dtype=np.int64)


def _first_decisive(leads: Int64Array, bounds: Int64Array) -> Int64Array:
    """Find the class that reaches its bound on the fewest windows; only one can on so many, as bounds are above 0."""
    reached = leads >= bounds
    shortest = np.where(reached.any(axis=1), np.argmax(reached, axis=1), leads.shape[1])
    fastest = np.argmin(shortest, axis=1)
    return np.where(reached.any(axis=(1, 2)), fastest, -1).astype(np.int64)


def _leaning(sums: Int64Array, unknown: int) -> tuple[Int64Array, Int64Array]:
    """Find the class that is likely by the sums over all windows there are, (n, n_classes), and its lead."""
    refused_by = _leads(sums)[:, unknown]
    known = np.delete(_leads(np.where(np.arange(sums.shape[1]) == unknown, _NO_LEAD // 2, sums)), unknown, axis=1)
    leader = np.argmax(known, axis=1)
    lead = known[np.arange(len(sums)), leader]
    named = np.where(lead >= LIKELY_MILLINATS, leader + (leader >= unknown), -1)
    refused = refused_by >= REFUSE_MILLINATS
    return np.where(refused, unknown, named), np.where(refused, refused_by, lead)

"""Everything between a booster and its verdicts, fitted on held-out sessions and applied to others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.training.boosting import window_weights
from model.training.calibration import DEFAULT_RATE, Scaling, fit_scaling, refusal_quantiles, refusal_thresholds
from model.training.dataset import Dataset
from model.training.decision_bounds import HeldOutSession, fit_decision_rule
from udfs.current_verdict import ConnectionVerdict, connection_verdict
from udfs.schema import UNKNOWN, Float64Array
from udfs.scoring import window_verdicts
from udfs.verdicts import PROBABILITY_DECIMALS, DecisionRule, evidence_millinats


@dataclass(frozen=True, kw_only=True)
class Judge:
    """What turns raw probabilities into verdicts.

    Attributes
    ----------
    classes : tuple of str
        In the order of the booster's columns.
    scaling : Scaling
        Calibrates.
    refusal : dict
        For each known class its thresholds at `model.training.calibration.REQUESTED_RATES`.
    decision : DecisionRule
        Of connections.
    """

    classes: tuple[str, ...]
    scaling: Scaling
    refusal: dict[str, list[float]]
    decision: DecisionRule


@dataclass(frozen=True, kw_only=True, eq=False)
class Judgements:
    """What a judge says of a dataset.

    Attributes
    ----------
    probabilities : (n_windows, n_classes) float64
        Calibrated and rounded as in service.
    windows : (n_windows,) int
        Verdict of each window, an index of the classes.
    connections : list of ConnectionVerdict
        Verdict of each session.
    """

    probabilities: Float64Array
    windows: NDArray[np.intp]
    connections: list[ConnectionVerdict]


def fit_judge(held_out: Dataset, raw: Float64Array, classes: tuple[str, ...]) -> Judge:
    """Fit calibration, refusal and decision on sessions that the booster was not trained on.

    Parameters
    ----------
    held_out : Dataset
        Every class that has synthetic sessions should occur.
    raw : (n_windows, n_classes) float64
        What the booster said of their windows.
    """
    labels = np.array([classes.index(label) for label in held_out.labels])[held_out.session]
    weights = window_weights(held_out)
    scaling = fit_scaling(raw, labels, weights)
    probabilities = np.round(scaling.apply(raw), PROBABILITY_DECIMALS)
    refusal = fit_refusal(held_out, probabilities[:, classes.index(UNKNOWN)], weights, classes)
    sessions = [
        HeldOutSession(label=source.label, real=source.real, probabilities=probabilities[held_out.session == i])
        for i, source in enumerate(held_out.sources)
        if (held_out.session == i).any()
    ]
    decision = fit_decision_rule(sessions, classes)
    return Judge(classes=classes, scaling=scaling, refusal=refusal, decision=decision)


def fit_refusal(
    held_out: Dataset, unknown_scores: Float64Array, weights: Float64Array, classes: tuple[str, ...]
) -> dict[str, list[float]]:
    """Find each known class's thresholds.

    Those of a class that has recordings only are kept between the strictest and the laxest of the others, or are the
    strictest if none is held out: few clean sessions do not show the largest unknown score that the next one may have,
    and one that was not recognised would let every stranger in.
    """
    labels, drawn = held_out.window_labels, {source.label for source in held_out.sources if not source.real}
    found = {
        name: refusal_quantiles(unknown_scores[labels == name], weights[labels == name])
        for name in classes
        if name != UNKNOWN and (labels == name).any()
    }
    others = np.array([found[name] for name in found if name in drawn])
    strictest, laxest = others.min(axis=0), others.max(axis=0)
    return {
        name: found[name] if name in drawn else np.clip(found.get(name, 0.0), strictest, laxest).tolist()
        for name in classes
        if name != UNKNOWN
    }


def judge(dataset: Dataset, raw: Float64Array, by: Judge, false_unknown_rate: float = DEFAULT_RATE) -> Judgements:
    """Name every window and every session of a dataset from the booster's raw probabilities."""
    thresholds = refusal_thresholds(by.refusal, by.classes, false_unknown_rate)
    probabilities = np.round(by.scaling.apply(raw), PROBABILITY_DECIMALS)
    evidence = evidence_millinats(probabilities)
    connections = [
        connection_verdict(evidence[dataset.session == i], by.decision, by.classes) for i in range(len(dataset.sources))
    ]
    return Judgements(
        probabilities=probabilities,
        windows=window_verdicts(probabilities, by.classes, thresholds),
        connections=connections,
    )

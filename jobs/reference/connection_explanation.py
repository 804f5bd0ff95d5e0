"""Why a connection's verdict is what it is: its last windows explained together, by what explains the job's alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
import orjson

from model.artifact.artifact_folder import BoosterPredictor, explainer_of
from udfs.current_verdict import UNDECIDED
from udfs.features import FEATURES
from udfs.schema import UNKNOWN, Float64Array, Int64Array
from udfs.scoring import window_verdicts
from udfs.verdicts import HISTORY, evidence_millinats

DECLARED: Final = "declared"
RUNNER_UP: Final = "runner-up"
NEAREST_KNOWN: Final = "nearest known"

_MEDIAN_GAP: Final = [feature.name for feature in FEATURES].index("inter_arrival_log10_median_us")
_LOG10_US_PER_MS: Final = 3
_RANGE: Final = (0.1, 0.5, 0.9)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What stands for a connection, from a recording or from the tables.

    Attributes
    ----------
    declared_exchange : str or None
        What it claims to be.
    verdict, certainty, probability, strength_nats, windows, messages, certain_after_messages, previous_verdict
        As in `connection_verdicts`.
    """

    connection_id: str
    declared_exchange: str | None
    verdict: str
    certainty: str
    probability: float
    strength_nats: float
    windows: int
    messages: int
    certain_after_messages: int | None
    previous_verdict: str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class LastWindows:
    """The windows that a verdict is explained by: at most `HISTORY`, the newest last, none from before it began.

    Attributes
    ----------
    features : (n, n_features) float64
        As stored: six decimals, single precision.
    probabilities : (n, n_classes) float64
    first_offset, last_offset : int
        Of the first message of the first one, and of the last of the last one; -1 if there is none.
    """

    features: Float64Array
    probabilities: Float64Array
    first_offset: int
    last_offset: int

    @staticmethod
    def chosen(
        features: Float64Array, probabilities: Float64Array, offsets: Int64Array, *, since: int | None
    ) -> LastWindows:
        """Choose out of a connection's windows, in order, those to explain by.

        Parameters
        ----------
        features, probabilities
            Of each window.
        offsets : (n, 2) int64
            Of each window's first and last message.
        since : int or None
            The window with which the verdict began.
        """
        begin = max(len(features) - HISTORY, since or 0, 0)
        return LastWindows(
            features=features[begin:],
            probabilities=probabilities[begin:],
            first_offset=int(offsets[begin, 0]) if len(offsets) else -1,
            last_offset=int(offsets[-1, 1]) if len(offsets) else -1,
        )


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Why one class is named and not another one: an explanation as `udfs.explanations` writes it, and who that is.

    Attributes
    ----------
    kind : str
        `DECLARED`, `RUNNER_UP` or `NEAREST_KNOWN`.
    explanation : dict
        Of the windows together.
    """

    kind: str
    explanation: dict[str, Any]

    @property
    def against(self) -> str:
        """The class that is not named."""
        return str(self.explanation["against"])


@dataclass(frozen=True, kw_only=True)
class ConnectionExplanation:
    """Why a connection's verdict is what it is.

    Attributes
    ----------
    standing : Standing
        What is explained.
    leader : str
        The class that is explained: the verdict, or the class that leads if it is undecided.
    model_version : str
    bound_nats : float
        The lead at which the leader is certain.
    windows : int
        How many are explained.
    first_offset, last_offset : int
        Of their messages; -1 if there is none.
    windows_by_class : dict
        What those are called.
    contrasts : list of Contrast
        The declared exchange, if it is another one that the model knows; the most probable other class; and if that is
        `unknown`, the most probable other exchange.
    median_gap_ms : dict
        Of the connection (key ``""``), and of each class of the above: 10%, 50% and 90% quantiles over windows of the
        median gap between messages; None where it is not defined.
    """

    standing: Standing
    leader: str
    model_version: str
    bound_nats: float
    windows: int
    first_offset: int
    last_offset: int
    windows_by_class: dict[str, int]
    contrasts: list[Contrast] = field(default_factory=list)
    median_gap_ms: dict[str, list[float] | None] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """Lay it out as a JSON object."""
        gaps = {name or self.standing.connection_id: quantiles for name, quantiles in self.median_gap_ms.items()}
        return {
            **asdict(self.standing),
            "model_version": self.model_version,
            "explained": self.leader,
            "bound_nats": self.bound_nats,
            "explained_windows": self.windows,
            "first_offset": self.first_offset,
            "last_offset": self.last_offset,
            "explained_windows_by_class": self.windows_by_class,
            "contrasts": [{"kind": contrast.kind, **contrast.explanation} for contrast in self.contrasts],
            "median_gap_ms": [
                {"whose": name, "is_connection": not key, "quantiles": quantiles}
                for (name, quantiles), key in zip(gaps.items(), self.median_gap_ms, strict=True)
            ],
        }


def explain_connection(standing: Standing, last: LastWindows, predictor: BoosterPredictor) -> ConnectionExplanation:
    """Explain what stands for a connection by its last windows.

    Parameters
    ----------
    standing : Standing
        What stands.
    last : LastWindows
        By what it is explained; without any nothing can be said.
    predictor : BoosterPredictor
        The model that scored them.
    """
    classes = predictor.classes
    evidence = evidence_millinats(last.probabilities).sum(axis=0)
    ranked = [classes[i] for i in np.argsort(-evidence, kind="stable")]
    leader = ranked[0] if standing.certainty == UNDECIDED else standing.verdict
    called = window_verdicts(last.probabilities, classes, predictor.refusal_thresholds)
    against = _against(leader, standing.declared_exchange, ranked) if len(last.features) else {}
    explainer = explainer_of(predictor)
    contrasts = [
        Contrast(kind=kind, explanation=orjson.loads(explainer.explain_together(last.features, leader, name)))
        for kind, name in against.items()
    ]
    return ConnectionExplanation(
        standing=standing,
        leader=leader,
        model_version=predictor.model_version,
        bound_nats=predictor.decision_rule.bounds_millinats[classes.index(leader)] / 1000,
        windows=len(last.features),
        first_offset=last.first_offset,
        last_offset=last.last_offset,
        windows_by_class={name: int(np.count_nonzero(called == i)) for i, name in enumerate(classes)},
        contrasts=contrasts,
        median_gap_ms=_median_gaps(last.features, predictor, [leader, *against.values()]),
    )


def _against(leader: str, declared: str | None, ranked: Sequence[str]) -> dict[str, str]:
    """Choose what the leader is told from, by what it is to it."""
    chosen = {DECLARED: declared} if declared is not None and declared in ranked and declared != leader else {}
    others = [name for name in ranked if name != leader]
    chosen.setdefault(RUNNER_UP, others[0])
    chosen.setdefault(NEAREST_KNOWN, next((name for name in others if name != UNKNOWN), others[0]))
    return {kind: name for i, (kind, name) in enumerate(chosen.items()) if name not in list(chosen.values())[:i]}


def _median_gaps(
    features: Float64Array, predictor: BoosterPredictor, classes: Sequence[str]
) -> dict[str, list[float] | None]:
    name, typical = FEATURES[_MEDIAN_GAP].name, predictor.manifest.typical
    defined = features[:, _MEDIAN_GAP][~np.isnan(features[:, _MEDIAN_GAP])]
    own = np.quantile(defined, _RANGE, method="inverted_cdf").tolist() if len(defined) else None
    return {"": _to_ms(own), **{whose: _to_ms(typical[whose].get(name)) for whose in classes}}


def _to_ms(log10_us: Sequence[float] | None) -> list[float] | None:
    return None if log10_us is None else [float(10 ** (value - _LOG10_US_PER_MS)) for value in log10_us]

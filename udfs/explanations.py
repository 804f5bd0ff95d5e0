"""Why a connection was given its verdict, in words an engineer reads: what an explanation is, and how it is written.

An explanation splits the margin of one window, the verdict's score less that of the class it is told from, into what
each feature contributed; or the mean margin of several windows, and then a value is the median of theirs. It is one
JSON object::

    {"against": "binance", "margin_nats": 6.21, "bias_nats": 0.03, "other_nats": 0.4, "reasons": [
        {"feature": "type_heartbeat_share", "value": 0.04, "contribution_nats": 3.1,
         "text": "4% of the messages are heartbeats, as with kraken (1% to 5%); binance: none"}, ...]}

`reasons` are at most `N_REASONS`, the largest first; a negative one speaks against the verdict. Their
contributions, `other_nats` and `bias_nats` (what no feature of this window brings) add up to `margin_nats`, as written.
Features that describe one thing together are one reason: alignments to clocks, pairs of message kinds, answers to
requests, sequence numbers, the venue's times, sizes. It has the name, the value and the words of the member that
contributed most to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from udfs.features import FEATURES
from udfs.phrases import TypicalRange, describe
from udfs.schema import Float64Array

N_REASONS: Final = 5

_NATS_DECIMALS: Final = 4
_VALUE_DECIMALS: Final = 6

_GROUP_PREFIXES: Final = (
    ("arrival_tick_alignment_",),
    ("bigram_",),
    ("ack_latency_", "nack_latency_", "request_"),
    ("seq_",),
    ("venue_time_",),
    ("payload_",),
)
_NAMES: Final = [feature.name for feature in FEATURES]

Typical = Mapping[str, TypicalRange]
"""For each feature the 10%, 50% and 90% quantiles of a class, or None where the class does not define it."""


class Explainer(Protocol):
    """What writing an event needs of a model."""

    def explain(self, features: Float64Array, verdicts: Sequence[str], against: Sequence[str]) -> NDArray[np.object_]:
        """Explain each row of (n, n_features): why its verdict and not the class it is told from; n JSON texts."""


def contrasted_classes(
    classes: Sequence[str], probabilities: Float64Array, verdicts: Sequence[str], declared: Sequence[str | None]
) -> list[str]:
    """Choose the class that each verdict is told from: the declared one, else the window's most probable other one.

    Parameters
    ----------
    classes : n_classes names
    probabilities : (n, n_classes) float64
    verdicts : n names out of `classes`
    declared : n names or None
        Counts if it is one of `classes` and not the verdict.

    >>> contrasted_classes("ab?", np.array([[0.2, 0.7, 0.1]] * 3), ["b", "b", "b"], ["?", "b", None])
    ['?', 'a', 'a']
    """
    others = np.where(np.array(verdicts, dtype=object)[:, np.newaxis] == np.array([*classes]), -1.0, probabilities)
    runners_up = [classes[i] for i in np.argmax(others, axis=1).tolist()]
    return [
        name if name is not None and name in classes and name != verdict else runner_up
        for name, verdict, runner_up in zip(declared, verdicts, runners_up, strict=True)
    ]


def median_window(features: Float64Array) -> Float64Array:
    """Take the median of each feature over windows, (n, n_features) to (n_features,): what most of them show.

    Where most of them do not define the feature, it is NaN; else those that do count.

    >>> median_window(np.array([[1.0, np.nan], [2.0, np.nan], [5.0, 3.0]]))
    array([ 2., nan])
    """
    is_defined = 2 * np.count_nonzero(~np.isnan(features), axis=0) >= len(features)
    medians = np.full(features.shape[1], np.nan)
    medians[is_defined] = np.nanmedian(features[:, is_defined], axis=0)
    return medians


def explanation_json(
    values: Float64Array,
    contributions: Float64Array,
    bias: float,
    *,
    verdict: str,
    against: str,
    typical: Mapping[str, Typical],
) -> str:
    """Write one explanation.

    Parameters
    ----------
    values : (n_features,) float64
        The window's features.
    contributions : (n_features,) float64
        To the margin, nats.
    bias : float
        What the margin is before any feature counts, nats.
    verdict, against : str
        The class that is named, and the one that it is told from.
    typical : mapping
        From class to its typical ranges.
    """
    compared = [(name, typical[name]) for name in (verdict, against)]
    scale = 10**_NATS_DECIMALS
    reasons = sorted(_group(contributions), key=lambda reason: (-abs(reason[1]), reason[0]))[:N_REASONS]
    # Whole ten-thousandths, so that what is written adds up to the last digit.
    margin, bias_part = round((float(contributions.sum()) + bias) * scale), round(bias * scale)
    parts = [round(total * scale) for _, total in reasons]
    explanation = {
        "against": against,
        "margin_nats": margin / scale,
        "bias_nats": bias_part / scale,
        "other_nats": (margin - bias_part - sum(parts)) / scale,
        "reasons": [
            _reason(leader, float(values[leader]), part / scale, compared)
            for (leader, _), part in zip(reasons, parts, strict=True)
            if part != 0
        ],
    }
    return json.dumps(explanation, allow_nan=False)


def _reason(position: int, value: float, nats: float, compared: Sequence[tuple[str, Typical]]) -> dict[str, Any]:
    name = _NAMES[position]
    return {
        "feature": name,
        "value": None if np.isnan(value) else round(value, _VALUE_DECIMALS),
        "contribution_nats": nats,
        "text": describe(name, value, [(whose, ranges.get(name)) for whose, ranges in compared]),
    }


def _group(contributions: Float64Array) -> list[tuple[int, float]]:
    """Add up what belongs together: (position of the leading feature, sum) of each group."""
    return [_led(positions, contributions[positions]) for positions in _GROUPS]


def _led(positions: NDArray[np.int64], contributions: Float64Array) -> tuple[int, float]:
    total = float(contributions.sum())
    same_side = contributions if total >= 0 else -contributions
    return int(positions[np.argmax(same_side)]), total


def _groups() -> list[NDArray[np.int64]]:
    together = [[i for i, name in enumerate(_NAMES) if name.startswith(prefixes)] for prefixes in _GROUP_PREFIXES]
    alone = [[i] for i in range(len(_NAMES)) if not any(i in group for group in together)]
    return [np.array(positions) for positions in (*together, *alone)]


_GROUPS: Final = _groups()

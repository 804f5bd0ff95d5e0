"""Fingerprint strings: how long a connection keeps one, and how well they tell exchanges apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.evaluation.predictions import last_windows, window_numbers
from model.training.dataset import Dataset
from udfs.schema import Int64Array
from udfs.signatures import VERSION, fingerprints, pool, traits
from udfs.verdicts import HISTORY


def fingerprint_figures(learned: Dataset, tested: Dataset) -> dict[str, Any]:
    """Measure stability and purity of strings.

    `of_windows` and `of_connections` (pooled over the last `HISTORY` windows): the mean over connections of the share
    of windows after which the string is the connection's most frequent one. `purity`: the share of connections whose
    last string belongs, in `learned`, mostly to their own label; a string never seen there tells nothing.
    """
    window_traits = traits(tested.features)
    pooled = pooled_strings(window_traits, tested)
    majority = _majority(learned)
    last = last_windows(tested)
    told = np.array([majority.get(text, "") for text in pooled[last]], dtype=np.str_)
    right = told == tested.window_labels[last]
    return {
        "version": VERSION,
        "strings": len(set(pooled[last].tolist())),
        "stability_of_windows": stability(fingerprints(window_traits), tested.session),
        "stability_of_connections": stability(pooled, tested.session),
        "purity": round(float(right.mean()), 4) if len(right) else None,
        "seen_before": round(float((told != "").mean()), 4) if len(right) else None,
        "commonest": _commonest(pooled[last], tested.window_labels[last]),
    }


def pooled_strings(window_traits: Int64Array, dataset: Dataset) -> NDArray[np.object_]:
    """Write each connection's string after each of its windows."""
    numbers = window_numbers(dataset)
    rows = np.arange(len(numbers))[:, None] - np.arange(HISTORY)[::-1]
    history = window_traits[np.maximum(rows, 0)]
    return fingerprints(pool(history, np.minimum(numbers + 1, HISTORY)))


def stability(strings: NDArray[np.object_], sessions: Int64Array) -> float | None:
    """Average over sessions the share of their strings that are their most frequent one.

    >>> stability(np.array(["a", "a", "b", "c"], dtype=object), np.array([0, 0, 0, 1]))
    0.8333
    """
    by_session: dict[int, list[str]] = defaultdict(list)
    for text, session in zip(strings.tolist(), sessions.tolist(), strict=True):
        by_session[session].append(text)
    shares = [Counter(own).most_common(1)[0][1] / len(own) for own in by_session.values()]
    return round(float(np.mean(shares)), 4) if shares else None


def _majority(learned: Dataset) -> dict[str, str]:
    last = last_windows(learned)
    strings = pooled_strings(traits(learned.features), learned)[last]
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for text, label in zip(strings.tolist(), learned.window_labels[last].tolist(), strict=True):
        labels[text][label] += 1
    return {text: counts.most_common(1)[0][0] for text, counts in labels.items()}


def _commonest(strings: NDArray[np.object_], labels: NDArray[np.str_]) -> dict[str, dict[str, int]]:
    """List each label's three commonest strings with their numbers of connections."""
    return {str(label): dict(Counter(strings[labels == label].tolist()).most_common(3)) for label in np.unique(labels)}

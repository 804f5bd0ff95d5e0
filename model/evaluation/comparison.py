"""The ways to refuse side by side: the same sessions, the same rule for the threshold, families left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.evaluation import ways
from model.evaluation.candidates import known_only
from model.evaluation.effort import Effort
from model.evaluation.predictions import last_windows
from model.evaluation.statistics import auroc, connection_share, window_share
from model.evaluation.ways import Scored
from model.training.boosting import Progress, window_weights
from model.training.cross_fitting import CrossFitted, Material, cross_fit
from model.training.dataset import Dataset, concatenate
from udfs.schema import UNKNOWN, Float64Array

REFUSED_WINDOWS: Final = 0.01
"""Share of the windows of known exchanges that each way may refuse on held-out sessions."""


def compare_ways(
    material: Material, classes: Sequence[str], effort: Effort, seed: int, progress: Progress
) -> list[dict[str, Any]]:
    """Let each way name recordings whose day and family it has not seen, with its threshold from other sessions."""
    rng = np.random.default_rng(seed)
    synthetic = material.synthetic
    recorded_only = replace(material, synthetic=synthetic.take(synthetic.labels != UNKNOWN))
    n_windows = len(synthetic.features) // len(synthetic.sources)
    mixed = ways.recombined(recorded_only.synthetic, effort.variant.n_strangers, n_windows, rng)
    with_mixed = replace(material, synthetic=concatenate([synthetic, mixed]))

    def fitted(of: Material, used: Sequence[str], what: str) -> CrossFitted:
        return cross_fit(
            of,
            used,
            n_trees=effort.variant_trees,
            most_folds=effort.most_folds,
            seed=seed,
            progress=lambda line: progress(f"ways to refuse, {what}: {line}"),
        )

    plain = fitted(recorded_only, known_only(classes), "plain")
    distances = ways.leaf_distances(plain, material, seed)
    with_class = {
        "class unknown: recorded strangers": recorded_only,
        "class unknown: and synthetic strangers": material,
        "class unknown: and recombined windows": with_mixed,
    }
    scored = {
        "maximum probability (plain classifier)": ways.by_maximum(plain),
        "distance in leaf space": ways.by_leaves(plain, distances),
        "conformal p-value of that distance": ways.by_conformal_p(plain, material, distances),
        "distance in scale-free features": ways.by_features(plain, material, seed),
        **{way: ways.by_unknown_class(fitted(of, classes, way)) for way, of in with_class.items()},
    }
    names = np.array(known_only(classes), dtype=np.str_)
    return [{"way": way, **_figures(material, plain, names, one)} for way, one in scored.items()]


def _figures(material: Material, plain: CrossFitted, names: NDArray[np.str_], scored: Scored) -> dict[str, Any]:
    recordings = material.recordings
    refused = np.zeros(len(recordings.session), dtype=np.bool_)
    for fold in plain.folds:
        kept = fold.trained[recordings.session]
        held_out = concatenate([material.fresh, recordings.take(fold.trained)])
        limit = _limit(held_out, np.concatenate([scored.fresh, scored.left_out[kept]]))
        tested = fold.tested[recordings.session]
        refused[tested] = scored.left_out[tested] > limit
    return {
        "recordings": {
            **_ranked(recordings, scored.left_out),
            **_counted(recordings, refused, names[scored.left_out_names]),
        },
        "fresh": _ranked(material.fresh, scored.fresh),
    }


def _limit(held_out: Dataset, scores: Float64Array) -> float:
    """Find the score above which `REFUSED_WINDOWS` of the known windows lie, every session counting as any other."""
    known = held_out.labels != UNKNOWN
    own = np.sort(scores[known[held_out.session]], kind="stable")
    order = np.argsort(scores[known[held_out.session]], kind="stable")
    weights = window_weights(held_out.take(known))[order]
    place = np.searchsorted(np.cumsum(weights) / weights.sum(), 1 - REFUSED_WINDOWS)
    return float(own[min(int(place), len(own) - 1)])


def _ranked(dataset: Dataset, scores: Float64Array) -> dict[str, Any]:
    sizes = np.bincount(dataset.session, minlength=len(dataset.sources))
    means = np.bincount(dataset.session, weights=scores, minlength=len(sizes)) / np.maximum(sizes, 1)
    stranger = dataset.labels == UNKNOWN
    return {
        "auroc_windows": auroc(scores, stranger[dataset.session], 1 / sizes[dataset.session]),
        "auroc_connections": auroc(means[sizes > 0], stranger[sizes > 0]),
    }


def _counted(dataset: Dataset, refused: NDArray[np.bool_], names: NDArray[np.str_]) -> dict[str, Any]:
    """Count windows; and connections, refused if most of their windows are, else named as most of the others are."""
    stranger = dataset.window_labels == UNKNOWN
    verdicts, truths = [], dataset.window_labels[last_windows(dataset)]
    for session in np.unique(dataset.session):
        own = dataset.session == session
        kept = names[own & ~refused]
        most, counts = np.unique(kept, return_counts=True)
        verdicts.append(UNKNOWN if refused[own].mean() > 1 / 2 else str(most[counts.argmax()]))
    called = np.array(verdicts, dtype=np.str_)
    known = truths != UNKNOWN
    return {
        "known_windows_refused": window_share(refused[~stranger], dataset.session[~stranger]).to_json(),
        "strangers_windows_refused": window_share(refused[stranger], dataset.session[stranger]).to_json(),
        "known_connections_wrong": connection_share((called != truths)[known] & (called != UNKNOWN)[known]).to_json(),
        "known_connections_refused": connection_share((called == UNKNOWN)[known]).to_json(),
        "strangers_connections_refused": connection_share((called == UNKNOWN)[~known]).to_json(),
    }

"""Which features count: the gain of each, and what is lost without each family, or left of it alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from model.evaluation.effort import Effort
from model.evaluation.statistics import auroc, window_share
from model.training.boosting import Grown, Progress, Recipe, grow_all
from model.training.cross_fitting import Material, divide, predict_folds
from model.training.dataset import Dataset, concatenate
from udfs.features import BLOCKS, FEATURES
from udfs.schema import UNKNOWN, Float64Array

_SHARE_DECIMALS: Final = 5


def importance(grown: Grown) -> list[dict[str, Any]]:
    """Give each feature its share of the whole gain of all splits, the greatest first."""
    scores = grown.booster.get_score(importance_type="total_gain")
    gains = {name: float(np.sum(score)) for name, score in scores.items()}
    total = sum(gains.values()) or 1.0
    shares = {name: round(gain / total, _SHARE_DECIMALS) for name, gain in gains.items()}
    rows = [
        {"feature": feature.name, "family": block.name, "share": shares.get(feature.name, 0.0)}
        for block in BLOCKS
        for feature in block.features
    ]
    return sorted(rows, key=lambda row: -shares.get(str(row["feature"]), 0.0))


def ablation(
    material: Material,
    tested: Dataset,
    classes: Sequence[str],
    effort: Effort,
    seed: int,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Grow a smaller booster with all features, without each family and with it alone, and let each name everything.

    Fresh synthetic sessions, and recordings left out by day and family. No threshold is involved: a window of a known
    exchange is right if that is the likeliest of the known ones, and strangers are ranked by the probability of
    `unknown`.
    """
    folds = divide(material.recordings, effort.variant_folds)
    kept = [np.ones(len(material.recordings.sources), dtype=np.bool_), *(fold.trained for fold in folds)]
    trained = [concatenate([material.synthetic, material.recordings.take(part)]) for part in kept]
    variants = _variants()
    recipes = [
        Recipe(dataset=dataset, classes=tuple(classes), n_trees=effort.variant_trees, seed=seed, columns=columns)
        for columns in variants.values()
        for dataset in trained
    ]
    grown = grow_all(recipes, "growing without families of features", progress)
    rows = []
    for number, (name, columns) in enumerate(variants.items()):
        whole, *parts = grown[number * len(trained) : (number + 1) * len(trained)]
        left_out = predict_folds(parts, folds, material.recordings, len(classes))
        rows.append(
            {
                "variant": name,
                "features": len(columns),
                "fresh": raw_figures(tested, whole.predict(tested.features), classes),
                "recordings": raw_figures(material.recordings, left_out, classes),
            }
        )
    return rows


def _variants() -> dict[str, tuple[int, ...]]:
    """Name sets of columns: all, all but each block's, each block's alone."""
    ends = np.cumsum([len(block.features) for block in BLOCKS])
    own = {block.name: range(end - len(block.features), end) for block, end in zip(BLOCKS, ends.tolist(), strict=True)}
    everything = range(len(FEATURES))
    return {
        "all": tuple(everything),
        **{f"without {name}": tuple(i for i in everything if i not in columns) for name, columns in own.items()},
        **{f"{name} alone": tuple(columns) for name, columns in own.items()},
    }


def raw_figures(dataset: Dataset, raw: Float64Array, classes: Sequence[str]) -> dict[str, Any]:
    """Count windows of known exchanges whose likeliest known class is right, and rank strangers against them."""
    labels, unknown = dataset.window_labels, list(classes).index(UNKNOWN)
    known = labels != UNKNOWN
    masked = raw.copy()
    masked[:, unknown] = -1.0
    right = np.array(classes, dtype=np.str_)[masked.argmax(axis=1)] == labels
    sizes = np.bincount(dataset.session, minlength=len(dataset.sources))
    return {
        "known_right": window_share(right[known], dataset.session[known]).to_json(),
        "strangers_auroc": auroc(raw[:, unknown], ~known, 1 / sizes[dataset.session]),
    }

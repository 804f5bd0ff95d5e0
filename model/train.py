"""Training from one command: synthetic sessions and, where present, real captures.

The artifact's metrics are measured on sessions that the measured booster was not trained on: fresh synthetic sessions,
and captures left out a recording day at a time. The booster that is kept is trained on everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import xgboost as xgb

from model.artifact import Manifest, save_artifact
from model.dataset import Dataset, build_dataset, draw_labelled_synthetic, read_labelled_captures
from model.metrics import session_metrics
from udfs.features import FEATURES
from udfs.schema import EXCHANGES, UNKNOWN, Float64Array

CLASSES: Final = [*EXCHANGES, UNKNOWN]

RELEASE: Final = "0.1"

N_ROUNDS: Final = 225
"""Trees for each class: 900 in all."""

PARAMETERS: Final[dict[str, Any]] = {
    "objective": "multi:softprob",
    "num_class": len(CLASSES),
    "max_depth": 5,
    "eta": 0.1,
    "subsample": 0.8,
    "colsample_bytree": 0.5,
    "min_child_weight": 1e-4,  # of a session's weight, which is spread over its windows
    "tree_method": "hist",
    "nthread": 2,
}

N_FOLDS: Final = 5

TEST_SEED_OFFSET: Final = 1_000_000
"""Keeps the synthetic sessions that are tested apart from those that are trained on."""


def train(
    folder: Path,
    *,
    captures: Path | None,
    per_exchange: int,
    n_messages: int,
    seed: int,
    progress: Callable[[str], None],
) -> Manifest:
    """Train a model, measure it on sessions it has not seen, and write the artifact into `folder`.

    Parameters
    ----------
    folder : Path
        Where booster and manifest go.
    captures : Path or None
        A folder with recordings and their `index.csv`; None trains on synthetic sessions only, and then nothing is
        ever called unknown.
    per_exchange, n_messages : int
        Synthetic sessions of each exchange, and their length.
    seed : int
        Of the synthetic sessions and of the trees' sampling.
    progress : callable
        Told what is being done.
    """
    folder.mkdir(parents=True, exist_ok=True)  # minutes of training must not end in a folder that cannot be made
    progress(f"drawing {per_exchange} synthetic sessions of each exchange")
    synthetic = build_dataset(draw_labelled_synthetic(per_exchange=per_exchange, n_messages=n_messages, seed=seed))
    fresh = build_dataset(
        draw_labelled_synthetic(per_exchange=per_exchange, n_messages=n_messages, seed=seed + TEST_SEED_OFFSET)
    )
    reading = read_labelled_captures(captures, lambda name: progress(f"reading {name}")) if captures else []
    real = build_dataset(reading)
    progress("training on everything")
    booster = fit([synthetic, real], seed)
    metrics = {"synthetic, fresh sessions": session_metrics(fresh, _predict(booster, fresh.features), CLASSES)}
    if real.sources:
        metrics["captures, recording days left out"] = _cross_validate(synthetic, real, seed, progress)
    return save_artifact(
        folder,
        booster,
        classes=CLASSES,
        training=_describe_training([synthetic, real], per_exchange, n_messages, seed),
        metrics=metrics,
        release=RELEASE,
    )


def fit(datasets: Sequence[Dataset], seed: int) -> xgb.Booster:
    """Train a booster; every class has the same weight, and so has every session of a class."""
    features = np.concatenate([d.features for d in datasets])
    labels = np.concatenate([np.searchsorted(CLASSES, d.window_labels) for d in datasets])
    offsets = np.cumsum([0, *(len(d.sources) for d in datasets[:-1])])
    session = np.concatenate([d.session + offset for d, offset in zip(datasets, offsets, strict=True)])
    matrix = xgb.DMatrix(
        features,
        label=labels,
        weight=_balanced_weights(labels, session),
        feature_names=[feature.name for feature in FEATURES],
    )
    return xgb.train({**PARAMETERS, "seed": seed}, matrix, num_boost_round=N_ROUNDS)


def _balanced_weights(labels: np.ndarray[Any, Any], session: np.ndarray[Any, Any]) -> Float64Array:
    weights = 1.0 / np.bincount(session)[session]
    sessions_per_class = np.array([len(np.unique(session[labels == label])) for label in range(len(CLASSES))])
    weights /= sessions_per_class[labels]
    return np.asarray(weights * len(weights) / weights.sum(), dtype=np.float64)


def _predict(booster: xgb.Booster, features: Float64Array) -> Float64Array:
    return np.asarray(booster.inplace_predict(features), dtype=np.float64)


def _cross_validate(synthetic: Dataset, real: Dataset, seed: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Predict each recording day with a booster that saw none of it."""
    groups = sorted({source.group for source in real.sources})
    predictions = np.empty((len(real.features), len(CLASSES)))
    group_of_session = np.array([source.group for source in real.sources])
    n_folds = min(N_FOLDS, len(groups))
    for fold in range(n_folds):
        held_out = set(groups[fold::n_folds])
        progress(f"measuring on recording days left out, part {fold + 1} of {n_folds}")
        booster = fit([synthetic, real.without_groups(held_out)], seed)
        rows = np.isin(group_of_session, list(held_out))[real.session]
        predictions[rows] = _predict(booster, real.features[rows])
    return session_metrics(real, predictions, CLASSES)


def _describe_training(datasets: Sequence[Dataset], per_exchange: int, n_messages: int, seed: int) -> dict[str, Any]:
    sources = [source for dataset in datasets for source in dataset.sources]
    return {
        "seed": seed,
        "rounds": N_ROUNDS,
        "parameters": PARAMETERS,
        "synthetic": {"per_exchange": per_exchange, "n_messages": n_messages},
        "windows": sum(len(dataset.features) for dataset in datasets),
        "captures": {source.name: source.sha256 for source in sources if source.real},
        "synthetic_sha256": _combined_sha256([source.sha256 for source in sources if not source.real]),
    }


def _combined_sha256(hashes: Sequence[str]) -> str:
    return hashlib.sha256("".join(hashes).encode()).hexdigest()

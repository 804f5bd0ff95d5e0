"""Training from one command: synthetic sessions of the exchanges, synthetic strangers and, where present, recordings.

What turns the booster's numbers into verdicts is fitted on sessions that the booster was not trained on: fresh
synthetic ones, and recordings left out by day or family. The metrics are measured on sessions that neither saw. The
booster that is kept is trained on everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.artifact import Manifest, save_artifact
from model.boosting import N_TREES, PARAMETERS, RECORDING_WEIGHT, Progress, window_weights
from model.crossfit import MOST_FOLDS, CrossFitted, Material, cross_fit
from model.dataset import (
    Dataset,
    build_dataset,
    concatenate,
    draw_labelled_strangers,
    draw_labelled_synthetic,
    jitter_every_second,
    read_labelled_captures,
)
from model.explain import typical_ranges
from model.judging import Judge, Judgements, fit_judge, judge
from model.metrics import session_metrics
from udfs.schema import EXCHANGES, UNKNOWN
from udfs.standing import ConnectionVerdict

CLASSES: Final = [*EXCHANGES, UNKNOWN]

RELEASE: Final = "0.2"

CALIBRATION_SEED_OFFSET: Final = 1_000_000
TEST_SEED_OFFSET: Final = 2_000_000
"""Keep the synthetic sessions that are trained on, calibrated with and tested on apart."""


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """How much is drawn: synthetic sessions of each exchange, synthetic strangers, and messages of each session."""

    per_exchange: int
    n_strangers: int
    n_messages: int

    def half(self) -> Amounts:
        """Halve the numbers of sessions: enough to calibrate or to test."""
        halves = (max(1, self.per_exchange // 2), max(1, self.n_strangers // 2))
        return Amounts(per_exchange=halves[0], n_strangers=halves[1], n_messages=self.n_messages)


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """A booster with those of its folds, the judge of what they say, and the sessions of both."""

    material: Material
    fitted: CrossFitted
    judge: Judge


def train(folder: Path, *, captures: Path | None, amounts: Amounts, seed: int, progress: Progress) -> Manifest:
    """Train a model, measure it on sessions it has not seen, and write the artifact into `folder`.

    Parameters
    ----------
    folder : Path
        Where booster and manifest go.
    captures : Path or None
        A folder with recordings and their `index.csv`; None trains on synthetic sessions only.
    amounts : Amounts
        What is drawn.
    seed : int
        Of the synthetic sessions and of the trees' sampling.
    progress : callable
        Told what is being done.
    """
    folder.mkdir(parents=True, exist_ok=True)  # minutes of training must not end in a folder that cannot be made
    reading = read_labelled_captures(captures, lambda name: progress(f"reading {name}")) if captures else []
    trained = train_on(build_dataset(reading), amounts, seed, progress)
    everything = concatenate([trained.material.synthetic, trained.material.recordings])
    return save_artifact(
        folder,
        trained.fitted.whole.booster,
        classes=CLASSES,
        release=RELEASE,
        scaling=trained.judge.scaling,
        refusal=trained.judge.refusal,
        decision=trained.judge.decision,
        typical=typical_ranges(everything.features, everything.window_labels, CLASSES, window_weights(everything)),
        training=_describe_training(trained, amounts, seed),
        metrics=_measure(trained, amounts.half(), seed, progress),
    )


def train_on(recordings: Dataset, amounts: Amounts, seed: int, progress: Progress) -> Trained:
    """Train a booster on everything, and fit its judge on fresh sessions and on recordings left out."""
    progress(f"drawing {amounts.per_exchange} sessions of each exchange and {amounts.n_strangers} strangers")
    material = Material(
        synthetic=draw_synthetic(amounts, seed),
        recordings=recordings,
        fresh=draw_synthetic(amounts.half(), seed + CALIBRATION_SEED_OFFSET),
    )
    fitted = cross_fit(material, CLASSES, n_trees=N_TREES, most_folds=MOST_FOLDS, seed=seed, progress=progress)
    everything = np.ones(len(recordings.sources), dtype=np.bool_)
    return Trained(material=material, fitted=fitted, judge=fit_judge_without(material, fitted, everything))


def draw_synthetic(amounts: Amounts, seed: int) -> Dataset:
    """Draw sessions of every exchange, and strangers; every second of them behind a worse network."""
    known = draw_labelled_synthetic(per_exchange=amounts.per_exchange, n_messages=amounts.n_messages, seed=seed)
    strangers = draw_labelled_strangers(n=amounts.n_strangers, n_messages=amounts.n_messages, seed=seed)
    return build_dataset(jitter_every_second([*known, *strangers], seed))


def fit_judge_without(material: Material, fitted: CrossFitted, kept: NDArray[np.bool_]) -> Judge:
    """Fit a judge on fresh sessions and on those recordings, left out, that are kept."""
    raw = np.concatenate([fitted.raw_fresh, fitted.raw_left_out[kept[material.recordings.session]]])
    return fit_judge(concatenate([material.fresh, material.recordings.take(kept)]), raw, fitted.whole.classes)


def judge_left_out(trained: Trained) -> Judgements:
    """Judge each recording by a judge that was fitted without its day and, for a stranger, without its family."""
    recordings, fitted = trained.material.recordings, trained.fitted
    probabilities = np.empty_like(fitted.raw_left_out)
    windows = np.empty(len(recordings.features), dtype=np.intp)
    connections: dict[int, ConnectionVerdict] = {}
    for fold in fitted.folds:
        tested = fold.tested[recordings.session]
        fold_judge = fit_judge_without(trained.material, fitted, fold.trained)
        found = judge(recordings.take(fold.tested), fitted.raw_left_out[tested], fold_judge)
        probabilities[tested], windows[tested] = found.probabilities, found.windows
        connections |= dict(zip(np.flatnonzero(fold.tested).tolist(), found.connections, strict=True))
    return Judgements(
        probabilities=probabilities,
        windows=windows,
        connections=[connections[i] for i in range(len(recordings.sources))],
    )


def _measure(trained: Trained, amounts: Amounts, seed: int, progress: Progress) -> dict[str, Any]:
    progress("measuring on sessions it has not seen")
    unseen = draw_synthetic(amounts, seed + TEST_SEED_OFFSET)
    judgements = judge(unseen, trained.fitted.whole.predict(unseen.features), trained.judge)
    metrics = {"synthetic, fresh sessions": session_metrics(unseen, judgements, CLASSES)}
    recordings = trained.material.recordings
    if recordings.sources:
        metrics["captures, days and families left out"] = session_metrics(recordings, judge_left_out(trained), CLASSES)
    return metrics


def _describe_training(trained: Trained, amounts: Amounts, seed: int) -> dict[str, Any]:
    material = trained.material
    sources = [*material.synthetic.sources, *material.recordings.sources]
    return {
        "seed": seed,
        "trees": N_TREES,
        "parameters": PARAMETERS,
        "recording_weight": RECORDING_WEIGHT,
        "synthetic": vars(amounts),
        "windows": len(material.synthetic.features) + len(material.recordings.features),
        "captures": {source.name: source.sha256 for source in sources if source.real},
        "synthetic_sha256": _combined_sha256([source.sha256 for source in sources if not source.real]),
    }


def _combined_sha256(hashes: Sequence[str]) -> str:
    return hashlib.sha256("".join(hashes).encode()).hexdigest()

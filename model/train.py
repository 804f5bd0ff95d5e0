"""Training from one command: synthetic sessions of the exchanges, synthetic strangers and, where present, recordings.

What turns the booster's numbers into verdicts is fitted on sessions that the booster was not trained on: fresh
synthetic ones, and recordings left out by day or family. The metrics are measured on sessions that neither saw. The
booster that is kept is trained on everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import xgboost as xgb

from model.artifact import Manifest, save_artifact
from model.boosting import N_TREES, PARAMETERS, RECORDING_WEIGHT, fit, window_weights
from model.calibration import raw_probabilities
from model.crossfit import make_folds, predict_left_out
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
from udfs.schema import EXCHANGES, UNKNOWN, Float64Array
from udfs.standing import ConnectionVerdict

CLASSES: Final = [*EXCHANGES, UNKNOWN]

RELEASE: Final = "0.2"

CALIBRATION_SEED_OFFSET: Final = 1_000_000
TEST_SEED_OFFSET: Final = 2_000_000
"""Keep the synthetic sessions that are trained on, calibrated with and tested on apart."""

Progress = Callable[[str], None]


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
    """A booster and its judge, with the sessions and predictions that the judge was fitted on.

    Attributes
    ----------
    synthetic, recordings : Dataset
        That the booster was trained on.
    fresh : Dataset
        Synthetic sessions that it was not.
    raw_fresh, raw_left_out : (n_windows, n_classes) float64
        What it said of `fresh`, and what boosters that had not seen them said of `recordings`.
    """

    booster: xgb.Booster
    judge: Judge
    synthetic: Dataset
    recordings: Dataset
    fresh: Dataset
    raw_fresh: Float64Array
    raw_left_out: Float64Array


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
    everything = concatenate([trained.synthetic, trained.recordings])
    return save_artifact(
        folder,
        trained.booster,
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
    synthetic = draw_synthetic(amounts, seed)
    fresh = draw_synthetic(amounts.half(), seed + CALIBRATION_SEED_OFFSET)
    progress("training on everything")
    booster = fit(concatenate([synthetic, recordings]), CLASSES, seed)
    raw_fresh = raw_probabilities(booster, fresh.features)
    raw_left_out = predict_left_out(recordings, synthetic, CLASSES, seed, progress)
    held_out = concatenate([fresh, recordings])
    return Trained(
        booster=booster,
        judge=fit_judge(held_out, np.concatenate([raw_fresh, raw_left_out]), tuple(CLASSES)),
        synthetic=synthetic,
        recordings=recordings,
        fresh=fresh,
        raw_fresh=raw_fresh,
        raw_left_out=raw_left_out,
    )


def draw_synthetic(amounts: Amounts, seed: int) -> Dataset:
    """Draw sessions of every exchange, and strangers; every second of them behind a worse network."""
    known = draw_labelled_synthetic(per_exchange=amounts.per_exchange, n_messages=amounts.n_messages, seed=seed)
    strangers = draw_labelled_strangers(n=amounts.n_strangers, n_messages=amounts.n_messages, seed=seed)
    return build_dataset(jitter_every_second([*known, *strangers], seed))


def judge_left_out(trained: Trained) -> Judgements:
    """Judge each recording by a judge that was fitted without its day and, for a stranger, without its family."""
    recordings = trained.recordings
    probabilities = np.empty_like(trained.raw_left_out)
    windows = np.empty(len(recordings.features), dtype=np.intp)
    connections: dict[int, ConnectionVerdict] = {}
    for fold in make_folds(recordings):
        rows = fold.trained[recordings.session]
        held_out = concatenate([trained.fresh, recordings.take(fold.trained)])
        raw = np.concatenate([trained.raw_fresh, trained.raw_left_out[rows]])
        fold_judge = fit_judge(held_out, raw, trained.judge.classes)
        tested = fold.tested[recordings.session]
        found = judge(recordings.take(fold.tested), trained.raw_left_out[tested], fold_judge)
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
    judgements = judge(unseen, raw_probabilities(trained.booster, unseen.features), trained.judge)
    metrics = {"synthetic, fresh sessions": session_metrics(unseen, judgements, CLASSES)}
    if trained.recordings.sources:
        left_out = judge_left_out(trained)
        metrics["captures, days and families left out"] = session_metrics(trained.recordings, left_out, CLASSES)
    return metrics


def _describe_training(trained: Trained, amounts: Amounts, seed: int) -> dict[str, Any]:
    sources = [*trained.synthetic.sources, *trained.recordings.sources]
    return {
        "seed": seed,
        "trees": N_TREES,
        "parameters": PARAMETERS,
        "recording_weight": RECORDING_WEIGHT,
        "synthetic": vars(amounts),
        "windows": len(trained.synthetic.features) + len(trained.recordings.features),
        "captures": {source.name: source.sha256 for source in sources if source.real},
        "synthetic_sha256": _combined_sha256([source.sha256 for source in sources if not source.real]),
    }


def _combined_sha256(hashes: Sequence[str]) -> str:
    return hashlib.sha256("".join(hashes).encode()).hexdigest()

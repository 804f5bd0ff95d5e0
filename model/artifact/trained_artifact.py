"""Training from one command: a model is trained, measured and written into its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ingest.recordings.reading import Reading
from model.artifact.artifact_folder import save_artifact
from model.artifact.booster_explainer import typical_ranges
from model.artifact.manifest import Manifest
from model.training.boosting import Progress, window_weights
from model.training.class_reference import build_reference
from model.training.dataset import build_dataset, concatenate, read_labelled_captures
from model.training.training_run import (
    RELEASE,
    Amounts,
    Plan,
    Trained,
    calibrate_left_out,
    describe_training,
    measure,
    train_on,
)


def train(
    folder: Path,
    *,
    captures: Path | None,
    amounts: Amounts,
    seed: int,
    progress: Progress,
    reading: Reading | None = None,
) -> Manifest:
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
    reading : Reading, optional
        Leaves out recordings that cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)  # minutes of training must not end in a folder that cannot be made

    def tell(name: str) -> None:
        progress(f"reading {name}")

    recordings = build_dataset(read_labelled_captures(captures, tell, reading) if captures else [])
    trained = train_on(recordings, Plan(amounts=amounts, seed=seed), progress)
    return save_trained(
        folder, trained, release=RELEASE, metrics=measure(trained, calibrate_left_out(trained), progress)
    )


def save_trained(
    folder: Path, trained: Trained, *, release: str, metrics: dict[str, Any], origin: dict[str, Any] | None = None
) -> Manifest:
    """Write the artifact; what is known of its origin beside sessions and settings stands with them."""
    material, fitted = trained.material, trained.fitted
    everything = concatenate([material.synthetic, material.recordings])
    held_out = concatenate([material.fresh, material.recordings])
    raw = np.concatenate([fitted.raw_fresh, fitted.raw_left_out])
    classes = list(trained.plan.classes)
    return save_artifact(
        folder,
        fitted.whole.booster,
        classes=classes,
        release=release,
        scaling=trained.calibrator.scaling,
        refusal=trained.calibrator.refusal,
        decision=trained.calibrator.decision,
        typical=typical_ranges(everything.features, everything.window_labels, classes, window_weights(everything)),
        reference=build_reference(everything, held_out, raw, trained.calibrator, classes),
        training={**describe_training(trained), **(origin or {})},
        metrics=metrics,
    )

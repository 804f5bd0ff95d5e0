"""Training a catalogue from one command, with what it costs: its figures beside those of the exchanges' own model.

Both are made of the same recordings and synthetic sessions, and with a recording of an exchange the same is left out.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import numpy as np

from ingest.recordings.reading import Reading
from model.artifact.trained_artifact import save_trained
from model.enrolment.before_after import Named, names_of, outcomes_of, read_confusion
from model.enrolment.catalogue_choice import Choice, choose
from model.enrolment.catalogue_figures import CatalogueFigures, tally_classes, tally_families
from model.training.boosting import Progress, Recipe, grow_all
from model.training.calibrator import calibrate
from model.training.cross_fitting import divisions_of
from model.training.dataset import build_dataset, concatenate, read_labelled_captures
from model.training.training_run import (
    CLASSES,
    ON_FRESH,
    RELEASE,
    Amounts,
    Plan,
    Trained,
    calibrate_left_out,
    check_labels,
    fit_calibrator_without,
    measure,
    train_on,
)
from udfs.schema import UNKNOWN

FIGURES_NAME: Final = "catalogue.json"


def train_catalogue(
    folder: Path,
    *,
    captures: Path,
    amounts: Amounts,
    seed: int,
    progress: Progress,
    reading: Reading | None = None,
) -> CatalogueFigures:
    """Train a model that also names families of unknown venues, and write artifact and figures into `folder`.

    Parameters
    ----------
    folder : Path
        Where booster, manifest and `catalogue.json` go.
    captures : Path
        A folder with recordings and their `index.csv`.
    amounts : Amounts
        What is drawn.
    seed : int
        Of the synthetic sessions and of the trees' sampling.
    progress : callable
        Told what is being done.
    reading : Reading, optional
        Leaves out recordings that cannot be read.

    Raises
    ------
    SchemaError
        If the recordings are not labelled as they must be, or no family can be named.
    """
    folder.mkdir(parents=True, exist_ok=True)  # minutes of training must not end in a folder that cannot be made
    recordings = build_dataset(read_labelled_captures(captures, lambda name: progress(f"reading {name}"), reading))
    check_labels(recordings, CLASSES)
    plan = Plan(amounts=amounts, seed=seed, divisions=tuple(divisions_of(recordings)))
    choice = choose(recordings, plan, progress)
    before = train_on(recordings, plan, lambda line: progress(f"the exchanges alone, {line}"))
    figures = _save(folder, choice, before, progress)
    (folder / FIGURES_NAME).write_text(figures.to_json())
    return figures


def _save(folder: Path, choice: Choice, before: Trained, progress: Progress) -> CatalogueFigures:
    metrics = measure(choice.trained, choice.left_out, progress)
    origin = {
        "catalogue": list(choice.classes),
        "divisions": [asdict(division) for division in choice.trained.material.divisions or ()],
    }
    manifest = save_trained(folder, choice.trained, release=f"{RELEASE}+catalogue", metrics=metrics, origin=origin)
    left_out_before = calibrate_left_out(before)
    names_before = names_of(before.material.recordings, left_out_before, before.plan.classes)
    unknown = [named for named in choice.names if named.source.label == UNKNOWN]
    return CatalogueFigures(
        model_version=manifest.model_version,
        rounds=choice.rounds,
        named_before=tally_classes(names_before),
        named_after=tally_classes(choice.names),
        refused_before=tally_families(named for named in names_before if named.source.label == UNKNOWN),
        refused_after=tally_families([*unknown, *leave_out_whole(choice.trained, choice.classes, progress)]),
        fresh_before=outcomes_of(read_confusion(measure(before, left_out_before, progress)[ON_FRESH])),
        fresh_after=outcomes_of(read_confusion(metrics[ON_FRESH])),
    )


def leave_out_whole(trained: Trained, classes: tuple[str, ...], progress: Progress) -> list[Named]:
    """Name the recordings of each class by what never heard of it, as if it were an unknown venue.

    Its output stays, without a session of it: so the calibrator can be fitted on what the folds' boosters said of the
    others, as for families that are unknown.
    """
    material, plan = trained.material, trained.plan
    recordings = material.recordings
    others = [recordings.labels != name for name in classes]
    recipe = Recipe(dataset=material.synthetic, classes=plan.classes, n_trees=plan.n_trees, seed=plan.seed)
    recipes = [replace(recipe, dataset=concatenate([material.synthetic, recordings.take(kept)])) for kept in others]
    grown = grow_all(recipes, "growing without each of the families", progress)
    names: list[Named] = []
    for kept, one in zip(others, grown, strict=True):
        own = recordings.take(np.logical_not(kept))
        calibrator = fit_calibrator_without(material, trained.fitted, kept)
        names += names_of(own, calibrate(own, one.predict(own.features), calibrator), plan.classes)
    return names

"""Enrolling a venue: a model with one class more, made as its base was made, and the figures of both.

Nothing is added to a booster that is there: a new one is grown from the base model's settings and recordings and from
those of the venue. The venue has no synthetic sessions, so what it is called is measured on its recordings only, each
left out with all others of its recorder and day. With a recording of the others, the same is left out before and after:
whether an unknown venue is refused depends on which exchanges' recordings a model has seen.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from ingest.recordings.reading import Reading
from model.artifact.artifact_folder import load_predictor
from model.artifact.manifest import Manifest
from model.artifact.trained_artifact import save_trained
from model.enrolment.baseline import Baseline, measure_base, plan_of
from model.enrolment.before_after import (
    Confusion,
    Named,
    Outcomes,
    add_confusions,
    confusion_of,
    losses,
    names_of,
    outcomes_of,
    read_confusion,
)
from model.enrolment.catalogue_choice import name_families
from model.enrolment.recording_selection import Gathered, check_name, gather
from model.training.boosting import Progress
from model.training.dataset import Dataset, build_dataset, read_labelled_captures, read_recordings_of
from model.training.training_run import (
    ON_FRESH,
    ON_RECORDINGS,
    RELEASE,
    Trained,
    calibrate_left_out,
    measure,
    train_on,
)
from udfs.errors import ConfigError
from udfs.schema import UNKNOWN

ENROLMENT_NAME: Final = "enrolment.json"


@dataclass(frozen=True, kw_only=True)
class Enrolment:
    """What became of a venue.

    Attributes
    ----------
    name : str
        Of the venue.
    model_version, base_model_version : str
        Of the new model and of the one before.
    before_from : str
        Where the figures before come from.
    before, after : dict
        What was measured on -> outcomes. Unknown venues have the label `unknown`.
    left_out : list of Named
        The venue's recordings, each named by a model that saw none of its recorder and day.
    set_aside : list of str
        Recordings of the venue or of its family that are labelled `unknown`.
    warnings : list of str
        What to know before the new model is used, in sentences.
    """

    name: str
    model_version: str
    base_model_version: str
    before_from: str
    before: dict[str, Outcomes]
    after: dict[str, Outcomes]
    left_out: list[Named]
    set_aside: list[str]
    warnings: list[str]

    def to_json(self) -> str:
        """Write as it stands in `enrolment.json`."""
        left_out = [named.to_json() for named in self.left_out]
        return json.dumps({**vars(self), "left_out": left_out}, indent=1) + "\n"


def enrol(
    folder: Path,
    *,
    name: str,
    recordings: Sequence[Sequence[Path]],
    captures: Path | None,
    base: Path,
    progress: Progress,
    reading: Reading | None = None,
) -> Enrolment:
    """Train a model that also names a venue, compare it with its base, and write its artifact into `folder`.

    Parameters
    ----------
    folder : Path
        Where booster, manifest and `enrolment.json` go.
    name : str
        Of the venue; if the base model names it, the recordings are added to those of that exchange.
    recordings : sequence of sequence of Path
        Of the venue, each as the files that it is in.
    captures : Path or None
        Folder of the recordings that the base was trained with, and their `index.csv`; None trains on synthetic
        sessions and the venue only.
    base : Path
        Folder of the base model; amounts, seed and classes are taken from it.
    progress : callable
        Told what is being done.
    reading : Reading, optional
        Leaves out recordings that cannot be read.

    Raises
    ------
    PipelineError
        If the name, a folder, the base model or the recordings are not as they must be.
    """
    check_name(name)
    if folder.resolve() == base.resolve():
        raise ConfigError(f"Expected --out beside the base model, found its own folder {folder}: name another")
    predictor = load_predictor(base)
    folder.mkdir(parents=True, exist_ok=True)  # minutes of training must not end in a folder that cannot be made
    given, labelled = _read(name, recordings, captures, progress, reading)
    labelled = name_families(labelled, predictor.manifest.training.get("catalogue", []))
    gathered = gather(name, given, labelled, predictor.classes)
    plan = plan_of(predictor.manifest, gathered.base)
    trained = train_on(gathered.recordings, replace(plan, classes=_classes_with(name, plan.classes)), progress)
    calibrated = calibrate_left_out(trained)
    metrics = measure(trained, calibrated, progress)
    named = names_of(trained.material.recordings, calibrated, trained.plan.classes)
    baseline = measure_base(predictor, gathered, trained, named, progress)
    manifest = _save(folder, trained, predictor.manifest, name, metrics)
    enrolment = _compare(manifest, predictor.manifest, gathered, named, baseline)
    (folder / ENROLMENT_NAME).write_text(enrolment.to_json())
    return enrolment


def _read(
    name: str,
    recordings: Sequence[Sequence[Path]],
    captures: Path | None,
    progress: Progress,
    reading: Reading | None,
) -> tuple[Dataset, Dataset]:
    """Read the venue's recordings, and the labelled ones."""

    def tell(path: str) -> None:
        progress(f"reading {path}")

    given = build_dataset(read_recordings_of(name, recordings, tell, reading))
    return given, build_dataset(read_labelled_captures(captures, tell, reading) if captures else [])


def _classes_with(name: str, classes: tuple[str, ...]) -> tuple[str, ...]:
    return classes if name in classes else (*(c for c in classes if c != UNKNOWN), name, UNKNOWN)


def _save(folder: Path, trained: Trained, base: Manifest, name: str, metrics: dict[str, Any]) -> Manifest:
    """Write the artifact; its version names the venues that were enrolled, one after the other."""
    enrolled = [*base.training.get("enrolled", []), name]
    origin = {
        "base_model_version": base.model_version,
        "enrolled": enrolled,
        "catalogue": base.training.get("catalogue", []),
        "divisions": [asdict(division) for division in trained.material.divisions or ()],
    }
    return save_trained(folder, trained, release="+".join([RELEASE, *enrolled]), metrics=metrics, origin=origin)


def _compare(
    manifest: Manifest, base: Manifest, gathered: Gathered, named: Sequence[Named], baseline: Baseline
) -> Enrolment:
    """Put both models' figures side by side, of the sessions that both were measured on."""
    own = [n for n in named if n.source in gathered.own.sources]
    others = [n for n in named if n.source.name in baseline.counted]
    own_before = confusion_of(baseline.own, label=gathered.name)
    before = _outcomes(baseline.fresh, add_confusions(baseline.recordings, own_before))
    after = _outcomes(read_confusion(manifest.metrics[ON_FRESH]), confusion_of([*others, *own]))
    return Enrolment(
        name=gathered.name,
        model_version=manifest.model_version,
        base_model_version=base.model_version,
        before_from=baseline.origin,
        before=before,
        after=after,
        left_out=own,
        set_aside=[source.name for source in gathered.set_aside],
        warnings=[
            *_missing(base, gathered),
            *(f"{source.name} has no whole window and counts for nothing." for source in gathered.too_short),
            *_not_named(gathered, own),
            *(f"{on}: {loss}." for on in before for loss in losses(before[on], after[on])),
        ],
    )


def _outcomes(fresh: Confusion, recordings: Confusion) -> dict[str, Outcomes]:
    return {ON_FRESH: outcomes_of(fresh), ON_RECORDINGS: outcomes_of(recordings)}


def _missing(base: Manifest, gathered: Gathered) -> list[str]:
    there = {source.sha256 for source in [*gathered.base.sources, *gathered.own.sources]}
    n_missing = len(set(base.training["captures"].values()) - there)
    if not n_missing:
        return []
    return [
        f"{n_missing} of the {len(base.training['captures'])} recordings that {base.model_version} was trained with "
        "are not in --captures: the new model does not know them, nor does the one before of these figures."
    ]


def _not_named(gathered: Gathered, left_out: Sequence[Named]) -> list[str]:
    """Say which of the venue's recordings are called something else, or why none could be left out."""
    name = gathered.name
    if not left_out:
        days = ", ".join(sorted({source.group.split()[-1] for source in gathered.own.sources}))
        return [
            f"All recordings of {name} are of one day ({days}): none can be left out, so nothing tells whether {name} "
            "would be named on another; record on one more day and enrol again."
        ]
    return [
        f"{named.source.name}, with its day left out, is called {named.verdict} ({named.certainty}), not {name}."
        for named in left_out
        if named.verdict != name
    ]

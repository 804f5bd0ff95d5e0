"""The whole evaluation, from recordings and seeds to one report."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ingest.recordings.reading import Reading
from model.artifact.artifact_folder import load_manifest, save_artifact
from model.artifact.manifest import Manifest
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.evaluation.ablation import ablation, importance
from model.evaluation.accuracy_over_messages import accuracy_over_messages
from model.evaluation.alert_delays import detection_figures, draw_switched, durations_of, false_alerts
from model.evaluation.candidates import Candidate, known_only, model_candidate, plain_candidate
from model.evaluation.channel_accuracy import channel_accuracy, recorded_accuracy
from model.evaluation.classifiers import CalibratedBooster
from model.evaluation.confidence import confidence_figures
from model.evaluation.effort import Effort
from model.evaluation.figures import Names, main_figures
from model.evaluation.held_out_recordings import list_recordings, predict_recorder
from model.evaluation.known_as_unknown import known_as_unknown
from model.evaluation.predictions import Classifier, Prediction
from model.evaluation.recorded_channels import read_recorded_channels
from model.evaluation.refusal import alert_precision, known_versus_unknown, requested_and_observed
from model.evaluation.shifts import jitter_on_recordings, jitter_on_synthetic, rate_shift
from model.evaluation.signature_stability import signature_figures
from model.training.boosting import Progress
from model.training.cross_fitting import CrossFitted, Material, cross_fit
from model.training.dataset import (
    Dataset,
    Source,
    build_dataset,
    draw_labelled_synthetic,
    draw_labelled_unknown_venues,
    read_labelled_captures,
)
from model.training.training_run import (
    CALIBRATION_SEED_OFFSET,
    CLASSES,
    RELEASE,
    TEST_SEED_OFFSET,
    Amounts,
    check_labels,
    draw_synthetic,
    draw_to_train_on,
)
from udfs.errors import ArtifactError
from udfs.schema import Session

FORMAT: Final = 2

SHIFT_SEED_OFFSET: Final = 3_000_000
SWITCH_SEED_OFFSET: Final = 4_000_000
LONG_SEED_OFFSET: Final = 5_000_000
CHANNEL_SEED_OFFSET: Final = 6_000_000
"""Keep the sessions of each part apart from each other and from those trained on."""

WHO: Final = ("model", "plain")


@dataclass(frozen=True, kw_only=True, eq=False)
class Subjects:
    """What is named, and what is said of it."""

    fresh: Dataset
    recordings: Dataset
    recorded: list[tuple[Source, Session]]
    fresh_classifiers: Mapping[str, Classifier]
    recording_classifiers: Mapping[str, Classifier]
    predictions: Mapping[str, Mapping[str, Prediction]]

    def each(self) -> tuple[tuple[str, Dataset, Mapping[str, Classifier]], ...]:
        """List both with their classifiers."""
        return (
            ("fresh", self.fresh, self.fresh_classifiers),
            ("recordings", self.recordings, self.recording_classifiers),
        )


def evaluate(
    captures: Path,
    effort: Effort,
    *,
    seed: int,
    false_unknown_rate: float,
    progress: Progress,
    reading: Reading | None = None,
) -> dict[str, Any]:
    """Train, name what was not seen, and report.

    Parameters
    ----------
    captures : Path
        Folder with recordings and their `index.csv`.
    effort : Effort
        How much is done.
    seed : int
        Of everything that is drawn; the model is the one that `train` makes of the same captures, amounts and seed.
    false_unknown_rate : float
        Share of known exchanges' windows that may be called unknown.
    progress : callable
        Told what is being done.
    reading : Reading, optional
        Leaves out recordings that cannot be read.

    Returns
    -------
    dict
        Nothing but what JSON can hold.
    """
    started = time.monotonic()
    recorded = list(read_labelled_captures(captures, lambda name: progress(f"reading {name}"), reading))
    recordings = build_dataset(recorded)
    check_labels(recordings, CLASSES)
    progress("drawing sessions to train and calibrate on")
    material = Material(
        synthetic=draw_to_train_on(effort.trained, seed),
        recordings=recordings,
        fresh=draw_synthetic(effort.trained.half(), seed + CALIBRATION_SEED_OFFSET),
    )
    fitted, model, plain = _candidates(material, effort, seed, progress)
    progress("drawing sessions to test on")
    tested = _draw_tested(effort.tested, seed + TEST_SEED_OFFSET)
    subjects = _name(tested, recorded, material.recordings, model, plain, false_unknown_rate)
    channels = read_recorded_channels(captures, {source.name for source in recordings.sources})
    small = _smaller(material, effort, seed, progress)
    report = {
        "format": FORMAT,
        "effort": asdict(effort),
        "seed": seed,
        "false_unknown_rate": false_unknown_rate,
        "model": _describe(fitted, model),
        "data": _data(subjects),
        **_figures(subjects, material, progress),
        **_circumstances(subjects, effort, seed, false_unknown_rate, progress),
        "channels": {
            "synthetic": channel_accuracy(
                effort.n_each_channel, seed + CHANNEL_SEED_OFFSET, model.whole, false_unknown_rate, progress
            ),
            "recordings": recorded_accuracy(
                recordings,
                subjects.predictions["recordings"]["model"],
                channels,
            ),
        },
        "importance": importance(fitted.whole),
        "known_as_unknown": known_as_unknown(material, tested, CLASSES, effort, seed, false_unknown_rate, progress),
        "ablation": ablation(small, tested, CLASSES, effort, seed, progress),
    }
    report["seconds"] = round(time.monotonic() - started, 1)
    return report


def _draw_tested(amounts: Amounts, seed: int) -> Dataset:
    """Draw sessions as they are generated: what is trained on may have jitter, which is tested apart."""
    known = draw_labelled_synthetic(per_exchange=amounts.per_exchange, n_messages=amounts.n_messages, seed=seed)
    unknown_venues = draw_labelled_unknown_venues(n=amounts.n_unknown_venues, n_messages=amounts.n_messages, seed=seed)
    return build_dataset([*known, *unknown_venues])


def _candidates(
    material: Material, effort: Effort, seed: int, progress: Progress
) -> tuple[CrossFitted, Candidate, Candidate]:
    settings = {"n_trees": effort.n_trees, "most_folds": effort.most_folds, "seed": seed}
    fitted = cross_fit(material, CLASSES, **settings, progress=progress)
    plain = cross_fit(material, known_only(CLASSES), **settings, progress=progress)
    progress("fitting thresholds and bounds on sessions left out")
    return fitted, model_candidate(material, fitted), plain_candidate(material, plain)


def _name(
    tested: Dataset,
    recorded: list[tuple[Source, Session]],
    recordings: Dataset,
    model: Candidate,
    plain: Candidate,
    rate: float,
) -> Subjects:
    fresh_classifiers = {"model": model.whole, "plain": plain.whole}
    recording_classifiers = {"model": model.left_out, "plain": plain.left_out}
    return Subjects(
        fresh=tested,
        recordings=recordings,
        recorded=recorded,
        fresh_classifiers=fresh_classifiers,
        recording_classifiers=recording_classifiers,
        predictions={
            "fresh": {who: classifier.predict(tested, rate) for who, classifier in fresh_classifiers.items()},
            "recordings": {
                who: classifier.predict(recordings, rate) for who, classifier in recording_classifiers.items()
            },
        },
    )


def _smaller(material: Material, effort: Effort, seed: int, progress: Progress) -> Material:
    """Draw fewer sessions, for what is grown many times."""
    progress("drawing sessions for variants")
    return Material(
        synthetic=draw_to_train_on(effort.variant, seed),
        recordings=material.recordings,
        fresh=draw_synthetic(effort.variant.half(), seed + CALIBRATION_SEED_OFFSET),
    )


def _figures(subjects: Subjects, material: Material, progress: Progress) -> dict[str, Any]:
    """Count what is said of fresh sessions and of recordings left out."""
    progress("counting")
    parts: dict[str, Any] = {}
    for on, dataset, classifiers in subjects.each():
        said = subjects.predictions[on]
        for part, figures in (
            ("main", lambda d, o: main_figures(Names.of(d, o))),
            ("ranking", known_versus_unknown),
            ("alert_precision", alert_precision),
            ("confidence", confidence_figures),
            ("accuracy_over_messages", accuracy_over_messages),
        ):
            parts.setdefault(part, {})[on] = {who: figures(dataset, said[who]) for who in WHO}
        rows = {who: requested_and_observed(dataset, classifier) for who, classifier in classifiers.items()}
        parts.setdefault("requested", {})[on] = rows
        learned = material.synthetic if on == "fresh" else material.fresh
        parts.setdefault("signatures", {})[on] = signature_figures(learned, dataset)
    recordings, said = subjects.recordings, subjects.predictions["recordings"]
    by_recorder = Names.by_session(recordings, predict_recorder(recordings))
    parts["main"]["recordings"]["recorder"] = main_figures(by_recorder)
    parts["recordings"] = list_recordings(recordings, said["model"], said["plain"])
    return parts


def _circumstances(subjects: Subjects, effort: Effort, seed: int, rate: float, progress: Progress) -> dict[str, Any]:
    """Count what is said of shifted, long-lived and switched sessions."""
    shift_seed = seed + SHIFT_SEED_OFFSET
    classifiers = subjects.fresh_classifiers
    result: dict[str, Any] = {
        "rate_shift": rate_shift(effort, shift_seed, classifiers, rate, progress),
        "jitter": {
            "fresh": jitter_on_synthetic(effort, shift_seed, classifiers, rate, progress),
            "recordings": jitter_on_recordings(
                subjects.recorded, shift_seed, subjects.recording_classifiers, rate, progress
            ),
        },
    }
    progress("streams that switch")
    switched = draw_switched(effort, seed + SWITCH_SEED_OFFSET)
    result["detection"] = {
        who: detection_figures(switched, classifier, rate) for who, classifier in classifiers.items()
    }
    progress("long-lived sessions")
    lived = effort.long_lived
    drawn = list(
        draw_labelled_synthetic(
            per_exchange=lived.per_exchange, n_messages=lived.n_messages, seed=seed + LONG_SEED_OFFSET
        )
    )
    clean, durations = build_dataset(drawn), durations_of(session for _, session in drawn)
    recorded_durations = durations_of(session for _, session in subjects.recorded)
    result["false_alerts"] = {
        "synthetic": {
            who: false_alerts(clean, classifier.predict(clean, rate), durations)
            for who, classifier in classifiers.items()
        },
        "recordings": {
            who: false_alerts(subjects.recordings, prediction, recorded_durations)
            for who, prediction in subjects.predictions["recordings"].items()
        },
    }
    return result


def _data(subjects: Subjects) -> dict[str, Any]:
    return {
        on: {
            "connections": {str(label): int((dataset.labels == label).sum()) for label in sorted(set(dataset.labels))},
            "windows": len(dataset.session),
        }
        for on, dataset, _ in subjects.each()
    }


def _describe(fitted: CrossFitted, model: Candidate) -> dict[str, Any]:
    """Name the model as its artifact would be named, and say whether that is the one in the repository."""
    manifest = _manifest(fitted, model)
    try:
        kept: str | None = load_manifest(DEFAULT_ARTIFACT).model_version
    except ArtifactError:
        kept = None
    return {
        "model_version": manifest.model_version,
        "booster_sha256": manifest.booster_sha256,
        "repository_model_version": kept,
        "is_repository_model": kept == manifest.model_version,
        "decision": manifest.decision,
        "scaling": manifest.scaling,
        "refusal": manifest.refusal,
        "libraries": manifest.libraries,
    }


def _manifest(fitted: CrossFitted, model: Candidate) -> Manifest:
    if not isinstance(model.whole, CalibratedBooster):
        raise TypeError(f"Expected the model with its calibrator, found {type(model.whole).__name__}")
    calibrator = model.whole.calibrator
    with tempfile.TemporaryDirectory() as folder:
        return save_artifact(
            Path(folder),
            fitted.whole.booster,
            classes=list(CLASSES),
            release=RELEASE,
            scaling=calibrator.scaling,
            refusal=calibrator.refusal,
            decision=calibrator.decision,
            typical={},
            reference={},
            training={},
            metrics={},
        )

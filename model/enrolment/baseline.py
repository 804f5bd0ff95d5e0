"""How the model before an enrolment does on the sessions that the one after it is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from model.artifact.artifact_folder import BoosterPredictor
from model.artifact.manifest import Manifest
from model.enrolment.before_after import Confusion, Named, confusion_of, names_of, read_confusion
from model.enrolment.recording_selection import Gathered
from model.training.boosting import Progress
from model.training.calibration import Scaling, raw_probabilities
from model.training.calibrator import Judge, Judgements, judge
from model.training.cross_fitting import Division, divisions_of
from model.training.dataset import Dataset
from model.training.training_run import (
    ON_FRESH,
    ON_RECORDINGS,
    Amounts,
    Plan,
    Trained,
    describe_training,
    judge_left_out,
    measure,
    train_on,
)

FROM_MANIFEST: Final = "from the base model's manifest"
FROM_TRAINING: Final = "a model trained anew as the base model was, to measure it on the same sessions"

_SAME: Final = ("seed", "parameters", "recording_weight", "synthetic", "synthetic_sha256")


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What the base model says of sessions that it was not trained on.

    Attributes
    ----------
    fresh : Confusion
        Of synthetic ones.
    recordings : Confusion
        Of those that were left out for both models.
    counted : frozenset of str
        Their names.
    own : list of Named
        Of the venue's recordings.
    origin : str
        `FROM_MANIFEST` or `FROM_TRAINING`.
    """

    fresh: Confusion
    recordings: Confusion
    counted: frozenset[str]
    own: list[Named]
    origin: str


def plan_of(manifest: Manifest, recordings: Dataset) -> Plan:
    """Read how a model was made; how its recordings were left out follows from them, where it does not say."""
    training = manifest.training
    kept = [Division(groups=tuple(d["groups"]), families=tuple(d["families"])) for d in training.get("divisions", [])]
    return Plan(
        amounts=Amounts(**training["synthetic"]),
        seed=training["seed"],
        classes=tuple(manifest.classes),
        divisions=tuple(kept or divisions_of(recordings)),
    )


def measure_base(
    predictor: BoosterPredictor, gathered: Gathered, trained: Trained, left_out: Sequence[Named], progress: Progress
) -> Baseline:
    """Find what the base model says of the sessions that the new one was measured on.

    Its manifest says it, if it was made of the very same sessions but the venue's. If not, for some were set aside or
    are missing or new, a model is trained anew as it was: the figures of single sessions are not in a manifest.

    Parameters
    ----------
    predictor : BoosterPredictor
        The base model.
    gathered : Gathered
    trained : Trained
        The new model.
    left_out : sequence of Named
        What that one says of recordings left out.
    progress : callable
        Told what is being done.
    """
    plan, counted = plan_of(predictor.manifest, gathered.base), frozenset(named.source.name for named in left_out)
    others = counted - {source.name for source in gathered.own.sources}
    if _is_measured(predictor.manifest, plan, gathered, trained, others):
        return _read_baseline(predictor, gathered, others)
    return _train_baseline(plan, gathered, counted, lambda line: progress(f"the model before, {line}"))


def _read_baseline(predictor: BoosterPredictor, gathered: Gathered, counted: frozenset[str]) -> Baseline:
    metrics = predictor.manifest.metrics
    return Baseline(
        fresh=read_confusion(metrics[ON_FRESH]),
        recordings=_recordings_of(predictor.manifest),
        counted=counted,
        own=names_of(gathered.own, _judge_by(predictor, gathered.own), predictor.classes),
        origin=FROM_MANIFEST,
    )


def _train_baseline(plan: Plan, gathered: Gathered, counted: frozenset[str], progress: Progress) -> Baseline:
    before = train_on(gathered.base, plan, progress)
    judged = judge_left_out(before)
    named = names_of(before.material.recordings, judged, plan.classes)
    both = [n for n in named if n.source.name in counted]
    return Baseline(
        fresh=read_confusion(measure(before, judged, progress)[ON_FRESH]),
        recordings=confusion_of(both),
        counted=frozenset(n.source.name for n in both),
        own=_own_by(before, named, gathered.own),
        origin=FROM_TRAINING,
    )


def _recordings_of(manifest: Manifest) -> Confusion:
    """Read what is counted of recordings; nothing, if it was trained without."""
    return read_confusion(manifest.metrics[ON_RECORDINGS]) if ON_RECORDINGS in manifest.metrics else confusion_of([])


def _is_measured(manifest: Manifest, plan: Plan, gathered: Gathered, trained: Trained, others: frozenset[str]) -> bool:
    """Say whether the base model was made, and so measured, as the new one is but for the venue's recordings."""
    made, now = manifest.training, describe_training(trained)
    base, kept = ({source.name for source in part.sources} for part in (gathered.base, gathered.recordings))
    n_counted = sum(row.total() for row in _recordings_of(manifest)["connections"].values())
    return (
        all(made[key] == now[key] for key in _SAME)
        and made["trees"] == plan.n_trees
        and sorted(made["captures"].values()) == sorted(source.sha256 for source in gathered.base.sources)
        and base <= kept
        and n_counted == len(others)
    )


def _judge_by(predictor: BoosterPredictor, dataset: Dataset) -> Judgements:
    """Judge sessions that an artifact's booster was not trained on."""
    manifest = predictor.manifest
    by = Judge(
        classes=predictor.classes,
        scaling=Scaling(slopes=tuple(manifest.scaling["slopes"]), biases=tuple(manifest.scaling["biases"])),
        refusal=manifest.refusal,
        decision=predictor.decision_rule,
    )
    return judge(dataset, raw_probabilities(predictor.booster, dataset.features), by)


def _own_by(before: Trained, left_out: Sequence[Named], own: Dataset) -> list[Named]:
    """Name the venue's recordings: those that the base was taught to refuse as it did when they were left out."""
    refused = {named.source.sha256: named for named in left_out}
    is_refused = np.array([source.sha256 in refused for source in own.sources], dtype=np.bool_)
    others = own.take(~is_refused)
    judged = judge(others, before.fitted.whole.predict(others.features), before.judge)
    named = [refused[source.sha256] for source in own.take(is_refused).sources]
    return [*named, *names_of(others, judged, before.plan.classes)]

"""Training on synthetic sessions of exchanges and of unknown venues and, where present, recordings.

What turns the booster's numbers into verdicts is fitted on sessions that the booster was not trained on: fresh
synthetic ones, and recordings left out by day or family. The metrics are measured on sessions that neither saw. The
booster that is kept is trained on everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.training.boosting import N_TREES, PARAMETERS, RECORDING_WEIGHT, Progress
from model.training.calibrator import CalibratedVerdicts, Calibrator, calibrate, fit_calibrator
from model.training.cross_fitting import (
    MOST_FOLDS,
    CrossFitted,
    Division,
    Material,
    cross_fit,
    divisions_of,
    extend_divisions,
    left_out_whole,
)
from model.training.dataset import (
    Dataset,
    LabelledCapture,
    build_dataset,
    concatenate,
    draw_labelled_synthetic,
    draw_labelled_unknown_venues,
    hide_sizes_of_every_tenth,
    jitter_every_second,
)
from model.training.session_accuracy import session_metrics
from udfs.current_verdict import ConnectionVerdict
from udfs.errors import SchemaError
from udfs.schema import EXCHANGES, UNKNOWN
from udfs.windows import count_windows

CLASSES: Final = [*EXCHANGES, UNKNOWN]
"""What a model names that is trained without enrolled venues."""

RELEASE: Final = "0.3"

CALIBRATION_SEED_OFFSET: Final = 1_000_000
TEST_SEED_OFFSET: Final = 2_000_000
"""Keep the synthetic sessions that are trained on, calibrated with and tested on apart."""

LONG_LIFE: Final = 10
"""How many times the messages of the others every second session has: of a fast connection, 700 are its first two
seconds, and a model that saw no more took the middle of its life for another venue's."""

LONG_LIFE_SEED_OFFSET: Final = 500_000
"""Keeps long-lived sessions from going on where the others end."""

ON_FRESH: Final = "synthetic, fresh sessions"
ON_RECORDINGS: Final = "captures, days and families left out"
"""What a manifest's metrics were measured on."""


@dataclass(frozen=True, kw_only=True)
class Amounts:
    """How much is drawn: sessions of each exchange and of synthetic unknown venues, and messages of a short session."""

    per_exchange: int
    n_unknown_venues: int
    n_messages: int

    @classmethod
    def from_manifest(cls, stated: dict[str, int]) -> Amounts:
        """Read what `to_manifest` wrote."""
        n_unknown_venues = stated["n_strangers"]
        return cls(
            per_exchange=stated["per_exchange"], n_unknown_venues=n_unknown_venues, n_messages=stated["n_messages"]
        )

    def to_manifest(self) -> dict[str, int]:
        """Lay out as artifacts have it, under the keys of the first of them."""
        return {
            "per_exchange": self.per_exchange,
            "n_strangers": self.n_unknown_venues,
            "n_messages": self.n_messages,
        }

    def half(self) -> Amounts:
        """Halve the numbers of sessions: enough to calibrate or to test."""
        halves = (max(1, self.per_exchange // 2), max(1, self.n_unknown_venues // 2))
        return Amounts(per_exchange=halves[0], n_unknown_venues=halves[1], n_messages=self.n_messages)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a model is made of, besides recordings.

    Attributes
    ----------
    amounts : Amounts
        What is drawn.
    seed : int
        Of the synthetic sessions and of the trees' sampling.
    classes : tuple of str
        What it names, `unknown` included; those that are not drawn need recordings.
    divisions : tuple of Division
        How another model's recordings were left out, to be compared with; without any, as suits these recordings.
    """

    amounts: Amounts
    seed: int
    classes: tuple[str, ...] = tuple(CLASSES)
    divisions: tuple[Division, ...] = ()

    @property
    def n_trees(self) -> int:
        """Count trees: as many a class, whatever their number."""
        return N_TREES // len(CLASSES) * len(self.classes)


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """A booster with those of its folds, the calibrator, the sessions of both, and how they were chosen."""

    plan: Plan
    material: Material
    fitted: CrossFitted
    calibrator: Calibrator


def train_on(recordings: Dataset, plan: Plan, progress: Progress) -> Trained:
    """Train a booster on everything, and fit its calibrator on fresh sessions and on recordings left out.

    A class that is not drawn, and would be left out whole, is never left out: it cannot be measured.

    Raises
    ------
    SchemaError
        If a recording's label is no class.
    """
    check_labels(recordings, plan.classes)
    n_sessions, n_unknown_venues = plan.amounts.per_exchange, plan.amounts.n_unknown_venues
    progress(f"drawing {n_sessions} sessions of each exchange and {n_unknown_venues} unknown venues")
    divisions = extend_divisions(plan.divisions or divisions_of(recordings), recordings)
    is_lone = np.isin(recordings.labels, list(set(left_out_whole(recordings, divisions)) - set(EXCHANGES)))
    material = Material(
        synthetic=concatenate([draw_to_train_on(plan.amounts, plan.seed), recordings.take(is_lone)]),
        recordings=recordings.take(~is_lone),
        fresh=draw_synthetic(plan.amounts.half(), plan.seed + CALIBRATION_SEED_OFFSET),
        divisions=divisions,
    )
    settings = {"n_trees": plan.n_trees, "most_folds": MOST_FOLDS, "seed": plan.seed}
    fitted = cross_fit(material, plan.classes, **settings, progress=progress)
    everything = np.ones(len(material.recordings.sources), dtype=np.bool_)
    calibrator_of_all = fit_calibrator_without(material, fitted, everything)
    return Trained(plan=plan, material=material, fitted=fitted, calibrator=calibrator_of_all)


def check_labels(recordings: Dataset, classes: Sequence[str]) -> None:
    """Refuse recordings that a model of these classes could not be trained on.

    Raises
    ------
    SchemaError
        If a label is no class.
    """
    strays = [source for source in recordings.sources if source.label not in classes]
    if strays:
        raise SchemaError(
            f"Expected recordings labelled {', '.join(classes)}, found {strays[0].name} labelled {strays[0].label!r}: "
            "correct index.csv, or enrol that venue"
        )


def draw_synthetic(amounts: Amounts, seed: int) -> Dataset:
    """Draw sessions of every exchange, and unknown venues, with all their windows."""
    return build_dataset(_draw_sessions(amounts, seed))


def draw_to_train_on(amounts: Amounts, seed: int) -> Dataset:
    """Draw what `draw_synthetic` does, with as many windows of a long-lived session as of any other."""
    sessions = hide_sizes_of_every_tenth(_draw_sessions(amounts, seed))
    return build_dataset(sessions, most_windows=count_windows(amounts.n_messages), seed=seed)


def _draw_sessions(amounts: Amounts, seed: int) -> Iterable[LabelledCapture]:
    """Draw sessions, half of them long-lived, and every second one behind a worse network."""
    n_known, n_unknown = amounts.per_exchange // 2, amounts.n_unknown_venues // 2
    lives = (
        (amounts.per_exchange - n_known, amounts.n_unknown_venues - n_unknown, amounts.n_messages, seed),
        (n_known, n_unknown, LONG_LIFE * amounts.n_messages, seed + LONG_LIFE_SEED_OFFSET),
    )
    drawn = (
        part
        for per_exchange, n_unknown_venues, n_messages, own_seed in lives
        for part in (
            draw_labelled_synthetic(per_exchange=per_exchange, n_messages=n_messages, seed=own_seed),
            draw_labelled_unknown_venues(n=n_unknown_venues, n_messages=n_messages, seed=own_seed),
        )
    )
    return jitter_every_second(chain.from_iterable(drawn), seed)


def fit_calibrator_without(material: Material, fitted: CrossFitted, kept: NDArray[np.bool_]) -> Calibrator:
    """Fit a calibrator on fresh sessions and on those recordings, left out, that are kept."""
    raw = np.concatenate([fitted.raw_fresh, fitted.raw_left_out[kept[material.recordings.session]]])
    return fit_calibrator(concatenate([material.fresh, material.recordings.take(kept)]), raw, fitted.whole.classes)


def calibrate_left_out(trained: Trained) -> CalibratedVerdicts:
    """Calibrate each recording by what was fitted without its day and, for an unknown venue, without its family."""
    recordings, fitted = trained.material.recordings, trained.fitted
    probabilities = np.empty_like(fitted.raw_left_out)
    windows = np.empty(len(recordings.features), dtype=np.intp)
    connections: dict[int, ConnectionVerdict] = {}
    for fold in fitted.folds:
        tested = fold.tested[recordings.session]
        fold_calibrator = fit_calibrator_without(trained.material, fitted, fold.trained)
        found = calibrate(recordings.take(fold.tested), fitted.raw_left_out[tested], fold_calibrator)
        probabilities[tested], windows[tested] = found.probabilities, found.windows
        connections |= dict(zip(np.flatnonzero(fold.tested).tolist(), found.connections, strict=True))
    return CalibratedVerdicts(
        probabilities=probabilities,
        windows=windows,
        connections=[connections[i] for i in range(len(recordings.sources))],
    )


def measure(trained: Trained, left_out: CalibratedVerdicts, progress: Progress) -> dict[str, Any]:
    """Count what is said of fresh sessions and, by `calibrate_left_out`, of recordings."""
    progress("measuring on sessions it has not seen")
    plan, recordings = trained.plan, trained.material.recordings
    unseen = draw_synthetic(plan.amounts.half(), plan.seed + TEST_SEED_OFFSET)
    calibrated = calibrate(unseen, trained.fitted.whole.predict(unseen.features), trained.calibrator)
    metrics = {ON_FRESH: session_metrics(unseen, calibrated, plan.classes)}
    if recordings.sources:
        metrics[ON_RECORDINGS] = session_metrics(recordings, left_out, plan.classes)
    return metrics


def describe_training(trained: Trained) -> dict[str, Any]:
    """List seed, parameters and sessions for the manifest."""
    material, plan = trained.material, trained.plan
    sources = [*material.synthetic.sources, *material.recordings.sources]
    return {
        "seed": plan.seed,
        "trees": plan.n_trees,
        "parameters": PARAMETERS,
        "recording_weight": RECORDING_WEIGHT,
        "synthetic": plan.amounts.to_manifest(),
        "windows": len(material.synthetic.features) + len(material.recordings.features),
        "captures": {source.name: source.sha256 for source in sources if source.real},
        "synthetic_sha256": _combined_sha256([source.sha256 for source in sources if not source.real]),
    }


def _combined_sha256(hashes: Sequence[str]) -> str:
    return hashlib.sha256("".join(hashes).encode()).hexdigest()

"""Which families of unknown venues a catalogue names: those recorded on enough days, and named right on most of them.

A day counts as left out with its recorder: nothing of both was trained on by what names its recordings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from model.enrolment.before_after import Named, names_of
from model.enrolment.recording_selection import check_name
from model.training.boosting import Progress
from model.training.calibrator import CalibratedVerdicts
from model.training.dataset import Dataset, Source
from model.training.training_run import Plan, Trained, calibrate_left_out, train_on
from udfs.errors import SchemaError
from udfs.schema import EXCHANGES, UNKNOWN

LEAST_DAYS: Final = 3
"""Of a family's recordings: one is left out, and what is left shows more than one day."""


@dataclass(frozen=True, kw_only=True)
class Days:
    """How many days of a class were left out, and on how many of them most of its connections were named right."""

    left_out: int
    right: int

    @property
    def is_named(self) -> bool:
        """Whether it is named right on most of its days; not if none could be left out."""
        return 2 * self.right > self.left_out


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """The model of the classes that are kept, and how they were chosen.

    Attributes
    ----------
    trained : Trained
    left_out : CalibratedVerdicts
        Of its recordings, each without its day or family.
    names : list of Named
        The same, of those that have a window.
    classes : tuple of str
        What it names beside the exchanges.
    rounds : list of dict
        For each class that was tried its days, a dictionary for each training; the last has those that are kept.
    """

    trained: Trained
    left_out: CalibratedVerdicts
    names: list[Named]
    classes: tuple[str, ...]
    rounds: list[dict[str, Days]]


def choose(recordings: Dataset, plan: Plan, progress: Progress) -> Choice:
    """Train with every candidate as a class, put back to `unknown` what is not named right, and train again.

    Whatever is put back changes what the others are told from, so the rule is asked again until all classes hold it.

    Raises
    ------
    SchemaError
        If no family has enough days, or none is named right on most of them.
    """
    classes, rounds = candidates_of(recordings), list[dict[str, Days]]()
    while classes:
        every = (*EXCHANGES, *classes, UNKNOWN)
        trained = train_on(name_families(recordings, classes), replace(plan, classes=every), progress)
        left_out = calibrate_left_out(trained)
        names = names_of(trained.material.recordings, left_out, every)
        rounds.append({name: days_of(names, name) for name in classes})
        kept = tuple(name for name in classes if rounds[-1][name].is_named)
        if kept == classes:
            return Choice(trained=trained, left_out=left_out, names=names, classes=classes, rounds=rounds)
        classes = kept
    tried = ", ".join(rounds[0]) if rounds else "none with as many days"
    raise SchemaError(
        f"Expected a family of unknown venues with recordings of {LEAST_DAYS} days or more that is named right on most "
        f"of them, found {tried}: record more days, or train without --catalogue"
    )


def candidates_of(recordings: Dataset) -> tuple[str, ...]:
    """Name the families of unknown venues with enough days, in small letters, in alphabetical order.

    A family that has an exchange's name stays unknown: whoever labelled its recordings so meant them not to be named.

    Raises
    ------
    ConfigError
        If such a name cannot be a class.
    """
    days: dict[str, set[str]] = {}
    for source in with_windows(recordings).sources:
        if source.label == UNKNOWN:
            days.setdefault(class_of(source.family), set()).add(day_of(source))
    found = tuple(sorted(name for name, on in days.items() if len(on) >= LEAST_DAYS and name not in EXCHANGES))
    for name in found:
        check_name(name)
    return found


def name_families(recordings: Dataset, classes: Sequence[str]) -> Dataset:
    """Label the recordings of families that are classes with their names."""
    return replace(
        recordings,
        sources=[
            replace(source, label=name, family=name)
            if source.label == UNKNOWN and (name := class_of(source.family)) in classes
            else source
            for source in recordings.sources
        ],
    )


def class_of(family: str) -> str:
    """Name a family as classes are named."""
    return family.lower()


def day_of(source: Source) -> str:
    """Return the UTC day of a recording."""
    return source.group.split()[-1]


def with_windows(recordings: Dataset) -> Dataset:
    """Leave out what is shorter than a window: nothing is ever said of it."""
    return recordings.take(np.bincount(recordings.session, minlength=len(recordings.sources)) > 0)


def days_of(names: Iterable[Named], name: str) -> Days:
    """Count the days of a class, by what its connections were called while their day was left out."""
    by_day: dict[str, list[bool]] = {}
    for named in names:
        if named.source.label == name:
            by_day.setdefault(day_of(named.source), []).append(named.verdict == name)
    return Days(left_out=len(by_day), right=sum(2 * sum(hits) > len(hits) for hits in by_day.values()))

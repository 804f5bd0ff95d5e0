"""Which recordings the base model was made of, which the one with an enrolled venue is, and which are set aside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from model.training.dataset import Dataset, Source, concatenate, family_of
from udfs.errors import ConfigError, SchemaError
from udfs.schema import EXCHANGES, UNKNOWN, WINDOW_SIZE

_NAME: Final = re.compile(r"[a-z0-9_-]+")


@dataclass(frozen=True, kw_only=True, eq=False)
class Gathered:
    """Recordings by what they are for.

    Attributes
    ----------
    name : str
        The venue's.
    base : Dataset
        What the base model is made of: what is labelled as one of its classes, or `unknown`.
    own : Dataset
        Of the venue, and new to the base model.
    recordings : Dataset
        What the new model is made of.
    set_aside : sequence of Source
        Labelled `unknown`, but of the venue or of its family: they would teach the model to refuse it.
    too_short : sequence of Source
        Of the venue, but without a whole window.
    """

    name: str
    base: Dataset
    own: Dataset
    recordings: Dataset
    set_aside: Sequence[Source]
    too_short: Sequence[Source]


def check_name(name: str) -> None:
    """Refuse what cannot be a class.

    Raises
    ------
    ConfigError
        If it is `unknown`, or anything but small letters, digits, `_` and `-`.
    """
    if name == UNKNOWN or not _NAME.fullmatch(name):
        raise ConfigError(
            f"Expected a name of small letters, digits, - and _ that is not {UNKNOWN!r}, found {name!r}: choose another"
        )


def gather(name: str, given: Dataset, labelled: Dataset, base_classes: Sequence[str]) -> Gathered:
    """Sort recordings.

    Parameters
    ----------
    name : str
        The venue's. If the base model names it, its new recordings are added to those that it has.
    given : Dataset
        Recordings of the venue.
    labelled : Dataset
        Those of the base model with their labels; of the venue, too, if they are labelled so.
    base_classes : sequence of str

    Raises
    ------
    SchemaError
        If there are none of an enrolled class of the base, a given one is labelled as another exchange, none of the
        venue is new and of a window's length, or two have the same name.
    """
    _check_enrolled_are_there(labelled, base_classes)
    hashes = {source.sha256 for source in given.sources}
    _check_labels(name, hashes, labelled)
    is_own = (labelled.labels == name) & (name not in base_classes)
    enrolled = set(base_classes) - {*EXCHANGES, UNKNOWN}
    base = labelled.take(~is_own & ~_is_unknown_of(_families(enrolled, labelled.sources), labelled))
    families = _families(enrolled | {name}, [*given.sources, *labelled.sources])
    families |= {source.family for source in labelled.sources if source.label == UNKNOWN and source.sha256 in hashes}
    new = concatenate([_without_repeats(given, labelled.take(labelled.labels == name)), labelled.take(is_own)])
    is_short = np.bincount(new.session, minlength=len(new.sources)) == 0
    own = new.take(~is_short)
    recordings = concatenate([base.take(~_is_unknown_of(families, base)), own])
    _check_own(name, new, own, recordings)
    return Gathered(
        name=name,
        base=base,
        own=own,
        recordings=recordings,
        set_aside=labelled.take(_is_unknown_of(families, labelled)).sources,
        too_short=new.take(is_short).sources,
    )


def _families(classes: set[str], sources: Iterable[Source]) -> set[str]:
    """Name the families of classes by the first words of their names and of their recordings' names."""
    names = {Path(source.name).name for source in sources if source.label in classes - {*EXCHANGES}}
    return {family_of(venue) for venue in classes | names}


def _is_unknown_of(families: set[str], dataset: Dataset) -> NDArray[np.bool_]:
    return np.array([s.label == UNKNOWN and s.family in families for s in dataset.sources], dtype=np.bool_)


def _without_repeats(given: Dataset, known: Dataset) -> Dataset:
    seen, kept = {source.sha256 for source in known.sources}, np.zeros(len(given.sources), dtype=np.bool_)
    for i, source in enumerate(given.sources):
        kept[i] = source.sha256 not in seen
        seen.add(source.sha256)
    return given.take(kept)


def _check_enrolled_are_there(labelled: Dataset, base_classes: Sequence[str]) -> None:
    missing = sorted(set(base_classes) - {*EXCHANGES, UNKNOWN, *labelled.labels.tolist()})
    if missing:
        raise SchemaError(
            f"Expected recordings of {', '.join(missing)}, which the base model names, in --captures with that label "
            "in index.csv, found none: add them there"
        )


def _check_labels(name: str, hashes: set[str], labelled: Dataset) -> None:
    for source in labelled.sources:
        if source.sha256 in hashes and source.label not in (name, UNKNOWN):
            raise SchemaError(
                f"Expected recordings of {name}, found that index.csv labels {source.name}, which is one of them, "
                f"{source.label!r}: correct one of the two"
            )


def _check_own(name: str, new: Dataset, own: Dataset, recordings: Dataset) -> None:
    if not own.sources:
        found = f"{len(new.sources)}, all shorter" if new.sources else "none"
        raise SchemaError(
            f"Expected recordings of {name} that the base model does not have, of at least {WINDOW_SIZE} messages, "
            f"found {found}: name others"
        )
    names = [source.name for source in recordings.sources]
    twice = sorted({entry for entry in names if names.count(entry) > 1})
    if twice:
        raise SchemaError(f"Expected recordings of different names, found two named {twice[0]}: rename one")

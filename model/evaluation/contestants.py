"""The model and the plain classifier, trained on the same sessions, and again without each day and family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.crossfit import Fold
from model.dataset import Dataset, concatenate
from model.evaluation.growing import Grown, Recipe, divide, grow_all, predict_folds
from model.evaluation.namers import JudgedBooster, PlainBooster, fit_plain
from model.evaluation.opinions import LeftOut
from model.judging import Judge, fit_judge
from model.train import Progress
from udfs.schema import UNKNOWN, Float64Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """What contestants are made of.

    Attributes
    ----------
    synthetic, recordings : Dataset
        Trained on.
    fresh : Dataset
        Synthetic sessions for what is fitted on held-out ones.
    """

    synthetic: Dataset
    recordings: Dataset
    fresh: Dataset

    def without(self, exchange: str) -> Material:
        """Leave out an exchange, everywhere."""
        parts = (self.synthetic, self.recordings, self.fresh)
        synthetic, recordings, fresh = (part.take(part.labels != exchange) for part in parts)
        return Material(synthetic=synthetic, recordings=recordings, fresh=fresh)


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossFitted:
    """A booster of everything and one for each fold, with what they say of sessions they were not trained on."""

    folds: Sequence[Fold]
    whole: Grown
    parts: Sequence[Grown]
    raw_fresh: Float64Array
    raw_left_out: Float64Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Contestant:
    """Somebody who names sessions, and the same one as it names recordings without having seen their like."""

    whole: JudgedBooster | PlainBooster
    left_out: LeftOut


def cross_fit(
    material: Material, classes: Sequence[str], *, n_trees: int, most_folds: int, seed: int, progress: Progress
) -> CrossFitted:
    """Grow the booster of everything and those of the folds."""
    folds = divide(material.recordings, most_folds)
    kept = [np.ones(len(material.recordings.sources), dtype=np.bool_), *(fold.trained for fold in folds)]
    recipes = [
        Recipe(
            dataset=concatenate([material.synthetic, material.recordings.take(part)]),
            classes=tuple(classes),
            n_trees=n_trees,
            seed=seed,
        )
        for part in kept
    ]
    whole, *parts = grow_all(recipes, f"growing {n_trees} trees for {', '.join(classes)}", progress)
    return CrossFitted(
        folds=folds,
        whole=whole,
        parts=parts,
        raw_fresh=whole.predict(material.fresh.features),
        raw_left_out=predict_folds(parts, folds, material.recordings),
    )


def model_contestant(material: Material, fitted: CrossFitted) -> Contestant:
    """Fit the model's judge, and one for each fold without the recordings that it tests, as `judge_left_out` does."""
    namers = [
        JudgedBooster(grown=grown, judge=_fit_judge(material, fitted, fold.trained))
        for grown, fold in zip(fitted.parts, fitted.folds, strict=True)
    ]
    return Contestant(whole=model_namer(material, fitted), left_out=LeftOut(folds=fitted.folds, namers=namers))


def plain_contestant(material: Material, fitted: CrossFitted) -> Contestant:
    """Fit the plain classifier's thresholds in the same way."""
    namers = [
        _fit_plain(grown, material, fitted, fold.trained)
        for grown, fold in zip(fitted.parts, fitted.folds, strict=True)
    ]
    return Contestant(whole=plain_namer(material, fitted), left_out=LeftOut(folds=fitted.folds, namers=namers))


def model_namer(material: Material, fitted: CrossFitted) -> JudgedBooster:
    """Fit the judge of the booster that knows everything."""
    everything = np.ones(len(material.recordings.sources), dtype=np.bool_)
    return JudgedBooster(grown=fitted.whole, judge=_fit_judge(material, fitted, everything))


def plain_namer(material: Material, fitted: CrossFitted) -> PlainBooster:
    """Fit the thresholds of the plain classifier that knows everything."""
    everything = np.ones(len(material.recordings.sources), dtype=np.bool_)
    return _fit_plain(fitted.whole, material, fitted, everything)


def _fit_judge(material: Material, fitted: CrossFitted, kept: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Judge:
    raw = np.concatenate([fitted.raw_fresh, fitted.raw_left_out[kept[material.recordings.session]]])
    return fit_judge(concatenate([material.fresh, material.recordings.take(kept)]), raw, fitted.whole.classes)


def _fit_plain(
    grown: Grown, material: Material, fitted: CrossFitted, kept: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> PlainBooster:
    raw = fitted.raw_left_out[kept[material.recordings.session]]
    return fit_plain(grown, material.fresh, fitted.raw_fresh, material.recordings.take(kept), raw)


def known_only(classes: Sequence[str]) -> tuple[str, ...]:
    """Name the classes of the plain classifier."""
    return tuple(name for name in classes if name != UNKNOWN)

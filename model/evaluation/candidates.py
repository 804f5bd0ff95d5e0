"""The model and the plain classifier, fitted on the same sessions, and again without each day and family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.evaluation.classifiers import JudgedBooster, PlainBooster, fit_plain
from model.evaluation.predictions import LeftOut
from model.training.boosting import Grown
from model.training.cross_fitting import CrossFitted, Material
from model.training.training_run import fit_judge_without
from udfs.schema import UNKNOWN


@dataclass(frozen=True, kw_only=True, eq=False)
class Contestant:
    """Somebody who names sessions, and the same one as it names recordings without having seen their like."""

    whole: JudgedBooster | PlainBooster
    left_out: LeftOut


def model_contestant(material: Material, fitted: CrossFitted) -> Contestant:
    """Fit the model's judge, and one for each fold without the recordings that it tests, as `judge_left_out` does."""
    namers = [
        JudgedBooster(grown=grown, judge=fit_judge_without(material, fitted, fold.trained))
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
    return JudgedBooster(grown=fitted.whole, judge=fit_judge_without(material, fitted, everything))


def plain_namer(material: Material, fitted: CrossFitted) -> PlainBooster:
    """Fit the thresholds of the plain classifier that knows everything."""
    everything = np.ones(len(material.recordings.sources), dtype=np.bool_)
    return _fit_plain(fitted.whole, material, fitted, everything)


def _fit_plain(
    grown: Grown, material: Material, fitted: CrossFitted, kept: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> PlainBooster:
    raw = fitted.raw_left_out[kept[material.recordings.session]]
    return fit_plain(grown, material.fresh, fitted.raw_fresh, material.recordings.take(kept), raw)


def known_only(classes: Sequence[str]) -> tuple[str, ...]:
    """Name the classes of the plain classifier."""
    return tuple(name for name in classes if name != UNKNOWN)

"""The model and the plain classifier, fitted on the same sessions, and again without each day and family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.evaluation.classifiers import CalibratedBooster, PlainBooster, fit_plain
from model.evaluation.predictions import LeftOut
from model.training.boosting import Grown
from model.training.cross_fitting import CrossFitted, Material
from model.training.training_run import fit_calibrator_without
from udfs.schema import UNKNOWN


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """Somebody who names sessions, and the same one as it names recordings without having seen their like."""

    whole: CalibratedBooster | PlainBooster
    left_out: LeftOut


def model_candidate(material: Material, fitted: CrossFitted) -> Candidate:
    """Fit the model's calibrator, and one for each fold without what it tests, as `calibrate_left_out` does."""
    classifiers = [
        CalibratedBooster(grown=grown, calibrator=fit_calibrator_without(material, fitted, fold.trained))
        for grown, fold in zip(fitted.parts, fitted.folds, strict=True)
    ]
    return Candidate(
        whole=model_classifier(material, fitted), left_out=LeftOut(folds=fitted.folds, classifiers=classifiers)
    )


def plain_candidate(material: Material, fitted: CrossFitted) -> Candidate:
    """Fit the plain classifier's thresholds in the same way."""
    classifiers = [
        _fit_plain(grown, material, fitted, fold.trained)
        for grown, fold in zip(fitted.parts, fitted.folds, strict=True)
    ]
    return Candidate(
        whole=plain_classifier(material, fitted), left_out=LeftOut(folds=fitted.folds, classifiers=classifiers)
    )


def model_classifier(material: Material, fitted: CrossFitted) -> CalibratedBooster:
    """Fit the calibrator of the booster that knows everything."""
    everything = np.ones(len(material.recordings.sources), dtype=np.bool_)
    return CalibratedBooster(grown=fitted.whole, calibrator=fit_calibrator_without(material, fitted, everything))


def plain_classifier(material: Material, fitted: CrossFitted) -> PlainBooster:
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

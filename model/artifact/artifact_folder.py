"""The model artifact: a folder with the booster and a manifest that says what it was trained on and what it fits.

Loading refuses whatever does not fit this software, before anything is scored.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import xgboost as xgb

from model.artifact.booster_border import MAX_BOOSTER_BYTES, try_booster
from model.artifact.booster_explainer import BoosterExplainer
from model.artifact.manifest import FORMAT, Manifest
from model.artifact.manifest_checks import (
    FEATURE_NAMES,
    MAX_MANIFEST_BYTES,
    check_fits,
    check_form,
    check_format,
    read_form,
)
from model.artifact.model_version import content_hash, version_at_rate
from model.artifact.shipped_artifacts import shipped_boosters
from model.training.calibration import DEFAULT_RATE, REQUESTED_RATES, Scaling, raw_probabilities, refusal_thresholds
from model.training.distributions import Reference
from udfs.errors import ArtifactError, ConfigError
from udfs.features import FEATURES
from udfs.schema import WINDOW_SIZE, WINDOW_SLIDE, Float64Array
from udfs.verdicts import DecisionRule

MANIFEST_NAME: Final = "manifest.json"
BOOSTER_NAME: Final = "booster.ubj"


class BoosterPredictor:
    """A booster with its manifest, single-threaded: Flink runs one worker for each slot.

    Parameters
    ----------
    manifest : Manifest
        Of the artifact.
    booster : xgboost.Booster
        Of the artifact.
    false_unknown_rate : float
        Share of a known exchange's windows that may be called unknown.
    """

    def __init__(self, manifest: Manifest, booster: xgb.Booster, false_unknown_rate: float = DEFAULT_RATE) -> None:
        self.manifest = manifest
        self.booster = booster
        self.booster.set_param({"nthread": 1})
        self.false_unknown_rate = false_unknown_rate
        self._scaling = Scaling(slopes=tuple(manifest.scaling["slopes"]), biases=tuple(manifest.scaling["biases"]))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes in the order of the probabilities' columns."""
        return tuple(self.manifest.classes)

    @cached_property
    def model_version(self) -> str:
        """Names the artifact and, if it is not the default, the rate, for results depend on both."""
        return version_at_rate(self.manifest.model_version, self.false_unknown_rate)

    @cached_property
    def refusal_thresholds(self) -> tuple[float, ...]:
        """The largest unknown score at which a window is called by each class's name, at the requested rate."""
        return refusal_thresholds(self.manifest.refusal, self.classes, self.false_unknown_rate)

    @cached_property
    def decision_rule(self) -> DecisionRule:
        """How much evidence a connection's verdict needs."""
        decision = self.manifest.decision
        return DecisionRule(**{**decision, "bounds_millinats": tuple(decision["bounds_millinats"])})

    def predict(self, features: Float64Array) -> Float64Array:
        """Turn (n, n_features) into (n, n_classes) calibrated probabilities, the same bits for any batch."""
        if len(features) == 0:
            return np.empty((0, len(self.manifest.classes)))
        return self._scaling.apply(raw_probabilities(self.booster, features))


def save_artifact(
    folder: Path,
    booster: xgb.Booster,
    *,
    classes: list[str],
    release: str,
    scaling: Scaling,
    refusal: dict[str, list[float]],
    decision: DecisionRule,
    typical: dict[str, dict[str, list[float] | None]],
    reference: Reference,
    training: dict[str, Any],
    metrics: dict[str, Any],
) -> Manifest:
    """Write booster and manifest into `folder`, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    booster.save_model(folder / BOOSTER_NAME)
    sha256 = hashlib.sha256((folder / BOOSTER_NAME).read_bytes()).hexdigest()
    content = content_hash(
        sha256,
        artifact_format=FORMAT,
        classes=classes,
        scaling=asdict(scaling),
        refusal=refusal,
        decision=asdict(decision),
    )
    manifest = Manifest(
        format=FORMAT,
        model_version=f"{release}-{content}",
        classes=classes,
        feature_names=FEATURE_NAMES,
        window_size=WINDOW_SIZE,
        window_slide=WINDOW_SLIDE,
        booster_sha256=sha256,
        libraries={"xgboost": xgb.__version__, "numpy": np.__version__},
        scaling={"slopes": list(scaling.slopes), "biases": list(scaling.biases)},
        refusal=refusal,
        decision={**asdict(decision), "bounds_millinats": list(decision.bounds_millinats)},
        typical=typical,
        reference=reference,
        training=training,
        metrics=metrics,
    )
    (folder / MANIFEST_NAME).write_text(manifest.to_json())
    return manifest


def load_manifest(folder: Path) -> Manifest:
    """Read and check an artifact's manifest.

    Raises
    ------
    ArtifactError
        If there is none, or it does not fit this software.
    """
    path = folder / MANIFEST_NAME
    try:
        stated = read_form(_read_bounded(path, MAX_MANIFEST_BYTES, "a manifest"))
        check_format(path, stated["format"])
        manifest = Manifest(**stated)
    except FileNotFoundError as error:
        raise ArtifactError(
            f"Expected a model artifact in {folder}, found no {MANIFEST_NAME} there: name the folder that "
            "`fingerprint train` wrote, or `catalogue`"
        ) from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ArtifactError(
            f"Expected {path} to be the manifest of a model artifact, found that it cannot be read as one ({error}): "
            "take an unbroken copy or train anew"
        ) from error
    check_form(path, manifest)
    check_fits(path, manifest)
    return manifest


def read_booster(folder: Path, manifest: Manifest) -> bytes:
    """Read the booster that a manifest is of.

    Raises
    ------
    ArtifactError
        If there is none, or another one.
    """
    path = folder / BOOSTER_NAME
    if not path.is_file():
        raise ArtifactError(f"Expected the booster {path} beside its manifest, found none: take a whole copy")
    raw = _read_bounded(path, MAX_BOOSTER_BYTES, "a booster")
    found = hashlib.sha256(raw).hexdigest()
    if found != manifest.booster_sha256:
        raise ArtifactError(
            f"Expected {path} to have the sha256 {manifest.booster_sha256[:12]}... of its manifest, found "
            f"{found[:12]}...: the file was changed or cut off, take an unbroken copy"
        )
    return raw


def load_predictor(
    folder: Path, false_unknown_rate: float = DEFAULT_RATE, *, is_tried: bool = False
) -> BoosterPredictor:
    """Load an artifact for scoring.

    A booster that did not come with this software is first tried in a child process, which takes about a second: one
    that was made to, or has a wrong byte, ends the process that loads it.

    Parameters
    ----------
    folder : Path
        That `train` wrote.
    false_unknown_rate : float
        Share of a known exchange's windows that may be called unknown.
    is_tried : bool
        Whether it has been tried already, as what is registered has.

    Raises
    ------
    ArtifactError
        If anything is missing, broken, or does not fit this software.
    ConfigError
        If the rate is outside `model.training.calibration.REQUESTED_RATES`.
    """
    if not REQUESTED_RATES[0] <= false_unknown_rate <= REQUESTED_RATES[-1]:
        raise ConfigError(
            f"Expected a false-unknown rate from {REQUESTED_RATES[0]} to {REQUESTED_RATES[-1]}, found "
            f"{false_unknown_rate}: choose one in between, such as {DEFAULT_RATE}"
        )
    manifest = load_manifest(folder)
    raw, path = read_booster(folder, manifest), folder / BOOSTER_NAME
    _check_version(folder / MANIFEST_NAME, manifest)
    if not is_tried and manifest.booster_sha256 not in shipped_boosters():
        try_booster(path, raw, sha256=manifest.booster_sha256, n_classes=len(manifest.classes))
    try:
        booster = xgb.Booster(model_file=bytearray(raw))
    except xgb.core.XGBoostError as error:
        raise ArtifactError(
            f"Expected {path} to be an XGBoost model, found that XGBoost cannot read it: train anew"
        ) from error
    predictor = BoosterPredictor(manifest, booster, false_unknown_rate)
    _check_predicts(path, predictor)
    return predictor


def explainer_of(predictor: BoosterPredictor) -> BoosterExplainer:
    """Return what explains the verdicts of a loaded artifact."""
    return BoosterExplainer(predictor.booster, classes=predictor.classes, typical=predictor.manifest.typical)


def _check_predicts(path: Path, predictor: BoosterPredictor) -> None:
    """Let it score a window, for a booster may be sound and of other features or classes than its manifest says."""
    try:
        n_classes = raw_probabilities(predictor.booster, np.zeros((1, len(FEATURES)))).shape[-1]
    except (xgb.core.XGBoostError, ValueError) as error:
        raise ArtifactError(
            f"Expected {path} to score {len(FEATURES)} features, found that XGBoost cannot: train anew"
        ) from error
    if n_classes != len(predictor.classes):
        raise ArtifactError(
            f"Expected {path} to have its manifest's {len(predictor.classes)} classes, found {n_classes}: train anew"
        )


def _read_bounded(path: Path, most: int, what: str) -> bytes:
    """Read a file that may be anything, but not more of it than a model has."""
    with path.open("rb") as file:
        raw = file.read(most + 1)
    if len(raw) > most:
        raise ArtifactError(
            f"Expected {what} of at most {most:,} bytes in {path}, found more: take an unbroken copy or train anew"
        )
    return raw


def _check_version(path: Path, manifest: Manifest) -> None:
    found = manifest.model_version.rpartition("-")[2]
    expected = content_hash(
        manifest.booster_sha256,
        artifact_format=manifest.format,
        classes=manifest.classes,
        scaling=manifest.scaling,
        refusal=manifest.refusal,
        decision=manifest.decision,
    )
    if found != expected:
        raise ArtifactError(
            f"Expected the version in {path} to end in the hash of what is there, {expected}, found "
            f"{manifest.model_version}: it was changed after training, take an unbroken copy or train anew"
        )

"""The model artifact: a folder with the booster and a manifest that says what it was trained on and what it fits.

Loading refuses whatever does not fit this software, before anything is scored.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import xgboost as xgb

from model.artifact.booster_explainer import BoosterExplainer
from model.artifact.manifest import FORMAT, Manifest
from model.training.calibration import DEFAULT_RATE, REQUESTED_RATES, Scaling, raw_probabilities, refusal_thresholds
from model.training.distributions import Reference
from udfs.errors import ArtifactError, ConfigError
from udfs.features import FEATURES
from udfs.schema import UNKNOWN, WINDOW_SIZE, WINDOW_SLIDE, Float64Array
from udfs.verdicts import DecisionRule

MANIFEST_NAME: Final = "manifest.json"
BOOSTER_NAME: Final = "booster.ubj"

_FEATURE_NAMES: Final = [feature.name for feature in FEATURES]


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

    @property
    def model_version(self) -> str:
        """Names the artifact and, if it is not the default, the rate, for results depend on both."""
        suffix = "" if self.false_unknown_rate == DEFAULT_RATE else f"@{self.false_unknown_rate:g}"
        return self.manifest.model_version + suffix

    @property
    def refusal_thresholds(self) -> tuple[float, ...]:
        """The largest unknown score at which a window is called by each class's name, at the requested rate."""
        return refusal_thresholds(self.manifest.refusal, self.classes, self.false_unknown_rate)

    @property
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
    sha256 = _sha256(folder / BOOSTER_NAME)
    settings = json.dumps([FORMAT, asdict(scaling), refusal, asdict(decision)])
    manifest = Manifest(
        format=FORMAT,
        model_version=f"{release}-{hashlib.sha256((sha256 + settings).encode()).hexdigest()[:8]}",
        classes=classes,
        feature_names=_FEATURE_NAMES,
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
        stated = json.loads(path.read_bytes())
        _check_same(path, "format", FORMAT, stated["format"])
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
    _check_fits(path, manifest)
    return manifest


def load_predictor(folder: Path, false_unknown_rate: float = DEFAULT_RATE) -> BoosterPredictor:
    """Load an artifact for scoring.

    Parameters
    ----------
    folder : Path
        That `train` wrote.
    false_unknown_rate : float
        Share of a known exchange's windows that may be called unknown.

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
    path = folder / BOOSTER_NAME
    if not path.is_file():
        raise ArtifactError(f"Expected the booster {path} beside its manifest, found none: take a whole copy")
    found = _sha256(path)
    if found != manifest.booster_sha256:
        raise ArtifactError(
            f"Expected {path} to have the sha256 {manifest.booster_sha256[:12]}... of its manifest, found "
            f"{found[:12]}...: the file was changed or cut off, take an unbroken copy"
        )
    try:
        booster = xgb.Booster(model_file=path)
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


def _check_fits(path: Path, manifest: Manifest) -> None:
    _check_same(path, "window size", WINDOW_SIZE, manifest.window_size)
    _check_same(path, "window slide", WINDOW_SLIDE, manifest.window_slide)
    _check_same(path, "xgboost version", xgb.__version__, manifest.libraries.get("xgboost"))
    if manifest.feature_names != _FEATURE_NAMES:
        expected, found = _feature_difference(manifest.feature_names)
        raise ArtifactError(f"Expected {expected}, found {found} in {path}: train anew with this version")
    if UNKNOWN not in manifest.classes or len(set(manifest.classes)) != len(manifest.classes):
        raise ArtifactError(
            f"Expected distinct classes with {UNKNOWN!r} among them, found {manifest.classes} in {path}: train anew"
        )
    lengths = {len(manifest.classes)} | {len(manifest.scaling.get(k, [])) for k in ("slopes", "biases")}
    if len(lengths) > 1 or set(manifest.refusal) != set(manifest.classes) - {UNKNOWN}:
        raise ArtifactError(
            f"Expected calibration and refusal thresholds for the classes {manifest.classes}, found others in {path}: "
            "train anew"
        )
    bounds, unknown = (manifest.decision.get(name) for name in ("bounds_millinats", "unknown"))
    if len(bounds or ()) != len(manifest.classes) or unknown != manifest.classes.index(UNKNOWN):
        raise ArtifactError(
            f"Expected bounds of evidence for the classes {manifest.classes}, found others in {path}: train anew"
        )


def _check_same(path: Path, what: str, expected: object, found: object) -> None:
    if expected != found:
        raise ArtifactError(
            f"Expected a model with {what} {expected}, found {found} in {path}: train anew with this version"
        )


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


def _feature_difference(found: list[str]) -> tuple[str, str]:
    for position, name in enumerate(_FEATURE_NAMES):
        if position >= len(found) or found[position] != name:
            other = repr(found[position]) if position < len(found) else "nothing"
            return f"the model's feature {position + 1} to be {name!r}", other
    return f"a model of {len(_FEATURE_NAMES)} features", str(len(found))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

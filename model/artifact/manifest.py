"""What an artifact says of itself."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

from model.training.distributions import Reference

FORMAT: Final = 3


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What an artifact is and where it comes from.

    Attributes
    ----------
    format : int
        Version of this layout.
    model_version : str
        Name of the artifact: release, and the first digits of a sha256 of the format, of the booster and of what turns
        its output into verdicts.
    classes : list of str
        In the order of the probabilities' columns; `unknown` is one of them.
    feature_names : list of str
        In the order of the booster's columns.
    window_size, window_slide : int
        The windows it was trained on.
    booster_sha256 : str
        Of `booster.ubj`.
    libraries : dict
        Versions of the libraries that trained it.
    scaling : dict
        `slopes` and `biases` that calibrate the booster's probabilities, one a class.
    refusal : dict
        For each known class its thresholds on the unknown score at `model.training.calibration.REQUESTED_RATES`.
    decision : dict
        The connection's rule: `bounds_millinats`, one a class, `intercept` and `slope_per_nat`.
    typical : dict
        For each class and feature the 10%, 50% and 90% quantiles, or null where undefined: what explanations compare
        with.
    reference : dict
        For each class and measure its distribution: what later windows are compared with.
    training : dict
        Seed, parameters, sessions with their sources and hashes.
    metrics : dict
        How it did on sessions that it was not trained on.
    """

    format: int
    model_version: str
    classes: list[str]
    feature_names: list[str]
    window_size: int
    window_slide: int
    booster_sha256: str
    libraries: dict[str, str]
    scaling: dict[str, list[float]]
    refusal: dict[str, list[float]]
    decision: dict[str, Any]
    typical: dict[str, dict[str, list[float] | None]]
    reference: Reference
    training: dict[str, Any]
    metrics: dict[str, Any]

    def to_json(self) -> str:
        """Write the manifest as it stands in `manifest.json`."""
        return json.dumps(asdict(self), indent=1) + "\n"

"""What a model is called: its release, and the first digits of a hash of what it says of a window."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from model.training.calibration import DEFAULT_RATE
from udfs.schema import UNKNOWN

MAX_VERSION_LENGTH: Final = 200
"""Characters; a model that was enrolled upon many times has a long name."""

_VERSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]*-[0-9a-f]{8}")


def is_version(text: object) -> bool:
    r"""Tell whether a text may be the version of an artifact: it ends up in terminals, tables and labels.

    >>> [is_version(text) for text in ("0.3+toy-7e21e716", "0.3", "0.3-7e21e716\n", "../x-7e21e716")]
    [True, False, False, False]
    """
    return isinstance(text, str) and len(text) <= MAX_VERSION_LENGTH and _VERSION.fullmatch(text) is not None


def version_at_rate(model_version: str, false_unknown_rate: float) -> str:
    """Name an artifact at a rate: results depend on both, and the default rate is not named.

    >>> version_at_rate("0.3-7e21e716", 0.05)
    '0.3-7e21e716@0.05'
    """
    return model_version if false_unknown_rate == DEFAULT_RATE else f"{model_version}@{false_unknown_rate:g}"


def content_hash(
    booster_sha256: str,
    *,
    artifact_format: int,
    classes: Sequence[str],
    scaling: Mapping[str, Sequence[float]],
    refusal: Mapping[str, Sequence[float]],
    decision: Mapping[str, Any],
) -> str:
    """Hash what an artifact's verdicts follow from, 8 hexadecimal digits.

    Numbers and keys are brought into one form and order first, for PostgreSQL keeps neither as they were written. Names
    of classes count by their order among the thresholds.
    """
    settings = [
        artifact_format,
        {name: [float(number) for number in scaling[name]] for name in ("slopes", "biases")},
        {name: [float(number) for number in refusal[name]] for name in classes if name != UNKNOWN},
        {
            "bounds_millinats": [int(bound) for bound in decision["bounds_millinats"]],
            "unknown": int(decision["unknown"]),
            "intercept": float(decision["intercept"]),
            "slope_per_nat": float(decision["slope_per_nat"]),
        },
    ]
    return hashlib.sha256((booster_sha256 + json.dumps(settings)).encode()).hexdigest()[:8]

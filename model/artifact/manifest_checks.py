"""What a manifest must be before anything is made of it: bounded, of the stated form, and of this software's windows.

A manifest may come from anybody. What is read here is compared with a form; nothing of it is taken at its word.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, Final, NoReturn

import xgboost as xgb

from model.artifact.manifest import FORMAT, Manifest
from model.artifact.model_version import MAX_VERSION_LENGTH, is_version
from model.training.calibration import REQUESTED_RATES
from model.training.distributions import N_BINS, Distribution
from udfs.errors import ArtifactError
from udfs.features import FEATURES
from udfs.schema import UNKNOWN, WINDOW_SIZE, WINDOW_SLIDE

FEATURE_NAMES: Final = [feature.name for feature in FEATURES]

MAX_MANIFEST_BYTES: Final = 16 * 2**20
"""Thirty times what the catalogue's thirteen classes take."""

MAX_CLASSES: Final = 64

_MAX_DEPTH: Final = 16  # ours has 6
_MAX_MEASURES: Final = 1000  # ours has 74
_CLASS: Final = re.compile(r"[a-z0-9_-]{1,64}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_DECISION: Final = {"bounds_millinats", "unknown", "intercept", "slope_per_nat"}


def read_form(raw: bytes) -> dict[str, Any]:
    """Read a manifest's JSON, within bounds.

    Parameters
    ----------
    raw : bytes
        At most `MAX_MANIFEST_BYTES`, which whoever reads the file sees to.

    Raises
    ------
    ValueError
        If it is no JSON object, nested too deeply, or has what PostgreSQL could not keep.
    """
    try:
        stated = json.loads(raw, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
    if not isinstance(stated, dict):
        raise ValueError("no JSON object")
    _walk(stated, 1)
    return stated


_TOO_DEEP: Final = f"nested more than {_MAX_DEPTH} deep"


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"the number {name}")


def _walk(value: object, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError(_TOO_DEEP)
    if isinstance(value, str):
        if "\0" in value or not value.isascii():
            _check_text(value)
    elif isinstance(value, dict):
        for key, inner in value.items():
            _walk(key, depth)
            _walk(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            if not isinstance(inner, float):  # nearly all are, and none is wrong
                _walk(inner, depth + 1)


def _check_text(value: str) -> None:
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("a character that PostgreSQL cannot keep")


def check_form(path: Path, manifest: Manifest) -> None:
    """Refuse values of other types than `Manifest` says, names of strange characters, and numbers that are none.

    Raises
    ------
    ArtifactError
        In one sentence.
    """
    if not is_version(manifest.model_version):
        raise ArtifactError(
            f"Expected a version of letters, digits and . _ + - that ends in 8 digits of a hash, at most "
            f"{MAX_VERSION_LENGTH} characters, found {shown(manifest.model_version)} in {path}: take an unbroken copy "
            "or train anew"
        )
    classes = manifest.classes
    if not _is_list(classes, MAX_CLASSES) or not all(isinstance(c, str) and _CLASS.fullmatch(c) for c in classes):
        raise ArtifactError(
            f"Expected at most {MAX_CLASSES} classes with names of small letters, digits, - and _, found "
            f"{shown(classes)} in {path}: take an unbroken copy or train anew"
        )
    forms = {
        "feature_names": isinstance(manifest.feature_names, list),
        "booster_sha256": isinstance(manifest.booster_sha256, str) and _SHA256.fullmatch(manifest.booster_sha256),
        "libraries": isinstance(manifest.libraries, dict),
        "scaling": _is_scaling(manifest.scaling),
        "refusal": _is_refusal(manifest.refusal),
        "decision": _is_decision(manifest.decision),
        "typical": _is_typical(manifest.typical),
        "reference": _is_reference(manifest.reference),
        "training": isinstance(manifest.training, dict),
        "metrics": isinstance(manifest.metrics, dict),
    }
    for name, is_right in forms.items():
        if not is_right:
            raise ArtifactError(
                f"Expected {path} to be the manifest of a model artifact, found a {name} of another form: take an "
                "unbroken copy or train anew"
            )


def check_fits(path: Path, manifest: Manifest) -> None:
    """Refuse a manifest of well-formed values that do not fit this software or each other.

    Raises
    ------
    ArtifactError
        In one sentence.
    """
    check_same(path, "window size", WINDOW_SIZE, manifest.window_size)
    check_same(path, "window slide", WINDOW_SLIDE, manifest.window_slide)
    check_same(path, "xgboost version", xgb.__version__, manifest.libraries.get("xgboost"))
    if manifest.feature_names != FEATURE_NAMES:
        expected, found = _feature_difference(manifest.feature_names)
        raise ArtifactError(f"Expected {expected}, found {found} in {path}: train anew with this version")
    if UNKNOWN not in manifest.classes or len(set(manifest.classes)) != len(manifest.classes):
        raise ArtifactError(
            f"Expected distinct classes with {UNKNOWN!r} among them, found {manifest.classes} in {path}: train anew"
        )
    lengths = {len(manifest.classes)} | {len(manifest.scaling[k]) for k in ("slopes", "biases")}
    if len(lengths) > 1 or set(manifest.refusal) != set(manifest.classes) - {UNKNOWN}:
        raise ArtifactError(
            f"Expected calibration and refusal thresholds for the classes {manifest.classes}, found others in {path}: "
            "train anew"
        )
    bounds, unknown = manifest.decision["bounds_millinats"], manifest.decision["unknown"]
    if len(bounds) != len(manifest.classes) or unknown != manifest.classes.index(UNKNOWN):
        raise ArtifactError(
            f"Expected bounds of evidence for the classes {manifest.classes}, found others in {path}: train anew"
        )
    for name in manifest.classes:
        if not set(FEATURE_NAMES) <= manifest.typical.get(name, {}).keys() or name not in manifest.reference:
            raise ArtifactError(
                f"Expected what is typical of the class {name}, found less than that in {path}: train anew"
            )


def check_same(path: Path, what: str, expected: object, found: object) -> None:
    """Refuse a value that is not this version's; `format` is asked for before the rest can be."""
    if expected != found:
        raise ArtifactError(
            f"Expected a model with {what} {expected}, found {shown(found)} in {path}: train anew with this version"
        )


def check_format(path: Path, found: object) -> None:
    """Refuse the layout of another version."""
    check_same(path, "format", FORMAT, found)


def shown(value: object) -> str:
    """Show what may be anything: a number or a plain version as it is, the rest without what a terminal obeys."""
    text = value if isinstance(value, str) and value.isascii() and value.isprintable() else ascii(value)
    return text if len(text) <= MAX_VERSION_LENGTH else f"{text[:MAX_VERSION_LENGTH]}..."


def _feature_difference(found: list[str]) -> tuple[str, str]:
    for position, name in enumerate(FEATURE_NAMES):
        if position >= len(found) or found[position] != name:
            other = shown(repr(found[position])) if position < len(found) else "nothing"
            return f"the model's feature {position + 1} to be {name!r}", other
    return f"a model of {len(FEATURE_NAMES)} features", str(len(found))


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < 1e300 and math.isfinite(value)  # the first also for integers that no float holds


def _is_list(values: object, most: int) -> bool:
    return isinstance(values, list) and len(values) <= most


def _are_numbers(values: object, most: int) -> bool:
    return isinstance(values, list) and len(values) <= most and all(map(_is_number, values))


def _is_scaling(scaling: object) -> bool:
    return (
        isinstance(scaling, dict)
        and scaling.keys() == {"slopes", "biases"}
        and all(_are_numbers(numbers, MAX_CLASSES) for numbers in scaling.values())
    )


def _is_refusal(refusal: object) -> bool:
    n_rates = len(REQUESTED_RATES)
    return isinstance(refusal, dict) and all(
        _are_numbers(numbers, n_rates) and len(numbers) == n_rates for numbers in refusal.values()
    )


def _is_decision(decision: object) -> bool:
    if not isinstance(decision, dict) or decision.keys() != _DECISION:
        return False
    bounds = decision["bounds_millinats"]
    return (
        _are_numbers(bounds, MAX_CLASSES)
        and all(isinstance(bound, int) and 0 < bound < 2**31 for bound in bounds)
        and type(decision["unknown"]) is int
        and _is_number(decision["intercept"])
        and _is_number(decision["slope_per_nat"])
    )


def _is_typical(typical: object) -> bool:
    return isinstance(typical, dict) and all(
        isinstance(ranges, dict)
        and len(ranges) <= _MAX_MEASURES
        and all(found is None or (_are_numbers(found, 3) and len(found) == 3) for found in ranges.values())
        for ranges in typical.values()
    )


def _is_reference(reference: object) -> bool:
    return isinstance(reference, dict) and all(
        isinstance(measures, dict)
        and len(measures) <= _MAX_MEASURES
        and all(_is_distribution(measure) for measure in measures.values())
        for measures in reference.values()
    )


def _is_distribution(measure: object) -> bool:
    if not isinstance(measure, dict) or measure.keys() != Distribution.__annotations__.keys():
        return False
    lists = ("deciles", "shares")
    return all(_are_numbers(measure[name], N_BINS) for name in lists) and all(
        _is_number(value) for name, value in measure.items() if name not in lists
    )

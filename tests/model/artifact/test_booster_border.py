"""A booster from outside ends a child process at most, and only what training writes is let in."""

from __future__ import annotations

import copy
import hashlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from model.artifact import booster_border
from model.artifact.booster_border import try_booster
from model.artifact.booster_explainer import margin_contributions
from model.artifact.booster_trial import Unsound, check_booster, check_trees
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from udfs.errors import ArtifactError
from udfs.features import FEATURES

N_CLASSES = 3

CRASHING = b"{L" + struct.pack(">q", 1) + b"a[$d#L" + struct.pack(">q", 255 << 16)
"""An array of many numbers, and then none: 24 bytes at which XGBoost 3.2.0 ends the process with a SIGSEGV."""


@pytest.fixture(scope="module")
def booster() -> bytes:
    rng = np.random.default_rng(1)
    data = xgb.DMatrix(rng.random((60, len(FEATURES))), np.arange(60) % N_CLASSES, nthread=1)
    settings = {"objective": "multi:softprob", "num_class": N_CLASSES, "max_depth": 2, "nthread": 1, "seed": 1}
    return bytes(xgb.train(settings, data, num_boost_round=2).save_raw("ubj"))


def attempt(raw: bytes, n_classes: int = N_CLASSES) -> None:
    try_booster(Path("booster.ubj"), raw, sha256=hashlib.sha256(raw).hexdigest(), n_classes=n_classes)


def as_json(raw: bytes) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(bytes(xgb.Booster(model_file=bytearray(raw)).save_raw("json")))
    return document


def mutated(raw: bytes, seed: int) -> bytes:
    """Flip a bit, write a byte or a number, leave something out, or put something in; up to three times."""
    rng, changed = np.random.default_rng(seed), bytearray(raw)
    for _ in range(int(rng.integers(1, 4))):
        at, length = int(rng.integers(len(changed) - 4)), int(rng.integers(1, 9))
        match seed % 5:
            case 0:
                changed[at] ^= 1 << int(rng.integers(8))
            case 1:
                changed[at] = int(rng.integers(256))
            case 2:
                changed[at : at + 4] = struct.pack(">i", (2**31 - 1, -1, -(2**31), 10**6)[int(rng.integers(4))])
            case 3:
                del changed[at : at + length]
            case _:
                changed[at:at] = rng.bytes(length)
    return bytes(changed)


def test_what_training_writes_is_let_in_and_tried_once(booster: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    attempt(booster)
    monkeypatch.setattr(booster_border, "_TRIAL", "no.such.module")
    attempt(booster)
    with pytest.raises(ArtifactError, match="crashes on it"):
        attempt(booster, n_classes=4)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (CRASHING, r"XGBoost crashes on it \(SIGSEGV\): do not use this file"),
        (b"{L" + struct.pack(">q", 1) + b"a" + b"[" * 100_000, r"XGBoost crashes on it \(SIGSEGV\)"),
        (b"no booster", "that XGBoost cannot read it"),
        (b"", "that XGBoost cannot read it"),
    ],
)
def test_what_ends_xgboost_ends_only_the_child(raw: bytes, found: str) -> None:
    with pytest.raises(ArtifactError, match=f"Expected booster.ubj to be a booster as training writes it, .*{found}"):
        attempt(raw)


def test_what_does_not_end_is_ended(booster: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(booster_border, "_TIMEOUT_S", 0.01)
    with pytest.raises(ArtifactError, match=r"that it takes more than 0\.01 s"):
        attempt(booster + b"x")


def test_the_child_gets_no_secret(booster: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "shows_environment.py").write_text("import os, sys\nprint(*os.environ)\nsys.exit(3)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "postgresql://fingerprint:secret@localhost/fingerprint")
    monkeypatch.setattr(booster_border, "_TRIAL", "shows_environment")
    with pytest.raises(ArtifactError, match="PYTHONPATH") as raised:
        attempt(booster + b"y")
    assert "DATABASE_URL" not in str(raised.value)


def test_what_xgboost_would_write_otherwise_is_refused(booster: bytes) -> None:
    check_booster(booster, len(FEATURES), N_CLASSES)
    for raw in (booster + b"x", json.dumps(as_json(booster)).encode()):
        with pytest.raises(Unsound):
            check_booster(raw, len(FEATURES), N_CLASSES)
    with pytest.raises(Unsound, match="3 classes"):
        check_booster(booster, len(FEATURES), 4)
    with pytest.raises(Unsound, match=f"one of {len(FEATURES)} features"):
        check_booster(booster, len(FEATURES) + 1, N_CLASSES)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda t: t.update(left_children=[10**6, *t["left_children"][1:]]), "child does not exist"),
        (lambda t: t.update(right_children=[-2, *t["right_children"][1:]]), "child does not exist"),
        (lambda t: t.update(right_children=[-1, *t["right_children"][1:]]), "one child"),
        (lambda t: t.update(left_children=[0, *t["left_children"][1:]]), "child does not exist"),  # a circle
        (lambda t: t.update(left_children=t["right_children"]), "parent does not know|no tree"),
        (lambda t: t.update(parents=[0, *t["parents"][1:]]), "root with a parent"),
        (lambda t: t.update(parents=[*t["parents"][:-1], 0]), "parent does not know"),
        (lambda t: t.update(split_indices=[len(FEATURES), *t["split_indices"][1:]]), "feature that does not exist"),
        (lambda t: t.update(split_type=[1, *t["split_type"][1:]]), "another kind"),
        (lambda t: t["parents"].pop(), "arrays of other lengths"),
        (lambda t: t["categories"].append(1), "categories"),
        (lambda t: t["tree_param"].update(num_feature="1"), "other features"),
        (lambda t: t["tree_param"].update(num_nodes="0"), "deleted nodes"),
        (lambda t: t.update(split_conditions=[1e30] * len(t["parents"])), "leaves too large"),
        (lambda t: t.update(sum_hessian=[0.0] * len(t["parents"])), "nothing came by"),
        (lambda t: t.update(base_weights=[float("nan")] * len(t["parents"])), "numbers that are none"),
    ],
)
def test_trees_that_are_none_are_refused(
    booster: bytes, change: Callable[[dict[str, Any]], object], found: str
) -> None:
    trees = as_json(booster)["learner"]["gradient_booster"]["model"]["trees"]
    check_trees(copy.deepcopy(trees), len(FEATURES))
    change(trees[1])
    with pytest.raises(Unsound, match=found):
        check_trees(trees, len(FEATURES))


def scores_and_explains(raw: bytes, n_classes: int) -> None:
    loaded = xgb.Booster(model_file=bytearray(raw))
    features = np.random.default_rng(2).standard_normal((20, len(FEATURES)))
    assert np.isfinite(loaded.inplace_predict(features)).all()
    first = np.zeros(20, dtype=np.int64)
    assert np.isfinite(margin_contributions(loaded, features, first, first + n_classes - 1)).all()


def refused(raw: bytes, seeds: range, n_classes: int) -> dict[str, int]:
    """Try mutations of a booster, use here those that are let in, and count why the others are not."""
    counts: dict[str, int] = {"let in": 0, "crash": 0, "unsound": 0}
    for seed in seeds:
        changed = mutated(raw, seed)
        try:
            attempt(changed, n_classes)
        except ArtifactError as error:
            counts["crash" if "crashes" in str(error) else "unsound"] += 1
        else:
            scores_and_explains(changed, n_classes)
            counts["let in"] += 1
    return counts


def test_mutated_boosters_do_no_harm(booster: bytes) -> None:
    assert sum(refused(booster, range(5), N_CLASSES).values()) == 5


@pytest.mark.slow
def test_many_mutations_of_the_shipped_booster_do_no_harm() -> None:
    counts = refused((DEFAULT_ARTIFACT / "booster.ubj").read_bytes(), range(150), 4)
    assert counts["crash"] > 0  # or the trial tries nothing

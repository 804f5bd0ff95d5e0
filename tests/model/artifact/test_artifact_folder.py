"""A model that does not fit is refused with one sentence, before anything is scored."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost as xgb

from model.artifact import artifact_folder as artifact_folder_module
from model.artifact.artifact_folder import load_predictor
from model.artifact.model_version import content_hash
from model.artifact.shipped_artifacts import CATALOGUE_ARTIFACT, DEFAULT_ARTIFACT, artifact_folder
from udfs.errors import ArtifactError, ConfigError
from udfs.features import FEATURES


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEFAULT_ARTIFACT, tmp_path / "artifact"))


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def change_booster(folder: Path, raw: bytes) -> None:
    """Put in another booster, and its hashes where they belong, as somebody would who means to."""
    (folder / "booster.ubj").write_bytes(raw)
    edit(folder, lambda m: m.update(booster_sha256=hashlib.sha256(raw).hexdigest()))
    rename(folder)


def rename(folder: Path) -> None:
    """Give an artifact the version of its content."""

    def change(m: dict[str, Any]) -> None:
        parts = {name: m[name] for name in ("classes", "scaling", "refusal", "decision")}
        m["model_version"] = f"0.3-{content_hash(m['booster_sha256'], artifact_format=m['format'], **parts)}"

    edit(folder, change)


def test_the_shipped_models_are_not_tried_wherever_they_lie(artifact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact_folder_module, "try_booster", lambda *_, **__: pytest.fail("tried"))
    load_predictor(artifact)
    load_predictor(CATALOGUE_ARTIFACT)


def test_the_shipped_model_fits_this_version() -> None:
    predictor = load_predictor(DEFAULT_ARTIFACT)
    assert predictor.classes == ("binance", "coinbase", "kraken", "unknown")
    booster = (DEFAULT_ARTIFACT / "booster.ubj").read_bytes()
    assert predictor.manifest.booster_sha256 == hashlib.sha256(booster).hexdigest()
    assert predictor.model_version == predictor.manifest.model_version
    assert load_predictor(DEFAULT_ARTIFACT, 0.05).model_version == f"{predictor.model_version}@0.05"
    probabilities = predictor.predict(np.full((3, len(FEATURES)), np.nan))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert predictor.predict(np.empty((0, len(FEATURES)))).shape == (0, 4)


def test_the_shipped_catalogue_fits_this_version_and_names_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    named = load_predictor(artifact_folder(Path("catalogue"))).classes
    assert {"binance", "coinbase", "kraken", "unknown"} < set(named)


def test_a_folder_goes_before_the_shipped_model_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert artifact_folder(Path("my-model")) == Path("my-model")
    assert artifact_folder(Path("catalogue")) == CATALOGUE_ARTIFACT
    Path("catalogue").mkdir()
    assert artifact_folder(Path("catalogue")) == Path("catalogue")


VERSIONS = ("0.3", "../0.3-cd546200", "0.3-cd546200\n", "0.3\u200b-cd546200", "\x1b[2J-cd546200", "x" * 300, 3, None)


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(depth):
        inner = {"in": inner}
    return inner


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda m: m.update(format=99), "Expected a model with format 3, found 99"),
        (lambda m: (m.update(format=2), m.pop("reference")), "Expected a model with format 3, found 2 .*: train anew"),
        (lambda m: m.update(window_size=100), "Expected a model with window size 50, found 100"),
        (lambda m: m.update(window_slide=10), "Expected a model with window slide 25, found 10"),
        (lambda m: m["libraries"].update(xgboost="0.9"), "found 0.9"),
        (lambda m: m["feature_names"].reverse(), "Expected the model's feature 1 to be"),
        (lambda m: m["feature_names"].pop(), f"Expected the model's feature {len(FEATURES)} to be .* found nothing"),
        (
            lambda m: m["feature_names"].append("more"),
            f"Expected a model of {len(FEATURES)} features, found {len(FEATURES) + 1}",
        ),
        (lambda m: m.update(classes=["a", "b"]), "Expected distinct classes with 'unknown' among them"),
        (lambda m: m["scaling"]["slopes"].pop(), "Expected calibration and refusal thresholds for the classes"),
        (lambda m: m["refusal"].pop("kraken"), "Expected calibration and refusal thresholds for the classes"),
        (lambda m: m["decision"]["bounds_millinats"].pop(), "Expected bounds of evidence for the classes"),
        (lambda m: m["decision"].update(unknown=0), "Expected bounds of evidence for the classes"),
        (lambda m: m["typical"].pop("kraken"), "Expected what is typical of the class kraken"),
        (lambda m: m["reference"].pop("kraken"), "Expected what is typical of the class kraken"),
        (lambda m: m["scaling"]["slopes"].append(float("nan")), "the number NaN"),
        (lambda m: m["scaling"].update(slopes=["1"] * 4), "found a scaling of another form"),
        (lambda m: m["refusal"]["kraken"].pop(), "found a refusal of another form"),
        (lambda m: m["decision"].update(intercept=10**400), "found a decision of another form"),
        (lambda m: m["typical"]["kraken"].update(inter_arrival_cv=[1.0]), "found a typical of another form"),
        (lambda m: m["reference"]["kraken"].update(inter_arrival_cv={}), "found a reference of another form"),
        (lambda m: m.update(libraries=[]), "found a libraries of another form"),
        (lambda m: m.update(classes=["\u202eknu", "unknown"]), r"classes with names of .* found \['\\u202eknu'"),
        (lambda m: m.update(classes=[f"c{i}" for i in range(65)]), "Expected at most 64 classes"),
        (lambda m: m["training"].update(note="\0"), "a character that PostgreSQL cannot keep"),
        (lambda m: m.update(training=nested(20)), "nested more than 16 deep"),
        (lambda m: m.update(training=nested(900)), "nested more than 16 deep"),
        *((lambda m, v=version: m.update(model_version=v), "Expected a version of letters") for version in VERSIONS),
        (lambda m: m.update(booster_sha256="0" * 64), "the file was changed or cut off"),
        (lambda m: m.update(colour="blue"), "cannot be read as one"),
        (lambda m: m.pop("format"), "cannot be read as one"),
        (lambda m: m.pop("metrics"), "cannot be read as one"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(artifact: Path, change: Callable[..., object], sentence: str) -> None:
    edit(artifact, change)
    with pytest.raises(ArtifactError, match=sentence):
        load_predictor(artifact)


def test_no_artifact_broken_json_and_missing_booster_are_refused(artifact: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="found no manifest.json"):
        load_predictor(tmp_path / "nowhere")
    (artifact / "booster.ubj").unlink()
    with pytest.raises(ArtifactError, match="found none: take a whole copy"):
        load_predictor(artifact)
    (artifact / "manifest.json").write_text("{")
    with pytest.raises(ArtifactError, match="cannot be read as one"):
        load_predictor(artifact)


def test_json_too_deep_for_its_reader_is_refused(artifact: Path) -> None:
    (artifact / "manifest.json").write_bytes(b"[" * 1_000_000)
    with pytest.raises(ArtifactError, match="nested more than 16 deep"):
        load_predictor(artifact)


@pytest.mark.parametrize(("name", "n_bytes"), [("manifest.json", 2**40), ("booster.ubj", 2**40)])
def test_files_without_bound_are_refused_unread(artifact: Path, name: str, n_bytes: int) -> None:
    with (artifact / name).open("r+b") as file:
        file.truncate(n_bytes)
    with pytest.raises(ArtifactError, match=r"of at most [0-9,]+ bytes in .*, found more"):
        load_predictor(artifact)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["scaling"]["slopes"].reverse(),
        lambda m: m["refusal"]["kraken"].reverse(),
        lambda m: m["decision"].update(intercept=0.5),
        lambda m: m.update(classes=["coinbase", "binance", "kraken", "unknown"]),
        lambda m: m.update(model_version="0.3-00000000"),
    ],
)
def test_a_version_that_is_not_of_its_content_is_refused(artifact: Path, change: Callable[..., object]) -> None:
    edit(artifact, change)
    with pytest.raises(ArtifactError, match="Expected the version in .* to end in the hash of what is there"):
        load_predictor(artifact)
    rename(artifact)
    load_predictor(artifact)


def test_a_booster_that_crashes_is_refused(artifact: Path) -> None:
    change_booster(artifact, b"{L\0\0\0\0\0\0\0\1a[$d#L\0\0\0\0\0\xff\0\0")
    with pytest.raises(ArtifactError, match="XGBoost crashes on it"):
        load_predictor(artifact)


def test_a_cut_booster_is_refused(artifact: Path) -> None:
    path = artifact / "booster.ubj"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ArtifactError, match="sha256"):
        load_predictor(artifact)


def test_a_foreign_file_with_the_right_hash_is_refused(artifact: Path) -> None:
    change_booster(artifact, b"no booster")
    with pytest.raises(ArtifactError, match="XGBoost cannot read it"):
        load_predictor(artifact)


def test_a_stricter_rate_refuses_less_and_one_beyond_the_limits_is_refused() -> None:
    thresholds = [load_predictor(DEFAULT_ARTIFACT, rate).refusal_thresholds for rate in (0.001, 0.01, 0.1)]
    for strict, default, lax in zip(*thresholds, strict=True):
        assert strict >= default >= lax
    with pytest.raises(ConfigError, match=r"from 0\.001 to 0\.2, found 0\.5: choose one"):
        load_predictor(DEFAULT_ARTIFACT, 0.5)


@pytest.mark.parametrize(
    ("n_features", "n_classes", "sentence"),
    [
        (len(FEATURES) - 1, 4, (f"found one of {len(FEATURES) - 1} features", f"to score {len(FEATURES)} features")),
        (len(FEATURES), 3, ("found 3 classes", "found 3:")),
    ],
)
def test_a_booster_of_other_features_or_classes_is_refused(
    artifact: Path, n_features: int, n_classes: int, sentence: tuple[str, str]
) -> None:
    rng = np.random.default_rng(1)
    data = xgb.DMatrix(rng.random((40, n_features)), np.arange(40) % n_classes)
    booster = xgb.train({"objective": "multi:softprob", "num_class": n_classes}, data, 1)
    change_booster(artifact, bytes(booster.save_raw("ubj")))
    with pytest.raises(ArtifactError, match=sentence[0]):
        load_predictor(artifact)
    with pytest.raises(ArtifactError, match=sentence[1]):
        load_predictor(artifact, is_tried=True)

"""Going back to earlier models, on a real registry and a real topic."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from ingest.kafka.broker import ensure_topics
from jobs.cli.options import find_model
from jobs.cluster.model_activation import activate, activate_from_start, ensure_schedule, roll_back
from jobs.results.migrations import migrate
from model.artifact.artifact_folder import load_manifest
from model.artifact.model_version import content_hash
from model.artifact.shipped_artifacts import CATALOGUE_ARTIFACT, DEFAULT_ARTIFACT
from model.registry.database import connect
from model.registry.model_registry import read_state
from stack.stack_status import StackStatus
from udfs.errors import ArtifactError, ConfigError

TOPIC = "rollback_messages"


def test_going_back_again_goes_further_back(local_stack: StackStatus, database_url: str, toy_model: Path) -> None:
    """After a, b and c come b and a; after another c comes a again, for b was gone back from."""
    kafka = local_stack.kafka
    migrate(database_url)
    ensure_topics(kafka, [TOPIC], 4)
    a, c = (load_manifest(folder).model_version for folder in (DEFAULT_ARTIFACT, toy_model))
    b = f"{a}@0.02"

    def to(model: Path | str, rate: float | None = None) -> None:
        activate(database_url, kafka, TOPIC, str(model), false_unknown_rate=rate, progress=lambda _: None)

    def back() -> str:
        return roll_back(database_url, kafka, TOPIC, lambda _: None)[0]

    ensure_schedule(database_url, TOPIC, None, None)
    to(DEFAULT_ARTIFACT, 0.02)
    to(toy_model)
    assert [back(), back()] == [b, a]
    with pytest.raises(ConfigError, match="found none: there is nothing to go back to"):
        back()
    to(c)
    assert back() == a
    with connect(database_url) as database:
        schedule = read_state(database, TOPIC).schedule
    assert [one.model_version for one in schedule.activations] == [a, b, c, b, a, c, a]


def test_the_catalogue_is_registered_by_its_name(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    migrate(database_url)
    version = activate_from_start(database_url, TOPIC, "catalogue", false_unknown_rate=None)
    assert version == load_manifest(CATALOGUE_ARTIFACT).model_version
    schedule = ensure_schedule(database_url, TOPIC, find_model(Path("catalogue")), None)
    assert [one.model_version for one in schedule.activations] == [version]


def test_what_comes_in_from_outside_changes_nothing_if_it_is_not_what_it_says(
    database_url: str, tmp_path: Path
) -> None:
    migrate(database_url)
    activate_from_start(database_url, TOPIC, str(DEFAULT_ARTIFACT), false_unknown_rate=None)
    before = ensure_schedule(database_url, TOPIC, None, None)
    changed, crashing = (Path(shutil.copytree(DEFAULT_ARTIFACT, tmp_path / name)) for name in ("changed", "crashing"))
    manifest = json.loads((changed / "manifest.json").read_bytes())
    manifest["reference"]["kraken"] = manifest["reference"]["binance"]
    (changed / "manifest.json").write_text(json.dumps(manifest))
    booster = b"{L\0\0\0\0\0\0\0\1a[$d#L\0\0\0\0\0\xff\0\0"
    manifest["booster_sha256"] = hashlib.sha256(booster).hexdigest()
    parts = {name: manifest[name] for name in ("classes", "scaling", "refusal", "decision")}
    manifest["model_version"] = f"bad-{content_hash(manifest['booster_sha256'], artifact_format=3, **parts)}"
    (crashing / "manifest.json").write_text(json.dumps(manifest))
    (crashing / "booster.ubj").write_bytes(booster)
    for folder, sentence in ((changed, "with another reference:"), (crashing, "XGBoost crashes on it")):
        with pytest.raises(ArtifactError, match=sentence):
            activate_from_start(database_url, TOPIC, str(folder), false_unknown_rate=None)
    with connect(database_url) as database:
        with database.cursor() as cursor:  # as if it had been registered by who does not try
            cursor.execute(
                "INSERT INTO model_versions VALUES (%s, %s, %s)",
                (manifest["model_version"], json.dumps(manifest), manifest["booster_sha256"]),
            )
            cursor.execute(
                "UPDATE model_versions SET false_unknown_rate = 0.01, booster = coalesce(booster, %s)", (booster,)
            )
        with pytest.raises(ArtifactError, match="takes its booster.ubj to be a booster as training writes it"):
            activate_from_start(database_url, TOPIC, manifest["model_version"], false_unknown_rate=None)
        assert read_state(database, TOPIC).schedule == before


def test_a_registered_model_of_another_version_is_named_with_the_way_out(database_url: str) -> None:
    """As after an upgrade: the model that scores the topic has other features than this version computes."""
    migrate(database_url)
    schedule = ensure_schedule(database_url, TOPIC, None, None)
    version = schedule.activations[0].model_version
    with connect(database_url) as database, database.cursor() as cursor:
        cursor.execute("UPDATE model_versions SET manifest = manifest #- '{feature_names, 0}'")
    with pytest.raises(ArtifactError, match=f"registered model {re.escape(version)} .* --from-start FOLDER") as refused:
        ensure_schedule(database_url, TOPIC, None, None)
    assert "manifest.json" not in str(refused.value)
    assert "train anew" not in str(refused.value)

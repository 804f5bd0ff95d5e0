"""The registry on a real PostgreSQL: what is activated, a change in two steps, and what a worker makes of it."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from jobs.results.migrations import migrate
from model.artifact.artifact_folder import BOOSTER_NAME, MANIFEST_NAME, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.registry import model_registry
from model.registry import topic_models as serving
from model.registry.model_registry import (
    ANNOUNCED_FOR_S,
    activate_everywhere,
    announce,
    fetch_artifact,
    read_state,
    register,
    settle,
    withdraw,
)
from model.registry.topic_models import RegistryModels
from udfs.errors import ArtifactError, ConfigError, ServiceUnavailable
from udfs.model_schedule import Activation, Schedule

TOPIC = "registry_messages"


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    migrate(database_url)
    with closing(psycopg2.connect(database_url)) as connection:
        connection.autocommit = True
        yield connection
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE model_activations, model_versions")


@pytest.fixture
def versions(database: Connection, toy_model: Path) -> tuple[str, str]:
    """Register two models and let the first score the topic."""
    first, second = (register(database, folder, load_predictor(folder)) for folder in (DEFAULT_ARTIFACT, toy_model))
    activate_everywhere(database, TOPIC, first)
    return first, second


def test_an_artifact_comes_back_byte_for_byte(database: Connection, tmp_path: Path) -> None:
    version = register(database, DEFAULT_ARTIFACT, load_predictor(DEFAULT_ARTIFACT, 0.02))
    assert register(database, DEFAULT_ARTIFACT, load_predictor(DEFAULT_ARTIFACT, 0.02)) == version
    assert fetch_artifact(database, version, tmp_path) == 0.02
    assert (tmp_path / BOOSTER_NAME).read_bytes() == (DEFAULT_ARTIFACT / BOOSTER_NAME).read_bytes()
    manifests = [json.loads((folder / MANIFEST_NAME).read_bytes()) for folder in (tmp_path, DEFAULT_ARTIFACT)]
    assert manifests[0] == manifests[1]
    assert load_predictor(tmp_path, 0.02).model_version == version


def test_a_version_that_is_registered_with_other_content_is_refused(database: Connection, tmp_path: Path) -> None:
    version = register(database, DEFAULT_ARTIFACT, load_predictor(DEFAULT_ARTIFACT))
    folder = Path(shutil.copytree(DEFAULT_ARTIFACT, tmp_path / "changed"))
    manifest = json.loads((folder / MANIFEST_NAME).read_bytes())
    manifest["typical"]["kraken"]["inter_arrival_cv"] = [7.0, 8.0, 9.0]  # explains otherwise, and scores the same
    (folder / MANIFEST_NAME).write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match=f"registered model {version} to be the one in .* with another typical:"):
        register(database, folder, load_predictor(folder))
    rate = 0.05
    register(database, DEFAULT_ARTIFACT, load_predictor(DEFAULT_ARTIFACT, rate))
    with pytest.raises(ArtifactError, match="with another false-unknown rate"):
        register(database, DEFAULT_ARTIFACT, load_predictor(DEFAULT_ARTIFACT, rate + 1e-9))  # named alike


def test_a_row_that_was_changed_is_refused(
    database: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = register(database, DEFAULT_ARTIFACT, load_predictor(DEFAULT_ARTIFACT))
    monkeypatch.setattr(model_registry, "MAX_BOOSTER_BYTES", 1000)
    with pytest.raises(ArtifactError, match=r"a booster of at most 1,000 bytes .* the row was changed"):
        fetch_artifact(database, version, tmp_path)
    monkeypatch.undo()
    with database.cursor() as cursor:
        cursor.execute("UPDATE model_versions SET booster = booster || 'x'::bytea")
    rate = fetch_artifact(database, version, tmp_path)
    with pytest.raises(ArtifactError, match="the file was changed or cut off"):
        load_predictor(tmp_path, rate)
    with database.cursor() as cursor:
        cursor.execute("UPDATE model_versions SET model_version = '0.3-00000000'")
    with pytest.raises(ArtifactError, match=f"under its own name, found {version} there"):
        fetch_artifact(database, "0.3-00000000", tmp_path)


def test_a_model_of_which_only_the_name_is_known_is_refused(database: Connection, tmp_path: Path) -> None:
    with database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO model_versions (model_version, manifest, sha256) VALUES ('old', '{}', repeat('0', 64))"
        )
    for version, found in (("old", "only its name"), ("nowhere", "none such")):
        with pytest.raises(ConfigError, match=f"model {version} in the registry, found {found}"):
            fetch_artifact(database, version, tmp_path)


def test_a_change_is_announced_and_made(database: Connection, versions: tuple[str, str]) -> None:
    first, second = versions
    number = announce(database, TOPIC, second)
    state = read_state(database, TOPIC)
    only = (Activation(model_version=first),)
    assert (state.schedule, state.announced, state.is_overdue) == (Schedule(activations=only), number, False)
    with pytest.raises(ServiceUnavailable, match="nobody else to change the model of the topic registry_messages"):
        announce(database, TOPIC, second)
    assert settle(database, number, [5, 0, 7])
    withdraw(database, number)  # too late
    state = read_state(database, TOPIC)
    made = Schedule(activations=(*only, Activation(model_version=second, from_offsets=(5, 0, 7))))
    assert (state.schedule, state.announced) == (made, None)
    assert read_state(database, "another").schedule is None
    activate_everywhere(database, TOPIC, second)
    state = read_state(database, TOPIC)
    assert state.schedule == Schedule(activations=(Activation(model_version=second),))


def test_a_change_that_was_given_up_is_not_made(database: Connection, versions: tuple[str, str]) -> None:
    number = announce(database, TOPIC, versions[1])
    withdraw(database, number)
    assert not settle(database, number, [5])
    assert read_state(database, TOPIC).schedule == Schedule(activations=(Activation(model_version=versions[0]),))


def grow_old(database: Connection, number: int) -> None:
    with database.cursor() as cursor:
        cursor.execute(
            "UPDATE model_activations SET requested_at = requested_at - make_interval(secs => %s) "
            "WHERE activation_id = %s",
            (ANNOUNCED_FOR_S + 1, number),
        )


def test_an_overdue_announcement_is_in_nobodys_way(
    database: Connection, versions: tuple[str, str], database_url: str
) -> None:
    grow_old(database, announce(database, TOPIC, versions[1]))
    number = announce(database, TOPIC, versions[1])
    grow_old(database, number)
    models = RegistryModels(database_url, TOPIC)
    assert models.schedule() == Schedule(activations=(Activation(model_version=versions[0]),))
    assert not settle(database, number, [5])


def test_who_scores_holds_still_while_a_change_is_announced(
    database: Connection, versions: tuple[str, str], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = RegistryModels(database_url, TOPIC)
    before = models.schedule()
    number = announce(database, TOPIC, versions[1])
    monkeypatch.setattr(serving, "STALE_AFTER_S", 0.0)  # as if long had passed since the schedule was read
    heard: list[bool] = []
    asking = threading.Thread(target=lambda: heard.append(models.still_holds(before)))
    asking.start()
    time.sleep(0.5)
    assert (asking.is_alive(), heard) == (True, [])
    assert settle(database, number, [5])
    asking.join(60)
    assert heard == [False]
    assert [a.model_version for a in models.schedule().activations] == list(versions)
    assert models.predictor(versions[1]).classes == ("binance", "kraken", "unknown")


def test_a_lost_connection_is_made_again(
    database: Connection, versions: tuple[str, str], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = RegistryModels(database_url, TOPIC)
    monkeypatch.setattr(serving, "REFRESH_AFTER_S", 0.0)
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name = 'fingerprint-worker'"
        )
        assert cursor.fetchone() >= (1,)
    assert [a.model_version for a in models.schedule().activations] == [versions[0]]


def test_a_mistake_is_not_tried_again(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waits_s: list[float] = []
    monkeypatch.setattr(time, "sleep", waits_s.append)
    with pytest.raises(ConfigError, match="does not exist: correct DATABASE_URL"):
        RegistryModels(f"{database_url}_which_is_none", TOPIC)
    assert waits_s == []


def test_a_topic_without_a_model_is_refused(database: Connection, database_url: str) -> None:
    with pytest.raises(ConfigError, match="an active model for the topic nowhere, found none"):
        RegistryModels(database_url, "nowhere").schedule()

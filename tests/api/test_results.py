"""The views are answered to who may read, by a login that cannot write; and the active model is followed."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from api.results import EVENT_COLUMNS, STATUS_COLUMNS, Results
from fingerprint_testing.own_postgres import as_login, own_postgres
from fingerprint_testing.served_api import ServedApi, served_api
from jobs.results.migrations import migrate
from model.artifact.artifact_folder import load_predictor
from model.artifact.shipped_artifacts import CATALOGUE_ARTIFACT, DEFAULT_ARTIFACT
from model.registry.database import connect
from model.registry.model_registry import activate_everywhere, announce, register, settle
from stack.database_roles import set_login
from stack.ports import free_port
from stack.roles import Role
from udfs.errors import ConfigError, SchemaError

FOLLOWS_WITHIN_S = 90
Recordings = dict[str, list[dict[str, Any]]]


def until(holds: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + FOLLOWS_WITHIN_S
    while not holds():
        assert time.monotonic() < give_up_s
        time.sleep(0.2)


def ids(answer: dict[str, Any]) -> list[str]:
    return [row["connection_id"] for row in answer["connections"]]


def test_connections_are_listed_by_their_ids_part_by_part(served_results: ServedApi) -> None:
    whole = served_results.get("/v1/connections").json()
    assert (ids(whole), whole["next"]) == (["a", "b", "c", "d", "e", "f"], None)
    first = served_results.get("/v1/connections?limit=4").json()
    assert (ids(first), first["next"]) == (["a", "b", "c", "d"], "d")
    rest = served_results.get("/v1/connections", params={"limit": 4, "after": first["next"]}).json()
    assert (ids(rest), rest["next"]) == (["e", "f"], None)
    assert first["connections"] + rest["connections"] == whole["connections"]
    assert list(whole["connections"][0]) == list(STATUS_COLUMNS)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"exchange": "unknown"}, ["d"]),
        ({"exchange": "kraken"}, ["c", "e"]),
        ({"exchange": "kraken", "declared": "binance"}, ["e"]),
        ({"declared": "kraken"}, ["c", "d"]),
        ({"certainty": "likely"}, []),
        ({"after": "e", "certainty": "certain"}, ["f"]),
        ({"exchange": "'; DROP TABLE window_scores; --"}, []),
    ],
)
def test_connections_are_chosen(asked: dict[str, str], found: list[str], served_results: ServedApi) -> None:
    assert ids(served_results.get("/v1/connections", params=asked).json()) == found


def test_a_connection_is_shown_with_its_events(served_results: ServedApi) -> None:
    shown = served_results.get("/v1/connections/e").json()
    assert (shown["declared_exchange"], shown["detected_exchange"], shown["mismatch"]) == ("binance", "kraken", True)
    # 300 windows, one each 2 s, from 4 s before the end of the first.
    assert (shown["windows"], shown["messages"]) == (300, 7525)
    (event,) = shown["events"]
    assert (event["kind"], event["reason"]) == ("mismatch", "10% of heartbeats")
    assert list(event) == list(EVENT_COLUMNS)
    assert datetime.fromisoformat(event["since_at"]).tzinfo is UTC


@pytest.mark.parametrize("name", ["none", "a/b", "%00", "%ff", "%F0%9F%98%80", "..%2f..%2fetc", "%E2%80%AE"])
def test_a_connection_that_is_not_there_is_not_found(name: str, served_results: ServedApi) -> None:
    answer = served_results.get(f"/v1/connections/{name}")
    assert (answer.status_code, answer.json()["title"]) == (404, "Not Found")


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", f"limit={'9' * 400}", "certainty=sure", "after=%00", "exchange=%e2%80%ae"],
)
def test_a_parameter_that_is_none_is_refused(query: str, served_results: ServedApi) -> None:
    answer = served_results.get(f"/v1/connections?{query}")
    assert (answer.status_code, query.partition("=")[0] in answer.json()["detail"]) == (422, True)


def test_alerts_are_those_of_the_view(served_results: ServedApi) -> None:
    alerts = served_results.get("/v1/alerts").json()["alerts"]
    found = {(alert["rule"], alert["subject"]) for alert in alerts}
    assert {("mismatch", "e"), ("unknown venue", "d")} <= found
    assert served_results.get("/v1/alerts?rule=mismatch&rule=lag").json()["alerts"] == [
        alert for alert in alerts if alert["rule"] in ("mismatch", "lag")
    ]
    critical = served_results.get("/v1/alerts?severity=critical").json()["alerts"]
    assert critical == [alert for alert in alerts if alert["severity"] == "critical"]
    assert served_results.get("/v1/alerts?rule=none").status_code == 422


def test_the_active_model_is_followed_without_a_restart(
    served_results: ServedApi, admin_url: str, recordings: Recordings
) -> None:
    def scoring_model() -> str:
        return str(served_results.get("/v1/model").json()["model_version"])

    default, catalogue = load_predictor(DEFAULT_ARTIFACT), load_predictor(CATALOGUE_ARTIFACT, 0.05)
    # No model is active for the topic: the one that comes along scores.
    assert scoring_model() == default.model_version
    with connect(admin_url) as connection:
        activate_everywhere(connection, "of-this-test", register(connection, DEFAULT_ARTIFACT, default))
        version = register(connection, CATALOGUE_ARTIFACT, catalogue)
        number = announce(connection, "of-this-test", version)
        assert settle(connection, number, [100])
    until(lambda: scoring_model() == version == "0.3+catalogue-7e21e716@0.05")
    asked = {"messages": recordings["kraken-1"]}
    assert served_results.post("/v1/score", asked).json()["model_version"] == version
    # The one before may still be named.
    before = served_results.post(f"/v1/score?model_version={default.model_version}", asked).json()
    assert before["model_version"] == default.model_version
    assert served_results.get("/v1/model").json()["follows_topic"] == "of-this-test"
    until(lambda: any(f"The model {version} scores from now on" in line for line in served_results.said))


def test_a_registered_model_may_be_named(served_results: ServedApi, admin_url: str, recordings: Recordings) -> None:
    with connect(admin_url) as connection:
        version = register(connection, DEFAULT_ARTIFACT, load_predictor(DEFAULT_ARTIFACT, 0.02))
    answer = served_results.post(
        "/v1/score", {"messages": recordings["kraken-1"]}, params={"model_version": version}
    ).json()
    assert answer["model_version"] == version == f"{load_predictor(DEFAULT_ARTIFACT).model_version}@0.02"
    refused = served_results.post("/v1/score", {"messages": recordings["kraken-1"]}, params={"model_version": "test-1"})
    assert refused.status_code == 422


@pytest.mark.parametrize("role", [Role.OWNER, Role.JOB, Role.MODEL_ADMIN, Role.REDRIVE])
def test_a_login_that_may_write_is_refused(role: Role, login_urls: dict[Role, str]) -> None:
    with pytest.raises(ConfigError, match="Expected a login of the database that only reads, found one that may write"):
        Results(login_urls[role]).check()


def test_so_is_a_database_of_another_version(login_urls: dict[Role, str], admin_url: str, tmp_path: Path) -> None:
    with connect(admin_url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE empty")
    environ = {"READER_DATABASE_URL": urlunsplit(urlsplit(login_urls[Role.READER])._replace(path="/empty"))}
    with pytest.raises(SchemaError):
        Results(environ["READER_DATABASE_URL"]).check()
    with pytest.raises(RuntimeError, match="fingerprint migrate"), served_api(tmp_path, environ=environ):
        pass


def test_it_starts_while_the_database_is_away(tmp_path: Path, recordings: Recordings) -> None:
    environ = {"READER_DATABASE_URL": "postgresql://reader:hush-hush@127.0.0.1:1/results?connect_timeout=2"}
    with served_api(tmp_path, environ=environ) as api:
        assert any("Expected to reach" in line for line in api.said)
        ready, read = api.get("/readyz"), api.get("/v1/alerts")
        assert (ready.status_code, read.status_code) == (503, 503)
        assert "has not yet said which model is active" in ready.json()["detail"]
        assert "127.0.0.1" not in read.text
        assert "hush-hush" not in "".join(api.said)
        scored = api.post("/v1/score", {"messages": recordings["kraken-1"][:60]})
        assert (scored.status_code, scored.headers["retry-after"]) == (503, "1")
    with served_api(tmp_path, "--model", "catalogue", environ=environ) as api:
        assert api.get("/readyz").status_code == 200
        assert api.post("/v1/score", {"messages": recordings["kraken-1"][:60]}).status_code == 200


def test_it_goes_on_while_the_database_is_away_and_reads_again_when_that_is_back(
    tmp_path: Path, recordings: Recordings
) -> None:
    server, port, asked = tmp_path / "postgres", free_port(), {"messages": recordings["kraken-1"][:60]}
    with ExitStack() as served, own_postgres(server, port) as url:
        migrate(url)
        with connect(url) as connection, connection.cursor() as cursor:
            set_login(cursor, "test_reader", "hush-hush", Role.READER)
        environ = {"READER_DATABASE_URL": as_login(url, "test_reader", "hush-hush")}
        api = served.enter_context(served_api(tmp_path / "api", environ=environ))
        until(lambda: api.get("/readyz").status_code == 200)
        assert api.get("/v1/connections").json()["connections"] == []
        kept = served.pop_all()
    with kept:
        for path in ("/v1/connections", "/v1/connections/a", "/v1/alerts"):
            away = api.get(path)
            assert (away.status_code, away.headers["retry-after"]) == (503, "1")
            assert str(port) not in away.text
        # What it needs to score it has.
        assert api.get("/readyz").status_code == 200
        assert api.post("/v1/score", asked).status_code == 200
        with own_postgres(server, port) as url:
            until(lambda: api.get("/v1/connections").status_code == 200)
            assert api.get("/v1/alerts").status_code == 200
            with connect(url) as connection:
                version = register(connection, CATALOGUE_ARTIFACT, load_predictor(CATALOGUE_ARTIFACT))
                activate_everywhere(connection, "raw_messages", version)
            until(lambda: api.get("/v1/model").json()["model_version"] == version)
            assert api.post("/v1/score", asked).json()["model_version"] == version

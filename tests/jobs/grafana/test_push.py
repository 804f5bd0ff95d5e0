"""`grafana push` against a stand-in for Grafana's API that runs the SQL on the real PostgreSQL."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from typer.testing import CliRunner

from fingerprint_testing.grafana_stand_in import State, serve
from fingerprint_testing.paths import GRAFANA
from jobs.cli.main import build_app
from jobs.grafana.grafana_server import Grafana, find_credential
from jobs.grafana.panel_check import panels_of, queries_of
from jobs.grafana.provisioning import read_dashboards, read_data_sources, read_rule_groups
from jobs.results.migrations import migrate
from model.registry.database_url import parse_database_url
from udfs.errors import ConfigError, PipelineError, ServiceUnavailable

N_VARIABLES = sum(
    variable["type"] == "query" for board in read_dashboards() for variable in board["templating"]["list"]
)
TITLES = {json.loads(path.read_text())["title"] for path in (GRAFANA / "dashboards").glob("*.json")}
GROUPS = {group["name"]: group for group in read_rule_groups({})}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def start() -> Iterator[Callable[..., Any]]:
    """Return a function that starts a stand-in, and returns its address and what it keeps."""
    with ExitStack() as stack:

        def start_one(**given: Any) -> Any:
            state = State(**given)
            return stack.enter_context(serve(state)), state

        yield start_one


@pytest.fixture(scope="module")
def filled_url(database_url: str) -> str:
    """Hold a minute of two connections, one of which is not what it declares."""
    migrate(database_url)
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(
            """
            INSERT INTO window_scores (connection_id, kafka_partition, last_offset, first_offset, window_start_at,
                window_end_at, declared_exchange, predicted_exchange, confidence, probabilities, unknown_score,
                model_version)
            SELECT name, 0, 25 * n + 49, 25 * n, end_at - interval '4 s', end_at, declared, detected, 0.9,
                   jsonb_build_object(detected, 0.9), 0.1, 'test-1'
            FROM (VALUES ('it''s a', 'binance', 'binance'), ('b', 'kraken', 'coinbase')) AS c (name, declared, detected)
            CROSS JOIN generate_series(0, 29) AS n
            CROSS JOIN LATERAL (SELECT now() - interval '2 s' * n AS end_at) AS ends
            """
        )
        cursor.execute(
            """
            INSERT INTO connection_verdicts
            SELECT connection_id, min(declared_exchange), min(predicted_exchange), 'certain', 0.99, 15, count(*),
                   25 * count(*) + 25, 75, min(window_start_at), 0, NULL, 0, max(last_offset), max(window_end_at),
                   'xf1-N-t0-h1s-sc', 'test-1'
            FROM window_scores
            GROUP BY connection_id
            """
        )
    return database_url


@pytest.fixture
def environment(filled_url: str) -> dict[str, str]:
    database = parse_database_url(filled_url)
    return {
        "GRAFANA_TOKEN": "let-me-in",
        "GRAFANA_DB_HOST": database.hosts[0][0],
        "GRAFANA_DB_PORT": str(database.hosts[0][1]),
        "GRAFANA_DB_NAME": database.name,
        "GRAFANA_DB_USER": database.user,
        "GRAFANA_DB_PASSWORD": database.password,
        "GRAFANA_DB_SSLMODE": "disable",
    }


def run(url: str, environment: dict[str, str]) -> Any:
    names = ("GRAFANA_TOKEN", "GRAFANA_USER", "GRAFANA_PASSWORD", "PROMETHEUS_URL", "GRAFANA_RUNBOOK_URL", *environment)
    return CliRunner().invoke(build_app(), ["grafana", "push", url], env=dict.fromkeys(names) | environment)


def test_publishes_everything_and_runs_every_query(start: Any, environment: dict[str, str]) -> None:
    url, state = start()
    done = run(url, environment | {"GRAFANA_RUNBOOK_URL": "https://example.com/runbook"})
    assert done.exit_code == 0, done.output
    assert [folder["title"] for folder in state.folders] == ["Exchange fingerprinting"]
    source = state.sources["fingerprint"]
    assert source["url"] == f"{environment['GRAFANA_DB_HOST']}:{environment['GRAFANA_DB_PORT']}"
    assert source["secureJsonData"] == {"password": environment["GRAFANA_DB_PASSWORD"]}
    assert not source["isDefault"]
    assert "${" not in json.dumps(source)
    assert {saved["dashboard"]["title"] for saved in state.dashboards.values()} == TITLES
    assert {saved["meta"]["folderUid"] for saved in state.dashboards.values()} == {"fingerprint"}
    assert state.rules.keys() == {rule["uid"] for rule in GROUPS["Tables"]["rules"]}
    urls = {rule["annotations"]["runbook_url"].partition("#")[0] for rule in state.rules.values()}
    assert urls == {"https://example.com/runbook"}
    asked = [query["rawSql"] for query in state.queries]
    panels = [panel for board in read_dashboards() for panel in panels_of(board)]
    on_tables = [query for panel in panels for query in queries_of(panel) if "rawSql" in query]
    assert len(asked) == len(on_tables) + N_VARIABLES
    assert " 0 failed" in done.output
    assert environment["GRAFANA_DB_PASSWORD"] not in done.output
    assert environment["GRAFANA_TOKEN"] not in done.output


def test_with_a_prometheus_its_panels_and_rules_are_there_too(start: Any, environment: dict[str, str]) -> None:
    url, state = start()
    done = run(url, environment | {"PROMETHEUS_URL": "http://prometheus:9090"})
    assert done.exit_code == 0, done.output
    assert state.sources["fingerprint-prometheus"]["url"] == "http://prometheus:9090"
    assert state.rules.keys() == {rule["uid"] for group in GROUPS.values() for rule in group["rules"]}
    assert len([query for query in state.queries if "expr" in query]) > 10
    assert " 0 left out" in done.output


def test_the_rules_are_what_the_api_takes(start: Any, environment: dict[str, str]) -> None:
    url, state = start()
    run(url, environment)
    (group,) = [body for method, path, body in state.writes if path.endswith("/rule-groups/Tables")]
    assert (group["title"], group["folderUid"], group["interval"]) == ("Tables", "fingerprint", 30)
    for rule in group["rules"]:
        assert (rule["folderUID"], rule["ruleGroup"], rule["orgID"]) == ("fingerprint", "Tables", 1)


def test_what_is_pushed_again_is_as_it_was(start: Any, environment: dict[str, str]) -> None:
    url, state = start()
    run(url, environment)
    before = json.dumps([state.folders, state.sources, state.dashboards, state.rules], sort_keys=True)
    state.writes.clear()
    done = run(url, environment)
    assert done.exit_code == 0, done.output
    assert json.dumps([state.folders, state.sources, state.dashboards, state.rules], sort_keys=True) == before
    assert not [path for _, path, _ in state.writes if path in ("/folders", "/dashboards/db")]


def test_a_dashboard_that_somebody_changed_is_overwritten(start: Any, environment: dict[str, str]) -> None:
    url, state = start()
    run(url, environment)
    state.dashboards["fingerprint-overview"]["dashboard"]["title"] = "Mine"
    assert "dashboard Overview: overwritten" in run(url, environment).output
    assert state.dashboards["fingerprint-overview"]["dashboard"]["title"] == "Overview"


def test_what_grafana_has_from_its_own_files_is_kept_and_checked(start: Any, environment: dict[str, str]) -> None:
    url, state = start()
    run(url, environment)
    state.sources["fingerprint"]["readOnly"] = True
    for saved in state.dashboards.values():
        saved["meta"] = {"folderUid": "", "provisioned": True}
    for rule in state.rules.values():
        rule["provenance"] = "file"
    state.writes.clear()
    state.queries.clear()
    done = run(url, {"GRAFANA_TOKEN": "let-me-in"})
    assert done.exit_code == 0, done.output
    assert state.writes == []
    assert done.output.count("kept, Grafana has it from its own files") == 2 + len(TITLES)
    assert state.queries


def test_variables_have_the_values_that_a_reader_starts_with(start: Any, environment: dict[str, str]) -> None:
    url, state = start()
    run(url, environment)
    for query in state.queries:
        assert "$" not in query["rawSql"].replace("$__", "")


def test_a_query_that_fails_is_shown_and_the_exit_code_is_1(
    start: Any, environment: dict[str, str], filled_url: str
) -> None:
    url, _ = start()
    with closing(psycopg2.connect(filled_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("ALTER VIEW scored_windows RENAME TO away")
        try:
            done = run(url, environment)
        finally:
            cursor.execute("ALTER VIEW away RENAME TO scored_windows")
    assert done.exit_code == 1
    assert 'relation "scored_windows" does not exist' in done.output


def refused(url: str, environment: dict[str, str], kind: type[PipelineError] = ConfigError) -> str:
    done = run(url, environment)
    assert type(done.exception) is kind, done.output
    sentence = str(done.exception)
    assert "\n" not in sentence
    assert all(value not in sentence for name, value in environment.items() if "PASSWORD" in name or "TOKEN" in name)
    return sentence


@pytest.mark.parametrize("given", [{"GRAFANA_TOKEN": "wrong"}, {"GRAFANA_USER": "ann", "GRAFANA_PASSWORD": "wrong"}])
def test_a_credential_that_is_wrong_is_one_sentence(start: Any, given: dict[str, str]) -> None:
    assert "found that it does not (401): check GRAFANA_TOKEN" in refused(start()[0], given)


def test_user_and_password_let_in_too(start: Any, environment: dict[str, str]) -> None:
    del environment["GRAFANA_TOKEN"]
    assert run(start()[0], environment | {"GRAFANA_USER": "ann", "GRAFANA_PASSWORD": "secret"}).exit_code == 0


def test_who_may_not_write_is_told_the_role(start: Any, environment: dict[str, str]) -> None:
    sentence = refused(start(may_write=False)[0], environment)
    assert "found that we may not (403: You'll need additional permissions" in sentence
    assert sentence.endswith("the role Admin")


def test_no_credential_is_one_sentence(start: Any) -> None:
    assert "GRAFANA_TOKEN, or GRAFANA_USER and GRAFANA_PASSWORD" in refused(start()[0], {})
    with pytest.raises(ConfigError):
        find_credential({"GRAFANA_USER": "ann"})


def test_a_missing_variable_is_named_before_anything_is_written(start: Any, environment: dict[str, str]) -> None:
    url, state = start()
    del environment["GRAFANA_DB_HOST"], environment["GRAFANA_DB_PASSWORD"]
    assert "Expected GRAFANA_DB_HOST, GRAFANA_DB_PASSWORD in the environment" in refused(url, environment)
    assert state.writes == []


def test_a_database_that_grafana_cannot_reach_stops_nothing_else(start: Any, environment: dict[str, str]) -> None:
    url, state = start()
    given = {"GRAFANA_DB_PASSWORD": "wrong-password", "PROMETHEUS_URL": "http://prometheus:9090", "COLUMNS": "400"}
    done = run(url, environment | given)
    assert done.exit_code == 1
    assert "to reach the data source 'fingerprint', found failed to connect to server" in done.output
    assert [query for query in state.queries if "rawSql" in query] == []
    # What is of Prometheus alone is asked, all else left out.
    panels = [queries_of(panel) for board in read_dashboards() for panel in panels_of(board)]
    n_of_prometheus = sum(all("expr" in query for query in queries) for queries in panels)
    n_left_out = len(panels) - n_of_prometheus + N_VARIABLES
    assert n_of_prometheus > 10
    assert done.output.count("the data source fingerprint does not work") == n_left_out
    assert f"{n_of_prometheus + 2} asked, 1 failed, {n_left_out} left out" in done.output


@pytest.mark.parametrize(
    ("status", "answer", "words"),
    [
        (200, {"status": "ERROR", "message": "no such host"}, "no such host"),
        (400, {"status": "ERROR", "message": "connection refused"}, "connection refused"),
        (500, {"message": "Plugin unavailable"}, "Plugin unavailable"),
        (502, None, "Server Error 502"),
    ],
)
def test_a_prometheus_that_does_not_work_stops_nothing_else(
    start: Any, environment: dict[str, str], status: int, answer: Any, words: str
) -> None:
    url, state = start(sick={"fingerprint-prometheus": (status, answer)})
    done = run(url, environment | {"PROMETHEUS_URL": "http://prometheus:9090", "COLUMNS": "400"})
    assert done.exit_code == 1
    (line,) = [line for line in done.output.splitlines() if "to reach the data source 'fingerprint-prometheus'" in line]
    assert words in line
    assert [query for query in state.queries if "expr" in query] == []
    assert "the data source fingerprint-prometheus does not work" in done.output
    assert " 1 failed, " in done.output


def test_without_an_address_of_the_runbook_alerts_link_to_none(start: Any, environment: dict[str, str]) -> None:
    url, state = start()
    run(url, environment)
    assert {tuple(rule["annotations"]) for rule in state.rules.values()} == {("summary", "description")}


def test_a_data_source_of_the_same_name_is_one_sentence(start: Any, environment: dict[str, str]) -> None:
    name = read_data_sources({})[0].settings["name"]
    url, _ = start(sources={"other": {"uid": "other", "name": name}})
    assert "found data source with the same name already exists" in refused(url, environment, PipelineError)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost:3000", "Expected an address such as http://localhost:3000"),
        ("http://ann:secret@localhost:3000", "an address without user and password"),
    ],
)
def test_an_address_that_is_none_is_one_sentence(url: str, words: str) -> None:
    sentence = refused(url, {"GRAFANA_TOKEN": "let-me-in"})
    assert words in sentence
    assert "secret" not in sentence


def test_a_missing_file_of_authorities_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nowhere.pem"))
    sentence = refused("https://127.0.0.1:1", {"GRAFANA_TOKEN": "let-me-in"})
    assert "Expected a file of certificate authorities, found " in sentence
    assert "nowhere.pem: correct REQUESTS_CA_BUNDLE" in sentence


def test_nothing_that_answers_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        assert "found nothing that answers" in refused(url, {"GRAFANA_TOKEN": "let-me-in"}, ServiceUnavailable)


@pytest.mark.parametrize("has_page", [True, False])
def test_another_server_is_one_sentence(tmp_path: Path, has_page: bool) -> None:
    if has_page:
        (tmp_path / "api").mkdir()
        (tmp_path / "api" / "health").write_text("fine")

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *_arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            assert "found something else: correct the address" in refused(url, {"GRAFANA_TOKEN": "let-me-in"})
        finally:
            server.shutdown()
            thread.join()


def test_the_credential_is_in_no_repr(start: Any) -> None:
    grafana = Grafana(start()[0], "let-me-in")
    assert "let-me-in" not in repr(grafana)
    assert "hush" not in repr(read_data_sources({"GRAFANA_DB_PASSWORD": "hush"}))

"""`fingerprint alerts`: the view on a real PostgreSQL, and Flink as its REST interface is documented."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from typer.testing import CliRunner

from fingerprint_testing.http_answers import answering
from jobs.cli.main import build_app
from jobs.cluster.flink_client import check_job
from jobs.cluster.service_addresses import Addresses
from jobs.config import JOB_NAME
from jobs.results.active_alerts import Alert, read_alerts, with_job
from jobs.results.migrations import migrate
from model.registry.database import connect
from stack.stack_status import StackStatus, write_status
from udfs.errors import ConfigError

Run = Callable[..., Any]


@contextmanager
def flink_with(*states: str, running: int = 4, unchanged_s: int = 60) -> Iterator[str]:
    """Serve /jobs/overview of a cluster with one job of ours for each state, with four tasks, an hour old."""
    ages = {"start-time": 10**12, "duration": 3_600_000, "last-modification": 10**12 + 3_600_000 - 1000 * unchanged_s}
    tasks = {"total": 4, "running": running, "initializing": 4 - running}
    jobs = [
        {"jid": f"{n:032x}", "name": JOB_NAME, "state": state, "tasks": tasks, **ages} for n, state in enumerate(states)
    ]

    body = json.dumps({"jobs": jobs}).encode()
    with answering(lambda path: (200 if path == "/jobs/overview" else 404, body)) as url:
        yield url


@pytest.fixture
def flink(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    with ExitStack() as stack:
        yield lambda *states, **tasks: stack.enter_context(flink_with(*states, **tasks))


@pytest.fixture(scope="module")
def standstill_url(database_url: str) -> str:
    """Hold two connections that fell silent together 500 seconds ago, and 20 dead letters."""
    migrate(database_url)
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(
            """
            INSERT INTO connection_activity (connection_id, kafka_partition, last_offset, messages, last_recv_at,
                                             silence_limit_s)
            SELECT id, 0, 999, 1000, now() - interval '500 s', 5 FROM (VALUES ('a'), ('b')) AS ids (id);
            INSERT INTO dead_letters (kafka_partition, kafka_offset, reason, connection_key, n_bytes)
            SELECT 0, n, '[not] JSON', 'm', 7 FROM generate_series(1, 20) AS n;
            """
        )
    return database_url


@pytest.fixture
def run(standstill_url: str, tmp_path: Path) -> Run:
    """Return a function that runs `fingerprint alerts` on that database."""
    environment = {"FINGERPRINT_HOME": str(tmp_path), "FINGERPRINT_FLINK": None, "COLUMNS": "200", "NO_COLOR": "1"}

    def run_alerts(*arguments: str) -> Any:
        return CliRunner().invoke(
            build_app(), ["alerts", *arguments], env={**environment, "DATABASE_URL": standstill_url}
        )

    return run_alerts


def test_prints_a_table_and_tells_by_the_exit_code(run: Run) -> None:
    done = run()
    assert done.exit_code == 1
    assert "1 critical, 1 warning" in done.output
    assert "[not] JSON" in done.output
    assert "Nothing of any connection for " in done.output


def test_prints_a_line_of_json_for_each(run: Run) -> None:
    alerts = [json.loads(line) for line in run("--format", "json").stdout.splitlines()]
    assert [(alert["rule"], alert["severity"], alert["subject"]) for alert in alerts] == [
        ("job down", "critical", "all connections"),
        ("dead letters", "warning", "[not] JSON"),
    ]
    assert alerts[1] | {"since_at": "", "summary": ""} == {
        "rule": "dead letters",
        "severity": "warning",
        "subject": "[not] JSON",
        "declared_exchange": None,
        "detected_exchange": None,
        "since_at": "",
        "value": 20,
        "limit_value": 10,
        "summary": "",
        "runbook": "dead-letters",
    }


def test_shows_only_the_rules_that_are_asked_for(run: Run) -> None:
    done = run("--rule", "dead letters", "--rule", "lag", "--format", "json")
    assert done.exit_code == 0
    assert [json.loads(line)["rule"] for line in done.stdout.splitlines()] == ["dead letters"]
    assert run("--rule", "odd").exit_code == 2


def test_a_job_that_runs_makes_a_standstill_a_warning(run: Run, flink: Any) -> None:
    done = run("--flink", flink("FAILED", "RUNNING"), "--format", "json")
    assert done.exit_code == 0
    by_rule = {alert["rule"]: alert for alert in map(json.loads, done.stdout.splitlines())}
    assert by_rule["job down"]["severity"] == "warning"
    assert by_rule["job down"]["summary"].endswith(f"Flink says that the job {1:032x} runs")


@pytest.mark.parametrize(
    ("states", "words"),
    [((), "runs no job"), (("FAILED",), "runs no job"), (("RESTARTING",), "but it is RESTARTING")],
)
def test_a_job_that_does_not_run_is_critical(run: Run, flink: Any, states: tuple[str, ...], words: str) -> None:
    done = run("--flink", flink(*states), "--format", "json")
    assert done.exit_code == 1
    first = json.loads(done.stdout.splitlines()[0])
    assert (first["rule"], first["severity"], first["subject"]) == ("job down", "critical", "flink")
    assert words in first["summary"]


def test_a_job_whose_tasks_load_their_models_does_not_run_yet(run: Run, flink: Any) -> None:
    done = run("--flink", flink("RUNNING", running=3, unchanged_s=60), "--format", "json")
    assert done.exit_code == 1
    alerts = [json.loads(line) for line in done.stdout.splitlines()]
    told = [(alert["rule"], alert["severity"], alert["subject"]) for alert in alerts]
    assert told[:2] == [("job down", "critical", "flink"), ("job down", "critical", "all connections")]
    assert alerts[0]["summary"].endswith("RUNNING, but 3 of its 4 tasks run")


@pytest.mark.parametrize(("unchanged_s", "severity"), [(29, "critical"), (30, "warning")])
def test_a_job_that_has_just_begun_again_proves_nothing(run: Run, flink: Any, unchanged_s: int, severity: str) -> None:
    done = run("--flink", flink("RUNNING", unchanged_s=unchanged_s), "--format", "json")
    told = [(alert["rule"], alert["severity"]) for alert in map(json.loads, done.stdout.splitlines())]
    assert sorted(told) == [("dead letters", "warning"), ("job down", severity)]
    assert done.exit_code == (severity == "critical")


def test_a_flink_that_does_not_answer_is_critical(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        done = run("--flink", f"http://127.0.0.1:{taken.getsockname()[1]}", "--format", "json")
    assert done.exit_code == 1
    assert "to answer /jobs/overview, found no answer (" in json.loads(done.stdout.splitlines()[0])["summary"]


def test_a_wrong_address_of_flink_is_no_alert(run: Run) -> None:
    done = run("--flink", "localhost:8081")
    assert isinstance(done.exception, ConfigError)
    assert str(done.exception) == "Expected Flink's address as http://HOST:PORT, found 'localhost:8081': correct it"


def test_a_wrong_address_of_the_database_is_no_outage(run: Run) -> None:
    done = run("--database-url", "localhost/fingerprint")
    assert isinstance(done.exception, ConfigError)


def test_the_flink_that_is_asked_is_the_one_that_submit_uses(tmp_path: Path) -> None:
    own = "postgresql://a:b@c/d"
    assert Addresses(home=tmp_path, database_url=own).find_flink() is None
    write_status(StackStatus(home=tmp_path, flink_url="http://local:8081"))
    for addresses, expected in (
        (Addresses(home=tmp_path), "http://local:8081"),
        (Addresses(home=tmp_path, database_url=own), "http://local:8081"),
        (Addresses(home=tmp_path, database_url=own, flink="http://f:8081"), "http://f:8081"),
    ):
        assert addresses.find_flink() == addresses.require_flink() == expected


def test_a_flink_that_nothing_names_is_told_unless_it_does_not_matter(run: Run) -> None:
    told = "Warning: Flink is not asked whether the job runs: neither --flink nor FINGERPRINT_FLINK names it"
    assert told in run("--format", "json").stderr
    assert run("--rule", "stall").stderr == ""


def test_reading_needs_no_transaction(standstill_url: str) -> None:
    with connect(standstill_url) as database:
        before = read_alerts(database)
        assert [alert.rule for alert in before] == ["job down", "dead letters"]
        assert all(isinstance(alert, Alert) for alert in before)


def test_nothing_wrong_is_no_alert(flink: Any) -> None:
    assert with_job([], **asdict(check_job(flink("RUNNING")))) == []

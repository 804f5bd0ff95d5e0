"""What a service of the Compose file may do at most, and that what it needs to do is left to it."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from fingerprint_testing.paths import ROOT
from stack.ports import free_port

PROJECT: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = PROJECT["services"]
CONFIG = yaml.safe_load((ROOT / "deploy" / "flink" / "config.yaml").read_text())
LONG_RUNNING = [name for name, service in SERVICES.items() if service["restart"] != "no"]
# Who opens connections to whom.
TALKS = {
    *(("submit", "kafka"), ("jobmanager", "kafka"), ("taskmanager", "kafka"), ("publisher", "kafka")),
    *(
        ("logins", "postgres"),
        ("migrate", "postgres"),
        ("retention", "postgres"),
        ("submit", "postgres"),
        ("taskmanager", "postgres"),
    ),
    *(("grafana", "postgres"), ("grafana", "prometheus")),
    *(("prometheus", "jobmanager"), ("prometheus", "taskmanager")),
    *(("jobmanager", "zookeeper"), ("taskmanager", "zookeeper")),
    *(("submit", "jobmanager"), ("taskmanager", "jobmanager"), ("jobmanager", "taskmanager")),
}
# What nobody needs, and what would do harm.
APART = [
    *(("publisher", "postgres"), ("publisher", "jobmanager"), ("publisher", "zookeeper"), ("grafana", "kafka")),
    *(("prometheus", "postgres"), ("prometheus", "kafka"), ("grafana", "zookeeper"), ("kafka", "postgres")),
    *(
        ("grafana", "jobmanager"),
        ("migrate", "kafka"),
        ("retention", "kafka"),
        ("zookeeper", "postgres"),
        ("zookeeper", "kafka"),
    ),
]
MEBIBYTES = {"m": 1, "g": 1024}

each_service = pytest.mark.parametrize("name", SERVICES)


@each_service
def test_has_no_capability_and_gets_none(name: str) -> None:
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert "cap_add" not in SERVICES[name]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in SERVICES[name]


@each_service
def test_is_not_root(name: str) -> None:
    assert SERVICES[name]["user"].partition(":")[0] not in ("", "0", "root")


@each_service
def test_writes_into_volumes_and_tmpfs_only(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    for mount in SERVICES[name].get("tmpfs", []):
        assert re.fullmatch(r"/[\w/]+(:[\w=,]+)?", mount)


@each_service
def test_has_limits(name: str) -> None:
    service = SERVICES[name]
    assert service["cpus"] > 0
    assert service["pids_limit"] > 0
    assert mebibytes(service["mem_limit"]) >= 256


def mebibytes(size: str) -> int:
    found = re.fullmatch(r"(\d+)([mg])", size)
    assert found is not None
    return int(found[1]) * MEBIBYTES[found[2]]


@pytest.mark.parametrize("name", ["jobmanager", "taskmanager"])
def test_flink_fits_into_its_limit_with_what_lies_in_memory(name: str) -> None:
    in_memory = sum(mebibytes(size) for size in re.findall(r"size=(\d+[mg])", " ".join(SERVICES[name]["tmpfs"])))
    assert mebibytes(CONFIG[f"{name}.memory.process.size"]) + in_memory <= mebibytes(SERVICES[name]["mem_limit"])


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_says_whether_it_is_well(name: str) -> None:
    test = SERVICES[name]["healthcheck"]["test"]
    assert test[0] == "CMD"
    # A proxy that the engine sets for its containers is not asked.
    assert "urlopen" not in " ".join(test)
    if test[1] == "wget":
        assert test[2:4] == ["-Y", "off"]


def test_nothing_else_lacks_a_health_check() -> None:
    assert set(SERVICES) - set(LONG_RUNNING) == {"logins", "migrate", "submit"}


def reaches(one: str, other: str) -> bool:
    return bool(set(SERVICES[one]["networks"]) & set(SERVICES[other]["networks"]))


@pytest.mark.parametrize(("one", "other"), sorted(TALKS))
def test_who_has_to_talk_can(one: str, other: str) -> None:
    assert reaches(one, other)


@pytest.mark.parametrize(("one", "other"), APART)
def test_who_has_nothing_to_say_cannot(one: str, other: str) -> None:
    assert not reaches(one, other)


@each_service
def test_ports_are_published_from_a_network_that_leads_outside(name: str) -> None:
    networks = PROJECT["networks"]
    assert set(SERVICES[name]["networks"]) <= set(networks)
    leads_outside = [network for network in SERVICES[name]["networks"] if not (networks[network] or {}).get("internal")]
    assert bool(leads_outside) or "ports" not in SERVICES[name]


def test_only_who_asks_the_database_has_its_password() -> None:
    for name, service in SERVICES.items():
        if "_DB_PASSWORD" in json.dumps(service):
            assert (name, "postgres") in TALKS


def test_old_results_that_cannot_be_dropped_show_within_two_days(tmp_path: Path) -> None:
    done = tmp_path / "done"
    kind, *command = SERVICES["retention"]["healthcheck"]["test"]
    command = [re.sub(r"/\w+/done", str(done), word).replace("$$", "$") for word in command]

    def is_well() -> bool:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    assert kind == "CMD"
    assert not is_well()
    done.touch()
    assert is_well()
    two_days_ago_s = time.time() - 48 * 3600 - 60
    os.utime(done, (two_days_ago_s, two_days_ago_s))
    assert not is_well()


@contextmanager
def connected_to(port: int) -> Iterator[int]:
    """Run a process that holds a connection, and yield its id."""
    program = f"import socket; s = socket.create_connection(('127.0.0.1', {port})); print('up', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process.pid
        process.kill()


def test_a_publisher_without_a_broker_shows() -> None:
    kind, _python, option, program = SERVICES["publisher"]["healthcheck"]["test"]
    assert (kind, option) == ("CMD", "-c")
    port = free_port()
    with socket.create_server(("127.0.0.1", port)), connected_to(port) as pid:
        for asked, code in ((port, 0), (free_port(), 1)):
            check = program.replace("Process(1)", f"Process({pid})").replace("9092", str(asked))
            assert subprocess.run([sys.executable, "-c", check], capture_output=True, check=False).returncode == code


FAKE_ENGINE = """#!/bin/sh
echo "$@" >> calls
case $1 in
    pull) [ "$BROKEN" != "$5" ] ;;
    inspect) name=${4%%:*}; echo "$name@sha256:$(printf %s "$4" | sha256sum | cut -c1-64)" ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("docker-compose.yml", "deploy/flink/Dockerfile", "deploy/pin-images"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "engine").write_text(FAKE_ENGINE)
    (tmp_path / "engine").chmod(0o755)
    return tmp_path


def pin(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CONTAINER_ENGINE": str(checkout / "engine"), **environment}
    return subprocess.run(
        [checkout / "deploy/pin-images"], env=environment, capture_output=True, text=True, check=False
    )


def test_images_are_pinned_by_digest_on_request(checkout: Path) -> None:
    for _again in range(2):
        done = pin(checkout)
        assert done.returncode == 0, done.stderr
        services = yaml.safe_load((checkout / "docker-compose.yml").read_text())["services"]
        for service in services.values():
            assert ("build" in service) != bool(re.search(r":[\w.]+@sha256:[0-9a-f]{64}$", service["image"]))
        stages = re.findall(r"^FROM (.*)$", (checkout / "deploy/flink/Dockerfile").read_text(), re.MULTILINE)
        assert [bool(re.match(r"\w+:[\w.-]+@sha256:[0-9a-f]{64}( AS \w+)?$", stage)) for stage in stages] == [True] * 3
        assert stages[1].endswith(" AS build")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"CONTAINER_ENGINE": "no-such-engine"}, "Error: Expected a container engine, found no no-such-engine"),
        ({"BROKEN": "postgres:18.6"}, "Error: Expected to pull postgres:18.6, found that"),
    ],
)
def test_what_keeps_from_pinning_is_one_sentence(checkout: Path, environment: dict[str, str], expected: str) -> None:
    done = pin(checkout, **environment)
    assert done.returncode == 1
    assert done.stderr.startswith(expected)
    assert done.stderr.count("\n") == 1

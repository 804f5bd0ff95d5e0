"""Peers as running programs: each in an environment of its own, started, killed and stopped."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol
from urllib.parse import urlsplit

import psutil
from bench_pipeline import PARTITIONS, Place

from jobs.trials.sandbox import cancel_job, end_job, job_state
from model.registry.database_url import parse_database_url
from stack.control import status
from stack.java.flink_wheel import flink_home
from stack.java.jars import ensure_jars
from stack.ports import free_port, listens
from stack.processes import spawn
from stack.services.flink import client_environment
from stack.services.passwords import keep_password, password_file
from stack.stack_status import StackStatus, write_private
from stack.user_folders import user_cache_folder

ROOT = Path(__file__).parents[3]
PROGRAMS = Path(__file__).parent / "programs"
SHARED_PACKAGES = ("numpy", "orjson", "pandas", "psycopg2-binary", "scipy", "xgboost-cpu")
"""What features, model and table need, in the versions of the product."""

READY_TIMEOUT_S = 180.0
ASK_EVERY_S = 5.0
"""A JobManager, whether its job goes on."""

_SUBMITTED = re.compile(r"JobID ([0-9a-f]{32})")


class PeerFailed(Exception):
    """A peer does not do what it should; the others are measured all the same."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """What is compared.

    Attributes
    ----------
    name, title : str
        In options and in the table.
    n_processes : int
        Processes, or Flink's parallelism.
    program : str
        File in `programs`; none for the job itself.
    requirements : str
        File in `programs/requirements`, which names the environment too.
    service : str
        File of a server that it asks, which no kill meets.
    on_flink : bool
        Whether it runs on the stack's cluster.
    root : Path
        Checkout that it takes features and model from.
    """

    name: str
    title: str
    n_processes: int
    program: str = ""
    requirements: str = ""
    service: str = ""
    on_flink: bool = False
    root: Path = ROOT


class Run(Protocol):
    """A peer that runs."""

    def parts(self) -> dict[str, list[psutil.Process]]:
        """Return its processes, without their children, by what they are."""

    def check(self) -> None:
        """Raise PeerFailed if it has ended."""

    def kill(self) -> None:
        """Kill -9 what works, and have it started again at once."""


def environment_of(peer: Peer) -> Path:
    """Make the environment of a peer, if it is not there yet, and return its Python."""
    wanted = (PROGRAMS / "requirements" / f"{peer.requirements}.txt").read_text().split()
    wanted += [f"{name}=={version(name)}" for name in SHARED_PACKAGES]
    digest = hashlib.sha256("\n".join([str(peer.root), str(PROGRAMS), *wanted]).encode()).hexdigest()[:12]
    folder = user_cache_folder() / "peers" / f"{peer.requirements}-{digest}"
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        print(f"Making the environment of {peer.title}: {', '.join(wanted)}", flush=True)
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, folder], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", python, *wanted], check=True, env=_with_pip_settings())
        (packages,) = (folder / "lib").glob("python*/site-packages")
        (packages / "peers.pth").write_text(f"{peer.root}\n{PROGRAMS}\n")
        complete.touch()
    return python


def _with_pip_settings() -> dict[str, str]:
    """Let uv use the package index that pip is told, as the launcher does."""
    asked = [sys.executable, "-m", "pip", "config", "list"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    found = {name: value for name, value in re.findall(r"^[^=]*\.([\w-]+)='(.*)'$", told, flags=re.MULTILINE)}
    settings = {"UV_DEFAULT_INDEX": found.get("index-url"), "SSL_CERT_FILE": found.get("cert")}
    return {name: value for name, value in settings.items() if value} | dict(os.environ)


@dataclass(kw_only=True)
class ProcessRun:
    """Python processes of a peer; the benchmark is what starts them again."""

    peer: Peer
    python: Path
    folder: Path
    programs: list[subprocess.Popen[bytes]] = field(default_factory=list)
    service: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start what does not run."""
        if self.peer.service and self.service is None:
            self.service = self._spawn(self.peer.service, 0)
            self._wait_for_service()
        self.programs = [self._spawn(self.peer.program, number) for number in range(self.peer.n_processes)]

    def _wait_for_service(self) -> None:
        (port, *_) = json.loads((self.folder / "place.json").read_bytes())["ports"]
        end_s = time.monotonic() + READY_TIMEOUT_S
        while not listens("127.0.0.1", port):
            if time.monotonic() > end_s:
                raise PeerFailed(
                    f"Expected the service of {self.peer.title} within {READY_TIMEOUT_S:.0f} s, found none"
                )
            time.sleep(0.1)

    def _spawn(self, program: str, number: int) -> subprocess.Popen[bytes]:
        told = {"PEER_PLACE": str(self.folder / "place.json"), "PEER_PROCESS": str(number)}
        return spawn([self.python, PROGRAMS / program], self.folder, self.folder / "log", told, None)

    def parts(self) -> dict[str, list[psutil.Process]]:
        """Return the processes, the service among them."""
        started = [*self.programs, *([] if self.service is None else [self.service])]
        return {"client": [psutil.Process(program.pid) for program in started if program.poll() is None]}

    def check(self) -> None:
        """Raise PeerFailed if one has ended."""
        if any(program.poll() is not None for program in self.programs):
            log = (self.folder / "log").read_text(errors="replace")[-3000:]
            raise PeerFailed(f"Expected {self.peer.title} to go on, found it ended. The end of its log:\n{log}")

    def kill(self) -> None:
        """Kill -9 all its processes but the service, and start them again."""
        self.end_programs()
        self.start()

    def end_programs(self) -> None:
        """Kill -9 all its processes but the service."""
        for program in self.programs:
            program.kill()
        for program in self.programs:
            program.wait()

    def stop(self) -> None:
        """End everything."""
        self.end_programs()
        if self.service is not None:
            self.service.kill()
            self.service.wait()


@dataclass(kw_only=True)
class FlinkRun:
    """A job on the stack's cluster, whose supervisor starts the TaskManager again."""

    stack: StackStatus
    job_id: str
    asked_s: float = field(default=0.0, init=False)

    def parts(self) -> dict[str, list[psutil.Process]]:
        """Return the cluster's processes."""
        found = {part.name: part.pid for part in status(self.stack.home).parts if part.pid is not None}
        return {
            name: [psutil.Process(found[name])]
            for name in ("taskmanager", "jobmanager", "zookeeper")
            if name in found and psutil.pid_exists(found[name])
        }

    def check(self) -> None:
        """Raise PeerFailed if the job has ended; the JobManager is asked seldom, for its answers count as the job's."""
        if time.monotonic() < self.asked_s + ASK_EVERY_S:
            return
        self.asked_s = time.monotonic()
        if (state := job_state(self.stack, self.job_id)) in ("FAILED", "FINISHED", "CANCELED"):
            raise PeerFailed(f"Expected the job to go on, found it {state}: look at Flink's logs")

    def kill(self) -> None:
        """Kill -9 the TaskManager with its Python workers."""
        kill_taskmanager(self.stack)


def kill_taskmanager(stack: StackStatus) -> None:
    """Kill -9 the TaskManager and its children."""
    pid = status(stack.home).part("taskmanager").pid
    if pid is not None:
        with suppress(psutil.NoSuchProcess):
            manager = psutil.Process(pid)
            for process in (manager, *manager.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL)


def with_fresh_taskmanager(stack: StackStatus) -> None:
    """Have a new TaskManager, so that none is warm from the peer before."""
    before = status(stack.home).part("taskmanager").pid
    kill_taskmanager(stack)
    end_s = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < end_s:
        now = status(stack.home)
        if now.is_ready and now.part("taskmanager").pid != before:
            return
        time.sleep(0.25)
    raise PeerFailed("Expected a TaskManager that was killed to be started again, found none: look at Flink's logs")


@contextmanager
def running_peer(peer: Peer, place: Place) -> Iterator[Run]:
    """Start a peer, and stop it afterwards."""
    if not peer.program:
        job_id = place.submit("--parallelism", str(peer.n_processes))
        try:
            yield FlinkRun(stack=place.stack, job_id=job_id)
        finally:
            end_job(place.stack, place.database_url, place.topic, job_id)
        return
    python = environment_of(peer)
    with TemporaryDirectory(prefix="peer-", ignore_cleanup_errors=True) as folder:
        _write_place(peer, place, Path(folder))
        if peer.on_flink:
            job_id = _submit(peer, place, python, Path(folder))
            try:
                yield FlinkRun(stack=place.stack, job_id=job_id)
            finally:
                cancel_job(place.stack, job_id)
            return
        run = ProcessRun(peer=peer, python=python, folder=Path(folder))
        try:
            run.start()
            yield run
        finally:
            run.stop()


def _write_place(peer: Peer, place: Place, folder: Path) -> None:
    state_folder = folder / "state"
    state_folder.mkdir()
    write_private(
        folder / "place.json",
        {
            "kafka": place.stack.kafka,
            "topic": place.topic,
            "group": f"{peer.name}-{time.time_ns()}",
            "partitions": PARTITIONS,
            "database_url": place.database_url,
            "jdbc_url": parse_database_url(place.database_url).jdbc_url,
            "state_folder": str(state_folder),
            "n_processes": peer.n_processes,
            "jars": [path.as_uri() for path in ensure_jars("flink", lambda _line: None)] if peer.on_flink else [],
            "ports": [free_port() for _ in range(peer.n_processes)],
        },
    )


def _submit(peer: Peer, place: Place, python: Path, folder: Path) -> str:
    """Submit a PyFlink program as Flink's documentation does it."""
    database, home = parse_database_url(place.database_url), place.stack.home
    keep_password(password_file(home), database.hosts, database.name, database.user, database.password)
    address = urlsplit(place.stack.flink_url)
    command: Sequence[str] = [
        *(
            str(flink_home() / "bin" / "flink"),
            "run",
            "--detached",
            "--jobmanager",
            f"{address.hostname}:{address.port}",
        ),
        *("--pyClientExecutable", str(python), "--pyExecutable", str(python)),
        *("--python", str(PROGRAMS / peer.program)),
    ]
    environment = client_environment(home, place.stack.flink_url) | {"PEER_PLACE": str(folder / "place.json")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    submitted = _SUBMITTED.search(done.stdout)
    if submitted is None:
        raise PeerFailed(f"Expected Flink to take {peer.title}, found:\n{(done.stdout + done.stderr)[-3000:]}")
    return submitted.group(1)

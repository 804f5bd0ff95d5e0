"""What can go wrong on purpose: parts of the local stack killed, paused, kept away, and out of disk."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import psutil

from stack.control import status
from stack.processes import Account, run_as
from udfs.errors import PipelineError, ServiceUnavailable

KILLED: Final = ("taskmanager", "jobmanager", "worker", "kafka", "postgres", "zookeeper")
"""What `kill -9` hits: the parts of the stack, and a Python worker."""

PAUSE_S: Final = 15.0
"""Longer than the cluster's heartbeat timeout."""

FULL_DISK_S: Final = 15.0
ORDEAL_EVERY: Final = 4
"""After so many kills comes something worse."""

CHANGE_EVERY: Final = 3
"""So many kills have one during which the model is changed."""

_AFTER_S: Final = (0.3, 1.2, 2.4)
"""When such a kill comes, since the change began: before, between and after its two steps, in turn."""

_FIND_PROCESS_S: Final = 60.0
_POLL_S: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong.

    Attributes
    ----------
    name : str
        For the report.
    inflict : callable
        Takes the stack's home and returns when the fault is over.
    noticed_within_s : float
        How long results may still flow before they stop.
    """

    name: str
    inflict: Callable[[Path], None]
    noticed_within_s: float


def kill_fault(victim: str) -> Fault:
    """Describe a kill -9 of a part or of a Python worker."""
    inflict = kill_worker if victim == "worker" else partial(kill_part, name=victim)
    # A TaskManager scores on until it misses its JobManager's heartbeat.
    noticed_within_s = 12.0 if victim in ("jobmanager", "zookeeper") else 4.0
    return Fault(name=f"kill -9 {victim}", inflict=inflict, noticed_within_s=noticed_within_s)


def ordeals(outage_s: float) -> list[Fault]:
    """Describe the faults that are worse than one kill."""
    return [
        Fault(name=f"taskmanager paused for {PAUSE_S:g} s", inflict=pause_taskmanager, noticed_within_s=4.0),
        Fault(
            name=f"kafka and postgres away for {outage_s:g} s",
            inflict=partial(keep_away, names=("kafka", "postgres"), seconds=outage_s),
            noticed_within_s=4.0,
        ),
        Fault(
            name=f"no disk for checkpoints for {FULL_DISK_S:g} s",
            inflict=partial(fill_disk, names=("jobmanager", "taskmanager")),
            noticed_within_s=4.0,
        ),
        Fault(
            name=f"no disk for postgres for {FULL_DISK_S:g} s",
            inflict=partial(fill_disk, names=("postgres",)),
            noticed_within_s=4.0,
        ),
    ]


def during(change: Callable[[], None], fault: Fault, *, after_s: float) -> Fault:
    """Describe a fault that comes so long after a change of the model has begun, and is over when that is made."""

    def inflict(home: Path) -> None:
        with ThreadPoolExecutor(1) as threads:
            changing = threads.submit(change)
            time.sleep(after_s)
            fault.inflict(home)
            changing.result()

    return replace(fault, name=f"{fault.name} while a model is activated", inflict=inflict)


def draw_faults(
    n_kills: int, seed: int, outage_s: float, further: Sequence[Fault], change_model: Callable[[], None]
) -> list[Fault]:
    """Draw kills in random succession, every part as often as another, and ordeals in turn between them.

    Every third kill comes while another model is being activated.
    """
    rng = np.random.default_rng(seed)
    rounds = -(-n_kills // len(KILLED))
    victims = [victim for _ in range(rounds) for victim in rng.permutation(KILLED).tolist()][:n_kills]
    faults, worse = [], [*ordeals(outage_s), *further]
    for number, victim in enumerate(victims, start=1):
        kill = kill_fault(victim)
        n_changes, rest = divmod(number, CHANGE_EVERY)
        faults.append(kill if rest else during(change_model, kill, after_s=_AFTER_S[n_changes % len(_AFTER_S)]))
        if number % ORDEAL_EVERY == 0:
            faults.append(worse[(number // ORDEAL_EVERY - 1) % len(worse)])
    return faults


def kill_part(home: Path, name: str) -> None:
    """Kill -9 a part of the stack."""
    find_part(home, name).kill()


def kill_worker(home: Path) -> None:
    """Kill -9 a Python worker of the TaskManager, as soon as there is one."""
    end_s = time.monotonic() + _FIND_PROCESS_S
    while time.monotonic() < end_s:
        with suppress(psutil.Error):
            workers = [child for child in find_part(home, "taskmanager").children(recursive=True) if _is_worker(child)]
            if workers:
                workers[-1].kill()
                return
        time.sleep(_POLL_S)
    raise ServiceUnavailable("Expected a Python worker to kill, found none: see whether the job runs in Flink's web UI")


def pause_taskmanager(home: Path) -> None:
    """Stop the TaskManager's clock until everybody believes it dead, and wake it again."""
    with paused([find_part(home, "taskmanager")]):
        time.sleep(PAUSE_S)


def keep_away(home: Path, names: Sequence[str], seconds: float) -> None:
    """Kill -9 parts, and keep the supervisor from starting them again for a while."""
    with paused([psutil.Process(status(home).supervisor_pid)]):
        for name in names:
            find_part(home, name).kill()
        time.sleep(seconds)


def fill_disk(home: Path, names: Sequence[str]) -> None:
    """Let every write of some parts to a file fail for a while, as on a full disk; what they start inherits it."""
    processes = [process for name in names for process in _family(find_part(home, name))]
    try:
        for process in processes:
            limit_files(process, full=True)
        time.sleep(FULL_DISK_S)
    finally:
        for name in names:
            with suppress(psutil.Error, ServiceUnavailable):
                processes += _family(find_part(home, name))
        for process in processes:
            limit_files(process, full=False)


@contextmanager
def paused(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """Keep processes from running meanwhile."""
    try:
        for process in processes:
            os.kill(process.pid, signal.SIGSTOP)
        yield
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGCONT)


def find_part(home: Path, name: str) -> psutil.Process:
    """Return a part's process, waiting for it if it is just being started again."""
    end_s = time.monotonic() + _FIND_PROCESS_S
    while time.monotonic() < end_s:
        pid = status(home).part(name).pid
        with suppress(psutil.NoSuchProcess):
            if pid is not None:
                return psutil.Process(pid)
        time.sleep(_POLL_S)
    raise ServiceUnavailable(f"Expected the local stack's {name} to run, found no process of it: look at its log")


def _is_worker(process: psutil.Process) -> bool:
    return "python" in process.name() and any("beam_boot" in word for word in process.cmdline())


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def limit_files(process: psutil.Process, *, full: bool) -> None:
    """Set the soft limit of a file's size, which a process's account, and not even root, may raise to the hard one."""
    _, hard_bytes = resource.getrlimit(resource.RLIMIT_FSIZE)
    limit = "0" if full else "unlimited" if hard_bytes == resource.RLIM_INFINITY else str(hard_bytes)
    with suppress(psutil.NoSuchProcess):
        account = Account(process.uids().real, process.gids().real)
        done = run_as(
            account if os.geteuid() == 0 else None, ["prlimit", "--pid", str(process.pid), f"--fsize={limit}:"]
        )
        if done.returncode and process.is_running():
            raise PipelineError(
                f"Expected prlimit to limit process {process.pid}, found {done.stdout.strip()}: see `man prlimit`"
            )

"""Starting a process so that it cannot outlive its stack, and ending it with everything it started."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from stack.privacy import passed_on

# Every process of a stack inherits this variable, so that its children's children can be found again.
MARK = "FINGERPRINT_STACK"
PR_SET_PDEATHSIG = 1
KILL_TIMEOUT_S = 10
COMMAND_TIMEOUT_S = 120
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True)
class Account:
    """An account that a process runs as instead of root."""

    uid: int
    gid: int


def environment(home: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a stack's process: of the user's, what is named in `stack.privacy`."""
    return {**passed_on(), **extra, MARK: str(home)}


def spawn(
    command: Sequence[str | Path], home: Path, output: Path, extra: Mapping[str, str], account: Account | None
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own; it dies with the thread that called this."""
    with output.open("ab") as file:
        return subprocess.Popen(
            command,
            cwd="/",
            env=environment(home, extra),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def run_as(account: Account | None, command: Sequence[str | Path], text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end, as an account if one is given; its output and errors come together."""
    return subprocess.run(
        command,
        cwd="/",
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=COMMAND_TIMEOUT_S,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of a process and its group, and wait for it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(KILL_TIMEOUT_S)


def find_process(pid: int | None, created_at_s: float | None) -> psutil.Process | None:
    """Return the process that was recorded, unless it has gone or its number belongs to another by now."""
    if pid is None or created_at_s is None:
        return None
    try:
        process = psutil.Process(pid)
        if process.create_time() != created_at_s or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def created_at_s(pid: int) -> float:
    """Return when a process began."""
    return float(psutil.Process(pid).create_time())


def marked_processes(home: Path) -> list[psutil.Process]:
    """Return the processes that carry the mark of the stack in `home`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(home):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def kill_all(processes: Sequence[psutil.Process]) -> None:
    """Kill processes and wait until they have gone."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=KILL_TIMEOUT_S)


def _die_with_parent() -> None:
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

"""The supervisor with small shell scripts in the parts' place."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from stack import supervisor
from stack.processes import marked_processes
from stack.services.service import Service
from stack.stack_status import StackStatus, read_status
from stack.supervisor import Supervisor
from udfs.errors import ServiceUnavailable

SLEEP = "exec sleep 60"


@pytest.fixture(autouse=True)
def restored_signal_handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def make_service(home: Path, script: str, name: str = "part", is_ready: Callable[[int], bool] | None = None) -> Service:
    return Service(
        name=name,
        title="The part",
        address="nowhere",
        command=lambda _start: ["/bin/sh", "-c", script],
        is_ready=is_ready or (lambda _start: True),
        log=home / f"{name}.log",
        output=home / f"{name}.log",
    )


def run_until(home: Path, services: list[Service], condition: Callable[[StackStatus], bool]) -> StackStatus:
    """Supervise until the written status meets the condition, then ask for the end as `down` does."""
    seen: list[StackStatus] = []

    def watch() -> None:
        end_s = time.monotonic() + 60
        while time.monotonic() < end_s:
            found = read_status(home)
            if found is not None and condition(found):
                seen.append(found)
                break
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=watch)
    thread.start()
    Supervisor(StackStatus(home=home), services).run()
    thread.join()
    assert seen, "waited in vain"
    return seen[0]


def test_everything_is_stopped_with_the_children_of_children(tmp_path: Path) -> None:
    services = [make_service(tmp_path, "setsid sleep 60 & sleep 60", "a"), make_service(tmp_path, SLEEP, "b")]
    found = run_until(tmp_path, services, lambda status: status.is_ready and len(marked_processes(tmp_path)) >= 4)
    assert [part.state for part in found.parts] == ["ready", "ready"]
    assert marked_processes(tmp_path) == []


def test_a_part_that_ignores_the_request_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_TIMEOUT_S", 0.3)
    run_until(tmp_path, [make_service(tmp_path, "trap '' TERM; sleep 60")], lambda status: status.is_ready)
    assert marked_processes(tmp_path) == []


def test_a_part_that_dies_at_its_start_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    broken = make_service(tmp_path, "echo no such tea; exit 3", is_ready=lambda _start: False)
    with pytest.raises(
        ServiceUnavailable, match=r"found that it ended with status 3: look at its log, which ends:\nno such tea"
    ):
        Supervisor(StackStatus(home=tmp_path), [broken, make_service(tmp_path, SLEEP, "other")]).run()
    assert marked_processes(tmp_path) == []


def test_a_part_that_never_answers_is_named_with_how_long_was_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "START_TIMEOUT_S", 2.0)

    def is_ready(_start: int) -> bool:
        end_s = time.monotonic() + 60
        while "still boiling" not in (tmp_path / "part.log").read_text() and time.monotonic() < end_s:
            time.sleep(0.02)
        return False

    silent = make_service(tmp_path, f"echo still boiling; {SLEEP}", is_ready=is_ready)
    with pytest.raises(
        ServiceUnavailable, match=r"no answer at nowhere within 2.0 s: look at its log, which ends:\nstill boiling"
    ):
        Supervisor(StackStatus(home=tmp_path), [silent]).run()
    assert marked_processes(tmp_path) == []


def test_a_part_that_cannot_be_prepared_is_reported(tmp_path: Path) -> None:
    def prepare() -> None:
        raise ServiceUnavailable("no kettle")

    service = make_service(tmp_path, SLEEP)
    object.__setattr__(service, "prepare", prepare)
    with pytest.raises(ServiceUnavailable, match="no kettle"):
        Supervisor(StackStatus(home=tmp_path), [service]).run()


def test_a_dead_part_is_started_again(tmp_path: Path) -> None:
    killed: list[int] = []

    def restarted(status: StackStatus) -> bool:
        part = status.part("part")
        if status.is_ready and not killed and part.pid is not None:
            killed.append(part.pid)
            psutil.Process(part.pid).kill()
        return part.restarts == 1 and part.state == "ready"

    found = run_until(tmp_path, [make_service(tmp_path, SLEEP)], restarted)
    assert found.part("part").pid not in killed


def test_after_several_failures_in_a_row_it_is_called_dead_and_tried_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "BACKOFF_S", (0.0, 0.0))
    obstacle, seen, called_dead = tmp_path / "obstacle", tmp_path / "seen", []
    until_seen = f"while [ ! -e {seen} ]; do sleep 0.1; done"
    script = f"if [ -e {obstacle} ]; then echo worn out; exit 1; fi; touch {obstacle}; {until_seen}"

    def mended(status: StackStatus) -> bool:
        part = status.part("part")
        if part.state == "dead":
            called_dead.append(part.message)
            seen.unlink(missing_ok=True)
            obstacle.unlink(missing_ok=True)
        elif part.state == "ready" and not called_dead:
            seen.touch()
        return bool(called_dead) and part.state == "ready"

    service = make_service(tmp_path, script, is_ready=lambda start: start == 0 or bool(called_dead))
    run_until(tmp_path, [service], mended)
    assert "worn out" in called_dead[0]


def test_each_start_is_prepared(tmp_path: Path) -> None:
    prepared: list[int] = []
    seen = tmp_path / "seen"
    service = make_service(tmp_path, f"while [ ! -e {seen} ]; do sleep 0.1; done")
    object.__setattr__(service, "prepare", lambda: prepared.append(1))

    def restarted(status: StackStatus) -> bool:
        if status.is_ready:
            seen.touch()
        return status.part("part").restarts >= 1

    run_until(tmp_path, [service], restarted)
    assert len(prepared) >= 2

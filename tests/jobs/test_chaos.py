from __future__ import annotations

import itertools
import json
import socket
from collections import Counter
from pathlib import Path

import pytest

from jobs import chaos_watch
from jobs.chaos import ChaosReport, Injury
from jobs.chaos_cut import Relay
from jobs.chaos_faults import KILLED, Fault, draw_faults, kill_fault
from jobs.chaos_load import draw_wave
from jobs.chaos_report import write_report
from jobs.chaos_watch import seconds_to_recovery
from udfs.errors import PipelineError
from udfs.schema import Session


def test_every_part_is_killed_as_often_as_another_and_the_seed_draws_the_order() -> None:
    faults = [fault.name for fault in draw_faults(60, 1, 30, [])]
    killed = Counter(name.removeprefix("kill -9 ") for name in faults if name.startswith("kill"))
    assert killed == dict.fromkeys(KILLED, 10)
    assert faults == [fault.name for fault in draw_faults(60, 1, 30, [])]
    assert faults != [fault.name for fault in draw_faults(60, 2, 30, [])]


def test_something_worse_comes_after_every_fourth_kill_in_turn() -> None:
    further = Fault(name="further", inflict=lambda _home: None, noticed_within_s=0)
    faults = [fault.name for fault in draw_faults(20, 1, 30, [further])]
    worse = [name for name in faults if not name.startswith("kill")]
    assert len(faults) == 25
    assert len(set(worse)) == 5
    assert worse[-1] == "further"
    assert "kafka and postgres away for 30 s" in worse


def test_a_wave_is_drawn_by_its_seed_and_some_connections_lie() -> None:
    waves = [draw_wave(seed, 0, 4, 0) for seed in (1, 1, 2)]
    honest = {session.connection_id: session.declared_exchange for session in waves[0]}
    assert len(honest) == 12
    assert list(map(connection, waves[0])) == list(map(connection, waves[1])) != list(map(connection, waves[2]))
    assert not {connection(s)[0] for s in draw_wave(1, 1, 4, 0)} & honest.keys()


def connection(session: Session) -> tuple[str, str | None, int]:
    return session.connection_id, session.declared_exchange, len(session)


def test_a_relay_passes_on_holds_back_and_goes_on_without_loss() -> None:
    with Relay() as relay, socket.create_server(("127.0.0.1", relay.target_port)) as server:
        with socket.create_connection(("127.0.0.1", relay.port)) as caller:
            called, _ = server.accept()
            with called:
                caller.sendall(b"before ")
                assert called.recv(7, socket.MSG_WAITALL) == b"before "
                relay.passes.clear()
                caller.sendall(b"after")
                called.settimeout(0.3)
                with pytest.raises(TimeoutError):
                    called.recv(5)
                relay.passes.set()
                called.settimeout(10)
                assert called.recv(5, socket.MSG_WAITALL) == b"after"
                called.sendall(b"back")
                assert caller.recv(4, socket.MSG_WAITALL) == b"back"


class Clock:
    """Stands in for `time`: each wait moves it on."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(chaos_watch, "time", clock)
    return clock


def test_recovery_ends_with_the_first_result_after_the_last_standstill(clock: Clock) -> None:
    # results: 0 ---- 4      5 - 5.5              10 ---- 13, when they have been steady for three seconds
    def progress() -> float | None:
        now_s = clock.now_s
        return None if 4 <= now_s < 5 else 0.0 if now_s < 5 else min(now_s, 5.5) if now_s < 10 else now_s

    assert seconds_to_recovery(progress, lambda: True, since_s=0.0, noticed_within_s=4.0) == 10.0
    assert clock.now_s == 13.0


def test_results_that_never_stand_still_recover_at_once_but_are_watched(clock: Clock) -> None:
    assert seconds_to_recovery(lambda: clock.now_s, lambda: True, since_s=0.0, noticed_within_s=12.0) == 0.0
    assert clock.now_s == 12.0


def test_results_that_do_not_come_back_are_said(clock: Clock) -> None:
    with pytest.raises(PipelineError, match="found none for"):
        seconds_to_recovery(lambda: None, lambda: True, since_s=0.0, noticed_within_s=4.0)


def test_a_job_that_is_not_whole_has_not_recovered(clock: Clock) -> None:
    answers = itertools.chain([False] * 3, itertools.repeat(True))
    seconds_to_recovery(lambda: clock.now_s, lambda: next(answers), since_s=0.0, noticed_within_s=4.0)
    assert clock.now_s == 4.75


def test_the_report_says_every_fault_and_whether_the_results_are_the_same(tmp_path: Path) -> None:
    injuries = [Injury(fault=kill_fault("kafka").name, at_s=1.0, recovery_s=s) for s in (1.0, 2.0, 9.0)]
    same = ("00ff", {"window_scores": 7})
    report = ChaosReport(seed=3, injuries=injuries, messages=1000, disturbed=same, undisturbed=same)
    write_report(report, tmp_path / "report.html")
    page, figures = (tmp_path / "report.html").read_text(), json.loads((tmp_path / "report.json").read_text())
    assert "no difference" in page
    assert page.count("kill -9 kafka") == 4
    assert figures["recoveries"]["all"] == {"n": 3, "p50_s": 2.0, "max_s": 9.0}
    assert figures["is_same"] is True


@pytest.mark.parametrize("other", [("00fe", {"window_scores": 7}), ("00ff", {"window_scores": 8})])
def test_a_difference_is_one(other: tuple[str, dict[str, int]]) -> None:
    assert not ChaosReport(seed=3, disturbed=("00ff", {"window_scores": 7}), undisturbed=other).is_same


def test_two_empty_runs_are_no_proof() -> None:
    assert not ChaosReport(
        seed=3, disturbed=("00", {"window_scores": 0}), undisturbed=("00", {"window_scores": 0})
    ).is_same

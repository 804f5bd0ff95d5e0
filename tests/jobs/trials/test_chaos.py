from __future__ import annotations

import itertools
import json
import socket
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from ingest.kafka.record_validity import check_record
from jobs.reference.health import health_events
from jobs.reference.result_rows import ResultsHash, TableHash
from jobs.trials.chaos import job_watch as watch
from jobs.trials.chaos.chaos_load import BAD_EVERY, FAULT_EVERY, WAVE_S, draw_wave, schedule
from jobs.trials.chaos.chaos_page import write_figures, write_page
from jobs.trials.chaos.chaos_report import DISTURBED, UNDISTURBED, WITHOUT_FLINK, ChaosReport, Injury
from jobs.trials.chaos.faults import KILLED, Fault, draw_faults, during, kill_fault, limit_files
from jobs.trials.chaos.job_watch import seconds_to_recovery
from jobs.trials.chaos.network_cut import Relay
from stack.ports import free_port
from udfs.errors import ConfigError, ServiceUnavailable
from udfs.schema import Session


def test_every_part_is_killed_as_often_as_another_and_the_seed_draws_the_order() -> None:
    faults = [fault.name for fault in draw_faults(60, 1, 30, [], no_change)]
    killed = [name for name in faults if name.startswith("kill")]
    assert Counter(name.split()[2] for name in killed) == dict.fromkeys(KILLED, 10)
    assert [number for number, name in enumerate(killed, start=1) if name.endswith("a model is activated")] == list(
        range(3, 61, 3)
    )
    assert faults == [fault.name for fault in draw_faults(60, 1, 30, [], no_change)]
    assert faults != [fault.name for fault in draw_faults(60, 2, 30, [], no_change)]


def no_change() -> None:
    """Stand for a change of the model."""


def test_a_fault_comes_during_a_change_and_is_over_when_that_is_made(tmp_path: Path) -> None:
    """The change waits for the fault: the one must not be made before the other."""
    happened: list[str] = []
    fault_came = threading.Event()

    def change() -> None:
        happened.append("begun")
        assert fault_came.wait(30)
        happened.append("made")

    def inflict(_home: Path) -> None:
        happened.append("fault")
        fault_came.set()

    fault = during(change, Fault(name="fault", inflict=inflict, noticed_within_s=0), after_s=0.1)
    fault.inflict(tmp_path)
    assert happened == ["begun", "fault", "made"]


def test_something_worse_comes_after_every_fourth_kill_in_turn() -> None:
    further = Fault(name="further", inflict=lambda _home: None, noticed_within_s=0)
    faults = [fault.name for fault in draw_faults(20, 1, 30, [further], no_change)]
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


def test_a_slow_connection_does_not_hold_the_next_wave_up() -> None:
    wave = draw_wave(1, 47, 10, 10**18)
    assert max(int(session.recv_ts_ns[-1]) for session in wave) > 10**18 + 600 * 10**9
    dues_s = [due_s for _, _, due_s in schedule(wave)]
    assert 0.9 * WAVE_S < dues_s[-1] <= WAVE_S


def test_every_third_connection_has_a_gap_a_repetition_and_a_reset_in_turn() -> None:
    wave = draw_wave(1, 0, 2, 10**18)
    for session in wave[2::3]:
        events = health_events(session, np.arange(len(session)))
        numbered = [event for event in events if "stall" not in event["kind"]]
        faults = range(FAULT_EVERY, len(session), FAULT_EVERY)
        kinds = list(itertools.islice(itertools.cycle(("gap", "repeat", "reset")), len(faults)))
        assert [(event["kind"], event["kafka_offset"]) for event in numbered] == list(zip(kinds, faults, strict=True))
    assert sum(len(session) > FAULT_EVERY for session in wave[2::3]) > 0


def connection(session: Session) -> tuple[str, str | None, int]:
    return session.connection_id, session.declared_exchange, len(session)


def test_every_fortieth_message_is_followed_by_a_record_that_is_none_for_a_different_reason_each_time() -> None:
    records = list(schedule(draw_wave(1, 0, 1, 10**18)))
    reasons = [check_record(key, value) for key, value, _ in records]
    assert {number for number, reason in enumerate(reasons, start=1) if reason} == set(
        range(BAD_EVERY + 1, len(records) + 1, BAD_EVERY + 1)
    )
    assert len(set(filter(None, reasons))) == 8
    dues_s = [due_s for _, _, due_s in records]
    assert dues_s == sorted(dues_s)


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


def test_a_service_that_is_away_is_waited_for_and_a_mistake_is_not(tmp_path: Path) -> None:
    port = free_port()
    away = watch.Watch(
        home=tmp_path,
        kafka=f"127.0.0.1:{port}",
        flink_url=f"http://127.0.0.1:{port}",
        database_url=f"postgresql://a:b@127.0.0.1:{port}/d",
        topic="t",
    )
    assert away.newest_window() is None
    with pytest.raises(ConfigError, match="DATABASE_URL to be"):
        replace(away, database_url="localhost").newest_window()


WRITER = """
import sys
for line in sys.stdin:
    try:
        with open(sys.argv[1], "a") as file:
            file.write(line)
        print("written", flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
"""


def test_on_a_full_disk_writing_fails_and_does_not_kill_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "file")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for full, answer in ((False, "written"), (True, "File too large"), (False, "written")):
            limit_files(psutil.Process(writer.pid), full=full)
            writer.stdin.write("line\n")
            assert writer.stdout.readline().strip() == answer
    assert (tmp_path / "file").read_text() == "line\n" * 2


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
    monkeypatch.setattr(watch, "time", clock)
    return clock


def test_recovery_ends_with_the_first_result_after_the_last_standstill(clock: Clock) -> None:
    # results: 0 ---- 4      5 - 5.5              10 ---- 13, when they have been steady for three seconds
    def progress() -> float | None:
        now_s = clock.now_s
        return None if 4 <= now_s < 5 else 0.0 if now_s < 5 else min(now_s, 5.5) if now_s < 10 else now_s

    assert seconds_to_recovery(progress, lambda: True, newest=0.0, since_s=0.0, noticed_within_s=4.0) == 10.0
    assert clock.now_s == 13.0


def test_results_that_never_stand_still_recover_at_once_but_are_watched(clock: Clock) -> None:
    assert (
        seconds_to_recovery(lambda: clock.now_s, lambda: True, newest=None, since_s=0.0, noticed_within_s=12.0) == 0.0
    )
    assert clock.now_s == 12.0


def test_results_that_do_not_come_back_are_said(clock: Clock) -> None:
    with pytest.raises(ServiceUnavailable, match="found none for"):
        seconds_to_recovery(lambda: None, lambda: True, newest=None, since_s=0.0, noticed_within_s=4.0)


def test_a_job_that_is_not_whole_has_not_recovered(clock: Clock) -> None:
    answers = itertools.chain([False] * 3, itertools.repeat(True))
    seconds_to_recovery(lambda: clock.now_s, lambda: next(answers), newest=None, since_s=0.0, noticed_within_s=4.0)
    assert clock.now_s == 5.5


OUTCOME = ResultsHash(tables={"window_scores": TableHash(rows=7, total=1)})


def report(*outcomes: ResultsHash) -> ChaosReport:
    injuries = [
        Injury(fault=kill_fault("kafka").name, at_s=60.0 * s, lasted_s=0.0, recovery_s=s) for s in (1.0, 2.0, 9.0)
    ]
    runs = (DISTURBED, UNDISTURBED, WITHOUT_FLINK)
    return ChaosReport(
        seed=3, n_faults=3, injuries=injuries, records=1000, outcomes=dict(zip(runs, outcomes, strict=False))
    )


def test_the_report_says_every_fault_and_whether_the_results_are_the_same(tmp_path: Path) -> None:
    found = report(OUTCOME, OUTCOME, OUTCOME)
    write_page(found, tmp_path / "report.html")
    write_figures(found, tmp_path / "report.html")
    page, figures = (tmp_path / "report.html").read_text(), json.loads((tmp_path / "report.json").read_text())
    assert "0 differences" in page
    assert page.count("kill -9 kafka") == 4
    assert page.count(OUTCOME.hash) == 3
    assert figures["recoveries"]["all"] == {"n": 3, "p50_s": 2.0, "max_s": 9.0}
    assert (figures["is_same"], figures["verdict"]) == (True, "0 differences")
    assert figures["outcomes"]["undisturbed"]["tables"]["window_scores"]["rows"] == 7


def test_a_report_can_be_written_before_there_is_anything_to_say(tmp_path: Path) -> None:
    write_page(ChaosReport(seed=3), tmp_path / "report.html")
    assert "still running" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("other", [TableHash(rows=7, total=2), TableHash(rows=8, total=1)])
def test_a_difference_is_one(other: TableHash) -> None:
    different = ResultsHash(tables={"window_scores": other})
    for outcomes in itertools.permutations((OUTCOME, OUTCOME, different)):
        assert report(*outcomes).verdict == "the results differ"


def test_two_runs_of_three_or_empty_ones_are_no_proof() -> None:
    empty = ResultsHash(tables={"window_scores": TableHash()})
    assert not report(OUTCOME, OUTCOME).is_same
    assert not report(empty, empty, empty).is_same

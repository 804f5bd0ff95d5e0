"""The demo plays on a stack of its own, and never on one that is in use."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.kafka.session_publisher import PublishReport
from jobs.cli.start import demo
from jobs.cli.start.demo import kept_settings, own_settings, watch_results
from jobs.results.connections import ConnectionStatus
from jobs.trials.demo_report import DemoReport
from stack.settings import StackSettings, write_settings
from stack.stack_status import PartStatus, StackStatus, write_status
from udfs.errors import ConfigError, PipelineError


def let_a_stack_be_in(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    write_status(StackStatus(home=home, parts=[PartStatus(name="kafka", address="127.0.0.1:9092", state="external")]))


def test_a_stack_of_the_user_is_left_alone(tmp_path: Path) -> None:
    let_a_stack_be_in(tmp_path)
    own = own_settings(tmp_path)
    assert own.home == tmp_path / "demo"
    assert (own.kafka_port, own.flink_port, own.postgres_port) == (0, 0, 0)


def test_two_demos_do_not_share_a_stack(tmp_path: Path) -> None:
    let_a_stack_be_in(tmp_path / "demo")
    with pytest.raises(ConfigError, match="one demo at a time.*down --delete-data --home"):
        own_settings(tmp_path)


def test_what_stays_takes_the_ports_of_the_home(tmp_path: Path) -> None:
    write_settings(StackSettings(home=tmp_path, kafka_port=19092))
    assert kept_settings(tmp_path) == StackSettings(home=tmp_path, kafka_port=19092)


def test_what_stays_does_not_fill_a_stack_in_use(tmp_path: Path) -> None:
    let_a_stack_be_in(tmp_path)
    with pytest.raises(ConfigError, match=r"Expected no stack in .*, found one: stop it first"):
        kept_settings(tmp_path)


@pytest.fixture
def results_from_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let a database have its first result when so many seconds, written into this list, have gone by."""
    now_s, first_s = [0.0], [0.0]
    row = ConnectionStatus(
        connection_id="c",
        declared_exchange=None,
        detected_exchange="kraken",
        mismatch=False,
        certainty="certain",
        probability=0.99,
        since_at=None,
        windows=3,
        messages=100,
        messages_per_second=1.0,
        last_seen_at=datetime(2026, 1, 1, tzinfo=UTC),
        signature="xf1",
        reason=None,
    )
    monkeypatch.setattr(demo, "connect", lambda url: nullcontext())
    monkeypatch.setattr(demo, "read_connections", lambda database, only: [row] if now_s[0] >= first_s[0] else [])
    monkeypatch.setattr(demo.time, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(demo.time, "sleep", lambda seconds: now_s.__setitem__(0, now_s[0] + seconds))
    return first_s


def published() -> Future[PublishReport]:
    done: Future[PublishReport] = Future()
    done.set_result(PublishReport(connections=1, messages=150, seconds=1.0))
    return done


def test_results_that_come_after_the_last_message_are_watched_too(results_from_s: list[float]) -> None:
    results_from_s[0] = 100
    report = watch_results("", published(), DemoReport(truths={"c": "kraken"}), 60, 0.0)
    assert (report.seconds_to_first_result, report.n_right) == (100, 1)


def test_no_result_long_after_the_last_message_is_a_fault(results_from_s: list[float]) -> None:
    results_from_s[0] = 1000
    with pytest.raises(PipelineError, match=r"Expected a result of 150 messages within 120 s after the last one"):
        watch_results("", published(), DemoReport(truths={"c": "kraken"}), 60, 0.0)

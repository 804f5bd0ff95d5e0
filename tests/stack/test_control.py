from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from stack.control import down, log_tail, status, up, wipe
from stack.settings import StackSettings
from stack.stack_status import PartStatus, StackStatus, read_status, write_status
from udfs.errors import ConfigError, ServiceUnavailable
from udfs.kafka_properties import KAFKA_PROPERTIES


class DiskUsage(NamedTuple):
    free: int


def test_a_home_without_a_stack_has_no_parts(tmp_path: Path) -> None:
    assert status(tmp_path / "nothing").parts == []
    assert down(tmp_path / "nothing") is False
    wipe(tmp_path / "nothing")


def test_a_full_disk_is_reported_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: DiskUsage(free=120_000_000))
    with pytest.raises(ConfigError, match=r"at least 1 GB free .* found 0.12 GB"):
        up(StackSettings(home=tmp_path), lambda _line: None)


def test_a_home_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="choose another folder with --home"):
        up(StackSettings(home=tmp_path / "file" / "home"), lambda _line: None)


def test_the_local_broker_takes_no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KAFKA_PROPERTIES, str(tmp_path / "kafka.properties"))
    with pytest.raises(ConfigError, match="found it set for the local broker, .*: name yours with --kafka"):
        up(StackSettings(home=tmp_path), lambda _line: None)


def test_a_kafka_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnavailable, match="a Kafka broker at 127.0.0.1:1, found nothing listening"):
        up(StackSettings(home=tmp_path, kafka="127.0.0.1:1"), lambda _line: None)


def test_parts_whose_supervisor_has_gone_are_dead(tmp_path: Path) -> None:
    parts = [
        PartStatus(name="kafka", address="a:1", state="ready"),
        PartStatus(name="flink", address="b", state="external"),
    ]
    write_status(StackStatus(home=tmp_path, parts=parts, supervisor_pid=1, supervisor_created_at_s=0.0))
    assert [part.state for part in status(tmp_path).parts] == ["dead", "external"]
    assert not status(tmp_path).is_ready


def test_a_written_status_is_refresh_and_private(tmp_path: Path) -> None:
    written = StackStatus(home=tmp_path, kafka="a:1", database_urls={"owner": "postgresql://u:sesame@h/d"}, error="no")
    write_status(written)
    assert read_status(tmp_path) == written
    assert (tmp_path / "state.json").stat().st_mode & 0o077 == 0
    assert "sesame" not in repr(written)


def test_the_end_of_a_log_is_shown(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_text("".join(f"line {number}\n" for number in range(1000)), encoding="utf-8")
    assert log_tail(PartStatus(name="x", address="y", log=str(log)), 2) == "line 998\nline 999"
    assert log_tail(PartStatus(name="x", address="y", log=str(tmp_path / "none"))) == ""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stack.control import up
from stack.java.runtime import JavaHome
from stack.services.flink import build_flink, forget_jobs, last_savepoint
from stack.settings import StackSettings, last_settings, write_settings
from udfs.errors import ConfigError


def test_jobs_are_forgotten_and_their_checkpoints_stay(tmp_path: Path) -> None:
    plan = tmp_path / "flink" / "ha" / "default" / "submittedExecutionPlan1"
    log = tmp_path / "zookeeper" / "data" / "log.1"
    checkpoint = tmp_path / "flink" / "checkpoints" / "job" / "chk-1" / "_metadata"
    for path in (plan, log, checkpoint):
        path.parent.mkdir(parents=True)
        path.touch()
    assert forget_jobs(tmp_path) is True
    assert (plan.exists(), log.exists(), checkpoint.exists()) == (False, False, True)
    assert forget_jobs(tmp_path) is False


def test_the_last_settings_are_read_if_this_version_can(tmp_path: Path) -> None:
    assert last_settings(tmp_path) is None
    settings = StackSettings(home=tmp_path, kafka_port=1234)
    write_settings(settings)
    assert last_settings(tmp_path) == settings
    (tmp_path / "settings.json").write_text('{"of": "another version"}', encoding="utf-8")
    assert last_settings(tmp_path) is None


def test_another_kafka_does_not_get_the_jobs_of_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The start is stopped where it would need Java. No system hands out ports below 32768 as those of clients."""

    def no_java() -> None:
        raise ConfigError("no java")

    monkeypatch.setattr("stack.control.find_java", no_java)
    plan = tmp_path / "flink" / "ha" / "default" / "submittedExecutionPlan1"
    plan.parent.mkdir(parents=True)
    lines: list[str] = []
    for port, is_kept in ((0, True), (1, False)):
        plan.touch()
        write_settings(StackSettings(home=tmp_path, kafka_port=20_001, flink_port=0, postgres_port=20_002))
        settings = StackSettings(home=tmp_path, kafka_port=port and 20_003, flink_port=0, postgres_port=0)
        with pytest.raises(ConfigError, match="no java"):
            up(settings, lines.append)
        assert plan.exists() is is_kept
    assert [line for line in lines if "not resumed" in line] == lines
    assert len(lines) == 1


def test_results_that_flink_cannot_read_are_removed_before_a_jobmanager_starts(tmp_path: Path) -> None:
    folder = tmp_path / "flink" / "ha" / "job-result-store" / "default"
    folder.mkdir(parents=True)
    for name, text in (("a", '{"result":{"id":"a"}}'), ("b", '{"result":{"id":"b","application-id":"c"}}')):
        (folder / f"{name}_DIRTY.json").write_text(text, encoding="utf-8")
    (jobmanager,) = (part for part in build_flink(tmp_path, 1, 4, JavaHome(tmp_path, 17)) if part.name == "jobmanager")
    jobmanager.prepare()
    assert [path.name for path in folder.iterdir()] == ["b_DIRTY.json"]


def test_the_last_savepoint_is_the_newest_that_is_complete(tmp_path: Path) -> None:
    assert last_savepoint(tmp_path) is None
    folders = [tmp_path / name for name in ("j/chk-1", "savepoint-j-1", "j/chk-2")]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        if number < 2:
            (folder / "_metadata").touch()
            os.utime(folder / "_metadata", (number, number))
    assert last_savepoint(tmp_path) == folders[1]

"""Which of the savepoints and checkpoints in a stack's home a job may go on with."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from jobs.cluster.savepoints import Savepoints, check_age, check_layout, downtime_warning
from jobs.cluster.service_addresses import Addresses
from stack.services.flink import savepoint_folder_of, savepoint_time_s
from udfs.errors import ConfigError
from udfs.schema import STATE_LAYOUT

DATABASE = "postgresql://u:p@h:5432/"


def savepoints(home: Path, topic: str, *, kafka: str = "k:9092", database: str = "d") -> Savepoints:
    addresses = Addresses(home=home, kafka=kafka, flink="http://h:1", database_url=DATABASE + database)
    return Savepoints(addresses=addresses, topic=topic)


def save(folder: Path, *, ago_s: float) -> Path:
    folder.mkdir(parents=True)
    (folder / "_metadata").touch()
    at_s = time.time() - ago_s
    os.utime(folder / "_metadata", (at_s, at_s))
    return folder


def test_each_topic_and_database_has_its_own(tmp_path: Path) -> None:
    own = savepoints(tmp_path, "raw_messages")
    others = [
        savepoints(tmp_path, "soak_1", database="soak"),
        savepoints(tmp_path, "raw_messages", database="other"),
        savepoints(tmp_path, "raw_messages", kafka="l:9092"),
        savepoints(tmp_path, "raw/messages"),
        savepoints(tmp_path, "raw_messages/../x"),
    ]
    for number, one in enumerate(others):
        save(one.folder / f"j{number}" / "chk-1", ago_s=0)
        assert one.folder.parent == tmp_path / "flink" / "checkpoints"
    with pytest.raises(ConfigError, match="read the topic raw_messages into this database, found none: leave out"):
        own.last()
    saved = save(own.folder / "savepoint-1", ago_s=60)
    save(own.folder / "j" / "chk-1", ago_s=120)
    assert own.last() == saved
    assert savepoints(tmp_path, "raw_messages").last() == saved
    others[0].delete()
    with pytest.raises(ConfigError, match="read the topic soak_1"):
        others[0].last()
    assert own.last() == saved


@pytest.mark.parametrize(("end", "layout"), [("", 1), (f"-layout{STATE_LAYOUT + 1}", STATE_LAYOUT + 1)])
def test_state_of_another_layout_is_refused(tmp_path: Path, end: str, layout: int) -> None:
    own = savepoints(tmp_path, "raw_messages")
    other = own.folder.with_name(own.folder.name.removesuffix(f"-layout{STATE_LAYOUT}") + end)
    saved = save(other / "savepoint-5e3a1c-0123456789ab", ago_s=0)
    sentence = rf"state of layout {STATE_LAYOUT}, found {saved} with layout {layout}, .* submit without it"
    with pytest.raises(ConfigError, match=sentence):
        own.last()
    with pytest.raises(ConfigError, match=sentence):
        check_layout(tmp_path, saved)
    assert save(own.folder / "j" / "chk-1", ago_s=60) == own.last()


def test_whose_layout_no_folder_says_is_left_to_flink(tmp_path: Path) -> None:
    check_layout(tmp_path, save(savepoints(tmp_path, "raw_messages").folder / "j" / "chk-1", ago_s=0))
    root = tmp_path / "flink" / "checkpoints"
    for elsewhere in (root / "savepoint-5e3a1c-0123456789ab", root / "j" / "chk-1", tmp_path / "a-0123456789ab" / "s"):
        check_layout(tmp_path, save(elsewhere, ago_s=0))


def test_a_job_is_known_by_its_folder(tmp_path: Path) -> None:
    own = savepoints(tmp_path, "raw_messages")
    save(own.folder / "j" / "chk-1", ago_s=0)
    assert savepoint_folder_of(tmp_path, "j") == own.folder
    assert savepoint_folder_of(tmp_path, "k") is None


def test_a_snapshot_that_is_older_than_the_downtime_is_refused(tmp_path: Path) -> None:
    saved = save(tmp_path / "savepoint-1", ago_s=2 * 3600)
    assert savepoint_time_s(saved) == pytest.approx(time.time() - 7200, abs=60)
    check_age(str(saved), savepoint_time_s(saved), 2.1)
    with pytest.raises(ConfigError, match=r"of the last 1.9 hours .* of 2.0 hours ago, .* submit without it"):
        check_age(str(saved), savepoint_time_s(saved), 1.9)


def test_a_start_warns_of_a_job_that_was_away_for_longer_than_a_day(tmp_path: Path) -> None:
    plan = tmp_path / "flink" / "ha" / "default" / "submittedExecutionPlan1"
    plan.parent.mkdir(parents=True)
    plan.touch()
    assert downtime_warning(tmp_path) is None
    old = save(savepoints(tmp_path, "raw_messages").folder / "j" / "chk-1", ago_s=25 * 3600)
    assert "The job goes on after 25.0 hours" in str(downtime_warning(tmp_path))
    plan.unlink()
    assert downtime_warning(tmp_path) is None
    plan.touch()
    save(old.with_name("chk-2"), ago_s=23 * 3600)
    assert downtime_warning(tmp_path) is None

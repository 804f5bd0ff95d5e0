"""What a JVM leaves to the next one of its kind."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from stack.java.class_archive import ClassArchive
from stack.java.flink_wheel import flink_jars
from stack.java.functions_jar import functions_jar
from stack.java.runtime import find_java
from stack.services.flink import TASKMANAGER_CLASS

MAIN = TASKMANAGER_CLASS
"""Without arguments it ends soon."""


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClassArchive:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return ClassArchive.of("bash", find_java(), flink_jars(), tmp_path / "home" / "bash.jsa")


def loaded(archive: ClassArchive) -> str:
    command = [
        str(find_java().executable),
        *archive.options(0),
        "-Xlog:class+load",
        "-cp",
        ":".join(map(str, flink_jars())),
    ]
    return subprocess.run([*command, MAIN], capture_output=True, text=True, check=False, timeout=120).stdout


def test_the_next_jvm_takes_its_classes_from_it(archive: ClassArchive) -> None:
    assert f"{MAIN} source: jar:" in loaded(archive) or f"{MAIN} source: file:" in loaded(archive)
    archive.keep()
    assert (archive.kept.is_file(), archive.made.exists()) == (True, False)
    assert f"{MAIN} source: shared objects file (top)" in loaded(archive)


def test_one_that_was_not_finished_is_thrown_away(archive: ClassArchive) -> None:
    archive.made.parent.mkdir(parents=True)
    archive.made.write_bytes(bytes(4096))
    archive.keep()
    assert (archive.kept.exists(), archive.made.exists()) == (False, False)
    archive.keep()  # of a JVM that was killed there is none


def test_a_jvm_runs_without_one_that_is_damaged(archive: ClassArchive) -> None:
    archive.kept.parent.mkdir(parents=True)
    archive.kept.write_bytes(b"damaged")
    assert f"{MAIN} source: " in loaded(archive)


def test_another_jar_or_another_java_has_another(archive: ClassArchive) -> None:
    java = find_java()
    names = {
        ClassArchive.of("bash", java, [*flink_jars(), functions_jar()], archive.made).kept,
        ClassArchive.of("bash", replace(java, version=java.version + 1), flink_jars(), archive.made).kept,
        archive.kept,
    }
    assert len(names) == 3


def test_of_each_kind_the_newest_two_are_kept(archive: ClassArchive) -> None:
    archive.kept.parent.mkdir(parents=True)
    others = [archive.kept.with_name(f"{kind}-{n}.jsa") for kind in ("bash", "kafka") for n in range(3)]
    for age_s, path in enumerate(others):
        path.touch()
        os.utime(path, (1_000_000_000 - age_s, 1_000_000_000 - age_s))
    archive.made.parent.mkdir(parents=True)
    archive.made.write_bytes(b"\x01" * 8)
    archive.keep()
    assert sorted(path.name for path in archive.kept.parent.iterdir()) == sorted(
        [archive.kept.name, "bash-0.jsa", *(f"kafka-{n}.jsa" for n in range(3))]
    )


def test_a_jvm_that_is_started_again_makes_none_but_uses_it(archive: ClassArchive) -> None:
    assert archive.options(1) == []
    archive.kept.parent.mkdir(parents=True)
    archive.kept.touch()
    assert archive.options(1) == archive.options(0) == [f"-XX:SharedArchiveFile={archive.kept}"]

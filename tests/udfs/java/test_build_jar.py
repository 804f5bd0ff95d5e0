"""The jar that comes with the project is what its sources make, on any machine."""

from __future__ import annotations

import shutil
import struct
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from udfs.errors import ArtifactError


def test_the_jar_is_made_of_these_sources_and_of_pythons_constants(build_jar: ModuleType) -> None:
    build_jar.check()


def test_the_jar_is_for_java_17_and_bears_no_date(build_jar: ModuleType) -> None:
    with zipfile.ZipFile(build_jar.FUNCTIONS_JAR) as jar:
        entries = jar.infolist()
        classes = [jar.read(entry) for entry in entries if entry.filename.endswith(".class")]
    # A class file begins with its magic number and its version, which is 61 for Java 17.
    assert {struct.unpack(">IHH", content[:8]) for content in classes} == {(0xCAFEBABE, 0, 61)}
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)


def test_another_jar_is_told_with_what_to_run(
    build_jar: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Path(shutil.copy(build_jar.FUNCTIONS_JAR, tmp_path))
    with zipfile.ZipFile(other, "a") as jar:
        jar.writestr("more", b"")
    monkeypatch.setattr(build_jar, "FUNCTIONS_JAR", other)
    with pytest.raises(ArtifactError, match=r"of these sources, found another: run `python udfs/java/build_jar\.py`"):
        build_jar.check()


def test_other_constants_are_told_with_what_to_run(
    build_jar: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "SharedConstants.java"
    other.write_text(build_jar.constants_source().replace("WINDOW_SLIDE = 25", "WINDOW_SLIDE = 26"))
    monkeypatch.setattr(build_jar, "CONSTANTS", other)
    with pytest.raises(ArtifactError, match=r"Python's values, found others: run `python udfs/java/build_jar\.py`"):
        build_jar.check()


def test_sources_that_do_not_compile_are_named(build_jar: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "Wrong.java").write_text("final class Wrong { none }")
    with pytest.raises(ArtifactError, match=r"(?s)to compile, found .*Wrong\.java"):
        build_jar.compile_java(tmp_path, tmp_path / "classes", [])

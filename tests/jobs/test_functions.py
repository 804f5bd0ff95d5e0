"""The job's Java functions: made once, the same bytes every time, and by any Java."""

from __future__ import annotations

import shutil
import struct
import zipfile
from pathlib import Path

import pytest

from jobs.pipeline import java_functions as functions
from jobs.pipeline.java_functions import SOURCES, ensure_functions
from jobs.pipeline.queries import JAVA_FUNCTIONS
from jobs.pipeline.tables import DRIVER
from stack.java.jars import cache_folder, ensure_jars
from udfs.errors import ArtifactError, ConfigError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache that has the compiler."""
    compiler = ensure_jars("compiler", lambda _line: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache_folder().mkdir(parents=True)
    for jar in compiler:
        shutil.copy(jar, cache_folder())
    return cache_folder()


def test_the_same_sources_make_the_same_jar_once(cache: Path) -> None:
    lines: list[str] = []
    jar = ensure_functions(lines.append)
    content = jar.read_bytes()
    assert ensure_functions(lines.append) == jar
    assert lines == ["Compiling the job's functions (once)"]
    jar.unlink()
    assert ensure_functions(lines.append).read_bytes() == content
    assert {path.suffix for path in cache.iterdir()} == {".jar"}
    assert len(list(cache.iterdir())) == 2


def test_the_jar_has_what_sql_names_for_java_17(cache: Path) -> None:
    with zipfile.ZipFile(ensure_functions(lambda _line: None)) as jar:
        names = jar.namelist()
        assert {f"{name.replace('.', '/')}.class" for name in (*JAVA_FUNCTIONS.values(), DRIVER)} <= set(names)
        assert "META-INF/services/org.apache.flink.table.factories.Factory" in names
        classes = [jar.read(name) for name in names if name.endswith(".class")]
    # A class file begins with its magic number and its version, which is 61 for Java 17.
    assert {struct.unpack(">IHH", content[:8]) for content in classes} == {(0xCAFEBABE, 0, 61)}


def test_other_sources_make_another_jar_and_bad_ones_one_sentence(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jar = ensure_functions(lambda _line: None)
    sources = Path(shutil.copytree(SOURCES, tmp_path / "java"))
    monkeypatch.setattr(functions, "SOURCES", sources)
    (sources / "fingerprint" / "Refusal.java").write_text("package fingerprint; final class Refusal { none }")
    with pytest.raises(ArtifactError, match=r"to compile, found .*Refusal\.java.*: reinstall") as caught:
        ensure_functions(lambda _line: None)
    assert "\n" not in str(caught.value)
    assert [path for path in cache.iterdir() if "functions" in path.name] == [jar]


def test_a_cache_that_cannot_be_written_is_named(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(functions.tempfile, "TemporaryDirectory", refuse)
    with pytest.raises(ConfigError, match="Permission denied: set XDG_CACHE_HOME"):
        ensure_functions(lambda _line: None)

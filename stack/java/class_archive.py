"""Classes that one JVM has read and checked, laid out for the next one of its kind, which starts with less work."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stack.java.runtime import JavaHome
from stack.user_folders import user_cache_folder

_KEPT: Final = 2
"""Of each kind: one for each of two checkouts, 50 MB each."""

_HEADER: Final = 4
"""Bytes that Java writes last; of a file that was not finished they are zero."""


@dataclass(frozen=True, kw_only=True)
class ClassArchive:
    """The archive of one kind of JVM.

    Attributes
    ----------
    kept : Path
        Where it is once there is one, in the user's cache.
    made : Path
        Where a JVM writes it, when it ends, while there is none: no other one writes there.
    """

    kept: Path
    made: Path

    @classmethod
    def of(cls, kind: str, java: JavaHome, class_path: Sequence[Path], made: Path) -> ClassArchive:
        """Name the archive of JVMs of a kind; another Java, or another jar, has another.

        Parameters
        ----------
        kind : str
            What the JVMs are; they read about the same classes.
        java : JavaHome
            What runs them.
        class_path : sequence of Path
            Their jars.
        made : Path
            Where this JVM writes it.
        """
        digest = hashlib.sha256(f"{java.executable} {java.version}".encode())
        for jar in class_path:
            digest.update(f"{jar} {jar.stat().st_size} {jar.stat().st_mtime_ns}".encode())
        return cls(kept=user_cache_folder() / "classes" / f"{kind}-{digest.hexdigest()[:12]}.jsa", made=made)

    def options(self, start: int) -> list[str]:
        """Let a JVM use the archive, or make it when it ends; one that does not fit, Java leaves aside.

        One that had to be started again makes none: it may have to end again, and a job would wait until it is written.
        """
        if self.kept.is_file():
            return [f"-XX:SharedArchiveFile={self.kept}"]
        if start > 0:
            return []
        self.made.parent.mkdir(parents=True, exist_ok=True)
        return [f"-XX:ArchiveClassesAtExit={self.made}", "-Xlog:cds*=error"]

    def keep(self) -> None:
        """Put the archive of a JVM that has ended into the cache, unless there is none or it was not finished."""
        if not self.made.is_file():
            return
        with self.made.open("rb") as file:
            is_whole = any(file.read(_HEADER))
        if is_whole:
            self.kept.parent.mkdir(parents=True, exist_ok=True)
            beside = self.kept.with_suffix(f".{os.getpid()}")
            shutil.move(self.made, beside)
            beside.replace(self.kept)
            kind = self.kept.name.rpartition("-")[0]
            for old in sorted(self.kept.parent.glob(f"{kind}-*.jsa"), key=_age)[_KEPT:]:
                old.unlink(missing_ok=True)
        self.made.unlink(missing_ok=True)


def _age(path: Path) -> float:
    return -path.stat().st_mtime

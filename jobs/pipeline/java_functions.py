"""The part of the job that is Java: a jar that comes with the project; `udfs/java` has its sources."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import udfs
from udfs.errors import ArtifactError

FUNCTIONS_JAR: Final = Path(udfs.__path__[0], "java", "exchange-fingerprint-flink.jar")


def functions_jar() -> Path:
    """Return the jar of the job's functions.

    Raises
    ------
    ArtifactError
        If it did not come with this installation.
    """
    if not FUNCTIONS_JAR.is_file():
        raise ArtifactError(
            f"Expected the job's Java functions in {FUNCTIONS_JAR}, found none: reinstall exchange-fingerprint"
        )
    return FUNCTIONS_JAR

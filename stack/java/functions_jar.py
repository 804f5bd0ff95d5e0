"""The project's own jar: the job's functions, and what closes Flink's ports; `udfs/java` has its sources."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from udfs import errors
from udfs.errors import ArtifactError

FUNCTIONS_JAR: Final = Path(errors.__file__).parent / "java" / "exchange-fingerprint-flink.jar"


CONNECTOR_JAR: Final = FUNCTIONS_JAR.with_name("exchange-fingerprint-kafka.jar")
"""What takes the place of a class of the Kafka connector.

Only the job ships it: on Flink's own class path its class would be taken from there, where the connector is not.
"""


def job_jars() -> tuple[Path, Path]:
    """Return our own jars, which a job ships in front of all others.

    Raises
    ------
    ArtifactError
        If one did not come with this installation.
    """
    if not CONNECTOR_JAR.is_file():
        raise ArtifactError(f"Expected {CONNECTOR_JAR}, found none: reinstall exchange-fingerprint")
    return functions_jar(), CONNECTOR_JAR


def functions_jar() -> Path:
    """Return the jar, which the job ships and the JobManager has on its class path.

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

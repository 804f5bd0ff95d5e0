"""Packs the code that the workers need, so that a cluster needs nothing of ours installed.

Models are not shipped: workers fetch them from the registry.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.util.java_utils import get_j_env_configuration

from stack.java.flink_wheel import python_jar

SHIPPED_PACKAGES: Final = ("udfs", "model")
"""What the scoring function imports."""

_ROOT = Path(__file__).parents[2]
_JARS = "pipeline.jars"


def ship_jars(environment: StreamExecutionEnvironment, jars: Sequence[Path], *, pyflink_too: bool = True) -> None:
    """Add jars to what Flink distributes with the job, in front of PyFlink's own.

    A class that two jars have is taken from the first, and ours has two of Beam's: they close its ports.

    Parameters
    ----------
    environment : StreamExecutionEnvironment
        The job's.
    jars : sequence of Path
        Connectors, and the job's Java functions.
    pyflink_too : bool
        Whether PyFlink's own, of 40 MB, is distributed.
    """
    ours = [path.absolute().as_uri() for path in jars]
    environment.add_jars(*ours)
    # add_jars puts them behind those that are there, and offers no other place.
    shipped = get_j_env_configuration(environment._j_stream_execution_environment)
    others = [url for url in Configuration.parse_list_value(shipped.getString(_JARS, "")) if url not in ours]
    if not pyflink_too:
        others = [url for url in others if not url.endswith(f"/{python_jar().name}")]
    environment.configure(Configuration().set_string(_JARS, str([*ours, *others])))


def ship(environment: StreamExecutionEnvironment, folder: Path) -> None:
    """Add our packages to what Flink distributes with the job.

    Parameters
    ----------
    environment : StreamExecutionEnvironment
        The job's, before any table is made in it.
    folder : Path
        Where the archive is put; may be deleted once the job is submitted.
    """
    code = folder / "fingerprint-code.zip"
    with zipfile.ZipFile(code, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in SHIPPED_PACKAGES:
            for path in sorted((_ROOT / package).rglob("*.py")):
                archive.write(path, path.relative_to(_ROOT))
    environment.add_python_file(str(code))

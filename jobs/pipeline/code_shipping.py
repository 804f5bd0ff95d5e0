"""Packs the code that the workers need, so that a cluster needs nothing of ours installed.

Models are not shipped: workers fetch them from the registry.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final

from pyflink.datastream import StreamExecutionEnvironment

SHIPPED_PACKAGES: Final = ("udfs", "model")
"""What the scoring function imports."""

_ROOT = Path(__file__).parent.parent


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

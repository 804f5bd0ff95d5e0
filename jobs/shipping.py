"""Packs the code and the model that the workers need, so that a cluster needs nothing of ours installed."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Final

from pyflink.datastream import StreamExecutionEnvironment

SHIPPED_PACKAGES: Final = ("udfs", "model")
"""What the scoring function imports."""

SHIPPED_MODEL: Final = "fingerprint-model"
"""The artifact's folder in a worker's working directory."""

_ROOT = Path(__file__).parent.parent


def ship(environment: StreamExecutionEnvironment, artifact: Path, folder: Path) -> None:
    """Add our packages and a model artifact to what Flink distributes with the job.

    Parameters
    ----------
    environment : StreamExecutionEnvironment
        The job's, before any table is made in it.
    artifact : Path
        Folder of the model.
    folder : Path
        Where the archives are put; may be deleted once the job is submitted.
    """
    code = folder / "fingerprint-code.zip"
    with zipfile.ZipFile(code, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in SHIPPED_PACKAGES:
            for path in sorted((_ROOT / package).rglob("*.py")):
                archive.write(path, path.relative_to(_ROOT))
    environment.add_python_file(str(code))
    model = shutil.make_archive(str(folder / SHIPPED_MODEL), "zip", artifact)
    environment.add_python_archive(model, SHIPPED_MODEL)

"""Loads registered models, and says of one that this version does not load what its user can do."""

from __future__ import annotations

import tempfile
from pathlib import Path

from model.artifact.artifact_folder import BoosterPredictor, load_predictor
from model.registry.database import Connection
from model.registry.model_registry import fetch_artifact
from udfs.errors import ArtifactError


def load_registered(connection: Connection, model_version: str, *, is_tried: bool = False) -> BoosterPredictor:
    """Load a model from the registry.

    Parameters
    ----------
    connection : Connection
        To the registry.
    model_version : str
        Its name there.
    is_tried : bool
        As for `load_predictor`.

    Raises
    ------
    ConfigError
        If the registry does not have it.
    ArtifactError
        If this version of the software does not load it.
    """
    with tempfile.TemporaryDirectory() as folder:
        rate = fetch_artifact(connection, model_version, Path(folder))
        try:
            return load_predictor(Path(folder), rate, is_tried=is_tried)
        except ArtifactError as error:
            expected = str(error).partition(", found")[0].removeprefix("Expected ").replace(f"{folder}/", "its ")
            raise ArtifactError(
                f"Expected the registered model {model_version} to fit this version, found one that does not (it takes "
                f"{expected}): let another score the whole topic, `fingerprint model activate --from-start FOLDER`, "
                "and submit without --resume"
            ) from error

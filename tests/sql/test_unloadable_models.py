"""A model that this version does not load, as after an upgrade: who needs it is told, and nobody else stopped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jobs.cluster.model_activation import ensure_schedule
from jobs.results.migrations import migrate
from model.artifact.artifact_folder import load_predictor
from model.registry.database import connect
from model.registry.model_registry import register
from model.registry.topic_models import RegistryModels
from udfs.errors import ArtifactError
from udfs.model_schedule import Activation


def test_a_model_whose_records_are_all_read_need_not_load(database_url: str, toy_model: Path) -> None:
    """As after an upgrade: the first model, which scored up to offset 100, has other features than this version."""
    migrate(database_url)
    old = ensure_schedule(database_url, "upgraded", None, None).activations[0].model_version
    with connect(database_url) as database, database.cursor() as cursor:
        new = register(database, toy_model, load_predictor(toy_model))
        cursor.execute(
            "INSERT INTO model_activations (topic, model_version, from_offsets) VALUES ('upgraded', %s, '{100}')",
            (new,),
        )
        cursor.execute(
            "UPDATE model_versions SET manifest = manifest #- '{feature_names, 0}' WHERE model_version = %s", (old,)
        )
    assert ensure_schedule(database_url, "upgraded", None, None, unread_from={0: 100}).activations[-1] == Activation(
        model_version=new, from_offsets=(100,)
    )
    with pytest.raises(ArtifactError, match=f"registered model {re.escape(old)} "):
        ensure_schedule(database_url, "upgraded", None, None, unread_from={0: 99})
    # Who scores by it, as a running job does, says the same.
    with pytest.raises(ArtifactError, match=f"registered model {re.escape(old)} .* --from-start FOLDER") as refused:
        RegistryModels(database_url, "upgraded").predictor(old)
    assert "/tmp" not in str(refused.value)  # noqa: S108  # no path of ours

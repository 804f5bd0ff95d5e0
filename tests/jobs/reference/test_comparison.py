"""What is left out when tables and topic are compared, and that the rest is what it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.reference.comparison import LoadableModels, RowsOfTopic
from jobs.reference.result_rows import OF_MODELS, Chunk, canonical_rows
from jobs.reference.scored_windows import PartitionMessages
from jobs.reference.verdict_rows import result_rows
from model.artifact.artifact_folder import explainer_of, load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from model.registry.topic_models import OneModel
from synthetic.sessions import synthetic_sessions
from udfs.errors import ArtifactError
from udfs.explanations import Explainer
from udfs.model_schedule import Activation, Models, Schedule
from udfs.schema import WINDOW_COLUMNS
from udfs.scoring import Predictor

N, PER_CONNECTION = 3, 600
AGAIN, NEXT = 900, 1300
"""Offsets from which on the second model scores, and the first one again."""


class TwoModels:
    """Two models in turn, the second of which may not load."""

    def __init__(self, first: OneModel, second: OneModel, *, loads: bool) -> None:
        self._first, self._second, self._loads = first, second, loads
        self.names = tuple(one.schedule().activations[0].model_version for one in (first, second))

    def schedule(self) -> Schedule:
        first, second = self.names
        turns = ((first, ()), (second, (AGAIN,)), (first, (NEXT,)))
        return Schedule(activations=tuple(Activation(model_version=name, from_offsets=at) for name, at in turns))

    def still_holds(self, schedule: Schedule) -> bool:
        return schedule == self.schedule()

    def predictor(self, model_version: str) -> Predictor:
        if model_version == self.names[1] and not self._loads:
            raise ArtifactError(f"Expected the registered model {model_version} to fit, found one that does not: ...")
        return (self._first if model_version == self.names[0] else self._second).predictor(model_version)

    def explainer(self, model_version: str) -> Explainer:
        return (self._first if model_version == self.names[0] else self._second).explainer(model_version)


@pytest.fixture(scope="module")
def models(toy_model: Path) -> tuple[OneModel, OneModel]:
    first, second = (load_predictor(folder) for folder in (DEFAULT_ARTIFACT, toy_model))
    return OneModel(first, explainer_of(first)), OneModel(second, explainer_of(second))


@pytest.fixture(scope="module")
def messages() -> PartitionMessages:
    """Draw three connections, whose messages take turns in the partition."""
    drawn = synthetic_sessions(per_exchange=1, seed=4, start_ns=10**18, n_messages=PER_CONNECTION)
    sessions = [replace(one.session, connection_id=f"c-{number}") for number, one in enumerate(drawn[:N])]
    columns = {name: np.concatenate([getattr(s, name) for s in sessions]) for name in WINDOW_COLUMNS}
    columns["kafka_offset"] = np.concatenate([i + N * np.arange(len(s)) for i, s in enumerate(sessions)])
    return PartitionMessages(
        kafka_partition=0,
        connection_ids=np.array([s.connection_id for s in sessions], dtype=object),
        lengths=np.array([len(s) for s in sessions]),
        columns=columns,
        declared=np.array([s.declared_exchange for s in sessions for _ in range(len(s))], dtype=object),
    )


def chunks(messages: PartitionMessages, models: Models) -> list[Chunk]:
    found = result_rows(messages, models, models.schedule())
    return [(table, {str(name): rows[name].tolist() for name in rows}) for table, rows in found]


def rows_of(found: list[Chunk], *versions: str) -> dict[str, list[bytes]]:
    rows: dict[str, list[bytes]] = {table: [] for table in OF_MODELS}
    for table, columns in found:
        is_of = [version in versions for version in columns["model_version"]]
        rows[table] += [row for row, kept in zip(canonical_rows(columns), is_of, strict=True) if kept]
    return rows


def test_what_another_model_scored_is_as_if_all_had_loaded(
    messages: PartitionMessages, models: tuple[OneModel, OneModel]
) -> None:
    all_load = TwoModels(*models, loads=True)
    first, second = all_load.names
    expected = rows_of(chunks(messages, all_load), first)
    assert all(expected.values())
    some = LoadableModels(TwoModels(*models, loads=False), {0: 0})
    assert (some.versions, list(some.refused)) == ((first,), [second])
    kept = list(some.without_refused(chunks(messages, some)))
    assert rows_of(kept, first) == expected
    assert not any(rows_of(kept, second).values())


def test_a_model_that_scores_nothing_of_the_topic_need_not_load(models: tuple[OneModel, OneModel]) -> None:
    two = TwoModels(*models, loads=False)
    assert not LoadableModels(two, {0: NEXT}).refused
    assert list(LoadableModels(two, {0: NEXT - 1}).refused) == [two.names[1]]


def test_where_none_loads_the_reason_is_told(models: tuple[OneModel, OneModel]) -> None:
    class NoneLoads(TwoModels):
        def predictor(self, model_version: str) -> Predictor:
            raise ArtifactError(f"Expected {model_version} to load, found that it does not: ...")

    with pytest.raises(ArtifactError, match="to load, found"):
        LoadableModels(NoneLoads(*models, loads=False), {0: 0})


def test_rows_of_records_that_are_gone_are_left_out_and_counted() -> None:
    """Of partition 1, offsets below 100 are gone; of partition 0, none."""
    windows = {"kafka_partition": [0, 1, 1, 1], "last_offset": [5, 99, 100, 7], "connection_id": list("abcd")}
    letters = {"kafka_partition": [1, 0, 2], "kafka_offset": [0, 0, 0]}
    rows = RowsOfTopic([("window_scores", windows), ("dead_letters", letters)], {0: 0, 1: 100})
    kept = {table: pd.DataFrame(columns) for table, columns in rows}
    assert kept["window_scores"]["connection_id"].tolist() == ["a", "c"]
    assert kept["dead_letters"]["kafka_partition"].tolist() == [0, 2]
    assert rows.n_gone == {"window_scores": 2, "dead_letters": 1}

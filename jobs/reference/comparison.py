"""What of the tables can be compared with a topic: what it still holds, scored by models that load."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from jobs.reference.result_rows import OF_MODELS, Chunk
from udfs.errors import ArtifactError
from udfs.explanations import Explainer
from udfs.model_schedule import Models, Schedule
from udfs.schema import Float64Array
from udfs.scoring import Predictor
from udfs.verdicts import DecisionRule


@dataclass(frozen=True)
class _InItsPlace:
    """A model under another's name."""

    model_version: str
    model: Predictor

    @property
    def classes(self) -> tuple[str, ...]:
        return self.model.classes

    @property
    def refusal_thresholds(self) -> tuple[float, ...]:
        return self.model.refusal_thresholds

    @property
    def decision_rule(self) -> DecisionRule:
        return self.model.decision_rule

    def predict(self, features: Float64Array) -> Float64Array:
        return self.model.predict(features)


class LoadableModels:
    """The models of a topic, where another one scores in the place of each that does not load.

    Windows are counted, and each model's verdicts begin, as if all did: only what was scored in a model's place is to
    be left out (`without_refused`).

    Parameters
    ----------
    models : Models
        Of the topic.
    begins : mapping of int to int
        By partition, the first offset that the topic has: models that score nothing of it are not asked for.

    Attributes
    ----------
    versions : tuple of str
        Those that load, and those that score nothing that the topic has.
    refused : dict of str to ArtifactError
        Why others do not load.

    Raises
    ------
    ArtifactError
        If none loads that scores something.
    """

    def __init__(self, models: Models, begins: Mapping[int, int]) -> None:
        self._models = models
        self.refused: dict[str, ArtifactError] = {}
        schedule = models.schedule()
        needed = schedule.versions_from(begins)
        for version in needed:
            try:
                models.predictor(version)
            except ArtifactError as error:
                self.refused[version] = error
        loaded = [version for version in needed if version not in self.refused]
        if not loaded:
            raise self.refused[needed[-1]]
        self._other = loaded[-1]
        self.versions = tuple(sorted({one.model_version for one in schedule.activations} - self.refused.keys()))

    def schedule(self) -> Schedule:
        """Return the topic's."""
        return self._models.schedule()

    def still_holds(self, schedule: Schedule) -> bool:
        """Tell whether it still is the topic's."""
        return self._models.still_holds(schedule)

    def predictor(self, model_version: str) -> Predictor:
        """Return a model, or what scores in its place."""
        if model_version in self.refused:
            return _InItsPlace(model_version, self._models.predictor(self._other))
        return self._models.predictor(model_version)

    def explainer(self, model_version: str) -> Explainer:
        """Return what explains its verdicts."""
        return self._models.explainer(self._other if model_version in self.refused else model_version)

    def without_refused(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """Leave out the rows of models that do not load."""
        for table, columns in chunks:
            if table not in OF_MODELS:
                yield table, columns
                continue
            yield table, _kept(columns, [version not in self.refused for version in columns["model_version"]])


class RowsOfTopic:
    """Rows of the tables, without those of records that the topic does not have any more.

    Parameters
    ----------
    chunks : iterable of Chunk
        All rows.
    begins : mapping of int to int
        The first offset of each partition.

    Attributes
    ----------
    n_gone : Counter
        By table, how many rows were left out so far.
    """

    def __init__(self, chunks: Iterable[Chunk], begins: Mapping[int, int]) -> None:
        self._chunks, self._begins = chunks, begins
        self.n_gone = Counter[str]()

    def __iter__(self) -> Iterator[Chunk]:
        for table, columns in self._chunks:
            offsets = columns["last_offset"] if "last_offset" in columns else columns["kafka_offset"]
            places = zip(columns["kafka_partition"], offsets, strict=True)
            is_there = [offset >= self._begins.get(partition, 0) for partition, offset in places]
            self.n_gone[table] += is_there.count(False)
            yield table, _kept(columns, is_there)


def _kept(columns: Mapping[str, Iterable[object]], is_kept: list[bool]) -> dict[str, list[object]]:
    return {
        name: [value for value, kept in zip(values, is_kept, strict=True) if kept] for name, values in columns.items()
    }

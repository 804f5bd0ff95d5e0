"""What must be so before the job runs, whoever starts it: the services, the models, and the place where it begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingest.kafka.broker import ensure_topics
from ingest.kafka.committed_offsets import committed_offsets
from ingest.kafka.topic_reader import Span, TopicReader
from ingest.kafka.topic_settings import read_topic_settings
from jobs.cluster.model_activation import check_only_topic, ensure_schedule
from jobs.cluster.replay_checks import check_offsets, check_topics, forget_replaced_events, prepare_replay
from jobs.config import TOPIC_PARTITIONS
from jobs.pipeline.tables import READER
from jobs.results.database_fitness import check_fitness
from jobs.results.job_rights import check_job_rights
from jobs.results.migrations import check_schema
from jobs.results.read_topics import check_results_are_of
from model.registry.database import connect
from model.registry.database_url import parse_database_url
from udfs.errors import ConfigError

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Checks and makes ready what the job needs, besides Flink.

    Attributes
    ----------
    kafka : str
        Bootstrap servers.
    database_url : str
        With the job's login.
    activating_url : str
        The same database, with the login of who activates models.
    topic, dead_letter_topic : str
        Where messages come from, and where goes what is none.
    model : Path or None
        Folder of the topic's first model; None for the active one, or the one that comes with this software.
    false_unknown_rate : float or None
        Share of a known exchange's windows that the first model may call unknown; None for the default.
    """

    kafka: str
    database_url: str = field(repr=False)
    activating_url: str = field(repr=False)
    topic: str
    dead_letter_topic: str
    model: Path | None = None
    false_unknown_rate: float | None = None

    def __post_init__(self) -> None:
        names = [parse_database_url(url).name for url in (self.database_url, self.activating_url)]
        if names[0] != names[1]:
            raise ConfigError(
                f"Expected the job and its models in one database, found {names[0]!r} in JOB_DATABASE_URL and "
                f"{names[1]!r} in MODEL_DATABASE_URL, or in what stands for them: name one database in both"
            )

    def services(self, progress: Progress) -> None:
        """Check the database, make missing topics, and note which ones the results are of.

        It may be done again at any time, also while the job runs.

        Raises
        ------
        PipelineError
            If a service, the tables or the topics are not as they must be.
        """
        check_fitness(self.database_url)
        check_schema(self.database_url)
        for excess in check_job_rights(self.database_url):
            progress(excess)
        check_only_topic(self.activating_url, self.topic)
        with connect(self.database_url) as database:  # before the topic is made, which would be another one
            check_results_are_of(database, self.kafka, self.topic)
        ensure_topics(self.kafka, [self.topic, self.dead_letter_topic], TOPIC_PARTITIONS)
        check_topics(self.database_url, self.kafka, self.topic, self.dead_letter_topic, progress)
        for complaint in _complaints(self.kafka, self.topic, self.dead_letter_topic):
            progress(complaint)

    def models(self) -> None:
        """Activate a model if none is, load the one that scores what comes, and delete events of those it replaced.

        It may be done again at any time, as `services`, and raises as that does.
        """
        spans = self._spans()
        self._ensure_schedule({span.partition: span.end for span in spans})
        forget_replaced_events(self.activating_url, self.topic, spans)

    def beginning(self, *, is_resumed: bool, progress: Progress) -> None:
        """Check what a job that begins now will read, load the models that score it, and remove what it replaces.

        Parameters
        ----------
        is_resumed : bool
            Whether it goes on from a savepoint or checkpoint; otherwise it reads the topic from its beginning.
        progress : callable
            Is told what is worth knowing.

        Raises
        ------
        PipelineError
            If results would be missing or wrong.
        """
        spans = self._spans()
        begins = {span.partition: span.first for span in spans}
        if is_resumed:
            committed = committed_offsets(self.kafka, READER, self.topic)
            check_offsets(committed, self.topic, spans, progress)
            begins |= {partition: max(begins[partition], offset) for partition, offset in committed.items()}
        self._ensure_schedule(begins)
        if not is_resumed:
            prepare_replay(self.activating_url, self.topic, spans, progress)

    def _spans(self) -> list[Span]:
        with TopicReader(self.kafka, self.topic) as reader:
            return list(reader.spans)

    def _ensure_schedule(self, unread_from: Mapping[int, int]) -> None:
        ensure_schedule(self.activating_url, self.topic, self.model, self.false_unknown_rate, unread_from=unread_from)


def _complaints(kafka: str, topic: str, dead_letter_topic: str) -> Iterator[str]:
    """Say what is wrong with the topics' settings, or that we may not know them: neither keeps the job from running."""
    try:
        settings, of_letters = read_topic_settings(kafka, topic), read_topic_settings(kafka, dead_letter_topic)
    except ConfigError as error:
        yield str(error)
    else:
        yield from () if settings is None else settings.complaints(topic)
        yield from () if of_letters is None else of_letters.complaints_of_dead_letters(dead_letter_topic)

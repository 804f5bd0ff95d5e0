"""A seeded load, a real job, one fault after another, and the results compared with those of an undisturbed run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from ingest.kafka.broker import delete_topics, ensure_topics
from jobs.cluster.flink_client import stop_with_savepoint
from jobs.cluster.savepoints import Savepoints
from jobs.cluster.submission import Submission
from jobs.config import TOPIC_PARTITIONS
from jobs.trials.background_load import Publishing
from jobs.trials.chaos.chaos_load import publish_waves
from jobs.trials.chaos.chaos_report import DISTURBED, UNDISTURBED, WITHOUT_FLINK, ChaosReport, Injury
from jobs.trials.chaos.faults import Fault
from jobs.trials.chaos.job_watch import Watch, seconds_to_recovery, wait_until
from jobs.trials.chaos.model_changes import ModelChanges
from jobs.trials.chaos.outcome import Outcomes
from jobs.trials.sandbox import ENDED, addresses_of, cancel_job, drop_database, job_state, make_database
from stack.stack_status import StackStatus
from udfs.errors import PipelineError, ServiceUnavailable

_READ_ALL_S: Final = 1800.0
_STOP_ATTEMPTS: Final = 3


class Chaos:
    """One run on a local stack, on a topic and in databases of its own.

    Parameters
    ----------
    stack : StackStatus
        A running stack, no part of which is external and on which no job of ours runs.
    seed : int
        Draws the load.
    progress : callable
        Called with a line of text at each step.
    parallelism : int
        Of the job at first.
    """

    def __init__(self, stack: StackStatus, seed: int, progress: Callable[[str], None], *, parallelism: int = 1) -> None:
        self._stack, self._seed, self._progress = stack, seed, progress
        self._topic = f"chaos_{time.time_ns() // 10**6}"
        self._databases = {name: make_database(stack, _database(name)) for name in (DISTURBED, UNDISTURBED)}
        self._models = ModelChanges(addresses_of(stack, self._databases[DISTURBED]), self._topic, progress)
        self._parallelism = parallelism
        self._job_id = ""
        self._watch = Watch(
            home=stack.home,
            kafka=stack.kafka,
            flink_url=stack.flink_url,
            database_url=self._databases[DISTURBED],
            topic=self._topic,
        )
        self.report = ChaosReport(seed=seed)

    def run(self, faults: Sequence[Fault], *, per_exchange: int) -> ChaosReport:
        """Inflict the faults one after another, wait after each until results flow, and compare at the end."""
        self.report.n_faults = len(faults)
        try:
            self._endure(faults, per_exchange)
            self._compare()
        except SystemExit:
            self.report.failure = "ended by a signal"
            raise
        except Exception as error:
            self.report.failure = str(error) or type(error).__name__
            raise
        return self.report

    def rescale(self, _home: object) -> None:
        """Stop the job with a savepoint and resume it with another parallelism, two after one and one after two."""
        savepoint = self._stop()
        self._parallelism = 3 - self._parallelism
        self._job_id = self._submit(DISTURBED, *self._options(), savepoint=savepoint)

    def change_model(self) -> None:
        """Let another model score what comes from now on, whatever happens meanwhile."""
        self._models.change()
        self.report.model_changes += 1

    def clean_up(self) -> None:
        """End the job, and remove its state, and topics and databases unless there is a difference to look into."""
        cancel_job(self._stack, self._job_id)
        for name in self._databases:
            self._savepoints(name).delete()
        if self.report.outcomes and not self.report.is_same:
            self._progress(f"Topic {self._topic} and the databases {', '.join(map(_database, self._databases))} stay")
            return
        delete_topics(self._stack.kafka, self._topics())
        for name in self._databases:
            drop_database(self._stack, _database(name))

    def _endure(self, faults: Sequence[Fault], per_exchange: int) -> None:
        ensure_topics(self._stack.kafka, self._topics(), TOPIC_PARTITIONS)
        publish = partial(publish_waves, seed=self._seed, per_exchange=per_exchange)
        load = Publishing(self._stack.kafka, self._topic, publish)
        load.start()
        try:
            self._progress("Submitting the job")
            self._job_id = self._submit(DISTURBED, *self._options())
            self._wait_for_results(None, noticed_within_s=5.0)
            started_s = time.monotonic()
            for number, fault in enumerate(faults, start=1):
                load.check()
                self._inflict(fault, started_s)
                self._progress(f"{number} of {len(faults)}: {_sentence(self.report.injuries[-1])}")
        except KeyboardInterrupt:
            # What was inflicted until now is worth a comparison.
            self._progress("Asked to stop: no more faults, but the comparison")
            if self._has_ended():  # it was about to be resumed
                savepoint = self._savepoints(DISTURBED).last().as_uri()
                self._job_id = self._submit(DISTURBED, *self._options(), savepoint=savepoint)
        finally:
            self.report.records = load.stop()

    def _inflict(self, fault: Fault, started_s: float) -> None:
        newest, at_s = self._watch.newest_window(), time.monotonic()
        fault.inflict(self._stack.home)
        lasted_s = time.monotonic() - at_s
        recovery_s = self._wait_for_results(newest, noticed_within_s=fault.noticed_within_s)
        self.report.injuries.append(
            Injury(fault=fault.name, at_s=at_s - started_s, lasted_s=lasted_s, recovery_s=recovery_s)
        )

    def _wait_for_results(self, newest: datetime | None, *, noticed_within_s: float) -> float:
        return seconds_to_recovery(
            self._watch.newest_window,
            self._watch.is_whole,
            newest=newest,
            since_s=time.monotonic(),
            noticed_within_s=noticed_within_s,
        )

    def _compare(self) -> None:
        """Let the job read to the end of the topic, another one all of it undisturbed, and compute it without Flink."""
        self._progress(f"Reading to the end of {self.report.records:,} records")
        wait_until(self._watch.has_read_all, what="the job to read to the end of the topic", timeout_s=_READ_ALL_S)
        cancel_job(self._stack, self._job_id)
        self._progress("Reading them again, undisturbed")
        self._models.copy_to(self._databases[UNDISTURBED])
        self._job_id = self._submit(UNDISTURBED, "--stop-at-end")
        wait_until(self._has_ended, what="the undisturbed run to end", timeout_s=_READ_ALL_S)
        if job_state(self._stack, self._job_id) != "FINISHED":
            raise PipelineError("Expected the undisturbed run to end well, found it failed: see Flink's web UI")
        self._progress("Computing the results without Flink")
        outcomes = Outcomes(self._stack.kafka, self._topic, self._databases[DISTURBED])
        found = {name: outcomes.written(url, self._dead_letters(name)) for name, url in self._databases.items()}
        self.report.outcomes = found | {WITHOUT_FLINK: outcomes.computed()}
        if not self.report.is_same:
            self.report.differences = outcomes.differences(self._databases[DISTURBED])

    def _stop(self) -> str:
        """Stop the job with a savepoint; where that does not come about the job goes on, and is asked again."""
        savepoints = self._savepoints(DISTURBED)
        folder = savepoints.folder.as_uri()
        for _ in range(_STOP_ATTEMPTS - 1):
            try:
                return stop_with_savepoint(self._stack.flink_url, self._job_id, folder)
            except ServiceUnavailable as error:
                self._progress(str(error))
            if self._has_ended():
                return savepoints.last().as_uri()  # only the answer was lost
        return stop_with_savepoint(self._stack.flink_url, self._job_id, folder)

    def _savepoints(self, name: str) -> Savepoints:
        return Savepoints(addresses=addresses_of(self._stack, self._databases[name]), topic=self._topic)

    def _submit(self, name: str, *options: str, savepoint: str | None = None) -> str:
        addresses = addresses_of(self._stack, self._databases[name])
        options = ("--dead-letter-topic", self._dead_letters(name), *options)
        submission = Submission(addresses=addresses, topic=self._topic, job_options=options, savepoint=savepoint)
        return submission.run(lambda _line: None)

    def _options(self) -> tuple[str, str]:
        return ("--parallelism", str(self._parallelism))

    def _has_ended(self) -> bool:
        return job_state(self._stack, self._job_id) in ENDED

    def _dead_letters(self, name: str) -> str:
        return f"{self._topic}_{name}_dlq"

    def _topics(self) -> list[str]:
        return [self._topic, *map(self._dead_letters, self._databases)]


def _database(name: str) -> str:
    return f"chaos_{name}"


def _sentence(injury: Injury) -> str:
    return f"{injury.fault}: results flow again after {injury.recovery_s:.1f} s"

"""A steady load on a real job for hours, and what it does to memory, state, lag and latency meanwhile."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from ingest.kafka.broker import ensure_topics
from jobs.cluster.submission import Submission
from jobs.config import TOPIC_PARTITIONS
from jobs.trials.background_load import Publishing
from jobs.trials.sandbox import addresses_of, delete_topic, end_job, fresh_database
from jobs.trials.soak.probes import FlinkProbe, LatencyProbe, Sample, Sampler
from jobs.trials.soak.soak_load import LoadSettings, SoakLoad
from stack.stack_status import StackStatus

DATABASE: Final = "soak"
SAMPLES: Final = "samples.jsonl"

JOB_OPTIONS: Final = ("--idle-gap-minutes", "0.5", "--downtime-hours", "0.05")
"""What Flink knows of a connection is dropped after a quarter of an hour, so that a soak sees state come and go."""

_SETTLE_S: Final = 15.0


@dataclass(frozen=True, kw_only=True)
class Soak:
    """What is to be done.

    Attributes
    ----------
    seconds : float
        How long, from the first record on.
    every_s : float
        Between samples.
    load : LoadSettings
        What is sent meanwhile.
    folder : Path
        Gets `samples.jsonl`, one sample a line, each written when it is taken.
    job_options : tuple of str
        Of the job, behind our own.
    """

    seconds: float
    every_s: float
    load: LoadSettings
    folder: Path
    job_options: tuple[str, ...] = ()

    def run(self, stack: StackStatus, show: Callable[[Sample], None]) -> None:
        """Run to the end, or to Ctrl-C, on a topic and in a database of its own; both are gone afterwards.

        Parameters
        ----------
        stack : StackStatus
            A stack of this machine on which no job of ours runs.
        show : callable
            Called with each sample.
        """
        topic = f"soak_{time.time_ns() // 10**6}"
        options = (*JOB_OPTIONS, *self.job_options)
        ensure_topics(stack.kafka, [topic], TOPIC_PARTITIONS)
        job_id = ""
        with fresh_database(stack, DATABASE) as url:
            try:
                job_id = Submission(addresses=addresses_of(stack, url), topic=topic, job_options=options).run(
                    lambda _line: None
                )
                load = SoakLoad(self.load)
                publishing = Publishing(stack.kafka, topic, load.publish)
                flink = FlinkProbe(flink_url=stack.flink_url, job_id=job_id)
                sampler = Sampler(stack=stack, flink=flink, database=LatencyProbe(database_url=url))
                self._watch(load, publishing, sampler, show)
            finally:
                end_job(stack, url, topic, job_id)
                delete_topic(stack, topic)

    def _watch(self, load: SoakLoad, publishing: Publishing, sampler: Sampler, show: Callable[[Sample], None]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / SAMPLES).open("w", encoding="utf-8") as file:

            def write(line: Sample) -> None:
                file.write(json.dumps(line) + "\n")
                file.flush()

            write({"load": asdict(self.load), "job_options": [*JOB_OPTIONS, *self.job_options]})
            publishing.start()
            try:
                for number in range(1, round(self.seconds / self.every_s) + 1):
                    time.sleep(max(0.0, sampler.started_s + number * self.every_s - time.monotonic()))
                    publishing.check()
                    sample = sampler.sample() | {"sent": asdict(load.sent) | {"late_s": load.worst_late_s()}}
                    write(sample)
                    show(sample)
            except KeyboardInterrupt:
                pass  # what there is so far is worth a plot
            finally:
                acknowledged = publishing.stop()
            time.sleep(_SETTLE_S)
            write({"acknowledged": acknowledged, "bad": load.sent.bad, "dead letters": sampler.database.dead_letters()})

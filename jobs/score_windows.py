"""The main of the job: run by `flink run`, or by an application cluster, where it also checks what `submit` checks."""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from pyflink.datastream import StreamExecutionEnvironment

from ingest.kafka.topic_reader import TopicReader
from jobs.cluster.model_activation import ensure_schedule
from jobs.cluster.preparation import Preparation
from jobs.config import JOB_NAME, JobSettings
from jobs.pipeline.assembly import build_pipeline, is_application, is_from_savepoint, is_recovered
from jobs.pipeline.code_shipping import ship, ship_jars
from jobs.pipeline.job_arguments import JobArguments, parse_job_arguments
from jobs.pipeline.kafka_security import java_security
from jobs.results.database_fitness import find_pooler
from model.registry.topic_models import RegistryModels
from stack.java.functions_jar import job_jars
from stack.java.jars import ensure_jars
from udfs.errors import PipelineError
from udfs.kafka_properties import read_kafka_properties


def main(arguments: JobArguments) -> None:
    """Build the job and hand it to the cluster that `flink run` talks to, or that runs this as its application."""
    settings = arguments.settings
    database = replace(settings.database, is_pooled=find_pooler(settings.database.url))
    security = java_security(read_kafka_properties())
    settings = replace(settings, database=database, kafka_security=security)
    environment = StreamExecutionEnvironment.get_execution_environment()
    if is_application(environment):
        if not is_recovered(environment):
            _prepare(arguments, is_resumed=is_from_savepoint(environment))
        ship_jars(environment, [*job_jars(), *ensure_jars("flink", _say)])
        _start(environment, settings)
        return
    with TopicReader(settings.kafka, settings.topic) as reader:
        # Where a job that resumes goes on is not known here: whatever it is, the model that is active now is needed.
        is_resumed = is_from_savepoint(environment)
        begins = {span.partition: span.end if is_resumed else span.first for span in reader.spans}
    ensure_schedule(
        settings.database.url, settings.topic, arguments.model, arguments.false_unknown_rate, unread_from=begins
    )
    if arguments.jars:
        ship_jars(environment, arguments.jars, pyflink_too=not arguments.pyflink_on_cluster)
    with tempfile.TemporaryDirectory() as folder:
        ship(environment, Path(folder))
        _start(environment, settings)


def _start(environment: StreamExecutionEnvironment, settings: JobSettings) -> None:
    # The workers find the password where they run: the plan of the job is kept in files, and shown.
    build_pipeline(environment, settings, partial(RegistryModels, settings.database.open_url, settings.topic))
    environment.execute_async(JOB_NAME)


def _prepare(arguments: JobArguments, *, is_resumed: bool) -> None:
    """Check what `submit` checks, with the job's own login, which may neither activate a model nor delete an event."""
    settings = arguments.settings
    preparation = Preparation(
        kafka=settings.kafka,
        database_url=settings.database.url,
        activating_url=settings.database.url,
        topic=settings.topic,
        dead_letter_topic=settings.dead_letter_topic,
        model=arguments.model,
        false_unknown_rate=arguments.false_unknown_rate,
    )
    preparation.services(_say)
    preparation.beginning(is_resumed=is_resumed, progress=_say)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    try:
        main(
            parse_job_arguments(
                sys.argv[1:],
                kafka=os.environ.get("FINGERPRINT_KAFKA"),
                database_url=os.environ.get("DATABASE_URL"),
            )
        )
    except PipelineError as error:
        sys.exit(f"Error: {error}")

"""What `flink run -py jobs/score.py` runs: reads its settings, ships the code and the model, and submits the job."""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

from pyflink.datastream import StreamExecutionEnvironment

from jobs.config import JOB_NAME, JobSettings, parse_database_url, require
from jobs.pipeline import build_pipeline
from jobs.shipping import SHIPPED_MODEL, ship
from model.artifact import DEFAULT_ARTIFACT, load_predictor
from udfs.errors import PipelineError


def main(arguments: list[str]) -> None:
    """Build the job and hand it to the cluster that `flink run` talks to."""
    parser = argparse.ArgumentParser(prog="score.py", description=__doc__)
    parser.add_argument("--kafka", help="bootstrap servers (or FINGERPRINT_KAFKA)")
    parser.add_argument("--model", type=Path, default=DEFAULT_ARTIFACT, help="folder of the model artifact")
    parser.add_argument("--jars", type=Path, nargs="*", default=[], help="connector jars, where the cluster has none")
    parser.add_argument("--topic", default=JobSettings.topic)
    parser.add_argument("--dead-letter-topic", default=JobSettings.dead_letter_topic)
    parser.add_argument("--parallelism", type=int, default=JobSettings.parallelism)
    parser.add_argument("--state-ttl-hours", type=float, default=JobSettings.state_ttl_hours)
    parser.add_argument("--bundle-ms", type=int, default=JobSettings.bundle_ms)
    parser.add_argument("--flush-ms", type=int, default=JobSettings.flush_ms)
    parser.add_argument("--checkpoint-ms", type=int, default=JobSettings.checkpoint_ms)
    parser.add_argument("--stop-at-end", action="store_true", help="finish when the topic is read")
    options = vars(parser.parse_args(arguments))
    model: Path = options.pop("model")
    jars: list[Path] = options.pop("jars")
    kafka = require(options.pop("kafka"), "FINGERPRINT_KAFKA", "--kafka", "the Kafka bootstrap servers")
    database = parse_database_url(require(None, "DATABASE_URL", "the environment", "the address of PostgreSQL"))
    load_predictor(model)
    environment = StreamExecutionEnvironment.get_execution_environment()
    if jars:
        environment.add_jars(*(path.absolute().as_uri() for path in jars))
    settings = JobSettings(kafka=kafka, database=database, **options)
    with tempfile.TemporaryDirectory() as folder:
        ship(environment, model, Path(folder))
        build_pipeline(environment, settings, partial(load_predictor, Path(SHIPPED_MODEL)))
        environment.execute_async(JOB_NAME)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except PipelineError as error:
        sys.exit(f"Error: {error}")

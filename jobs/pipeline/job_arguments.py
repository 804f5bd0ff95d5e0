"""The options of the job itself, parsed where it is submitted from and again inside `flink run`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from jobs.config import JobSettings
from model.registry.database_url import parse_database_url
from model.training.calibration import DEFAULT_RATE
from udfs.errors import ConfigError

_PROGRAM = "jobs/score_windows.py"


@dataclass(frozen=True, kw_only=True)
class JobArguments:
    """What the job's main is told.

    Attributes
    ----------
    settings : JobSettings
        The job's.
    model : Path or None
        Folder of the topic's first model, if one is named.
    false_unknown_rate : float or None
        Share of known windows that it may refuse, if one is named.
    jars : list of Path
        What is shipped with the job.
    pyflink_on_cluster : bool
        Whether PyFlink's jar is not, because the cluster has it on its class path.
    """

    settings: JobSettings
    model: Path | None
    false_unknown_rate: float | None
    jars: list[Path]
    pyflink_on_cluster: bool


class _Parser(argparse.ArgumentParser):
    """Says which option was meant by one that does not exist."""

    def error(self, message: str) -> NoReturn:
        known = [option for action in self._actions for option in action.option_strings]
        words = message.split() if message.startswith("unrecognized") else []
        options = [word.partition("=")[0] for word in words if word.startswith("--")]
        similar = [found for option in options for found in get_close_matches(option, known, n=1)]
        super().error(f"{message}; did you mean {' and '.join(similar)}?" if similar else message)


def build_parser() -> argparse.ArgumentParser:
    """Describe the job's options."""
    parser = _Parser(prog=_PROGRAM, description="Score the windows of every connection of a topic.")
    parser.add_argument("--kafka", help="bootstrap servers (or FINGERPRINT_KAFKA)")
    parser.add_argument("--model", type=Path, help="folder of the topic's first model, if not the one that comes along")
    parser.add_argument(
        "--false-unknown-rate",
        type=float,
        help=f"share of a known exchange's windows that it may call unknown, if not {DEFAULT_RATE}",
    )
    parser.add_argument("--jars", type=Path, nargs="*", default=[], help="connector jars, where the cluster has none")
    parser.add_argument(
        "--pyflink-on-cluster",
        action="store_true",
        help="do not ship PyFlink's jar: JobManager and TaskManagers have it on their class path",
    )
    parser.add_argument("--topic", default=JobSettings.topic, help="of the messages")
    parser.add_argument("--dead-letter-topic", default=JobSettings.dead_letter_topic, help="of invalid records")
    parser.add_argument("--parallelism", type=int, default=JobSettings.parallelism, help="subtasks of every operator")
    parser.add_argument(
        "--idle-gap-minutes",
        type=float,
        default=JobSettings.idle_gap_minutes,
        help="after a longer one a connection starts again at message 1",
    )
    parser.add_argument(
        "--downtime-hours",
        type=float,
        default=JobSettings.downtime_hours,
        help="how late a message may be processed without being taken for the first of its connection",
    )
    parser.add_argument("--bundle-ms", type=int, default=JobSettings.bundle_ms, help="longest wait for a batch")
    parser.add_argument("--flush-ms", type=int, default=JobSettings.flush_ms, help="longest wait for rows to write")
    parser.add_argument("--checkpoint-ms", type=int, default=JobSettings.checkpoint_ms, help="between checkpoints")
    parser.add_argument(
        "--state-backend",
        choices=["hashmap", "rocksdb"],
        default=JobSettings.state_backend,
        help="where connections are remembered: on the heap, or on disk when that is too small (the cluster's)",
    )
    parser.add_argument("--stop-at-end", action="store_true", help="finish when what is in the topic now is read")
    return parser


def parse_job_arguments(arguments: Sequence[str], *, kafka: str | None, database_url: str | None) -> JobArguments:
    """Parse the job's command line; an option that is wrong ends the process with a sentence, as argparse does.

    Parameters
    ----------
    arguments : sequence of str
        Without the program's name.
    kafka : str or None
        Bootstrap servers from the environment, for where the flag is missing.
    database_url : str or None
        From the environment, for it holds a password.
    """
    options = vars(build_parser().parse_args(arguments))
    options["kafka"] = options["kafka"] or kafka
    shipped = {name: options.pop(name) for name in ("model", "false_unknown_rate", "jars", "pyflink_on_cluster")}
    if not options["kafka"]:
        raise ConfigError("Expected Kafka's bootstrap servers, found neither --kafka nor FINGERPRINT_KAFKA: name them")
    if not database_url:
        raise ConfigError("Expected the address of PostgreSQL in DATABASE_URL, found none: set it")
    return JobArguments(settings=JobSettings(database=parse_database_url(database_url), **options), **shipped)

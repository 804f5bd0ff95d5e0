"""Flink's metrics of the job, as Prometheus keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jobs.config import JOB_NAME

_JOB: Final = f'job_name="{JOB_NAME}"'


def of_job(name: str, *labels: str) -> str:
    """Select one of the job's metrics as its JobManager tells it."""
    return _select(f"flink_jobmanager_job_{name}", labels)


def of_task(name: str, *labels: str) -> str:
    """Select a metric of the job's tasks: chains of operators that one thread runs."""
    return _select(f"flink_taskmanager_job_task_{name}", labels)


def of_operator(name: str, *labels: str) -> str:
    """Select a metric of the job's operators."""
    return _select(f"flink_taskmanager_job_task_operator_{name}", labels)


def _select(metric: str, labels: Sequence[str]) -> str:
    return f"{metric}{{{', '.join((_JOB, *labels))}}}"


def per_second(counter: str, by: str = "") -> str:
    """Say how fast a counter rises, all subtasks together."""
    return f"sum{by and f' by ({by}) '}(rate({counter}[$__rate_interval]))"


def in_range(counter: str) -> str:
    """Say by how much a counter has risen in the time that the dashboard shows."""
    return f"round(sum(increase({counter}[$__range])))"


RUNNING_MS: Final = of_job("allSubTasksRunningOrFinishedTime")
"""How long all of the job has run; its `runningTime` begins before tasks have loaded their models."""

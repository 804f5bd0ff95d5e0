"""The lower half of Pipeline: checkpoints, restarts, and where time and memory go."""

from __future__ import annotations

from typing import Final

from grafana.source.blocks.fields import field
from grafana.source.blocks.flink_metrics import RUNNING_MS, of_job, of_operator, of_task, per_second
from grafana.source.blocks.panels import PromQL, timeseries
from grafana.source.blocks.style import GREEN, PURPLE, SKY_BLUE, VERMILLION, YELLOW, Json

_TASK_COLOURS: Final = tuple(
    field(like=f"^{first}", colour=colour)
    for first, colour in {"Messages": SKY_BLUE, "Gather": GREEN, "Remember": YELLOW, "Keep": PURPLE}.items()
)


def checkpoints(y: int) -> list[Json]:
    """Lay out whether the job saves its state and keeps running."""
    return [
        timeseries(
            "Checkpoint duration",
            "How long the last checkpoint took. One begins every 5 seconds; longer than that, and the job is busy or "
            "its disk slow.",
            PromQL(f"max({of_job('lastCheckpointDuration')} >= 0)", "duration"),
            at=(0, y, 12, 8),
            unit="ms",
            least=0,
            fields=[field("duration", colour=SKY_BLUE)],
        ),
        timeseries(
            "Checkpoint size",
            "State that the last checkpoint holds, and what of it was written anew: about 5 KB for each connection.",
            PromQL(f"max({of_job('lastCheckpointFullSize')} >= 0)", "whole state"),
            PromQL(f"max({of_job('lastCheckpointSize')} >= 0)", "written"),
            at=(12, y, 12, 8),
            unit="bytes",
            least=0,
            fields=[field("whole state", colour=GREEN), field("written", colour=YELLOW, lineWidth=1)],
        ),
        timeseries(
            "Checkpoints",
            "Checkpoints completed and failed in a minute: 12 of them, and none. While the job starts, those that come "
            "too early count as failed.",
            PromQL(f"60 * {per_second(of_job('numberOfCompletedCheckpoints'))}", "completed"),
            PromQL(f"60 * {per_second(of_job('numberOfFailedCheckpoints'))}", "failed"),
            at=(0, y + 8, 12, 8),
            unit="short",
            least=0,
            fields=[field("completed", colour=SKY_BLUE), field("failed", colour=VERMILLION)],
        ),
        timeseries(
            "Running",
            "1 while every task of the job runs, 0 while it is restarted or gone; and restarts, a step up each.",
            PromQL(f"max({RUNNING_MS} > bool 0) or vector(0)", "running"),
            PromQL(f"sum({of_job('numRestarts')})", "restarts"),
            at=(12, y + 8, 12, 8),
            unit="short",
            decimals=0,
            least=0,
            soft_most=1,
            fields=[
                field("running", colour=GREEN, lineInterpolation="stepAfter", fillOpacity=20),
                field("restarts", colour=VERMILLION, lineInterpolation="stepAfter"),
            ],
        ),
    ]


def resources(y: int) -> list[Json]:
    """Lay out which task is busy, which waits, and how memory is used."""
    return [
        timeseries(
            "Busy",
            "Share of its time that each task works, the busiest subtask's. A task is a chain of operators, named by "
            "its first; at 100 % it is what limits the job.",
            PromQL(_share_of_time("busy"), "{{task}}"),
            at=(0, y, 12, 9),
            unit="percentunit",
            least=0,
            most=1,
            fields=_TASK_COLOURS,
        ),
        timeseries(
            "Back-pressured",
            "Share of its time that each task waits for the next one to take what it has: the one after the last that "
            "waits is what limits the job.",
            PromQL(_share_of_time("backPressured"), "{{task}}"),
            at=(12, y, 12, 9),
            unit="percentunit",
            least=0,
            most=1,
            fields=_TASK_COLOURS,
        ),
        timeseries(
            "Memory",
            "Heap in use, of the TaskManager and the JobManager, and the memory of the Python workers.",
            PromQL("sum(flink_taskmanager_Status_JVM_Memory_Heap_Used)", "TaskManager"),
            PromQL("sum(flink_jobmanager_Status_JVM_Memory_Heap_Used)", "JobManager"),
            PromQL(f"sum({of_operator('worker_memory_bytes')})", "Python workers"),
            at=(0, y + 9, 8, 9),
            unit="bytes",
            least=0,
            fields=[
                field("TaskManager", colour=SKY_BLUE),
                field("JobManager", colour=PURPLE),
                field("Python workers", colour=YELLOW),
            ],
        ),
        timeseries(
            "Heap in use",
            "Share of the largest heap that is in use. After each collection it falls; if it no longer does, give the "
            "process more.",
            PromQL(_heap_share("taskmanager"), "TaskManager"),
            PromQL(_heap_share("jobmanager"), "JobManager"),
            at=(8, y + 9, 8, 9),
            unit="percentunit",
            least=0,
            most=1,
            fields=[field("TaskManager", colour=SKY_BLUE), field("JobManager", colour=PURPLE)],
        ),
        timeseries(
            "Garbage collection",
            "Share of the time that Java spends on collecting garbage.",
            PromQL(_gc_share("taskmanager"), "TaskManager"),
            PromQL(_gc_share("jobmanager"), "JobManager"),
            at=(16, y + 9, 8, 9),
            unit="percentunit",
            least=0,
            fields=[field("TaskManager", colour=SKY_BLUE), field("JobManager", colour=PURPLE)],
        ),
    ]


def _share_of_time(kind: str) -> str:
    return f"max by (task) ({of_task(f'{kind}TimeMsPerSecond')}) / 1000"


def _heap_share(process: str) -> str:
    heap = f"flink_{process}_Status_JVM_Memory_Heap"
    return f"max({heap}_Used / {heap}_Max)"


def _gc_share(process: str) -> str:
    return f"max(rate(flink_{process}_Status_JVM_GarbageCollector_All_Time[$__rate_interval])) / 1000"

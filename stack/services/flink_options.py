"""Flink's settings on this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stack.java.flink_wheel import module_options
from stack.ports import LOCALHOST

MANY = 2**31 - 1
# A job's own: how it is restarted, without end, and what its checkpoints may cost. They stay when the job has gone.
JOB_OPTIONS: dict[str, str | int] = {
    "restart-strategy.type": "exponential-delay",
    "restart-strategy.exponential-delay.initial-backoff": "500 ms",
    "restart-strategy.exponential-delay.max-backoff": "10 s",
    "restart-strategy.exponential-delay.reset-backoff-threshold": "30 s",
    "restart-strategy.exponential-delay.attempts-before-reset-backoff": MANY,
    "execution.checkpointing.tolerable-failed-checkpoints": MANY,
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
}
# Without a start script to derive them from one total, each is written out: together 2.5 GiB.
TASKMANAGER_MEMORY_MB = {
    "framework.heap.size": 128,
    "task.heap.size": 1024,
    "managed.size": 512,  # Python workers take their share from it
    "framework.off-heap.size": 128,
    "task.off-heap.size": 64,
    "network.min": 192,
    "network.max": 192,
    "jvm-metaspace.size": 256,
    "jvm-overhead.min": 256,
    "jvm-overhead.max": 256,
}
HA_FOLDER = "ha"
# How soon a failure is noticed and what follows it. A killed process is noticed sooner than by its silence.
FAILURE_OPTIONS: dict[str, str | int] = {
    "heartbeat.interval": "1 s",
    "heartbeat.timeout": "8 s",
    # A TaskManager that is up before its JobManager would try again only after 10 s, one that was refused after 30 s.
    "cluster.registration.error-delay": "500 ms",
    "cluster.registration.refused-registration-delay": "1 s",
    "cluster.registration.max-timeout": "5 s",
    # A manager whose network has not started within Flink's 10 s ends; on a busy machine it takes longer.
    "pekko.startup-timeout": "1 min",
    # What does not let itself be cancelled takes its TaskManager along, which is started again.
    "task.cancellation.timeout": "30 s",
    **JOB_OPTIONS,
}
# What a web page of another site may do with Flink: nothing. Jobs come by `POST /jobs`, which stays.
REST_OPTIONS: dict[str, str | int] = {
    "web.submit.enable": "false",
    "web.cancel.enable": "false",
    # The default names every origin, and nothing names none: no site has a name that ends so (RFC 6761).
    "web.access-control-allow-origin": "https://none.invalid",
}
# Served to Prometheus, where it is asked for.
REPORTER = "metrics.reporter.prom"
# Ours: Flink's own listens on every address of the machine.
REPORTER_CLASS = {f"{REPORTER}.factory.class": "org.apache.flink.metrics.prometheus.LoopbackReporterFactory"}
REPORTER_OPTIONS: dict[str, str | int] = {
    # Operators and reasons as people read them.
    f"{REPORTER}.filterLabelValueCharacters": "false",
    # Each is another series for the same thing: after every restart, or for every operator of a process.
    f"{REPORTER}.scope.variables.excludes": "host;tm_id;task_attempt_id;task_attempt_num",
}


@dataclass(frozen=True, kw_only=True)
class MetricsPorts:
    """Where Prometheus reads Flink's processes."""

    jobmanager: int
    taskmanagers: tuple[int, ...]


def cluster_options(folder: Path, port: int, task_slots: int) -> dict[str, str | int]:
    """Return the options of a cluster whose REST interface is at `port` and whose files are in `folder`."""
    return {
        "jobmanager.rpc.address": LOCALHOST,
        "jobmanager.bind-host": LOCALHOST,
        "taskmanager.host": LOCALHOST,
        "taskmanager.bind-host": LOCALHOST,
        "rest.address": LOCALHOST,
        "rest.bind-address": LOCALHOST,
        "rest.port": port,
        **REST_OPTIONS,
        "parallelism.default": 1,
        "taskmanager.numberOfTaskSlots": task_slots,
        "taskmanager.cpu.cores": task_slots,
        # Of several TaskManagers each gets its share of a job.
        "taskmanager.load-balance.mode": "SLOTS",
        **{f"taskmanager.memory.{name}": f"{size_mb}m" for name, size_mb in TASKMANAGER_MEMORY_MB.items()},
        "execution.checkpointing.interval": "5 s",
        "execution.checkpointing.dir": f"file://{folder / 'checkpoints'}",
        "execution.checkpointing.savepoint-dir": f"file://{folder / 'savepoints'}",
        **FAILURE_OPTIONS,
        **python_options(),
    }


def ha_options(folder: Path, zookeeper: str) -> dict[str, str | int]:
    """Return the options by which a new JobManager goes on with the jobs of the last."""
    return {
        "high-availability.type": "zookeeper",
        "high-availability.storageDir": f"file://{folder / HA_FOLDER}",
        "high-availability.zookeeper.quorum": zookeeper,
        # So long a killed JobManager stays the leader, and so long ZooKeeper itself may be away unnoticed.
        "high-availability.zookeeper.client.session-timeout": "6 s",
        "high-availability.zookeeper.client.tolerate-suspended-connections": "true",
        "high-availability.zookeeper.client.retry-wait": "1 s",
        "high-availability.zookeeper.client.max-retry-attempts": "10",
    }


def python_options() -> dict[str, str]:
    """Return the options that let client and cluster run this Python."""
    return {
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
        "env.java.opts.all": " ".join(module_options()),
    }


def write_config(conf: Path, options: Mapping[str, str | int]) -> None:
    """Write Flink's configuration file into its folder."""
    # JSON's strings and numbers are YAML's too.
    lines = [f"{key}: {json.dumps(value)}\n" for key, value in options.items()]
    (conf / "config.yaml").write_text("".join(lines), encoding="utf-8")

"""Apache Flink: a standalone cluster of one JobManager and one TaskManager, from the jars of PyFlink's wheel.

Which jobs run is kept in ZooKeeper and in the folder `HA_FOLDER`: a JobManager that was killed, or stopped with the
stack, goes on with them from their last checkpoints when it is started again.

The two Java commands are made here instead of by the wheel's shell scripts, which start several more JVMs to read the
configuration and split paths at spaces.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from stack.addresses import ANSWER_TIMEOUT_S, LOCALHOST, free_port
from stack.java import JavaHome, find_java
from stack.jvm import flink_home, flink_jars, log_options, module_options
from stack.service import Service
from stack.settings import resolve_home
from stack.zookeeper import build_zookeeper

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
JOBMANAGER_HEAP_MB = 768
HA_FOLDER = "ha"
# How soon a failure is noticed and what follows it. A killed process is noticed sooner than by its silence.
FAILURE_OPTIONS: dict[str, str | int] = {
    "heartbeat.interval": "1 s",
    "heartbeat.timeout": "8 s",
    # A TaskManager that is up before its JobManager would try again only after 10 s, one that was refused after 30 s.
    "cluster.registration.error-delay": "500 ms",
    "cluster.registration.refused-registration-delay": "1 s",
    "cluster.registration.max-timeout": "5 s",
    # A start beside others that work off a backlog may wait long for a core.
    "pekko.startup-timeout": "1 min",
    # What does not let itself be cancelled takes its TaskManager along, which is started again.
    "task.cancellation.timeout": "30 s",
    **JOB_OPTIONS,
}
JOBMANAGER_CLASS = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
TASKMANAGER_CLASS = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"


def build_flink(home: Path, port: int, task_slots: int, java: JavaHome) -> list[Service]:
    """Describe ZooKeeper, the JobManager and the TaskManager.

    Parameters
    ----------
    home : Path
        The stack's home; configuration, checkpoints and working files lie in its folder ``flink``.
    port : int
        Of the REST interface and the web UI.
    task_slots : int
        Slots of the TaskManager.
    java : JavaHome
        What runs them.
    """
    folder = home / "flink"
    for name in ("checkpoints", "conf"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    zookeeper = build_zookeeper(home, free_port(), java)
    options = _cluster_options(folder, port, task_slots) | _ha_options(folder, zookeeper.address)
    _write_config(folder / "conf", options)
    return [zookeeper, _build_jobmanager(home, port, java), _build_taskmanager(home, port, java)]


def forget_jobs(home: Path) -> bool:
    """Let the next JobManager start without jobs, and return whether there were any; their checkpoints stay."""
    folder = home / "flink" / HA_FOLDER
    had_jobs = any(folder.glob("*/submitted*"))
    for path in (folder, home / "zookeeper" / "data"):
        shutil.rmtree(path, ignore_errors=True)
    return had_jobs


def last_snapshot(home: Path) -> Path | None:
    """Return the newest complete checkpoint or savepoint of the cluster in `home`."""
    folder = resolve_home(home) / "flink"
    found = [*folder.glob("checkpoints/*/chk-*/_metadata"), *folder.glob("savepoints/*/_metadata")]
    return max(found, key=lambda path: path.stat().st_mtime_ns).parent if found else None


def client_environment(home: Path, flink_url: str) -> dict[str, str]:
    """Return the environment in which the wheel's ``bin/flink`` finds the cluster, Java and this Python.

    Parameters
    ----------
    home : Path
        The client's configuration is written into its folder ``flink-client``, for the wheel's own may be read-only.
    flink_url : str
        The cluster's REST interface.
    """
    parts = urlsplit(flink_url)
    conf = home / "flink-client" / "conf"
    # In the system's temporary folder the client's files would lie in a folder that belongs to its first user.
    own_tmp = home / "flink-client" / "tmp"
    for folder in (conf, own_tmp):
        folder.mkdir(parents=True, exist_ok=True)
    for path in (flink_home() / "conf").glob("log4j*.properties"):
        shutil.copyfile(path, conf / path.name)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    _write_config(conf, {"rest.address": parts.hostname or "", "rest.port": port, **JOB_OPTIONS, **_python_options()})
    return {
        **os.environ,
        "JAVA_HOME": str(find_java().home),
        "FLINK_CONF_DIR": str(conf),
        "FLINK_LOG_DIR": str(conf.parent),
        # If this is empty the script adds an option that Java refuses from version 24 on.
        "FLINK_ENV_JAVA_OPTS": " ".join([f"-Djava.io.tmpdir={own_tmp}", *module_options()]),
    }


def _build_jobmanager(home: Path, port: int, java: JavaHome) -> Service:
    log = home / "logs" / "jobmanager.log"
    url = f"http://{LOCALHOST}:{port}"
    # It has little to compute: without the second compiler it starts with half the work.
    options = [f"-Xmx{JOBMANAGER_HEAP_MB}m", "-XX:TieredStopAtLevel=1"]
    own_tmp = home / "flink" / "tmp" / "jobmanager"
    command = _java_command(home, java, log, options, JOBMANAGER_CLASS, own_tmp)
    return Service(
        name="jobmanager",
        title="Flink JobManager",
        address=f"{LOCALHOST}:{port}",
        web_url=url,
        prepare=partial(_prepare_jobmanager, home, own_tmp),
        command=lambda _start: command,
        is_ready=lambda _start: _get(f"{url}/overview") is not None,
        environment=_flink_folders(),
        log=log,
        output=log.with_suffix(".out"),
    )


def _build_taskmanager(home: Path, port: int, java: JavaHome) -> Service:
    log = home / "logs" / "taskmanager.log"
    memory_mb = TASKMANAGER_MEMORY_MB
    heap_mb = memory_mb["framework.heap.size"] + memory_mb["task.heap.size"]
    direct_mb = memory_mb["framework.off-heap.size"] + memory_mb["task.off-heap.size"] + memory_mb["network.max"]
    options = [
        f"-Xmx{heap_mb}m",
        f"-XX:MaxDirectMemorySize={direct_mb}m",
        f"-XX:MaxMetaspaceSize={memory_mb['jvm-metaspace.size']}m",
    ]
    own_tmp = home / "flink" / "tmp" / "taskmanager"
    command = _java_command(home, java, log, options, TASKMANAGER_CLASS, own_tmp)
    return Service(
        name="taskmanager",
        title="Flink TaskManager",
        address=LOCALHOST,
        prepare=partial(_empty_folder, own_tmp),
        command=lambda start: [*command, "-D", f"taskmanager.resource-id={_resource_id(start)}"],
        is_ready=lambda start: _is_registered(f"http://{LOCALHOST}:{port}", _resource_id(start)),
        environment=_flink_folders(),
        log=log,
        output=log.with_suffix(".out"),
    )


def _prepare_jobmanager(home: Path, own_tmp: Path) -> None:
    """Empty the working folder, and remove the results that Flink 2.3 writes but cannot read: it would end at once.

    A job that failed before it ran, from a savepoint that is not there for one, has a result without its application.
    """
    _empty_folder(own_tmp)
    for path in (home / "flink" / HA_FOLDER).glob("job-result-store/*/*_DIRTY.json"):
        if '"application-id"' not in path.read_text(encoding="utf-8"):
            path.unlink()


def _empty_folder(folder: Path) -> None:
    """Make a working folder anew: what a killed process left there, some 100 MB, is of no use to the next."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _java_command(
    home: Path, java: JavaHome, log: Path, options: Sequence[str], main_class: str, own_tmp: Path
) -> list[str]:
    return [
        str(java.executable),
        *options,
        "-XX:+UseG1GC",
        "-XX:+ExitOnOutOfMemoryError",
        "-Duser.timezone=UTC",
        f"-Djava.io.tmpdir={own_tmp}",
        *log_options(log),
        *module_options(),
        "-cp",
        ":".join(map(str, flink_jars())),
        main_class,
        "--configDir",
        str(home / "flink" / "conf"),
        *("-D", f"io.tmp.dirs={own_tmp}"),
    ]


def _flink_folders() -> dict[str, str]:
    return {f"FLINK_{name.upper()}_DIR": str(flink_home() / name) for name in ("lib", "opt", "plugins")}


def _resource_id(start: int) -> str:
    """Name one start of the TaskManager, so that its predecessor's registration is not taken for its own."""
    return f"taskmanager-{start}"


def _is_registered(url: str, resource_id: str) -> bool:
    answer = _get(f"{url}/taskmanagers")
    return answer is not None and any(known["id"] == resource_id for known in answer["taskmanagers"])


def _get(url: str) -> Any:
    """Return the JobManager's answer, None while it does not give one."""
    try:
        response = requests.get(url, timeout=ANSWER_TIMEOUT_S)
        return response.json() if response.ok else None
    except requests.RequestException:
        return None


def _python_options() -> dict[str, str]:
    return {
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
        "env.java.opts.all": " ".join(module_options()),
    }


def _cluster_options(folder: Path, port: int, task_slots: int) -> dict[str, str | int]:
    return {
        "jobmanager.rpc.address": LOCALHOST,
        "jobmanager.bind-host": LOCALHOST,
        "taskmanager.host": LOCALHOST,
        "taskmanager.bind-host": LOCALHOST,
        "rest.address": LOCALHOST,
        "rest.bind-address": LOCALHOST,
        "rest.port": port,
        "parallelism.default": 1,
        "taskmanager.numberOfTaskSlots": task_slots,
        "taskmanager.cpu.cores": task_slots,
        **{f"taskmanager.memory.{name}": f"{size_mb}m" for name, size_mb in TASKMANAGER_MEMORY_MB.items()},
        "execution.checkpointing.interval": "5 s",
        "execution.checkpointing.dir": f"file://{folder / 'checkpoints'}",
        "execution.checkpointing.savepoint-dir": f"file://{folder / 'savepoints'}",
        **FAILURE_OPTIONS,
        **_python_options(),
    }


def _ha_options(folder: Path, zookeeper: str) -> dict[str, str | int]:
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


def _write_config(conf: Path, options: Mapping[str, str | int]) -> None:
    # JSON's strings and numbers are YAML's too.
    lines = [f"{key}: {json.dumps(value)}\n" for key, value in options.items()]
    (conf / "config.yaml").write_text("".join(lines), encoding="utf-8")

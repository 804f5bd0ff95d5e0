"""Apache Flink: a standalone cluster of one JobManager and its TaskManagers, from the jars of PyFlink's wheel.

Which jobs run is kept in ZooKeeper and in the folder `HA_FOLDER`: a JobManager that was killed, or stopped with the
stack, goes on with them from their last checkpoints when it is started again.

The two Java commands are made here instead of by the wheel's shell scripts, which start several more JVMs to read the
configuration and split paths at spaces.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from stack.flink_tls import client_headers, flink_tls, rest_port
from stack.http import send
from stack.java.class_archive import ClassArchive
from stack.java.flink_wheel import flink_home, flink_jars, log_options, module_options, prometheus_jar, python_jar
from stack.java.functions_jar import functions_jar
from stack.java.runtime import JavaHome, find_java
from stack.ports import ANSWER_TIMEOUT_S, LOCALHOST, free_port
from stack.privacy import passed_on, private_files
from stack.services.flink_key_stores import client_tls_options
from stack.services.flink_options import (
    HA_FOLDER,
    JOB_OPTIONS,
    REPORTER,
    REPORTER_CLASS,
    REPORTER_OPTIONS,
    TASKMANAGER_MEMORY_MB,
    MetricsPorts,
    cluster_options,
    ha_options,
    python_options,
    write_config,
)
from stack.services.kafka_login import kafka_login_file
from stack.services.passwords import password_file
from stack.services.service import Service
from stack.services.zookeeper import build_zookeeper
from stack.settings import resolve_home
from udfs.kafka_properties import KAFKA_PROPERTIES

JOBMANAGER_HEAP_MB = 768
# What ends in seconds would only compile what it does not run again, on the cores that the job's start needs.
_CLIENT_OPTIONS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")

# Ten times Java's own limits: in a job's first minutes its second compiler takes a third of the time that it takes with
# those, for what is called seldom stays with the first one.
_LATE_COMPILING = (
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000",
    "-XX:Tier4CompileThreshold=150000",
    "-XX:Tier4BackEdgeThreshold=400000",
)
# What starts a job's main logs its environment.
_NO_ENVIRONMENT = """
logger.environment.name = org.apache.flink.client.python.PythonEnvUtils
logger.environment.level = WARN
"""
JOBMANAGER_CLASS = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
TASKMANAGER_CLASS = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"


def build_flink(
    home: Path,
    port: int,
    task_slots: int,
    java: JavaHome,
    metrics: MetricsPorts | None = None,
    *,
    n_taskmanagers: int = 1,
) -> list[Service]:
    """Describe ZooKeeper, the JobManager and the TaskManagers.

    Parameters
    ----------
    home : Path
        The stack's home; configuration, checkpoints and working files lie in its folder ``flink``.
    port : int
        Of the REST interface and the web UI.
    task_slots : int
        Slots of each TaskManager.
    java : JavaHome
        What runs them.
    metrics : MetricsPorts or None
        Where they serve their metrics, None for nowhere.
    n_taskmanagers : int
        The first is called ``taskmanager``, the second ``taskmanager-2``.
    """
    folder = home / "flink"
    for name in ("checkpoints", "conf"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    zookeeper = build_zookeeper(home, free_port(), java)
    options = cluster_options(folder, port, task_slots) | ha_options(folder, zookeeper.address)
    write_config(folder / "conf", options if metrics is None else options | REPORTER_CLASS | REPORTER_OPTIONS)
    return [
        zookeeper,
        _build_jobmanager(home, port, java, metrics.jobmanager if metrics else None),
        *(
            _build_taskmanager(home, port, java, number, metrics.taskmanagers[number - 1] if metrics else None)
            for number in range(1, n_taskmanagers + 1)
        ),
    ]


def forget_jobs(home: Path) -> bool:
    """Let the next JobManager start without jobs, and return whether there were any; their checkpoints stay."""
    had_jobs = resumes_jobs(home)
    for path in (home / "flink" / HA_FOLDER, home / "zookeeper" / "data"):
        shutil.rmtree(path, ignore_errors=True)
    return had_jobs


def resumes_jobs(home: Path) -> bool:
    """Tell whether a JobManager that starts in `home` goes on with jobs of the last."""
    return any((resolve_home(home) / "flink" / HA_FOLDER).glob("*/submitted*"))


def savepoint_folder(home: Path, name: str) -> Path:
    """Return where jobs of one kind keep their checkpoints, each in a folder of its id, and their savepoints."""
    return resolve_home(home) / "flink" / "checkpoints" / name


def savepoint_folder_of(home: Path, job_id: str) -> Path | None:
    """Return the `savepoint_folder` of a job; None if it has none, or is no job of the cluster in `home`."""
    return next((path.parent for path in savepoint_folder(home, "").glob(f"*/{job_id}")), None)


def last_savepoint(folder: Path) -> Path | None:
    """Return the newest complete checkpoint or savepoint in a `savepoint_folder`."""
    found = [*folder.glob("*/chk-*/_metadata"), *folder.glob("savepoint-*/_metadata")]
    return max(found, key=lambda path: path.stat().st_mtime_ns).parent if found else None


def last_checkpoint(home: Path) -> Path | None:
    """Return the newest complete checkpoint of any job of the cluster in `home`."""
    found = savepoint_folder(home, "").glob("*/*/chk-*/_metadata")
    return max((path.parent for path in found), key=savepoint_time_s, default=None)


def savepoint_time_s(savepoint: Path) -> float:
    """Return when a savepoint was complete, in seconds since the epoch by the machine's clock."""
    return (savepoint / "_metadata").stat().st_mtime


def client_environment(home: Path, flink_url: str) -> dict[str, str]:
    """Return the environment in which the wheel's ``bin/flink`` finds the cluster, Java and this Python.

    It has nothing of the user's that is not named in `stack.privacy`, but for what the address of Flink has.

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
    options = {"rest.address": parts.hostname or "", "rest.port": rest_port(parts), **JOB_OPTIONS, **python_options()}
    with private_files():
        for folder in (conf, own_tmp):
            folder.mkdir(parents=True, exist_ok=True)
        for path in (flink_home() / "conf").glob("log4j*.properties"):
            (conf / path.name).write_text(path.read_text(encoding="utf-8") + _NO_ENVIRONMENT, encoding="utf-8")
        if parts.scheme == "https":
            options |= client_tls_options(conf.parent / "tls", find_java(), flink_tls())
        write_config(conf, options)
    return {
        **passed_on(),
        "JAVA_HOME": str(find_java().home),
        "FLINK_CONF_DIR": str(conf),
        "FLINK_LOG_DIR": str(conf.parent),
        **client_headers(flink_url),
        # If this is empty the script adds an option that Java refuses from version 24 on.
        "FLINK_ENV_JAVA_OPTS": " ".join([*_CLIENT_OPTIONS, f"-Djava.io.tmpdir={own_tmp}", *module_options()]),
    }


def _build_jobmanager(home: Path, port: int, java: JavaHome, metrics_port: int | None) -> Service:
    log = home / "logs" / "jobmanager.log"
    url = f"http://{LOCALHOST}:{port}"
    # It has little to compute: without the second compiler it starts with half the work.
    options = [f"-Xmx{JOBMANAGER_HEAP_MB}m", "-XX:TieredStopAtLevel=1"]
    own_tmp = home / "flink" / "tmp" / "jobmanager"
    jars = _class_path(metrics_port)
    archive = ClassArchive.of("jobmanager", java, jars, home / "classes" / "jobmanager.jsa")
    command = _java_command(home, java, log, options, jars, JOBMANAGER_CLASS, own_tmp, metrics_port)
    return Service(
        name="jobmanager",
        title="Flink JobManager",
        address=f"{LOCALHOST}:{port}",
        web_url=url,
        prepare=partial(_prepare_jobmanager, home, own_tmp),
        command=lambda start: [command[0], *archive.options(start), *command[1:]],
        is_ready=lambda _start: _get(f"{url}/overview") is not None,
        environment=_flink_folders() | _kafka_login(home),
        log=log,
        output=log.with_suffix(".out"),
        class_archive=archive,
    )


def _build_taskmanager(home: Path, port: int, java: JavaHome, number: int, metrics_port: int | None) -> Service:
    name = "taskmanager" if number == 1 else f"taskmanager-{number}"
    log = home / "logs" / f"{name}.log"
    memory_mb = TASKMANAGER_MEMORY_MB
    heap_mb = memory_mb["framework.heap.size"] + memory_mb["task.heap.size"]
    direct_mb = memory_mb["framework.off-heap.size"] + memory_mb["task.off-heap.size"] + memory_mb["network.max"]
    options = [
        f"-Xmx{heap_mb}m",
        f"-XX:MaxDirectMemorySize={direct_mb}m",
        f"-XX:MaxMetaspaceSize={memory_mb['jvm-metaspace.size']}m",
        *_LATE_COMPILING,
    ]
    own_tmp = home / "flink" / "tmp" / name
    jars = _class_path(metrics_port)
    archive = ClassArchive.of("taskmanager", java, jars, home / "classes" / f"{name}.jsa")
    command = _java_command(home, java, log, options, jars, TASKMANAGER_CLASS, own_tmp, metrics_port)
    return Service(
        name=name,
        title="Flink TaskManager" if number == 1 else f"Flink TaskManager {number}",
        address=LOCALHOST,
        prepare=partial(_empty_folder, own_tmp),
        command=lambda start: [
            *(command[0], *archive.options(start), *command[1:]),
            *("-D", f"taskmanager.resource-id={_resource_id(number, start)}"),
        ],
        is_ready=lambda start: _is_registered(f"http://{LOCALHOST}:{port}", _resource_id(number, start)),
        # Where sinks and Python workers look for the database's password.
        environment=_flink_folders() | _kafka_login(home) | {"PGPASSFILE": str(password_file(home))},
        log=log,
        output=log.with_suffix(".out"),
        class_archive=archive,
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


def _class_path(metrics_port: int | None) -> list[Path]:
    # Our jar has what refuses web pages of other sites, what serves metrics on the loopback interface, and two classes
    # that PyFlink's has too. That one is here so that no job brings its 40 MB, and loads its classes, for itself.
    return [*flink_jars(), functions_jar(), python_jar(), *(() if metrics_port is None else (prometheus_jar(),))]


def _java_command(
    home: Path,
    java: JavaHome,
    log: Path,
    options: Sequence[str],
    jars: Sequence[Path],
    main_class: str,
    own_tmp: Path,
    metrics_port: int | None,
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
        ":".join(map(str, jars)),
        main_class,
        "--configDir",
        str(home / "flink" / "conf"),
        *("-D", f"io.tmp.dirs={own_tmp}"),
        *(() if metrics_port is None else ("-D", f"{REPORTER}.port={metrics_port}")),
    ]


def _flink_folders() -> dict[str, str]:
    return {f"FLINK_{name.upper()}_DIR": str(flink_home() / name) for name in ("lib", "opt", "plugins")}


def _kafka_login(home: Path) -> dict[str, str]:
    return {KAFKA_PROPERTIES: str(kafka_login_file(home))}


def _resource_id(number: int, start: int) -> str:
    """Name one start of a TaskManager, so that its predecessor's registration is not taken for its own."""
    return f"taskmanager-{number}-{start}"


def _is_registered(url: str, resource_id: str) -> bool:
    answer = _get(f"{url}/taskmanagers")
    return answer is not None and any(known["id"] == resource_id for known in answer["taskmanagers"])


def _get(url: str) -> Any:
    """Return the JobManager's answer, None while it does not give one."""
    try:
        response = send("GET", url, timeout=ANSWER_TIMEOUT_S)
        return response.json() if response.ok else None
    except requests.RequestException:
        return None

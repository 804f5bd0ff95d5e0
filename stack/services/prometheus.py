"""Prometheus: reads and keeps the metrics of Flink, as `deploy/prometheus/prometheus.yml` does in containers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import requests

from stack.http import send
from stack.ports import ANSWER_TIMEOUT_S, LOCALHOST
from stack.services.flink_options import MetricsPorts
from stack.services.service import Service
from udfs.errors import ConfigError

SCRAPE_INTERVAL = "5s"
# Of Flink's thousands of series, those that a person looks at.
KEPT_METRICS = (
    "flink_jobmanager_(numRunningJobs|numRegisteredTaskManagers|taskSlotsAvailable|taskSlotsTotal)",
    "flink_jobmanager_job_.+",
    "flink_(job|task)manager_Status_JVM_(CPU_Load|GarbageCollector_.+|Memory_(Heap|Metaspace|NonHeap)_(Used|Max))",
    "flink_taskmanager_job_task_(busy|backPressured|idle)TimeMsPerSecond",
    "flink_taskmanager_job_task_operator_(numRecords(In|Out)|pendingRecords)",
    "flink_taskmanager_job_task_operator_KafkaSourceReader_topic_partition_(currentOffset|committedOffset)",
    "flink_taskmanager_job_task_operator_(windows|batches|scoring|deciding|explaining|verdicts|last_batch|worker)_.+",
    "flink_taskmanager_job_task_operator_(model_version|reason)_.+",
)


def find_prometheus() -> Path:
    """Return the program on the PATH; raise `ConfigError` if there is none."""
    found = shutil.which("prometheus")
    if found is None:
        raise ConfigError(
            "Expected the program prometheus on the PATH, found none: install it (Debian's package is called "
            "prometheus), or leave out --prometheus-port"
        )
    return Path(found)


def scrape_config(discovery: Mapping[str, Any]) -> dict[str, Any]:
    """Return Prometheus's configuration; `discovery` says where Flink's processes are."""
    relabelling = [
        {"source_labels": ["__name__"], "action": "keep", "regex": "|".join(KEPT_METRICS)},
        # Operators as `jobs/pipeline/operator_names.py` names them; a task has the name of its chain's first operator.
        {"source_labels": ["operator_name"], "regex": "(?:Source|Sink): (.+)", "target_label": "operator_name"},
        {"source_labels": ["task_name"], "regex": "(?:Source: )?(.+?)(?: -> .*)?", "target_label": "task"},
        {"action": "labeldrop", "regex": "task_name"},
    ]
    return {
        "global": {"scrape_interval": SCRAPE_INTERVAL},
        "scrape_configs": [{"job_name": "flink", **discovery, "metric_relabel_configs": relabelling}],
    }


def build_prometheus(home: Path, port: int, flink: MetricsPorts, program: Path) -> Service:
    """Describe the server.

    Parameters
    ----------
    home : Path
        The stack's home; data and configuration lie in its folder ``prometheus``.
    port : int
        Of its web interface, which Grafana reads too.
    flink : MetricsPorts
        What it reads.
    program : Path
        What runs.
    """
    folder = home / "prometheus"
    config = folder / "prometheus.yml"
    log = home / "logs" / "prometheus.log"
    url = f"http://{LOCALHOST}:{port}"
    command = [
        str(program),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={LOCALHOST}:{port}",
    ]
    return Service(
        name="prometheus",
        title="Prometheus",
        address=f"{LOCALHOST}:{port}",
        web_url=url,
        prepare=partial(_write_config, config, flink),
        command=lambda _start: command,
        is_ready=lambda _start: _is_ready(url),
        log=log,
        output=log,
        stops_last=True,
    )


def _write_config(path: Path, flink: MetricsPorts) -> None:
    targets = [f"{LOCALHOST}:{port}" for port in (flink.jobmanager, *flink.taskmanagers)]
    path.parent.mkdir(parents=True, exist_ok=True)
    # JSON is YAML too.
    path.write_text(json.dumps(scrape_config({"static_configs": [{"targets": targets}]}), indent=1), encoding="utf-8")


def _is_ready(url: str) -> bool:
    try:
        return send("GET", f"{url}/-/ready", timeout=ANSWER_TIMEOUT_S).ok
    except requests.RequestException:
        return False

"""Apache Kafka: one broker that is its own controller."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from stack.java.class_archive import ClassArchive
from stack.java.flink_wheel import log_options, slf4j_binding
from stack.java.runtime import JavaHome
from stack.ports import LOCALHOST, check_kafka, free_port, listens
from stack.processes import run_as
from stack.services.service import Service
from udfs.errors import PipelineError, ServiceUnavailable


def build_kafka(home: Path, port: int, jars: Sequence[Path], java: JavaHome) -> Service:
    """Describe the broker.

    Parameters
    ----------
    home : Path
        The stack's home; the broker's data and configuration lie in its folder ``kafka``.
    port : int
        Where clients connect.
    jars : sequence of Path
        The broker's jars.
    java : JavaHome
        What runs it.
    """
    folder = home / "kafka"
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "server.properties"
    config.write_text(_properties(folder / "data", port, free_port()), encoding="utf-8")
    all_jars = [*jars, slf4j_binding()]
    class_path = ["-cp", ":".join(map(str, all_jars))]
    archive = ClassArchive.of("kafka", java, all_jars, home / "classes" / "kafka.jsa")
    log = home / "logs" / "kafka.log"
    options = ["-Xmx512m", "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError", *log_options(log)]
    address = f"{LOCALHOST}:{port}"
    return Service(
        name="kafka",
        title="Kafka broker",
        address=address,
        prepare=partial(_format_storage, [str(java.executable), *class_path], config, folder / "data"),
        command=lambda start: [
            *(str(java.executable), *archive.options(start), *options, *class_path),
            *("kafka.Kafka", str(config)),
        ],
        is_ready=lambda _start: _answers(port, address),
        log=log,
        output=log.with_suffix(".out"),
        stops_last=True,
        class_archive=archive,
    )


def _properties(data: Path, port: int, controller_port: int) -> str:
    # A voter that is configured, not recorded in the data, may have another controller port at each start.
    return f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{LOCALHOST}:{controller_port}
listeners=PLAINTEXT://{LOCALHOST}:{port},CONTROLLER://{LOCALHOST}:{controller_port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
"""


def _format_storage(java: Sequence[str], config: Path, data: Path) -> None:
    """Give an empty data folder its cluster id."""
    if (data / "meta.properties").exists():
        return
    # The letter in front keeps the id from starting with a dash, which would make it an option.
    cluster_id = "A" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
    done = run_as(None, [*java, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(config)])
    if done.returncode:
        raise PipelineError(
            f"Expected Kafka to format {data}, found {done.stdout.strip()[-500:]}: mend that, or choose another --home"
        )


def _answers(port: int, address: str) -> bool:
    """Tell whether clients get metadata: the port opens earlier."""
    if not listens(LOCALHOST, port):
        return False
    try:
        check_kafka(address)
    except ServiceUnavailable:
        return False
    return True

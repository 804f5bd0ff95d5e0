"""Apache ZooKeeper, from the jars of PyFlink's wheel: where a killed JobManager's successor finds its jobs."""

from __future__ import annotations

import socket
from pathlib import Path

from stack.java.flink_wheel import flink_jars, log_options
from stack.java.runtime import JavaHome
from stack.ports import LOCALHOST
from stack.services.service import Service

MAIN_CLASS = "org.apache.flink.shaded.zookeeper3.org.apache.zookeeper.server.quorum.QuorumPeerMain"
ANSWER_TIMEOUT_S = 1
# A tick is half the shortest session, which bounds how soon a killed JobManager's leadership ends.
TICK_MS = 1000


def build_zookeeper(home: Path, port: int, java: JavaHome) -> Service:
    """Describe the server.

    Parameters
    ----------
    home : Path
        The stack's home; data and configuration lie in its folder ``zookeeper``.
    port : int
        Where the Flink processes connect.
    java : JavaHome
        What runs it.
    """
    folder = home / "zookeeper"
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "zoo.cfg"
    config.write_text(_properties(folder / "data", port), encoding="utf-8")
    log = home / "logs" / "zookeeper.log"
    options = [
        *("-Xmx64m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"),
        # Its log would otherwise begin with 64 MB of nothing.
        "-Dzookeeper.preAllocSize=1024",
        "-Dzookeeper.jmx.log4j.disable=true",
        *log_options(log),
    ]
    class_path = ":".join(map(str, flink_jars()))
    command = [str(java.executable), *options, "-cp", class_path, MAIN_CLASS, str(config)]
    return Service(
        name="zookeeper",
        title="ZooKeeper",
        address=f"{LOCALHOST}:{port}",
        command=lambda _start: command,
        is_ready=lambda _start: _serves(port),
        log=log,
        output=log.with_suffix(".out"),
        stops_last=True,
    )


def _properties(data: Path, port: int) -> str:
    return f"""tickTime={TICK_MS}
dataDir={data}
clientPort={port}
clientPortAddress={LOCALHOST}
maxClientCnxns=0
admin.enableServer=false
autopurge.purgeInterval=1
autopurge.snapRetainCount=3
"""


def _serves(port: int) -> bool:
    try:
        with socket.create_connection((LOCALHOST, port), timeout=ANSWER_TIMEOUT_S) as connection:
            connection.sendall(b"srvr")
            return b"Mode: standalone" in connection.makefile("rb").read()
    except OSError:
        return False

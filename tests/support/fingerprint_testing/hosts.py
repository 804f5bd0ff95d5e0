"""A stack on hosts of their own: network namespaces of this machine, joined by a bridge. Only root may make them.

The first host has the services, with their supervisor: `python -m fingerprint_testing.hosts HOME NAME NETWORK`. Each
other one has a TaskManager. All see the same files, as they would in a shared store.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from fingerprint_testing.paths import ROOT
from stack.control import status
from stack.ports import LOCALHOST
from stack.processes import created_at_s, spawn
from stack.services.flink_options import write_config
from stack.services.parts import build_services, database_urls
from stack.services.service import Service, tail
from stack.settings import StackSettings
from stack.stack_status import StackStatus, write_status
from stack.supervisor import Supervisor

N_TASKMANAGERS = 2
READY_S = 300
IP = shutil.which("ip")
EVERYWHERE = "0.0.0.0"  # noqa: S104  # of a namespace that nothing but the bridge leads into


@dataclass(frozen=True)
class Hosts:
    """Hosts by number, and this machine as one more of their network.

    Attributes
    ----------
    name : str
        How the names of namespaces and links begin.
    network : str
        The first three numbers of each address.
    """

    name: str
    network: str

    def address(self, number: int) -> str:
        return f"{self.network}.{number}"

    def inside(self, number: int) -> list[str]:
        """Return what a command begins with that runs on a host."""
        return [str(IP), "netns", "exec", f"{self.name}-{number}"]

    def make(self) -> None:
        bridge = f"{self.name}b"
        ip(f"link add {bridge} type bridge")
        ip(f"addr add {self.address(254)}/24 dev {bridge}")
        ip(f"link set {bridge} up")
        for number in range(1, N_TASKMANAGERS + 2):
            host, link = f"{self.name}-{number}", self._link(number)
            ip(f"netns add {host}")
            ip(f"link add {link} type veth peer name eth0 netns {host}")
            ip(f"link set {link} master {bridge} up")
            ip(f"-n {host} addr add {self.address(number)}/24 dev eth0")
            ip(f"-n {host} link set eth0 up")
            ip(f"-n {host} link set lo up")

    def remove(self) -> None:
        for number in range(1, N_TASKMANAGERS + 2):
            with suppress(OSError):
                ip(f"netns del {self.name}-{number}")
        with suppress(OSError):
            ip(f"link del {self.name}b")

    @contextmanager
    def cut_off(self, number: int) -> Iterator[None]:
        """Take a host off the network meanwhile."""
        ip(f"link set {self._link(number)} down")
        try:
            yield
        finally:
            ip(f"link set {self._link(number)} up")

    def _link(self, number: int) -> str:
        return f"{self.name}v{number}"


def ip(words: str) -> None:
    done = subprocess.run([str(IP), *words.split()], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {words}: {done.stderr.strip()}")


def why_no_hosts() -> str | None:
    """Say why hosts cannot be made here, None if they can."""
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    if IP is None:
        return "there is no program ip (Debian's package is called iproute2)"
    hosts = _own_hosts()
    try:
        hosts.make()
    except OSError as error:
        return f"no network namespaces here: {error}"
    finally:
        hosts.remove()
    return None


@contextmanager
def stack_on_hosts(home: Path) -> Iterator[tuple[StackStatus, Hosts]]:
    """Start the services on one host and a TaskManager on each of two others; all is gone afterwards."""
    hosts = _own_hosts()
    log = home / "logs" / "supervisor.log"
    log.parent.mkdir(parents=True)
    try:
        hosts.make()
        command = [*hosts.inside(1), sys.executable, "-m", __spec__.name, str(home), hosts.name, hosts.network]
        paths = {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests" / "support")))}
        supervisor = spawn(command, home, log, paths, None)
        try:
            end_s = time.monotonic() + READY_S
            while not status(home).is_ready:
                assert supervisor.poll() is None, tail(log, 30)
                assert time.monotonic() < end_s, tail(log, 30)
                time.sleep(0.2)
            yield status(home), hosts
        finally:
            supervisor.terminate()
            supervisor.wait()
    finally:
        hosts.remove()


def _own_hosts() -> Hosts:
    """Name hosts after this process, so that others may do the same at the same time."""
    number = os.getpid() % 65_536
    return Hosts(f"fp{number}", f"10.{100 + number // 256 % 100}.{number % 256}")


def _supervise(home: Path, hosts: Hosts) -> None:
    settings = StackSettings(home=home, task_slots=2, taskmanagers=N_TASKMANAGERS)
    services = [_on_its_host(service, hosts) for service in build_services(settings)]
    here = hosts.address(1)
    _open_configurations(home, hosts)
    urls = {role: url.replace(f"@{LOCALHOST}:", f"@{here}:") for role, url in database_urls(settings).items()}
    found = StackStatus(
        home=settings.home,
        kafka=f"{here}:{settings.kafka_port}",
        flink_url=f"http://{here}:{settings.flink_port}",
        database_urls=urls,
        supervisor_pid=os.getpid(),
        supervisor_created_at_s=created_at_s(os.getpid()),
    )
    write_status(found)
    Supervisor(found, services).run()


def _on_its_host(service: Service, hosts: Hosts) -> Service:
    """Put a TaskManager onto its host, and let PostgreSQL take calls of the others."""
    name, _, number = service.name.partition("-")
    if name == "taskmanager":
        host = int(number or 1) + 1
        at = ["-D", f"taskmanager.host={hosts.address(host)}"]
        return replace(service, command=lambda start: [*hosts.inside(host), *service.command(start), *at])
    if name == "postgres":
        rule = f"host all all {hosts.network}.0/24 scram-sha-256\n"
        data = Path(service.command(0)[service.command(0).index("-D") + 1])

        def prepare() -> None:
            service.prepare()
            rules = data / "pg_hba.conf"
            if rule not in rules.read_text(encoding="utf-8"):
                with rules.open("a", encoding="utf-8") as file:
                    file.write(rule)

        command = [*service.command(0), "-c", f"listen_addresses={EVERYWHERE}"]
        return replace(service, prepare=prepare, command=lambda _start: command)
    return service


def _open_configurations(home: Path, hosts: Hosts) -> None:
    """Let Kafka, ZooKeeper and Flink take calls of the other hosts, and say where they are."""
    here, kafka = hosts.address(1), home / "kafka" / "server.properties"
    text = kafka.read_text(encoding="utf-8")
    text = text.replace(f"listeners=PLAINTEXT://{LOCALHOST}:", f"listeners=PLAINTEXT://{EVERYWHERE}:")
    kafka.write_text(f"{text}advertised.listeners=PLAINTEXT://{here}:9092\n", encoding="utf-8")
    zookeeper = home / "zookeeper" / "zoo.cfg"
    zookeeper.write_text(zookeeper.read_text(encoding="utf-8").replace(LOCALHOST, EVERYWHERE), encoding="utf-8")
    flink = home / "flink" / "conf"
    lines = (flink / "config.yaml").read_text(encoding="utf-8").splitlines()
    options = {name: json.loads(value) for name, _, value in (line.partition(": ") for line in lines)}
    quorum = "high-availability.zookeeper.quorum"
    options |= dict.fromkeys(("jobmanager.rpc.address", "rest.address"), here)
    options |= dict.fromkeys(("jobmanager.bind-host", "rest.bind-address", "taskmanager.bind-host"), EVERYWHERE)
    write_config(flink, options | {quorum: options[quorum].replace(LOCALHOST, here)})


if __name__ == "__main__":
    os.umask(0o077)
    _supervise(Path(sys.argv[1]), Hosts(*sys.argv[2:]))

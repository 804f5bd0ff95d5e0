"""Which parts a stack has: those that run here and those that the user named."""

from __future__ import annotations

from stack.java.jars import ensure_jars
from stack.java.runtime import find_java
from stack.ports import LOCALHOST, database_address, free_port
from stack.roles import Role
from stack.services.flink import build_flink
from stack.services.flink_options import MetricsPorts
from stack.services.kafka import build_kafka
from stack.services.postgres import build_postgres, local_database_url
from stack.services.prometheus import build_prometheus, find_prometheus
from stack.services.service import Service
from stack.settings import StackSettings
from stack.stack_status import PartStatus, StackStatus


def build_services(settings: StackSettings) -> list[Service]:
    """Describe the parts that run here."""
    home = settings.home
    (home / "logs").mkdir(parents=True, exist_ok=True)
    services = []
    if settings.kafka is None:
        services.append(build_kafka(home, settings.kafka_port, ensure_jars("broker", lambda _line: None), find_java()))
    metrics = None
    if settings.prometheus_port is not None:
        of_taskmanagers = tuple(free_port() for _ in range(settings.taskmanagers))
        metrics = MetricsPorts(jobmanager=free_port(), taskmanagers=of_taskmanagers)
        services.append(build_prometheus(home, settings.prometheus_port, metrics, find_prometheus()))
    if settings.flink is None:
        services += build_flink(
            home,
            settings.flink_port,
            settings.task_slots,
            find_java(),
            metrics,
            n_taskmanagers=settings.taskmanagers,
        )
    if settings.database_url is None:
        services.append(build_postgres(home, settings.postgres_port))
    return services


def initial_status(settings: StackSettings) -> StackStatus:
    """Return the addresses of all services, and the parts that do not run here."""
    external = []
    if settings.kafka is not None:
        external.append(PartStatus(name="kafka", state="external", address=settings.kafka))
    if settings.flink is not None:
        external.append(PartStatus(name="flink", state="external", address=settings.flink, web_url=settings.flink))
    if settings.database_url is not None:
        address = database_address(settings.database_url)
        external.append(PartStatus(name="postgres", state="external", address=address))
    return StackStatus(
        home=settings.home,
        kafka=settings.kafka or f"{LOCALHOST}:{settings.kafka_port}",
        flink_url=settings.flink or f"http://{LOCALHOST}:{settings.flink_port}",
        database_urls=database_urls(settings),
        parts=external,
    )


def database_urls(settings: StackSettings) -> dict[str, str]:
    """Return the address of the database for each role: those of this stack, or the one that the user named."""
    home, port = settings.home, settings.postgres_port
    return {role: settings.database_url or local_database_url(home, port, role) for role in Role}

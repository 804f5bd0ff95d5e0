"""`up`: begin the local stack."""

from __future__ import annotations

import os

from jobs.cli import options
from jobs.cli.console import say, warn
from jobs.cli.progress import shown_steps
from jobs.cli.stack.status import print_parts
from jobs.cluster.savepoints import downtime_warning
from model.registry.database_url import parse_database_url
from stack.control import status as read_stack
from stack.control import up as start_stack
from stack.services.flink import resumes_jobs
from stack.settings import StackSettings, settings_like_last_time
from stack.stack_status import StackStatus
from udfs.errors import ConfigError


def up(
    home: options.Home,
    kafka: options.Kafka = None,
    flink: options.Flink = None,
    database_url: options.DatabaseUrl = None,
    kafka_port: options.KafkaPort = None,
    flink_port: options.FlinkPort = None,
    postgres_port: options.PostgresPort = None,
    prometheus_port: options.PrometheusPort = None,
    allow_root: options.AllowRoot = False,
) -> None:
    """Start Kafka, Flink and PostgreSQL on this machine, in the background.

    The ports are kept: the next `up` takes those of the last one, until it is told others.
    """
    if database_url is not None:
        parse_database_url(database_url)  # a mistake in it is one here, not of the stack's parts
    settings = settings_like_last_time(
        StackSettings(home=home, kafka=kafka, flink=flink, database_url=database_url),
        kafka_port=kafka_port,
        flink_port=flink_port,
        postgres_port=postgres_port,
        prometheus_port=prometheus_port,
    )
    refuse_root(settings, allow_root=allow_root)
    start_with_progress(settings)
    print_parts(read_stack(home))


def refuse_root(settings: StackSettings, *, allow_root: bool) -> None:
    """Raise ConfigError if a Flink that stays would run as root without the user's consent: jobs are programs."""
    if settings.flink is None and os.geteuid() == 0 and not allow_root:
        raise ConfigError(
            "Expected an ordinary user to run Flink, whose jobs could do all that root may, found root: start it as "
            "another user, or add --allow-root (FINGERPRINT_ALLOW_ROOT=1) where root is all there is, as in a container"
        )


def start_with_progress(settings: StackSettings) -> StackStatus:
    """Start the stack, saying on standard error what is being done."""
    warning = downtime_warning(settings.home)
    with shown_steps("Starting the stack", "up"):
        found = start_stack(settings, say)
        if warning is not None and resumes_jobs(settings.home):  # not if they were forgotten meanwhile
            warn(warning)
        return found

"""All checks but those of Python itself, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from jobs.cluster.service_addresses import Addresses
from jobs.doctor import installation_checks, machine_checks, service_checks
from jobs.doctor.findings import Finding, Level
from stack.control import status
from stack.roles import Role
from stack.settings import StackSettings, last_settings, resolve_home
from udfs.errors import PipelineError

Check = Callable[[], Finding | Iterable[Finding]]


def examine(addresses: Addresses) -> Iterator[Finding]:
    """Check installation, machine and services; what a check raises is a problem.

    Parameters
    ----------
    addresses : Addresses
        What the user named, and the local stack's home for the rest. A service without an address is left out.
    """
    for subject, check in _checks(addresses):
        yield from _guarded(subject, check)


def _checks(addresses: Addresses) -> Iterator[tuple[str, Check]]:
    home = resolve_home(addresses.home)
    state = status(home)
    yield "Java", machine_checks.check_java
    yield "Flink wheel", installation_checks.check_flink_wheel
    yield "PostgreSQL wheel", installation_checks.check_postgres
    yield "jars", installation_checks.check_jars
    yield "Java functions", installation_checks.check_functions_jar
    yield "model", installation_checks.check_model
    yield "memory", partial(machine_checks.check_memory, stack_runs=bool(state.parts))
    yield "disk", partial(machine_checks.check_disk, home)
    yield "local stack", partial(service_checks.check_stack, state)
    yield "ports", lambda: service_checks.check_ports(_settings(addresses), state)
    if bootstrap := addresses.kafka or state.kafka:
        yield "Kafka", partial(service_checks.check_kafka_service, bootstrap)
    if flink := addresses.flink or state.flink_url:
        yield "Flink", partial(service_checks.check_flink_service, flink)
        yield "job", partial(service_checks.check_job_of, flink)
    if database_url := addresses.database_url or state.database_urls.get(Role.JOB):
        yield "PostgreSQL", partial(service_checks.check_database_service, database_url)


def _settings(addresses: Addresses) -> StackSettings:
    """Return the ports of the last local stack, or those of the next one."""
    last = last_settings(resolve_home(addresses.home)) or StackSettings(home=addresses.home)
    return replace(
        last,
        kafka=addresses.kafka or last.kafka,
        flink=addresses.flink or last.flink,
        database_url=addresses.database_url or last.database_url,
    )


def _guarded(subject: str, check: Check) -> Iterator[Finding]:
    try:
        found = check()
        yield from [found] if isinstance(found, Finding) else found
    except PipelineError as error:
        yield Finding(subject=subject, level=Level.PROBLEM, found=str(error))
    except Exception as error:  # a broken installation fails in ways of its own, and the other checks still help
        # Not the whole message, which may hold an address with its password.
        shown = str(error) if isinstance(error, ImportError) else type(error).__name__
        advice = "install this version anew; if that changes nothing, it is a bug"
        yield Finding(subject=subject, level=Level.PROBLEM, found=f"could not be checked: {shown}", advice=advice)

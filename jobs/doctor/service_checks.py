"""Whether the services are there and fit this version."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from ingest.kafka.topic_settings import read_topic_settings
from ingest.kafka.write_access import asks_who_writes
from jobs.cluster.flink_client import check_job
from jobs.cluster.job_failures import find_failures
from jobs.config import TOPIC
from jobs.doctor.findings import Finding, Level
from jobs.results.database_fitness import check_fitness
from jobs.results.job_rights import JobRights, read_job_rights
from jobs.results.migrations import read_schema
from model.registry.database import connect
from model.registry.database_url import parse_database_url
from stack.control import PORTS
from stack.ports import check_flink, is_free, kafka_version, port_holder, without_password
from stack.settings import StackSettings
from stack.stack_status import StackStatus


def check_stack(state: StackStatus) -> Iterator[Finding]:
    """Look at the parts of the local stack."""
    if not state.parts:
        yield Finding(subject="local stack", found="does not run; `fingerprint up` starts it")
        return
    for part in state.parts:
        subject, where = f"local {part.name}", f" at {part.address}" if part.address else ""
        if part.state == "dead":
            advice = f"read {part.log or 'its log'}, then run `fingerprint down` and `fingerprint up`"
            found = f"does not run: {part.message or 'no reason is known'}"
            yield Finding(subject=subject, level=Level.PROBLEM, found=found, advice=advice)
        elif part.state == "starting":
            yield Finding(subject=subject, level=Level.WARNING, found=f"starts{where}", advice="wait")
        elif part.state == "ready":
            restarts = f", started again {part.restarts} times" if part.restarts else ""
            yield Finding(subject=subject, found=f"runs{where}{restarts}")


def check_ports(settings: StackSettings, state: StackStatus) -> Iterator[Finding]:
    """Look who holds the ports that the local stack listens on, or will."""
    own = {part.pid for part in state.parts if part.pid is not None}
    for setting, external, purpose, option in PORTS:
        port = getattr(settings, setting)
        if not port or getattr(settings, external) is not None:
            continue
        subject = f"port {port}"
        if is_free(port):
            yield Finding(subject=subject, found=f"free for {purpose}")
            continue
        holder = port_holder(port)
        if holder is not None and holder.pid in own:
            yield Finding(subject=subject, found=f"held by {purpose} of the local stack")
            continue
        who = "a process of another user" if holder is None else f"{holder.name()} (process {holder.pid})"
        advice = f"end it, or choose another port for {purpose} with `fingerprint up {option}`"
        yield Finding(subject=subject, level=Level.PROBLEM, found=f"held by {who}", advice=advice)


def check_kafka_service(bootstrap: str) -> Iterator[Finding]:
    """Ask a broker how new it is, and for the topic of the messages; raise ServiceUnavailable if it does not answer."""
    yield Finding(subject="Kafka", found=f"{kafka_version(bootstrap)} or newer answers at {bootstrap}")
    yield from check_topic(bootstrap)
    yield check_writers(bootstrap)


def check_writers(bootstrap: str) -> Finding:
    """Ask a broker whether it asks who writes; raise ServiceUnavailable if it does not answer."""
    told = {
        True: "Kafka asks who writes to it",
        False: "whoever reaches Kafka may write to it, as much as he wants; docs/security.md says how to limit that",
        None: "Kafka does not tell us who may write to it",
    }
    return Finding(subject=f"writers to {TOPIC}", found=told[asks_who_writes(bootstrap)])


def check_topic(bootstrap: str) -> Iterator[Finding]:
    """Look at the settings of the topic of the messages; raise ServiceUnavailable if Kafka does not answer."""
    subject, settings = f"topic {TOPIC}", read_topic_settings(bootstrap, TOPIC)
    if settings is None:
        yield Finding(subject=subject, found="is not there yet; `fingerprint submit` makes it")
        return
    complaints = list(settings.complaints(TOPIC))
    for complaint in complaints:
        found, _, advice = complaint.rpartition(": ")
        yield Finding(subject=subject, level=Level.WARNING, found=found, advice=advice)
    if not complaints:
        found = f"takes batches of up to {settings.max_message_bytes:,} bytes, and is not compacted"
        yield Finding(subject=subject, found=found)


def check_flink_service(url: str) -> Finding:
    """Ask a cluster for its version; raise ServiceUnavailable if it does not answer."""
    cluster, client = check_flink(url), version("apache-flink")
    found = f"{cluster} answers at {without_password(url)}"
    if cluster.split(".")[:2] == client.split(".")[:2]:
        return Finding(subject="Flink", found=found)
    advice = f"use a cluster of Flink {client}, which the job is submitted with"
    return Finding(subject="Flink", level=Level.WARNING, found=found, advice=advice)


def check_job_of(url: str) -> Finding:
    """Ask a cluster whether our job runs, or fails again and again."""
    check, failures = check_job(url), find_failures(url)
    if failures.keeps_failing:
        advice = "mend that; docs/runbook.md#job-down says where to look"
        return Finding(subject="job", level=Level.PROBLEM, found=f"keeps failing: it {failures}", advice=advice)
    if failures.has_ended:
        advice = "do what the sentence says; docs/runbook.md#job-down has more"
        return Finding(subject="job", level=Level.PROBLEM, found=f"does not run: it {failures}", advice=advice)
    if check.problem:
        return Finding(subject="job", found=f"does not run: {check.problem}")
    restarts = f", started again {failures.n_restarts} times" if failures.n_restarts else ""
    return Finding(subject="job", found=f"runs as {check.job_id}{restarts}")


def check_database_service(database_url: str) -> Iterator[Finding]:
    """Ask a database for its version and its schema; raise ConfigError if it does not answer."""
    database = parse_database_url(database_url)
    with connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (server,) = cursor.fetchone() or ("of an unknown version",)
    where = f"{database.address}/{database.name}"
    yield Finding(subject="PostgreSQL", found=f"{server} answers at {where}")
    check_fitness(database_url)
    schema = check_schema_version(database_url)
    yield schema
    if schema.level is not Level.PROBLEM:
        yield job_login_finding(read_job_rights(database_url))


def job_login_finding(rights: JobRights) -> Finding:
    """Say whether the job's login may do what it has to, and no more."""
    subject, user = "the job's login", repr(rights.user)
    if rights.missing:
        advice = f"run `fingerprint migrate`, then {rights.advice}"
        found = f"{user} lacks {', '.join(rights.missing)}"
        return Finding(subject=subject, level=Level.PROBLEM, found=found, advice=advice)
    if rights.excess:
        found = f"{user} {', '.join(rights.excess)}"
        return Finding(subject=subject, level=Level.WARNING, found=found, advice=rights.advice)
    return Finding(subject=subject, found=f"{user} may do what the job does, and nothing else")


def check_schema_version(database_url: str) -> Finding:
    """Compare the database's migrations with those of this version."""
    schema = read_schema(database_url)
    last = schema.applied[-1] if schema.applied else "none"
    if schema.unknown:
        found = f"{schema.unknown[-1]} is unknown to this version"
        advice = "use the newer version that has migrated the database"
        return Finding(subject="schema", level=Level.PROBLEM, found=found, advice=advice)
    if schema.missing:
        found = f"{last} is the last migration, {len(schema.missing)} are missing"
        return Finding(subject="schema", level=Level.PROBLEM, found=found, advice="run `fingerprint migrate`")
    return Finding(subject="schema", found=f"{last} is the last migration, as in this version")

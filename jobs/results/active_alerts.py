"""Reads what is wrong now from the view `alerts`, and adds what Flink says of the job."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from model.registry.database import Connection


class Rule(StrEnum):
    """What can be wrong; `docs/runbook.md` has a section for each."""

    MISMATCH = "mismatch"
    UNKNOWN_VENUE = "unknown venue"
    STALL = "stall"
    SEQUENCE = "sequence"
    DRIFT = "drift"
    DEAD_LETTERS = "dead letters"
    TOPIC = "topic"
    LAG = "lag"
    JOB_DOWN = "job down"
    CLOCK_SKEW = "clock skew"
    NEW_CONNECTIONS = "new connections"
    SHORT_CONNECTIONS = "short connections"
    MORE_ALERTS = "more alerts"


SETTLED_AFTER_S: Final = 30
"""A job all of whose tasks have run for so long does not just fail and restart again and again."""


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One thing that is wrong now, as the view has it; what only Flink knows has neither time nor value."""

    rule: str
    severity: Literal["critical", "warning"]
    subject: str
    declared_exchange: str | None
    detected_exchange: str | None
    since_at: datetime | None
    value: float | None
    limit_value: float | None
    summary: str
    runbook: str

    @property
    def stands_for(self) -> int:
        """How many alerts it is: that of the rule `more alerts` only counts them."""
        return round(self.value or 0) if self.rule == Rule.MORE_ALERTS else 1


_COLUMNS = tuple(Alert.__annotations__)


def read_alerts(database: Connection, rules: Collection[str] = tuple(Rule)) -> list[Alert]:
    """Read what is wrong now, the critical ones first, then the latest.

    Parameters
    ----------
    database : psycopg2 connection
        In autocommit mode, so that each call sees what has been written since.
    rules : collection of str
        Only alerts of these, and how many of these are not listed.
    """
    columns = ", ".join(_COLUMNS)
    query = f"SELECT {columns} FROM alerts WHERE rule = ANY(%(rules)s)"  # noqa: S608  # only our own names
    query = f"{query} OR (rule = '{Rule.MORE_ALERTS}' AND subject = ANY(%(rules)s))"
    with database.cursor() as cursor:
        cursor.execute(f"{query} ORDER BY severity, since_at DESC, rule, subject", {"rules": [str(r) for r in rules]})
        return [Alert(**dict(zip(_COLUMNS, row, strict=True))) for row in cursor.fetchall()]


def with_job(
    alerts: Sequence[Alert], *, problem: str, job_id: str, unchanged_s: float, failing: str = ""
) -> list[Alert]:
    """Add what Flink says of the job to what the tables say.

    Where it runs, tables to which nothing comes are no proof that it is down: such an alert becomes a warning. A job
    whose tasks do not all run, or have only just begun to, is no proof of the contrary. One that keeps failing is down,
    whatever Flink calls it.

    Parameters
    ----------
    alerts : sequence of Alert
        Of the tables.
    problem : str
        Why the job does not run; empty if it does.
    job_id : str
        Of a job that runs.
    unchanged_s : float
        For how long all its tasks have run.
    failing : str
        How often it has failed, behind "it"; empty unless it keeps failing.
    """
    if problem:
        return [_job_down(f"{problem}; it {failing}" if failing else problem), *alerts]
    if failing:
        return [_job_down(f"Flink runs the job {job_id}, but it {failing}"), *alerts]
    if unchanged_s < SETTLED_AFTER_S:
        return list(alerts)
    return sorted((_despite(alert, job_id) for alert in alerts), key=lambda alert: alert.severity)


def _job_down(summary: str) -> Alert:
    return Alert(
        rule=Rule.JOB_DOWN,
        severity="critical",
        subject="flink",
        declared_exchange=None,
        detected_exchange=None,
        since_at=None,
        value=None,
        limit_value=None,
        summary=summary,
        runbook="job-down",
    )


def _despite(alert: Alert, job_id: str) -> Alert:
    if alert.rule != Rule.JOB_DOWN or alert.subject != "all connections":
        return alert
    return replace(alert, severity="warning", summary=f"{alert.summary}; Flink says that the job {job_id} runs")

"""`alerts`: what is wrong now, for people and for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC
from itertools import groupby
from typing import Annotated, Final

import typer

from jobs.cli import options
from jobs.cli.console import out, print_json, print_sentence, warn
from jobs.cli.exit_codes import failed_if
from jobs.cli.options import OutputFormat
from jobs.cli.records import Column, print_records
from jobs.cluster.service_addresses import Addresses
from jobs.cluster.watched_job import JobWatch
from jobs.results.active_alerts import Alert, Rule, read_alerts
from jobs.results.migrations import check_schema
from jobs.results.wording import counted
from model.registry.database import connect
from stack.roles import Role

_STYLES: Final = {"critical": "bold red", "warning": "yellow"}


def alerts(
    home: options.Home,
    flink: options.Flink = None,
    database_url: options.ReaderUrl = None,
    rule: Annotated[list[Rule] | None, typer.Option(help="Only these rules.", show_default="all")] = None,
    output: Annotated[OutputFormat, typer.Option("--format", help="How to print.")] = OutputFormat.TABLE,
) -> None:
    """Show what is wrong now, from the view `alerts` and from the Flink that `submit` uses.

    The exit code is 1 if something critical is among it, else 0. With --format json each line is one alert.
    """
    addresses = Addresses(home=home, flink=flink, database_url=database_url)
    url = addresses.require_database_url(Role.READER)
    check_schema(url)
    rules = rule or list(Rule)
    with connect(url) as database:
        found = read_alerts(database, rules)
    if Rule.JOB_DOWN in rules:
        found = _with_flink(addresses, found)
    if output is OutputFormat.JSON:
        for alert in found:
            print_json(asdict(alert))
    else:
        print_alerts(found)
    raise typer.Exit(failed_if(any(alert.severity == "critical" for alert in found)))


def print_alerts(found: Sequence[Alert]) -> None:
    """Print a record for each alert, critical ones first, and how many there are."""
    if found or not out.is_terminal:
        columns = [
            Column(name="subject"),
            *([] if out.is_terminal else [Column(name="severity")]),
            Column(name="rule"),
            Column(name="since (UTC)" if out.is_terminal else "since"),
            Column(name="what", is_sentence=True, is_named=False),
        ]
        groups = [
            (severity, [_record(alert) for alert in of_severity])
            for severity, of_severity in groupby(found, key=lambda alert: alert.severity)
        ]
        print_records(columns, groups, styles=[_STYLES[alert.severity] for alert in found])
    critical, warnings = (
        sum(alert.stands_for for alert in found if alert.severity == severity) for severity in _STYLES
    )
    if found:
        sums = f"{critical:,} critical, {counted(warnings, 'warning')}"
        print_sentence(f"{sums}; docs/runbook.md says what to do", is_aside=True)
    elif out.is_terminal:
        out.print("Nothing is wrong.")


def _record(alert: Alert) -> list[str]:
    since = "-"
    if alert.since_at is not None:
        at = alert.since_at.astimezone(UTC)
        since = f"{at:%m-%d %H:%M:%S}" if out.is_terminal else f"{at:%Y-%m-%dT%H:%M:%SZ}"
    return [alert.subject, *([] if out.is_terminal else [alert.severity]), alert.rule, since, alert.summary]


def _with_flink(addresses: Addresses, found: list[Alert]) -> list[Alert]:
    if addresses.find_flink() is None:
        warn(
            "Flink is not asked whether the job runs: neither --flink nor FINGERPRINT_FLINK names it, and no local "
            f"stack runs in {addresses.home}"
        )
        return found
    return JobWatch(addresses).add_to(found)

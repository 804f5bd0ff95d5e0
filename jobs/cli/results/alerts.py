"""`alerts`: what is wrong now, for people and for scripts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from jobs.cli import options
from jobs.cli.console import print_json, print_whole, warn
from jobs.cli.exit_codes import failed_if
from jobs.cli.options import OutputFormat
from jobs.cluster.flink_client import check_job
from jobs.cluster.job_failures import find_failures
from jobs.cluster.service_addresses import Addresses
from jobs.results.active_alerts import Alert, Rule, alert_table, read_alerts, with_job
from jobs.results.migrations import check_schema
from model.registry.database import connect
from stack.roles import Role


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
        print_whole(alert_table(found))
    raise typer.Exit(failed_if(any(alert.severity == "critical" for alert in found)))


def _with_flink(addresses: Addresses, found: list[Alert]) -> list[Alert]:
    flink_url = addresses.find_flink()
    if flink_url is None:
        warn(
            "Flink is not asked whether the job runs: neither --flink nor FINGERPRINT_FLINK names it, and no local "
            f"stack runs in {addresses.home}"
        )
        return found
    failures = find_failures(flink_url)
    failing = str(failures) if failures.keeps_failing else ""
    return with_job(found, **asdict(check_job(flink_url)), failing=failing)

"""Publish dashboards and alert rules in a Grafana of your own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from jobs.cli.console import err, out
from jobs.cli.exit_codes import failed_if
from jobs.grafana.grafana_server import Grafana, find_credential
from jobs.grafana.panel_check import Checked, check_dashboard, check_source
from jobs.grafana.provisioning import read_dashboards, read_data_sources
from jobs.grafana.push import push as push_all

app = typer.Typer(no_args_is_help=True)


@app.command("push")
def push(
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of Grafana, as http://localhost:3000.")],
) -> None:
    """Publish data sources, dashboards and alert rules, then try the sources and run each panel's queries there.

    Run again, it rewrites data sources and alert rules, and those dashboards that somebody has changed.

    From the environment: GRAFANA_TOKEN, or GRAFANA_USER and GRAFANA_PASSWORD, to log in; GRAFANA_DB_HOST, _PORT,
    _NAME, _USER, _PASSWORD and _SSLMODE, how Grafana reaches the database; PROMETHEUS_URL, how it reaches Prometheus;
    GRAFANA_RUNBOOK_URL, where docs/runbook.md can be read. The exit code is 1 if a data source or a query fails.
    """
    with err.status("Publishing") as status:
        grafana = Grafana(url, find_credential(os.environ))
        for pushed in push_all(grafana, os.environ):
            err.print(f"  {pushed.kind} {pushed.name}: {pushed.outcome}", highlight=False, soft_wrap=True)
        there = _existing(grafana)
        results = [check_source(grafana, uid) for uid in there]
        unusable = {uid: f"there is no data source {uid}" for uid in _shipped() if uid not in there}
        unusable |= {tried.panel: f"the data source {tried.panel} does not work" for tried in results if tried.error}
        for dashboard in read_dashboards():
            status.update(f"Running the queries of {dashboard['title']}")
            results += check_dashboard(grafana, dashboard, unusable)
    out.print(_table(results))
    raise typer.Exit(failed_if(any(result.error for result in results)))


def _existing(grafana: Grafana) -> list[str]:
    with grafana.asked("to list its data sources"):
        there = {source["uid"] for source in grafana.api.datasource.list_datasources()}
    return [uid for uid in _shipped() if uid in there]


def _shipped() -> list[str]:
    return [source.uid for source in read_data_sources(os.environ)]


def _table(results: Sequence[Checked]) -> Table:
    n_failed = sum(bool(result.error) for result in results)
    n_left_out = sum(bool(result.left_out) for result in results)
    shown = Table(
        "dashboard",
        "panel, variable or source",
        title="Data sources and queries as Grafana tried them",
        caption=f"{len(results) - n_left_out} asked, {n_failed} failed, {n_left_out} left out",
    )
    shown.add_column("rows", justify="right")
    shown.add_column("result", overflow="fold")
    for result in results:
        said = "no rows" if result.rows == 0 else "[green]ok[/]"
        said = f"[bold red]{escape(result.error)}[/]" if result.error else escape(result.left_out) or said
        rows = "" if result.rows is None or result.error or result.left_out else f"{result.rows:,}"
        shown.add_row(escape(result.dashboard), escape(result.panel), rows, said)
    return shown

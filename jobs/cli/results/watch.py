"""`watch`: connections, verdicts, alerts and rates in one view."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from enum import StrEnum
from typing import Annotated, Final

import orjson
import typer

from jobs.cli import options
from jobs.cli.console import err, out, print_json
from jobs.cli.options import OutputFormat
from jobs.cli.results.watch_text import print_snapshot
from jobs.cluster.service_addresses import Addresses
from jobs.cluster.watched_job import JobWatch
from jobs.results.migrations import check_schema
from jobs.results.watch.panes import Pane
from jobs.results.watch.snapshot_reader import Source
from jobs.results.watch.view_snapshot import Choice, Order
from stack.roles import Role
from udfs.errors import ConfigError, ServiceUnavailable

PLAIN_REFRESH_S: Final = 10.0


class SortColumn(StrEnum):
    """The columns of the connections."""

    CONNECTION = "connection"
    DECLARED = "declared"
    DETECTED = "detected"
    CERTAINTY = "certainty"
    LAST_SEEN = "last-seen"
    PROBABILITY = "probability"
    SINCE = "since"
    WINDOWS = "windows"
    RATE = "rate"
    SIGNATURE = "signature"


class Only(StrEnum):
    """Which part of all that is there."""

    PROBLEMS = "problems"


def watch(
    home: options.Home,
    flink: options.Flink = None,
    database_url: options.ReaderUrl = None,
    exchange: Annotated[str | None, typer.Option(help="Only what behaves like this exchange, or `unknown`.")] = None,
    declared: Annotated[str | None, typer.Option(help="Only what declares this exchange, or `none`.")] = None,
    only: Annotated[Only | None, typer.Option(help="Only connections with an alert, and only bad news.")] = None,
    sort: Annotated[
        SortColumn, typer.Option(help="Sort connections by this column, live ones first.")
    ] = SortColumn.SINCE,
    reverse: Annotated[bool, typer.Option("--reverse", help="Reverse the order.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many rows of each table.")] = 100,
    once: Annotated[bool, typer.Option("--once", help="Print everything once and stop.")] = False,
    output: Annotated[OutputFormat, typer.Option("--format", help="How --once prints.")] = OutputFormat.TABLE,
) -> None:
    """Show connections, verdicts, alerts and rates, new every second; keys change the view.

    Without a terminal that can be drawn on (TERM=dumb, or a pipe) it prints everything every ten seconds. With --once
    --format json it prints one object: `summary`, and the lists `alerts`, `connections` and `events`.
    """
    if output is OutputFormat.JSON and not once:
        raise ConfigError("Expected --once with --format json, found it missing: add --once")
    addresses = Addresses(home=home, flink=flink, database_url=database_url)
    url = addresses.require_database_url(Role.READER)
    check_schema(url)
    choice = Choice(exchange=exchange, declared=declared, only_problems=only is not None, limit=limit)
    choice = choice.sorted_by(Pane.CONNECTIONS, Order(column=sort.value, is_reversed=reverse))
    source = Source(url, JobWatch(addresses).add_to)
    if once:
        _print(source, choice, output)
    elif _can_be_drawn_on():
        from jobs.results.watch.screen import WatchScreen  # takes a third of a second, which no other command needs

        screen = WatchScreen(source, choice)
        screen.run(mouse=False)
        if screen.failure is not None:
            raise screen.failure
    else:
        _print_for_ever(source, choice)


def _can_be_drawn_on() -> bool:
    return sys.stdin.isatty() and out.is_terminal and not out.is_dumb_terminal


def _print(source: Source, choice: Choice, output: OutputFormat) -> None:
    snapshot = source.read(choice)
    if output is OutputFormat.JSON:
        print_json(snapshot.to_json(), option=orjson.OPT_UTC_Z)
        return
    print_snapshot(snapshot, choice)


def _print_for_ever(source: Source, choice: Choice) -> None:
    with suppress(KeyboardInterrupt):
        while True:
            try:
                _print(source, choice, OutputFormat.TABLE)
            except ServiceUnavailable as error:
                err.print(str(error), soft_wrap=True, highlight=False)
            time.sleep(PLAIN_REFRESH_S)

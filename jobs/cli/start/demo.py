"""`demo`: the whole path in one command, from synthetic exchanges to a live table of what they are."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Group
from rich.live import Live

from ingest.kafka.broker import ensure_topics
from ingest.kafka.session_publisher import PublishReport, publish
from jobs.cli import options
from jobs.cli.console import err, out, say, say_next
from jobs.cli.progress import shown_steps
from jobs.cli.stack.up import refuse_root, start_with_progress
from jobs.cli.start.demo_tables import connection_lines, print_connections, print_summary
from jobs.cluster.service_addresses import Addresses
from jobs.cluster.submission import Submission
from jobs.config import DEAD_LETTER_TOPIC, TOPIC, TOPIC_PARTITIONS
from jobs.results.connections import ConnectionStatus, read_connections
from jobs.results.migrations import migrate
from jobs.trials.demo_report import DemoReport, draw_demo_sessions
from model.registry.database import connect
from stack.control import status as read_stack
from stack.control import wipe
from stack.roles import Role
from stack.settings import StackSettings, settings_like_last_time
from udfs.errors import ConfigError, PipelineError
from udfs.schema import Session

REFRESH_S = 1.0
START_ALLOWANCE_S = 120
"""How long the connections may have been going before the first result, and after their end until there is one."""

_NEXT: Final = (
    ("score examples/recordings", "which exchange recordings behave like; then your own"),
    ("up", "a stack that stays; then migrate, submit, ingest and watch"),
)
_NEXT_ON_ITS_STACK: Final = (
    ("watch", "the demo's connections, verdicts and alerts; Enter opens one"),
    ("status", "what runs where, and Flink's web UI"),
    ("down --delete-data", "removes the stack and what the demo has published"),
)


def demo(
    home: options.Home,
    duration: Annotated[float, typer.Option(min=5, help="Seconds to watch, from the first result on.")] = 60,
    per_exchange: Annotated[int, typer.Option(min=1, help="Synthetic connections of each exchange.")] = 4,
    seed: Annotated[int, typer.Option(help="Draws the same connections again.")] = 1,
    keep_running: Annotated[
        bool,
        typer.Option("--keep-running", help="Play it on the stack of the home, and leave stack, job and data there."),
    ] = False,
    allow_root: options.AllowRoot = False,
    summary: Annotated[Path | None, typer.Option(help="Also write the summary here, as JSON.")] = None,
) -> None:
    """Start everything, publish synthetic exchanges, and watch them being identified.

    Runs a real Kafka broker, Flink cluster and PostgreSQL on this machine, without Docker, on any free ports, and
    removes them with their data at the end; a stack that runs already is left alone. One of the connections declares an
    exchange that it is not.
    """
    settings = kept_settings(home) if keep_running else own_settings(home)
    # A minute on messages of its own, from nobody else, is no risk to root; what stays is.
    refuse_root(settings, allow_root=allow_root or not keep_running)
    started_s = time.monotonic()
    with _running_stack(settings, keep_running=keep_running) as addresses:
        drawn = draw_demo_sessions(
            per_exchange=per_exchange,
            seed=seed,
            start_ns=time.time_ns(),
            duration_s=duration + START_ALLOWANCE_S,
        )
        report = DemoReport(truths={labelled.session.connection_id: labelled.exchange for labelled in drawn})
        report = _play([labelled.session for labelled in drawn], addresses, report, duration, started_s)
    print_summary(report)
    if summary is not None:
        summary.write_text(json.dumps(report.to_json(), indent=1) + "\n")
    if keep_running:
        say_next("Stack and job still run.", *_NEXT_ON_ITS_STACK)
    else:
        say_next("", *_NEXT)


def own_settings(home: Path) -> StackSettings:
    """Choose a stack that is the demo's alone.

    Raises
    ------
    ConfigError
        If another demo runs there.
    """
    own = home / "demo"
    if read_stack(own).parts:
        raise ConfigError(
            f"Expected one demo at a time, found another one's stack in {own}: wait for its end, or remove it with "
            f"`fingerprint down --delete-data --home {own}`"
        )
    return StackSettings(home=own, kafka_port=0, flink_port=0, postgres_port=0)


def kept_settings(home: Path) -> StackSettings:
    """Choose the stack of the home, with its ports.

    Raises
    ------
    ConfigError
        If it is in use: the demo would publish into its topic.
    """
    if read_stack(home).parts:
        raise ConfigError(
            f"Expected no stack in {home}, whose topic and tables the demo would fill, found one: stop it first with "
            "`fingerprint down`, leave out --keep-running, or choose another --home"
        )
    settings = StackSettings(home=home)
    ports = dict.fromkeys(("kafka_port", "flink_port", "postgres_port"))
    return settings_like_last_time(settings, **ports)


@contextmanager
def _running_stack(settings: StackSettings, *, keep_running: bool) -> Iterator[Addresses]:
    try:
        err.print("1/4 Starting Kafka, Flink and PostgreSQL")
        state = start_with_progress(settings)
        err.print("2/4 Bringing the tables up to date")
        migrate(state.database_url)
        yield Addresses(
            home=settings.home,
            kafka=state.kafka,
            flink=state.flink_url,
            database_urls={role: state.database_urls[role] for role in Role},
        )
    finally:
        if not keep_running:
            err.print("Removing the demo's stack (--keep-running leaves it up)")
            wipe(settings.home)


def _play(
    sessions: list[Session], addresses: Addresses, report: DemoReport, duration_s: float, started_s: float
) -> DemoReport:
    """Publish the sessions in real time, and watch the job name them until the time is up or Ctrl-C."""
    kafka, flink = addresses.require_kafka(), addresses.require_flink()
    ensure_topics(kafka, [TOPIC, DEAD_LETTER_TOPIC], TOPIC_PARTITIONS)
    stop = threading.Event()
    with ThreadPoolExecutor(max_workers=1) as pool:
        err.print(f"3/4 Publishing {len(sessions)} synthetic connections in real time")
        publishing = pool.submit(
            publish,
            sessions,
            bootstrap_servers=kafka,
            topic=TOPIC,
            speed=1.0,
            progress=lambda _: None,
            stop=stop,
            says_ends=True,
        )
        try:
            err.print(f"4/4 Submitting the job; Flink's web UI is at {flink}", soft_wrap=True)
            with shown_steps("Submitting the job to Flink", "submit"):
                Submission(addresses=addresses).run(say)
            say("The first verdicts come when a connection has 50 messages, after a few seconds.")
            return watch_results(addresses.require_database_url(Role.READER), publishing, report, duration_s, started_s)
        finally:
            stop.set()


def watch_results(
    database_url: str, publishing: Future[PublishReport], report: DemoReport, duration_s: float, started_s: float
) -> DemoReport:
    """Show what is found for so long from the first result on, also where a slow machine finds it late.

    Raises
    ------
    PipelineError
        If there is still no result long after the last message.
    """
    ids = list(report.truths)
    published_s = None
    with connect(database_url) as database, _live_display() as show, suppress(KeyboardInterrupt):
        while True:
            rows = read_connections(database, only=ids)
            seconds = time.monotonic() - started_s
            report = report.updated(sorted(rows, key=lambda row: row.connection_id), seconds)
            show(report.found)
            first = report.seconds_to_first_result
            if first is not None and seconds >= first + duration_s:
                break
            if publishing.done():
                sent = publishing.result().messages
                published_s = seconds if published_s is None else published_s
                if first is None and seconds >= published_s + START_ALLOWANCE_S:
                    raise PipelineError(
                        f"Expected a result of {sent:,} messages within {START_ALLOWANCE_S} s after the last one, "
                        "found none: look at the job's exceptions in Flink's web UI, with --keep-running"
                    )
            time.sleep(REFRESH_S)
    return report


@contextmanager
def _live_display() -> Iterator[Callable[[list[ConnectionStatus]], None]]:
    """Draw connections again and again on a terminal; elsewhere print them once, in the end."""
    if out.is_terminal:
        with Live(console=out, auto_refresh=False) as live:
            yield lambda rows: live.update(Group(*connection_lines(rows, out.width)), refresh=True)
        return
    last: list[ConnectionStatus] = []
    try:
        yield lambda rows: last.__setitem__(slice(None), rows)
    finally:
        print_connections(last)

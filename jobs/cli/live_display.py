"""What a person sees of a live feed: a table that is drawn again and again, or a line from time to time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, start_http_server
from rich.live import Live
from rich.logging import RichHandler
from rich.table import Table

from ingest.live.feed_metrics import LiveCollector
from ingest.live.live_run import LiveRun
from jobs.cli.console import err
from jobs.results.wording import counted
from udfs.errors import ConfigError
from udfs.schema import MsgType

_SECOND_NS: Final = 10**9
_LINE_EVERY_S: Final = 10.0


def show_run(run: LiveRun, duration_s: float | None, metrics_port: int | None, metrics_address: str) -> None:
    """Run a feed until a signal or the end of `duration_s`, show how it does, and serve its metrics if asked to.

    Raises
    ------
    ConfigError
        If the port is taken, the address is none of this machine's, or the run ends as `LiveRun.run` says.
    """
    if metrics_port is not None:
        _serve_metrics(run, metrics_port, metrics_address)
    with _logging(), _drawing(run) as on_tick:
        run.run(duration_s, on_tick)
    err.print(live_line(run))


def live_table(run: LiveRun) -> Table:
    """Draw a feed as it is now."""
    stats = run.stats
    table = Table(title=f"{run.feed.name}, Ctrl-C to stop", show_header=False)
    table.add_row("connection", stats.connection_id or _state(run))
    table.add_row("frames", f"{stats.frames_in:,} received, {stats.frames_out:,} sent, {stats.bytes_in / 1e6:,.1f} MB")
    if run.kafka_sink is not None:
        table.add_row("messages", _types(run.kafka_sink.n_messages.get(run.feed.name, [])) or "none yet")
    if stats.last_frame_ns:
        table.add_row("last frame", f"{(time.time_ns() - stats.last_frame_ns) / _SECOND_NS:,.1f} s ago")
    ends = ", ".join(f"{reason}: {count}" for reason, count in stats.ends.items())
    table.add_row("sessions", f"{stats.sessions}{f', ended by {ends}' if ends else ''}")
    if run.producer is not None:
        health = run.producer.health()
        lasts = "" if health.buffer_lasts_s is None else f", room for {health.buffer_lasts_s:,.0f} s"
        answers = "" if health.reachable else "[bold red]does not answer[/], "
        table.add_row("Kafka", f"{answers}{health.acknowledged:,} taken, {health.waiting_messages:,} waiting{lasts}")
    return table


def live_line(run: LiveRun) -> str:
    """Say in one line how a feed is doing."""
    stats = run.stats
    line = f"{_state(run)}: {counted(stats.frames_in, 'frame')} in {counted(stats.sessions, 'session')}"
    if run.kafka_sink is not None:
        types = _types(run.kafka_sink.n_messages.get(run.feed.name, []))
        line += f" ({types})" if types else ""
    if run.producer is not None:
        health = run.producer.health()
        line += f", Kafka took {health.acknowledged:,}, {health.waiting_messages:,} waiting"
    return line


def _state(run: LiveRun) -> str:
    stats = run.stats
    if stats.state == "backing off":
        return f"next attempt in {max(0.0, (stats.next_attempt_ns - time.time_ns()) / _SECOND_NS):,.0f} s"
    return stats.state


def _types(counts: list[int]) -> str:
    return ", ".join(f"{count:,} {kind.name}" for kind, count in zip(MsgType, counts, strict=False) if count)


def _serve_metrics(run: LiveRun, port: int, address: str) -> None:
    registry = CollectorRegistry()
    registry.register(LiveCollector({run.feed.name: run.stats}, run.producer, run.kafka_sink))
    try:
        start_http_server(port, addr=address, registry=registry)
    except OSError as error:
        raise ConfigError(
            f"Expected to serve metrics on port {port} of {address}, found {error.strerror or error}: choose another"
        ) from error


@contextmanager
def _logging() -> Iterator[None]:
    """Show what happens to connections above the table."""
    handler = RichHandler(console=err, show_path=False, log_time_format="%X")
    loggers = [logging.getLogger(name) for name in ("ingest", "jobs")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


@contextmanager
def _drawing(run: LiveRun) -> Iterator[Callable[[], None]]:
    if err.is_terminal:
        with Live(live_table(run), console=err, auto_refresh=False, transient=True) as live:
            yield lambda: live.update(live_table(run), refresh=True)
    else:
        yield _Lines(run)


class _Lines:
    """For logs, where nothing can be drawn over: a line every ten seconds."""

    def __init__(self, run: LiveRun) -> None:
        self._run = run
        self._said_s = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._said_s >= _LINE_EVERY_S:
            self._said_s = time.monotonic()
            err.print(live_line(self._run))

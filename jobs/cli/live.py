"""`ingest` and `record`: live exchanges into Kafka, and into captures."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from enum import StrEnum
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from prometheus_client import CollectorRegistry, start_http_server
from rich.live import Live
from rich.logging import RichHandler

from ingest.adapters.binance import binance_feed
from ingest.adapters.coinbase import coinbase_feed
from ingest.adapters.generic import SILENT_AFTER_S, generic_feed
from ingest.adapters.kraken import kraken_feed
from ingest.kafka.backlog import Capacity
from ingest.kafka.broker import ensure_topics
from ingest.kafka.producer import Producer
from ingest.live.feed import Feed, Keepalive
from ingest.live.feed_metrics import LiveCollector
from ingest.live.live_run import LiveRun
from ingest.recordings.recorder import DEFAULT_ROTATE_MB, Recorder
from jobs.cli import options
from jobs.cli.console import err
from jobs.cli.live_display import live_line, live_table
from jobs.cluster.service_addresses import Addresses
from jobs.config import DEAD_LETTER_TOPIC, TOPIC_PARTITIONS
from udfs.errors import ConfigError

_ROOM: Final = Capacity(messages=500_000, value_bytes=128 * 1024 * 1024)
"""Some minutes of the busiest feed; a quarter of a gigabyte when it is used up."""

_LINE_EVERY_S: Final = 10.0
_KEEPALIVE_EVERY_S: Final = 20.0


class Venue(StrEnum):
    """Venues with an adapter."""

    BINANCE = "binance"
    COINBASE = "coinbase"
    KRAKEN = "kraken"
    GENERIC = "generic"


_OF_VENUE = "What to subscribe to"
_OF_GENERIC = "Any other venue"


def make_feed(
    venue: Annotated[Venue, typer.Argument(help="The venue, or `generic` for any JSON WebSocket.")],
    symbol: Annotated[
        list[str] | None,
        typer.Option(help="btcusdt, BTC-USD or BTC/USD, as the venue has it.", rich_help_panel=_OF_VENUE),
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(
            help="Binance: spot, usdm. Coinbase: exchange, advanced. Kraken: v2, v1.",
            show_default="the first of them",
            rich_help_panel=_OF_VENUE,
        ),
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            help="In the venue's own words.", show_default="book, trades, ticker, heartbeats", rich_help_panel=_OF_VENUE
        ),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Address, if not the venue's usual one.", rich_help_panel=_OF_VENUE)
    ] = None,
    declare: Annotated[
        str | None,
        typer.Option(help="What the connections claim to be.", show_default="the venue", rich_help_panel=_OF_VENUE),
    ] = None,
    subscribe: Annotated[
        Path | None, typer.Option(help="File of frames to send, one a line.", rich_help_panel=_OF_GENERIC)
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Begins connection ids.", show_default="the host", rich_help_panel=_OF_GENERIC)
    ] = None,
    silent_after: Annotated[
        float | None,
        typer.Option(
            help="Seconds without a frame that mean the line is dead.", show_default="60", rich_help_panel=_OF_GENERIC
        ),
    ] = None,
    keepalive: Annotated[
        str | None,
        typer.Option(help="A frame that the venue wants to hear: ping.", rich_help_panel=_OF_GENERIC),
    ] = None,
    keepalive_every: Annotated[
        float | None, typer.Option(help="Seconds between them.", show_default="20", rich_help_panel=_OF_GENERIC)
    ] = None,
) -> Feed:
    """Make the feed that the options ask for.

    Raises
    ------
    ConfigError
        If an option does not belong to the venue, or the venue's adapter refuses its value.
    """
    if venue is Venue.GENERIC:
        _refuse(venue, {"--symbol": symbol, "--api": api, "--channel": channel})
        if url is None:
            raise ConfigError("Expected --url for the generic venue, found none: give its wss:// address")
        return generic_feed(
            url,
            subscribe=subscribe,
            name=name,
            declared_exchange=declare,
            silent_after_s=SILENT_AFTER_S if silent_after is None else silent_after,
            keepalive=_make_keepalive(keepalive, keepalive_every),
        )
    own = {"--subscribe": subscribe, "--name": name, "--silent-after": silent_after}
    _refuse(venue, own | {"--keepalive": keepalive, "--keepalive-every": keepalive_every})
    feed = _venue_feed(venue, symbol or [], api, channel, url)
    return feed if declare is None else replace(feed, declared_exchange=declare)


def _venue_feed(venue: Venue, symbols: list[str], api: str | None, channels: list[str] | None, url: str | None) -> Feed:
    chosen: dict[str, Any] = {} if channels is None else {"channels": channels}
    match venue:
        case Venue.BINANCE:
            return binance_feed(symbols, market=api or "spot", url=url, **chosen)
        case Venue.COINBASE:
            return coinbase_feed(symbols, api=api or "exchange", url=url, **chosen)
        case _:
            return kraken_feed(symbols, api=api or "v2", url=url, **chosen)


def _refuse(venue: Venue, given: Mapping[str, object]) -> None:
    for option, value in given.items():
        if value is not None:
            raise ConfigError(f"Expected no {option} for {venue}, found {value!r}: leave it out")


def _make_keepalive(text: str | None, every_s: float | None) -> Keepalive | None:
    if text is None:
        _refuse(Venue.GENERIC, {"--keepalive-every without --keepalive": every_s})
        return None
    return Keepalive(text=text, every_s=_KEEPALIVE_EVERY_S if every_s is None else every_s)


def _asks_for_feed(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `make_feed` before its own, and hand it the feed."""
    of_feed = signature(make_feed, eval_str=True).parameters
    own = {name: p for name, p in signature(command, eval_str=True).parameters.items() if name != "feed"}

    @wraps(command)
    def asked(**given: Any) -> None:
        feed = make_feed(**{name: given.pop(name) for name in of_feed})
        command(feed=feed, **given)

    parameters = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in (*of_feed.values(), *own.values())]
    asked.__signature__ = Signature(parameters)  # type: ignore[attr-defined]  # read by typer
    asked.__annotations__ = {p.name: p.annotation for p in parameters}
    return asked


RotateMb = Annotated[float, typer.Option(min=0.1, help="Size of a capture, in MB, at which its next part begins.")]
Duration = Annotated[float | None, typer.Option(min=0.1, help="Seconds to run.", show_default="until Ctrl-C")]
MetricsPort = Annotated[
    int | None, typer.Option(min=1, max=65535, help="Serve metrics for Prometheus here.", show_default="nowhere")
]


@_asks_for_feed
def ingest(
    feed: Feed,
    home: options.Home,
    kafka: options.Kafka = None,
    topic: options.Topic = options.DEFAULT_TOPIC,
    record_to: Annotated[
        Path | None, typer.Option("--record", metavar="DIR", help="Record the frames here, too.")
    ] = None,
    rotate_mb: RotateMb = DEFAULT_ROTATE_MB,
    duration: Duration = None,
    metrics_port: MetricsPort = None,
) -> None:
    """Watch a live exchange: its public market data, as messages into Kafka.

    Connects again after every end, with a new connection id. While Kafka is away messages wait, in order.
    """
    bootstrap = Addresses(home=home, kafka=kafka).require_kafka()
    ensure_topics(bootstrap, [topic, DEAD_LETTER_TOPIC], TOPIC_PARTITIONS)
    with ExitStack() as stack:
        recorder = None if record_to is None else stack.enter_context(Recorder(record_to, rotate_mb=rotate_mb))
        producer = stack.enter_context(Producer(bootstrap, topic, capacity=_ROOM))
        _show(LiveRun(feed=feed, producer=producer, recorder=recorder), duration, metrics_port)


@_asks_for_feed
def record(
    feed: Feed,
    out_folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the captures.")],
    rotate_mb: RotateMb = DEFAULT_ROTATE_MB,
    duration: Duration = None,
    metrics_port: MetricsPort = None,
) -> None:
    """Record a live exchange into captures, without Kafka: both directions, one file a connection, and a manifest."""
    with Recorder(out_folder, rotate_mb=rotate_mb) as recorder:
        _show(LiveRun(feed=feed, producer=None, recorder=recorder), duration, metrics_port)


def _show(run: LiveRun, duration_s: float | None, metrics_port: int | None) -> None:
    if metrics_port is not None:
        _serve_metrics(run, metrics_port)
    with _logging(), _drawing(run) as on_tick:
        run.run(duration_s, on_tick)
    err.print(live_line(run))


def _serve_metrics(run: LiveRun, port: int) -> None:
    registry = CollectorRegistry()
    registry.register(LiveCollector({run.feed.name: run.stats}, run.producer, run.kafka_sink))
    try:
        start_http_server(port, registry=registry)
    except OSError as error:
        raise ConfigError(
            f"Expected to serve metrics on port {port}, found {error.strerror or error}: choose another port"
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

"""The options of commands that connect to a live venue: which venues there are, and the feed that a user asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ingest.adapters.adapter import Adapter
from ingest.adapters.generic import SILENT_AFTER_S, generic_feed
from ingest.adapters.registry import ADAPTERS, GENERIC, VENUES, find_adapter
from ingest.live.feed import Feed, Keepalive
from udfs.errors import ConfigError

_KEEPALIVE_EVERY_S: Final = 20.0

_OF_VENUE = "What to subscribe to"
_OF_GENERIC = "Any other venue"
_EXAMPLES = ", ".join(dict.fromkeys(adapter.symbol for adapter in ADAPTERS))


def make_feed(
    venue: Annotated[
        str,
        typer.Argument(help=f"One of the list above; `{GENERIC}` for any other.", autocompletion=lambda: VENUES),
    ],
    symbol: Annotated[
        list[str] | None,
        typer.Option(help=f"As the venue writes it: {_EXAMPLES}.", rich_help_panel=_OF_VENUE),
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(help="One in the list above.", show_default="the venue's first", rich_help_panel=_OF_VENUE),
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            help="In the venue's own words.", show_default="those in the list above", rich_help_panel=_OF_VENUE
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
            help="Seconds without a frame that mean the line is dead.",
            show_default=f"{SILENT_AFTER_S:g}",
            rich_help_panel=_OF_GENERIC,
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
        If the venue is not listed, an option does not belong to the venue, or the venue's adapter refuses its value.
    """
    if venue == GENERIC:
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
    adapter = find_adapter(venue)
    own = {"--subscribe": subscribe, "--name": name, "--silent-after": silent_after}
    _refuse(venue, own | {"--keepalive": keepalive, "--keepalive-every": keepalive_every})
    feed = adapter.make_feed(symbol or [], api=api, channels=channel, url=url)
    return feed if declare is None else replace(feed, declared_exchange=declare)


def _refuse(venue: str, given: Mapping[str, object]) -> None:
    for option, value in given.items():
        if value is not None:
            raise ConfigError(f"Expected no {option} for {venue}, found {value!r}: leave it out")


def _make_keepalive(text: str | None, every_s: float | None) -> Keepalive | None:
    if text is None:
        _refuse(GENERIC, {"--keepalive-every without --keepalive": every_s})
        return None
    return Keepalive(text=text, every_s=_KEEPALIVE_EVERY_S if every_s is None else every_s)


def asks_for_feed(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `make_feed` before its own and the list of venues in its help; hand it the feed."""
    of_feed = signature(make_feed, eval_str=True).parameters
    own = {name: p for name, p in signature(command, eval_str=True).parameters.items() if name != "feed"}

    @wraps(command)
    def asked(**given: Any) -> None:
        feed = make_feed(**{name: given.pop(name) for name in of_feed})
        command(feed=feed, **given)

    parameters = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in (*of_feed.values(), *own.values())]
    asked.__signature__ = Signature(parameters)  # type: ignore[attr-defined]  # read by typer
    asked.__doc__ = f"{command.__doc__}\n\n{_list_venues()}"
    asked.__annotations__ = {p.name: p.annotation for p in parameters}
    return asked


def _list_venues() -> str:
    other = f"- **{GENERIC}**: any other venue that speaks JSON, by its `--url`"
    return "\n".join(["Venues, and what their interfaces are asked for:\n", *map(_describe, ADAPTERS), other])


def _describe(adapter: Adapter) -> str:
    apis = (f"  - `--api {api.name}`: {', '.join(api.channels)}" for api in adapter.apis)
    return "\n".join([f"- **{adapter.name}**: {adapter.summary}", *apis])


RotateMb = Annotated[float, typer.Option(min=0.1, help="Size of a capture, in MB, at which its next part begins.")]
Duration = Annotated[float | None, typer.Option(min=0.1, help="Seconds to run.", show_default="until Ctrl-C")]
RequireAll = Annotated[
    bool, typer.Option("--require-all", help="End with an error if the venue refuses or leaves mute what was asked.")
]
MetricsPort = Annotated[
    int | None, typer.Option(min=1, max=65535, help="Serve metrics for Prometheus here.", show_default="nowhere")
]
MetricsAddress = Annotated[
    str, typer.Option(metavar="ADDRESS", help="Where metrics are served: this machine only, or 0.0.0.0 for all.")
]
DEFAULT_METRICS_ADDRESS: Final = "127.0.0.1"

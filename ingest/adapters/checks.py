"""What every adapter checks in what a user asks for, and how feeds are named."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from udfs.errors import ConfigError

LONGEST_NAME: Final = 80
"""Leaves room for the time and the number that make a connection_id of it."""

_NAME: Final = re.compile(rf"[a-z0-9-]{{1,{LONGEST_NAME}}}")
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")
_ADDRESS: Final = "wss://host[:port]/path (ws:// if it has no TLS)"


def check_choice(what: str, value: str, choices: Sequence[str]) -> None:
    """Refuse a value that is none of the choices."""
    if value not in choices:
        raise ConfigError(f"expected {' or '.join(choices)} as the {what}, but found {value!r}: choose one of them")


def check_each(what: str, values: Mapping[str, str], pattern: re.Pattern[str], example: str, advice: str) -> None:
    """Refuse none at all, and a value that is not of the form; the sentence names it as the user wrote it.

    Parameters
    ----------
    what : str
        What the values are.
    values : mapping of str to str
        By each value, as the venue writes it, what the user wrote.
    pattern : re.Pattern
        Of a whole value.
    example : str
        A value of that form.
    advice : str
        What the user can do.
    """
    if not values:
        raise ConfigError(f"expected at least one {what} such as {example}, but found none: name one")
    for value, as_given in values.items():
        if pattern.fullmatch(value) is None:
            raise ConfigError(f"expected a {what} such as {example}, but found {as_given!r}: {advice}")


def check_url(url: str) -> None:
    """Refuse what is not the address of a WebSocket."""
    advice = _fault(url)
    if advice is not None:
        raise ConfigError(f"expected an address of the form {_ADDRESS}, but found {url!r}: {advice}")


def _fault(url: str) -> str | None:
    if not url.isprintable() or " " in url:
        return "leave the spaces out"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"correct it ({error})"
    if parts.scheme not in ("ws", "wss"):
        return "begin it with wss:// or ws://"
    if not parts.hostname or port == 0:
        return "name the host, and a port between 1 and 65535 if it is not the usual one"
    return "leave out # and what follows it" if "#" in url else None


def name_feed(*parts: str, symbols: Sequence[str]) -> str:
    """Name a feed by its parts and its first symbol, and say how many more symbols there are.

    >>> name_feed("kraken", "v2", symbols=["BTC/USD"]), name_feed("binance", "spot", symbols=["btcusdt", "x", "y", "z"])
    ('kraken-v2-btcusd', 'binance-spot-btcusdt-and-3')
    """
    words = [*parts, _NOT_IN_NAMES.sub("", symbols[0].lower())]
    more = f"-and-{len(symbols) - 1}" if len(symbols) > 1 else ""
    return "-".join(word for word in words if word)[: LONGEST_NAME - len(more)] + more


def name_host(url: str) -> str:
    """Name a feed by the host of its address.

    >>> name_host("wss://ws.okx.com:8443/ws/v5/public")
    'ws-okx-com-8443'
    """
    netloc = urlsplit(url).netloc.rpartition("@")[2].lower()
    return _NOT_IN_NAMES.sub("-", netloc)[:LONGEST_NAME].strip("-") or "feed"


def check_name(name: str) -> None:
    """Refuse what cannot begin a connection_id that is a file's name."""
    if _NAME.fullmatch(name) is None:
        raise ConfigError(
            f"expected a feed's name of 1 to {LONGEST_NAME} lower case letters, digits and dashes, "
            f"but found {name!r}: choose another name"
        )

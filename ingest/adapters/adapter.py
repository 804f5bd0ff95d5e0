"""What an adapter declares of its venue, and what is checked before it makes a feed.

A module of an adapter declares one `Adapter`; `ingest.adapters.registry` lists it. Commands, their help and the tests
read the declaration. An adapter is called once a run, where the command runs, and connects to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingest.adapters.checks import check_choice, check_each, check_url, name_feed
from ingest.live.feed import Feed


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """What a feed subscribes to, checked and in the venue's own words.

    Attributes
    ----------
    venue, api : str
        Names of the adapter and of one of its interfaces.
    symbols, channels : tuple of str
        At least one, and each once.
    url : str
        The interface's own address, or that of another server of it.
    """

    venue: str
    api: str
    symbols: tuple[str, ...]
    channels: tuple[str, ...]
    url: str

    @property
    def feed_name(self) -> str:
        """Return the name of the feed, such as `kraken-v2-btcusd`."""
        return name_feed(self.venue, self.api, symbols=self.symbols)


@dataclass(frozen=True, kw_only=True)
class Api:
    """One interface of a venue.

    Attributes
    ----------
    name : str
        What `--api` calls it: lower case letters and digits.
    url : str
        Where it is.
    symbol : re.Pattern
        Of a whole symbol, once `spell` has written it.
    spell : callable
        Writes a symbol as the interface wants it.
    channels : tuple of str
        What a feed subscribes to unless the user names channels: book, trades, ticker and heartbeats, as far as the
        interface has them.
    channel : re.Pattern
        Of a whole channel that the interface has.
    """

    name: str
    url: str
    symbol: re.Pattern[str]
    spell: Callable[[str], str]
    channels: tuple[str, ...]
    channel: re.Pattern[str]


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """One venue, as commands, their help and the tests know it.

    Attributes
    ----------
    name : str
        What commands call the venue, the name of the adapter's module, and what its connections claim to be.
    title : str
        What people call the venue.
    summary : str
        For the help: which of the venue's markets or interfaces there are.
    symbol : str
        An example that every interface takes.
    apis : tuple of Api
        The first is the default.
    to_feed : callable
        Makes the feed of a subscription; raises ConfigError for what only this venue forbids.
    """

    name: str
    title: str
    summary: str
    symbol: str
    apis: tuple[Api, ...]
    to_feed: Callable[[Subscription], Feed]

    @property
    def api_names(self) -> tuple[str, ...]:
        """Return the choices of `--api`, the default first."""
        return tuple(api.name for api in self.apis)

    @property
    def examples(self) -> tuple[str, ...]:
        """Return a command for each interface."""
        options = ("", *(f" --api {name}" for name in self.api_names[1:]))
        return tuple(f"./fingerprint ingest {self.name} --symbol {self.symbol}{option}" for option in options)

    def make_feed(
        self,
        symbols: Sequence[str],
        *,
        api: str | None = None,
        channels: Sequence[str] | None = None,
        url: str | None = None,
    ) -> Feed:
        """Make the feed that a user asks for.

        Parameters
        ----------
        symbols : sequence of str
            As the venue writes them, in any case.
        api : str, optional
            One of `api_names`; without it the first.
        channels : sequence of str, optional
            In the venue's own words; without it those of the interface.
        url : str, optional
            Another server of the interface.

        Raises
        ------
        ConfigError
            If a value is none that the interface has, or the venue forbids it.
        """
        chosen = self._choose(api)
        address = chosen.url if url is None else url
        check_url(address)
        return self.to_feed(
            Subscription(
                venue=self.name,
                api=chosen.name,
                symbols=self._check_symbols(chosen, symbols),
                channels=self._check_channels(chosen, chosen.channels if channels is None else channels),
                url=address,
            )
        )

    def _choose(self, api: str | None) -> Api:
        if api is None:
            return self.apis[0]
        check_choice(f"interface of {self.title}", api, self.api_names)
        return next(known for known in self.apis if known.name == api)

    def _check_symbols(self, api: Api, symbols: Sequence[str]) -> tuple[str, ...]:
        spelled = {api.spell(symbol): symbol for symbol in symbols}
        check_each(f"{self.title} symbol", spelled, api.symbol, self.symbol, "write it in that form")
        return tuple(spelled)

    def _check_channels(self, api: Api, channels: Sequence[str]) -> tuple[str, ...]:
        what, example = f"channel of {self.title}'s interface {api.name}", " or ".join(api.channels)
        named = {channel: channel for channel in channels}
        check_each(what, named, api.channel, example, "choose one that the interface has")
        return tuple(named)

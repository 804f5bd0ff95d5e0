"""The venues that have an adapter: commands, their help and the tests read this list, and no other."""

from __future__ import annotations

from typing import Final

from ingest.adapters.adapter import Adapter
from ingest.adapters.binance import BINANCE
from ingest.adapters.coinbase import COINBASE
from ingest.adapters.kraken import KRAKEN
from udfs.errors import ConfigError

ADAPTERS: Final = (
    BINANCE,
    COINBASE,
    KRAKEN,
)
"""In the order in which the help lists them."""

GENERIC: Final = "generic"
"""The name of any other venue, which `ingest.adapters.generic` connects to."""

VENUES: Final = (*(adapter.name for adapter in ADAPTERS), GENERIC)
"""What a user may name."""


def find_adapter(name: str) -> Adapter:
    """Return the adapter of a listed venue.

    Raises
    ------
    ConfigError
        If no adapter has that name.
    """
    for adapter in ADAPTERS:
        if adapter.name == name:
            return adapter
    listed = ", ".join(adapter.name for adapter in ADAPTERS)
    raise ConfigError(
        f"expected a venue of {listed} or {GENERIC}, but found {name!r}: choose one of them; "
        f"{GENERIC} connects to any other venue by its --url"
    )

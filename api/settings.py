"""What `fingerprint serve` can be told."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from api.tokens import VARIABLE, Tokens
from jobs.config import TOPIC
from udfs.errors import ConfigError

DEFAULT_PORT: Final = 8001
DEFAULT_METRICS_PORT: Final = 8002
NO_METRICS: Final = -1


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """What the API is told.

    Attributes
    ----------
    host : str
        Address that it listens on.
    port, metrics_port : int
        0 for any; metrics_port `NO_METRICS` for none.
    model : Path or None
        Folder of the model that scores; None for the one that is active in the database for `topic`, and without a
        database for the one that comes along.
    database_url : str or None
        Of the results; None if there are none to read.
    topic : str
        Whose active model is followed.
    workers : int
        Processes that score.
    tokens : Tokens
        Without any, whoever reaches the loopback address may do all.
    has_docs : bool
        Whether /docs and /openapi.json are there.

    Raises
    ------
    ConfigError
        If it would listen to others without tokens, or the address is none.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    metrics_port: int = DEFAULT_METRICS_PORT
    model: Path | None = None
    database_url: str | None = field(default=None, repr=False)
    topic: str = TOPIC
    workers: int = 1
    tokens: Tokens = field(default_factory=Tokens, repr=False)
    has_docs: bool = False

    def __post_init__(self) -> None:
        if not self.tokens and not is_loopback(self.host):
            raise ConfigError(
                f"Expected tokens before others than this machine are let in, found none for {self.host}: name them in "
                f"{VARIABLE} or with --token-file, or listen on 127.0.0.1"
            )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address.

    Raises
    ------
    ConfigError
        If it is none of this machine's.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"Expected a name or an address of this machine, found {host}: correct --host") from error
    return all(ipaddress.ip_address(address[0]).is_loopback for *_, address in found)

"""A live feed, as adapters describe it, and where its frames go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ingest.frame import Frame


@dataclass(frozen=True, kw_only=True)
class Keepalive:
    """What a venue wants to hear from its clients, or it hangs up."""

    text: str
    every_s: float


@dataclass(frozen=True, kw_only=True)
class Feed:
    """One WebSocket subscription: where to connect, what to ask for, and what the venue promises.

    Adapters make feeds; what a frame means is none of their business.

    Attributes
    ----------
    name : str
        Begins the connection ids, such as `kraken-v2-btcusd`: lower case letters, digits and dashes.
    declared_exchange : str or None
        What the connections claim to be.
    url : str
        `wss://` or `ws://`.
    symbols : tuple of str
        As the venue's data name them, in any case; empty if only the requests tell.
    requests : tuple of str
        Frames to send after connecting, in order.
    requests_per_s : float
        As often as the venue lets a client send.
    keepalive : Keepalive or None
        A frame to send again and again.
    ping_every_s : float or None
        Send a protocol ping as often, and give the connection up if no pong follows: for venues that promise no
        message of their own at regular times.
    silent_after_s : float
        By the venue's heartbeat contract a living connection is never silent for as long.
    connect_every_s : float
        The least time between two attempts to connect that the venue's limit on attempts leaves.
    longest_session_s : float or None
        The venue hangs up after so long; a new connection is made shortly before.
    """

    name: str
    declared_exchange: str | None
    url: str
    symbols: tuple[str, ...] = ()
    requests: tuple[str, ...] = ()
    requests_per_s: float = 1.0
    keepalive: Keepalive | None = None
    ping_every_s: float | None = None
    silent_after_s: float
    connect_every_s: float = 1.0
    longest_session_s: float | None = None


class Sink(Protocol):
    """Where the frames of live connections go. All methods are called from one thread and return at once."""

    def open(self, connection_id: str, feed: Feed) -> None:
        """Take note that a connection begins."""

    def write(self, connection_id: str, frame: Frame) -> None:
        """Take a frame over; whatever was written is delivered, even if `full` says that no more should come."""

    def close(self, connection_id: str, reason: str) -> None:
        """Take note that a connection has ended."""

    @property
    def full(self) -> bool:
        """Whether connections should be closed until there is room again."""

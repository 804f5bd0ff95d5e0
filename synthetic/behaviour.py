"""The vocabulary in which a venue's behaviour is written down: channels, ticks, heartbeats, sequences, answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from udfs.schema import MsgType


class SeqRule(Enum):
    """How a frame's sequence number comes about."""

    NONE = auto()
    """The frame carries none."""

    SYMBOL = auto()
    """One counter a symbol, which counts every change of its book, shown or not."""

    VENUE = auto()
    """One counter for the whole venue: it runs on with everybody's changes."""

    CONNECTION = auto()
    """One more with every frame of the connection that has this rule."""

    CLOCK = auto()
    """No counter: the venue's time in milliseconds."""


class Trigger(Enum):
    """Which market event makes a channel speak."""

    BOOK = auto()
    BEST = auto()
    TRADE = auto()


class TickPattern(Enum):
    """What decides when a batch leaves."""

    GRID = auto()
    """Ticks of one fixed grid that all symbols of the connection share."""

    SUCCESSION = auto()
    """Each symbol's next tick follows its last one, so that there is no phase."""

    PAUSE = auto()
    """A batch goes on as long as its symbol does not pause for a period."""

    COOLDOWN = auto()
    """A symbol's batch leaves with its first event that comes a period or more after the last frame."""


@dataclass(frozen=True, kw_only=True)
class Ticks:
    """Batching: what happened since the last tick leaves in one frame a symbol, and nothing leaves if nothing happened.

    Attributes
    ----------
    period_ms : tuple of float
        What a subscriber can choose from; one is drawn a session.
    excess_ms : float
        By how much the real period exceeds the nominal one: the grid drifts through the second.
    jitter_ms : float
        Standard deviation of a tick around its place.
    """

    pattern: TickPattern
    period_ms: tuple[float, ...]
    excess_ms: float = 0.0
    jitter_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A stream of data events that a session may subscribe to.

    Attributes
    ----------
    msg_type : MsgType
        What the frames are read as: `OTHER` for lists of words without keys.
    probability : float
        Share of its mix's sessions that subscribe to it.
    complete : bool
        True if the channel tells all of an order's life, a frame for each step, so that its symbol's counter is
        without gaps.
    payload_bytes, level_bytes : int
        Median size of a frame, and what each further batched change adds to it.
    exchange_time_ns : int or None
        Resolution of the venue's time in the frame; None if it carries none.
    time_lag_ms : float
        Mean of how long before the frame leaves its time is taken, exponentially distributed: other hosts' times come
        out of order.
    """

    name: str
    trigger: Trigger
    msg_type: MsgType = MsgType.NEW
    probability: float = 1.0
    ticks: Ticks | None = None
    seq: SeqRule = SeqRule.NONE
    complete: bool = False
    payload_bytes: int
    level_bytes: int = 0
    exchange_time_ns: int | None
    time_lag_ms: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Periodic:
    """Frames sent by the clock whatever the market does: heartbeats, pings, mark prices.

    Attributes
    ----------
    probability : float
        Share of the sessions in which the recorder sees it.
    utc_aligned : bool
        True: sent at whole multiples of the period. False: from a moment of the connection's own.
    answered : bool
        True if the client answers each one at once with a frame of its own, as a ping with a pong.
    spread_bytes : float
        Standard deviation of a frame's size around `payload_bytes`.
    """

    name: str
    msg_type: MsgType = MsgType.HEARTBEAT
    period_s: float
    jitter_ms: float
    probability: float = 1.0
    per_symbol: bool = False
    utc_aligned: bool = False
    answered: bool = False
    seq: SeqRule = SeqRule.NONE
    payload_bytes: int
    spread_bytes: float = 0.0
    exchange_time_ns: int | None


@dataclass(frozen=True, kw_only=True)
class Opening:
    """The first frames of a connection.

    Attributes
    ----------
    greeting : bool
        True if the venue speaks first, with a status frame (OTHER).
    subscribe_probability : float
        Share of the sessions whose subscriptions are frames and not a part of the address.
    most_requests : int
        A client sends one to so many of them.
    acknowledged : bool
        False if requests are answered by data only.
    ack_per_symbol : bool
        One answer for each symbol, or one for the whole request.
    ack_has_request_id : bool
        Whether the answer repeats an id of the request.
    snapshot_bytes : int
        Median size of a symbol's first book; 0 if none is sent.
    seq : SeqRule
        `CONNECTION` if the venue counts these frames too, else `NONE`.
    """

    greeting: bool
    subscribe_probability: float
    most_requests: int = 3
    acknowledged: bool = True
    ack_per_symbol: bool
    ack_has_request_id: bool
    snapshot_bytes: int
    seq: SeqRule = SeqRule.NONE


@dataclass(frozen=True, kw_only=True)
class Mix:
    """What a client subscribes to together.

    Attributes
    ----------
    name : str
        Names the channels, joined by " + ".
    weight : float
        How often sessions have it, beside the weights of the profile's other mixes.
    channels : tuple of Channel
        A session has each by its probability, and the first if chance gives none.
    periodics : tuple of Periodic
        What the clock sends of these subscriptions, beside the profile's own.
    most_symbols : int or None
        As the profile's; 1 for streams of a whole market.
    snapshot_bytes : int or None
        Median size of a symbol's first frame; None for that of the opening.
    """

    name: str
    weight: float = 1.0
    channels: tuple[Channel, ...] = ()
    periodics: tuple[Periodic, ...] = ()
    most_symbols: int | None = None
    snapshot_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class MarketProfile:
    """A market-data session.

    Attributes
    ----------
    mixes : tuple of Mix
        Alternatives, of which a session draws one by their weights.
    periodics : tuple of Periodic
        What the clock sends whatever is subscribed to.
    hidden_updates : float
        Mean number of changes that move the counter between two that a client could see, on a market of middling life.
    hidden_by_trade : int
        How many changes more a trade hides.
    frame_spacing_us : float
        The least time between two frames on the wire.
    most_symbols : int or None
        How many symbols a connection may subscribe to; None if the venue sets no limit that matters.
    first_ids : tuple of float
        Least and greatest number that a symbol's counter may have reached.
    venue_ids_hz : float
        How fast the counter of the whole venue runs.
    """

    name: str
    exchange: str
    mixes: tuple[Mix, ...]
    periodics: tuple[Periodic, ...]
    opening: Opening
    hidden_updates: float
    hidden_by_trade: int = 0
    frame_spacing_us: float = 0.0
    most_symbols: int | None = None
    # Recorded: 27,883,326 (COINBASE__2021-04-17) to 115,656,822,686 (COINBASE__2025-11-13).
    first_ids: tuple[float, float] = (1e7, 2e11)
    venue_ids_hz: float = 20_000.0


@dataclass(frozen=True, kw_only=True)
class AckShape:
    """Latency of answers as multiples of the host's distance, so that the level says nothing of the venue.

    Of a distance d, an answer takes d (1 + service), where service is log-normal with a median drawn log-uniformly from
    `service_median` and a sigma drawn from `service_sigma`; a share drawn from `slow_share` of the answers takes a
    further factor, log-normal around `slow_factor`.
    """

    service_median: tuple[float, float]
    service_sigma: tuple[float, float]
    slow_share: tuple[float, float]
    slow_factor: tuple[float, float]
    slow_sigma: float


@dataclass(frozen=True, kw_only=True)
class Reports:
    """What a subscriber is told unasked of the orders: how many frames an event brings.

    Attributes
    ----------
    probability : float
        Share of the sessions that have these reports; what is left to 1 has none.
    placed, cancelled : int
        Frames beside the answer, for each accepted order and for each accepted cancellation.
    traded, completed : int
        Frames for each trade of an order, and those that follow the trade that completes it.
    """

    name: str
    probability: float
    placed: int
    cancelled: int
    traded: int
    completed: int
    seq: SeqRule
    payload_bytes: int


@dataclass(frozen=True, kw_only=True)
class IdleHeartbeat:
    """Heartbeats of a protocol in which each side speaks when it has been silent for a period, and only then.

    Attributes
    ----------
    period_s : tuple of float
        What a client can choose from; one is drawn a session.
    """

    period_s: tuple[float, ...]
    payload_bytes: int


@dataclass(frozen=True, kw_only=True)
class OrderProfile:
    """An order-entry session: requests, their answers, and reports of what became of the orders.

    Attributes
    ----------
    reports : tuple of Reports
        Alternatives, of which a session has one or none.
    idle_heartbeat : IdleHeartbeat or None
        None if the protocol has no such heartbeats.
    seq : SeqRule
        `CONNECTION` if the venue counts answers and heartbeats too, else `NONE`.
    counter_ids : bool
        True if clients of this interface number their requests, False if their ids look random.
    exchange_time_ns : int
        Resolution of the venue's time in answers and reports.
    """

    name: str
    exchange: str
    ack: AckShape
    reports: tuple[Reports, ...]
    periodics: tuple[Periodic, ...]
    idle_heartbeat: IdleHeartbeat | None = None
    opening: Opening
    seq: SeqRule = SeqRule.NONE
    counter_ids: bool
    request_bytes: int
    ack_bytes: int
    nack_bytes: int
    exchange_time_ns: int


Profile = MarketProfile | OrderProfile

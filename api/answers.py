"""What answers hold, for the OpenAPI description; what writes them is elsewhere, and tests compare the two."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Certainty = Literal["certain", "likely", "undecided"]


@dataclass
class WindowScore:
    """The scores of a window of 50 messages; offsets count the messages of the request from 0."""

    first_offset: int
    last_offset: int
    window_start_at: datetime
    window_end_at: datetime
    predicted_exchange: str
    confidence: float
    unknown_score: float
    probabilities: dict[str, float]
    signature: str


@dataclass
class VerdictChange:
    """A change of what is certain of a connection."""

    previous_verdict: str | None
    verdict: str
    since_message: int
    messages: int
    windows: int
    strength_nats: float
    probability: float


@dataclass
class ScoreAnswer:
    """What a connection behaves like; without a complete window it is `unknown` and `undecided`."""

    connection_id: str
    declared_exchange: str | None
    messages: int
    windows: int
    verdict: str
    certainty: Certainty
    probability: float
    strength_nats: float
    certain_after_messages: int | None
    since_message: int | None
    signature: str | None
    is_mismatch: bool
    windows_by_class: dict[str, int]
    events: list[VerdictChange]
    model_version: str
    window_scores: list[WindowScore] | None
    explanation: dict[str, Any] | None


@dataclass
class WindowsAnswer:
    """The scores of each window, in the order of the request."""

    model_version: str
    window_scores: list[WindowScore]


@dataclass
class ConnectionStatus:
    """A connection as the view `connection_status` has it."""

    connection_id: str
    declared_exchange: str | None
    detected_exchange: str
    certainty: Certainty
    probability: float
    mismatch: bool
    since_at: datetime | None
    strength_nats: float
    certain_after_messages: int | None
    previous_exchange: str | None
    windows: int
    messages: int
    messages_per_second: float | None
    first_seen_at: datetime | None
    last_seen_at: datetime
    signature: str
    model_version: str
    updated_at: datetime
    clock_ahead_s: float | None


@dataclass
class VerdictEvent:
    """An event of a connection as the view `verdict_events` has it."""

    kind: str
    previous_exchange: str | None
    detected_exchange: str
    declared_exchange: str | None
    since_at: datetime
    detected_at: datetime
    messages: int
    windows: int
    strength_nats: float
    probability: float
    against_exchange: str | None
    reason: str | None
    signature: str
    model_version: str


@dataclass
class ConnectionDetail(ConnectionStatus):
    """The same, and its latest events, the newest first."""

    events: list[VerdictEvent]


@dataclass
class ConnectionsAnswer:
    """Connections by their ids; `next` is what `after` has to be for those that follow, null behind the last."""

    connections: list[ConnectionStatus]
    next: str | None


@dataclass
class Alert:
    """One thing that is wrong now, as the view `alerts` has it."""

    rule: str
    severity: Literal["critical", "warning"]
    subject: str
    declared_exchange: str | None
    detected_exchange: str | None
    since_at: datetime | None
    value: float | None
    limit_value: float | None
    summary: str
    runbook: str


@dataclass
class AlertsAnswer:
    """What is wrong now, the critical ones first, then the latest."""

    alerts: list[Alert]


@dataclass
class ModelAnswer:
    """The model that scores; `follows_topic` is the topic whose active model it is, null if it was given."""

    model_version: str
    classes: list[str]
    features: int
    window_size: int
    window_slide: int
    false_unknown_rate: float
    follows_topic: str | None
    shipped: list[str]


@dataclass
class Health:
    """Whether it works."""

    status: Literal["ok"]

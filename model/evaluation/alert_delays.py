"""Alerts over a connection's life: false ones on clean traffic, and how late they come when an exchange changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.evaluation.effort import Effort
from model.evaluation.predictions import CERTAIN, Namer, Opinion, window_numbers
from model.evaluation.statistics import connection_share, poisson_interval, quantiles
from model.training.dataset import Dataset, build_dataset, draw_labelled_strangers, draw_labelled_synthetic
from synthetic.anomalies import switch
from synthetic.generate import head
from udfs.current_verdict import messages_at
from udfs.schema import UNKNOWN, WINDOW_SLIDE, Session

MESSAGES_A_DAY: Final = (100_000, 1_000_000, 10_000_000)
"""What false alerts are extrapolated to: about 1, 12 and 116 messages a second."""

_BEFORE_SWITCH: Final = (200, 500)
_AFTER_SWITCH: Final = 700
_NS_PER_S: Final = 1e9


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A certain verdict that differs from what a connection declares, where none or another one stood before.

    Attributes
    ----------
    session, window : int
        Of the dataset; number of the window in its session.
    name : str
        The verdict.
    since_window : int
        With which it began, as far as is said; else -1.
    """

    session: int
    window: int
    name: str
    since_window: int


def find_alerts(dataset: Dataset, opinion: Opinion, declared: Mapping[int, str]) -> list[Alert]:
    """List all alerts of the sessions that declare something, in order."""
    numbers, names, alerts = window_numbers(dataset), opinion.standing_names, []
    certain = np.flatnonzero(opinion.certainty == CERTAIN)
    sessions = dataset.session[certain]
    # Each session's first certain window, and each where the name changes.
    is_new = np.diff(sessions, prepend=-1) != 0
    is_new[1:] |= names[certain][1:] != names[certain][:-1]
    for row in certain[is_new]:
        session, name = int(dataset.session[row]), str(names[row])
        if session in declared and name != declared[session]:
            since = int(opinion.since[row])
            alerts.append(Alert(session=session, window=int(numbers[row]), name=name, since_window=since))
    return alerts


def false_alerts(dataset: Dataset, opinion: Opinion, durations_s: NDArray[np.float64]) -> dict[str, Any]:
    """Count alerts on clean connections that declare what they are.

    Parameters
    ----------
    dataset, opinion
        Sessions of known exchanges; strangers among them do not count.
    durations_s : (n_sessions,) float64
        How long each session lasted.
    """
    sizes = np.bincount(dataset.session, minlength=len(dataset.sources))
    declared = {
        session: source.label
        for session, source in enumerate(dataset.sources)
        if source.label != UNKNOWN and sizes[session] > 0
    }
    alerts = find_alerts(dataset, opinion, declared)
    kept = np.array(sorted(declared), dtype=np.int64)
    messages = int(sum(messages_at(int(sizes[session]) - 1) for session in kept))
    alerted = np.isin(kept, [alert.session for alert in alerts])
    low, high = poisson_interval(len(alerts))
    seconds = float(durations_s[kept].sum())
    return {
        "connections": connection_share(alerted).to_json(),
        "alerts": len(alerts),
        "messages": messages,
        "connection_days": round(seconds / 86_400, 4),
        "alerts_a_connection_day": {
            f"{a_day}": {name: round(value * a_day / messages, 4) for name, value in _bounds(len(alerts), low, high)}
            for a_day in MESSAGES_A_DAY
            if messages
        },
        "alerted": [
            {
                "session": dataset.sources[alert.session].name,
                "declared": declared[alert.session],
                "verdict": alert.name,
                "after_messages": messages_at(alert.window),
            }
            for alert in alerts[:20]
        ],
    }


def _bounds(found: int, low: float, high: float) -> tuple[tuple[str, float], ...]:
    return (("found", float(found)), ("low", low), ("high", high))


def durations_of(sessions: Iterable[Session]) -> NDArray[np.float64]:
    """Measure how long sessions last."""
    return np.array([float(s.recv_ts_ns[-1] - s.recv_ts_ns[0]) / _NS_PER_S if len(s) else 0.0 for s in sessions])


@dataclass(frozen=True, kw_only=True, eq=False)
class Switched:
    """Streams that become another venue's in mid-life.

    Attributes
    ----------
    dataset : Dataset
        Labelled by what they declare and first are.
    at : (n_sessions,) int64
        Message with which the other one begins.
    becomes : list of str
        What the other one is, `unknown` for a stranger.
    """

    dataset: Dataset
    at: NDArray[np.int64]
    becomes: list[str]


def draw_switched(effort: Effort, seed: int) -> Switched:
    """Let sessions of each exchange become each of the others, or a stranger, in turn, all of them fresh."""
    per_exchange = -(-effort.n_switches // 3)
    n_messages = _BEFORE_SWITCH[1] + _AFTER_SWITCH
    known = list(draw_labelled_synthetic(per_exchange=2 * per_exchange, n_messages=n_messages, seed=seed))
    strangers = list(draw_labelled_strangers(n=per_exchange, n_messages=_AFTER_SWITCH, seed=seed))
    rng, half = np.random.default_rng(seed), 3 * per_exchange
    pools = {
        label: cycle([pair for pair in [*known[half:], *strangers] if pair[0].label == label])
        for label in dict.fromkeys(source.label for source, _ in [*known, *strangers])
    }
    turns = {label: cycle([name for name in pools if name != label]) for label in pools}
    streams, at, becomes = [], [], []
    for source, session in known[: effort.n_switches]:
        name = next(turns[source.label])
        place = int(rng.integers(*_BEFORE_SWITCH))
        other = next(pools[name])[1]
        injected = switch(session, head(other, _AFTER_SWITCH), at=place, exchange=name)
        streams.append((source, injected.sessions[0]))
        at.append(place)
        becomes.append(name)
    return Switched(dataset=build_dataset(streams), at=np.array(at, dtype=np.int64), becomes=becomes)


def detection_figures(switched: Switched, namer: Namer, false_unknown_rate: float) -> dict[str, Any]:
    """Say how many switches are noticed, how late, and how far off the estimate of the moment is.

    Noticed is a switch by the first alert after it, whatever it names; `named_right` counts those that end with the
    other one's name. Delays are from the first foreign message to the end of the deciding window.
    """
    dataset, at = switched.dataset, switched.at
    opinion = namer.opine(dataset, false_unknown_rate)
    declared = {session: source.label for session, source in enumerate(dataset.sources)}
    first: dict[int, Alert] = {}
    early: set[int] = set()
    last: dict[int, str] = {}
    for alert in find_alerts(dataset, opinion, declared):
        is_early = messages_at(alert.window) <= at[alert.session]
        if is_early:
            early.add(alert.session)
        else:
            first.setdefault(alert.session, alert)
            last[alert.session] = alert.name
    found = np.isin(np.arange(len(at)), list(first))
    delays = np.array([messages_at(alert.window) - int(at[session]) for session, alert in first.items()], dtype=float)
    errors = np.array(
        [WINDOW_SLIDE * a.since_window - int(at[session]) for session, a in first.items() if a.since_window >= 0],
        dtype=float,
    )
    named = np.array([last.get(session) == name for session, name in enumerate(switched.becomes)], dtype=np.bool_)
    return {
        "detected": connection_share(found).to_json(),
        "named_right": connection_share(named).to_json(),
        "alerted_before": connection_share(np.isin(np.arange(len(at)), list(early))).to_json(),
        "delay_messages": quantiles(delays),
        "delay_windows": quantiles(np.ceil(delays / WINDOW_SLIDE)),
        "since_error_messages": {**quantiles(np.abs(errors)), "mean": float(errors.mean()) if len(errors) else None},
    }

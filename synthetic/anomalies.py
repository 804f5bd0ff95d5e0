"""Faults put into a session on purpose, each with a label that says what was done and where.

Every function is pure: it takes a session and returns what became of it, with the label beside it, never in it. To put
several faults into one session, apply one to another's result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from udfs.errors import ConfigError
from udfs.schema import SESSION_COLUMNS, Int64Array, MsgType, Session

_NS_PER_S: Final = 1_000_000_000
_FLUSH_GAP_NS: Final = 10_000


class AnomalyKind(StrEnum):
    """What can go wrong."""

    DROP = "drop"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    STALL = "stall"
    REJECTS = "rejects"
    RECONNECT = "reconnect"
    SWITCH = "switch"


@dataclass(frozen=True, kw_only=True)
class AnomalyLabel:
    """What was done to a session.

    Attributes
    ----------
    first_index, last_index : int
        The messages concerned, both ends included, counted in the session that came out (of a reconnect: in the first).
    first_recv_ts_ns, last_recv_ts_ns : int
        Receive times of those two, which outlive further faults that move the indices.
    parameters : mapping
        What the fault was asked to do, and how many messages it touched (`n_touched`).
    """

    kind: AnomalyKind
    first_index: int
    last_index: int
    first_recv_ts_ns: int
    last_recv_ts_ns: int
    parameters: Mapping[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Injected:
    """The sessions that came out, one unless the connection was broken, and the label."""

    sessions: tuple[Session, ...]
    label: AnomalyLabel


def drop(session: Session, *, first: int, last: int, share: float, rng: np.random.Generator) -> Injected:
    """Lose a share of the messages `first` to `last`; the label spans the neighbours that are left on both sides."""
    _check_range(session, first, last, margin=1)
    lost = _choose(first, last, share, rng)
    kept = np.delete(np.arange(len(session)), lost)
    result = _take(session, kept)
    return _injected(result, AnomalyKind.DROP, first - 1, last + 1 - len(lost), share=share, n_touched=len(lost))


def duplicate(session: Session, *, first: int, last: int, share: float, rng: np.random.Generator) -> Injected:
    """Deliver a share of the messages `first` to `last` twice, the second at once after the first."""
    _check_range(session, first, last)
    chosen = _choose(first, last, share, rng)
    result = _take(session, np.sort(np.concatenate((np.arange(len(session)), chosen)), kind="stable"))
    return _injected(result, AnomalyKind.DUPLICATE, first, last + len(chosen), share=share, n_touched=len(chosen))


def reorder(session: Session, *, first: int, last: int, distance: int, rng: np.random.Generator) -> Injected:
    """Let the messages `first` to `last` overtake each other by up to `distance` places; receive times stay."""
    _check_range(session, first, last)
    _check(distance >= 1, "a distance of at least 1", distance)
    places = np.arange(first, last + 1)
    # A later message overtakes only those less than the span of the noise before it.
    shuffled = places[np.argsort(places + rng.uniform(0, distance + 1, len(places)), kind="stable")]
    order = np.arange(len(session))
    order[first : last + 1] = shuffled
    result = replace(_take(session, order), recv_ts_ns=session.recv_ts_ns.copy())
    n_touched = int((shuffled != places).sum())
    return _injected(result, AnomalyKind.REORDER, first, last, distance=distance, n_touched=n_touched)


def stall(session: Session, *, first: int, duration_s: float) -> Injected:
    """Hold back what arrives within `duration_s` from message `first` on, then deliver it at once; nothing is lost."""
    _check_range(session, first, first)
    _check(duration_s > 0, "a positive duration_s", duration_s)
    recv_ts_ns = session.recv_ts_ns.copy()
    release_ns = int(recv_ts_ns[first]) + round(duration_s * _NS_PER_S)
    earliest = release_ns + _FLUSH_GAP_NS * np.arange(len(session) - first)
    late = recv_ts_ns[first:] < earliest
    n_held = len(late) if late.all() else int(np.argmin(late))
    recv_ts_ns[first : first + n_held] = earliest[:n_held]
    result = replace(session, recv_ts_ns=recv_ts_ns)
    return _injected(result, AnomalyKind.STALL, first, first + n_held - 1, duration_s=duration_s, n_touched=n_held)


def rejects(session: Session, *, first: int, last: int, share: float, rng: np.random.Generator) -> Injected:
    """Turn a share of the acknowledgements among the messages `first` to `last` into refusals."""
    _check_range(session, first, last)
    acks = first + np.flatnonzero(session.msg_type[first : last + 1] == MsgType.ACK)
    _check(len(acks) > 0, "acknowledgements to reject", f"none in messages {first} to {last}")
    refused = acks[_choose(0, len(acks) - 1, share, rng)]
    msg_type = session.msg_type.copy()
    msg_type[refused] = MsgType.NACK
    result = replace(session, msg_type=msg_type)
    return _injected(result, AnomalyKind.REJECTS, first, last, share=share, n_touched=len(refused))


def reconnect(session: Session, *, at: int, gap_s: float, connection_id: str) -> Injected:
    """Break the connection before message `at`; the rest comes `gap_s` later under a new id.

    The venue's sequence numbers run on; a request that was open is answered on the new connection or not at all.
    """
    _check_range(session, at, at, margin=1)
    _check(gap_s >= 0, "no negative gap_s", gap_s)
    before = _take(session, np.arange(at))
    after = _take(session, np.arange(at, len(session)))
    moved = after.recv_ts_ns + round(gap_s * _NS_PER_S)
    after = replace(after, connection_id=connection_id, recv_ts_ns=moved)
    label = _label(before, AnomalyKind.RECONNECT, at - 1, at - 1, gap_s=gap_s, connection_id=connection_id)
    return Injected(sessions=(before, after), label=label)


def switch(session: Session, other: Session, *, at: int, exchange: str, gap_s: float = 0.0) -> Injected:
    """From message `at` on, let another session speak under this one's id, declaration and clock.

    Parameters
    ----------
    other : Session
        What comes instead, from its first message on; its times are moved to follow `gap_s` after message `at` - 1.
    exchange : str
        Where `other` comes from, for the label.
    """
    _check_range(session, at, at, margin=1)
    _check(len(other) > 0, "a session to go on with", "one without messages")
    shift_ns = int(session.recv_ts_ns[at - 1]) + round(gap_s * _NS_PER_S) - int(other.recv_ts_ns[0])
    columns = {name: np.concatenate((getattr(session, name)[:at], getattr(other, name))) for name in SESSION_COLUMNS}
    columns["recv_ts_ns"][at:] += shift_ns
    result = replace(session, **columns)
    return _injected(
        result, AnomalyKind.SWITCH, at, len(result) - 1, exchange=exchange, gap_s=gap_s, n_touched=len(other)
    )


def _take(session: Session, index: NDArray[np.int64]) -> Session:
    return replace(session, **{name: getattr(session, name)[index] for name in SESSION_COLUMNS})


def _choose(first: int, last: int, share: float, rng: np.random.Generator) -> Int64Array:
    """Choose at least one and on the whole a share of the places `first` to `last`, in order."""
    _check(0 < share <= 1, "a share above 0 and at most 1", share)
    n = last - first + 1
    chosen: Int64Array = first + np.sort(rng.choice(n, size=max(1, round(share * n)), replace=False))
    return chosen


def _injected(session: Session, kind: AnomalyKind, first: int, last: int, **parameters: float | int | str) -> Injected:
    return Injected(sessions=(session,), label=_label(session, kind, first, last, **parameters))


def _label(session: Session, kind: AnomalyKind, first: int, last: int, **parameters: float | int | str) -> AnomalyLabel:
    return AnomalyLabel(
        kind=kind,
        first_index=first,
        last_index=last,
        first_recv_ts_ns=int(session.recv_ts_ns[first]),
        last_recv_ts_ns=int(session.recv_ts_ns[last]),
        parameters=parameters,
    )


def _check_range(session: Session, first: int, last: int, *, margin: int = 0) -> None:
    low, high = margin, len(session) - 1 - margin
    _check(low <= first <= last <= high, f"a fault's messages between {low} and {high}", f"{first} to {last}")


def _check(fits: bool, expected: str, found: object) -> None:
    if not fits:
        raise ConfigError(f"Expected {expected}, found {found}: correct it")

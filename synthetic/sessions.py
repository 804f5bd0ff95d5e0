"""Many sessions at once, with the truth about each beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthetic.anomalies import AnomalyLabel
from synthetic.generate import generate_session
from synthetic.profiles import turns
from udfs.errors import ConfigError
from udfs.schema import EXCHANGES, Session


@dataclass(frozen=True, kw_only=True)
class LabelledSession:
    """A session and what is true of it, which no message says.

    Attributes
    ----------
    exchange : str
        Where it really comes from (before a switch, if its anomalies have one).
    profile : str
        Name of its behaviour.
    anomalies : tuple of AnomalyLabel
        What was done to it, in order; empty as generated.
    """

    session: Session
    exchange: str
    profile: str
    anomalies: tuple[AnomalyLabel, ...] = ()


def synthetic_sessions(
    *,
    exchanges: Sequence[str] = EXCHANGES,
    per_exchange: int,
    seed: int,
    start_ns: int,
    duration_s: float | None = None,
    n_messages: int | None = None,
    rate_factor: float = 1.0,
) -> list[LabelledSession]:
    """Draw sessions of some exchanges, their behaviours taking turns, each declaring the exchange it comes from.

    An exchange's k-th session has the same messages for the same seed whatever else is drawn. Connection ids say
    nothing of the exchange: they are numbered in an order that the seed shuffles. Length and `rate_factor` are those
    of `generate_session`.

    Raises
    ------
    ConfigError
        If an exchange has no behaviour here, or length or `rate_factor` is not as `generate_session` wants it.

    >>> drawn = synthetic_sessions(per_exchange=1, seed=1, start_ns=0, n_messages=50)
    >>> [d.exchange for d in drawn], len(drawn[0].session)
    (['binance', 'coinbase', 'kraken'], 50)
    """
    numbers = np.random.default_rng(seed).permutation(per_exchange * len(exchanges))
    return [
        _labelled(
            exchange,
            k,
            seed=seed,
            number=int(numbers[k * len(exchanges) + position]),
            start_ns=start_ns,
            duration_s=duration_s,
            n_messages=n_messages,
            rate_factor=rate_factor,
        )
        for k in range(per_exchange)
        for position, exchange in enumerate(exchanges)
    ]


def _labelled(
    exchange: str,
    k: int,
    *,
    seed: int,
    number: int,
    start_ns: int,
    duration_s: float | None,
    n_messages: int | None,
    rate_factor: float,
) -> LabelledSession:
    own = turns(exchange)
    if not own:
        raise ConfigError(
            f"Expected an exchange that can be drawn, found {exchange!r}: choose among {', '.join(EXCHANGES)}"
        )
    behaviour = own[k % len(own)]
    rng = np.random.default_rng((seed, EXCHANGES.index(exchange), k))
    session = generate_session(
        behaviour,
        rng=rng,
        start_ns=start_ns,
        connection_id=f"conn-{number:04d}-{int(rng.integers(16**4)):04x}",
        declared_exchange=exchange,
        duration_s=duration_s,
        n_messages=n_messages,
        rate_factor=rate_factor,
    )
    return LabelledSession(session=session, exchange=exchange, profile=behaviour.name)

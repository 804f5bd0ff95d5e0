"""What a demo plays, and how well the job named it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from jobs.results.connections import ConnectionStatus, mismatch_remarks
from synthetic.sessions import LabelledSession, synthetic_sessions
from udfs.schema import EXCHANGES

_LEAST_MESSAGES: Final = 100
"""What a connection's verdict takes at least to be certain."""


@dataclass(frozen=True, kw_only=True)
class DemoReport:
    """The connections of a demo, what they are, and what was found.

    Attributes
    ----------
    truths : dict
        Connection id -> the exchange it behaves like.
    found : list of ConnectionStatus
        The connections that had a complete window.
    seconds_to_first_result, seconds_to_all_right : float or None
        From the command's start; None if it did not happen.
    """

    truths: dict[str, str]
    found: list[ConnectionStatus] = field(default_factory=list)
    seconds_to_first_result: float | None = None
    seconds_to_all_right: float | None = None

    @property
    def n_right(self) -> int:
        """Count the connections that are named as what they are."""
        return sum(row.detected_exchange == self.truths[row.connection_id] for row in self.found)

    @property
    def is_all_right(self) -> bool:
        """Whether every connection was found and named right."""
        return self.n_right == len(self.truths)

    def updated(self, found: list[ConnectionStatus], seconds: float) -> DemoReport:
        """Take in what the database says now, `seconds` after the command's start."""
        first = self.seconds_to_first_result
        report = replace(self, found=found, seconds_to_first_result=seconds if found and first is None else first)
        if report.is_all_right and report.seconds_to_all_right is None:
            return replace(report, seconds_to_all_right=seconds)
        return report

    def to_json(self) -> dict[str, Any]:
        """Lay out the report for scripts."""
        connections = [
            {
                **asdict(row),
                "exchange": self.truths[row.connection_id],
                "since_at": None if row.since_at is None else row.since_at.isoformat(),
                "last_seen_at": row.last_seen_at.isoformat(),
            }
            for row in self.found
        ]
        return {
            "connections_published": len(self.truths),
            "connections_right": self.n_right,
            "mismatches_found": sum(row.mismatch for row in self.found),
            "windows": sum(row.windows for row in self.found),
            "seconds_to_first_result": self.seconds_to_first_result,
            "seconds_to_all_right": self.seconds_to_all_right,
            "connections": connections,
        }

    def remarks(self) -> list[str]:
        """Say how long it took, and which connections are not what they declare."""
        first = self.seconds_to_first_result
        timing = "No result." if first is None else f"First result after {first:.0f} s."
        return [timing, *mismatch_remarks(self.found)]


def draw_demo_sessions(*, per_exchange: int, seed: int, start_ns: int, duration_s: float) -> Sequence[LabelledSession]:
    """Draw the demo's connections; one declares an exchange that it is not, for the job to find.

    Their ids tell one run from another: the same seed gives the same behaviour, but not the same connections.
    """
    drawn = synthetic_sessions(
        exchanges=EXCHANGES, per_exchange=2 * per_exchange, seed=seed, start_ns=start_ns, duration_s=duration_s
    )
    # A feed that says next to nothing in a demo's time shows nothing: it comes in only where there is no other.
    drawn.sort(key=lambda labelled: len(labelled.session) < _LEAST_MESSAGES)
    kept = [one for name in EXCHANGES for one in [one for one in drawn if one.exchange == name][:per_exchange]]
    run = f"{start_ns // 10**9 % 16**4:04x}"
    in_order = sorted(kept, key=lambda labelled: labelled.session.connection_id)
    renamed = [_renamed(labelled, f"conn-{number:04d}-{run}") for number, labelled in enumerate(in_order)]
    # Neither a burst nor a trickle: it takes some messages to be certain of a lie.
    liar = sorted(renamed, key=lambda labelled: len(labelled.session))[len(renamed) // 2]
    other = next(exchange for exchange in EXCHANGES if exchange != liar.exchange)
    lying = replace(liar, session=replace(liar.session, declared_exchange=other))
    return [lying if labelled is liar else labelled for labelled in renamed]


def _renamed(labelled: LabelledSession, connection_id: str) -> LabelledSession:
    return replace(labelled, session=replace(labelled.session, connection_id=connection_id))

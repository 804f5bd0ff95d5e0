"""What a chaos run has shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from jobs.pipeline.result_tables import WINDOW_SCORES
from jobs.reference.result_rows import Difference, ResultsHash

DISTURBED: Final = "disturbed"
UNDISTURBED: Final = "undisturbed"
WITHOUT_FLINK: Final = "computed from the topic, without Flink"


@dataclass(frozen=True, kw_only=True)
class Injury:
    """A fault that was inflicted.

    Attributes
    ----------
    fault : str
        Its name.
    at_s : float
        When it began, since the first result.
    lasted_s : float
        How long it lasted: next to nothing for a kill.
    recovery_s : float
        From its end to the first new result after results had stood still; 0 if they never did.
    """

    fault: str
    at_s: float
    lasted_s: float
    recovery_s: float


@dataclass(kw_only=True)
class ChaosReport:
    """What a run has shown.

    Attributes
    ----------
    seed, n_faults : int
        What drew the load and the faults, and how many were to be inflicted.
    injuries : list of Injury
        What was inflicted, in order.
    model_changes : int
        How often another model was activated.
    records : int
        What the load has published, messages and what is none.
    outcomes : dict
        Hash of the results of each run, by its name.
    differences : list of Difference
        Of the disturbed run to what the topic says, if there are any.
    failure : str
        What ended the run before its time.
    """

    seed: int
    n_faults: int = 0
    injuries: list[Injury] = field(default_factory=list)
    model_changes: int = 0
    records: int = 0
    outcomes: dict[str, ResultsHash] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    failure: str = ""

    @property
    def is_same(self) -> bool:
        """Whether all three runs are there and have one hash, and there are results at all."""
        hashes = {outcome.hash for outcome in self.outcomes.values()}
        has_rows = any(outcome.tables[WINDOW_SCORES].rows for outcome in self.outcomes.values())
        return self.outcomes.keys() == {DISTURBED, UNDISTURBED, WITHOUT_FLINK} and len(hashes) == 1 and has_rows

    @property
    def verdict(self) -> str:
        """What the run has come to, in a few words."""
        if self.failure:
            return f"ended early: {self.failure}"
        if not self.outcomes:
            return "still running"
        return "0 differences" if self.is_same else "the results differ"

    def recoveries(self) -> dict[str, dict[str, float]]:
        """Return count, median and maximum of the recovery times by kind of fault, and of all."""
        times: dict[str, list[float]] = {}
        for injury in self.injuries:
            times.setdefault(injury.fault, []).append(injury.recovery_s)
        times = {name: times[name] for name in sorted(times, key=lambda name: (not name.startswith("kill"), name))}
        if self.injuries:
            times["all"] = [injury.recovery_s for injury in self.injuries]
        return {name: {"n": len(t), "p50_s": median(t), "max_s": max(t)} for name, t in times.items()}

    def to_json(self) -> dict[str, Any]:
        """Lay out the report as one JSON object."""
        return {
            "seed": self.seed,
            "verdict": self.verdict,
            "is_same": self.is_same,
            "n_faults": self.n_faults,
            "model_changes": self.model_changes,
            "records": self.records,
            "outcomes": {name: _outcome(outcome) for name, outcome in self.outcomes.items()},
            "recoveries": {
                name: {key: round(value, 2) for key, value in times.items()}
                for name, times in self.recoveries().items()
            },
            "differences": [str(difference) for difference in self.differences],
            "injuries": [
                {"fault": i.fault} | {key: round(getattr(i, key), 2) for key in ("at_s", "lasted_s", "recovery_s")}
                for i in self.injuries
            ],
        }


def _outcome(outcome: ResultsHash) -> dict[str, Any]:
    tables = {name: {"rows": table.rows, "hash": table.hash} for name, table in outcome.tables.items()}
    return {"hash": outcome.hash, "tables": tables}

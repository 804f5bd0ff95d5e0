"""What a catalogue names right, and what that costs the exchanges and the refusal of unknown venues."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from model.enrolment.before_after import Named, Outcomes
from model.enrolment.catalogue_choice import Days, class_of, day_of
from udfs.current_verdict import CERTAIN
from udfs.schema import UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What some connections were called that were left out.

    Attributes
    ----------
    connections, days : int
        How many, and of how many days.
    called : dict of int
        Verdict to number of connections.
    certain_of_wrong_name : int
        Connections with a certain verdict that is neither right nor `unknown`.
    """

    connections: int
    days: int
    called: dict[str, int]
    certain_of_wrong_name: int


@dataclass(frozen=True, kw_only=True)
class CatalogueFigures:
    """A catalogue's figures, beside those of the model that names the exchanges only.

    Attributes
    ----------
    model_version : str
        Of the catalogue.
    rounds : list of dict
        As `Choice` has them: the first is of all candidates, before anything was chosen.
    named_before, named_after : dict of Tally
        By class, each day left out; before, the exchanges only.
    refused_before, refused_after : dict of Tally
        By family of unknown venues, each left out whole; those that the catalogue names, too.
    fresh_before, fresh_after : dict
        Outcomes of fresh synthetic sessions.
    """

    model_version: str
    rounds: list[dict[str, Days]]
    named_before: dict[str, Tally]
    named_after: dict[str, Tally]
    refused_before: dict[str, Tally]
    refused_after: dict[str, Tally]
    fresh_before: Outcomes
    fresh_after: Outcomes

    def to_json(self) -> str:
        """Write as it stands in `catalogue.json`."""
        return json.dumps(asdict(self), indent=1) + "\n"


def tally(names: Iterable[Named], truth: str) -> Tally:
    """Count what connections were called that should be called `truth`."""
    counted = list(names)
    wrong = [named for named in counted if named.verdict not in (truth, UNKNOWN)]
    return Tally(
        connections=len(counted),
        days=len({day_of(named.source) for named in counted}),
        called=dict(sorted(Counter(named.verdict for named in counted).items())),
        certain_of_wrong_name=sum(named.certainty == CERTAIN for named in wrong),
    )


def tally_classes(names: Iterable[Named]) -> dict[str, Tally]:
    """Count by class what connections of known venues were called."""
    by_class: dict[str, list[Named]] = {}
    for named in names:
        if named.source.label != UNKNOWN:
            by_class.setdefault(named.source.label, []).append(named)
    return {name: tally(of, name) for name, of in sorted(by_class.items())}


def tally_families(names: Iterable[Named]) -> dict[str, Tally]:
    """Count by family what connections were called that should be refused."""
    by_family: dict[str, list[Named]] = {}
    for named in names:
        by_family.setdefault(class_of(named.source.family), []).append(named)
    return {family: tally(of, UNKNOWN) for family, of in sorted(by_family.items())}

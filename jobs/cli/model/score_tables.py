"""What `score` shows: a record for each recording, grouped by verdict, and a summary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from jobs.cli.console import out, print_sentence
from jobs.cli.records import Column, print_records
from jobs.reference.scored_captures import ScoredCapture
from jobs.results.wording import counted
from udfs.current_verdict import LIKELY, UNDECIDED
from udfs.schema import UNKNOWN

_NAMED_AT_MOST: Final = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """A scored recording, and what it should be called, None if nobody says so."""

    capture: ScoredCapture
    expected: str | None

    @property
    def is_as_expected(self) -> bool | None:
        """Tell whether it is called what it should be, undecided it is not; None if nobody says what it should be."""
        verdict = self.capture.verdict
        return None if self.expected is None else verdict.exchange == self.expected and verdict.certainty != UNDECIDED

    @property
    def key(self) -> tuple[bool, str, str]:
        """What sorts it: known exchanges first, then by name."""
        return self.capture.verdict.exchange == UNKNOWN, self.capture.verdict.exchange, self.capture.connection_id


def print_connections(results: Sequence[Scored]) -> None:
    """Print a record for each recording, those of one verdict together."""
    ordered = sorted(results, key=lambda one: one.key)
    columns = [
        Column(name="recording"),
        *([] if out.is_terminal else [Column(name="verdict")]),
        Column(name="certainty"),
        Column(name="probability", is_number=True),
        *([Column(name="declared")] if any(one.capture.declared_exchange for one in results) else []),
        *([Column(name="expected")] if any(one.expected for one in results) else []),
        Column(name="certain after", is_number=True),
        Column(name="messages", is_number=True, is_spare=True),
        Column(name="signature", is_spare=True),
    ]
    groups = [
        (heading, [[cells[column.name] for column in columns] for cells in map(_cells, of_verdict)])
        for (_, heading), of_verdict in groupby(ordered, key=lambda one: one.key[:2])
    ]
    print_records(columns, groups, styles=["red" if _is_odd(one) else "" for one in ordered])


def _is_odd(one: Scored) -> bool:
    return one.is_as_expected is False or one.capture.is_mismatch


def _cells(one: Scored) -> dict[str, str]:
    summary = one.capture.summary()
    after = summary["certain_after_messages"]
    return {
        "recording": one.capture.connection_id,
        "verdict": summary["verdict"],
        "certainty": summary["certainty"],
        "probability": f"{summary['probability']:.3f}",
        "declared": _marked(one.capture.declared_exchange, one.capture.is_mismatch),
        "expected": _marked(one.expected, one.is_as_expected is False),
        "certain after": "-" if after is None else _count(after),
        "messages": _count(summary["messages"]),
        "signature": summary["signature"] or "-",
    }


def _marked(name: str | None, is_other: bool) -> str:
    return "-" if name is None else f"{name} ≠" if is_other and out.is_terminal else name


def _count(n: int) -> str:
    return f"{n:,}" if out.is_terminal else str(n)


def print_windows(results: Sequence[Scored]) -> None:
    """Print a record for each window, recording by recording."""
    columns = [
        Column(name="recording"),
        *(Column(name=name) for name in ("messages", "start", "predicted")),
        Column(name="confidence", is_number=True),
    ]
    groups = [
        (
            "",
            [
                [
                    one.capture.connection_id,
                    f"{row['first_offset']}-{row['last_offset']}",
                    row["window_start_at"],
                    row["predicted_exchange"],
                    f"{row['confidence']:.3f}",
                ]
                for row in one.capture.window_summaries()
            ],
        )
        for one in results
    ]
    print_records(columns, groups)


def print_summary(results: Sequence[Scored], expected_how: str) -> None:
    """Print what is to be said of all together: to standard output where a terminal reads it, else to the other."""
    for line in summary_lines(results, expected_how):
        print_sentence(line, is_aside=True)


def summary_lines(results: Sequence[Scored], expected_how: str) -> Iterator[str]:
    """Write how many got which verdict, and how many of them the one that is expected or declared."""
    verdicts = [(one.capture.verdict.exchange, one.capture.verdict.certainty) for one in results]
    named = [name for name, certainty in verdicts if certainty != UNDECIDED]
    parts = [f"{named.count(name)} {name}" for name in sorted(set(named), key=lambda name: (name == UNKNOWN, name))]
    undecided = len(results) - len(named)
    if undecided:
        parts.append(f"{undecided} undecided")
    yield f"{counted(len(results), 'recording')}: {', '.join(parts)}."
    likely = sum(certainty == LIKELY for _, certainty in verdicts)
    if likely:
        yield f"Likely, not certain: {likely}."
    labelled = [one for one in results if one.expected is not None]
    if labelled:
        other = [one for one in labelled if not one.is_as_expected]
        yield f"As {expected_how}: {len(labelled) - len(other)} of {len(labelled)}.{_named(other, 'expected')}"
    claiming = [one for one in results if one.capture.declared_exchange is not None]
    if claiming:
        other = [one for one in claiming if one.capture.is_mismatch]
        kept = len(claiming) - len(other)
        yield f"As declared, or not certain to be another: {kept} of {len(claiming)}.{_named(other, 'declared')}"


def _named(others: Sequence[Scored], what: str) -> str:
    if not others:
        return ""
    parts = [
        f"{one.capture.connection_id} (called {one.capture.verdict.exchange}, {what} "
        f"{one.expected if what == 'expected' else one.capture.declared_exchange})"
        for one in others[:_NAMED_AT_MOST]
    ]
    more = len(others) - len(parts)
    return f" Not: {', '.join(parts)}{f' and {more} more' if more else ''}."

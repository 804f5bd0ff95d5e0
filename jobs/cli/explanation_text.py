"""Prints explanations of connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from jobs.cli.console import out
from jobs.cli.records import Column, print_records
from jobs.reference.connection_explanation import ConnectionExplanation
from jobs.results.explanation_lines import explanation_lines

_COLUMNS: Final = [
    *(Column(name=name) for name in ("connection", "verdict", "certainty", "against", "why")),
    Column(name="contribution_nats", is_number=True),
    Column(name="feature"),
    Column(name="value", is_number=True),
    Column(name="text", is_sentence=True),
]


def print_explanations(explanations: list[ConnectionExplanation]) -> None:
    """Print explanations: as text where a terminal reads, elsewhere a line for each reason."""
    if not out.is_terminal:
        print_records(_COLUMNS, [("", [record for one in explanations for record in _records(one)])])
        return
    for explanation in explanations:
        for line in explanation_lines(explanation, out.width):
            out.print(line, markup=False, highlight=False, soft_wrap=True)
        out.print()


def _records(explanation: ConnectionExplanation) -> Iterator[list[str]]:
    standing = explanation.standing
    for contrast in explanation.contrasts:
        for reason in contrast.explanation["reasons"]:
            value = reason["value"]
            yield [
                standing.connection_id,
                standing.verdict,
                standing.certainty,
                contrast.against,
                contrast.kind,
                f"{reason['contribution_nats']:+.4f}",
                reason["feature"],
                "-" if value is None else f"{value:g}",
                reason["text"],
            ]

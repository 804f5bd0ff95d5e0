"""`watch` where nothing is drawn: the numbers, and a record for each alert, connection and event."""

from __future__ import annotations

from typing import Final

from jobs.cli.console import out, print_sentence
from jobs.cli.records import Column, print_records
from jobs.results.watch.headlines import cells, pane_title, style, summary_lines
from jobs.results.watch.panes import COLUMNS, Pane, Row
from jobs.results.watch.view_snapshot import Choice, Snapshot

_NAMES: Final = {Pane.ALERTS: "subject", Pane.CONNECTIONS: "connection", Pane.EVENTS: "connection"}
"""The column that comes first, for it may be shortened."""

_SENTENCES: Final = ("summary", "reason")
_SPARE: Final = {Pane.CONNECTIONS: ("since", "windows", "rate", "signature"), Pane.EVENTS: ("declared",)}


def print_snapshot(snapshot: Snapshot, choice: Choice) -> None:
    """Print all of a snapshot, one below the other; a table without rows is a line."""
    for line in summary_lines(snapshot):
        print_sentence(line)
    for pane in Pane:
        print_sentence(pane_title(pane, snapshot, choice), "bold")
        if snapshot.rows[pane]:
            _print_pane(pane, snapshot)


def _print_pane(pane: Pane, snapshot: Snapshot) -> None:
    names = [column.name for column in COLUMNS[pane]]
    order = sorted(range(len(names)), key=lambda i: (names[i] != _NAMES[pane], i))
    columns = [
        Column(
            name=names[i],
            is_number=COLUMNS[pane][i].is_number,
            is_spare=names[i] in _SPARE.get(pane, ()),
            is_sentence=names[i] in _SENTENCES,
            is_named=False,
        )
        for i in order
    ]
    rows = snapshot.rows[pane]
    records = [[texts[i] for i in order] for texts in (_texts(pane, row, snapshot) for row in rows)]
    print_records(columns, [("", records)], styles=[_style(pane, row) for row in rows])


def _texts(pane: Pane, row: Row, snapshot: Snapshot) -> list[str]:
    texts = cells(pane, row, snapshot)
    # A sentence that is missing has no line; in a column it leaves a mark.
    return ["" if out.is_terminal and text == "-" and column.name in _SENTENCES else text
            for column, text in zip(COLUMNS[pane], texts, strict=True)]  # fmt: skip


def _style(pane: Pane, row: Row) -> str:
    return next((found for column in COLUMNS[pane] if (found := style(pane, row, column.name))), "")

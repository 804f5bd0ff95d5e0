"""`watch` without a terminal that can be drawn on: the numbers and tables as text."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from jobs.results.watch.headlines import cells, pane_title, style, summary_lines
from jobs.results.watch.panes import COLUMNS, Pane
from jobs.results.watch.view_snapshot import Choice, Snapshot


def plain_view(snapshot: Snapshot, choice: Choice) -> Group:
    """Draw all of a snapshot, one below the other; a table without rows is a line."""
    parts: list[Text | Table] = [Text(line) for line in summary_lines(snapshot)]
    for pane in Pane:
        title = pane_title(pane, snapshot, choice)
        parts.append(_table(pane, snapshot, title) if snapshot.rows[pane] else Text(title))
    return Group(*parts)


def _table(pane: Pane, snapshot: Snapshot, title: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in COLUMNS[pane]:
        is_long = column.name in ("summary", "reason")
        table.add_column(
            column.name, justify="right" if column.is_number else "left", overflow="fold", no_wrap=not is_long
        )
    for row in snapshot.rows[pane]:
        texts = zip(COLUMNS[pane], cells(pane, row, snapshot), strict=True)
        table.add_row(*(Text(text, style=style(pane, row, column.name)) for column, text in texts))
    return table

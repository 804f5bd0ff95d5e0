"""Records as a table where a terminal reads, fitted to its width; elsewhere a line each, for `grep` and `cut`."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from jobs.cli.console import out
from jobs.results.visible_text import visible

WIDER: Final = "a wider terminal"
WIDER_OR_JSON: Final = f"{WIDER} or --format json"
"""What shows the columns that are left out, unless it is something else."""

_GAP: Final = 2
_SHORTEST_NAME: Final = 12
_LONGEST_NAME: Final = 40
"""A longer one is shortened before a column is left out for it."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of records.

    Attributes
    ----------
    name : str
        Its heading.
    is_number : bool
        Stands to the right.
    is_spare : bool
        May be left out where the terminal is too narrow; the last spare one goes first.
    is_sentence : bool
        Has a line of its own below the record on a terminal, unless it is empty.
    is_named : bool
        Whether the name stands before such a sentence.
    """

    name: str
    is_number: bool = False
    is_spare: bool = False
    is_sentence: bool = False
    is_named: bool = True


Record = Sequence[str]
"""A text for each column."""

Groups = Sequence[tuple[str, Sequence[Record]]]
"""Each with a heading for the terminal, or without if that is empty."""


def print_records(
    columns: Sequence[Column],
    groups: Groups,
    *,
    styles: Sequence[str] = (),
    shown_by: str = WIDER_OR_JSON,
) -> None:
    """Print records, of which the first column is the name.

    On a terminal spare columns that do not fit are left out, and a line says which. A name that does not fit even then
    is shortened in its middle, with a mark. No other text is cut. Elsewhere each record is a line, with tabs between
    all its columns, below a line of headings.

    Parameters
    ----------
    columns : sequence of Column
    groups : sequence of (str, sequence of records)
    styles : sequence of str
        Of the records in turn, for a terminal.
    shown_by : str
        What shows the columns that are left out.
    """
    if not out.is_terminal:
        for texts in ([column.name for column in columns], *(record for _, records in groups for record in records)):
            out.file.write("\t".join(visible(text).replace("\t", " ").replace("\n", " ") for text in texts) + "\n")
        out.file.flush()
        return
    for line in table_lines(columns, groups, out.width, styles, shown_by):
        out.print(line, soft_wrap=True)


def table_lines(
    columns: Sequence[Column],
    groups: Groups,
    width: int,
    styles: Sequence[str] = (),
    shown_by: str = WIDER_OR_JSON,
) -> Iterator[Text]:
    """Lay out records as lines of at most `width` characters, as `print_records` says."""
    records = [[visible(text) for text in record] for _, of_group in groups for record in of_group]
    shown, name_width = fitting(columns, records, width)
    names = [column.name for column in columns]
    widths = [max(cell_len(row[i]) for row in (names, *records)) for i in range(len(columns))]
    widths[0] = name_width
    yield Text(_row(columns, names, shown, widths), style="bold")
    yield Text("─" * (sum(widths[i] + _GAP for i in shown) - _GAP), style="dim")
    rest = iter(zip(records, [*styles, *[""] * len(records)], strict=False))
    for heading, of_group in groups:
        if heading:
            yield Text(heading, style="bold")
        for record, style in (next(rest) for _ in of_group):
            yield Text(_row(columns, record, shown, widths), style=style)
            for column, text in zip(columns, record, strict=True):
                if column.is_sentence and text:
                    said = f"{column.name}: {text}" if column.is_named else text
                    lines = textwrap.wrap(said, width - 2 * _GAP, subsequent_indent=" " * _GAP)
                    yield from (Text(" " * _GAP + line, style="dim") for line in lines)
    hidden = [column.name for i, column in enumerate(columns) if i not in shown and not column.is_sentence]
    if hidden:
        missing = f"No room for {', '.join(hidden)}: {shown_by} shows {'it' if len(hidden) == 1 else 'them'}."
        yield from (Text(line, style="dim") for line in textwrap.wrap(missing, width))


def fitting(columns: Sequence[Column], records: Sequence[Record], width: int) -> tuple[list[int], int]:
    """Choose the columns that fit a width, and how wide the first may be: (their positions, characters).

    >>> columns = [Column(name="id"), Column(name="n"), Column(name="more", is_spare=True)]
    >>> fitting(columns, [["a" * 20, "1", "long text"]], 80), fitting(columns, [["a" * 20, "1", "long text"]], 26)
    (([0, 1, 2], 20), ([0, 1], 20))
    """
    widths = [max(map(cell_len, [column.name, *(record[i] for record in records)])) for i, column in enumerate(columns)]
    shown = [i for i, column in enumerate(columns) if not column.is_sentence]
    spare = [i for i in shown if columns[i].is_spare]
    name = min(widths[0], _LONGEST_NAME)
    while spare and name + sum(_GAP + widths[i] for i in shown if i) > width:
        shown.remove(spare.pop())
    others = sum(_GAP + widths[i] for i in shown if i)
    return shown, max(min(widths[0], width - others), min(widths[0], _SHORTEST_NAME))


def shortened(text: str, width: int) -> str:
    """Cut out the middle of a text that is too long, and mark the place.

    >>> shortened("kraken-orders-1", 15), shortened("kraken-orders-1", 9)
    ('kraken-orders-1', 'krak…rs-1')
    """
    if cell_len(text) <= width:
        return text
    head = width // 2
    # A character may be two cells wide, and then one less is taken.
    begin = next(text[:n] for n in range(head, -1, -1) if cell_len(text[:n]) <= head)
    tail = width - head - 1
    end = next(text[len(text) - n :] for n in range(tail, -1, -1) if cell_len(text[len(text) - n :]) <= tail)
    return f"{begin}…{end}"


def _row(columns: Sequence[Column], record: Record, shown: Sequence[int], widths: Sequence[int]) -> str:
    cells = []
    for i in shown:
        text = shortened(record[i], widths[i])
        cells.append(
            " " * (widths[i] - cell_len(text)) + text if columns[i].is_number else set_cell_size(text, widths[i])
        )
    return (" " * _GAP).join(cells).rstrip()

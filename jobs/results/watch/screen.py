"""`watch` on a terminal: two lines of numbers, three tables, and keys."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import ClassVar, Final

from rich.segment import Segment
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import DataTable, Footer, Input, Static

from jobs.results.watch.connection_screen import ConnectionScreen
from jobs.results.watch.headlines import cells, detail, pane_title, style, summary_lines
from jobs.results.watch.keys_screen import KeysScreen
from jobs.results.watch.panes import COLUMNS, Pane, Row
from jobs.results.watch.snapshot_reader import Poller, Source
from jobs.results.watch.view_snapshot import Choice, Order, Snapshot
from jobs.results.wording import spoken_duration

REFRESH_S: Final = 1.0
FRESH_PERIODS: Final = 3
"""What is older than so many times `REFRESH_S` does not pass for live: its age is shown."""

NARROW: Final = 110
"""On terminals of fewer columns a long id is cut in its middle, so that what is behind it can be seen."""

MOST_OF_ID: Final = 24
_IDS: Final = ("connection", "subject")


class Fresh(Message):
    """Something was read."""

    def __init__(self, snapshot: Snapshot, choice: Choice) -> None:
        super().__init__()
        self.snapshot, self.choice = snapshot, choice


class Away(Message):
    """PostgreSQL did not answer."""

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self.sentence = sentence


class PaneTable(DataTable[Text]):
    """One of the tables; its rows are numbered, and what they hold is changed in place."""

    def __init__(self, pane: Pane) -> None:
        super().__init__(id=pane.value, cursor_type="row", fixed_columns=1)
        self.pane = pane
        self.snapshot: Snapshot | None = None

    def on_mount(self) -> None:
        """Add the columns."""
        for column in COLUMNS[self.pane]:
            self.add_column(column.name, key=column.name)

    def render_line(self, y: int) -> Strip:
        """Draw a line, with a mark where it goes on to the right of what there is room for."""
        line = super().render_line(y)
        return marked(line, self.scrollable_content_region.width) if self.scroll_x < self.max_scroll_x else line

    def current(self) -> Row | None:
        """Return the row that the cursor is on."""
        rows = self.snapshot.rows[self.pane] if self.snapshot is not None else []
        return rows[self.cursor_row] if 0 <= self.cursor_row < len(rows) else None

    def show(self, snapshot: Snapshot) -> None:
        """Change the cells that differ, and let the cursor follow its row."""
        followed, self.snapshot = self.current(), snapshot
        rows = snapshot.rows[self.pane]
        while self.row_count > len(rows):
            self.remove_row(str(self.row_count - 1))
        for number, row in enumerate(rows):
            written = self._cells(row, snapshot)
            if number == self.row_count:
                self.add_row(*written, key=str(number))
                continue
            for column, cell in zip(COLUMNS[self.pane], written, strict=True):
                before = self.get_cell(str(number), column.name)
                if before != cell or before.style != cell.style:
                    self.update_cell(str(number), column.name, cell, update_width=True)
        # One that is at the top stays there: who follows nothing wants to see what is first.
        if followed is not None and self.cursor_row > 0:
            places = [number for number, row in enumerate(rows) if _key(row) == _key(followed)]
            if places and places[0] != self.cursor_row:
                self.move_cursor(row=places[0])

    def _cells(self, row: Row, snapshot: Snapshot) -> list[Text]:
        most = MOST_OF_ID if self.app.size.width < NARROW else 128
        return [
            Text(
                _cut(text, most) if column.name in _IDS else text,
                style=style(self.pane, row, column.name),
                justify="right" if column.is_number else "left",
                no_wrap=True,
            )
            for column, text in zip(COLUMNS[self.pane], cells(self.pane, row, snapshot), strict=True)
        ]


class WatchScreen(App[None]):
    """The whole of it."""

    TITLE = "fingerprint watch"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #summary, #detail { height: 2; }
    #age { display: none; height: 1; text-style: bold reverse; }
    .pane { height: 1fr; min-height: 4; }
    .pane:focus-within { height: 3fr; }
    .title { height: 1; text-style: bold; }
    .pane:focus-within .title { text-style: bold reverse; }
    DataTable { height: 1fr; scrollbar-size-horizontal: 0; scrollbar-size-vertical: 1; }
    DataTable > .datatable--fixed { background: ansi_default; color: ansi_default; }
    #filter { display: none; height: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("ctrl+c", "quit", show=False, priority=True),
        Binding("tab", "next_pane(1)", "Pane", priority=True),
        Binding("shift+tab", "next_pane(-1)", show=False, priority=True),
        Binding("less_than_sign", "sort(-1)", "Sort", key_display="< >"),
        Binding("greater_than_sign", "sort(1)", show=False),
        Binding("r", "reverse", "Reverse"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("escape", "clear", "Clear", show=False),
        Binding("p", "problems", "Problems"),
        Binding("question_mark", "keys", "Keys", key_display="?"),
    ]

    def __init__(self, source: Source, choice: Choice) -> None:
        super().__init__()
        self.choice = choice
        self.snapshot: Snapshot | None = None
        self.failure: Exception | None = None
        self._last_pane = Pane.CONNECTIONS
        self._source = source
        self._poller = Poller(
            source.read,
            choice,
            every_s=REFRESH_S,
            show=lambda snapshot, chosen: self.post_message(Fresh(snapshot, chosen)),
            complain=lambda sentence: self.post_message(Away(sentence)),
            fail=lambda error: self.call_from_thread(self._fail, error),
        )

    def compose(self) -> ComposeResult:
        """Lay out numbers, tables, the row under the cursor, and the keys."""
        yield Static(id="age", markup=False)
        yield Static("Reading ...", id="summary", markup=False)
        for pane in Pane:
            with Vertical(classes="pane"):
                yield Static(id=f"{pane.value}-title", classes="title", markup=False)
                yield PaneTable(pane)
        yield Static(id="detail", markup=False)
        yield Input(id="filter", placeholder="text to look for; Escape clears it", compact=True)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Begin to read."""
        self.theme = "ansi-dark"  # the terminal's own colours
        self._table(Pane.CONNECTIONS).focus()
        self._draw_titles()
        self.set_interval(REFRESH_S, self._draw_age)
        self._poller.start()

    def on_unmount(self) -> None:
        """Read no more."""
        self._poller.stop()

    def on_fresh(self, message: Fresh) -> None:
        """Show what was read, unless another choice has been made meanwhile."""
        if message.choice is not self.choice or not self._is_open:
            return
        self.snapshot = message.snapshot
        self._first.query_one("#summary", Static).update("\n".join(summary_lines(message.snapshot)))
        for pane in Pane:
            self._table(pane).show(message.snapshot)
        self._draw_age()
        self._draw_titles()
        self._draw_detail()

    def on_away(self, message: Away) -> None:
        """Say what is wrong in place of the numbers; the tables stay as they were."""
        if not self._is_open:
            return
        self._first.query_one("#summary", Static).update(Text(message.sentence, style="bold red"))
        self._draw_age()

    def _fail(self, error: Exception) -> None:
        self.failure = error
        self.exit()

    def on_data_table_row_highlighted(self) -> None:
        """Write out the row under the cursor."""
        self._draw_detail()

    def on_descendant_focus(self) -> None:
        """Write out the row under the cursor of the table that has the keys now."""
        self._draw_detail()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while one types."""
        self._choose(replace(self.choice, text=event.value))

    def on_input_submitted(self) -> None:
        """Go back to the table."""
        self._close_filter()

    def action_next_pane(self, step: int) -> None:
        """Give the keys to the next table."""
        panes = list(Pane)
        self._table(panes[(panes.index(self._pane) + step) % len(panes)]).focus()
        self._first.query_one("#filter", Input).display = False

    def action_sort(self, step: int) -> None:
        """Sort the table by the next column."""
        names = [column.name for column in COLUMNS[self._pane]]
        at = names.index(self.choice.orders[self._pane].column)
        self._choose(self.choice.sorted_by(self._pane, Order(column=names[(at + step) % len(names)])))

    def action_reverse(self) -> None:
        """Sort the table the other way round."""
        order = self.choice.orders[self._pane]
        self._choose(self.choice.sorted_by(self._pane, replace(order, is_reversed=not order.is_reversed)))

    def action_problems(self) -> None:
        """Show problems only, or all again."""
        self._choose(replace(self.choice, only_problems=not self.choice.only_problems))

    def on_data_table_row_selected(self) -> None:
        """Open the connection that the row is about."""
        row = self._table(self._pane).current()
        name = None if row is None else row.get("connection_id") or row.get("subject")
        if name is not None:
            self.push_screen(ConnectionScreen(self._source.another(), str(name)))

    def action_keys(self) -> None:
        """Show what the keys do."""
        self.push_screen(KeysScreen())

    def action_filter(self) -> None:
        """Ask for a text that rows must have."""
        field = self._first.query_one("#filter", Input)
        self._last_pane = self._pane
        field.display = True
        field.focus()

    def action_clear(self) -> None:
        """Show rows with any text again."""
        self._first.query_one("#filter", Input).value = ""
        self._close_filter()

    @property
    def _is_open(self) -> bool:
        """Whether everything is on the first screen; messages come also while it is taken down."""
        return bool(self.screen_stack) and len(self._first.query("#age, #summary, #detail, PaneTable")) == 3 + len(Pane)

    @property
    def _first(self) -> Screen[object]:
        return self.screen_stack[0]

    @property
    def _pane(self) -> Pane:
        focused = self._first.focused
        return focused.pane if isinstance(focused, PaneTable) else self._last_pane

    def _close_filter(self) -> None:
        field = self._first.query_one("#filter", Input)
        if field.display:
            self._table(self._pane).focus()
            field.display = False

    def _choose(self, choice: Choice) -> None:
        if choice != self.choice:
            self.choice = choice
            self._draw_titles()
            self._poller.choose(choice)

    def _table(self, pane: Pane) -> PaneTable:
        return self._first.query_one(f"#{pane.value}", PaneTable)

    def _draw_titles(self) -> None:
        for pane in Pane:
            self._first.query_one(f"#{pane.value}-title", Static).update(pane_title(pane, self.snapshot, self.choice))

    def _draw_age(self) -> None:
        """Say how old what is shown is, if it is no longer fresh: an answer may be long in coming, or never come."""
        if not self._is_open or self.snapshot is None:
            return
        age_s = time.monotonic() - self.snapshot.begun_s
        line = self._first.query_one("#age", Static)
        line.display = age_s > FRESH_PERIODS * REFRESH_S
        line.update(f"As of {self.snapshot.at.astimezone():%H:%M:%S}, {spoken_duration(age_s)} ago")

    def _draw_detail(self) -> None:
        if not self._is_open:
            return
        table = self._table(self._pane)
        row = table.current()
        shown = "" if row is None or table.snapshot is None else detail(table.pane, row, table.snapshot)
        self._first.query_one("#detail", Static).update(shown)


def marked(line: Strip, width: int) -> Strip:
    """Put `…` into the last of the columns that are seen, in its colours; an empty line stays empty."""
    if not line.text.strip():
        return line
    (last,) = line.crop(width - 1, width)
    return Strip.join([line.crop(0, width - 1), Strip([Segment("…", last.style)]), line.crop(width)])


def _key(row: Row) -> tuple[object, ...]:
    return tuple(row.get(name) for name in ("connection_id", "subject", "rule", "kind", "detected_at"))


def _cut(text: str, most: int) -> str:
    """Leave out the middle of a text that is too long."""
    behind = most // 2
    return text if len(text) <= most else f"{text[: most - behind - 1]}…{text[-behind:]}"

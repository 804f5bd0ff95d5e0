"""One connection of `watch`, opened: all that is known of it, new every few seconds."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from jobs.results.watch.connection_detail import ConnectionDetail, detail_lines
from jobs.results.watch.keys_screen import KeysScreen
from jobs.results.watch.snapshot_reader import Poller, Source

REFRESH_S: Final = 5.0
_MARGIN: Final = 2
"""Columns of the scrollbar."""


class Known(Message):
    """A connection was read."""

    def __init__(self, detail: ConnectionDetail) -> None:
        super().__init__()
        self.detail = detail


class Missing(Message):
    """It could not be read."""

    def __init__(self, sentence: str) -> None:
        super().__init__()
        self.sentence = sentence


class ConnectionScreen(ModalScreen[None]):
    """A connection, to be scrolled.

    Parameters
    ----------
    source : Source
        Where it is read; this screen's alone.
    connection_id : str
        Which.
    """

    CSS = """
    ConnectionScreen { background: ansi_default; }
    #problem { display: none; height: auto; text-style: bold; }
    #known { height: 1fr; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back"),
        Binding("q", "app.quit", "Quit"),
        Binding("ctrl+c", "app.quit", show=False, priority=True),
        Binding("down", "scroll(1)", "Scroll", key_display="↑ ↓"),
        Binding("up", "scroll(-1)", show=False),
        Binding("question_mark", "keys", "Keys", key_display="?"),
    ]

    def __init__(self, source: Source, connection_id: str) -> None:
        super().__init__()
        self._connection_id = connection_id
        self._detail: ConnectionDetail | None = None
        self._poller = Poller(
            source.read_detail,
            connection_id,
            every_s=REFRESH_S,
            show=lambda detail, _name: self.post_message(Known(detail)),
            complain=lambda sentence: self.post_message(Missing(sentence)),
            fail=lambda error: self.post_message(Missing(str(error))),
        )

    @property
    def is_read(self) -> bool:
        """Whether what is known is shown."""
        return self._detail is not None

    def compose(self) -> ComposeResult:
        """Lay out the text, and the keys."""
        yield Static(id="problem", markup=False)
        with VerticalScroll(id="known"):
            yield Static(f"Reading {self._connection_id} ...", id="text", markup=False)
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Begin to read."""
        self._poller.start()

    def on_unmount(self) -> None:
        """Read no more."""
        self._poller.stop()

    def on_known(self, message: Known) -> None:
        """Show what was read."""
        self._detail = message.detail
        self.query_one("#problem", Static).display = False
        self._draw()

    def on_missing(self, message: Missing) -> None:
        """Say what is wrong; what was read stays."""
        line = self.query_one("#problem", Static)
        line.update(Text(message.sentence, style="bold red"))
        line.display = True

    def on_resize(self) -> None:
        """Break the lines anew."""
        self._draw()

    def action_scroll(self, lines: int) -> None:
        """Move the text."""
        self.query_one("#known", VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_keys(self) -> None:
        """Show what the keys do."""
        self.app.push_screen(KeysScreen())

    def _draw(self) -> None:
        if self._detail is not None:
            lines = detail_lines(self._detail, self.size.width - _MARGIN)
            self.query_one("#text", Static).update(Text("\n".join(lines), no_wrap=True))

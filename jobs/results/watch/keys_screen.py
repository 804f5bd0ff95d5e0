"""What the keys of `watch` do."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

KEYS: Final = (
    ("up down pgup pgdn", "move in a table"),
    ("tab, shift+tab", "the next table, the one before"),
    ("enter", "open the connection: verdict, reasons, health, windows"),
    ("esc", "back; in the tables: show rows with any text again"),
    ("< >", "sort by the column before, by the next one"),
    ("r", "reverse the order"),
    ("/", "show only rows that have a text"),
    ("p", "show problems only, or all again"),
    ("?", "these keys"),
    ("q, ctrl+c", "quit"),
)
_WIDTH: Final = max(len(key) for key, _ in KEYS) + 2

MEANINGS: Final = """
!         it is certain to be another exchange than it declares
live      heard of within 15 minutes, and not ended
silent    silent for longer than its own intervals allow
ended     its sender has said that it has ended: no silence, no alert
recorded  a recording that was replayed: its times are of then"""


def keys_text() -> str:
    """Write what each key does, and what the words of the tables mean."""
    return "\n".join(f"{key:<{_WIDTH}}{meaning}" for key, meaning in KEYS) + f"\n{MEANINGS}"


class KeysScreen(ModalScreen[None]):
    """The keys, over what is behind them."""

    CSS = """
    KeysScreen { align: center middle; }
    #keys { width: auto; max-width: 100%; height: auto; padding: 0 1; border: round; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,enter,q", "dismiss", "Back"),
        Binding("ctrl+c", "app.quit", show=False, priority=True),
    ]

    def compose(self) -> ComposeResult:
        """Lay out the keys."""
        yield Static(keys_text(), id="keys", markup=False)

"""Draws what commands show, at 80 and at 200 columns, into the folder of this script.

`.venv/bin/python docs/terminal/draw.py` plays the demo on a stack of its own, draws, and removes the stack.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rich.console import Console
from rich.text import Text

from jobs.cluster.service_addresses import Addresses
from jobs.cluster.watched_job import JobWatch
from jobs.results.watch.connection_screen import ConnectionScreen
from jobs.results.watch.screen import WatchScreen
from jobs.results.watch.snapshot_reader import Source
from jobs.results.watch.view_snapshot import Choice
from stack.roles import Role

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
FINGERPRINT: Final = Path(sys.executable).parent / "fingerprint"
SIZES: Final = ((80, 24), (200, 50))
COMMANDS: Final = {
    "alerts": ["alerts"],
    "explain": ["explain", "examples/recordings/kraken-2.jsonl.gz", "--declared", "kraken"],
    "score": ["score", "examples/recordings"],
}
DEMO: Final = ["demo", "--duration", "45"]
KEPT: Final = ["--keep-running", "--allow-root"]
LINE_IS_REDRAWN: Final = "\x1b[2K"
WAIT_S: Final = 60.0


def main() -> None:
    """Draw everything."""
    with TemporaryDirectory(prefix="fingerprint-") as home:
        os.environ["FINGERPRINT_HOME"] = home
        try:
            for columns, lines in SIZES:
                _save(f"demo-{columns}", _drawn(DEMO, columns, lines, KEPT if columns == SIZES[0][0] else []))
            for columns, lines in SIZES:
                for name, drawing in asyncio.run(_drawn_watch(Path(home), (columns, lines))).items():
                    _save(f"{name}-{columns}", drawing)
                for name, arguments in COMMANDS.items():
                    _save(f"{name}-{columns}", _drawn(arguments, columns, lines))
        finally:
            subprocess.run([FINGERPRINT, "down", "--delete-data"], check=True)


def _drawn(arguments: list[str], columns: int, lines: int, more: Sequence[str] = ()) -> str:
    """Run a command as on a terminal, and draw its last words."""
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": str(lines)}
    command = [FINGERPRINT, *arguments, *more]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | terminal, stdout=subprocess.PIPE, check=False)
    return _picture(arguments, done.stdout.decode(), columns)


def _picture(arguments: list[str], written: str, columns: int) -> str:
    shown = written.split(LINE_IS_REDRAWN)[-1]
    shown = re.sub(r"\x1b\[\??\d*[A-HJKhl]|\r", "", shown).rstrip("\n")
    console = Console(record=True, width=columns, file=StringIO(), force_terminal=True, legacy_windows=False)
    console.print(f"[bold]$ ./fingerprint {' '.join(arguments)}", highlight=False)
    console.print(Text.from_ansi(shown))
    return console.export_svg(title="")


async def _drawn_watch(home: Path, size: tuple[int, int]) -> Mapping[str, str]:
    addresses = Addresses(home=home)
    source = Source(addresses.require_database_url(Role.READER), JobWatch(addresses).add_to)
    app = WatchScreen(source, Choice())
    drawn = {}
    async with app.run_test(size=size) as pilot:
        for _ in _tries():
            await pilot.pause(0.1)
            if app.snapshot is not None:
                break
        await pilot.pause(0.5)
        drawn["watch"] = app.export_screenshot(title="")
        await pilot.press("question_mark")
        await pilot.pause(0.5)
        drawn["watch-keys"] = app.export_screenshot(title="")
        await pilot.press("escape", "shift+tab", "enter")
        for _ in _tries():
            await pilot.pause(0.1)
            if isinstance(app.screen, ConnectionScreen) and app.screen.is_read:
                break
        await pilot.pause(0.5)
        drawn["watch-connection"] = app.export_screenshot(title="")
    return drawn


def _tries() -> Iterator[int]:
    return iter(range(round(WAIT_S / 0.1)))


def _save(name: str, svg: str) -> None:
    """Save a drawing with the reader's own font: none is fetched from elsewhere."""
    svg = svg.replace("<text ", '<text xml:space="preserve" ')  # some viewers drop spaces at a beginning
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    (HERE / f"{name}.svg").write_text(re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE))


if __name__ == "__main__":
    main()

"""The help of each command as 80 columns show it, which the launcher prints before there is an environment.

Run it to write them anew: `python tests/support/fingerprint_testing/help_texts.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import typer
import typer.main
from typer.testing import CliRunner

from jobs.cli.main import build_app

FOLDER: Final = Path(__file__).resolve().parents[3] / "docs" / "help"
_ENVIRONMENT: Final = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb", "FINGERPRINT_HOME": ""}


def help_texts() -> dict[str, str]:
    """Return the help by the name of its file: `fingerprint`, and the words of each command, joined by hyphens."""
    app: Any = typer.main.get_command(build_app())
    texts = {"fingerprint": _help_of(build_app([]), [])}
    for words in _commands(app):
        texts["-".join(words)] = _help_of(build_app(words), list(words))
    return texts


def _commands(group: Any, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for name, command in group.commands.items():
        found.append((*before, name))
        if hasattr(command, "commands"):
            found += _commands(command, (*before, name))
    return found


def _help_of(app: typer.Typer, words: list[str]) -> str:
    shown = CliRunner().invoke(app, [*words, "--help"], prog_name="fingerprint", env=_ENVIRONMENT).output
    return "\n".join(line.rstrip() for line in shown.splitlines()).strip("\n") + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.txt"):
        path.unlink()
    for name, text in help_texts().items():
        (FOLDER / f"{name}.txt").write_text(text, encoding="utf-8")

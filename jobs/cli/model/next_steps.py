"""What one does with a model that was just made."""

from __future__ import annotations

from pathlib import Path

from jobs.cli.console import err


def say_what_comes_next(folder: Path) -> None:
    """Say where the model is, how it is tried, and how it comes to score a topic."""
    lines = (
        f"The model is in {folder}. Next:",
        f"  fingerprint score --model {folder} RECORDINGS   tries it on recordings",
        f"  fingerprint model activate {folder}             lets it score the topic from now on",
    )
    for line in lines:
        err.print(line, markup=False, highlight=False, soft_wrap=True)

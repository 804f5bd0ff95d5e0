"""What one does with a model that was just made."""

from __future__ import annotations

from pathlib import Path

from jobs.cli.console import say_next


def say_what_comes_next(folder: Path) -> None:
    """Say where the model is, how it is tried, and how it comes to score a topic."""
    say_next(
        f"The model is in {folder}.",
        (f"score --model {folder} RECORDINGS", "tries it on recordings"),
        (f"model activate {folder}", "lets it score the topic from now on"),
    )

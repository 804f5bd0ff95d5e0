"""`test`: everything that must hold before a change is merged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.console import err
from udfs.errors import ConfigError

_ROOT = Path(__file__).parents[3]

STATIC_CHECKS = (
    ("Lint", ("ruff", "check", ".")),
    ("Format", ("ruff", "format", "--check", ".")),
    ("Types", ("mypy",)),
    ("Import directions", ("lint-imports",)),
    ("Shell", ("shellcheck", "fingerprint", ".ci/run", "deploy/pin-images")),
)

IN_PARALLEL = ("-n", "2", "--dist", "loadscope", "--no-loadscope-reorder")
"""One process for the tests of the shared stack, which mostly wait, beside one for the others."""


def test(
    pytest_arguments: Annotated[
        list[str] | None, typer.Argument(help="Passed to pytest, after `--`; then only pytest runs.")
    ] = None,  # noqa: PT028  # a command, no test
) -> None:
    """Run all checks and tests, against a real Kafka, Flink and PostgreSQL on this machine."""
    if not (_ROOT / "tests").is_dir():
        raise ConfigError("Expected a checkout of the project with its tests, found an installed package: clone it")
    for what, command in () if pytest_arguments else STATIC_CHECKS:
        err.print(f"[bold]{what}[/]")
        _run([str(Path(sys.executable).parent / command[0]), *command[1:]])
    _run([sys.executable, "-m", "pytest", *(pytest_arguments or IN_PARALLEL)])


def _run(command: list[str]) -> None:
    code = subprocess.run(command, cwd=_ROOT, check=False).returncode
    if code != 0:
        raise typer.Exit(code)

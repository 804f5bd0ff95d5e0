"""The command line `fingerprint`."""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Final

import typer
from rich.text import Text

from jobs.cli.console import err
from stack.stack_error import StackError
from udfs.errors import PipelineError

_COMMANDS: Final = {
    "Start here": {"demo": "demo", "test": "test"},
    "Local stack": {"up": "local_stack", "status": "local_stack", "down": "local_stack"},
    "Messages": {"ingest": "ingest", "publish": "streams", "replay": "streams"},
    "Recordings": {"record": "record", "inspect": "recordings", "convert": "recordings"},
    "Job and results": {
        "migrate": "job",
        "submit": "job",
        "stop": "job",
        "watch": "watch",
        "alerts": "alerts",
        "psql": "psql",
        "grafana": "grafana",
        "results": "results",
        "dlq": "dlq",
    },
    "Trust": {"chaos": "chaos", "soak": "soak"},
    "Model": {"score": "models", "train": "models", "enrol": "models", "evaluate": "evaluate", "model": "model"},
}
"""By panel of the help: each command, and the module of `jobs.cli` that has it."""

_FUNCTIONS: Final = {"test": "run_tests"}
"""Of commands that are not called as their function is; groups of commands are the `app` of their module."""


def build_app(arguments: Sequence[str] = ()) -> typer.Typer:
    """Make the command line; of arguments that begin with a command's name, with that one only, which starts faster."""
    wanted = {name for names in _COMMANDS.values() for name in names if name in arguments[:1]}
    app = typer.Typer(
        name="fingerprint",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    # With a callback, one command alone keeps its name.
    app.callback(help="Tells which exchange a live message stream really comes from, by behaviour alone.")(lambda: None)
    for panel, commands in _COMMANDS.items():
        for name, module in commands.items():
            if not wanted or name in wanted:
                _add(app, panel, name, import_module(f"jobs.cli.{module}"))
    return app


def _add(app: typer.Typer, panel: str, name: str, module: ModuleType) -> None:
    if hasattr(module, "app"):
        app.add_typer(module.app, name=name, rich_help_panel=panel)
    else:
        settings = getattr(module, "HANDS_ON", None)
        app.command(name, rich_help_panel=panel, context_settings=settings)(getattr(module, _FUNCTIONS.get(name, name)))


_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR)


def main() -> None:
    """Run a command; a user's mistake is one sentence on standard error and exit code 1."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # its every failed attempt; what matters is in our sentence
    try:
        build_app(sys.argv[1:])()
    except (PipelineError, StackError) as error:
        _fail(str(error))
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
        where = error.filename or "the disk"
        _fail(f"Expected to be able to write {where}, found: {error.strerror}: make room or choose another place")


def _fail(sentence: str) -> None:
    err.print(Text.assemble(("Error: ", "bold red"), sentence), soft_wrap=True)
    sys.exit(1)

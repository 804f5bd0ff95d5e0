"""The command line `fingerprint`."""

from __future__ import annotations

import ast
import errno
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Final, NamedTuple, NoReturn

import typer
from rich.text import Text

from jobs.cli.configuration import defaults_of, find_configuration, read_configuration
from jobs.cli.console import err
from jobs.cli.exit_codes import ExitCode, exit_code_help
from jobs.cli.network import adopt_network_settings
from jobs.results.visible_text import on_one_line
from udfs.errors import PipelineError


class _Panel(NamedTuple):
    title: str
    commands: Sequence[str]


_PANELS: Final = {
    "start": _Panel("Start here", ["demo", "doctor", "test"]),
    "stack": _Panel("Local stack", ["up", "status", "down"]),
    "messages": _Panel(
        "Messages and recordings", ["ingest", "publish", "replay", "record", "inspect", "convert", "recordings"]
    ),
    "job": _Panel("Job", ["migrate", "login", "submit", "stop"]),
    "results": _Panel("Results", ["watch", "alerts", "explain", "psql", "grafana", "results", "dlq", "serve"]),
    "trust": _Panel("Trust", ["chaos", "soak"]),
    "model": _Panel("Model", ["score", "train", "enrol", "evaluate", "model"]),
}
"""By folder: a panel of the help, and its commands, each the function of its name in the module of its name.

A module with an `app` is a group of commands, and its docstring the group's help.
"""

_CANNOT_WRITE: Final = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS),
    *(errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR),
)


_ASK_FOR_TEXT: Final = frozenset({"--help", "-h", "--version"})


def build_app(arguments: Sequence[str] | None = None) -> typer.Typer:
    """Make the command line.

    Parameters
    ----------
    arguments : sequence of str or None
        What it is going to be called with: it starts faster then, since only the module of the command in it is
        imported. The other commands can be listed and not called. None makes all of it.
    """
    app = typer.Typer(
        name="fingerprint",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(epilog=exit_code_help())(_fingerprint)
    commands = [(folder, name) for folder, panel in _PANELS.items() for name in panel.commands]
    called = next((word for word in arguments or () if not word.startswith("-")), None)
    wanted = [(folder, name) for folder, name in commands if name == called]
    for folder, name in wanted or commands:
        if wanted or arguments is None:
            _add(app, folder, name, import_module(_module_of(folder, name)))
        else:
            app.command(name, help=_help_of(folder, name), rich_help_panel=_PANELS[folder].title)(lambda: None)
    return app


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # takes a hundredth of a second, which no other command needs

        typer.echo(f"fingerprint {version('exchange-fingerprint')}")
        raise typer.Exit


_Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")]


def _fingerprint(_version: _Version = False) -> None:
    """Tell which exchange a live message stream really comes from, by behaviour alone."""


def _module_of(folder: str, name: str) -> str:
    return f"jobs.cli.{folder}.{name}"


def _add(app: typer.Typer, folder: str, name: str, module: ModuleType) -> None:
    panel = _PANELS[folder].title
    if hasattr(module, "app"):
        app.add_typer(module.app, name=name, help=module.__doc__, rich_help_panel=panel)
    else:
        settings = getattr(module, "HANDS_ON", None)
        app.command(name, rich_help_panel=panel, context_settings=settings)(getattr(module, name))


def _help_of(folder: str, name: str) -> str | None:
    """Read a command's help in its source: to import all commands takes seconds."""
    source = Path(__file__).parents[2].joinpath(*_module_of(folder, name).split(".")).with_suffix(".py")
    module = ast.parse(source.read_text(encoding="utf-8"))
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    return ast.get_docstring(functions.get(name, module))


def _given_arguments(argv: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Return the arguments of this call or, if a shell asks how its line goes on, those of that line."""
    if "_FINGERPRINT_COMPLETE" not in environ:
        return list(argv[1:])
    line = environ.get("COMP_WORDS") or environ.get("_TYPER_COMPLETE_ARGS") or ""
    return line.split()[1:]


def main() -> None:
    """Run a command; what is no bug is one sentence on standard error, with `ExitCode.FAILED`."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # its every failed attempt; what matters is in our sentence
    adopt_network_settings()
    try:
        app = build_app(_given_arguments(sys.argv, os.environ))
        app(default_map=_defaults(app))
    except PipelineError as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        _fail(_without_extra(error))
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
        where = error.filename or "the disk"
        _fail(f"Expected to be able to write {where}, found {error.strerror}: make room or choose another place")
    except KeyboardInterrupt:  # typer knows of those only that come later than the imports
        sys.exit(ExitCode.INTERRUPTED)


def _defaults(app: typer.Typer) -> dict[str, Any]:
    """Return what the configuration file says, if there is one and a command is called."""
    if "_FINGERPRINT_COMPLETE" in os.environ or _ASK_FOR_TEXT & set(sys.argv[1:]):
        return {}
    path = find_configuration(os.environ, Path.cwd())
    return {} if path is None else defaults_of(typer.main.get_command(app), read_configuration(path))


def _without_extra(error: ModuleNotFoundError) -> str:
    """Name the extra that a command needs; what belongs to none is a bug, and raised again."""
    from jobs.doctor.python_checks import missing_extra  # takes a hundredth of a second

    extra = missing_extra(error.name)
    if extra is None:
        raise error
    return (
        f"Expected the extra `{extra}`, which this needs, found no Python package {error.name}: install this version "
        f"with it, `pip install '.[{extra}]'` in its checkout"
    )


def _fail(sentence: str) -> NoReturn:
    err.print(Text.assemble(("Error: ", "bold red"), on_one_line(sentence)), soft_wrap=True)
    sys.exit(ExitCode.FAILED)

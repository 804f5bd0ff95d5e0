"""The command line `fingerprint`."""

from __future__ import annotations

import errno
import logging
import sys

import typer
from rich.text import Text

from jobs.commands import (
    alerting,
    chaos,
    checks,
    demo,
    dlq,
    evaluation,
    grafana,
    job,
    live,
    local_stack,
    models,
    recordings,
    registry,
    results,
    soak,
    streams,
    watching,
)
from jobs.console import err
from stack.errors import StackError
from udfs.errors import PipelineError

app = typer.Typer(
    name="fingerprint",
    help="Tells which exchange a live message stream really comes from, by behaviour alone.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

for panel, commands in {
    "Start here": (demo.demo,),
    "Local stack": (local_stack.up, local_stack.status, local_stack.down),
    "Messages": (live.ingest, streams.publish, streams.replay),
    "Recordings": (live.record, recordings.inspect, recordings.convert),
    "Job and results": (job.migrate, job.submit, job.stop, watching.watch, alerting.alerts),
    "Trust": (chaos.chaos, soak.soak),
    "Model": (models.score, models.train, models.enrol, evaluation.evaluate),
}.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)
app.add_typer(results.app, name="results", rich_help_panel="Job and results")
app.add_typer(registry.app, name="model", rich_help_panel="Model")
app.add_typer(dlq.app, name="dlq", rich_help_panel="Job and results")
app.add_typer(grafana.app, name="grafana", rich_help_panel="Job and results")
app.command("test", rich_help_panel="Start here")(checks.run_tests)

_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR)


def main() -> None:
    """Run a command; a user's mistake is one sentence on standard error and exit code 1."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # its every failed attempt; what matters is in our sentence
    try:
        app()
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

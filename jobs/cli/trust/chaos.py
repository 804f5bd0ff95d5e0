"""`chaos`: break everything, again and again, and see whether the results are still right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from jobs.cli import options
from jobs.cli.console import err, out, say
from jobs.cli.exit_codes import ExitCode
from jobs.cli.signals import exit_on_signals
from jobs.trials.chaos.chaos_page import write_figures, write_page
from jobs.trials.chaos.chaos_report import DISTURBED, ChaosReport
from jobs.trials.chaos.chaos_run import Chaos
from jobs.trials.chaos.faults import Fault, draw_faults
from jobs.trials.chaos.network_cut import cuttable_network
from jobs.trials.sandbox import idle_stack


def chaos(
    home: options.Home,
    kills: Annotated[int, typer.Option(min=1, help="How often something is killed.")] = 20,
    seed: Annotated[int, typer.Option(help="Draws the load and the order of the faults.")] = 1,
    report: Annotated[Path, typer.Option(help="The page to write; the figures go beside it as JSON.")] = Path(
        "chaos.html"
    ),
    per_exchange: Annotated[int, typer.Option(min=1, help="Synthetic connections of each exchange at a time.")] = 10,
    outage: Annotated[float, typer.Option(min=1, help="Seconds that broker and database stay away.")] = 60,
) -> None:
    """Kill parts of the local stack under load, and compare the results with an undisturbed run's.

    Uses the stack that runs, or one of its own. Every third kill comes while another model is activated. Between the
    kills the TaskManager is paused, broker and database stay away, checkpoints and database run out of disk, JobManager
    and TaskManager are cut off from each other, and the job is stopped and resumed with another parallelism. Then the
    results are compared with those of an undisturbed run and with what is computed without Flink; the exit code is 1 if
    there is a difference. Ctrl-C ends the faults, and compares.
    """
    with exit_on_signals(), idle_stack(home, err.print) as stack, cuttable_network(stack.home) as cut:

        def show(line: str) -> None:
            say(line)
            write_figures(run.report, report)

        run = Chaos(stack, seed, show)
        rescale = Fault(name="stopped with a savepoint and rescaled", inflict=run.rescale, noticed_within_s=4.0)
        try:
            faults = draw_faults(kills, seed, outage, [rescale, cut], run.change_model)
            found = run.run(faults, per_exchange=per_exchange)
        finally:
            write_figures(run.report, report)
            write_page(run.report, report)
            run.clean_up()
    out.print(_table(found))
    for line in _lines(found):
        out.print(line, highlight=False, soft_wrap=True)
    out.print(f"[bold]{escape(str(report))}[/bold] has every fault.", soft_wrap=True)
    if not found.is_same:
        err.print("The results differ from those of the undisturbed run.", style="bold red")
        raise typer.Exit(ExitCode.FAILED)


def _table(report: ChaosReport) -> Table:
    table = Table(title=f"{len(report.injuries)} faults, {report.verdict}")
    for heading in ("fault", "times", "p50", "max"):
        table.add_column(heading, justify="left" if heading == "fault" else "right")
    for name, times in report.recoveries().items():
        table.add_row(name, f"{times['n']:.0f}", f"{times['p50_s']:.1f} s", f"{times['max_s']:.1f} s")
    return table


def _lines(report: ChaosReport) -> list[str]:
    tables = report.outcomes[DISTURBED].tables
    counts = ", ".join(f"{table.rows:,} {name}" for name, table in tables.items())
    hashes = [f"{outcome.hash} {name}" for name, outcome in report.outcomes.items()]
    return [f"{report.records:,} records, {counts}", *hashes]

"""`soak`: a steady load for hours, and what it does to memory, state, lag and latency."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from jobs.cli import options
from jobs.cli.console import err, out, say
from jobs.cli.signals import exit_on_signals
from jobs.trials.sandbox import idle_stack
from jobs.trials.soak.probes import Sample
from jobs.trials.soak.soak_load import LoadSettings
from jobs.trials.soak.soak_report import read_samples, write_report
from jobs.trials.soak.soak_run import JOB_OPTIONS, SAMPLES, Soak

_LINE_EVERY_S: Final = 60.0
_S_PER_HOUR: Final = 3600


def soak(
    home: options.Home,
    hours: Annotated[float, typer.Option(min=0.001, help="How long.")] = 1.0,
    rate: Annotated[float, typer.Option(min=100, help="Messages per second.")] = 2500,
    bad_share: Annotated[float, typer.Option(min=0, max=1, help="Bad records for each message.")] = 0.001,
    every: Annotated[float, typer.Option(min=1, help="Seconds between samples.")] = 5,
    seed: Annotated[int, typer.Option(help="Draws the load.")] = 1,
    folder: Annotated[Path, typer.Option("--out", help="Folder of samples, plot and summary.")] = Path("soak"),
    only_plot: Annotated[
        bool, typer.Option("--plot", help="Only plot and sum up the samples in the folder, of a soak that was cut off.")
    ] = False,
    job_options: Annotated[list[str] | None, typer.Argument(help="After `--`: options of the job itself.")] = None,
) -> None:
    """Send a steady load through a real job, and watch memory, state, lag and latency.

    Synthetic connections come and go in real time, a new cohort every 15 seconds, each for a minute. Uses the stack
    that runs, or one of its own. Every sample is written when it is taken; Ctrl-C ends the soak early, with its plot.
    """
    if not only_plot:
        load = LoadSettings(rate=rate, bad_share=bad_share, seed=seed)
        extra = tuple(job_options or ())
        run = Soak(seconds=hours * _S_PER_HOUR, every_s=every, load=load, folder=folder, job_options=extra)
        with exit_on_signals(), idle_stack(home, say) as stack, _showing() as show:
            say(f"Submitting the job with {' '.join((*JOB_OPTIONS, *extra))}")
            run.run(stack, show)
    summary = write_report(folder, read_samples(folder / SAMPLES))
    out.print(summary_table(summary))
    out.print(f"[bold]{escape(str(folder))}[/bold] has the samples, the plot and the summary.", soft_wrap=True)


@contextmanager
def _showing() -> Iterator[Callable[[Sample], None]]:
    """Draw the last sample again and again, or a line a minute where nothing can be drawn over."""
    if err.is_terminal:
        with Live(console=err, auto_refresh=False, transient=True) as live:
            yield lambda sample: live.update(sample_table(sample), refresh=True)
        return
    said_s = time.monotonic()

    def show(sample: Sample) -> None:
        nonlocal said_s
        if time.monotonic() - said_s >= _LINE_EVERY_S:
            said_s = time.monotonic()
            err.print(", ".join(f"{name} {value}" for name, value in _figures(sample).items()), soft_wrap=True)

    yield show


def sample_table(sample: Sample) -> Table:
    """Draw one sample."""
    table = Table(title="Soak, Ctrl-C to end it", show_header=False)
    for name, value in _figures(sample).items():
        table.add_row(name, value)
    return table


def _figures(sample: Sample) -> dict[str, str]:
    memory = {name: f"{sizes['pss']:,.0f} MB" for name, sizes in sample["memory_mb"].items()}
    latency, checkpoint, lag = sample.get("latency_ms"), sample.get("checkpoint"), sample.get("lag")
    return {
        "after": f"{sample['at_s'] / 60:,.1f} min",
        "sent": f"{sample['sent']['records']:,} records of {sample['sent']['connections']:,} connections",
        "lag": "-" if lag is None else f"{lag:,} messages",
        "receipt to row": "-" if not latency else " ".join(f"{name} {ms:,.0f} ms" for name, ms in latency.items()),
        "checkpoint": f"{checkpoint['state_mb']:,.1f} MB in {checkpoint['duration_ms']:,} ms" if checkpoint else "-",
        **memory,
    }


def summary_table(summary: dict[str, Any]) -> Table:
    """Draw a summary."""
    title = f"{summary['hours']:.2f} h, {summary['records_sent']:,} records, {summary['windows_per_s']:,.0f} windows/s"
    table = Table("", "first", "last", "per hour, second half", title=title, caption=_caption(summary))
    for name, size in summary["mb"].items():
        growth = size["per_hour"]
        row = (f"{size['first']:,.0f} MB", f"{size['last']:,.0f} MB", "-" if growth is None else f"{growth:+,.1f} MB")
        table.add_row(name, *row)
    return table


def _caption(summary: dict[str, Any]) -> str:
    latencies = {name: found for name, found in summary["latency_ms"].items() if found}
    shown = ", ".join(f"{name} {found['median']:,.0f} (worst {found['max']:,.0f})" for name, found in latencies.items())
    lag = "-" if summary["max_lag"] is None else f"{summary['max_lag']:,.0f}"
    return f"receipt to row, ms: {shown or '-'}\nlag at most {lag} messages, {summary['restarts']} restarts"

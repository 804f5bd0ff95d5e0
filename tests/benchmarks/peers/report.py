"""The table, the ratios against what is aimed at, and the picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from peers.running import Peer
from peers.trials import Live, Throughput

SERVICES = ("broker", "database")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a peer has shown: on the full topic in each round, and on a live one."""

    peer: Peer
    rounds: tuple[Throughput, ...]
    live: Live | None

    @property
    def throughput(self) -> Throughput:
        """The round of the median rate; of an even number of them, the slower of the two in the middle."""
        return sorted(self.rounds, key=lambda full: full.windows_per_s)[(len(self.rounds) - 1) // 2]


Outcomes = dict[str, Outcome]
"""By the peer's name."""

HEADINGS = (
    *("", "windows/s, steady", "warming up", "messages/s, steady", "CPU, µs a message (client, broker, database)"),
    *("memory, MB", "broker append to row, p50 / p95 / p99 ms (at windows/s)", "rows again after kill -9, s"),
    *("rows lost / that are no window's, after it", "of the topic", "rows, wrong ones"),
)

NOT_MEASURED = ("–", "–", "–")


def table_lines(outcomes: Outcomes) -> Iterator[str]:
    """Write the table as Markdown."""
    yield f"| {' | '.join(HEADINGS)} |"
    yield f"|---|{'---:|' * (len(HEADINGS) - 1)}"
    for outcome in outcomes.values():
        yield f"| {' | '.join(_cells(outcome))} |"


def _cells(outcome: Outcome) -> list[str]:
    full, live = outcome.throughput, outcome.live
    broker, database = (full.cpu_us.get(name, 0.0) for name in SERVICES)
    client = full.all_cpu_us - broker - database
    return [
        outcome.peer.title,
        _rates([full.windows_per_s for full in outcome.rounds], full.windows_per_s),
        f"{full.warm_up_windows_per_s:,.0f}",
        f"{full.messages_per_s:,.0f}",
        f"{full.all_cpu_us:.1f} ({client:.1f}, {broker:.1f}, {database:.1f})",
        f"{full.peak_mb:,.0f}",
        *(NOT_MEASURED if live is None else _live_cells(live)),
        f"{full.share:.0%}",
        f"{full.rows:,}, {f'**{full.n_wrong:,}**' if full.n_wrong else 'none'}",
    ]


def _rates(rates: list[float], median: float) -> str:
    return f"{median:,.0f}" + (f" ({min(rates):,.0f} to {max(rates):,.0f})" if len(rates) > 1 else "")


def _live_cells(live: Live) -> tuple[str, str, str]:
    quantiles = " / ".join(f"{live.latency_ms[name]:,.0f}" for name in ("p50", "p95", "p99"))
    return (
        f"{quantiles} ({live.latency_windows_per_s:,.0f})",
        f"{live.back_after_s:.1f}" if math.isfinite(live.back_after_s) else NOT_MEASURED[0],
        f"{live.lost:,} / {live.unexpected:,}",
    )


@dataclass(frozen=True, kw_only=True)
class Aim:
    """What is to be shown of one figure.

    Attributes
    ----------
    what : str
        In words.
    limit : float
        The figure is to be this.
    is_least : bool
        Or more; else, or less.
    measure : callable
        Takes the outcomes; KeyError or ValueError means that nothing is known.
    """

    what: str
    limit: float
    is_least: bool
    measure: Callable[[Outcomes], float]


def _rate(outcomes: Outcomes, *names: str) -> float:
    """Return the best steady rate of some peers."""
    return max(outcomes[name].throughput.windows_per_s for name in names if name in outcomes or len(names) == 1)


def _over(*names: str) -> Callable[[Outcomes], float]:
    return lambda outcomes: _rate(outcomes, "job-1", "job-2") / _rate(outcomes, *names)


def _live(outcomes: Outcomes) -> Live:
    live = outcomes["job-1"].live
    if live is None:
        raise KeyError("job-1")
    return live


AIMS = (
    Aim(
        what="job at parallelism 2 / two bare processes of the same code",
        limit=0.8,
        is_least=True,
        measure=lambda found: _rate(found, "job-2") / _rate(found, "bare-2"),
    ),
    Aim(
        what="job at parallelism 2 / two bare processes of the code before",
        limit=1.5,
        is_least=True,
        measure=lambda found: _rate(found, "job-2") / _rate(found, "bare-2-before"),
    ),
    Aim(what="job / Bytewax, each at its best", limit=1.5, is_least=True, measure=_over("bytewax-1", "bytewax-2")),
    Aim(what="job / Quix Streams, each at its best", limit=2.5, is_least=True, measure=_over("quix-1", "quix-2")),
    Aim(what="job / a window per call", limit=50, is_least=True, measure=_over("worker")),
    Aim(
        what="CPU of all parts at parallelism 1, µs a message",
        limit=6.5,
        is_least=False,
        measure=lambda found: found["job-1"].throughput.all_cpu_us,
    ),
    Aim(what="latency p50, ms", limit=45, is_least=False, measure=lambda found: _live(found).latency_ms["p50"]),
    Aim(what="latency p99, ms", limit=75, is_least=False, measure=lambda found: _live(found).latency_ms["p99"]),
    Aim(what="rows again after a kill, s", limit=10, is_least=False, measure=lambda found: _live(found).back_after_s),
)


def aim_lines(outcomes: Outcomes) -> Iterator[str]:
    """Hold the figures against what is aimed at, as Markdown."""
    yield "| | found | aim | |"
    yield "|---|---:|---:|---|"
    for aim in AIMS:
        try:
            found = aim.measure(outcomes)
        except (KeyError, ValueError):  # of a peer that was left out
            yield f"| {aim.what} | – | | not measured |"
            continue
        is_met = found >= aim.limit if aim.is_least else found <= aim.limit
        sign = "≥" if aim.is_least else "≤"
        yield f"| {aim.what} | {found:.2f} | {sign} {aim.limit:g} | {'met' if is_met else '**missed**'} |"


def draw(outcomes: Outcomes, path: Path) -> None:
    """Draw rates, CPU time and rows over time."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    rates, spent, course = figure.subplots(1, 3)
    titles = [outcome.peer.title for outcome in outcomes.values()]
    fulls = [outcome.throughput for outcome in outcomes.values()]
    _bars(rates, "windows/s, steady", titles, [full.windows_per_s for full in fulls], "{:,.0f}")
    _bars(
        spent, "CPU of all parts, µs a message (log)", [""] * len(fulls), [full.all_cpu_us for full in fulls], "{:,.1f}"
    )
    spent.set_xscale("log")
    for title, full in zip(titles, fulls, strict=True):
        course.plot([at_s for at_s, _ in full.written], [n / 1000 for _, n in full.written], label=title, linewidth=1)
    course.set(title="thousand rows over seconds", xlabel="since the first row")
    figure.legend(fontsize=7, loc="outside lower center", ncols=5)
    figure.savefig(path, dpi=90)


def _bars(axes: Axes, title: str, names: list[str], values: list[float], form: str) -> None:
    places = list(range(len(values)))
    axes.bar_label(axes.barh(places, values), fmt=form, padding=2, fontsize=7)
    axes.set(title=title, yticks=places, yticklabels=names, xmargin=0.2)
    axes.invert_yaxis()
    axes.tick_params(labelsize=7)
    if axes.get_xscale() == "linear":
        axes.locator_params(axis="x", nbins=5)

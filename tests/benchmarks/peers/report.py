"""The table, the ratios against what is aimed at, and the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure
from peers.running import Peer
from peers.trials import Live, Throughput

SERVICES = ("broker", "database")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a peer has shown."""

    peer: Peer
    throughput: Throughput
    live: Live | None


Outcomes = dict[str, Outcome]
"""By the peer's name."""

HEADINGS = (
    *("", "windows/s steady", "warming up", "messages/s", "CPU µs a message", "of it client, broker, database"),
    *("peak MB", "first row after s", "of the topic", "p50 / p95 / p99 ms", "at windows/s", "back after kill s"),
    *("lost / unexpected", "rows, wrong scores"),
)


def table_lines(outcomes: Outcomes) -> Iterator[str]:
    """Write the table as Markdown."""
    yield f"| {' | '.join(HEADINGS)} |"
    yield f"|---|{'---:|' * (len(HEADINGS) - 1)}"
    for outcome in outcomes.values():
        yield f"| {' | '.join(_cells(outcome))} |"


def _cells(outcome: Outcome) -> list[str]:
    full, live = outcome.throughput, outcome.live
    broker, database = (full.cpu_us.get(name, 0.0) for name in SERVICES)
    client = sum(full.cpu_us.values()) - broker - database
    cells = [
        outcome.peer.title,
        f"{full.windows_per_s:,.0f}",
        f"{full.warm_up_windows_per_s:,.0f}",
        f"{full.messages_per_s:,.0f}",
        f"{sum(full.cpu_us.values()):.1f}",
        f"{client:.1f}, {broker:.1f}, {database:.1f}",
        f"{full.peak_mb:,.0f}",
        f"{full.start_s:.1f}",
        f"{full.share:.0%}",
    ]
    if live is None:
        cells += ["–", "–", "–", "–"]
    else:
        cells += [
            " / ".join(f"{live.latency_ms[name]:,.0f}" for name in ("p50", "p95", "p99")),
            f"{live.latency_windows_per_s:,.0f}",
            f"{live.back_after_s:.1f}",
            f"{live.lost:,} / {live.unexpected:,}",
        ]
    wrong = full.lost + full.unexpected
    cells.append(
        f"{full.rows:,}, {full.differing} of {full.compared:,}" + (f"; **{wrong:,} wrong rows**" if wrong else "")
    )
    return cells


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
        Takes the outcomes; a KeyError or TypeError of a peer that was left out means that nothing is known.
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
        measure=lambda found: sum(found["job-1"].throughput.cpu_us.values()),
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
        except (KeyError, ValueError):
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
    places = list(range(len(titles)))
    bars = rates.barh(places, [full.windows_per_s for full in fulls])
    rates.bar_label(bars, fmt="{:,.0f}", padding=2, fontsize=7)
    rates.set(title="windows/s, steady", yticks=places, yticklabels=titles, xmargin=0.2)
    left = [0.0] * len(fulls)
    for label, names in (("client", None), ("broker", ("broker",)), ("database", ("database",))):
        parts = [
            sum(us for name, us in full.cpu_us.items() if (name in names if names else name not in SERVICES))
            for full in fulls
        ]
        spent.barh(places, parts, left=left, label=label)
        left = [before + part for before, part in zip(left, parts, strict=True)]
    spent.set(title="CPU, µs a message", yticks=places, yticklabels=[], xscale="symlog")
    spent.legend(fontsize=7)
    for title, full in zip(titles, fulls, strict=True):
        course.plot([at_s for at_s, _ in full.written], [n / 1000 for _, n in full.written], label=title, linewidth=1)
    course.set(title="thousand rows over seconds", xlabel="since the first row")
    course.legend(fontsize=6)
    for axes in (rates, spent):
        axes.invert_yaxis()
        axes.tick_params(labelsize=7)
    figure.savefig(path, dpi=110)

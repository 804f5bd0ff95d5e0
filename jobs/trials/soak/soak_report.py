"""What the samples of a soak say: slopes, the worst lag, latencies, and a picture of everything over time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jobs.trials.soak.probes import Sample
from udfs.errors import ConfigError

_S_PER_HOUR: Final = 3600
_BUCKETS: Final = 20
"""Of the time that a slope is taken of: the least value of each counts, for garbage is collected in between."""

Series = tuple[list[float], list[float]]
"""Hours since the start, and values."""


@dataclass(frozen=True, kw_only=True)
class SoakSamples:
    """A soak as it was written down.

    Attributes
    ----------
    header : dict
        The load and the job's options.
    samples : list of dict
        In the order of time.
    end : dict
        What was counted after the end; empty if the soak was cut off.
    """

    header: dict[str, Any]
    samples: list[Sample]
    end: dict[str, Any] = field(default_factory=dict)

    def series(self, *path: str) -> Series:
        """Return the values that there are under such names within each other, with their times."""
        found = [(one["at_s"] / _S_PER_HOUR, _inner(one, *path)) for one in self.samples]
        there = [(at, value) for at, value in found if value is not None]
        return [at for at, _ in there], [value for _, value in there]

    def memory(self) -> dict[str, Series]:
        """Return the proportional memory of each process, in MB."""
        names = list(dict.fromkeys(name for one in self.samples for name in one["memory_mb"]))
        return {name: self.series("memory_mb", name, "pss") for name in names}

    def heap(self) -> dict[str, Series]:
        """Return the used heap of each JVM of Flink's, and of each JVM that of which nothing is garbage, in MB."""
        return {
            f"{name} {label}": self.series(kind, name)
            for kind, label in (("heap_mb", "heap"), ("live_heap_mb", "heap after collection"))
            for name in dict.fromkeys(name for one in self.samples for name in one.get(kind) or ())
        }

    def state(self) -> Series:
        """Return the size of the last checkpoint, in MB."""
        return self.series("checkpoint", "state_mb")


def _inner(sample: Sample, *path: str) -> float | None:
    found: Any = sample
    for name in path:
        found = (found or {}).get(name)
    return None if found is None else float(found)


def read_samples(path: Path) -> SoakSamples:
    """Read what a soak has written; a line that was cut off by its end is left out.

    Raises
    ------
    ConfigError
        If the file is no soak's, or holds no sample.
    """
    lines: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            break
    samples = [line for line in lines if "at_s" in line]
    if not lines or "load" not in lines[0] or not samples:
        raise ConfigError(f"Expected samples of a soak in {path}, found none: name the folder of a soak that took one")
    last = lines[-1] if "acknowledged" in lines[-1] else {}
    return SoakSamples(header=lines[0], samples=samples, end=last)


def slope_per_hour(series: Series) -> float | None:
    """Return by how much a value grows per hour, by least squares through its lowest values over the second half.

    None if there are too few values.
    """
    hours, values = np.array(series[0]), np.array(series[1])
    later = hours >= (hours[0] + hours[-1]) / 2 if len(hours) else np.zeros(0, dtype=bool)
    hours, values = hours[later], values[later]
    if len(hours) < 2 or hours[-1] == hours[0]:
        return None
    buckets = np.minimum((hours - hours[0]) / (hours[-1] - hours[0]) * _BUCKETS, _BUCKETS - 1).astype(int)
    lowest = [np.flatnonzero(buckets == b)[values[buckets == b].argmin()] for b in np.unique(buckets)]
    if len(lowest) < 2:
        return None
    return float(np.polyfit(hours[lowest], values[lowest], 1)[0])


def summarize(soak: SoakSamples) -> dict[str, Any]:
    """Lay out the figures of a soak as one JSON object."""
    last = soak.samples[-1]
    grown = soak.memory() | soak.heap() | {"checkpoint": soak.state()}
    seen = {name: series for name, series in grown.items() if series[1]}
    windows = sum(one.get("windows") or 0 for one in soak.samples)
    seconds = last["at_s"]
    return {
        **soak.header,
        "hours": seconds / _S_PER_HOUR,
        "records_sent": last["sent"]["records"],
        "connections": last["sent"]["connections"],
        "windows": windows,
        "windows_per_s": windows / seconds,
        "restarts": max((one.get("restarts") or 0 for one in soak.samples), default=0),
        "max_lag": max(soak.series("lag")[1], default=None),
        "max_checkpoint_ms": max(soak.series("checkpoint", "duration_ms")[1], default=None),
        "latency_ms": {name: _latency(soak, name) for name in ("p50", "p95", "p99")},
        "mb": {name: {"first": s[1][0], "last": s[1][-1], "per_hour": slope_per_hour(s)} for name, s in seen.items()},
        "end": soak.end,
    }


def _latency(soak: SoakSamples, name: str) -> dict[str, float] | None:
    """Return median and maximum over the intervals, without the first fifth, in which Java compiles itself."""
    _, values = soak.series("latency_ms", name)
    later = values[len(values) // 5 :]
    return {"median": float(np.median(later)), "max": max(later)} if later else None


def write_report(folder: Path, soak: SoakSamples) -> dict[str, Any]:
    """Write `soak.png` and `summary.json` beside the samples, and return the summary."""
    summary = summarize(soak)
    (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    plot(soak).savefig(folder / "soak.png", dpi=100)
    return summary


def plot(soak: SoakSamples) -> Figure:
    """Draw everything over time, one above the other."""
    figure = Figure(figsize=(12, 15), layout="constrained")
    load = soak.header["load"]
    figure.suptitle(f"{load['rate']:,.0f} messages/s for {soak.samples[-1]['at_s'] / _S_PER_HOUR:.2f} h")
    memory, heap, state, lag, latency, rate = figure.subplots(6, 1, sharex=True)
    _lines(memory, "memory, PSS, MB", soak.memory())
    _lines(heap, "used heap, MB", soak.heap())
    _lines(state, "checkpoint, MB", {"size": soak.state()})
    _lines(lag, "lag, messages", {"not yet fetched": soak.series("lag")})
    percentiles = ("p50", "p95", "p99")
    found = {p: soak.series("latency_ms", p) for p in percentiles}
    latency.set_yscale("log")
    _lines(latency, "receipt to row, ms", found)
    _lines(rate, "windows/s", {"written": _rate(soak.samples)})
    rate.set_xlabel("hours")
    return figure


def _lines(axes: Axes, label: str, series: dict[str, Series]) -> None:
    for name, (hours, values) in series.items():
        axes.plot(hours, values, label=name, linewidth=1)
    axes.set_ylabel(label)
    if axes.get_yscale() == "linear":
        axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    if series:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small", frameon=False)


def _rate(samples: Sequence[Sample]) -> Series:
    pairs = [(a, b) for a, b in zip(samples, samples[1:], strict=False) if b.get("windows") is not None]
    hours = [b["at_s"] / _S_PER_HOUR for _, b in pairs]
    return hours, [b["windows"] / (b["at_s"] - a["at_s"]) for a, b in pairs]

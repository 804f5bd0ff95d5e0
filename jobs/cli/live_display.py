"""What a person sees of a live feed: a table that is drawn again and again, or a line from time to time."""

from __future__ import annotations

import time
from typing import Final

from rich.table import Table

from ingest.live.live_run import LiveRun
from udfs.schema import MsgType

_SECOND_NS: Final = 10**9


def live_table(run: LiveRun) -> Table:
    """Draw a feed as it is now."""
    stats = run.stats
    table = Table(title=f"{run.feed.name}, Ctrl-C to stop", show_header=False)
    table.add_row("connection", stats.connection_id or _state(run))
    table.add_row("frames", f"{stats.frames_in:,} received, {stats.frames_out:,} sent, {stats.bytes_in / 1e6:,.1f} MB")
    if run.kafka_sink is not None:
        table.add_row("messages", _types(run.kafka_sink.n_messages.get(run.feed.name, [])) or "none yet")
    if stats.last_frame_ns:
        table.add_row("last frame", f"{(time.time_ns() - stats.last_frame_ns) / _SECOND_NS:,.1f} s ago")
    ends = ", ".join(f"{reason}: {count}" for reason, count in stats.ends.items())
    table.add_row("sessions", f"{stats.sessions}{f', ended by {ends}' if ends else ''}")
    if run.producer is not None:
        health = run.producer.health()
        lasts = "" if health.buffer_lasts_s is None else f", room for {health.buffer_lasts_s:,.0f} s"
        answers = "" if health.reachable else "[bold red]does not answer[/], "
        table.add_row("Kafka", f"{answers}{health.acknowledged:,} taken, {health.waiting_messages:,} waiting{lasts}")
    return table


def live_line(run: LiveRun) -> str:
    """Say in one line how a feed is doing."""
    stats = run.stats
    line = f"{_state(run)}: {stats.frames_in:,} frames in {stats.sessions} sessions"
    if run.kafka_sink is not None:
        types = _types(run.kafka_sink.n_messages.get(run.feed.name, []))
        line += f" ({types})" if types else ""
    if run.producer is not None:
        health = run.producer.health()
        line += f", Kafka took {health.acknowledged:,}, {health.waiting_messages:,} waiting"
    return line


def _state(run: LiveRun) -> str:
    stats = run.stats
    if stats.state == "backing off":
        return f"next attempt in {max(0.0, (stats.next_attempt_ns - time.time_ns()) / _SECOND_NS):,.0f} s"
    return stats.state


def _types(counts: list[int]) -> str:
    return ", ".join(f"{count:,} {kind.name}" for kind, count in zip(MsgType, counts, strict=False) if count)

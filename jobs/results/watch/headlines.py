"""What `watch` says in words above and below its tables."""

from __future__ import annotations

from typing import Final

from jobs.results.visible_text import visible
from jobs.results.watch.panes import COLUMNS, Pane, Row, clock
from jobs.results.watch.view_snapshot import Choice, Snapshot
from jobs.results.wording import counted, spoken_duration

FAR_AHEAD_S: Final = 5.0
FAR_BEHIND_S: Final = 30.0
"""The limits of the view `skewed_connections`."""


def summary_lines(snapshot: Snapshot) -> tuple[str, str]:
    """Write the numbers above the tables in two lines, which fit into 80 columns as long as exchanges are few."""
    summary = snapshot.summary
    exchanges = ", ".join(f"{name} {count:,}" for name, count in summary.live_by_exchange.items())
    live = sum(summary.live_by_exchange.values())
    of = counted(summary.connections, "connection")
    connections = f"{live:,} of {of} live{': ' if exchanges else ''}{exchanges}"
    latency = ""
    if summary.latency_p50_ms is not None and summary.latency_p95_ms is not None:
        latency = f" | p50 {summary.latency_p50_ms:,.0f} p95 {summary.latency_p95_ms:,.0f} ms"
    last = "none yet"
    if summary.last_seen_at is not None:
        last = f"{spoken_duration((snapshot.at - summary.last_seen_at).total_seconds())} ago"
    return (
        f"{connections} | mismatch {summary.mismatches:,}",
        f"{summary.critical_alerts:,} critical, {counted(summary.warning_alerts, 'warning')} | "
        f"{summary.windows_per_second:,.1f} windows/s, {summary.messages_per_second:,.0f} msg/s{latency} | last {last}",
    )


def pane_title(pane: Pane, snapshot: Snapshot | None, choice: Choice) -> str:
    """Name a table: how many rows of how many, in which order, and of which choice."""
    order = choice.orders[pane]
    shown = [f"{pane.value.capitalize()}"]
    if snapshot is not None:
        n_rows = len(snapshot.rows[pane])
        of_all = f" of {snapshot.matching:,}" if pane is Pane.CONNECTIONS and snapshot.matching > n_rows else ""
        shown = [f"{shown[0]} {n_rows}{of_all}", f"by {order.column}{' reversed' if order.is_reversed else ''}"]
    shown += [f"detected {choice.exchange}"] if choice.exchange else []
    shown += [f"declared {choice.declared}"] if choice.declared else []
    shown += ["only problems"] if choice.only_problems else []
    shown += [f"with {choice.text!r}"] if choice.text else []
    return ", ".join(shown)


def detail(pane: Pane, row: Row, snapshot: Snapshot) -> str:
    """Write out of a row what its cells have no room for."""
    return visible(_detail(pane, row, snapshot))


def _detail(pane: Pane, row: Row, snapshot: Snapshot) -> str:
    if pane is Pane.ALERTS:
        return f"{row['subject']}: {row['summary']} ({row['runbook']})"
    if pane is Pane.EVENTS:
        since = f"since {clock(row['since_at'], snapshot.at)}"
        return f"{row['connection_id']}: {row['kind']} {since}: {row['reason'] or row['detected_exchange']}"
    reason = f": {row['reason']}" if row["reason"] else ""
    return f"{row['connection_id']}, {row['messages']:,} messages, {row['signature']}{_clock(row)}{reason}"


def _clock(row: Row) -> str:
    """Say how far a connection's receive times are from the clock of the database, if that is far."""
    ahead_s = row.get("clock_ahead_s") or 0.0
    if ahead_s > FAR_AHEAD_S:
        return f", clock {spoken_duration(ahead_s)} ahead"
    return f", received {spoken_duration(-ahead_s)} before it was written" if -ahead_s >= FAR_BEHIND_S else ""


def cells(pane: Pane, row: Row, snapshot: Snapshot) -> list[str]:
    """Write the cells of a row."""
    return [visible(column.text(row, snapshot.at)) for column in COLUMNS[pane]]


def style(pane: Pane, row: Row, column: str) -> str:
    """Choose how a cell looks: what is wrong stands out also where there are no colours."""
    if pane is Pane.ALERTS and column == "severity":
        return "bold red" if row["severity"] == "critical" else "yellow"
    if pane is Pane.CONNECTIONS and (row["has_ended"] or row["is_recording"]) and column != "detected":
        return "dim"
    if pane is Pane.CONNECTIONS and column == "detected":
        return "bold red" if row["mismatch"] else "yellow" if row["detected_exchange"] == "unknown" else ""
    if pane is Pane.EVENTS and column == "kind":
        return "" if row["kind"] == "named" else "bold"
    return ""

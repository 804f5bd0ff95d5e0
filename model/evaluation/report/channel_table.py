"""The accuracy of each venue and channel as tables in Markdown, as the documents have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

_HEADINGS: Final = ("interface", "channels", "connections", "right", "unknown", "wrong", "windows right")


def render_channel_tables(report: dict[str, Any]) -> str:
    """Write a table of the synthetic sessions and one of the recordings."""
    parts = report["channels"]
    return "\n".join(
        f"{title}\n\n{_table(parts[on])}\n"
        for on, title in (("synthetic", "Synthetic, fresh sessions:"), ("recordings", "Recordings, left out:"))
    )


def _table(rows: Sequence[dict[str, Any]]) -> str:
    lines = [_HEADINGS, tuple("---" for _ in _HEADINGS), *(_cells(row) for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Write one row, with the interval of what is right.

    >>> share = {"hits": 9, "of": 10, "ratio": 0.9, "low": 0.6, "high": 0.98}
    >>> counted = {"right": share, "unknown": share, "wrong": share, "windows_right": share}
    >>> " | ".join(_cells({"exchange": "kraken", "interface": "kraken-v1-market", "channels": "book", **counted}))
    'kraken-v1-market | `book` | 10 | 9 [60, 98]% | 9 | 9 | 90%'
    """
    right, windows = row["right"], row["windows_right"]
    interface = row["interface"] if row["exchange"] in row["interface"] else f"{row['exchange']} {row['interface']}"
    interval = "" if right["ratio"] is None else f" [{100 * right['low']:.0f}, {100 * right['high']:.0f}]%"
    return (
        interface,
        f"`{row['channels']}`",
        str(right["of"]),
        f"{right['hits']}{interval}",
        str(row["unknown"]["hits"]),
        str(row["wrong"]["hits"]),
        "–" if windows["ratio"] is None else f"{windows['ratio']:.0%}",
    )

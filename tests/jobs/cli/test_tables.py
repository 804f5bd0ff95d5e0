"""What commands show fits 80 columns with every number whole; in a pipe each record is a line."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from ingest.kafka.dead_letters import DeadLetter, Place
from jobs.cli.console import err, out
from jobs.cli.model.evaluate import _print_figures
from jobs.cli.results.alerts import print_alerts
from jobs.cli.results.dlq import _print_last, _print_reasons
from jobs.cli.results.watch_text import print_snapshot
from jobs.cli.stack.status import print_parts
from jobs.cli.start.demo_tables import connection_lines, print_connections, print_summary
from jobs.results.active_alerts import Alert
from jobs.results.connections import ConnectionStatus
from jobs.results.watch.panes import Pane
from jobs.results.watch.view_snapshot import Choice, Snapshot, Summary
from jobs.trials.demo_report import DemoReport
from stack.stack_status import PartStatus, StackStatus

AT = datetime(2026, 11, 30, 7, 21, 3, tzinfo=UTC)
LONG = "md-gateway-frankfurt-2.kraken-spot-level2-btc-usd-0007-8c2f4d1e"
SENTENCE = f"Declares binance, behaves like kraken since {AT:%Y-%m-%d %H:%M:%S} UTC with probability 0.998: " + (
    "sequence numbers skip in 63% of the steps, as with kraken (50% to 100%); binance: never"
)


def connection(name: str, **changes: Any) -> ConnectionStatus:
    row = {
        "connection_id": name,
        "declared_exchange": "binance",
        "detected_exchange": "coinbase",
        "certainty": "undecided",
        "probability": 0.123,
        "mismatch": True,
        "since_at": AT,
        "windows": 123_456,
        "messages": 3_086_425,
        "messages_per_second": 12_345.6,
        "last_seen_at": AT,
        "signature": "xf1-NT-t100-h0-sj",
        "reason": SENTENCE,
    }
    return ConnectionStatus(**row | changes)


def alert(severity: Any, subject: str, rule: str = "mismatch", value: float = 1.0) -> Alert:
    return Alert(
        rule=rule,
        severity=severity,
        subject=subject,
        declared_exchange=None,
        detected_exchange=None,
        since_at=AT,
        value=value,
        limit_value=None,
        summary=SENTENCE,
        runbook="mismatch",
    )


STACK = StackStatus(
    home=Path("/home/somebody/market-data/exchange-fingerprinting/.local"),
    parts=[
        PartStatus(name="taskmanager", address="127.0.0.1:6122", state="dead", restarts=12, log="/home/x/log"),
        PartStatus(
            name="jobmanager", address="127.0.0.1:18081", state="ready", pid=4194303, web_url="http://127.0.0.1:18081"
        ),
    ],
)
DEAD_LETTER = DeadLetter(
    place=Place(partition=3, offset=1_234_567_890),
    reason="connection_id is not a string of 1 to 128 printable characters",
    at=AT,
    key=LONG.encode(),
    value=b"{" * 200,
)
SHARE = {"ratio": 1.0}
NAMES = ("known_right", "known_refused", "known_wrong", "unknown_venues_refused")
FIGURES = {
    who: {unit: dict.fromkeys(NAMES, SHARE) for unit in ("windows", "connections")} for who in ("model", "plain")
}
REPORT = {
    "model": {"model_version": "0.3-bbdc1389"},
    "effort": {"name": "full"},
    "main": {"fresh": FIGURES, "recordings": FIGURES},
}
SNAPSHOT = Snapshot(
    at=AT + timedelta(minutes=45),
    begun_s=0.0,
    summary=Summary(
        live_by_exchange={"kraken": 1},
        mismatches=1,
        connections=2,
        last_seen_at=AT,
        windows_per_second=1.0,
        messages_per_second=25.0,
        latency_p50_ms=None,
        latency_p95_ms=None,
        critical_alerts=1,
        warning_alerts=1,
    ),
    matching=1,
    rows={
        Pane.ALERTS: [vars(alert("critical", LONG))],
        Pane.CONNECTIONS: [
            vars(connection(LONG))
            | {"clock_ahead_s": None, "has_ended": True, "is_recording": False, "is_silent": False}
        ],
        Pane.EVENTS: [
            {
                "detected_at": AT,
                "kind": "heartbeat_stall",
                "connection_id": LONG,
                "declared_exchange": "binance",
                "detected_exchange": "coinbase",
                "since_at": AT,
                "reason": SENTENCE,
            }
        ],
    },
)

Show = Callable[[], None]
SHOWN: dict[str, tuple[Show, list[str]]] = {
    "alerts": (lambda: print_alerts([alert("critical", LONG), alert("warning", "a")]), [SENTENCE, "11-30 07:21:03"]),
    "status": (lambda: print_parts(STACK), ["127.0.0.1:18081", "http://127.0.0.1:18081", "/home/x/log"]),
    "dead letters": (
        lambda: _print_last([DEAD_LETTER], {DEAD_LETTER.place: "3:1234567999"}),
        ["3:1234567890", "3:1234567999", "2026-11-30 07:21:03", DEAD_LETTER.reason],
    ),
    "reasons": (
        lambda: _print_reasons(Counter([DEAD_LETTER.reason] * 3), "3 dead-letter records"),
        ["3 connection_id"],
    ),
    "demo": (
        lambda: [out.print(line, soft_wrap=True) for line in connection_lines([connection(LONG)], out.width)][0],
        ["binance", "coinbase !", "0.123", "123,456", "1 connection, 123,456 windows, 1 not what they declare"],
    ),
    "summary": (
        lambda: print_summary(DemoReport(truths={"a": "binance"}, found=[connection("a")])),
        ["123,456", SENTENCE],
    ),
    "evaluate": (lambda: _print_figures(REPORT), ["recordings connections plain 100.0% 100.0% 100.0% 100.0%"]),
    "watch": (
        lambda: print_snapshot(SNAPSHOT, Choice()),
        ["1 critical, 1 warning |", "last 45 min ago", "coinbase !", "ended 45 min", "heartbeat_stall", SENTENCE],
    ),
}


def lines_of(name: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    SHOWN[name][0]()
    return re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out).splitlines()


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("name", SHOWN)
def test_it_fits_a_terminal(
    name: str, width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(out, "_force_terminal", True)
    monkeypatch.setattr(out, "_width", width)
    lines = lines_of(name, capsys)
    assert max(map(cell_len, lines)) <= width, lines
    text = " ".join(" ".join(lines).split())
    assert [part for part in SHOWN[name][1] if part not in text] == []
    # An id is shortened with a mark, or whole.
    assert "md-gateway" not in text or "…" in text or LONG in text


@pytest.mark.parametrize("stream", [out, err])
def test_no_terminal_has_no_boxes_and_no_cuts(stream: Any) -> None:
    assert not stream.is_terminal


@pytest.mark.parametrize("name", ["alerts", "status", "dead letters", "evaluate"])
def test_in_a_pipe_each_record_is_a_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = lines_of(name, capsys)
    rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    expected = {"alerts": 2, "status": 2, "dead letters": 1, "evaluate": 8}
    assert len(rows) == expected[name]
    assert not set("─━│┃…") & set("".join(lines))
    assert all(None not in row and None not in row.values() for row in rows)


def test_an_alert_in_a_pipe_has_everything(capsys: pytest.CaptureFixture[str]) -> None:
    _, line, _ = lines_of("alerts", capsys)
    assert line.split("\t") == [LONG, "critical", "mismatch", "2026-11-30T07:21:03Z", SENTENCE]


def test_what_watch_prints_in_a_pipe_is_found_by_a_connection(capsys: pytest.CaptureFixture[str]) -> None:
    found = [line.split("\t") for line in lines_of("watch", capsys) if line.startswith(LONG)]
    assert [len(cells) for cells in found] == [5, 10, 6]
    assert found[1][1:6] == ["binance", "coinbase !", "undecided", "ended 45 min", "0.123"]


def test_connections_of_a_demo_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    print_connections([connection(LONG)])
    assert capsys.readouterr().out.splitlines()[1].startswith(f"{LONG}\tbinance\tcoinbase !\tundecided\t0.123\t")


def test_alerts_that_are_only_counted_count(capsys: pytest.CaptureFixture[str]) -> None:
    print_alerts([alert("critical", "a"), alert("warning", "stall", rule="more alerts", value=1200.0)])
    assert "1 critical, 1,200 warnings; docs/runbook.md says what to do" in capsys.readouterr().err
    print_alerts([])
    assert capsys.readouterr().err == ""

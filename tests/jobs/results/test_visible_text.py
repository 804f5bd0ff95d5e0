"""What ids, names and answers of others may do to a terminal: nothing."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from ingest.kafka.dead_letters import DeadLetter, Place
from ingest.recordings.conversion import Conversion
from jobs.cli.console import out, print_json, say
from jobs.cli.messages.convert import _conversion_table
from jobs.cli.results.dlq import _print_last, _print_reasons
from jobs.cli.stack.status import print_parts
from jobs.cli.start.demo_tables import print_connections
from jobs.results.connections import ConnectionStatus
from jobs.results.visible_text import visible, visible_json
from stack.stack_status import StackStatus

HOSTILE = "kra\u200bken \u202eneparb\x1b[2J\x9b2J\u2028\U000e0041"
SHOWN = r"kra\u200bken \u202eneparb\x1b[2J\x9b2J\u2028\U000e0041"


def test_what_is_seen_stays_and_the_rest_is_written_out() -> None:
    assert visible(HOSTILE) == SHOWN
    assert visible("Börse 📈, two\nlines") == "Börse 📈, two\nlines"


def test_json_reads_the_same() -> None:
    everything = "".join(chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000)
    escaped = visible_json(orjson.dumps({everything: [HOSTILE]}).decode())
    assert escaped.isprintable()
    assert orjson.loads(escaped) == {everything: [HOSTILE]}


def test_the_streams_of_the_command_line_escape(capsys: pytest.CaptureFixture[str]) -> None:
    out.print(f"[bold]{HOSTILE}[/bold]", soft_wrap=True, highlight=False)
    print_json({"connection_id": HOSTILE})
    first, second = capsys.readouterr().out.splitlines()
    assert first == SHOWN
    assert second.isprintable()
    assert orjson.loads(second) == {"connection_id": HOSTILE}


MARKUP = "[red]x[/red][/]"
AT = datetime(2026, 1, 1, tzinfo=UTC)
CONNECTION = ConnectionStatus(
    connection_id=MARKUP,
    declared_exchange=MARKUP,
    detected_exchange="kraken",
    mismatch=True,
    certainty="certain",
    probability=0.9,
    since_at=AT,
    windows=1,
    messages=50,
    messages_per_second=1.0,
    last_seen_at=AT,
    signature="xf1",
    reason=None,
)
LETTER = DeadLetter(place=Place(partition=0, offset=1), reason=MARKUP, at=AT, key=MARKUP.encode(), value=b"x")


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize(
    "show",
    [
        lambda: print_connections([CONNECTION]),
        lambda: _print_last([LETTER], {}),
        lambda: _print_reasons(Counter([MARKUP]), "t"),
        lambda: out.print(
            _conversion_table([Conversion(source=Path(MARKUP.replace("/", "")), format="fix", captures=[])])
        ),
        lambda: print_parts(StackStatus(home=Path(MARKUP))),
    ],
    ids=["connections", "dead letters", "their reasons", "conversions", "status"],
)
def test_what_looks_like_markup_is_a_text(
    show: Callable[[], None], is_terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(out, "_force_terminal", is_terminal)
    show()
    captured = capsys.readouterr()
    shown = captured.out + captured.err
    assert MARKUP in shown or MARKUP.replace("/", "") in shown


def test_steps_are_texts(capsys: pytest.CaptureFixture[str]) -> None:
    say(MARKUP)
    assert capsys.readouterr().err == f"  {MARKUP}\n"

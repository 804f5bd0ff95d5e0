"""What ids, names and answers of others may do to a terminal: nothing."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ingest.kafka.dead_letters import DeadLetter, Place
from ingest.recordings.conversion import Conversion
from jobs.cli.console import VisibleConsole, out, print_json, print_whole, say
from jobs.cli.messages.convert import _conversion_table
from jobs.cli.results.dlq import _count_table, _dead_letter_table
from jobs.cli.stack.status import status_table
from jobs.results.connections import ConnectionStatus, connection_table
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


@pytest.mark.parametrize(
    "table",
    [
        connection_table([CONNECTION], title="t"),
        _dead_letter_table([LETTER]),
        _count_table(Counter([MARKUP]), "t"),
        _conversion_table([Conversion(source=Path(MARKUP.replace("/", "")), format="fix", captures=[])]),
        status_table(StackStatus(home=Path(MARKUP))),
    ],
    ids=["connections", "dead letters", "their reasons", "conversions", "status"],
)
def test_what_looks_like_markup_is_a_text(table: RenderableType, capsys: pytest.CaptureFixture[str]) -> None:
    VisibleConsole(width=200).print(table)
    shown = capsys.readouterr().out
    assert MARKUP in shown or MARKUP.replace("/", "") in shown


def test_steps_are_texts(capsys: pytest.CaptureFixture[str]) -> None:
    say(MARKUP)
    assert capsys.readouterr().err == f"  {MARKUP}\n"


def test_a_table_in_a_pipe_is_as_wide_as_what_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    row = ["a-connection-with-a-name", *(f"column {number} of many" for number in range(9))]
    table = Table(*(f"{number}" for number in range(10)), title="t")
    table.add_row(*row)
    print_whole(Group(Text("above"), table))
    assert [cell.strip() for cell in capsys.readouterr().out.splitlines()[-2].strip("│").split("│")] == row

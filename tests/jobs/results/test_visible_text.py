"""What ids, names and answers of others may do to a terminal: nothing."""

from __future__ import annotations

import sys

import orjson
import pytest

from jobs.cli.console import out, print_json
from jobs.results.visible_text import visible, visible_json

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

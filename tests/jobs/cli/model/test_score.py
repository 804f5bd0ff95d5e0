"""What `score`, `explain` and `inspect` show of the recordings that come along, at 80 columns and in a pipe."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from fingerprint_testing.paths import EXAMPLES, ROOT
from jobs.cli.model.score_tables import Scored, summary_lines
from jobs.cli.records import Column, table_lines
from jobs.reference.scored_captures import score_capture
from model.artifact.artifact_folder import load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT

RUN = "from jobs.cli.main import main; main()"
RECORDINGS = sorted(path.name.removesuffix(".jsonl.gz") for path in EXAMPLES.glob("*.jsonl.gz"))
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def run(*arguments: str | Path, width: int | None = None, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command, on a terminal of a width if one is given."""
    inherited = {key: value for key, value in os.environ.items() if key not in ("FORCE_COLOR", "DATABASE_URL")}
    terminal = {} if width is None else {"FORCE_COLOR": "1", "COLUMNS": str(width)}
    done = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, arguments)],
        env={**inherited, **terminal, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code, done.stderr
    return done


def shown(*arguments: str | Path, width: int) -> list[str]:
    written = run(*arguments, width=width).stdout
    return re.sub(r"\x1b\[[\d;]*m", "", written).splitlines()


def records(text: str) -> list[dict[str, str]]:
    """Read lines with tabs below a line of headings."""
    return list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def as_json() -> dict[str, dict[str, Any]]:
    lines = run("score", EXAMPLES, "--format", "json", "--explain", "--declared", "kraken").stdout.splitlines()
    return {line["connection_id"]: line for line in map(json.loads, lines)}


def test_score_fits_80_columns_and_cuts_no_number(as_json: dict[str, dict[str, Any]]) -> None:
    lines = shown("score", EXAMPLES, "--explain", "--declared", "kraken", width=80)
    assert max(map(cell_len, lines)) <= 80
    for name, line in as_json.items():
        (row,) = [text for text in lines if re.match(rf"{name} +certain", text)]
        found = NUMBER.findall(row.removeprefix(name))
        assert found[:2] == [f"{line['probability']:.3f}", f"{line['certain_after_messages']:,}"]
        assert set(found[2:]) <= {f"{line['messages']:,}"}
        text = " ".join(" ".join(lines).split())
        for contrast in line["explanation"]["contrasts"]:
            assert all(reason["text"] in text for reason in contrast["reasons"])


def test_inspect_fits_80_columns_and_cuts_no_number() -> None:
    lines = shown("inspect", EXAMPLES, width=80)
    assert max(map(cell_len, lines)) <= 80
    counted = [json.loads(line) for line in run("inspect", EXAMPLES, "--format", "json").stdout.splitlines()]
    for line in counted:
        name = line.get("recording") or line["folder"]
        (at,) = [i for i, text in enumerate(lines) if re.match(rf"{name} +\d", text)]
        assert NUMBER.findall(lines[at].removeprefix(name))[:2] == [f"{line['frames']:,}", f"{line['sent']:,}"]
        types = ", ".join(f"{n:,} {kind}" for kind, n in line["types"].items() if n)
        assert lines[at + 1].strip() == f"types: {types}"


def test_in_a_pipe_each_recording_is_a_line(as_json: dict[str, dict[str, Any]]) -> None:
    done = run("score", EXAMPLES, "--declared", "kraken")
    found = {row["recording"]: row for row in records(done.stdout)}
    assert sorted(found) == RECORDINGS
    assert not set("─━│┃\x1b") & set(done.stdout)
    for name, row in found.items():
        line = as_json[name]
        assert row["verdict"] == line["verdict"]
        assert row["messages"] == str(line["messages"])
        assert row["signature"] == line["signature"]
        assert (row["declared"], row["expected"]) == ("kraken", line["expected"])
    assert done.stderr.splitlines()[:2] == [
        "9 recordings: 3 binance, 3 coinbase, 2 kraken, 1 unknown.",
        "As labelled in index.csv: 8 of 9. Not: kraken-3 (called binance, expected kraken).",
    ]
    # Two of nine are what they declare.
    assert done.stderr.splitlines()[2].startswith("As declared, or not certain to be another: 2 of 9.")


@pytest.mark.parametrize("document", ["README.md", "docs/quick-start.md"])
def test_documents_say_why_one_is_not_as_labelled(document: str) -> None:
    """With what the command prints, and the note of index.csv."""
    said = run("score", EXAMPLES).stderr.splitlines()[1]
    (name,) = re.findall(r"Not: (\S+) ", said)
    with (EXAMPLES / "index.csv").open() as file:
        notes = {row["file"].removesuffix(".jsonl.gz"): row["note"] for row in csv.DictReader(file)}
    assert f"`{said}` No mistake: `{name}` {notes[name]}." in " ".join((ROOT / document).read_text().split())


def test_a_recording_explained_in_a_pipe_is_a_line_for_each_reason(as_json: dict[str, dict[str, Any]]) -> None:
    explained = records(run("explain", EXAMPLES / "kraken-2.jsonl.gz", "--declared", "kraken").stdout)
    contrasts = as_json["kraken-2"]["explanation"]["contrasts"]
    expected = [
        (contrast["against"], contrast["kind"], reason["text"])
        for contrast in contrasts
        for reason in contrast["reasons"]
    ]
    assert [(row["against"], row["why"], row["text"]) for row in explained] == expected
    assert [contrast["against"] for contrast in contrasts][0] == "kraken"


def test_an_exit_code_on_demand(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "kraken-1.jsonl.gz", tmp_path)
    run("score", EXAMPLES, "--check", code=1)
    run("score", tmp_path, "--check", "--expect", "kraken")
    run("score", tmp_path, "--check", "--expect", "binance", code=1)
    run("score", tmp_path, "--expect", "binance")
    assert "1 of 1 without a label" in run("score", tmp_path, "--check", code=1).stderr
    assert "found okx" in run("score", tmp_path, "--expect", "okx", code=1).stderr
    # A label of an exchange that the model does not know is one of an unknown venue.
    (tmp_path / "index.csv").write_text("file,label\nkraken-1.jsonl.gz,okx\n")
    done = run("score", tmp_path, "--check", code=1)
    assert "kraken-1 (called kraken, expected unknown)" in done.stderr


def test_the_summary_counts_what_is_undecided(tmp_path: Path) -> None:
    few = tmp_path / "few.jsonl"
    few.write_text("".join(f'{{"ts_ns":{10**18 + i},"dir":"recv","frame":"{{}}"}}\n' for i in range(49)))
    capture = score_capture([few], load_predictor(DEFAULT_ARTIFACT), declared_exchange="kraken")
    assert list(summary_lines([Scored(capture=capture, expected="unknown")], "expected")) == [
        "1 recording: 1 undecided.",
        "As expected: 0 of 1. Not: few (called unknown, expected unknown).",
        "As declared, or not certain to be another: 1 of 1.",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_table_fits_whatever_its_texts(width: int) -> None:
    columns = [
        Column(name="connection"),
        Column(name="messages", is_number=True),
        Column(name="signature", is_spare=True),
        Column(name="why", is_sentence=True),
    ]
    rows = [["a" * 128, "1,234,567", "xf1-NT-t100-h0-sj", "because " * 30], ["連線" * 20, "1", "-", ""]]
    lines = [line.plain for line in table_lines(columns, [("kraken", rows)], width)]
    assert max(map(cell_len, lines)) <= width
    (of_the_first,) = [line for line in lines if "1,234,567" in line]
    assert of_the_first.startswith("a")
    assert ("xf1-NT-t100-h0-sj" in of_the_first) == (width >= 80)
    assert ("No room for signature" in " ".join(lines)) == (width < 80)
    assert "…" in of_the_first


@pytest.mark.parametrize("document", ["README.md", "docs/verdicts.md"])
def test_documents_print_what_explain_says(document: str) -> None:
    said = shown("explain", EXAMPLES / "kraken-2.jsonl.gz", "--declared", "kraken", width=80)
    assert max(map(cell_len, said)) <= 80
    (block,) = re.findall(r"```\n(kraken-2: .*?)```", (ROOT / document).read_text(), flags=re.DOTALL)
    printed = [line for line in block.splitlines() if line not in ("", "[...]")]
    places = [said.index(line) for line in printed]
    assert places == sorted(places)
    assert len(printed) > 5


def test_one_window_is_said_in_the_singular(tmp_path: Path) -> None:
    lines = gzip.decompress((EXAMPLES / "kraken-1.jsonl.gz").read_bytes()).splitlines(keepends=True)
    short = tmp_path / "short.jsonl"
    short.write_bytes(b"".join(lines[:60]))
    text = " ".join(" ".join(shown("explain", short, width=80)).split())
    assert "short: kraken, likely (probability" in text
    assert "60 messages. The evidence for kraken leads by" in text
    assert "The only window to explain it by is called kraken." in text
    assert "Numbers are of 1 window of 50 messages, messages 0 to 49." in text

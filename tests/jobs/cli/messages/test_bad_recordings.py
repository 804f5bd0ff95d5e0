"""One bad file does not end a command for the others: it is named, and the exit code tells."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from ingest.frame import Frame
from ingest.recordings.capture import to_line
from ingest.recordings.reading import Reading
from jobs.cli.messages import replay as replay_module
from jobs.cli.messages.convert import convert
from jobs.cli.messages.inspect import inspect
from jobs.cli.model.score import score
from model.training.dataset import read_labelled_captures, read_recordings_of
from udfs.errors import SchemaError
from udfs.schema import Session

START_NS = 1_700_000_000_000_000_000
LINES = b"".join(to_line(Frame(START_NS + n, "recv", f'{{"u":{n}}}')) for n in range(60))
BAD: dict[str, bytes] = {
    "._good.jsonl.gz": b"\0\x05\x16\x07\0\2\0\0Mac OS X        ",
    "cut.jsonl.gz": gzip.compress(LINES)[:12],
    "empty.jsonl.gz": b"",
    "other.jsonl": b"hello\n",
    "x" * 129 + ".jsonl": LINES,
    "zeros.jsonl.gz": bytes(4096),
    "z.part0001.jsonl": LINES,
    "z.part0003.jsonl": LINES,
}
NAMED = {*BAD, "folder.jsonl", "link.jsonl.gz", "pipe.jsonl"} - {"z.part0001.jsonl"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "recordings"
    path.mkdir()
    for name, content in BAD.items():
        (path / name).write_bytes(content)
    (path / "folder.jsonl").mkdir()
    (path / "link.jsonl.gz").symlink_to(path / "link.jsonl.gz")
    (path / "around").symlink_to(path)
    os.mkfifo(path / "pipe.jsonl")
    (path / "good.jsonl.gz").write_bytes(gzip.compress(LINES))
    return path


def call(command: Callable[..., None], *arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(command)
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(argument) for argument in arguments])


def check_names(said: str, folder: Path) -> None:
    """Expect one sentence for each bad file."""
    lines = [line for line in said.splitlines() if line.strip()]
    for name in NAMED:
        assert len([line for line in lines if f"{folder / name}" in line and "(left out)" in line]) == 1, name
    assert len(lines) == len(NAMED)


@pytest.mark.parametrize(("command", "key"), [(inspect, "recording"), (score, "connection_id")])
def test_a_folder_with_bad_files(folder: Path, command: Callable[..., None], key: str) -> None:
    result = call(command, folder, "--format", "json")
    assert result.exit_code == 1
    assert [*map(json.loads, result.stdout.splitlines())][0][key] == "good"
    check_names(result.stderr, folder)


def test_replay_sends_what_can_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[list[Session]] = []

    def publish(sessions: list[Session], *_: Any, **__: Any) -> None:
        sent.append(sessions)

    monkeypatch.setattr(replay_module, "publish_with_progress", publish)
    result = call(replay_module.replay, folder, "--kafka", "127.0.0.1:1", "--suffix", "-2")
    assert result.exit_code == 1
    assert [(session.connection_id, len(session)) for session in sent[0]] == [("good-2", 60)]
    check_names(result.stderr, folder)


def test_only_good_files_are_no_failure(tmp_path: Path) -> None:
    path = tmp_path / "good.jsonl.gz"
    whole = gzip.compress(LINES)
    for content, exit_code, is_named in ((whole, 0, False), (whole[:-9], 0, True), (LINES + bytes(99), 1, True)):
        path.write_bytes(content)
        result = call(inspect, path)
        assert (result.exit_code, "Expected a whole recording" in result.stderr) == (exit_code, is_named)


def test_none_that_can_be_read_is_an_error(folder: Path) -> None:
    (folder / "good.jsonl.gz").unlink()
    assert isinstance(call(inspect, folder, "--format", "json").exception, SchemaError)


def test_convert_goes_on(tmp_path: Path) -> None:
    line = b"1617647603.5: {}\n"
    for name, content in {"bad": b"hello\n", "good": line, "zeros": line + bytes(99)}.items():
        (tmp_path / name).write_bytes(content)
    result = call(convert, *(tmp_path / name for name in ("bad", "good", "zeros")), "--out", tmp_path / "out")
    assert isinstance(result.exception, SchemaError)
    assert "99 zero bytes at byte 17, before line 2" in result.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"good.jsonl.gz", "zeros.jsonl.gz"}
    (tmp_path / "zeros.out").mkdir()
    assert call(convert, tmp_path / "zeros", "--out", tmp_path / "zeros.out").exit_code == 1


def test_training_leaves_out_what_it_is_told_to(folder: Path) -> None:
    (folder / "index.csv").write_text("file,label\nzeros.jsonl.gz,kraken\ngood.jsonl.gz,kraken\n")
    said: list[str] = []
    reading = Reading(said.append)
    labelled = [source.name for source, _ in read_labelled_captures(folder, lambda _: None, reading)]
    of_venue = [source.name for source, _ in read_recordings_of("v", reading.find([folder]), lambda _: None, reading)]
    assert (labelled, of_venue, reading.is_whole) == (["good.jsonl.gz"], ["v/good.jsonl.gz"], False)
    assert len(said) == 1 + len(NAMED)
    with pytest.raises(SchemaError):
        list(read_labelled_captures(folder, lambda _: None))

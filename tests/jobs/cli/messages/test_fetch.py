"""`recordings fetch` tells what became of each capture, and its exit code whether all is well."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from jobs.cli.main import build_app
from udfs.errors import ConfigError

CONTENT = b"1617647603.5: []\n1617647605.5: {}\n"
COMMIT = "0" * 40


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    published = tmp_path / "published" / "a" / "b" / COMMIT
    published.mkdir(parents=True)
    (published / "X.0").write_bytes(CONTENT)
    folder = tmp_path / "captures"
    folder.mkdir()
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    rows = [f"{file},a/b,{COMMIT},{path},{sha256}" for file, path in (("x/X.jsonl.gz", "X.0"), ("y/Y.jsonl.gz", "Y.0"))]
    (folder / "origins.csv").write_text("\n".join(["file,repository,commit,path,sha256", *rows]))
    rows = [f"{file},2,0,2.0,1617647603500000000" for file in ("x/X.jsonl.gz", "y/Y.jsonl.gz")]
    (folder / "index.csv").write_text("\n".join(["file,frames,sent,seconds,start_ns", *rows]))
    handler = partial(QuietHandler, directory=str(tmp_path / "published"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("FINGERPRINT_RAW_FILES", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield folder
        server.shutdown()
        thread.join()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(build_app(["recordings"]), ["recordings", "fetch", *arguments], env={"COLUMNS": "200"})


def test_one_that_is_missing_fails_and_the_others_are_made(folder: Path) -> None:
    done = run(str(folder))
    assert done.exit_code == 1, done.output
    assert "1 of 2" in done.output
    assert "missing: y/Y.jsonl.gz" in done.output
    assert "HTTP status 404" in done.output
    assert gzip.decompress((folder / "x" / "X.jsonl.gz").read_bytes()).count(b"\n") == 2


def test_those_that_are_asked_for(folder: Path) -> None:
    assert run(str(folder), "--only", "x/*").exit_code == 0
    again = run(str(folder), "--only", "x/*")
    assert again.exit_code == 0
    assert "present, the same" in again.output


def test_lists_elsewhere(folder: Path, tmp_path: Path) -> None:
    done = run(str(tmp_path / "new"), "--origins", str(folder / "origins.csv"), "--only", "x/*")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "new" / "x" / "X.jsonl.gz").is_file()


def test_a_folder_without_lists(tmp_path: Path) -> None:
    done = run(str(tmp_path))
    assert isinstance(done.exception, ConfigError)
    assert "origins.csv, found No such file" in str(done.exception)

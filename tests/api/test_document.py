"""What docs/api.md prints can be run, and the description beside it is that of the code."""

from __future__ import annotations

import re
import shutil
import subprocess
from http import HTTPStatus
from pathlib import Path

import orjson
import pytest

from api.app import describe
from fingerprint_testing.paths import ROOT
from fingerprint_testing.served_api import ServedApi

DOCUMENT = (ROOT / "docs" / "api.md").read_text()
ADDRESS = "http://127.0.0.1:8001"
NEEDED = ("bash", "curl", "gunzip", "jq")


def block_after(heading: str) -> list[str]:
    """Return the lines of the first shell block behind a heading that are no command of ours."""
    found = re.search(rf"^## {heading}\n.*?```sh\n(.*?)```", DOCUMENT, flags=re.MULTILINE | re.DOTALL)
    assert found is not None
    return [line for line in found[1].splitlines() if "./fingerprint" not in line]


def run(lines: list[str], api: ServedApi, folder: Path) -> str:
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        pytest.skip(f"there is no {' and no '.join(missing)}")
    folder.mkdir(exist_ok=True)
    (folder / "examples").symlink_to(ROOT / "examples")
    script = "\n".join(["set -euo pipefail", "unset http_proxy HTTP_PROXY", *lines]).replace(ADDRESS, api.url)
    shell = shutil.which("bash") or ""
    done = subprocess.run([shell, "-c", script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_stream_is_scored_as_the_document_shows(api: ServedApi, tmp_path: Path) -> None:
    lines = run(block_after("Ask what a stream is"), api, tmp_path).splitlines()
    printed = re.search(r"```\n(kraken-2: .*?)```", DOCUMENT, flags=re.DOTALL)
    assert printed is not None
    assert "\n".join(lines).startswith('{"status":"ok"}' + printed[1].rstrip("\n"))


def test_results_are_asked_for_as_the_document_shows(served_results: ServedApi, tmp_path: Path) -> None:
    lines = block_after("Ask what the job has found")
    answers = [orjson.loads(run([line], served_results, tmp_path / str(i))) for i, line in enumerate(lines)]
    assert [row["connection_id"] for row in answers[0]["connections"]] == ["d"]
    assert answers[1]["status"] == HTTPStatus.NOT_FOUND
    assert {alert["severity"] for alert in answers[2]["alerts"]} == {"critical"}


def test_the_description_is_that_of_the_code() -> None:
    written = orjson.loads((ROOT / "docs" / "openapi.json").read_bytes())
    assert written == describe(), "write it anew: python -m api.app > docs/openapi.json"


def test_the_document_lists_each_path() -> None:
    table = DOCUMENT.partition("## Ask what a stream is")[0]
    for path in describe()["paths"]:
        assert path.replace("{connection_id}", "ID") in table


def test_examples_of_the_description_are_answered(api: ServedApi) -> None:
    for path, operations in describe()["paths"].items():
        for operation in operations.values():
            body = operation.get("requestBody", {"content": {"application/json": {"examples": {}}}})
            for example in body["content"]["application/json"]["examples"].values():
                answer = api.post(path, example["value"])
                assert (answer.status_code, len(answer.json()["window_scores"])) == (200, 1)

"""`status` says how to reach the database, and shows a password only to who asks for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobs.cli.main import build_app
from stack.roles import Role
from stack.stack_status import PartStatus, StackStatus, write_status

URL = "postgresql://local_reader:sesame@127.0.0.1:15432/fingerprint"
OPEN_URL = "postgresql://local_reader@127.0.0.1:15432/fingerprint"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    parts = [PartStatus(name="postgres", address="127.0.0.1:15432", state="external")]
    write_status(StackStatus(home=tmp_path, database_urls={Role.READER: URL}, parts=parts))
    return tmp_path


@pytest.mark.parametrize(("options", "expected"), [([], OPEN_URL), (["--show-password"], URL)])
def test_the_address_as_text_and_as_json(home: Path, options: list[str], expected: str) -> None:
    arguments = ["status", "--home", str(home), *options]
    text = CliRunner().invoke(build_app(), arguments).output
    assert f"Database, as reader: {expected}" in text.splitlines()
    found = json.loads(CliRunner().invoke(build_app(), [*arguments, "--format", "json"]).output)
    assert found["database_urls"] == {"reader": expected}

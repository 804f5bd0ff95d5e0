"""Every command that a document or the compose file prints is one that the command line understands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from jobs.cli.main import build_app
from jobs.pipeline.job_arguments import parse_job_arguments

ROOT = Path(__file__).parents[1]
COMMANDS: dict[str, Any] = typer.main.get_command(build_app()).commands  # type: ignore[attr-defined]  # it is a group
DATABASE_URL = "postgresql://ann:secret@localhost:5432/prices"


def printed_commands() -> list[str]:
    """Collect the lines of shell blocks that call `fingerprint`, without their comments."""
    lines: list[str] = []
    for name in ("README.md", "CONTRIBUTING.md", "docs/runbook.md", "docs/figures.md"):
        for block in re.findall(r"```sh\n(.*?)```", (ROOT / name).read_text(), flags=re.DOTALL):
            lines += [line for line in block.splitlines() if line.startswith("./fingerprint")]
    return sorted(set(lines))


def compose_commands() -> list[str]:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    own = [service for service in services.values() if service.get("entrypoint") == ["fingerprint"]]
    return ["fingerprint " + shlex.join(service["command"]) for service in own]


@pytest.fixture
def with_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the folders and files that the examples name."""
    for folder in ("captures", "bitflyer", "kept-back", "recordings-of-it"):
        (tmp_path / folder).mkdir()
    (tmp_path / "recording.gz").touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("with_recordings")
@pytest.mark.parametrize("line", [*printed_commands(), *compose_commands()])
def test_a_printed_command_is_understood(line: str) -> None:
    _, command, *arguments = shlex.split(line, comments=True)
    understood = COMMANDS[command]
    while hasattr(understood, "commands"):
        understood = understood.commands[arguments.pop(0)]
    understood.make_context(command, list(arguments))
    if command == "submit" and "--" in arguments:
        job_options = arguments[arguments.index("--") + 1 :]
        assert parse_job_arguments(job_options, kafka="k:1", database_url=DATABASE_URL).settings.kafka == "k:1"


def test_there_are_commands_to_check() -> None:
    assert len(printed_commands()) > 15
    assert len(compose_commands()) >= 3


def test_links_between_documents_lead_somewhere() -> None:
    for document in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"

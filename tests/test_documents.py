"""What documents print is true: commands, links, lengths; and they keep to the words of the glossary."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main
import yaml

from fingerprint_testing.paths import FOLDERS, ROOT
from fingerprint_testing.printed_lines import (
    ASKS_THE_STACK,
    DOCUMENTS,
    NOT_RUN,
    OTHERS,
    RUN_ELSEWHERE,
    WALKED,
    all_blocks,
    blocks_of,
    name_of,
    reason_against,
    runs_elsewhere,
)
from jobs.cli.main import build_app
from jobs.pipeline.job_arguments import parse_job_arguments

APP: Any = typer.main.get_command(build_app())
DATABASE_URL = "postgresql://ann:secret@localhost:5432/prices"
MOST_LINES = {"README.md": 150, "docs/glossary.md": 40}

NOT_CODE = (".gz", ".jar", ".parquet", ".png", ".pyc", ".ubj")
HISTORY = ("CHANGELOG.md", "docs/decisions/", "sql/migrations/")
"""These say how things were called once."""
TESTS_OF_HISTORY = ("tests/jobs/results/test_migrations.py", "tests/test_documents.py")
SHIPPED_KEYS = re.compile(r"n_strangers|strangers_refused(_ratio)?")
"""Keys of artifacts that are in use: to rename them would be another format."""
RETIRED = re.compile(r"stranger|throwaway|contestant|\bopines?\b|redriven_letter", re.IGNORECASE)
RETIRED_IN_DOCUMENTS = re.compile(
    r"\bspoil|rereading|\bnamers?\b|\brhythm|silence-minutes|(?<!dead[ -])\bletters?\b|\bno messages",
    re.IGNORECASE,
)


def printed_commands() -> list[str]:
    """Collect the lines of shell blocks that call `fingerprint`."""
    lines = [line for block in all_blocks() if block.language == "sh" for line in block.lines]
    return sorted({line for line in lines if re.search(r"(^|\s)\./fingerprint\s", line)})


def mentioned_commands() -> list[str]:
    """Collect what prose names as `./fingerprint ...` or `fingerprint ...`."""
    found = (re.findall(r"`(?:\./)?fingerprint ([^`\n]+)`", path.read_text()) for path in DOCUMENTS)
    return sorted({command for commands in found for command in commands})


def compose_commands() -> list[str]:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    own = [service for service in services.values() if service.get("entrypoint") == ["fingerprint"]]
    return ["./fingerprint " + shlex.join(service["command"]) for service in own]


def arguments_of(line: str) -> list[str]:
    """Return the words of a line after `./fingerprint`, up to what belongs to the shell again."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    words = words[words.index("./fingerprint") + 1 :]
    ends = [position for position, word in enumerate(words) if set(word) <= set("();<>|&")]
    return words[: ends[0]] if ends else words


def test_arguments_end_where_the_shell_goes_on() -> None:
    assert arguments_of("if ! ./fingerprint alerts --rule lag > alerts.txt; then mail; fi") == [
        "alerts",
        "--rule",
        "lag",
    ]
    assert arguments_of('A=... ./fingerprint dlq list --reason "not JSON" # why') == [
        "dlq",
        "list",
        "--reason",
        "not JSON",
    ]


@pytest.fixture
def with_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the folders and files that the examples name."""
    for folder in ("captures", "bitflyer", "kept-back", "mine", "recordings-of-it"):
        (tmp_path / folder).mkdir()
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for file in ("recording.gz", "session.log.gz"):
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("with_recordings")
@pytest.mark.parametrize("line", [*printed_commands(), *compose_commands()])
def test_a_printed_command_is_understood(line: str) -> None:
    command, *arguments = arguments_of(line)
    if command.startswith("-"):
        assert command in {option for parameter in APP.params for option in parameter.opts} | {"--help"}
        return
    understood = APP.commands[command]
    while hasattr(understood, "commands"):
        understood = understood.commands[arguments.pop(0)]
    if arguments == ["--help"]:
        with pytest.raises(typer.Exit):
            understood.make_context(command, arguments)
        return
    understood.make_context(command, list(arguments))
    if command == "submit" and "--" in arguments:
        job_options = arguments[arguments.index("--") + 1 :]
        assert parse_job_arguments(job_options, kafka="k:1", database_url=DATABASE_URL).settings.kafka == "k:1"


@pytest.mark.parametrize("mentioned", mentioned_commands())
def test_a_command_in_prose_exists(mentioned: str) -> None:
    words = [word for word in re.split(r"[\s,|]+", mentioned) if word]
    if words[0].isupper() or words[0].startswith(("-", "...")):
        return
    understood = APP.commands[words.pop(0)]
    while words and hasattr(understood, "commands"):
        understood = understood.commands[words.pop(0)]
    own = words[: words.index("--")] if "--" in words else words
    known = {option for parameter in understood.params for option in (*parameter.opts, *parameter.secondary_opts)}
    is_handed_on = understood.context_settings.get("ignore_unknown_options", False)
    options = {word for word in own if word.startswith("--")}
    assert is_handed_on or options <= known | {"--help"}


def test_there_are_commands_to_check() -> None:
    assert len(printed_commands()) > 60
    assert len(mentioned_commands()) > 10
    assert len(compose_commands()) >= 3


def test_no_printed_line_needs_a_python_of_somebody_elses() -> None:
    lines = [line for block in all_blocks() if block.language == "sh" for line in block.lines]
    assert [line for line in lines if line.startswith(("python", "pip "))] == []


def is_our_command(line: str) -> bool:
    return arguments_of(line)[0] in APP.commands


def test_each_block_of_code_is_run_or_a_reason_says_why_not() -> None:
    """A line is run with its document, or by another test, or there is a reason why no test runs it as it stands."""
    lines = [(block.document, line) for block in all_blocks() for line in block.lines]
    walked = {*WALKED, *OTHERS}
    others = [
        (name, line) for name, line in lines if runs_elsewhere(name, line) is None and reason_against(line) is None
    ]
    assert {name for name, _ in others} <= walked <= {name for name, _ in lines}
    assert all(block.language == "sh" for block in all_blocks() if (block.document, block.lines[0]) in others)
    used = {(name, key) for name, line in lines for of, key in RUN_ELSEWHERE if of == name and line.startswith(key)}
    assert used == set(RUN_ELSEWHERE)
    assert all(is_our_command(line) for name, line in others if name in OTHERS and ASKS_THE_STACK.match(line))
    assert {key for _, line in lines for key in NOT_RUN if line.startswith(key)} == set(NOT_RUN)


@pytest.mark.parametrize("test", sorted(set(RUN_ELSEWHERE.values())))
def test_a_test_that_runs_a_block_exists(test: str) -> None:
    file, name = test.split("::")
    assert f"\ndef {name}(" in (ROOT / file).read_text()


def test_what_a_reason_names_exists() -> None:
    named = {word for reason in NOT_RUN.values() for word in re.findall(r"\S*test\w*\.py|\btests/[\w/]+", reason)}
    files = {name for path in (ROOT / "tests").rglob("*") for name in (path.name, name_of(path))}
    assert {name.rstrip("/") for name in named} <= files


def test_a_block_without_a_language_is_no_command() -> None:
    lines = [(path, block.lines[0]) for path in DOCUMENTS for block in blocks_of(name_of(path), ("",))]
    assert [(name_of(path), line) for path, line in lines if re.match(r"\S+\.sh |\./|\.venv/|uvx? ", line)] == []


def anchors(path: Path) -> set[str]:
    """Return the anchors that a Markdown viewer gives the headings of a document."""
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(text: str) -> Iterator[tuple[str, str]]:
    """Yield each link to a file of the project: its path, empty for the same document, and its anchor."""
    for target in re.findall(r"\]\(([^)\s:]+)\)", text):
        path, _, anchor = target.partition("#")
        yield path, anchor
    for target in re.findall(r'^\s*click \w+ href "([^"]+)"', text, flags=re.MULTILINE):
        yield target, ""


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document: Path) -> None:
    for path, anchor in links(document.read_text()):
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), f"{name_of(document)} links to {path}"
        if anchor:
            assert anchor in anchors(target), f"{name_of(document)} links to {path}#{anchor}"


def test_every_picture_of_a_terminal_is_shown_somewhere() -> None:
    shown = {(document.parent / path).resolve() for document in DOCUMENTS for path, _ in links(document.read_text())}
    assert {*(ROOT / "docs" / "terminal").glob("*.svg")} <= shown


@pytest.mark.parametrize(("name", "most"), MOST_LINES.items())
def test_a_document_stays_short(name: str, most: int) -> None:
    assert len((ROOT / name).read_text().splitlines()) <= most


def test_the_index_of_documents_names_each_page() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    linked = {path for path, _ in links((ROOT / "docs" / "README.md").read_text())}
    assert pages <= linked


def own_texts() -> Iterator[tuple[str, str]]:
    """Yield name and text of each file of the project but those that tell its history."""
    files = [path for path in ROOT.iterdir() if path.is_file()]
    files += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    for path in sorted(files):
        name = name_of(path)
        is_ours = (
            path.suffix not in NOT_CODE
            and not path.name.startswith(".")
            and "/target/" not in name
            and "/savepoint/" not in name
        )
        if is_ours and not name.startswith(HISTORY) and name not in TESTS_OF_HISTORY:
            yield name, path.read_text(encoding="utf-8")


def test_retired_words_do_not_come_back() -> None:
    texts = dict(own_texts())
    assert {
        "README.md",
        "docs/operate.md",
        "jobs/config.py",
        "sql/views/alerts.sql",
        "model/trained/manifest.json",
    } <= set(texts)
    found = {name: match[0] for name, text in texts.items() if (match := RETIRED.search(SHIPPED_KEYS.sub("", text)))}
    assert found == {}


def test_documents_keep_to_the_glossary() -> None:
    texts = {name: text for name, text in own_texts() if name.endswith(".md") and name != "ingest/VENUES.md"}
    found = {name: match[0] for name, text in texts.items() if (match := RETIRED_IN_DOCUMENTS.search(text))}
    assert found == {}

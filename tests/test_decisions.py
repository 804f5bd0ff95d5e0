"""Each decision has a date and a status, what replaces one exists and says so, and the index lists them all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "decisions"
FILES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
HEAD = re.compile(
    r"# (?P<number>\d{4})\. (?P<title>.+)\n\n"
    r"- Date: (?P<date>\S+)\n- Status: (?P<status>.+)\n(- Replaces: (?P<replaces>.+)\n)?\n"
)
LINK = re.compile(r"\[(?P<number>\d{4})\]\((?P<file>[^)]+)\)")
PARTS = ("**Choice.** ", "**Reason.** ", "**What would reverse it.** ")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the head of a file says; `replaces` are file names."""

    number: str
    title: str
    date: str
    status: str
    replaces: list[str]


def read_decision(path: Path) -> Decision:
    head = HEAD.match(path.read_text())
    assert head is not None, f"Expected title, date and status at the top of {path.name}"
    replaces = [link["file"] for link in LINK.finditer(head["replaces"] or "")]
    return Decision(
        number=head["number"], title=head["title"], date=head["date"], status=head["status"], replaces=replaces
    )


def test_numbers_are_in_order_and_those_of_the_files() -> None:
    assert [read_decision(path).number for path in FILES] == [f"{n:04d}" for n in range(1, len(FILES) + 1)]
    assert [path.name[:4] for path in FILES] == [f"{n:04d}" for n in range(1, len(FILES) + 1)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_decision_is_complete(path: Path) -> None:
    decision = read_decision(path)
    date.fromisoformat(decision.date)
    positions = [path.read_text().find(f"\n{part}") for part in PARTS]
    assert -1 not in positions
    assert positions == sorted(positions)
    if decision.status in ("accepted", "withdrawn"):
        return
    link = LINK.fullmatch(decision.status.removeprefix("superseded by "))
    assert link is not None, f"Expected accepted, withdrawn or superseded by a link, found {decision.status}"
    successor = FOLDER / link["file"]
    assert successor in FILES
    assert link["number"] == read_decision(successor).number > decision.number
    assert path.name in read_decision(successor).replaces


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_replaced_says_so(path: Path) -> None:
    for replaced in read_decision(path).replaces:
        assert read_decision(FOLDER / replaced).status.endswith(f"({path.name})")


def test_the_index_lists_every_decision_with_its_status() -> None:
    rows = [line for line in (FOLDER / "README.md").read_text().splitlines() if re.match(r"\| \d", line)]
    decisions = {path.name: read_decision(path) for path in FILES}
    assert rows == [
        f"| {one.number} | [{one.title}]({name}) | {one.status} | {one.date} |" for name, one in decisions.items()
    ]

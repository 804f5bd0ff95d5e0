"""Every message of an error that is no bug reads: Expected X, found Y: do Z."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from udfs import errors

ROOT = Path(__file__).parent.parent
PRODUCT = ("exchange_fingerprint", "api", "jobs", "udfs", "synthetic", "ingest", "model", "stack")
KINDS = {name for name, found in vars(errors).items() if isinstance(found, type)}
CHOSEN = "kind"
"""What a variable is called that holds one of the kinds."""

HANDED_ON = {
    ("ingest/live/feed_loop.py", "str(refused)"),
    ("stack/control.py", "found.error or _unexplained_end(home)"),
    ("stack/supervisor.py", "message"),
}
"""Sentences that are made elsewhere."""

SENTENCE = re.compile(r"(Expected .+|\{(?:_EXPECTED|expected)\}), found .+: .*[\w`)}]")


def template(node: ast.expr) -> str | None:
    """Return the text of a literal with {...} for what is put in, None of another expression."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = (v.value if isinstance(v, ast.Constant) else f"{{{ast.unparse(v.value)}}}" for v in node.values)
        return "".join(map(str, parts))
    return None


def messages() -> Iterator[tuple[str, ast.expr]]:
    for path in sorted(file for name in PRODUCT for file in (ROOT / name).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS | {CHOSEN}:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.args[0]


def test_there_are_messages() -> None:
    assert len([*messages()]) > 150


@pytest.mark.parametrize(("where", "message"), [*messages()], ids=lambda value: value if isinstance(value, str) else "")
def test_a_message_says_what_was_expected_what_was_found_and_what_to_do(where: str, message: ast.expr) -> None:
    text = template(message)
    if text is None:
        assert (where.partition(":")[0], ast.unparse(message)) in HANDED_ON
    else:
        assert SENTENCE.fullmatch(text), text

"""What CONTRIBUTING tells somebody to do who adds a feature or a column, done in a copy of the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fingerprint_testing.paths import ROOT

pytestmark = pytest.mark.slow

FUNCTION = '''def payload_repeat_shares(payload_bytes: Int64Array) -> Float64Array:
    """Measure how often a message has the size of the one before it.

    Parameters
    ----------
    payload_bytes : (n_windows, size) int64
        Sizes of the messages, bytes, in the order of arrival.

    Returns
    -------
    (n_windows, 1) float64
        Messages of the size of the one before / steps, 0 to 1. Never NaN.

    Notes
    -----
    Source: ours.

    Examples
    --------
    >>> payload_repeat_shares(np.array([[10, 10, 20, 10, 10]]))
    array([[0.5]])
    """
    repeats: Float64Array = np.mean(payload_bytes[:, 1:] == payload_bytes[:, :-1], axis=1, keepdims=True)
    return repeats


def payload_size_features('''
FEATURE = """        Feature(
            "payload_repeat_share",
            "share",
            share_phrase("{} of the messages have the size before theirs", "no message has the size of the one before"),
        ),
        Feature("payload_mode_share","""
ORACLE = """

def test_repeated_sizes(windows: Windows) -> None:
    expected = [
        [sum(a == b for a, b in zip(row, row[1:], strict=False)) / (WINDOW_SIZE - 1)]
        for row in windows.payload_bytes.tolist()
    ]
    assert_allclose(columns(windows, "payload_repeat_share"), expected, rtol=1e-12)
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy the checkout without what belongs to this machine."""
    left_out = shutil.ignore_patterns(".git", ".venv", ".local", ".*_cache", "__pycache__", "*.egg-info", "target")
    return shutil.copytree(ROOT, tmp_path / "copy", ignore=left_out)


def replace_once(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, f"Expected {old!r} once in {path.name}: correct this test"
    path.write_text(text.replace(old, new))


def run(copy: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": f"{copy}:{copy / 'tests' / 'support'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    return done.stdout


def test_a_feature_is_added_as_the_document_says(copy: Path) -> None:
    """Its own column stands in the middle of the family; the model is a small one, of synthetic sessions alone."""
    family = copy / "udfs" / "features" / "payload_size.py"
    replace_once(family, "def payload_size_features(", FUNCTION)
    replace_once(family, '        Feature("payload_mode_share",', FEATURE)
    replace_once(
        family,
        "payload_size_shares(sorted_bytes)), axis=1)",
        "np.insert(payload_size_shares(sorted_bytes), [1], payload_repeat_shares(windows.payload_bytes), axis=1)),\n"
        "    axis=1)",
    )
    oracle = copy / "tests" / "udfs" / "features" / "test_oracle.py"
    oracle.write_text(oracle.read_text() + ORACLE)

    replace_once(oracle.with_name("test_properties.py"), "ORDERED = (", 'ORDERED = ("payload_repeat", ')

    run(copy, "udfs/java/build_jar.py")
    command = ("-c", "from exchange_fingerprint.command import main; main()")
    small = ("--per-exchange", "60", "--unknown-venues", "150")
    run(copy, *command, "train", "--out", "model/trained", *small)

    run_tests(copy, printed_tests("Add a feature")[0])


MIGRATION = """ALTER TABLE connection_verdicts ADD COLUMN IF NOT EXISTS deciding_windows bigint;
COMMENT ON COLUMN connection_verdicts.deciding_windows IS 'How many windows the certain verdict looks back on.';
"""
COMMENT = (
    "COMMENT ON COLUMN connection_status.deciding_windows IS 'How many windows the certain verdict looks back on.';\n"
)


def test_a_column_is_added_as_the_document_says(copy: Path) -> None:
    """Job and reference agree on it, on a stack of its own."""
    (column,) = re.findall(r'`("deciding_windows": Column\(.*?\))`', section("Add a column"))
    tables = copy / "jobs" / "pipeline" / "result_tables.py"
    before = '            "since_offset": Column("BIGINT", _of_verdict("since_offset")),\n'
    replace_once(tables, before, f"{before}            {column},\n")
    replace_once(
        copy / "jobs" / "reference" / "verdict_rows.py",
        '            probability=pick("probability"),\n',
        '            probability=pick("probability"),\n            deciding_windows=last["certain_suffix_windows"],\n',
    )
    newest = max(path.name for path in (copy / "sql" / "migrations").glob("*.sql"))
    (copy / "sql" / "migrations" / f"{int(newest[:4]) + 1:04}_deciding_windows.sql").write_text(MIGRATION)
    view = copy / "sql" / "views" / "connection_status.sql"
    replace_once(view, "AS is_recording\n", "AS is_recording,\n       verdicts.deciding_windows\n")
    view.write_text(view.read_text() + COMMENT)
    for tests in printed_tests("Add a column"):
        run_tests(copy, tests)


def section(title: str) -> str:
    return (ROOT / "CONTRIBUTING.md").read_text().partition(f"## {title}\n")[2].partition("\n## ")[0]


def printed_tests(title: str) -> list[list[str]]:
    """Return what a section hands to pytest, line by line."""
    return [words.split() for words in re.findall(r"\./fingerprint test -- (tests/[^\n]*)", section(title))]


def run_tests(copy: Path, tests: list[str]) -> None:
    run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)

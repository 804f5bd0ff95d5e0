"""The Java functions: their own unit tests, and what they and Python must agree on."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from shutil import copytree, ignore_patterns, which
from subprocess import CompletedProcess
from xml.etree import ElementTree

import pytest

from ingest.kafka.record_validity import MAX_VALUE_BYTES, check_record, printable_text
from jobs.pipeline.queries import messages_view
from udfs.windows import WIRE_COLUMNS

RunJava = Callable[..., CompletedProcess[str]]

HIDDEN = ("Cc", "Cs", "Cf", "Zl", "Zp")

TIME = "1790000000000000000"
NEEDED = f'"connection_id": "c", "recv_ts_ns": {TIME}, "msg_type": "NEW"'
NO_MESSAGES = (
    (b"c", None),
    (b"c", b" " * (MAX_VALUE_BYTES + 1)),
    (b"c", b"\xff"),
    (b"c", b"{"),
    (b"c", b"{}{}"),
    (b"c", b"[]"),
    (b"c", b"{}"),
    (b"c", b'{"connection_id": 1}'),
    (b"c", b'{"connection_id": "c"}'),
    (b"c", b'{"connection_id": "c", "recv_ts_ns": 1}'),
    (b"c", f'{{"connection_id": "c", "recv_ts_ns": {TIME}}}'.encode()),
    (b"c", f'{{"connection_id": "c", "recv_ts_ns": {TIME}, "msg_type": 1}}'.encode()),
    *((b"c", f'{{{NEEDED}, "{name}": 1.5}}'.encode()) for name in ("exchange_ts_ns", "seq", "prev_seq", "request_id")),
    (b"c", f'{{{NEEDED}, "payload_bytes": -1}}'.encode()),
    (b"c", f'{{{NEEDED}, "declared_exchange": 1}}'.encode()),
    (None, f"{{{NEEDED}}}".encode()),
    (b"d", f"{{{NEEDED}}}".encode()),
)
"""A key and a value for each reason, in the order in which reasons are looked for."""


def test_the_unit_tests_pass(run_java: RunJava, java_test_classes: Path, tmp_path: Path) -> None:
    options = ("--scan-class-path", str(java_test_classes), "--fail-if-no-tests", "--reports-dir", str(tmp_path))
    run = run_java("org.junit.platform.console.ConsoleLauncher", "execute", "--disable-banner", *options)
    assert run.returncode == 0, run.stdout + run.stderr
    suite = ElementTree.parse(tmp_path / "TEST-junit-jupiter.xml").getroot()  # noqa: S314  # JUnit has just written it
    found = {case.get("classname", "").rpartition(".")[2] for case in suite.iterfind("testcase")}
    assert found == {path.stem for path in (Path(__file__).parents[3] / "udfs/java/src/test").rglob("*Test.java")}


@pytest.mark.slow
@pytest.mark.skipif(which("mvn") is None, reason="Maven is optional, and is not here")
def test_maven_finds_no_warning_and_passes_the_same_tests(tmp_path: Path) -> None:
    sources = copytree(Path(__file__).parents[3] / "udfs" / "java", tmp_path / "java", ignore=ignore_patterns("target"))
    command = ("mvn", "--batch-mode", "-f", str(sources), "verify")
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # as README.md prints it
    assert done.returncode == 0, done.stdout
    assert re.search(r"Tests run: [1-9]\d*, Failures: 0, Errors: 0", done.stdout)


def test_reasons_are_those_of_the_rule_in_python(run_java: RunJava) -> None:
    lines = run_java("exchangefingerprint.flink.messages.PrintReasons").stdout.splitlines()
    assert lines == [check_record(key, value) for key, value in NO_MESSAGES]


def test_the_characters_that_no_id_may_have_are_those_of_the_rule_in_python(run_java: RunJava) -> None:
    found = set(map(int, run_java("exchangefingerprint.flink.messages.PrintUnprintable").stdout.split()))
    assert found == {code for code in range(sys.maxunicode + 1) if printable_text(chr(code)) is None}
    hidden = {code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in HIDDEN}
    assert hidden <= found
    assert {chr(code) for code in found - hidden} <= {chr(0x2065), *map(chr, range(0x13439, 0x13440))}  # of Unicode 15


@pytest.fixture(scope="module")
def columns(run_java: RunJava) -> list[str]:
    return run_java("exchangefingerprint.flink.windows.PrintMessageColumns").stdout.split()


def test_messages_come_in_the_order_in_which_java_reads_them(columns: list[str]) -> None:
    (selected,) = re.findall(r"SELECT (.*) FROM", " ".join(messages_view(None).split()))  # type: ignore[arg-type]
    assert columns == [expression.rpartition(" ")[2] for expression in selected.split(", ")]


def test_a_message_travels_to_python_column_by_column(columns: list[str]) -> None:
    of_python = ["type_code" if name == "msg_type" else name for name in WIRE_COLUMNS]
    assert [name for name in columns if name in of_python] == of_python

"""The blocks of code that documents print, and what becomes of each line of them in the tests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fingerprint_testing.paths import FOLDERS, ROOT

DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.md"))])
RUNNABLE: Final = ("sh", "python", "sql")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)

WALKED: Final = ("docs/quick-start.md", "README.md")
"""Run line by line by the default tests, in this order, on a real stack: tests/integration/test_document_walk.py."""

OTHERS: Final = (
    # Its first job begins with a model that it names, which only a topic that no job has read yet allows.
    "docs/model.md",
    "CONTRIBUTING.md",
    "docs/alerts.md",
    "docs/api.md",
    "docs/commands.md",
    "docs/containers.md",
    "docs/dependencies.md",
    "docs/figures.md",
    "docs/grafana.md",
    "docs/kafka-security.md",
    "docs/kubernetes.md",
    "docs/messages.md",
    "docs/recordings.md",
    # Before the jobs of operate.md, each of which would have to catch up with the topic first.
    "docs/results.md",
    "docs/operate.md",
    "docs/runbook.md",
    "docs/security.md",
    "docs/verdicts.md",
    "grafana/README.md",
    "ingest/VENUES.md",
    "udfs/java/README.md",
)
"""Run line by line, in this order, by tests that are slow.

What needs a stack runs in tests/integration/test_document_walk.py, all else in tests/test_document_lines.py.
"""

_API = "tests/api/test_document.py"
_KAFKA = "tests/integration/test_kafka_document.py::test_the_lines_of_the_documents_run"
_FLINK = "tests/integration/test_document_walk.py::test_the_job_goes_on_from_what_flinks_own_command_saved"

RUN_ELSEWHERE: Final[Mapping[tuple[str, str], str]] = {
    ("docs/api.md", "curl -s http://127.0.0.1:8001/healthz"): f"{_API}::test_a_stream_is_scored_as_the_document_shows",
    ("docs/api.md", "gunzip"): f"{_API}::test_a_stream_is_scored_as_the_document_shows",
    ("docs/api.md", "curl -s -H 'Content-Type:"): f"{_API}::test_a_stream_is_scored_as_the_document_shows",
    ("docs/api.md", "jq"): f"{_API}::test_a_stream_is_scored_as_the_document_shows",
    ("docs/api.md", "curl -s 'http"): f"{_API}::test_results_are_asked_for_as_the_document_shows",
    ("docs/kafka-security.md", "export FINGERPRINT_KAFKA"): _KAFKA,
    ("docs/kafka-security.md", "./fingerprint doctor"): _KAFKA,
    ("docs/kafka-security.md", "kafka-acls.sh"): _KAFKA,
    ("docs/operate.md", "flink=$(.venv/bin/find_flink_home.py)/bin/flink"): _FLINK,
    ("docs/operate.md", "$flink"): _FLINK,
    ("docs/operate.md", "./fingerprint submit --from-savepoint"): _FLINK,
    ("docs/recordings.md", "from exchange_fingerprint"): (
        "tests/exchange_fingerprint/test_scoring.py::test_the_lines_of_the_document_run"
    ),
    ("docs/runbook.md", "SELECT"): "tests/sql/test_alerts.py::test_every_query_of_the_runbook_runs",
    ("docs/security.md", "kafka-acls.sh"): _KAFKA,
    ("docs/security.md", "kafka-configs.sh"): _KAFKA,
    ("docs/security.md", "./fingerprint submit"): (
        "tests/integration/test_secured_cluster.py::test_a_job_is_stopped_and_resumed_on_a_secured_cluster"
    ),
}
"""By document and first words: the test that runs the line, with the document's placeholders filled in."""

NOT_RUN: Final[Mapping[str, str]] = {
    "./fingerprint test": "these are its tests",
    "./fingerprint demo": "has a stack of its own and takes a minute; .ci/run runs it",
    "./fingerprint up": "the shared stack runs already; tests/stack start stacks of their own",
    "./fingerprint down": "the shared stack goes on; tests/stack stop stacks of their own",
    "./fingerprint record": "asks a real venue; test_live.py has one of its own",
    "./fingerprint ingest": "asks a real venue; test_live.py has one of its own",
    "./fingerprint recordings fetch": "downloads from GitHub; tests/ingest/recordings has a server of its own",
    "./fingerprint train": "ten minutes and more; tests/test_contributing.py trains with fewer sessions",
    "./fingerprint evaluate": "trains many models on real recordings; tests/model/evaluation has few sessions",
    "./fingerprint enrol": "12 minutes of CPU time and several GB of memory; tests/model/enrolment has few sessions",
    "./fingerprint chaos": "hours; test_chaos.py has few kills",
    "./fingerprint soak": "an hour; test_soak.py has a short one, and draws it",
    "./fingerprint grafana push": "needs a Grafana; tests/jobs/grafana has a stand-in",
    ".venv/bin/python tests/benchmarks/": "measures for minutes, on a machine that does nothing else",
    ".venv/bin/python tests/integration/keep_savepoint.py": "writes a savepoint that is kept; test_kept_savepoints.py",
    ".venv/bin/python tests/support/fingerprint_testing/dashboard_traffic.py": (
        "fifteen minutes of traffic; tests/grafana/test_dashboard_traffic.py publishes some of it"
    ),
    ".venv/bin/python -m deploy.inventory ages": "asks the package index for every package",
    ".venv/bin/uv pip compile": "asks the package index, whose answer is another one tomorrow; test_locks.py",
    "uvx": "needs a database of advisories",
    "mvn": "optional, and fetches Maven's plug-ins; tests/udfs/java runs the same unit tests",
    "docker compose": "needs a Docker engine; tests/deploy reads the compose file and follows the image's steps",
    "deploy/pin-images": "asks registries of images",
    "kubectl": "needs a cluster; tests/deploy/test_kubernetes.py compares it with the manifests",
    "openssl rand -hex 24 | tr": "needs a cluster; tests/deploy/test_kubernetes.py compares it with the manifests",
    "standalone-job.sh": "starts a cluster of Flink; tests/integration/test_application.py does so in its own words",
    "taskmanager.sh": "starts a cluster of Flink; tests/integration/test_application.py does so in its own words",
    "export GRAFANA_": "a Grafana's own addresses; tests/jobs/grafana pushes to a stand-in",
    "export PROMETHEUS_URL": "a Grafana's own addresses; tests/jobs/grafana pushes to a stand-in",
    "export FINGERPRINT_FLINK": "needs a Flink by TLS; test_flink_tls.py submits to one",
    "READER_DATABASE_URL": "needs a database at that address; tests/api serves the shared one",
}
"""By how a line begins: why no test runs it as it is printed."""


ASKS_THE_STACK: Final = re.compile(
    r"(LOGIN_PASSWORD=\S+ |if ! )?\./fingerprint "
    r"(alerts|dlq|doctor|explain CONNECTION|login|migrate|model|psql|publish|replay|results|status|stop|watch"
    r"|submit(?! --help))\b"
)
"""Of `OTHERS`: what needs a stack."""


@dataclass(frozen=True)
class Block:
    """A block of code that a reader can run.

    Attributes
    ----------
    document : str
        Its path in the checkout.
    lines : tuple of str
        Commands without their comments; a block of another language than the shell's is one line.
    """

    document: str
    language: str
    lines: tuple[str, ...]


def blocks_of(document: str, languages: Sequence[str] = RUNNABLE) -> list[Block]:
    """Return a document's blocks in these languages, in their order."""
    found = _BLOCK.findall((ROOT / document).read_text(encoding="utf-8"))
    return [
        Block(document, language, _commands(text) if language == "sh" else (text.strip(),))
        for language, text in found
        if language in languages
    ]


def all_blocks() -> list[Block]:
    """Return those of all documents."""
    return [block for path in DOCUMENTS for block in blocks_of(name_of(path))]


def name_of(path: Path) -> str:
    """Return a file's path in the checkout."""
    return path.relative_to(ROOT).as_posix()


def runs_elsewhere(document: str, line: str) -> str | None:
    """Return the test that runs a line elsewhere, by its longest beginning."""
    fitting = [key for key in RUN_ELSEWHERE if key[0] == document and line.startswith(key[1])]
    return RUN_ELSEWHERE[max(fitting, key=lambda key: len(key[1]))] if fitting else None


def reason_against(line: str) -> str | None:
    """Return why a line is not run."""
    return next((reason for beginning, reason in NOT_RUN.items() if line.startswith(beginning)), None)


def lines_to_run(document: str, *, on_a_stack: bool) -> list[str]:
    """Return the lines of a document's shell blocks that need a stack, or none, and that no other test runs."""
    return [
        line
        for block in blocks_of(document, ("sh",))
        for line in block.lines
        if runs_elsewhere(document, line) is None
        and reason_against(line) is None
        and on_a_stack == bool(ASKS_THE_STACK.match(line))
    ]


def _commands(text: str) -> tuple[str, ...]:
    lines = (re.sub(r"(^|\s+)#.*", "", line) for line in text.splitlines())
    return tuple(line for line in lines if line)

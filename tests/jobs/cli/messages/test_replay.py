"""What `replay` hands to Kafka."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner, Result

from fingerprint_testing.paths import EXAMPLES
from jobs.cli.messages import replay
from udfs.schema import Session


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[Session]:
    """Collect the sessions instead of publishing them."""
    sessions: list[Session] = []
    monkeypatch.setattr(replay, "publish_with_progress", lambda given, *_, **__: sessions.extend(given))
    return sessions


def run(*options: str) -> Result:
    app = typer.Typer()
    app.command()(replay.replay)
    recordings = [EXAMPLES / "kraken-1.jsonl.gz", EXAMPLES / "kraken-2.jsonl.gz"]
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [*map(str, recordings), "--kafka", "nowhere:1", *options])


@pytest.mark.parametrize(("options", "declared"), [((), None), (("--declared", "kraken"), "kraken")])
def test_a_replayed_connection_claims_what_is_asked_for(
    options: tuple[str, ...], declared: str | None, published: list[Session]
) -> None:
    assert run(*options).exit_code == 0
    assert [(session.connection_id, session.declared_exchange) for session in published] == [
        ("kraken-1", declared),
        ("kraken-2", declared),
    ]


@pytest.mark.parametrize("declared", ["k" * 65, "kra\x1bken"])
def test_what_no_message_may_declare_is_refused(declared: str, published: list[Session]) -> None:
    done = run("--declared", declared)
    assert done.exit_code == 2
    assert "printable characters" in done.output
    assert published == []

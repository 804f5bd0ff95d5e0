from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ingest.adapters.adapter import Adapter
from ingest.adapters.registry import ADAPTERS, VENUES
from ingest.live.feed import Feed, Keepalive
from jobs.cli.feed_options import asks_for_feed, make_feed
from jobs.cli.main import build_app
from udfs.errors import ConfigError

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "ingest" / "VENUES.md", *ROOT.glob("docs/**/*.md")]


@pytest.mark.parametrize(
    ("venue", "options", "sentence"),
    [
        ("binance", {}, "at least one Binance symbol"),
        ("kraken", {"symbol": ["BTC-USD"]}, "Kraken symbol such as BTC/USD"),
        ("kraken", {"symbol": ["BTC/USD"], "subscribe": Path("x")}, "no --subscribe for kraken"),
        ("coinbase", {"symbol": ["BTC-USD"], "keepalive_every": 3.0}, "no --keepalive-every for coinbase"),
        ("coinbase", {"symbol": ["BTC-USD"], "api": "v1"}, "exchange or advanced"),
        ("nowhere", {"symbol": ["BTC-USDT"]}, "a venue of binance, .* or generic, but found 'nowhere'"),
        ("nowhere", {"url": "wss://localhost", "keepalive": "ping"}, "or generic, but found 'nowhere'"),
        ("generic", {}, "--url for the generic venue"),
        ("generic", {"url": "ws://localhost", "symbol": ["x"]}, "no --symbol for generic"),
        ("generic", {"url": "http://localhost"}, "begin it with wss://"),
        ("generic", {"url": "ws://localhost", "keepalive_every": 3.0}, "--keepalive-every without --keepalive"),
    ],
)
def test_options_that_do_not_fit_are_one_sentence(venue: str, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as refused:
        make_feed(venue, **options)
    assert "\n" not in str(refused.value)


def test_a_feed_may_claim_to_be_another_venue() -> None:
    assert make_feed("kraken", symbol=["BTC/USD"]).declared_exchange == "kraken"
    assert make_feed("kraken", symbol=["BTC/USD"], declare="binance").declared_exchange == "binance"
    assert make_feed("generic", url="wss://example.com").declared_exchange is None


def test_a_keepalive_has_a_usual_pace() -> None:
    feed = make_feed("generic", url="wss://example.com", keepalive="ping", silent_after=7.0)
    assert (feed.keepalive, feed.silent_after_s) == (Keepalive(text="ping", every_s=20.0), 7.0)


@pytest.mark.parametrize("command", ["ingest", "record"])
def test_the_help_lists_each_venue_with_its_interfaces_and_channels(command: str) -> None:
    result = CliRunner().invoke(build_app([command]), [command, "--help"], env={"COLUMNS": "400"})
    found = " ".join(re.sub(r"[^\w@:,.;()\-]+", " ", result.output).split())
    for adapter in ADAPTERS:
        assert f"{adapter.name}: {adapter.summary} " in found
        assert adapter.symbol.replace("/", " ") in found
        for api in adapter.apis:
            assert f"--api {api.name}: {', '.join(api.channels)} " in found
    assert "generic: any other venue" in found


def test_every_command_in_the_documents_makes_a_feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "subscriptions.jsonl").write_text("{}")
    monkeypatch.chdir(tmp_path)
    commands = documented_commands()
    assert {venue for venue, *_ in commands} == set(VENUES)
    for words in commands:
        feed = feed_of(words)
        assert feed.name.startswith(f"{words[0]}-") or words[0] == "generic"


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_the_examples_of_a_venue_are_commands(adapter: Adapter) -> None:
    for example, api in zip(adapter.examples, adapter.api_names, strict=True):
        assert feed_of(shlex.split(example)[2:]) == adapter.make_feed([adapter.symbol], api=api)


def test_the_name_of_a_venue_completes() -> None:
    command = typer.main.get_command(app_of([]))
    (argument,) = (parameter for parameter in command.params if parameter.name == "venue")
    with command.make_context("ingest", ["x"]) as context:
        found = [item.value for item in argument.shell_complete(context, "")]
    assert found == list(VENUES)


def documented_commands() -> list[list[str]]:
    """Return what follows `./fingerprint ingest` and `record` in the documents, without comments."""
    lines = (line for path in DOCUMENTS for line in path.read_text("utf-8").splitlines())
    found = (re.match(r"\./fingerprint (ingest|record) (.*)", line) for line in lines)
    return [shlex.split(match[2], comments=True) for match in found if match is not None]


def app_of(made: list[Feed]) -> typer.Typer:
    """Make a command with the options of a feed, which keeps the feed; it passes over options of other sorts."""

    def command(feed: Feed) -> None:
        made.append(feed)

    app = typer.Typer()
    app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})(asks_for_feed(command))
    return app


def feed_of(words: list[str]) -> Feed:
    made: list[Feed] = []
    result = CliRunner().invoke(app_of(made), words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    (feed,) = made
    return feed

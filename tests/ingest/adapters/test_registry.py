"""What every listed adapter must do; `data` holds what is expected of each, written by hand from the venue's pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import ingest.adapters
from ingest.adapters.adapter import Adapter
from ingest.adapters.registry import ADAPTERS, GENERIC, VENUES, find_adapter
from ingest.frame import Frame
from ingest.live.feed import Feed
from ingest.live.feed_loop import watch_feeds
from udfs.errors import ConfigError

DATA = Path(__file__).with_name("data")
NO_ADAPTER = {"__init__", "adapter", "checks", "generic", "registry"}
"""Modules beside the adapters."""

INTERFACES = [
    pytest.param(adapter, api, id=f"{adapter.name} {api}") for adapter in ADAPTERS for api in adapter.api_names
]
each_interface = pytest.mark.parametrize(("adapter", "api"), INTERFACES)


def expected(adapter: Adapter, api: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DATA / f"{adapter.name}.yaml").read_text("utf-8"))[api]
    return found


def expected_feed(adapter: Adapter, api: str) -> Feed:
    fields = expected(adapter, api)["feed"]
    return Feed(**fields | {name: tuple(fields.get(name, ())) for name in ("requests", "symbols")})


def test_every_module_of_an_adapter_is_listed_and_has_its_data() -> None:
    modules = {path.stem for path in Path(ingest.adapters.__file__).parent.glob("*.py")} - NO_ADAPTER
    assert sorted(modules) == sorted(adapter.name for adapter in ADAPTERS)
    assert sorted(modules) == sorted(path.stem for path in DATA.glob("*.yaml"))
    assert (*(adapter.name for adapter in ADAPTERS), GENERIC) == VENUES


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_a_listed_venue_is_found_by_its_name_and_has_data_for_each_interface(adapter: Adapter) -> None:
    assert find_adapter(adapter.name) is adapter
    data = yaml.safe_load((DATA / f"{adapter.name}.yaml").read_text("utf-8"))
    assert tuple(data) == adapter.api_names


@pytest.mark.parametrize("name", ["nowhere", "Kraken", "", "generic"])
def test_a_venue_that_is_not_listed_is_one_sentence_with_those_that_are(name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        find_adapter(name)
    assert str(refused.value) == (
        f"Expected a venue of {', '.join(adapter.name for adapter in ADAPTERS)} or generic, found {name!r}: "
        "choose one of them; generic connects to any other venue by its --url"
    )


@each_interface
def test_the_example_makes_the_feed_that_the_venue_s_pages_ask_for(adapter: Adapter, api: str) -> None:
    assert adapter.make_feed([adapter.symbol], api=api) == expected_feed(adapter, api)


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_the_first_interface_is_the_default(adapter: Adapter) -> None:
    assert adapter.make_feed([adapter.symbol]) == expected_feed(adapter, adapter.api_names[0])


@each_interface
def test_the_local_venue_is_asked_for_all_and_heard_whole(
    adapter: Adapter, api: str, open_venue: Callable[..., Any]
) -> None:
    requests, said = list(expected_feed(adapter, api).requests), expected(adapter, api)["frames"]

    async def script(peer: Any) -> None:
        await peer.wait_received(len(requests))
        await peer.play([Frame(0, "recv", text) for text in said])

    venue = open_venue(script)
    feed = adapter.make_feed([adapter.symbol], api=api, url=venue.url.removesuffix("/ws"))
    sink = ListSink()
    asyncio.run(watch_until(replace(feed, requests_per_s=1000.0), sink, n_frames=len(requests) + len(said)))
    assert [text for direction, text in sink.frames if direction == "send"] == requests == venue.peers[0].texts
    assert [text for direction, text in sink.frames if direction == "recv"] == said


class ListSink:
    """Keeps the direction and text of every frame."""

    full = False

    def __init__(self) -> None:
        self.frames: list[tuple[str, str]] = []

    def open(self, connection_id: str, feed: Feed) -> None:
        assert connection_id.startswith(feed.name)

    def write(self, _connection_id: str, frame: Frame) -> None:
        self.frames.append((frame.direction, frame.text))

    def close(self, connection_id: str, reason: str) -> None:
        pass


async def watch_until(feed: Feed, sink: ListSink, *, n_frames: int) -> None:
    stop = asyncio.Event()
    watching = asyncio.create_task(watch_feeds([feed], sink, stop=stop))
    async with asyncio.timeout(60):
        while len(sink.frames) < n_frames and not watching.done():
            await asyncio.sleep(0.005)
    stop.set()
    await watching


@each_interface
def test_each_channel_may_be_asked_for_alone_and_counts_once(adapter: Adapter, api: str) -> None:
    (channels,) = (known.channels for known in adapter.apis if known.name == api)
    assert channels
    for channel in channels:
        alone = adapter.make_feed([adapter.symbol], api=api, channels=[channel])
        assert alone == adapter.make_feed([adapter.symbol, adapter.symbol], api=api, channels=[channel, channel])


@each_interface
def test_what_is_no_symbol_is_refused(adapter: Adapter, api: str) -> None:
    for symbol in expected(adapter, api)["not_symbols"]:
        with pytest.raises(ConfigError, match=_whole(f"found {symbol!r}: write it in that form")) as refused:
            adapter.make_feed([adapter.symbol, symbol], api=api)
        assert str(refused.value).startswith(f"Expected a {adapter.title} symbol such as {adapter.symbol}, found")


@each_interface
def test_what_is_no_channel_is_refused(adapter: Adapter, api: str) -> None:
    for channel in expected(adapter, api)["not_channels"]:
        advice = f"found {channel!r}: choose one that the interface has"
        with pytest.raises(ConfigError, match=_whole(advice)) as refused:
            adapter.make_feed([adapter.symbol], api=api, channels=[channel])
        assert str(refused.value).startswith(f"Expected a channel of {adapter.title}'s interface {api} such as ")


@each_interface
def test_nothing_to_ask_for_is_refused(adapter: Adapter, api: str) -> None:
    with pytest.raises(ConfigError, match=f"^Expected at least one {adapter.title} symbol such as {adapter.symbol}, "):
        adapter.make_feed([], api=api)
    with pytest.raises(ConfigError, match=f"^Expected at least one channel of {adapter.title}'s interface {api} such "):
        adapter.make_feed([adapter.symbol], api=api, channels=[])


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.name)
def test_an_interface_that_is_none_is_refused(adapter: Adapter) -> None:
    sentence = f"Expected {' or '.join(adapter.api_names)} as the interface of {adapter.title}, found 'fix': "
    with pytest.raises(ConfigError, match=_whole(sentence + "choose one of them")):
        adapter.make_feed([adapter.symbol], api="fix")


@each_interface
def test_an_address_that_is_none_is_refused(adapter: Adapter, api: str) -> None:
    with pytest.raises(ConfigError, match=_whole("begin it with wss:// or ws://")):
        adapter.make_feed([adapter.symbol], api=api, url="http://example.com")


def _whole(end: str) -> str:
    return re.escape(end) + "$"

"""Any other venue, by its address."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.adapters.generic import generic_feed
from ingest.live.feed import Feed, Keepalive
from udfs.errors import ConfigError


def test_generic(tmp_path: Path) -> None:
    file = tmp_path / "subscribe.jsonl"
    file.write_bytes('\ufeff{"op": "subscribe", "args": ["books"]}\r\n\n ["trade", 1e2, "a\u2028b"]\n'.encode())
    keepalive = Keepalive(text="ping", every_s=25.0)
    feed = generic_feed(
        "wss://ws.okx.com:8443/ws/v5/public", subscribe=file, declared_exchange="okx", keepalive=keepalive
    )
    assert feed == Feed(
        name="ws-okx-com-8443",
        declared_exchange="okx",
        url="wss://ws.okx.com:8443/ws/v5/public",
        requests=('{"op": "subscribe", "args": ["books"]}', '["trade", 1e2, "a\u2028b"]'),
        requests_per_s=1.0,
        keepalive=keepalive,
        ping_every_s=20.0,
        silent_after_s=60.0,
        connect_every_s=1.0,
        longest_session_s=None,
    )


def test_generic_without_a_file() -> None:
    feed = generic_feed("ws://Example.com/x?y=1", name="my-venue", silent_after_s=9.5, ping_every_s=None)
    assert (feed.name, feed.declared_exchange, feed.requests) == ("my-venue", None, ())
    assert (feed.silent_after_s, feed.ping_every_s, feed.keepalive) == (9.5, None, None)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("wss://ws.bitstamp.net", "ws-bitstamp-net"),
        ("wss://user:secret@Ws.Example.COM/", "ws-example-com"),
        ("ws://[::1]:9000/", "1-9000"),
        ("wss://" + ".".join(["a" * 60] * 3), "a" * 60 + "-" + "a" * 19),
        ("wss://例", "feed"),
    ],
)
def test_a_feed_is_named_by_its_host(url: str, name: str) -> None:
    assert generic_feed(url).name == name


REFUSED: list[Any] = [
    # (call, what the sentence says)
    *(
        pytest.param(
            lambda url=url: generic_feed(url),
            "expected an address of the form wss://host[:port]/path (ws:// if it has no TLS), "
            f"but found {url!r}: {advice}",
            id=f"url {url!r}",
        )
        for url, advice in (
            ("https://example.com", "begin it with wss:// or ws://"),
            ("example.com", "begin it with wss:// or ws://"),
            ("", "begin it with wss:// or ws://"),
            ("wss:///path", "name the host, and a port between 1 and 65535 if it is not the usual one"),
            ("wss://host:0", "name the host, and a port between 1 and 65535 if it is not the usual one"),
            ("wss://host:65536", "correct it (Port out of range 0-65535)"),
            ("wss://[::1", "correct it (Invalid IPv6 URL)"),
            ("wss://host/a b", "leave the spaces out"),
            ("wss://host\n", "leave the spaces out"),
            ("wss://host/#x", "leave out # and what follows it"),
        )
    ),
    *(
        pytest.param(
            lambda name=name: generic_feed("wss://host", name=name),
            "expected a feed's name of 1 to 80 lower case letters, digits and dashes, "
            f"but found {name!r}: choose another name",
            id=f"name {name[:10]!r}",
        )
        for name in ("", "My", "a/b", "a b", "x" * 81)
    ),
    pytest.param(
        lambda: generic_feed("wss://host", silent_after_s=0.0),
        "expected a time until a connection counts as silent, in seconds, above 0, but found 0.0: give another number",
        id="silence",
    ),
    pytest.param(
        lambda: generic_feed("wss://host", ping_every_s=-1.0),
        "expected a time between pings, in seconds, above 0, but found -1.0: give another number",
        id="pings",
    ),
    pytest.param(
        lambda: generic_feed("wss://host", requests_per_s=float("nan")),
        "expected a number of requests a second above 0, but found nan: give another number",
        id="requests",
    ),
    pytest.param(
        lambda: generic_feed("wss://host", keepalive=Keepalive(text="ping", every_s=float("inf"))),
        "expected a time between keepalives, in seconds, above 0, but found inf: give another number",
        id="keepalive's time",
    ),
    pytest.param(
        lambda: generic_feed("wss://host", keepalive=Keepalive(text="", every_s=5.0)),
        "expected what the venue wants to hear as the keepalive, but found nothing: write it",
        id="keepalive's text",
    ),
]


@pytest.mark.parametrize(("call", "sentence"), REFUSED)
def test_refusals(call: Callable[[], Feed], sentence: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(sentence) + "$"):
        call()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b'{"a":1}\n{"b":\n',
            "FILE, line 2: expected a JSON object or array on each line, but found no JSON: "
            "unexpected end of data: line 1 column 6 (char 5)",
        ),
        (
            b'\n\n"ping"\n',
            'FILE, line 3: expected a JSON object or array on each line, but found "ping": write a whole frame',
        ),
        (
            b" \n\n",
            "expected a JSON object or array on each line of FILE, but found none: write the subscriptions into it",
        ),
        (b"", "expected a JSON object or array on each line of FILE, but found none: write the subscriptions into it"),
        (b"\xff\xfe\n", "expected FILE to be UTF-8 text, but it is not (invalid start byte): save it so"),
    ],
)
def test_a_file_of_subscriptions_that_is_none(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "subscribe.jsonl"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        generic_feed("wss://host", subscribe=file)
    assert str(error.value) == sentence.replace("FILE", str(file))


def test_a_file_of_subscriptions_that_cannot_be_read(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "no", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(ConfigError) as error:
            generic_feed("wss://host", subscribe=path)
        expected = f"expected to read subscriptions from {path}, but found {reason}: name a readable file"
        assert str(error.value) == expected


@given(host=st.text(min_size=1, max_size=100), port=st.integers(1, 65535))
def test_any_host_gives_a_name_or_is_refused(host: str, port: int) -> None:
    try:
        feed = generic_feed(f"wss://{host}:{port}/")
    except ConfigError:
        return
    assert_is_name(feed.name)


def assert_is_name(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]{1,80}", name)

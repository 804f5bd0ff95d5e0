"""No frame raises, whatever it holds; each becomes a message that fits its columns, also after a recording."""

from __future__ import annotations

import json
import random
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fingerprint_testing.marks import needs_captures
from fingerprint_testing.paths import CAPTURES
from ingest.frame import Direction, Frame
from ingest.mapping.frame_mapper import Message, map_frame
from ingest.recordings.capture import read_frames, to_line
from udfs.schema import MISSING, MsgType

NOW = 1_700_000_000_000_000_000
DIRECTIONS: tuple[Direction, ...] = ("recv", "send")

KEYS = (
    *("id", "req_id", "I", "newClientOrderId", "type", "event", "method", "op", "channel", "topic", "result", "R"),
    *(
        "status",
        "success",
        "error",
        "code",
        "retCode",
        "E",
        "T",
        "ts",
        "time",
        "timestamp",
        "t",
        "u",
        "seq",
        "sequence",
    ),
    *("sequence_num", "lastUpdateId", "data", "params", "tick", "events", "message", "args", "ping", "pong", "M", "s"),
)
WORDS = (
    *("subscribe", "subscribed", "error", "heartbeat", "hb", "ping", "pong", "ok", "up", "info", "subscriptionStatus"),
    *("a.b:c/ping", "x" * 65, "200", "-1", "9" * 19, "9" * 400, "1617666423.706626", "1617666423." + "9" * 12),
    *("2021-04-05T18:41:15.803123456Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999999-23:59"),
    *("2021-W53-7T24:00:00", "2021-02-30T00:00:00Z", "2021-04-05T18:41:15.8031234567890123456789Z", "1970-01-01T00:00"),
    *("2021-00-00", "２０２１-04-05T18:41:15", "1٣" * 10, "\U0001f600" * 20, "\x00"),
)
NUMBERS = (0, -1, 200, 400, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**400, 1617666423)
FLOATS = (0.5, -0.0, 1e308, -1e308, 1e17, 9.3e18, 1617666423.706626, float("nan"), float("inf"), float("-inf"))

values = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from(NUMBERS + FLOATS)
    | st.integers()
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(st.characters(codec=None), max_size=6),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(st.characters(codec=None), max_size=3), inner, max_size=6)
    ),
    max_leaves=15,
)


def check(frame: str | bytes, direction: Direction = "recv") -> Message:
    message = map_frame(frame, direction, NOW)
    assert type(message.msg_type) is MsgType
    assert all(type(value) is int or type(value) is MsgType for value in message)
    assert all(-(2**63) <= value < 2**63 for value in message)
    assert message.recv_ts_ns == NOW
    size = len(frame) if isinstance(frame, bytes) else len(frame.encode("utf-8", "surrogatepass"))
    assert message.payload_bytes == size
    return message


def check_recorded(text: str, folder: Path) -> None:
    """Check a frame of text in both directions, live and after a recording."""
    path = folder / "recorded.jsonl"
    frames = [Frame(NOW, direction, text) for direction in DIRECTIONS]
    path.write_bytes(b"".join(map(to_line, frames)))
    for frame in read_frames(path):
        assert map_frame(frame.text, frame.direction, frame.ts_ns) == check(text, frame.direction)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@given(frame=st.binary(max_size=200), direction=st.sampled_from(DIRECTIONS))
def test_any_bytes(frame: bytes, direction: Direction) -> None:
    check(frame, direction)


@given(text=st.text(st.characters(codec=None), max_size=80))
@example(text="\ud83d\ude00")
@example(text='{"s":"\ud800"}')
@example(text="\x00\u2028\r\n")
def test_any_text(folder: Path, text: str) -> None:
    check_recorded(text, folder)


@settings(max_examples=400)
@given(body=values, ensure_ascii=st.booleans())
def test_any_json(folder: Path, body: Any, ensure_ascii: bool) -> None:
    """Python writes what JSON does not know, too: NaN, Infinity, integers of any size, lone surrogates."""
    check_recorded(json.dumps(body, ensure_ascii=ensure_ascii), folder)


@settings(max_examples=200)
@given(pairs=st.lists(st.tuples(st.sampled_from(KEYS), values), min_size=1, max_size=8), n=st.integers(1, 3))
def test_repeated_keys(pairs: list[tuple[str, Any]], n: int) -> None:
    members = ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs * n)
    for direction in DIRECTIONS:
        check(f"{{{members}}}", direction)


@pytest.mark.parametrize("depth", [10, 127, 128, 254, 255, 256, 1_000, 1_023, 1_024, 1_025, 5_000, 100_000])
@pytest.mark.parametrize(
    ("opening", "closing"),
    [("[", "]"), ('{"data":', "}"), ('{"data":[', "]}"), ('[{"params":', "}]"), ('{"event":{"E":1,"result":', "}}")],
)
def test_deep_nesting(folder: Path, opening: str, closing: str, depth: int) -> None:
    for text in (opening * depth + "1" + closing * depth, opening * depth, closing * depth):
        check_recorded(text, folder)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 10**7,
        '"' + "x" * 10**7 + '"',
        json.dumps({"event": "x" * 10**7, "id": "y" * 10**6, "time": "2" * 10**6, "seq": "1" * 10**6}),
        "9" * 10**6,
        '{"a":+' + "0" * 10**5 + "x}",
        '{"seq":' + "9" * 10**6 + "}",
        '{"E":1' + "0" * 10**5 + ".5e" + "9" * 100 + "}",
        "[" + "0," * 10**6 + "0]",
        json.dumps({f"k{n}": n for n in range(10**5)}),
    ],
    ids=["text", "string", "fields", "integer", "zeros", "sequence", "float", "array", "object"],
)
def test_large_frames(folder: Path, text: str) -> None:
    check_recorded(text, folder)


@pytest.mark.parametrize("time", ["9223372036855", "17231612556612", "99999999999.0", "99999999999999999"])
def test_times_that_int64_cannot_hold_in_nanoseconds(time: str) -> None:
    """2**63 ns are 9223372036.854775808 s: in the year 2262."""
    for text in (f'{{"E":{time},"p":1}}', f'{{"E":"{time}","p":1}}'):
        assert check(text).exchange_ts_ns == MISSING
    assert check('{"E":9223372036854,"p":1}').exchange_ts_ns == 9_223_372_036_854_000_000


def _real_frames() -> list[str]:
    paths = sorted(CAPTURES.rglob("*.jsonl.gz"))
    return [frame.text for path in paths for frame in islice(read_frames(path), 40)][::3]


def _mutated(text: str, rng: random.Random) -> str | bytes:
    """Cut, splice or change characters; duplicate a member; wrap; or change one of its values."""
    at, other = sorted(rng.randrange(len(text) + 1) for _ in range(2))
    match rng.randrange(7):
        case 0:
            return text[:at]
        case 1:
            return text[at:] + text[:at]
        case 2:
            return text[:at] + text[at:other] * 2 + text[other:]
        case 3:
            return text[:at] + rng.choice(['"', "\\", "{", "]", "\x00", "\ud800", "é", "-", "1e999", "NaN"]) + text[at:]
        case 4:
            data = bytearray(text.encode("utf-8", "surrogatepass"))
            data[rng.randrange(len(data)) if data else 0 : at] = rng.randbytes(2)
            return bytes(data)
        case 5:
            return text.replace("{", '{"' + rng.choice(KEYS) + '":' + json.dumps(rng.choice(WORDS + NUMBERS)) + ",")
        case _:
            digits = [position for position, character in enumerate(text) if character.isdigit()] or [0]
            position = rng.choice(digits)
            return text[:position] + json.dumps(rng.choice([*NUMBERS, None, [], {}, *WORDS])) + text[position + 1 :]


@needs_captures
def test_mutated_real_frames() -> None:
    rng = random.Random(5)
    n_json = 0
    frames = _real_frames()
    for text in frames:
        assert orjson.loads(text) is not None
        for _ in range(8):
            mutated = _mutated(text, rng)
            n_json += _is_json(mutated)
            for direction in DIRECTIONS:
                check(mutated, direction)
    assert n_json > len(frames), "many mutations must get past the parser"


@needs_captures
def test_recorded_mutations_map_as_live_ones(folder: Path) -> None:
    rng = random.Random(6)
    mutated = (_mutated(text, rng) for text in _real_frames())
    frames = [Frame(NOW, "recv", text) for text in mutated if isinstance(text, str)]
    path = folder / "mutated.jsonl"
    path.write_bytes(b"".join(map(to_line, frames)))
    read = [map_frame(frame.text, frame.direction, frame.ts_ns) for frame in read_frames(path)]
    assert read == [check(frame.text) for frame in frames]


def _is_json(text: str | bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True

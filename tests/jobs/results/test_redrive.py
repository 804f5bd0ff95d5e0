"""Which dead letters are sent again, how corrected ones are read, and what a terminal is shown."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.kafka.dead_letters import DeadLetter, Place
from jobs.results.redrive import (
    LEFT_OUT,
    NO_KEY,
    Choice,
    connection_id_of,
    plan_redrive,
    printable,
    read_mended,
    to_json,
)
from udfs.errors import ConfigError, SchemaError

GOOD = b'{"connection_id": "c", "recv_ts_ns": 1000000000000000000, "msg_type": "NEW"}'
AT = datetime(2026, 11, 23, tzinfo=UTC)


def dead_letter(offset: int, reason: str, key: bytes | None, value: bytes | None) -> DeadLetter:
    return DeadLetter(place=Place(2, offset), reason=reason, at=AT + timedelta(hours=offset), key=key, value=value)


DEAD_LETTERS = [
    dead_letter(0, "not JSON", b"c", b"{"),
    dead_letter(1, "key is not the connection_id", b"d", GOOD),
    dead_letter(2, "seq is not a 64-bit integer", b"c", GOOD),
    dead_letter(3, "larger than 64 KiB", b"c", None),
    dead_letter(4, "null value", b"c", None),
    dead_letter(5, "no key", None, b"[]"),
]


def test_only_what_is_a_message_by_now_is_sent() -> None:
    plan = plan_redrive(iter(DEAD_LETTERS), Choice())
    assert plan.records == {Place(2, 2): (b"c", GOOD, 2)}
    assert {place.offset: reason for place, reason in plan.rejected.items()} == {
        0: "not JSON",
        1: "key is not the connection_id",
        3: LEFT_OUT,
        4: "null value",
        5: "not a JSON object",
    }


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (
            Choice(reason="not jason"),
            "Expected a dead letter of reason with 'not jason', found not JSON [(]1[)], .*no key",
        ),
        (Choice(partition=1, offset=0), "Expected a dead letter of partition 1, offset 0, found not JSON"),
    ],
)
def test_a_choice_of_nothing_is_an_error(choice: Choice, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        plan_redrive(iter(DEAD_LETTERS), choice)
    with pytest.raises(ConfigError, match="found no dead letter at all"):
        plan_redrive(iter([]), choice)


def test_a_key_is_mended_from_the_value() -> None:
    plan = plan_redrive(iter(DEAD_LETTERS), Choice(reason="key"), rekey=True)
    assert plan.records == {Place(2, 1): (b"c", GOOD, None)}
    assert plan.rejected == {Place(2, 5): "not a JSON object"}


def test_what_is_forced_is_sent_but_for_what_is_not_there() -> None:
    plan = plan_redrive(iter(DEAD_LETTERS), Choice(), force=True)
    assert {place.offset for place in plan.records} == {0, 1, 2, 4, 5}
    assert plan.records[Place(2, 4)] == (b"c", None, 2)
    assert plan.records[Place(2, 5)] == (None, b"[]", 2)
    assert plan.rejected == {Place(2, 3): LEFT_OUT}


def test_a_key_that_was_left_out_is_not_sent_as_none() -> None:
    dead_letters = [
        dead_letter(6, "key is not the connection_id", None, GOOD),
        dead_letter(7, "not JSON", None, b"{"),
        dead_letter(8, "null value", None, None),
    ]
    plan = plan_redrive(iter(dead_letters), Choice(), force=True)
    assert (plan.records, plan.rejected) == ({}, dict.fromkeys((one.place for one in dead_letters), NO_KEY))
    plan = plan_redrive(iter(dead_letters), Choice(), force=True, rekey=True)
    assert plan.records == {Place(2, 6): (b"c", GOOD, None)}
    plan = plan_redrive(iter(dead_letters[1:2]), Choice(), mended={Place(2, 7): (b"c", b"{")}, force=True)
    assert plan.records == {Place(2, 7): (b"c", b"{", None)}


def test_what_has_its_own_key_goes_to_its_own_partition() -> None:
    """Also with --rekey, where the key was right, and in a file, where only the value was corrected."""
    plan = plan_redrive(iter(DEAD_LETTERS), Choice(reason="seq"), rekey=True)
    assert plan.records == {Place(2, 2): (b"c", GOOD, 2)}
    plan = plan_redrive(iter(DEAD_LETTERS), Choice(), mended={Place(2, 0): (b"c", GOOD), Place(2, 1): (b"c", GOOD)})
    assert plan.records == {Place(2, 0): (b"c", GOOD, 2), Place(2, 1): (b"c", GOOD, None)}


def test_what_was_sent_before_is_not_sent_again() -> None:
    plan = plan_redrive(iter(DEAD_LETTERS), Choice(), sent={Place(2, 2), Place(9, 9)})
    assert (plan.records, plan.n_before) == ({}, 1)


def test_corrected_letters_are_meant_and_no_others() -> None:
    mended = {Place(2, 3): (b"c", GOOD), Place(2, 5): (b"c", b"{}")}
    plan = plan_redrive(iter(DEAD_LETTERS), Choice(), mended=mended)
    assert plan.records == {Place(2, 3): (b"c", GOOD, 2)}
    assert plan.rejected == {Place(2, 5): "no connection_id"}


def test_a_corrected_line_of_no_letter_is_refused() -> None:
    mended = dict.fromkeys([Place(2, 3), Place(2, 70), Place(3, 0)], (b"c", GOOD))
    with pytest.raises(ConfigError, match="found 2 without one, first partition 2, offset 70: correct or remove them"):
        plan_redrive(iter(DEAD_LETTERS), Choice(reason="larger"), mended=mended)
    plan = plan_redrive(iter(DEAD_LETTERS), Choice(reason="seq"), mended={Place(2, 3): (b"c", GOOD)})
    assert (plan.records, plan.rejected) == ({}, {}), "one that the other options leave out is no mistake"


@pytest.mark.parametrize(
    ("choice", "offsets"),
    [
        (Choice(), [0, 1, 2, 3, 4, 5]),
        (Choice(reason="key"), [1, 5]),
        (Choice(partition=2, offset=4), [4]),
        (Choice(partition=1), []),
        (Choice(since_at=AT + timedelta(hours=4)), [4, 5]),
    ],
)
def test_letters_are_chosen(choice: Choice, offsets: list[int]) -> None:
    assert [one.place.offset for one in DEAD_LETTERS if choice.takes(one)] == offsets


@pytest.mark.parametrize("value", [None, b"", b"no json", b"[]", b"{}", b'{"connection_id": 1}'])
def test_some_values_name_no_connection(value: bytes | None) -> None:
    assert connection_id_of(value) is None


@given(st.none() | st.binary(), st.none() | st.binary())
def test_a_printed_letter_is_refresh(tmp_path_factory: pytest.TempPathFactory, key: bytes, value: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "dead letters.jsonl"
    path.write_bytes(orjson.dumps(to_json(dead_letter(7, "x", key, value))) + b"\n")
    assert read_mended(path) == {Place(2, 7): (key, value)}


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        "[]",
        '{"partition": 1}',
        '{"partition": 1, "offset": 2, "key": "c"}',
        '{"partition": 1, "offset": 2, "key": "c", "value_base64": "?"}',
    ],
)
def test_a_line_that_is_no_letter_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "dead letters.jsonl"
    path.write_text(json.dumps(to_json(DEAD_LETTERS[0])) + "\n" + line + "\n")
    with pytest.raises(SchemaError, match="Expected line 2 of .* found"):
        read_mended(path)


def test_nothing_that_is_shown_controls_the_terminal() -> None:
    assert printable(None) == "NULL"
    assert printable(b"a\x1b[31m\x00\xff\xc2\x9b \xe2\x80\xa8") == "a\\x1b[31m\\x00\\xff\\x9b \\u2028"
    assert printable("Börse".encode()) == "Börse"
    assert printable(b"x" * 61) == "x" * 60 + "..."


@given(st.binary())
def test_all_that_is_shown_is_printable(data: bytes) -> None:
    assert printable(data).isprintable()

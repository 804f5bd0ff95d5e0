from __future__ import annotations

import json
import random

import pytest

from ingest.kafka.record_validity import check_record
from synthetic.corruption import FAULTS, Corrupt, corrupt, edges
from udfs.schema import SESSION_COLUMNS

KEY = b"conn-1"
FIELDS = {"connection_id": "conn-1", "recv_ts_ns": 10**18, "exchange_ts_ns": None, "msg_type": "NEW", "seq": 5}
VALUE = json.dumps(FIELDS | {"request_id": 1, "payload_bytes": 200, "declared_exchange": "kraken"}).encode()


def draw(seed: int, n: int) -> list[Corrupt]:
    rng = random.Random(seed)
    return [corrupt(rng, KEY, VALUE) for _ in range(n)]


def test_a_seed_draws_the_same_records_again() -> None:
    assert draw(1, 200) == draw(1, 200)
    assert draw(1, 200) != draw(2, 200)


@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_changes_something(kind: str) -> None:
    """A few hit what they would change it to: a value that is drawn, or a name that is not there."""
    rng = random.Random(3)
    fault, weight = FAULTS[kind]
    changed = [fault(rng, KEY, VALUE) != (KEY, VALUE) for _ in range(50)]
    assert weight > 0
    assert sum(changed) > 40


def test_every_field_of_a_message_is_spoiled() -> None:
    reasons = {check_record(key, value) for key, value in edges(KEY, VALUE)}
    spoiled = {reason.split()[0] for reason in reasons if reason is not None and " is not " in reason}
    assert spoiled >= {"connection_id", *SESSION_COLUMNS, "declared_exchange"}


def test_all_kinds_are_drawn() -> None:
    records = draw(4, 20_000)
    assert any(value is None for _, value in records)
    assert any(key is None for key, _ in records)
    assert any(value is not None and len(value) > 65_536 for _, value in records)
    assert any(key is not None and len(key) > 10_000 for key, _ in records)
    assert any(b"\x00" in (value or b"") for _, value in records)


def test_edges_are_no_matter_of_chance() -> None:
    records = list(edges(KEY, VALUE))
    assert records == list(edges(KEY, VALUE))
    assert len(records) > 500

"""The first test: messages of 10 bytes, handed over and settled at these seconds::

seconds  0.00   0.05   0.30   2.30        4.30
sent     a b    c      d                  e
batch    1 1    1      2                  3
settled                       a b   c d
"""

from __future__ import annotations

import pytest

from ingest.kafka.backlog import Backlog, Batch, Capacity


def send(backlog: Backlog, at_s: float, n: int = 1, value_bytes: int = 10) -> Batch:
    for _ in range(n):
        batch = backlog.batch(at_s)
        backlog.add(batch, value_bytes)
    return batch


@pytest.fixture
def backlog() -> Backlog:
    return Backlog(Capacity(messages=5, value_bytes=1_000))


def test_the_oldest_is_the_oldest_that_waits(backlog: Backlog) -> None:
    assert backlog.oldest_age_s(0.0) == 0.0
    first = send(backlog, 0.0, n=2)
    assert send(backlog, 0.05) is first
    second = send(backlog, 0.3)
    assert second is not first
    backlog.settle(first, 10, acknowledged=True)
    backlog.settle(first, 10, acknowledged=True)
    assert backlog.oldest_age_s(2.3) == 2.3
    backlog.settle(first, 10, acknowledged=False)
    assert backlog.oldest_age_s(2.3) == pytest.approx(2.0)
    backlog.settle(second, 10, acknowledged=True)
    assert backlog.oldest_age_s(2.3) == 0.0
    send(backlog, 4.3)
    assert backlog.oldest_age_s(4.5) == pytest.approx(0.2)
    assert (backlog.sent, backlog.acknowledged, backlog.failed, backlog.waiting) == (5, 3, 1, 1)
    assert (backlog.sent_bytes, backlog.waiting_bytes) == (50, 10)


def test_a_batch_may_be_settled_and_grow_again(backlog: Backlog) -> None:
    batch = send(backlog, 0.0)
    backlog.settle(batch, 10, acknowledged=True)
    assert backlog.oldest_age_s(0.04) == 0.0
    send(backlog, 0.05)
    assert backlog.oldest_age_s(1.05) == 1.05


def test_a_later_batch_may_be_settled_first(backlog: Backlog) -> None:
    send(backlog, 0.0)
    later = send(backlog, 1.0)
    backlog.settle(later, 10, acknowledged=True)
    assert backlog.oldest_age_s(3.0) == 3.0


def test_full_by_messages_until_half_of_them_are_gone(backlog: Backlog) -> None:
    batch = send(backlog, 0.0, n=4)
    assert not backlog.full
    send(backlog, 0.0, n=2)
    assert backlog.full
    for waiting in (5, 4, 3):
        backlog.settle(batch, 10, acknowledged=True)
        assert (backlog.waiting, backlog.full) == (waiting, True), "half of it has to be free again"
    backlog.settle(batch, 10, acknowledged=True)
    assert not backlog.full


def test_full_by_bytes(backlog: Backlog) -> None:
    send(backlog, 0.0, value_bytes=999)
    assert not backlog.full
    send(backlog, 0.0, value_bytes=1)
    assert backlog.full


@pytest.mark.parametrize(
    ("capacity", "lasts_s"),
    [
        (Capacity(messages=100, value_bytes=10**6), 35.0),  # 2 messages/s, 70 of 100 are free
        (Capacity(messages=10**6, value_bytes=400), 5.0),  # 20 bytes/s, 100 of 400 are free
        (Capacity(messages=20, value_bytes=10**6), 0.0),
    ],
)
def test_how_long_the_room_lasts(capacity: Capacity, lasts_s: float) -> None:
    backlog = Backlog(capacity)
    for second in range(15):
        send(backlog, float(second), n=2)
    assert backlog.lasts_s(15.0) == lasts_s


def test_how_long_the_room_lasts_is_unknown_without_a_rate(backlog: Backlog) -> None:
    assert backlog.lasts_s(0.0) is None
    send(backlog, 0.0)
    assert backlog.lasts_s(0.5) is None
    assert backlog.lasts_s(2.0) == 8.0  # 4 are free, 1 came in 2 seconds
    assert backlog.lasts_s(10.5) is None


def test_nothing_is_kept_of_what_is_settled(backlog: Backlog) -> None:
    for tenth in range(100_000):
        backlog.settle(send(backlog, tenth / 5), 10, acknowledged=True)
    assert (len(backlog._batches), len(backlog._marks)) == (1, 51)

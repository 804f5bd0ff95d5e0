"""Where a job goes on, against what its topic holds by now."""

from __future__ import annotations

import pytest

from ingest.kafka.topic_reader import Span
from jobs.cluster.replay_checks import check_offsets
from udfs.errors import ConfigError

SPANS = (Span(partition=0, first=0, end=100), Span(partition=1, first=40, end=50))


@pytest.mark.parametrize("committed", [{}, {0: 0, 1: 40}, {0: 100, 1: 50}, {0: 7}, {2: 9}])
def test_a_place_that_is_still_there_is_not_told(committed: dict[int, int]) -> None:
    said: list[str] = []
    check_offsets(committed, "t", SPANS, said.append)
    assert said == []


def test_records_that_were_deleted_unread_are_counted() -> None:
    said: list[str] = []
    check_offsets({0: 3, 1: 28}, "t", SPANS, said.append)
    assert said == [
        "Partition 1 begins at offset 40: up to 12 records were deleted before they were read, and counting starts "
        "anew there"
    ]


def test_an_end_below_the_place_is_refused() -> None:
    with pytest.raises(
        ConfigError, match="Expected partition 1 of t to reach offset 51, .* found that it ends at 50: "
    ):
        check_offsets({1: 51}, "t", SPANS, lambda _: None)

"""Which records can be given up."""

from __future__ import annotations

import pytest

from ingest.kafka.dead_letters import Place, to_place
from ingest.kafka.topic_reader import Span
from jobs.results.skipping import find_span
from udfs.errors import ConfigError

SPANS = (Span(partition=0, first=0, end=0), Span(partition=1, first=5, end=8))


def test_a_record_that_is_there_is_found() -> None:
    assert [find_span(SPANS, Place(1, offset)) for offset in (5, 7)] == [SPANS[1]] * 2


@pytest.mark.parametrize("place", [(0, 0), (1, 4), (1, 8), (2, 5)])
def test_a_record_that_is_not_there_is_refused_with_what_is(place: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=rf"found {place[0]}:{place[1]}, while it holds 1:5 to 1:7: correct it"):
        find_span(SPANS, Place(*place))


@pytest.mark.parametrize("text", ["", "1", "1:", ":1", "1:x", "-1:2", "1:2:3"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="Expected a record's place as PARTITION:OFFSET"):
        to_place(text)


def test_a_place_is_partition_and_offset() -> None:
    assert to_place("2:1234") == Place(2, 1234)

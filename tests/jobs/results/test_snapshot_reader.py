"""What ends the reading of snapshots, and what it waits out."""

from __future__ import annotations

import pytest

from jobs.results.watch.snapshot_reader import Poller, Source
from jobs.results.watch.view_snapshot import Choice, Snapshot
from udfs.errors import ConfigError, SchemaError, ServiceUnavailable


class Failing(Source):
    """Raises one error after another."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)

    def read(self, choice: Choice) -> Snapshot:
        raise self._errors.pop(0)


def test_a_database_that_is_away_is_waited_for_and_all_else_ends_the_reading() -> None:
    said: list[object] = []
    wrong = SchemaError("no tables")
    away = ServiceUnavailable("away")
    poller = Poller(
        Failing(away, away, wrong).read,
        Choice(),
        every_s=0.0,
        show=lambda _snapshot, _choice: said.append("shown"),
        complain=said.append,
        fail=said.append,
    )
    poller.start()
    poller.join(20)
    assert said == ["away", "away", wrong]


def test_an_address_that_is_none_is_no_outage() -> None:
    with pytest.raises(ConfigError, match="Expected DATABASE_URL to be postgresql://"):
        Source("localhost/fingerprint")

"""The wording of the views is that of the command line."""

from __future__ import annotations

import pytest
from psycopg2.extensions import connection as Connection

from jobs.results.wording import counted, spoken_duration

SECONDS = [0, 0.04, 0.2, 1, 5, 9.94, 9.96, 59.4, 59.6, 60, 61, 119.6, 2700, 3599.4, 3599.6, 3661, 7290, 86_369]
SECONDS += [86_371, 90_000, 172_799, 172_801, 259_200, 10**7]


@pytest.mark.parametrize("seconds", SECONDS)
def test_a_duration_is_said_the_same(database: Connection, seconds: float) -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT spoken_duration(%s)", (seconds,))
        assert cursor.fetchone() == (spoken_duration(seconds),)


@pytest.mark.parametrize("n", [0, 1, 2, 100])
def test_a_number_has_its_noun(database: Connection, n: int) -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT counted(%s, 'record')", (n,))
        assert cursor.fetchone() == (counted(n, "record"),)

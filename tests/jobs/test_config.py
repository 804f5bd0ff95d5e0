from __future__ import annotations

import pytest

from jobs.config import JobSettings, to_idle_gap_ns
from jobs.pipeline.assembly import job_options
from model.registry.database_url import parse_database_url
from udfs.errors import ConfigError

URL = "postgresql://ann:se%2Fcret@db.example:5433/prices"


def test_a_database_url_is_taken_apart() -> None:
    database = parse_database_url(URL)
    assert (database.hosts, database.name) == ((("db.example", 5433),), "prices")
    assert (database.user, database.password) == ("ann", "se/cret")
    assert database.jdbc_url.startswith("jdbc:postgresql://db.example:5433/prices?")


def test_the_password_is_in_no_text() -> None:
    database = parse_database_url(URL)
    assert "se/cret" not in repr(database) + repr(JobSettings(kafka="k:1", database=database)) + database.jdbc_url


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("mysql://a:b@h/db", "found another beginning"),
        ("postgresql://h", "found no user and no database"),
        ("postgresql://a:s3cret@h:port/db", "no number between 1 and 65535"),
    ],
)
def test_a_database_url_that_lacks_something_is_refused(url: str, found: str) -> None:
    with pytest.raises(ConfigError, match=found) as refused:
        parse_database_url(url)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["parallelism", "bundle_ms", "flush_ms", "checkpoint_ms", "idle_gap_minutes", "downtime_hours"]
)
@pytest.mark.parametrize("value", [0, float("nan"), float("inf")])
def test_settings_that_make_no_sense_are_refused(name: str, value: float) -> None:
    with pytest.raises(
        ConfigError, match=f"Expected {name.replace('_', '-')} to be a number above 0, found {value}: correct it"
    ):
        JobSettings(kafka="k:1", database=parse_database_url(URL), **{name: value})


@pytest.mark.parametrize("minutes", [-1, float("nan"), float("inf")])
def test_an_idle_gap_that_is_none_is_refused(minutes: float) -> None:
    with pytest.raises(ConfigError, match=f"Expected idle-gap-minutes to be a number above 0, found {minutes}"):
        to_idle_gap_ns(minutes)


def test_state_outlives_the_longest_idle_gap_between_windows_and_the_downtime() -> None:
    """Between two windows of a segment are 25 messages, each up to two minutes after the one before; then 3 hours."""
    settings = JobSettings(kafka="k:1", database=parse_database_url(URL), idle_gap_minutes=2, downtime_hours=3)
    assert settings.idle_gap_ns == 120 * 10**9
    assert settings.state_ttl_s == 25 * 120 + 3 * 3600


def test_the_cluster_keeps_its_state_backend_unless_told_otherwise() -> None:
    database = parse_database_url(URL)
    assert not [name for name in job_options(JobSettings(kafka="k:1", database=database)) if "state.backend" in name]
    options = job_options(JobSettings(kafka="k:1", database=database, state_backend="rocksdb"))
    assert options["state.backend.type"] == "rocksdb"
    assert options["execution.checkpointing.incremental"] == "true"

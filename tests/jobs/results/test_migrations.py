"""Migrations against a real PostgreSQL: from nothing, again, interrupted, two at once, and all that can refuse."""

from __future__ import annotations

import json
import tomllib
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
import yoyo

from api.results import Results
from fingerprint_testing.macro_expansion import Span, expand
from fingerprint_testing.paths import GRAFANA, ROOT, SQL
from jobs.results.migrations import _MIGRATE_LOCK, _behind_what_they_name, check_schema, migrate, sql_folder
from jobs.results.watch.snapshot_reader import Source
from jobs.results.watch.view_snapshot import Choice
from jobs.trials.sandbox import drop_if_there
from stack.roles import Role
from stack.stack_status import StackStatus
from udfs.errors import ConfigError, PipelineError, SchemaError, ServiceUnavailable

MIGRATIONS = sorted(path.stem for path in (SQL / "migrations").glob("*.sql"))


@pytest.fixture
def empty_database_url(database_url: str) -> Iterator[str]:
    name = f"empty_{uuid.uuid4().hex}"
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"CREATE DATABASE {name}")
        yield database_url.rpartition("/")[0] + f"/{name}"
        drop_if_there(cursor, name)


def query(url: str, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def schema(url: str) -> list[tuple[object, ...]]:
    """Every column of every table and view with its type and comment, every constraint, index, view and function."""
    return query(
        url,
        """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relnamespace = 'public'::regnamespace
        UNION ALL SELECT conname, pg_get_constraintdef(oid), '', '' FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT viewname, definition, '', '' FROM pg_views WHERE schemaname = 'public'
        UNION ALL SELECT proname, prosrc, '', '' FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        ORDER BY 1, 2, 3
        """,
    )


def test_migrates_an_empty_database_and_then_has_nothing_to_do(empty_database_url: str) -> None:
    lines: list[str] = []
    assert migrate(empty_database_url, progress=lines.append) == MIGRATIONS
    assert [f"Migration {name} applied" for name in MIGRATIONS] == lines[: len(MIGRATIONS)]
    before = schema(empty_database_url)

    lines.clear()
    assert migrate(empty_database_url, progress=lines.append) == []
    assert lines == []
    assert schema(empty_database_url) == before
    check_schema(empty_database_url)


def test_each_migration_that_was_interrupted_before_it_was_recorded_runs_again(empty_database_url: str) -> None:
    migrate(empty_database_url)
    before = schema(empty_database_url)
    query(empty_database_url, "DROP SCHEMA public CASCADE")
    query(empty_database_url, "CREATE SCHEMA public")
    with yoyo.get_backend(empty_database_url) as backend:
        for migration in backend.to_apply(yoyo.read_migrations(str(ROOT / "sql" / "migrations"))):
            backend.apply_one(migration)
            backend.unmark_one(migration)
            backend.apply_one(migration)
    assert migrate(empty_database_url) == []
    assert schema(empty_database_url) == before


# Rows as a job of release 0.4 wrote them: the words that have changed since are in them.
ROWS_OF_RELEASE_0_4 = """
    INSERT INTO model_versions (model_version, manifest, sha256)
    VALUES ('m', '{"classes": ["kraken", "unknown"],
        "feature_names": ["inter_arrival_log10_median_us", "inter_arrival_cv"],
        "reference": {"kraken": {"margin": {"deciles": [0.5], "shares": [0.5, 0.5], "missing_share": 0}}}}',
        repeat('0', 64));
    INSERT INTO model_activations (topic, model_version, from_offsets) VALUES ('raw_messages', 'm', '{}');
    INSERT INTO window_scores (connection_id, kafka_partition, last_offset, first_offset, window_start_at,
        window_end_at, declared_exchange, predicted_exchange, confidence, probabilities, unknown_score, model_version,
        fingerprint, features)
    VALUES ('c', 0, 124, 75, now() - interval '30 s', now() - interval '20 s', 'kraken', 'unknown', 0.9,
        '{"kraken": 0.1, "unknown": 0.9}', 0.9, 'm', 'xf1-N-t0-h1s-sc', '{0.5, null}');
    INSERT INTO connection_verdicts (connection_id, declared_exchange, verdict, certainty, probability, strength_nats,
        windows, messages, kafka_partition, last_offset, last_window_end_at, fingerprint, model_version)
    VALUES ('c', 'kraken', 'unknown', 'certain', 0.99, 12, 4, 125, 0, 124, now() - interval '20 s',
        'xf1-N-t0-h1s-sc', 'm');
    INSERT INTO connection_events (connection_id, kafka_partition, last_offset, kind, verdict, declared_exchange,
        since_at, since_offset, detected_at, messages, windows, strength_nats, probability, fingerprint, model_version)
    VALUES ('c', 0, 124, 'stranger', 'unknown', 'kraken', now(), 75, now() - interval '20 s', 125, 2, 12, 0.99,
        'xf1-N-t0-h1s-sc', 'm');
    INSERT INTO health_events (connection_id, kafka_partition, kafka_offset, kind, messages, since_at, since_offset,
        detected_at, rate_before, rate_now, score)
    VALUES ('c', 0, 125, 'drift', 126, now(), 75, now(), 5, 10, 4);
    INSERT INTO connection_activity (connection_id, kafka_partition, last_offset, messages, last_recv_at)
    VALUES ('c', 0, 125, 126, now() - interval '10 min');
    INSERT INTO dead_letters (kafka_partition, kafka_offset, reason) VALUES (0, 9, 'not JSON'), (0, 10, 'not JSON');
    INSERT INTO redriven_letters (kafka_partition, kafka_offset, new_partition, new_offset) VALUES (0, 9, 1, 200);
"""


def test_functions_and_views_that_differ_from_their_files_are_put_in_place(empty_database_url: str) -> None:
    migrate(empty_database_url)
    before = schema(empty_database_url)
    functions = query(
        empty_database_url, "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1"
    )
    assert functions == [(path.stem,) for path in sorted((ROOT / "sql" / "functions").glob("*.sql"))]
    query(
        empty_database_url,
        "CREATE OR REPLACE FUNCTION drop_old_partitions(retention interval, now_at timestamptz DEFAULT now()) "
        "RETURNS SETOF text LANGUAGE sql AS 'SELECT NULL::text LIMIT 0'; DROP VIEW model_schedule",
    )
    assert schema(empty_database_url) != before
    assert migrate(empty_database_url) == []
    assert schema(empty_database_url) == before


def test_what_names_another_comes_after_it() -> None:
    made = {
        "a": "CREATE VIEW a AS SELECT c(x) FROM b JOIN window_scores USING (connection_id)",
        "b": "CREATE VIEW b AS SELECT x FROM d(7)",
        "c": "CREATE FUNCTION c(x integer) RETURNS integer",
        "d": "CREATE FUNCTION d(n integer) ... PERFORM c(n) ...; COMMENT ON FUNCTION d(integer) IS 'See a.'",
    }
    assert list(_behind_what_they_name(made)) == ["c", "d", "b", "a"]


@pytest.fixture
def release_0_4_url(empty_database_url: str) -> str:
    """Make the database that release 0.4 leaves: its twelve migrations, its views, and rows in every table."""
    with yoyo.get_backend(empty_database_url) as backend:
        for migration in backend.to_apply(yoyo.read_migrations(str(ROOT / "sql" / "migrations"))):
            if migration.id < "0013":
                backend.apply_one(migration)
    query(empty_database_url, Path(__file__).with_name("release_0_4_views.sql").read_text())
    query(empty_database_url, ROWS_OF_RELEASE_0_4)
    return empty_database_url


def test_a_database_of_release_0_4_is_brought_up_to_date_with_its_rows(release_0_4_url: str, database_url: str) -> None:
    with pytest.raises(SchemaError, match="found it without 0013_vocabulary"):
        check_schema(release_0_4_url)
    assert migrate(release_0_4_url) == MIGRATIONS[12:]
    check_schema(release_0_4_url)
    migrate(database_url)
    assert schema(release_0_4_url) == schema(database_url)

    signature = [("xf1-N-t0-h1s-sc",)]
    for table in ("window_scores", "connection_verdicts", "connection_events", "scored_windows", "connection_status"):
        assert query(release_0_4_url, f"SELECT signature FROM {table}") == signature
    for table in ("connection_events", "verdict_events"):
        assert query(release_0_4_url, f"SELECT kind FROM {table}") == [("unknown_venue",)]
    redriven = "SELECT kafka_partition, kafka_offset, new_partition, new_offset FROM redriven_records"
    assert query(release_0_4_url, redriven) == [(0, 9, 1, 200)]
    assert query(release_0_4_url, "SELECT to_regclass('redriven_letters')") == [(None,)]
    counts = {
        view: query(release_0_4_url, f"SELECT count(*) FROM {view}")
        for view in sorted(path.stem for path in (ROOT / "sql" / "views").glob("*.sql"))
    }
    # Of what was written before, nothing tells whose clock was wrong; nor did anybody say that a connection ended.
    assert {view for view, found in counts.items() if found == [(0,)]} == {"skewed_connections", "ended_connections"}


# The same, many times over: of forty connections, in this month and the two before.
MORE_ROWS_OF_RELEASE_0_4 = """
    INSERT INTO window_scores (connection_id, kafka_partition, last_offset, first_offset, window_start_at,
        window_end_at, declared_exchange, predicted_exchange, confidence, probabilities, unknown_score, model_version,
        fingerprint, features)
    SELECT 'c-' || c, c % 4, 25 * w + 49, 25 * w, now() - interval '3 d' * w - interval '1 h',
        now() - interval '3 d' * w, 'kraken', 'unknown', 0.5 + c / 100.0, '{"kraken": 0.1, "unknown": 0.9}', 0.9, 'm',
        'xf1-N-t0-h1s-sc', ARRAY[w / 100.0, null]
    FROM generate_series(1, 40) AS c, generate_series(0, 24) AS w;
    INSERT INTO connection_verdicts (connection_id, declared_exchange, verdict, certainty, probability, strength_nats,
        windows, messages, kafka_partition, last_offset, last_window_end_at, fingerprint, model_version)
    SELECT 'c-' || c, 'kraken', 'unknown', 'certain', 0.99, 12, 25, 650, c % 4, 649, now(), 'xf1-N-t0-h1s-sc', 'm'
    FROM generate_series(1, 40) AS c;
    INSERT INTO connection_events (connection_id, kafka_partition, last_offset, kind, verdict, declared_exchange,
        since_at, since_offset, detected_at, messages, windows, strength_nats, probability, fingerprint, model_version)
    SELECT 'c-' || c, c % 4, 649, CASE c % 2 WHEN 0 THEN 'stranger' ELSE 'mismatch' END, 'unknown', 'kraken', now(), 75,
        now() - interval '20 s', 125, 2, 12, 0.99, 'xf1-N-t0-h1s-sc', 'm'
    FROM generate_series(1, 40) AS c;
    INSERT INTO dead_letters (kafka_partition, kafka_offset, reason)
    SELECT 1, n, 'not JSON' FROM generate_series(1, 1000) AS n;
"""

NAMES_SINCE_0_4 = {"redriven_letters": "redriven_records", "fingerprint": "signature"}


def what_is_stored(url: str, tables: dict[str, list[str]]) -> dict[str, object]:
    """Return for each table the number of rows, and a sum of hashes of some of its columns, by their names of now."""
    found: dict[str, object] = {}
    for table, columns in tables.items():
        values = ", ".join("replace(kind, 'stranger', 'unknown_venue')" if c == "kind" else c for c in columns)
        sum_of_hashes = f"count(*), sum(hashtextextended(ROW({values})::text, 0))"
        found[NAMES_SINCE_0_4.get(table, table)] = query(url, f"SELECT {sum_of_hashes} FROM {table}")
    return found


def test_rows_of_release_0_4_are_what_they_were_and_can_be_read(release_0_4_url: str, local_stack: StackStatus) -> None:
    query(release_0_4_url, MORE_ROWS_OF_RELEASE_0_4)
    listed = query(
        release_0_4_url,
        "SELECT table_name, array_agg(column_name::text ORDER BY column_name) FROM information_schema.columns "
        "JOIN information_schema.tables USING (table_schema, table_name) "
        "WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name !~ 'yoyo|window_scores_' "
        "GROUP BY 1",
    )
    tables: dict[str, list[str]] = dict(listed)  # type: ignore[arg-type]
    before = what_is_stored(release_0_4_url, tables)
    assert before["window_scores"] != [(0, None)]
    migrate(release_0_4_url)
    renamed = {
        NAMES_SINCE_0_4.get(table, table): [NAMES_SINCE_0_4.get(column, column) for column in columns]
        for table, columns in tables.items()
    }
    assert what_is_stored(release_0_4_url, renamed) == before

    reader = urlsplit(local_stack.database_urls[Role.READER])._replace(path=urlsplit(release_0_4_url).path)
    results = Results(urlunsplit(reader))
    asked = {"exchange": "unknown", "declared": None, "certainty": "certain", "after": ""}
    assert len(results.connections(**asked, limit=100)) == 41
    assert (results.connection("c-7") or {})["events"][0]["kind"] == "mismatch"
    assert {alert["rule"] for alert in results.alerts(["unknown venue"])} == {"unknown venue"}
    snapshot = Source(urlunsplit(reader)).read(Choice(limit=100)).to_json()
    assert len(snapshot["connections"]) == 41
    now = datetime.now(UTC)
    for path in sorted((GRAFANA / "dashboards").glob("*.json")):
        dashboard = json.loads(path.read_text())
        variables = dashboard["templating"]["list"]
        span = Span(start=now - timedelta(days=90), end=now, interval_s=3600)
        chosen = {"connection": "c-7"} if "connection" in {variable["name"] for variable in variables} else {}
        for target in (target for panel in dashboard["panels"] for target in panel.get("targets", ())):
            if "rawSql" in target:
                query(urlunsplit(reader), expand(target["rawSql"], variables, chosen, span))


def test_a_login_that_release_0_4_knows_nothing_of_is_told_to_migrate(
    release_0_4_url: str, local_stack: StackStatus
) -> None:
    reader = urlsplit(local_stack.database_urls[Role.READER])._replace(path=urlsplit(release_0_4_url).path)
    with pytest.raises(SchemaError, match=r"before the first `fingerprint migrate` of this version: run it"):
        check_schema(urlunsplit(reader))
    migrate(release_0_4_url)
    check_schema(urlunsplit(reader))


def test_models_registered_before_an_upgrade_name_their_features(empty_database_url: str) -> None:
    migrate(empty_database_url)
    query(empty_database_url, "ALTER TABLE model_versions DROP COLUMN feature_names CASCADE")
    query(empty_database_url, "DELETE FROM _yoyo_migration WHERE migration_id = '0014_model_features'")
    query(
        empty_database_url,
        """
        INSERT INTO model_versions (model_version, manifest, sha256)
        SELECT version, manifest::jsonb, repeat('0', 64)
        FROM (VALUES ('old', '{"feature_names": ["b", "a"]}'), ('older', '{}')) AS models (version, manifest)
        """,
    )
    assert migrate(empty_database_url) == ["0014_model_features"]
    found = query(
        empty_database_url, "SELECT model_version, position, feature FROM feature_positions ORDER BY position"
    )
    assert found == [("old", 1, "b"), ("old", 2, "a")]


def test_two_at_once_apply_each_migration_once(empty_database_url: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        applied = [pool.submit(migrate, empty_database_url) for _ in range(2)]
        assert sorted(future.result() for future in applied) == [[], MIGRATIONS]


def test_missing_migrations_are_named_and_nothing_is_changed(empty_database_url: str) -> None:
    with pytest.raises(SchemaError, match=r"found it without 0001_window_scores, .*: run `fingerprint migrate`"):
        check_schema(empty_database_url)
    assert schema(empty_database_url) == []

    migrate(empty_database_url)
    query(empty_database_url, "DELETE FROM _yoyo_migration WHERE migration_id LIKE '0003%'")
    with pytest.raises(SchemaError, match="found it without 0003_model_versions:"):
        check_schema(empty_database_url)


@pytest.mark.parametrize("action", [migrate, check_schema])
def test_the_schema_of_a_newer_version_is_refused_and_left_alone(
    empty_database_url: str, action: Callable[[str], object]
) -> None:
    migrate(empty_database_url)
    query(
        empty_database_url,
        "INSERT INTO _yoyo_migration (migration_hash, migration_id) VALUES ('x', '9999_tomorrow'); "
        "DROP VIEW model_schedule",
    )
    before = schema(empty_database_url)
    with pytest.raises(SchemaError, match="found it with 9999_tomorrow of a newer one: use that version"):
        action(empty_database_url)
    assert schema(empty_database_url) == before


def test_retention_drops_what_ended_before_it(empty_database_url: str) -> None:
    migrate(empty_database_url)
    query(empty_database_url, "SELECT create_partitions('2020-01-15 12:00+00', 2)")
    lines: list[str] = []
    assert migrate(empty_database_url, retention_days=30, progress=lines.append) == []
    assert lines == [
        "Partition window_scores_2020_01 dropped: older than 30 days",
        "Partition window_scores_2020_02 dropped: older than 30 days",
    ]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.results.migrations.LOCK_TIMEOUT_S", 2)


@pytest.mark.usefixtures("impatient")
def test_an_open_transaction_is_waited_for_no_longer_and_named(empty_database_url: str) -> None:
    migrate(empty_database_url)
    query(empty_database_url, "SELECT create_partitions('2020-01-15 12:00+00', 1)")
    with closing(psycopg2.connect(empty_database_url, application_name="a notebook")) as analyst:
        with analyst.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM window_scores")
        with pytest.raises(ServiceUnavailable) as caught:
            migrate(empty_database_url, retention_days=30)
        sentence = str(caught.value)
        assert "to be free within 2 s, found one held by a transaction of " in sentence
        assert " in 'a notebook', which began at 2" in sentence
        assert sentence.endswith(
            f": let it end, or end it by SELECT pg_terminate_backend({analyst.info.backend_pid}), and run it again"
        )
        analyst.rollback()
    lines: list[str] = []
    migrate(empty_database_url, retention_days=30, progress=lines.append)
    assert lines == ["Partition window_scores_2020_01 dropped: older than 30 days"]


@pytest.mark.usefixtures("impatient")
def test_a_migration_waits_no_longer_either(empty_database_url: str) -> None:
    migrate(empty_database_url)
    query(empty_database_url, "DELETE FROM _yoyo_migration WHERE migration_id LIKE '0010%'")
    with closing(psycopg2.connect(empty_database_url)) as analyst, analyst.cursor() as cursor:
        cursor.execute("LOCK TABLE window_scores")
        with pytest.raises(
            ServiceUnavailable, match=r"found one held by a transaction of .*: let it end, or end it by"
        ):
            migrate(empty_database_url)
        analyst.rollback()
    assert migrate(empty_database_url) == [name for name in MIGRATIONS if name.startswith("0010")]


@pytest.mark.usefixtures("impatient")
def test_another_migrate_is_waited_for_as_long_as_it_takes(empty_database_url: str) -> None:
    with ThreadPoolExecutor(1) as pool, closing(psycopg2.connect(empty_database_url)) as other:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", (_MIGRATE_LOCK,))
        waiting = pool.submit(migrate, empty_database_url)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=4)
        other.close()
        assert waiting.result() == MIGRATIONS


def test_retention_below_a_day_is_refused(database_url: str) -> None:
    with pytest.raises(ConfigError, match="at least 1 day, found 0"):
        migrate(database_url, retention_days=0)


@pytest.mark.parametrize("action", [migrate, check_schema])
@pytest.mark.parametrize(
    ("old", "new", "kind", "reason"),
    [
        ("password", "hush-hush", ConfigError, "password authentication failed"),
        ("port", "1", ServiceUnavailable, "Connection refused"),
        ("database", "no_such_database", ConfigError, 'database "no_such_database" does not exist'),
    ],
)
def test_a_database_that_cannot_be_reached_is_one_sentence(
    database_url: str, action: Callable[[str], object], old: str, new: str, kind: type[PipelineError], reason: str
) -> None:
    head, _, tail = database_url.partition("@")
    user, _, password = head.rpartition(":")
    host, _, rest = tail.partition(":")
    port, _, database = rest.partition("/")
    parts = {"password": password, "port": port, "database": database} | {old: new}
    with pytest.raises(kind, match=reason) as caught:
        action(f"{user}:{parts['password']}@{host}:{parts['port']}/{parts['database']}")
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(" DATABASE_URL")
    assert parts["password"] not in message


def test_a_user_who_may_not_create_tables_is_told_so(empty_database_url: str) -> None:
    query(empty_database_url, "CREATE ROLE onlooker LOGIN PASSWORD 'hush-hush'")
    try:
        tail = empty_database_url.partition("@")[2]
        with pytest.raises(ConfigError, match="'onlooker' to be allowed to create tables .* denies it") as caught:
            migrate(f"postgresql://onlooker:hush-hush@{tail}")
        assert "hush-hush" not in str(caught.value)
        assert "\n" not in str(caught.value)
    finally:
        query(empty_database_url, "DROP ROLE onlooker")


def test_who_may_not_make_roles_goes_on_without_and_is_told_the_sql(
    admin_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has the groups of the stack: here they have names that it has not."""
    of_this_test = uuid.uuid4().hex[:8]
    monkeypatch.setattr(Role, "group", property(lambda role: f"absent_{role}_{of_this_test}"))
    user, name = f"modest_{of_this_test}", f"modest_{of_this_test}"
    query(admin_database_url, f"CREATE ROLE {user} LOGIN PASSWORD 'hush-hush'")
    query(admin_database_url, f"CREATE DATABASE {name} OWNER {user}")
    place = admin_database_url.partition("@")[2].rpartition("/")[0]
    url, owner = (
        f"postgresql://{user}:hush-hush@{place}/{name}",
        "SELECT tableowner FROM pg_tables WHERE tablename = 'window_scores'",
    )
    try:
        lines: list[str] = []
        assert migrate(url, progress=lines.append) == MIGRATIONS
        (told,) = [line for line in lines if line.startswith("Expected the roles absent_owner_")]
        assert f"found that '{user}' may not make them" in told
        assert query(url, owner) == [(user,)]
        query(admin_database_url, told.split("`")[1])
        lines.clear()
        assert migrate(url, progress=lines.append) == []
        assert lines == []
        assert query(url, owner) == [(f"absent_owner_{of_this_test}",)]
    finally:
        query(admin_database_url, f"DROP DATABASE {name} WITH (FORCE)")
        for absent in [user, *(role.group for role in Role)]:
            query(admin_database_url, f"DROP ROLE IF EXISTS {absent}")


def test_every_sql_file_is_packed_into_the_wheel() -> None:
    data_files = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    packed = {path for patterns in data_files.values() for pattern in patterns for path in ROOT.glob(pattern)}
    assert {*SQL.glob("*/*.sql")} == {path for path in packed if path.is_relative_to(SQL)}
    assert sql_folder() == SQL

"""What each role of the database may do and may not, tried by a login that is a member of nothing else."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg2
import pytest
from psycopg2.errors import InsufficientPrivilege
from psycopg2.extensions import connection as Connection

from fingerprint_testing.paths import SQL
from jobs.cluster.model_activation import ensure_schedule
from jobs.doctor.findings import Level
from jobs.doctor.service_checks import job_login_finding
from jobs.pipeline.result_tables import RESULT_TABLES
from jobs.results.job_rights import check_job_rights, read_job_rights
from jobs.results.migrations import migrate, our_names
from model.registry.model_registry import ANNOUNCED_FOR_S
from stack.database_roles import set_login
from stack.roles import Role
from stack.services.postgres_logins import make_logins
from udfs.errors import ConfigError

RESULTS = tuple(RESULT_TABLES)
PASSWORD = "hush-hush"  # noqa: S105 (of logins that are gone after the test)
WRITABLE = "-c default_transaction_read_only=off"  # what keeps a reader from writing is its rights, not its settings

READ_ALERTS = "SELECT * FROM alerts"
READ_RESULTS = "SELECT * FROM window_scores"
READ_MODELS = "SELECT booster FROM model_versions"
READ_SCHEMA = "SELECT migration_id FROM _yoyo_migration"
WRITE_DEAD_LETTER = (
    "INSERT INTO dead_letters (kafka_partition, kafka_offset, reason) VALUES (0, 7, 'skipped') "
    "ON CONFLICT (kafka_partition, kafka_offset) DO NOTHING"
)
WRITE_ACTIVITY = (
    "INSERT INTO connection_activity (connection_id, kafka_partition, last_offset, messages, last_recv_at) "
    "VALUES ('c', 0, 7, 8, now()) ON CONFLICT (connection_id) DO UPDATE SET messages = excluded.messages"
)
WRITE_WINDOW = """
    INSERT INTO window_scores (connection_id, kafka_partition, last_offset, first_offset, window_start_at,
        window_end_at, predicted_exchange, confidence, probabilities, unknown_score, model_version)
    VALUES ('c', 0, 49, 0, now(), now(), 'kraken', 1, '{"kraken": 1}', 0, 'test-1')
    ON CONFLICT (connection_id, kafka_partition, last_offset, window_end_at)
    DO UPDATE SET confidence = excluded.confidence
"""
WRITE_MODEL = f"INSERT INTO model_versions (model_version, manifest, sha256) VALUES ('evil', '{{}}', '{'0' * 64}')"
CHANGE_MODEL = "UPDATE model_versions SET booster = ''"
ACTIVATE = "INSERT INTO model_activations (topic, model_version, from_offsets) VALUES ('t', 'test-1', '{}')"
DEACTIVATE = "DELETE FROM model_activations WHERE topic = 'none'"
WITHDRAW = "UPDATE model_activations SET is_void = true WHERE topic = 'none'"
WITHDRAW_OVERDUE = "SELECT withdraw_overdue_activation('none')"
FORGET = "SELECT forget_replaced_events('none', 0, 0)"
CLAIM = "INSERT INTO redriven_records (kafka_partition, kafka_offset) VALUES (0, 1)"
GIVE_UP = "DELETE FROM redriven_records"
DDL = {
    "CREATE TABLE mine (n integer)",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "CREATE ROLE mine",
    "ALTER TABLE window_scores ADD COLUMN mine integer",
    "DROP TABLE window_scores",
    "DROP VIEW alerts",
    "TRUNCATE dead_letters",
    "SELECT create_partitions('2031-01-15 00:00+00', 1)",
    "ALTER TABLE window_scores DISABLE TRIGGER ALL",
    "GRANT fingerprint_owner TO CURRENT_USER",
    "SET ROLE fingerprint_owner",
    "SET session_replication_role = replica",
}
OF_THE_SERVER = {
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/mine'",
    "COPY dead_letters (reason) FROM '/etc/hostname'",
    "SELECT pg_read_file('/etc/hostname')",
    "SELECT * FROM pg_authid",
    "SELECT lo_import('/etc/hostname')",
    "SELECT pg_reload_conf()",
    "ALTER ROLE fingerprint_owner SUPERUSER",
}
FORBIDDEN = DDL | OF_THE_SERVER
DELETES = {f"DELETE FROM {table}" for table in RESULTS}
UPSERTS = {WRITE_ACTIVITY, WRITE_WINDOW}
WRITES_OF_MODELS = {WRITE_MODEL, CHANGE_MODEL, ACTIVATE, DEACTIVATE, WITHDRAW}
EVERYTHING = (
    {READ_ALERTS, READ_RESULTS, READ_MODELS, READ_SCHEMA, WRITE_DEAD_LETTER, WITHDRAW_OVERDUE, FORGET, CLAIM, GIVE_UP}
    | DELETES
    | UPSERTS
    | WRITES_OF_MODELS
)
MAY = {
    Role.JOB: {READ_RESULTS, READ_MODELS, READ_SCHEMA, WRITE_DEAD_LETTER, WITHDRAW_OVERDUE} | UPSERTS,
    Role.MODEL_ADMIN: {READ_RESULTS, READ_MODELS, READ_SCHEMA, WITHDRAW_OVERDUE, FORGET} | WRITES_OF_MODELS,
    Role.REDRIVE: {READ_SCHEMA, WRITE_DEAD_LETTER, CLAIM, GIVE_UP},
    Role.READER: {READ_ALERTS, READ_RESULTS, READ_MODELS, READ_SCHEMA, WITHDRAW_OVERDUE},
}
ALLOWED = [(role, statement) for role, statements in MAY.items() for statement in sorted(statements)]
REFUSED = [(role, statement) for role in MAY for statement in sorted((EVERYTHING - MAY[role]) | FORBIDDEN)]


def named(role_or_statement: object) -> str:
    return " ".join(str(role_or_statement).split())[:60]


@pytest.fixture(scope="module", params=["made by its owner", "made by a superuser before there were roles"])
def migrated_url(request: pytest.FixtureRequest, admin_database_url: str, database_url: str) -> str:
    """A database as a new one is, and one that is full and belongs to a superuser."""
    if request.param == "made by its owner":
        migrate(database_url)
        return database_url
    with closing(psycopg2.connect(admin_database_url)) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        become_as_before(cursor)
        cursor.execute(WRITE_WINDOW)
        cursor.execute(WRITE_ACTIVITY)
    migrate(admin_database_url)
    with closing(psycopg2.connect(database_url)) as owner, owner.cursor() as cursor:
        cursor.execute("SELECT connection_id, messages FROM connection_activity")
        assert cursor.fetchall() == [("c", 8)]
    return database_url


def become_as_before(cursor: psycopg2.extensions.cursor) -> None:
    """Let all belong to the superuser, and take every right away."""
    cursor.execute(
        "SELECT format('ALTER %s %s OWNER TO CURRENT_USER', CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, "
        "oid::regclass) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') "
        "UNION ALL SELECT format('ALTER FUNCTION %s OWNER TO CURRENT_USER', oid::regprocedure) FROM pg_proc "
        "WHERE pronamespace = 'public'::regnamespace"
    )
    for (statement,) in cursor.fetchall():
        cursor.execute(statement)
    groups = ", ".join(role.group for role in Role)
    cursor.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {groups}")
    cursor.execute(f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM {groups}")
    cursor.execute(f"REVOKE ALL ON SCHEMA public FROM {groups}")


@pytest.fixture(scope="module")
def log_in(admin_database_url: str, migrated_url: str) -> Iterator[Callable[[Role], Connection]]:
    """Return a function that opens a session as a new member of a group."""
    tail = migrated_url.partition("@")[2]
    logins = {role: f"{role}_{uuid.uuid4().hex}" for role in Role}
    with closing(psycopg2.connect(admin_database_url)) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        for role, login in logins.items():
            set_login(cursor, login, PASSWORD, role)
        try:
            yield lambda role: psycopg2.connect(f"postgresql://{logins[role]}:{PASSWORD}@{tail}", options=WRITABLE)
        finally:
            for login in logins.values():
                cursor.execute(f"DROP ROLE {login}")


@pytest.mark.parametrize(("role", "statement"), ALLOWED, ids=named)
def test_may(log_in: Callable[[Role], Connection], migrated_url: str, role: Role, statement: str) -> None:
    if statement == ACTIVATE:
        with closing(psycopg2.connect(migrated_url)) as owner, owner.cursor() as cursor:
            cursor.execute(WRITE_MODEL.replace("evil", "test-1") + " ON CONFLICT DO NOTHING")
            owner.commit()
    with closing(log_in(role)) as session, session.cursor() as cursor:
        cursor.execute(statement)
        session.rollback()


@pytest.mark.parametrize(("role", "statement"), REFUSED, ids=named)
def test_may_not(log_in: Callable[[Role], Connection], role: Role, statement: str) -> None:
    with closing(log_in(role)) as session, session.cursor() as cursor, pytest.raises(InsufficientPrivilege):
        cursor.execute(statement)


def test_the_owner_migrates_and_is_no_superuser(log_in: Callable[[Role], Connection]) -> None:
    with closing(log_in(Role.OWNER)) as session:
        with session.cursor() as cursor:
            for statement in sorted(OF_THE_SERVER):
                with pytest.raises(InsufficientPrivilege):
                    cursor.execute(statement)
                session.rollback()
            cursor.execute("DROP VIEW exchange_activity CASCADE")
            cursor.execute("DELETE FROM _yoyo_migration WHERE migration_id LIKE '0010%'")
        session.commit()
        assert migrate(url_of(session)) == ["0010_query_indexes"]


def test_views_and_partitions_that_are_made_anew_have_the_same_rights(
    log_in: Callable[[Role], Connection], migrated_url: str
) -> None:
    with closing(psycopg2.connect(migrated_url)) as owner, owner.cursor() as cursor:
        cursor.execute("DROP VIEW alerts, connection_status CASCADE")
        cursor.execute("SELECT create_partitions('2025-05-15 00:00+00', 1)")
        cursor.execute("GRANT DELETE ON window_scores TO fingerprint_job")
        owner.commit()
    migrate(migrated_url)
    with closing(log_in(Role.READER)) as session, session.cursor() as cursor:
        for relation in ("alerts", "connection_status", "window_scores_2025_05"):
            cursor.execute(f"SELECT * FROM {relation}")
    with closing(log_in(Role.JOB)) as session, session.cursor() as cursor:
        cursor.execute(WRITE_WINDOW.replace("now(), now()", "'2025-05-02', '2025-05-02'"))
        cursor.execute("SELECT tableoid::regclass::text FROM window_scores WHERE window_end_at = '2025-05-02'")
        assert cursor.fetchall() == [("window_scores_2025_05",)]
        with pytest.raises(InsufficientPrivilege):
            cursor.execute("DELETE FROM window_scores")


def test_all_results_belong_to_the_owner(migrated_url: str) -> None:
    with closing(psycopg2.connect(migrated_url)) as owner, owner.cursor() as cursor:
        cursor.execute("SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relname = ANY(%s)", ([*RESULTS],))
        assert cursor.fetchall() == [("fingerprint_owner",)]


def test_no_table_is_forgotten(migrated_url: str) -> None:
    """A new one is named where tables are handed over to the owner, and where it is said who may write it."""
    granted = (SQL / "roles" / "grants.sql").read_text()
    with closing(psycopg2.connect(migrated_url)) as owner, owner.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') "
            "AND NOT relispartition AND relname !~ 'yoyo'"
        )
        tables = {name for (name,) in cursor.fetchall()}
    assert tables >= {*RESULTS, "redriven_records"}
    assert tables - {*our_names(), "redriven_records"} == set()
    assert {name for name in tables if not re.search(rf"\b{name}\b[^;]* TO ", granted)} == set()


def test_the_function_and_the_registry_wait_equally_long() -> None:
    source = (SQL / "functions" / "withdraw_overdue_activation.sql").read_text()
    assert f"interval '{ANNOUNCED_FOR_S} seconds'" in source


def test_an_activation_that_has_its_time_yet_is_not_withdrawn(
    log_in: Callable[[Role], Connection], migrated_url: str
) -> None:
    with closing(psycopg2.connect(migrated_url)) as owner, owner.cursor() as cursor:
        owner.autocommit = True
        cursor.execute(WRITE_MODEL.replace("evil", "test-2"))
        cursor.execute(
            "INSERT INTO model_activations (topic, model_version, requested_at) "
            "VALUES ('new', 'test-2', now()), ('old', 'test-2', now() - make_interval(secs => %s))",
            (ANNOUNCED_FOR_S + 1,),
        )
        with closing(log_in(Role.JOB)) as session, session.cursor() as as_job:
            for topic in ("new", "old"):
                as_job.execute("SELECT withdraw_overdue_activation(%s)", (topic,))
            session.commit()
        cursor.execute("SELECT topic, is_void FROM model_activations WHERE topic IN ('new', 'old') ORDER BY topic")
        assert cursor.fetchall() == [("new", False), ("old", True)]
        cursor.execute("DELETE FROM model_activations")
        cursor.execute("DELETE FROM model_versions WHERE model_version = 'test-2'")


@pytest.mark.parametrize("temporary", ["model_activations", "connection_events"])
def test_a_temporary_table_is_not_taken_for_ours(
    log_in: Callable[[Role], Connection], migrated_url: str, temporary: str
) -> None:
    """What runs as the owner must not be led to a table of the caller's, whose triggers would run as the owner too."""
    role, call = {
        "model_activations": (Role.JOB, "SELECT withdraw_overdue_activation('t')"),
        "connection_events": (Role.MODEL_ADMIN, "SELECT forget_replaced_events('t', 0, 0)"),
    }[temporary]
    with closing(log_in(role)) as session, session.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {temporary} (LIKE public.{temporary})")
        cursor.execute(
            "CREATE FUNCTION pg_temp.led_astray() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE 'as %', current_user; END $$"
        )
        cursor.execute(f"CREATE TRIGGER t BEFORE UPDATE OR DELETE ON {temporary} EXECUTE FUNCTION pg_temp.led_astray()")
        cursor.execute(call)


def url_of(session: Connection) -> str:
    told = session.get_dsn_parameters()
    return f"postgresql://{told['user']}:{PASSWORD}@{told['host']}:{told['port']}/{told['dbname']}"


def test_the_job_has_all_rights_that_it_needs_and_no_other(log_in: Callable[[Role], Connection]) -> None:
    with closing(log_in(Role.JOB)) as session:
        assert check_job_rights(url_of(session)) == []
        assert job_login_finding(read_job_rights(url_of(session))).level is Level.OK


def test_a_job_that_may_do_more_is_warned_of(log_in: Callable[[Role], Connection], admin_database_url: str) -> None:
    (warning,) = check_job_rights(admin_database_url)
    assert "found that 'fingerprint' is a superuser: name a login in JOB_DATABASE_URL" in warning
    with closing(log_in(Role.OWNER)) as session:
        rights = read_job_rights(url_of(session))
    assert rights.excess == ["owns our tables", "may make tables", "may write models", "may delete results"]
    assert job_login_finding(rights).level is Level.WARNING


def test_each_right_of_the_job_is_looked_for(log_in: Callable[[Role], Connection], migrated_url: str) -> None:
    """What is granted to it is what is said to be missing when all is taken away."""
    with closing(psycopg2.connect(migrated_url)) as owner, owner.cursor() as cursor:
        cursor.execute(
            "SELECT privilege_type || ' on ' || table_name FROM information_schema.table_privileges "
            "WHERE grantee = 'fingerprint_job'"
        )
        granted = {right for (right,) in cursor.fetchall()}
        cursor.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM fingerprint_job")
        owner.commit()
    with closing(log_in(Role.JOB)) as session:
        assert set(read_job_rights(url_of(session)).missing) == granted
    migrate(migrated_url)


def test_a_job_that_lacks_a_right_is_refused(log_in: Callable[[Role], Connection]) -> None:
    with closing(log_in(Role.REDRIVE)) as session:
        with pytest.raises(ConfigError, match=r"without .*UPDATE on dead_letters.*: run `fingerprint migrate`, then"):
            check_job_rights(url_of(session))
        assert job_login_finding(read_job_rights(url_of(session))).level is Level.PROBLEM


def test_a_job_by_hand_on_a_topic_without_a_model_says_what_to_do(log_in: Callable[[Role], Connection]) -> None:
    with closing(log_in(Role.JOB)) as session, pytest.raises(ConfigError, match="model activate --from-start"):
        ensure_schedule(url_of(session), "never read", None, None)


def test_a_local_stack_of_before_there_were_roles_is_its_owners_when_it_starts(
    admin_database_url: str, migrated_url: str
) -> None:
    logins = {role: (f"{role}_{uuid.uuid4().hex}", PASSWORD) for role in Role}
    with closing(psycopg2.connect(admin_database_url)) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        become_as_before(cursor)
        try:
            assert make_logins(admin_database_url, logins)
            assert make_logins(admin_database_url, logins)
            assert migrate(f"postgresql://{logins[Role.OWNER][0]}:{PASSWORD}@{migrated_url.partition('@')[2]}") == []
            cursor.execute(
                "SELECT rolname, rolsuper FROM pg_roles WHERE rolname = ANY(%s)", ([*dict(logins.values())],)
            )
            assert sorted(cursor.fetchall()) == sorted((name, False) for name, _ in logins.values())
        finally:
            for name, _ in logins.values():
                cursor.execute(f"DROP ROLE {name}")


def test_logins_are_made_when_the_server_answers(admin_database_url: str) -> None:
    assert not make_logins(admin_database_url.replace(":" + admin_database_url.split(":")[-1], ":1/x"), {})

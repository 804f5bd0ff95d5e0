"""What is said of a database, on a real PostgreSQL: a mistake, a server that is away, other tables, and a bug."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import pytest
from psycopg2.errors import SyntaxError as SqlSyntaxError

from model.registry.database import LastingConnection, connect
from stack.ports import free_port
from udfs.errors import ConfigError, SchemaError, ServiceUnavailable


def ask(url: str, statement: str, *, statement_timeout_s: int = 0) -> None:
    with (
        connect(url, application_name="a-test", statement_timeout_s=statement_timeout_s) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.parametrize("url", ["localhost:5432", "mysql://a:b@c/d", "postgresql://a:b@c:x/d"])
def test_an_address_that_is_none_is_a_mistake(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^Expected DATABASE_URL to be postgresql://.*, found .*: "):
        ask(url, "SELECT 1")


def test_a_server_that_does_not_answer_is_away() -> None:
    url = f"postgresql://a:b@127.0.0.1:{free_port()}/d"
    with pytest.raises(ServiceUnavailable, match=r"^Expected to reach .* as user 'a', found Connection refused: check"):
        ask(url, "SELECT 1")


@pytest.mark.parametrize(
    ("replaced", "by", "found"),
    [("password", "wrong", "password authentication failed for"), ("database", "/nowhere", "does not exist")],
)
def test_a_server_that_does_not_let_us_in_is_a_mistake(database_url: str, replaced: str, by: str, found: str) -> None:
    parts = urlsplit(database_url)
    changed = (
        parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", f":{by}@"))
        if replaced == "password"
        else parts._replace(path=by)
    )
    with pytest.raises(ConfigError, match=f"^Expected .* to let us in, found .*{found}.*: correct DATABASE_URL"):
        ask(urlunsplit(changed), "SELECT 1")


@pytest.mark.parametrize(
    ("option", "found"),
    [
        ("sslmode=bogus", 'invalid sslmode value: "bogus"'),
        ("options=-c%20nothing%3D1", 'unrecognized configuration parameter "nothing"'),
        ("options=-c%20statement_timeout%3Dsoon", 'invalid value for parameter "statement_timeout": "soon"'),
    ],
)
def test_an_option_that_does_not_exist_is_a_mistake(database_url: str, option: str, found: str) -> None:
    with pytest.raises(ConfigError, match=f"^Expected .* to let us in, found {found}: correct DATABASE_URL"):
        ask(f"{database_url}?{option}", "SELECT 1")


def test_a_statement_that_takes_too_long_may_be_faster_next_time(database_url: str) -> None:
    with pytest.raises(ServiceUnavailable, match="within 1 s, found canceling statement due to statement timeout: "):
        ask(database_url, "SELECT pg_sleep(10)", statement_timeout_s=1)


def test_other_tables_than_ours_are_said_so(database_url: str) -> None:
    with pytest.raises(SchemaError, match='found relation "nothing" does not exist: run `fingerprint migrate`'):
        ask(database_url, "SELECT * FROM nothing")


def test_what_we_may_not_do_is_a_mistake(database_url: str) -> None:
    with pytest.raises(ConfigError, match="found cannot execute CREATE TABLE in a read-only transaction: check"):
        ask(database_url, "SET default_transaction_read_only = on; COMMIT; CREATE TABLE t (n int)")


def test_a_wrong_statement_is_a_bug(database_url: str) -> None:
    with pytest.raises(SqlSyntaxError):
        ask(database_url, "SELEKT 1")


def test_a_connection_that_was_ended_is_opened_anew(database_url: str) -> None:
    lasting = LastingConnection(database_url, application_name="lasts")
    end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'lasts'"
    with lasting.use() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    ask(database_url, end)
    with (
        pytest.raises(ServiceUnavailable, match=r"^Expected to use .*, found .*: check that it runs"),
        lasting.use() as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT 1")
    with lasting.use() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 2")
        assert cursor.fetchone() == (2,)
    lasting.close()

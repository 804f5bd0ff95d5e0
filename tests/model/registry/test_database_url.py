"""An address says the same to libpq, to the JDBC driver and to programs, or is refused; it never shows its password."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from psycopg2.extensions import parse_dsn

from model.registry.database_url import JDBC_OPTIONS, VARIABLES, parse_database_url
from udfs.errors import ConfigError

ALL = (
    "postgresql://ann:se%2Fcret@db1.example:5433,[::1]:5434/prices?sslmode=verify-full&sslrootcert=/ca%20s.pem"
    "&sslcert=/c.pem&sslkey=/k.key&options=-c%20search_path%3Dx&connect_timeout=7&application_name=mine"
    "&target_session_attrs=read-write&load_balance_hosts=random&channel_binding=require&gssencmode=disable"
    "&require_auth=scram-sha-256&sslnegotiation=direct"
)
HONOURED = {
    "sslmode": "verify-full",
    "sslrootcert": "/ca s.pem",
    "sslcert": "/c.pem",
    "sslkey": "/k.key",
    "options": "-c search_path=x",
    "connect_timeout": "7",
    "application_name": "mine",
    "target_session_attrs": "read-write",
    "load_balance_hosts": "random",
    "channel_binding": "require",
    "gssencmode": "disable",
    "require_auth": "scram-sha-256",
    "sslnegotiation": "direct",
}
ADDRESS = {"host": "db1.example,::1", "port": "5433,5434", "dbname": "prices", "user": "ann"}
BASE = "postgresql://ann:s3cret@h/db"


def jdbc_options(url: str) -> dict[str, str]:
    query = urlsplit(parse_database_url(url, {}).jdbc_url.removeprefix("jdbc:")).query
    return {name: value for name, (value,) in parse_qs(query, strict_parsing=True).items()}


def test_every_option_that_is_honoured_is_tried_here() -> None:
    assert HONOURED.keys() == JDBC_OPTIONS.keys() == VARIABLES.keys()


def test_libpq_gets_what_was_said() -> None:
    database = parse_database_url(ALL, {})
    assert database.parameters == ADDRESS | HONOURED | {"password": "se/cret"}
    assert parse_dsn(database.url) == parse_dsn(ALL)
    assert parse_dsn(database.open_url) == ADDRESS | HONOURED
    assert parse_database_url(database.url, {}) == database


def test_the_jdbc_driver_gets_the_same_by_its_own_names() -> None:
    assert parse_database_url(ALL, {}).jdbc_url.startswith("jdbc:postgresql://db1.example:5433,[::1]:5434/prices?")
    assert jdbc_options(ALL) == {
        "user": "ann",
        "reWriteBatchedInserts": "true",
        "stringtype": "unspecified",
        "sslmode": "verify-full",
        "sslrootcert": "/ca s.pem",
        "sslcert": "/c.pem",
        "sslkey": "/k.key",
        "options": "-c search_path=x",
        "connectTimeout": "7",
        "ApplicationName": "mine",
        "targetServerType": "primary",
        "loadBalanceHosts": "true",
        "channelBinding": "require",
        "gssEncMode": "disable",
        "requireAuth": "scram-sha-256",
        "sslNegotiation": "direct",
    }


def test_a_program_gets_it_in_its_environment() -> None:
    environment = parse_database_url(f"{BASE}?sslmode=require&connect_timeout=3&passfile=/p", {}).environment
    assert environment == {
        "PGHOST": "h",
        "PGPORT": "5432",
        "PGDATABASE": "db",
        "PGUSER": "ann",
        "PGPASSWORD": "s3cret",
        "PGSSLMODE": "require",
        "PGCONNECT_TIMEOUT": "3",
        "PGPASSFILE": "/p",
    }


def test_a_root_certificate_makes_require_look_who_it_is_as_libpq_does() -> None:
    assert jdbc_options(f"{BASE}?sslmode=require")["sslmode"] == "require"
    assert jdbc_options(f"{BASE}?sslmode=require&sslrootcert=/ca")["sslmode"] == "verify-ca"


def test_libpqs_variables_hold_for_every_part_and_the_address_comes_before_them() -> None:
    environ = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/ca", "PGCONNECT_TIMEOUT": "3", "PGPASSWORD": "x"}
    options = parse_database_url(f"{BASE}?connect_timeout=9", environ).options
    assert options == {"sslmode": "verify-full", "sslrootcert": "/ca", "connect_timeout": "9"}


def test_a_password_is_for_libpq_to_find_where_none_is_given() -> None:
    database = parse_database_url("postgresql://ann@h/db?passfile=/p", {})
    assert database.parameters == {"host": "h", "port": "5432", "dbname": "db", "user": "ann", "passfile": "/p"}
    # Who runs elsewhere has a file of its own.
    assert database.open_url == "postgresql://ann@h:5432/db"


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://a:b@h1,h2/d", (("h1", 5432), ("h2", 5432))),
        ("postgresql://a:b@h1:1,h2:2/d", (("h1", 1), ("h2", 2))),
        ("postgresql:///d?host=h1,h2&port=7&user=a&password=b", (("h1", 7), ("h2", 7))),
    ],
)
def test_several_hosts(url: str, hosts: tuple[tuple[str, int], ...]) -> None:
    assert parse_database_url(url, {}).hosts == hosts


@pytest.mark.parametrize(
    "option",
    [
        *("hostaddr=127.0.0.1", "service=s3cret", "sslpassword=s3cret", "sslcrl=/crl", "keepalives_idle=5"),
        *("replication=true", "krbsrvname=x", "fallback_application_name=x", "ssl_min_protocol_version=TLSv1.3"),
        *("target_session_attrs=standby", "load_balance_hosts=sometimes", "connect_timeout=soon", "sslrootcert=system"),
        *("sslrootcert=ca.pem", "sslkey=/k.pk8", "client_encoding=LATIN1"),
    ],
)
def test_an_option_that_not_all_parts_can_honour_is_refused_by_its_name(option: str) -> None:
    with pytest.raises(ConfigError, match=r"^Expected .*found .*: ") as refused:
        parse_database_url(f"{BASE}?{option}", {})
    assert option.partition("=")[0] in str(refused.value)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("variable", ["PGSERVICE", "PGHOSTADDR", "PGSSLCRL"])
def test_a_variable_that_only_libpq_obeys_is_refused(variable: str) -> None:
    with pytest.raises(ConfigError, match=f"found {variable}: leave it out"):
        parse_database_url(BASE, {variable: "x"})


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:s3/cret@h/db",
        "postgresql://ann:12/s3cret@h/db",
        "postgresql://ann:s3@cret@h/db",
        "postgresql://ann:s3?cret@h/db",
        "postgresql://ann:12?s3=cret@h/db",
        "postgresql://ann:s3#cret@h/db",
        "postgresql://ann:s3 cret@h/db",
        "postgresql://ann:s3%cret@h/db",
        "postgresql://ann:s3%0Acret@h/db",
        "postgresql://ann:s3cret@h:cret/db",
        "postgresql:///db?host=h&user=ann&password=s3&cret=1",
        "postgresql:///db?host=h&user=ann&password=x&s3cret",
        "s3cret:cret@h/db",
        "host=h user=ann password=s3cret",
        "postgresql://ann:s3cret@/db",
        "postgresql://ann:s3cret@%2Fvar%2Frun/db",
        "postgresql://ann:s3cret@h:70000/db",
    ],
)
def test_no_sentence_repeats_a_part_of_a_password(url: str) -> None:
    with pytest.raises(ConfigError, match="^Expected DATABASE_URL to be .*, found .*: ") as refused:
        parse_database_url(url, {})
    words = str(refused.value).removeprefix("Expected DATABASE_URL to be postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    assert "s3" not in words
    assert "cret" not in words
    assert refused.value.__cause__ is None

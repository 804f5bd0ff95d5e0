"""Where PostgreSQL is, who we are there, and what libpq is asked for: read from one address, said to each client."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

from udfs.errors import ConfigError

DEFAULT_PORT: Final = 5432

_EXPECTED: Final = "Expected DATABASE_URL to be postgresql://USER:PASSWORD@HOST:PORT/DATABASE"

# An @, /, ? or # in a password that is not encoded would make a part of it the host, the port or the database.
_FORM: Final = re.compile(r"postgres(ql)?://([^@/?#\s]*@)?[^@#\s]*")
_HOST: Final = re.compile(r"[A-Za-z0-9._:%-]+")

JDBC_OPTIONS: Final[Mapping[str, str]] = {
    "application_name": "ApplicationName",
    "channel_binding": "channelBinding",
    "connect_timeout": "connectTimeout",
    "gssencmode": "gssEncMode",
    "load_balance_hosts": "loadBalanceHosts",
    "options": "options",
    "require_auth": "requireAuth",
    "sslcert": "sslcert",
    "sslkey": "sslkey",
    "sslmode": "sslmode",
    "sslnegotiation": "sslNegotiation",
    "sslrootcert": "sslrootcert",
    "target_session_attrs": "targetServerType",
}
"""libpq's options that every part honours, and what the JDBC driver calls them; any other is refused."""

VARIABLES: Final = {
    "application_name": "PGAPPNAME",
    "channel_binding": "PGCHANNELBINDING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "gssencmode": "PGGSSENCMODE",
    "load_balance_hosts": "PGLOADBALANCEHOSTS",
    "options": "PGOPTIONS",
    "require_auth": "PGREQUIREAUTH",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslmode": "PGSSLMODE",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "sslrootcert": "PGSSLROOTCERT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
"""The environment variables in which libpq looks for what the address does not say."""

_REFUSED_VARIABLES: Final = (
    "PGGSSDELEGATION",
    "PGGSSLIB",
    "PGHOSTADDR",
    "PGKRBSRVNAME",
    "PGREQUIREPEER",
    "PGREQUIRESSL",
    "PGSERVICE",
    "PGSSLCERTMODE",
    "PGSSLCRL",
    "PGSSLCRLDIR",
    "PGSSLMAXPROTOCOLVERSION",
    "PGSSLMINPROTOCOLVERSION",
    "PGSSLSNI",
)
"""What libpq would obey on its own, and the JDBC driver would not."""

_VALUES: Final[Mapping[str, Mapping[str, str]]] = {
    "target_session_attrs": {"any": "any", "read-write": "primary", "primary": "primary"},
    "load_balance_hosts": {"disable": "false", "random": "true"},
}
"""Where the JDBC driver has other words for the values: what can be chosen, and its word."""

_FILES: Final = ("sslrootcert", "sslcert", "sslkey")
_PEM_KEYS: Final = (".key", ".pem")
_JDBC_ALWAYS: Final = {
    "reWriteBatchedInserts": "true",
    # PostgreSQL reads our text columns as timestamptz and jsonb.
    "stringtype": "unspecified",
    "ApplicationName": "fingerprint-job",
}


@dataclass(frozen=True, kw_only=True)
class Database:
    """Where PostgreSQL is and who we are there; the password never shows in `repr`.

    Attributes
    ----------
    hosts : tuple of (str, int)
        Host and port of each server that may be it, in the order in which they are tried.
    name, user : str
        Of the database and of ours.
    password : str
        Empty if libpq is to find it in PGPASSWORD or a password file.
    options : mapping of str to str
        libpq's, by its names; those of `JDBC_OPTIONS`, and `passfile`.
    is_pooled : bool
        Whether a pooler is in between, which may take another of its connections for each transaction.
    """

    hosts: tuple[tuple[str, int], ...]
    name: str
    user: str
    password: str = field(default="", repr=False)
    options: Mapping[str, str] = field(default_factory=dict)
    is_pooled: bool = False

    @property
    def address(self) -> str:
        """Hosts and ports, as a person writes them."""
        return ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)

    @property
    def url(self) -> str:
        """The whole address, with the password: for a client, never for a log."""
        secret = f":{quote(self.password, safe='')}" if self.password else ""
        options = f"?{urlencode(self.options, quote_via=quote)}" if self.options else ""
        name = quote(self.name, safe="")
        return f"postgresql://{quote(self.user, safe='')}{secret}@{self.address}/{name}{options}"

    @property
    def open_url(self) -> str:
        """The address without the password, which who uses it has to find: for plans and environments."""
        options = {name: value for name, value in self.options.items() if name != "passfile"}
        return replace(self, password="", options=options).url

    @property
    def parameters(self) -> dict[str, str]:
        """The same for libpq, by its names."""
        hosts, ports = zip(*self.hosts, strict=True)
        given = {"host": ",".join(hosts), "port": ",".join(map(str, ports)), "dbname": self.name, "user": self.user}
        return given | ({"password": self.password} if self.password else {}) | dict(self.options)

    @property
    def environment(self) -> dict[str, str]:
        """The same for a program of PostgreSQL's, in its environment."""
        names = VARIABLES | {
            **{"host": "PGHOST", "port": "PGPORT", "dbname": "PGDATABASE", "user": "PGUSER"},
            **{"password": "PGPASSWORD", "passfile": "PGPASSFILE"},
        }
        return {names[name]: value for name, value in self.parameters.items()}

    @property
    def jdbc_url(self) -> str:
        """The address as the JDBC driver wants it, without the password, which it finds as libpq does."""
        # What the driver prepares once is on one connection of the pooler's, and not on the next.
        prepares = {"prepareThreshold": "0"} if self.is_pooled else {}
        options = _JDBC_ALWAYS | {"user": self.user} | prepares | _jdbc_options(self.options)
        query = urlencode(options, quote_via=quote, safe="")
        return f"jdbc:postgresql://{self.address}/{quote(self.name, safe='')}?{query}"


def parse_database_url(url: str, environ: Mapping[str, str] = os.environ) -> Database:
    """Take apart `postgresql://user:password@host:port/database?option=value`, as libpq does.

    Parameters
    ----------
    url : str
        May name several hosts, and no password.
    environ : mapping of str to str
        libpq's variables in it stand for options that the address does not name.

    Raises
    ------
    ConfigError
        If a part is missing, or an option is one that not all parts can honour. The message repeats nothing of the
        address but libpq's names of options: the rest may be a part of a password.
    """
    # `doctor` imports this module where libpq may be what is broken.
    from psycopg2 import ProgrammingError
    from psycopg2.extensions import parse_dsn

    if not url.startswith(("postgresql://", "postgres://")):
        raise ConfigError(f"{_EXPECTED}, found another beginning: correct it")
    if not _FORM.fullmatch(url):
        raise ConfigError(
            f"{_EXPECTED}, found characters in it that need another form: write each @ : / ? # % and space of user and "
            "password as % and two digits, / as %2F"
        )
    try:
        parts = parse_dsn(url)
    except (ProgrammingError, UnicodeDecodeError):
        # Without the cause, whose words quote the address.
        raise ConfigError(f"{_EXPECTED}, found one that libpq cannot read: correct it") from None
    if any(character < " " for part in parts.values() for character in part):
        raise ConfigError(f"{_EXPECTED}, found a control character in it: correct it")
    hosts = _hosts(parts.pop("host", ""), parts.pop("port", ""))
    name, user, password = (parts.pop(key, "") for key in ("dbname", "user", "password"))
    missing = [what for what, found in (("host", hosts), ("user", user), ("database", name)) if not found]
    if missing:
        raise ConfigError(f"{_EXPECTED}, found no {' and no '.join(missing)} in it: add what is missing")
    return Database(hosts=hosts, name=name, user=user, password=password, options=_options(parts, environ))


def _hosts(hosts: str, ports: str) -> tuple[tuple[str, int], ...]:
    """Pair hosts and ports as libpq does: one port stands for all, an empty one for the default."""
    if not hosts:
        return ()
    names = hosts.split(",")
    numbers = [
        int(port) if port.isdecimal() else 0 for port in (each or str(DEFAULT_PORT) for each in ports.split(","))
    ]
    if len(numbers) == 1:
        numbers *= len(names)
    if any(not _HOST.fullmatch(host) for host in names):
        raise ConfigError(
            f"{_EXPECTED}, found another host than a name or an address (a socket is no use to Flink's workers): "
            "correct it"
        )
    if len(numbers) != len(names) or any(not 0 < number < 2**16 for number in numbers):
        raise ConfigError(f"{_EXPECTED}, found a port that is no number between 1 and 65535: correct it")
    return tuple(zip(names, numbers, strict=True))


def _options(given: Mapping[str, str], environ: Mapping[str, str]) -> Mapping[str, str]:
    """Check libpq's options, those of its environment variables too."""
    refused = [name for name in _REFUSED_VARIABLES if environ.get(name)]
    refused += [name for name in given if name not in {*JDBC_OPTIONS, "passfile", "client_encoding"}]
    if refused:
        raise ConfigError(
            f"Expected only what both libpq and the JDBC driver can do of DATABASE_URL and the PG variables, found "
            f"{refused[0]}: leave it out, or say it otherwise (docs/operate.md lists what can be said)"
        )
    if given.get("client_encoding", "UTF8").upper().replace("-", "") not in ("UTF8", "UNICODE"):
        raise ConfigError("Expected the client_encoding in DATABASE_URL to be UTF8, found another: leave it out")
    found = {name: environ[variable] for name, variable in VARIABLES.items() if environ.get(variable)}
    options = found | {name: value for name, value in given.items() if name != "client_encoding" and value}
    for name, values in _VALUES.items():
        if name in options and options[name] not in values:
            raise ConfigError(
                f"Expected {name} of the database to be {' or '.join(values)}, found another: the results are written "
                "there, so correct it"
            )
    for name in _FILES:
        if name in options and not Path(options[name]).is_absolute():
            raise ConfigError(
                f"Expected {name} of the database to be the whole path of a file, the same for Flink's workers, found "
                "another: correct it"
            )
    if "sslkey" in options and not options["sslkey"].endswith(_PEM_KEYS):
        raise ConfigError(
            "Expected sslkey of the database to end with .key or .pem, by which the JDBC driver knows that it is PEM "
            "(PKCS #8), found another ending: name the file so"
        )
    if not options.get("connect_timeout", "0").isdecimal():
        raise ConfigError("Expected connect_timeout of the database in whole seconds, found another: correct it")
    return options


def _jdbc_options(options: Mapping[str, str]) -> dict[str, str]:
    said = {
        JDBC_OPTIONS[name]: _VALUES.get(name, {}).get(value, value)
        for name, value in options.items()
        if name in JDBC_OPTIONS
    }
    if options.get("sslmode") == "require" and "sslrootcert" in options:
        # With a root certificate libpq looks who it is; the JDBC driver would not.
        said["sslmode"] = "verify-ca"
    return said

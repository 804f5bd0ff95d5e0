"""The file in which Flink's client, sinks and workers find the passwords of databases, as libpq reads them.

What a job is made of is kept in files, shown by Flink and logged by its client: so it names the database, and the
password is here.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from stack.settings import resolve_home


def password_file(home: Path) -> Path:
    """Return the file of the stack in `home`; it need not be there."""
    return resolve_home(home) / "flink-client" / "passwords"


def keep_password(path: Path, servers: Sequence[tuple[str, int]], database: str, user: str, password: str) -> None:
    """Write a password into the file, in place of one that is there for the same servers, database and user.

    Parameters
    ----------
    path : Path
        Of the file, which is readable by its owner only; libpq would not look at another.
    servers : sequence of (str, int)
        Host and port of each that may have the database.
    database, user : str
        Of whom it is.
    password : str
        Without line breaks.
    """
    names = [(host, str(port)) for host, port in servers]
    if len(servers) > 1:
        # libpq looks for each server, the JDBC driver for all of them at once.
        names.append((",".join(host for host, _ in servers), ",".join(str(port) for _, port in servers)))
    wanted = [_fields(host, port, database, user) for host, port in names]
    there = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    others = [line for line in there if not line.startswith(tuple(wanted))]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Readable by its owner only from the start.
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=".passwords.", delete=False, encoding="utf-8"
    ) as file:
        file.writelines(f"{line}\n" for line in [*(name + _escaped(password) for name in wanted), *others])
    os.replace(file.name, path)


def _fields(*names: str) -> str:
    return "".join(f"{_escaped(name)}:" for name in names)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\:")

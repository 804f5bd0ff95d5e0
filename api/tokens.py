"""Who may call: tokens with scopes, from the environment or from a file that only its owner can read."""

from __future__ import annotations

import hashlib
import hmac
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from udfs.errors import ConfigError

VARIABLE: Final = "FINGERPRINT_API_TOKENS"
LEAST_CHARACTERS: Final = 32

_TOKEN: Final = re.compile(rf"[A-Za-z0-9._~+/=-]{{{LEAST_CHARACTERS},}}")
_BEARER: Final = "bearer "
_OF_OTHERS: Final = 0o077
_FORM: Final = (
    f"SCOPE:TOKEN, the scopes score, read or score,read, the token of {LEAST_CHARACTERS} or more letters and digits"
)


class Scope(StrEnum):
    """What a token lets its holder do."""

    SCORE = "score"
    READ = "read"


@dataclass(frozen=True)
class Caller:
    """Who calls, as far as anybody knows: the digest of a token, and what it lets them do."""

    name: str = field(repr=False)
    scopes: frozenset[Scope]


@dataclass(frozen=True)
class Tokens:
    """All that are given out; none is kept but as a digest."""

    callers: tuple[Caller, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.callers)

    def find(self, authorization: str | None) -> Caller | None:
        """Find who an Authorization header is of; it takes as long whichever token it is, and if it is none."""
        given = authorization or ""
        digest = _digest(given[len(_BEARER) :].strip() if given[: len(_BEARER)].lower() == _BEARER else "")
        found = None
        for caller in self.callers:
            if hmac.compare_digest(digest, caller.name):
                found = caller
        return found


def read_tokens(environ: Mapping[str, str], file: Path | None) -> Tokens:
    """Read the tokens of the file, if one is named, else of the environment.

    Both hold words SCOPE:TOKEN; in a file, what follows a # is a remark.

    Raises
    ------
    ConfigError
        If the file cannot be read, or others can read it, or a word is no token. The message repeats none.
    """
    if file is None:
        return _parse(environ.get(VARIABLE, ""), VARIABLE)
    try:
        mode = file.stat().st_mode
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Expected tokens in {file}, found that it cannot be read: name another file") from error
    if not stat.S_ISREG(mode) or mode & _OF_OTHERS:
        raise ConfigError(
            f"Expected {file} to be readable by its owner only, found that others may, too: chmod 600, or hand the "
            f"tokens over in {VARIABLE}"
        )
    return _parse("\n".join(line.partition("#")[0] for line in text.splitlines()), str(file))


def _parse(text: str, where: str) -> Tokens:
    scopes_of: dict[str, frozenset[Scope]] = {}
    for number, word in enumerate(text.split(), start=1):
        names, _, token = word.partition(":")
        try:
            scopes = frozenset(map(Scope, names.split(",")))
        except ValueError:
            scopes = frozenset()
        if not scopes or not _TOKEN.fullmatch(token):
            raise ConfigError(
                f"Expected {_FORM}, found another form in word {number} of {where}: correct it, `openssl rand -hex 32` "
                "makes a token"
            )
        digest = _digest(token)
        scopes_of[digest] = scopes_of.get(digest, frozenset()) | scopes
    return Tokens(tuple(Caller(digest, scopes) for digest, scopes in scopes_of.items()))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

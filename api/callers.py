"""Who calls, and whether they may: before anything of a request's body is read."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.problems import Refused
from api.settings import ServeSettings
from api.tokens import Caller, Scope

_BEARER: Final = HTTPBearer(auto_error=False, description="A token with the scope of the path.")
_OF_THIS_MACHINE: Final = ("127.0.0.1", "localhost", "[::1]")
_EVERYTHING: Final = frozenset(Scope)


def caller_with(scope: Scope) -> Callable[..., str]:
    """Return a dependency that lets a caller with a scope pass, and names it."""

    def check(request: Request, _credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]) -> str:
        settings: ServeSettings = request.app.state.service.settings
        caller = _who(request, settings)
        if scope not in caller.scopes:
            raise Refused(HTTPStatus.FORBIDDEN, f"The token lacks the scope {scope}")
        return caller.name

    return check


def _who(request: Request, settings: ServeSettings) -> Caller:
    if not settings.tokens:
        _check_host(request, settings)
        return Caller(request.client.host if request.client else "", _EVERYTHING)
    caller = settings.tokens.find(request.headers.get("authorization"))
    if caller is None:
        raise Refused(
            HTTPStatus.UNAUTHORIZED,
            "A token is expected: Authorization: Bearer TOKEN",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return caller


def _check_host(request: Request, settings: ServeSettings) -> None:
    """Refuse a page of another site that made its name ours: without tokens, any program on this machine may ask."""
    name = request.headers.get("host", "")
    host = name[: name.index("]") + 1] if name.startswith("[") and "]" in name else name.partition(":")[0]
    if host.lower() not in (*_OF_THIS_MACHINE, settings.host.lower()):
        raise Refused(HTTPStatus.FORBIDDEN, "Without tokens, only requests to this machine's own name are answered")

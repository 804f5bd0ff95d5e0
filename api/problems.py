"""What is refused, in one form: the problem details of RFC 9457, without traces and addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import Response

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 1


class Refused(Exception):
    """A request that gets a problem for an answer; it crosses from a scoring process as it is.

    Parameters
    ----------
    status : int
        Of HTTP.
    detail : str
        What is wrong, for who sent it.
    problems : sequence of dict
        Which messages are wrong, and why.
    headers : mapping
        Of the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        problems: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, problems, headers)
        self.status, self.detail, self.problems, self.headers = status, detail, problems, dict(headers or {})

    def response(self) -> Response:
        """Lay it out."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.problems:
            body["problems"] = list(self.problems)
        return Response(orjson.dumps(body), self.status, self.headers, MEDIA_TYPE)


def come_again(status: int, detail: str) -> Refused:
    """Refuse for now."""
    return Refused(status, detail, headers={"Retry-After": str(RETRY_AFTER_S)})

"""The body of a request, read within bounds before anything looks into it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from api.problems import Refused
from api.requests import MAX_BODY_BYTES

READ_TIMEOUT_S: Final = 15.0


async def read_body(request: Request) -> bytes:
    """Read JSON that is not compressed, of `MAX_BODY_BYTES` at most, within `READ_TIMEOUT_S`.

    Raises
    ------
    Refused
        If it is something else, more or slower.
    """
    headers = request.headers
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A body that is not compressed is expected")
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "A body of application/json is expected")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > len(str(MAX_BODY_BYTES)) or int(length) > MAX_BODY_BYTES:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            async for part in request.stream():
                body += part
                if len(body) > MAX_BODY_BYTES:
                    raise _too_large()
    except TimeoutError:
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, f"The body did not come within {READ_TIMEOUT_S:g} s") from None
    except ClientDisconnect:
        raise Refused(HTTPStatus.BAD_REQUEST, "The body broke off") from None
    return bytes(body)


def _too_large() -> Refused:
    return Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"The body is larger than {MAX_BODY_BYTES // 2**20} MiB: send parts of it",
        headers={"Connection": "close"},
    )

"""The API as an ASGI application, and its description."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from api.metrics import Measured
from api.problems import Refused
from api.request_schema import FRAME, MESSAGE
from api.routes import router
from api.service import Service


def build_app(service: Service) -> FastAPI:
    """Make the application that answers for a service."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with service.running():
            yield

    has_docs = service.settings.has_docs
    app = FastAPI(
        lifespan=lifespan,
        docs_url="/docs" if has_docs else None,
        redoc_url=None,
        openapi_url="/openapi.json" if has_docs else None,
    )
    app.state.service = service
    app.include_router(router)
    app.openapi = describe  # type: ignore[method-assign]  # as FastAPI documents it
    app.add_middleware(Measured, metrics=service.metrics)
    app.add_exception_handler(Refused, _refuse)
    app.add_exception_handler(HTTPException, _refuse_path)
    app.add_exception_handler(RequestValidationError, _refuse_parameter)
    app.add_exception_handler(Exception, _fail)
    return app


def describe() -> dict[str, Any]:
    """Return the OpenAPI description."""
    description = get_openapi(
        title="Exchange fingerprinting",
        version=version("exchange-fingerprint"),
        summary="Tells which exchange a live message stream really comes from, by behaviour alone.",
        routes=router.routes,
    )
    schemas = description["components"]["schemas"]
    schemas |= {"Message": MESSAGE, "Frame": FRAME, "Problem": _PROBLEM}
    return description


_PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "Why a request was refused (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "additionalProperties": False,
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "problems": {
            "type": "array",
            "description": "The first messages or frames that are wrong, counted from 0, all windows in a row.",
            "items": {
                "type": "object",
                "required": ["index", "reason"],
                "properties": {"index": {"type": "integer"}, "reason": {"type": "string"}},
            },
        },
    },
}


async def _refuse(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101  # how handlers are registered
    return error.response()


async def _refuse_path(_request: Request, error: Exception) -> Response:
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
    return Refused(status, HTTPStatus(status).description or HTTPStatus(status).phrase, headers=headers).response()


async def _refuse_parameter(_request: Request, error: Exception) -> Response:
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {"loc": (), "msg": ""}
    where = ".".join(str(part) for part in first["loc"][1:])
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {first['msg']}").response()


async def _fail(_request: Request, _error: Exception) -> Response:
    return Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong that is our mistake").response()


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(describe(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))

"""The paths of the API."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api.answers import (
    AlertsAnswer,
    ConnectionDetail,
    ConnectionsAnswer,
    Health,
    ModelAnswer,
    ScoreAnswer,
    WindowsAnswer,
)
from api.bodies import read_body
from api.callers import caller_with
from api.models import shipped_models
from api.problems import MEDIA_TYPE, Refused
from api.request_schema import SCORE_BODY, WINDOWS_BODY
from api.results import Results
from api.scoring import answer_score, answer_windows
from api.service import Service
from api.tokens import Scope
from ingest.kafka.record_validity import MAX_EXCHANGE_CHARACTERS, MAX_ID_CHARACTERS, printable_text
from jobs.results.active_alerts import Rule
from model.artifact.artifact_folder import load_manifest
from model.artifact.manifest import Manifest
from model.artifact.model_version import MAX_VERSION_LENGTH
from udfs.features import FEATURES
from udfs.schema import WINDOW_SIZE, WINDOW_SLIDE

router = APIRouter()

_PROBLEM: Final = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_WORDS: Final = {
    400: "The body is no JSON, or broke off.",
    401: "No token, or one that is not known.",
    403: "The token lacks the scope of the path; or, without tokens, the request is to another name.",
    404: "No such connection.",
    408: "The body took too long.",
    413: "The body has too many bytes, messages or windows.",
    415: "The body is compressed, or not application/json.",
    422: "Something is no message by the rule of the topic, or a parameter is wrong.",
    429: "Too many requests of this caller at a time; Retry-After says when to come again.",
    503: "Too many requests at a time, or the model or the database is away; Retry-After says when to come again.",
}
_RETRY: Final = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        status: {
            "description": _WORDS[status],
            "content": _PROBLEM,
            **({"headers": _RETRY} if status in (429, 503) else {}),
        }
        for status in statuses
    }


_OF_SCORING: Final = _problems(400, 401, 403, 408, 413, 415, 422, 429, 503)
_OF_READING: Final = _problems(401, 403, 422, 429, 503)

_Scoring = Annotated[str, Depends(caller_with(Scope.SCORE))]
_Reading = Annotated[str, Depends(caller_with(Scope.READ))]
_Version = Annotated[
    str | None,
    Query(
        max_length=MAX_VERSION_LENGTH,
        description="A registered model or one that comes along, instead of the active one.",
    ),
]
_Exchange = Annotated[str | None, Query(max_length=MAX_EXCHANGE_CHARACTERS)]


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def _dump(value: Mapping[str, Any]) -> Response:
    return _json(orjson.dumps(value, option=orjson.OPT_UTC_Z))


@router.post("/v1/score", tags=["score"], response_model=ScoreAnswer, responses=_OF_SCORING, openapi_extra=SCORE_BODY)
async def score(
    request: Request,
    caller: _Scoring,
    windows: Annotated[bool, Query(description="Whether to answer each window's scores.")] = True,
    explain: Annotated[bool, Query(description="Whether to say why, as `fingerprint explain` does.")] = False,
    model_version: _Version = None,
) -> Response:
    """Score one connection, of which this is all: each window, and the verdict with certainty and signature."""
    work = functools.partial(answer_score, with_windows=windows, with_explanation=explain)
    return _json(await _service(request).score(caller, lambda: read_body(request), model_version, work))


@router.post(
    "/v1/windows", tags=["score"], response_model=WindowsAnswer, responses=_OF_SCORING, openapi_extra=WINDOWS_BODY
)
async def windows(request: Request, caller: _Scoring, model_version: _Version = None) -> Response:
    """Score windows of 50 messages, each for itself; those of a window are of one connection."""
    return _json(await _service(request).score(caller, lambda: read_body(request), model_version, answer_windows))


@router.get("/v1/connections", tags=["results"], response_model=ConnectionsAnswer, responses=_OF_READING)
async def connections(
    request: Request,
    caller: _Reading,
    exchange: Annotated[_Exchange, Query(description="Only what behaves like this one, or `unknown`.")] = None,
    declared: Annotated[_Exchange, Query(description="Only what declares this one.")] = None,
    certainty: Literal["certain", "likely", "undecided"] | None = None,
    after: Annotated[str, Query(max_length=MAX_ID_CHARACTERS, description="Only ids behind this one.")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> Response:
    """List connections by their ids: what each claims to be, what it behaves like, how sure that is."""
    _check_printable(exchange=exchange, declared=declared, after=after)

    def ask(results: Results) -> list[dict[str, Any]]:
        return results.connections(
            exchange=exchange, declared=declared, certainty=certainty, after=after, limit=limit + 1
        )

    rows = await _service(request).read(caller, ask)
    has_more = len(rows) > limit
    return _dump({"connections": rows[:limit], "next": rows[limit - 1]["connection_id"] if has_more else None})


@router.get(
    "/v1/connections/{connection_id:path}",
    tags=["results"],
    response_model=ConnectionDetail,
    responses={**_OF_READING, **_problems(404)},
)
async def connection(
    request: Request, caller: _Reading, connection_id: Annotated[str, Path(max_length=MAX_ID_CHARACTERS)]
) -> Response:
    """Show one connection, and its latest events with their reasons."""
    found = None
    if printable_text(connection_id):
        found = await _service(request).read(caller, lambda results: results.connection(connection_id))
    if found is None:
        raise Refused(HTTPStatus.NOT_FOUND, "No connection of this id has had a complete window of 50 messages")
    return _dump(found)


@router.get("/v1/alerts", tags=["results"], response_model=AlertsAnswer, responses=_OF_READING)
async def alerts(
    request: Request,
    caller: _Reading,
    rule: Annotated[list[Rule] | None, Query(description="Only of these rules.")] = None,
    severity: Literal["critical", "warning"] | None = None,
) -> Response:
    """List what is wrong now by the tables, the critical ones first; Flink itself is not asked."""
    rows = await _service(request).read(caller, lambda results: results.alerts([*(rule or Rule)]))
    return _dump({"alerts": [row for row in rows if severity in (None, row["severity"])]})


@router.get("/v1/model", tags=["score"], response_model=ModelAnswer, responses=_problems(401, 403, 503))
async def model(request: Request, _caller: _Scoring) -> Response:
    """Name the model that scores, its classes, and the versions that come along."""
    models = _service(request).models
    version, source = models.current()
    manifest = _manifest(source.folder)
    return _dump(
        {
            "model_version": version,
            "classes": manifest.classes,
            "features": len(FEATURES),
            "window_size": WINDOW_SIZE,
            "window_slide": WINDOW_SLIDE,
            "false_unknown_rate": source.false_unknown_rate,
            "follows_topic": models.topic,
            "shipped": sorted(shipped_models()),
        }
    )


@router.get("/healthz", tags=["health"], response_model=Health)
async def healthz() -> Response:
    """Tell that it lives."""
    return _dump({"status": "ok"})


@router.get("/readyz", tags=["health"], response_model=Health, responses=_problems(503))
async def readyz(request: Request) -> Response:
    """Tell that it can score; the database of results may be away, once the active model is known."""
    _service(request).models.current()
    return _dump({"status": "ok"})


@functools.lru_cache(maxsize=4)
def _manifest(folder: pathlib.Path) -> Manifest:
    return load_manifest(folder)


def _check_printable(**texts: str | None) -> None:
    for name, text in texts.items():
        if text is not None and printable_text(text) is None:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name} is not a printable text")

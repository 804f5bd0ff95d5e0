"""The HTTP server: sockets first, then processes, then requests, until a signal."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Final

import uvicorn
from prometheus_client import start_http_server

from api.app import build_app
from api.service import Service
from api.settings import NO_METRICS, ServeSettings
from udfs.errors import ConfigError, ServiceUnavailable

FINISH_WITHIN_S: Final = 30
"""How long requests that are being answered may take when it is told to end."""

_KEEP_ALIVE_S: Final = 15
_BACKLOG: Final = 512

Say = Callable[[str], None]


def serve(settings: ServeSettings, say: Say) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is being answered.

    Parameters
    ----------
    settings : ServeSettings
        What is served, and where.
    say : callable
        Is told what goes on.

    Raises
    ------
    ConfigError
        If a port is taken, or the login of the database can write.
    ArtifactError
        If the given model does not load.
    """
    service = Service(settings)
    _check_results(service, say)
    listener = _listen(settings.host, settings.port)
    if settings.metrics_port != NO_METRICS:
        say(f"Metrics: {_url(settings.host, _serve_metrics(service))}/metrics")
    config = uvicorn.Config(
        build_app(service),
        http="h11",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=FINISH_WITHIN_S,
    )
    say(f"Serving {_url(settings.host, listener.getsockname()[1])}, {_what(service)}")
    logging.getLogger("api").setLevel(logging.WARNING)
    with listener:
        uvicorn.Server(config).run(sockets=[listener])


def _check_results(service: Service, say: Say) -> None:
    if service.results is None:
        return
    try:
        service.results.check()
    except ServiceUnavailable as error:
        say(f"{error} (goes on without it until then)")


def _what(service: Service) -> str:
    models, results = service.models, service.results
    model = f"the active model of {models.topic}" if models.topic else f"the model {models.current()[0]}"
    return f"{model}, {'without results' if results is None else 'with results'}, {_who(service.settings)}"


def _who(settings: ServeSettings) -> str:
    return "for callers with a token" if settings.tokens else "for whoever is on this machine"


def _listen(host: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    try:
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigError(
            f"Expected to serve on port {port} of {host}, found {error.strerror or error}: choose another with --port"
        ) from error


def _serve_metrics(service: Service) -> int:
    host, port = service.settings.host, service.settings.metrics_port
    try:
        server, _ = start_http_server(port, addr=host, registry=service.metrics.registry)
    except OSError as error:
        raise ConfigError(
            f"Expected to serve metrics on port {port} of {host}, found {error.strerror or error}: choose another with "
            "--metrics-port"
        ) from error
    return int(server.server_port)


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"

"""What the API counts of itself, for Prometheus."""

from __future__ import annotations

import time
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECONDS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_HEADERS: Final = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class ApiMetrics:
    """Counters of one process.

    Attributes
    ----------
    registry : CollectorRegistry
        What is served.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "fingerprint_api_requests", "Requests that were answered.", ["path", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "fingerprint_api_request_seconds",
            "From a request's head to the end of its answer.",
            ["path"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.windows = Counter("fingerprint_api_windows", "Windows that were scored.", registry=self.registry)
        self.in_flight = Gauge(
            "fingerprint_api_scoring_requests", "Requests that are scored or wait for it.", registry=self.registry
        )
        self.model = Gauge(
            "fingerprint_api_model_info", "The model that scores.", ["model_version"], registry=self.registry
        )

    def show_model(self, version: str) -> None:
        """Name the model that scores."""
        self.model.clear()
        self.model.labels(version).set(1)


class Measured:
    """Counts and times each request by the route that answers it, and gives each answer what all have.

    Parameters
    ----------
    app : ASGI application
        That answers.
    metrics : ApiMetrics
        What counts.
    """

    def __init__(self, app: ASGIApp, metrics: ApiMetrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s, status = time.perf_counter(), 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        finally:
            path = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(path, status or 500).inc()
            self._metrics.seconds.labels(path).observe(time.perf_counter() - began_s)

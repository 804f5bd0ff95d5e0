"""`serve`: scoring and results over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from api.settings import DEFAULT_METRICS_PORT, DEFAULT_PORT, ServeSettings
from api.tokens import VARIABLE, read_tokens
from jobs.cli import options
from jobs.cli.console import say
from jobs.cli.options import find_model
from jobs.cli.signals import exit_on_signals
from jobs.cluster.service_addresses import Addresses
from stack.roles import Role


def serve(
    home: options.Home,
    host: Annotated[
        str, typer.Option(help="Address to listen on; another than this machine's own needs tokens.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the API, 0 for any.")] = DEFAULT_PORT,
    metrics_port: Annotated[
        int, typer.Option(min=-1, max=65535, help="Port of the metrics, for Prometheus; 0 for any, -1 for none.")
    ] = DEFAULT_METRICS_PORT,
    model: Annotated[
        Path | None,
        typer.Option(
            callback=find_model,
            help="Folder of the model artifact, or `catalogue`: that one scores for ever.",
            show_default="the model that is active in the database, else the one that comes along",
        ),
    ] = None,
    database_url: options.ReaderUrl = None,
    topic: Annotated[str, typer.Option(help="Kafka topic whose active model scores.")] = options.DEFAULT_TOPIC,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that score, a core and 400 MB each.")] = 1,
    token_file: Annotated[
        Path | None,
        typer.Option(
            envvar="FINGERPRINT_API_TOKEN_FILE",
            help=f"File of tokens, a line `SCOPE:TOKEN` each, readable by its owner only; else they are in {VARIABLE}.",
        ),
    ] = None,
    docs: Annotated[bool, typer.Option("--docs", help="Also serve /openapi.json and, to browsers, /docs.")] = False,
) -> None:
    """Score connections for other programs over HTTP, and answer what the job has found.

    Without tokens only this machine is answered. Without a database there are no results to ask for, and the model that
    is given, or comes along, scores. SIGTERM lets requests in flight finish.
    """
    from api.server import serve as serve_until_told  # takes a second, which no mistake above needs

    settings = ServeSettings(
        host=host,
        port=port,
        metrics_port=metrics_port,
        model=model,
        database_url=Addresses(home=home, database_url=database_url).find_database_url(Role.READER),
        topic=topic,
        workers=workers,
        tokens=read_tokens(os.environ, token_file),
        has_docs=docs,
    )
    with exit_on_signals():
        serve_until_told(settings, say)

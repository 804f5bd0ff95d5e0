"""`record`: a live venue into captures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingest.live.feed import Feed
from ingest.live.live_run import LiveRun
from ingest.recordings.recorder import DEFAULT_ROTATE_MB, Recorder
from jobs.cli.feed_options import (
    DEFAULT_METRICS_ADDRESS,
    Duration,
    MetricsAddress,
    MetricsPort,
    RequireAll,
    RotateMb,
    asks_for_feed,
)
from jobs.cli.live_display import show_run


@asks_for_feed
def record(
    feed: Feed,
    out_folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the captures.")],
    rotate_mb: RotateMb = DEFAULT_ROTATE_MB,
    duration: Duration = None,
    require_all: RequireAll = False,
    metrics_port: MetricsPort = None,
    metrics_address: MetricsAddress = DEFAULT_METRICS_ADDRESS,
) -> None:
    """Record a live exchange into captures, without Kafka: both directions, one file a connection, and a manifest."""
    with Recorder(out_folder, rotate_mb=rotate_mb) as recorder:
        run = LiveRun(feed=feed, producer=None, recorder=recorder, require_all=require_all)
        show_run(run, duration, metrics_port, metrics_address)

"""Pipeline: what Flink says of the job, kept by Prometheus."""

from __future__ import annotations

from typing import Final

from grafana.source.blocks.dashboard import dashboard
from grafana.source.blocks.fields import distinct_series, field, model_series
from grafana.source.blocks.flink_metrics import RUNNING_MS, in_range, of_job, of_operator, per_second
from grafana.source.blocks.panels import PromQL, bargauge, section, stat, timeseries
from grafana.source.blocks.style import (
    BLUE,
    CRITICAL,
    GREEN,
    GREY,
    PLAIN,
    PURPLE,
    SKY_BLUE,
    VERMILLION,
    WARNING,
    YELLOW,
    Json,
)
from grafana.source.pipeline_resources import checkpoints, resources

UID: Final = "fingerprint-pipeline"

_SOURCE: Final = 'operator_name="Messages from Kafka"'
_TABLES: Final = 'operator_name=~"Upsert .*"'
_TABLE_COLOURS: Final = tuple(
    field(f"Upsert {name}", colour=colour)
    for name, colour in {
        "window_scores": GREEN,
        "connection_verdicts": YELLOW,
        "connection_events": BLUE,
        "health_events": PURPLE,
        "connection_activity": SKY_BLUE,
        "dead_letters": GREY,
    }.items()
)
_INTO_OPERATORS: Final = per_second(of_operator("numRecordsIn"), "operator_name")
_MUCH_LAG: Final = 100_000
_WORK_COLOURS: Final = (
    field("scoring", colour=GREEN),
    field(like="explaining.*", colour=YELLOW),
)

REASONS: Final = (
    "not JSON",
    "not a JSON object",
    "no recv_ts_ns",
    "no key",
    "key is not the connection_id",
    "no connection_id",
    "no msg_type",
    "msg_type is not NEW, ACK, NACK, HEARTBEAT or OTHER",
    "not UTF-8",
    "null value",
    "recv_ts_ns is not an integer of nanoseconds from 2000 to 2099",
    "more than one JSON value",
    "larger than 64 KiB",
    "seq is not a 64-bit integer",
    "request_id is not a 64-bit integer",
    "exchange_ts_ns is not a 64-bit integer",
    "payload_bytes is not an integer of 0 or more",
    "connection_id is not a string of 1 to 128 printable characters",
    "declared_exchange is not a string of 1 to 64 printable characters",
    "prev_seq is not a 64-bit integer",
)
"""Why a record is invalid; the first look most different."""


def build() -> Json:
    """Lay out the dashboard."""
    panels = [
        *_now(0),
        section("Throughput", 5),
        *_throughput(6),
        section("Scoring in Python", 26),
        *_scoring(27),
        section("Checkpoints and restarts", 45),
        *checkpoints(46),
        section("Where time and memory go", 62),
        *resources(63),
    ]
    description = """What Flink says of itself: whether the job runs and keeps up, what it writes and refuses, and where
        its time goes. Read by Prometheus every 5 seconds."""
    return dashboard(UID, description, panels)


def _now(y: int) -> list[Json]:
    return [
        stat(
            "Job",
            "How long the whole job has been running since it was last started or restarted; 0 while it does not.",
            PromQL(f"max({RUNNING_MS}) / 1000 or vector(0)", "running for"),
            at=(0, y, 4, 5),
            unit="dtdurations",
            steps=((None, CRITICAL), (1, PLAIN)),
        ),
        stat(
            "Restarts",
            "How often the job was restarted in the time shown: each is a failure that it survived.",
            PromQL(in_range(of_job("numRestarts")), "in this time", instant=True),
            at=(4, y, 4, 5),
            unit="short",
            steps=((None, PLAIN), (1, WARNING)),
        ),
        stat(
            "Lag",
            "Messages in Kafka that the job has not read yet. It grows while more comes than the job can take.",
            PromQL(f"sum({of_operator('pendingRecords')})", "messages waiting"),
            at=(8, y, 4, 5),
            unit="short",
            steps=((None, PLAIN), (_MUCH_LAG, WARNING)),
            sparkline=True,
        ),
        stat(
            "Messages",
            "Messages read from Kafka a second, dead letters among them.",
            PromQL(per_second(of_operator("numRecordsOut", _SOURCE)), "read a second"),
            at=(12, y, 4, 5),
            unit="short",
            decimals=0,
            sparkline=True,
        ),
        stat(
            "Windows",
            "Windows of 50 messages scored a second; a connection makes one of every 25 messages.",
            PromQL(per_second(of_operator("windows_scored")), "scored a second"),
            at=(16, y, 4, 5),
            unit="short",
            decimals=1,
            sparkline=True,
        ),
        stat(
            "Dead letters",
            "Records rejected in the time shown, because they are invalid; below, by reason.",
            PromQL(in_range(of_operator("reason_dead_letters")), "in this time", instant=True),
            at=(20, y, 4, 5),
            unit="short",
            steps=((None, PLAIN), (1, WARNING)),
        ),
    ]


def _throughput(y: int) -> list[Json]:
    return [
        timeseries(
            "Messages",
            "Records read from Kafka a second, and those rejected among them.",
            PromQL(per_second(of_operator("numRecordsOut", _SOURCE)), "read"),
            PromQL(per_second(of_operator("reason_dead_letters")), "rejected"),
            at=(0, y, 8, 8),
            unit="short",
            least=0,
            fields=[field("read", colour=SKY_BLUE), field("rejected", colour=VERMILLION)],
        ),
        timeseries(
            "Windows",
            "Windows a second: scored, and decided on for their connections. The two go together, or decisions are "
            "behind.",
            PromQL(per_second(of_operator("windows_scored")), "scored"),
            PromQL(per_second(of_operator("windows_decided")), "decided"),
            at=(8, y, 8, 8),
            unit="short",
            least=0,
            fields=[field("scored", colour=GREEN, lineWidth=4), field("decided", colour=YELLOW, lineWidth=1)],
        ),
        timeseries(
            "Lag",
            "Messages in Kafka that the job has not read yet, by the source's own account. The broker's lag of the "
            "consumer group moves only with checkpoints, and would show saw teeth.",
            PromQL(f"sum({of_operator('pendingRecords')})", "waiting"),
            at=(16, y, 8, 8),
            unit="short",
            least=0,
            fields=[field("waiting", colour=PURPLE)],
        ),
        timeseries(
            "Rows written",
            "Rows given to PostgreSQL a second, by table; several of one connection may become one before they are "
            "written.",
            PromQL(per_second(of_operator("numRecordsIn", _TABLES), "operator_name"), "{{operator_name}}"),
            at=(0, y + 8, 12, 12),
            unit="short",
            least=0,
            fields=_TABLE_COLOURS,
        ),
        bargauge(
            "Records into each operator",
            "Records a second that each step of the job takes in, now; the names are those of Flink's web UI.",
            PromQL(
                f"topk(12, {per_second(of_operator('numRecordsIn'), 'operator_name')})",
                "{{operator_name}}",
                instant=True,
            ),
            at=(12, y + 8, 12, 12),
            unit="short",
            decimals=1,
        ),
    ]


def _scoring(y: int) -> list[Json]:
    n_windows, n_batches = (per_second(of_operator(name)) for name in ("windows_scored", "batches_scored"))
    return [
        timeseries(
            "Windows in a batch",
            "Windows that one call of the scoring function gets: many when much comes at once, few when windows come "
            "one by one. Each call costs some hundred microseconds however few they are.",
            PromQL(f"{n_windows} / {n_batches}", "mean"),
            PromQL(f"max({of_operator('last_batch_windows')})", "last batch"),
            at=(0, y, 8, 9),
            unit="short",
            least=0,
            fields=[field("mean", colour=SKY_BLUE), field("last batch", colour=YELLOW, lineWidth=1)],
        ),
        timeseries(
            "Time per window",
            "Microseconds that Python works on one window, features and trees, and, where a verdict is explained, on "
            "that explanation.",
            PromQL(f"{per_second(of_operator('scoring_time_us'))} / {n_windows}", "scoring"),
            PromQL(_mean_us("explaining_time_us", "verdicts_explained"), "explaining, per verdict"),
            at=(8, y, 8, 9),
            unit="µs",
            least=0,
            logarithmic=True,
            fields=_WORK_COLOURS,
        ),
        timeseries(
            "Python at work",
            "Share of the time in which a Python worker computes, all workers added up: at 100 % one core does nothing "
            "else.",
            *(
                PromQL(f"{per_second(of_operator(f'{work}_time_us'))} / 1e6", work)
                for work in ("scoring", "explaining")
            ),
            at=(16, y, 8, 9),
            unit="percentunit",
            least=0,
            stacked="normal",
            fields=_WORK_COLOURS,
        ),
        timeseries(
            "Unknown windows",
            "Share of the windows that no known exchange explains. It rises when an unknown venue connects, and when "
            "an exchange changes and the model has to be trained anew.",
            PromQL(f"{per_second(of_operator('windows_unknown'))} / {n_windows}", "unknown"),
            at=(0, y + 9, 8, 9),
            unit="percentunit",
            least=0,
            most=1,
            fields=[field("unknown", colour=GREY)],
        ),
        timeseries(
            "Windows by model",
            "Windows scored a second by each model version: a change of model is a change of colour.",
            PromQL(per_second(of_operator("model_version_windows"), "model_version"), "{{model_version}}"),
            at=(8, y + 9, 8, 9),
            unit="short",
            least=0,
            stacked="normal",
            fields=model_series(),
        ),
        timeseries(
            "Dead letters by reason",
            "Records rejected a second, over a minute. Their bytes are in the topic raw_messages_dlq, their places in "
            "the table dead_letters.",
            PromQL(per_second(of_operator("reason_dead_letters")), "all"),
            PromQL(f"{per_second(of_operator('reason_dead_letters'), 'reason')} > 0", "{{reason}}"),
            at=(16, y + 9, 8, 9),
            unit="short",
            least=0,
            interval="1m",
            fields=[field("all", colour=GREY, fillOpacity=20), *distinct_series(REASONS)],
        ),
    ]


def _mean_us(time_us: str, counter: str) -> str:
    return f"{per_second(of_operator(time_us))} / ({per_second(of_operator(counter))} > 0)"

"""Model health: whether the model still sees what it was trained on, and is as sure as it should be."""

from __future__ import annotations

from typing import Final

from grafana.source.blocks.dashboard import dashboard
from grafana.source.blocks.fields import (
    connection_column,
    exchange_column,
    exchange_series,
    field,
    instant_column,
    model_series,
    time_column,
)
from grafana.source.blocks.panels import section, stat, table, timeseries
from grafana.source.blocks.style import PLAIN, WARNING, Json
from grafana.source.blocks.variables import detected_exchange, model_version
from grafana.source.model_calibration import calibration, confidence

BEYOND_CHANCE: Final = 4
"""So many times the limit of one measure none of 232 exceeds in 99 of 100 cases.

Quantiles of chi-square, 1 - 0.01 / 232 against 0.99: 1.6 with ten degrees of freedom, 2.5 with one, 3.8 with 0.2.
"""


def build() -> Json:
    """Build the dashboard."""
    return dashboard(
        "fingerprint-model",
        "Whether the model still sees what it was trained on, and is as sure as it should be.",
        [*_sums(), *confidence(), *calibration(), *_stability(), *_versions()],
        variables=[detected_exchange(), model_version()],
        time_from="now-1h",
        refresh="30s",
    )


def _sums() -> list[Json]:
    return [
        stat(
            "Windows",
            """
            Windows of the time range; how many of them look like no known exchange; how many of those whose
            connection declares an exchange that the model knows look like that one; and the mean confidence.
            """,
            """
            WITH classes AS MATERIALIZED (
                SELECT model_version AS version, exchange
                FROM model_reference
                WHERE measure = 'confidence'
            )
            SELECT count(*) AS "Windows",
                   avg((detected_exchange = 'unknown')::integer) AS "Unknown",
                   avg((detected_exchange = declared_exchange)::integer) FILTER (WHERE classes.exchange IS NOT NULL)
                       AS "As declared",
                   avg(confidence) AS "Mean confidence"
            FROM scored_windows
            LEFT JOIN classes ON classes.version = model_version AND classes.exchange = declared_exchange
            WHERE $__timeFilter(window_end_at)
              AND detected_exchange IN ($exchange)
              AND model_version IN ($model)
            """,
            at=(0, 0, 14, 4),
            unit="percentunit",
            decimals=1,
            fields=[field("Windows", unit="locale", decimals=0)],
        ),
        stat(
            "What has drifted",
            """
            Connections whose rate changed against their own earlier windows in the last hour, whatever the time range,
            and measures of windows in the time range that are spread otherwise than in the training of the model of the
            latest window, which is named. Of so many measures of each exchange some exceed the limit of 1 in 100 by
            chance; counted are those beyond four times it, which by chance not one in 100 looks at all of them has.
            """,
            f"""
            SELECT (SELECT count(*) FROM drifting_connections) AS "Connections",
                   (
                       SELECT count(*)
                       FROM measure_stability($__timeFrom()::timestamptz, $__timeTo()::timestamptz)
                       WHERE psi > {BEYOND_CHANCE} * psi_limit
                   ) AS "Measures",
                   (
                       SELECT model_version
                       FROM scored_windows
                       WHERE $__timeFilter(window_end_at)
                       ORDER BY window_end_at DESC
                       LIMIT 1
                   ) AS "Against model"
            """,
            at=(14, 0, 10, 4),
            unit="locale",
            texts=True,
            fields=[
                field("Connections", steps=((None, PLAIN), (1, WARNING))),
                field("Measures", steps=((None, PLAIN), (1, WARNING))),
            ],
        ),
    ]


def _stability() -> list[Json]:
    return [
        section("Stability of what the model looks at", 25),
        table(
            "Stability of measures",
            """
            How differently each measure is spread in up to 500 windows of an exchange of the time range than in
            training of the model of the latest window: population stability index over ten bins, against the limit
            that chance alone exceeds in 1 of 100 cases with so many windows. The worst first. Of so many measures some
            are above 1 by chance; above 4 something has changed.
            """,
            """
            SELECT exchange AS "Exchange",
                   measure AS "Measure",
                   psi AS "Index",
                   psi / nullif(psi_limit, 0) AS "Index / limit",
                   median_now AS "Median now",
                   median_reference AS "In training",
                   windows AS "Windows"
            FROM (
                SELECT exchange AS detected_exchange, *
                FROM measure_stability($__timeFrom()::timestamptz, $__timeTo()::timestamptz)
            ) AS stability
            WHERE detected_exchange IN ($exchange)
            ORDER BY "Index / limit" DESC NULLS LAST
            LIMIT 300
            """,
            at=(0, 26, 13, 12),
            no_value="No windows of a model that knows its training data in the time range.",
            fields=[
                exchange_column("Exchange", width=80),
                field("Index", decimals=3, width=62, no_value="–"),
                field(
                    "Index / limit",
                    decimals=1,
                    width=94,
                    steps=((None, PLAIN), (BEYOND_CHANCE, WARNING)),
                    no_value="–",
                ),
                field("Median now", decimals=3, width=96, no_value="–"),
                field("In training", decimals=3, width=88, no_value="–"),
                field("Windows", unit="locale", width=78),
            ],
        ),
        table(
            "Drifting connections",
            """
            Connections whose rate changed against their own earlier windows in the last hour, whatever the time range;
            a click shows one.
            """,
            """
            SELECT connection_id AS "Connection",
                   detected_exchange AS "Detected",
                   measure AS "Measure",
                   before AS "Before",
                   now AS "Now",
                   ratio AS "Ratio",
                   since_at AS "Since"
            FROM drifting_connections
            WHERE detected_exchange IN ($exchange)
            ORDER BY detected_at DESC
            LIMIT 200
            """,
            at=(13, 26, 11, 12),
            no_value="None.",
            fields=[
                connection_column(width=145),
                exchange_column("Detected", width=80),
                field("Measure", width=75),
                field(like="^(Before|Now)$", decimals=1, width=65),
                field("Ratio", decimals=2, width=60),
                time_column("Since"),
            ],
        ),
    ]


def _versions() -> list[Json]:
    return [
        section("Versions", 38),
        timeseries(
            "Unknown windows",
            "Share of windows that look like no known exchange, by what their connection declares.",
            """
            SELECT date_bin('$__interval_ms ms', window_end_at, 'epoch') AS "time",
                   coalesce(declared_exchange, 'none') AS metric,
                   avg((detected_exchange = 'unknown')::integer) AS value
            FROM scored_windows
            WHERE $__timeFilter(window_end_at)
              AND model_version IN ($model)
            GROUP BY 1, 2
            ORDER BY 1, 2
            """,
            at=(0, 39, 7, 8),
            unit="percentunit",
            least=0,
            most=1,
            interval="10s",
            span_nulls=60_000,
            no_value="No windows in the time range.",
            fields=exchange_series(),
        ),
        timeseries(
            "Windows per second by model",
            "Windows scored per second of receive time, by the model that scored them.",
            """
            SELECT $__timeGroupAlias(at, $__interval, 0),
                   metric,
                   sum(windows) / ($__interval_ms / 1000.0) AS value
            FROM (
                SELECT date_bin('$__interval_ms ms', window_end_at, 'epoch') AS at,
                       model_version AS metric,
                       count(*) AS windows
                FROM scored_windows
                WHERE $__timeFilter(window_end_at)
                  AND detected_exchange IN ($exchange)
                  AND model_version IN ($model)
                GROUP BY 1, 2
            ) AS binned
            GROUP BY 1, 2
            ORDER BY 1, 2
            """,
            at=(7, 39, 7, 8),
            unit="locale",
            decimals=1,
            least=0,
            stacked="normal",
            interval="10s",
            no_value="No windows in the time range.",
            fields=model_series(),
        ),
        table(
            "Which model scores what",
            "From which offset of which partition on each model scores a topic, the latest change first.",
            """
            SELECT activated_at AS "Since",
                   model_version AS "Model",
                   topic AS "Topic",
                   kafka_partition AS "Partition",
                   from_offset AS "From offset"
            FROM model_schedule
            ORDER BY activated_at DESC, topic, kafka_partition NULLS FIRST
            LIMIT 200
            """,
            at=(14, 39, 10, 8),
            no_value="No model has been activated.",
            fields=[
                instant_column("Since", width=145),
                field("Model", width=115),
                field("Topic", width=110),
                field("Partition", no_value="all", width=80),
                field("From offset", unit="locale", width=95),
            ],
        ),
    ]

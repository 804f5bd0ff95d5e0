"""Model health, first part: confidence and margin against the reference, and calibration."""

from __future__ import annotations

from grafana.source.blocks.fields import exchange_series, field
from grafana.source.blocks.panels import barchart, section, table, timeseries
from grafana.source.blocks.style import GREY, SKY_BLUE, Json

NONE = "No windows of a model with a reference in the time range."


def confidence() -> list[Json]:
    """Show confidence and margin against what held-out windows had."""
    return [
        timeseries(
            "Windows with low confidence",
            """
            Share of windows whose confidence is below the first decile of held-out windows that were called the same.
            It stays near 10% (dashed) as long as the model sees what it was made for, and rises when that changes.
            """,
            """
            WITH reference AS MATERIALIZED (
                SELECT model_version AS version, exchange, deciles[1] AS low
                FROM model_reference
                WHERE measure = 'confidence'
            )
            SELECT date_bin('$__interval_ms ms', window_end_at, 'epoch') AS "time",
                   detected_exchange AS metric,
                   avg((confidence < low)::integer) AS value
            FROM scored_windows
            JOIN reference ON version = model_version AND exchange = detected_exchange
            WHERE $__timeFilter(window_end_at)
              AND detected_exchange IN ($exchange)
              AND model_version IN ($model)
            GROUP BY 1, 2
            ORDER BY 1, 2
            """,
            at=(0, 4, 8, 9),
            unit="percentunit",
            least=0,
            most=1,
            interval="10s",
            span_nulls=60_000,
            expected=0.1,
            no_value=NONE,
            fields=exchange_series(),
        ),
        _deciles(
            "confidence",
            "scored_windows",
            """
            How many of the latest 5,000 windows fall between the deciles that held-out windows called the same had:
            now, and as it was then. p10 is below the first decile. Too many on the left: the model is less sure than
            it was; all on the right: it sees easier traffic.
            """,
            at=(8, 4, 8, 9),
        ),
        _deciles(
            "margin",
            "window_measures",
            """
            The same for the margin, the largest probability less the second: how clearly the model decides. Of the
            latest 5,000 windows.
            """,
            at=(16, 4, 8, 9),
        ),
    ]


def _deciles(measure: str, view: str, description: str, *, at: tuple[int, int, int, int]) -> Json:
    """Show where a measure of windows lies among the deciles of its reference."""
    return barchart(
        f"{measure.capitalize()} in the deciles of the reference",
        description,
        f"""
        WITH reference AS MATERIALIZED (
            SELECT model_version AS version, exchange, deciles, shares
            FROM model_reference
            WHERE measure = '{measure}'
        ),
        latest AS (
            SELECT {measure}, model_version, detected_exchange
            FROM {view}
            WHERE $__timeFilter(window_end_at)
              AND detected_exchange IN ($exchange)
              AND model_version IN ($model)
            ORDER BY window_end_at DESC
            LIMIT 5000
        ),
        placed AS (
            SELECT shares,
                   1 + (SELECT count(*) FROM unnest(deciles) AS decile WHERE decile < {measure}) AS bin,
                   count(*) AS windows
            FROM latest
            JOIN reference ON version = model_version AND exchange = detected_exchange
            GROUP BY shares, bin
        )
        SELECT 'p' || 10 * bins.bin AS "Decile",
               coalesce(sum(windows) FILTER (WHERE placed.bin = bins.bin), 0) / sum(windows) AS "Now",
               sum(windows * shares[bins.bin]) / sum(windows) AS "Held-out windows"
        FROM placed
        CROSS JOIN generate_series(1, 10) AS bins (bin)
        GROUP BY bins.bin
        ORDER BY bins.bin
        """,
        at=at,
        unit="percentunit",
        x="Decile",
        no_value=NONE,
        fields=[field("Now", colour=SKY_BLUE), field("Held-out windows", colour=GREY)],
    )


def calibration() -> list[Json]:
    """Show how often windows are what they declare, by how sure the model was."""
    description = """
        Windows of connections that declare an exchange that the model knows, by their confidence: how many of them look
        like what is declared. A calibrated model's bars are as high as its confidence, as far as the declarations are
        true.
        """
    return [
        section("Calibration against what connections declare", 13),
        barchart(
            "As declared, by confidence",
            description,
            CALIBRATION_SQL,
            at=(0, 14, 14, 11),
            unit="percentunit",
            most=1,
            x="Confidence",
            no_value=NONE,
            fields=[
                field("Mean confidence", colour=GREY),
                field("As declared", colour=SKY_BLUE),
                field(like="^(Windows|Difference)$", hideFrom={"legend": True, "tooltip": False, "viz": True}),
            ],
        ),
        table(
            "As declared, in numbers",
            description,
            CALIBRATION_SQL,
            at=(14, 14, 10, 11),
            unit="percentunit",
            decimals=1,
            no_value=NONE,
            fields=[
                field("Confidence", width=95),
                field("Mean confidence", width=130),
                field("As declared", width=105),
                field("Difference", width=95),
                field("Windows", unit="locale", decimals=0, width=90),
            ],
        ),
    ]


CALIBRATION_SQL = """
    WITH classes AS MATERIALIZED (
        SELECT model_version AS version, exchange
        FROM model_reference
        WHERE measure = 'confidence'
    ),
    binned AS (
        SELECT width_bucket(confidence, ARRAY[0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99]) AS bin,
               confidence,
               (detected_exchange = declared_exchange)::integer AS is_declared
        FROM scored_windows
        JOIN classes ON version = model_version AND exchange = declared_exchange
        WHERE $__timeFilter(window_end_at)
          AND detected_exchange IN ($exchange)
          AND model_version IN ($model)
    )
    SELECT (ARRAY['to 50%', '50–60%', '60–70%', '70–80%', '80–90%', '90–95%', '95–99%', 'over 99%'])[bin + 1]
               AS "Confidence",
           avg(confidence) AS "Mean confidence",
           avg(is_declared) AS "As declared",
           avg(is_declared) - avg(confidence) AS "Difference",
           count(*) AS "Windows"
    FROM binned
    GROUP BY bin
    ORDER BY bin
    """

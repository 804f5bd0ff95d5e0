"""Fills an empty, migrated database as a month of traffic would, by statements that run inside PostgreSQL.

Two hundred slots hold a connection each at any time; a connection lives for minutes to weeks and another one follows.
Windows are copies of some thousand real ones, which the shipped model scored, so classes, probabilities and features
are distributed as they are. What was filled can be filled on up to now, so that a database that is kept stays current.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
from psycopg2.extensions import connection as Connection
from psycopg2.extras import Json, execute_values

from jobs.reference.scored_windows import score_batch
from model.artifact.artifact_folder import load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from synthetic.open_world.unknown_venues import unknown_venue_sessions
from synthetic.sessions import LabelledSession, synthetic_sessions
from udfs.windows import segments, session_windows, slide_segments

N_SLOTS = 200
CLASSES = ("binance", "coinbase", "kraken", "unknown")
TEMPLATES_OF_CLASS = 1000
EARLIER_MODEL = "earlier-model"
SEED = 7
START_NS = 1_790_000_000_000_000_000

SCHEMA = """
    CREATE SCHEMA bench;
    CREATE TABLE bench.connections (
        number integer PRIMARY KEY, connection_id text, declared text, class text, later_class text,
        switch_at_window bigint, start_at timestamptz, end_at timestamptz, slide_s double precision
    );
    CREATE TABLE bench.templates (
        class text, number integer, predicted text, confidence double precision, probabilities jsonb,
        unknown_score double precision, signature text, features real[], PRIMARY KEY (class, number)
    );
    CREATE TABLE bench.filled (until_at timestamptz, model_changed_at timestamptz, model_version text)
"""

# Window k of a connection ends when its message 25 k + 50 comes; messages come at about the connection's own pace.
WINDOWS = """
    INSERT INTO window_scores (connection_id, kafka_partition, last_offset, first_offset, window_start_at,
        window_end_at, declared_exchange, predicted_exchange, confidence, probabilities, unknown_score, model_version,
        scored_at, signature {features_column})
    SELECT connection_id, due.number %% 4, 10000000 * due.number::bigint + 25 * k + 49,
           10000000 * due.number::bigint + 25 * k,
           window_end_at - make_interval(secs => slide_s * (1.8 + 0.3 * random())), window_end_at, declared,
           t.predicted, t.confidence, t.probabilities, t.unknown_score,
           CASE WHEN window_end_at < model_changed_at THEN %(earlier_model)s ELSE model_version END,
           window_end_at + make_interval(secs => 0.035 + 0.05 * random() ^ 4), t.signature {features}
    FROM (
        SELECT c.*, k, start_at + make_interval(secs => slide_s * (k + 2 - 0.3 * random())) AS window_end_at,
               CASE WHEN k < coalesce(switch_at_window, k + 1) THEN class ELSE later_class END AS class_now
        FROM bench.connections AS c
        CROSS JOIN LATERAL generate_series(
            greatest(ceil(extract(epoch FROM %(from_at)s - start_at) / slide_s)::bigint - 2, 0),
            ceil(extract(epoch FROM least(%(to_at)s, end_at) - start_at) / slide_s)::bigint - 3) AS k
        WHERE start_at < %(to_at)s AND end_at > %(from_at)s
    ) AS due
    CROSS JOIN bench.filled
    JOIN bench.templates AS t
        ON t.class = class_now AND t.number = (k * 7919 + due.number * 104729::bigint) %% {templates}
    ORDER BY window_end_at
"""

LAST_WINDOWS = """
    SELECT c.*, start_at + make_interval(secs => slide_s * (k + 2)) AS last_at,
           CASE WHEN k < coalesce(switch_at_window, k + 1) THEN class ELSE later_class END AS class_now,
           k >= coalesce(switch_at_window, k + 1) AS switched
    FROM (
        SELECT *, ceil(extract(epoch FROM least(%(to_at)s, end_at) - start_at) / slide_s)::bigint - 3 AS k
        FROM bench.connections
    ) AS c
    WHERE k >= 0
"""

VERDICTS = f"""
    INSERT INTO connection_verdicts (connection_id, declared_exchange, verdict, certainty, probability, strength_nats,
        windows, messages, certain_after_messages, since_at, since_offset, previous_verdict, kafka_partition,
        last_offset, last_window_end_at, signature, model_version)
    SELECT connection_id, declared, class_now, CASE WHEN k >= 3 THEN 'certain' ELSE 'undecided' END, 0.998, 14.5, k + 1,
           25 * k + 50, CASE WHEN k >= 3 THEN 125 END, start_at, 10000000 * c.number::bigint,
           CASE WHEN switched THEN c.class END, c.number %% 4, 10000000 * c.number::bigint + 25 * k + 49, last_at,
           t.signature, model_version
    FROM ({LAST_WINDOWS}) AS c
    JOIN bench.templates AS t ON t.class = class_now AND t.number = c.number %% {{templates}}
    CROSS JOIN bench.filled
    ON CONFLICT (connection_id) DO UPDATE SET windows = excluded.windows, messages = excluded.messages,
        last_offset = excluded.last_offset, last_window_end_at = excluded.last_window_end_at,
        verdict = excluded.verdict, certainty = excluded.certainty, previous_verdict = excluded.previous_verdict,
        model_version = excluded.model_version
"""

EVENTS = f"""
    INSERT INTO connection_events (connection_id, kafka_partition, last_offset, kind, previous_verdict, verdict,
        declared_exchange, since_at, since_offset, detected_at, messages, windows, strength_nats, probability, reasons,
        signature, model_version)
    SELECT connection_id, c.number %% 4, 10000000 * c.number::bigint + 25 * at_window + 49,
           CASE WHEN is_now = 'unknown' THEN 'unknown_venue' WHEN is_now = coalesce(declared, is_now) THEN 'named'
                ELSE 'mismatch' END,
           was, is_now, declared, start_at + make_interval(secs => slide_s * (at_window - 2)),
           10000000 * c.number::bigint + 25 * at_window - 50,
           start_at + make_interval(secs => slide_s * (at_window + 2)),
           25 * at_window + 50, 3, 14.5, 0.998,
           CASE WHEN is_now <> coalesce(declared, is_now) OR is_now = 'unknown' THEN %(reasons)s::jsonb END,
           t.signature, model_version
    FROM ({LAST_WINDOWS}) AS c
    CROSS JOIN LATERAL (
        SELECT 3 AS at_window, NULL AS was, class AS is_now WHERE k >= 3
        UNION ALL SELECT switch_at_window + 3, class, later_class WHERE k >= switch_at_window + 3
    ) AS change
    JOIN bench.templates AS t ON t.class = is_now AND t.number = c.number %% {{templates}}
    CROSS JOIN bench.filled
    ON CONFLICT DO NOTHING
"""

ACTIVITY = f"""
    INSERT INTO connection_activity (connection_id, kafka_partition, last_offset, declared_exchange, messages,
        last_recv_at, silence_limit_s, last_heartbeat_at, began_at, written_at)
    SELECT connection_id, number %% 4, 10000000 * number::bigint + 25 * k + 49, declared, 25 * k + 50, last_at,
           greatest(5, 4 * slide_s), last_at, start_at, last_at
    FROM ({LAST_WINDOWS}) AS c
    ON CONFLICT (connection_id) DO UPDATE SET last_offset = excluded.last_offset, messages = excluded.messages,
        last_recv_at = excluded.last_recv_at, last_heartbeat_at = excluded.last_heartbeat_at,
        written_at = excluded.written_at
"""

# About one fault per connection and day; gaps are the commonest.
HEALTH = """
    INSERT INTO health_events (connection_id, kafka_partition, kafka_offset, kind, declared_exchange, messages,
        since_at, since_offset, detected_at, seq_before, seq, n_missing, silence_s, limit_s,
        rate_before, rate_now, score, written_at)
    SELECT connection_id, number %% 4, 10000000 * number::bigint + n, kind, declared, 25 * n,
           at - make_interval(secs => silence), 10000000 * number::bigint + n - 1, at,
           CASE WHEN kind !~ 'stall|drift' THEN 1000 * n END, CASE WHEN kind !~ 'stall|drift' THEN 1000 * n + 7 END,
           CASE WHEN kind = 'gap' THEN 6 END, CASE WHEN kind ~ 'stall' THEN silence END,
           CASE WHEN kind ~ 'stall' THEN 5 END, CASE WHEN kind = 'drift' THEN 6 END,
           CASE WHEN kind = 'drift' THEN 12 END, CASE WHEN kind = 'drift' THEN 4 END, at
    FROM bench.connections
    CROSS JOIN LATERAL generate_series(
        1, ceil(extract(epoch FROM least(%(to_at)s, end_at) - start_at) / 86400)::integer) AS n
    CROSS JOIN LATERAL (SELECT start_at + (n - random()) * interval '1 day' AS at, 5 + 60 * random() AS silence,
        (ARRAY['gap', 'gap', 'gap', 'repeat', 'reset', 'stall', 'stall', 'data_stall', 'heartbeat_stall',
               'drift'])[1 + floor(10 * random())] AS kind) AS drawn
    WHERE at > %(from_at)s AND at <= least(%(to_at)s, end_at)
    ON CONFLICT DO NOTHING
"""

DEAD_LETTERS = """
    INSERT INTO dead_letters (kafka_partition, kafka_offset, reason, connection_key, n_bytes, seen_at)
    SELECT n %% 4, extract(epoch FROM %(from_at)s)::bigint * 1000 + n,
           (ARRAY['not JSON', 'not JSON', 'not JSON', 'key is not the connection_id', 'null value', 'not UTF-8'])
               [1 + floor(6 * random())],
           'conn-' || n %% 50, 20 + n %% 400,
           %(from_at)s + (%(to_at)s - %(from_at)s) * (n / %(n_letters)s::double precision)
    FROM generate_series(1, %(n_letters)s) AS n
    ON CONFLICT DO NOTHING
"""

REASONS = (
    '{"against": "binance", "reasons": [{"text": "a heartbeat every 1.0 s, where binance sends one every 20 s", '
    '"feature": "heartbeat_share", "nats": 3.1}, {"text": "intervals on a 100 ms grid", "feature": "tick_share", '
    '"nats": 2.2}]}'
)

Progress = Callable[[str], None]


def fill(database: Connection, *, n_rows: int, days: int, progress: Progress) -> None:
    """Fill empty tables with about so many windows that end between so many days ago and now; then ANALYZE."""
    now = datetime.now(UTC)
    with database.cursor() as cursor:
        cursor.execute(SCHEMA)
        cursor.execute("SELECT create_partitions(%s, %s)", (now - timedelta(days=days), days // 28 + 2))
        execute_values(cursor, "INSERT INTO bench.connections VALUES %s", list(_connections(now, n_rows, days)))
        progress("Scoring the windows that are copied")
        execute_values(cursor, "INSERT INTO bench.templates VALUES %s", list(_templates()))
        version = _register_models(cursor, now - timedelta(days=days))
        start_at = now - timedelta(days=days)
        cursor.execute(
            "INSERT INTO bench.filled VALUES (%s, %s, %s)", (start_at, now - timedelta(days=days / 3), version)
        )
    fill_on(database, progress=progress)


def fill_on(database: Connection, *, progress: Progress) -> None:
    """Add what would have come since the tables were filled last, up to now, hour by hour or in larger steps."""
    now = datetime.now(UTC)
    with database.cursor() as cursor:
        cursor.execute("SELECT until_at FROM bench.filled")
        ((from_at,),) = cursor.fetchall()
        first_at, step = from_at, max((now - from_at) / 30, timedelta(hours=1))
        while from_at < now:
            to_at = min(from_at + step, now)
            _fill_between(cursor, from_at, to_at)
            progress(f"Filled until {to_at:%Y-%m-%d %H:%M}")
            from_at = to_at
        if now - first_at > timedelta(hours=6):
            # As autovacuum leaves it.
            cursor.execute("VACUUM (ANALYZE)")
        else:
            cursor.execute("ANALYZE")


def _fill_between(cursor: Any, from_at: datetime, to_at: datetime) -> None:
    cursor.execute(
        "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'window_scores'::regclass AND attname = 'features')"
    )
    has_features = cursor.fetchone() == (True,)
    values = {"from_at": from_at, "to_at": to_at, "earlier_model": EARLIER_MODEL, "reasons": REASONS}
    texts = {
        "features_column": ", features" if has_features else "",
        "features": ", t.features" if has_features else "",
        "templates": str(TEMPLATES_OF_CLASS),
    }
    values["n_letters"] = round((to_at - from_at).total_seconds() / 60)
    for statement in (WINDOWS, VERDICTS, EVENTS, ACTIVITY, HEALTH, DEAD_LETTERS):
        cursor.execute(statement.format(**texts), values)
    cursor.execute("UPDATE bench.filled SET until_at = %s", (to_at,))


def _connections(now: datetime, n_rows: int, days: int) -> Iterator[tuple[Any, ...]]:
    """Draw which connection holds each slot when, what it is and declares, and how fast it is."""
    rng = np.random.default_rng(SEED)
    rates = rng.lognormal(0, 1.2, N_SLOTS)
    slides_s = rates.sum() * days * 86400 / n_rows / rates
    number = 0
    for slot in range(N_SLOTS):
        start_at = now - timedelta(days=days)
        while start_at < now:
            lasts_s = max(float(rng.lognormal(np.log(0.02 * days * 86400), 1.5)), 60)
            end_at: datetime | str = start_at + timedelta(seconds=lasts_s)
            true, later, other = rng.choice(CLASSES, 3, p=(0.35, 0.25, 0.32, 0.08)).tolist()
            declares = rng.random()
            declared = None if declares < 0.05 else other if declares < 0.08 else true
            switches = int(rng.integers(50, 2000)) if rng.random() < 0.02 else None
            is_last = start_at + timedelta(seconds=lasts_s) >= now
            yield (
                *(number, f"{declared or 'feed'}-{slot:03d}-{start_at:%Y%m%dT%H%M%S}-{number:05x}"),
                *(None if declared == "unknown" else declared, true, later, switches, start_at),
                *("infinity" if is_last else end_at, float(slides_s[slot])),
            )
            number, start_at = number + 1, start_at + timedelta(seconds=lasts_s + float(rng.exponential(30)))


def _templates() -> Iterator[tuple[Any, ...]]:
    """Score windows of fresh synthetic sessions, and yield as many of each class."""
    predictor = load_predictor(DEFAULT_ARTIFACT)
    drawn: list[LabelledSession] = [
        *synthetic_sessions(per_exchange=12, seed=SEED, start_ns=START_NS, n_messages=3000),
        *unknown_venue_sessions(n=16, seed=SEED, start_ns=START_NS, n_messages=3000),
    ]
    counts = dict.fromkeys(CLASSES, 0)
    for labelled in drawn * 3:
        session = labelled.session
        offsets = slide_segments(np.arange(len(session)), segments(session.recv_ts_ns))
        scores, rows = score_batch(session_windows(session), offsets, predictor)
        for row, features in zip(rows.to_dict("records"), scores.features.tolist(), strict=True):
            of_class = labelled.exchange if labelled.exchange in CLASSES else "unknown"
            if counts[of_class] < TEMPLATES_OF_CLASS:
                known = [None if np.isnan(value) else round(value, 4) for value in features]
                scored = (row["predicted_exchange"], row["confidence"], row["probabilities"], row["unknown_score"])
                yield (of_class, counts[of_class], *scored, row["signature"], known)
                counts[of_class] += 1


def _register_models(cursor: Any, at: datetime) -> str:
    """Write the shipped model into the registry, and under another name the one that was there before it."""
    manifest = orjson.loads((DEFAULT_ARTIFACT / "manifest.json").read_bytes())
    version = load_predictor(DEFAULT_ARTIFACT).model_version
    sha256 = hashlib.sha256((DEFAULT_ARTIFACT / "booster.ubj").read_bytes()).hexdigest()
    for name in (EARLIER_MODEL, version):
        cursor.execute("INSERT INTO model_versions VALUES (%s, %s, %s, %s)", (name, Json(manifest), sha256, at))
        cursor.execute(
            "INSERT INTO model_activations (topic, model_version, from_offsets) VALUES ('raw_messages', %s, '{}')",
            (name,),
        )
    return version

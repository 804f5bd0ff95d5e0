"""Alert rules before Grafana sees them: what it swallows, and what each query returns on a real PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from typing import Any

import psycopg2
import pytest
import yaml
from psycopg2.extensions import connection as Connection

from fingerprint_testing.paths import GRAFANA, ROOT
from jobs.results.active_alerts import Rule, read_alerts
from jobs.results.migrations import migrate

RULES = GRAFANA / "provisioning" / "alerting" / "rules.yaml"
GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"]
ALL_RULES: list[dict[str, Any]] = list(chain.from_iterable(group["rules"] for group in GROUPS))
SOURCES = {
    source["uid"]: source["type"]
    for path in (GRAFANA / "provisioning" / "datasources").glob("*.yaml")
    for source in yaml.safe_load(path.read_text())["datasources"]
}
ANCHORS = {
    heading.lower().replace(" ", "-")
    for heading in re.findall(r"^#+ (.*)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
}
ON_TABLES = [rule for rule in ALL_RULES if rule["data"][0]["datasourceUid"] == "fingerprint"]

NUMERIC_OIDS = {20, 21, 23, 700, 701}  # int8, int2, int4, float4, float8; Grafana knows numeric too, but as a decimal
TEXT_OID = 25
DURATION = r"\d+[smh]"

each_rule = pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule["uid"])
each_rule_on_tables = pytest.mark.parametrize("rule", ON_TABLES, ids=lambda rule: rule["uid"])


def sql_of(rule: dict[str, Any]) -> str:
    return str(rule["data"][0]["model"]["rawSql"])


def test_each_rule_of_the_view_has_one_of_its_own() -> None:
    names = [re.findall(r"WHERE rule = '([^']*)'$", sql_of(rule)) for rule in ON_TABLES]
    assert sorted(names) == sorted([name] for name in Rule)


def test_uids_and_titles_are_unique_and_as_grafana_wants_them() -> None:
    assert len({rule["uid"] for rule in ALL_RULES}) == len(ALL_RULES)
    assert len({rule["title"].lower() for rule in ALL_RULES}) == len(ALL_RULES)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,40}", rule["uid"]) for rule in ALL_RULES)
    assert all(len(rule["title"]) <= 190 for rule in ALL_RULES)


def test_groups_are_evaluated_in_a_folder_of_ours() -> None:
    assert len({(group["folder"], group["name"]) for group in GROUPS}) == len(GROUPS)
    for group in GROUPS:
        assert group["folder"] == "Exchange fingerprinting"
        # Grafana's scheduler ticks every 10 s.
        assert re.fullmatch(r"\d+0s|\d+m", group["interval"])


@each_rule
def test_the_condition_follows_from_a_query_of_a_data_source_that_exists(rule: dict[str, Any]) -> None:
    steps = {step["refId"]: step for step in rule["data"]}
    assert len(steps) == len(rule["data"])
    seen = set()
    ref_id = rule["condition"]
    while steps[ref_id]["datasourceUid"] == "__expr__":
        seen.add(ref_id)
        model = steps[ref_id]["model"]
        assert model["datasource"] == {"type": "__expr__", "uid": "__expr__"}
        assert model["conditions"][0]["query"]["params"] == [model["expression"]]
        ref_id = model["expression"]
        assert ref_id not in seen
    assert seen | {ref_id} == set(steps)
    query = steps[ref_id]
    expected = SOURCES.get(query["datasourceUid"], "prometheus")
    assert query["model"]["datasource"] == {"type": expected, "uid": query["datasourceUid"]}
    assert all(step["model"]["refId"] == step["refId"] for step in rule["data"])
    assert all(step["relativeTimeRange"]["from"] > step["relativeTimeRange"]["to"] >= 0 for step in rule["data"])


@each_rule
def test_states_and_times_are_those_that_grafana_knows(rule: dict[str, Any]) -> None:
    assert rule["noDataState"] in ("OK", "Alerting", "NoData", "KeepLast")
    assert rule["execErrState"] in ("OK", "Alerting", "Error", "KeepLast")
    assert re.fullmatch(DURATION, rule["for"])
    assert rule["isPaused"] is False


def test_a_database_that_does_not_answer_is_told_once() -> None:
    assert [rule["uid"] for rule in ON_TABLES if rule["execErrState"] == "Error"] == ["fingerprint-job-down"]
    assert {rule["noDataState"] for rule in ON_TABLES} == {"OK"}


@each_rule
def test_annotations_say_what_where_and_what_to_do(rule: dict[str, Any]) -> None:
    annotations = rule["annotations"]
    url, _, anchor = annotations["runbook_url"].partition("#")
    assert url == "${GRAFANA_RUNBOOK_URL}"
    assert anchor in ANCHORS
    labels = {"rule", "severity", "subject", "declared_exchange", "detected_exchange"} | rule["labels"].keys()
    for name in ("summary", "description"):
        # A dollar sign would be taken for the name of an environment variable.
        assert "$" not in annotations[name]
        for template in re.findall(r"\{\{(.*?)\}\}", annotations[name]):
            assert set(re.findall(r"\.Labels\.(\w+)", template)) <= labels
            assert set(re.findall(r"\.Values\.(\w+)", template)) <= {step["refId"] for step in rule["data"]}
            assert re.search(r"\.(Labels|Values)\.", template)


def test_a_job_that_fails_again_and_again_is_down() -> None:
    (rule,) = [rule for rule in ALL_RULES if rule["uid"] == "fingerprint-job-down-metric"]
    # `runningTime` of Flink goes on while tasks load their models; half a minute is more than a loop of failures lasts.
    assert rule["data"][0]["model"]["expr"] == (
        '1 - (max(flink_jobmanager_job_allSubTasksRunningOrFinishedTime{job_name="Exchange fingerprinting"}'
        " > bool 30000) or vector(0))"
    )
    # 89 s to come back, as measured of parts that were killed, and those 30 s.
    assert rule["for"] == "2m"


def test_compose_names_the_runbook() -> None:
    grafana = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]
    assert "GRAFANA_RUNBOOK_URL" in grafana["environment"]


@pytest.fixture(scope="module")
def empty(database_url: str) -> Iterator[Connection]:
    migrate(database_url)
    with closing(psycopg2.connect(database_url)) as connection:
        connection.autocommit = True
        yield connection


@pytest.fixture(scope="module")
def alarming(empty: Connection) -> Connection:
    """Hold at least one alert of each rule."""
    with empty.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO model_versions (model_version, manifest, sha256)
            VALUES ('test-1', '{"classes": ["binance", "kraken", "unknown"]}', repeat('0', 64));
            INSERT INTO connection_verdicts
            SELECT id, 'binance', verdict, 'certain', 0.99, 15, 10, 300, 75, now() - interval '1 hour', 0, NULL, 0, 299,
                   now() - interval '3 minutes', 'xf1-N-t0-h1s-sc', 'test-1'
            FROM (VALUES ('m', 'kraken'), ('s', 'unknown'), ('s2', 'unknown')) AS verdicts (id, verdict);
            INSERT INTO connection_events
            SELECT connection_id, 0, 299, CASE verdict WHEN 'unknown' THEN 'unknown_venue' ELSE 'mismatch' END, NULL,
                   verdict, declared_exchange, since_at, 0, last_window_end_at, 300, 2, 15, 0.99, '{"reasons": []}',
                   signature, model_version
            FROM connection_verdicts;
            INSERT INTO connection_activity (connection_id, kafka_partition, last_offset, declared_exchange, messages,
                                             last_recv_at, silence_limit_s)
            SELECT id, 0, 999, 'binance', 1000, now() - make_interval(secs => silent_s), 5
            FROM (VALUES ('m', 80), ('s', 80), ('alone', 600)) AS activity (id, silent_s);
            INSERT INTO connection_activity (connection_id, kafka_partition, last_offset, declared_exchange, messages,
                                             last_recv_at, written_at, silence_limit_s)
            SELECT 'short-' || n, 0, n, 'binance', 49, now() - interval '600 s', now() - interval '600 s', 5
            FROM generate_series(1, 1001) AS n
            UNION ALL
            SELECT 'ahead', 0, 1, 'binance', 1000, now() + interval '8 hours', now() - interval '80 s', 5;
            INSERT INTO health_events (connection_id, kafka_partition, kafka_offset, kind, declared_exchange, messages,
                                       since_at, since_offset, detected_at, seq_before, seq, n_missing)
            SELECT id, 0, n, 'gap', 'binance', n, now(), 0, now(), n, n + 2, 1
            FROM (VALUES ('m'), ('s')) AS ids (id), generate_series(1, 3) AS n;
            INSERT INTO dead_letters (kafka_partition, kafka_offset, reason, connection_key, n_bytes)
            SELECT p, n, CASE p WHEN 0 THEN 'not JSON' ELSE 'no msg_type' END, 'm', 7
            FROM generate_series(0, 1) AS p, generate_series(1, 20) AS n;
            INSERT INTO unread_records (kafka_partition, counts_from, first_offset, n_offsets) VALUES (0, 9, 5, 4);
            INSERT INTO health_events (connection_id, kafka_partition, kafka_offset, kind, declared_exchange, messages,
                                       since_at, since_offset, detected_at, rate_before, rate_now, score)
            VALUES ('fast', 0, 11524, 'drift', 'kraken', 11525, now() - interval '2 minutes', 10049, now(), 6, 12, 4);
            INSERT INTO window_scores (connection_id, kafka_partition, last_offset, first_offset, window_start_at,
                                       window_end_at, declared_exchange, predicted_exchange, confidence, probabilities,
                                       unknown_score, model_version)
            VALUES ('fast', 0, 11524, 11475, now() - interval '14 s', now() - interval '10 s', 'kraken', 'kraken', 0.9,
                    '{"kraken": 0.9}', 0.1, 'test-1');
            INSERT INTO connection_verdicts
            VALUES ('fast', 'kraken', 'kraken', 'certain', 0.99, 15, 460, 11525, 75, now() - interval '1 hour', 0, NULL,
                    0, 11524, now(), 'xf1-N-t0-h1s-sc', 'test-1');
            """
        )
    return empty


def run(database: Connection, sql: str) -> tuple[list[Any], list[tuple[Any, ...]]]:
    with database.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.description or ()), cursor.fetchall()


@each_rule_on_tables
def test_nothing_wrong_is_no_row_of_one_number_and_labels(empty: Connection, rule: dict[str, Any]) -> None:
    columns, rows = run(empty, sql_of(rule))
    assert rows == []
    assert sorted(column.type_code in NUMERIC_OIDS for column in columns) == [False] * 5 + [True]
    assert {column.type_code for column in columns if column.type_code not in NUMERIC_OIDS} == {TEXT_OID}
    assert rule["data"][0]["model"]["format"] == "table"


@each_rule_on_tables
def test_each_thing_that_is_wrong_is_an_instance_above_the_limit(alarming: Connection, rule: dict[str, Any]) -> None:
    columns, rows = run(alarming, sql_of(rule))
    assert rows
    (limit,) = rule["data"][1]["model"]["conditions"][0]["evaluator"]["params"]
    number = [column.type_code in NUMERIC_OIDS for column in columns].index(True)
    assert all(row[number] > limit for row in rows)
    labels = [tuple(value for i, value in enumerate(row) if i != number) for row in rows]
    assert len(set(labels)) == len(labels)
    assert all(label for row in labels for label in row)


def test_the_rules_together_tell_what_the_view_tells(alarming: Connection) -> None:
    told = [row[2] for rule in ON_TABLES for row in run(alarming, sql_of(rule))[1]]
    assert sorted(told) == sorted(alert.subject for alert in read_alerts(alarming))

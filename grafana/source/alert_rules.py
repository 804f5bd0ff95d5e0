"""Grafana's alert rules, as grafana/provisioning/alerting/rules.yaml has them.

A rule on tables asks the view `alerts` for its rows: each is an alert, with the texts as labels. No row is no alert, so
"no data" is well. A template begins with a dot, never with a dollar sign: files are provisioned with their `$NAME`
replaced from the environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import yaml

from grafana.source.blocks.flink_metrics import RUNNING_MS, of_operator
from jobs.grafana.provisioning import FOLDER
from jobs.results.active_alerts import SETTLED_AFTER_S

Json = dict[str, Any]

INTERVALS: Final = {"Tables": "30s", "Metrics": "30s"}
"""Groups of rules, and how often Grafana evaluates them."""

RUNBOOK_URL: Final = "${GRAFANA_RUNBOOK_URL}"
"""Address of docs/runbook.md, from the environment of Grafana or of `fingerprint grafana push`."""

_CONNECTION: Final = "Dashboard: /d/fingerprint-connection?var-connection={{ urlquery .Labels.subject }}"
_PROBABILITY: Final = '{{ printf "%.3f" .Values.A.Value }}'
_NUMBER: Final = '{{ printf "%.0f" .Values.A.Value }}'
_TENTHS: Final = '{{ printf "%.1f" .Values.A.Value }}'
_PENDING_MESSAGES: Final = 100_000


@dataclass(frozen=True, kw_only=True)
class TableRule:
    """A rule of a view.

    Attributes
    ----------
    name : str
        As the view has it.
    summary, description : str
        Go templates with `.Labels`, the columns that are texts, and `.Values.A.Value`.
    lasts : str
        How long it has to stand before it fires.
    on_error : {"KeepLast", "Error"}
        What becomes of it when the database does not answer. One rule says so; of the others each stays what it is.
    """

    name: str
    summary: str
    description: str
    lasts: str = "0s"
    on_error: Literal["KeepLast", "Error"] = "KeepLast"


@dataclass(frozen=True, kw_only=True)
class MetricRule:
    """A rule of Flink's metrics, which fires above a limit; the attributes are those of `TableRule`."""

    name: str
    title: str
    severity: Literal["critical", "warning"]
    expr: str
    above: float
    summary: str
    description: str
    lasts: str
    on_no_data: Literal["OK", "Alerting"] = "OK"
    on_error: Literal["KeepLast", "Error"] = "KeepLast"


TABLE_RULES: Final = (
    TableRule(
        name="mismatch",
        summary="{{ .Labels.subject }} declares {{ .Labels.declared_exchange }}, behaves like "
        "{{ .Labels.detected_exchange }}",
        description=f"That is certain, with probability {_PROBABILITY}. {_CONNECTION}",
    ),
    TableRule(
        name="unknown venue",
        summary="{{ .Labels.subject }} declares {{ .Labels.declared_exchange }}, behaves like no known exchange",
        description=f"That is certain, with probability {_PROBABILITY}. {_CONNECTION}",
    ),
    TableRule(
        name="stall",
        summary="{{ .Labels.subject }} is silent, or was so just now, for longer than its intervals allow",
        description=f"For {_NUMBER} s. It declares {{{{ .Labels.declared_exchange }}}}. {_CONNECTION}",
    ),
    TableRule(
        name="sequence",
        summary="{{ .Labels.subject }} has gaps, repeats or resets of its sequence numbers",
        description=f"{_NUMBER} in the last quarter of an hour. {_CONNECTION}",
    ),
    TableRule(
        name="drift",
        summary="{{ .Labels.subject }} has changed its rate against its own earlier windows",
        description=f"The difference is {_TENTHS} times what it differed before; more than 3 is drift. {_CONNECTION}",
    ),
    TableRule(
        name="dead letters",
        summary="Records are invalid: {{ .Labels.subject }}",
        description=f"{_NUMBER} of them in the last five minutes.",
    ),
    TableRule(
        name="topic",
        summary="Something is wrong with the topic of the messages: {{ .Labels.subject }}",
        description="Records were deleted before they were read, partitions were added, or it is compacted.",
    ),
    TableRule(
        name="lag",
        summary="Results come late",
        description=f"Half of the last windows took more than {_TENTHS} s from receipt to row.",
        # Whoever restarts catches up within it.
        lasts="2m",
    ),
    TableRule(
        name="job down",
        summary="No results: {{ .Labels.subject }}",
        description=f"For {_NUMBER} s the job, Kafka or what feeds it has stood still.",
        # A part that was killed is back after 21 s in the median and 89 s at most; the view waits a minute itself.
        lasts="1m",
        on_error="Error",
    ),
    TableRule(
        name="clock skew",
        summary="The clock of who receives {{ .Labels.subject }} is wrong",
        description=f"By {_NUMBER} s, against the clock of the database. {_CONNECTION}",
    ),
    TableRule(
        name="new connections",
        summary="A flood of new connection ids",
        description=f"{_NUMBER} of them in the last ten minutes.",
    ),
    TableRule(
        name="short connections",
        summary="Most new connections end before anything tells what they are",
        description=f"{_NUMBER} of the last hour had fewer than 50 messages.",
    ),
    TableRule(
        name="more alerts",
        summary="More alerts of the rule {{ .Labels.subject }} than are listed",
        description=f"{_NUMBER} more. One cause is likely: see what they have in common.",
    ),
)

METRIC_RULES: Final = (
    MetricRule(
        name="job down",
        title="Job down, says Flink",
        severity="critical",
        # The time begins anew with each restart: a job that fails again and again never gets as far.
        expr=f"1 - (max({RUNNING_MS} > bool {1000 * SETTLED_AFTER_S}) or vector(0))",
        above=0,
        summary="Flink runs no job",
        description="By Flink's metrics the tasks of our job do not run, or fail again and again, or there are none.",
        # A part that was killed is back after 89 s at most, and then the job has to run for half a minute.
        lasts="2m",
        # Its expression always has a value: none is no sign of life.
        on_no_data="Alerting",
        on_error="Error",
    ),
    MetricRule(
        name="lag",
        title="Lag, says Flink",
        severity="warning",
        expr=f"sum({of_operator('pendingRecords')})",
        above=_PENDING_MESSAGES,
        summary="The job falls behind the topic",
        description=f"{_NUMBER} messages wait in Kafka. Dashboard: /d/fingerprint-pipeline",
        lasts="2m",
    ),
)


def rule_groups() -> Json:
    """Put all rules together, as a provisioning file has them."""
    groups = {
        "Tables": [_table_rule(rule) for rule in TABLE_RULES],
        "Metrics": [_metric_rule(rule) for rule in METRIC_RULES],
    }
    return {
        "apiVersion": 1,
        "groups": [
            {"orgId": 1, "name": name, "folder": FOLDER, "interval": INTERVALS[name], "rules": rules}
            for name, rules in groups.items()
        ],
    }


def _table_rule(rule: TableRule) -> Json:
    source = {"type": "grafana-postgresql-datasource", "uid": "fingerprint"}
    sql = (
        "SELECT rule, severity, subject, coalesce(declared_exchange, 'nothing') AS declared_exchange,\n"
        "       coalesce(detected_exchange, 'nothing') AS detected_exchange, value\n"
        f"FROM alerts\nWHERE rule = '{rule.name}'"
    )
    query = {"editorMode": "code", "rawQuery": True, "format": "table", "rawSql": sql}
    # The view tells of nothing that is well, and every value is above 0.
    return _rule(rule, rule.name.capitalize(), f"fingerprint-{_anchor(rule.name)}", source, query, above=0, labels={})


def _metric_rule(rule: MetricRule) -> Json:
    source = {"type": "prometheus", "uid": "fingerprint-prometheus"}
    query = {"editorMode": "code", "expr": rule.expr, "instant": True, "range": False}
    labels = {"rule": rule.name, "severity": rule.severity, "subject": "flink"}
    uid = f"fingerprint-{_anchor(rule.name)}-metric"
    return _rule(rule, rule.title, uid, source, query, above=rule.above, labels=labels)


def _rule(
    rule: TableRule | MetricRule,
    title: str,
    uid: str,
    source: Json,
    query: Json,
    *,
    above: float,
    labels: Json,
) -> Json:
    return {
        "uid": uid,
        "title": title,
        "condition": "C",
        "data": [
            _step("A", source["uid"], {"datasource": source, "intervalMs": 1000, "maxDataPoints": 43200} | query),
            _step("C", "__expr__", _is_above("A", above)),
        ],
        "noDataState": rule.on_no_data if isinstance(rule, MetricRule) else "OK",
        "execErrState": rule.on_error,
        "for": rule.lasts,
        "annotations": {
            "summary": rule.summary,
            "description": rule.description,
            "runbook_url": f"{RUNBOOK_URL}#{_anchor(rule.name)}",
        },
        "labels": labels,
        "isPaused": False,
    }


def _step(ref_id: str, source_uid: str, model: Json) -> Json:
    # The queries are of now; Grafana wants a range all the same.
    time_range = {"from": 600, "to": 0}
    return {
        "refId": ref_id,
        "relativeTimeRange": time_range,
        "datasourceUid": source_uid,
        "model": {"refId": ref_id} | model,
    }


def _is_above(ref_id: str, limit: float) -> Json:
    condition = {
        "type": "query",
        "evaluator": {"type": "gt", "params": [limit]},
        "operator": {"type": "and"},
        "query": {"params": [ref_id]},
        "reducer": {"type": "last", "params": []},
    }
    source = {"type": "__expr__", "uid": "__expr__"}
    return {"datasource": source, "type": "threshold", "expression": ref_id, "conditions": [condition]}


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def written() -> str:
    """Write the rules as their file holds them."""
    head = "# Written by `python -m grafana.source`: edit grafana/source/alert_rules.py.\n"
    return head + yaml.dump(rule_groups(), Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)

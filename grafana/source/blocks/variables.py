"""Variables of dashboards: what a reader may choose at the top."""

from __future__ import annotations

from textwrap import dedent
from typing import Final

from grafana.source.blocks.style import POSTGRESQL, Json


def detected_exchange() -> Json:
    """Choose by what connections behave like."""
    return choice(
        "exchange",
        "Detected",
        "The exchange that connections behave like.",
        """
        SELECT detected_exchange FROM connection_status
        UNION
        SELECT 'unknown'
        ORDER BY 1
        """,
        all_is="detected_exchange",
    )


def declared_exchange() -> Json:
    """Choose by what connections claim to be."""
    return choice(
        "declared",
        "Declared",
        "The exchange that connections claim to be; none if they claim nothing. One with a dollar sign is only in All.",
        """
        SELECT coalesce(declared_exchange, 'none') FROM connection_status
        WHERE strpos(declared_exchange, chr(36)) > 0 IS NOT TRUE
        UNION
        SELECT 'none'
        ORDER BY 1
        """,
        all_is="coalesce(declared_exchange, 'none')",
    )


def model_version() -> Json:
    """Choose by the model that scored."""
    return choice(
        "model",
        "Model",
        "The version of the model that scored the windows.",
        """
        SELECT model_version FROM connection_status
        UNION
        SELECT model_version FROM model_schedule
        ORDER BY 1
        """,
        all_is="model_version",
    )


def value_of(name: str) -> str:
    """Write the SQL of a variable's value, whatever characters it has.

    Grafana expands macros after variables, so it would expand those of a value too. Percent-encoded, a value has no
    dollar sign. On the way back each of its bytes is a character of LATIN1.
    """
    escaped = rf"regexp_replace('${{{name}:percentencode}}', '%(..)', '\\u00\1', 'g')"
    characters = f"""('"' || {escaped} || '"')::jsonb #>> '{{}}'"""
    # The name of an encoding is of another collation, with which no index is.
    return f"convert_from(convert_to({characters}, 'LATIN1'), 'UTF8') COLLATE \"default\""


SHOWN: Final = value_of("connection")
"""SQL of the id of the connection that a dashboard shows."""


def choice(name: str, label: str, description: str, sql: str, *, all_is: str) -> Json:
    """Let the reader choose one, several or all of the values that a query returns.

    Write it as IN ($name). With all of them chosen Grafana puts in `all_is`, the very expression before the IN, so
    that nothing is left out, not even what the query did not return.
    """
    return _query_variable(name, label, description, sql) | {
        "multi": True,
        "includeAll": True,
        "allValue": all_is,
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def one_of(name: str, label: str, description: str, sql: str) -> Json:
    """Let the reader choose one of the values that a query returns, the first unless told. Write `value_of(name)`."""
    return _query_variable(name, label, description, sql) | {"multi": False, "includeAll": False, "current": {}}


def text_box(name: str, label: str, description: str) -> Json:
    """Let the reader type a text, empty at first. Write `value_of(name)`."""
    return {
        "name": name,
        "label": label,
        "description": description,
        "type": "textbox",
        "query": "",
        "hide": 0,
        "skipUrlSync": False,
        "options": [{"text": "", "value": "", "selected": True}],
        "current": {"text": "", "value": ""},
    }


def _query_variable(name: str, label: str, description: str, sql: str) -> Json:
    query = dedent(sql).strip()
    return {
        "name": name,
        "label": label,
        "description": description,
        "type": "query",
        "datasource": POSTGRESQL,
        "query": query,
        "definition": query,
        "refresh": 1,
        "sort": 0,
        "hide": 0,
        "regex": "",
        "skipUrlSync": False,
        "options": [],
    }

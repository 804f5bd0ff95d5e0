"""Requests drawn from the OpenAPI description, and ones that it forbids: never a 5xx, and every answer as described."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case

from api.app import describe
from fingerprint_testing.served_api import ServedApi


def without_tokens() -> dict[str, Any]:
    """Describe an API that was started without tokens; test_callers has them."""
    description = describe()
    for operations in description["paths"].values():
        for operation in operations.values():
            operation.pop("security", None)
    return description


SCHEMA = schemathesis.openapi.from_dict(without_tokens())
OF_RESULTS = ("/v1/connections", "/v1/connections/{connection_id}", "/v1/alerts")

EXCLUDED: Any = [
    # Two messages of two connections are no mistake of their form.
    schemathesis.checks.CHECKS.get_one("positive_data_acceptance"),
]
FEW = settings(max_examples=12, suppress_health_check=list(HealthCheck))
MANY = settings(FEW, max_examples=400)


def check(case: Case, api: ServedApi) -> None:
    case.call_and_validate(base_url=api.url, excluded_checks=EXCLUDED)


@SCHEMA.exclude(path=list(OF_RESULTS)).parametrize()
@FEW
def test_scoring_answers_as_described(case: Case, api: ServedApi) -> None:
    check(case, api)


@SCHEMA.include(path=list(OF_RESULTS)).parametrize()
@FEW
def test_results_are_answered_as_described(case: Case, served_results: ServedApi) -> None:
    check(case, served_results)


@pytest.mark.slow
@SCHEMA.exclude(path=list(OF_RESULTS)).parametrize()
@MANY
def test_scoring_answers_as_described_for_long(case: Case, api: ServedApi) -> None:
    check(case, api)


@pytest.mark.slow
@SCHEMA.include(path=list(OF_RESULTS)).parametrize()
@MANY
def test_results_are_answered_as_described_for_long(case: Case, served_results: ServedApi) -> None:
    check(case, served_results)

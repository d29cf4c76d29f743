"""Schemathesis over the OpenAPI document: whatever fits or misses it, no 5xx, and answers as documented."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.service import fresh_service

EXAMPLES = 30
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = 14


@pytest.fixture(scope="module")
def described() -> Iterator[httpx.Client]:
    with fresh_service(wait_seconds=0.05, feed_wait_seconds=0.05) as client:
        yield client


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_breaks_the_service(described: httpx.Client, mode: GenerationMode) -> None:
    """Requests that fit the document and requests that miss it, to every operation."""
    schema = schemathesis.openapi.from_url(f"{described.base_url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) >= OPERATIONS
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and not (operation.body or operation.query):
            continue  # any text can be a part of an address

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case) -> None:
            case.headers.pop("Min-Position", None)  # for one that never comes the answer is a 503, as it should be
            case.call_and_validate(checks=CHECKS)

        ask()

"""Schemathesis reads the description and asks what it says and what it does not say; every answer keeps to it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from koinon.api.application import application
from koinon.api.table import ROUTES
from tests.api.asking import fresh
from tests.api.serving import served

EXAMPLES = 15
SECONDS = 80  # All operations together.


@pytest.fixture(scope="module")
def address(books: Any) -> Iterator[str]:
    with served(application(books.database.app_url, log=False)) as url:
        yield url


@pytest.fixture(scope="module")
def schema(address: str) -> Any:
    return schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json")


@pytest.fixture(scope="module")
def ends() -> float:
    return time.monotonic() + SECONDS


def written_as_we_ask(body: Any) -> Any:
    """To JSON Schema 12.0 is an integer. To us it is no number of minor units: who writes so may mean twelve euros.

    An address of a webhook is judged by more than a pattern can say, and nobody pays themselves.
    """
    if isinstance(body, dict):
        assume("payer" not in body or body.get("payer") != body.get("payee"))
        named = {"url": "https://shop.example/hook"} if "url" in body else {}
        return {name: written_as_we_ask(value) for name, value in {**body, **named}.items()}
    if isinstance(body, list):
        return [written_as_we_ask(value) for value in body]
    return int(body) if isinstance(body, float) and body.is_integer() else body


def made_real(books: Any, case: Any, number: int) -> None:
    """Put what there is in the place of invented ids, so that the asked comes to pass now and then."""
    known = [books.party(name) for name in ("ana", "forn", "llibres", "pere")]
    for name in ("payer", "payee"):
        if isinstance(case.body, dict) and isinstance(case.body.get(name), str):
            case.body[name] = known[(number + (name == "payee")) % 4]
            case.body["unit"] = "REC"
            case.body["amount_minor"] = 1 + number % 3
            if "lapses_at" in case.body:
                case.body["lapses_at"] = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    if isinstance(case.path_parameters, dict) and "party" in case.path_parameters:
        case.path_parameters["party"] = known[number % 4]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["said", "not-said"])
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_answer_keeps_to_the_description(books, schema, route, mode, ends):
    operation = schema[route.path][route.method]
    try:
        cases = operation.as_strategy(generation_mode=mode)
    except ValueError:
        return  # There is nothing that it could say wrongly.
    secret = books.key("schemathesis", rate=100_000)

    @given(case=cases, real=st.booleans(), number=st.integers(0, 1000))
    @settings(
        max_examples=EXAMPLES,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    def ask(case: Any, real: bool, number: int) -> None:
        if time.monotonic() > ends:
            return
        # Too large is refused as well, by a status (413) that Schemathesis does not take for a refusal.
        assume(route.asks is None or len(json.dumps(case.body, default=str)) < route.limit // 2)
        if mode is GenerationMode.POSITIVE:
            case.body = written_as_we_ask(case.body)
            if real:
                made_real(books, case, number)
        headers = {} if route.public else {"Authorization": f"Bearer {secret}"}
        if route.moves_money and real:
            headers["Idempotency-Key"] = fresh()
        case.call_and_validate(headers=headers)

    try:
        ask()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # There is nothing that it could say wrongly.

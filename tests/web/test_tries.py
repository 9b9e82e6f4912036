"""Numbers that pay somebody are guessed only so often by one account, and mistyped ones are no guesses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from koinon.db.connections import Database
from koinon.payments.rules import payable_number
from tests.conftest import django_on
from tests.web.signing import in_browser


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


def test_an_account_guesses_requests_only_so_often(site: Database) -> None:
    from koinon.parties.models import User

    cache.clear()
    resident = in_browser(User.objects.get(username="demo-resident"))

    def tried(number: str) -> int:
        return int(resident.post("/purse/pay/", {"code": number}).status_code)

    assert {tried("12345678") for _mistyped in range(3)} == {422}
    assert {tried(payable_number(600_000 + figures)) for figures in range(30)} == {422}
    assert tried(payable_number(600_031)) == 429
    cache.clear()
    assert tried(payable_number(600_031)) == 422

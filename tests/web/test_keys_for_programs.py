"""No officer alone makes a key that moves anybody's money, or the town's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from koinon.db.connections import Database
from koinon.web.programs import MOVING, SCOPES
from tests.conftest import django_on
from tests.web.test_access import client_of


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


def made() -> int:
    from django.db import transaction

    from koinon.parties.connection import raw

    with transaction.atomic():
        row = raw().execute("SELECT count(*) FROM api.credential").fetchone()
    assert row is not None
    return int(row[0])


def asks(scopes: Any, party: Any) -> int:
    """How many keys came of it."""
    before = made()
    client_of("officer").post(
        "/office/programs/keys/", {"name": "x", "scopes": sorted(scopes), "party": str(party or "")}
    )
    return made() - before


@pytest.mark.parametrize("scope", sorted(MOVING))
@pytest.mark.parametrize("whose", ["everybody's", "the town's own"])
def test_a_key_over_the_money_of_the_whole_town_is_no_officers_to_make(site: Database, scope: str, whose: str) -> None:
    from koinon.parties.models import Town

    assert asks([scope, "payments:read"], Town.objects.get().party_id if whose == "the town's own" else None) == 0


def test_a_key_that_reads_and_one_of_a_shop_are(site: Database) -> None:
    from koinon.parties.models import RoleGrant

    assert asks(set(SCOPES) - MOVING, None) == 1
    assert asks(MOVING, RoleGrant.objects.get(role="shop").party_id) == 1

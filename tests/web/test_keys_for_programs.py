"""No officer alone makes a key that moves money."""

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
@pytest.mark.parametrize("whose", ["everybody's", "the town's own", "a shop's"])
def test_a_key_that_moves_money_is_no_officers_to_make(site: Database, scope: str, whose: str) -> None:
    from koinon.parties.models import RoleGrant, Town

    parties = {
        "everybody's": None,
        "the town's own": Town.objects.get().party_id,
        "a shop's": RoleGrant.objects.get(role="shop").party_id,
    }
    assert asks([scope, "payments:read"], parties[whose]) == 0


def test_a_key_that_reads_is(site: Database) -> None:
    from koinon.parties.models import RoleGrant

    assert asks(set(SCOPES) - MOVING, None) == 1
    assert asks(set(SCOPES) - MOVING, RoleGrant.objects.get(role="shop").party_id) == 1

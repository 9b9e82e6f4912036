"""Records and money in one transaction."""

from __future__ import annotations

import pytest
from django.db import transaction

from koinon.db.transactions import savepoint
from koinon.parties.connection import raw
from koinon.parties.models import Town
from tests.programmes.small_town import NOON, build


def test_a_payment_does_not_outlive_the_rollback_of_the_request_around_it(django_fresh):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        town = build(raw())
        town.fund("aid")
        town.household("ana")
        town.shop("forn")
        town.give("ana", "aid", "5.00")
        with savepoint(raw()):
            town.pay_for("ana", "forn", "5.00")
        raise ZeroDivisionError
    assert not Town.objects.exists()
    with transaction.atomic():
        assert raw().execute("SELECT count(*) FROM ledger.hold").fetchone() == (0,)
        assert raw().execute("SELECT count(*) FROM ledger.transfer").fetchone() == (0,)


def test_a_savepoint_as_the_first_statement_nests_inside_the_request(django_fresh):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        with savepoint(raw()):
            build(raw())
        raise ZeroDivisionError
    assert not Town.objects.exists()


def test_what_the_orm_wrote_and_what_sql_wrote_see_each_other(django_fresh):
    with transaction.atomic():
        town = build(raw())
        assert Town.objects.get().party_id == town.party
        Town.objects.create(slug="orm", name="Orm", country="ES", unit_code="REC", unit_name="REC", created_at=NOON)
        assert raw().execute("SELECT count(*) FROM parties_town").fetchone() == (2,)


def test_it_is_for_use_inside_atomic_only(django_fresh):
    with pytest.raises(AssertionError):
        raw()

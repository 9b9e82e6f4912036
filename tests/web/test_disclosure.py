"""The public pages show months that are over, and nothing from which a single payment follows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from koinon.db.connections import Database, connect
from koinon.db.transactions import transaction
from tests.conftest import django_on
from tests.web.test_access import ids

AFTER = datetime(2026, 11, 5, 12, tzinfo=UTC)  # In the month after the one that the town has lived.


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


def public_pages() -> dict[str, bytes]:
    """Every page without sign-in, computed anew."""
    from django.core.cache import caches

    from koinon.web.views.town import INDICATORS

    caches["figures"].clear()
    urls = ["/", "/?month=2026-10", "/?month=2026-11", "/check/", "/check/head.json"]
    urls += [reverse("how", args=[indicator]) for indicator in INDICATORS]
    return {url: Client().get(url).content for url in urls}


def test_a_payment_a_refund_and_a_redemption_more_change_no_public_page(site: Database) -> None:
    from django.db import transaction

    from koinon.kernel.identifiers import new_id
    from koinon.kernel.money import Amount
    from koinon.parties.connection import raw
    from koinon.parties.models import RoleGrant, Town
    from koinon.payments import operations as payments
    from koinon.treasury import operations as treasury

    before = public_pages()
    town, sale = Town.objects.get(), ids()["payment"]
    shop = RoleGrant.objects.get(role="shop").party_id
    with transaction.atomic():
        conn = raw()
        purse = conn.execute(
            "SELECT holder FROM ledger.account WHERE kind = 'purse' AND credits_posted - debits_posted > 4000 LIMIT 1"
        ).fetchone()
        assert purse is not None
        payments.pay(
            conn, town_id=town.pk, payment_id=new_id(), payer=purse[0], payee=shop,
            amount=Amount(37_37, town.unit_code), effective_at=AFTER, actor="test",
        )  # fmt: skip
        payments.refund(
            conn, town_id=town.pk, refund_id=new_id(), payment_id=sale, amount=None, effective_at=AFTER, actor="test"
        )
        treasury.request_redemption(
            conn, town_id=town.pk, party=shop, amount=Amount(20_34, town.unit_code), idempotency_key=f"test:{new_id()}",
            at=AFTER, actor="test",
        )  # fmt: skip
    assert public_pages() == before


def test_the_totals_are_those_of_the_end_of_the_month_and_say_its_day(site: Database) -> None:
    text = Client().get("/").content.decode()
    assert "31 October 2026" in text


def test_a_running_month_is_not_shown_even_to_whoever_asks_for_it(site: Database) -> None:
    from koinon.programmes.models import Cycle

    october = Cycle.objects.get(month="2026-10")
    Cycle.objects.filter(pk=october.pk).update(month="9998-11")
    try:
        text = Client().get("/?month=9998-11").content.decode()
    finally:
        Cycle.objects.filter(pk=october.pk).update(month="2026-10")
    assert "No month with aid is over yet." in text
    assert 'class="sum"' not in text


def test_who_is_called_as_in_the_demonstration_changes_nothing_of_a_real_town(site: Database) -> None:
    from koinon.parties.models import RoleGrant, Town, User
    from koinon.web import published

    kept = Town.objects.get()
    assert (published.is_demo(kept), kept.demonstrated_until) == (True, date(2026, 10, 31))
    Town.objects.update(demonstrated_until=None)
    try:
        town = Town.objects.get()
        assert RoleGrant.objects.filter(town=town, user__username__startswith="demo-").exists()
        assert User.objects.filter(username="demo-auditor").exists()
        assert not published.is_demo(town)
        assert published.months(town, datetime(2026, 10, 31, 22, tzinfo=UTC)) == []
        assert [str(month) for month in published.months(town, datetime(2026, 11, 1, tzinfo=UTC))] == ["2026-10"]
        assert "This is a demonstration." not in Client().get("/").content.decode()
    finally:
        Town.objects.update(demonstrated_until=kept.demonstrated_until)


@pytest.mark.parametrize("address", ["/", "/how/multiplier/", "/data/"])
def test_a_month_that_is_computed_for_a_page_is_of_one_moment(
    site: Database, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Somebody on another connection writes something down between two of its questions."""
    from django.core.cache import caches

    from koinon.audit import operations as audit
    from koinon.web import published

    caches["figures"].clear()
    month, seen = published.publishing.month, []

    def and_something_comes(conn: Any, **asked: Any) -> Any:
        question = "SELECT count(*) FROM audit.entry"
        before = conn.execute(question).fetchone()
        with connect(site.app_url) as other, transaction(other):
            audit.record(other, town_id=asked["town_id"], actor="test", action="test.came", subject="test:1", at=AFTER)
        seen.append(before == conn.execute(question).fetchone())
        return month(conn, **asked)

    monkeypatch.setattr(published.publishing, "month", and_something_comes)
    assert Client().get(address).status_code == 200
    assert set(seen) == {True}


def test_a_month_that_several_ask_for_at_once_is_computed_once(site: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.core.cache import caches

    from koinon.kernel.periods import Month
    from koinon.parties.models import Town
    from koinon.web import published

    caches["figures"].clear()
    town, computed = Town.objects.get(), []

    def slowly(_conn: object, *, town_id: int, month: Month) -> str:
        computed.append(month)
        time.sleep(0.2)
        return "figures"

    monkeypatch.setattr(published.publishing, "month", slowly)
    with ThreadPoolExecutor(4) as visitors:
        asked = [visitors.submit(published.published, None, town, Month(2026, 10)) for _visitor in range(4)]
    caches["figures"].clear()

    assert [one.result() for one in asked] == ["figures"] * 4
    assert computed == [Month(2026, 10)]

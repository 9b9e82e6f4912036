"""What pages show, and how few questions they ask the database for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from koinon.db.connections import Database
from tests.conftest import django_on
from tests.web.test_access import client_of, ids, refunded_minor
from tests.web.town import ROLES
from tests.web.walking import in_one_transaction


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


@pytest.mark.parametrize("role", ROLES)
def test_no_page_asks_a_question_for_each_row(site: Database, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page asks the database as often for five rows of everything as for one."""
    from django.db import transaction

    from koinon.web import urls

    asked: list[object] = []
    execute = psycopg.Cursor.execute

    def counting(self: Any, *given: Any, **more: Any) -> Any:
        asked.append(given[0])
        return execute(self, *given, **more)

    monkeypatch.setattr(psycopg.Cursor, "execute", counting)  # Django's cursors and our own statements alike.
    client, found = client_of(role), ids()
    pages = [
        reverse(pattern.name, kwargs={name: found[name] for name in pattern.pattern.converters})
        for pattern in urls.urlpatterns
        if role in getattr(pattern.callback, "seen_by", ())
    ]

    def questions() -> dict[str, int]:
        counts = {}
        for url in pages:
            asked.clear()
            client.get(url)
            counts[url] = len(asked)
        return counts

    with in_one_transaction():
        questions()  # What is kept for later requests is read now.
        with_few = questions()
        four_more_of_everything()
        with_many = questions()
        transaction.set_rollback(True)
    assert with_many == with_few
    assert max(with_few.values()) > 4  # The counter counts.


def four_more_of_everything() -> None:
    """Funds with their receipts, programmes with their months, purses, sales, and requests for euros in runs."""
    from koinon.kernel.identifiers import new_id
    from koinon.kernel.money import Amount
    from koinon.ledger import operations as ledger
    from koinon.ledger.types import NewAccount
    from koinon.parties.connection import raw
    from koinon.parties.models import RoleGrant, Town
    from koinon.payments import operations as payments
    from koinon.programmes.models import Cycle, Fund, Programme
    from koinon.treasury import operations as treasury

    town, conn, at = Town.objects.get(), raw(), datetime(2026, 11, 5, 12, tzinfo=UTC)
    fund, programme = Fund.objects.filter(programmes__isnull=False)[:1].get(), Programme.objects.get(kind="aid")
    cycle = Cycle.objects.get(month="2026-10")
    shop = RoleGrant.objects.get(role="shop").party_id
    resident = RoleGrant.objects.get(role="resident").party_id
    for number in range(4):
        moment = {"actor": "test", "idempotency_key": f"more:{number}"}
        fund.pk, fund.code, fund.name = new_id(), f"more-{number}", f"More {number}"
        fund.save(force_insert=True)
        programme.pk, programme.code, programme.fund = new_id(), f"more-{number}", fund
        programme.save(force_insert=True)
        for month, state in (("2027-01", "prepared"), ("2027-02", "approved"), ("2027-03", "disbursed")):
            cycle.pk, cycle.programme, cycle.month, cycle.state = new_id(), programme, month, state
            cycle.save(force_insert=True)
        treasury.receive_budget(
            conn, town_id=town.pk, fund=fund.pk, amount=Amount(100_00, town.unit_code), bank_reference=f"MORE/{number}",
            at=at, **moment,
        )  # fmt: skip
        ledger.open_accounts(
            conn,
            town_id=town.pk,
            accounts=[NewAccount("purse", town.unit_code, resident, fund.pk)],
            at=at,
            actor="test",
        )
        buyer = conn.execute(
            "SELECT holder FROM ledger.account WHERE kind = 'purse' AND credits_posted - debits_posted >= 2500 LIMIT 1"
        ).fetchone()
        assert buyer is not None
        payments.pay(
            conn, town_id=town.pk, payment_id=new_id(), payer=buyer[0], payee=shop,
            amount=Amount(25_00, town.unit_code), effective_at=at, actor="test",
        )  # fmt: skip
        treasury.request_redemption(
            conn, town_id=town.pk, party=shop, amount=Amount(20_00, town.unit_code), at=at, **moment
        )
        if number % 2:
            treasury.prepare_run(conn, town_id=town.pk, at=at, **moment)


def test_the_public_page_shows_what_the_books_hold(site: Database) -> None:
    from django.db import transaction

    from koinon.impact.queries import units_at
    from koinon.kernel.money import Amount
    from koinon.kernel.periods import Month
    from koinon.ledger import queries
    from koinon.parties.connection import raw
    from koinon.parties.models import Town
    from koinon.web import formats

    town = Town.objects.get()
    with transaction.atomic():
        totals = units_at(raw(), town.pk, Month(2026, 10).bounds(ZoneInfo(town.time_zone))[1])
        head = queries.head(raw(), town_id=town.pk)
    assert head is not None
    text = Client().get("/").content.decode()
    for minor in (totals.issued, totals.redeemed, totals.expired, totals.outstanding):
        assert formats.amount(Amount(minor, town.unit_code), country=town.country) in text
    for minor in (totals.owed, totals.reserve):
        assert formats.amount(Amount(minor, "EUR"), country=town.country) in text
    assert head.hash.hex() in text


def test_the_public_page_says_that_its_people_are_generated(site: Database) -> None:
    assert "This is a demonstration." in Client().get("/").content.decode()


def test_every_figure_of_the_public_page_leads_to_its_explanation(site: Database) -> None:
    from koinon.web.views.town import INDICATORS

    text = Client().get("/").content.decode()
    for indicator in INDICATORS:
        assert reverse("how", args=[indicator]) in text
        assert Client().get(reverse("how", args=[indicator])).status_code == 200


def test_the_auditors_page_shows_the_last_check_and_runs_one_when_asked(site: Database) -> None:
    from koinon.db import checks

    client = client_of("auditor")
    with CaptureQueriesContext(connection) as asked:
        text = client.get("/audit/").content.decode()
    sums = {check.sql for check in checks.every_check()}
    assert [query for query in asked if any(sql in query["sql"] for sql in sums)] == []
    assert 'class="notice done"' in text
    with connection.cursor() as cursor:
        cursor.execute("UPDATE koinon_check SET failures = 3 WHERE name = 'books_sum_to_zero'")
    assert "1 rule is broken." in client.get("/audit/").content.decode()
    assert client.post("/audit/").status_code == 302
    assert 'class="notice done"' in client.get("/audit/").content.decode()


def test_who_prepared_a_month_cannot_approve_it_with_a_second_role(site: Database) -> None:
    from koinon.parties.models import RoleGrant, User
    from koinon.programmes.models import Cycle, Programme

    officer = User.objects.get(username="demo-officer")
    grant = RoleGrant.objects.get(user=officer, role="officer")
    RoleGrant.objects.create(user=officer, town=grant.town, role="approver")
    client = client_of("officer")
    programme = Programme.objects.get(kind="aid")
    client.post(reverse("office-prepare", args=[programme.pk]), {"month": "2026-12"})
    cycle = Cycle.objects.get(month="2026-12")
    client.post(reverse("office-submit", args=[cycle.pk]))
    cycle.refresh_from_db()
    seen = {"fingerprint": cycle.fingerprint}
    answer = client.post(reverse("approve-cycle", args=[cycle.pk]), seen)
    assert answer.status_code == 409
    assert "programmes.same-person" in answer.content.decode()
    cycle.refresh_from_db()
    assert cycle.state == "submitted"
    RoleGrant.objects.filter(user=officer, role="approver").delete()

    other = client_of("approver")
    answer = other.post(reverse("approve-cycle", args=[cycle.pk]), {"fingerprint": "0" * 64})
    assert (answer.status_code, "programmes.cycle-changed" in answer.content.decode()) == (409, True)
    assert (
        'name="fingerprint" value="' + cycle.fingerprint
        in other.get(reverse("approve-look", args=[cycle.pk])).content.decode()
    )
    other.post(reverse("return-cycle", args=[cycle.pk]), {"reason": "two zones are missing"})
    cycle.refresh_from_db()
    assert (cycle.state, cycle.fingerprint) == ("prepared", "")
    told = client.get(reverse("office-cycle", args=[cycle.pk])).content.decode()
    assert "<p><bdi>two zones are missing</bdi></p>" in told.partition('id="next"')[0]


def test_whoever_presses_pay_as_well_leaves_a_long_month_to_the_timer_that_is_at_it(
    site: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one transaction with the page it would keep every purse of the rest locked until the last is paid."""
    from django.db import transaction

    from koinon.programmes.models import Cycle
    from koinon.web import cycles

    monkeypatch.setattr(cycles, "AT_ONCE", 1)
    client = client_of("officer")
    with transaction.atomic():
        cycle = Cycle.objects.filter(state="disbursed", count__gt=1)[:1].get()
        Cycle.objects.filter(pk=cycle.pk).update(state="disbursing")
        told = client.post(reverse("office-disburse", args=[cycle.pk]), follow=True).content.decode()
        cycle.refresh_from_db()
        transaction.set_rollback(True)
    assert "is being paid" in told
    assert cycle.state == "disbursing"


@pytest.mark.parametrize(
    ("role", "page", "entry"),
    [
        ("officer", "office-awards", "office-households"),
        ("officer", "office-lists", "office-households"),
        ("officer", "time-banks", "activities"),
        ("treasurer", "treasury-terms", "treasury-runs"),
        ("treasurer", "office-organisations", "office-organisations"),
        ("coordinator", "time-banks", "time-banks"),
    ],
)
def test_the_menu_says_where_the_reader_is(site: Database, role: str, page: str, entry: str) -> None:
    shown = client_of(role).get(reverse(page)).content.decode()
    assert f'<a href="{reverse(entry)}" aria-current="page">' in shown


def test_a_shops_movements_lead_to_no_page_of_residents(site: Database) -> None:
    page = client_of("shop").get("/shop/movements/").content.decode()
    assert "day-head" in page
    assert "/purse/" not in page


def test_sending_a_refund_twice_gives_back_once(site: Database) -> None:
    payment, client = ids()["payment"], client_of("shop")
    form = {"form_id": str(uuid4()), "amount": "0,01"}
    before = refunded_minor(payment)
    for _time in range(2):
        assert client.post(reverse("shop-sale", args=[payment]), form).status_code == 302
    assert refunded_minor(payment) == before + 1


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        ("", "required"),
        ("abc", "with figures"),
        ("0", "above zero"),
        ("1.234", "with figures"),
        ("99999", "not enough"),
    ],
)
def test_a_wrong_amount_is_told_beside_its_field(site: Database, amount: str, says: str) -> None:
    text = client_of("shop").post("/shop/payout/", {"form_id": str(uuid4()), "amount": amount}).content.decode()
    errors = text.split('id="id_amount_error"')[1].split("</div>")[0]
    assert says in errors
    assert 'aria-invalid="true"' in text
    assert 'aria-describedby="id_amount_error"' in text

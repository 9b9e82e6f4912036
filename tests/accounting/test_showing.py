"""Statements, journal, year and the limited network, on real books."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest

from koinon.accounting import journal, operations, queries, rules, year
from koinon.accounting.errors import (
    AlreadySaid,
    KeyReused,
    OnlyForward,
    OrganisationNotFound,
    SamePerson,
    TownPaymentInOtherState,
)
from koinon.accounting.types import Convertible, Place, Purpose, Standing, TownPaymentState
from koinon.kernel.identifiers import new_id
from koinon.ledger.errors import InsufficientFunds
from koinon.outbox import operations as outbox
from koinon.payments import operations as payments
from koinon.payments.errors import NotPayable
from tests.treasury import place as places

MADRID = ZoneInfo("Europe/Madrid")
OCTOBER = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 10, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def place(django_db):
    """A bakery that sold for 100.00, gave 10.00 back, asked for 40.00 in euros, and paid 15.00 to a mill."""
    place = places.build(django_db)
    place.shop("bakery")
    place.shop("mill", iban=places.IBANS[2])
    place.receive("200.00")
    place.grant("ana", "100.00")
    place.sale = pay(place, "ana", "bakery", "100.00", OCTOBER)
    payments.refund(
        place.conn, town_id=place.town.pk, refund_id=new_id(), payment_id=place.sale, amount=place.money("10.00"),
        effective_at=OCTOBER + timedelta(days=1), actor="till:1",
    )  # fmt: skip
    place.redeem("bakery", "40.00", at=OCTOBER + timedelta(days=2))
    pay(place, "bakery", "mill", "15.00", LATER)
    return place


def pay(place, payer, payee, amount, at):
    payment_id = new_id()
    payments.pay(
        place.conn, town_id=place.town.pk, payment_id=payment_id, payer=place.parties[payer],
        payee=place.parties[payee], amount=place.money(amount), effective_at=at, actor="till:1",
    )  # fmt: skip
    return payment_id


def statement_of(place, shop, first, last):
    return queries.shop_statement(
        place.conn, town_id=place.town.pk, party=place.parties[shop], first_day=first, last_day=last
    )


def test_a_statement_adds_up_from_its_opening_to_its_closing_balance(place) -> None:
    found = statement_of(place, "bakery", date(2026, 10, 1), date(2026, 10, 19))
    assert (found.opening_minor, found.closing_minor) == (0, 50_00)
    assert {what: minor for what, minor in found.sums.items() if minor} == {
        "sold": 100_00, "refunded": 10_00, "redeemed": 40_00,
    }  # fmt: skip
    assert [(line.what, line.signed_minor, line.balance_minor) for line in found.lines] == [
        ("sold", 100_00, 100_00), ("refunded", -10_00, 90_00), ("redeemed", -40_00, 50_00),
    ]  # fmt: skip


def test_a_sale_that_comes_while_a_statement_is_read_is_wholly_in_it_or_not_at_all(place, monkeypatch) -> None:
    """The mill pays the bakery 5.00 right after the first reading, whichever that is."""
    many = queries.many

    def and_a_sale_comes(*asked, **named):
        found = many(*asked, **named)
        pay(place, "mill", "bakery", "5.00", LATER)
        return found

    monkeypatch.setattr(queries, "many", and_a_sale_comes)
    during = statement_of(place, "bakery", date(2026, 10, 1), date(2026, 10, 31))
    monkeypatch.undo()
    after = statement_of(place, "bakery", date(2026, 10, 1), date(2026, 10, 31))

    assert (during.opening_minor, during.closing_minor) == (0, 35_00)
    assert (after.opening_minor, after.closing_minor) == (0, 40_00)


def test_a_till_on_which_nothing_moved_keeps_what_lies_in_it(place) -> None:
    found = statement_of(place, "bakery", date(2026, 10, 21), date(2026, 10, 31))
    assert (found.opening_minor, found.closing_minor, found.lines) == (35_00, 35_00, ())


def test_the_next_statement_opens_where_the_last_one_closed(place) -> None:
    found = statement_of(place, "bakery", date(2026, 10, 20), date(2026, 10, 31))
    assert (found.opening_minor, found.closing_minor, found.sums["spent"]) == (50_00, 35_00, 15_00)
    nobody = place.household("ben")
    with pytest.raises(OrganisationNotFound):
        queries.shop_statement(
            place.conn, town_id=place.town.pk, party=nobody, first_day=date(2026, 10, 1), last_day=date(2026, 10, 1)
        )


def test_the_journal_balances_and_names_nobody(place) -> None:
    chart = queries.chart(place.conn, town_id=place.town.pk)
    for by_day in (True, False):
        entries = list(
            queries.journal(
                place.conn,
                town_id=place.town.pk,
                first_day=date(2026, 10, 1),
                last_day=date(2026, 10, 31),
                by_day=by_day,
            )
        )
        written = "".join(
            journal.as_csv(journal.JOURNAL, journal.journal_rows(entries, chart=chart, currency="EUR", exponent=2))
        )
        rows = list(csv.DictReader(StringIO(written)))
        assert sum(float(row["debit"] or 0) for row in rows) == sum(float(row["credit"] or 0) for row in rows) == 565.0
        assert {row["entry"] for row in rows} == {str(number) for number in range(1, len(entries) + 1)}
        assert not [holder for holder in place.parties.values() if str(holder) in written]
    stocks = queries.stock(place.conn, town_id=place.town.pk, day=date(2026, 11, 1))
    balance = {(found.place, found.fund): found.minor for found in stocks}
    assert balance == {
        ("issuance", ""): -200_00, ("reserve", "inclusion"): 100_00, ("purse", "inclusion"): 10_00, ("till", ""): 50_00,
        ("redemption", ""): 40_00,
    }  # fmt: skip
    sides = journal.balance_rows(stocks, chart=chart, currency="EUR", exponent=2)
    assert sum(float(row[3] or 0) for row in sides) == sum(float(row[4] or 0) for row in sides) == 200.0


@pytest.mark.parametrize("days", [-400, 100, 500])
def test_what_was_posted_long_before_or_after_the_day_it_names_is_in_the_journal_of_that_day(place, days) -> None:
    """The bakery pays the town 5.00 on a day that is months away from the one on which the books are written."""
    at = datetime.now(UTC) + timedelta(days=days)
    day, asked = at.astimezone(MADRID).date(), {"town_id": place.town.pk}
    before = [queries.stock(place.conn, **asked, day=day + timedelta(days=late)) for late in (0, 1)]
    volume = queries.network(place.conn, **asked, at=at + timedelta(days=1)).volume
    paid = year.year(place.conn, **asked, year=day.year).moved["paid"]
    place.move(
        "pay", ("till", place.parties["bakery"], None), ("till", place.town.party_id, None), place.money("5.00"), at
    )

    entries = list(queries.journal(place.conn, **asked, first_day=day, last_day=day))
    opening, closing = ({found.place: found.minor for found in stocks} for stocks in before)
    after = {found.place: found.minor for found in queries.stock(place.conn, **asked, day=day + timedelta(days=1))}

    assert [(one.day, one.debit_place, one.credit_place, one.amount_minor) for one in entries] == [
        (day, "till", "town-till", 5_00)
    ]
    assert opening == closing
    seen = queries.network(place.conn, **asked, at=at + timedelta(days=1))
    paid_that_year = year.year(place.conn, **asked, year=day.year).moved["paid"]
    assert (seen.volume.minor, paid_that_year) == (volume.minor + 5_00, paid + 5_00)
    assert (after.get("till", 0) - opening.get("till", 0), after["town-till"]) == (-5_00, 5_00)


def test_the_year_adds_up(place) -> None:
    found = year.year(place.conn, town_id=place.town.pk, year=2026)
    assert {what: minor for what, minor in found.moved.items() if minor} == {
        "received": 200_00, "issued": 100_00, "disbursed": 100_00, "paid": 115_00, "refunded": 10_00, "redeemed": 40_00,
    }  # fmt: skip
    before, after = found.outstanding
    assert after - before == found.moved["issued"] - found.moved["redeemed"] - found.moved["expired"] == 60_00
    assert found.reserve == (0, 200_00)
    assert [(fund.fund, fund.moved["paid"]) for fund in found.funds] == [("", 15_00), ("inclusion", 100_00)]
    assert (found.took_part.payments, found.took_part.paid_enterprises, found.took_part.payers) == (2, 2, 2)


def test_the_towns_own_till_is_no_enterprise_that_was_paid(place) -> None:
    before = year.year(place.conn, town_id=place.town.pk, year=2026).took_part
    pay(place, "bakery", "town", "5.00", LATER)
    after = year.year(place.conn, town_id=place.town.pk, year=2026).took_part
    assert (after.paid_enterprises, after.payments) == (before.paid_enterprises, before.payments + 1)


def test_the_network_counts_what_was_paid_in_the_twelve_months_that_end_now(place) -> None:
    seen = queries.network(place.conn, town_id=place.town.pk, at=LATER + timedelta(days=1))
    assert (seen.volume.minor, seen.payments, seen.standing, seen.used) == (115_00, 2, Standing.BELOW, 0)
    assert seen.threshold is not None
    assert (seen.threshold.article, seen.threshold.amount_minor) == ("37(2)", 1_000_000_00)
    a_year_later = queries.network(place.conn, town_id=place.town.pk, at=LATER + timedelta(days=360))
    assert a_year_later.volume.minor == 15_00


def test_a_town_without_a_threshold_in_its_law_is_told_so(django_db) -> None:
    place = places.build(django_db, country="JO", unit_code="JRD", national_currency="JOD", exponent=3)
    assert queries.network(place.conn, town_id=place.town.pk, at=LATER).standing == Standing.NO_THRESHOLD


@pytest.mark.parametrize(
    ("volume", "notified", "expected"),
    [(79, False, "below"), (80, False, "near"), (100, False, "near"), (101, False, "above"), (101, True, "notified")],
)
def test_the_warning_comes_at_eighty_per_cent_and_the_duty_above_the_threshold(volume, notified, expected) -> None:
    assert rules.standing(volume, 100, notified=notified)[0] == expected


def test_a_notification_is_recorded_once_with_the_volume_of_that_moment(place) -> None:
    told = {"town_id": place.town.pk, "sent_on": LATER.date(), "authority": "Banco de España", "reference": "RE-1"}
    assert operations.record_notification(place.conn, **told, at=LATER, actor="user:1") is True
    assert operations.record_notification(place.conn, **told, at=LATER, actor="user:1") is False
    assert [kept.volume_minor for kept in queries.notifications(place.conn, town_id=place.town.pk)] == [115_00]


def test_the_treasury_is_told_once_when_the_volume_comes_near_the_threshold(place) -> None:
    """The threshold of a country that has one of 120.00 a year, for the test alone."""
    place.conn.execute(
        "INSERT INTO accounting.threshold (country, act, article, from_day, amount_minor, currency, months, source)"
        " VALUES ('ES', 'Test', '1', '2026-01-01', 12000, 'EUR', 12, 'none')"
    )
    outbox.add_notice(
        place.conn, town_id=place.town.pk, role="treasurer", kinds=["network.near-threshold"], at=LATER,
        actor="user:1",
    )  # fmt: skip
    for hours in (0, 1):
        operations.watch_network(place.conn, town_id=place.town.pk, at=LATER + timedelta(hours=hours))
    told = place.conn.execute("SELECT kind, data::json->>'amount_minor' FROM outbox.event").fetchall()
    assert told == [("network.near-threshold", "11500")]


def test_records_of_funds_and_agreements_are_kept_and_not_rewritten(place) -> None:
    said = {
        "town_id": place.town.pk, "fund": place.fund, "from_day": date(2026, 10, 1), "limited_to": "shops of the town",
        "source": "Ordinance 12", "at": LATER, "actor": "user:1",
    }  # fmt: skip
    assert operations.set_fund_record(place.conn, **said, convertible_by=Convertible.SHOPS)
    assert not operations.set_fund_record(place.conn, **said, convertible_by=Convertible.SHOPS)
    with pytest.raises(AlreadySaid):
        operations.set_fund_record(place.conn, **said, convertible_by=Convertible.ANYBODY)
    (record,) = queries.fund_records(place.conn, town_id=place.town.pk, day=date(2026, 11, 1))
    assert (record.convertible_by, record.limited_to) == ("shops", "shops of the town")
    operations.record_agreement(
        place.conn, town_id=place.town.pk, party=place.parties["mill"], signed_on=date(2026, 9, 1), reference="AG-7",
        at=LATER, actor="user:1",
    )  # fmt: skip
    held = queries.agreements(place.conn, town_id=place.town.pk, day=LATER.date())
    assert [(one.trade_name, one.reference) for one in held] == [("bakery", None), ("mill", "AG-7")]


def test_a_wording_changes_from_today_on_at_the_earliest(place) -> None:
    said = {"town_id": place.town.pk, "language": "es", "body": "IVA incluido.", "at": LATER, "actor": "user:1"}
    with pytest.raises(OnlyForward):
        operations.set_wording(place.conn, **said, from_day=LATER.date() - timedelta(days=1))
    assert operations.set_wording(place.conn, **said, from_day=LATER.date())
    with pytest.raises(AlreadySaid):
        operations.set_wording(place.conn, **{**said, "body": "Exento."}, from_day=LATER.date())
    day_before = LATER.date() - timedelta(days=1)
    assert queries.wording(place.conn, town_id=place.town.pk, language="es", day=day_before) is None


def test_the_chart_is_the_towns_own_where_it_says_so(place) -> None:
    assert operations.set_account(
        place.conn, town_id=place.town.pk, place="till", number="41.93", name="Comercios", at=LATER, actor="user:1"
    )
    assert queries.chart(place.conn, town_id=place.town.pk)[Place.TILL].name == "Comercios"


# --- The town's own till


def asked(place, amount="20.00", key="k1", payee="mill"):
    return operations.prepare_town_payment(
        place.conn, town_id=place.town.pk, payee=place.parties[payee], amount=place.money(amount),
        purpose=Purpose.SUPPLIER, reference="contract:7", idempotency_key=key, at=LATER, actor="user:1",
    )  # fmt: skip


def approved(place, payment, actor="user:2"):
    return operations.approve_town_payment(
        place.conn, town_id=place.town.pk, payment_id=payment.id, at=LATER, actor=actor
    )


def test_a_municipal_fee_is_paid_in_the_currency_and_spent_again_by_the_town(place) -> None:
    pay(place, "bakery", "town", "25.00", LATER)
    payment = approved(place, asked(place))
    assert payment.state == TownPaymentState.PAID
    assert approved(place, payment).state == TownPaymentState.PAID
    assert place.balance("till", None) == place.money("5.00")
    assert statement_of(place, "town", date(2026, 10, 1), date(2026, 10, 31)).sums["spent"] == 20_00
    assert place.broken() == []


def test_nobody_approves_what_they_prepared_and_nothing_is_paid_twice_or_from_an_empty_till(place) -> None:
    payment = asked(place)
    assert asked(place) == payment
    with pytest.raises(KeyReused):
        asked(place, amount="21.00")
    with pytest.raises(SamePerson):
        approved(place, payment, actor="user:1")
    with pytest.raises((NotPayable, InsufficientFunds)):
        approved(place, payment)
    cancelled = operations.cancel_town_payment(
        place.conn, town_id=place.town.pk, payment_id=payment.id, at=LATER, actor="user:1"
    )
    assert cancelled.state == TownPaymentState.CANCELLED
    with pytest.raises(TownPaymentInOtherState):
        approved(place, payment)
    assert place.broken() == []

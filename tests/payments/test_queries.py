"""What tills, purses and pages read."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from koinon.payments import queries
from koinon.payments.errors import PaymentNotFound
from koinon.payments.operations import perform
from tests.payments.paying_town import NOON, build

MADRID = ZoneInfo("Europe/Madrid")


@pytest.fixture
def town(conn):
    town = build(conn)
    town.fund("aid", rule={"zones": ["besos"]}, last_day=date(2026, 12, 31))
    town.fund("bonus", rule={"sectors": ["food"], "share_of_price": "1/2", "peers_allowed": False})
    town.household("ana", zone="besos")
    town.household("pere", zone="besos")
    town.shop("forn", zone="besos")
    town.shop("llibres", zone="centre", sector="47.61", sector_group="books")
    town.give("ana", "aid", "50.00")
    town.give("ana", "bonus", "50.00")
    return town


def test_sales_of_a_day_are_those_of_the_local_day_newest_first_and_page_on(town):
    late = datetime(2026, 10, 5, 23, 30, tzinfo=MADRID)
    for minutes in (0, 10, 20):
        town.pay_for("ana", "forn", "1.00", at=NOON + timedelta(minutes=minutes))
    last = town.pay_for("ana", "forn", "2.00", at=late)
    town.pay_for("ana", "forn", "4.00", at=late + timedelta(hours=1))
    ask = {"town_id": town.id, "payee": town.parties["forn"], "day": date(2026, 10, 5)}
    first_page = queries.sales_of_day(town.conn, **ask, limit=2)
    second_page = queries.sales_of_day(town.conn, **ask, limit=2, before=first_page[-1])
    assert first_page[0] == last
    assert [sale.amount_minor for sale in first_page + second_page] == [200, 100, 100, 100]


def test_sales_by_day_count_a_refund_on_the_day_it_was_given(town):
    sale = town.pay_for("ana", "forn", "10.00")
    town.pay_for("ana", "forn", "1.00", at=NOON + timedelta(days=1))
    town.give_back(sale, "4.00", at=NOON + timedelta(days=1))
    days = queries.sales_by_day(
        town.conn, town_id=town.id, payee=town.parties["forn"], first_day=date(2026, 10, 1), last_day=date(2026, 10, 31)
    )
    assert [(day.day.day, day.payments, day.sold_minor, day.refunds, day.refunded_minor) for day in days] == [
        (6, 1, 100, 1, 400),
        (5, 1, 1000, 0, 0),
    ]


def test_movements_show_a_payment_from_two_purses_once_with_its_parts(town):
    sale = town.pay_for("ana", "forn", "70.00")
    refund = town.give_back(sale, "7.00")
    seen = queries.movements(town.conn, town_id=town.id, party_id=town.parties["ana"])
    assert [(row.code, row.is_reversal, row.signed_minor, row.counterparty_name) for row in seen] == [
        ("pay", True, 700, "Forn"),
        ("pay", False, -7000, "Forn"),
        ("disburse", False, 5000, ""),
        ("disburse", False, 5000, ""),
    ]
    assert [row.id for row in seen[:2]] == [refund.id, sale.id]
    assert seen[1].parts == [("Aid", -5000), ("Bonus", -2000)]
    assert seen[2].counterparty is None


def test_movements_page_on_without_a_gap_or_a_repeat(town):
    for _ in range(6):  # The sixth takes the last of one purse and some of the other.
        town.pay_for("ana", "forn", "9.00")
    everything = queries.movements(town.conn, town_id=town.id, party_id=town.parties["ana"])
    pages, before = [], None
    while page := queries.movements(
        town.conn, town_id=town.id, party_id=town.parties["ana"], before=before, limit=2
    ):  # fmt: skip
        pages += page
        before = page[-1].id
    assert pages == everything
    assert len(everything) == 8


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_a_till_pages_on_through_sales_from_two_purses(town, size):
    for name in ("mar", "pau", "laia"):
        town.household(name, zone="besos")
        town.give(name, "aid", "4.00")
        town.give(name, "bonus", "9.00")
        town.pay_for(name, "forn", "7.00")  # 4.00 of the one purse, 3.00 of the other: two transfers.
    town.give_back(town.pay_for("ana", "forn", "70.00"), "70.00")
    till = {"town_id": town.id, "party_id": town.parties["forn"]}
    sums, before = [], None
    while page := queries.movements(town.conn, **till, before=before, limit=size):
        assert len(page) == min(size, 5 - len(sums))
        sums += [row.signed_minor for row in page]
        before = page[-1].id
    assert sums == [-7000, 7000, 700, 700, 700]


def test_a_resident_who_pays_a_shop_is_not_named_to_it(town):
    town.pay_for("ana", "forn", "1.00")
    (seen,) = queries.movements(town.conn, town_id=town.id, party_id=town.parties["forn"])
    assert (seen.counterparty, seen.counterparty_name) == (town.parties["ana"], "")


def test_where_to_spend_lists_shops_with_what_can_be_spent_there(town):
    places = queries.where_to_spend(town.conn, town_id=town.id, payer=town.parties["ana"], at=NOON)
    assert [(place.trade_name, place.zone_name, place.spendable_minor, place.by_share) for place in places] == [
        ("Forn", "Besos", 10000, True)
    ]
    assert queries.where_to_spend(town.conn, town_id=town.id, payer=town.parties["pere"], at=NOON) == []


def test_purses_stand_in_the_order_in_which_they_pay(town):
    found = queries.purses(town.conn, town_id=town.id, payer=town.parties["ana"], at=NOON)
    assert [(purse.fund_code, purse.available_minor, purse.last_day) for purse in found] == [
        ("aid", 5000, date(2026, 12, 31)),
        ("bonus", 5000, None),
    ]


def test_a_payment_is_found_in_its_own_town_only(town):
    sale = town.pay_for("ana", "forn", "1.00")
    assert queries.payment(town.conn, town_id=town.id, payment_id=sale.id) == sale
    with pytest.raises(PaymentNotFound):
        queries.payment(town.conn, town_id=town.id + 1, payment_id=sale.id)


def test_the_lines_of_a_payment_are_found_by_keys_though_nobody_told_the_planner(database, conn):
    town = build(conn)
    town.fund("aid", rule={"zones": ["besos"]})
    town.shop("forn", zone="besos")
    for number in range(150):
        town.household(f"h{number}", zone="besos")
        town.give(f"h{number}", "aid", "10.00")
    for _ in range(4):
        asked = [town.asks(f"h{number}", "forn", "1.00") for number in range(150)]
        perform(conn, town_id=town.id, commands=asked)
    seqs = [seq for (seq,) in conn.execute("SELECT seq FROM ledger.journal WHERE code = 6 ORDER BY seq LIMIT 10")]
    (top,) = conn.execute(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT * FROM payments.lines(%s, %s)", (town.id, seqs)
    ).fetchone()
    plan = top[0]["Plan"]
    assert plan["Actual Rows"] == 10
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 1000  # Twenty times as many where rows are paired.


def test_everything_works_on_djangos_own_connection(django_db):
    other = build(django_db, slug="django")
    other.fund("aid", rule={"per_day_minor": 20_00, "zones": ["besos"]})
    other.household("ana", zone="besos")
    other.shop("forn", zone="besos")
    other.give("ana", "aid", "10.00")
    sale = other.pay_for("ana", "forn", "5.00")
    other.give_back(sale, "1.00")
    mine = {"town_id": other.id, "party_id": other.parties["ana"]}
    assert [row.signed_minor for row in queries.movements(django_db, **mine)] == [100, -500, 1000]
    (place,) = queries.where_to_spend(django_db, town_id=other.id, payer=other.parties["ana"], at=NOON)
    assert place.spendable_minor == 600
    assert queries.sales_of_day(django_db, town_id=other.id, payee=other.parties["forn"], day=date(2026, 10, 5))
    assert other.broken() == []

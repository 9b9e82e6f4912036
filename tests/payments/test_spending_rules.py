"""Each limit of a fund's rule, met at a till: hours, categories, payees, sizes, months, chains, and rules that change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.payments import operations, queries
from koinon.programmes import funds, sweeping
from koinon.programmes.errors import StillBound
from koinon.programmes.spending import SpendingRule
from tests.payments.paying_town import NOON, PayingTown, build, money


@pytest.fixture
def town(conn) -> PayingTown:
    town = build(conn)
    town.household("ana", zone="besos")
    town.shop("forn", zone="besos")
    town.shop("farina", zone="besos")
    town.shop("llibres", zone="centre", sector="47.61", sector_group="books")
    return town


def local(day: int, clock: str) -> datetime:
    """An instant of October 2026 in Barcelona, which is two hours ahead of UTC until the 25th."""
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 10, day, hour, minute, tzinfo=UTC) - timedelta(hours=2)


def change(town: PayingTown, fund: str, from_day: date, rule: SpendingRule, *, last_day: date | None = None) -> UUID:
    return funds.announce_change(
        town.conn, town_id=town.id, fund_id=town.funds[fund], from_day=from_day, rule=rule, last_day=last_day,
        reason="voted on 1 October", actor="user:1", now=NOON - timedelta(days=30),
    ).id  # fmt: skip


def test_money_that_is_good_in_the_week_by_day_buys_at_its_hours_only(town):
    town.fund("aid", rule={"hours": ["mon-fri 08:00-20:00", "sat 09:00-14:00"]})
    town.give("ana", "aid", "50.00")
    monday, saturday, sunday = 5, 10, 11
    assert town.pay("ana", "forn", "1.00", at=local(monday, "08:00")) == "posted"
    assert town.pay("ana", "forn", "1.00", at=local(monday, "19:59")) == "posted"
    assert town.pay("ana", "forn", "1.00", at=local(saturday, "13:59")) == "posted"
    for day, clock in ((monday, "07:59"), (monday, "20:00"), (saturday, "14:00"), (sunday, "12:00")):
        assert town.grounds("ana", "forn", "1.00", at=local(day, clock)) == [
            "payments.not-enough",
            "spending.not-at-this-hour",
        ]


def test_money_for_some_categories_pays_only_for_what_the_till_says_is_one_of_them(town):
    town.fund("aid", rule={"categories": ["food", "hygiene"]})
    town.give("ana", "aid", "50.00")
    asked = {"town_id": town.id, "payer": town.parties["ana"], "payee": town.parties["forn"], "actor": "till:1"}
    sale = new_id()

    def pay(payment_id: UUID, category: str) -> str:
        try:
            operations.pay(
                town.conn, payment_id=payment_id, amount=money("3.00"), effective_at=NOON, category=category, **asked
            )
        except KoinonError as refused:
            return ",".join(ground["code"] for ground in refused.fields.get("grounds", [])) or refused.code
        return "posted"

    assert pay(new_id(), "tobacco") == pay(new_id(), "") == "payments.not-enough,spending.not-in-category"
    assert pay(sale, "food") == pay(sale, "food") == "posted"
    assert pay(sale, "hygiene") == "payments.key-reused"
    assert town.conn.execute("SELECT id, category FROM payments.bought").fetchall() == [(sale, "food")]


def test_payees_sizes_and_exceptions_are_each_a_ground(town):
    town.conn.execute(
        "UPDATE parties_organisation SET size_class = 'large' WHERE party_id = %s", [town.parties["farina"]]
    )
    town.fund(
        "aid",
        rule={
            "payees": [str(town.parties["forn"]), str(town.parties["farina"])],
            "except_payees": [str(town.parties["llibres"])],
            "sizes": ["micro", "small"],
        },
    )
    town.give("ana", "aid", "50.00")
    town.conn.execute(
        "UPDATE parties_organisation SET size_class = 'micro' WHERE party_id = %s", [town.parties["forn"]]
    )
    assert town.pay("ana", "forn", "1.00") == "posted"
    assert town.grounds("ana", "farina", "1.00") == ["payments.not-enough", "spending.not-of-this-size"]
    assert town.grounds("ana", "llibres", "1.00") == [
        "payments.not-enough",
        "spending.not-this-payee",
        "spending.not-of-this-size",
    ]


def test_a_limit_by_the_month_counts_every_day_of_the_local_month_holds_and_refunds(town):
    town.fund("aid", rule={"per_cycle_minor": 30_00, "per_day_minor": 20_00})
    town.give("ana", "aid", "100.00")
    first = town.pay_for("ana", "forn", "20.00", at=NOON)
    assert town.grounds("ana", "forn", "1.00", at=NOON) == [
        "payments.not-enough",
        "payments.day-limit",
    ]
    held = town.hold_for("ana", "forn", "8.00", at=NOON + timedelta(hours=20))
    tomorrow = NOON + timedelta(hours=22)
    assert town.grounds("ana", "forn", "2.01", at=tomorrow) == ["payments.not-enough", "payments.cycle-limit"]
    town.let_go(held, at=tomorrow)
    town.give_back(first, "5.00", at=tomorrow)
    assert town.pay("ana", "forn", "15.00", at=tomorrow) == "posted"
    assert town.grounds("ana", "forn", "0.01", at=tomorrow) == ["payments.not-enough", "payments.cycle-limit"]
    assert town.broken() == []


def test_the_version_that_holds_on_the_local_day_of_the_payment_decides(town):
    town.fund("aid", last_day=date(2026, 12, 31))
    town.give("ana", "aid", "100.00")
    first_day = NOON.date() + timedelta(days=1)
    change(town, "aid", first_day, SpendingRule(sectors=frozenset({"books"})), last_day=date(2026, 10, 31))
    before, after = local(5, "23:59"), local(6, "00:00")
    assert town.pay("ana", "forn", "1.00", at=before) == "posted"
    assert town.grounds("ana", "forn", "1.00", at=after) == ["payments.not-enough", "spending.not-in-sector"]
    assert town.pay("ana", "llibres", "1.00", at=after) == "posted"
    (purse,) = queries.purses(town.conn, town_id=town.id, payer=town.parties["ana"], at=before)
    assert (purse.last_day, purse.rule.sectors) == (date(2026, 12, 31), None)
    (purse,) = queries.purses(town.conn, town_id=town.id, payer=town.parties["ana"], at=after)
    assert (purse.last_day, purse.rule.sectors) == (date(2026, 10, 31), frozenset({"books"}))
    said = [
        getattr(one, "code", "posted")
        for one in operations.perform(
            town.conn,
            town_id=town.id,
            commands=[town.asks("ana", shop, "1.00", at=at) for at in (after, before) for shop in ("forn", "llibres")],
        )
    ]
    assert said == ["payments.not-payable", "posted", "posted", "posted"]
    assert town.broken() == []


def test_what_a_chain_binds_can_be_paid_on_only_to_whom_the_rule_allows_and_is_free_there(town):
    town.fund("aid", rule={"chain": True, "zones": ["besos"], "per_day_minor": 20_00})
    town.give("ana", "aid", "50.00")
    sale = town.pay_for("ana", "forn", "20.00")
    till = {
        purse.bound: purse.available_minor
        for purse in queries.purses(town.conn, town_id=town.id, payer=town.parties["forn"], at=NOON)
    }
    assert till == {True: 2000}
    assert town.grounds("forn", "llibres", "5.00") == ["payments.not-enough", "spending.not-in-zone"]
    assert town.grounds("forn", "ana", "5.00") == ["payments.not-enough", "spending.only-at-shops"]
    assert town.pay("forn", "farina", "15.00") == "posted"
    assert (town.balance("farina"), town.balance("forn")) == ("15.00", "0.00")
    assert town.pay("farina", "llibres", "15.00") == "posted"
    with pytest.raises(KoinonError) as refused:
        town.give_back(sale, "5.01")
    assert refused.value.code == "payments.refund-not-covered"
    town.give_back(sale, "5.00")
    assert town.balance("ana", "aid") == "35.00"
    assert [day.sold_minor for day in queries.sales_by_day(
        town.conn, town_id=town.id, payee=town.parties["forn"], first_day=NOON.date(), last_day=NOON.date()
    )] == [2000]  # fmt: skip
    assert town.broken() == []


def test_what_a_resident_is_paid_stays_money_of_the_fund_where_its_rule_says_so(town):
    town.household("pere")
    town.fund("aid", rule={"peers_allowed": True, "peers_bound": True, "zones": ["besos"]}, last_day=NOON.date())
    town.give("ana", "aid", "50.00")
    gift = town.pay_for("ana", "pere", "20.00")
    assert (town.balance("pere", "aid"), town.balance("pere")) == ("20.00", "0.00")
    assert town.grounds("pere", "llibres", "5.00") == ["payments.not-enough", "spending.not-in-zone"]
    assert (town.pay("pere", "forn", "12.00"), town.pay("pere", "ana", "1.00")) == ("posted", "posted")
    assert (town.balance("ana", "aid"), town.balance("ana"), town.balance("forn")) == ("31.00", "0.00", "12.00")
    assert town.grounds("pere", "forn", "1.00", at=NOON + timedelta(days=1)) == [
        "payments.not-enough", "spending.last-day-passed",
    ]  # fmt: skip
    town.give_back(gift, "7.00")
    assert (town.balance("ana", "aid"), town.balance("pere", "aid")) == ("38.00", "0.00")
    assert town.broken() == []


def test_where_its_rule_does_not_say_so_what_a_resident_is_paid_is_free(town):
    town.household("pere")
    town.fund("gift", rule={"peers_allowed": True})
    town.give("ana", "gift", "5.00")
    assert town.pay("ana", "pere", "5.00") == "posted"
    assert (town.balance("pere", "gift"), town.balance("pere")) == ("0.00", "5.00")


def test_in_a_batch_a_resident_pays_on_what_stays_bound_from_a_purse_that_was_not_there_before(town):
    town.household("pere")
    town.fund("aid", rule={"peers_allowed": True, "peers_bound": True, "zones": ["besos"]})
    town.give("ana", "aid", "10.00")
    asked = [
        town.asks("ana", "pere", "6.00"),
        town.asks("pere", "llibres", "1.00"),
        town.asks("pere", "forn", "5.00"),
        town.asks("ana", "pere", "4.00"),
        town.asks("pere", "forn", "5.00"),
        town.asks("pere", "forn", "0.01"),
    ]
    outcomes = operations.perform(town.conn, town_id=town.id, commands=asked)
    refused = "payments.not-payable"
    assert [getattr(one, "code", "posted") for one in outcomes] == [
        "posted", refused, "posted", "posted", "posted", refused,
    ]  # fmt: skip
    assert town.broken() == []


def test_in_a_batch_a_shop_pays_on_what_a_chain_has_just_bound(town):
    town.fund("aid", rule={"chain": True, "zones": ["besos"]})
    town.fund("gift")
    town.give("ana", "aid", "10.00")
    town.give("ana", "gift", "5.00")
    asked = [
        town.asks("ana", "forn", "12.00"),
        town.asks("forn", "llibres", "3.00"),
        town.asks("forn", "farina", "11.00"),
        town.asks("forn", "llibres", "2.00"),
        town.asks("forn", "llibres", "1.00"),
    ]
    outcomes = operations.perform(town.conn, town_id=town.id, commands=asked)
    assert [getattr(one, "code", "posted") for one in outcomes] == [
        "posted",
        "payments.not-payable",
        "posted",
        "payments.not-payable",
        "posted",
    ]
    legs = queries.legs_of(town.conn, town_id=town.id, payment_id=asked[0].id)
    assert [(leg.fund_name, leg.amount_minor) for leg in legs] == [("Aid", 1000), ("Gift", 200)]
    assert (town.balance("farina"), town.balance("llibres"), town.balance("forn")) == ("11.00", "1.00", "0.00")
    assert town.broken() == []


def test_what_shops_could_only_pay_on_becomes_free_after_the_last_day_and_is_not_swept(town):
    town.fund("aid", rule={"chain": True}, last_day=NOON.date())
    town.give("ana", "aid", "10.00")
    town.pay_for("ana", "forn", "7.00")
    of = {"town_id": town.id, "fund_id": town.funds["aid"], "actor": "job:sweep"}
    with pytest.raises(StillBound):
        sweeping.unbind(town.conn, now=NOON, **of)
    tomorrow = NOON + timedelta(days=1)
    assert sweeping.sweep_fund(town.conn, now=tomorrow, **of).minor == 300
    assert sweeping.unbind(town.conn, now=tomorrow, **of).minor == 700
    assert sweeping.unbind(town.conn, now=tomorrow, **of).minor == 0
    assert town.balance("forn") == "7.00"
    assert town.broken() == []


def test_a_hold_and_a_refund_of_bound_money_come_back_to_where_they_were(town):
    town.fund("aid", rule={"chain": True})
    town.give("ana", "aid", "10.00")
    held = town.hold_for("ana", "forn", "6.00")
    taken = town.capture(held, "4.00")
    town.give_back(taken, "1.00")
    assert town.balance("ana", "aid") == "7.00"
    bound = [
        purse
        for purse in queries.purses(town.conn, town_id=town.id, payer=town.parties["forn"], at=NOON)
        if purse.bound
    ]
    assert [purse.available_minor for purse in bound] == [300]
    assert town.broken() == []

"""Paying, from purses that each have their rule."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from koinon.kernel.errors import UnitMismatch
from koinon.kernel.identifiers import id_under, new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger.types import Hold, NewAccount
from koinon.payments import operations, queries
from koinon.payments.commands import Pay
from koinon.payments.errors import KeyReused, NotPayable, PaymentNotFound
from tests.payments.paying_town import NOON, PayingTown, build


@pytest.fixture
def town(conn):
    town = build(conn)
    town.fund("aid", rule={"zones": ["besos"], "exclude_chains": True}, last_day=date(2026, 12, 31))
    town.fund("bonus", rule={"sectors": ["food"]}, last_day=date(2026, 10, 31))
    town.household("ana", zone="besos")
    town.shop("forn", zone="besos")
    town.shop("llibres", zone="besos", sector="47.61", sector_group="books")
    return town


def paid_by(town: PayingTown, payment) -> dict[str, int]:
    return {
        leg.fund_name: leg.amount_minor for leg in queries.legs_of(town.conn, town_id=town.id, payment_id=payment.id)
    }


def test_a_payment_takes_the_money_that_ends_soonest_first(town):
    town.give("ana", "aid", "20.00")
    town.give("ana", "bonus", "5.00")
    payment = town.pay_for("ana", "forn", "12.00")
    assert paid_by(town, payment) == {"Bonus": 500, "Aid": 700}
    assert (town.balance("ana", "bonus"), town.balance("ana", "aid"), town.balance("forn")) == (
        "0.00",
        "13.00",
        "12.00",
    )
    assert town.broken() == []


def test_a_purse_pays_only_where_its_rule_allows(town):
    town.give("ana", "aid", "20.00")
    town.give("ana", "bonus", "5.00")
    assert paid_by(town, town.pay_for("ana", "llibres", "12.00")) == {"Aid": 1200}


def test_a_refused_payment_tells_every_ground_at_once_and_posts_nothing(town):
    town.give("ana", "aid", "20.00")
    town.give("ana", "bonus", "5.00")
    town.shop("cadena", zone="centre", sector="47.61", sector_group="books", is_chain=True)
    assert town.grounds("ana", "cadena", "12.00") == [
        "payments.not-enough",
        "spending.not-in-sector",
        "spending.not-in-zone",
        "spending.no-chains",
    ]
    assert (town.balance("ana", "aid"), town.balance("ana", "bonus"), town.balance("cadena")) == (
        "20.00",
        "5.00",
        "0.00",
    )


def test_a_purse_pays_on_its_last_local_day_and_not_on_the_next(town):
    town.give("ana", "bonus", "5.00")
    last_minute = datetime(2026, 10, 31, 22, 59, tzinfo=UTC)  # 23:59 in Barcelona, the clocks already turned back.
    assert town.pay("ana", "forn", "1.00", at=last_minute) == "posted"
    assert town.grounds("ana", "forn", "1.00", at=last_minute + timedelta(minutes=1)) == [
        "payments.not-enough",
        "spending.last-day-passed",
    ]


def test_half_aid_and_half_own_money(town):
    town.fund("half", rule={"share_of_price": "1/2"})
    town.give("ana", "half", "50.00")
    assert town.grounds("ana", "llibres", "10.00") == ["payments.not-enough", "payments.share-of-price"]
    town.household("pere")
    town.fund("gift", rule={"peers_allowed": True})
    town.give("pere", "gift", "5.00")
    assert town.pay("pere", "ana", "5.00") == "posted"
    assert paid_by(town, town.pay_for("ana", "llibres", "10.00")) == {"Half": 500, "": 500}


def test_a_limit_by_the_day_counts_payments_of_the_local_day_and_not_what_was_refunded(town):
    town.fund("daily", rule={"per_day_minor": 10_00})
    town.give("ana", "daily", "50.00")
    first = town.pay_for("ana", "llibres", "8.00")
    assert town.grounds("ana", "llibres", "3.00") == ["payments.not-enough", "payments.day-limit"]
    town.give_back(first, "4.00")
    assert town.pay("ana", "llibres", "3.00") == "posted"
    assert town.pay("ana", "llibres", "10.00", at=NOON + timedelta(days=1)) == "posted"


def test_aid_cannot_be_handed_to_a_neighbour_unless_its_rule_says_so(town):
    town.household("pere", zone="besos")
    town.give("ana", "aid", "5.00")
    assert town.grounds("ana", "pere", "1.00") == ["payments.not-enough", "spending.only-at-shops"]
    town.fund("gift", rule={"peers_allowed": True})
    town.give("ana", "gift", "5.00")
    assert town.pay("ana", "pere", "2.00") == "posted"
    assert town.balance("pere") == "2.00"


def test_a_shop_pays_its_supplier_and_a_wage_from_its_till(town):
    town.shop("farina", zone="centre")
    town.person("joan")
    town.fill_till("forn", "30.00")
    assert town.pay("forn", "farina", "12.00") == "posted"
    assert town.pay("forn", "joan", "10.00") == "posted"
    assert town.pay("forn", "farina", "8.01") == "payments.not-payable"
    assert (town.balance("forn"), town.balance("farina"), town.balance("joan")) == ("8.00", "12.00", "10.00")


def test_the_same_key_gives_the_first_payment_back_even_when_the_payer_is_broke_now(town):
    town.give("ana", "aid", "10.00")
    first = town.pay_for("ana", "forn", "10.00", key="till-1-7", reference="R7")
    again = town.pay_for("ana", "forn", "10.00", key="till-1-7", reference="R7", at=NOON + timedelta(minutes=2))
    assert again == first
    assert town.balance("forn") == "10.00"


@pytest.mark.parametrize("other", [{"amount": "9.99"}, {"payee": "llibres"}, {"payer": "pere"}, {"reference": "R8"}])
def test_a_key_used_for_something_else_is_refused(town, other):
    town.household("pere", zone="besos")
    town.give("ana", "aid", "20.00")
    town.give("pere", "aid", "20.00")
    town.pay_for("ana", "forn", "10.00", key="till-1-7", reference="R7")
    asked = {"payer": "ana", "payee": "forn", "amount": "10.00", "reference": "R7", **other}
    with pytest.raises(KeyReused):
        town.pay_for(**asked, key="till-1-7")
    assert town.balance("forn") == "10.00"


def test_a_refused_payment_does_not_use_its_key_up(town):
    assert town.pay("ana", "forn", "3.00", key="till-1-8") == "payments.not-payable"
    town.give("ana", "aid", "3.00")
    assert town.pay("ana", "forn", "3.00", key="till-1-8") == "posted"


def test_what_makes_no_sense_is_refused_by_its_own_name(town):
    town.give("ana", "aid", "3.00")
    assert town.pay("ana", "forn", "0.00") == "payments.amount-not-positive"
    assert town.pay("ana", "forn", "-1.00") == "payments.amount-not-positive"
    assert town.pay("ana", "ana", "1.00") == "payments.same-party"
    town.parties["nobody"] = UUID(int=5)
    assert town.pay("ana", "nobody", "1.00") == "parties.not-found"


def test_an_amount_in_another_unit_is_refused(town):
    with pytest.raises(UnitMismatch):
        operations.pay(
            town.conn,
            town_id=town.id,
            payer=town.parties["ana"],
            payee=town.parties["forn"],
            amount=Amount(100, "EUR"),
            payment_id=new_id(),
            effective_at=NOON,
            actor="test",
        )


def test_a_shop_that_left_and_one_that_has_not_begun_are_not_paid(town):
    town.give("ana", "aid", "3.00")
    town.shop("nova", zone="besos", accepts_since=date(2026, 11, 1))
    assert town.grounds("ana", "nova", "1.00") == ["payments.not-enough", "spending.not-accepting-yet"]
    town.conn.execute("UPDATE parties_organisation SET active = FALSE WHERE party_id = %s", [town.parties["forn"]])
    assert town.grounds("ana", "forn", "1.00") == ["payments.not-enough", "spending.not-taking-part"]


def test_money_on_hold_is_not_spent_twice(town):
    town.give("ana", "aid", "10.00")
    hold = Hold(
        new_id(), town.account("purse", town.parties["ana"], town.funds["aid"]),
        town.account("till", town.parties["forn"]), Amount(600, "REC"), "pay", NOON, NOON + timedelta(hours=1), "test",
    )  # fmt: skip
    ledger.post_all(town.conn, town_id=town.id, requests=[hold])
    with pytest.raises(NotPayable) as refused:
        town.pay_for("ana", "forn", "5.00")
    assert refused.value.payable == Amount(400, "REC")


def test_what_would_happen_more_than_a_day_from_now_is_refused(town):
    town.give("ana", "aid", "3.00")
    now = datetime.now(UTC)
    assert town.pay("ana", "forn", "1.00", at=now + timedelta(days=1, minutes=1)) == "payments.too-far-ahead"
    assert town.pay("ana", "forn", "1.00", at=now + timedelta(hours=23)) != "payments.too-far-ahead"


def test_a_payment_names_itself_and_its_further_transfers_follow_from_it(town):
    town.give("ana", "aid", "20.00")
    town.give("ana", "bonus", "5.00")
    payment = town.pay_for("ana", "forn", "12.00", key="till-1-9")
    legs = queries.legs_of(town.conn, town_id=town.id, payment_id=payment.id)
    assert [leg.transfer_id for leg in legs] == [payment.id, id_under(payment.id, 1)]
    with pytest.raises(PaymentNotFound):
        queries.payment(town.conn, town_id=town.id, payment_id=legs[1].transfer_id)


def test_a_payee_gets_an_account_with_the_first_payment_and_not_with_a_refused_one(town):
    town.give("ana", "aid", "3.00")
    accounts = "SELECT count(*) FROM ledger.account WHERE holder = %s"
    town.pay("ana", "forn", "4.00")
    assert town._one(accounts, town.parties["forn"]) == 0
    town.pay("ana", "forn", "1.00")
    town.pay("ana", "forn", "1.00")
    assert town._one(accounts, town.parties["forn"]) == 1


def test_a_closed_till_and_a_full_one_are_refused_by_the_names_the_ledger_has_for_them(town):
    town.give("ana", "aid", "20.00")
    wanted = NewAccount("till", "REC", town.parties["forn"], ceiling_minor=500)
    (till,) = ledger.open_accounts(town.conn, town_id=town.id, accounts=[wanted], at=NOON, actor="test")
    assert town.pay("ana", "forn", "5.01") == "ledger.ceiling-reached"
    assert town.pay("ana", "forn", "5.00") == "posted"
    till = town.account("till", town.parties["llibres"])
    ledger.close_account(town.conn, town_id=town.id, account=till, at=NOON, actor="test")
    assert town.pay("ana", "llibres", "1.00") == "ledger.account-not-open"


def test_an_id_of_something_else_is_refused(town):
    town.give("ana", "aid", "20.00")
    (issued,) = town.conn.execute("SELECT id FROM ledger.transfer WHERE code = 'disburse'").fetchone()
    outcome = operations.perform(
        town.conn,
        town_id=town.id,
        commands=[
            Pay(issued, town.parties["ana"], town.parties["forn"], Amount(100, "REC"), NOON, "test"),
        ],
    )
    assert [refused.code for refused in outcome] == ["payments.key-reused"]

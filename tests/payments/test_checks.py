"""Each invariant of the payments notices what somebody posts or edits behind the operations' back."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from koinon.db.checks import run_checks
from koinon.kernel.identifiers import new_id
from koinon.ledger import operations as ledger
from koinon.ledger.types import Capture, Hold, Request, Reversal, Transfer
from koinon.parties.secrets import Secrets
from koinon.payments import requesting
from tests.payments.paying_town import NOON, PayingTown, build, money


@pytest.fixture
def town(database, conn) -> PayingTown:
    """Ana paid the bakery from two purses and got a part back, and has something on hold there. Committed."""
    town = build(conn)
    town.shop("forn")
    town.shop("farina")
    town.household("ana")
    town.household("laia")
    town.fund("aid")
    town.fund("bonus")
    for name in ("ana", "laia"):
        town.give(name, "aid", "50.00")
        town.give(name, "bonus", "50.00")
    town.give_back(town.pay_for("ana", "forn", "60.00"), "5.00")
    town.hold_for("ana", "forn", "20.00")
    town.capture(town.hold_for("laia", "forn", "60.00"), "0.01")
    town.let_go(town.hold_for("laia", "forn", "60.00"))
    assert town.broken() == []
    conn.commit()
    return town


def failing(conn) -> set[str]:
    return {result.name for result in run_checks(conn) if result.failures}


def post(town: PayingTown, *requests: Request) -> None:
    ledger.post_all(town.conn, town_id=town.id, requests=requests)


def purse(town: PayingTown, name: str, fund: str = "aid") -> int:
    return town.account("purse", town.parties[name], town.funds[fund])


def till(town: PayingTown, name: str) -> int:
    return town.account("till", town.parties[name])


def transfer(debit: int, credit: int, group: UUID | None = None) -> Transfer:
    return Transfer(new_id(), debit, credit, money("1.00"), "pay", NOON, "test", group=group)


def test_a_payment_of_two_payers_or_to_two_payees_is_noticed(town):
    one, two = new_id(), new_id()
    post(town, transfer(purse(town, "ana", "bonus"), till(town, "forn"), one),
         transfer(purse(town, "laia"), till(town, "forn"), one))  # fmt: skip
    assert failing(town.conn) == {"payments_have_one_payer_and_one_payee"}
    town.conn.rollback()
    post(town, transfer(purse(town, "laia"), till(town, "forn"), two),
         transfer(purse(town, "laia"), till(town, "farina"), two))  # fmt: skip
    assert failing(town.conn) == {"payments_have_one_payer_and_one_payee"}


def test_money_of_one_fund_that_arrives_as_money_of_another_is_noticed(town):
    post(town, transfer(purse(town, "laia"), purse(town, "ana", "bonus")))
    assert failing(town.conn) == {"payments_change_no_money_into_another_funds"}


def test_a_request_that_the_trail_knows_nothing_of_is_noticed(town, owner_conn):
    requesting.ask(
        town.conn, town_id=town.id, payee=town.parties["forn"], amount=money("1.00"), lasts=timedelta(hours=1),
        idempotency_key="a", actor="user:1", at=NOON, secrets=Secrets.fresh(),
    )  # fmt: skip
    requesting.have_code(town.conn, town_id=town.id, payee=town.parties["forn"], actor="user:1", at=NOON)
    town.conn.commit()
    assert failing(town.conn) == set()
    for row in ("request", "payee_code"):
        owner_conn.execute(f"UPDATE payments.{row} SET made_by = 'user:2'")
        assert failing(town.conn) == {"requests_and_codes_are_as_the_trail_says"}
        owner_conn.execute(f"UPDATE payments.{row} SET made_by = 'user:1'")


def test_a_payment_to_oneself_is_noticed(town):
    post(town, transfer(purse(town, "laia"), purse(town, "laia", "bonus")))
    assert failing(town.conn) == {
        "payments_have_one_payer_and_one_payee", "payments_change_no_money_into_another_funds",
    }  # fmt: skip


def test_a_payment_and_a_hold_in_one_group_are_noticed(town):
    group = new_id()
    accounts = purse(town, "laia"), till(town, "forn")
    hold = Hold(
        new_id(), *accounts, money("1.00"), "pay", NOON, NOON + timedelta(hours=1), "test", group=group
    )  # fmt: skip
    post(town, transfer(*accounts, group), hold)
    assert failing(town.conn) == {"payments_have_one_payer_and_one_payee"}


def test_one_refund_of_two_payments_is_noticed(town):
    group = new_id()
    sales = [town.pay_for("laia", "forn", "1.00") for _ in range(2)]
    post(town, *[Reversal(new_id(), sale.id, NOON, "test", group=group) for sale in sales])
    assert failing(town.conn) == {"refunds_give_one_payment_back"}


def test_more_given_back_than_was_paid_is_noticed(town, owner_conn):
    with owner_conn.transaction(force_rollback=True):
        owner_conn.execute("UPDATE ledger.journal SET amount_minor = 7000 WHERE kind = 'r' AND leg = 0")
        assert "refunds_give_one_payment_back" in failing(owner_conn)


def test_a_part_of_a_hold_that_is_captured_without_the_rest_is_noticed(town):
    hold = town.hold_for("laia", "forn", "70.00")
    post(town, Capture(new_id(), hold.id, NOON, "test"))
    assert failing(town.conn) == {"holds_end_as_a_whole"}


def test_parts_of_a_hold_that_are_captured_apart_are_noticed(town):
    hold = town.hold_for("laia", "forn", "70.00")
    for part in _ids(town, hold.id):
        post(town, Capture(new_id(), part, NOON, "test"))
    assert failing(town.conn) == {"holds_end_as_a_whole"}


def test_a_part_of_a_hold_that_lapsed_alone_is_noticed(town, owner_conn):
    hold = town.hold_for("laia", "forn", "70.00")
    town.conn.commit()
    with owner_conn.transaction(force_rollback=True):
        owner_conn.execute("UPDATE ledger.hold SET state = 'lapsed' WHERE id = %s", [hold.id])
        assert "holds_end_as_a_whole" in failing(owner_conn)


def _ids(town: PayingTown, first: UUID) -> list[UUID]:
    rows = town.conn.execute(
        "SELECT part.id FROM ledger.journal AS head INNER JOIN ledger.journal AS part ON part.town_id = head.town_id "
        "AND part.seq BETWEEN head.seq AND head.seq + head.legs - 1 WHERE head.town_id = %s AND head.id = %s",
        [town.id, first],
    ).fetchall()
    return [row[0] for row in rows]

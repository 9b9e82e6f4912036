"""Each invariant of the payments notices what somebody posts or edits behind the operations' back."""

from __future__ import annotations

import pytest

from koinon.db.checks import run_checks
from koinon.kernel.identifiers import new_id
from koinon.ledger import operations as ledger
from koinon.ledger.types import Reversal
from tests.programmes.small_town import NOON, SmallTown, build, money


@pytest.fixture
def town(database, conn) -> SmallTown:
    """Ana paid the bakery twice and got a part of one back. Committed."""
    town = build(conn)
    town.shop("forn")
    town.household("ana")
    town.household("laia")
    town.fund("aid")
    town.give("ana", "aid", "50.00")
    town.pay_for("ana", "forn", "10.00")
    town.give_back(town.pay_for("ana", "forn", "20.00"), "5.00")
    assert town.broken() == []
    conn.commit()
    return town


def failing(conn) -> set[str]:
    return {result.name for result in run_checks(conn) if result.failures}


def test_a_transfer_that_pays_without_a_payment_is_noticed(town):
    town.move("pay", ("purse", town.parties["ana"], town.funds["aid"]), ("till", town.parties["forn"], None), "1.00")
    assert failing(town.conn) == {"transfers_belong_to_payments"}


def test_a_payment_given_back_without_a_refund_is_noticed(town):
    (paid,) = town.conn.execute(
        "SELECT id FROM ledger.transfer WHERE code = 'pay' AND amount_minor = 1000"
    ).fetchone()  # fmt: skip
    back = Reversal(new_id(), paid, "given-back", NOON, actor="test", amount=money("1.00"))
    ledger.post_all(town.conn, town_id=town.id, requests=[back])
    assert failing(town.conn) == {"transfers_belong_to_payments", "refunds_equal_their_reversals"}


@pytest.mark.parametrize(
    ("edit", "noticed"),
    [
        ("DELETE FROM payments.payment WHERE refunded_minor = 0", {"transfers_belong_to_payments"}),
        ("UPDATE payments.payment SET payer = gen_random_uuid()", {"payments_equal_their_transfers"}),
        ("UPDATE payments.payment SET payee = gen_random_uuid()", {"payments_equal_their_transfers"}),
        ("UPDATE payments.payment SET amount_minor = amount_minor + 1", {"payments_equal_their_transfers"}),
        ("UPDATE payments.refund SET id = gen_random_uuid()", {"transfers_belong_to_payments"}),
        ("UPDATE payments.refund SET amount_minor = amount_minor + 1", {"refunds_equal_their_reversals"}),
    ],
)
def test_an_edited_row_is_noticed_by_the_invariant_that_speaks_of_it(town, owner_conn, edit, noticed):
    with owner_conn.transaction(force_rollback=True):
        owner_conn.execute(edit)
        assert failing(owner_conn) == noticed

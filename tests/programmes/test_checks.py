"""Each invariant of the programmes notices what somebody posts or edits behind the operations' back."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from koinon.db.checks import run_checks
from koinon.kernel.identifiers import new_id
from koinon.ledger import operations as ledger
from koinon.ledger.types import Reversal
from koinon.programmes import operations
from tests.programmes.small_town import NOON, OFFICER, SmallTown, build

NEW_YEAR = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)  # Midnight in Barcelona.


@pytest.fixture
def town(database, conn) -> SmallTown:
    """Two households got their October, one of them spent a part; the reserve holds more. Committed."""
    town = build(conn)
    town.shop("forn")
    town.fund("aid", last_day=date(2026, 12, 31))
    town.programme("inclusion", fund="aid")
    for name in ("ana", "laia"):
        town.household(name)
        town.award("inclusion", name, "400.00")
    town.receive("aid", "1000.00")
    town.disburse(town.approve(town.prepare("inclusion")))
    town.pay_for("ana", "forn", "30.00")
    assert town.broken() == []
    conn.commit()
    return town


def failing(conn) -> set[str]:
    return {result.name for result in run_checks(conn) if result.failures}


def test_units_issued_without_a_cycle_are_noticed(town):
    reserve, escrow = ("reserve", town.party, town.funds["aid"]), ("escrow", town.party, town.funds["aid"])
    town.move("issue", reserve, escrow, "60.00")
    assert failing(town.conn) == {"issues_belong_to_cycles"}
    town.move("disburse", escrow, ("purse", town.parties["ana"], town.funds["aid"]), "60.00")
    assert failing(town.conn) == {"issues_belong_to_cycles"}


def test_aid_taken_back_from_a_purse_is_noticed(town):
    (given,) = town.conn.execute(
        "SELECT t.id FROM ledger.transfer AS t INNER JOIN ledger.account AS a ON a.town_id = t.town_id "
        "AND a.id = t.credit_account WHERE t.code = 'disburse' AND a.holder = %s", [town.parties["laia"]],
    ).fetchone()  # fmt: skip
    ledger.post_all(town.conn, town_id=town.id, requests=[Reversal(new_id(), given, NOON, actor="test")])
    assert failing(town.conn) == {"issues_belong_to_cycles", "escrows_hold_only_running_cycles"}


def test_entitlements_that_agree_in_sum_only_are_noticed(town, owner_conn):
    with owner_conn.transaction(force_rollback=True):
        owner_conn.execute(
            "UPDATE programmes_entitlement SET amount_minor = amount_minor + CASE WHEN party_id = %s THEN 1 ELSE -1 END",
            [town.parties["ana"]],
        )
        assert failing(owner_conn) == {"entitlements_equal_their_transfers", "lists_are_the_approved_ones"}


def test_what_expires_before_the_last_day_is_over_is_noticed(town):
    purse, reserve = ("purse", town.parties["laia"], town.funds["aid"]), ("reserve", town.party, town.funds["aid"])
    town.move("expire", purse, reserve, "5.00")
    assert failing(town.conn) == {"expiries_follow_the_last_day"}


def test_what_expired_stays_explained_when_the_last_day_is_moved_later(town, owner_conn):
    operations.sweep_fund(town.conn, town_id=town.id, fund_id=town.funds["aid"], actor=OFFICER, now=NEW_YEAR)
    assert failing(town.conn) == set()
    town.conn.commit()
    with owner_conn.transaction(force_rollback=True):
        owner_conn.execute("UPDATE programmes_fund SET last_day = '2027-12-31'")
        assert failing(owner_conn) == set()
        owner_conn.execute("DELETE FROM audit.entry WHERE action = 'fund.swept'")
        assert failing(owner_conn) == {"expiries_follow_the_last_day"}


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE programmes_cycle SET approved_by = 'user:7'",
        "UPDATE programmes_cycle SET approved_at = approved_at + interval '1 minute'",
        "UPDATE programmes_cycle SET prepared_by = 'user:7'",
        "UPDATE programmes_cycle SET disbursed_at = disbursed_at + interval '1 minute'",
        "UPDATE audit.entry SET actor = 'user:7' WHERE action = 'cycle.issued'",
        "DELETE FROM audit.entry",
    ],
)
def test_a_rewritten_signature_under_a_cycle_and_an_emptied_trail_are_noticed(town, owner_conn, edit):
    with owner_conn.transaction(force_rollback=True):
        owner_conn.execute(edit)
        assert failing(owner_conn) - {"cycles_have_enough_eyes"} == {"cycles_were_signed_in_the_trail"}


@pytest.mark.parametrize(
    "edit",
    [
        "DELETE FROM programmes_cycleapproval",
        "UPDATE programmes_cycle SET approvers_needed = 2",
        "UPDATE programmes_cycle SET submitted_by = approved_by, approved_by = 'user:7'",
        "UPDATE programmes_cycleapproval SET fingerprint = repeat('0', 64)",
        "UPDATE programmes_cycleapproval SET actor = 'user:7'",
    ],
)
def test_approvals_that_were_taken_away_or_are_of_another_list_or_person_are_noticed(town, owner_conn, edit):
    with owner_conn.transaction(force_rollback=True):
        owner_conn.execute(edit)
        assert "cycles_have_enough_eyes" in failing(owner_conn)


@pytest.mark.parametrize("edit", ["amount_minor = amount_minor", "grounds = '[]'", "snapshot = '{}'"])
def test_a_list_that_was_changed_after_it_was_submitted_is_noticed(town, owner_conn, edit):
    with owner_conn.transaction(force_rollback=True):
        owner_conn.execute(f"UPDATE programmes_entitlement SET {edit} WHERE decision = 'due'")
        assert failing(owner_conn) == (set() if "amount" in edit else {"lists_are_the_approved_ones"})


def test_accounts_of_nobody_and_of_no_fund_are_noticed(town):
    town.account("purse", new_id(), town.funds["aid"])
    assert failing(town.conn) == {"accounts_belong_to_the_town"}
    town.conn.rollback()
    town.account("purse", town.parties["ana"], new_id())
    assert failing(town.conn) == {"accounts_belong_to_the_town"}
    town.conn.rollback()
    town.account("reserve", town.parties["ana"], town.funds["aid"])
    assert failing(town.conn) == {"accounts_belong_to_the_town"}

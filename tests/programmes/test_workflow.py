"""A cycle on its way from a draft to purses: who may say yes, to what, and how a run is stopped and tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from koinon.jobs.disbursing import disburse_round
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger import queries as books
from koinon.ledger.types import NewAccount
from koinon.programmes import operations, queries, reviewing
from koinon.programmes.errors import (
    CycleChanged,
    CycleNotInState,
    CycleStopped,
    NothingToRetry,
    ReserveShort,
    SamePerson,
)
from tests.programmes.small_town import APPROVER, NOON, OCTOBER, OFFICER, build

SECOND = "user:5"


@pytest.fixture
def town(conn):
    town = build(conn)
    town.fund("aid")
    town.programme("inclusion", fund="aid")
    for number in range(10):
        town.household(f"h{number}")
        town.award("inclusion", f"h{number}", f"{400 + number}.00")
    return town


def step(town, operation, cycle, actor=OFFICER, **more):
    return operation(town.conn, town_id=town.id, cycle_id=cycle.id, actor=actor, now=NOON, **more)


def two_must_approve(town, programme="inclusion"):
    town.conn.execute(
        """UPDATE programmes_programme SET approvals = '[{"from_minor": 0, "people": 1}, {"from_minor": 50000, "people": 2}]'
           WHERE id = %s""",
        [town.programmes[programme]],
    )


def test_a_total_above_the_threshold_needs_two_others_and_neither_is_who_made_it(town):
    two_must_approve(town)
    cycle = town.submit(town.prepare("inclusion"), actor="user:9")
    assert cycle.approvers_needed == 2
    for own in (OFFICER, "user:9"):
        with pytest.raises(SamePerson):
            town.approve(cycle, own)
    once = town.approve(cycle)
    assert (once.state, once.approvals) == ("submitted", 1)
    assert town.approve(cycle).approvals == 1  # The same person again says nothing new.
    with pytest.raises(CycleNotInState):
        town.disburse(cycle)
    done = town.approve(cycle, SECOND)
    assert (done.state, done.approvals, done.approved_by) == ("approved", 2, SECOND)
    assert [given.actor for given in queries.approvals(town.conn, cycle_id=cycle.id)] == [APPROVER, SECOND]
    assert town.audited()[-3:] == ["cycle.submitted", "cycle.approval-given", "cycle.approved"]
    assert town.broken() == []


def test_a_draft_cannot_be_approved_and_a_submitted_one_not_paid(town):
    cycle = town.prepare("inclusion")
    with pytest.raises(CycleNotInState):
        step(town, operations.approve_cycle, cycle, APPROVER)
    cycle = town.submit(cycle)
    assert town.submit(cycle) == cycle
    with pytest.raises(CycleNotInState):
        town.disburse(cycle)


def test_a_yes_to_another_list_than_the_one_there_is_refused(town):
    cycle = town.submit(town.prepare("inclusion"))
    with pytest.raises(CycleChanged):
        step(town, operations.approve_cycle, cycle, APPROVER, fingerprint="0" * 64)
    town.conn.execute("SAVEPOINT before")
    town.conn.execute(
        "UPDATE programmes_entitlement SET amount_minor = amount_minor + 1 WHERE cycle_id = %s", [cycle.id]
    )
    with pytest.raises(CycleChanged):
        step(town, operations.approve_cycle, cycle, APPROVER, fingerprint=cycle.fingerprint)
    town.conn.execute("ROLLBACK TO before")
    assert step(town, operations.approve_cycle, cycle, APPROVER, fingerprint=cycle.fingerprint).state == "approved"


def test_a_list_that_was_changed_after_the_approval_is_not_paid(town):
    town.receive("aid", "2000.00")
    cycle = town.approve(town.prepare("inclusion"))
    town.conn.execute(
        "UPDATE programmes_entitlement SET amount_minor = amount_minor + CASE WHEN party_id = %s THEN 1 ELSE -1 END"
        " WHERE party_id IN (%s, %s)",
        [town.parties["h0"], town.parties["h0"], town.parties["h1"]],
    )
    with pytest.raises(CycleChanged):
        town.disburse(cycle)
    assert books.totals(town.conn, town_id=town.id).issued == 0


def test_what_is_sent_back_is_a_draft_and_approved_anew(town):
    two_must_approve(town)
    cycle = town.submit(town.prepare("inclusion"))
    town.approve(cycle)
    back = step(town, operations.return_cycle, cycle, SECOND, reason="a zone is missing")
    assert (back.state, back.fingerprint, back.approvals) == ("prepared", "", 0)
    assert step(town, operations.return_cycle, cycle, SECOND) == back
    again = operations.submit_cycle(
        town.conn, town_id=town.id, cycle_id=cycle.id, actor=OFFICER, now=NOON + timedelta(hours=1)
    )
    assert (again.fingerprint, again.approvals) == (cycle.fingerprint, 0)
    assert town.broken() == []


def test_what_is_sent_back_counts_who_gets_nothing_once(town):
    town.household("poor")
    town.award("inclusion", "poor", "1.00")
    cycle = town.prepare("inclusion")
    assert cycle.refused == 1
    town.submit(cycle)
    assert step(town, operations.return_cycle, cycle, SECOND, reason="a zone is missing").refused == 1


# A run


def pay(town, cycle, size):
    return operations.disburse_some(
        town.conn, town_id=town.id, cycle_id=cycle.id, actor=OFFICER, now=NOON, at_most=size
    )


def test_a_run_is_stopped_and_resumed_where_it_was(town):
    town.receive("aid", "2000.00")
    cycle = town.approve(town.prepare("inclusion"))
    assert pay(town, cycle, 4).paid == 4
    stopped = step(town, operations.stop_cycle, cycle, reason="a question")
    assert stopped.stopped_by == OFFICER
    assert step(town, operations.stop_cycle, cycle) == stopped
    with pytest.raises(CycleStopped):
        pay(town, cycle, 4)
    assert operations.cycles_to_disburse(town.conn, town_id=town.id, now=NOON) == []
    assert town.broken() == []
    step(town, operations.resume_cycle, cycle)
    assert pay(town, cycle, 4).paid == 8
    done = pay(town, cycle, 4)
    assert (done.state, done.paid, done.paid_minor) == ("disbursed", 10, done.total_minor)
    with pytest.raises(CycleNotInState):
        step(town, operations.stop_cycle, cycle)
    assert [act for act in town.audited() if act in ("cycle.stopped", "cycle.resumed")] == [
        "cycle.stopped",
        "cycle.resumed",
    ]
    assert town.broken() == []


def test_what_failed_is_tried_again_and_nobody_is_paid_twice(database, town, owner_conn):
    town.receive("aid", "2000.00")
    full = NewAccount("purse", "REC", town.parties["h3"], town.funds["aid"], 0, ceiling_minor=10000)
    ledger.open_accounts(town.conn, town_id=town.id, accounts=[full], at=NOON, actor="test")
    cycle = town.disburse(town.approve(town.prepare("inclusion")))
    assert (cycle.paid, cycle.failed) == (9, 1)
    (line,) = queries.entitlements(town.conn, town_id=town.id, cycle_id=cycle.id, state="failed")
    assert (line.party_id, line.failure) == (town.parties["h3"], "ledger.ceiling-reached")
    assert town.reserve("aid") == f"{2000 - cycle.paid_minor / 100:.2f}"

    again = step(town, operations.retry_cycle, cycle)
    assert (again.state, again.count, again.failed) == ("disbursing", 10, 0)
    assert town.broken() == []
    still = town.disburse(again)
    assert (still.state, still.paid, still.failed, still.retries) == ("disbursed", 9, 1, 1)
    assert town.broken() == []

    town.conn.commit()
    owner_conn.execute("UPDATE ledger.account SET ceiling_minor = NULL WHERE ceiling_minor = 10000")
    step(town, operations.retry_cycle, cycle)
    done = town.disburse(cycle)
    assert (done.paid, done.failed, done.retries, town.balance("h3", "aid")) == (10, 0, 2, "100.75")
    assert town.balance("h0", "aid") == "100.00"
    assert queries.entitlement(town.conn, town_id=town.id, cycle_id=cycle.id, party_id=line.party_id).state == "paid"
    with pytest.raises(NothingToRetry):
        step(town, operations.retry_cycle, cycle)
    assert town.broken() == []


def test_a_retry_needs_euros_that_are_there(town):
    town.receive("aid", "1020.00")
    purse = NewAccount("purse", "REC", town.parties["h3"], town.funds["aid"], 0, ceiling_minor=10000)
    ledger.open_accounts(town.conn, town_id=town.id, accounts=[purse], at=NOON, actor="test")
    cycle = town.disburse(town.approve(town.prepare("inclusion")))
    rest = Amount(1020_00 - cycle.paid_minor, "REC")
    town.programme("other", fund="aid", share=(1, 1), floor="0")
    town.award("other", "h1", str(rest).removesuffix(" REC"))
    town.disburse(town.approve(town.prepare("other")))
    with pytest.raises(ReserveShort):
        step(town, operations.retry_cycle, cycle)
    assert queries.cycle(town.conn, town_id=town.id, cycle_id=cycle.id) == cycle
    assert town.broken() == []


def test_the_timer_pays_what_is_scheduled_when_its_time_has_come_and_says_what_is_in_its_way(database, town):
    cycle = town.approve(town.prepare("inclusion"))
    at = NOON + timedelta(hours=2)
    assert step(town, operations.schedule_cycle, cycle, at=at).scheduled_at == at
    town.conn.commit()
    assert disburse_round(town.conn, now=NOON) == 0
    assert disburse_round(town.conn, now=at) == 0
    held_up = queries.cycle(town.conn, town_id=town.id, cycle_id=cycle.id)
    assert (held_up.state, held_up.problem) == ("approved", "programmes.reserve-short")
    town.receive("aid", "2000.00")
    town.conn.commit()
    assert disburse_round(town.conn, now=at) == 1
    done = queries.cycle(town.conn, town_id=town.id, cycle_id=cycle.id)
    assert (done.state, done.problem, done.disbursed_by, done.scheduled_by) == (
        "disbursed", "", "job:disburse", OFFICER,
    )  # fmt: skip
    town.conn.commit()
    assert disburse_round(town.conn, now=at) == 0
    assert town.broken() == []


# What approvers look at


def test_approvers_see_what_changed_since_the_last_cycle_and_what_stands_out(town):
    town.receive("aid", "9000.00")
    town.disburse(town.approve(town.prepare("inclusion")))
    town.conn.execute(
        "UPDATE programmes_award SET monthly_minor = 200000 WHERE household_id = %s", [town.parties["h1"]]
    )
    town.conn.execute("UPDATE programmes_award SET monthly_minor = 16000 WHERE household_id = %s", [town.parties["h2"]])
    town.conn.execute("UPDATE programmes_award SET to_day = '2026-10-31' WHERE household_id = %s", [town.parties["h3"]])
    town.household("new")
    town.award("inclusion", "new", "404.00")
    cycle = town.prepare("inclusion", OCTOBER.next())
    seen = reviewing.review(town.conn, town_id=town.id, cycle_id=cycle.id)
    changes = seen.changes
    assert seen.before is not None
    assert (changes.joined, changes.gone, changes.more, changes.less) == (1, 1, 1, 1)
    assert (changes.joined_minor, changes.gone_minor, changes.more_minor, changes.less_minor) == (
        10100, 10075, 39975, 6050,
    )  # fmt: skip
    assert changes.difference_minor == cycle.total_minor - seen.before.total_minor
    names = {party: name for name, party in town.parties.items()}
    assert {
        names[one.party_id]: [how for how in ("high", "low", "doubled", "halved") if getattr(one, how)]
        for one in seen.outliers
    } == {"h1": ["high", "doubled"], "h2": ["low", "halved"]}
    assert [(zone.zone, zone.households) for zone in seen.zones] == [("", 10)]
    assert [(reason.code, reason.households) for reason in seen.reasons] == [("entitlement.award-ended", 1)]

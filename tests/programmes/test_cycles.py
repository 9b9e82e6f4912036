"""A programme's month, from awards to purses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from threading import Barrier

import pytest

from koinon.kernel.errors import KoinonError
from koinon.kernel.money import Amount
from koinon.kernel.periods import Month
from koinon.ledger import operations as ledger
from koinon.ledger import queries as books
from koinon.ledger.errors import AccountNotOpen, InsufficientFunds, KeyReused
from koinon.ledger.types import NewAccount
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.programmes import operations, preparing, queries, sweeping
from koinon.programmes.errors import (
    BudgetExceeded,
    CycleNotFound,
    CycleNotInState,
    FundNotOver,
    ReserveShort,
    SamePerson,
)
from tests.programmes.small_town import APPROVER, NOON, OCTOBER, OFFICER, build


@pytest.fixture
def town(conn):
    town = build(conn)
    town.fund("aid", rule={"zones": ["besos"]}, last_day=date(2026, 12, 31))
    town.programme("inclusion", fund="aid")
    for name, monthly in {"ana": "568.01", "pere": "100.00", "laia": "400.00", "omar": "100.01"}.items():
        town.household(name, zone="besos")
        town.award("inclusion", name, monthly)
    return town


def decided(town, cycle) -> dict[str, tuple[str, int, list[str]]]:
    names = {party: name for name, party in town.parties.items()}
    found = queries.entitlements(town.conn, town_id=town.id, cycle_id=cycle.id)
    return {names[e.party_id]: (e.state, e.amount_minor, [g.code for g in e.grounds]) for e in found}


def failed(town, cycle) -> dict[str, str]:
    names = {party: name for name, party in town.parties.items()}
    found = queries.entitlements(town.conn, town_id=town.id, cycle_id=cycle.id, state="failed")
    return {names[line.party_id]: line.failure for line in found}


def test_a_month_goes_from_awards_to_purses_to_the_minor_unit(town):
    town.receive("aid", "1000.00")
    done = town.disburse(town.approve(town.prepare("inclusion")))
    assert (done.state, done.total_minor, done.count, done.paid, done.refused) == ("disbursed", 26700, 3, 3, 1)
    assert [town.balance(name, "aid") for name in ("ana", "pere", "laia", "omar")] == [
        "142.00",
        "0.00",
        "100.00",
        "25.00",
    ]
    assert town.reserve("aid") == "733.00"
    assert books.totals(town.conn, town_id=town.id).issued == 26700
    steps = ["prepared", "submitted", "approved", "issued", "disbursed"]
    assert town.audited()[-5:] == [f"cycle.{step}" for step in steps]
    assert town.broken() == []


def test_every_yes_and_every_no_keeps_its_grounds(town):
    town.household("gone", zone="besos")
    town.award("inclusion", "gone", "50.00", until=date(2026, 9, 30))
    town.household("soon", zone="besos")
    town.award("inclusion", "soon", "500.00", since=date(2026, 11, 1))
    assert decided(town, town.prepare("inclusion")) == {
        "ana": ("due", 14200, ["entitlement.share-of-award"]),
        "pere": ("refused", 0, ["entitlement.not-above-floor"]),
        "laia": ("due", 10000, ["entitlement.share-of-award"]),
        "omar": ("due", 2500, ["entitlement.share-of-award"]),
        "gone": ("refused", 0, ["entitlement.award-ended", "entitlement.not-above-floor"]),
        "soon": ("refused", 0, ["entitlement.award-not-begun"]),
    }


def test_the_award_that_holds_in_the_month_counts_and_not_the_newest(town):
    town.conn.execute(
        "UPDATE programmes_award SET to_day = '2026-10-31' WHERE household_id = %s", [town.parties["ana"]]
    )
    town.award("inclusion", "ana", "900.00", since=date(2026, 11, 1))
    assert decided(town, town.prepare("inclusion"))["ana"][1] == 14200
    assert decided(town, town.prepare("inclusion", Month(2026, 11)))["ana"][1] == 22500


def test_a_programme_may_be_for_some_zones_and_income_bands_only(town):
    town.programme("centre", fund="aid", rule={"zones": ["centre"], "income_bands": ["a"]})
    town.household("joana", zone="centre", income_band="b")
    town.award("centre", "joana", "400.00")
    town.award("centre", "ana", "400.00")
    found = decided(town, town.prepare("centre"))
    assert found["joana"][2] == ["entitlement.income-band"]
    assert found["ana"][2] == ["entitlement.not-in-zone", "entitlement.income-band"]


def test_later_changes_do_not_rewrite_what_was_decided(town):
    cycle = town.prepare("inclusion")
    town.conn.execute("UPDATE programmes_award SET monthly_minor = 1")
    town.conn.execute("UPDATE programmes_programme SET share_numerator = 1, share_denominator = 1")
    assert town.prepare("inclusion") == cycle
    assert decided(town, cycle)["ana"][:2] == ("due", 14200)
    kept = {one.party_id: one for one in queries.entitlements(town.conn, town_id=town.id, cycle_id=cycle.id)}
    assert kept[town.parties["ana"]].snapshot["monthly_minor"] == 56801


def test_who_prepared_a_cycle_cannot_approve_it(town):
    cycle = town.prepare("inclusion")
    with pytest.raises(SamePerson):
        town.approve(cycle, OFFICER)
    assert queries.cycle(town.conn, town_id=town.id, cycle_id=cycle.id).state == "submitted"


def test_nothing_is_paid_before_a_second_person_approved(town):
    town.receive("aid", "1000.00")
    with pytest.raises(CycleNotInState):
        town.disburse(town.prepare("inclusion"))


def test_steps_may_be_repeated(town):
    town.receive("aid", "1000.00")
    approved = town.approve(town.prepare("inclusion"))
    assert town.approve(approved) == approved
    done = town.disburse(approved)
    assert town.disburse(done) == done
    assert town.prepare("inclusion") == done
    assert town.balance("ana", "aid") == "142.00"
    with pytest.raises(CycleNotInState):
        town.approve(done, "user:3")


def test_a_cancelled_month_can_be_prepared_anew_and_a_paid_one_not_cancelled(town):
    town.receive("aid", "1000.00")
    first = town.approve(town.prepare("inclusion"))
    cancel = {"town_id": town.id, "actor": OFFICER, "now": NOON}
    operations.cancel_cycle(town.conn, cycle_id=first.id, **cancel, reason="wrong list")
    with pytest.raises(CycleNotInState):
        town.disburse(first)
    second = town.prepare("inclusion")
    assert second.id != first.id
    done = town.disburse(town.approve(second))
    with pytest.raises(CycleNotInState):
        operations.cancel_cycle(town.conn, cycle_id=done.id, **cancel)
    assert town.broken() == []


def test_what_the_reserve_lacks_is_refused_and_nothing_is_issued(town):
    town.receive("aid", "266.99")
    cycle = town.approve(town.prepare("inclusion"))
    with pytest.raises(ReserveShort) as refused:
        town.disburse(cycle)
    assert refused.value.missing == Amount(1, "REC")
    assert queries.cycle(town.conn, town_id=town.id, cycle_id=cycle.id).state == "approved"
    assert books.totals(town.conn, town_id=town.id).issued == 0
    town.receive("aid", "0.01")
    assert town.disburse(cycle).state == "disbursed"
    assert town.reserve("aid") == "0.00"


def test_cycles_of_a_fund_cannot_be_approved_beyond_its_budget(town):
    town.conn.execute("UPDATE programmes_fund SET budget_minor = 53399")
    town.approve(town.prepare("inclusion"))
    with pytest.raises(BudgetExceeded) as refused:
        town.approve(town.prepare("inclusion", Month(2026, 11)))
    assert (refused.value.committed.minor, refused.value.asked.minor) == (26700, 26700)


def test_a_household_erased_after_the_list_was_approved_is_not_paid_and_its_money_returns(town, tmp_path):
    town.receive("aid", "1000.00")
    cycle = town.approve(town.prepare("inclusion"))
    vault = Vault(town.conn, Secrets.load(tmp_path))
    vault.erase(town.parties["laia"], actor=OFFICER, reason="asked", at=NOON)
    done = town.disburse(cycle)
    assert (done.total_minor, done.paid, done.refused, done.failed) == (16700, 2, 1, 1)
    assert failed(town, done) == {"laia": "entitlement.household-erased"}
    assert town.reserve("aid") == "833.00"
    assert town.broken() == []


def test_two_programmes_on_one_fund_have_an_escrow_each(town):
    town.programme("extra", fund="aid", share=(1, 1), floor="0")
    town.award("extra", "ana", "10.00")
    town.receive("aid", "1000.00")
    town.disburse(town.approve(town.prepare("inclusion")))
    town.disburse(town.approve(town.prepare("extra")))
    assert town.balance("ana", "aid") == "152.00"
    holders = {account.holder for account in books.accounts_of_kind(town.conn, town_id=town.id, kind="escrow")}
    assert holders == set(town.programmes.values())


def test_a_cycle_belongs_to_its_town(town):
    cycle = town.prepare("inclusion")
    with pytest.raises(CycleNotFound):
        operations.approve_cycle(town.conn, town_id=town.id + 1, cycle_id=cycle.id, actor=APPROVER, now=NOON)


def test_unspent_money_is_swept_back_after_the_last_day_and_not_before(town):
    town.shop("forn", zone="besos")
    town.receive("aid", "1000.00")
    town.disburse(town.approve(town.prepare("inclusion")))
    payment = town.pay_for("ana", "forn", "42.00")
    sweep = {"town_id": town.id, "fund_id": town.funds["aid"], "actor": "job:sweep"}
    last_minute = datetime(2026, 12, 31, 22, 59, tzinfo=UTC)
    midnight = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    with pytest.raises(FundNotOver):
        operations.sweep_fund(town.conn, **sweep, now=last_minute)
    swept = operations.sweep_fund(town.conn, **sweep, now=midnight)
    assert (swept.purses, swept.minor) == (3, 22500)
    assert operations.sweep_fund(town.conn, **sweep, now=midnight).minor == 0
    town.give_back(payment, "2.00")
    assert operations.sweep_fund(town.conn, **sweep, now=midnight).minor == 200
    totals = books.totals(town.conn, town_id=town.id)
    assert (totals.issued, totals.expired, totals.outstanding) == (26700, 22700, 4000)
    assert town.reserve("aid") == "960.00"
    assert town.broken() == []


# When the books are not as a run left them


def pay_piece(town, cycle, at_most):
    return operations.disburse_some(
        town.conn, town_id=town.id, cycle_id=cycle.id, actor=OFFICER, now=NOON, at_most=at_most
    )


def own_accounts(town):
    escrow = ("escrow", town.programmes["inclusion"], town.funds["aid"])
    return escrow, ("reserve", town.party, town.funds["aid"])


def close(town, *account):
    ledger.close_account(town.conn, town_id=town.id, account=town.account(*account), at=NOON, actor="test")


def test_an_escrow_that_lacks_money_stops_the_run_and_every_household_stays_due(town):
    town.receive("aid", "267.00")
    cycle = town.approve(town.prepare("inclusion"))
    assert pay_piece(town, cycle, 1).paid == 1
    escrow, reserve = own_accounts(town)
    town.move("unissue", escrow, reserve, "10.00")
    with pytest.raises(InsufficientFunds):
        town.disburse(cycle)
    stopped = queries.cycle(town.conn, town_id=town.id, cycle_id=cycle.id)
    assert (stopped.state, stopped.paid, stopped.refused) == ("disbursing", 1, 1)
    assert [state for state, *_ in decided(town, cycle).values()].count("due") == 2
    town.move("issue", reserve, escrow, "10.00")
    done = town.disburse(cycle)
    assert (done.state, done.paid, town.reserve("aid")) == ("disbursed", 3, "0.00")


def test_a_closed_escrow_stops_the_run_and_is_not_mistaken_for_a_closed_purse(town):
    town.receive("aid", "267.00")
    cycle = town.approve(town.prepare("inclusion"))
    assert pay_piece(town, cycle, 2).paid == 2
    escrow, reserve = own_accounts(town)
    left = books.account(town.conn, town_id=town.id, kind=escrow[0], holder=escrow[1], fund=escrow[2])
    town.move("unissue", escrow, reserve, str(left.balance).removesuffix(" REC"))
    close(town, *escrow)
    with pytest.raises(AccountNotOpen):
        town.disburse(cycle)
    assert queries.cycle(town.conn, town_id=town.id, cycle_id=cycle.id).paid == 2


def test_an_id_of_the_cycle_that_paid_something_else_stops_the_run(town):
    town.receive("aid", "1000.00")
    cycle = town.approve(town.prepare("inclusion"))
    pay_piece(town, cycle, 1)
    owed = next(party for party in sorted(town.parties.values()) if decided_state(town, cycle, party) == "due")
    escrow, _ = own_accounts(town)
    ledger.transfer(
        town.conn, town_id=town.id, debit=town.account(*escrow), credit=town.account("purse", owed, town.funds["aid"]),
        amount=Amount(1, "REC"), code="disburse", id=line_of(town, cycle, owed).transfer_id,
        effective_at=NOON, actor="test",
    )  # fmt: skip
    with pytest.raises(KeyReused):
        town.disburse(cycle)
    assert decided_state(town, cycle, owed) == "due"


def line_of(town, cycle, party):
    found = queries.entitlements(town.conn, town_id=town.id, cycle_id=cycle.id)
    return next((line for line in found if line.party_id == party), None)


def decided_state(town, cycle, party):
    line = line_of(town, cycle, party)
    return line.state if line else None


def test_a_household_whose_purse_is_closed_fails_and_the_others_are_paid(town):
    town.receive("aid", "267.00")
    close(town, "purse", town.parties["laia"], town.funds["aid"])
    done = town.disburse(town.approve(town.prepare("inclusion")))
    assert (done.state, done.paid, done.refused, done.failed) == ("disbursed", 2, 1, 1)
    assert failed(town, done) == {"laia": "ledger.account-not-open"}
    assert town.reserve("aid") == "100.00"
    assert town.broken() == []


def test_what_could_not_be_paid_was_decided_as_it_would_be_today(town):
    town.receive("aid", "267.00")
    close(town, "purse", town.parties["laia"], town.funds["aid"])
    done = town.disburse(town.approve(town.prepare("inclusion")))
    assert failed(town, done) == {"laia": "ledger.account-not-open"}
    assert preparing.recheck(town.conn, town_id=town.id, cycle_id=done.id) == []


def test_a_household_whose_purse_is_full_fails_and_the_others_are_paid(town):
    town.receive("aid", "267.00")
    purse = NewAccount("purse", "REC", town.parties["laia"], town.funds["aid"], 0, ceiling_minor=9999)
    ledger.open_accounts(town.conn, town_id=town.id, accounts=[purse], at=NOON, actor="test")
    done = town.disburse(town.approve(town.prepare("inclusion")))
    assert (done.paid, failed(town, done)) == (2, {"laia": "ledger.ceiling-reached"})
    assert town.broken() == []


def test_a_sweep_into_a_closed_reserve_is_refused_and_sweeps_nothing(town):
    town.receive("aid", "267.00")
    town.disburse(town.approve(town.prepare("inclusion")))
    close(town, "reserve", town.party, town.funds["aid"])
    new_year = datetime(2027, 1, 1, 12, 0, tzinfo=UTC)
    with pytest.raises(AccountNotOpen):
        operations.sweep_fund(town.conn, town_id=town.id, fund_id=town.funds["aid"], actor="job:sweep", now=new_year)
    assert town.balance("ana", "aid") == "142.00"
    assert "fund.swept" not in town.audited()


def test_what_another_sweep_took_since_the_purses_were_read_stays_for_the_next_one(town, monkeypatch):
    """The other one read the purse before a refund and posts after this one has read it."""
    town.shop("forn", zone="besos")
    town.receive("aid", "267.00")
    town.disburse(town.approve(town.prepare("inclusion")))
    payment = town.pay_for("ana", "forn", "42.00")
    sweep = {"town_id": town.id, "fund_id": town.funds["aid"], "actor": "job:sweep"}
    sweep["now"] = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    find, post = sweeping.many, ledger.post
    batches = []

    def post_and_keep(conn, **batch):
        batches.append(batch)
        return post(conn, **batch)

    monkeypatch.setattr(ledger, "post", post_and_keep)
    town.conn.execute("SAVEPOINT before_the_other")
    operations.sweep_fund(town.conn, **sweep)
    town.conn.execute("ROLLBACK TO before_the_other")
    monkeypatch.setattr(ledger, "post", post)
    town.give_back(payment, "2.00")

    def read_then_wait(*args, **given):
        found = find(*args, **given)
        if batches:
            post(town.conn, **batches.pop())
        return found

    monkeypatch.setattr(sweeping, "many", read_then_wait)
    assert operations.sweep_fund(town.conn, **sweep).minor == 0
    assert town.balance("ana", "aid") == "2.00"
    assert operations.sweep_fund(town.conn, **sweep).minor == 200
    assert town.broken() == []


# Killed in the middle


@pytest.fixture
def many(database, conn):
    town = build(conn)
    town.fund("aid")
    town.programme("inclusion", fund="aid")
    for number in range(20):
        town.household(f"h{number}")
        town.award("inclusion", f"h{number}", f"{200 + number}.00")
    town.receive("aid", "2000.00")
    cycle = town.approve(town.prepare("inclusion"))
    conn.commit()
    return town, cycle


def test_a_run_killed_in_the_middle_ends_in_the_same_books_when_run_again(many, database):
    town, cycle = many
    run = subprocess.Popen(
        [sys.executable, "-m", "tests.programmes.disburse_in_pieces", database.app_url, str(town.id), str(cycle.id)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert run.stdin is not None
    assert run.stdout is not None
    for answer in ("commit", "commit", "wait"):
        assert run.stdout.readline() == "posted\n"
        run.stdin.write(f"{answer}\n")
        run.stdin.flush()
        if answer == "commit":
            assert run.stdout.readline() == "disbursing\n"
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    run.stdin.close()
    run.stdout.close()

    assert queries.cycle(town.conn, town_id=town.id, cycle_id=cycle.id).paid == 6
    assert town.broken() == []
    done = town.disburse(cycle)
    assert (done.state, done.paid, done.total_minor) == ("disbursed", 20, 104750)
    assert [town.balance(f"h{number}", "aid") for number in (0, 9, 19)] == ["50.00", "52.25", "54.75"]
    assert books.totals(town.conn, town_id=town.id).issued == 104750
    assert town.broken() == []


def test_eight_who_pay_out_one_cycle_at_once_pay_it_once(many, connect_again):
    town, cycle = many
    ready = Barrier(8)

    def one(_: int) -> str:
        with connect_again() as conn:
            ready.wait()
            try:
                state = operations.disburse_cycle(
                    conn, town_id=town.id, cycle_id=cycle.id, actor=OFFICER, now=NOON
                ).state
            except KoinonError as refused:
                return refused.code
            conn.commit()
            return state

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, range(8))) == ["disbursed"] * 8
    assert books.totals(town.conn, town_id=town.id).issued == 104750
    assert town.broken() == []


def test_two_who_prepare_one_month_at_once_prepare_it_once(many, connect_again):
    town, _ = many
    ready = Barrier(4)

    def one(number: int) -> object:
        with connect_again() as conn:
            ready.wait()
            found = operations.prepare_cycle(
                conn, town_id=town.id, programme_id=town.programmes["inclusion"], month=OCTOBER.next(),
                actor=f"user:{number}", now=NOON,
            )  # fmt: skip
            conn.commit()
            return found.id

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(one, range(4)))) == 1

"""A long list is paid in lanes side by side, and ends in the same books whatever happens on the way."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from koinon.ledger import operations as ledger
from koinon.ledger import queries as books
from koinon.ledger.types import NewAccount
from koinon.programmes import approving, funds, operations, queries, running
from koinon.programmes.errors import CycleStopped, ReserveShort
from tests.db.processes import until
from tests.programmes.small_town import NOON, OFFICER, build

TOTAL = 104750


@pytest.fixture
def many(database, conn, monkeypatch):
    """Twenty households in four lanes, approved and committed; the reserve holds more than enough."""
    monkeypatch.setattr(approving, "LINES_OF_A_LANE", 5)
    monkeypatch.setattr(running, "WORTH_ANOTHER", 1)
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


def piece(conn, town, cycle, size=2):
    return operations.disburse_some(
        conn, town_id=town.id, cycle_id=cycle.id, actor=OFFICER, now=NOON, at_most=size, with_others=True
    )


def escrows(town):
    return [account.balance.minor for account in books.accounts_of_kind(town.conn, town_id=town.id, kind="escrow")]


def states(town, cycle):
    found = queries.entitlements(town.conn, town_id=town.id, cycle_id=cycle.id)
    return [line.state for line in found]


def test_two_connections_pay_one_list_and_everybody_once(many):
    town, cycle = many
    told = []
    done = operations.pay_out(
        town.conn, town_id=town.id, cycle_id=cycle.id, actor=OFFICER, now=NOON, size=2, told=told.append
    )
    assert (done.state, done.paid, done.total_minor, done.failed) == ("disbursed", 20, TOTAL, 0)
    assert escrows(town) == [0, 0, 0, 0]
    assert books.totals(town.conn, town_id=town.id).issued == TOTAL
    assert [town.balance(f"h{number}", "aid") for number in (0, 9, 19)] == ["50.00", "52.25", "54.75"]
    assert told
    assert told[0].state == "disbursing"
    assert town.broken() == []


@pytest.mark.parametrize("seed", range(2))
def test_pieces_of_any_size_in_any_order_some_of_them_lost_end_in_the_same_books(many, connect_again, seed):
    """Two processes pay; each of their pieces is committed or, as when one is killed, comes to nothing."""
    town, cycle = many
    chance = random.Random(seed)
    with connect_again() as one, connect_again() as other:
        state = "approved"
        while state != "disbursed":
            conn = chance.choice((one, other))
            found = piece(conn, town, cycle, chance.randint(1, 4))
            if chance.random() < 0.4:
                conn.rollback()
                continue
            conn.commit()
            state = found.state
            assert states(town, cycle).count("paid") == found.paid
            if chance.random() < 0.3:
                assert town.broken() == []
    assert town.broken() == []
    assert (found.paid, found.paid_minor, escrows(town)) == (20, TOTAL, [0, 0, 0, 0])


def test_what_fails_in_a_lane_comes_back_and_is_tried_again(many, owner_conn):
    town, cycle = many
    for name in ("h2", "h17"):
        full = NewAccount("purse", "REC", town.parties[name], town.funds["aid"], 0, ceiling_minor=1)
        ledger.open_accounts(town.conn, town_id=town.id, accounts=[full], at=NOON, actor="test")
    town.conn.commit()
    step = {"town_id": town.id, "cycle_id": cycle.id, "actor": OFFICER, "now": NOON}
    done = operations.pay_out(town.conn, **step, size=3)
    assert (done.paid, done.failed, sorted(states(town, cycle)).count("failed")) == (18, 2, 2)
    assert escrows(town) == [0, 0, 0, 0]
    owner_conn.execute("UPDATE ledger.account SET ceiling_minor = NULL WHERE ceiling_minor = 1")
    owner_conn.commit()
    operations.retry_cycle(town.conn, **step)
    town.conn.commit()
    assert states(town, cycle).count("due") == 2
    assert town.broken() == []
    town.conn.commit()
    again = operations.pay_out(town.conn, **step)
    assert (again.paid, again.paid_minor, again.failed, states(town, cycle)) == (20, TOTAL, 0, ["paid"] * 20)
    assert town.broken() == []


def test_a_reserve_that_is_short_issues_into_no_lane_at_all(many):
    town, cycle = many
    town.move("withdraw", ("reserve", town.party, town.funds["aid"]), ("issuance", town.party, None), "1500.00")
    with pytest.raises(ReserveShort) as refused:
        piece(town.conn, town, cycle)
    assert (refused.value.available.minor, refused.value.asked.minor) == (50000, TOTAL)
    assert escrows(town) in ([], [0, 0, 0, 0])


def test_whoever_stops_a_run_waits_for_what_is_under_way_only(many, connect_again):
    town, cycle = many
    for _ in range(2):
        piece(town.conn, town, cycle)  # The first issues and pays nobody yet.
        town.conn.commit()
    with connect_again() as one, connect_again() as other, connect_again() as third, ThreadPoolExecutor(2) as pool:

        def stop():
            operations.stop_cycle(third, town_id=town.id, cycle_id=cycle.id, actor=OFFICER, now=NOON)
            third.commit()

        def pay():
            try:
                piece(other, town, cycle)
            finally:
                other.commit()

        piece(one, town, cycle)
        stopped = pool.submit(stop)
        waiting(town.conn, 1)
        late = pool.submit(pay)
        waiting(town.conn, 2)
        one.commit()
        stopped.result(60)
        with pytest.raises(CycleStopped):
            late.result(60)
    assert queries.cycle(town.conn, town_id=town.id, cycle_id=cycle.id).paid == 4
    assert town.broken() == []


def waiting(conn, sessions):
    def are_waiting():
        row = conn.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone()
        conn.commit()
        return row[0] == sessions

    until(are_waiting, seconds=60)


def test_a_list_that_was_submitted_without_lanes_is_paid_in_one(many, owner_conn):
    town, cycle = many
    owner_conn.execute("DELETE FROM programmes_lane")
    owner_conn.commit()
    assert town.disburse(cycle).paid == 20
    assert escrows(town) == [0]
    assert town.broken() == []


def test_a_marked_reserve_says_what_walking_all_of_it_says(many):
    town, cycle = many
    fund = {"town_id": town.id, "fund_id": town.funds["aid"]}

    def said():
        return funds.totals(town.conn, **fund), queries.committed_of_fund(town.conn, fund_id=fund["fund_id"])

    for step in (
        lambda: None,
        lambda: town.disburse(cycle),
        lambda: town.receive("aid", "12.34"),
        lambda: town.move("expire", ("purse", town.parties["h1"], fund["fund_id"]),
                          ("reserve", town.party, fund["fund_id"]), "1.00"),
    ):  # fmt: skip
        step()
        walked = said()
        funds.mark_reserves(town.conn, town_id=town.id)
        assert said() == walked
        funds.mark_reserves(town.conn, town_id=town.id)
        assert said() == walked
    (row,) = town.conn.execute(
        "SELECT received_minor, issued_minor, swept_minor FROM programmes_reservemark"
    ).fetchall()
    assert row == (201234, TOTAL, 100)
    assert "reserve_marks_are_true" not in {name for name, *_ in town.broken()}

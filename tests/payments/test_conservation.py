"""Whatever happens to a fund's money, swept + spent + held + left = issued."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koinon.kernel.errors import KoinonError
from koinon.programmes import funds, sweeping
from tests.payments.paying_town import NOON, PayingTown, build

LAST = NOON.date() + timedelta(days=1)
ACTS = st.tuples(
    st.sampled_from(["give", "pay", "pay", "pay", "hold", "capture", "release", "refund", "sweep", "pass-on"]),
    st.sampled_from(["ana", "pere"]),
    st.sampled_from(["0.01", "3.33", "5.00", "12.00"]),
    st.integers(0, 9),
)


@pytest.fixture
def town(conn) -> PayingTown:
    town = build(conn)
    town.fund("aid", rule={"chain": True, "share_of_price": "2/3"}, last_day=LAST)
    town.fund("own")
    for name in ("ana", "pere"):
        town.household(name)
        town.give(name, "own", "20.00")
    town.shop("forn")
    town.shop("farina")
    return town


class _Undo(Exception):
    pass


def spent(town: PayingTown, fund: str) -> int:
    """What purses of a fund paid, less what came back to them: counted line by line, apart from any balance."""
    row = town.conn.execute(
        "SELECT coalesce(sum(CASE WHEN t.reverses IS NULL THEN t.amount_minor ELSE -t.amount_minor END), 0) "
        "FROM ledger.transfer AS t INNER JOIN ledger.account AS purse ON purse.town_id = t.town_id "
        "AND purse.id = CASE WHEN t.reverses IS NULL THEN t.debit_account ELSE t.credit_account END "
        "WHERE t.code = 'pay' AND purse.kind = 'purse' AND purse.fund = %s",
        [town.funds[fund]],
    ).fetchone()
    assert row is not None
    return int(row[0])


def live(town: PayingTown, acts: list[tuple[str, str, str, int]]) -> int:
    """Do what is asked as far as it is allowed; how much was given."""
    paid, held, given_minor = [], [], 0
    for what, who, amount, pick in acts:
        try:
            match what:
                case "give":
                    town.give(who, "aid", amount)
                    given_minor += int(amount.replace(".", ""))
                case "pay":
                    paid.append(town.pay_for(who, "forn", amount))
                case "hold":
                    held.append(town.hold_for(who, "farina", amount))
                case "pass-on":
                    town.pay_for("forn", "farina", amount)
                case "capture" if held:
                    paid.append(town.capture(held.pop(pick % len(held)), None))
                case "release" if held:
                    town.let_go(held.pop(pick % len(held)))
                case "refund" if paid:
                    town.give_back(paid[pick % len(paid)], amount)
                case "sweep":
                    of = {"town_id": town.id, "fund_id": town.funds["aid"], "actor": "job:sweep"}
                    sweeping.sweep_fund(town.conn, now=NOON + timedelta(days=2 + pick), **of)
                    sweeping.unbind(town.conn, now=NOON + timedelta(days=2 + pick), **of)
        except KoinonError:
            continue
    return given_minor


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ACTS, min_size=4, max_size=16))
def test_swept_and_spent_and_held_and_left_are_what_was_issued(town, acts):
    try:
        with town.conn.transaction():
            given_minor = live(town, acts)
            found = funds.totals(town.conn, town_id=town.id, fund_id=town.funds["aid"])
            assert found.issued_minor == given_minor
            assert (
                found.swept_minor + spent(town, "aid") + found.held_minor + found.left_minor + found.waiting_minor
                == found.issued_minor
            )
            assert found.spent_minor == spent(town, "aid")
            assert found.reserve_minor == found.received_minor - found.issued_minor + found.swept_minor
            assert town.broken() == []
            raise _Undo
    except _Undo:
        pass


def test_half_aid_and_half_own_money_by_hand(town):
    """A worked month: 30.00 of aid at two thirds of a price, held, refunded, swept."""
    town.give("ana", "aid", "30.00")
    sale = town.pay_for("ana", "forn", "9.00")
    held = town.hold_for("ana", "farina", "3.00")
    town.give_back(sale, "3.00")
    find = {"town_id": town.id, "fund_id": town.funds["aid"]}
    before = funds.totals(town.conn, **find)
    assert (before.issued_minor, before.spent_minor, before.held_minor, before.left_minor) == (3000, 400, 200, 2400)
    sweeping.sweep_fund(town.conn, actor="job:sweep", now=NOON + timedelta(days=2), **find)
    town.let_go(held, at=NOON)
    after = funds.totals(town.conn, **find)
    assert (after.swept_minor, after.spent_minor, after.held_minor, after.left_minor) == (2400, 400, 0, 200)
    sweeping.sweep_fund(town.conn, actor="job:sweep", now=NOON + timedelta(days=3), **find)
    assert funds.totals(town.conn, **find).swept_minor == 2600
    assert town.broken() == []

"""A fund's rule changes forward in time only, and whoever has its money is told."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from koinon.jobs.timer import sweep_round
from koinon.programmes import funds, queries
from koinon.programmes.errors import ChangeNotWithdrawn, ChangeRefused
from koinon.programmes.funds import FundVersionView
from koinon.programmes.spending import SpendingRule
from tests.programmes.small_town import NOON, OFFICER, SmallTown, build

TODAY = NOON.date()
BOOKS = SpendingRule(sectors=frozenset({"books"}))


@pytest.fixture
def town(conn) -> SmallTown:
    town = build(conn)
    town.fund("aid", rule={"sectors": ["food"]}, last_day=date(2026, 12, 31))
    town.household("ana")
    town.household("pere")
    town.shop("forn")
    town.give("ana", "aid", "40.00")
    return town


def announce(town: SmallTown, from_day: date, rule: SpendingRule = BOOKS, **how: Any) -> FundVersionView:
    asked = {"last_day": date(2026, 12, 31), "reason": "voted on 1 October", "actor": OFFICER, "now": NOON} | how
    return funds.announce_change(
        town.conn, town_id=town.id, fund_id=town.funds["aid"], from_day=from_day, rule=rule, **asked
    )


def grounds(town: SmallTown, from_day: date, rule: SpendingRule = BOOKS, **how: Any) -> list[str]:
    with pytest.raises(ChangeRefused) as refused:
        announce(town, from_day, rule, **how)
    return [ground["code"] for ground in refused.value.fields["grounds"]]


def told(town: SmallTown) -> list[tuple[Any, ...]]:
    return town.conn.execute("SELECT kind, party, data FROM outbox.message ORDER BY at, kind").fetchall()


def test_a_change_is_announced_told_and_holds_from_its_day(town):
    change = announce(town, TODAY + timedelta(days=14))
    fund = queries.fund_by_code(town.conn, town_id=town.id, code="aid")
    assert fund.on(TODAY + timedelta(days=13)).rule == SpendingRule(sectors=frozenset({"food"}))
    assert fund.on(TODAY + timedelta(days=14)).rule == BOOKS
    assert announce(town, TODAY + timedelta(days=14)) == change
    assert told(town) == [
        (
            "fund.rule-changes",
            town.parties["ana"],
            {"from_day": "2026-10-19", "fund": str(town.funds["aid"]), "amount_minor": 4000},
        )
    ]
    (notice,) = funds.notices(town.conn, town_id=town.id, fund_id=town.funds["aid"])
    assert (notice.what, notice.day, notice.purses, notice.minor) == ("changing", change.from_day, 1, 4000)
    assert town.audited()[-2:] == ["fund.change-announced", "fund.notice-given"]
    assert town.broken() == []


def test_a_change_that_cannot_be_hears_every_ground(town):
    assert grounds(town, TODAY, SpendingRule(sectors=frozenset({"food"})), reason=" ") == [
        "change.too-soon",
        "change.nothing",
        "change.no-reason",
    ]
    assert grounds(town, date(2027, 1, 2), last_day=date(2027, 1, 1)) == ["change.over-before", "change.ends-before"]
    announce(town, TODAY + timedelta(days=30))
    assert grounds(town, TODAY + timedelta(days=20), SpendingRule()) == ["change.another-follows"]
    assert town.broken() == []


def test_a_change_is_taken_back_before_its_day_and_people_are_told_so(town):
    change = announce(town, TODAY + timedelta(days=14))
    asked = {"town_id": town.id, "fund_id": town.funds["aid"], "version_id": change.id, "reason": "x", "actor": OFFICER}
    with pytest.raises(ChangeNotWithdrawn):
        funds.withdraw_change(town.conn, now=NOON + timedelta(days=14), **asked)
    taken = funds.withdraw_change(town.conn, now=NOON, **asked)
    assert taken.withdrawn_at == NOON
    assert funds.withdraw_change(town.conn, now=NOON, **asked) == taken
    fund = queries.fund_by_code(town.conn, town_id=town.id, code="aid")
    assert fund.on(date(2026, 12, 1)).rule.sectors == frozenset({"food"})
    assert [kind for kind, *_ in told(town)] == ["fund.change-withdrawn", "fund.rule-changes"]
    announce(town, TODAY + timedelta(days=14), SpendingRule())
    assert town.broken() == []


def test_the_timer_tells_once_before_the_last_day_then_sweeps(database, town):
    town.pay("ana", "forn", "15.00")
    town.conn.commit()
    for day in (date(2026, 12, 16), date(2026, 12, 17), date(2026, 12, 31)):
        assert sweep_round(town.conn, now=NOON + (day - TODAY)) == 0
        assert len(told(town)) == (day > date(2026, 12, 16))
        town.conn.commit()
    assert told(town)[0][2] == {"last_day": "2026-12-31", "fund": str(town.funds["aid"]), "amount_minor": 2500}
    town.conn.commit()
    assert sweep_round(town.conn, now=NOON + (date(2027, 1, 1) - TODAY)) == 2500
    found = funds.totals(town.conn, town_id=town.id, fund_id=town.funds["aid"])
    assert (found.issued_minor, found.spent_minor, found.swept_minor, found.left_minor) == (4000, 1500, 2500, 0)
    assert town.reserve("aid") == "25.00"
    assert town.broken() == []


def test_a_last_day_that_was_moved_is_the_one_that_counts(database, town):
    announce(town, TODAY + timedelta(days=14), SpendingRule(sectors=frozenset({"food"})), last_day=date(2026, 10, 31))
    fund = queries.fund_by_code(town.conn, town_id=town.id, code="aid")
    assert fund.on(date(2026, 11, 1)).last_day == date(2026, 10, 31)
    town.conn.commit()
    assert sweep_round(town.conn, now=NOON + (date(2026, 10, 31) - TODAY)) == 0
    assert sweep_round(town.conn, now=NOON + (date(2026, 11, 1) - TODAY)) == 4000
    assert town.broken() == []

"""Many tills at once: never above the ceiling, never above anybody's most, and nobody waits in a ring."""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from psycopg import Connection

from koinon.campaigns import operations, queries
from koinon.db.batching import NotQuick
from koinon.db.lanes import Lane
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.payments import operations as payments
from koinon.payments.commands import Pay, RefundPayment
from koinon.payments.engine import Engine
from tests.campaigns.bonus_town import NOON, OFFICER, BonusTown, build, money

TILLS = 8


@pytest.fixture
def town(database, conn) -> BonusTown:
    town = build(conn)
    town.household("lopez")
    for person in ("ana", "marc"):
        town.person(person, household="lopez")
    for number in range(TILLS):
        town.person(f"p{number}")
    for shop in ("forn", "llibres"):
        town.shop(shop)
    for who in ("lopez", "ana", "marc", *(f"p{number}" for number in range(TILLS))):
        town.top_up(who, "400.00")
    town.pay("p7", "llibres", "1.00")  # Nobody is new to the books who writes at the same time as others.
    conn.commit()
    return town


def at_once(connect_again, work) -> list[str]:
    """Run ``work(conn, number)`` on eight connections at the same moment; every error but a refusal is the test's."""
    ready = Barrier(TILLS)

    def one(number: int) -> str:
        conn = connect_again()
        conn.execute("SELECT 1")
        conn.rollback()
        ready.wait()
        try:
            work(conn, number)
        except KoinonError as refused:
            conn.rollback()
            return refused.code
        conn.commit()
        return "posted"

    with ThreadPoolExecutor(TILLS) as tills:
        return sorted(tills.map(one, range(TILLS)))


def test_eight_purchases_at_once_share_what_is_left_and_no_cent_more(town, connect_again):
    campaign = town.campaign(percent=50, ceiling="33.33")
    town.conn.commit()

    def pay(conn: Connection, number: int) -> None:
        town.pay_for(f"p{number}", "forn", "20.00", conn=conn)

    assert at_once(connect_again, pay) == ["posted"] * TILLS
    bonuses = queries.bonuses(town.conn, town_id=town.id, campaign_id=campaign.id)
    assert sorted(bonus.amount_minor for bonus in bonuses) == [3_33, 10_00, 10_00, 10_00]
    assert town.granted(campaign) == "33.33"
    assert town.broken() == []


def test_a_person_and_their_household_at_once_get_the_most_and_no_cent_more(town, connect_again):
    town.campaign(percent=50, most="7.00", ceiling="500.00")
    town.conn.commit()

    def pay(conn: Connection, number: int) -> None:
        town.pay_for(("ana", "lopez")[number % 2], "forn", "6.00", conn=conn)

    assert at_once(connect_again, pay) == ["posted"] * TILLS
    total = sum(bonus.amount_minor for bonus in queries.bonuses(town.conn, town_id=town.id))
    assert total == 7_00
    assert town.broken() == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_happens_at_once_the_ceiling_holds_and_nobody_waits_in_a_ring(town, connect_again, seed):
    """Purchases from purses and tills, refunds, holds, top-ups and an end of the campaign, in any order."""
    campaign = town.campaign(percent=40, most="25.00", ceiling="60.00")
    topping = town.campaign("brought", fund="brought", on="topup", percent=10, ceiling="15.00")
    town.top_up("forn", "50.00")
    town.conn.commit()

    def work(conn: Connection, number: int) -> None:
        choose = random.Random(seed * 100 + number)
        mine = BonusTown(conn, town.id, town.party, town.parties, town.funds)
        made = []
        for turn in range(7):
            what = choose.choice(["pay", "pay", "pay", "refund", "top up", "shop pays", "capture", "let go"])
            who, shop = choose.choice(["ana", "marc", "lopez", "p1", "p2"]), choose.choice(["forn", "llibres"])
            amount = f"{choose.randint(100, 3000) / 100:.2f}"
            try:
                if what == "pay":
                    made.append(mine.pay_for(who, shop, amount))
                elif what == "refund" and made:
                    mine.give_back(choose.choice(made), choose.choice([None, "0.50"]))
                elif what == "top up":
                    mine.top_up(who, amount, key=f"{number}-{turn}")
                elif what == "shop pays":
                    mine.pay_for("forn", "llibres", "1.00")
                elif what == "capture":
                    held = mine.hold_for(who, shop, amount)
                    conn.commit()
                    made.append(mine.capture(held, None))
                elif what == "let go":
                    held = mine.hold_for(who, shop, amount)
                    conn.commit()
                    mine.let_go(held)
            except KoinonError:
                conn.rollback()
            else:
                conn.commit()
        if number == 0:
            operations.end(conn, town_id=town.id, campaign_id=campaign.id, at=NOON, actor=OFFICER)
            conn.commit()
        for party in operations.owing(conn, town_id=town.id):
            operations.collect(conn, town_id=town.id, party=party, at=NOON, actor=operations.TIMER)
            conn.commit()

    assert at_once(connect_again, work) == ["posted"] * TILLS
    for one in (campaign, topping):
        assert 0 < town.now(one).granted_minor <= one.terms.ceiling_minor
    assert town.broken() == []


def test_lanes_leave_purchases_of_a_campaign_to_whoever_grants_their_bonus(town, database_url):
    campaign = town.campaign(percent=50, ceiling="20.00")
    town.conn.commit()
    shop = town.parties["forn"]
    buys = [Pay(new_id(), town.parties[f"p{number}"], shop, money("10.00"), NOON, "till:1") for number in range(6)]

    async def all_at_once(engine: Engine) -> None:
        await asyncio.gather(*(engine.perform(town.id, buy) for buy in buys))
        refund = RefundPayment(new_id(), buys[0].id, None, NOON, "till:1")
        await engine.perform(town.id, refund)

    with Engine(database_url) as engine:
        asyncio.run(all_at_once(engine))
    bonuses = queries.bonuses(town.conn, town_id=town.id, campaign_id=campaign.id)
    assert sum(bonus.amount_minor for bonus in bonuses) == 20_00
    assert town.now(campaign).granted_minor in (15_00, 20_00)
    assert town.broken() == []


def test_bonus_money_that_a_refund_brings_back_after_the_end_is_not_left_by_a_lane(town, database_url):
    campaign = town.campaign(percent=50, ceiling="40.00")
    first = town.pay_for("p1", "forn", "20.00")
    second = town.pay_for("p1", "llibres", "10.00")  # Earns nothing itself.
    operations.end(town.conn, town_id=town.id, campaign_id=campaign.id, at=NOON, actor=OFFICER)
    town.give_back(first, None)
    town.conn.commit()
    back = RefundPayment(new_id(), second.id, None, NOON, "till:1")

    async def by_lane() -> None:
        lane = await Lane.open(database_url, "koinon test lanes")
        try:
            await payments.attempt_by(lane, town_id=town.id, commands=[back])
        finally:
            lane.close()

    with pytest.raises(NotQuick):
        asyncio.run(by_lane())
    payments.perform(town.conn, town_id=town.id, commands=[back])
    assert (town.balance("p1", "gift"), town.now(campaign).lost_minor) == ("0.00", 0)
    assert town.broken() == []

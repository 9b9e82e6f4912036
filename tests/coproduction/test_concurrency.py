"""However many verify at once, caps, budgets and limits hold, and nobody is rewarded twice."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from psycopg.rows import tuple_row

from koinon.coproduction import contributions
from koinon.db.connections import connect
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.programmes import operations as programmes
from koinon.programmes import queries as plans
from tests.coproduction import garden_town
from tests.coproduction.garden_town import COORDINATOR, TODAY, collection_point
from tests.db.processes import until
from tests.programmes.small_town import NOON

Again = Callable[[], Connection[Any]]


def each_on_its_own(tasks: list[Callable[[Connection[Any]], str]], connect_again: Again) -> list[str]:
    def run(task: Callable[[Connection[Any]], str]) -> str:
        conn = connect_again()
        try:
            with conn.transaction():
                return task(conn)
        except KoinonError as refused:
            return refused.code

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(run, tasks))


def test_eight_coordinators_at_once_keep_the_cap_and_the_budget(
    conn: Connection[Any], database: Any, connect_again: Again
) -> None:
    town = garden_town.build(conn)
    town.person("ana")
    town.person("rui")
    point = collection_point(town, budget="30.00")
    waits = [town.registers(who, point, 3_000, stream="glass") for who in ("ana", "rui") * 5]
    conn.commit()

    def verifies(number: int) -> Callable[[Connection[Any]], str]:
        def task(other: Connection[Any]) -> str:
            found = contributions.verify(
                other, town_id=town.id, contribution_id=waits[number % 10].id, actor=f"user:{910 + number}", at=NOON
            )
            return str(found.reward_minor)

        return task

    done = each_on_its_own([verifies(number) for number in range(16)], connect_again)

    paid = [int(each) for each in done if each.isdecimal()]
    assert len(paid) == 10
    assert done.count("coproduction.contribution-in-state") == 6
    assert sum(paid) == 30_00
    assert town.now(point).granted_minor == 30_00
    assert town.broken() == []


def test_a_reward_and_a_month_that_is_approved_at_once_keep_the_budget_of_their_fund(
    conn: Connection[Any], database: Any, connect_again: Again
) -> None:
    """One of them is not committed yet when the other one looks at what is left."""
    town = garden_town.build(conn)
    town.household("silva")
    point = collection_point(town, budget="30.00")
    town.programme("rent", fund="lixo", share=(1, 1), floor="0")
    town.award("rent", "silva", "25.00")
    month = town.submit(town.prepare("rent"))
    waits = town.registers("silva", point, 10_000, stream="glass")
    conn.commit()

    def approves(other: Connection[Any]) -> str:
        programmes.approve_cycle(other, town_id=town.id, cycle_id=month.id, actor="user:2", now=NOON)
        other.execute("SELECT pg_sleep(0.2)")
        return "approved"

    def verifies(other: Connection[Any]) -> str:
        found = contributions.verify(other, town_id=town.id, contribution_id=waits.id, actor=COORDINATOR, at=NOON)
        other.execute("SELECT pg_sleep(0.2)")
        return str(found.reward_minor)

    done = each_on_its_own([approves, verifies], connect_again)

    assert done in (["approved", "500"], ["programmes.budget-exceeded", "2000"])
    assert plans.committed_of_fund(town.conn, fund_id=town.funds["lixo"]) <= 30_00
    assert town.broken() == []


def test_a_reward_and_a_month_paid_in_one_transaction_never_wait_for_each_other_in_a_ring(
    conn: Connection[Any], database: Any, connect_again: Again, owner_conn: Connection[Any]
) -> None:
    """The reward goes from the purse to the reserve as accounts are locked, the month from the reserve to the purse."""
    town = garden_town.build(conn)
    town.household("silva")
    point = collection_point(town)
    town.brings("silva", point, 1_000, stream="glass")
    town.programme("rent", fund="lixo", share=(1, 1), floor="0")
    town.award("rent", "silva", "25.00")
    month = town.approve(town.prepare("rent"))
    waits = town.registers("silva", point, 2_000, stream="glass")
    conn.commit()
    verifying, paying = connect_again(), connect_again()

    def verifies() -> int | None:
        with verifying.transaction():
            return contributions.verify(
                verifying, town_id=town.id, contribution_id=waits.id, actor=COORDINATOR, at=NOON
            ).reward_minor

    def pays() -> str:
        with paying.transaction():
            return programmes.disburse_cycle(paying, town_id=town.id, cycle_id=month.id, actor="user:1", now=NOON).state

    def is_waiting(own: Connection[Any]) -> bool:
        row = owner_conn.execute("SELECT cardinality(pg_blocking_pids(%s))", [own.info.backend_pid]).fetchone()
        return row != (0,)

    with connect(database.owner_url) as blocker, ThreadPoolExecutor(2) as pool:
        purse = "SELECT FROM ledger.account WHERE town_id = %s AND kind = 'purse' AND holder = %s FOR UPDATE"
        blocker.execute(purse, [town.id, town.parties["silva"]])
        verified = pool.submit(verifies)
        until(lambda: is_waiting(verifying), seconds=60)
        paid = pool.submit(pays)
        until(lambda: is_waiting(paying), seconds=60)
        blocker.rollback()
        assert (verified.result(60), paid.result(60)) == (4_00, "disbursed")
    assert town.balance("silva", "lixo") == "31.00"
    assert town.broken() == []


def test_one_contribution_is_corrected_and_rewarded_anew_by_one_of_six(
    conn: Connection[Any], database: Any, connect_again: Again
) -> None:
    town = garden_town.build(conn)
    town.household("silva")
    point = collection_point(town)
    found = town.brings("silva", point, 1_000, stream="glass")
    conn.commit()
    ids = [new_id() for _ in range(3)]

    def corrects(number: int) -> Callable[[Connection[Any]], str]:
        def task(other: Connection[Any]) -> str:
            done = contributions.correct(
                other, town_id=town.id, contribution_id=found.id, quantity=2_000, new_id=ids[number % 3],
                reason="a wrong figure", actor=f"user:{910 + number % 3}", at=NOON,
            )  # fmt: skip
            return str(done.id)

        return task

    done = each_on_its_own([corrects(number) for number in range(6)], connect_again)

    assert done.count("coproduction.contribution-in-state") == 4
    [anew] = {each for each in done if each != "coproduction.contribution-in-state"}
    assert anew in map(str, ids)
    assert (town.balance("silva", "lixo"), town.now(point).granted_minor) == ("4.00", 4_00)
    assert town.broken() == []


def test_one_contribution_is_undone_once_while_its_purse_is_being_spent(
    conn: Connection[Any], database: Any, connect_again: Again
) -> None:
    town = garden_town.build(conn)
    town.household("silva")
    town.shop("forn")
    point = collection_point(town)
    found = town.brings("silva", point, 5_000, stream="glass")
    conn.commit()

    def undoes(other: Connection[Any]) -> str:
        undone = contributions.undo(
            other, town_id=town.id, contribution_id=found.id, reason="a mistake", actor=COORDINATOR, at=NOON
        )
        return f"undone {undone.taken_back}"

    def pays(other: Connection[Any]) -> str:
        town.pay_for("silva", "forn", "2.00", conn=other)
        return "paid"

    done = each_on_its_own([undoes, undoes, pays, pays, pays], connect_again)

    spent = done.count("paid") * 2_00
    assert {each for each in done if each.startswith("undone")} == {f"undone {10_00 - spent}"}
    assert town.broken() == []


def test_two_who_lend_at_once_cannot_pass_a_members_limit(
    conn: Connection[Any], database: Any, connect_again: Again
) -> None:
    from koinon.coproduction import timebank

    town = garden_town.build(conn)
    bank = town.time_bank(limit=2)
    for name in ("ana", "rui"):
        town.person(name)
        timebank.join(conn, town_id=town.id, bank_id=bank.id, party=town.parties[name], actor=COORDINATOR, at=NOON)
    conn.commit()

    done = each_on_its_own([lambda other: town.gives_time(bank, "ana", "rui", 60, conn=other)] * 5, connect_again)

    assert sorted(done) == ["coproduction.time-limit"] * 3 + ["done"] * 2
    assert town.broken() == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ana", "rui", "silva"]), st.sampled_from(["glass", "paper", "mixed"]),
        st.integers(1, 8_000), st.integers(1, 5), st.booleans(),
    ),
    max_size=12,
)  # fmt: skip


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_is_brought_and_undone_grants_equal_what_lies_in_purses(conn: Connection[Any], steps: Any) -> None:
    conn.execute("SAVEPOINT before")
    town = garden_town.build(conn)
    town.household("silva")
    for name in ("ana", "rui"):
        town.person(name, household="silva")
    point = collection_point(town, budget="40.00")
    town.cap(point, "day", amount="7.00", stream="glass")
    for who, stream, grams, day, wrong in steps:
        found = town.brings(who, point, grams, stream=stream, day=TODAY.replace(day=day))
        if wrong:
            town.undoes(found)

    granted = town.now(point).granted_minor
    assert 0 <= granted <= 40_00
    assert town.balance("silva", "lixo") == f"{granted // 100}.{granted % 100:02d}"
    with conn.cursor(row_factory=tuple_row) as cursor:
        most = cursor.execute(
            "SELECT coalesce(max(grams), 0) FROM (SELECT sum(rewarded_quantity) AS grams FROM coproduction.contribution"
            " WHERE state = 'verified' AND town_id = %s GROUP BY party) AS each",
            [town.id],
        ).fetchone()
    assert most is not None
    assert most[0] <= 10_000
    assert town.broken() == []
    conn.execute("ROLLBACK TO SAVEPOINT before")

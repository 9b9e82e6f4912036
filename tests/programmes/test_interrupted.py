"""A month's payment in two lanes is killed, cut, stopped, asked for twice and tried again: nobody is paid twice, nothing is lost."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from koinon.db import embedded
from koinon.db.connections import Database, connect
from koinon.db.errors import Unreachable
from koinon.kernel.identifiers import new_id
from koinon.ledger import operations as ledger
from koinon.ledger import queries as books
from koinon.ledger.types import NewAccount
from koinon.payments import operations as payments
from koinon.programmes import approving, operations, queries, running
from koinon.programmes.errors import CycleNotInState, CycleStopped
from koinon.programmes.types import CycleView
from tests import prepared
from tests.db.processes import server_of, until
from tests.programmes.small_town import NOON, OCTOBER, OFFICER, SmallTown, build, money

HOUSEHOLDS, TOTAL = 20, 1047_50
AFTER = datetime(2027, 1, 1, 12, tzinfo=UTC)  # The fund's last day has passed.
WITHIN_SECONDS = 60


@pytest.fixture(autouse=True)
def short_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approving, "LINES_OF_A_LANE", 5)
    monkeypatch.setattr(running, "WORTH_ANOTHER", 1)


def ready(conn: psycopg.Connection[Any]) -> tuple[SmallTown, CycleView]:
    """Twenty households in four lanes, approved and committed."""
    town = build(conn)
    town.fund("aid", last_day=date(2026, 12, 31))
    town.programme("inclusion", fund="aid")
    town.shop("forn")
    for number in range(HOUSEHOLDS):
        town.household(f"h{number}")
        town.award("inclusion", f"h{number}", f"{200 + number}.00")
    town.receive("aid", "3000.00")
    cycle = town.approve(town.prepare("inclusion"))
    conn.commit()
    return town, cycle


def pays_out(conn: psycopg.Connection[Any], town: SmallTown, cycle: CycleView) -> CycleView:
    return operations.pay_out(conn, town_id=town.id, cycle_id=cycle.id, actor=OFFICER, now=NOON, size=2)


def everybody_was_paid_once(town: SmallTown, *cycles: CycleView) -> None:
    rows = town.conn.execute(
        "SELECT reference, count(*), count(DISTINCT id), count(DISTINCT credit_account), sum(amount_minor)::bigint "
        "FROM ledger.transfer WHERE code = 'disburse' GROUP BY reference"
    ).fetchall()
    once = (HOUSEHOLDS, HOUSEHOLDS, HOUSEHOLDS, TOTAL)
    assert {row[0]: row[1:] for row in rows} == {f"cycle:{cycle.id}": once for cycle in cycles}
    escrows = books.accounts_of_kind(town.conn, town_id=town.id, kind="escrow")
    assert {account.balance.minor for account in escrows} == {0}
    assert town.broken() == []


# The server


@pytest.mark.parametrize("victim", ["a lane", "the whole server"])
def test_a_run_whose_server_was_killed_under_two_lanes_goes_on_when_it_is_back(tmp_path: Path, victim: str) -> None:
    """Then it is spent, held and swept: together it is what was issued."""
    root = tmp_path / "var"
    prepared.copy_to(root)
    with embedded.running(root) as server:
        url = server.url("koinon_app")
        owner = server.url("postgres")
        with closing(connect(url)) as conn, closing(connect(owner)) as blocker, closing(connect(owner)) as watching:
            watching.autocommit = True  # What a transaction has seen of the others it sees again.
            town, cycle = ready(conn)
            purse = NewAccount("purse", "REC", town.parties["h11"], town.funds["aid"], 0)
            [account] = ledger.open_accounts(conn, town_id=town.id, accounts=[purse], at=NOON, actor="test")
            conn.commit()
            blocker.execute(
                "SELECT id FROM ledger.account WHERE town_id = %s AND id = %s FOR UPDATE", [town.id, account]
            )

            def kill() -> None:
                """As soon as a lane stands in the middle of its piece."""
                stuck = "SELECT pid FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
                found = until(
                    lambda: watching.execute(stuck, [blocker.info.backend_pid]).fetchone(), seconds=WITHIN_SECONDS
                )
                os.kill(found[0] if victim == "a lane" else server_of(root), signal.SIGKILL)

            killer = threading.Thread(target=kill)
            killer.start()
            with pytest.raises(psycopg.OperationalError):
                pays_out(conn, town, cycle)
            killer.join()
        with again(url) as conn:
            town = replace(town, conn=conn)
            found = queries.cycle(conn, town_id=town.id, cycle_id=cycle.id)
            assert (found.state, found.paid < HOUSEHOLDS) == ("disbursing", True)
            assert town.broken() == []
            conn.commit()
            done = pays_out(conn, town, cycle)
            assert (done.state, done.paid, done.total_minor, done.failed) == ("disbursed", HOUSEHOLDS, TOTAL, 0)
            everybody_was_paid_once(town, cycle)
            assert spent_held_and_swept(town) == TOTAL


def spent_held_and_swept(town: SmallTown) -> int:
    town.pay_for("h0", "forn", "30.00")
    hold = {"town_id": town.id, "actor": "till:1", "payer": town.parties["h1"], "payee": town.parties["forn"]}
    payments.place_hold(
        town.conn, hold_id=new_id(), amount=money("10.00"), effective_at=NOON, lapses_at=AFTER.replace(day=5), **hold
    )  # fmt: skip
    swept = operations.sweep_fund(
        town.conn, town_id=town.id, fund_id=town.funds["aid"], actor="job:sweep", now=AFTER
    ).minor
    assert swept == TOTAL - 30_00 - 10_00
    assert books.totals(town.conn, town_id=town.id).issued == TOTAL
    assert town.broken() == []
    return swept + 30_00 + 10_00


@contextmanager
def again(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection, once the server is back."""

    def attempt() -> psycopg.Connection[Any] | None:
        with suppress(Unreachable):
            return connect(url)
        return None

    with until(attempt, seconds=WITHIN_SECONDS) as conn:
        yield conn


# People


@pytest.mark.parametrize("seed", range(2))
def test_two_officers_who_press_at_once_while_one_stops_it_and_lines_are_cut_pay_it_once(
    database: Any, conn: Any, connect_again: Any, owner_conn: Any, seed: int
) -> None:
    town, cycle = ready(conn)
    chance = random.Random(seed)
    step: dict[str, Any] = {"town_id": town.id, "cycle_id": cycle.id, "actor": OFFICER, "now": NOON}
    outcomes: Counter[str] = Counter()
    stopped = []  # On a busy machine the other one may have paid everybody before it came to that.

    def stops() -> None:
        with connect_again() as own, suppress(CycleNotInState):
            stopped.append(operations.stop_cycle(own, **step))

    def cuts() -> None:
        owner_conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = 'koinon tests' AND pid <> %s ORDER BY md5(pid::text || %s) LIMIT 2",
            [conn.info.backend_pid, str(chance.random())],
        )

    first = threading.Event()  # One of them has begun.

    def presses(officer: str, meddles: Callable[[], None] | None, after: int) -> None:
        """``meddles`` happens once this officer's own connection has paid so many pieces."""
        pieces = itertools.count(1)

        def told(_: CycleView) -> None:
            first.set()
            if next(pieces) == after and meddles is not None:
                meddles()

        if officer != OFFICER:
            assert first.wait(WITHIN_SECONDS)
        try:
            with connect_again() as own:
                operations.pay_out(own, **(step | {"actor": officer}), size=1, told=told)
        except (CycleStopped, psycopg.OperationalError) as refused:
            outcomes[type(refused).__name__] += 1

    for meddles, after in [(stops, 1), (cuts, chance.randint(1, 3)), (cuts, chance.randint(1, 3)), (None, 0)]:
        with ThreadPoolExecutor(2) as pool:
            working = [
                pool.submit(presses, OFFICER, meddles, after),
                pool.submit(presses, "user:3", None, 0),
            ]
            for each in working:
                each.result(WITHIN_SECONDS)
        found = queries.cycle(conn, town_id=town.id, cycle_id=cycle.id)
        assert town.broken() == []
        if found.stopped_at is not None and found.state == "disbursing":
            operations.resume_cycle(conn, **step)
        conn.commit()
    assert (outcomes["CycleStopped"] > 0) == (stopped != [])
    assert (found.state, found.paid, found.paid_minor) == ("disbursed", HOUSEHOLDS, TOTAL)
    everybody_was_paid_once(town, cycle)


def test_what_failed_is_tried_again_while_the_next_month_is_paid_and_stopped(
    database: Any, conn: Any, connect_again: Any, owner_conn: Any
) -> None:
    """Both months of a programme are paid from the same escrows."""
    town, october = ready(conn)
    for name in ("h2", "h17"):
        full = NewAccount("purse", "REC", town.parties[name], town.funds["aid"], 0, ceiling_minor=1)
        ledger.open_accounts(conn, town_id=town.id, accounts=[full], at=NOON, actor="test")
    conn.commit()
    assert pays_out(conn, town, october).failed == 2
    owner_conn.execute("UPDATE ledger.account SET ceiling_minor = NULL WHERE ceiling_minor = 1")
    november = town.approve(town.prepare("inclusion", OCTOBER.next()))
    conn.commit()

    def tries_again() -> CycleView:
        with connect_again() as own:
            operations.retry_cycle(own, town_id=town.id, cycle_id=october.id, actor=OFFICER, now=NOON)
            own.commit()
            return pays_out(own, town, october)

    def pays_the_next() -> None:
        with connect_again() as own, suppress(CycleStopped):
            pays_out(own, town, november)

    def stops_the_next() -> None:
        with connect_again() as own, suppress(CycleNotInState):
            operations.stop_cycle(own, town_id=town.id, cycle_id=november.id, actor=OFFICER, now=NOON)

    with ThreadPoolExecutor(3) as pool:
        asked = [pool.submit(each) for each in (tries_again, pays_the_next, stops_the_next)]
        found, *_ = (each.result(WITHIN_SECONDS) for each in asked)
    assert found is not None
    assert (found.state, found.paid, found.failed) == ("disbursed", HOUSEHOLDS, 0)
    assert town.broken() == []
    conn.commit()
    if queries.cycle(conn, town_id=town.id, cycle_id=november.id).stopped_at is not None:
        operations.resume_cycle(conn, town_id=town.id, cycle_id=november.id, actor=OFFICER, now=NOON)
    conn.commit()
    assert pays_out(conn, town, november).paid == HOUSEHOLDS
    everybody_was_paid_once(town, october, november)


def test_two_months_of_a_programme_that_share_its_escrow_never_wait_for_each_other_in_a_ring(
    database: Database, conn: Any, connect_again: Any, owner_conn: Any
) -> None:
    """One ends: it has paid from the escrow and gives back to the reserve. The other one begins: from the reserve to the escrow."""
    town, october = ready(conn)
    for name in ("h2", "h17"):
        full = NewAccount("purse", "REC", town.parties[name], town.funds["aid"], 0, ceiling_minor=1)
        ledger.open_accounts(conn, town_id=town.id, accounts=[full], at=NOON, actor="test")
    conn.commit()
    assert pays_out(conn, town, october).failed == 2
    owner_conn.execute("UPDATE ledger.account SET ceiling_minor = NULL WHERE holder = %s", [town.parties["h2"]])
    operations.retry_cycle(conn, town_id=town.id, cycle_id=october.id, actor=OFFICER, now=NOON)
    november = town.approve(town.prepare("inclusion", OCTOBER.next()))
    conn.commit()
    beginning, ending = connect_again(), connect_again()

    def piece(own: psycopg.Connection[Any], cycle: CycleView) -> CycleView:
        with own.transaction():
            return operations.disburse_some(own, town_id=town.id, cycle_id=cycle.id, actor=OFFICER, now=NOON)

    def waits(own: psycopg.Connection[Any]) -> bool:
        row = owner_conn.execute("SELECT cardinality(pg_blocking_pids(%s))", [own.info.backend_pid]).fetchone()
        return bool(row[0])

    with connect(database.owner_url) as blocker, ThreadPoolExecutor(2) as pool:
        reserve = "SELECT id FROM ledger.account WHERE town_id = %s AND kind = 'reserve' FOR UPDATE"
        blocker.execute(reserve, [town.id])
        begun = pool.submit(piece, beginning, november)
        until(lambda: waits(beginning), seconds=WITHIN_SECONDS)
        ended = pool.submit(piece, ending, october)
        until(lambda: waits(ending), seconds=WITHIN_SECONDS)
        blocker.rollback()
        assert begun.result(WITHIN_SECONDS).paid == 5  # Its first lane.
        done = ended.result(WITHIN_SECONDS)
    assert (done.state, done.paid, done.failed) == ("disbursed", HOUSEHOLDS - 1, 1)
    assert town.broken() == []


def test_nobody_holds_the_reserve_while_a_purse_is_waited_for_nor_a_purse_while_the_reserve_is(
    database: Database, conn: Any, connect_again: Any, owner_conn: Any
) -> None:
    """A sweep, or an undone reward, holds purses and goes on to the reserve: it shall meet nobody who came the other way."""
    town, cycle = ready(conn)
    for name, ceiling in (("h0", None), ("h2", 1), ("h17", 1)):
        wanted = NewAccount("purse", "REC", town.parties[name], town.funds["aid"], 0, ceiling_minor=ceiling)
        ledger.open_accounts(conn, town_id=town.id, accounts=[wanted], at=NOON, actor="test")
    conn.commit()

    def while_it_waits(held: str, looked_at: str) -> int:
        """How many accounts of one kind can be locked while paying out waits for those of the other."""
        lock = "SELECT id FROM ledger.account WHERE town_id = %s AND kind = %s::ledger.account_kind FOR UPDATE"
        stuck = "SELECT FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
        with connect(database.owner_url) as blocker, ThreadPoolExecutor(1) as pool, connect_again() as own:
            blocker.execute(lock, [town.id, held])
            paying = pool.submit(pays_out, own, town, cycle)
            until(lambda: owner_conn.execute(stuck, [blocker.info.backend_pid]).rowcount, seconds=WITHIN_SECONDS)
            free = owner_conn.execute(f"{lock} SKIP LOCKED", [town.id, looked_at]).rowcount
            blocker.rollback()
            assert paying.result(WITHIN_SECONDS).state == "disbursed"
        return free

    assert while_it_waits("purse", "reserve") == 1
    owner_conn.execute("UPDATE ledger.account SET ceiling_minor = NULL WHERE holder = %s", [town.parties["h2"]])
    operations.retry_cycle(conn, town_id=town.id, cycle_id=cycle.id, actor=OFFICER, now=NOON)
    conn.commit()
    assert while_it_waits("reserve", "purse") == HOUSEHOLDS
    assert town.broken() == []

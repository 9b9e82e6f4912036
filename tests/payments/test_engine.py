"""One posting path for everybody: collected, committed, then told."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections import Counter

import psycopg
import pytest

from koinon.db.connections import connect
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import id_under, new_id
from koinon.payments import engine as engines
from koinon.payments import queries
from koinon.payments.commands import CaptureHold, Command, Pay, PlaceHold, RefundPayment
from koinon.payments.engine import Engine
from koinon.payments.errors import Busy
from koinon.payments.types import Payment
from tests.payments.paying_town import NOON, PayingTown, build, money


@pytest.fixture
def engine(database_url):
    with Engine(database_url) as engine:
        yield engine


async def code(engine: Engine, town: PayingTown, command: Command) -> str:
    try:
        await engine.perform(town.id, command)
    except KoinonError as refused:
        return refused.code
    return "posted"


def test_an_answer_is_given_after_the_commit(town, engine, connect_again):
    asked = town.asks("ana", "forn", "3.00")
    done = asyncio.run(engine.perform(town.id, asked))
    assert queries.payment(connect_again(), town_id=town.id, payment_id=asked.id) == done
    assert asyncio.run(engine.perform(town.id, asked)) == done


def test_many_who_ask_at_once_share_batches_and_limits_hold(town, engine):
    async def all_of_it():
        return await asyncio.gather(*(code(engine, town, town.asks("ana", "forn", "10.00")) for _ in range(40)))

    assert Counter(asyncio.run(all_of_it())) == {"posted": 5, "payments.not-payable": 35}
    assert town.balance("forn") == "150.00"
    assert town.broken() == []


def test_an_event_loop_performs_in_the_order_in_which_it_asks(town, engine):
    sale = town.asks("ana", "farina", "5.00")

    async def all_of_it():
        return await asyncio.gather(
            engine.perform(town.id, sale),
            engine.perform(town.id, RefundPayment(new_id(), sale.id, money("2.00"), NOON, "till:1")),
            engine.perform(town.id, town.asks("farina", "forn", "3.01")),
            engine.perform(town.id, town.asks("farina", "forn", "3.00")),
            return_exceptions=True,
        )

    said = [done.code if isinstance(done, KoinonError) else done.amount_minor for done in asyncio.run(all_of_it())]
    assert said == [500, 200, "payments.not-payable", 300]


def test_some_commands_stand_together_and_each_has_its_own_outcome(town, engine):
    hold = new_id()
    asked = [
        PlaceHold(
            hold, town.parties["ana"], town.parties["forn"], money("9.00"), NOON.replace(hour=20), NOON, "till:1"
        ),
        town.asks("ana", "forn", "42.00"),
        CaptureHold(new_id(), hold, None, NOON, "till:1"),
        Pay(new_id(), town.parties["ana"], town.parties["forn"], money("1.00"), NOON, "nobody's name"),
        town.asks("ana", "forn", "1.00"),
    ]
    done = asyncio.run(engine.perform_many(town.id, asked))
    assert [type(one).__name__ for one in done] == ["HeldPayment", "NotPayable", "Payment", "CheckViolation", "Payment"]
    assert asyncio.run(engine.perform_many(town.id, asked))[2] == done[2]
    assert asyncio.run(engine.perform_many(town.id, [])) == []
    assert town.balance("forn") == "110.00"


def test_a_poisoned_command_fails_alone(town, engine):
    poisoned = Pay(new_id(), town.parties["ana"], town.parties["forn"], money("1.00"), NOON, "nobody's name")
    good = [town.asks("ana", "forn", "1.00") for _ in range(6)]

    async def all_of_it():
        return await asyncio.gather(
            *(engine.perform(town.id, one) for one in [*good[:3], poisoned, *good[3:]]), return_exceptions=True
        )

    done = asyncio.run(all_of_it())
    assert [type(one).__name__ for one in done] == ["Payment"] * 3 + ["CheckViolation"] + ["Payment"] * 3
    assert town.balance("forn") == "106.00"


def test_what_the_books_refuse_in_a_batch_is_refused_alone(town, engine):
    """A payment from two purses whose second transfer would have an id that is somebody's already."""
    town.fund("bonus")
    town.give("ana", "bonus", "2.00")
    town.conn.commit()
    asked = [town.asks("ana", "forn", "1.00") for _ in range(5)]
    asked[3] = town.asks("ana", "forn", "49.00")
    asked[1] = Pay(id_under(asked[3].id, 1), asked[0].payer, asked[0].payee, money("0.50"), NOON, "till:1")
    said = asyncio.run(engine.perform_many(town.id, asked))
    assert [one.code if isinstance(one, KoinonError) else one.amount_minor for one in said] == [
        100, 50, 100, "payments.key-reused", 100,
    ]  # fmt: skip

    async def all_of_it():
        more = [town.asks("ana", "forn", "1.00"), asked[3], town.asks("ana", "forn", "1.00")]
        return await asyncio.gather(*(engine.perform(town.id, one) for one in more), return_exceptions=True)

    said = asyncio.run(all_of_it())
    assert [isinstance(one, Payment) for one in said] == [True, False, True]


def test_attempts_of_one_id_follow_each_other(town, engine, owner_conn):
    """A later attempt that is refused at once must not be followed by the earlier one's money."""
    asked, others = town.asks("ana", "forn", "30.00"), [town.asks("ana", "forn", "1.00") for _ in range(3)]
    ended = []

    async def attempt(number, commands):
        said = await engine.perform_many(town.id, commands)
        ended.append(number)
        return [isinstance(one, Payment) for one in said]

    async def all_of_it():
        with connect(engine._batcher.url) as lock:
            lock.execute("SELECT pg_advisory_xact_lock(19276, %s)", [town.id])  # The first attempt waits for this.
            first = asyncio.create_task(attempt(1, [others[0], asked]))
            await asyncio.sleep(0.2)
            second = asyncio.create_task(attempt(2, [asked, others[1]]))
            third = asyncio.create_task(attempt(3, [others[1], others[2]]))
            await asyncio.sleep(0.2)
            lock.rollback()
        return [await one for one in (first, second, third)]

    assert asyncio.run(all_of_it()) == [[True, True]] * 3
    assert ended.index(1) < ended.index(2)
    assert engine._attempts == {}


def test_attempts_of_one_id_are_bounded_as_well(town, database_url):
    asked = town.asks("ana", "forn", "30.00")

    async def all_of_it():
        with connect(database_url) as lock:
            lock.execute("SELECT pg_advisory_xact_lock(19276, %s)", [town.id])
            attempts = [asyncio.create_task(engine.perform(town.id, asked)) for _ in range(20)]
            await asyncio.sleep(0.2)
            lock.rollback()
        return await asyncio.gather(*attempts, return_exceptions=True)

    with Engine(database_url, most_waiting=5) as engine:
        said = Counter(type(one).__name__ for one in asyncio.run(all_of_it()))
    assert said == {"Payment": 6, "Busy": 14}
    assert town.balance("forn") == "130.00"


def test_an_attempt_that_its_caller_gave_up_is_followed_as_well(town, engine, monkeypatch):
    """Otherwise the second could be refused, and the first one's money move afterwards."""
    asked = town.asks("ana", "forn", "30.00")
    attempt, may_go_on = engines.operations.attempt, threading.Event()

    def late(*where, **what):
        may_go_on.wait(60)
        return attempt(*where, **what)

    async def all_of_it():
        first = asyncio.create_task(engine.perform(town.id, asked))  # By a writer: there is no lane yet.
        await asyncio.sleep(0.3)
        first.cancel()
        second = asyncio.create_task(engine.perform(town.id, asked))
        await asyncio.sleep(0.3)
        assert not second.done()
        may_go_on.set()
        return await second

    monkeypatch.setattr(engines.operations, "attempt", late)
    assert asyncio.run(all_of_it()).id == asked.id
    assert engine._attempts == {}
    assert town.balance("forn") == "130.00"


def test_towns_share_the_engine_and_nothing_else(town, engine):
    other = build(town.conn, slug="other")
    other.household("laia")
    other.shop("mill")
    other.fund("aid")
    other.give("laia", "aid", "5.00")
    other.conn.commit()

    async def all_of_it():
        return await asyncio.gather(
            engine.perform(town.id, town.asks("ana", "forn", "1.00")),
            engine.perform(other.id, other.asks("laia", "mill", "2.00")),
            engine.perform(other.id, town.asks("ana", "forn", "1.00")),
            return_exceptions=True,
        )

    mine, theirs, strange = asyncio.run(all_of_it())
    assert (mine.town_id, theirs.town_id, strange.code) == (town.id, other.id, "parties.not-found")


def test_when_too_much_is_waiting_the_caller_is_told_to_come_back(town, database_url):
    first, *others = [town.asks("ana", "forn", "1.00") for _ in range(8)]

    async def all_of_it(engine):
        with connect(database_url) as lock:
            lock.execute("SELECT pg_advisory_xact_lock(19276, %s)", [town.id])  # As when a month begins.
            written = asyncio.create_task(engine.perform(town.id, first))  # By a writer: there is no lane yet.
            async with asyncio.timeout(60):
                while not lock.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()[0]:
                    await asyncio.sleep(0.005)
            asked = [asyncio.create_task(engine.perform(town.id, one)) for one in others]
            await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            told = [one.exception() for one in asked if one.done()]
            lock.rollback()
        return told, await asyncio.gather(written, *asked, return_exceptions=True)

    with Engine(database_url, most_waiting=2, most_in_a_batch=1) as engine:
        told, said = asyncio.run(all_of_it(engine))
    assert [type(one) for one in told] == [Busy] * 5  # Two wait, at the writer or for a lane.
    assert min(one.retry_after_seconds for one in told) >= 1
    assert [type(one) for one in said] == [Payment] * 3 + [Busy] * 5


def test_a_batch_whose_connection_breaks_is_written_again_and_paid_once(town, database_url, owner_conn, monkeypatch):
    """The connection is cut after the posting and before the commit, the first time."""
    cut = []
    perform = engines.operations.attempt

    def cutting(conn, **asked):
        outcomes = perform(conn, **asked)
        if not cut:
            cut.append(conn.info.backend_pid)
            owner_conn.execute("SELECT pg_terminate_backend(%s)", [conn.info.backend_pid])
        return outcomes

    monkeypatch.setattr(engines.operations, "attempt", cutting)
    with Engine(database_url) as engine:
        done = asyncio.run(engine.perform(town.id, town.asks("ana", "forn", "4.00")))
    assert isinstance(done, Payment)
    assert cut
    assert town.balance("forn") == "104.00"
    assert town.broken() == []


def test_an_answer_that_was_lost_after_the_commit_is_found_by_its_id(town, database_url, monkeypatch):
    """The commit went through and the connection was cut before anybody heard of it."""
    lost = []
    commit = psycopg.Connection.commit

    def losing(conn):
        commit(conn)
        if conn.info.get_parameters().get("application_name") == "koinon payments" and not lost:
            lost.append(True)
            conn.close()
            raise psycopg.OperationalError("the connection is gone")

    monkeypatch.setattr(psycopg.Connection, "commit", losing)
    with Engine(database_url) as engine:
        done = asyncio.run(engine.perform(town.id, town.asks("ana", "forn", "4.00")))
    assert lost
    assert done.amount_minor == 400
    assert town.balance("forn") == "104.00"


def test_nothing_on_the_way_of_a_payment_imports_django():
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            (
                "import sys, koinon.payments.engine; "
                "print(sorted({name.split('.')[0] for name in sys.modules} & {'django', 'asgiref'}))"
            ),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"


def test_an_engine_opens_no_connection_before_it_is_asked(town, database_url):
    with Engine(database_url):
        pass
    asked = connect(database_url)
    assert asked.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'koinon payments' "
        "AND datname = current_database()"
    ).fetchone() == (0,)
    asked.close()

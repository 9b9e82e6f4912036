"""An event loop writes by itself, and what does not go as usual is finished by the writers: once, and told once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import DataError, OperationalError, errors
from structlog.testing import capture_logs

from koinon.db import batching
from koinon.db.arrays import Int4Array, UuidArray
from koinon.db.batching import Batcher, NotQuick
from koinon.db.connections import Database
from koinon.db.errors import NotSettled, Unreachable
from koinon.db.lanes import BEGIN, COMMIT, ROLLBACK, Lane, Rows
from tests.db.coins import Coin, Conn, coin_table, coins_in

NAME = "koinon test lanes"
PUT = """
    WITH put AS (
        INSERT INTO public.coin SELECT * FROM unnest(%(id)s::uuid[], %(worth)s::integer[])
        ON CONFLICT (id) DO UPDATE SET worth = coin.worth RETURNING id, worth
    )
    SELECT id, worth FROM put
"""


@dataclass
class Purse:
    """A table of coins, and how many batches each of the two ways has written."""

    url: str
    owner: Conn
    by_lane: int = 0
    by_writer: int = 0

    async def quick(self, lane: Lane, coins: Sequence[Coin]) -> list[int]:
        self.by_lane += 1
        values = {"id": UuidArray([coin.id for coin in coins]), "worth": Int4Array([coin.worth for coin in coins])}
        [found] = await lane.ask((PUT, values), ends=True)
        worth: dict[UUID, int] = dict(found.values)
        return [worth[coin.id] for coin in coins]

    def write(self, conn: Conn, coins: Sequence[Coin]) -> list[int]:
        self.by_writer += 1
        values = {"id": [coin.id for coin in coins], "worth": [coin.worth for coin in coins]}
        worth: dict[UUID, int] = dict(conn.execute(PUT, values).fetchall())
        return [worth[coin.id] for coin in coins]

    def coins(self) -> dict[UUID, int]:
        return coins_in(self.owner)

    def cut(self) -> None:
        """Cut every connection of the batcher."""
        self.owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [NAME])


@pytest.fixture
def purse(database: Database) -> Iterator[Purse]:
    with coin_table(database) as owner:
        yield Purse(database.app_url, owner)


async def warm(batcher: Batcher[Coin, int], purse: Purse) -> None:
    """Until there are lanes, the writers write."""
    while not purse.by_lane:
        await batcher.collect(Coin())
        await asyncio.sleep(0.005)


async def collect(batcher: Batcher[Coin, int], coins: Sequence[Coin], *, at_once: int = 40) -> list[int]:
    """What each coin is worth in the end, asked by so many who each wait for an answer before they ask again."""
    left, told = iter(coins), {}

    async def ask() -> None:
        for coin in left:
            told[coin.id] = await batcher.collect(coin)

    async with asyncio.timeout(60):
        await asyncio.gather(*(ask() for _ in range(at_once)))
    return [told[coin.id] for coin in coins]


def test_a_lane_answers_in_order_and_its_values_arrive_as_they_are(database: Database) -> None:
    now = datetime.now(UTC)
    values = {"number": 7, "text": "50 % off, naïve", "none": None, "id": UUID(int=9), "at": now}

    async def ask() -> list[Rows]:
        lane = await Lane.open(database.app_url, NAME)
        try:
            sql = "SELECT %(number)s::integer + %(number)s::integer AS twice, %(text)s::text, %(none)s::text, 7 %% 4"
            again = "SELECT %(id)s::uuid AS id, %(at)s::timestamptz AS at"
            await lane.ask((sql, values), (again, values), ends=True)
            return await lane.ask((sql, values), (again, values), ends=True)
        finally:
            lane.close()

    first, second = asyncio.run(ask())
    assert first.values == [(14, "50 % off, naïve", None, 3)]
    assert second.only() == {"id": UUID(int=9), "at": now}


def test_text_that_the_database_cannot_hold_is_refused_and_not_cut_short(database: Database) -> None:
    async def ask() -> None:
        lane = await Lane.open(database.app_url, NAME)
        try:
            with pytest.raises(DataError):
                await lane.ask(("SELECT %(text)s::text", {"text": "10\x0000"}), ends=True)
        finally:
            lane.close()

    asyncio.run(ask())


@pytest.mark.parametrize(("last", "kept"), [(COMMIT, 1), (ROLLBACK, 0)])
def test_pieces_between_begin_and_the_end_are_one_transaction(purse: Purse, last: Any, kept: int) -> None:
    async def ask() -> None:
        lane = await Lane.open(purse.url, NAME)
        put = ("INSERT INTO public.coin VALUES (%(id)s, 1)", {"id": uuid4()})
        await lane.ask(BEGIN, put)
        assert purse.coins() == {}
        await lane.ask(("SELECT 1", {}), last, ends=True)
        lane.close()

    asyncio.run(ask())
    assert len(purse.coins()) == kept


def test_a_lane_says_what_the_database_refused_and_keeps_nothing_of_it(purse: Purse) -> None:
    async def ask() -> None:
        lane = await Lane.open(purse.url, NAME)
        put = "INSERT INTO public.coin VALUES (%(id)s, %(worth)s::integer)"
        with pytest.raises(errors.CheckViolation):
            await lane.ask(
                (put, {"id": uuid4(), "worth": 1}), (put, {"id": uuid4(), "worth": 0}), ("SELECT 1", {}), ends=True
            )
        lane.close()

    asyncio.run(ask())
    assert purse.coins() == {}


def test_a_lane_whose_connection_is_gone_says_so(purse: Purse) -> None:
    async def ask(*, waiting: bool) -> None:
        lane = await Lane.open(purse.url, NAME)
        asking = asyncio.ensure_future(lane.ask(("SELECT pg_sleep(30)", {}), ends=True)) if waiting else None
        await asyncio.sleep(0.1)
        purse.cut()
        await asyncio.sleep(0.1)
        with pytest.raises(OperationalError):
            await (asking or lane.ask(("SELECT 1", {}), ends=True))
        lane.close()

    asyncio.run(ask(waiting=True))
    asyncio.run(ask(waiting=False))
    with pytest.raises(Unreachable):
        asyncio.run(Lane.open("postgresql:///none?host=/nowhere", NAME))


def test_what_an_event_loop_asks_is_written_by_its_lanes(purse: Purse) -> None:
    coins = [Coin(worth=1 + number) for number in range(2_000)]

    async def ask(batcher: Batcher[Coin, int]) -> list[int]:
        await warm(batcher, purse)
        before = purse.by_writer
        told = await collect(batcher, coins)
        assert purse.by_writer == before
        return told

    with Batcher(purse.url, purse.write, quick=purse.quick, application_name=NAME) as batcher:
        assert asyncio.run(ask(batcher)) == [coin.worth for coin in coins]
    assert purse.by_lane < 1_000  # They came together.
    assert {coin.id: coin.worth for coin in coins}.items() <= purse.coins().items()


def test_what_a_lane_cannot_do_is_done_by_the_writers_and_nobody_is_forgotten(purse: Purse) -> None:
    coins = [Coin(worth=1 + number) for number in range(1_000)]

    async def sometimes(lane: Lane, some: Sequence[Coin]) -> list[int]:
        if purse.by_lane % 3 == 2:
            purse.by_lane += 1
            await lane.ask(BEGIN, ("INSERT INTO public.coin VALUES (%(id)s, 99)", {"id": some[0].id}))
            raise NotQuick
        return await purse.quick(lane, some)

    async def ask(batcher: Batcher[Coin, int]) -> list[int]:
        await warm(batcher, purse)
        before = purse.by_writer
        told = await collect(batcher, coins)
        assert purse.by_writer > before
        return told

    with Batcher(purse.url, purse.write, quick=sometimes, application_name=NAME) as batcher:
        assert asyncio.run(ask(batcher)) == [coin.worth for coin in coins]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_batch_whose_lane_broke_is_written_again_and_there_once(purse: Purse, when: str) -> None:
    """Before its commit, or after it and before anybody was told."""
    coins = [Coin(worth=1 + number) for number in range(300)]

    async def breaking(lane: Lane, some: Sequence[Coin]) -> list[int]:
        if purse.by_lane % 4 == 3 and when == "before":
            purse.by_lane += 1
            purse.cut()
        told = await purse.quick(lane, some)
        if purse.by_lane % 4 == 3 and when == "after":
            raise OperationalError("cut")
        return told

    async def ask(batcher: Batcher[Coin, int]) -> list[int]:
        await warm(batcher, purse)
        return await collect(batcher, coins)

    with Batcher(purse.url, purse.write, quick=breaking, application_name=NAME) as batcher:
        assert asyncio.run(ask(batcher)) == [coin.worth for coin in coins]
    assert {coin.id: coin.worth for coin in coins}.items() <= purse.coins().items()


def test_while_connections_are_cut_again_and_again_everybody_is_told_right(purse: Purse) -> None:
    coins = [Coin(worth=1 + number) for number in range(3_000)]

    async def ask(batcher: Batcher[Coin, int]) -> list[int]:
        await warm(batcher, purse)

        async def cut() -> None:
            pause = 0.02
            while True:
                await asyncio.to_thread(purse.cut)
                await asyncio.sleep(pause)
                pause *= 1.1  # However slow the machine, something is written between two cuts in the end.

        cutting = asyncio.create_task(cut())
        try:
            return await collect(batcher, coins)
        finally:
            cutting.cancel()

    with Batcher(purse.url, purse.write, quick=purse.quick, application_name=NAME) as batcher:
        assert asyncio.run(ask(batcher)) == [coin.worth for coin in coins]
    assert {coin.id: coin.worth for coin in coins}.items() <= purse.coins().items()


def test_a_poisoned_item_fails_alone(purse: Purse) -> None:
    async def ask(batcher: Batcher[Coin, int]) -> list[int | BaseException]:
        await warm(batcher, purse)
        coins = [Coin(worth=worth) for worth in (1, 2, 0, 3)]
        return await asyncio.gather(*(batcher.collect(coin) for coin in coins), return_exceptions=True)

    with Batcher(purse.url, purse.write, quick=purse.quick, application_name=NAME) as batcher:
        first, second, poisoned, last = asyncio.run(ask(batcher))
    assert [first, second, last] == [1, 2, 3]
    assert isinstance(poisoned, errors.CheckViolation)


def test_stopping_finishes_what_was_taken(purse: Purse) -> None:
    coins = [Coin(worth=1 + number) for number in range(200)]

    async def ask(batcher: Batcher[Coin, int]) -> list[int]:
        await warm(batcher, purse)
        asking = [asyncio.create_task(batcher.collect(coin)) for coin in coins]
        await asyncio.sleep(0)
        await asyncio.to_thread(batcher.stop)
        async with asyncio.timeout(30):
            return list(await asyncio.gather(*asking))

    batcher = Batcher(purse.url, purse.write, quick=purse.quick, application_name=NAME)
    batcher.start()
    assert asyncio.run(ask(batcher)) == [coin.worth for coin in coins]


def test_what_a_loop_gives_up_too_late_is_told_that_it_is_not_settled(
    purse: Purse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "_LANES_CLOSE_WITHIN_SECONDS", 0.01)

    async def ask(batcher: Batcher[Coin, int]) -> list[int | BaseException]:
        await warm(batcher, purse)
        asking = [asyncio.create_task(batcher.collect(Coin())) for _ in range(40)]
        await asyncio.sleep(0)
        stopping = threading.Thread(target=batcher.stop)
        stopping.start()
        stopping.join()  # A loop that is busy with something else.
        async with asyncio.timeout(30):
            return await asyncio.gather(*asking, return_exceptions=True)

    batcher = Batcher(purse.url, purse.write, quick=purse.quick, application_name=NAME)
    batcher.start()
    assert {type(one) for one in asyncio.run(ask(batcher))} == {NotSettled}


def test_a_lane_that_cannot_be_had_is_not_asked_for_with_every_item(
    purse: Purse, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def none(url: str, name: str) -> Lane:
        asked.append(name)
        raise Unreachable(reason="too many connections")

    monkeypatch.setattr(Lane, "open", none)
    monkeypatch.setattr(batching, "_OPEN_A_LANE_AGAIN_AFTER_SECONDS", 600)
    coins = [Coin(worth=1 + number) for number in range(200)]
    with Batcher(purse.url, purse.write, quick=purse.quick, application_name=NAME) as batcher:
        assert asyncio.run(collect(batcher, coins, at_once=2)) == [coin.worth for coin in coins]
    assert len(asked) == batching._LANES


def test_a_defect_of_the_quick_way_is_reported_and_costs_nobody_anything(purse: Purse) -> None:
    async def defective(lane: Lane, some: Sequence[Coin]) -> list[int]:
        await purse.quick(lane, some)
        raise ZeroDivisionError

    async def ask(batcher: Batcher[Coin, int]) -> list[int]:
        await warm(batcher, purse)
        return await collect(batcher, [Coin(worth=5)])

    with capture_logs() as logged, Batcher(purse.url, purse.write, quick=defective, application_name=NAME) as batcher:
        assert asyncio.run(ask(batcher)) == [5]
    assert {line["event"] for line in logged} == {"lane_failed"}


def test_a_second_event_loop_and_the_threads_are_served_as_well(purse: Purse) -> None:
    async def ask(batcher: Batcher[Coin, int]) -> list[int]:
        await warm(batcher, purse)
        other, coin = asyncio.to_thread(asyncio.run, collect(batcher, [Coin(worth=5)])), Coin(worth=6)
        return [*await other, await batcher.collect(coin), await asyncio.wrap_future(batcher.submit(Coin(worth=7)))]

    with Batcher(purse.url, purse.write, quick=purse.quick, application_name=NAME) as batcher:
        assert asyncio.run(ask(batcher)) == [5, 6, 7]
        purse.by_lane = 0
        assert asyncio.run(ask(batcher)) == [5, 6, 7]  # After the first loop is closed, this one has lanes.

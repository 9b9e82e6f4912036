"""What many ask for at once is written as one batch, and everybody is told once, whatever happens to the connection."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import pytest

from koinon.db.batching import Batcher
from koinon.db.connections import Database
from koinon.db.errors import NotSettled, QueueFull
from tests.db.coins import Coin, Conn, coin_table, coins_in

NAME = "koinon test batches"


@dataclass
class Purse:
    """A table of coins, and what was asked of it: the sizes of the batches in their order."""

    url: str
    owner: Conn
    sizes: list[int] = field(default_factory=list)
    before: Callable[[Conn, int], None] = lambda conn, attempt: None
    after: Callable[[Conn, int], None] = lambda conn, attempt: None

    def write(self, conn: Conn, coins: Sequence[Coin]) -> list[int]:
        """Put coins down; what each is worth in the end. Repeatable: a coin that lies there stays as it is."""
        self.sizes.append(len(coins))
        self.before(conn, len(self.sizes))
        conn.execute(
            "INSERT INTO public.coin SELECT * FROM unnest(%s::uuid[], %s::integer[]) ON CONFLICT DO NOTHING",
            ([coin.id for coin in coins], [coin.worth for coin in coins]),
        )
        rows = dict(
            conn.execute("SELECT id, worth FROM public.coin WHERE id = ANY(%s)", ([coin.id for coin in coins],))
        )
        self.after(conn, len(self.sizes))
        return [rows[coin.id] for coin in coins]

    def batcher(self, **settings: Any) -> Batcher[Coin, int]:
        return Batcher(self.url, self.write, application_name=NAME, **settings)

    def kill(self, conn: Conn) -> None:
        self.owner.execute("SELECT pg_terminate_backend(%s, 5000)", (conn.info.backend_pid,))

    def coins(self) -> dict[UUID, int]:
        return coins_in(self.owner)


@pytest.fixture
def purse(database: Database) -> Iterator[Purse]:
    with coin_table(database) as owner:
        yield Purse(database.app_url, owner)


@dataclass
class Gate:
    """Holds the first batch up until it is opened."""

    reached: threading.Event = field(default_factory=threading.Event)
    opened: threading.Event = field(default_factory=threading.Event)

    def __call__(self, conn: Conn, attempt: int) -> None:
        if attempt == 1:
            self.reached.set()
            assert self.opened.wait(30)


def test_the_next_batch_fills_while_one_is_written(purse: Purse) -> None:
    purse.before = gate = Gate()
    with purse.batcher() as batcher:
        first = batcher.submit(Coin())
        assert gate.reached.wait(30)
        others = [batcher.submit(Coin(worth=number)) for number in range(1, 51)]
        assert not any(future.done() for future in [first, *others])
        gate.opened.set()
        assert [future.result(30) for future in others] == list(range(1, 51))
    assert purse.sizes == [1, 50]
    assert len(purse.coins()) == 51


def test_a_batch_holds_no_more_than_it_may(purse: Purse) -> None:
    purse.before = gate = Gate()
    with purse.batcher(most_in_a_batch=20) as batcher:
        futures = [batcher.submit(Coin())]
        assert gate.reached.wait(30)
        futures += [batcher.submit(Coin()) for _ in range(50)]
        gate.opened.set()
        wait(futures, 30)
    assert purse.sizes == [1, 20, 20, 10]


def test_a_lone_item_is_not_delayed(purse: Purse) -> None:
    def alone(conn: Conn) -> float:
        started = time.perf_counter()
        purse.write(conn, [Coin()])
        conn.commit()
        return time.perf_counter() - started

    with psycopg.connect(purse.url) as conn:
        by_hand = min(alone(conn) for _ in range(40))
    with purse.batcher() as batcher:
        batcher.submit(Coin()).result(30)  # Connects.
        taken = []
        for _ in range(40):
            started = time.perf_counter()
            batcher.submit(Coin()).result(30)
            taken.append(time.perf_counter() - started)
    assert set(purse.sizes) == {1}
    assert min(taken) < by_hand + 0.004  # A wait for company would be in each of them; a busy machine is not.


def test_one_more_than_may_wait_is_told_so_at_once_and_loses_nothing(purse: Purse) -> None:
    purse.before = gate = Gate()
    with purse.batcher(most_waiting=5) as batcher:
        futures = [batcher.submit(Coin())]
        assert gate.reached.wait(30)
        futures += [batcher.submit(Coin()) for _ in range(5)]
        with pytest.raises(QueueFull) as full:
            batcher.submit(Coin())
        assert full.value.retry_after_seconds > 0
        gate.opened.set()
        assert [future.result(30) for future in futures] == [1] * 6
        assert batcher.submit(Coin()).result(30) == 1
    assert len(purse.coins()) == 7


def test_a_connection_killed_before_the_commit_is_made_again_and_the_batch_written_again(purse: Purse) -> None:
    purse.after = lambda conn, attempt: purse.kill(conn) if attempt == 1 else None
    coin = Coin(worth=7)
    with purse.batcher() as batcher:
        assert batcher.submit(coin).result(30) == 7
        assert batcher.submit(Coin()).result(30) == 1
    assert purse.sizes == [1, 1, 1]
    assert purse.coins()[coin.id] == 7


def test_a_connection_killed_after_the_commit_and_before_its_answer_tells_what_was_committed(purse: Purse) -> None:
    def commit_and_die(conn: Conn, attempt: int) -> None:
        if attempt == 1:
            conn.commit()
            conn.execute("SELECT 1")  # A transaction is open, so that the batcher's commit finds the line dead.
            purse.kill(conn)

    purse.after = commit_and_die
    coin = Coin(worth=7)
    with purse.batcher() as batcher:
        assert batcher.submit(coin).result(30) == 7
    assert purse.sizes == [1, 1]
    assert purse.coins() == {coin.id: 7}


def test_everybody_is_told_once_while_connections_are_killed_again_and_again(purse: Purse) -> None:
    coins = [Coin(worth=1 + number % 50) for number in range(600)]
    told: Counter[tuple[UUID, int]] = Counter()
    counting, enough = threading.Lock(), threading.Event()

    def tell(coin: Coin, future: Future[int]) -> None:
        with counting:
            told[coin.id, future.result()] += 1

    def customer(mine: Sequence[Coin]) -> None:
        for coin in mine:
            if coin is mine[-1]:
                assert enough.wait(60)  # Nobody is done before some connections were killed.
            future = batcher.submit(coin)
            future.add_done_callback(lambda future, coin=coin: tell(coin, future))  # type: ignore[misc]
            future.result(60)

    purse.after = lambda conn, attempt: time.sleep(0.001)
    with purse.batcher(writers=2) as batcher, ThreadPoolExecutor(12) as customers:
        buying = [customers.submit(customer, coins[number::12]) for number in range(12)]
        kills, pause = 0, 0.02
        while not all(each.done() for each in buying):
            (dead,) = purse.owner.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = %s", (NAME,)
            ).fetchone() or (0,)
            kills += dead
            if kills >= 3:
                enough.set()
            time.sleep(pause)
            pause *= 1.05  # However slow the machine, something is written between two kills in the end.
        for each in buying:
            each.result()
    assert kills >= 3
    assert told == Counter({(coin.id, coin.worth): 1 for coin in coins})
    assert purse.coins() == {coin.id: coin.worth for coin in coins}


def test_stopping_finishes_what_was_taken_and_takes_no_more(purse: Purse) -> None:
    purse.before = gate = Gate()
    batcher = purse.batcher(most_in_a_batch=10)
    batcher.start()
    futures = [batcher.submit(Coin())]
    assert gate.reached.wait(30)
    futures += [batcher.submit(Coin()) for _ in range(25)]
    stopping = threading.Thread(target=batcher.stop)
    stopping.start()
    while True:  # From some moment on nothing more is taken.
        try:
            futures.append(batcher.submit(Coin()))
        except QueueFull:
            break
        time.sleep(0.001)
    gate.opened.set()
    stopping.join(30)
    assert not stopping.is_alive()
    assert all(future.done() and future.result() == 1 for future in futures)
    assert len(purse.coins()) == len(futures)


@pytest.mark.parametrize("where", ["database", "code"])
def test_a_poisoned_item_fails_alone(purse: Purse, where: str) -> None:
    gate = Gate()
    poisoned = Coin(worth=0 if where == "database" else 13)
    write = purse.write

    def wary(conn: Conn, coins: Sequence[Coin]) -> list[int]:
        found = write(conn, coins)
        if any(coin.worth == 13 for coin in coins):
            raise ValueError("thirteen")
        return found

    purse.write = wary  # type: ignore[method-assign]
    purse.before = gate
    with purse.batcher() as batcher:
        first = batcher.submit(Coin())
        assert gate.reached.wait(30)
        coins = [Coin(worth=2) for _ in range(4)] + [poisoned] + [Coin(worth=3) for _ in range(4)]
        futures = [batcher.submit(coin) for coin in coins]
        gate.opened.set()
        assert first.result(30) == 1
        for coin, future in zip(coins, futures, strict=True):
            if coin is poisoned:
                with pytest.raises(psycopg.errors.CheckViolation if where == "database" else ValueError):
                    future.result(30)
            else:
                assert future.result(30) == coin.worth
        assert batcher.submit(Coin(worth=5)).result(30) == 5
    assert poisoned.id not in purse.coins()


def test_a_deadlock_is_over_at_the_next_try(purse: Purse) -> None:
    def lose(conn: Conn, attempt: int) -> None:
        if attempt == 1:
            raise psycopg.errors.DeadlockDetected("deadlock detected")

    purse.after = lose
    coin = Coin()
    with purse.batcher() as batcher:
        assert batcher.submit(coin).result(30) == 1
    assert purse.sizes == [1, 1]


def test_while_the_database_is_away_nothing_is_told_and_then_that_nothing_is_known(purse: Purse) -> None:
    away = threading.Event()
    away.set()

    def gone(conn: Conn, attempt: int) -> None:
        if away.is_set():
            purse.kill(conn)

    purse.after = gone
    coin = Coin(worth=9)
    with purse.batcher(patience_seconds=0.3) as batcher:
        with pytest.raises(NotSettled):
            batcher.submit(coin).result(30)
        away.clear()
        assert batcher.submit(coin).result(30) == 9
    assert purse.coins() == {coin.id: 9}


def test_an_event_loop_collects_and_whoever_stops_waiting_stops_nothing(purse: Purse) -> None:
    purse.before = gate = Gate()
    coins = [Coin(worth=1 + number) for number in range(30)]

    async def ask(batcher: Batcher[Coin, int]) -> list[int | BaseException]:
        asking = [asyncio.create_task(batcher.collect(coin)) for coin in coins]
        while not gate.reached.is_set():
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)
        asking[0].cancel()
        asking[-1].cancel()
        gate.opened.set()
        return await asyncio.gather(*asking, return_exceptions=True)

    with purse.batcher() as batcher:
        first, *found, last = asyncio.run(ask(batcher))
    assert isinstance(first, asyncio.CancelledError)
    assert isinstance(last, asyncio.CancelledError)
    assert found == [coin.worth for coin in coins[1:-1]]
    assert purse.coins() == {coin.id: coin.worth for coin in coins}


def test_an_event_loop_that_ended_meanwhile_disturbs_nobody(purse: Purse) -> None:
    purse.before = gate = Gate()

    async def leave(batcher: Batcher[Coin, int]) -> None:
        asking = asyncio.create_task(batcher.collect(Coin(worth=4)))
        await asyncio.sleep(0.01)
        asking.cancel()

    with purse.batcher() as batcher:
        asyncio.run(leave(batcher))
        stays = batcher.submit(Coin(worth=6))
        gate.opened.set()
        assert stays.result(30) == 6
    assert sorted(purse.coins().values()) == [4, 6]

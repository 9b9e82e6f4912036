"""Many at once: no interleaving overspends, double-posts, waits in a ring or tells a story that no order explains."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier, Event
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations, seals
from koinon.ledger.errors import LedgerError
from koinon.ledger.types import Capture, Hold, NewAccount, Release, Request, Reversal, Transfer
from tests.ledger.model import POSTED, Books, ModelAccount
from tests.ledger.story import ACTOR, NOON, TOWN, Story, broken, check, said, seal_to_the_end

Conn = psycopg.Connection[Any]
Connect = Callable[[], Conn]
CONNECTIONS = 16
PURSE = """
    open bank issuance
    open reserve reserve
    open escrow escrow
    open ana purse
    open shop till
    receive bank reserve 100.00
    issue reserve escrow 100.00
    disburse escrow ana 100.00
"""


def spend_the_same_purse(connect_again: Connect) -> list[str]:
    """What goes wrong when sixteen tills spend 100.00 in 150 payments of 1.00, each till trying every id."""
    conn = connect_again()
    story = Story(conn)
    story.tell(PURSE)
    conn.commit()
    start = Barrier(CONNECTIONS)
    ids = [new_id() for _ in range(150)]

    def till(seed: int) -> list[tuple[UUID, str]]:
        own = connect_again()
        chance = random.Random(seed)
        mine = chance.sample(ids, len(ids))
        mine += chance.sample(ids, 30)
        start.wait()
        results: list[tuple[UUID, str]] = []
        for id in mine:
            request = Transfer(
                id, story.accounts["ana"], story.accounts["shop"], Amount(100, "LOC"), "pay", NOON, ACTOR
            )
            try:
                (outcome,) = operations.post(own, town_id=1, requests=[request])
                own.commit()
                results.append((id, said(outcome)))
            except psycopg.Error as failed:
                own.rollback()
                results.append((id, f"failed: {failed}"))
        return results

    with ThreadPoolExecutor(CONNECTIONS) as tills:
        results = [result for done in tills.map(till, range(CONNECTIONS)) for result in done]

    wrong = [f"the check {name} fails" for name in broken(conn)]
    wrong += sorted({outcome for _, outcome in results if outcome.startswith("failed")})
    told_first = Counter(id for id, outcome in results if outcome == "posted")
    if max(told_first.values()) > 1:
        wrong.append("two were told to be the first with an id")
    if {id for id, outcome in results if outcome == "replayed"} - set(told_first):
        wrong.append("an id was replayed that nobody posted")
    acknowledged = set(told_first)
    count, spent = conn.execute(
        "SELECT count(*), sum(amount_minor)::bigint FROM ledger.transfer WHERE code = 'pay'"
    ).fetchone() or (0, 0)
    if spent > 100_00:
        wrong.append(f"{spent} minor units were spent of 10000")
    if count != len(acknowledged):
        wrong.append(f"{count} payments are in the books and {len(acknowledged)} were acknowledged")
    if not wrong and spent != 100_00:
        wrong.append("the purse could still have paid")
    return wrong


def test_sixteen_connections_never_overspend_a_purse_or_post_an_id_twice(connect_again: Connect) -> None:
    assert spend_the_same_purse(connect_again) == []


def sabotage(owner: Conn, function: str, old: str, new: str) -> None:
    """Change the text of a function, as a careless edit would."""
    definition = owner.execute("SELECT pg_get_functiondef(%s::regproc)", (function,)).fetchone()
    assert definition is not None
    assert definition[0].count(old) == 1, f"{function} no longer says {old!r}"
    owner.execute(definition[0].replace(old, new))


def test_the_test_above_notices_when_the_accounts_are_not_locked(owner_conn: Conn, connect_again: Connect) -> None:
    sabotage(owner_conn, "ledger.post", "ORDER BY locked.id FOR NO KEY UPDATE", "ORDER BY locked.id")
    sabotage(owner_conn, "ledger.post_one", "ORDER BY acc.id FOR NO KEY UPDATE", "ORDER BY acc.id")
    assert spend_the_same_purse(connect_again) != []


def months(owner: Conn) -> list[str]:
    """The partitions of the journal."""
    return [
        name
        for (name,) in owner.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'ledger.journal'::regclass"
        )
    ]


def pay_under_one_id_from_everywhere(connect_again: Connect) -> list[str]:
    """What goes wrong when eight purses that have nothing to do with each other pay under the same ids."""
    conn = connect_again()
    story = Story(conn)
    purses = "".join(f"open p{n} purse\nopen t{n} till\ndisburse escrow p{n} 5.00\n" for n in range(8))
    story.tell(PURSE.replace("disburse escrow ana 100.00", purses))
    conn.commit()
    ids = [new_id() for _ in range(100)]
    start = Barrier(8)

    def payer(number: int) -> list[tuple[UUID, str]]:
        own, chance, results = connect_again(), random.Random(number), []
        debit, credit = story.accounts[f"p{number}"], story.accounts[f"t{number}"]
        start.wait()
        for place in range(0, 100, 4):
            some = ids[place : place + 4]
            chance.shuffle(some)
            batch: list[Request] = [Transfer(id, debit, credit, Amount(1, "LOC"), "pay", NOON, ACTOR) for id in some]
            outcomes = operations.post(own, town_id=1, requests=batch)
            time.sleep(0.002)
            own.commit()
            results += [(id, said(outcome)) for id, outcome in zip(some, outcomes, strict=True)]
        return results

    with ThreadPoolExecutor(8) as payers:
        results = [result for done in payers.map(payer, range(8)) for result in done]
    wrong = [f"the check {name} fails" for name in broken(conn)]
    outcomes = Counter(results)
    for id in ids:
        if (outcomes[id, "posted"], outcomes[id, "key-reused"]) != (1, 7):
            wrong.append(f"{id} was posted {outcomes[id, 'posted']} times")
    return wrong


def test_an_id_is_used_once_even_by_payers_who_never_meet(connect_again: Connect) -> None:
    assert pay_under_one_id_from_everywhere(connect_again) == []


def test_the_test_above_notices_when_ids_are_not_unique(owner_conn: Conn, connect_again: Connect) -> None:
    check(connect_again(), TOWN).conn.commit()
    for month in months(owner_conn):
        owner_conn.execute(f"DROP INDEX {month}_id".encode())
    assert pay_under_one_id_from_everywhere(connect_again) != []


@dataclass(frozen=True, slots=True)
class Told:
    """A batch, where it stands in the one order that all agree on, and what came of it."""

    order: int
    requests: list[Request]
    outcomes: list[str]


def random_request(
    chance: random.Random, accounts: list[int], ids: list[UUID], shared: list[UUID], group: UUID | None
) -> Request:
    told: dict[str, Any] = {
        "id": chance.choice(shared) if chance.random() < 0.2 else new_id(),
        "effective_at": NOON + timedelta(seconds=chance.randrange(60)),
        "actor": ACTOR,
        "group": group,
    }
    # Ids are agreed on beforehand, so that connections find each other's holds and payments.
    if chance.random() < 0.5:
        told["id"] = ids.pop() if ids else told["id"]
    amount = Amount(chance.randint(1, 60), "LOC")
    some = chance.choice([amount, None])
    debit, credit = chance.sample(accounts, 2)
    match chance.choice(["pay", "pay", "hold", "capture", "release", "reverse"]):
        case "pay":
            return Transfer(debit=debit, credit=credit, amount=amount, code="pay", **told)
        case "hold":
            lapses_at = NOON + timedelta(seconds=chance.randrange(120))
            return Hold(debit=debit, credit=credit, amount=amount, code="pay", lapses_at=lapses_at, **told)
        case "capture":
            return Capture(hold=chance.choice(TARGETS), amount=some, **told)
        case "release":
            return Release(hold=chance.choice(TARGETS), **told)
        case _:
            return Reversal(original=chance.choice(TARGETS), amount=some, **told)


TARGETS: list[UUID] = []


@pytest.mark.parametrize("seed", range(3))
def test_what_eight_connections_were_told_is_explained_by_one_order(connect_again: Connect, seed: int) -> None:
    conn = connect_again()
    books = Books()
    story = Story(conn)
    story.tell(PURSE)
    kinds = ["purse", "purse", "purse", "till", "till"]
    accounts = operations.open_accounts(
        conn,
        town_id=1,
        accounts=[
            NewAccount(kind, "LOC", uuid4(), ceiling_minor=400 if place == 4 else None)
            for place, kind in enumerate(kinds)
        ],
        at=NOON,
        actor=ACTOR,
    )
    for place, account in enumerate(accounts):
        books.accounts[account] = ModelAccount(kinds[place], ceiling=400 if place == 4 else None)
    ana, shop = story.accounts["ana"], story.accounts["shop"]
    books.accounts |= {ana: ModelAccount("purse", balance=100_00), shop: ModelAccount("till")}
    first = [Transfer(new_id(), ana, account, Amount(200, "LOC"), "pay", NOON, ACTOR) for account in accounts]
    operations.post_all(conn, town_id=1, requests=first)
    assert books.post(first) == [POSTED] * len(first)
    conn.commit()
    TARGETS[:] = [new_id() for _ in range(60)]
    shared = [new_id() for _ in range(20)]
    start = Barrier(8)

    def connection(number: int) -> list[Told]:
        own, chance = connect_again(), random.Random(f"{seed}-{number}")
        mine = TARGETS[number::8]
        start.wait()
        done: list[Told] = []
        for _ in range(25):
            # Everyone's batch begins by paying from one purse: whoever holds it is next in the order.
            marker: list[Request] = [Transfer(new_id(), ana, shop, Amount(1, "LOC"), "pay", NOON, ACTOR)]
            batch = marker
            for size in (chance.randint(1, 3) for _ in range(chance.randint(1, 3))):
                group = uuid4() if size > 1 else None
                batch = batch + [random_request(chance, accounts, mine, shared, group) for _ in range(size)]
            outcomes = operations.post(own, town_id=1, requests=batch)
            (order,) = own.execute("SELECT debits_posted FROM ledger.account WHERE id = %s", (ana,)).fetchone() or (0,)
            own.commit()
            done.append(Told(order, batch, [said(outcome) for outcome in outcomes]))
        return done

    def sealer() -> None:
        own = connect_again()
        while not over.is_set():
            operations.seal(own, town_id=1, at=NOON)
            own.commit()

    over = Event()
    with ThreadPoolExecutor(9) as connections:
        sealing = connections.submit(sealer)
        history = sorted(
            (told for done in connections.map(connection, range(8)) for told in done), key=lambda told: told.order
        )
        over.set()
        sealing.result()
    for told in history:
        table = "\n".join(f"{request} -> {said}" for request, said in zip(told.requests, told.outcomes, strict=True))
        assert [answer.said for answer in books.post(told.requests)] == told.outcomes, f"\n{table}"
    assert broken(conn) == []
    assert len(history) == 200
    conn.commit()
    seal_to_the_end(conn)
    seals.verify(conn, town_id=1)


def test_batches_that_cross_in_every_way_never_wait_in_a_ring(connect_again: Connect) -> None:
    """The same accounts, holds, originals and ids in any order, while accounts open and close and holds lapse."""
    conn = connect_again()
    story = Story(conn)
    purses = "".join(f"open p{n} purse\ndisburse escrow p{n} 8.00\n" for n in range(12))
    story.tell(PURSE.replace("disburse escrow ana 100.00", purses))
    conn.commit()
    accounts = [story.accounts[f"p{n}"] for n in range(12)]
    TARGETS[:] = [new_id() for _ in range(40)]
    shared = [new_id() for _ in range(400)]
    over = Event()
    troubles: list[str] = []

    def poster(number: int) -> int:
        own, chance, posted = connect_again(), random.Random(number), 0
        while not over.is_set():
            batch: list[Request] = []
            for size in (chance.randint(1, 4) for _ in range(chance.randint(1, 8))):
                group = uuid4() if size > 1 else None
                # Half of the connections never share an account with the other half, only ids.
                mine = accounts[:6] if number % 2 else accounts[6:]
                some = [new_id() if chance.random() < 0.5 else chance.choice(TARGETS)]
                batch += [random_request(chance, mine, some, shared, group) for _ in range(size)]
            if chance.random() < 0.5:
                batch.sort(key=lambda request: request.id, reverse=True)
            batch.sort(key=lambda request: request.group or UUID(int=0))  # Groups stay together.
            try:
                operations.post(own, town_id=1, requests=batch)
                own.commit()
                posted += len(batch)
            except psycopg.Error as failed:
                own.rollback()
                troubles.append(f"{type(failed).__name__}: {failed}")
        return posted

    def housekeeper() -> int:
        own, turns = connect_again(), 0
        while not over.is_set():
            turns += 1
            try:
                operations.lapse_holds(own, town_id=1, now=NOON + timedelta(seconds=turns % 130))
                own.commit()
                new = NewAccount("purse", "LOC", UUID(int=turns % 7))
                (opened,) = operations.open_accounts(own, town_id=1, accounts=[new], at=NOON, actor=ACTOR)
                own.commit()
                with suppress(LedgerError):
                    operations.close_account(own, town_id=1, account=opened, at=NOON, actor=ACTOR)
                own.commit()
            except psycopg.Error as failed:
                own.rollback()
                troubles.append(f"{type(failed).__name__}: {failed}")
        return 0

    with ThreadPoolExecutor(9) as pool:
        working = [pool.submit(poster, number) for number in range(8)] + [pool.submit(housekeeper)]
        over.wait(6)
        over.set()
        posted = sum(each.result() for each in working)
    assert troubles == []
    assert broken(conn) == []
    assert posted > 500


def test_an_id_is_used_once_on_both_sides_of_a_new_month(owner_conn: Conn, connect_again: Connect) -> None:
    conn = connect_again()
    last_month = "ledger.month_of(now()) - 1"
    owner_conn.execute(f"SELECT ledger.open_month({last_month})".encode())
    owner_conn.execute(f"INSERT INTO ledger.period VALUES (1, {last_month}, now() - interval '31 days')".encode())
    # While somebody is posting, nobody begins the new month.
    owner_conn.execute("SELECT pg_advisory_lock_shared(19276, 1)")
    story = Story(conn)
    purses = "".join(f"open p{n} purse\nopen t{n} till\ndisburse escrow p{n} 9.00\n" for n in range(6))
    story.tell(PURSE.replace("disburse escrow ana 100.00", purses))
    conn.commit()
    ids = [new_id() for _ in range(60)] + [uuid4() for _ in range(60)]
    start = Barrier(7)

    def payer(number: int) -> list[tuple[UUID, str]]:
        own, chance, results = connect_again(), random.Random(number), []
        debit, credit = story.accounts[f"p{number}"], story.accounts[f"t{number}"]
        start.wait()
        for id in chance.sample(ids, len(ids)) + chance.sample(ids, 30):
            request = Transfer(id, debit, credit, Amount(1, "LOC"), "pay", NOON, ACTOR)
            (outcome,) = operations.post(own, town_id=1, requests=[request])
            own.commit()
            results.append((id, said(outcome)))
            time.sleep(0.001 * chance.randint(0, 4))
        return results

    with ThreadPoolExecutor(6) as payers:
        working = [payers.submit(payer, number) for number in range(6)]
        start.wait()
        time.sleep(0.15)
        owner_conn.execute("SELECT pg_advisory_unlock_shared(19276, 1)")
        outcomes = Counter(id for each in working for id, outcome in each.result() if outcome == "posted")
    assert outcomes == Counter(ids)
    assert broken(conn) == []
    lines = conn.execute(
        "SELECT seq >> 50, count(*) FROM ledger.journal WHERE code = 6 GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert len(lines) == 2, f"the payments stand in months {lines}"
    assert sum(count for _, count in lines) == len(ids)


def test_a_lone_transfer_holds_no_account_while_it_waits_for_its_actors_number(connect_again: Connect) -> None:
    conn, first, lone, watching = (connect_again() for _ in range(4))
    story = Story(conn)
    story.tell(PURSE)
    conn.commit()
    accounts = story.accounts

    def posted(own: Conn, payer: str, payee: str, code: str) -> str:
        (outcome,) = operations.post(
            own,
            town_id=1,
            requests=[Transfer(new_id(), accounts[payer], accounts[payee], Amount(100, "LOC"), code, NOON, "till:new")],
        )
        return said(outcome)

    assert posted(first, "bank", "reserve", "receive") == "posted"  # It gave the actor a number, and has not committed.
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(posted, lone, "ana", "shop", "pay")
        watching.autocommit = True
        while not watching.execute("SELECT pg_blocking_pids(%s)", [lone.info.backend_pid]).fetchone()[0]:  # type: ignore[index]
            assert not waiting.done()
        assert posted(first, "ana", "shop", "pay") == "posted"
        first.commit()
        assert waiting.result() == "posted"
        lone.commit()

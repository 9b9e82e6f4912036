"""Many at once: no interleaving overspends, double-posts or tells a story that no order explains."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier, Event
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations, queries, seals
from koinon.ledger.types import Capture, Hold, NewAccount, Posted, Release, Request, Reversal, Transfer
from tests.ledger.model import Books, ModelAccount
from tests.ledger.story import ACTOR, NOON, Story, broken, said

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
    """What goes wrong when sixteen tills spend 100.00 in 150 payments of 1.00, each till trying every key."""
    conn = connect_again()
    story = Story(conn)
    story.tell(PURSE)
    conn.commit()
    start = Barrier(CONNECTIONS)
    keys = [f"receipt-{number}" for number in range(150)]

    def till(seed: int) -> list[tuple[str, UUID | None]]:
        own = connect_again()
        chance = random.Random(seed)
        mine = chance.sample(keys, len(keys))
        mine += chance.sample(keys, 30)
        start.wait()
        results: list[tuple[str, UUID | None]] = []
        for key in mine:
            request = Transfer(
                new_id(), story.accounts["ana"], story.accounts["shop"], Amount(100, "LOC"), "pay", key, NOON, ACTOR
            )
            (outcome,) = operations.post(own, town_id=1, requests=[request])
            own.commit()
            results.append((key, outcome.id if isinstance(outcome, Posted) else None))
        return results

    with ThreadPoolExecutor(CONNECTIONS) as tills:
        results = [result for done in tills.map(till, range(CONNECTIONS)) for result in done]

    wrong = [f"the check {name} fails" for name in broken(conn)]
    acknowledged = {(key, found) for key, found in results if found is not None}
    if len({key for key, _ in acknowledged}) != len(acknowledged):
        wrong.append("a key was acknowledged with two results")
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


def test_sixteen_connections_never_overspend_a_purse_or_post_a_key_twice(connect_again: Connect) -> None:
    assert spend_the_same_purse(connect_again) == []


def sabotage(owner: Conn, function: str, old: str, new: str) -> None:
    """Change the text of a function, as a careless edit would."""
    definition = owner.execute("SELECT pg_get_functiondef(%s::regproc)", (function,)).fetchone()
    assert definition is not None
    assert definition[0].count(old) == 1, f"{function} no longer says {old!r}"
    owner.execute(definition[0].replace(old, new))


def test_the_test_above_notices_when_the_accounts_are_not_locked(owner_conn: Conn, connect_again: Connect) -> None:
    sabotage(owner_conn, "ledger.lock_accounts", "ORDER BY acc.id FOR NO KEY UPDATE", "ORDER BY acc.id")
    assert spend_the_same_purse(connect_again) != []


def test_the_test_above_notices_when_keys_are_not_unique(owner_conn: Conn, connect_again: Connect) -> None:
    owner_conn.execute("ALTER TABLE ledger.accepted DROP CONSTRAINT accepted_pkey")
    assert spend_the_same_purse(connect_again) != []


@dataclass(frozen=True, slots=True)
class Told:
    """A batch, where it stands in the one order that all agree on, and what came of it."""

    order: int
    requests: list[Request]
    outcomes: list[str]


def random_request(
    chance: random.Random, accounts: list[int], ids: list[UUID], keys: list[str], group: UUID | None
) -> Request:
    told: dict[str, Any] = {
        "id": new_id(),
        "key": chance.choice(keys) if chance.random() < 0.2 else f"key-{uuid4()}",
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
    first = [
        Transfer(new_id(), ana, account, Amount(200, "LOC"), "pay", f"start-{account}", NOON, ACTOR)
        for account in accounts
    ]
    operations.post_all(conn, town_id=1, requests=first)
    assert books.post(list(first)) == ["posted"] * len(first)
    conn.commit()
    TARGETS[:] = [new_id() for _ in range(60)]
    keys = [f"shared-{number}" for number in range(20)]
    start = Barrier(8)

    def connection(number: int) -> list[Told]:
        own, chance = connect_again(), random.Random(f"{seed}-{number}")
        mine = TARGETS[number::8]
        start.wait()
        done: list[Told] = []
        for turn in range(25):
            # Everyone's batch begins by paying from one purse: whoever holds it is next in the order.
            marker: list[Request] = [
                Transfer(new_id(), ana, shop, Amount(1, "LOC"), "pay", f"turn-{number}-{turn}", NOON, ACTOR)
            ]
            batch = marker
            for size in (chance.randint(1, 3) for _ in range(chance.randint(1, 3))):
                group = uuid4() if size > 1 else None
                batch = batch + [random_request(chance, accounts, mine, keys, group) for _ in range(size)]
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
        assert books.post(list(told.requests)) == told.outcomes, f"\n{table}"
    assert broken(conn) == []
    assert len(history) == 200
    conn.commit()
    operations.seal(conn, town_id=1, at=NOON)
    seals.verify(conn, town_id=1)
    assert queries.unsealed(conn, town_id=1) == 0

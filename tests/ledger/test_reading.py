"""Reading the books: every page of a statement, while others write, by keys and never by going through all of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Event
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from koinon.db.statements import statement
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations, queries
from koinon.ledger.types import Movement, Request, Transfer
from tests.ledger import duel, story
from tests.ledger.story import ACTOR, NOON, TOWN, check

Conn = psycopg.Connection[Any]
Connect = Callable[[], Conn]


def pages(conn: Conn, town_id: int, account: int, size: int, *, commit: bool = False) -> Iterator[Movement]:
    before = None
    while page := queries.statement_of(conn, town_id=town_id, account=account, limit=size, before=before):
        assert len(page) <= size
        if commit:
            conn.commit()  # The next page is read from what is there by then.
        yield from page
        before = page[-1].transfer_id


def test_a_statement_pages_through_every_movement_once(conn: Conn) -> None:
    told = check(conn, TOWN + "pay ana shop 1.00\n" * 7)
    account = told.accounts["ana"]
    found = list(pages(conn, 1, account, 3))
    assert [movement.signed_minor for movement in found] == [-100] * 7 + [100_00]
    assert sum(movement.signed_minor for movement in found) == told.balance("ana").minor
    assert [(movement.counterparty, movement.code) for movement in found[-2:]] == [
        (told.accounts["shop"], "pay"),
        (told.accounts["escrow"], "disburse"),
    ]


def test_a_statement_says_what_a_reversal_undoes_and_leaves_holds_out(conn: Conn) -> None:
    told = check(
        conn,
        TOWN
        + """
        hold h ana shop 5.00 until 13:00
        @c capture h 4.00 for bill/7 at 12:30
        @r reverse c 1.00
        hold other ana shop 5.00 until 13:00
        @g release other
        """,
    )
    undone, captured, _ = queries.statement_of(conn, town_id=1, account=told.accounts["ana"])
    assert (undone.transfer_id, undone.signed_minor, undone.reverses) == (told.named["r"], 100, told.named["c"])
    assert (captured.transfer_id, captured.signed_minor, captured.reverses) == (told.named["c"], -400, None)
    assert (captured.reference, captured.effective_at) == ("bill/7", story.at("12:30"))


def test_a_page_before_what_is_not_on_the_account_is_empty(conn: Conn) -> None:
    told = check(conn, TOWN + "@p pay ana shop 1.00\nhold h ana shop 1.00 until 13:00")
    for account, before in (("ben", "p"), ("escrow", "p"), ("ana", "h"), ("ana", "unheard")):
        id = told.named.get(before, uuid4())
        assert queries.statement_of(conn, town_id=1, account=told.accounts[account], before=id) == []
    assert queries.statement_of(conn, town_id=1, account=-1) == []
    assert queries.statement_of(conn, town_id=2, account=told.accounts["ana"]) == []


@pytest.mark.parametrize("seed", range(3))
def test_pages_of_any_size_show_the_whole_of_a_random_history(
    connect_again: Connect, owner_conn: Conn, seed: int
) -> None:
    conn, chance = connect_again(), Random(seed)
    played = duel.play(chance, duel.RealBooks(conn, 1, commit=True, owner=owner_conn), 3000)
    assert played.numbers
    for account in played.numbers:
        found = [(m.transfer_id, m.signed_minor) for m in pages(conn, 1, account, chance.choice((1, 7, 50, 1000)))]
        assert found == played.paper.statement(account)


def test_pages_read_while_others_write_show_what_was_there(connect_again: Connect) -> None:
    conn = connect_again()
    told = check(conn, TOWN)
    conn.commit()
    ana, shop = told.accounts["ana"], told.accounts["shop"]
    over = Event()

    def writer(number: int) -> None:
        own, chance = connect_again(), Random(number)
        while not over.wait(0.01):
            batch: list[Request] = []
            for _ in range(chance.randint(1, 5)):
                debit, credit = chance.sample((ana, shop), 2)
                amount = Amount(chance.randint(1, 300), "LOC")
                batch.append(Transfer(new_id(), debit, credit, amount, "pay", NOON, ACTOR))
            operations.post(own, town_id=1, requests=batch)
            own.commit()

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(writer, number) for number in range(3)]
        reader, chance = connect_again(), Random(1)
        walks: list[list[UUID]] = []
        while len(walks) < 15 or (len(walks[-1]) <= len(walks[0]) and len(walks) < 3000):
            found = pages(reader, 1, ana, chance.randint(5, 90), commit=True)
            walks.append([movement.transfer_id for movement in found])
        over.set()
        for each in writers:
            each.result()
    history = [
        id
        for (id,) in conn.execute(
            "SELECT id FROM ledger.transfer WHERE %s IN (debit_account, credit_account) ORDER BY seq DESC", (ana,)
        )
    ]
    assert len(walks[-1]) > len(walks[0]) > 0
    for walk in walks:
        assert walk == history[len(history) - len(walk) :]


@pytest.fixture(scope="module")
def long_books(databases: Any) -> Iterator[tuple[Conn, dict[str, int], list[UUID]]]:
    """Fifteen thousand payments between few accounts, in two months, and nobody has told the planner."""
    with databases.clone() as database, psycopg.connect(database.app_url) as conn:
        with psycopg.connect(database.owner_url, autocommit=True) as owner:
            owner.execute("SELECT ledger.open_month(ledger.month_of(now()) - 1)")
            owner.execute(
                "INSERT INTO ledger.period VALUES (1, ledger.month_of(now()) - 1, now() - interval '31 days')"
            )
            owner.execute("SELECT pg_advisory_lock_shared(19276, 1)")
            told = check(conn, TOWN)
            conn.commit()
            ids: list[UUID] = []
            for turn in range(15):
                if turn == 10:
                    owner.execute("SELECT pg_advisory_unlock_shared(19276, 1)")
                some = [new_id() for _ in range(1000)]
                ids += some
                ways = [("ana", "shop"), ("shop", "coop"), ("coop", "ana")]
                batch: list[Request] = [
                    Transfer(
                        id, told.accounts[ways[place % 3][0]], told.accounts[ways[place % 3][1]], Amount(1, "LOC"),
                        "pay", NOON, ACTOR, group=some[place - place % 2],
                    )
                    for place, id in enumerate(some)
                ]  # fmt: skip
                operations.post_all(conn, town_id=1, requests=batch)
                conn.commit()
        yield conn, told.accounts, ids


def plan(conn: Conn, name: str, **params: Any) -> str:
    sql = statement("koinon.ledger", name).rstrip("; ")
    lines = conn.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS) {sql}".encode(), params).fetchall()
    conn.rollback()
    return "\n".join(line for (line,) in lines)


@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("transfer_by_id", {"transfer_id": "recent"}),
        ("transfer_by_id", {"transfer_id": "old"}),
        ("transfer_by_id", {"transfer_id": "timeless"}),
        ("transfers_of_group", {"group_id": "recent"}),
        ("transfers_of_group", {"group_id": "old"}),
        ("reversed_minor", {"originals": "some"}),
        ("statement", {"account": "ana", "before": None, "size": 50}),
        ("statement", {"account": "ana", "before": "recent", "size": 50}),
    ],
)
def test_what_is_looked_up_is_found_by_a_key(
    long_books: tuple[Conn, dict[str, int], list[UUID]], name: str, params: dict[str, Any], analyzed: bool
) -> None:
    conn, accounts, ids = long_books
    values = {"recent": ids[-2], "old": ids[0], "timeless": uuid4(), "some": ids[:5], "ana": accounts["ana"]}
    if analyzed:
        with psycopg.connect(conn.info.dsn.replace("koinon_app", "postgres"), autocommit=True) as owner:
            owner.execute("ANALYZE ledger.journal, ledger.target, ledger.account")
    given = {key: values.get(value, value) if isinstance(value, str) else value for key, value in params.items()}
    found = plan(conn, name, town_id=1, **given)
    assert "Seq Scan on journal" not in found, found
    touched = re.search(r"Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?", found)
    assert touched is not None
    assert sum(int(pages or 0) for pages in touched.groups()) < (450 if name == "statement" else 60), found

"""Each invariant of the books notices what it is there for, done behind the ledger's back by an owner."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from koinon.db.checks import every_check
from tests.ledger.story import TOWN, Story, broken, check

Conn = psycopg.Connection[Any]

BOOKS = (
    TOWN
    + """
    @p1 pay ana shop 10.00
    @p2 pay ana shop 5.00
    @r1 reverse p1 3.00
    @r2 reverse p2
    batch
      (g) @a pay ana shop 1.00
      (g) @b pay ana coop 2.00
    end
    hold h1 ana shop 4.00 until 13:00
    @c1 capture h1 3.00
    hold h2 ana shop 4.00 until 13:00
    @g2 release h2
    hold h3 ana shop 4.00 until 13:00
    """
)
SEALS = {"seals_are_unbroken", "nothing_waits_long_for_its_seal"}  # tests/ledger/test_sealing.py breaks these.


def line(name: str) -> str:
    return f"town_id = 1 AND id = '{{{name}}}'"


TAMPERING = [
    ("balances_equal_history", "UPDATE ledger.account SET credits_posted = credits_posted + 1 WHERE id = {shop}"),
    ("balances_equal_history", f"UPDATE ledger.journal SET amount_minor = 999 WHERE {line('p1')}"),
    ("balances_equal_history", f"DELETE FROM ledger.journal WHERE {line('p1')}"),
    ("books_sum_to_zero", "UPDATE ledger.account SET credits_posted = credits_posted + 1 WHERE id = {shop}"),
    ("captures_equal_their_holds", "UPDATE ledger.hold SET captured_minor = 299 WHERE id = '{h1}'"),
    ("captures_equal_their_holds", "UPDATE ledger.hold SET state = 'lapsed' WHERE id = '{h2}'"),
    (
        "captures_equal_their_holds",
        "UPDATE ledger.hold SET state = 'captured', captured_minor = 400 WHERE id = '{h3}'",
    ),
    ("captures_equal_their_holds", f"UPDATE ledger.journal SET kind = 'C' WHERE {line('c1')}"),
    (
        "floors_and_ceilings_are_kept",
        """
        ALTER TABLE ledger.account DROP CONSTRAINT floor_is_kept;
        UPDATE ledger.account SET debits_posted = credits_posted + 1 WHERE id = {coop}
        """,
    ),
    ("groups_posted_together", f"DELETE FROM ledger.journal WHERE {line('b')}"),
    ("groups_posted_together", f"UPDATE ledger.journal SET posted_at = posted_at - interval '1 s' WHERE {line('b')}"),
    ("groups_posted_together", f"UPDATE ledger.journal SET legs = 3 WHERE {line('a')}"),
    ("groups_posted_together", f"UPDATE ledger.journal SET leg = 1 WHERE {line('p1')}"),
    ("holds_equal_what_is_held", "UPDATE ledger.account SET debits_held = 0 WHERE id = {ana}"),
    ("holds_equal_what_is_held", "UPDATE ledger.hold SET state = 'lapsed' WHERE id = '{h3}'"),
    ("holds_stand_in_the_journal", "UPDATE ledger.hold SET amount_minor = 500 WHERE id = '{h3}'"),
    ("holds_stand_in_the_journal", "DELETE FROM ledger.hold WHERE id = '{h3}'"),
    ("holds_stand_in_the_journal", f"DELETE FROM ledger.journal WHERE {line('h3')}"),
    (
        "ids_are_used_once",
        """
        SELECT ledger.open_month(9000); INSERT INTO ledger.period VALUES (1, 9000, now());
        INSERT INTO ledger.journal SELECT (9000::bigint << 50) + 5, amount_minor, effective_at, posted_at, debit_prev,
            credit_prev, town_id, debit_account, credit_account, actor, code, leg, legs, kind, id, reference
        FROM ledger.journal WHERE town_id = 1 AND id = '{p1}'
        """,
    ),
    ("lines_have_an_actor", f"UPDATE ledger.journal SET actor = 0 WHERE {line('p1')}"),
    ("lines_have_an_actor", "DELETE FROM ledger.period WHERE town_id = 1"),
    ("originals_and_holds_exist", "DELETE FROM ledger.target WHERE target = '{p1}'"),
    ("originals_and_holds_exist", "UPDATE ledger.target SET target = '{p2}' WHERE target = '{p1}'"),
    ("originals_and_holds_exist", "UPDATE ledger.target SET target_seq = target_seq + 1 WHERE target = '{h2}'"),
    ("originals_and_holds_exist", f"DELETE FROM ledger.journal WHERE {line('g2')}"),
    ("purses_come_before_all_others", "UPDATE ledger.account SET id = 5 WHERE id = {shop}"),
    (
        "reserve_covers_what_is_outstanding",
        "UPDATE ledger.account SET credits_posted = credits_posted + 1000000 WHERE id = {shop}",
    ),
    ("reversals_stay_within_their_originals", f"UPDATE ledger.journal SET amount_minor = 1001 WHERE {line('r1')}"),
    ("reversals_stay_within_their_originals", f"UPDATE ledger.journal SET amount_minor = 400 WHERE {line('r2')}"),
    ("reversals_stay_within_their_originals", f"UPDATE ledger.journal SET code = 7 WHERE {line('r1')}"),
    ("reversals_stay_within_their_originals", f"UPDATE ledger.journal SET debit_account = {{coop}} WHERE {line('r1')}"),
    ("routes_are_kept", f"UPDATE ledger.journal SET debit_account = {{bank}} WHERE {line('p1')}"),
    ("routes_are_kept", f"UPDATE ledger.journal SET credit_account = 2000000000 WHERE {line('h3')}"),
    ("routes_are_kept", f"UPDATE ledger.journal SET code = 99 WHERE {line('p1')}"),
    ("routes_are_kept", "UPDATE ledger.account SET unit = 'EUR' WHERE id = {coop}"),
    ("statements_show_every_transfer", "UPDATE ledger.account SET last_seq = 0 WHERE id = {shop}"),
    ("statements_show_every_transfer", f"UPDATE ledger.journal SET debit_prev = 0 WHERE {line('p2')}"),
    ("statements_show_every_transfer", f"UPDATE ledger.journal SET credit_prev = seq WHERE {line('p2')}"),
    ("statements_show_every_transfer", f"UPDATE ledger.journal SET debit_prev = 5 WHERE {line('h3')}"),
    ("statements_show_every_transfer", f"DELETE FROM ledger.journal WHERE {line('p2')}"),
    ("units_are_conserved", "UPDATE ledger.account SET credits_posted = credits_posted + 1 WHERE id = {shop}"),
    ("units_are_conserved", f"UPDATE ledger.journal SET code = 7 WHERE {line('p1')}"),
]


@pytest.fixture(scope="module")
def books(databases: Any) -> Iterator[tuple[Conn, Story]]:
    """An owner in the midst of a transaction, and the story so far."""
    with databases.clone() as database, psycopg.connect(database.app_url) as conn:
        told = check(conn, BOOKS)
        assert broken(conn) == []
        conn.commit()
        with psycopg.connect(database.owner_url) as owner:
            yield owner, told


@pytest.mark.parametrize(("name", "tampering"), TAMPERING)
def test_an_invariant_notices_what_it_is_there_for(books: tuple[Conn, Story], name: str, tampering: str) -> None:
    owner, told = books
    (invariant,) = [each for each in every_check() if each.package == "koinon.ledger" and each.name == name]
    try:
        owner.execute("SET LOCAL session_replication_role = replica")
        owner.execute(tampering.format(**told.accounts, **{k: str(v) for k, v in told.named.items()}).encode())
        found = owner.execute(invariant.sql.encode()).fetchall()
    finally:
        owner.rollback()
    assert found != []
    assert {town_id for town_id, *_ in found} == {1}
    assert owner.execute(invariant.sql.encode()).fetchall() == []
    owner.rollback()


def test_every_invariant_of_the_books_is_broken_here_once() -> None:
    checks = {each.name for each in every_check() if each.package == "koinon.ledger"}
    assert checks - SEALS == {name for name, _ in TAMPERING}

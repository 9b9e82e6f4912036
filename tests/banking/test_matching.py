"""The rules alone, and two treasurers at once."""

from __future__ import annotations

import threading
from datetime import date
from uuid import UUID

import psycopg
import pytest
from django.db import transaction as django_transaction
from hypothesis import given
from hypothesis import strategies as st
from psycopg import errors

from koinon.banking import operations as banking
from koinon.banking import rules
from koinon.banking.types import Known, KnownPayment, KnownTopUp, MatchKind
from koinon.db.checks import run_checks
from koinon.db.transactions import transaction
from koinon.parties.connection import raw
from tests.banking.desk import Desk
from tests.banking.statements import Line, camt
from tests.treasury.place import build

IDS = [UUID(int=n) for n in range(1, 5)]
AMOUNTS = st.sampled_from([100, 200, 300])

payments = st.lists(
    st.builds(
        KnownPayment,
        id=st.sampled_from(IDS),
        run_id=st.just(UUID(int=99)),
        amount_minor=AMOUNTS,
        state=st.sampled_from(["due", "paid", "rejected", "returned"]),
        run_state=st.sampled_from(["approved", "exported", "settled"]),
        seen=st.booleans(),
        return_seen=st.booleans(),
    ),
    unique_by=lambda one: one.id,
)
entries = st.lists(
    st.builds(
        rules.Facts,
        amount_minor=st.one_of(AMOUNTS, AMOUNTS.map(int.__neg__), st.just(-600)),
        bank_reference=st.sampled_from(["", "A", "B"]),
        structured_reference=st.sampled_from(["", "RF1", "RF2"]),
        mentions=st.lists(st.sampled_from([*IDS, UUID(int=99)]), max_size=2).map(tuple),
        is_return=st.booleans(),
        is_charge=st.booleans(),
        return_code=st.just(""),
    ),
    max_size=8,
)


@given(entries, payments)
def test_what_is_matched_is_the_entry_to_the_cent_and_no_target_is_used_twice(facts, known_payments):
    by_id = {one.id: one for one in known_payments}
    known = Known(
        payments=by_id,
        runs={UUID(int=99): tuple(known_payments)} if known_payments else {},
        topups={"RF1": KnownTopUp(UUID(int=50), 200, None, False)},
        funds={"RF2": UUID(int=60)},
    )
    given_ids = [(UUID(int=1000 + n), one) for n, one in enumerate(facts)]
    plan = rules.plan(given_ids, known)

    used = []
    for entry_id, one in given_ids:
        pieces = rules.pieces_of(entry_id, plan[entry_id])
        assert bool(pieces) != bool(plan[entry_id].grounds)
        if pieces:
            assert sum(piece.amount_minor for piece in pieces) == one.amount_minor
        used += [(piece.kind, piece.target) for piece in pieces if piece.target != UUID(int=60)]
        for piece in pieces:
            if piece.kind is MatchKind.PAYOUT:
                assert not by_id[piece.target].seen
                assert by_id[piece.target].run_state in ("exported", "settled")
    assert len(used) == len(set(used))


def test_one_statement_imported_by_four_at_once_is_kept_and_booked_once(django_fresh, connect_again):
    with django_transaction.atomic():
        desk = Desk(build(raw()))
        (bakery,) = desk.sent(bakery="75.50")
    town, secrets = desk.place.town.pk, desk.place.secrets
    content = camt(
        Line("-75.50", "P1", bakery.id.hex), Line("75.50", "P2", bakery.id.hex, returned="AC04"),
        *[Line("10.00", f"B{n}", structured="RF34FUNDINCLUSION") for n in range(6)],
    )  # fmt: skip
    from koinon.banking.references import fund_reference

    content = content.replace(b"RF34FUNDINCLUSION", fund_reference("inclusion").encode())
    connections = [connect_again() for _ in range(4)]
    gate, failed = threading.Barrier(4), []

    def one(conn: psycopg.Connection) -> None:
        here = {"town_id": town, "at": desk.here["at"], "actor": desk.here["actor"]}
        gate.wait()
        try:
            with transaction(conn):
                banking.import_file(conn, **here, content=content, secrets=secrets)
            banking.match_listed(conn, **here, in_transaction=lambda: transaction(conn))
        except Exception as wrong:  # noqa: BLE001  Told by the assertion below.
            failed.append(wrong)

    threads = [threading.Thread(target=one, args=[conn]) for conn in connections]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    with django_transaction.atomic():
        kinds = [kind for _, kind in desk.told()]
        assert sorted(kinds) == ["payout", *["receipt"] * 6, "return"]
        assert desk.place.balance("till", bakery.party) == desk.place.money("75.50")
        assert desk.place.broken() == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM banking.entry",
        "UPDATE banking.entry SET amount_minor = 1",
        "UPDATE banking.entry SET mentions = '{}'",
        "UPDATE banking.match SET amount_minor = 1",
        "DELETE FROM banking.statement",
        "UPDATE banking.statement SET closing_minor = 1",
        "UPDATE banking.account SET number_digest = ''",
        "DELETE FROM banking.file",
    ],
)
def test_application_cannot_rewrite_what_the_bank_said(conn, statement):
    with pytest.raises(errors.InsufficientPrivilege):
        conn.execute(statement)


EDITS = {
    "UPDATE banking.entry SET amount_minor = amount_minor + 1": {
        "every_entry_is_matched_or_listed", "difference_is_explained",
    },
    "UPDATE banking.match SET amount_minor = amount_minor + 1": {
        "every_entry_is_matched_or_listed", "matches_equal_what_the_treasury_says", "difference_is_explained",
    },
    "DELETE FROM banking.match": {"every_entry_is_matched_or_listed", "difference_is_explained"},
    "UPDATE banking.match SET target = gen_random_uuid()": {"matches_equal_what_the_treasury_says"},
}  # fmt: skip


def test_every_edited_row_is_noticed(django_fresh, owner_conn):
    with django_transaction.atomic():
        desk = Desk(build(raw()))
        (bakery,) = desk.sent(bakery="75.50")
        desk.bring(camt(Line("-75.50", "P1", bakery.id.hex, day=date(2026, 11, 2))))
    noticed = {}
    for edit in EDITS:
        with owner_conn.transaction(force_rollback=True):
            owner_conn.execute(edit)
            noticed[edit] = {
                result.name for result in run_checks(owner_conn) if result.failures and "banking" in result.package
            }
    assert noticed == EDITS
    with owner_conn.transaction():
        names = {result.name for result in run_checks(owner_conn) if "banking" in result.package}
    assert names == set().union(*EDITS.values())

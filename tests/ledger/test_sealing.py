"""Sealed blocks: what was written stays provable, and what was rewritten is found."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from threading import Event
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koinon.db.transactions import savepoint
from koinon.ledger import operations, queries, seal_workers, seals
from koinon.ledger.errors import InsufficientFunds, SealBroken, TransferNotSealed
from koinon.ledger.types import Block, SealedRow
from tests.ledger.story import NOON, TOWN, Story, broken, money, seal_to_the_end

Conn = psycopg.Connection[Any]
Connect = Callable[[], Conn]


@pytest.fixture
def sealed(connect_again: Connect) -> Story:
    """A town with three blocks of five, three and four rows; the second also has a reversal and a hold."""
    story = Story(connect_again())
    for more in (
        TOWN + "pay ana shop 5.00\n" * 2,
        "pay: pay ana shop 7.00 for receipt/7\n back: reverse pay 2.00\n hold held ana coop 3.00 until 13:00",
        "pay shop coop 1.00\n" * 3 + "taken: capture held 3.00",
    ):
        story.tell(more)
        story.conn.commit()
        seal(story.conn)
    return story


def seal(conn: Conn) -> list[Block]:
    """What ``koinon serve`` does every minute."""
    blocks = operations.seal_all(conn, town_id=1, at=NOON)
    conn.commit()
    return blocks


def rows_sealed(blocks: list[Block]) -> int:
    return sum(block.transfers for block in blocks)


def test_every_row_falls_into_exactly_one_block(sealed: Story) -> None:
    blocks = queries.blocks(sealed.conn, town_id=1)
    assert [block.transfers for block in blocks] == [5, 3, 4]
    assert queries.unsealed(sealed.conn, town_id=1) == 0
    assert operations.seal(sealed.conn, town_id=1, at=NOON) is None
    assert seals.verify(sealed.conn, town_id=1) == queries.head(sealed.conn, town_id=1) == blocks[-1]
    assert broken(sealed.conn) == []


# What was rewritten is found

JOURNAL = "UPDATE ledger.journal SET {} WHERE amount_minor = 700"
ONE_MORE = """
    INSERT INTO ledger.journal
    SELECT (jsonb_populate_record(old, jsonb_build_object('seq', old.seq + 1, 'id', gen_random_uuid()))).*
    FROM ledger.journal AS old WHERE old.amount_minor = 700
"""
TAMPERINGS = [
    (JOURNAL.format("amount_minor = 1"), 2),
    (JOURNAL.format("effective_at = effective_at + interval '1 us'"), 2),
    (JOURNAL.format("posted_at = posted_at + interval '1 us'"), 2),
    (JOURNAL.format("reference = 'receipt/8'"), 2),
    (JOURNAL.format("id = gen_random_uuid()"), 2),
    (JOURNAL.format("debit_account = debit_account + 1000"), 2),
    (JOURNAL.format("credit_account = credit_account + 1000"), 2),
    (JOURNAL.format("code = 8"), 2),
    (JOURNAL.format("kind = 'h'"), 2),
    (JOURNAL.format("leg = 1"), 2),
    (JOURNAL.format("legs = 2"), 2),
    (JOURNAL.format("actor = actor + 1"), 2),
    (JOURNAL.format("town_id = 2"), 2),
    (JOURNAL.format("seq = (SELECT min(seq) - 1 FROM ledger.journal)"), 1),
    (JOURNAL.format("seq = (SELECT max(seq) + 65536 FROM ledger.journal)"), 2),
    ("DELETE FROM ledger.journal WHERE amount_minor = 700", 2),
    ("UPDATE ledger.journal SET amount_minor = 1 WHERE kind = 'h'", 2),
    ("DELETE FROM ledger.journal WHERE kind = 'h'", 2),
    (ONE_MORE, 2),
    ("UPDATE ledger.target SET target = gen_random_uuid() WHERE seq = (SELECT min(seq) FROM ledger.target)", 2),
    ("DELETE FROM ledger.target WHERE seq = (SELECT min(seq) FROM ledger.target)", 2),
    ("DELETE FROM ledger.target WHERE seq = (SELECT max(seq) FROM ledger.target)", 3),
    (
        "INSERT INTO ledger.target SELECT town_id, seq, seq, id FROM ledger.journal WHERE amount_minor = 700",
        2,
    ),
    ("UPDATE ledger.actor SET name = 'test:other'", 1),
    ("DELETE FROM ledger.actor", 1),
    ("UPDATE ledger.code SET name = 'payment' WHERE number = 6", 1),
    ("UPDATE ledger.block SET transfers = 5 WHERE number = 3", 3),
    ("UPDATE ledger.block SET merkle_root = hash WHERE number = 1", 1),
    ("UPDATE ledger.block SET sealed_at = sealed_at + interval '1 us' WHERE number = 2", 2),
    ("UPDATE ledger.block SET seq_to = seq_to + 1 WHERE number = 2", 2),
    ("DELETE FROM ledger.block WHERE number = 2", 2),
    ("DELETE FROM ledger.block WHERE number = 3", 3),
    ("DELETE FROM ledger.block", 1),
    ("DELETE FROM ledger.chain", 4),
]


def test_a_rewrite_behind_the_application_is_found_and_its_block_named(sealed: Story, owner_conn: Conn) -> None:
    owner_conn.execute("SELECT ledger.open_month(max(month) - 1) FROM ledger.period")
    wrong = []
    for tampering, block in TAMPERINGS:
        with owner_conn.transaction(force_rollback=True):
            assert owner_conn.execute(tampering.encode()).rowcount, tampering
            named = 0
            try:
                seals.verify(owner_conn, town_id=1)
            except SealBroken as found:
                named = found.block
            if named != block or "seals_are_unbroken" not in broken(owner_conn):
                wrong.append((tampering, block, named, broken(owner_conn)))
    assert wrong == []
    seals.verify(sealed.conn, town_id=1)


def test_the_first_of_several_broken_blocks_is_named_by_one_process_and_by_many(
    sealed: Story, owner_conn: Conn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "_WORTH_PROCESSES", 1)
    monkeypatch.setattr(seals, "_ROWS_AT_ONCE", 1)
    told: list[tuple[int, int]] = []
    head = seals.verify(sealed.conn, town_id=1, processes=2, progress=lambda done, total: told.append((done, total)))
    assert head == queries.head(sealed.conn, town_id=1)
    assert told == [(5, 12), (8, 12), (12, 12)]
    owner_conn.execute("UPDATE ledger.block SET transfers = 9 WHERE number = 3")
    owner_conn.execute("UPDATE ledger.journal SET amount_minor = 1 WHERE amount_minor = 700")
    for processes in (1, 2):
        with pytest.raises(SealBroken, match="block 2 of town 1 is broken: a row in it was changed"):
            seals.verify(sealed.conn, town_id=1, processes=processes)


def test_where_no_worker_can_be_had_one_process_does_it_all(
    sealed: Story, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    asked: list[bool] = []
    ask = seal_workers.Crew._ask

    def counting(crew: seal_workers.Crew, stretch: seals.Stretch) -> bool:
        asked.append(ask(crew, stretch))
        return asked[-1]

    monkeypatch.setattr(seals, "_WORTH_PROCESSES", 1)
    monkeypatch.setattr(seal_workers.Crew, "_ask", counting)
    head = queries.head(sealed.conn, town_id=1)
    assert seals.verify(sealed.conn, town_id=1, processes=2) == head
    assert asked == [True]
    useless = tmp_path / "python"
    useless.write_text("#!/bin/sh\nexit 3\n")
    useless.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(useless))
    assert seals.verify(sealed.conn, town_id=1, processes=2) == head
    assert asked == [True, False]
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    assert seals.verify(sealed.conn, town_id=1, processes=2) == head
    assert asked == [True, False]


def test_rows_that_only_the_caller_sees_are_verified_as_the_caller_sees_them(
    connect_again: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "_WORTH_PROCESSES", 1)
    story = Story(connect_again())
    story.tell(TOWN)
    story.conn.commit()
    operations.seal(story.conn, town_id=1, at=NOON)
    head = seals.verify(story.conn, town_id=1, processes=2)
    assert head is not None
    assert head.transfers == 3


def test_a_kept_hash_proves_a_rewrite_that_is_consistent_in_itself(sealed: Story, owner_conn: Conn) -> None:
    kept = {block.number: block.hash for block in queries.blocks(sealed.conn, town_id=1)}
    owner_conn.execute("UPDATE ledger.journal SET reference = 'rewritten' WHERE amount_minor = 700")
    cut_back_to(owner_conn, 1)
    seal(sealed.conn)
    seals.verify(sealed.conn, town_id=1)
    with pytest.raises(SealBroken) as found:
        seals.verify(sealed.conn, town_id=1, kept=kept)
    assert found.value.block == 2


def test_a_kept_hash_of_a_block_that_is_gone_proves_that_it_was_there(sealed: Story, owner_conn: Conn) -> None:
    kept = {block.number: block.hash for block in queries.blocks(sealed.conn, town_id=1)}
    cut_back_to(owner_conn, 2)
    with pytest.raises(SealBroken, match=r"block 3 .* a hash was kept of it and it is gone"):
        seals.verify(sealed.conn, town_id=1, kept=kept)


def test_blocks_taken_away_are_missed_as_soon_as_their_rows_are_old(sealed: Story, owner_conn: Conn) -> None:
    cut_back_to(owner_conn, 0)
    owner_conn.execute("UPDATE ledger.journal SET posted_at = posted_at - interval '61 minutes'")
    with pytest.raises(SealBroken, match=r"block 1 .* 12 rows have waited"):
        seals.verify(sealed.conn, town_id=1)
    assert "nothing_waits_long_for_its_seal" in broken(sealed.conn)
    assert "seals_are_unbroken" not in broken(sealed.conn)


def cut_back_to(owner: Conn, number: int) -> None:
    """A forger who knows what they do: newer blocks are gone, and the head with them."""
    owner.execute("DELETE FROM ledger.block WHERE number > %s", (number,))
    owner.execute("DELETE FROM ledger.chain")
    owner.execute("INSERT INTO ledger.chain (town_id) VALUES (1)")
    owner.execute(
        "UPDATE ledger.chain AS c SET (number, seq_to, hash) = (b.number, b.seq_to, b.hash) FROM ledger.block AS b"
        " WHERE b.number = %s",
        (number,),
    )


# Receipts


def test_a_receipt_is_proved_against_the_head_without_the_database(sealed: Story) -> None:
    blocks = queries.blocks(sealed.conn, town_id=1)
    for name, number in (("pay", 2), ("back", 2), ("held", 2), ("taken", 3)):
        proof = seals.proof(sealed.conn, town_id=1, transfer_id=sealed.named[name])
        later = blocks[proof.block.number :]
        assert proof.block.number == number
        assert seals.check_proof(proof, head=blocks[-1].hash, later=later)
        assert not seals.check_proof(proof, head=blocks[0].previous, later=later)
        for forged in (
            replace(proof, canonical=proof.canonical[:40] + b"\x01" + proof.canonical[41:]),
            replace(proof, canonical=proof.canonical[:-1]),
            replace(proof, canonical=b""),
            replace(proof, transfer_id=UUID(int=1)),
            replace(proof, town_id=2),
            replace(proof, path=()),
            replace(proof, block=replace(proof.block, seq_to=1)),
        ):
            assert not seals.check_proof(forged, head=blocks[-1].hash, later=later)


def test_a_proof_says_what_was_sealed_in_words(sealed: Story) -> None:
    sent = seals.read(seals.proof(sealed.conn, town_id=1, transfer_id=sealed.named["pay"]).canonical)
    back = seals.read(seals.proof(sealed.conn, town_id=1, transfer_id=sealed.named["back"]).canonical)
    assert sent == SealedRow(
        town_id=1,
        seq=sent.seq,
        id=sealed.named["pay"],
        kind="t",
        debit_account=sealed.accounts["ana"],
        credit_account=sealed.accounts["shop"],
        amount_minor=700,
        code="pay",
        leg=0,
        legs=1,
        effective_at=NOON,
        posted_at=sent.posted_at,
        target=None,
        actor="test:story",
        reference="receipt/7",
    )
    assert (back.kind, back.target, back.amount_minor) == ("r", sealed.named["pay"], 200)


def test_a_receipt_that_is_not_sealed_yet_is_said_to_be_so(sealed: Story) -> None:
    sealed.tell("p: pay ana shop 1.00")
    with pytest.raises(TransferNotSealed):
        seals.proof(sealed.conn, town_id=1, transfer_id=sealed.named["p"])


# The format


def test_canonical_bytes_of_the_database_of_a_copy_and_of_python_are_the_same(sealed: Story) -> None:
    (named,) = sealed.conn.execute(
        "SELECT array_agg(ledger.canonical(j.town_id, j.seq, j.id, j.kind, j.debit_account, j.credit_account,"
        " j.amount_minor, j.code, j.leg, j.legs, j.effective_at, j.posted_at, t.target, a.name, j.reference)"
        " ORDER BY j.seq) FROM ledger.journal AS j JOIN ledger.actor AS a ON a.number = j.actor"
        " LEFT JOIN ledger.target AS t ON t.seq = j.seq"
    ).fetchone() or (None,)
    copied = [bytes(row) for row in seals._rows(sealed.conn, 1, 0, 1 << 62)]
    assert copied == named
    assert [seals.canonical(seals.read(row)) for row in copied] == copied
    assert len(copied) == 12


@pytest.mark.parametrize("rows", [1, 2, 16, 17, 256, 257, 300])
def test_the_tree_of_the_database_is_that_of_python(conn: Conn, rows: int) -> None:
    leaves = b"".join(sha256(bytes([place % 256])).digest() for place in range(rows))
    (root,) = conn.execute("SELECT ledger.tree_root(%s)", (leaves,)).fetchone() or (None,)
    assert root == seals.tree_root(leaves)


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=600), st.data())
def test_every_leaf_of_every_tree_leads_to_its_root_and_no_other_does(
    contents: list[bytes], data: st.DataObject
) -> None:
    leaves = [seals.leaf(content) for content in contents]
    place = data.draw(st.integers(0, len(leaves) - 1))
    path = seals.tree_path(b"".join(leaves), place)
    root = seals.tree_root(b"".join(leaves))
    assert seals.climb(leaves[place], path) == root == plain_root(leaves)
    assert seals.climb(seals.leaf(b"other"), path) != root
    assert sum(len(step.before) + len(step.after) for step in path) <= 15 * 3


def plain_root(leaves: list[bytes]) -> bytes:
    """The definition, top down: sixteen children cover as equal powers of sixteen as there are."""
    if len(leaves) == 1:
        return leaves[0]
    share = 1
    while share * 16 < len(leaves):
        share *= 16
    children = [plain_subtree(leaves[i : i + share], share) for i in range(0, len(leaves), share)]
    return sha256(b"\x01" + b"".join(children)).digest()


def plain_subtree(leaves: list[bytes], size: int) -> bytes:
    """A child that would cover ``size`` leaves keeps its height even where fewer are left."""
    if size == 1:
        return leaves[0]
    children = [plain_subtree(leaves[i : i + size // 16], size // 16) for i in range(0, len(leaves), size // 16)]
    return sha256(b"\x01" + b"".join(children)).digest()


# Which rows are all there


def plant(owner: Conn, before: str, after: str) -> None:
    """Change one line of ledger.seal."""
    (source,) = owner.execute("SELECT pg_get_functiondef('ledger.seal'::regproc)").fetchone() or ("",)
    assert source.count(before) == 1
    owner.execute(source.replace(before, after).encode())


def test_a_payment_still_on_its_way_is_sealed_later_and_delays_nobody(sealed: Story, connect_again: Connect) -> None:
    slow = Story(connect_again(), accounts=sealed.accounts)
    slow.tell("pay ana shop 2.00")
    sealed.tell("pay coop ben 1.00")
    sealed.conn.commit()
    assert seal(sealed.conn) == []
    slow.conn.commit()
    assert rows_sealed(seal(sealed.conn)) == 2
    seals.verify(sealed.conn, town_id=1)


def left_out(sealed: Story, connect_again: Connect) -> int:
    """Rows that no block will ever take, after a payment was on its way while others were sealed."""
    slow = Story(connect_again(), accounts=sealed.accounts)
    sealed.tell("pay coop ben 1.00")
    sealed.conn.commit()
    slow.tell("pay ana shop 2.00")  # Nobody ends after it has begun: the newest number is its own.
    seal(sealed.conn)
    slow.conn.commit()
    seal(sealed.conn)
    try:
        seals.verify(sealed.conn, town_id=1)
    except SealBroken:
        return 1
    return queries.unsealed(sealed.conn, town_id=1)


def test_a_mark_is_a_number_of_its_own_and_not_the_end_of_a_snapshot(
    sealed: Story, owner_conn: Conn, connect_again: Connect
) -> None:
    assert left_out(sealed, connect_again) == 0
    plant(
        owner_conn,
        "xid := pg_current_xact_id()::text::bigint;",
        "xid := pg_snapshot_xmax(pg_current_snapshot())::text::bigint;",
    )
    assert left_out(sealed, connect_again) == 1


FIRST_THE_PLACE = "-- First the place, then the number."
THEN_THE_NUMBER = "INTO place FROM ledger.batch_number AS b;"


@pytest.mark.parametrize("planted", [False, True])
def test_a_mark_taken_in_the_wrong_order_would_leave_payments_out(
    sealed: Story, owner_conn: Conn, connect_again: Connect, planted: bool
) -> None:
    plant(owner_conn, THEN_THE_NUMBER, THEN_THE_NUMBER + " PERFORM pg_sleep(0.5);")
    if planted:
        plant(owner_conn, FIRST_THE_PLACE, "PERFORM pg_current_xact_id(); PERFORM pg_sleep(0.5);")
    sealed.tell("pay coop ben 1.00")
    sealed.conn.commit()
    slow = Story(connect_again(), accounts=sealed.accounts)
    with ThreadPoolExecutor(1) as other:
        sealing = other.submit(seal, connect_again())
        wait_until_asleep(owner_conn)
        slow.tell("pay ana shop 2.00")
        sealing.result()
    slow.conn.commit()
    seal(sealed.conn)
    if planted:
        with pytest.raises(SealBroken, match=r"rows and \d+ are there"):
            seals.verify(sealed.conn, town_id=1)
    else:
        seals.verify(sealed.conn, town_id=1)
        assert queries.unsealed(sealed.conn, town_id=1) == 0


def wait_until_asleep(owner: Conn) -> None:
    for _ in range(500):
        if owner.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'").fetchone():
            return
        time.sleep(0.01)
    raise AssertionError("nobody sleeps")


def test_who_seals_late_in_a_transaction_leaves_out_none_that_began_since(
    sealed: Story, connect_again: Connect
) -> None:
    """The caller's number is older than the payment on its way, whose batch number the mark is beyond."""
    late, slow, quick = (Story(connect_again(), accounts=sealed.accounts) for _ in range(3))
    late.conn.execute("SELECT pg_current_xact_id()")
    slow.tell("pay ana shop 2.00")
    quick.tell("pay coop ben 1.00")
    quick.conn.commit()
    assert seal(late.conn) == []
    assert seal(quick.conn) == []
    slow.conn.commit()
    assert rows_sealed(seal(quick.conn)) == 2
    seals.verify(sealed.conn, town_id=1)


def test_what_a_transaction_posts_itself_waits_and_its_mark_serves_the_next(sealed: Story) -> None:
    for _ in range(3):
        sealed.tell("pay ana shop 1.00")
        sealed.conn.execute("SAVEPOINT given_up")
        sealed.tell("pay ana shop 1.00")
        sealed.conn.execute("ROLLBACK TO given_up")
        operations.seal(sealed.conn, town_id=1, at=NOON)
        sealed.conn.commit()
    blocks = queries.blocks(sealed.conn, town_id=1, first=4)
    assert [block.transfers for block in blocks] == [1, 1]
    assert rows_sealed(seal(sealed.conn)) == 1
    seals.verify(sealed.conn, town_id=1)


def test_a_mark_waits_through_a_stream_of_payments_for_those_before_it_only(
    sealed: Story, connect_again: Connect
) -> None:
    first, second = (Story(connect_again(), accounts=sealed.accounts) for _ in range(2))
    first.tell("pay ana shop 1.00")
    assert seal(sealed.conn) == []
    sealed.tell("pay coop ben 0.10")
    sealed.conn.commit()
    assert seal(sealed.conn) == []  # The mark stands behind the first.
    second.tell("disburse escrow ben 1.00")  # This one is on its way until the end, and so is always somebody.
    first.conn.commit()
    assert rows_sealed(seal(sealed.conn)) == 2
    second.conn.commit()
    assert rows_sealed(seal(sealed.conn)) == 1
    seals.verify(sealed.conn, town_id=1)


def test_payments_and_sealers_do_not_wait_for_each_other(sealed: Story, connect_again: Connect) -> None:
    sealer = connect_again()
    sealed.tell("pay ana shop 1.00")
    sealed.conn.commit()
    assert operations.seal(sealer, town_id=1, at=NOON) is not None
    sealed.conn.execute("SET statement_timeout = '5s'")
    sealed.tell("pay ana shop 1.00")
    sealed.conn.commit()
    sealer.commit()
    assert rows_sealed(seal(sealer)) == 1


def test_a_mark_of_a_server_that_is_no_more_is_final(sealed: Story, owner_conn: Conn, connect_again: Connect) -> None:
    """After a restart, or where a dump was restored, on a cluster whose numbers are far behind."""
    slow = Story(connect_again(), accounts=sealed.accounts)
    sealed.tell("pay ana shop 1.00")
    sealed.conn.commit()
    slow.tell("pay ana shop 1.00")
    assert seal(sealed.conn) == []
    owner_conn.execute("UPDATE ledger.chain SET mark_xid = 1000000000000000, mark_start = mark_start - interval '1 d'")
    assert rows_sealed(seal(sealed.conn)) == 1
    slow.conn.rollback()
    sealed.tell("pay ana shop 1.00")
    sealed.conn.commit()
    assert rows_sealed(seal(sealed.conn)) == 1
    seals.verify(sealed.conn, town_id=1)


def test_the_first_batch_that_is_ever_numbered_is_not_behind_the_mark_before_it(
    sealed: Story, owner_conn: Conn
) -> None:
    """A sequence that was never asked says that its last number is 1; it is the next."""
    cut_back_to(owner_conn, 0)
    owner_conn.execute("DELETE FROM ledger.journal")
    owner_conn.execute("DELETE FROM ledger.target")
    owner_conn.execute("UPDATE ledger.account SET last_seq = 0")
    owner_conn.execute("SELECT setval('ledger.batch_number', 1, false)")
    (place,) = owner_conn.execute(
        "INSERT INTO ledger.journal SELECT (max(month)::bigint << 50), 1, now(), now(), 0, 0, 1, 1, 2, 1, 6, 0, 1, 't',"
        " gen_random_uuid(), '' FROM ledger.period RETURNING seq"
    ).fetchone() or (0,)
    blocks = seal(sealed.conn)
    assert [block.seq_to for block in blocks] == [place + (1 << 16)]


def test_a_new_month_falls_into_the_chain_like_any_other(
    sealed: Story, owner_conn: Conn, connect_again: Connect
) -> None:
    sealed.owner = owner_conn
    slow = Story(connect_again(), accounts=sealed.accounts)
    sealed.tell("pay ana shop 1.00")
    sealed.conn.commit()
    sealed.tell("month")
    slow.tell("pay coop ben 1.00")
    sealed.tell("pay ana shop 1.00")
    sealed.conn.commit()
    assert seal(sealed.conn) == []
    slow.conn.commit()
    sealed.tell("month")
    sealed.tell("pay ana shop 1.00")
    sealed.conn.commit()
    assert rows_sealed(seal(sealed.conn)) == 4
    seals.verify(sealed.conn, town_id=1)


def test_a_block_takes_so_many_rows_and_cuts_no_group(sealed: Story, owner_conn: Conn) -> None:
    """140,000 rows; the 65,537th stands in the middle of a group of ten."""
    owner_conn.execute(
        "INSERT INTO ledger.journal"
        " SELECT ((SELECT max(month) FROM ledger.period)::bigint << 50) | (1000 + n / 10 << 16) | n % 10, 1, now(),"
        " now(), 0, 0, 1, 1, 2, (SELECT min(number) FROM ledger.actor), 6, n % 10, 10, 't', gen_random_uuid(), ''"
        " FROM generate_series(0::bigint, 139999) AS n"
    )
    owner_conn.execute("SELECT setval('ledger.batch_number', 100000)")
    assert [block.transfers for block in seal(sealed.conn)] == [65530, 65530, 8940]
    assert seals.verify(sealed.conn, town_id=1) == queries.head(sealed.conn, town_id=1)
    proof = seals.proof(sealed.conn, town_id=1, transfer_id=random_id(owner_conn))
    assert sum(len(step.before) + len(step.after) for step in proof.path) <= 4 * 15
    assert seals.check_proof(proof, head=proof.block.hash)


def random_id(owner: Conn) -> UUID:
    (found,) = owner.execute(
        "SELECT id FROM ledger.journal WHERE seq < (SELECT seq_to FROM ledger.block WHERE number = 5)"
        " ORDER BY seq DESC OFFSET 777 LIMIT 1"
    ).fetchone() or (None,)
    assert isinstance(found, UUID)
    return found


def posters_and_sealers(sealed: Story, connect_again: Connect) -> list[Block]:
    """Thirty-two connections pay, fail, roll back and dawdle while two seal and one verifies; the blocks made meanwhile."""
    over = Event()

    def poster(number: int) -> None:
        own = Story(connect_again(), accounts=sealed.accounts)
        for turn in range(21):
            own.tell("pay ana shop 0.01\n" if number % 2 else "pay shop coop 0.01\n")
            if turn % 3 == 0:
                with pytest.raises(InsufficientFunds), savepoint(own.conn):
                    operations.transfer(
                        own.conn,
                        town_id=1,
                        debit=own.accounts["ben"],
                        credit=own.accounts["coop"],
                        amount=money("900.00"),
                        code="pay",
                        id=UUID(int=0),
                        effective_at=NOON,
                        actor="test:poster",
                    )
            if turn % 5 == number % 5:
                time.sleep(0.01)
            if turn % 7 == 0:
                own.conn.rollback()
            else:
                own.conn.commit()

    def sealer() -> list[Block]:
        own, blocks = connect_again(), []
        while not over.is_set():
            blocks += seal(own)
        return blocks

    def verifier() -> None:
        own = connect_again()
        while not over.is_set():
            seals.verify(own, town_id=1)
            own.commit()

    with ThreadPoolExecutor(35) as threads:
        sealing, verifying = [threads.submit(sealer) for _ in range(2)], threads.submit(verifier)
        try:
            for done in [threads.submit(poster, number) for number in range(32)]:
                done.result()
        finally:
            over.set()
        verifying.result()
        return [block for each in sealing for block in each.result()]


def test_nothing_is_left_out_while_many_post_and_two_seal(sealed: Story, connect_again: Connect) -> None:
    blocks = posters_and_sealers(sealed, connect_again)
    blocks += seal_to_the_end(sealed.conn)
    seals.verify(sealed.conn, town_id=1)
    assert rows_sealed(blocks) == 32 * 18
    assert len(blocks) > 10
    assert broken(sealed.conn) == []


def test_a_sealer_that_believes_every_mark_is_found_out(
    sealed: Story, owner_conn: Conn, connect_again: Connect
) -> None:
    plant(owner_conn, "ELSIF ledger.is_final(head.mark_xid, head.mark_start) THEN", "ELSE")
    with pytest.raises(SealBroken):
        for _ in range(10):
            posters_and_sealers(sealed, connect_again)
            seal(sealed.conn)
            seals.verify(sealed.conn, town_id=1)

"""Sealed blocks: what was written stays provable, and what was rewritten is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from koinon.ledger import operations, queries, seals
from koinon.ledger.errors import SealBroken, TransferNotSealed
from tests.ledger.story import NOON, TOWN, Story, broken

Conn = psycopg.Connection[Any]
Connect = Callable[[], Conn]


@pytest.fixture
def sealed(connect_again: Connect) -> Story:
    """A town with three blocks of five, one and three transfers."""
    story = Story(connect_again())
    for more in (TOWN + "pay ana shop 5.00\n" * 2, "pay ana shop 7.00", "pay shop coop 1.00\n" * 3):
        story.tell(more)
        story.conn.commit()
        operations.seal(story.conn, town_id=1, at=NOON)
        story.conn.commit()
    return story


def test_every_transfer_falls_into_exactly_one_block(sealed: Story) -> None:
    counts = [block.transfers for block in queries.blocks(sealed.conn, town_id=1)]
    assert counts == [5, 1, 3]
    assert queries.unsealed(sealed.conn, town_id=1) == 0
    assert operations.seal(sealed.conn, town_id=1, at=NOON) is None
    assert seals.verify(sealed.conn, town_id=1) == queries.head(sealed.conn, town_id=1)
    assert broken(sealed.conn) == []


def test_a_payment_still_on_its_way_is_sealed_later_and_delays_nobody(sealed: Story, connect_again: Connect) -> None:
    slow = Story(connect_again(), accounts=sealed.accounts)
    slow.tell("@slow pay ana shop 2.00")
    sealed.tell("@quick pay coop ben 1.00")
    sealed.conn.commit()
    assert operations.seal(sealed.conn, town_id=1, at=NOON) is None
    slow.conn.commit()
    block = operations.seal(sealed.conn, town_id=1, at=NOON)
    sealed.conn.commit()
    assert block is not None
    assert block.transfers == 2
    seals.verify(sealed.conn, town_id=1)


@pytest.mark.parametrize(
    ("tampering", "block"),
    [
        ("UPDATE ledger.transfer SET amount_minor = 1 WHERE amount_minor = 700", 2),
        ("UPDATE ledger.transfer SET actor = 'test:other' WHERE amount_minor = 700", 2),
        ("UPDATE ledger.transfer SET effective_at = effective_at + interval '1 us' WHERE amount_minor = 700", 2),
        ("DELETE FROM ledger.transfer WHERE amount_minor = 700", 2),
        ("UPDATE ledger.transfer SET tx = (SELECT max(tx) FROM ledger.transfer) WHERE amount_minor = 700", 2),
        ("UPDATE ledger.block SET transfers = 4 WHERE number = 3", 3),
        ("UPDATE ledger.block SET sealed_at = sealed_at, merkle_root = hash WHERE number = 1", 1),
        ("DELETE FROM ledger.block WHERE number = 2", 2),
        ("DELETE FROM ledger.block WHERE number = 3", 3),
        ("DELETE FROM ledger.block", 1),
        ("DELETE FROM ledger.chain", 4),
    ],
)
def test_a_rewrite_behind_the_application_is_found_and_its_block_named(
    sealed: Story, owner_conn: Conn, tampering: str, block: int
) -> None:
    owner_conn.execute("ALTER TABLE ledger.transfer DISABLE TRIGGER ALL")
    owner_conn.execute(tampering)
    with pytest.raises(SealBroken) as found:
        seals.verify(sealed.conn, town_id=1)
    assert found.value.block == block
    assert "seals_are_unbroken" in broken(sealed.conn)


def test_a_kept_hash_proves_a_rewrite_that_is_consistent_in_itself(sealed: Story, owner_conn: Conn) -> None:
    kept = {block.number: block.hash for block in queries.blocks(sealed.conn, town_id=1)}
    owner_conn.execute("UPDATE ledger.transfer SET reference = 'rewritten' WHERE amount_minor = 700")
    owner_conn.execute("DELETE FROM ledger.block WHERE number >= 2")
    owner_conn.execute(
        "UPDATE ledger.chain SET (number, tx_to, hash) = (SELECT number, tx_to, hash FROM ledger.block WHERE number = 1)"
    )
    operations.seal(sealed.conn, town_id=1, at=NOON)
    sealed.conn.commit()
    seals.verify(sealed.conn, town_id=1)
    with pytest.raises(SealBroken) as found:
        seals.verify(sealed.conn, town_id=1, kept=kept)
    assert found.value.block == 2


def test_a_receipt_is_proved_against_the_head_without_the_database(sealed: Story) -> None:
    blocks = queries.blocks(sealed.conn, town_id=1)
    for movement in queries.statement_of(sealed.conn, town_id=1, account=sealed.accounts["shop"]):
        proof = seals.proof(sealed.conn, town_id=1, transfer_id=movement.transfer_id)
        later = blocks[proof.block.number :]
        assert seals.check_proof(proof, head=blocks[-1].hash, later=later)
        assert len(proof.path) <= 3
        assert not seals.check_proof(proof, head=blocks[0].previous, later=later)
        forged = proof.canonical[:40] + b"\x01" + proof.canonical[41:]
        assert not seals.check_proof(replace(proof, canonical=forged), head=blocks[-1].hash, later=later)


def test_a_receipt_that_is_not_sealed_yet_is_said_to_be_so(sealed: Story) -> None:
    sealed.tell("p: pay ana shop 1.00")
    with pytest.raises(TransferNotSealed):
        seals.proof(sealed.conn, town_id=1, transfer_id=sealed.named["p"])


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=40), st.data())
def test_every_leaf_of_every_tree_leads_to_its_root_and_no_other_does(
    contents: list[bytes], data: st.DataObject
) -> None:
    leaves = [seals.leaf(content) for content in contents]
    place = data.draw(st.integers(0, len(leaves) - 1))
    running = leaves[place]
    for beside, on_the_left in seals.merkle_path(leaves, place):
        running = seals.node(beside, running) if on_the_left else seals.node(running, beside)
    assert running == seals.merkle_root(leaves) == rfc6962_root(contents)


def rfc6962_root(contents: list[bytes]) -> bytes:
    """The definition as the RFC gives it: split at the largest power of two below the size."""
    if len(contents) == 1:
        return seals.leaf(contents[0])
    split = 1 << ((len(contents) - 1).bit_length() - 1)
    return seals.node(rfc6962_root(contents[:split]), rfc6962_root(contents[split:]))


def test_books_restored_on_another_cluster_keep_their_order(sealed: Story, owner_conn: Conn) -> None:
    """After a dump is restored elsewhere, transaction numbers start low again and tx must not."""
    head = queries.head(sealed.conn, town_id=1)
    assert head is not None
    owner_conn.execute("UPDATE ledger.tx_base SET system_identifier = 1")
    with pytest.raises(psycopg.Error, match="koinon doctor"):
        sealed.tell("pay ana shop 1.00")
    sealed.conn.rollback()
    operations.adopt_cluster(sealed.conn)
    sealed.tell("pay ana shop 1.00")
    sealed.conn.commit()
    (base,) = owner_conn.execute("SELECT max(base) FROM ledger.tx_base").fetchone() or (0,)
    assert base >= head.tx_to
    block = operations.seal(sealed.conn, town_id=1, at=NOON)
    assert block is not None
    assert (block.number, block.transfers) == (4, 1)
    seals.verify(sealed.conn, town_id=1)


def test_blocks_taken_away_are_missed_as_soon_as_their_transfers_are_old(sealed: Story, owner_conn: Conn) -> None:
    owner_conn.execute("DELETE FROM ledger.block")
    owner_conn.execute("UPDATE ledger.chain SET number = 0, tx_to = 0, hash = decode(repeat('00', 32), 'hex')")
    owner_conn.execute("UPDATE ledger.transfer SET posted_at = posted_at - interval '61 minutes'")
    with pytest.raises(SealBroken, match="9 transfers have waited"):
        seals.verify(sealed.conn, town_id=1)
    assert broken(sealed.conn) == ["nothing_waits_long_for_its_seal"]


def test_books_that_come_back_to_their_first_cluster_keep_their_order(sealed: Story, owner_conn: Conn) -> None:
    """A dump moved to another cluster and back: there, transaction numbers ran ahead of the old base."""
    owner_conn.execute("UPDATE ledger.chain SET tx_to = tx_to + 1000000")
    owner_conn.execute("UPDATE ledger.transfer SET tx = tx + 1000000 WHERE amount_minor = 700")
    operations.adopt_cluster(sealed.conn)
    sealed.tell("pay ana shop 1.00")
    sealed.conn.commit()
    (ends,) = owner_conn.execute("SELECT tx_to FROM ledger.chain").fetchone() or (0,)
    (newest,) = owner_conn.execute("SELECT max(tx) FROM ledger.transfer").fetchone() or (0,)
    assert newest >= ends
    assert operations.seal(sealed.conn, town_id=1, at=NOON) is not None

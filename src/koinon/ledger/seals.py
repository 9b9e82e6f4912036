"""Sealed blocks seen from outside: verify them from the rows alone, prove and check one receipt.

Nothing here calls the database's own hashing: what ledger.seal (SQL) wrote is
computed again in Python, so that an error or a forger would have to fool both.

Source
------
Merkle tree: RFC 6962, section 2.1. docs/algorithms/sealing.md works an example.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from koinon.db.statements import maybe, scalar, statement
from koinon.ledger import queries
from koinon.ledger.errors import SealBroken, TransferNotSealed
from koinon.ledger.types import Block, PostedTransfer, Proof

GENESIS = bytes(32)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ABSENT = UUID(int=0)


def canonical(transfer: PostedTransfer) -> bytes:
    """The bytes of a transfer that its leaf covers (format 1)."""
    parts = [
        b"\x01",
        transfer.town_id.to_bytes(4, "big"),
        transfer.id.bytes,
        transfer.debit_account.to_bytes(8, "big"),
        transfer.credit_account.to_bytes(8, "big"),
        transfer.amount_minor.to_bytes(8, "big"),
        ((transfer.effective_at - _EPOCH) // timedelta(microseconds=1)).to_bytes(8, "big", signed=True),
        ((transfer.posted_at - _EPOCH) // timedelta(microseconds=1)).to_bytes(8, "big", signed=True),
        (transfer.group_id or _ABSENT).bytes,
        (transfer.reverses or _ABSENT).bytes,
        (transfer.hold_id or _ABSENT).bytes,
    ]
    for text in (transfer.code, transfer.key, transfer.actor, transfer.reference):
        content = text.encode()
        parts += [len(content).to_bytes(2, "big"), content]
    return b"".join(parts)


def leaf(content: bytes) -> bytes:
    """A leaf of the tree."""
    return sha256(b"\x00" + content).digest()


def node(left: bytes, right: bytes) -> bytes:
    """An inner node of the tree."""
    return sha256(b"\x01" + left + right).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes in their order (at least one).

    >>> a, b, c = (leaf(text) for text in (b"a", b"b", b"c"))
    >>> merkle_root([a, b, c]) == node(node(a, b), c)
    True
    """
    level = list(leaves)
    while len(level) > 1:
        above = [node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]


def merkle_path(leaves: Sequence[bytes], place: int) -> tuple[tuple[bytes, bool], ...]:
    """The hashes beside the way from leaf ``place`` (from 0) to the root: (hash, stands on the left)."""
    level, path = list(leaves), []
    while len(level) > 1:
        beside = place ^ 1
        if beside < len(level):
            path.append((level[beside], beside < place))
        above = [node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        if len(level) % 2:
            above.append(level[-1])
        level, place = above, place // 2
    return tuple(path)


def block_hash(town_id: int, block: Block) -> bytes:
    """The hash of a block, which covers the hash of the block before."""
    return sha256(
        b"\x02"
        + town_id.to_bytes(4, "big")
        + block.number.to_bytes(8, "big")
        + block.tx_from.to_bytes(8, "big")
        + block.tx_to.to_bytes(8, "big")
        + block.transfers.to_bytes(8, "big")
        + block.merkle_root
        + block.previous
    ).digest()


def verify(conn: Connection[Any], *, town_id: int, kept: dict[int, bytes] | None = None) -> Block | None:
    """Recompute a town's whole chain from its rows; the head, or None where nothing is sealed.

    Parameters
    ----------
    kept
        Hashes that somebody kept, by block number: whoever has an old head can
        prove a rewrite that is consistent in itself.

    Raises
    ------
    SealBroken
        Names the first block that differs, or the next one when transfers
        have waited for it for more than an hour: then nothing seals them, or
        their blocks were taken away.
    """
    previous, tx_to, newest = GENESIS, 0, None
    for number, block in enumerate(queries.blocks(conn, town_id=town_id), start=1):
        if block.number != number:
            raise SealBroken(town_id=town_id, block=number, reason="the block is missing")
        if block.previous != previous or block.tx_from != tx_to:
            raise SealBroken(town_id=town_id, block=number, reason="it does not follow the block before")
        leaves = [leaf(canonical(row)) for row in _rows(conn, town_id, block)]
        if len(leaves) != block.transfers:
            reason = f"it sealed {block.transfers} transfers and {len(leaves)} are there"
            raise SealBroken(town_id=town_id, block=number, reason=reason)
        if merkle_root(leaves) != block.merkle_root:
            raise SealBroken(town_id=town_id, block=number, reason="a transfer in it was changed")
        if block_hash(town_id, block) != block.hash:
            raise SealBroken(town_id=town_id, block=number, reason="its own row was changed")
        if kept and kept.get(number, block.hash) != block.hash:
            raise SealBroken(town_id=town_id, block=number, reason="it is not the block whose hash was kept")
        previous, tx_to, newest = block.hash, block.tx_to, block
    missing = sorted(set(kept or ()) - set(range(1, (newest.number if newest else 0) + 1)))
    if missing:
        raise SealBroken(town_id=town_id, block=missing[0], reason="a hash was kept of it and it is gone")
    chain_hash = scalar(conn, "SELECT hash FROM ledger.chain WHERE town_id = %(town_id)s", town_id=town_id)
    if bytes(chain_hash or GENESIS) != previous:
        raise SealBroken(
            town_id=town_id, block=(newest.number if newest else 0) + 1, reason="the newest blocks were cut off"
        )
    late = int(scalar(conn, statement("koinon.ledger", "waiting_long_for_a_seal"), town_id=town_id))
    if late:
        reason = f"{late} transfers have waited for more than an hour to be sealed"
        raise SealBroken(town_id=town_id, block=(newest.number if newest else 0) + 1, reason=reason)
    return newest


def proof(conn: Connection[Any], *, town_id: int, transfer_id: UUID) -> Proof:
    """That a transfer is in the sealed books; grows with the logarithm of its block.

    Raises ``TransferNotSealed``.
    """
    sql = statement("koinon.ledger", "block_of_transfer")
    block = maybe(conn, sql, Block, town_id=town_id, transfer_id=transfer_id)
    if block is None:
        raise TransferNotSealed(transfer_id=transfer_id)
    rows = list(_rows(conn, town_id, block))
    place = next(number for number, row in enumerate(rows) if row.id == transfer_id)
    contents = [canonical(row) for row in rows]
    path = merkle_path([leaf(content) for content in contents], place)
    return Proof(town_id, transfer_id, contents[place], path, block)


def check_proof(given: Proof, *, head: bytes, later: Sequence[Block] = ()) -> bool:
    """Whether a proof leads from its transfer to a head that its reader trusts.

    ``later`` are the blocks between the proof's block and the head, in order;
    empty when the proof's block is the head. Needs no database.
    """
    running = leaf(given.canonical)
    for beside, on_the_left in given.path:
        running = node(beside, running) if on_the_left else node(running, beside)
    if running != given.block.merkle_root or given.canonical[5:21] != given.transfer_id.bytes:
        return False
    last = block_hash(given.town_id, given.block)
    for block in later:
        if block.previous != last:
            return False
        last = block_hash(given.town_id, block)
    return last == head


def _rows(conn: Connection[Any], town_id: int, block: Block) -> Iterator[PostedTransfer]:
    with conn.cursor(row_factory=class_row(PostedTransfer)) as cursor:
        yield from cursor.execute(
            statement("koinon.ledger", "transfers_of_block").encode(),
            {"town_id": town_id, "tx_from": block.tx_from, "tx_to": block.tx_to},
        )

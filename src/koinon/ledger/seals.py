"""Sealed blocks seen from outside: verify them from the rows alone, prove and check one receipt.

Nothing here calls the database's own hashing: what ledger.seal (SQL) wrote is
computed again in Python from the columns as they stand, so that an error or a
forger would have to fool both.

Source
------
The separation of leaves from nodes is that of RFC 6962, section 2.1; the tree
is of degree 16. docs/algorithms/sealing.md gives the format to the byte and
works an example.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import islice
from struct import Struct
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg import Connection
from psycopg.errors import error_from_result
from psycopg.rows import tuple_row

from koinon.db.statements import maybe, scalar, statement
from koinon.ledger import queries
from koinon.ledger.errors import SealBroken, TransferNotSealed
from koinon.ledger.types import Block, Proof, SealedRow, Step

if TYPE_CHECKING:
    from koinon.ledger.seal_workers import Crew

GENESIS = bytes(32)
DEGREE = 16

# What the numbers of codes in sealed rows mean. Table ledger.code must say the same.
CODES: Mapping[int, str] = {
    1: "receive",
    2: "withdraw",
    3: "issue",
    4: "unissue",
    5: "disburse",
    6: "pay",
    7: "redeem",
    8: "payout",
    9: "expire",
    10: "topup",
    11: "bonus",
    12: "reward",
    13: "fee",
    14: "unbind",
    15: "exchange",
    17: "cover",
}

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's binary times count from here.
_MICROSECOND = timedelta(microseconds=1)
_COLUMNS = 15
_ID = slice(26, 42)  # Where the id stands in canonical bytes: what comes before has fixed widths.
_COPY_BEGINS = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_HEADER = Struct(">Biqqqqq")

_ROWS_AT_ONCE = 131_072
_BLOCKS_AT_ONCE = 8_192
_WORTH_PROCESSES = 300_000  # Rows; below, starting processes takes longer than they save.


# The format


def canonical(row: SealedRow) -> bytes:
    """The bytes of a row that its leaf covers (format 2): a row of PostgreSQL's COPY (FORMAT binary)."""
    number = {name: number for number, name in CODES.items()}[row.code]
    fields: list[bytes | None] = [
        row.town_id.to_bytes(4, "big"),
        row.seq.to_bytes(8, "big"),
        row.id.bytes,
        row.kind.encode("ascii"),
        row.debit_account.to_bytes(4, "big"),
        row.credit_account.to_bytes(4, "big"),
        row.amount_minor.to_bytes(8, "big"),
        number.to_bytes(2, "big"),
        row.leg.to_bytes(2, "big"),
        row.legs.to_bytes(2, "big"),
        microseconds(row.effective_at).to_bytes(8, "big", signed=True),
        microseconds(row.posted_at).to_bytes(8, "big", signed=True),
        None if row.target is None else row.target.bytes,
        row.actor.encode(),
        row.reference.encode(),
    ]
    parts = [_COLUMNS.to_bytes(2, "big")]
    for field in fields:
        parts.append(b"\xff\xff\xff\xff" if field is None else len(field).to_bytes(4, "big") + field)
    return b"".join(parts)


def read(content: bytes) -> SealedRow:
    """What canonical bytes say. Raises ValueError for bytes that are not canonical."""
    fields, place = [], 2
    while place < len(content):
        length = int.from_bytes(content[place : place + 4], "big", signed=True)
        place += 4
        fields.append(content[place : place + max(length, 0)] if length >= 0 else b"")
        place += max(length, 0)
    if len(fields) != _COLUMNS:
        raise ValueError(f"{len(fields)} columns where a sealed row has {_COLUMNS}")
    town, seq, uuid, kind, debit, credit, amount, code, leg, legs, effective, posted, target, actor, reference = fields
    row = SealedRow(
        town_id=int.from_bytes(town, "big"),
        seq=int.from_bytes(seq, "big"),
        id=UUID(bytes=uuid),
        kind=kind.decode("ascii"),
        debit_account=int.from_bytes(debit, "big"),
        credit_account=int.from_bytes(credit, "big"),
        amount_minor=int.from_bytes(amount, "big"),
        code=CODES.get(int.from_bytes(code, "big"), "?"),
        leg=int.from_bytes(leg, "big"),
        legs=int.from_bytes(legs, "big"),
        effective_at=_instant(effective),
        posted_at=_instant(posted),
        target=UUID(bytes=target) if target else None,
        actor=actor.decode(),
        reference=reference.decode(),
    )
    if row.code == "?" or canonical(row) != content:
        raise ValueError("these are not the canonical bytes of a row")
    return row


def microseconds(instant: datetime) -> int:
    """Since 2000-01-01 UTC, as PostgreSQL counts."""
    return (instant - _EPOCH) // _MICROSECOND


def _instant(content: bytes) -> datetime:
    try:
        return _EPOCH + int.from_bytes(content, "big", signed=True) * _MICROSECOND
    except OverflowError as far:
        raise ValueError("a time outside the calendar") from far


def leaf(content: bytes) -> bytes:
    """A leaf of the tree. Canonical bytes begin with 00, nodes with 01, blocks with 02."""
    return sha256(content).digest()


def node(children: bytes) -> bytes:
    """An inner node of the tree, over the joined hashes of up to sixteen children."""
    return sha256(b"\x01" + children).digest()


def tree_root(leaves: bytes) -> bytes:
    """The root over joined leaf hashes in their order (at least one).

    >>> tree_root(bytes(32)) == bytes(32)
    True
    >>> tree_root(bytes(17 * 32)) == node(node(bytes(16 * 32)) + node(bytes(32)))
    True
    """
    level = leaves
    while len(level) > 32:
        level = _level_above(level)
    return level


def tree_path(leaves: bytes, place: int) -> tuple[Step, ...]:
    """The hashes beside the way from leaf ``place`` (from 0) to the root, level by level."""
    level, path = leaves, []
    while len(level) > 32:
        first = place - place % DEGREE
        family = [level[i : i + 32] for i in range(first * 32, min((first + DEGREE) * 32, len(level)), 32)]
        path.append(Step(tuple(family[: place - first]), tuple(family[place - first + 1 :])))
        level, place = _level_above(level), place // DEGREE
    return tuple(path)


def climb(start: bytes, path: Sequence[Step]) -> bytes:
    """The root that a way leads to."""
    running = start
    for step in path:
        running = node(b"".join((*step.before, running, *step.after)))
    return running


def _level_above(level: bytes) -> bytes:
    return b"".join([sha256(b"\x01" + level[i : i + DEGREE * 32]).digest() for i in range(0, len(level), DEGREE * 32)])


def block_hash(town_id: int, block: Block) -> bytes:
    """The hash of a block, which covers the hash of the block before."""
    sealed_at = microseconds(block.sealed_at)
    numbers = _HEADER.pack(2, town_id, block.number, block.seq_from, block.seq_to, block.transfers, sealed_at)
    return sha256(numbers + block.merkle_root + block.previous).digest()


# Verification


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive blocks whose rows are read in one go; their own hashes and order have been checked."""

    blocks: tuple[Block, ...]

    @property
    def rows(self) -> int:
        return sum(block.transfers for block in self.blocks)


def verify(
    conn: Connection[Any],
    *,
    town_id: int,
    kept: Mapping[int, bytes] | None = None,
    processes: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Block | None:
    """Recompute a town's whole chain from its rows; the head, or None where nothing is sealed.

    Parameters
    ----------
    kept
        Hashes that somebody kept, by block number: whoever has an old head can
        prove a rewrite that is consistent in itself.
    processes
        How many to spread the rows over, each with a connection of its own to
        the same database; they see what is committed. What one of them doubts
        or cannot read is read again here, on ``conn``.
    progress
        Is told how many rows have been verified, and of how many.

    Raises
    ------
    SealBroken
        Names the first block that differs, or the next one when rows have
        waited for it for more than an hour: then nothing seals them, or their
        blocks were taken away.
    """
    total = int(scalar(conn, _TOTAL, town_id=town_id))
    walk = _Walk(conn, town_id, dict(kept or {}))
    done = 0
    waiting: deque[tuple[Stretch, Callable[[], bool]]] = deque()

    def settle() -> None:
        nonlocal done
        stretch, answer = waiting.popleft()
        if not answer():
            _read_block_by_block(conn, town_id, stretch)
        done += stretch.rows
        if progress is not None:
            progress(done, total)

    with _crew(conn, town_id, processes if total >= _WORTH_PROCESSES else 1) as crew:
        for found in walk.stretches():
            if isinstance(found, SealBroken):
                while waiting:
                    settle()
                raise found
            if crew is None:
                waiting.append((found, partial(rows_match, conn, town_id, found)))
                settle()
            else:
                waiting.append((found, crew.ask(found)))
                if len(waiting) > 2 * processes:
                    settle()
        while waiting:
            settle()
    return walk.newest


def _crew(conn: Connection[Any], town_id: int, processes: int) -> AbstractContextManager[Crew | None]:
    if processes < 2:
        return nullcontext()
    from koinon.ledger import seal_workers

    return seal_workers.Crew(conn, town_id, processes)


class _Walk:
    """Along the chain, looking at the blocks themselves and not at their rows."""

    def __init__(self, conn: Connection[Any], town_id: int, kept: dict[int, bytes]) -> None:
        self.conn = conn
        self.town_id = town_id
        self.kept = kept
        self.newest: Block | None = None

    @property
    def _number(self) -> int:
        return self.newest.number if self.newest else 0

    def stretches(self) -> Iterator[Stretch | SealBroken]:
        """Every stretch of good blocks in order; then, where the chain is broken, in what way."""
        blocks: list[Block] = []
        rows = 0
        for block in self._blocks():
            reason = self._reason(block)
            if reason:
                if blocks:
                    yield Stretch(tuple(blocks))
                yield SealBroken(town_id=self.town_id, block=self._number + 1, reason=reason)
                return
            if blocks and (rows + block.transfers > _ROWS_AT_ONCE or len(blocks) >= _BLOCKS_AT_ONCE):
                yield Stretch(tuple(blocks))
                blocks, rows = [], 0
            blocks.append(block)
            rows += block.transfers
            self.newest = block
        if blocks:
            yield Stretch(tuple(blocks))
        reason = self._reason_at_the_end()
        if reason:
            yield SealBroken(town_id=self.town_id, block=self._number + 1, reason=reason)

    def _blocks(self) -> Iterator[Block]:
        """Page by page, and on to those that are sealed meanwhile."""
        while page := queries.blocks(self.conn, town_id=self.town_id, first=self._number + 1, most=_BLOCKS_AT_ONCE):
            yield from page

    def _reason(self, block: Block) -> str:
        previous, seq_to = (self.newest.hash, self.newest.seq_to) if self.newest else (GENESIS, 0)
        if self.newest is None and self._codes() != CODES:
            raise SealBroken(town_id=self.town_id, block=1, reason="a code has another meaning than it was sealed with")
        if block.number != self._number + 1:
            return "the block is missing"
        if block.previous != previous or block.seq_from != seq_to:
            return "it does not follow the block before"
        if block_hash(self.town_id, block) != block.hash:
            return "its own row was changed"
        if self.kept.pop(block.number, block.hash) != block.hash:
            return "it is not the block whose hash was kept"
        return ""

    def _reason_at_the_end(self) -> str:
        if self.kept:
            return "a hash was kept of it and it is gone"
        head = scalar(self.conn, _HEAD, town_id=self.town_id)
        if bytes(head or GENESIS) != (self.newest.hash if self.newest else GENESIS):
            if queries.blocks(self.conn, town_id=self.town_id, first=self._number + 1, most=1):
                return ""  # Sealed since the last page was read: the next to verify will see it.
            return "the newest blocks were cut off"
        late = int(scalar(self.conn, statement("koinon.ledger", "waiting_long_for_a_seal"), town_id=self.town_id))
        return f"{late} rows have waited for more than an hour to be sealed" if late else ""

    def _codes(self) -> dict[int, str]:
        with self.conn.cursor(row_factory=tuple_row) as cursor:
            return dict(cursor.execute("SELECT number, name FROM ledger.code").fetchall())


_HEAD = "SELECT hash FROM ledger.chain WHERE town_id = %(town_id)s"
_TOTAL = "SELECT coalesce(sum(transfers), 0) FROM ledger.block WHERE town_id = %(town_id)s"


def rows_match(conn: Connection[Any], town_id: int, stretch: Stretch) -> bool:
    """Whether the rows of a stretch, counted off block by block, have the roots that were sealed."""
    first, last = stretch.blocks[0], stretch.blocks[-1]
    rows = _rows(conn, town_id, first.seq_from, last.seq_to)
    hashed = sha256  # A local name: the line below runs once a row.
    for block in stretch.blocks:
        leaves = b"".join([hashed(row).digest() for row in islice(rows, block.transfers)])
        if len(leaves) != block.transfers * 32 or tree_root(leaves) != block.merkle_root:
            rows.close()
            return False
    return next(rows, None) is None


def _read_block_by_block(conn: Connection[Any], town_id: int, stretch: Stretch) -> None:
    for block in stretch.blocks:
        leaves = _leaves(conn, town_id, block)
        if len(leaves) != block.transfers * 32:
            reason = f"it sealed {block.transfers} rows and {len(leaves) // 32} are there"
            raise SealBroken(town_id=town_id, block=block.number, reason=reason)
        if tree_root(leaves) != block.merkle_root:
            raise SealBroken(town_id=town_id, block=block.number, reason="a row in it was changed")


def _leaves(conn: Connection[Any], town_id: int, block: Block) -> bytes:
    return b"".join([sha256(row).digest() for row in _rows(conn, town_id, block.seq_from, block.seq_to)])


def _rows(conn: Connection[Any], town_id: int, seq_from: int, seq_to: int) -> Generator[Any]:
    """The rows in a range of the journal as they are copied out: each is its canonical bytes.

    psycopg's own way to iterate costs more a row than hashing it; libpq's call, which gives one row at
    a time (so says the protocol), does not.
    """
    params = {"town_id": town_id, "seq_from": seq_from, "seq_to": seq_to}
    with conn.cursor() as cursor, cursor.copy(statement("koinon.ledger", "sealed_rows").encode(), params) as copy:
        receive = conn.pgconn.get_copy_data
        size, row = receive(0)
        if size > 0:
            assert row[:19] == _COPY_BEGINS, "a binary copy"
            row = row[19:]
            if not row:
                size, row = receive(0)
        while size > 0 and len(row) > 2:
            yield row
            size, row = receive(0)
        if size > 0:
            assert bytes(row) == b"\xff\xff", "the end of a binary copy"
            assert not copy.read(), "nothing follows the end"
            return
        failed = None
        while result := conn.pgconn.get_result():
            failed = result
        assert failed is not None, "a copy that breaks off says why"
        raise error_from_result(failed, encoding="utf-8")


# Proofs


def proof(conn: Connection[Any], *, town_id: int, transfer_id: UUID) -> Proof:
    """That a transfer (or hold, or release) is in the sealed books; grows with the logarithm of its block.

    Raises ``TransferNotSealed``.
    """
    return proofs(conn, town_id=town_id, transfer_ids=[transfer_id])[0]


def proofs(conn: Connection[Any], *, town_id: int, transfer_ids: Sequence[UUID]) -> list[Proof]:
    """``proof`` of some rows of one group, which are sealed together; their block is read once.

    Raises ``TransferNotSealed``.
    """
    sql = statement("koinon.ledger", "block_of_transfer")
    block = maybe(conn, sql, Block, town_id=town_id, transfer_id=transfer_ids[0])
    if block is None:
        raise TransferNotSealed(transfer_id=transfer_ids[0])
    wanted = {one.bytes: one for one in transfer_ids}
    leaves, found = bytearray(), {}
    for number, row in enumerate(_rows(conn, town_id, block.seq_from, block.seq_to)):
        leaves += sha256(row).digest()
        if (one := wanted.get(bytes(row[_ID]))) is not None:
            found[one] = (bytes(row), number)
    assert set(found) == set(transfer_ids), "rows stand in their block"
    content = bytes(leaves)
    return [Proof(town_id, one, found[one][0], tree_path(content, found[one][1]), block) for one in transfer_ids]


def check_proof(given: Proof, *, head: bytes, later: Sequence[Block] = ()) -> bool:
    """Whether a proof leads from its row to a head that its reader trusts.

    ``later`` are the blocks between the proof's block and the head, in order;
    empty when the proof's block is the head. Needs no database.
    """
    try:
        row = read(given.canonical)
    except ValueError:
        return False
    if (row.town_id, row.id) != (given.town_id, given.transfer_id):
        return False
    if not given.block.seq_from <= row.seq < given.block.seq_to:
        return False
    if climb(leaf(given.canonical), given.path) != given.block.merkle_root:
        return False
    last = block_hash(given.town_id, given.block)
    for block in later:
        if block.previous != last:
            return False
        last = block_hash(given.town_id, block)
    return last == head

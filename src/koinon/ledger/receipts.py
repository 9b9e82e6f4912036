"""The proof of a whole receipt: its transfers stand side by side in one block, and the chain leads on to a head.

``document`` is what a file holds; ``packed`` is the chain in a form small enough for a
telephone, which computes every hash again and so needs none of them.
docs/algorithms/sealing.md gives both to the byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from struct import Struct
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.ledger import seals
from koinon.ledger.types import Block, Proof, Step

FORMAT = "koinon-receipt-1"
_LINK = Struct(">qqq32s")  # seq_to, rows, sealed_at; the root. The rest follows from the block before.


@dataclass(frozen=True, slots=True)
class ReceiptProof:
    """That some neighbouring transfers are in one block. ``proofs`` are in the order of the books."""

    town_id: int
    block: Block
    proofs: tuple[Proof, ...]


def prove(conn: Connection[Any], *, town_id: int, transfers: Sequence[UUID]) -> ReceiptProof:
    """Prove the transfers of one receipt (at least one). Refuses with ``TransferNotSealed``."""
    proofs = tuple(seals.proofs(conn, town_id=town_id, transfer_ids=transfers))
    return ReceiptProof(town_id, proofs[0].block, proofs)


def holds(given: ReceiptProof, *, head: bytes, later: Sequence[Block] = ()) -> bool:
    """Whether every transfer of a receipt leads to a head that its reader trusts; needs no database."""
    return bool(given.proofs) and all(seals.check_proof(proof, head=head, later=later) for proof in given.proofs)


def document(given: ReceiptProof, *, town: str, receipt: UUID, later: Sequence[Block]) -> dict[str, Any]:
    """A receipt's proof as a file holds it: bytes are hex, times ISO 8601."""
    return {
        "format": FORMAT,
        "town": town,
        "town_id": given.town_id,
        "receipt": str(receipt),
        "proofs": [
            {"transfer": str(proof.transfer_id), "says": _says(proof), "canonical": proof.canonical.hex(), "path": _path(proof)}
            for proof in given.proofs
        ],
        "block": block_document(given.block),
        "later": [block_document(block) for block in later],
    }  # fmt: skip


def read(content: dict[str, Any]) -> tuple[ReceiptProof, list[Block]]:
    """A proof from its document, one receipt's or one transfer's, and the blocks after it.

    Raises ValueError, KeyError or TypeError for anything else.
    """
    town_id, block = int(content["town_id"]), read_block(content["block"])
    rows = content["proofs"] if content.get("format") == FORMAT else [content]
    proofs = tuple(
        Proof(
            town_id=town_id,
            transfer_id=UUID(row["transfer"]),
            canonical=bytes.fromhex(row["canonical"]),
            path=tuple(Step(_hashes(step["before"]), _hashes(step["after"])) for step in row["path"]),
            block=block,
        )
        for row in rows
    )
    return ReceiptProof(town_id, block, proofs), [read_block(row) for row in content["later"]]


def block_document(block: Block) -> dict[str, Any]:
    """A block as a file holds it."""
    return {
        "number": block.number,
        "seq_from": block.seq_from,
        "seq_to": block.seq_to,
        "transfers": block.transfers,
        "merkle_root": block.merkle_root.hex(),
        "previous": block.previous.hex(),
        "hash": block.hash.hex(),
        "sealed_at": block.sealed_at.isoformat(),
    }


def read_block(row: dict[str, Any]) -> Block:
    """A block from its document."""
    return Block(
        number=int(row["number"]),
        seq_from=int(row["seq_from"]),
        seq_to=int(row["seq_to"]),
        transfers=int(row["transfers"]),
        merkle_root=bytes.fromhex(row["merkle_root"]),
        previous=bytes.fromhex(row["previous"]),
        hash=bytes.fromhex(row["hash"]),
        sealed_at=datetime.fromisoformat(row["sealed_at"]),
    )


def packed(blocks: Sequence[Block]) -> bytes:
    """Consecutive blocks, 56 bytes each: what their hashes cover and the block before does not say.

    >>> len(packed([])), _LINK.size
    (0, 56)
    """
    return b"".join(
        _LINK.pack(block.seq_to, block.transfers, seals.microseconds(block.sealed_at), block.merkle_root)
        for block in blocks
    )


def _says(proof: Proof) -> dict[str, Any]:
    said = asdict(seals.read(proof.canonical))
    return {name: value if isinstance(value, int) or value is None else str(value) for name, value in said.items()}


def _path(proof: Proof) -> list[dict[str, list[str]]]:
    return [
        {"before": [one.hex() for one in step.before], "after": [one.hex() for one in step.after]}
        for step in proof.path
    ]


def _hashes(given: list[str]) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(one) for one in given)

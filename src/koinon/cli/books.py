"""``koinon check`` and ``koinon seal``: the books are closed, and anyone can check them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.errors import FileNotUnderstood
from koinon.cli.opening import DatabaseOption, JsonOption, TownOption
from koinon.cli.output import REFUSED, Output, plain, speaking

if TYPE_CHECKING:
    from rich.console import Console

    from koinon.ledger.receipts import ReceiptProof
    from koinon.ledger.types import Block

PROGRESS_EVERY_SECONDS = 3.0

seal = typer.Typer(help="Seal; recompute the sealed chain of transfers; prove one receipt.", no_args_is_help=True)


def check(as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """Run every invariant of the books. Status 1 when one fails, with the rows that break it."""
    from koinon.db.checks import run_checks

    with speaking(as_json) as out, opening.books(database, patience_seconds=0) as conn:
        results = run_checks(conn)
        failed = [result for result in results if not result.passed]

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table, well_or_not

            table = plain_table("", "invariant", "package")
            for result in results:
                mark = well_or_not(result.passed, "holds", "failed")
                table.add_row(mark, result.says or result.name, result.package.removeprefix("koinon."))
            console.print(table)
            for result in failed:
                console.print(f"\n{result.package}: {result.name}", style="bold")
                for row in result.failures[:20]:
                    console.print("  " + json.dumps(row, default=plain), markup=False)
                if len(result.failures) > 20:
                    console.print(f"  and {len(result.failures) - 20} or more besides")
            console.print(f"\n{len(results)} checked, {len(failed)} failed")

        failures = [{"name": result.name, "package": result.package, "rows": result.failures} for result in failed]
        out.document({"checked": len(results), "failed": len(failed), "failures": failures}, show)
        if failed:
            raise typer.Exit(REFUSED)


@seal.command("now")
def seal_now(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """Close a block over what was posted since the last one, without waiting for the site to do so."""
    from datetime import UTC, datetime

    from koinon.db.transactions import transaction
    from koinon.ledger import operations, queries

    with speaking(as_json) as out, opening.books(database) as conn:
        with transaction(conn):
            towns = opening.towns(conn, town)
        sealed: list[dict[str, Any]] = []
        for one in towns:
            with transaction(conn):
                blocks = operations.seal_all(conn, town_id=one.id, at=datetime.now(UTC))
                newest = queries.head(conn, town_id=one.id)
            rows = sum(block.transfers for block in blocks)
            sealed.append({"town": one.slug, "transfers": rows, **_head(newest)})

        def show(console: Console) -> None:
            for row in sealed:
                told = f"block {row['block']}, head {row['hash']}" if row["hash"] else "nothing was ever posted"
                console.print(f"{row['town']}: {row['transfers']} transfers sealed; {told}", soft_wrap=True)

        out.document({"sealed": sealed}, show)


@seal.command("verify")
def verify(
    kept: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="A head kept earlier, as `koinon seal head --json` printed it."),
    ] = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Recompute every block from the rows alone. Status 1 names the first block that differs."""
    from koinon.ledger import seals
    from koinon.ledger.seal_workers import cores

    with speaking(as_json) as out, opening.books(database, patience_seconds=0) as conn:
        heads = _kept_heads(kept)
        towns = opening.towns(conn, town)
        conn.rollback()  # The workers see what is committed now; so shall this connection.
        verified: list[dict[str, Any]] = []
        for one in towns:
            told = _telling(out, one.slug)
            block = seals.verify(conn, town_id=one.id, kept=heads.get(one.slug), processes=cores(), progress=told)
            verified.append({"town": one.slug, **_head(block)})

        def show(console: Console) -> None:
            for row in verified:
                blocks = f"{row['block']} blocks unbroken, head {row['hash']}" if row["hash"] else "nothing sealed yet"
                console.print(f"{row['town']}: {blocks}")

        out.document({"verified": verified}, show)


@seal.command("head")
def head(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """Print the newest block's hash. Keep it: it proves any later rewrite."""
    from koinon.ledger import queries

    with speaking(as_json) as out, opening.books(database, patience_seconds=0) as conn:
        one = opening.town(conn, town)
        content = {"town": one.slug, **_head(queries.head(conn, town_id=one.id))}
        out.document(content, lambda console: console.print(content["hash"] or "nothing sealed yet", soft_wrap=True))


@seal.command("proof")
def proof(
    transfer: Annotated[UUID, typer.Argument(metavar="TRANSFER", help="The transfer's id, as on the receipt.")],
    town: TownOption = "",
    database: DatabaseOption = None,
) -> None:
    """Print, as JSON, that one transfer is in the sealed books; `koinon seal check-proof` needs no database."""
    from dataclasses import asdict

    from koinon.ledger import queries, seals

    with speaking(True) as out, opening.books(database, patience_seconds=0) as conn:
        one = opening.town(conn, town)
        given = seals.proof(conn, town_id=one.id, transfer_id=transfer)
        later = queries.blocks(conn, town_id=one.id, first=given.block.number + 1)
        says = asdict(seals.read(given.canonical))
        out.document(
            {
                "format": "koinon-proof-2",
                "town": one.slug,
                "town_id": one.id,
                "transfer": given.transfer_id,
                "says": says,
                "canonical": given.canonical,
                "path": [{"before": list(step.before), "after": list(step.after)} for step in given.path],
                "block": _block(given.block),
                "later": [_block(block) for block in later],
            }
        )


@seal.command("receipt")
def receipt(
    receipt_id: Annotated[UUID, typer.Argument(metavar="RECEIPT", help="The number on the receipt.")],
    town: TownOption = "",
    database: DatabaseOption = None,
) -> None:
    """Print, as JSON, that a whole receipt is in the sealed books, as its holder's wallet gives it."""
    from koinon.ledger import queries, receipts
    from koinon.ledger.errors import TransferNotSealed

    with speaking(True) as out, opening.books(database, patience_seconds=0) as conn:
        one = opening.town(conn, town)
        transfers = [line.id for line in queries.transfers_of_group(conn, town_id=one.id, group_id=receipt_id)]
        if not transfers:
            raise TransferNotSealed(transfer_id=receipt_id)
        given = receipts.prove(conn, town_id=one.id, transfers=transfers)
        later = queries.blocks(conn, town_id=one.id, first=given.block.number + 1)
        out.document(receipts.document(given, town=one.slug, receipt=receipt_id, later=later))


@seal.command("check-proof")
def check_proof(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What the wallet, `koinon seal receipt` or `koinon seal proof` gave.")
    ],
    trusted: Annotated[str, typer.Option("--head", metavar="HASH", help="A head you kept or read on the public page.")],
    as_json: JsonOption = False,
) -> None:
    """Check a receipt's proof against a head you trust. Needs no database."""
    from dataclasses import asdict

    from koinon.ledger import receipts, seals

    with speaking(as_json) as out:
        given, later = _read_proof(file)
        head_at = next(
            (place for place, block in enumerate([given.block, *later]) if block.hash.hex() == trusted), None
        )
        holds = head_at is not None and receipts.holds(given, head=bytes.fromhex(trusted), later=later[:head_at])
        says = [asdict(seals.read(proof.canonical)) for proof in given.proofs] if holds else []
        first = given.proofs[0].transfer_id if given.proofs else None
        out.document(
            {"transfer": first, "holds": holds, "says": says[0] if says else None, "lines": says},
            lambda console: console.print(
                "The transfer is in the books under that head."
                if holds and len(given.proofs) == 1
                else f"The receipt's {len(given.proofs)} transfers are in the books under that head."
                if holds
                else "The proof does not lead to that head.",
                style=None if holds else "red",
            ),
        )
        if not holds:
            raise typer.Exit(REFUSED)


def _telling(out: Output, town: str) -> Callable[[int, int], None]:
    """Says how far a long verification is, every few seconds."""
    last = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > PROGRESS_EVERY_SECONDS:
            last = time.monotonic()
            out.progress(f"{town}: {done:,} of {total:,} rows verified")

    return tell


def _head(block: Block | None) -> dict[str, Any]:
    if block is None:
        return {"block": 0, "hash": None, "sealed_at": None}
    return {"block": block.number, "hash": block.hash.hex(), "sealed_at": block.sealed_at}


def _block(block: Block) -> dict[str, Any]:
    return {
        "number": block.number,
        "seq_from": block.seq_from,
        "seq_to": block.seq_to,
        "transfers": block.transfers,
        "merkle_root": block.merkle_root,
        "previous": block.previous,
        "hash": block.hash,
        "sealed_at": block.sealed_at,
    }


def _kept_heads(file: Path | None) -> Mapping[str, dict[int, bytes]]:
    """Hashes by town and block number, from one head or a list of them."""
    if file is None:
        return {}
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        rows = document.get("verified", [document]) if isinstance(document, dict) else document
        heads: dict[str, dict[int, bytes]] = {}
        for row in rows:
            if row["hash"]:
                heads.setdefault(str(row["town"]), {})[int(row["block"])] = bytes.fromhex(row["hash"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise FileNotUnderstood(file=file, expected="heads as `koinon seal head --json` prints them") from wrong
    return heads


def _read_proof(file: Path) -> tuple[ReceiptProof, list[Block]]:
    from koinon.ledger import receipts

    try:
        return receipts.read(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise FileNotUnderstood(file=file, expected="a proof as the wallet or `koinon seal proof` gives it") from wrong

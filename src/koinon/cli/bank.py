"""``koinon bank``: what the bank's statement says, matched with the books or listed with its reasons."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import counted, speaking

if TYPE_CHECKING:
    from rich.console import Console

    from koinon.banking.types import Entry, Imported, Reserve
    from koinon.parties.types import TownFacts

app = typer.Typer(
    help="Import the bank's statements, see what could not be matched and why, and match it.", no_args_is_help=True
)
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in a few words; no names.")]


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="camt.053, pain.002 or CSV.", dir_okay=False)],
    actor: ActorOption,
    account: Annotated[str, typer.Option("--account", metavar="CODE", help="The account a CSV is of.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and do nothing.")] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Take in a file from the bank. Every entry is kept once, however often its file is imported, and the command says so."""
    from koinon.banking import operations, queries
    from koinon.db.transactions import transaction
    from koinon.parties import queries as parties
    from koinon.parties.secrets import Secrets

    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        content = _read(file)
        here: dict[str, Any] = {"town_id": facts.id, "at": datetime.now(UTC), "actor": who}
        step = {**here, "content": content, "account": account, "secrets": Secrets.load()}
        entries: list[Entry] = []
        matched_now = 0
        with transaction(conn):
            done = operations.look(conn, **step) if dry_run else operations.import_file(conn, **step)
            staff = {f"user:{one.id}": one.username for one in parties.staff(conn, town_id=facts.id)}
        if not dry_run:
            tried = operations.match_listed(conn, **here, in_transaction=lambda: transaction(conn))
            matched_now = tried.matched
            with transaction(conn):
                entries = queries.entries(conn, town_id=facts.id, file=done.file_id, limit=100_000)
        listed = [one for one in entries if not one.is_matched]
        importer = staff.get(done.imported_by, done.imported_by)

        def show(console: Console) -> None:
            if done.imported_at is not None:
                came = f"{matched_now} matched now" if matched_now else "nothing changed"
                day = done.imported_at.astimezone(facts.zone).date()
                console.print(f"This file was imported on {day} by {importer}; {came}.", markup=False, soft_wrap=True)
            console.print(_told(done, entries, dry_run), markup=False, soft_wrap=True)
            for answer in done.answers:
                said = f"{answer.status} {answer.reason}".strip()
                console.print(
                    f"payment {answer.payment_id or '?'}: {said}: {answer.outcome}", markup=False, soft_wrap=True
                )
            if dry_run:
                _print_outcomes(console, done, facts)
            elif listed:
                _print(console, listed, facts)

        content_json = {
            "town": facts.slug, "file": done.file_id, "kind": done.kind, "known": done.known, "pending": done.pending,
            "matched": done.matched if dry_run else len(entries) - len(listed),
            "listed": done.listed if dry_run else len(listed),
            "replayed": done.replayed, "imported_at": done.imported_at, "imported_by": importer,
            "fingerprint": done.fingerprint,
            "entries": [_as_json(one) for one in entries],
            "outcomes": [asdict(one) for one in done.outcomes] if dry_run else [],
            "answers": [asdict(one) for one in done.answers],
        }  # fmt: skip
        out.document(content_json, show)


@app.command("list")
def list_entries(
    every: Annotated[bool, typer.Option("--all", help="Those that are matched, too.")] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """List the entries that are not matched, newest first, each with every reason."""
    from koinon.banking import queries
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            entries = queries.entries(conn, town_id=facts.id, listed=None if every else True, limit=20_000)

        def show(console: Console) -> None:
            if entries:
                _print(console, entries, facts)
            else:
                console.print("Every entry is matched.")

        out.document({"town": facts.slug, "entries": [_as_json(one) for one in entries]}, show)


@app.command("match")
def match(
    actor: ActorOption,
    entry: Annotated[UUID | None, typer.Argument(metavar="[ENTRY]", help="Without it, all are tried again.")] = None,
    kind: Annotated[
        str,
        typer.Option("--is", metavar="KIND", help="receipt, withdrawal, topup, payout, return, charge, own or other."),
    ] = "",
    fund: Annotated[str, typer.Option("--fund", metavar="CODE", help="Of a receipt or withdrawal.")] = "",
    payment: Annotated[UUID | None, typer.Option("--payment", metavar="PAYMENT", help="Of a payout or return.")] = None,
    reference: Annotated[str, typer.Option("--reference", metavar="RF", help="Of a top-up.")] = "",
    reason: ReasonOption = "",
    undo: Annotated[bool, typer.Option("--undo", help="List an entry again that was set aside.")] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Try every listed entry again, or say what one of them is, and why."""
    from koinon.banking import operations, queries
    from koinon.banking.types import MatchKind
    from koinon.db.transactions import transaction
    from koinon.programmes import queries as programmes

    if entry is not None and not undo and kind not in {one.value for one in MatchKind}:
        raise typer.BadParameter(f"one of {', '.join(MatchKind)}", param_hint="--is")
    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        here: dict[str, Any] = {"town_id": facts.id, "at": datetime.now(UTC), "actor": who}
        if entry is None:
            tried = operations.match_listed(conn, **here, in_transaction=lambda: transaction(conn))
            out.document(
                {"town": facts.slug, **asdict(tried)},
                lambda console: console.print(f"{tried.matched} matched, {tried.listed} listed."),
            )
            return
        with transaction(conn):
            if undo:
                found = operations.undo_match(conn, **here, entry_id=entry, reason=reason)
            else:
                target = programmes.fund_by_code(conn, town_id=facts.id, code=fund).id if fund else payment
                found = operations.match_by_hand(
                    conn,
                    **here,
                    entry_id=entry,
                    kind=MatchKind(kind),
                    target=target,
                    reference=reference,
                    reason=reason,
                )
            found = queries.entry(conn, town_id=facts.id, entry_id=entry)
        out.document({"town": facts.slug, "entry": _as_json(found)}, lambda console: _print(console, [found], facts))


@app.command("show")
def show_reserve(
    entry: Annotated[UUID | None, typer.Argument(metavar="[ENTRY]", help="One entry, instead of the reserve.")] = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Show what the banks hold, what the books say they hold, and every part of the difference; or one entry."""
    from koinon.banking import queries
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn, one_snapshot=True):
            if entry is not None:
                found = queries.entry(conn, town_id=facts.id, entry_id=entry)
                out.document(
                    {"town": facts.slug, "entry": _as_json(found)}, lambda console: _print(console, [found], facts)
                )
                return
            reserve = queries.reserve(conn, town_id=facts.id)
            references = queries.fund_references(conn, town_id=facts.id)
        content = {
            "town": facts.slug,
            **asdict(reserve),
            "banks_minor": reserve.banks_minor,
            "difference_minor": reserve.difference_minor,
            "unexplained_minor": reserve.unexplained_minor,
            "fund_references": {str(fund): reference for reference, fund in references.items()},
        }
        out.document(content, lambda console: _print_reserve(console, reserve, facts))


@app.command("account")
def account(
    actor: ActorOption,
    code: Annotated[str, typer.Option("--code", metavar="CODE", help="A short name, such as main or savings.")],
    number: Annotated[
        str, typer.Option("--number", metavar="IBAN", help="The account's number; only its end is kept readable.")
    ],
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="FIELD=HEADING", help="How this bank's CSV calls a column; repeatable."),
    ] = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Add an account of the town, or say how the headings of its bank's CSV are called."""
    import re

    from koinon.banking import operations
    from koinon.banking.bank_csv import HEADINGS
    from koinon.db.transactions import transaction
    from koinon.parties.secrets import Secrets

    named = dict(pair.split("=", 1) for pair in columns or () if "=" in pair)
    if len(named) != len(columns or ()) or set(named) - set(HEADINGS):
        raise typer.BadParameter(f"FIELD=HEADING, with one of {', '.join(HEADINGS)}", param_hint="--column")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,29}", code):
        raise typer.BadParameter("up to 30 small letters, digits and dashes", param_hint="--code")
    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        with transaction(conn):
            added = operations.add_account(
                conn, town_id=facts.id, code=code, number=number, columns=named, secrets=Secrets.load(),
                at=datetime.now(UTC), actor=who,
            )  # fmt: skip
        out.document(
            {"town": facts.slug, "account": asdict(added)},
            lambda console: console.print(f"{added.code} (…{added.number_end}), {added.currency}", markup=False),
        )


def _read(file: Path) -> bytes:
    from koinon.banking.xml_reading import LARGEST_FILE

    try:
        with file.open("rb") as stream:
            return stream.read(LARGEST_FILE + 1)
    except OSError as refused:
        raise typer.BadParameter(f"{file}: {refused.strerror}", param_hint="FILE") from None


def _told(done: Imported, entries: list[Entry], dry_run: bool) -> str:
    if done.answers and not done.outcomes:
        return f"A status report on {counted(len(done.answers), 'payment')}."
    matched = done.matched if dry_run else sum(one.is_matched for one in entries)
    listed = done.listed if dry_run else len(entries) - matched
    parts = [f"{matched} {'to be matched' if dry_run else 'matched'}", f"{listed} listed", f"{done.known} known before"]
    if done.pending:
        parts.append(f"{done.pending} not booked by the bank yet")
    return ", ".join(parts) + "."


def _print_outcomes(console: Console, done: Imported, town: TownFacts) -> None:
    from koinon.cli.tables import money, plain_table

    table = plain_table("day", "reference", "amount", "is", right=["amount"])
    for one in done.outcomes:
        said = "known" if one.is_known else ", ".join([*one.kinds, *(ground.code for ground in one.grounds)])
        amount = money(one.amount_minor, town.exponent, town.national_currency)
        table.add_row(str(one.booked_on), one.bank_reference, amount, said)
    console.print(table)


def _print(console: Console, entries: list[Entry], town: TownFacts) -> None:
    from koinon.cli.tables import money, plain_table

    table = plain_table("entry", "account", "day", "reference", "amount", "is", right=["amount"])
    for one in entries:
        said = [match.kind.value for match in one.matches]
        for ground in one.grounds:
            figures = ", ".join(f"{name} {value}" for name, value in ground.fields.items())
            said.append(f"{ground.code} ({figures})" if figures else ground.code)
        amount = money(one.amount_minor, town.exponent, town.national_currency)
        table.add_row(str(one.id), one.account_code, str(one.booked_on), one.bank_reference, amount, "\n".join(said))
    console.print(table)


def _print_reserve(console: Console, reserve: Reserve, town: TownFacts) -> None:
    from koinon.cli.tables import money, plain_table

    def written(minor: int) -> str:
        return money(minor, town.exponent, town.national_currency)

    table = plain_table("account", "until", "balance", right=["balance"])
    for one in reserve.accounts:
        table.add_row(f"{one.code} …{one.number_end}", str(one.last_day or ""), written(one.closing_minor))
    console.print(table)
    console.print(f"The banks hold {written(reserve.banks_minor)}, the books say {written(reserve.books_minor)}.")
    for part in reserve.parts:
        console.print(f"  {part.code}: {written(part.amount_minor)} ({part.count})", markup=False)
    console.print(f"Unexplained: {written(reserve.unexplained_minor)}.")


def _as_json(one: Entry) -> dict[str, Any]:
    return {
        "id": one.id,
        "account": one.account_code,
        "day": one.booked_on,
        "amount": one.amount_minor,
        "reference": one.bank_reference,
        "matched": [
            {"kind": match.kind, "target": match.target, "amount": match.amount_minor, "reason": match.reason}
            for match in one.matches
        ],
        "grounds": [{"code": ground.code, "fields": ground.fields} for ground in one.grounds],
    }

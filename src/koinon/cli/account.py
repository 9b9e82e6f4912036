"""``koinon account``: what a town must be able to show, and what it pays out of its own till."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.budget import amount_of
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking, written
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount

if TYPE_CHECKING:
    from rich.console import Console

    from koinon.accounting.types import TownPayment

app = typer.Typer(
    help="Statements, the journal, the year, the limited network, and the town's own till.", no_args_is_help=True
)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write a day as 2026-10-31") from None


FromOption = Annotated[
    date, typer.Option("--from", metavar="DAY", help="First local day, such as 2026-10-01.", parser=_day)
]
ToOption = Annotated[date, typer.Option("--to", metavar="DAY", help="Last local day, included.", parser=_day)]
FileOption = Annotated[
    Path | None, typer.Option("--file", metavar="FILE", help="Write the CSV here; without it, on standard output.")
]


@app.command("network")
def network(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """What was paid in the last twelve months, against the threshold above which the authority is told."""
    from koinon.accounting import queries
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn, one_snapshot=True):
            seen = queries.network(conn, town_id=facts.id, at=datetime.now(UTC))
        limit = (
            None if seen.threshold is None else written(Amount(seen.threshold.amount_minor, facts.national_currency))
        )

        def show(console: Console) -> None:
            console.print(
                f"{written(seen.volume)} in {seen.payments} payments since {seen.since:%Y-%m-%d}.", markup=False
            )
            if seen.threshold is None:
                console.print("No threshold of this country's law is on record.")
                return
            rule = f"{seen.threshold.act}, article {seen.threshold.article}"
            console.print(f"{seen.used} % of {limit} ({rule}): {seen.standing.value}.", markup=False)
            if seen.reached_on is not None:
                console.print(f"At the pace of the last three months it is passed on {seen.reached_on}.")

        out.document({"town": facts.slug, **asdict(seen)}, show)


@app.command("notified")
def notified(
    authority: Annotated[str, typer.Option("--authority", help="Who was told.")],
    reference: Annotated[str, typer.Option("--reference", help="The reference of the letter.")],
    sent_on: Annotated[date, typer.Option("--on", metavar="DAY", help="The day on which it was sent.", parser=_day)],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Put on record that the authority was told of the volume of payments."""
    from koinon.accounting import operations
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        with transaction(conn):
            added = operations.record_notification(
                conn, town_id=facts.id, sent_on=sent_on, authority=authority, reference=reference, at=datetime.now(UTC),
                actor=who,
            )  # fmt: skip
        said = "On record." if added else "It was on record already."
        out.document({"town": facts.slug, "recorded": added}, lambda console: console.print(said))


@app.command("fund")
def fund(
    code: Annotated[str, typer.Option("--fund", metavar="CODE", help="Code of the fund.")],
    convertible_by: Annotated[str, typer.Option("--convertible-by", help="nobody, shops or anybody.")],
    limited_to: Annotated[str, typer.Option("--limited-to", help="The network or range of goods, in a sentence.")],
    source: Annotated[str, typer.Option("--source", help="The regulation or agreement that says so.")],
    from_day: FromOption,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Put on record who may turn a fund's money into the national currency, and to what its use is limited."""
    from koinon.accounting import operations
    from koinon.accounting.types import Convertible
    from koinon.db.transactions import transaction
    from koinon.programmes import queries as programmes

    if convertible_by not in {one.value for one in Convertible}:
        raise typer.BadParameter("nobody, shops or anybody", param_hint="--convertible-by")
    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        with transaction(conn):
            added = operations.set_fund_record(
                conn, town_id=facts.id, fund=programmes.fund_by_code(conn, town_id=facts.id, code=code).id,
                from_day=from_day, convertible_by=Convertible(convertible_by), limited_to=limited_to, source=source,
                at=datetime.now(UTC), actor=who,
            )  # fmt: skip
        said = "On record." if added else "It was on record already."
        out.document({"town": facts.slug, "fund": code, "recorded": added}, lambda console: console.print(said))


@app.command("agreement")
def agreement(
    party: Annotated[UUID, typer.Option("--party", metavar="ID", help="Id of the organisation.")],
    reference: Annotated[str, typer.Option("--reference", help="Where the signed paper lies.")],
    signed_on: Annotated[date, typer.Option("--on", metavar="DAY", help="The day of the signature.", parser=_day)],
    actor: ActorOption,
    until_day: Annotated[
        date | None, typer.Option("--until", metavar="DAY", help="Last day on which it holds.", parser=_day)
    ] = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Put the signed agreement with an organisation on record."""
    from koinon.accounting import operations
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        with transaction(conn):
            added = operations.record_agreement(
                conn, town_id=facts.id, party=party, signed_on=signed_on, until_day=until_day, reference=reference,
                at=datetime.now(UTC), actor=who,
            )  # fmt: skip
        said = "On record." if added else "It was on record already."
        out.document({"town": facts.slug, "party": party, "recorded": added}, lambda console: console.print(said))


@app.command("wording")
def wording(
    language: Annotated[str, typer.Option("--language", metavar="CODE", help="Language, such as es.")],
    text: Annotated[str, typer.Option("--text", help="What shops' statements say about taxes.")],
    from_day: FromOption,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say what shops' statements say about taxes, from a day on."""
    from koinon.accounting import operations
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        with transaction(conn):
            added = operations.set_wording(
                conn, town_id=facts.id, language=language, from_day=from_day, body=text, at=datetime.now(UTC), actor=who
            )
        said = f"From {from_day} on." if added else "They say so already."
        out.document({"town": facts.slug, "language": language, "changed": added}, lambda console: console.print(said))


@app.command("chart")
def chart(
    actor: Annotated[str, typer.Option("--as", metavar="USER", envvar="KOINON_USER", help="Who changes it.")] = "",
    place: Annotated[str, typer.Option("--place", help="Kind of account of the books, such as till.")] = "",
    number: Annotated[str, typer.Option("--number", help="Number of the town's account.")] = "",
    name: Annotated[str, typer.Option("--name", help="Name of the town's account.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Show which account of the town's accounting stands for which of the books; with --place, change one."""
    from koinon.accounting import operations, queries
    from koinon.cli.tables import plain_table
    from koinon.db.transactions import transaction

    if place and not (number and name and actor):
        raise typer.BadParameter("a change needs --number, --name and --as", param_hint="--place")
    role = "treasurer" if place else ""
    with speaking(as_json) as out, opening.desk(database, town, actor, role=role) as (conn, facts, who):
        with transaction(conn):
            if place:
                operations.set_account(
                    conn, town_id=facts.id, place=place, number=number, name=name, at=datetime.now(UTC), actor=who
                )
            found = queries.chart(conn, town_id=facts.id)
        table = plain_table("place", "number", "name")
        for kept, account in found.items():
            table.add_row(kept.value, account.number, account.name)
        content = {kept.value: asdict(account) for kept, account in found.items()}
        out.document({"town": facts.slug, "chart": content}, lambda console: console.print(table))


@app.command("journal")
def journal(
    first_day: FromOption,
    last_day: ToOption,
    each: Annotated[bool, typer.Option("--each", help="Every transfer by itself, instead of sums by the day.")] = False,
    file: FileOption = None,
    town: TownOption = "",
    database: DatabaseOption = None,
) -> None:
    """The books of some days in double entry, as CSV for the town's accounting. It names nobody."""
    from koinon.accounting import journal as written_out
    from koinon.accounting import queries
    from koinon.db.transactions import transaction

    _in_order(first_day, last_day)
    with speaking(False) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            entries = queries.journal(conn, town_id=facts.id, first_day=first_day, last_day=last_day, by_day=not each)
            rows = written_out.journal_rows(
                entries, chart=queries.chart(conn, town_id=facts.id), currency=facts.national_currency,
                exponent=facts.exponent,
            )  # fmt: skip
            _put(file, written_out.as_csv(written_out.JOURNAL, rows))
        if file is not None:
            out.progress(f"{file} is written")


@app.command("balance")
def balance(
    day: Annotated[
        date, typer.Option("--on", metavar="DAY", help="As the local day began, such as 2027-01-01.", parser=_day)
    ],
    file: FileOption = None,
    town: TownOption = "",
    database: DatabaseOption = None,
) -> None:
    """The trial balance as a day began, as CSV."""
    from koinon.accounting import journal as written_out
    from koinon.accounting import queries
    from koinon.db.transactions import transaction

    with speaking(False), opening.desk(database, town) as (conn, facts, _), transaction(conn):
        rows = written_out.balance_rows(
            queries.stock(conn, town_id=facts.id, day=day), chart=queries.chart(conn, town_id=facts.id),
            currency=facts.national_currency, exponent=facts.exponent,
        )  # fmt: skip
        _put(file, written_out.as_csv(written_out.BALANCE, rows))


@app.command("statement")
def statement(
    party: Annotated[UUID, typer.Option("--party", metavar="ID", help="Id of the shop (koinon party shops).")],
    first_day: FromOption,
    last_day: ToOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """A shop's statement over some days: what it began with, what moved, what it ended with."""
    from koinon.accounting import queries
    from koinon.cli.tables import plain_table
    from koinon.db.transactions import transaction

    _in_order(first_day, last_day)
    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.shop_statement(conn, town_id=facts.id, party=party, first_day=first_day, last_day=last_day)

        def money(minor: int) -> str:
            return written(Amount(minor, facts.unit_code))

        table = plain_table("when", "what", "amount", "balance", "reference", right=["amount", "balance"])
        table.add_row("", "brought forward", "", money(found.opening_minor), "")
        for line in found.lines:
            when = line.at.astimezone(facts.zone)
            table.add_row(
                f"{when:%Y-%m-%d %H:%M}", line.what.replace("_", " "), money(line.signed_minor),
                money(line.balance_minor), line.reference,
            )  # fmt: skip
        out.document({"town": facts.slug, **asdict(found)}, lambda console: console.print(table))


@app.command("year")
def year(
    number: Annotated[int, typer.Argument(metavar="YEAR", min=2000, max=9998)],
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """The year in figures that add up: what came in, what was done with it, what is left."""
    from koinon.accounting import year as yearly
    from koinon.cli.tables import plain_table
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn, one_snapshot=True):
            found = yearly.year(conn, town_id=facts.id, year=number)
        table = plain_table("figure", "amount", right=["amount"])
        figures = {
            "outstanding before": found.outstanding[0], **found.moved, "outstanding after": found.outstanding[1],
            "reserve before": found.reserve[0], "reserve after": found.reserve[1],
        }  # fmt: skip
        for what, minor in figures.items():
            table.add_row(what.replace("_", " "), written(Amount(minor, facts.unit_code)))
        content = asdict(found) | {"outstanding": found.outstanding, "reserve": found.reserve}
        out.document({"town": facts.slug, **content}, lambda console: console.print(table))


# --- The town's own till ----------------------------------------------------------------------


@app.command("pay")
def pay(
    payee: Annotated[UUID, typer.Option("--to", metavar="ID", help="Id of the party to be paid.")],
    amount: Annotated[str, typer.Option("--amount", metavar="AMOUNT", help="Such as 1.234,56.")],
    purpose: Annotated[str, typer.Option("--purpose", help="SUPP supplier, SALA wages, SCVE services, GOVT other.")],
    reference: Annotated[str, typer.Option("--reference", help="The contract or invoice, without names.")],
    actor: ActorOption,
    key: Annotated[
        str, typer.Option("--key", help="Idempotency key: the same key prepares one payment.", show_default=False)
    ] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Prepare a payment out of the town's own till; another person approves it."""
    from koinon.accounting import operations
    from koinon.accounting.types import Purpose
    from koinon.db.transactions import transaction

    if purpose not in {one.value for one in Purpose}:
        raise typer.BadParameter("SUPP, SALA, SCVE or GOVT", param_hint="--purpose")
    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        with transaction(conn):
            done = operations.prepare_town_payment(
                conn, town_id=facts.id, payee=payee, amount=amount_of(amount, facts),
                purpose=Purpose(purpose), reference=reference, idempotency_key=f"cli:{key or new_id()}",
                at=datetime.now(UTC), actor=who,
            )  # fmt: skip
        out.document(_told(facts.slug, done), _said(done))


@app.command("pay-approve")
def pay_approve(
    payment: Annotated[UUID, typer.Argument(metavar="ID")],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Approve a payment that another person prepared: it is paid at once."""
    from koinon.accounting import operations
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="approver") as (conn, facts, who):
        with transaction(conn):
            done = operations.approve_town_payment(
                conn, town_id=facts.id, payment_id=payment, at=datetime.now(UTC), actor=who
            )
        out.document(_told(facts.slug, done), _said(done))


@app.command("pay-cancel")
def pay_cancel(
    payment: Annotated[UUID, typer.Argument(metavar="ID")],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Take a payment back before it is approved."""
    from koinon.accounting import operations
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        with transaction(conn):
            done = operations.cancel_town_payment(
                conn, town_id=facts.id, payment_id=payment, at=datetime.now(UTC), actor=who
            )
        out.document(_told(facts.slug, done), _said(done))


@app.command("payments")
def payments(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """What the town pays out of its own till, newest first."""
    from koinon.accounting import queries
    from koinon.cli.tables import plain_table
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.town_payments(conn, town_id=facts.id)
        table = plain_table("id", "state", "purpose", "amount", "to", "reference", right=["amount"])
        for one in found:
            table.add_row(
                str(one.id), one.state.value, one.purpose.value, written(one.amount), str(one.payee), one.reference
            )
        out.document(
            {"town": facts.slug, "payments": [asdict(one) for one in found]}, lambda console: console.print(table)
        )


def _told(slug: str, done: TownPayment) -> dict[str, Any]:
    return {"town": slug, **asdict(done)}


def _said(done: TownPayment) -> Any:
    return lambda console: console.print(f"{done.id}: {written(done.amount)}, {done.state.value}.", markup=False)


def _in_order(first_day: date, last_day: date) -> None:
    if last_day < first_day:
        raise typer.BadParameter("the last day comes before the first one", param_hint="--to")


def _put(file: Path | None, pieces: Iterable[str]) -> None:
    """Write text to a file that appears only when it is whole, or to standard output."""
    if file is None:
        for piece in pieces:
            sys.stdout.write(piece)
        sys.stdout.flush()
        return
    part = file.with_name(file.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as stream:
        for piece in pieces:
            stream.write(piece)
    part.replace(file)

"""``koinon request`` and ``koinon payee-code``: ask to be paid for somebody, follow what became of it, print a shop's code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.budget import amount_of
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking
from koinon.kernel.identifiers import new_id

if TYPE_CHECKING:
    from rich.console import Console

    from koinon.parties.types import TownFacts
    from koinon.payments.types import Asked, PayeeCode

app = typer.Typer(help="Ask to be paid, and follow what became of it.", no_args_is_help=True)
codes = typer.Typer(help="The codes by which shops are paid without a device.", no_args_is_help=True)

PayeeArgument = Annotated[
    UUID, typer.Argument(metavar="PAYEE", help="The party's id, as `koinon party find` printed it.")
]
RequestArgument = Annotated[UUID, typer.Argument(metavar="REQUEST", help="The request's id.")]


@app.command("make")
def make(
    payee: PayeeArgument,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="In the town's unit, such as 12.50.")],
    actor: ActorOption,
    minutes: Annotated[int, typer.Option("--minutes", min=1, max=44_640, help="How long it can be paid.")] = 60,
    reference: Annotated[str, typer.Option("--reference", help="For the books; nothing about a person.")] = "",
    key: Annotated[str, typer.Option("--key", metavar="TEXT", help="The same key asks once.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Ask for an amount; print the digits and the signed code by which it is paid."""
    from koinon.db.transactions import transaction
    from koinon.parties.secrets import Secrets
    from koinon.payments import requesting

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        at = datetime.now(UTC)
        with transaction(conn):
            made = requesting.ask(
                conn,
                town_id=facts.id,
                payee=payee,
                amount=amount_of(amount, facts),
                lasts=timedelta(minutes=minutes),
                idempotency_key=f"cli:{key or new_id()}",
                actor=who,
                at=at,
                secrets=Secrets.load(),
                reference=reference,
            )
            found = requesting.asked(conn, town_id=facts.id, request_id=made.id, at=at)
        out.document(_document(facts, found), lambda console: _say(console, facts, found))


@app.command("show")
def show(
    request: RequestArgument, town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None
) -> None:
    """Print a request and what became of it."""
    from koinon.db.transactions import transaction
    from koinon.payments import requesting

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = requesting.asked(conn, town_id=facts.id, request_id=request, at=datetime.now(UTC))
        out.document(_document(facts, found), lambda console: _say(console, facts, found))


@app.command("list")
def list_(
    payee: PayeeArgument, town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None
) -> None:
    """List what a party asked for within the last month, newest first."""
    from koinon.db.transactions import transaction
    from koinon.payments import requesting

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = requesting.asked_by(conn, town_id=facts.id, payee=payee, at=datetime.now(UTC))

        def shown(console: Console) -> None:
            from koinon.cli.tables import money, plain_table

            table = plain_table("request", "amount", "state", "until", right=["amount"])
            for one in found:
                amount = money(one.request.amount_minor, facts.exponent, facts.unit_code)
                until = one.request.expires_at.astimezone(facts.zone)
                table.add_row(str(one.request.id), amount, one.state, f"{until:%Y-%m-%d %H:%M}")
            console.print(table)

        out.document({"town": facts.slug, "requests": [_document(facts, one) for one in found]}, shown)


@app.command("withdraw")
def withdraw(
    request: RequestArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Take a request back: nobody can pay it any more."""
    from koinon.db.transactions import transaction
    from koinon.payments import requesting

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        at = datetime.now(UTC)
        with transaction(conn):
            requesting.withdraw(conn, town_id=facts.id, request_id=request, actor=who, at=at)
            found = requesting.asked(conn, town_id=facts.id, request_id=request, at=at)
        out.document(_document(facts, found), lambda console: _say(console, facts, found))


@app.command("keys")
def keys(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """Print the public keys that verify the town's requests, for whoever builds a till or a wallet."""
    from koinon.parties.secrets import Secrets
    from koinon.payments import signing

    with speaking(as_json) as out, opening.desk(database, town) as (_, facts, _who):
        secrets = Secrets.load()
        found = signing.public_keys(secrets, facts.id)

        def shown(console: Console) -> None:
            for key_id, key in found.items():
                mark = " (signs now)" if key_id == secrets.current else ""
                console.print(f"{key_id} {key}{mark}", soft_wrap=True, markup=False, highlight=False)

        out.document({"town": facts.slug, "current": secrets.current, "algorithm": "Ed25519", "keys": found}, shown)


@codes.command("show")
def show_code(
    payee: PayeeArgument, town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None
) -> None:
    """Print the code by which a shop is paid."""
    from koinon.db.transactions import transaction
    from koinon.payments import requesting

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = requesting.code_of(conn, town_id=facts.id, payee=payee)
        out.document(_code(facts, found), lambda console: _say_code(console, found))


@codes.command("make")
def make_code(
    payee: PayeeArgument,
    actor: ActorOption,
    replace: Annotated[bool, typer.Option("--replace", help="End the one it has: that one pays nobody then.")] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Give a shop a code where it has none, or with --replace another one."""
    from koinon.db.transactions import transaction
    from koinon.payments import requesting

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        how: dict[str, Any] = {"town_id": facts.id, "payee": payee, "actor": who, "at": datetime.now(UTC)}
        with transaction(conn):
            found = requesting.code_of(conn, town_id=facts.id, payee=payee)
            if found is not None and replace:
                found = requesting.replace_code(conn, replaced=found.id, **how)
            elif found is None:
                found = requesting.have_code(conn, **how)
        out.document(_code(facts, found), lambda console: _say_code(console, found))


@codes.command("poster")
def poster(
    payee: PayeeArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The PDF to write; it must not be there yet.")],
    site: Annotated[str, typer.Option("--site", metavar="ADDRESS", help="Where the town's site is: https://….")],
    language: Annotated[str, typer.Option("--language", metavar="TAG", help="Language of its words.")] = "en",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Write a shop's code as a poster of A4."""
    with speaking(as_json) as out, opening.database(database) as opened:
        from koinon.payments import paper, requesting
        from koinon.payments.errors import NotACodeToPay

        with opening.connection(opened) as conn:
            facts = opening.town(conn, town)
            found = requesting.code_of(conn, town_id=facts.id, payee=payee)
            if found is None:
                raise NotACodeToPay
            sign = requesting.shop_sign(conn, town_id=facts.id, party=payee)
            pdf = paper.poster(
                found, sign=sign, town=facts.name, unit=facts.unit_name, address=site.rstrip("/"), language=language
            )
            with file.open("xb") as stream:
                stream.write(pdf)
        out.document(
            {**_code(facts, found), "file": file}, lambda console: console.print(f"the code in {file}", soft_wrap=True)
        )


def _document(town: TownFacts, found: Asked) -> dict[str, Any]:
    from koinon.payments import requesting, signing

    one = found.request
    return {
        "town": town.slug,
        "request": one.id,
        "payee": one.payee,
        "amount": one.amount_minor,
        "state": found.state,
        "number": one.number,
        "token": signing.token(requesting.signed(one, town_id=town.id)),
        "expires_at": one.expires_at,
        "payment": found.payment.id if found.payment else None,
    }


def _say(console: Console, town: TownFacts, found: Asked) -> None:
    from koinon.cli.tables import money

    one = found.request
    amount = money(one.amount_minor, town.exponent, town.unit_code)
    console.print(f"request {one.id}: {amount}, {found.state}", soft_wrap=True)
    if found.state == "open" and one.number:
        console.print(f"to type: {one.grouped}", soft_wrap=True, highlight=False)


def _code(town: TownFacts, found: PayeeCode | None) -> dict[str, Any]:
    return {
        "town": town.slug,
        "code": found.id if found else None,
        "number": found.number if found else None,
        "token": found.token if found else None,
    }


def _say_code(console: Console, found: PayeeCode | None) -> None:
    console.print(f"to type: {found.grouped}" if found else "it has no code", soft_wrap=True, highlight=False)

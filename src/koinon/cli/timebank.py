"""``koinon time-bank``: members who give each other hours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.activity import PartyArgument, ReasonOption, id_of, quantity_of, said
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking
from koinon.kernel.identifiers import new_id

if TYPE_CHECKING:
    from rich.console import Console

    from koinon.coproduction.types import Member

app = typer.Typer(help="Found time banks, take members in, write down who gave time to whom.", no_args_is_help=True)

BankArgument = Annotated[str, typer.Argument(metavar="CODE", help="Code of the time bank.")]
NumberArgument = Annotated[str, typer.Argument(help="A member's number with its check digit.")]


@app.command("list")
def list_banks(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List the time banks of a town."""
    from koinon.coproduction import queries
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.time_banks(conn, town_id=facts.id)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("bank", "unit", "members", "exchanged", right=["members", "exchanged"])
            for one in found:
                table.add_row(one.code, one.unit, str(one.members), said(one.exchanged, "hour"))
            console.print(table)

        content = [
            {
                "code": one.code, "name": one.name, "unit": one.unit, "members": one.members, "exchanged": one.exchanged,
                "credit_limit": one.credit_limit, "most": one.most,
            }
            for one in found
        ]  # fmt: skip
        out.document({"town": facts.slug, "time_banks": content}, show)


@app.command("set")
def set_bank(
    code: BankArgument,
    name: Annotated[str, typer.Option("--name")],
    unit: Annotated[str, typer.Option("--unit", help="Code of its own, such as HORA.")],
    actor: ActorOption,
    credit_limit: Annotated[str, typer.Option("--credit-limit", help="Hours a new member may owe.")] = "10",
    most: Annotated[str, typer.Option("--most", help="Hours a new member may have.")] = "40",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Found a time bank, or change its name and the limits that new members get."""
    from koinon.coproduction import timebank
    from koinon.coproduction.types import BankTerms
    from koinon.db.transactions import transaction

    terms = BankTerms(code, name, unit, quantity_of(credit_limit, "hour"), quantity_of(most, "hour"))
    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            timebank.found_bank(conn, town_id=facts.id, terms=terms, actor=who, at=datetime.now(UTC))
        out.document(
            {"town": facts.slug, "time_bank": code}, lambda console: console.print(f"{code} is set.", markup=False)
        )


@app.command("join")
def join(
    code: BankArgument,
    party: PartyArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Take a resident in, under the next number."""
    from koinon.coproduction import queries, timebank
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="coordinator") as (conn, facts, who):
        with transaction(conn):
            bank = queries.time_bank_by_code(conn, town_id=facts.id, code=code)
            member = timebank.join(
                conn, town_id=facts.id, bank_id=bank.id, party=party, actor=who, at=datetime.now(UTC)
            )
        out.document(
            {"town": facts.slug, "member": _member(member)},
            lambda console: console.print(f"Member {member.shown_number}.", markup=False),
        )


@app.command("leave")
def leave(
    code: BankArgument,
    number: NumberArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Let a member go who neither has nor owes time."""
    from koinon.coproduction import queries, timebank
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="coordinator") as (conn, facts, who):
        with transaction(conn):
            bank = queries.time_bank_by_code(conn, town_id=facts.id, code=code)
            member = queries.member_by_number(conn, town_id=facts.id, bank_id=bank.id, said=number)
            timebank.leave(conn, town_id=facts.id, bank_id=bank.id, party=member.party, actor=who, at=datetime.now(UTC))
        out.document(
            {"town": facts.slug, "left": member.shown_number}, lambda console: console.print("Left.", markup=False)
        )


@app.command("exchange")
def exchange(
    code: BankArgument,
    giver: NumberArgument,
    receiver: NumberArgument,
    hours: Annotated[str, typer.Argument(metavar="HOURS", help="Such as 1:30.")],
    actor: ActorOption,
    exchange: Annotated[UUID | None, typer.Option("--id", parser=id_of, help="Makes the command repeatable.")] = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Write down that one member gave another time."""
    from koinon.coproduction import queries, timebank
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="coordinator") as (conn, facts, who):
        with transaction(conn):
            bank = queries.time_bank_by_code(conn, town_id=facts.id, code=code)
            gave, received = (
                queries.member_by_number(conn, town_id=facts.id, bank_id=bank.id, said=number)
                for number in (giver, receiver)
            )
            done = timebank.exchange(
                conn,
                town_id=facts.id,
                exchange_id=exchange or new_id(),
                bank_id=bank.id,
                payer=received.party,
                payee=gave.party,
                minutes=quantity_of(hours, "hour"),
                actor=who,
                at=datetime.now(UTC),
            )
        content = {"town": facts.slug, "exchange": done.id, "minutes": done.minutes}
        out.document(content, lambda console: console.print(f"{done.id}: {said(done.minutes, 'hour')}", markup=False))


@app.command("undo")
def undo(
    exchange: Annotated[UUID, typer.Argument(metavar="EXCHANGE", parser=id_of)],
    reason: ReasonOption,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Take an exchange back that was a mistake."""
    from koinon.coproduction import timebank
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="coordinator") as (conn, facts, who):
        with transaction(conn):
            done = timebank.undo_exchange(
                conn, town_id=facts.id, exchange_id=exchange, reason=reason, actor=who, at=datetime.now(UTC)
            )
        out.document(
            {"town": facts.slug, "exchange": done.id, "undone_at": done.undone_at},
            lambda console: console.print("Taken back.", markup=False),
        )


@app.command("statement")
def statement(
    code: BankArgument,
    number: NumberArgument,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """A member's newest exchanges, with what they had after each."""
    from koinon.coproduction import queries
    from koinon.coproduction.rules import with_check_digit
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            bank = queries.time_bank_by_code(conn, town_id=facts.id, code=code)
            member = queries.member_by_number(conn, town_id=facts.id, bank_id=bank.id, said=number)
            lines = queries.statement_of(conn, town_id=facts.id, account=member.account)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("day", "with", "time", "then", right=["time", "then"])
            for line in lines:
                other = line.activity or (with_check_digit(line.other) if line.other else "")
                table.add_row(
                    f"{line.at.astimezone(facts.zone):%Y-%m-%d}", other, _signed(line.minutes), _signed(line.balance)
                )
            console.print(table)

        content: dict[str, Any] = {
            "town": facts.slug,
            "member": _member(member),
            "lines": [
                {
                    "at": line.at, "minutes": line.minutes, "balance": line.balance, "other": line.other,
                    "activity": line.activity, "undone": line.undone,
                }
                for line in lines
            ],
        }  # fmt: skip
        out.document(content, show)


def _signed(minutes: int) -> str:
    return ("-" if minutes < 0 else "") + said(abs(minutes), "hour")


def _member(member: Member) -> dict[str, Any]:
    return {
        "number": member.shown_number,
        "party": member.party,
        "balance": member.balance,
        "credit_limit": member.credit_limit,
        "most": member.most,
    }

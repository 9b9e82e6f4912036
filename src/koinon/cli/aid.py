"""``koinon aid``: what a programme's rules would decide, why a household gets something or nothing, what has changed."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.cycle import MonthArgument, ProgrammeArgument
from koinon.cli.errors import CycleUnknown
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import counted, speaking

if TYPE_CHECKING:
    from psycopg import Connection
    from rich.console import Console

    from koinon.kernel.decisions import Ground
    from koinon.parties.types import TownFacts
    from koinon.programmes.preparing import Line

app = typer.Typer(help="See what a programme's rules decide, and why.", no_args_is_help=True)
exceptions = typer.Typer(
    help="Decide against the rules for one household: one person asks, a second one decides.", no_args_is_help=True
)
duplicates = typer.Typer(help="Find households that stand in the register twice.", no_args_is_help=True)

HouseholdArgument = Annotated[
    str, typer.Argument(metavar="HOUSEHOLD", help="Number of the household, or the last signs of it.")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, in words that name nobody.")]


# --- koinon aid -----------------------------------------------------------------------------------


@app.command("preview")
def preview(
    programme: ProgrammeArgument,
    month: MonthArgument,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Show what preparing MONTH would decide today. Nothing is written."""
    from koinon.db.transactions import transaction
    from koinon.programmes import preparing, queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.programme_by_code(conn, town_id=facts.id, code=programme)
            lines = preparing.preview(conn, town_id=facts.id, programme_id=found.id, month=month)
        counted = Counter(line.state for line in lines)
        minor = sum(line.amount_minor for line in lines)
        document = {
            "town": facts.slug,
            "programme": programme,
            "month": str(month),
            "due": counted["due"],
            "waiting": counted["waiting"],
            "refused": counted["refused"],
            "total": minor,
            "lines": [_line(line) for line in lines],
        }

        def show(console: Console) -> None:
            from koinon.cli.tables import money, plain_table

            table = plain_table("household", "answer", "amount", "place", "why", right=["amount", "place"])
            for line in lines:
                amount = money(line.amount_minor, facts.exponent, facts.unit_code) if line.state == "due" else "–"
                place = str(line.snapshot.get("place", ""))
                table.add_row(_short(line.party_id), line.state, amount, place, _codes(line.grounds))
            console.print(table)
            total = money(minor, facts.exponent, facts.unit_code)
            console.print(
                f"{counted['due']} get {total}; {counted['waiting']} wait, {counted['refused']} get nothing.",
                markup=False,
            )

        out.document(document, show)


@app.command("why")
def why(
    programme: ProgrammeArgument,
    month: MonthArgument,
    household: HouseholdArgument,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Show the facts and every ground on which a prepared MONTH decided about a household."""
    from koinon.db.transactions import transaction
    from koinon.programmes import queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            cycle = _cycle(conn, facts, programme, month)
            party = queries.household_ending(conn, town_id=facts.id, ending=household)
            line = queries.entitlement(conn, town_id=facts.id, cycle_id=cycle, party_id=party)
        document = {
            "town": facts.slug,
            "household": line.party_id,
            "month": line.month,
            "state": line.state,
            "amount": line.amount_minor,
            "facts": line.snapshot,
            "grounds": list(line.grounds),
        }

        def show(console: Console) -> None:
            from koinon.cli.tables import money

            amount = money(line.amount_minor, facts.exponent, facts.unit_code)
            console.print(f"{_short(line.party_id)} {line.month}: {line.state}, {amount}", markup=False)
            for ground in line.grounds:
                _tell(console, ground, 2)
            console.print("Decided on:", markup=False)
            for name, value in line.snapshot.items():
                console.print(f"  {name} {value}", markup=False)

        out.document(document, show)


@app.command("recheck")
def recheck(
    programme: ProgrammeArgument,
    month: MonthArgument,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Show which lines of a prepared MONTH would be decided otherwise on today's facts."""
    from koinon.db.transactions import transaction
    from koinon.programmes import preparing

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            cycle = _cycle(conn, facts, programme, month)
            differing = preparing.recheck(conn, town_id=facts.id, cycle_id=cycle)
        document = {
            "town": facts.slug,
            "differing": [
                {
                    "household": one.party_id,
                    "frozen": _line(one.frozen) if one.frozen else None,
                    "today": _line(one.today) if one.today else None,
                }
                for one in differing
            ],
        }

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("household", "on the list", "today", "why")
            for one in differing:
                table.add_row(
                    _short(one.party_id), _answer(one.frozen), _answer(one.today),
                    _codes(one.today.grounds) if one.today else "",
                )  # fmt: skip
            console.print(table if differing else "Nothing has changed.")

        out.document(document, show)


# --- koinon exception -----------------------------------------------------------------------------


@exceptions.command("propose")
def propose(
    programme: ProgrammeArgument,
    month: MonthArgument,
    household: HouseholdArgument,
    reason: ReasonOption,
    actor: ActorOption,
    refuse: Annotated[bool, typer.Option("--refuse", help="Pay nothing, although the rules say yes.")] = False,
    aid: Annotated[str, typer.Option("--aid", help="Whole monthly aid, instead of what the rules give.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="MONTH", help="Last month; else until withdrawn.")] = "",
    key: Annotated[UUID | None, typer.Option("--id", help="Makes the command repeatable.")] = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Ask a second person to pay a household from MONTH on although the rules say no, or with --refuse the other way."""
    from decimal import Decimal

    from koinon.db.transactions import transaction
    from koinon.kernel.identifiers import new_id
    from koinon.kernel.money import to_minor
    from koinon.kernel.periods import Month
    from koinon.programmes import excepting, queries

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        try:
            minor = to_minor(Decimal(aid), facts.exponent) if aid else None
            last = Month.parse(until) if until else None
        except (ArithmeticError, ValueError):
            raise typer.BadParameter("write --aid as 120.50 and --until as 2026-12") from None
        with transaction(conn):
            found = queries.programme_by_code(conn, town_id=facts.id, code=programme)
            wanted = excepting.Wanted(
                programme_id=found.id,
                household=queries.household_ending(conn, town_id=facts.id, ending=household),
                kind=excepting.REFUSE if refuse else excepting.PAY,
                first_month=month,
                last_month=last,
                reason=reason,
                aid_minor=minor,
            )
            made = excepting.propose_exception(
                conn,
                town_id=facts.id,
                exception_id=key or new_id(),
                wanted=wanted,
                actor=who,
                now=datetime.now(UTC),
            )
        out.document(
            {"town": facts.slug, "exception": made.id, "state": made.state},
            lambda console: console.print(f"{made.id} proposed; a second person decides.", markup=False),
        )


ExceptionArgument = Annotated[UUID, typer.Argument(metavar="EXCEPTION", help="Id of the exception.")]


def _decided(as_json: bool, database: str | None, town: str, actor: str, exception: UUID, *, approve: bool) -> None:
    from koinon.db.transactions import transaction
    from koinon.programmes import excepting

    with speaking(as_json) as out, opening.desk(database, town, actor, role="approver") as (conn, facts, who):
        with transaction(conn):
            done = excepting.decide_exception(
                conn, town_id=facts.id, exception_id=exception, approve=approve, actor=who, now=datetime.now(UTC)
            )
        out.document(
            {"town": facts.slug, "exception": done.id, "state": done.state},
            lambda console: console.print(f"{done.id} {done.state}.", markup=False),
        )


@exceptions.command("approve")
def approve_exception(
    exception: ExceptionArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say yes; refused for the person who asked. Months prepared from now on follow it."""
    _decided(as_json, database, town, actor, exception, approve=True)


@exceptions.command("reject")
def reject_exception(
    exception: ExceptionArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say no."""
    _decided(as_json, database, town, actor, exception, approve=False)


@exceptions.command("withdraw")
def withdraw_exception(
    exception: ExceptionArgument,
    actor: ActorOption,
    reason: Annotated[str, typer.Option("--reason", help="Why, in words that name nobody.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """End an exception; months that were prepared with it keep it."""
    from koinon.db.transactions import transaction
    from koinon.programmes import excepting

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            done = excepting.withdraw_exception(
                conn, town_id=facts.id, exception_id=exception, actor=who, now=datetime.now(UTC), reason=reason
            )
        out.document(
            {"town": facts.slug, "exception": done.id, "state": done.state},
            lambda console: console.print(f"{done.id} {done.state}.", markup=False),
        )


@exceptions.command("list")
def list_exceptions(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List the exceptions of a town, newest first."""
    from koinon.db.transactions import transaction
    from koinon.programmes import queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.exceptions(conn, town_id=facts.id)
        rows = [{name: getattr(one, name) for name in one.__slots__} for one in found]

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("exception", "programme", "household", "what", "from", "until", "state", "reason")
            for one in found:
                table.add_row(
                    str(one.id), one.programme_code, _short(one.household), one.kind, one.first_month,
                    one.last_month or "…", one.state, one.reason.replace("[", r"\["),
                )  # fmt: skip
            console.print(table)

        out.document({"town": facts.slug, "exceptions": rows}, show)


# --- koinon duplicates ----------------------------------------------------------------------------


@duplicates.command("look")
def look(
    actor: ActorOption, town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None
) -> None:
    """Compare everybody of the register, and keep which households are alike. Names leave the vault in memory only."""
    from koinon.db.transactions import transaction
    from koinon.parties.secrets import Secrets
    from koinon.programmes import twins

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            looked = twins.look_for_duplicates(conn, Secrets.load(), town_id=facts.id, actor=who, now=datetime.now(UTC))
        told = (
            f"{counted(looked.people, 'person', 'people')} compared; "
            f"{counted(looked.found, 'pair alike', 'pairs alike')}, {looked.added} new."
        )
        out.document(
            {"town": facts.slug, "people": looked.people, "found": looked.found, "added": looked.added},
            lambda console: console.print(told),
        )


@duplicates.command("list")
def list_duplicates(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List pairs of households that may be one, undecided ones first, the most alike first."""
    from koinon.db.transactions import transaction
    from koinon.programmes import queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.duplicates(conn, town_id=facts.id)
        rows = [
            {
                "pair": one.id,
                "kept": one.kept,
                "other": one.other,
                "score": one.score,
                "state": one.state,
                "reason": one.reason,
                "grounds": list(one.grounds),
            }
            for one in found
        ]

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("pair", "first", "later", "alike", "state", "why", right=["alike"])
            for one in found:
                table.add_row(
                    str(one.id), _short(one.kept), _short(one.other), str(one.score), one.state, _codes(one.grounds)
                )
            console.print(table)

        out.document({"town": facts.slug, "duplicates": rows}, show)


@duplicates.command("decide")
def decide(
    pair: Annotated[UUID, typer.Argument(metavar="PAIR", help="Id of the pair.")],
    answer: Annotated[str, typer.Argument(metavar="ANSWER", help="same or different.")],
    reason: ReasonOption,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say whether two households are one. One that is two is paid once, to the household registered first."""
    from koinon.db.transactions import transaction
    from koinon.programmes import twins

    if answer not in (twins.SAME, twins.DIFFERENT):
        raise typer.BadParameter("say same or different")
    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            done = twins.decide_duplicate(
                conn,
                town_id=facts.id,
                pair_id=pair,
                same=answer == twins.SAME,
                reason=reason,
                actor=who,
                now=datetime.now(UTC),
            )
        out.document(
            {"town": facts.slug, "pair": done.id, "state": done.state},
            lambda console: console.print(f"{done.id} {done.state}.", markup=False),
        )


# --- What they share ------------------------------------------------------------------------------


def _cycle(conn: Connection[Any], town: TownFacts, programme: str, month: Any) -> UUID:
    from koinon.programmes import queries

    found = queries.programme_by_code(conn, town_id=town.id, code=programme)
    cycle = queries.cycle_of_month(conn, town_id=town.id, programme_id=found.id, month=str(month))
    if cycle is None:
        raise CycleUnknown(programme=programme, month=str(month))
    return cycle.id


def _line(line: Line) -> dict[str, Any]:
    return {
        "household": line.party_id,
        "state": line.state,
        "amount": line.amount_minor,
        "grounds": list(line.grounds),
        "facts": line.snapshot,
    }


def _answer(line: Line | None) -> str:
    return f"{line.state} {line.amount_minor}" if line else "not on it"


def _codes(grounds: Any) -> str:
    return " ".join(dict.fromkeys(ground.code.partition(".")[2] for ground in grounds))


def _short(party: UUID) -> str:
    return party.hex[-6:]


def _tell(console: Console, ground: Ground, depth: int) -> None:
    """A ground on a line of its own, and those within it below."""
    plain = {name: value for name, value in ground.fields.items() if not isinstance(value, list | dict)}
    console.print(
        " " * depth + f"{ground.code} {' '.join(f'{name}={value}' for name, value in plain.items())}", markup=False
    )
    for name, value in ground.fields.items():
        if isinstance(value, list):
            console.print(" " * (depth + 2) + f"{name}: {value}", markup=False)

"""``koinon budget``: units are issued only against euros that the bank's statement shows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.errors import AmountNotUnderstood
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount

if TYPE_CHECKING:
    from psycopg import Connection
    from rich.console import Console

    from koinon.parties.types import TownFacts
    from koinon.treasury.types import Receipt


@dataclass(frozen=True, slots=True)
class _Line:
    """A fund's euros, in minor units; ``budget`` is None where the fund has none."""

    code: str
    name: str
    budget: int | None
    received: int
    withdrawn: int
    reserve: int


app = typer.Typer(help="Receive a fund's euros, and see what is left of them.", no_args_is_help=True)


def _reference(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9:._/#-]{1,64}", text):
        raise typer.BadParameter("a bank reference has up to 64 letters, digits and : . _ / # - only")
    return text


FundOption = Annotated[str, typer.Option("--fund", metavar="CODE", help="Code of the fund whose euros these are.")]
AmountOption = Annotated[str, typer.Option("--amount", metavar="AMOUNT", help="As on the statement, such as 1.234,56.")]
ReferenceOption = Annotated[
    str,
    typer.Option(
        "--reference", metavar="BANKREF", help="The bank's own reference of the movement.", callback=_reference
    ),
]


@app.command("receive")
def receive(
    fund: FundOption,
    amount: AmountOption,
    reference: ReferenceOption,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say that euros arrived in the bank for a fund. The same reference is never booked twice."""
    from koinon.treasury import operations

    _move(operations.receive_budget, "received for", fund, amount, reference, actor, town, as_json, database)


@app.command("withdraw")
def withdraw(
    fund: FundOption,
    amount: AmountOption,
    reference: ReferenceOption,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say that euros of a fund went back to the town's budget: never more than its reserve has not issued."""
    from koinon.treasury import operations

    _move(operations.withdraw, "taken back from", fund, amount, reference, actor, town, as_json, database)


def _move(
    operation: Callable[..., Receipt],
    told: str,
    fund: str,
    amount: str,
    reference: str,
    actor: str,
    town: str,
    as_json: bool,
    database: str | None,
) -> None:
    from koinon.db.transactions import transaction
    from koinon.programmes import queries as programmes

    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        with transaction(conn):
            moved = operation(
                conn,
                town_id=facts.id,
                fund=programmes.fund_by_code(conn, town_id=facts.id, code=fund).id,
                amount=amount_of(amount, facts),
                bank_reference=reference,
                # The bank's reference alone says whether this is the same movement.
                idempotency_key=f"cli:{new_id()}",
                at=datetime.now(UTC),
                actor=who,
            )
        before = f" some time ago, on {moved.effective_at:%Y-%m-%d}" if moved.replayed else ""
        out.document(
            {"town": facts.slug, "receipt": _as_json(moved, fund), "replayed": moved.replayed},
            lambda console: console.print(f"{_money(moved.amount.minor, facts)} {told} {fund}{before}.", markup=False),
        )


@app.command("show")
def show_budget(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """Show each fund's euros: received, taken back, and still to be issued; with the bank's references."""
    from koinon.db.transactions import transaction
    from koinon.programmes import queries as programmes
    from koinon.treasury import queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            funds = programmes.funds(conn, town_id=facts.id)
            receipts = queries.receipts(conn, town_id=facts.id)
            reserves = {fund.id: _reserve(conn, facts, fund.id) for fund in funds}
        code = {fund.id: fund.code for fund in funds}
        lines = [
            _Line(
                fund.code,
                fund.name,
                fund.budget_minor,
                _sum(receipts, fund.id, "received"),
                _sum(receipts, fund.id, "withdrawn"),
                reserves[fund.id],
            )
            for fund in funds
        ]

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            figures = ("budget", "received", "withdrawn", "reserve")
            table = plain_table("fund", *figures, right=figures)
            for line in lines:
                told = (line.budget, line.received, line.withdrawn, line.reserve)
                table.add_row(line.code, *("" if minor is None else _money(minor, facts) for minor in told))
            console.print(table)
            if receipts:
                movements = plain_table("\nday", "\nfund", "\nreference", "\namount", right=["\namount"])
                for one in receipts:
                    sign = "" if one.direction == "received" else "-"
                    day = f"{one.effective_at.astimezone(facts.zone):%Y-%m-%d}"
                    movements.add_row(day, _of(one, code), one.bank_reference, sign + _money(one.amount.minor, facts))
                console.print(movements)

        out.document(
            {
                "town": facts.slug,
                "funds": [asdict(line) for line in lines],
                "receipts": [_as_json(one, _of(one, code)) for one in receipts],
            },
            show,
        )


def amount_of(written: str, town: TownFacts) -> Amount:
    from koinon.pilots.townfolder_cells import CellProblem, amount_minor

    try:
        minor = amount_minor(written, exponent=town.exponent)
    except CellProblem as problem:
        raise AmountNotUnderstood(written=written, reason=problem.why) from None
    if minor <= 0:
        raise AmountNotUnderstood(written=written, reason="The amount must be above zero.")
    return Amount(minor, town.unit_code)


def _reserve(conn: Connection[Any], town: TownFacts, fund: UUID) -> int:
    from koinon.ledger import queries as books
    from koinon.ledger.types import Kind

    account = books.account(conn, town_id=town.id, kind=Kind.RESERVE, holder=town.party_id, fund=fund)
    return account.balance.minor if account else 0


def _of(one: Receipt, code: dict[UUID, str]) -> str:
    """The code of the fund the euros are for; a top-up's are for none."""
    return code[one.fund] if one.fund else "top-up"


def _sum(receipts: list[Receipt], fund: UUID, direction: str) -> int:
    return sum(one.amount.minor for one in receipts if one.fund == fund and one.direction == direction)


def _money(minor: int, town: TownFacts) -> str:
    from koinon.cli.tables import money

    return money(minor, town.exponent, town.national_currency)


def _as_json(one: Receipt, fund: str) -> dict[str, Any]:
    return {
        "id": one.id,
        "direction": one.direction,
        "fund": fund,
        "amount": one.amount.minor,
        "reference": one.bank_reference,
        "transfer": one.transfer_id,
        "at": one.effective_at,
    }

"""``koinon redeem show``, ``reject`` and ``return``: the payments of a run, and what the bank says of one."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import Output, speaking
from koinon.cli.redeem import RunArgument

if TYPE_CHECKING:
    from psycopg import Connection
    from rich.console import Console

    from koinon.parties.types import TownFacts
    from koinon.treasury.types import BankPayment, Run


def _code(text: str) -> str:
    if not re.fullmatch(r"[A-Z0-9]{4}", text.upper()):
        raise typer.BadParameter("the bank's code has four letters or digits, such as AC04")
    return text.upper()


PaymentArgument = Annotated[
    UUID, typer.Argument(metavar="PAYMENT", help="The payment's id, as `koinon redeem show` prints it.")
]
ReasonOption = Annotated[
    str, typer.Option("--reason", metavar="CODE", help="The bank's ISO 20022 code, such as AC04.", callback=_code)
]


def show(
    run_id: RunArgument, town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None
) -> None:
    """List the payments of a run, in the order of the bank's file; shops by their opaque id."""
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            run, payments = _found(conn, facts, run_id)
        _say(out, facts, run, payments)


def reject(
    run_id: RunArgument,
    payment: PaymentArgument,
    reason: ReasonOption,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say that the bank did not make a payment: its requests are open again for the next run."""
    from koinon.treasury import operations

    _unpaid(operations.reject_payment, run_id, payment, reason, actor, town, as_json, database)


def return_(
    run_id: RunArgument,
    payment: PaymentArgument,
    reason: ReasonOption,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say that a payment's money came back: its units go back to the shop's till."""
    from koinon.treasury import operations

    _unpaid(operations.return_payment, run_id, payment, reason, actor, town, as_json, database)


def _unpaid(
    operation: Callable[..., None],
    run_id: UUID,
    payment: UUID,
    reason: str,
    actor: str,
    town: str,
    as_json: bool,
    database: str | None,
) -> None:
    from koinon.db.transactions import transaction
    from koinon.treasury.errors import PaymentNotFound

    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        with transaction(conn):
            _, payments = _found(conn, facts, run_id)
            if payment not in {one.id for one in payments}:
                raise PaymentNotFound(payment=payment)
            operation(conn, town_id=facts.id, payment_id=payment, reason=reason, at=datetime.now(UTC), actor=who)
            run, payments = _found(conn, facts, run_id)
        _say(out, facts, run, payments)


def _found(conn: Connection[Any], town: TownFacts, run_id: UUID) -> tuple[Run, list[BankPayment]]:
    from koinon.treasury import queries

    run = queries.run(conn, town_id=town.id, run_id=run_id)
    return run, queries.payments(conn, town_id=town.id, run_id=run_id)


def _say(out: Output, town: TownFacts, run: Run, payments: list[BankPayment]) -> None:
    def shown(console: Console) -> None:
        from koinon.cli.tables import money, plain_table

        table = plain_table("payment", "shop", "amount", "state", "reason", right=["amount"])
        for one in payments:
            amount = money(one.amount.minor, town.exponent, town.national_currency)
            table.add_row(str(one.id), str(one.party), amount, one.state, one.reason)
        console.print(table)
        console.print(f"The run is {run.state}.")

    out.document(
        {
            "town": town.slug,
            "run": run.id,
            "state": run.state,
            "payments": [
                {
                    "id": one.id,
                    "party": one.party,
                    "amount": one.amount.minor,
                    "state": one.state,
                    "reason": one.reason,
                }
                for one in payments
            ],
        },
        shown,
    )

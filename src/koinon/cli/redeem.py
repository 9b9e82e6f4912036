"""``koinon redeem``: shops are paid out in euros, on two signatures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.errors import RoleMissing
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import Output, speaking, written
from koinon.kernel.identifiers import new_id

if TYPE_CHECKING:
    from psycopg import Connection
    from rich.console import Console

    from koinon.parties.types import TownFacts
    from koinon.treasury.types import Run

app = typer.Typer(
    help="Pay shops out: run (prepare), approve (a second person) or withdraw, export the bank's file, settle.",
    no_args_is_help=True,
)
RunArgument = Annotated[UUID, typer.Argument(metavar="RUN", help="The run's id, as `koinon redeem run` printed it.")]


@app.command("run")
def run(
    actor: ActorOption,
    town: TownOption = "",
    key: Annotated[str, typer.Option("--key", help="The same key gives the same run again.")] = "",
    leave_out: Annotated[
        list[UUID] | None,
        typer.Option("--leave-out", metavar="PARTY", help="A shop whose requests wait for a later run; repeatable."),
    ] = None,
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Collect what shops asked for into one run for the bank."""
    from koinon.db.transactions import transaction
    from koinon.parties import queries as parties
    from koinon.parties.secrets import Secrets
    from koinon.treasury import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        with transaction(conn):
            for party in leave_out or ():
                parties.party_facts(conn, facts.id, party)  # A mistyped id would leave nobody out.
            prepared = operations.prepare_run(
                conn,
                town_id=facts.id,
                idempotency_key=key or f"cli:{new_id()}",
                at=datetime.now(UTC),
                actor=who,
                leave_out=leave_out or (),
            )
            payees = operations.payees(conn, town_id=facts.id, run_id=prepared.id, secrets=Secrets.load())
        told = f"Prepared; a second person approves it: koinon redeem approve {prepared.id}"
        _say(out, prepared, facts, told, payees)


@app.command("approve")
def approve(
    run_id: RunArgument,
    actor: ActorOption,
    payees: Annotated[
        str,
        typer.Option("--payees", metavar="DIGITS", help="The sixteen digits you were told; refused when they differ."),
    ] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say yes to a run, its names and its accounts; refused for the person who prepared it."""
    from koinon.db.transactions import transaction
    from koinon.parties.secrets import Secrets
    from koinon.treasury import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role="approver") as (conn, facts, who):
        with transaction(conn):
            secrets = Secrets.load()
            approved = operations.approve_run(
                conn,
                town_id=facts.id,
                run_id=run_id,
                secrets=secrets,
                at=datetime.now(UTC),
                actor=who,
                shown=" ".join(payees.lower().split()) or None,
            )
            payees = operations.payees(conn, town_id=facts.id, run_id=run_id, secrets=secrets)
        _say(out, approved, facts, f"Approved: koinon redeem export {approved.id} --to FOLDER", payees)


@app.command("withdraw")
def withdraw(
    run_id: RunArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Take the yes to a run back before the bank has it; it can then be approved anew."""
    from koinon.db.transactions import transaction
    from koinon.treasury import operations

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            who = _approver_or_treasurer(conn, facts, actor)
            run = operations.withdraw_approval(conn, town_id=facts.id, run_id=run_id, at=datetime.now(UTC), actor=who)
        _say(out, run, facts, f"Not approved any more; to approve it anew: koinon redeem approve {run.id}")


@app.command("export")
def export(
    run_id: RunArgument,
    actor: ActorOption,
    folder: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where to write the bank's file.")],
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Write the bank's file: pain.001 for SEPA, CSV elsewhere. The same bytes each time."""
    from koinon.db.transactions import transaction
    from koinon.parties.secrets import Secrets
    from koinon.treasury import operations, payout_file

    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        secrets = Secrets.load()
        with transaction(conn):
            file = operations.export_run(
                conn, town_id=facts.id, run_id=run_id, secrets=secrets, at=datetime.now(UTC), actor=who
            )
            path = payout_file.keep(folder, file.name, file.content)
            payees = operations.payees(conn, town_id=facts.id, run_id=run_id, secrets=secrets)
        content = {
            "run": run_id,
            "file": path,
            "payments": file.payments,
            "total": file.total.minor,
            "sha256": file.sha256,
            "payees": payees,
        }

        def show(console: Console) -> None:
            console.print(f"{path}: {file.payments} payments, {written(file.total)}", markup=False, soft_wrap=True)
            console.print(f"sha256 {file.sha256}", soft_wrap=True)
            console.print(f"payees {payees}", soft_wrap=True)

        out.document(content, show)


@app.command("settle")
def settle(
    run_id: RunArgument,
    actor: ActorOption,
    payments: Annotated[
        list[UUID] | None,
        typer.Option("--payment", metavar="PAYMENT", help="Only this payment was made; repeatable."),
    ] = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say that the bank has paid: the whole run but what was rejected, or the payments named."""
    from koinon.db.transactions import transaction
    from koinon.treasury import operations, queries

    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        with transaction(conn):
            settled = operations.settle_run(
                conn, town_id=facts.id, run_id=run_id, at=datetime.now(UTC), actor=who, payment_ids=payments or None
            )
            states = Counter(one.state for one in queries.payments(conn, town_id=facts.id, run_id=run_id))
        told = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
        _say(out, settled, facts, f"{'Settled' if settled.state == 'settled' else 'Not settled yet'}: {told}.")


@app.command("cancel")
def cancel(
    run_id: RunArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Give up a run that the bank does not have; its requests wait for the next one."""
    from koinon.db.transactions import transaction
    from koinon.treasury import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        with transaction(conn):
            run = operations.cancel_run(conn, town_id=facts.id, run_id=run_id, at=datetime.now(UTC), actor=who)
        _say(out, run, facts, "Cancelled: the requests are open again.")


PartyArgument = Annotated[
    UUID, typer.Argument(metavar="SHOP", help="The shop's id, as `koinon party shops` prints it.")
]


@app.command("ask")
def ask(
    party: PartyArgument,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much, such as 120.00.")],
    actor: ActorOption,
    key: Annotated[str, typer.Option("--key", help="The same key asks once.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Ask for a shop to be paid out, on its behalf: its units leave its till now, the next run pays it."""
    from koinon.cli.budget import amount_of
    from koinon.db.transactions import transaction
    from koinon.treasury import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        with transaction(conn):
            asked = operations.request_redemption(
                conn,
                town_id=facts.id,
                party=party,
                amount=amount_of(amount, facts),
                idempotency_key=f"cli:{key or new_id()}",
                at=datetime.now(UTC),
                actor=who,
            )
        out.document(
            {
                "town": facts.slug,
                "redemption": asked.id,
                "amount": asked.amount.minor,
                "fee": asked.fee_minor,
                "payable_from": asked.payable_from,
                "replayed": asked.replayed,
            },
            lambda console: console.print(
                f"{written(asked.amount)} will be paid from {asked.payable_from} on: {asked.id}", markup=False
            ),
        )


@app.command("take-back")
def take_back(
    redemption: Annotated[
        UUID, typer.Argument(metavar="REDEMPTION", help="The request's id, as `koinon redeem ask` printed it.")
    ],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Take a request back while no run has it: its units return to the shop's till."""
    from koinon.db.transactions import transaction
    from koinon.treasury import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        with transaction(conn):
            operations.undo_redemption(
                conn, town_id=facts.id, redemption_id=redemption, at=datetime.now(UTC), actor=who
            )
        out.document(
            {"town": facts.slug, "redemption": redemption},
            lambda console: console.print("The request is taken back.", markup=False),
        )


@app.command("always")
def always(
    party: PartyArgument,
    actor: ActorOption,
    keep: Annotated[str, typer.Option("--keep", metavar="AMOUNT", help="What stays in its till.")] = "",
    end: Annotated[bool, typer.Option("--end", help="Not any more.")] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Pay a shop out on every run, whatever its till holds above an amount."""
    from koinon.cli.budget import amount_of
    from koinon.db.transactions import transaction
    from koinon.kernel.money import Amount
    from koinon.treasury import standing

    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        kept = amount_of(keep, facts) if keep else Amount(0, facts.unit_code)
        told: dict[str, Any] = {"town_id": facts.id, "party": party, "actor": who, "at": datetime.now(UTC)}
        with transaction(conn):
            if end:
                standing.end_order(conn, **told)
            else:
                standing.set_order(conn, **told, keep_minor=kept.minor)
        said = "It is paid out when it asks." if end else f"What is above {written(kept)} is paid out on every run."
        out.document(
            {"town": facts.slug, "party": party, "keep": None if end else kept.minor},
            lambda console: console.print(said, markup=False),
        )


@app.command("list")
def list_runs(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List the payout runs, newest first."""
    from koinon.db.transactions import transaction
    from koinon.treasury import queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            runs = queries.runs(conn, town_id=facts.id)
        out.document({"town": facts.slug, "runs": [_as_json(one) for one in runs]}, _shown(runs, facts))


def _approver_or_treasurer(conn: Connection[Any], facts: TownFacts, name: str) -> str:
    """Either may stop a payment."""
    try:
        return opening.actor(conn, facts, name, role="approver")
    except RoleMissing:
        return opening.actor(conn, facts, name, role="treasurer")


def _say(out: Output, one: Run, town: TownFacts, told: str, payees: str = "") -> None:
    """``payees`` lets two people see that they speak of the same names, accounts and amounts."""

    def show(console: Console) -> None:
        _shown([one], town)(console)
        if payees:
            console.print(f"payees {payees}", soft_wrap=True)
        console.print(told, soft_wrap=True)

    out.document({"town": town.slug, "run": _as_json(one), **({"payees": payees} if payees else {})}, show)


def _shown(runs: list[Run], town: TownFacts) -> Callable[[Console], None]:
    def show(console: Console) -> None:
        from koinon.cli.tables import money, plain_table

        table = plain_table("run", "state", "payments", "total", "prepared", right=["payments", "total"])
        for one in runs:
            total = money(one.total.minor, town.exponent, town.national_currency)
            table.add_row(str(one.id), one.state, str(one.payments), total, f"{one.prepared_at:%Y-%m-%d %H:%M}")
        console.print(table)

    return show


def _as_json(one: Run) -> dict[str, Any]:
    return {
        "id": one.id,
        "state": one.state,
        "payments": one.payments,
        "total": one.total.minor,
        "prepared_by": one.prepared_by,
        "approved_by": one.approved_by,
        "execution_day": one.execution_day,
        "file_format": one.file_format,
    }

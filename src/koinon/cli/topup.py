"""``koinon topup``: units that residents and shops buy, made when their euros are there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.budget import AmountOption, ReferenceOption, amount_of
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking, written
from koinon.kernel.identifiers import new_id

if TYPE_CHECKING:
    from rich.console import Console

    from koinon.treasury.types import TopUp

app = typer.Typer(help="Top up purses and tills, against euros that have come.", no_args_is_help=True)


@app.command("request")
def request(
    party: Annotated[UUID, typer.Argument(metavar="PARTY", help="Opaque id of whose purse or till it is.")],
    amount: AmountOption,
    actor: ActorOption,
    key: Annotated[str, typer.Option("--key", metavar="KEY", help="Asks once, however often it is run.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Give somebody the reference to write on a bank transfer. Nothing moves before its euros are there."""
    from koinon.db.transactions import transaction
    from koinon.treasury import topups
    from koinon.treasury.references import in_groups
    from koinon.treasury.types import Way

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            asked = topups.request(
                conn,
                town_id=facts.id,
                party=party,
                amount=amount_of(amount, facts),
                way=Way.BANK,
                idempotency_key=f"cli:{key or new_id()}",
                at=datetime.now(UTC),
                actor=who,
            )
        out.document(
            {"town": facts.slug, "topup": _as_json(asked)},
            lambda console: console.print(f"{in_groups(asked.reference)} for {written(asked.amount)}.", markup=False),
        )


@app.command("confirm")
def confirm(
    reference: Annotated[str, typer.Argument(metavar="RF", help="The structured reference on the statement.")],
    amount: AmountOption,
    bank_reference: ReferenceOption,
    actor: ActorOption,
    other_amount: Annotated[
        bool, typer.Option("--other-amount", help="You have looked: credit it although another amount was announced.")
    ] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say that a top-up's euros are in the bank. Said twice, by you or the card provider, it is credited once."""
    from koinon.db.transactions import transaction
    from koinon.treasury import topups
    from koinon.treasury.types import Way

    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        with transaction(conn):
            done = topups.confirm(
                conn,
                town_id=facts.id,
                reference=reference,
                amount=amount_of(amount, facts),
                way=Way.BANK,
                source_reference=bank_reference,
                at=datetime.now(UTC),
                actor=who,
                other_amount=other_amount,
            )
        told = "was credited before" if done.replayed else "is credited"
        out.document(
            {"town": facts.slug, "topup": _as_json(done), "replayed": done.replayed},
            lambda console: console.print(f"{written(done.received or done.amount)} {told}.", markup=False),
        )


@app.command("cancel")
def cancel(
    topup: Annotated[UUID, typer.Argument(metavar="TOPUP", help="Id of the top-up.")],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Give up one that nobody has paid. Should its euros come all the same, they are credited all the same."""
    from koinon.db.transactions import transaction
    from koinon.treasury import topups

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            done = topups.cancel(conn, town_id=facts.id, topup_id=topup, at=datetime.now(UTC), actor=who)
        out.document(
            {"town": facts.slug, "topup": _as_json(done)},
            lambda console: console.print("It is given up.", markup=False),
        )


@app.command("give-back")
def give_back(
    topup: Annotated[UUID, typer.Argument(metavar="TOPUP", help="Id of the top-up.")],
    bank_reference: ReferenceOption,
    actor: ActorOption,
    amount: Annotated[
        str, typer.Option("--amount", metavar="AMOUNT", help="As on the statement; all that is left without it.")
    ] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say that the bank paid a top-up back: its units are taken back, and a bonus on them in proportion."""
    from koinon.db.transactions import transaction
    from koinon.treasury import topups

    with speaking(as_json) as out, opening.desk(database, town, actor, role="treasurer") as (conn, facts, who):
        with transaction(conn):
            done = topups.give_back(
                conn,
                town_id=facts.id,
                topup_id=topup,
                amount=amount_of(amount, facts) if amount else None,
                bank_reference=bank_reference,
                at=datetime.now(UTC),
                actor=who,
            )
        told = f"{written(done.returned)} of it went back; {written(done.left)} is left."
        out.document(
            {"town": facts.slug, "topup": _as_json(done), "replayed": done.replayed},
            lambda console: console.print(told, markup=False),
        )


@app.command("list")
def list_topups(
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those whose euros have not come.")] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Show the newest top-ups with their references and how they stand."""
    from koinon.db.transactions import transaction
    from koinon.treasury import topups
    from koinon.treasury.types import TopUpState

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            state = TopUpState.PENDING if waiting else None
            found = topups.topups(conn, town_id=facts.id, state=state, limit=1000)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("asked for", "reference", "by", "state", "amount", right=("amount",))
            for one in found:
                day = f"{one.requested_at.astimezone(facts.zone):%Y-%m-%d}"
                table.add_row(day, one.reference, one.way, one.state, written(one.received or one.amount))
            console.print(table)

        out.document({"town": facts.slug, "topups": [_as_json(one) for one in found]}, show)


def _as_json(one: TopUp) -> dict[str, Any]:
    return {
        "id": one.id,
        "party": one.party,
        "reference": one.reference,
        "by": one.way,
        "state": one.state,
        "amount": one.amount.minor,
        "received": one.received.minor if one.received else None,
        "returned": one.returned.minor,
        "bank_reference": one.bank_reference,
        "card_reference": one.card_reference,
        "at": one.requested_at,
    }

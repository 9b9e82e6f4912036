"""``koinon till``: who works at a shop's tills, their shifts, and what a town allows without a PIN."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.budget import amount_of
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking
from koinon.kernel.identifiers import new_id

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    help="See and change who works at a shop's tills, their shifts, and purchases without a PIN.", no_args_is_help=True
)

ShopArgument = Annotated[UUID, typer.Argument(metavar="SHOP", help="The shop's id, as `koinon party find` printed it.")]
CashierArgument = Annotated[UUID, typer.Argument(metavar="CASHIER", help="As `koinon till cashiers` printed it.")]


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write a day as 2026-12-31") from None


@app.command("cashiers")
def cashiers(
    shop: ShopArgument, town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None
) -> None:
    """List those who work at a shop's tills, by id and role. Their names are for the shop alone."""
    from koinon.db.transactions import transaction
    from koinon.parties.secrets import Secrets
    from koinon.payments import shifts

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = shifts.cashiers(conn, town_id=facts.id, payee=shop, secrets=Secrets.load())
        out.document(
            {"town": facts.slug, "shop": shop, "cashiers": [{"id": one.id, "role": one.role.value} for one in found]},
            lambda console: console.print("\n".join(f"{one.id}  {one.role.value}" for one in found)),
        )


@app.command("add-cashier")
def add_cashier(
    shop: ShopArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As the shop calls them; kept sealed.")],
    actor: ActorOption,
    manager: Annotated[bool, typer.Option("--manager", help="May give money back; the first one must be.")] = False,
    key: Annotated[str, typer.Option("--key", metavar="TEXT", help="The same key adds them once.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Let somebody work at a shop's tills; the PIN, four to six digits, is read from standard input."""
    from koinon.db.transactions import transaction
    from koinon.parties.secrets import Secrets
    from koinon.payments import shifts
    from koinon.payments.shifts import Duty

    if not 0 < len(name) <= shifts.LONGEST_NAME:
        raise typer.BadParameter(f"at most {shifts.LONGEST_NAME} letters", param_hint="NAME")
    pin = sys.stdin.readline().strip()
    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            made = shifts.add_cashier(
                conn,
                town_id=facts.id,
                payee=shop,
                name=name,
                role=Duty.MANAGER if manager else Duty.CASHIER,
                pin=pin,
                key=f"cli:{key or new_id()}",
                actor=who,
                at=datetime.now(UTC),
                secrets=Secrets.load(),
            )
        out.document(
            {"town": facts.slug, "shop": shop, "cashier": made.id, "role": made.role.value},
            lambda console: console.print(f"{made.id}  {made.role.value}"),
        )


@app.command("end-cashier")
def end_cashier(
    shop: ShopArgument,
    cashier: CashierArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Let somebody work at a shop's tills no more; an open shift of theirs is closed."""
    from koinon.db.transactions import transaction
    from koinon.payments import shifts

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            shifts.end_cashier(conn, town_id=facts.id, payee=shop, cashier_id=cashier, actor=who, at=datetime.now(UTC))
        out.document(
            {"town": facts.slug, "shop": shop, "cashier": cashier, "ended": True},
            lambda console: console.print("ended"),
        )


@app.command("shifts")
def list_shifts(
    shop: ShopArgument,
    most: Annotated[int, typer.Option("--most", min=1, max=1000, help="How many, the newest first.")] = 30,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """List a shop's shifts with what was charged and given back in each."""
    from dataclasses import asdict

    from koinon.db.transactions import transaction
    from koinon.payments import shifts

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = shifts.shifts(conn, town_id=facts.id, payee=shop, most=most)

        def show(console: Console) -> None:
            from koinon.cli.tables import money, plain_table

            table = plain_table("opened", "closed", "sales", "sold", "given back", "taken", right=["sales", "sold", "given back", "taken"])  # fmt: skip
            for one in found:
                table.add_row(
                    f"{one.opened_at:%Y-%m-%d %H:%M}",
                    f"{one.closed_at:%Y-%m-%d %H:%M}" if one.closed_at else "open",
                    str(one.sales),
                    *(
                        money(minor, facts.exponent, facts.unit_code)
                        for minor in (one.sold_minor, one.refunded_minor, one.taken_minor)
                    ),
                )
            console.print(table)

        out.document({"town": facts.slug, "shop": shop, "shifts": [asdict(one) for one in found]}, show)


@app.command("close-shift")
def close_shift(
    shop: ShopArgument,
    shift: Annotated[UUID, typer.Argument(metavar="SHIFT", help="As `koinon till shifts --json` printed it.")],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Count a shift that somebody forgot to close, and end it."""
    from dataclasses import asdict

    from koinon.db.transactions import transaction
    from koinon.payments import shifts

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            found = shifts.close_shift(
                conn, town_id=facts.id, payee=shop, shift_id=shift, actor=who, at=datetime.now(UTC)
            )
        out.document(
            {"town": facts.slug, "shift": asdict(found)}, lambda console: console.print("closed", soft_wrap=True)
        )


@app.command("small")
def small_purchases(
    actor: Annotated[str, typer.Option("--as", metavar="USER", envvar="KOINON_USER", help="Who changes them.")] = "",
    from_day: Annotated[
        date | None, typer.Option("--from", metavar="DAY", help="First local day of what follows.", parser=_day)
    ] = None,
    most: Annotated[str, typer.Option("--most", metavar="AMOUNT", help="The largest purchase without a PIN.")] = "",
    per_day: Annotated[str, typer.Option("--per-day", metavar="AMOUNT", help="All of a card's in a day.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Show up to how much cards pay without a PIN; with --from, say what holds from a day on. Without amounts: nothing."""
    from koinon.db.transactions import transaction
    from koinon.instruments import small

    now = datetime.now(UTC)
    with (
        speaking(as_json) as out,
        opening.desk(database, town, actor, role="treasurer" if from_day is not None else "") as (conn, facts, who),
    ):
        with transaction(conn):
            today = now.astimezone(facts.zone).date()
            if from_day is not None:
                small.set_terms(
                    conn,
                    town_id=facts.id,
                    from_day=from_day,
                    most_minor=amount_of(most, facts).minor if most else 0,
                    per_day_minor=amount_of(per_day, facts).minor if per_day else 0,
                    today=today,
                    at=now,
                    actor=who,
                )
            held = small.terms(conn, town_id=facts.id, day=from_day or today)
        said = {"from_day": held.from_day, "most_minor": held.most_minor, "per_day_minor": held.per_day_minor}

        def show(console: Console) -> None:
            from koinon.cli.tables import money

            if not held.allowed:
                console.print("Every purchase takes the card's PIN.")
                return
            console.print(
                f"From {held.from_day}: up to {money(held.most_minor, facts.exponent, facts.unit_code)} without a PIN, "
                f"{money(held.per_day_minor, facts.exponent, facts.unit_code)} in a day.",
                markup=False,
                soft_wrap=True,
            )

        out.document({"town": facts.slug, "small_purchases": said}, show)

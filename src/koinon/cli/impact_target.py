"""``koinon impact target``: what the town wants to reach: proposed by one person, confirmed by another."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking

if TYPE_CHECKING:
    from rich.console import Console

    from koinon.impact.targets import Proposal

app = typer.Typer(
    help="What the town wants to reach: proposed, and confirmed by a second person.", no_args_is_help=True
)
TargetArgument = Annotated[
    UUID, typer.Argument(metavar="TARGET", help="The id, as `koinon impact target list` prints it.")
]


@app.command("list")
def list_(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List the town's targets, and those that were proposed, with who decided what."""
    from koinon.db.transactions import transaction
    from koinon.impact import aims, targets

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            holding = aims.targets(conn, facts.id)
            proposed = targets.proposals(conn, town_id=facts.id)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("figure", "value", "from", "by", "source", right=["value"])
            for one in holding:
                table.add_row(_figure(one), str(one.value), str(one.from_day), str(one.by_day), one.source)
            console.print(table)
            if proposed:
                table = plain_table("target", "figure", "value", "from", "by", "state", right=["value"])
                for row in proposed:
                    days = str(row.from_day), str(row.by_day)
                    table.add_row(str(row.id), _figure(row.target), str(row.value), *days, row.state)
                console.print(table)

        content = {
            "town": facts.slug,
            "targets": [_plain(asdict(one)) for one in holding],
            "proposed": [_plain(asdict(one)) for one in proposed],
        }
        out.document(content, show)


@app.command("propose")
def propose(
    indicator: Annotated[str, typer.Argument(metavar="INDICATOR", help="Its key, such as recirculation.")],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="In the indicator's unit; a share as 0.35 or 35%.")],
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="Shown from this day on: today or later.")],
    by: Annotated[str, typer.Option("--by", metavar="DAY", help="To be reached by this day.")],
    actor: ActorOption,
    part: Annotated[str, typer.Option("--part", metavar="PART", help="One part of it, such as zone:50.")] = "",
    source: Annotated[str, typer.Option("--source", metavar="TEXT", help="The decision that says so.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Propose a target; a second person confirms it. Takes an officer."""
    from koinon.db.transactions import transaction
    from koinon.impact import targets
    from koinon.impact.aims import Target
    from koinon.kernel.identifiers import new_id

    wanted = Target(indicator, part, _day(first, "--from"), _day(by, "--by"), _value(value), source)
    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            done = targets.propose(
                conn, town_id=facts.id, proposal_id=new_id(), target=wanted, at=datetime.now(UTC), actor=who
            )
        out.document(_plain(asdict(done)), lambda console: console.print(_told(done), soft_wrap=True))


@app.command("confirm")
def confirm(
    target: TargetArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Confirm a target that somebody else proposed. Takes an approver."""
    from koinon.db.transactions import transaction
    from koinon.impact import targets

    with speaking(as_json) as out, opening.desk(database, town, actor, role="approver") as (conn, facts, who):
        with transaction(conn):
            done = targets.confirm(conn, town_id=facts.id, proposal_id=target, at=datetime.now(UTC), actor=who)
        out.document(_plain(asdict(done)), lambda console: console.print(_told(done), soft_wrap=True))


@app.command("decline")
def decline(
    target: TargetArgument,
    actor: ActorOption,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in a few words; no names.")],
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say no to a target, or take back one's own. Takes an approver or an officer."""
    from koinon.db.transactions import transaction
    from koinon.impact import targets

    with speaking(as_json) as out, opening.books(database) as conn:
        with transaction(conn):
            facts = opening.town(conn, town)
            who = opening.actor(conn, facts, actor, role=("approver", "officer"))
            done = targets.decline(
                conn, town_id=facts.id, proposal_id=target, reason=reason, at=datetime.now(UTC), actor=who
            )
        out.document(_plain(asdict(done)), lambda console: console.print(_told(done), soft_wrap=True))


def _figure(target: Any) -> str:
    return f"{target.indicator} {target.part}".strip()


def _told(done: Proposal) -> str:
    return f"{done.id}  {_figure(done)} {done.value} from {done.from_day} by {done.by_day}: {done.state}"


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value if value is None else str(value) for name, value in values.items()}


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write a day as 2027-12-31", param_hint=option) from None


def _value(text: str) -> Decimal:
    try:
        value = Decimal(text.rstrip("% ").replace(",", "."))
    except InvalidOperation:
        raise typer.BadParameter("write a number, such as 0.35 or 35%", param_hint="VALUE") from None
    return value.scaleb(-2) if text.endswith("%") else value

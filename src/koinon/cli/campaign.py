"""``koinon campaign``: bonuses on purchases and top-ups, drawn up by one and released by another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koinon.cli import opening
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import Output, counted, speaking, written
from koinon.kernel.money import Amount

if TYPE_CHECKING:
    from rich.console import Console

    from koinon.campaigns.types import Campaign
    from koinon.parties.types import TownFacts

app = typer.Typer(help="Run bonus campaigns: draft, submit, release (another person), end.", no_args_is_help=True)
CodeArgument = Annotated[str, typer.Argument(metavar="CODE", help="Short name of the campaign.")]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The campaign's terms, as TOML.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="WHY", help="Why; kept in the audit trail.")]


@app.command("draft")
def draft(
    file: FileArgument,
    actor: ActorOption,
    change: Annotated[bool, typer.Option("--change", help="Change the draft that has this short name.")] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Draw a campaign up from FILE. Every finding is listed, and nothing is kept unless there is none."""
    from koinon.campaigns import operations, queries
    from koinon.cli import campaign_file
    from koinon.db.transactions import transaction
    from koinon.programmes import queries as programmes

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            funds = {fund.code: fund.id for fund in programmes.funds(conn, town_id=facts.id)}
            code, terms = campaign_file.read(file, exponent=facts.exponent, funds=funds)
            step: dict[str, Any] = {"town_id": facts.id, "terms": terms, "at": datetime.now(UTC), "actor": who}
            if change:
                known = queries.campaign_by_code(conn, town_id=facts.id, code=code)
                drawn = operations.change(conn, campaign_id=known.id, **step)
            else:
                drawn = operations.draft(conn, code=code, **step)
        _say(out, facts, drawn, "is a draft")


@app.command("submit")
def submit(
    code: CodeArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Hand a draft in, for a second person to release its money."""
    from koinon.campaigns import operations

    _step(operations.submit, code, actor, "officer", "waits for a second person", town, as_json, database)


@app.command("release")
def release(
    code: CodeArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Release the money: its ceiling goes from the fund's reserve into the campaign, which runs. Takes an approver."""
    from koinon.campaigns import operations

    _step(operations.release, code, actor, "approver", "runs", town, as_json, database)


@app.command("hand-back")
def hand_back(
    code: CodeArgument,
    reason: ReasonOption,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Make what was handed in a draft again. Takes an approver."""
    from koinon.campaigns import operations

    _step(operations.hand_back, code, actor, "approver", "is a draft again", town, as_json, database, reason=reason)


@app.command("end")
def end(
    code: CodeArgument,
    reason: ReasonOption,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """End a campaign before its last day, or cancel one that never ran. What is left goes back to its fund's reserve."""
    from koinon.campaigns import operations

    _step(operations.end, code, actor, "officer", "has ended", town, as_json, database, reason=reason)


def _step(
    operation: Callable[..., Campaign],
    code: str,
    actor: str,
    role: str,
    told: str,
    town: str,
    as_json: bool,
    database: str | None,
    **more: Any,
) -> None:
    from koinon.campaigns import queries
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role=role) as (conn, facts, who):
        with transaction(conn):
            known = queries.campaign_by_code(conn, town_id=facts.id, code=code)
            done = operation(conn, town_id=facts.id, campaign_id=known.id, at=datetime.now(UTC), actor=who, **more)
        _say(out, facts, done, told)


def _say(out: Output, facts: TownFacts, done: Campaign, told: str) -> None:
    out.document(
        {"town": facts.slug, "campaign": _as_json(done)},
        lambda console: console.print(
            f"{done.code} {told}; ceiling {_money(done.terms.ceiling_minor, facts)}.", markup=False
        ),
    )


@app.command("list")
def list_campaigns(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """Show every campaign: its state, its days, what it has granted of its ceiling."""
    from koinon.campaigns import queries
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.campaigns(conn, town_id=facts.id)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            figures = ("granted", "ceiling")
            table = plain_table("campaign", "on", "state", "first day", "last day", *figures, right=figures)
            for one in found:
                terms = one.terms
                table.add_row(
                    one.code, terms.trigger, one.state + (" (nearly spent)" if _warned(one) else ""), str(terms.first_day),
                    str(terms.last_day), _money(one.granted_minor, facts), _money(terms.ceiling_minor, facts),
                )  # fmt: skip
            console.print(table)

        out.document({"town": facts.slug, "campaigns": [_as_json(one) for one in found]}, show)


@app.command("show")
def show_campaign(
    code: CodeArgument, town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None
) -> None:
    """Show one campaign and the newest bonuses it granted, by the opaque ids of whoever got them."""
    from koinon.campaigns import queries
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.campaign_by_code(conn, town_id=facts.id, code=code)
            bonuses = queries.bonuses(conn, town_id=facts.id, campaign_id=found.id)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            console.print(
                f"{found.terms.name}: {found.state}, {_money(found.granted_minor, facts)} of "
                f"{_money(found.terms.ceiling_minor, facts)} granted in {counted(found.bonuses, 'bonus', 'bonuses')}.",
                markup=False,
            )
            if found.lost_minor:
                lost = _money(found.lost_minor, facts)
                console.print(f"{lost} was undone by refunds and had been spent before.", markup=False)
            table = plain_table("party", "paid", "bonus", "undone", right=("paid", "bonus", "undone"))
            for one in bonuses:
                minors = (one.paid_minor, one.amount_minor, one.due_back_minor)
                table.add_row(str(one.party), *(_money(minor, facts) for minor in minors))
            console.print(table)

        out.document(
            {
                "town": facts.slug,
                "campaign": _as_json(found),
                "bonuses": [
                    {
                        "id": one.id, "payment": one.source, "party": one.party, "paid": one.paid_minor,
                        "earning": one.earning_minor, "bonus": one.amount_minor, "due_back": one.due_back_minor,
                        "taken_back": one.undone_minor, "at": one.granted_at,
                    }
                    for one in bonuses
                ],
            },
            show,
        )  # fmt: skip


def _warned(one: Campaign) -> bool:
    return one.state == "running" and one.nearly_spent


def _money(minor: int, town: TownFacts) -> str:
    return written(Amount(minor, town.unit_code))


def _as_json(one: Campaign) -> dict[str, Any]:
    terms = one.terms
    return {
        "id": one.id,
        "code": one.code,
        "name": terms.name,
        "state": one.state,
        "on": terms.trigger,
        "share": f"{terms.share.numerator}/{terms.share.denominator}",
        "minimum": terms.minimum_minor,
        "most_per_person": terms.person_most_minor,
        "ceiling": terms.ceiling_minor,
        "granted": one.granted_minor,
        "spent_before_undone": one.lost_minor,
        "nearly_spent": one.nearly_spent,
        "first_day": terms.first_day,
        "last_day": terms.last_day,
        "reason": one.reason,
    }

"""``koinon helper``: let somebody pay for somebody else."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.helping import KeyOption, PartyArgument, vault_of
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import Output, speaking
from koinon.kernel.identifiers import new_id

if TYPE_CHECKING:
    from koinon.instruments.types import Authorisation
    from koinon.parties.types import TownFacts

app = typer.Typer(help="Let somebody pay for somebody else, up to a limit each day.", no_args_is_help=True)

HelperArgument = Annotated[
    UUID, typer.Argument(metavar="AUTHORISATION", help="Its id, as `koinon helper list` prints it.")
]
PerDayOption = Annotated[str, typer.Option("--per-day", metavar="AMOUNT", help="What may be paid on one day.")]
LastDayOption = Annotated[datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="Last day, inclusive.")]


@app.command("authorise")
def authorise(
    party: PartyArgument,
    per_day: PerDayOption,
    last_day: LastDayOption,
    actor: ActorOption,
    key: KeyOption = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Let somebody pay for a household. Their name is read from standard input, and sealed; give them a card next."""
    from koinon.cli.budget import amount_of
    from koinon.db.transactions import transaction
    from koinon.helpdesk import people
    from koinon.kernel.identifiers import id_for_key

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        name, now = sys.stdin.readline(), datetime.now(UTC)
        with transaction(conn):
            held = people.authorise(
                conn,
                town_id=facts.id,
                authorisation_id=id_for_key(f"koinon.cli.helper:{facts.id}", key) if key else new_id(),
                party=party,
                name=name,
                per_day_minor=amount_of(per_day, facts).minor,
                last_day=last_day.date(),
                today=now.astimezone(facts.zone).date(),
                actor=who,
                at=now,
                vault=vault_of(conn),
            )
        _say(out, facts, held)


@app.command("give")
def give(
    authorisation: HelperArgument,
    card: Annotated[str, typer.Argument(metavar="CARD", help="A card that was made and not handed over.")],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Hand a card to who is let pay; `koinon card set-pin` is next."""
    from koinon.db.transactions import transaction
    from koinon.instruments import authorised, queries
    from koinon.parties.secrets import Secrets

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            found = queries.presented(conn, town_id=facts.id, text=card, secrets=Secrets.load()).card
            authorised.give(
                conn,
                town_id=facts.id,
                authorisation_id=authorisation,
                card_id=found.id,
                actor=who,
                at=datetime.now(UTC),
            )
        out.document(
            {"town": facts.slug, "authorisation": authorisation, "card": found.id},
            lambda console: console.print(f"card {found.id} is handed over", soft_wrap=True),
        )


@app.command("change")
def change(
    authorisation: HelperArgument,
    per_day: PerDayOption,
    last_day: LastDayOption,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Set another limit and last day; they hold from the next payment on."""
    from koinon.cli.budget import amount_of
    from koinon.db.transactions import transaction
    from koinon.instruments import authorised

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        now = datetime.now(UTC)
        with transaction(conn):
            held = authorised.change(
                conn,
                town_id=facts.id,
                authorisation_id=authorisation,
                per_day_minor=amount_of(per_day, facts).minor,
                last_day=last_day.date(),
                today=now.astimezone(facts.zone).date(),
                actor=who,
                at=now,
            )
        _say(out, facts, held)


@app.command("end")
def end(
    authorisation: HelperArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """End it at once: their cards pay nothing from now on."""
    from koinon.db.transactions import transaction
    from koinon.instruments import authorised

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            held = authorised.end(
                conn, town_id=facts.id, authorisation_id=authorisation, actor=who, at=datetime.now(UTC)
            )
        _say(out, facts, held)


@app.command("list")
def list_helpers(
    party: PartyArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """List who may pay for a household, and who might: ids and limits, no names."""
    from koinon.db.transactions import transaction
    from koinon.instruments import authorised

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, _):
        with transaction(conn):
            found = authorised.authorisations_of(conn, town_id=facts.id, party=party)

        def show(console: Any) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("authorisation", "minor units a day", "last day", "ended", right=["minor units a day"])
            for one in found:
                ended = one.ended_at.date().isoformat() if one.ended_at else ""
                table.add_row(str(one.id), str(one.per_day_minor), one.last_day.isoformat(), ended)
            console.print(table)

        out.document({"town": facts.slug, "helpers": [_as_json(one) for one in found]}, show)


def _as_json(held: Authorisation) -> dict[str, Any]:
    return {
        "authorisation": held.id,
        "party": held.party,
        "per_day_minor": held.per_day_minor,
        "last_day": held.last_day,
        "ended_at": held.ended_at,
    }


def _say(out: Output, town: TownFacts, held: Authorisation) -> None:
    def line(day: date) -> str:
        return f"authorisation {held.id}: {held.per_day_minor} minor units a day until {day.isoformat()}"

    out.document(
        {"town": town.slug, **_as_json(held)},
        lambda console: console.print(line(held.last_day) + (", ended" if held.ended_at else ""), soft_wrap=True),
    )

"""``koinon card``: make, print, give, block and replace cards, and set their PINs."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import Output, counted, speaking
from koinon.kernel.identifiers import new_id

if TYPE_CHECKING:
    from psycopg import Connection
    from rich.console import Console

    from koinon.instruments.types import Card
    from koinon.parties.types import TownFacts

app = typer.Typer(help="Make, print, give, block and replace cards, and set their PINs.", no_args_is_help=True)


class Layout(StrEnum):
    """How cards lie on paper."""

    SHEET = "sheet"
    SINGLE = "single"


class Reason(StrEnum):
    """Why a card is blocked, replaced or withdrawn."""

    LOST = "lost"
    STOLEN = "stolen"
    DAMAGED = "damaged"
    ASKED = "asked"
    SUSPECTED = "suspected"
    SPOILED = "spoiled"
    FOUND = "found"


CardArgument = Annotated[
    str, typer.Argument(metavar="CARD", help="The card's twelve digits, the code as scanned, or its id.")
]
ReasonOption = Annotated[Reason, typer.Option("--why", help="For the audit trail.")]
PartyArgument = Annotated[
    UUID, typer.Argument(metavar="PARTY", help="The party's id, as `koinon party find` printed it.")
]


@app.command("make")
def make(
    count: Annotated[int, typer.Argument(metavar="COUNT", min=1, max=1000, help="How many cards.")],
    actor: ActorOption,
    party: Annotated[UUID | None, typer.Option("--for", metavar="PARTY", help="For one person alone.")] = None,
    key: Annotated[str, typer.Option("--key", metavar="TEXT", help="The same key makes the cards once.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Make cards to be printed. None of them works before it is handed over."""
    from koinon.db.transactions import transaction
    from koinon.instruments import operations
    from koinon.parties.secrets import Secrets

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            made = operations.make_cards(
                conn,
                town_id=facts.id,
                count=count,
                idempotency_key=f"cli:{key or new_id()}",
                actor=who,
                at=datetime.now(UTC),
                secrets=Secrets.load(),
                party=party,
            )
        out.document(
            {
                "town": facts.slug,
                "batch": made[0].batch,
                "cards": [{"id": one.id, "number": one.number} for one in made],
            },
            lambda console: console.print(f"{counted(len(made), 'card')}, batch {made[0].batch}", soft_wrap=True),
        )


@app.command("print")
def print_(
    batch: Annotated[UUID, typer.Argument(metavar="BATCH", help="What `koinon card make` printed.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The PDF to write; it must not be there yet.")],
    actor: ActorOption,
    layout: Annotated[Layout, typer.Option("--layout", help="Ten to a sheet of A4, or one a page.")] = Layout.SHEET,
    language: Annotated[str, typer.Option("--language", metavar="TAG", help="Language of the cards' words.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Write the cards of a batch that were not handed over as PDF. The file opens purses once they are: delete it."""
    with speaking(as_json) as out, opening.database(database) as opened:
        from koinon.instruments import operations, paper, queries
        from koinon.parties.secrets import Secrets

        with opening.connection(opened) as conn:
            facts = opening.town(conn, town)
            who = opening.actor(conn, facts, actor, role="officer")
            cards = queries.cards_of_batch(conn, town_id=facts.id, batch=batch)
            left = [card.id for card in cards if card.handed_at is None and card.ended_at is None]
            found = operations.printable(
                conn, town_id=facts.id, cards=left, actor=who, at=datetime.now(UTC), secrets=Secrets.load()
            )
            pdf = paper.cards(
                found,
                town=facts.name,
                unit=facts.unit_name,
                sheet=layout is Layout.SHEET,
                language=language or "en",
            )
            with file.open("xb") as stream:
                stream.write(pdf)
        out.document(
            {"town": facts.slug, "batch": batch, "cards": len(found), "file": file},
            lambda console: console.print(f"{counted(len(found), 'card')} in {file}", soft_wrap=True),
        )


@app.command("stock")
def stock(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """Count the cards in each state."""
    from dataclasses import asdict

    from koinon.db.transactions import transaction
    from koinon.instruments import queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = asdict(queries.stock(conn, town_id=facts.id))

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("state", "cards", right=["cards"])
            for state, count in found.items():
                table.add_row(state, str(count))
            console.print(table)

        out.document({"town": facts.slug, **found}, show)


@app.command("show")
def show(
    card: CardArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Print how a card stands, and its holder's opaque id."""
    from koinon.db.transactions import transaction

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, _):
        with transaction(conn):
            found = _card(conn, facts, card)
        _say(out, facts, found)


@app.command("list")
def list_(
    party: PartyArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """List the cards and phones a party has or had, newest first, by their opaque ids."""
    from koinon.db.transactions import transaction
    from koinon.instruments import queries

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, _):
        with transaction(conn):
            found = queries.cards_of(conn, town_id=facts.id, party=party)

        def shown(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("id", "kind", "state", "PIN")
            for one in found:
                table.add_row(str(one.id), one.kind.value, one.state.value, "set" if one.has_pin else "none")
            console.print(table)

        listed = [
            {"card": one.id, "kind": one.kind, "state": one.state, "has_pin": one.has_pin, "made_at": one.made_at}
            for one in found
        ]
        out.document({"town": facts.slug, "party": party, "cards": listed}, shown)


@app.command("balance")
def balance(
    card: CardArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Print what a card pays with, purse by purse; that somebody looked is recorded."""
    from koinon.db.transactions import transaction
    from koinon.helpdesk import looking
    from koinon.instruments import rules
    from koinon.kernel.money import Amount
    from koinon.payments import authorised, queries

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        now = datetime.now(UTC)
        with transaction(conn):
            found = _card(conn, facts, card)
            holder = rules.usable(found)
            looking.looked(conn, town_id=facts.id, party=holder, actor=who, at=now)
            purses = queries.purses(conn, town_id=facts.id, payer=holder, at=now)
            left = None
            if found.authorisation is not None:
                room = authorised.room(conn, town_id=facts.id, authorisation_id=found.authorisation, at=now)
                left = room.left_minor

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("purse", "until", "amount", right=["amount"])
            for purse in purses:
                until = purse.last_day.isoformat() if purse.last_day else ""
                table.add_row(purse.fund_name or "free", until, str(Amount(purse.available_minor, facts.unit_code)))
            console.print(table)
            if left is not None:
                console.print(f"of which this card may pay {Amount(left, facts.unit_code)} today")

        listed = [
            {"fund": purse.fund_name, "last_day": purse.last_day, "available_minor": purse.available_minor}
            for purse in purses
        ]
        out.document({"town": facts.slug, "card": found.id, "purses": listed, "left_today_minor": left}, show)


@app.command("give")
def give(
    card: CardArgument,
    party: PartyArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Hand a card that was made to its holder."""
    from koinon.instruments import operations

    _step(operations.hand_over, card, actor, town, as_json, database, party=party)


@app.command("block")
def block(
    card: CardArgument,
    why: ReasonOption,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Stop a card at once. What its holder has is untouched."""
    from koinon.instruments import operations

    _step(operations.block, card, actor, town, as_json, database, why=why)


@app.command("unblock")
def unblock(
    card: CardArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Let a blocked card that was found work again."""
    from koinon.instruments import operations

    _step(operations.unblock, card, actor, town, as_json, database, why=Reason.FOUND)


@app.command("withdraw")
def withdraw(
    card: CardArgument,
    why: ReasonOption,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """End a card for good without another one."""
    from koinon.instruments import operations

    _step(operations.withdraw, card, actor, town, as_json, database, why=why)


@app.command("replace")
def replace(
    card: CardArgument,
    by: Annotated[str, typer.Argument(metavar="NEW", help="A card that was made and not handed over.")],
    why: ReasonOption,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Give the holder of a card another one: the old one is dead at once, and no money moves."""
    from koinon.instruments import operations

    _step(operations.replace, card, actor, town, as_json, database, why=why, by=by)


@app.command("set-pin")
def set_pin(
    card: CardArgument,
    actor: ActorOption,
    pin_stdin: Annotated[
        bool, typer.Option("--pin-stdin", help="Read the PIN from standard input; without it you are asked twice.")
    ] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Set a card's PIN, which its holder types. The PIN is never part of the command line."""
    from koinon.db.transactions import transaction
    from koinon.instruments import pins
    from koinon.parties.secrets import Secrets

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        typed = (
            sys.stdin.readline()
            if pin_stdin
            else typer.prompt("New PIN", hide_input=True, confirmation_prompt=True, err=True)
        )
        with transaction(conn):
            found = pins.set_pin(
                conn,
                town_id=facts.id,
                card_id=_card(conn, facts, card).id,
                pin=typed.strip(),
                actor=who,
                at=datetime.now(UTC),
                secrets=Secrets.load(),
            )
        _say(out, facts, found)


def _step(
    operation: Any,
    card: str,
    actor: str,
    town: str,
    as_json: bool,
    database: str | None,
    *,
    why: Reason | None = None,
    by: str = "",
    **more: Any,
) -> None:
    from koinon.db.transactions import transaction
    from koinon.instruments.types import Why

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            how = dict(more)
            if why is not None:
                how["why"] = Why(why.value)
            if by:
                how["by"] = _card(conn, facts, by).id
            found = operation(
                conn, town_id=facts.id, card_id=_card(conn, facts, card).id, actor=who, at=datetime.now(UTC), **how
            )
        _say(out, facts, found)


def _card(conn: Connection[Any], town: TownFacts, text: str) -> Card:
    from koinon.instruments import queries
    from koinon.parties.secrets import Secrets

    try:
        card_id = UUID(text)
    except ValueError:
        return queries.presented(conn, town_id=town.id, text=text, secrets=Secrets.load()).card
    return queries.card(conn, town_id=town.id, card_id=card_id)


def _say(out: Output, town: TownFacts, card: Card) -> None:
    out.document(
        {
            "town": town.slug,
            "card": card.id,
            "state": card.state,
            "party": card.party,
            "has_pin": card.has_pin,
            "replaces": card.replaces,
            "replaced_by": card.replaced_by,
        },
        lambda console: console.print(
            f"card {card.id} is {card.state}" + ("" if card.has_pin or not card.is_open else ", without a PIN"),
            soft_wrap=True,
        ),
    )

"""``koinon party``: find a person whose data are asked about, and erase them."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening, staff
from koinon.cli.errors import NobodyFound
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import agree, speaking

if TYPE_CHECKING:
    from psycopg import Connection
    from rich.console import Console

    from koinon.parties.types import TownFacts

app = typer.Typer(
    help="Find a person by the identifier on a document; give them a sign-in; erase their data.", no_args_is_help=True
)


def _reason(text: str) -> str:
    told = " ".join(text.split())
    if not 1 <= len(told) <= 200:
        raise typer.BadParameter("say in up to 200 letters why, without anything about the person")
    return told


@app.command("find")
def find(
    actor: ActorOption,
    identifier_stdin: Annotated[
        bool,
        typer.Option("--identifier-stdin", help="Read the identifier from standard input; without it you are asked."),
    ] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Print the opaque id of whoever has an identifier. The identifier is never typed into the command line.

    Who asked is recorded, where somebody was found.
    """
    from koinon.db.transactions import transaction
    from koinon.parties import queries
    from koinon.parties.secrets import Secrets
    from koinon.parties.vault import Vault

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        identifier = sys.stdin.readline() if identifier_stdin else typer.prompt("Identifier", hide_input=True, err=True)
        with transaction(conn):
            vault = Vault(conn, Secrets.load())
            party = vault.find(facts.id, "identifier", identifier)
            if party is None:
                raise NobodyFound
            kind = queries.party_facts(conn, facts.id, party).kind
            vault.reveal([party], ["identifier"], actor=who, reason="found by its identifier", at=datetime.now(UTC))
        out.document(
            {"town": facts.slug, "party": party, "kind": kind},
            lambda console: console.print(str(party), soft_wrap=True),
        )


@app.command("shops")
def list_shops(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List the town's organisations by the name on their sign, each with its opaque id."""
    from koinon.db.transactions import transaction
    from koinon.parties import queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            found = queries.organisations(conn, town_id=facts.id)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("party", "shop", "register", "takes part")
            for one in found:
                table.add_row(str(one.party_id), one.trade_name, one.registry_number, "yes" if one.active else "no")
            console.print(table)

        out.document({"town": facts.slug, "shops": [asdict(one) for one in found]}, show)


class PartyRole(StrEnum):
    """As what somebody signs in for a party."""

    RESIDENT = "resident"
    SHOP = "shop"


@app.command("sign-in")
def sign_in(
    party: Annotated[UUID, typer.Argument(metavar="PARTY", help="The party's id, as `koinon party find` printed it.")],
    role: Annotated[PartyRole, typer.Option("--role", help="A household's resident, or an organisation's shop.")],
    username: Annotated[
        str, typer.Option("--username", metavar="NAME", help="Name to sign in by.", callback=staff.user_name)
    ],
    actor: ActorOption,
    email: Annotated[
        str,
        typer.Option(
            "--email", metavar="ADDRESS", help="Mail address, also good to sign in by.", callback=staff.address
        ),
    ] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Let somebody sign in for a household or a shop. The password is generated, and shown only now."""
    from koinon.parties import operations
    from koinon.parties.passwords import new_password

    with speaking(as_json) as out, opening.database(database) as opened:
        from django.contrib.auth.hashers import make_password

        password = new_password()
        with opening.connection(opened) as conn:
            facts = opening.town(conn, town)
            user = operations.add_user_of_party(
                conn,
                town_id=facts.id,
                party_id=party,
                role=role.value,
                username=username,
                email=email,
                password_hash=make_password(password),
                actor=opening.actor(conn, facts, actor, role="officer"),
                at=datetime.now(UTC),
            )

        def show(console: Console) -> None:
            console.print(f"{user.username} signs in as {role.value} for party {party}.", markup=False, soft_wrap=True)
            console.print(f"Password, shown only now: {password}", markup=False)

        out.document(
            {"town": facts.slug, "party": party, "user": user.username, "role": role.value, "password": password}, show
        )


class Way(StrEnum):
    """By which way somebody is told; ``town`` takes the choice back."""

    NONE = "none"
    MAIL = "mail"
    SMS = "sms"
    TOWN = "town"


@app.command("invite")
def invite(
    party: Annotated[UUID, typer.Argument(metavar="PARTY", help="Opaque id of the household, person or shop.")],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Make a code by which one person opens an account for a household or shop. It works once, for a month.

    Hand it to somebody whose paper you have seen. The page of the counter prints it as a letter.
    """
    from koinon.db.transactions import transaction
    from koinon.parties import invitations
    from koinon.parties.secrets import Secrets

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            made = invitations.invite(
                conn, town_id=facts.id, party_id=party, secrets=Secrets.load(), actor=who, at=datetime.now(UTC)
            )

        def show(console: Console) -> None:
            console.print(f"Code, shown only now: {made.code}", markup=False)
            console.print(f"It is typed at /invitation/ until {made.good_until:%F}.", markup=False)

        told = {"party": party, "invitation": made.id, "code": made.code, "good_until": made.good_until}
        out.document({"town": facts.slug, **told}, show)


@app.command("uninvite")
def uninvite(
    invitation: Annotated[UUID, typer.Argument(metavar="INVITATION", help="Its id, as `invite` printed it.")],
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Make a code worthless before it is used."""
    from koinon.db.transactions import transaction
    from koinon.parties import invitations

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            invitations.withdraw(conn, town_id=facts.id, invitation=invitation, actor=who, at=datetime.now(UTC))
        out.document(
            {"town": facts.slug, "invitation": invitation, "withdrawn": True},
            lambda console: console.print("The code opens nothing any more.", markup=False),
        )


@app.command("notices")
def notices(
    party: Annotated[UUID, typer.Argument(metavar="PARTY", help="The party's id, as `koinon party find` printed it.")],
    card: Annotated[Way | None, typer.Option("--card", help="Of their card and its PIN; never none.")] = None,
    money: Annotated[Way | None, typer.Option("--money", help="Of money that ends and rules that change.")] = None,
    complaint: Annotated[Way | None, typer.Option("--complaint", help="Of their complaints and requests.")] = None,
    payment: Annotated[Way | None, typer.Option("--payment", help="Of each payment, refund and reward.")] = None,
    actor: Annotated[
        str, typer.Option("--as", metavar="USER", envvar="KOINON_USER", help="Who does this; needed for a change.")
    ] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Print by which way somebody wants to be told of what; with options, keep what they chose at the counter."""
    from koinon.db.transactions import transaction
    from koinon.parties import preferences, queries

    asked = {"card": card, "money": money, "complaint": complaint, "payment": payment}
    ways = {topic: "" if way is Way.TOWN else way.value for topic, way in asked.items() if way is not None}
    if ways and not actor:
        raise typer.BadParameter("say who does this: --as USER")
    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer" if ways else "") as desk:
        conn, facts, who = desk
        with transaction(conn):
            queries.party_facts(conn, facts.id, party)
            if ways:
                preferences.choose_notices(
                    conn, town_id=facts.id, party_id=party, ways=ways, actor=who, at=datetime.now(UTC)
                )
            kept = preferences.notices(conn, party_id=party)

        def show(console: Console) -> None:
            for topic in preferences.TOPICS:
                usual = "none" if topic == "payment" else "as the town does it"
                console.print(f"{topic}: {kept.get(topic, usual)}")

        out.document({"town": facts.slug, "party": party, "notices": kept}, show)


@app.command("data")
def own_data(
    party: Annotated[UUID, typer.Argument(metavar="PARTY", help="The party's id, as `koinon party find` printed it.")],
    actor: ActorOption,
    town: TownOption = "",
    database: DatabaseOption = None,
) -> None:
    """Print, as JSON, all that the town knows of somebody and who looked at it, for them to take along. Recorded."""
    from koinon.db.transactions import transaction
    from koinon.helpdesk import own_data
    from koinon.parties.secrets import Secrets
    from koinon.parties.vault import Vault

    with speaking(True) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            found = own_data.everything(
                conn,
                town_id=facts.id,
                party=party,
                vault=Vault(conn, Secrets.load()),
                actor=who,
                at=datetime.now(UTC),
            )
        out.document(found.document())


@app.command("erase")
def erase(
    party: Annotated[UUID, typer.Argument(metavar="PARTY", help="The party's id, as `koinon party find` printed it.")],
    reason: Annotated[
        str,
        typer.Option(
            "--reason", metavar="TEXT", help="Why, for the audit trail; nothing about the person.", callback=_reason
        ),
    ],
    actor: ActorOption,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Destroy the key to a person's data, for good. The books keep an opaque id and still add up."""
    from koinon.db.transactions import transaction
    from koinon.parties import queries
    from koinon.parties.secrets import Secrets
    from koinon.parties.vault import Vault

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            kind = queries.party_facts(conn, facts.id, party).kind
            left = _left(conn, facts, party)
        if left:
            from koinon.cli.tables import money

            out.progress(f"{money(left, facts.exponent, facts.unit_code)} are left, and can then no longer be spent")
        if not yes:
            agree(f"Erase the data of {kind} {party}? This cannot be undone.")
        with transaction(conn):
            now = datetime.now(UTC)
            erased = Vault(conn, Secrets.load()).erase(party, actor=who, reason=reason, at=now)
        out.document(
            {"town": facts.slug, "party": party, "kind": kind, "erased": erased, "left": left},
            lambda console: console.print(
                f"party {party} {'is erased' if erased else 'was erased before'}", soft_wrap=True
            ),
        )


def _left(conn: Connection[Any], town: TownFacts, party: UUID) -> int:
    """What the party's purses and till hold, in minor units."""
    from koinon.ledger import queries as books

    found = books.accounts_of(conn, town_id=town.id, holder=party)
    return sum(account.balance.minor for account in found if account.unit == town.unit_code)

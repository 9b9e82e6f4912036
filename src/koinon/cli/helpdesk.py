"""``koinon helper``, ``text``, ``letter`` and ``document``: for people without a telephone that shows pages."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import Output, speaking
from koinon.kernel.identifiers import new_id

if TYPE_CHECKING:
    from psycopg import Connection

    from koinon.instruments.types import Authorisation
    from koinon.parties.naming import Reader
    from koinon.parties.types import TownFacts

helpers = typer.Typer(help="Let somebody pay for somebody else, up to a limit each day.", no_args_is_help=True)
texts = typer.Typer(help="Answer text messages: what there is, and a lost card blocked.", no_args_is_help=True)
letters = typer.Typer(help="Write statements to many, in their languages, and print them.", no_args_is_help=True)
documents = typer.Typer(help="Keep documents of households and residents, sealed.", no_args_is_help=True)


class ForWhom(StrEnum):
    """Who gets a letter."""

    ASKED = "asked"
    UNREACHABLE = "unreachable"
    EVERYBODY = "everybody"


class About(StrEnum):
    """What a document is."""

    APPLICATION = "application"
    IDENTITY = "identity"
    RESIDENCE = "residence"
    INCOME = "income"
    FAMILY = "family"
    AUTHORISATION = "authorisation"
    OTHER = "other"


PartyArgument = Annotated[
    UUID, typer.Argument(metavar="PARTY", help="The party's id, as `koinon party find` printed it.")
]
PersonArgument = Annotated[
    UUID, typer.Argument(metavar="PERSON", help="The resident's id, as `koinon party find` printed it.")
]
HelperArgument = Annotated[
    UUID, typer.Argument(metavar="AUTHORISATION", help="Its id, as `koinon helper list` prints it.")
]
PerDayOption = Annotated[str, typer.Option("--per-day", metavar="AMOUNT", help="What may be paid on one day.")]
LastDayOption = Annotated[datetime, typer.Option("--until", formats=["%Y-%m-%d"], help="Last day, inclusive.")]
NewFile = Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; it must not be there yet.")]
KeyOption = Annotated[str, typer.Option("--key", metavar="TEXT", help="The same key does it once.")]


# --- helper ---------------------------------------------------------------------------------------------------------


@helpers.command("authorise")
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
                vault=_vault(conn),
            )
        _say(out, facts, held)


@helpers.command("give")
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


@helpers.command("change")
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


@helpers.command("end")
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


@helpers.command("list")
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


# --- text -----------------------------------------------------------------------------------------------------------


@texts.command("bind")
def bind(
    person: PersonArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Answer a resident's telephone from now on. The number is read from standard input."""
    from koinon.db.transactions import transaction
    from koinon.helpdesk import texts

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        number = sys.stdin.readline()
        with transaction(conn):
            changed = texts.bind(
                conn,
                town_id=facts.id,
                person=person,
                number=number,
                actor=who,
                at=datetime.now(UTC),
                vault=_vault(conn),
            )
        out.document(
            {"town": facts.slug, "person": person, "changed": changed},
            lambda console: console.print("answered from now on" if changed else "it was answered already"),
        )


@texts.command("unbind")
def unbind(
    person: PersonArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Answer a resident's telephone no more."""
    from koinon.db.transactions import transaction
    from koinon.helpdesk import texts

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            changed = texts.unbind(
                conn, town_id=facts.id, person=person, actor=who, at=datetime.now(UTC), vault=_vault(conn)
            )
        out.document(
            {"town": facts.slug, "person": person, "changed": changed},
            lambda console: console.print("answered no more" if changed else "it was not answered"),
        )


@texts.command("inbox")
def inbox(as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """Take in what lies in the inbox folder now, without waiting for the site to do it; counts, no numbers."""
    with speaking(as_json) as out, opening.books(database) as conn:
        from koinon.cli import wiring

        counted = wiring.text_messages(conn, now=datetime.now(UTC))
        out.document(
            {"taken_in": counted},
            lambda console: console.print(", ".join(f"{name} {count}" for name, count in counted.items()) or "nothing"),
        )


# --- letter ---------------------------------------------------------------------------------------------------------


@letters.command("wishes")
def wishes(
    party: PartyArgument,
    actor: ActorOption,
    language: Annotated[str, typer.Option("--language", metavar="TAG", help="Language of their letters.")] = "",
    large_print: Annotated[bool | None, typer.Option("--large-print/--usual-print", help="How large.")] = None,
    monthly: Annotated[bool | None, typer.Option("--monthly/--not-monthly", help="A statement each month.")] = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say how a household wants letters; what is not said stays. Prints how it is."""
    with speaking(as_json) as out, opening.database(database) as opened:
        from koinon.helpdesk import letters
        from koinon.helpdesk.types import PaperWishes

        with opening.connection(opened) as conn:
            facts = opening.town(conn, town)
            who = opening.actor(conn, facts, actor, role="officer")
            held = letters.wishes(conn, town_id=facts.id, party=party, vault=_vault(conn))
            wanted = PaperWishes(
                language or held.language,
                held.large_print if large_print is None else large_print,
                held.monthly if monthly is None else monthly,
            )
            if wanted != held:
                letters.set_wishes(
                    conn,
                    town_id=facts.id,
                    party=party,
                    wanted=wanted,
                    actor=who,
                    at=datetime.now(UTC),
                    vault=_vault(conn),
                )
        said = {"language": wanted.language, "large_print": wanted.large_print, "monthly": wanted.monthly}
        out.document({"town": facts.slug, "party": party, **said}, lambda console: console.print(str(said)))


@letters.command("queue")
def queue(
    month: Annotated[str, typer.Argument(metavar="MONTH", help="A month that is over, such as 2026-10.")],
    actor: ActorOption,
    chosen: Annotated[ForWhom, typer.Option("--for", help="For whom.")] = ForWhom.ASKED,
    zone: Annotated[str, typer.Option("--zone", metavar="CODE", help="Only this neighbourhood.")] = "",
    fund: Annotated[UUID | None, typer.Option("--fund", metavar="FUND", help="Only who has had its money.")] = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Add a month's statements to the letters that wait; nobody gets the same month twice."""
    with speaking(as_json) as out, opening.database(database) as opened:
        from koinon.helpdesk import letters
        from koinon.helpdesk.types import Chosen

        with opening.connection(opened) as conn:
            facts = opening.town(conn, town)
            who, now = opening.actor(conn, facts, actor, role="officer"), datetime.now(UTC)
            queued = letters.queue(
                conn,
                town_id=facts.id,
                month=_month(month),
                chosen=Chosen(chosen.value),
                zone=zone,
                fund=fund,
                today=now.astimezone(facts.zone).date(),
                actor=who,
                at=now,
            )
            waiting = letters.waiting(conn, town_id=facts.id)
        out.document(
            {"town": facts.slug, "queued": queued, "waiting": waiting},
            lambda console: console.print(f"{queued} letters added, {waiting} wait"),
        )


@letters.command("print")
def print_letters(
    file: NewFile,
    actor: ActorOption,
    most: Annotated[int, typer.Option("--most", min=1, max=500, help="How many letters in one file.")] = 200,
    batch: Annotated[
        UUID | None, typer.Option("--batch", metavar="BATCH", help="Print these again, as a first print named them.")
    ] = None,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Write the letters that have waited longest as one PDF. It holds names and addresses: delete it when it is printed."""
    with speaking(as_json) as out, opening.database(database) as opened:
        from koinon.helpdesk import letters

        chosen = batch or new_id()
        with opening.connection(opened) as conn:
            facts = opening.town(conn, town)
            who = opening.actor(conn, facts, actor, role="officer")
            pdf, count = letters.printed(
                conn,
                town_id=facts.id,
                batch=chosen,
                reader=_reader(conn, facts, who),
                at=datetime.now(UTC),
                vault=_vault(conn),
                most=most,
                again=batch is not None,
            )
            with file.open("xb") as stream:
                stream.write(pdf)
        out.document(
            {"town": facts.slug, "batch": chosen, "letters": count, "file": file},
            lambda console: console.print(f"{count} letters in {file}, batch {chosen}", soft_wrap=True),
        )


@letters.command("leaflet")
def leaflet_(
    file: NewFile,
    language: Annotated[str, typer.Option("--language", metavar="TAG", help="Language of the leaflet.")] = "en",
    large_print: Annotated[bool, typer.Option("--large-print", help="In large print.")] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Write the leaflet that tells how to pay with the card as PDF; the same for everybody."""
    with speaking(as_json) as out, opening.database(database) as opened:
        from django.conf import settings

        from koinon.helpdesk.leaflet import leaflet

        if language not in dict(settings.LANGUAGES):
            raise typer.BadParameter(f"one of {', '.join(dict(settings.LANGUAGES))}", param_hint="--language")
        with opening.connection(opened) as conn:
            facts = opening.town(conn, town)
        with file.open("xb") as stream:
            stream.write(leaflet(facts, language, large=large_print))
        out.document(
            {"town": facts.slug, "language": language, "file": file},
            lambda console: console.print(str(file), soft_wrap=True),
        )


# --- document -------------------------------------------------------------------------------------------------------


@documents.command("keep")
def keep(
    party: PartyArgument,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="PDF, JPEG, PNG or plain text.")
    ],
    actor: ActorOption,
    about: Annotated[About, typer.Option("--about", help="What it is.")] = About.OTHER,
    key: KeyOption = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Keep a document of at most 5 MB, sealed under the party's key."""
    from koinon.casework import rules
    from koinon.db.transactions import transaction
    from koinon.helpdesk import documents
    from koinon.helpdesk.types import DocumentAbout

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with file.open("rb") as stream:
            content = stream.read(rules.MOST_BYTES + 1)
        with transaction(conn):
            kept = documents.attach(
                conn,
                town_id=facts.id,
                party=party,
                about=DocumentAbout(about.value),
                name=file.name,
                content=content,
                idempotency_key=f"cli:{key or new_id()}",
                reader=_reader(conn, facts, who),
                at=datetime.now(UTC),
                vault=_vault(conn),
            )
        out.document(
            {"town": facts.slug, "party": party, "document": kept},
            lambda console: console.print(str(kept), soft_wrap=True),
        )


@documents.command("list")
def list_documents(
    party: PartyArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """List the documents of a party by what they are, not by their names."""
    from koinon.db.transactions import transaction
    from koinon.helpdesk import documents

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            found = documents.documents(
                conn, town_id=facts.id, party=party, reader=_reader(conn, facts, who), vault=_vault(conn)
            )

        def show(console: Any) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("document", "is", "bytes", "kept", right=["bytes"])
            for one in found:
                day = one.added_at.date().isoformat()
                table.add_row(str(one.id), one.about.value, str(one.size_bytes), day)
            console.print(table)

        listed = [
            {"document": one.id, "about": one.about.value, "bytes": one.size_bytes, "kept_at": one.added_at}
            for one in found
        ]
        out.document({"town": facts.slug, "documents": listed}, show)


DocumentArgument = Annotated[UUID, typer.Argument(metavar="DOCUMENT", help="Its id, as `koinon document list` prints.")]


@documents.command("save")
def save(
    party: PartyArgument,
    document: DocumentArgument,
    file: NewFile,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Write a document into a file; who opened it is recorded."""
    from koinon.db.transactions import transaction
    from koinon.helpdesk import documents

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            _, kind, content = documents.document(
                conn,
                town_id=facts.id,
                party=party,
                document_id=document,
                reader=_reader(conn, facts, who),
                at=datetime.now(UTC),
                vault=_vault(conn),
            )
            with file.open("xb") as stream:
                stream.write(content)
        out.document(
            {"town": facts.slug, "document": document, "media_type": kind, "file": file},
            lambda console: console.print(f"{kind} in {file}", soft_wrap=True),
        )


@documents.command("destroy")
def destroy(
    party: PartyArgument,
    document: DocumentArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Destroy a document; that it was there stays on record."""
    from koinon.db.transactions import transaction
    from koinon.helpdesk import documents

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            documents.remove(
                conn,
                town_id=facts.id,
                party=party,
                document_id=document,
                reader=_reader(conn, facts, who),
                at=datetime.now(UTC),
            )
        out.document(
            {"town": facts.slug, "document": document, "destroyed": True},
            lambda console: console.print("destroyed"),
        )


def _vault(conn: Connection[Any]) -> Any:
    from koinon.parties.secrets import Secrets
    from koinon.parties.vault import Vault

    return Vault(conn, Secrets.load())


def _reader(conn: Connection[Any], town: TownFacts, who: str) -> Reader:
    """Who acts, and whether they may see who people are as an officer of this town."""
    from koinon.parties import queries
    from koinon.parties.naming import Reader

    staff = queries.staff(conn, town_id=town.id)
    return Reader(who, any(f"user:{one.id}" == who and "officer" in one.sees_personal_data for one in staff))


def _month(text: str) -> Any:
    from koinon.kernel.periods import Month

    try:
        return Month.parse(text)
    except ValueError:
        raise typer.BadParameter("a month such as 2026-10", param_hint="MONTH") from None


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

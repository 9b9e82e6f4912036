"""``koinon letter``: statements and leaflets on paper, for many."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.helping import NewFile, PartyArgument, reader_of, vault_of
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import counted, speaking
from koinon.kernel.identifiers import new_id

app = typer.Typer(help="Write statements to many, in their languages, and print them.", no_args_is_help=True)


class ForWhom(StrEnum):
    """Who gets a letter."""

    ASKED = "asked"
    UNREACHABLE = "unreachable"
    EVERYBODY = "everybody"


@app.command("wishes")
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
            held = letters.wishes(conn, town_id=facts.id, party=party, vault=vault_of(conn))
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
                    vault=vault_of(conn),
                )
        said = {"language": wanted.language, "large_print": wanted.large_print, "monthly": wanted.monthly}
        out.document({"town": facts.slug, "party": party, **said}, lambda console: console.print(str(said)))


@app.command("queue")
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


@app.command("print")
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
                reader=reader_of(conn, facts, who),
                at=datetime.now(UTC),
                vault=vault_of(conn),
                most=most,
                again=batch is not None,
            )
            with file.open("xb") as stream:
                stream.write(pdf)
        out.document(
            {"town": facts.slug, "batch": chosen, "letters": count, "file": file},
            lambda console: console.print(f"{counted(count, 'letter')} in {file}, batch {chosen}", soft_wrap=True),
        )


@app.command("leaflet")
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


def _month(text: str) -> Any:
    from koinon.kernel.periods import Month

    try:
        return Month.parse(text)
    except ValueError:
        raise typer.BadParameter("a month such as 2026-10", param_hint="MONTH") from None

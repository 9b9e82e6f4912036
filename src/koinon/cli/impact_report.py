"""``koinon impact report``: a period's report for the council, for a funder or for the house."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koinon.cli import opening
from koinon.cli.opening import DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking
from koinon.impact.reports.types import Audience
from koinon.kernel.periods import Month

if TYPE_CHECKING:
    from psycopg import Connection

    from koinon.impact.reports.types import Report
    from koinon.parties.naming import Reader
    from koinon.parties.types import TownFacts

REPORTER = "command:impact"
READERS = ("officer", "approver", "treasurer", "auditor")


def report(
    first: Annotated[str, typer.Option("--from", metavar="YYYY-MM", help="First month.")],
    last: Annotated[str, typer.Option("--to", metavar="YYYY-MM", help="Last month; else only the first.")] = "",
    town: TownOption = "",
    audience: Annotated[
        Audience,
        typer.Option("--for", help="council and funder get what may be published; house gets everything, exactly."),
    ] = Audience.COUNCIL,
    language: Annotated[str, typer.Option(help="en, el, es, pt, fr or ar.")] = "en",
    out_folder: Annotated[
        Path | None, typer.Option("--out", metavar="FOLDER", help="Write page, PDF and tables into a new folder.")
    ] = None,
    actor: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="USER",
            envvar="KOINON_USER",
            help="Who opens the house's report; whoever may see who people are reads shops by name.",
        ),
    ] = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Report what the money did in one or more months: as a page, a PDF and tables, or as JSON.

    Months that still run are for the house only. That the house's report was opened is kept in the audit trail.
    """
    from django.conf import settings
    from django.utils.translation import override
    from psycopg.errors import SerializationFailure

    from koinon.db import connections
    from koinon.db.transactions import transaction
    from koinon.impact import published
    from koinon.impact.reports import build, folder
    from koinon.impact.town import months

    with speaking(as_json) as out:
        begin, end = _month(first, "--from"), _month(last or first, "--to")
        if end < begin:
            raise typer.BadParameter("the last month is before the first", param_hint="--to")
        with (
            opening.database(database) as opened,
            connections.connect(opened.app_url, application_name="koinon command") as conn,
        ):
            languages = [code for code, _ in settings.LANGUAGES]
            if language not in languages:
                raise typer.BadParameter(f"one of {', '.join(languages)}", param_hint="--language")
            now = datetime.now(UTC)
            with transaction(conn):
                facts = opening.town(conn, town)
                reader = _reader(conn, facts, actor)
                months.trace_months(conn, town_id=facts.id, at=now, actor=REPORTER)
            with (
                suppress(SerializationFailure),
                transaction(conn, one_snapshot=True),
            ):  # The site published it meanwhile.
                published.publish_months(conn, town_id=facts.id, at=now, actor=REPORTER)
            look = build.Look(reader, now, "folder" if out_folder else "screen")
            with override(language), transaction(conn, one_snapshot=True):
                made = build.build(
                    conn,
                    town_id=facts.id,
                    first=begin,
                    last=end,
                    audience=audience,
                    language=language,
                    last_over=months.last_month_over(conn, town_id=facts.id, now=now),
                    today=now.astimezone(facts.zone).date(),
                    look=look,
                )
                written = folder.write(made, out_folder) if out_folder else ()
        table = folder.figures_table(made.numbers)
        content = {
            "title": made.title,
            "town": made.slug,
            "audience": made.audience.value,
            "from": str(begin),
            "to": str(end),
            "figures": [dict(zip((field.name for field in table.fields), row, strict=True)) for row in table.rows],
            "files": [str(path) for path in written],
        }
        out.document(content, lambda console: console.print(_told(made, written), highlight=False))


def _reader(conn: Connection[Any], town: TownFacts, name: str) -> Reader:
    """The user of the town who reads, by any role in which reports may be opened; without a name, the command itself."""
    from koinon.parties import queries
    from koinon.parties.naming import Reader

    if not name:
        return Reader(REPORTER, sees_personal_data=False)
    who = opening.actor(conn, town, name, role=READERS)
    seeing = {f"user:{one.id}": one.sees_personal_data for one in queries.staff(conn, town_id=town.id)}
    return Reader(who, any(role in READERS for role in seeing.get(who, ())))


def _month(text: str, option: str) -> Month:
    try:
        return Month.parse(text)
    except ValueError as wrong:
        raise typer.BadParameter(f"{text} is no month such as 2027-03", param_hint=option) from wrong


def _told(made: Report, written: tuple[Path, ...]) -> str:
    lines = [f"{made.title} · {made.town}"]
    for section in made.sections:
        lines.append(f"\n{section.title}")
        for sheet in section.sheets:
            lines += [f"  {row.label}: {'hidden' if row.hidden else row.value}" for row in sheet.rows]
    return "\n".join([*lines, "", *map(str, written)])

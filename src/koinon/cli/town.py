"""``koinon town``: a folder of spreadsheets becomes a running town, and people work for it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koinon.cli import opening, staff
from koinon.cli.errors import ActorNeeded
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking

if TYPE_CHECKING:
    from psycopg import Connection
    from rich.console import Console

app = typer.Typer(help="Create or update a town from its folder; say who works for it.", no_args_is_help=True)
app.add_typer(staff.app, name="staff")

FIRST_ACTOR = "cli:town-apply"
"""Who makes a town that has no people yet: whoever has the terminal."""


@app.command("apply")
def apply_folder(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder with town.toml and its spreadsheets.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    accept_warnings: Annotated[
        bool, typer.Option("--accept-warnings", help="Apply although there are warnings; errors always refuse.")
    ] = False,
    actor: Annotated[
        str,
        typer.Option(
            "--as", metavar="USER", envvar="KOINON_USER", help="Who changes the town; not needed until it has staff."
        ),
    ] = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Create or update a town from FOLDER: every finding at once, and nothing written unless all is well."""
    from koinon.pilots import apply as applying
    from koinon.pilots import townfolder

    with speaking(as_json) as out:
        plan = townfolder.read(folder)  # Before the database: most folders fail here first.
        with opening.database(database) as opened, opening.connection(opened) as conn:
            applied = applying.apply(
                conn,
                plan,
                at=datetime.now(UTC),
                actor=FIRST_ACTOR if dry_run else _actor(conn, plan.town.slug, actor),
                accept_warnings=accept_warnings,
                dry_run=dry_run,
            )
        warnings = [finding.as_dict() for finding in plan.warnings]

        def show(console: Console) -> None:
            from koinon.cli.tables import findings_table, plain_table

            if plan.warnings:
                console.print(findings_table(plan.warnings))
            table = plain_table("", "number", right=["number"])
            for name, count in applied.counts.items():
                table.add_row(name.replace("_", " "), f"{count:,}")
            console.print(table)
            console.print("Nothing was written: this was a dry run." if dry_run else f"{plan.town.name} is up to date.")

        out.document({"town": plan.town.slug, "dry_run": dry_run, "counts": applied.counts, "findings": warnings}, show)


@app.command("rules")
def take_rules_in(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Funds and programmes, as in a town folder's programmes/.")
    ],
    actor: ActorOption,
    yes: Annotated[
        bool, typer.Option("--yes", help="Write it down; without it you are shown what would change.")
    ] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Found or change funds and programmes of a town from FILE: every finding at once, all of it or nothing."""
    from koinon.db.transactions import transaction
    from koinon.kernel.errors import FindingsError
    from koinon.parties.secrets import Secrets
    from koinon.pilots import policies

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        told: dict[str, Any] = {
            "town": facts, "text": file.read_text(encoding="utf-8-sig"), "secrets": Secrets.load(),
            "at": datetime.now(UTC), "actor": who,
        }  # fmt: skip
        with transaction(conn):
            looked = policies.look(conn, **told)
            if looked.applied is None:
                raise FindingsError(looked.findings)
            if yes:
                policies.take_in(conn, shown=looked.fingerprint, **told)
        counts = {name: count for name, count in looked.applied.counts.items() if count}

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("", "number", right=["number"])
            for name, count in counts.items():
                table.add_row(name.replace("_", " "), f"{count:,}")
            console.print(table)
            console.print("It is written down." if yes else "Nothing was written; with --yes it is.")

        findings = [finding.as_dict() for finding in looked.findings]
        out.document({"town": facts.slug, "written": yes, "counts": counts, "findings": findings}, show)


def _actor(conn: Connection[Any], slug: str, name: str) -> str:
    """An officer of the town, as soon as anybody works for it: awards and accounts change under a name."""
    from koinon.parties import queries
    from koinon.parties.errors import TownNotFound

    try:
        town = queries.town_by_slug(conn, slug)
    except TownNotFound:
        return FIRST_ACTOR
    if not queries.staff(conn, town_id=town.id):
        return FIRST_ACTOR
    if not name:
        raise ActorNeeded(town=slug)
    return opening.actor(conn, town, name, role="officer")

"""``koinon town``: a folder of spreadsheets becomes a running town, and people work for it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from koinon.cli import opening, staff
from koinon.cli.opening import DatabaseOption, JsonOption
from koinon.cli.output import speaking

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="Create or update a town from its folder; say who works for it.", no_args_is_help=True)
app.add_typer(staff.app, name="staff")


@app.command("apply")
def apply_folder(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder with town.toml and its spreadsheets.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    accept_warnings: Annotated[
        bool, typer.Option("--accept-warnings", help="Apply although there are warnings; errors always refuse.")
    ] = False,
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
                actor="cli:town-apply",
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

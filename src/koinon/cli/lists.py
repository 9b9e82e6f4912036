"""``koinon list``: take in a spreadsheet of awards, households or shops; ``koinon many``: change many records at once.

Both show first what they would do, and do it with ``--yes``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking
from koinon.kernel.errors import FindingsError

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(help="Take in a list: awards, households or shops.", no_args_is_help=True)
many = typer.Typer(help="Change many records at once.", no_args_is_help=True)

YesOption = Annotated[bool, typer.Option("--yes", help="Do it; without it, only show what would happen.")]


_MEANS = 'Say in the file of --mapping, under "values", what it means, or put the list right.'
_REMEDIES = {  # What can be said here, and not in a town.toml or on the page.
    "town.column-missing": 'Say in the file of --mapping, under "columns", which heading it is.',
    "town.value-unknown": _MEANS,
    "town.zone-unknown": _MEANS,
}


class ListKind(StrEnum):
    """What a list holds."""

    AWARDS = "awards"
    HOUSEHOLDS = "households"
    BUSINESSES = "businesses"


@app.command("take-in")
def take_in(
    kind: Annotated[ListKind, typer.Argument(help="What is in the list.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="XLSX, ODS or CSV.")],
    actor: ActorOption,
    mapping: Annotated[
        Path | None,
        typer.Option(
            "--mapping",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help='JSON: {"columns": {field: heading}, "values": {field: {word: meaning}}}; without it, what is remembered.',
        ),
    ] = None,
    programme: Annotated[str, typer.Option("--programme", metavar="CODE", help="Whose awards they are.")] = "",
    yes: YesOption = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Read a list, show every finding and every change, and with --yes take it in: all of it or nothing."""
    from koinon.db.transactions import transaction
    from koinon.office.types import ColumnMapping
    from koinon.parties.secrets import Secrets
    from koinon.pilots import lists
    from koinon.programmes import queries as programmes

    if kind is ListKind.AWARDS and not programme:
        raise typer.BadParameter("awards are those of a programme: --programme CODE")
    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            chosen = [view.id for view in programmes.programmes(conn, town_id=facts.id) if view.code == programme]
            if kind is ListKind.AWARDS and not chosen:
                raise typer.BadParameter(f"there is no programme {programme}")
            if mapping is not None:
                told = json.loads(mapping.read_text(encoding="utf-8"))
                understood = ColumnMapping(told.get("columns", {}), told.get("values", {}))
            else:
                found = lists.sheet(file, facts.country)
                understood = lists.guessed(conn, town_id=facts.id, kind=kind.value, found=found)
            asked: dict[str, Any] = {
                "town": facts,
                "kind": kind.value,
                "file": file,
                "mapping": understood,
                "programme_id": chosen[0] if chosen else None,
                "secrets": Secrets.load(),
                "at": datetime.now(UTC),
                "actor": who,
            }
            seen = lists.look(conn, **asked)
            if seen.errors:
                raise FindingsError(
                    tuple(replace(one, remedy=_REMEDIES.get(one.code, one.remedy)) for one in seen.findings)
                )
            assert seen.applied is not None
            if yes:
                lists.take_in(conn, fingerprint=seen.fingerprint, **asked)
        counts = {name: count for name, count in seen.applied.counts.items() if count}
        content = {
            "town": facts.slug,
            "kind": kind.value,
            "done": yes,
            "columns": dict(understood.columns),
            "counts": counts,
            "findings": [finding.as_dict() for finding in seen.findings],
        }

        def show(console: Console) -> None:
            for name, count in counts.items():
                console.print(f"{name.replace('_', ' ')}: {count}", markup=False)
            console.print("Taken in." if yes else "Nothing was written; take it in with --yes.")

        out.document(content, show)


class ManyAction(StrEnum):
    """What can be done to many records."""

    TAKE_PART = "organisations-take-part"
    LEAVE = "organisations-leave"
    MOVE = "households-move"
    END = "awards-end"


@many.command("change")
def change(
    action: Annotated[ManyAction, typer.Argument(help="What to do.")],
    ids: Annotated[list[UUID], typer.Argument(metavar="ID...", help="The records, by their opaque ids.")],
    actor: ActorOption,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="A code or file number, without names.")],
    zone: Annotated[str, typer.Option("--zone", metavar="CODE", help="Where households move to.")] = "",
    last_day: Annotated[str, typer.Option("--last-day", metavar="DAY", help="Last day of awards, inclusive.")] = "",
    yes: YesOption = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Show what happens to each record, and with --yes do it: all of it or nothing."""
    from koinon.db.transactions import transaction
    from koinon.office import bulk

    options: dict[str, str] = {}
    if action is ManyAction.MOVE:
        if not zone:
            raise typer.BadParameter("say where to: --zone CODE")
        options["zone"] = zone
    if action is ManyAction.END:
        try:
            options["last_day"] = datetime.fromisoformat(last_day).date().isoformat()
        except ValueError:
            raise typer.BadParameter("write the day as --last-day 2026-12-31") from None
    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            plan = bulk.plan(conn, town_id=facts.id, action=action.value, ids=ids, options=options)
            if yes:
                plan = bulk.perform(
                    conn,
                    town_id=facts.id,
                    action=action.value,
                    ids=ids,
                    options=options,
                    fingerprint=plan.fingerprint,
                    actor=who,
                    reason=reason,
                    at=datetime.now(UTC),
                )
        content = {
            "town": facts.slug,
            "action": action.value,
            "done": yes,
            "changes": [
                {"id": one.id, "before": dict(one.before), "after": dict(one.after), "refused": one.refused or None}
                for one in plan.changes
            ],
        }

        def show(console: Console) -> None:
            for one in plan.changes:
                said = one.refused or f"{dict(one.before)} -> {dict(one.after)}"
                console.print(f"{one.id}: {said}", markup=False, soft_wrap=True)
            console.print("Done." if yes else "Nothing was changed; do it with --yes.")

        out.document(content, show)

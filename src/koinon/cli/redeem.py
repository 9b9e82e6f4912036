"""``koinon redeem``: shops are paid out in euros, on two signatures."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import Output, speaking
from koinon.kernel.identifiers import new_id

if TYPE_CHECKING:
    from rich.console import Console

    from koinon.parties.types import TownFacts
    from koinon.treasury.types import Run

app = typer.Typer(
    help="Pay shops out: run (prepare), approve (a second person), export the bank's file, settle.",
    no_args_is_help=True,
)
RunArgument = Annotated[UUID, typer.Argument(metavar="RUN", help="The run's id, as `koinon redeem run` printed it.")]


@app.command("run")
def run(
    actor: ActorOption,
    town: TownOption = "",
    key: Annotated[str, typer.Option("--key", help="The same key gives the same run again.")] = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Collect what shops asked for into one run for the bank."""
    from koinon.db.transactions import transaction
    from koinon.treasury import operations

    with speaking(as_json) as out, opening.books(database) as conn:
        with transaction(conn):
            facts = opening.town(conn, town)
            who = opening.actor(conn, facts, actor, role="treasurer")
            prepared = operations.prepare_run(
                conn, town_id=facts.id, idempotency_key=key or f"cli:{new_id()}", at=datetime.now(UTC), actor=who
            )
        _say(out, prepared, facts, f"Prepared; a second person approves it: koinon redeem approve {prepared.id}")


@app.command("approve")
def approve(
    run_id: RunArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say yes to a run; refused for the person who prepared it."""
    from koinon.db.transactions import transaction
    from koinon.treasury import operations

    with speaking(as_json) as out, opening.books(database) as conn:
        with transaction(conn):
            facts = opening.town(conn, town)
            who = opening.actor(conn, facts, actor, role="approver")
            approved = operations.approve_run(conn, town_id=facts.id, run_id=run_id, at=datetime.now(UTC), actor=who)
        _say(out, approved, facts, f"Approved: koinon redeem export {approved.id} --to FOLDER")


@app.command("export")
def export(
    run_id: RunArgument,
    actor: ActorOption,
    folder: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where to write the bank's file.")],
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Write the bank's file: pain.001 for SEPA, CSV elsewhere. The same bytes each time."""
    from koinon.db.transactions import transaction
    from koinon.parties.secrets import Secrets
    from koinon.treasury import operations

    with speaking(as_json) as out, opening.books(database) as conn:
        with transaction(conn):
            facts = opening.town(conn, town)
            who = opening.actor(conn, facts, actor, role="treasurer")
        secrets = Secrets.load()
        with transaction(conn):
            file = operations.export_run(
                conn, town_id=facts.id, run_id=run_id, secrets=secrets, at=datetime.now(UTC), actor=who
            )
            path = _written(folder, file.name, file.content)
        content = {
            "run": run_id,
            "file": path,
            "payments": file.payments,
            "total": file.total.minor,
            "sha256": file.sha256,
        }

        def show(console: Console) -> None:
            console.print(f"{path}: {file.payments} payments, {file.total}", markup=False, soft_wrap=True)
            console.print(f"sha256 {file.sha256}", soft_wrap=True)

        out.document(content, show)


@app.command("settle")
def settle(
    run_id: RunArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say that the bank has paid the run."""
    from koinon.db.transactions import transaction
    from koinon.treasury import operations

    with speaking(as_json) as out, opening.books(database) as conn:
        with transaction(conn):
            facts = opening.town(conn, town)
            who = opening.actor(conn, facts, actor, role="treasurer")
            settled = operations.settle_run(conn, town_id=facts.id, run_id=run_id, at=datetime.now(UTC), actor=who)
        _say(out, settled, facts, "Settled: the bank has paid.")


@app.command("list")
def list_runs(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List the payout runs, newest first."""
    from koinon.db.transactions import transaction
    from koinon.treasury import queries

    with speaking(as_json) as out, opening.books(database) as conn:
        with transaction(conn):
            facts = opening.town(conn, town)
            runs = queries.runs(conn, town_id=facts.id)
        out.document({"town": facts.slug, "runs": [_as_json(one) for one in runs]}, _shown(runs, facts))


def _written(folder: Path, name: str, content: bytes) -> Path:
    """Names and accounts stand in the file: only its owner may read it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    return path


def _say(out: Output, one: Run, town: TownFacts, told: str) -> None:
    def show(console: Console) -> None:
        _shown([one], town)(console)
        console.print(told, soft_wrap=True)

    out.document({"town": town.slug, "run": _as_json(one)}, show)


def _shown(runs: list[Run], town: TownFacts) -> Callable[[Console], None]:
    def show(console: Console) -> None:
        from koinon.cli.tables import money, plain_table

        table = plain_table("run", "state", "payments", "total", "prepared", right=["payments", "total"])
        for one in runs:
            total = money(one.total.minor, town.exponent, town.national_currency)
            table.add_row(str(one.id), one.state, str(one.payments), total, f"{one.prepared_at:%Y-%m-%d %H:%M}")
        console.print(table)

    return show


def _as_json(one: Run) -> dict[str, Any]:
    return {
        "id": one.id,
        "state": one.state,
        "payments": one.payments,
        "total": one.total.minor,
        "prepared_by": one.prepared_by,
        "approved_by": one.approved_by,
        "execution_day": one.execution_day,
        "file_format": one.file_format,
    }

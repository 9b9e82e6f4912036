"""``koinon cycle``: one month of a programme, in three steps by two people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koinon.cli import opening
from koinon.cli.errors import CycleUnknown
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import Output, speaking
from koinon.kernel.periods import Month

if TYPE_CHECKING:
    from psycopg import Connection
    from rich.console import Console

    from koinon.parties.types import TownFacts
    from koinon.programmes.types import CycleView

app = typer.Typer(help="Run a programme's month: prepare, approve (a second person), disburse.", no_args_is_help=True)


def _month(text: str) -> Month:
    try:
        return Month.parse(text)
    except ValueError:
        raise typer.BadParameter("write a month as 2026-10") from None


ProgrammeArgument = Annotated[str, typer.Argument(metavar="PROGRAMME", help="Code of the programme.")]
MonthArgument = Annotated[Month, typer.Argument(metavar="MONTH", parser=_month, help="The month, such as 2026-10.")]


@app.command("prepare")
def prepare(
    programme: ProgrammeArgument,
    month: MonthArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Decide what every household is due in MONTH, and freeze the list."""
    from koinon.db.transactions import transaction
    from koinon.programmes import operations, queries

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        with transaction(conn):
            found = queries.programme_by_code(conn, town_id=facts.id, code=programme)
            cycle = operations.prepare_cycle(
                conn, town_id=facts.id, programme_id=found.id, month=month, actor=who, now=datetime.now(UTC)
            )
        _say(out, cycle, facts, "Prepared; a second person approves it.")


@app.command("approve")
def approve(
    programme: ProgrammeArgument,
    month: MonthArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say yes to the frozen list; refused for the person who prepared it."""
    from koinon.db.transactions import transaction
    from koinon.programmes import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role="approver") as (conn, facts, who):
        with transaction(conn):
            cycle = operations.approve_cycle(
                conn,
                town_id=facts.id,
                cycle_id=_cycle(conn, facts, programme, month).id,
                actor=who,
                now=datetime.now(UTC),
            )
        _say(out, cycle, facts, "Approved; it can be paid out.")


@app.command("disburse")
def disburse(
    programme: ProgrammeArgument,
    month: MonthArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Pay an approved month out. Interrupted, run it again: nobody is paid twice."""
    from koinon.db.transactions import transaction
    from koinon.programmes import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        now = datetime.now(UTC)
        while True:
            with transaction(conn):
                cycle = operations.disburse_some(
                    conn,
                    town_id=facts.id,
                    cycle_id=_cycle(conn, facts, programme, month).id,
                    actor=who,
                    now=now,
                )
            if cycle.state == "disbursed":
                break
            out.progress(f"{cycle.paid} of {cycle.count} paid")
        _say(out, cycle, facts, "Paid out.")


@app.command("list")
def list_cycles(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List the cycles of a town, newest month first."""
    from koinon.db.transactions import transaction
    from koinon.programmes import queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            cycles = queries.cycles(conn, town_id=facts.id)
        out.document({"town": facts.slug, "cycles": [_as_json(cycle) for cycle in cycles]}, _shown(cycles, facts))


def _cycle(conn: Connection[Any], town: TownFacts, programme: str, month: Month) -> CycleView:
    from koinon.programmes import queries

    found = queries.programme_by_code(conn, town_id=town.id, code=programme)
    cycle = queries.cycle_of_month(conn, town_id=town.id, programme_id=found.id, month=str(month))
    if cycle is None:
        raise CycleUnknown(programme=programme, month=str(month))
    return cycle


def _say(out: Output, cycle: CycleView, town: TownFacts, told: str) -> None:
    def show(console: Console) -> None:
        _shown([cycle], town)(console)
        console.print(told)

    out.document({"town": town.slug, "cycle": _as_json(cycle)}, show)


def _shown(cycles: list[CycleView], town: TownFacts) -> Callable[[Console], None]:
    def show(console: Console) -> None:
        from koinon.cli.tables import money, plain_table

        table = plain_table(
            "programme", "month", "state", "households", "total", "refused", right=["households", "total"]
        )
        for cycle in cycles:
            total = money(cycle.total_minor, town.exponent, town.unit_code)
            table.add_row(cycle.programme_code, cycle.month, cycle.state, str(cycle.count), total, str(cycle.refused))
        console.print(table)

    return show


def _as_json(cycle: CycleView) -> dict[str, Any]:
    return {
        "id": cycle.id,
        "programme": cycle.programme_code,
        "month": cycle.month,
        "state": cycle.state,
        "total": cycle.total_minor,
        "households": cycle.count,
        "paid": cycle.paid,
        "refused": cycle.refused,
        "prepared_by": cycle.prepared_by,
        "approved_by": cycle.approved_by,
        "disbursed_by": cycle.disbursed_by,
    }

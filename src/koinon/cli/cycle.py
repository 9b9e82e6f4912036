"""``koinon cycle``: one month of a programme: prepared and submitted by one, approved by others, disbursed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from koinon.cli import opening
from koinon.cli.errors import CycleUnknown
from koinon.cli.opening import ActorOption, DatabaseOption, JsonOption, TownOption
from koinon.cli.output import Output, counted, speaking
from koinon.kernel.periods import Month

if TYPE_CHECKING:
    from psycopg import Connection
    from rich.console import Console

    from koinon.parties.types import TownFacts
    from koinon.programmes.reviewing import Review
    from koinon.programmes.types import CycleView, EntitlementView

app = typer.Typer(
    help="Run a programme's month: prepare, submit, approve (other people), disburse.", no_args_is_help=True
)


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
        _say(out, cycle, facts, "Prepared; look at it, then submit it.")


@app.command("submit")
def submit(
    programme: ProgrammeArgument,
    month: MonthArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Hand a prepared month in for approval; from now on its list has a fingerprint."""
    from koinon.programmes import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        cycle = _step(operations.submit_cycle, conn, facts, programme, month, who)
        people = (
            "another person approves" if cycle.approvers_needed == 1 else f"{cycle.approvers_needed} others approve"
        )
        _say(out, cycle, facts, f"Submitted with the fingerprint {cycle.fingerprint}; {people} it.")


@app.command("approve")
def approve(
    programme: ProgrammeArgument,
    month: MonthArgument,
    actor: ActorOption,
    fingerprint: Annotated[
        str,
        typer.Option(metavar="SHA256", help="Of the list you looked at (koinon cycle show); another one is refused."),
    ] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Say yes to the submitted list; refused for whoever prepared or submitted it."""
    from koinon.programmes import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role="approver") as (conn, facts, who):
        cycle = _step(operations.approve_cycle, conn, facts, programme, month, who, fingerprint=fingerprint or None)
        left = cycle.approvers_needed - cycle.approvals
        told = (
            f"Recorded; {left} more must approve it." if cycle.state == "submitted" else "Approved; it can be paid out."
        )
        _say(out, cycle, facts, told)


@app.command("return")
def send_back(
    programme: ProgrammeArgument,
    month: MonthArgument,
    actor: ActorOption,
    reason: Annotated[str, typer.Option(help="Why, without names.")],
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Send a submitted month back: a draft again, and whoever approved it is asked anew."""
    from koinon.programmes import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role="approver") as (conn, facts, who):
        cycle = _step(operations.return_cycle, conn, facts, programme, month, who, reason=reason)
        _say(out, cycle, facts, "A draft again.")


@app.command("cancel")
def cancel(
    programme: ProgrammeArgument,
    month: MonthArgument,
    actor: ActorOption,
    reason: Annotated[str, typer.Option(help="Why, without names.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Take a month back before any of it is paid; it can then be prepared anew."""
    from koinon.programmes import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        cycle = _step(operations.cancel_cycle, conn, facts, programme, month, who, reason=reason)
        _say(out, cycle, facts, "Cancelled.")


@app.command("schedule")
def schedule(
    programme: ProgrammeArgument,
    month: MonthArgument,
    actor: ActorOption,
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d"], help="From when on the site pays it, in the town's time."),
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Do not pay it by itself.")] = False,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Leave a month to the site's timer, which pays it from then on once it is approved."""
    from koinon.programmes import operations

    if (at is None) != off:
        raise typer.BadParameter("say --at TIME or --off")
    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        moment = None if at is None else at.replace(tzinfo=facts.zone)
        cycle = _step(operations.schedule_cycle, conn, facts, programme, month, who, at=moment)
        _say(out, cycle, facts, f"Paid from {moment:%Y-%m-%d %H:%M} on." if moment else "No longer scheduled.")


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
    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        _say(out, _pay_out(out, conn, facts, programme, month, who), facts, "Paid out.")


@app.command("stop")
def stop(
    programme: ProgrammeArgument,
    month: MonthArgument,
    actor: ActorOption,
    reason: Annotated[str, typer.Option(help="Why, without names.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Stop paying a month out; what is paid stays paid."""
    from koinon.programmes import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        cycle = _step(operations.stop_cycle, conn, facts, programme, month, who, reason=reason)
        _say(out, cycle, facts, f"Stopped after {cycle.paid} of {cycle.count}.")


@app.command("resume")
def resume(
    programme: ProgrammeArgument,
    month: MonthArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Go on with a month that was stopped, and pay it out."""
    from koinon.programmes import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        _step(operations.resume_cycle, conn, facts, programme, month, who)
        _say(out, _pay_out(out, conn, facts, programme, month, who), facts, "Paid out.")


@app.command("retry")
def retry(
    programme: ProgrammeArgument,
    month: MonthArgument,
    actor: ActorOption,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Pay again what could not be paid; what was paid is not paid again."""
    from koinon.programmes import operations

    with speaking(as_json) as out, opening.desk(database, town, actor, role="officer") as (conn, facts, who):
        begun = _step(operations.retry_cycle, conn, facts, programme, month, who)
        done = _pay_out(out, conn, facts, programme, month, who)
        _say(out, done, facts, f"{done.paid - begun.paid} paid at this try, {done.failed} still not.")


@app.command("show")
def show(
    programme: ProgrammeArgument,
    month: MonthArgument,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """What an approver looks at: totals, what changed since the last month, what stands out, the fingerprint."""
    from koinon.db.transactions import transaction
    from koinon.programmes import queries, reviewing

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            cycle = _cycle(conn, facts, programme, month)
            seen = reviewing.review(conn, town_id=facts.id, cycle_id=cycle.id)
            given = queries.approvals(conn, cycle_id=cycle.id)
        document = {
            "town": facts.slug,
            "cycle": _as_json(cycle),
            "approvals": [{"by": one.actor, "at": one.at, "fingerprint": one.fingerprint} for one in given],
            "before": seen.before.month if seen.before else None,
            "changes": asdict(seen.changes) if seen.changes else None,
            "zones": [asdict(zone) for zone in seen.zones],
            "reasons": [
                {"code": one.code, "fields": one.ground.fields, "households": one.households} for one in seen.reasons
            ],
            "failures": [asdict(failure) for failure in seen.failures],
            "outliers_found": seen.outliers_found,
            "outliers": [
                {name: value for name, value in asdict(one).items() if name != "found"} for one in seen.outliers
            ],
        }
        out.document(document, _review(cycle, seen, facts))


@app.command("lines")
def lines(
    programme: ProgrammeArgument,
    month: MonthArgument,
    state: Annotated[str, typer.Option(help="Only these: due, paid, failed, refused, waiting.")] = "",
    after: Annotated[UUID | None, typer.Option(help="Only those after this household, in the order of ids.")] = None,
    most: Annotated[int, typer.Option(min=1, max=100_000, help="How many at the most.")] = 1000,
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """What became of each household of a month: its amount, its outcome and why."""
    from koinon.db.transactions import transaction
    from koinon.programmes import queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            cycle = _cycle(conn, facts, programme, month)
            found = queries.entitlements(
                conn, town_id=facts.id, cycle_id=cycle.id, state=state or None, after=after, limit=most
            )
        document = {
            "town": facts.slug,
            "cycle": _as_json(cycle),
            "lines": [
                {
                    "household": line.party_id,
                    "amount": line.amount_minor,
                    "state": line.state,
                    "failure": line.failure or None,
                    "transfer": line.transfer_id if line.state == "paid" else None,
                    "grounds": [ground.code for ground in line.grounds],
                }
                for line in found
            ],
        }
        out.document(document, _lines(found, facts))


@app.command("list")
def list_cycles(town: TownOption = "", as_json: JsonOption = False, database: DatabaseOption = None) -> None:
    """List the cycles of a town, newest month first."""
    from koinon.db.transactions import transaction
    from koinon.programmes import queries

    with speaking(as_json) as out, opening.desk(database, town) as (conn, facts, _):
        with transaction(conn):
            cycles = queries.cycles(conn, town_id=facts.id)
        out.document({"town": facts.slug, "cycles": [_as_json(cycle) for cycle in cycles]}, _shown(cycles, facts))


def _step(
    operation: Callable[..., CycleView],
    conn: Connection[Any],
    town: TownFacts,
    programme: str,
    month: Month,
    who: str,
    **more: Any,
) -> CycleView:
    """One step of the month, in one transaction."""
    from koinon.db.transactions import transaction

    with transaction(conn):
        cycle = _cycle(conn, town, programme, month)
        return operation(conn, town_id=town.id, cycle_id=cycle.id, actor=who, now=datetime.now(UTC), **more)


def _pay_out(out: Output, conn: Connection[Any], town: TownFacts, programme: str, month: Month, who: str) -> CycleView:
    """Piece by piece, each in a transaction of its own, so that payments at tills go on."""
    from koinon.db.transactions import transaction
    from koinon.programmes import operations

    with transaction(conn):
        cycle_id = _cycle(conn, town, programme, month).id
    return operations.pay_out(
        conn,
        town_id=town.id,
        cycle_id=cycle_id,
        actor=who,
        now=datetime.now(UTC),
        told=lambda cycle: out.progress(f"{cycle.paid} of {cycle.count} paid"),
    )


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
            "programme", "month", "state", "households", "total", "refused", "failed", right=["households", "total"]
        )
        for cycle in cycles:
            total = money(cycle.total_minor, town.exponent, town.unit_code)
            state = "stopped" if cycle.stopped_at else cycle.state
            table.add_row(
                cycle.programme_code, cycle.month, state, str(cycle.count), total, str(cycle.refused), str(cycle.failed)
            )
        console.print(table)

    return show


def _review(cycle: CycleView, seen: Review, town: TownFacts) -> Callable[[Console], None]:
    def show(console: Console) -> None:
        from koinon.cli.tables import money, plain_table

        def told(minor: int) -> str:
            return money(minor, town.exponent, town.unit_code)

        _shown([cycle], town)(console)
        if cycle.fingerprint:
            console.print(f"fingerprint {cycle.fingerprint}, approved by {cycle.approvals} of {cycle.approvers_needed}")
        if seen.changes is not None and seen.before is not None:
            changes = seen.changes
            table = plain_table(f"since {seen.before.month}", "households", "amount", right=["households", "amount"])
            table.add_row("new", str(changes.joined), told(changes.joined_minor))
            table.add_row("no longer paid", str(changes.gone), told(-changes.gone_minor))
            table.add_row("more", str(changes.more), told(changes.more_minor))
            table.add_row("less", str(changes.less), told(-changes.less_minor))
            table.add_row("in all", "", told(changes.difference_minor))
            console.print(table)
        if seen.outliers:
            table = plain_table("stands out", "amount", "before", "how", right=["amount", "before"])
            for one in seen.outliers:
                how = [name for name in ("high", "low", "doubled", "halved") if getattr(one, name)]
                before = "" if one.before_minor is None else told(one.before_minor)
                table.add_row(one.party_id.hex[-6:], told(one.amount_minor), before, ", ".join(how))
            console.print(table)
            console.print(f"{counted(seen.outliers_found, 'line stands out', 'lines stand out')}")
        for failure in seen.failures:
            console.print(f"{failure.households} could not be paid: {failure.code}")

    return show


def _lines(found: list[EntitlementView], town: TownFacts) -> Callable[[Console], None]:
    def show(console: Console) -> None:
        from koinon.cli.tables import money, plain_table

        table = plain_table("household", "amount", "state", "why", right=["amount"])
        for line in found:
            why = line.failure or ", ".join(ground.code for ground in line.grounds)
            table.add_row(
                line.party_id.hex[-6:], money(line.amount_minor, town.exponent, town.unit_code), line.state, why
            )
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
        "paid_total": cycle.paid_minor,
        "failed": cycle.failed,
        "refused": cycle.refused,
        "waiting": cycle.waiting,
        "fingerprint": cycle.fingerprint,
        "approvals": cycle.approvals,
        "approvers_needed": cycle.approvers_needed,
        "scheduled_at": cycle.scheduled_at,
        "stopped_at": cycle.stopped_at,
        "problem": cycle.problem,
        "prepared_by": cycle.prepared_by,
        "submitted_by": cycle.submitted_by,
        "approved_by": cycle.approved_by,
        "disbursed_by": cycle.disbursed_by,
    }

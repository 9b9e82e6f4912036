"""``koinon redeem terms``: what the town promises its shops about redemption."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from koinon.cli import opening
from koinon.cli.budget import amount_of
from koinon.cli.opening import DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking

if TYPE_CHECKING:
    from rich.console import Console


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("write a day as 2026-12-31") from None


def terms(
    actor: Annotated[str, typer.Option("--as", metavar="USER", envvar="KOINON_USER", help="Who changes them.")] = "",
    from_day: Annotated[
        date | None, typer.Option("--from", metavar="DAY", help="First local day of what follows.", parser=_day)
    ] = None,
    minimum: Annotated[str, typer.Option("--minimum", metavar="AMOUNT", help="The smallest amount.")] = "",
    fee: Annotated[str, typer.Option("--fee", metavar="AMOUNT", help="What the town keeps of each request.")] = "",
    share: Annotated[
        int | None, typer.Option("--fee-bps", help="And this share of it, in hundredths of a per cent.")
    ] = None,
    cooling: Annotated[int | None, typer.Option("--cooling-days", help="Days for which a request waits.")] = None,
    schedule: Annotated[
        str | None, typer.Option("--schedule", help="weekly:5 for Fridays, monthly:1,15, or any.")
    ] = None,
    file_format: Annotated[str, typer.Option("--format", help="pain.001.001.03, pain.001.001.09 or csv.")] = "",
    execution: Annotated[int | None, typer.Option("--execution-days", help="Days until the bank pays.")] = None,
    source: Annotated[str, typer.Option("--source", help="The regulation or agreement that says so.")] = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Show what holds today; with --from, say what holds from a day on. What is not named stays as it is."""
    from koinon.db.transactions import transaction
    from koinon.kernel.money import Amount
    from koinon.treasury import operations, queries
    from koinon.treasury.types import FileFormat

    if file_format and file_format not in {one.value for one in FileFormat}:
        raise typer.BadParameter(f"one of {', '.join(FileFormat)}", param_hint="--format")
    if from_day is not None and not source:
        raise typer.BadParameter("say which regulation or agreement says so", param_hint="--source")
    now = datetime.now(UTC)
    with (
        speaking(as_json) as out,
        opening.desk(database, town, actor, role="treasurer" if from_day is not None else "") as (conn, facts, who),
    ):
        with transaction(conn):
            day = from_day or now.astimezone(facts.zone).date()
            held = queries.terms(conn, town_id=facts.id, day=day)
            if from_day is not None:
                operations.set_terms(
                    conn,
                    town_id=facts.id,
                    from_day=from_day,
                    minimum=amount_of(minimum, facts) if minimum else Amount(held.minimum_minor, facts.unit_code),
                    file_format=FileFormat(file_format) if file_format else held.file_format,
                    execution_days=held.execution_days if execution is None else execution,
                    source=source,
                    fee_minor=held.fee_minor if not fee else amount_of(fee, facts).minor if fee.strip("0.,") else 0,
                    fee_bps=held.fee_bps if share is None else share,
                    cooling_days=held.cooling_days if cooling is None else cooling,
                    schedule=held.schedule if schedule is None else schedule.removeprefix("any"),
                    at=now,
                    actor=who,
                )
                held = queries.terms(conn, town_id=facts.id, day=from_day)

        def show(console: Console) -> None:
            from koinon.cli.tables import money

            console.print(f"From {max(held.from_day, date(1970, 1, 1))}: at least "
                          f"{money(held.minimum_minor, facts.exponent, facts.unit_code)}, fee "
                          f"{money(held.fee_minor, facts.exponent, facts.unit_code)} and {held.fee_bps} bps, "
                          f"{held.cooling_days} days to think again, runs on {held.schedule or 'any day'}, "
                          f"{held.file_format}, {held.execution_days} days until the bank pays.",
                          markup=False, soft_wrap=True)  # fmt: skip

        out.document({"town": facts.slug, "terms": asdict(held)}, show)

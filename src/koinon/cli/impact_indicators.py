"""``koinon impact indicators``, ``survey`` and ``sroi``: every indicator, recomputed by whoever wants to know."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from koinon.cli import opening
from koinon.cli.opening import DatabaseOption, JsonOption, TownOption
from koinon.cli.output import speaking, written
from koinon.kernel.money import Amount

if TYPE_CHECKING:
    from psycopg import Connection
    from rich.console import Console

    from koinon.impact.figures import Figure, Period
    from koinon.parties.types import TownFacts

FOLLOWER = "command:impact"
MonthOption = Annotated[str, typer.Option("--month", metavar="YYYY-MM", help="A month of the town.")]
ToOption = Annotated[str, typer.Option("--to", metavar="YYYY-MM", help="The last month, where it is not the same.")]
KeysArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY]...", help="Indicators by the name of their page; all if none is named."),
]


def indicators(
    keys: KeysArgument = None,
    month: MonthOption = "",
    to: ToOption = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Compute a town's indicators from its books: exact, with their targets, for the staff."""
    from koinon.db.transactions import transaction
    from koinon.impact import aims, figures
    from koinon.impact.indicators.catalogue import BY_KEY, Better, Source

    for key in keys or ():
        if key not in figures.COMPUTED:
            raise typer.BadParameter(f"{key} is none of: {', '.join(sorted(figures.COMPUTED))}", param_hint="KEY")
    now = datetime.now(UTC)
    with speaking(as_json) as out, opening.books(database, patience_seconds=0) as conn:
        with transaction(conn):
            facts = opening.town(conn, town)
            period = _period(facts, month, to, now)
            if any(BY_KEY[key].source is Source.TRACE for key in keys or BY_KEY):
                _follow(conn, facts, now)
        with transaction(conn, one_snapshot=True):
            rows = figures.figures(conn, facts.id, period, keys=keys or None)
            targets = aims.targets(conn, facts.id)
        wanted = aims.in_force(targets, first_day=period.first_day, last_day=period.last_day)
        found = []
        for row in rows:
            target = wanted.get((row.indicator, row.part))
            lower = BY_KEY[row.indicator].better is Better.LOWER
            found.append(
                {
                    **_figure(row),
                    "target": None if target is None else Fraction(target.value),
                    "by": None if target is None else target.by_day,
                    "reached": None if target is None else aims.reached(row.value, target, lower_is_better=lower),
                }
            )

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            table = plain_table("indicator", "", "figure", "between", "target", "", right=("figure", "target"))
            before = ""
            for row, one in zip(rows, found, strict=True):
                target, missed = one["target"], "not reached"
                if target is not None and one["by"] > period.last_day:
                    missed = f"by {one['by']}"
                table.add_row(
                    BY_KEY[row.indicator].title if row.indicator != before else "",
                    ": ".join(filter(None, (row.name, row.label))),
                    _written(row.value, row.unit, facts),
                    " – ".join(_written(end, row.unit, facts) for end in (row.low, row.high) if end is not None),
                    "" if target is None else _written(target, row.unit, facts),
                    {None: "", True: "reached", False: missed}[one["reached"]],
                )
                before = row.indicator
            console.print(table)
            console.print("Each is explained in docs/indicators. “–” is undefined, and is not zero.")

        out.document({"town": facts.slug, "unit": facts.unit_code, **_told(period), "figures": found}, show)


def survey(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with the columns spent, local, perhaps stratum.")],
    seed: Annotated[int, typer.Option("--seed", help="Of the resampling; the same gives the same interval.")] = 1,
    draws: Annotated[int, typer.Option("--draws", min=100, max=100_000, help="How often it is drawn anew.")] = 2000,
    month: MonthOption = "",
    to: ToOption = "",
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Estimate what shops spend in the town of what they redeem; with --month, weigh it and complete LM3."""
    from koinon.db.transactions import transaction
    from koinon.impact import surveys
    from koinon.impact.answers import read_answers
    from koinon.impact.indicators.local_share import local_share

    with speaking(as_json) as out:
        answers = read_answers(file)
        content: dict[str, Any]
        if month:
            now = datetime.now(UTC)
            with opening.books(database, patience_seconds=0) as conn, transaction(conn):
                facts = opening.town(conn, town)
                period = _period(facts, month, to, now)
                _follow(conn, facts, now)
                found = surveys.weighed(conn, facts.id, period, answers, seed=seed, draws=draws)
                estimate, lm3 = found.estimate, found.lm3
                content = {"town": facts.slug, **_told(period), "weights": found.weights, "left_out": found.left_out}
                content |= {"lm3_of_the_ledger": found.ledger, "lm3": _figure(lm3)}
        else:
            estimate, lm3, content = local_share(answers, seed=seed, draws=draws), None, {}

        def show(console: Console) -> None:
            share, low, high = (_percent(value) for value in (estimate.value, estimate.low, estimate.high))
            console.print(f"Local share: {share} ({low} to {high}; {estimate.answers} answers, seed {estimate.seed})")
            if lm3 is not None:
                ledger, value, least, most = (
                    "–" if one is None else f"{float(one):.2f}"
                    for one in (content["lm3_of_the_ledger"], lm3.value, lm3.low, lm3.high)
                )
                console.print(f"LM3: {value} ({least} to {most}); from the ledger alone {ledger}")
            if content.get("left_out"):
                console.print(f"No answer from: {', '.join(content['left_out'])}")

        out.document({"local_share": asdict(estimate), **content}, show)


def sroi(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="TOML with the outcomes; docs/indicators/sroi.md.")],
    as_json: JsonOption = False,
) -> None:
    """Compute a social return on investment, its range, and which judgement matters most."""
    from koinon.impact.appraisal import read_appraisal
    from koinon.impact.indicators.sroi import sroi as computed

    with speaking(as_json) as out:
        said = read_appraisal(file)
        found = computed(said.outcomes, investment=said.investment, discount_rate=said.discount_rate)

        def show(console: Console) -> None:
            from koinon.cli.tables import plain_table

            ratio, low, high = (
                "–" if value is None else f"{float(value):.2f}" for value in (found.ratio, found.low, found.high)
            )
            console.print(f"SROI {ratio}, between {low} and {high}")
            table = plain_table("outcome", "present value", right=("present value",))
            for name, value in found.present_values:
                table.add_row(name, f"{float(value):,.2f}")
            console.print(table)
            table = plain_table("what was judged", "of", "from", "to", right=("from", "to"))
            for tested in found.sensitivity[:10]:
                ends = (f"{float(end):.2f}" for end in (tested.low, tested.high))
                table.add_row(tested.judgement.replace("_", "-"), tested.outcome, *ends)
            console.print(table)

        out.document(asdict(found), show)


def _follow(conn: Connection[Any], facts: TownFacts, now: datetime) -> None:
    """Bring the trace of the town's books up to the newest sealed movement."""
    from koinon.impact.town import following

    following.follow(conn, town_id=facts.id, at=now, actor=FOLLOWER)


def _period(facts: TownFacts, month: str, to: str, now: datetime) -> Period:
    from koinon.impact.figures import Period
    from koinon.kernel.periods import Month

    zone = ZoneInfo(facts.time_zone)
    try:
        first = Month.parse(month) if month else Month.of(now.astimezone(zone).date())
        last = Month.parse(to) if to else first
    except ValueError:
        raise typer.BadParameter("write a month as 2026-11") from None
    if last < first:
        raise typer.BadParameter("the last month comes before the first", param_hint="--to")
    if first.bounds(zone)[0] >= now:
        raise typer.BadParameter("this month has not begun", param_hint="--month")
    return Period.of(first, last, zone, now)


def _told(period: Period) -> dict[str, Any]:
    return {"first_month": str(period.first), "last_month": str(period.last), "until": period.until}


def _figure(row: Figure) -> dict[str, Any]:
    return {**asdict(row), "exact": None if row.value is None else str(row.value)}


def _percent(value: Fraction | None) -> str:
    return "–" if value is None else f"{float(value):.1%}"


def _written(value: Fraction | None, unit: str, facts: TownFacts) -> str:
    if value is None:
        return "–"
    match unit:
        case "share":
            return _percent(value)
        case "count":
            return f"{float(value):,.2f}".removesuffix(".00")
        case "money" | "money-per-person" | "money-per-unit":
            return written(Amount(round(value * 10**facts.exponent), facts.unit_code))
        case "kilograms":
            return f"{float(value):,.1f} kg"
        case "days":
            return f"{float(value):g} d"
        case "per-year":
            return f"{float(value):.2f} a year"
        case "index":
            return f"{float(value):.4f}"
        case _:
            return f"{float(value):,.2f}"

"""``koinon impact export``, ``ask`` and ``trace-export``: a town's history as Parquet, and what many of them say together."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from koinon.cli import opening
from koinon.cli.opening import DatabaseOption, JsonOption, TownOption
from koinon.cli.output import counted, speaking

if TYPE_CHECKING:
    from fractions import Fraction

    from rich.console import Console

    from koinon.impact.export.layout import Export
    from koinon.impact.export.operations import Exported


class EngineName(StrEnum):
    """What answers questions."""

    DUCKDB = "duckdb"
    SPARK = "spark"


class Where(StrEnum):
    """Where towns are traced."""

    HERE = "here"
    SPARK = "spark"


FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of an export.")]
TownsOption = Annotated[
    list[int] | None, typer.Option("--number", metavar="NUMBER", help="Only the town of this number; repeat.")
]
MasterOption = Annotated[
    str, typer.Option("--master", metavar="URL", help="Where Spark runs: local[*] is this machine.")
]


def export(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Made if it is not there; holds any number of towns.")
    ],
    town: TownOption = "",
    as_json: JsonOption = False,
    database: DatabaseOption = None,
) -> None:
    """Write sealed books as Parquet by town and month, or bring an export to what is sealed now.

    All towns, or the one that is named. What is there and complete is kept; who is interrupted goes on from there. The
    files hold every movement under opaque numbers: keep them as you keep the database.
    """
    with speaking(as_json) as out, opening.books(database, patience_seconds=0) as conn:
        from koinon.db.transactions import transaction
        from koinon.impact.export import operations
        from koinon.parties import queries as parties

        with transaction(conn):
            towns = [parties.town(conn, one.id) for one in opening.towns(conn, town)]
        done = [operations.export(conn, one, folder, say=out.progress) for one in towns]

        def show(console: Console) -> None:
            for one in done:
                found = one.manifest
                console.print(
                    f"{found.slug} (town {found.town}): {found.rows:,} movements in {len(found.transfers)} months, "
                    f"{len(one.written)} written, {one.kept} kept; sealed up to block {found.seal.number}, "
                    f"head {found.seal.hash}",
                    soft_wrap=True,
                )

        out.document({"folder": str(folder), "towns": [_exported(one) for one in done]}, show)


def _exported(one: Exported) -> dict[str, Any]:
    found = one.manifest
    return {
        "town": found.town,
        "slug": found.slug,
        "movements": found.rows,
        "months": len(found.transfers),
        "written": len(one.written),
        "kept": one.kept,
        "bytes": sum(file.bytes for file in found.files),
        "seal": asdict(found.seal),
    }


def ask(
    folder: FolderArgument,
    question: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[QUESTION]...", help="flows, receipts, by_zone ...; without one, each month's indicators."
        ),
    ] = None,
    engine: Annotated[EngineName, typer.Option(help="What answers.")] = EngineName.DUCKDB,
    master: MasterOption = "local[*]",
    memory: Annotated[
        int | None, typer.Option("--memory", metavar="MB", min=100, help="What the engine may use; beyond it, disk.")
    ] = None,
    number: TownsOption = None,
    verify: Annotated[bool, typer.Option("--verify", help="Compare each file with its SHA-256 first.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Ask an export of one town or many for its months: the same figures on one machine and on a cluster.

    Needs no database. With --json every answer is in whole minor units and microseconds, exact on both engines.
    """
    with speaking(as_json) as out:
        from koinon.cli import lake_answers
        from koinon.impact.export.layout import opened
        from koinon.impact.scale import engines, figures
        from koinon.impact.scale.errors import QuestionUnknown

        lake = opened(folder, thoroughly=verify).only(number or ())
        unknown = [each for each in question or () if each not in engines.questions()]
        if unknown:
            raise QuestionUnknown(asked=unknown[0], known=engines.questions())
        out.progress(_size(lake))
        with engines.of(engine.value, lake, master=master, memory_mb=memory) as running:
            lengths = figures.lengths(lake)
            if question:
                answers = {each: engines.ask(running, each) for each in question}
                known = lake_answers.Known.of(lake, lengths)
                out.document(
                    {"engine": running.name, "answers": answers},
                    lambda console: lake_answers.show(console, answers, known),
                )
                return
            months = figures.months(running, lengths)
        units = {one.town: (one.slug, one.unit, one.exponent) for one in lake.towns}
        document = {
            "engine": running.name,
            "months": [{"slug": units[one.town][0], "unit": units[one.town][1], **asdict(one)} for one in months],
        }

        def show(console: Console) -> None:
            from koinon.cli.tables import money, plain_table

            columns = (
                "town", "month", "unit", "issued", "paid", "redeemed", "expired", "multiplier", "paid on", "velocity",
                "largest", "social economy",
            )  # fmt: skip
            table = plain_table(*columns, right=columns[3:])
            for one in months:
                slug, unit, exponent = units[one.town]
                moved = (one.flows.issued, one.flows.spent, one.flows.redeemed, one.flows.expired)
                table.add_row(
                    slug,
                    lake_answers.month(one.period),
                    unit,
                    *(money(minor, exponent, "") for minor in moved),
                    *(_ratio(each) for each in (one.multiplier, one.recirculation, one.velocity)),
                    *(_percent(each) for each in (one.largest, one.by_sse.get("sse"))),
                )
            console.print(table)
            console.print(
                "Paid on: of each unit that businesses took, by businesses. Velocity: how often a unit is paid in a year. "
                "Largest, social economy: shares of what businesses took.",
            )

        out.document(document, show)


def _size(lake: Export) -> str:
    return f"{counted(len(lake.towns), 'town')}, {counted(sum(one.rows for one in lake.towns), 'movement')}"


def _ratio(value: Fraction | None) -> str:
    return "-" if value is None else f"{float(value):.3f}"


def _percent(value: Fraction | None) -> str:
    return "-" if value is None else f"{float(value):.1%}"


def trace_export(
    folder: FolderArgument,
    where: Annotated[Where, typer.Option("--on", help="In this process, or on Spark, a town a task.")] = Where.HERE,
    convention: Annotated[
        list[str] | None, typer.Option("--convention", metavar="NAME", help="fifo, lifo or mixing; repeat.")
    ] = None,
    master: MasterOption = "local[*]",
    number: TownsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what became of each cohort of each town of an export: what `koinon impact town` says of one from its database."""
    wanted = convention or ["fifo", "mixing"]
    if unknown := sorted(set(wanted) - {"fifo", "lifo", "mixing"}):
        raise typer.BadParameter(f"{unknown[0]} is no convention; there are fifo, lifo and mixing")
    with speaking(as_json) as out:
        import json

        from koinon.impact.export.layout import opened
        from koinon.impact.scale import engines, tracing

        lake = opened(folder).only(number or ())
        out.progress(_size(lake))
        if where is Where.SPARK:
            with engines.spark(lake, master=master) as running:
                found = tracing.on_spark(running.session, lake, wanted)
        else:
            found = list(tracing.here(lake, wanted))
        names = {one.town: one.slug for one in lake.towns}
        document = {
            "traces": [
                {
                    "town": one.town,
                    "slug": names[one.town],
                    "convention": one.convention,
                    "transfers": one.transfers,
                    "accounts": one.accounts,
                    "digest": one.digest,
                    "seconds": round(one.seconds, 3),
                    **json.loads(one.result),
                }
                for one in found
            ]
        }

        def show(console: Console) -> None:
            from koinon.cli.tables import money, plain_table

            units = {one.town: (one.exponent, one.unit) for one in lake.towns}
            columns = ("town", "convention", "movements", "issued", "paid on", "multiplier", "redeemed", "still held")
            table = plain_table(*columns, right=columns[2:])
            for row in document["traces"]:
                total, unit = row["total"], units[row["town"]]
                amounts = {name: money(round(total[name]), *unit) for name in ("issued", "volume", "redeemed", "held")}
                multiplier = f"{total['volume'] / total['issued']:.2f}" if total["issued"] else "-"
                table.add_row(
                    row["slug"],
                    row["convention"],
                    f"{row['transfers']:,}",
                    amounts["issued"],
                    amounts["volume"],
                    multiplier,
                    amounts["redeemed"],
                    amounts["held"],
                )
            console.print(table)

        out.document(document, show)

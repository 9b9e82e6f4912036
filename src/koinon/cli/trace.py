"""``koinon impact trace``: anybody's ledger from a file, without a database and without a town."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast
from zoneinfo import ZoneInfo

import typer

from koinon.cli.opening import JsonOption
from koinon.cli.output import speaking

if TYPE_CHECKING:
    from rich.console import Console

_READ, _BOUNDARY, _TOLD = "How the file is read", "Where circulation begins and ends", "What is told"


class Conventions(StrEnum):
    """Which units of a purse are paid first; docs/algorithms/tracing.md."""

    BOTH = "both"
    FIFO = "fifo"
    LIFO = "lifo"
    MIXING = "mixing"
    ALL = "all"


class CohortBy(StrEnum):
    """As ``koinon.impact.files.types.CohortBy``, which a test compares: that one is imported with Arrow only."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    ISSUER = "issuer"
    ALL = "all"


class TimeUnit(StrEnum):
    """As ``koinon.impact.files.types.TimeUnit``."""

    AUTO = "auto"
    SECONDS = "s"
    MILLISECONDS = "ms"
    MICROSECONDS = "us"
    NANOSECONDS = "ns"


class Language(StrEnum):
    """As ``koinon.impact.files.speech.LANGUAGES``."""

    EN = "en"
    EL = "el"
    ES = "es"
    PT = "pt"
    FR = "fr"
    AR = "ar"


class Mark(StrEnum):
    """What stands before the decimals."""

    POINT = "."
    COMMA = ","


class Thousands(StrEnum):
    """What stands between thousands."""

    POINT = "."
    COMMA = ","
    APOSTROPHE = "'"
    SPACE = " "


def _pairs(given: Sequence[str] | None) -> dict[str, str]:
    """``NAME=HEADING`` options; a heading may hold further equals signs."""
    pairs = {}
    for each in given or ():
        name, equals, heading = each.partition("=")
        if not equals or not name.strip() or not heading:
            raise typer.BadParameter(f"{each} is not NAME=HEADING")
        pairs[name.strip()] = heading
    return pairs


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise typer.BadParameter(f"{name} is no time zone; write it as Europe/Madrid") from None


def trace(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV (also .gz) or Parquet with time, source, target, amount; or a folder of such parts.",
        ),
    ],
    issuers: Annotated[
        list[str] | None,
        typer.Option(
            "--issuers",
            metavar="NAME",
            help="Who issues units: a name, a pattern with * and ?, or @FILE. Repeat.",
            rich_help_panel=_BOUNDARY,
        ),
    ] = None,
    redeemers: Annotated[
        list[str] | None,
        typer.Option(
            "--redeemers",
            metavar="NAME",
            help="Where units are turned back into money and leave.",
            rich_help_panel=_BOUNDARY,
        ),
    ] = None,
    expiry: Annotated[
        list[str] | None,
        typer.Option("--expiry", metavar="NAME", help="Where unspent units go.", rich_help_panel=_BOUNDARY),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="WORD=MEANING",
            help="What a word of the column kind means: payment, issue, redeem, expire, withdraw or refund.",
            rich_help_panel=_BOUNDARY,
        ),
    ] = None,
    accounts: Annotated[
        Path | None,
        typer.Option(
            "--accounts",
            metavar="FILE",
            help="What is known of accounts: a column account, and zone, sector, legal_form, sse, size, kind, role.",
            rich_help_panel=_BOUNDARY,
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by", metavar="COLUMN", help="Another column of --accounts to follow money by.", rich_help_panel=_BOUNDARY
        ),
    ] = None,
    cohort_by: Annotated[
        CohortBy,
        typer.Option(
            help="What issued units are told apart by where the file has no column cohort.", rich_help_panel=_BOUNDARY
        ),
    ] = CohortBy.MONTH,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="NAME=HEADING",
            help="What the file calls a column: time=timestamp.",
            rich_help_panel=_READ,
        ),
    ] = None,
    account_column: Annotated[
        list[str] | None,
        typer.Option(
            "--account-column", metavar="NAME=HEADING", help="The same for --accounts.", rich_help_panel=_READ
        ),
    ] = None,
    unit: Annotated[str, typer.Option(metavar="NAME", help="What the amounts are.", rich_help_panel=_READ)] = "units",
    decimals: Annotated[
        int | None,
        typer.Option(
            min=0, max=18, help="Decimals of the unit; else as many as the amounts have.", rich_help_panel=_READ
        ),
    ] = None,
    decimal_mark: Annotated[
        Mark, typer.Option(help="What stands before the decimals.", rich_help_panel=_READ)
    ] = Mark.POINT,
    thousands: Annotated[
        Thousands | None, typer.Option(help="What stands between thousands, if anything.", rich_help_panel=_READ)
    ] = None,
    minor: Annotated[
        bool, typer.Option("--minor", help="Amounts are whole minor units (cents) already.", rich_help_panel=_READ)
    ] = False,
    zone: Annotated[
        str | None,
        typer.Option(
            metavar="ZONE",
            help="Where times without a zone were written, and where days begin: Europe/Madrid.",
            rich_help_panel=_READ,
        ),
    ] = None,
    time_unit: Annotated[
        TimeUnit, typer.Option(help="What whole numbers in time count, since 1970.", rich_help_panel=_READ)
    ] = TimeUnit.AUTO,
    time_format: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT",
            help="How times are written where they are not ISO 8601: '%d/%m/%Y %H:%M'.",
            rich_help_panel=_READ,
        ),
    ] = None,
    encoding: Annotated[str, typer.Option(help="Of a CSV file.", rich_help_panel=_READ)] = "utf-8",
    convention: Annotated[
        Conventions,
        typer.Option(help="Which units of a purse are paid first; both: fifo and mixing.", rich_help_panel=_TOLD),
    ] = Conventions.BOTH,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Write report.html, trace.json and Parquet tables into this folder.",
            rich_help_panel=_TOLD,
        ),
    ] = None,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The report's heading.", rich_help_panel=_TOLD)
    ] = None,
    least: Annotated[
        int,
        typer.Option(
            min=1,
            help="The report names no group of fewer accounts; 1 names all. The data files name all without --disclosed.",
            rich_help_panel=_TOLD,
        ),
    ] = 10,
    disclosed: Annotated[
        bool,
        typer.Option("--disclosed", help="The data too says no more than the report does.", rich_help_panel=_TOLD),
    ] = False,
    language: Annotated[Language, typer.Option(help="Of the report.", rich_help_panel=_TOLD)] = Language.EN,
    as_json: JsonOption = False,
) -> None:
    """Follow every issued unit of a ledger until it is redeemed, expires or is still held.

    Needs no town and no database. What is wrong with the file is said with its row, and then nothing is written.
    """
    columns, account_columns, kinds, where = _pairs(column), _pairs(account_column), _pairs(kind), _zone(zone)
    with speaking(as_json) as out_:
        out_.progress("starting")
        sys.meta_path.insert(0, cast(Any, _WithoutPandas()))
        from koinon.impact.files import tracing
        from koinon.impact.files.types import Asked
        from koinon.impact.files.types import CohortBy as Cohorts
        from koinon.impact.files.types import TimeUnit as Units

        asked = Asked(
            file=file,
            kinds=kinds,
            issuers=tuple(issuers or ()),
            redeemers=tuple(redeemers or ()),
            expiry=tuple(expiry or ()),
            accounts=accounts,
            by=tuple(by or ()),
            columns=columns,
            account_columns=account_columns,
            unit=unit,
            decimals=decimals,
            decimal_mark=decimal_mark.value,
            thousands=thousands.value if thousands is not None else "",
            minor=minor,
            zone=where,
            time_unit=Units(time_unit.value),
            time_format=time_format,
            cohort_by=Cohorts(cohort_by.value),
            encoding=encoding,
        )
        document = tracing.trace_file(
            asked,
            convention.value,
            out=out,
            title=title,
            least=least,
            disclosed=disclosed,
            language=language.value,
            say=out_.progress,
        )
        out_.document(document, lambda console: show(console, document))


class _WithoutPandas:
    """PyArrow imports pandas wherever it is installed, for a third of a second, only to know that no value is of it."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name, name=name)


def show(console: Console, document: dict[str, Any]) -> None:
    """What a person wants to know first; the report has the rest."""
    from koinon.cli.tables import money, plain_table

    def amount(value: Any) -> str:
        return money(round(value), document["unit"]["decimals"], document["unit"]["name"])

    def ratio(value: Any, form: str = ".2f") -> str:
        return "—" if value is None else format(value, form)

    table = plain_table(
        "", *(one["convention"] for one in document["traces"]), right=[one["convention"] for one in document["traces"]]
    )
    totals = [one["total"] for one in document["traces"]]
    unknown = [one["unknown_origin"]["issued"] for one in document["traces"]]
    table.add_row("issued", *(amount(total["issued"] - more) for total, more in zip(totals, unknown, strict=True)))
    if any(unknown):
        table.add_row("of unknown origin", *(amount(more) for more in unknown))
    for label, key in (
        ("paid on", "volume"),
        ("redeemed", "redeemed"),
        ("expired", "expired"),
        ("withdrawn", "withdrawn"),
        ("still held", "held"),
    ):
        table.add_row(label, *(amount(total[key]) for total in totals))
    table.add_row("multiplier", *(ratio(total["multiplier"]) for total in totals))
    table.add_row("payments before leaving", *(ratio(total["mean_hops"]) for total in totals))
    table.add_row("days until it left", *(ratio(total["days_to_exit"]["mean"], ".1f") for total in totals))
    if any(total["through_sse"] is not None for total in totals):
        table.add_row(
            "through social enterprises",
            *("—" if total["through_sse"] is None else amount(total["through_sse"]) for total in totals),
        )
    table.add_row("conservation error", *(format(one["conservation_error"], "g") for one in document["traces"]))
    console.print(table)
    counts = ((document["file"][name], name) for name in ("transfers", "accounts", "cohorts"))
    console.print(", ".join(f"{count:,} {name if count != 1 else name[:-1]}" for count, name in counts))
    for note in document["notes"]:
        console.print(f"Note: {note['message']}", markup=False, highlight=False, soft_wrap=True)
    if document["written"]:
        console.print(
            f"Written: {document['written']['folder']}/report.html, trace.json, tables", markup=False, soft_wrap=True
        )

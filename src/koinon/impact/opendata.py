"""The published months as tables anybody may take away: CSV files and a Frictionless data package that describes them.

Only what ``publication`` and ``flow`` let through comes in here: this module knows no exact figure. An empty
cell is a figure that is hidden or undefined, never a zero. What a program reads is in English wherever it is read: names of
tables and columns, what they mean, labels and states. Titles are for people as well, and a page translates them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from koinon.impact.disclosure import Shown
from koinon.impact.figures import Figure
from koinon.impact.flow import PublicFlow
from koinon.impact.indicators.catalogue import BY_KEY, gettext_noop
from koinon.impact.publication import PublicReport, PublicTable, PublicWait
from koinon.impact.town.network import LONGEST_CIRCLE, PublicNetwork
from koinon.kernel.money import to_decimal
from koinon.kernel.periods import Month

LICENCE = {
    "name": "CC-BY-4.0",
    "title": "Creative Commons Attribution 4.0",
    "path": "https://creativecommons.org/licenses/by/4.0/",
}
RULES = "docs/algorithms/disclosure-control.md"
Value = str | int | Decimal | None
_ = gettext_noop


@dataclass(frozen=True, slots=True)
class Field:
    """A column: ``type`` is one of Frictionless Table Schema (string, integer, number, yearmonth)."""

    name: str
    type: str
    description: str
    indicator: str = ""


@dataclass(frozen=True, slots=True)
class OpenTable:
    """A table with its columns and rows. ``key`` names the columns that make a row unique."""

    name: str
    title: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]

    @property
    def indicators(self) -> tuple[str, ...]:
        """The keys of the indicators that stand in it, in their order."""
        names = [field.name for field in self.fields]
        named = [field.indicator for field in self.fields if field.indicator]
        if "indicator" in names:
            named += [str(row[names.index("indicator")]) for row in self.rows]
        return tuple(dict.fromkeys(named))

    def csv(self) -> str:
        """The table as CSV (RFC 4180): UTF-8, a header, an empty cell for what is hidden or undefined."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow([field.name for field in self.fields])
        writer.writerows([_text(value) for value in row] for row in self.rows)
        return out.getvalue()


@dataclass(frozen=True, slots=True)
class Published:
    """A month as it was published: its report, its way, its trade and every public figure."""

    report: PublicReport
    flow: PublicFlow
    network: PublicNetwork | None = None
    shown: tuple[Shown, ...] = ()

    @property
    def month(self) -> Month:
        return self.report.month


_MONTH = Field("month", "yearmonth", "Calendar month of the town's time zone.")
_NETWORK = "docs/algorithms/network.md"
_MONEY = "In units of the currency, rounded to 5."


def tables(months: Iterable[Published], funds: Mapping[UUID, str]) -> tuple[OpenTable, ...]:
    """Every published table over these months, oldest first. ``funds`` gives the codes by which funds are known."""
    found = sorted(months, key=lambda one: one.month)
    return (
        _months(found),
        _sources(found, funds),
        _receipts("receipts_by_zone", _("Receipts of businesses by neighbourhood"), "zone", found, "share_by_zone"),
        _receipts("receipts_by_sse", _("Receipts of the social economy"), "group", found, "share_by_sse"),
        _waits(found),
        _network(found),
        _stops(found),
        _indicators(found),
    )


def package(
    shown: Sequence[OpenTable],
    *,
    name: str,
    title: str,
    unit: str,
    created: str,
    homepage: str = "",
    demonstration: bool = False,
) -> dict[str, Any]:
    """The tables as a Frictionless data package (https://specs.frictionlessdata.io/data-package/), as a JSON document."""
    return {
        "profile": "tabular-data-package",
        "name": name,
        "title": title,
        "created": created,
        **({"homepage": homepage} if homepage else {}),
        "licenses": [LICENCE],
        "keywords": ["complementary currency", "social aid", "local multiplier"],
        "description": (
            ("A demonstration: its people, shops and purchases are generated. " if demonstration else "")
            + f"Amounts are in {unit}. An empty cell is hidden or undefined and never zero: figures of fewer than ten businesses "
            "or households, or mostly of one, are hidden, and as many beside them as subtraction takes "
            f"({RULES}). Closed months do not change."
        ),
        "resources": [
            {
                "name": table.name,
                "title": table.title,
                "path": f"{table.name}.csv",
                "profile": "tabular-data-resource",
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": {
                    "fields": [
                        {
                            "name": field.name,
                            "type": field.type,
                            "description": field.description
                            + (f" docs/indicators/{field.indicator}.md" if field.indicator else ""),
                        }
                        for field in table.fields
                    ],
                    "primaryKey": list(table.key),
                    "missingValues": [""],
                },
            }
            for table in shown
        ],
    }


def _months(found: Sequence[Published]) -> OpenTable:
    amounts = {
        "issued": ("Units issued.", "units"),
        "redeemed": ("Units that businesses redeemed.", "units"),
        "expired": ("Units that went back into the budget.", "units"),
        "outstanding": ("Units in circulation at the end.", "units"),
        "paid": ("All payments between two holders, refunds taken off.", "multiplier"),
    }
    way = {
        "carried_by_residents": "Held by residents as the month began.",
        "carried_by_businesses": "Held by businesses as the month began.",
        "spent_by_residents": "What residents paid to businesses.",
        "between_businesses": "What businesses paid to each other.",
        "paid_to_residents": "What businesses paid to residents.",
        "kept_by_residents": "Held by residents as the month ended.",
        "kept_by_businesses": "Held by businesses as the month ended.",
    }
    ratios = {
        "multiplier": "Payments for each unit issued.",
        "recirculation": "What businesses spent of what they received.",
        "velocity": "Times a unit would change hands in a year.",
    }
    return OpenTable(
        "months",
        _("Each month's figures"),
        (
            _MONTH,
            *(Field(key, "number", f"{says} {_MONEY}", page) for key, (says, page) in amounts.items()),
            *(Field(key, "number", f"{says} {_MONEY}", "units") for key, says in way.items()),
            *(Field(key, "number", says, key) for key, says in ratios.items()),
            Field("active_shops", "integer", "Businesses that received anything, rounded to 5.", "active_shops"),
            Field("days_to_first_spend", "number", "Median days from aid to first purchase.", "days_to_first_spend"),
            Field("purses", "integer", "Households that received aid, rounded to 5.", "days_to_first_spend"),
        ),
        ("month",),
        tuple(
            (
                str(one.month),
                *(
                    _units(minor, one)
                    for minor in (
                        one.report.issued_minor, one.report.redeemed_minor, one.report.expired_minor,
                        one.report.outstanding_minor, one.report.spent_minor,
                    )
                ),
                *(_units(getattr(one.flow, key), one) for key in way),
                *(_ratio(getattr(one.report, key)) for key in ratios),
                one.report.active_shops,
                _ratio(one.report.days_to_first_spend),
                one.report.purses,
            )
            for one in found
        ),
    )  # fmt: skip


def _sources(found: Sequence[Published], funds: Mapping[UUID, str]) -> OpenTable:
    return OpenTable(
        "sources",
        _("What came into circulation, by reason and fund"),
        (
            _MONTH,
            Field("reason", "string", "disburse, reward, bonus, topup or cover; several: those that are shown together."),
            Field("fund", "string", "Code of the fund; empty: free money, or several."),
            Field("amount", "number", _MONEY, "units"),
        ),
        ("month", "reason", "fund"),
        tuple(
            (
                str(one.month), source.code or "several", funds.get(source.fund, "") if source.fund else "",
                _units(source.minor, one),
            )
            for one in found
            for source in one.flow.sources
        ),
    )  # fmt: skip


def _receipts(name: str, title: str, column: str, found: Sequence[Published], indicator: str) -> OpenTable:
    def of(report: PublicReport) -> PublicTable:
        return report.by_zone if column == "zone" else report.by_sse

    return OpenTable(
        name,
        title,
        (
            _MONTH,
            Field(
                column, "string", "Code as the town's register has it; elsewhere: outside the town's neighbourhoods."
            ),
            Field("label", "string", "Its name: a neighbourhood's as the town writes it, the others in English."),
            Field("received", "number", f"What its businesses received. {_MONEY}", indicator),
            Field("shops", "integer", "Businesses, rounded to 5."),
        ),
        ("month", column),
        tuple(
            (str(one.month), cell.code or "elsewhere", cell.label, _units(cell.amount_minor, one), cell.shops)
            for one in found
            for cell in of(one.report).cells
        ),
    )


def _waits(found: Sequence[Published]) -> OpenTable:
    return OpenTable(
        "days_to_first_spend",
        _("Households by the days until they first spent their aid"),
        (
            _MONTH,
            Field("days", "string", "Days, first-last; 14+: or more; none: not in the month."),
            Field("households", "integer", "Rounded to 5.", "days_to_first_spend"),
        ),
        ("month", "days"),
        tuple((str(one.month), _days(wait), wait.purses) for one in found for wait in one.report.waits),
    )


def _network(found: Sequence[Published]) -> OpenTable:
    told = [(one, one.network) for one in found if one.network is not None]
    lengths = range(2, LONGEST_CIRCLE + 1)
    circles = [{circle.length: circle.found for circle in network.circles} for _, network in told]
    return OpenTable(
        "trade",
        _("How money goes round among businesses; a month without a row is hidden"),
        (
            _MONTH,
            Field("businesses", "integer", f"Businesses that trade, rounded to 5. {_NETWORK}"),
            Field("pairs", "integer", f"Pairs of customer and supplier, rounded to 5. {_NETWORK}"),
            Field("in_circles", "number", f"Part of what businesses paid each other that can come back. {_NETWORK}"),
            *(
                Field(f"circles_of_{length}", "integer", f"Circles of {length} businesses, rounded to 5. {_NETWORK}")
                for length in lengths
            ),
            Field("keepers", "integer", f"Businesses that pay on at least half of what leaves them. {_NETWORK}"),
        ),
        ("month",),
        tuple(
            (
                str(one.month), network.businesses, network.links, _ratio(network.in_circles),
                *(by_length.get(length) for length in lengths), network.keepers,
            )
            for (one, network), by_length in zip(told, circles, strict=True)
        ),
    )  # fmt: skip


def _stops(found: Sequence[Published]) -> OpenTable:
    return OpenTable(
        "redeemed_by_sector",
        _("In which sectors units were redeemed"),
        (
            _MONTH,
            Field("sector", "string", "Code of the sector; empty: not known."),
            Field("share", "number", f"Part of all that was redeemed, to the nearest 0.05. {_NETWORK}"),
        ),
        ("month", "sector"),
        tuple(
            (str(one.month), stop.sector, _ratio(stop.share))
            for one in found
            if one.network is not None
            for stop in one.network.stops
        ),
    )


def _indicators(found: Sequence[Published]) -> OpenTable:
    """Every public figure, one a row: what the public page shows, as finely and no finer."""
    return OpenTable(
        "indicators",
        _("Every indicator of each month"),
        (
            _MONTH,
            Field("indicator", "string", "Key of the indicator; docs/indicators/index.md lists them."),
            Field("part", "string", "Empty: the whole; else a zone, activity, stream or number of payments."),
            Field("label", "string", "What the figure is called, in English."),
            Field("unit", "string", "ratio, share (0 to 1), index, per-year, days, count, money (units), kilograms, ..."),
            Field("value", "number", "Ratios and shares in thousandths, money in hundredths, counts to 5. Empty where it is hidden or undefined, never zero."),
            Field("low", "number", "The lower of both conventions of following units, where they differ."),
            Field("high", "number", "The higher of both."),
            Field("state", "string", "told, hidden or undefined."),
            Field("page", "string", "Where it is defined."),
        ),
        ("month", "indicator", "part"),
        tuple(
            (
                str(one.month), figure.indicator, figure.part, _label(figure), figure.unit.value,
                decimal(shown.value), None if shown.hidden else decimal(figure.low), None if shown.hidden else decimal(figure.high),
                shown.state, f"docs/{BY_KEY[figure.indicator].page}",
            )
            for one in found
            for shown, figure in ((each, each.figure) for each in one.shown)
        ),
    )  # fmt: skip


def _label(figure: Figure) -> str:
    """In English, as the other columns are."""
    return ": ".join(filter(None, (figure.name, figure.label))) or BY_KEY[figure.indicator].title


def decimal(value: Fraction | None) -> Decimal | None:
    """To six places: enough to compute it again and compare."""
    if value is None:
        return None
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal("0.000001")).normalize() + 0


def _days(wait: PublicWait) -> str:
    if wait.first is None:
        return "none"
    return f"{wait.first}+" if wait.last is None else f"{wait.first}-{wait.last}"


def _units(minor: int | None, one: Published) -> Decimal | None:
    return None if minor is None else to_decimal(minor, one.report.exponent)


def _ratio(ratio: Fraction | None) -> Decimal | None:
    return None if ratio is None else (Decimal(ratio.numerator) / Decimal(ratio.denominator)).quantize(Decimal("0.001"))


def _text(value: Value) -> str:
    """A cell; what a spreadsheet would take for a formula is made text: names of funds and neighbourhoods are a town's own.

    >>> _text("=A1"), _text("@sum"), _text("les Roquetes"), _text(Decimal("-1.5")), _text(None)
    ("'=A1", "'@sum", 'les Roquetes', '-1.5', '')
    """
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return "" if value is None else str(value)

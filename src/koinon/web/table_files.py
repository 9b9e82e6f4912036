"""A table as a file: CSV, XLSX or JSON, with every row its filters let through.

Amounts leave as decimal numbers in whole units with the unit in the heading,
days and instants in ISO 8601, instants in the town's time. Text that a
spreadsheet would take for a formula is disarmed. Files are made in memory and
kept nowhere; that one was taken, by whom, of what and how many rows, is recorded.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import xlsxwriter
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.encoding import force_str
from django.utils.translation import gettext as _

from koinon.audit import operations as audit
from koinon.kernel.money import to_decimal
from koinon.parties.connection import raw
from koinon.parties.models import Town
from koinon.web.access import seat_of
from koinon.web.tables import Column, Kind

if TYPE_CHECKING:
    from koinon.web.listing import Listing

TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}
# What Excel, LibreOffice and Google Sheets read as the beginning of a formula.
ARMED = ("=", "+", "-", "@", "\t", "\r")


def answer(listing: Listing) -> HttpResponse:
    """The file, or a page that says why there is none."""
    from koinon.web.listing import EXPORTED

    kind, request = listing.export_asked, listing.request
    rows = listing.every_row()
    if len(rows) > EXPORTED:
        return _too_many(request, EXPORTED)
    columns = [column for column in listing.columns if not column.template]
    town = seat_of(request).town
    heads = [_head(column, town) for column in columns]
    called = listing._called(rows)
    values = [[_exact(column, listing._value(column, row, called), town) for column in columns] for row in rows]
    seat = seat_of(request)
    audit.record(
        raw(),
        town_id=seat.town_id,
        actor=seat.user.actor,
        action="office.table-exported",
        subject=f"table:{listing.table.name}",
        after={"format": kind, "rows": len(rows), "columns": [column.name for column in columns]},
        at=timezone.now(),
    )
    content = {"csv": _csv, "xlsx": _xlsx, "json": _json}[kind](columns, heads, values)
    response = HttpResponse(content, content_type=TYPES[kind])
    response["Content-Disposition"] = f'attachment; filename="{town.slug}-{listing.table.name}.{kind}"'
    response["Cache-Control"] = "no-store"
    return response


def _too_many(request: HttpRequest, most: int) -> HttpResponse:
    reasons = [_("A file holds at most %(count)s rows. Filter the table first.") % {"count": most}]
    context = {"title": _("That could not be done"), "text": _("Nothing was changed."), "reasons": reasons}
    return render(request, "koinon/errors/error.html", context, status=422)


def _head(column: Column, town: Town) -> str:
    title = force_str(column.title)
    if column.kind is Kind.MONEY:
        return f"{title} ({town.national_currency if column.national else town.unit_code})"
    return title


def _exact(column: Column, value: Any, town: Town) -> Any:
    """A value as programs read it: a number, a day, an instant, a flag, or text."""
    if value is None:
        return None
    if column.kind is Kind.MONEY:
        return to_decimal(int(value), town.exponent)
    if column.words is not None:
        return force_str(column.words.get(str(value), value))
    if isinstance(value, datetime):
        return value.astimezone(ZoneInfo(town.time_zone))
    if isinstance(value, bool | int | Decimal | date):
        return value
    if isinstance(value, UUID):
        return str(value)
    return force_str(value)


def _csv(columns: Sequence[Column], heads: Sequence[str], values: Sequence[Sequence[Any]]) -> bytes:
    """With a byte order mark, so that Excel reads Greek and Arabic as what they are."""
    sink = StringIO()
    writer = csv.writer(sink, lineterminator="\r\n")
    writer.writerow(heads)
    for row in values:
        writer.writerow([_written(value) for value in row])
    return sink.getvalue().encode("utf-8-sig")


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | Decimal):
        return str(value)
    text = str(value)
    return f"'{text}" if text.startswith(ARMED) else text


def _xlsx(columns: Sequence[Column], heads: Sequence[str], values: Sequence[Sequence[Any]]) -> bytes:
    sink = BytesIO()
    with xlsxwriter.Workbook(sink, {"in_memory": True, "constant_memory": False}) as book:
        sheet = book.add_worksheet()
        bold = book.add_format({"bold": True})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        instant = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        for number, head in enumerate(heads):
            sheet.write_string(0, number, head, bold)
        for line, row in enumerate(values, start=1):
            for number, value in enumerate(row):
                if value is None:
                    continue
                if isinstance(value, bool):
                    sheet.write_boolean(line, number, value)
                elif isinstance(value, datetime):
                    sheet.write_datetime(line, number, value.replace(tzinfo=None), instant)
                elif isinstance(value, date):
                    sheet.write_datetime(line, number, value, day)
                elif isinstance(value, int | Decimal) and -(10**15) < value < 10**15:
                    sheet.write_number(line, number, value, _places(book, value))
                else:
                    sheet.write_string(line, number, str(value))
        sheet.freeze_panes(1, 0)
        if values:
            sheet.autofilter(0, 0, len(values), len(heads) - 1)
        sheet.set_column(0, max(0, len(heads) - 1), 18)
    return sink.getvalue()


def _places(book: Any, value: int | Decimal) -> Any:
    """The format that shows as many decimals as the number has; one for each is kept with the book."""
    exponent = value.as_tuple().exponent if isinstance(value, Decimal) else 0
    places = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    kept: dict[int, Any] = book.__dict__.setdefault("_koinon_places", {})
    if places not in kept:
        kept[places] = book.add_format({"num_format": "#,##0" + ("." + "0" * places if places else "")})
    return kept[places]


def _json(columns: Sequence[Column], heads: Sequence[str], values: Sequence[Sequence[Any]]) -> bytes:
    document = {
        "columns": [
            {"name": column.name, "title": head, "kind": column.kind.value}
            for column, head in zip(columns, heads, strict=True)
        ],
        "rows": [{column.name: _in_json(value) for column, value in zip(columns, row, strict=True)} for row in values],
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _in_json(value: Any) -> Any:
    """Amounts as text, so that no reader makes a float of them."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value

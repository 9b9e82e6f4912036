"""What the site hands out as PDF, in the reader's words: statements and the year."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from koinon.accounting import journal
from koinon.accounting.types import Statement
from koinon.accounting.year import Year
from koinon.documents.rendering import render
from koinon.kernel.money import Amount
from koinon.parties.models import Town
from koinon.web import formats, words

# Sums of a statement that are taken off; the others are added.
TAKEN_OFF = frozenset({"refunded", "spent", "redeemed", "fees", "fees_returned", "topups_returned", "other_out"})


def money(minor: int, town: Town, *, currency: str = "", signed: bool = False) -> str:
    """An amount of the town's unit, or of ``currency``, in the reader's language."""
    return formats.amount(
        Amount(minor, currency or town.unit_code),
        exponent=town.exponent,
        country=town.country,
        symbol="" if currency else town.unit_symbol,
        signed=signed,
    )


def shop_statement(found: Statement, *, town: Town, shop: str, wording: str) -> bytes:
    """A shop's statement over some days."""
    rows = [["", _("Brought forward"), "", "", money(found.opening_minor, town)]]
    rows += [
        [
            formats.instant(line.at, town.time_zone), str(words.STATEMENT_LINES[line.what]), line.reference,
            money(line.signed_minor, town, signed=True), money(line.balance_minor, town),
        ]
        for line in found.lines
    ]  # fmt: skip
    return render(
        "statement",
        {
            "title": _("Statement of your till"),
            "town": {"name": town.name},
            "to": [shop],
            "facts": [
                [_("Period"), days(found.first_day, found.last_day)],
                [_("Sales"), formats.number(found.sales, country=town.country)],
            ],
            "columns": [
                {"title": _("When")},
                {"title": _("What"), "wide": True},
                {"title": _("Reference")},
                {"title": _("Amount"), "amount": True},
                {"title": _("In the till"), "amount": True},
            ],
            "rows": rows,
            "totals": [
                *(
                    [str(words.STATEMENT_LINES[what]), money(-minor if what in TAKEN_OFF else minor, town, signed=True)]
                    for what, minor in found.sums.items()
                    if minor
                ),
                [_("Carried forward"), money(found.closing_minor, town)],
            ],
            "notes": wording.splitlines(),
        },
        language(),
    )


def year(found: Year, *, town: Town) -> bytes:
    """The year on paper."""
    return render(
        "statement",
        {
            "title": _("The year %(year)s of the %(unit)s") % {"year": found.year, "unit": town.unit_name},
            "town": {"name": town.name},
            "facts": [
                [_("Period"), days(found.first_day, found.last_day)],
                [_("Payments"), formats.number(found.took_part.payments, country=town.country)],
                [
                    _("Enterprises that were paid"),
                    formats.number(found.took_part.paid_enterprises, country=town.country),
                ],
            ],
            "columns": [{"title": _("Figure"), "wide": True}, {"title": _("Amount"), "amount": True}],
            "rows": [
                [title, money(minor, town, currency=currency)] for title, minor, currency in year_lines(found, town)
            ],
            "notes": [_("Every figure is net of what was taken back in the year. Computed from the books alone.")],
        },
        language(),
    )


def year_lines(found: Year, town: Town) -> list[tuple[str, int, str]]:
    """Title, minor units and currency (empty: the town's unit) of each figure of a year, in the order in which they add up."""
    euros = town.national_currency
    before, after = found.outstanding
    held_before, held_after = found.reserve
    return [
        (_("In circulation as the year began"), before, ""),
        *((str(words.YEAR_FIGURES[what]), found.moved[what], "") for what in ("issued", "redeemed", "expired")),
        (_("In circulation as it ended"), after, ""),
        *(
            (str(words.YEAR_FIGURES[what]), found.moved[what], "")
            for what in ("disbursed", "rewarded", "bonus", "topped_up", "covered", "paid", "refunded", "fees")
        ),
        (_("In the bank behind the units as the year began"), held_before, euros),
        *((str(words.YEAR_FIGURES[what]), found.moved[what], euros) for what in ("received", "withdrawn", "paid_out")),
        (_("In the bank behind the units as it ended"), held_after, euros),
    ]


def receipt_number(payment: UUID) -> str:
    """The number that stands on a receipt; all that was paid of one sale has the same."""
    return str(payment).replace("-", "")[-8:].upper()


def days(first: date, last: date) -> str:
    """A period of days."""
    if first == last:
        return formats.day(first)
    return _("%(first)s to %(last)s") % {"first": formats.day(first), "last": formats.day(last)}


def language() -> str:
    return (get_language() or "en").lower()


def pdf(content: bytes, name: str) -> HttpResponse:
    """A PDF to keep; a browser may show it."""
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    response["Cache-Control"] = "no-store"
    return response


def csv(header: Sequence[str], rows: Any, name: str) -> HttpResponse:
    """A CSV file to keep."""
    response = HttpResponse("".join(journal.as_csv(header, rows)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response

"""The design system as a page: everything it consists of, shown by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from koinon.kernel.money import Amount
from koinon.web import design as system
from koinon.web import formats
from koinon.web.access import everyone


@dataclass(frozen=True, slots=True)
class Way:
    """The same piece of a page in one direction of writing."""

    lang: str
    dir: str
    town: str
    amount: str
    until: str
    done: str


# A language, a country whose towns write in it, its unit and decimals.
WAYS = (("el", "GR", "EUR", 2), ("ar", "JO", "JOD", 3))


def _way(language: str, country: str, unit: str, exponent: int, today: date) -> Way:
    with translation.override(language):
        return Way(
            lang=language,
            dir="rtl" if translation.get_language_bidi() else "ltr",
            town=_("You have"),
            amount=formats.amount(Amount(1234 * 10**exponent + 5, unit), exponent=exponent, country=country),
            until=f"{_('until')} {formats.day(today, country=country)}",
            done=_("Paid"),
        )


@everyone
@require_GET
def design(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    shown = {
        "colours": system.colours(),
        "today": now,
        "themes": ("light", "dark"),
        "ways": [_way(*way, now.date()) for way in WAYS],
    }
    return render(request, "koinon/design.html", shown)

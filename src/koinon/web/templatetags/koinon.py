"""Amounts, numbers and days in templates, in the reader's language and the town's country and time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.template.context import RequestContext
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import get_language

from koinon.kernel.money import Amount
from koinon.kernel.periods import Month
from koinon.parties.models import Town
from koinon.web import formats, spending, words

register = template.Library()


def _country(context: RequestContext | Mapping[str, Any]) -> str:
    town = context.get("town")
    return town.country if town else ""


def _zone(context: RequestContext | Mapping[str, Any]) -> str:
    town = context.get("town")
    return town.time_zone if town else "UTC"


@register.simple_tag(takes_context=True)
def money(context: RequestContext, value: Amount | int | None, sign: str = "", currency: str = "") -> SafeString:
    """An amount of the town's unit (or of ``currency``), isolated from the direction of the text around it.

    ``{% money sum %}``, ``{% money change "signed" %}``, ``{% money owed currency="EUR" %}``
    """
    if value is None:
        return SafeString("–")
    town: Town | None = context.get("town")
    unit = currency or (town.unit_code if town else "EUR")
    shown = value if isinstance(value, Amount) else Amount(int(value), unit)
    exponent = town.exponent if town else 2
    own = town is not None and shown.unit == town.unit_code
    text = formats.amount(
        shown,
        exponent=exponent,
        country=_country(context),
        symbol=town.unit_symbol if town is not None and own else "",
        signed=sign == "signed",
    )
    return format_html('<bdi class="money">{}</bdi>', text)


@register.simple_tag(takes_context=True)
def whole(context: RequestContext, minor: int) -> SafeString:
    """An amount that was rounded to whole units, without its unit, for a column that names it."""
    town: Town | None = context.get("town")
    return figure(context, Fraction(minor, 10 ** (town.exponent if town else 2)))


@register.simple_tag(takes_context=True)
def whole_text(context: RequestContext, minor: int) -> str:
    """The same without markup, where a drawing has no room for any."""
    return formats.number(Fraction(minor, 10 ** context["town"].exponent), country=_country(context))


@register.simple_tag(takes_context=True)
def figure(context: RequestContext, value: int | Fraction | None, digits: int = 0) -> SafeString:
    """A plain number; a dash where it is undefined."""
    if value is None:
        return SafeString("–")
    return format_html('<bdi class="number">{}</bdi>', formats.number(value, digits=digits, country=_country(context)))


@register.simple_tag(takes_context=True)
def share(context: RequestContext, value: Fraction | None, digits: int = 1) -> SafeString:
    """A share of one as a percentage; a dash where it is undefined."""
    if value is None:
        return SafeString("–")
    return format_html('<bdi class="number">{}</bdi>', formats.percent(value, digits=digits, country=_country(context)))


@register.simple_tag(takes_context=True)
def day(context: RequestContext, value: date | datetime | None, style: str = "long") -> SafeString:
    """A day in the town's time: long, medium, or "short" without its year."""
    if value is None:
        return SafeString("–")
    zone = _zone(context)
    text = formats.short_day(value, zone) if style == "short" else formats.day(value, zone, style=style)
    return format_html('<time datetime="{}"><bdi>{}</bdi></time>', value.isoformat(), text)


@register.simple_tag(takes_context=True)
def instant(context: RequestContext, value: datetime | None) -> SafeString:
    """A day and time in the town's time."""
    if value is None:
        return SafeString("–")
    text = formats.instant(value, _zone(context))
    return format_html('<time datetime="{}"><bdi>{}</bdi></time>', value.isoformat(), text)


@register.simple_tag(takes_context=True)
def clock(context: RequestContext, value: datetime) -> SafeString:
    """The hour and minute in the town's time."""
    text = formats.clock(value, _zone(context))
    return format_html('<time datetime="{}"><bdi>{}</bdi></time>', value.isoformat(), text)


@register.filter
def month(value: Month | str) -> str:
    """A month and its year, as a heading writes it."""
    found = value if isinstance(value, Month) else Month.parse(str(value))
    return str(capfirst(formats.month(found)))


@register.simple_tag
def state(code: str, kind: str = "cycle") -> SafeString:
    """A state as a word with a colour beside it."""
    return format_html(
        '<span class="tag {}">{}</span>', words.TONES.get(str(code), ""), words.STATES[kind].get(str(code), code)
    )


@register.filter
def some_hidden(rows: Iterable[Any]) -> bool:
    """Whether disclosure control left a row of a published table without its figure."""
    return any(row.amount_minor is None for row in rows)


@register.filter
def short(value: Any) -> str:
    """The end of an opaque id, to tell two lines apart."""
    return str(value).replace("-", "")[-6:]


@register.filter
def hexed(value: bytes) -> str:
    """Bytes as people compare them."""
    return bytes(value).hex()


@register.filter
def as_money(minor: int, town: Town) -> SafeString:
    """An amount of the town's unit inside a translated sentence."""
    text = formats.amount(
        Amount(int(minor), town.unit_code), exponent=town.exponent, country=town.country, symbol=town.unit_symbol
    )
    return format_html('<bdi class="money">{}</bdi>', text)


@register.filter
def income_band(code: str, town: Town) -> str:
    """An income band as the town calls it."""
    return words.income_band(town, code)


@register.filter
def cash(town: Town | None) -> str:
    """The national money of a town by its name, as in "paid out in euros"."""
    return formats.currency(town.national_currency) if town is not None else ""


@register.filter
def as_percent(value: Fraction, town: Town) -> str:
    """A share inside a translated sentence."""
    whole = (value * 100).denominator == 1
    return formats.percent(value, digits=0 if whole else 1, country=town.country)


@register.filter
def local_day(value: datetime, town: Town) -> str:
    """The town's day of an instant, as an address holds it."""
    return value.astimezone(ZoneInfo(town.time_zone)).date().isoformat()


@register.simple_tag
def payout_state(code: str) -> str:
    """How far a shop's request for euros has come."""
    return str(words.PAYOUT_STATES.get(str(code), code))


@register.simple_tag
def message_kind(code: str) -> str:
    """What somebody was told, in a few words."""
    return str(words.MESSAGE_KINDS.get(code, code))


@register.filter
def uncapped(text: str) -> str:
    """A month inside a sentence, where Spanish and its sisters write it small."""
    return text[:1].lower() + text[1:] if (get_language() or "en")[:2] in {"es", "pt", "fr"} else text


@register.filter
def sector_name(code: str) -> str:
    """A town's grouping of sectors, in words."""
    return words.sector(code) if code else "–"


class Counted(int):
    """A whole number that a sentence writes as the language does, and whose grammar it still decides."""

    def __str__(self) -> str:
        return formats.number(int(self))


@register.filter
def counted(value: int) -> Counted:
    """How many, inside a translated sentence: "1.527 filas"."""
    return Counted(value)


@register.filter
def legal_form(code: str) -> str:
    """An enterprise's legal form in words."""
    return str(spending.FORMS.get(code, code)) or "–"


@register.filter
def short_subject(subject: str) -> str:
    """``cycle:01a2…af10``: what an act was done to, short enough for a table."""
    kind, colon, number = subject.partition(":")
    return f"{kind}:…{number[-12:]}" if colon and len(number) > 16 else subject

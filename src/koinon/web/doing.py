"""Co-production in a person's words: quantities as they are said, streams, states, and why a reward is what it is."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from babel.dates import format_timedelta
from babel.units import format_unit
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from koinon.coproduction.streams import stream_name
from koinon.coproduction.types import STREAMS, Cap, Contribution, Measure, Period, Rate
from koinon.kernel.decisions import Ground
from koinon.kernel.money import Amount
from koinon.parties.models import Town
from koinon.parties.rules import ascii_digits
from koinon.web import formats
from koinon.web.forms import typed_amount

MEASURES: dict[str, Any] = {
    "hour": gettext_lazy("Hours"),
    "kilogram": gettext_lazy("Kilograms"),
    "session": gettext_lazy("Sessions"),
}
STATES: dict[str, Any] = {
    "registered": gettext_lazy("Waiting for a coordinator"),
    "confirmed": gettext_lazy("Waiting for a second coordinator"),
    "verified": pgettext_lazy("contribution", "Verified"),
    "rejected": pgettext_lazy("contribution", "Not accepted"),
    "undone": pgettext_lazy("contribution", "Undone"),
}
TONES = {"registered": "soon", "confirmed": "soon", "verified": "done", "rejected": "plain", "undone": "plain"}
PERIODS: dict[str, Any] = {
    Period.DAY: gettext_lazy("a day"),
    Period.MONTH: gettext_lazy("a month"),
    Period.ACTIVITY: gettext_lazy("in all"),
}


def quantity(steps: int, measure: str, town: Town) -> str:
    """How much it was: "1 hr 30 min", "12.5 kg", "3 sessions".

    >>> from django.utils.translation import override
    >>> with override("en"): quantity(90, "hour", Town(country="PT")), quantity(12_500, "kilogram", Town(country="PT"))
    ('1 hr 30 mins', '12.5 kg')
    """
    locale = formats.current_locale(town.country)
    if measure == Measure.HOUR:
        return minutes(steps, town)
    if measure == Measure.KILOGRAM:
        return format_unit(Decimal(steps) / 1000, "mass-kilogram", length="short", locale=locale)
    return ngettext("%(count)s session", "%(count)s sessions", steps) % {
        "count": formats.number(steps, country=town.country)
    }


def minutes(count: int, town: Town, *, signed: bool = False) -> str:
    """A time in hours and minutes, as the reader's language writes them."""
    locale = formats.current_locale(town.country)
    hours, rest = divmod(abs(count), 60)
    parts = []
    if hours:
        parts.append(format_unit(hours, "duration-hour", length="short", locale=locale))
    if rest or not hours:
        parts.append(format_unit(rest, "duration-minute", length="short", locale=locale))
    text = " ".join(parts)
    sign = "\N{MINUS SIGN}" if count < 0 else "+" if signed and count else ""
    return f"{sign}{text}"


def rate(found: Rate, measure: str, town: Town) -> str:
    """What is paid for how much: "2.00 for 1 kg"."""
    return _("%(amount)s for %(quantity)s") % {
        "amount": money(found.pays_minor, town),
        "quantity": quantity(found.per_quantity, measure, town),
    }


def cap(found: Cap, measure: str, town: Town) -> str:
    """The most somebody is rewarded for: "10 kg in all"."""
    limits = []
    if found.most_quantity is not None:
        limits.append(quantity(found.most_quantity, measure, town))
    if found.most_minor is not None:
        limits.append(money(found.most_minor, town))
    said = _("%(limit)s %(period)s") % {"limit": " · ".join(limits) or _("no limit"), "period": PERIODS[found.period]}
    return f"{stream_name(found.stream)}: {said}" if found.stream else said


def ground(found: Ground, measure: str, town: Town) -> str:
    """Why less was rewarded than was brought."""
    fields = found.fields
    if found.code.startswith("reward.cap-"):
        limit = (
            quantity(fields["most_quantity"], measure, town)
            if "most_quantity" in fields
            else money(fields["most_minor"], town)
        )
        period = PERIODS[found.code.removeprefix("reward.cap-")]
        return _("One person is rewarded for %(limit)s %(period)s at the most.") % {"limit": limit, "period": period}
    if found.code == "reward.budget-over":
        return _("The budget of this activity is used up.")
    if found.code == "reward.less-than-smallest":
        return _("It is worth less than the smallest unit.")
    if found.code == "reward.no-rate":
        return _("Nothing was promised for this on that day.")
    return found.code


def earned(found: Contribution, town: Town) -> str:
    """What a verified contribution earned, in its own coin; empty where it earns nothing but the record."""
    if found.reward_minor:
        return money(found.reward_minor, town)
    if found.reward_minutes:
        return minutes(found.reward_minutes, town)
    return ""


def money(minor: int, town: Town) -> str:
    return formats.amount(
        Amount(minor, town.unit_code), exponent=town.exponent, country=town.country, symbol=town.unit_symbol
    )


_CLOCK = re.compile(r"(?P<hours>[0-9]{1,2})\s*(?::|h)\s*(?P<minutes>[0-5][0-9])?\s*(?:m|min)?", re.IGNORECASE)


def typed_quantity(text: str, measure: str) -> int:
    """Whole steps of a measure as people type it; ``ValueError`` for anything else.

    >>> typed_quantity("1:30", "hour"), typed_quantity("1,5", "hour"), typed_quantity("2h", "hour")
    (90, 90, 120)
    >>> typed_quantity("12,345", "kilogram"), typed_quantity("٧", "kilogram"), typed_quantity("3", "session")
    (12345, 7000, 3)
    """
    bare = ascii_digits(text).strip()
    if measure == Measure.SESSION:
        return int(bare)
    if measure == Measure.KILOGRAM:
        return typed_amount(bare, 3)
    clock = _CLOCK.fullmatch(bare)
    if clock:
        return int(clock["hours"]) * 60 + int(clock["minutes"] or 0)
    return round(Fraction(typed_amount(bare, 2) * 60, 100))


def plain_quantity(steps: int, measure: str) -> str:
    """A quantity as a field takes it back: "1:30", "12.5", "3"."""
    if measure == Measure.HOUR:
        return f"{steps // 60}:{steps % 60:02d}"
    if measure == Measure.KILOGRAM:
        return format(Decimal(steps) / 1000, "f").rstrip("0").rstrip(".") if steps % 1000 else str(steps // 1000)
    return str(steps)


class QuantityField(forms.CharField):
    """A quantity of a measure; its clean value is whole steps above zero."""

    def __init__(self, *, measure: str, **kwargs: Any) -> None:
        self.measure = measure
        super().__init__(max_length=16, **kwargs)
        keys = "numeric" if measure == Measure.SESSION else "text" if measure == Measure.HOUR else "decimal"
        self.widget.attrs |= {"inputmode": keys, "autocomplete": "off", "dir": "ltr"}

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            steps = typed_quantity(str(text), self.measure)
        except ValueError as unreadable:
            raise ValidationError(HOW_TO_WRITE[self.measure]) from unreadable
        if steps <= 0:
            raise ValidationError(_("It must be more than nothing."))
        return steps


HOW_TO_WRITE: dict[str, Any] = {
    "hour": gettext_lazy("Write hours and minutes, such as 1:30."),
    "kilogram": gettext_lazy("Write kilograms with figures, such as 2,5."),
    "session": gettext_lazy("Write a whole number."),
}
EXAMPLES: dict[str, Any] = {
    "hour": gettext_lazy("Hours and minutes, such as 1:30"),
    "kilogram": gettext_lazy("In kilograms, such as 2,5"),
    "session": gettext_lazy("How many times"),
}


def stream_choices(codes: tuple[str, ...] | list[str]) -> list[tuple[str, str]]:
    """Streams to choose from, in the order of the list."""
    order = {code: place for place, code in enumerate(STREAMS)}
    return [(code, stream_name(code)) for code in sorted(codes, key=lambda code: order.get(code, 99))]


def lasts(length: timedelta, town: Town) -> str:
    """How long an occasion is open."""
    return format_timedelta(length, locale=formats.current_locale(town.country))

"""A town's month as the public page shows it: computed once, kept for a minute."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from django.core.cache import caches
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from koinon.documents import formats
from koinon.impact import aims
from koinon.impact import published as publishing
from koinon.impact.figures import Period
from koinon.impact.publication import PublicTable, PublicWait
from koinon.impact.published import MonthPublished
from koinon.impact.reports import compose, trade
from koinon.impact.reports.compose import About, Money
from koinon.impact.reports.types import Audience, Sheet
from koinon.impact.town.months import last_over
from koinon.kernel.periods import Month
from koinon.parties.models import Town
from koinon.programmes.models import Cycle, CycleState

KEPT_SECONDS = 60
OLD_KEPT_SECONDS = 3600  # Closed months change only by what reaches the books months too late.
MONTHS_OF_SERIES = 12
FULL = 1000  # Width of a whole bar, in the units of its drawing.


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a table and the bar beside it. ``width`` is of ``FULL``; None where the figure is hidden.

    ``code`` is of whom it tells, and ``number`` is what stands for it on the map.
    """

    label: str
    amount_minor: int | None
    share: Fraction | None
    count: int | None
    width: int | None
    of_no_zone: bool = False
    code: str = ""
    number: str = ""


def is_demo(town: Town) -> bool:
    """Whether the town's people are generated: the demonstration says so when it has lived there."""
    return town.demonstrated_until is not None


def last_month_over(town: Town, now: datetime) -> Month:
    """The newest month that is over, by the clock or by the demonstration's calendar where that is ahead."""
    return last_over(now, ZoneInfo(town.time_zone), town.demonstrated_until)


def months(town: Town, now: datetime) -> list[Month]:
    """Months in which aid was paid and which are over, newest first. A running one is never published."""
    found = Cycle.objects.filter(programme__town=town, state__in=[CycleState.DISBURSING, CycleState.DISBURSED])
    paid = {Month.parse(month) for month in found.values_list("month", flat=True)}
    over = last_month_over(town, now)
    return sorted((month for month in paid if month <= over), reverse=True)


def published(conn: psycopg.Connection[Any], town: Town, month: Month) -> MonthPublished:
    """What may be published of a month that is over. Kept for a minute; what several ask for at once is computed once."""
    key = f"published:{town.pk}:{month}"
    kept: MonthPublished | None = caches["figures"].get(key)
    if kept is None:
        with _computing[key]:
            kept = caches["figures"].get(key)
            if kept is None:
                kept = publishing.month(conn, town_id=town.pk, month=month)
                newest = month == last_month_over(town, datetime.now(UTC))
                caches["figures"].set(key, kept, KEPT_SECONDS if newest else OLD_KEPT_SECONDS)
    return kept


_computing: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


def sheets(
    conn: psycopg.Connection[Any], town: Town, found: MonthPublished, keys: Sequence[str]
) -> tuple[tuple[str, Sheet], ...]:
    """Indicators of a published month as tables beside the town's targets, in the reader's language."""
    about = About(
        town=town.name,
        slug=town.slug,
        country=town.country,
        money=Money(town.unit_code, town.exponent, town.unit_symbol, town.national_currency),
        audience=Audience.COUNCIL,
        period=Period.of(found.month, found.month, ZoneInfo(town.time_zone)),
        language=get_language() or "en",
        flows=(),
        funds={},
        head=None,
        made_on=found.month.last_day,
    )
    return compose.sheets(about, found.shown, aims.targets(conn, town.pk), keys)


def trade_sheets(town: Town, found: MonthPublished) -> tuple[Sheet, ...]:
    """How money went round among businesses in a published month, in the reader's language; empty where it is hidden."""
    if found.network is None:
        return ()
    with formats.in_country(town.country):
        return trade.sheets(found.network, "")


def series(conn: psycopg.Connection[Any], town: Town, found: list[Month]) -> list[MonthPublished]:
    """Up to a year of months, oldest first: how it went."""
    return [published(conn, town, month) for month in sorted(found)[-MONTHS_OF_SERIES:]]


def last_day(found: list[Month]) -> date:
    """The day up to which these months reach."""
    return max(found).last_day


def bars(table: PublicTable, names: dict[str, str] | None = None) -> list[Bar]:
    """The rows of a published table, largest first; hidden ones and those without a place last.

    A bar's full width is the whole: a share of 20 % fills a fifth of it.
    """
    rows = [
        Bar(
            label=(names or {}).get(cell.code or "", cell.label),
            amount_minor=cell.amount_minor,
            share=cell.share,
            count=cell.shops,
            width=None if cell.amount_minor is None else round(FULL * (cell.share or 0)),
            of_no_zone=cell.code is None,
            code=cell.code or "",
        )
        for cell in table.cells
        if cell.code is not None or cell.amount_minor
    ]
    return sorted(rows, key=lambda row: (row.of_no_zone, row.amount_minor is None, -(row.amount_minor or 0), row.label))


def waits(found: tuple[PublicWait, ...]) -> list[Bar]:
    """How many households waited how long for their first purchase."""
    most = max((wait.purses or 0 for wait in found), default=0)
    return [
        Bar(
            _wait_label(wait), None, None, wait.purses,
            None if wait.purses is None else round(FULL * wait.purses / most) if most else 0,
        )
        for wait in found
    ]  # fmt: skip


def _wait_label(wait: PublicWait) -> str:
    if wait.first is None:
        return _("not yet")
    if wait.last == 0:
        return _("the same day")
    if wait.last is None:
        return ngettext("%(first)s day or more", "%(first)s days or more", wait.first) % {"first": wait.first}
    return _("%(first)s to %(last)s days") % {"first": wait.first, "last": wait.last}

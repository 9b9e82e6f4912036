"""A town's month as the public page shows it: computed once, kept for a minute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from django.core.cache import cache
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from koinon.impact import publication, queries
from koinon.impact.publication import PublicReport, PublicTable, PublicWait
from koinon.kernel.periods import Month
from koinon.ledger import queries as books
from koinon.parties.models import Town, User
from koinon.programmes.models import Cycle, CycleState

KEPT_SECONDS = 60
FULL = 1000  # Width of a whole bar, in the units of its drawing.


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a table and the bar beside it. ``width`` is of ``FULL``; None where the figure is hidden."""

    label: str
    amount_minor: int | None
    share: Fraction | None
    count: int | None
    width: int | None
    of_no_zone: bool = False


def is_demo(town: Town) -> bool:
    """Whether the town's people are generated: only the demonstration has users of these names."""
    return User.objects.filter(grants__town=town, username__startswith="demo-").exists()


def months(town: Town) -> list[Month]:
    """Months in which aid was paid, newest first."""
    found = Cycle.objects.filter(programme__town=town, state__in=[CycleState.DISBURSING, CycleState.DISBURSED])
    return sorted({Month.parse(month) for month in found.values_list("month", flat=True)}, reverse=True)


def report(conn: psycopg.Connection[Any], town: Town, month: Month, now: datetime) -> PublicReport | None:
    """What may be published of the month; None where it has not begun."""
    zone = ZoneInfo(town.time_zone)
    # The demonstration lives its months ahead of the clock; a real one ends where we stand.
    until = None if is_demo(town) else now
    if until is not None and until <= month.bounds(zone)[0]:
        return None
    head = books.head(conn, town_id=town.pk)
    key = f"published:{town.pk}:{month}:{head.number if head else 0}:{now.timestamp() // KEPT_SECONDS:.0f}"
    kept: PublicReport | None = cache.get(key)
    if kept is None:
        kept = publication.publish(queries.month(conn, town.pk, month, zone, until=until))
        cache.set(key, kept, KEPT_SECONDS)
    return kept


def bars(table: PublicTable, names: dict[str, str] | None = None) -> list[Bar]:
    """The rows of a published table, largest first; hidden ones and those without a place last."""
    most = max((cell.amount_minor or 0 for cell in table.cells), default=0)
    rows = [
        Bar(
            label=(names or {}).get(cell.code or "", cell.label),
            amount_minor=cell.amount_minor,
            share=cell.share,
            count=cell.shops,
            width=None if cell.amount_minor is None else round(FULL * cell.amount_minor / most) if most > 0 else 0,
            of_no_zone=cell.code is None,
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

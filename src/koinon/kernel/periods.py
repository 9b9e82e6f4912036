"""Local days and calendar months, and the instants that bound them in a town's time zone."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def bounds(first_day: date, last_day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants at which local days begin and, not included, end; both days are among them.

    >>> start, until = bounds(date(2026, 10, 25), date(2026, 10, 25), ZoneInfo("Europe/Madrid"))
    >>> (until.timestamp() - start.timestamp()) / 3600
    25.0
    """
    start = datetime.combine(first_day, time.min, zone)
    return start, datetime.combine(last_day + timedelta(days=1), time.min, zone)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month.

    >>> Month.parse("2026-12").next()
    Month(year=2027, number=1)
    >>> str(Month(2026, 3)), Month(2026, 2).last_day
    ('2026-03', datetime.date(2026, 2, 28))
    """

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Month:
        first = date.fromisoformat(f"{text}-01")
        return cls(first.year, first.month)

    @classmethod
    def of(cls, day: date) -> Month:
        return cls(day.year, day.month)

    @property
    def first_day(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def last_day(self) -> date:
        return date(self.year, self.number, calendar.monthrange(self.year, self.number)[1])

    def next(self) -> Month:
        return Month.of(self.last_day + timedelta(days=1))

    def days(self) -> list[date]:
        return [date(self.year, self.number, day) for day in range(1, self.last_day.day + 1)]

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """The first instant of the month and the first of the next one."""
        return bounds(self.first_day, self.last_day, zone)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"

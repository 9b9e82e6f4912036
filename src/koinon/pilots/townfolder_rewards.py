"""What rewards.toml says of activities, their rates and caps, and of time banks; every finding in its place."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from koinon.coproduction.types import STEPS, STREAMS, Cap, Measure, Period, Rate
from koinon.pilots.townfolder_cells import CellProblem, amount_minor
from koinon.pilots.townfolder_findings import did_you_mean
from koinon.pilots.townfolder_findings import said as _
from koinon.pilots.townfolder_types import RewardSpec, TimeBankSpec

if TYPE_CHECKING:
    from koinon.pilots.townfolder_settings import Section

MEASURES = tuple(measure.value for measure in Measure)
ALWAYS = date(2000, 1, 1)  # From when on a rate holds that names no day, for a fund that names none.
# Decimals in which a quantity may be typed, and what one of them is in steps.
_DECIMALS = {Measure.HOUR: 2, Measure.KILOGRAM: 3, Measure.SESSION: 0}
_SHORT_CAPS = {"daily_cap": Period.DAY, "monthly_cap": Period.MONTH, "total_cap": Period.ACTIVITY}


def reward(
    section: Section, *, code: str, fund: str, spend_from: date | None, zones: tuple[str, ...], exponent: int
) -> RewardSpec:
    """One ``[[rewards]]`` table: an activity, what it earns, and the most one person earns by it."""
    measure = Measure(section.choice("measure", MEASURES, "hour"))
    first_day, last_day = section.day("first_day"), section.day("last_day")
    if first_day and last_day and last_day < first_day:
        section.problem(
            "last_day",
            "town.dates-reversed",
            _("`%(last)s` comes before `%(first)s`.", last="last_day", first="first_day"),
        )
    since = first_day or spend_from or ALWAYS
    bank = section.text("time_bank", required=False, most=40)
    if bank and (fund or measure is not Measure.HOUR):
        section.problem(
            "time_bank",
            "town.setting-invalid",
            _("A time bank credits hours, and only where no fund pays them."),
        )
    rates = _rates(section, measure, since, exponent, needed=bool(fund))
    return RewardSpec(
        code=code,
        name=section.text("name", most=120),
        fund=fund,
        time_bank=bank,
        measure=measure,
        place=section.text("place", required=False, most=120),
        zones=zones,
        first_day=first_day,
        last_day=last_day,
        second_above=_quantity(section, "second_above", measure),
        budget_minor=section.amount("budget", exponent, required=False),
        rates=rates,
        caps=_caps(section, measure, since, exponent),
    )


def time_bank(section: Section, *, code: str) -> TimeBankSpec:
    """One ``[[time_banks]]`` table."""
    return TimeBankSpec(
        code=code,
        name=section.text("name", most=120),
        unit=section.text("unit", like="[A-Z][A-Z0-9]{1,11}"),
        credit_limit=_quantity(section, "credit_limit", Measure.HOUR, required=True) or 60,
        most=_quantity(section, "most", Measure.HOUR, required=True) or 60,
    )


def _rates(section: Section, measure: Measure, since: date, exponent: int, *, needed: bool) -> tuple[Rate, ...]:
    found: dict[tuple[str, date], Rate] = {}
    tables = section.sections("rates")
    if "each" in section.values or (needed and not tables):
        _one_rate(section, measure, since, exponent, found)
    for table in tables:
        _one_rate(table, measure, table.day("from_day") or since, exponent, found)
        table.finish()
    return tuple(found.values())


def _one_rate(
    section: Section, measure: Measure, since: date, exponent: int, found: dict[tuple[str, date], Rate]
) -> None:
    stream = _stream(section)
    pays = section.amount("each", exponent)
    per = _quantity(section, "per", measure)
    if (stream, since) in found:
        section.problem(
            "stream" if "stream" in section.values else "each",
            "town.setting-invalid",
            _("Another rate of the same stream begins on the same day."),
        )
    elif pays is not None:
        source = section.text("source", required=False)
        found[stream, since] = Rate(stream, since, pays, per or STEPS[measure], source)
    section.asked.add("source")


def _caps(section: Section, measure: Measure, since: date, exponent: int) -> tuple[Cap, ...]:
    found: dict[tuple[str, str, date], Cap] = {}

    def keep(table: Section, key: str, cap: Cap) -> None:
        if (cap.stream, cap.period, cap.from_day) in found:
            table.problem(key, "town.setting-invalid", _("Another limit of the same kind begins on the same day."))
        found[cap.stream, cap.period, cap.from_day] = cap

    for key, period in _SHORT_CAPS.items():
        most = section.amount(key, exponent, required=False)
        if most is not None:
            keep(section, key, Cap("", period, since, None, most))
    for table in section.sections("caps"):
        period = Period(table.choice("period", tuple(each.value for each in Period), "activity"))
        quantity, minor = _quantity(table, "quantity", measure), table.amount("amount", exponent, required=False)
        if quantity is None and minor is None and not {"quantity", "amount"} & table.values.keys():
            table.problem("quantity", "town.setting-missing", _("Write a quantity or an amount."))
        from_day = table.day("from_day") or since
        cap = Cap(_stream(table), period, from_day, quantity, minor, table.text("source", required=False))
        keep(table, "period", cap)
        table.finish()
    return tuple(found.values())


def _stream(section: Section) -> str:
    stream = section.text("stream", required=False, most=40)
    if stream and stream not in STREAMS:
        section.problem(
            "stream",
            "town.setting-invalid",
            _('"%(written)s" is not one of: %(options)s.', written=stream, options=", ".join(STREAMS))
            + did_you_mean(stream, STREAMS),
        )
        return ""
    return stream


def _quantity(section: Section, key: str, measure: Measure, *, required: bool = False) -> int | None:
    """Whole steps of a measure: ``10``, ``"2,5"``, and for hours ``"1:30"`` as well."""
    section.asked.add(key)
    value: Any = section.values.get(key)
    if value is None or value == "":
        if required:
            section.problem(key, "town.setting-missing", _("`%(name)s` is not set.", name=key))
        return None
    clock = re.fullmatch(r"(\d{1,4}):([0-5]\d)", value.strip()) if isinstance(value, str) else None
    if clock and measure is Measure.HOUR:
        return int(clock[1]) * 60 + int(clock[2])
    decimals = _DECIMALS[measure]
    try:
        written = amount_minor(value if isinstance(value, str | int | Decimal) else str(value), exponent=decimals)
    except CellProblem as problem:
        section.problem(key, "town.setting-invalid", problem.why)
        return None
    steps = Decimal(written).scaleb(-decimals) * STEPS[measure]
    if steps <= 0 or steps != steps.to_integral_value():
        section.problem(key, "town.setting-invalid", _("A quantity above zero, in whole minutes, grams or sessions."))
        return None
    return int(steps)

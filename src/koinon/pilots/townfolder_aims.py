"""What targets.toml says: what a town wants to reach, and what its figures need that no book holds; every finding in its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from koinon.coproduction.types import STREAMS
from koinon.impact.aims import Aim, Reuse, Target, key
from koinon.impact.indicators.catalogue import BY_KEY, Entry, Unit
from koinon.impact.measures import ConversionFactor, RunningCost, ZoneResidents
from koinon.kernel.decisions import Finding
from koinon.kernel.errors import FindingsError
from koinon.kernel.text import fold
from koinon.pilots.townfolder_cells import plain_digits, text
from koinon.pilots.townfolder_findings import KINDS, did_you_mean
from koinon.pilots.townfolder_findings import said as _

if TYPE_CHECKING:
    from koinon.pilots.townfolder_settings import Section

TARGETS_FILE = "targets.toml"
MOST_RESIDENTS = 99_999_999
MOST_GRAMS = 1_000_000
_NUMBER = re.compile(r"(\d{1,12})(?:[.,](\d{1,9}))?")
_MONEY = (Unit.MONEY, Unit.MONEY_PER_PERSON, Unit.MONEY_PER_UNIT)


@dataclass(frozen=True, slots=True)
class Known:
    """What the rest of the folder defines: codes of neighbourhoods by their folded spellings, of activities, of funds."""

    zones: Mapping[str, str]
    activities: Collection[str]
    funds: Collection[str]
    exponent: int


def read_aims(root: Section, known: Known) -> dict[Aim, int]:
    """Every row of the file with its line, in their order; a second row of the same name is a finding."""
    found: dict[Aim, int] = {}
    said: set[tuple[str, ...]] = set()

    def keep(section: Section, named: str, aim: Aim | None) -> None:
        if aim is None:
            return
        if key(aim) in said:
            section.problem(named, "town.setting-invalid", _("This was said before, further up."))
        said.add(key(aim))
        found[aim] = section.place(named)[1]

    for section in root.sections("targets"):
        keep(section, "by", _target(section, known))
        section.finish()
    for section in root.sections("residents"):
        keep(section, "from", _residents(section, known))
        section.finish()
    for section in root.sections("factors"):
        keep(section, "from", _factor(section))
        section.finish()
    for section in root.sections("costs"):
        keep(section, "from", _cost(section, known))
        section.finish()
    reuse = root.section("reuse", required=False)
    for code in reuse.texts("activities"):
        if _one_of(reuse, "activities", code, known.activities):
            keep(reuse, "activities", Reuse(code))
    reuse.finish()
    root.finish()
    return found


def keep_confirmed(wanted: Mapping[Aim, int], present: Collection[Aim], confirmed: Collection[tuple[str, ...]]) -> None:
    """``FindingsError`` where the folder says another thing of a target than two persons agreed on."""
    kind = KINDS["town.target-confirmed"]
    found = [
        Finding(
            TARGETS_FILE, row, "targets.by", "town.target-confirmed",
            _("Two persons confirmed another target of `%(name)s` by this day.", name=f"{aim.indicator} {aim.part}".strip()),
            _(kind.remedy), kind.severity,
        )
        for aim, row in wanted.items()
        if isinstance(aim, Target) and key(aim) in confirmed and aim not in present
    ]  # fmt: skip
    if found:
        raise FindingsError(found)


def _target(section: Section, known: Known) -> Target | None:
    code = section.text("indicator", most=60)
    entry = BY_KEY.get(code)
    if code and entry is None:
        _one_of(section, "indicator", code, BY_KEY)
    part = section.text("part", required=False, most=80)
    if entry is not None and part:
        part = _part(section, entry, part, known)
    from_day, by_day = _day(section, "from"), _day(section, "by")
    value = _value(section, entry, known.exponent)
    source = section.text("source", required=False)
    if from_day and by_day and by_day < from_day:
        section.problem("by", "town.dates-reversed", _("`%(last)s` comes before `%(first)s`.", last="by", first="from"))
        return None
    if entry is None or from_day is None or by_day is None or value is None:
        return None
    return Target(entry.key, part, from_day, by_day, value, source)


def _part(section: Section, entry: Entry, part: str, known: Known) -> str:
    """The part as figures call it; a neighbourhood may be written in any of its spellings."""
    kind, colon, rest = part.partition(":")
    if kind == "zone" and colon:
        part = f"zone:{known.zones.get(fold(rest), rest)}"
    if not entry.has(part):
        section.problem(
            "part",
            "town.setting-invalid",
            _('"%(written)s" is not one of: %(options)s.', written=part, options=", ".join(entry.parts) or "-"),
        )
        return ""
    code = part.split(":")[1] if colon else ""
    of: dict[str, Collection[str]] = {
        "zone": set(known.zones.values()),
        "activity": known.activities,
        "fund": known.funds,
        "stream": STREAMS,
    }
    if kind in of:
        _one_of(section, "part", code, of[kind])
    return part


def _value(section: Section, entry: Entry | None, exponent: int) -> Decimal | None:
    if entry is not None and entry.unit in _MONEY:
        minor = section.amount("value", exponent)
        return None if minor is None else Decimal(minor).scaleb(-exponent)
    section.asked.add("value")
    given = section.values.get("value")
    if given is None or given == "":
        section.problem("value", "town.setting-missing", _("`%(name)s` is not set.", name="value"))
        return None
    words = plain_digits("" if isinstance(given, bool) else text(given)).replace(" ", "")
    percent = words.endswith(("%", "٪"))
    number = _NUMBER.fullmatch(words.rstrip("%٪"))
    value = Decimal(f"{number[1]}.{number[2] or 0}") if number else None
    if value is not None and percent:
        value = value.scaleb(-2)
    if value is None or value != round(value, 9):
        section.problem("value", "town.setting-invalid", _("A number is expected here, such as 12, 0.35 or 35 %."))
        return None
    if entry is not None and entry.unit is Unit.SHARE and value > 1:
        section.problem("value", "town.setting-invalid", _("A share is at most 1: write 0.35 or 35 %."))
        return None
    return value.normalize()


def _residents(section: Section, known: Known) -> ZoneResidents | None:
    written = section.text("zone", most=120)
    zone = known.zones.get(fold(written), "")
    if written and not zone:
        section.problem(
            "zone",
            "town.zone-unknown",
            _('No neighbourhood is called "%(name)s".', name=written) + did_you_mean(written, known.zones),
        )
    number, from_day, source = (
        section.whole("number", -1, MOST_RESIDENTS),
        _day(section, "from"),
        section.text("source"),
    )
    if "number" not in section.values:
        section.problem("number", "town.setting-missing", _("`%(name)s` is not set.", name="number"))
    if not zone or from_day is None or number < 0:
        return None
    return ZoneResidents(zone, number, from_day, source)


def _factor(section: Section) -> ConversionFactor | None:
    stream = section.text("stream", most=40)
    known = not stream or _one_of(section, "stream", stream, STREAMS)
    grams, from_day = section.whole("grams_per_kilogram", -1, MOST_GRAMS), _day(section, "from")
    source = section.text("source")
    if "grams_per_kilogram" not in section.values:
        missing = _("`%(name)s` is not set.", name="grams_per_kilogram")
        section.problem("grams_per_kilogram", "town.setting-missing", missing)
    if not stream or not known or grams < 0 or from_day is None or not source:
        return None
    return ConversionFactor(stream, from_day, grams, source)


def _cost(section: Section, known: Known) -> RunningCost | None:
    activity = section.text("activity", most=40)
    there = bool(activity) and _one_of(section, "activity", activity, known.activities)
    amount = section.amount("amount", known.exponent)
    from_day, until_day, source = _day(section, "from"), _day(section, "until"), section.text("source")
    if from_day and until_day and until_day < from_day:
        section.problem(
            "until", "town.dates-reversed", _("`%(last)s` comes before `%(first)s`.", last="until", first="from")
        )
        return None
    if not there or amount is None or from_day is None or until_day is None:
        return None
    return RunningCost(activity, from_day, until_day, amount, source)


def _day(section: Section, key: str) -> date | None:
    if section.values.get(key) is None:
        section.asked.add(key)
        section.problem(key, "town.setting-missing", _("`%(name)s` is not set.", name=key))
        return None
    return section.day(key)


def _one_of(section: Section, key: str, written: str, options: Collection[str]) -> bool:
    if written in options:
        return True
    section.problem(
        key,
        "town.setting-invalid",
        _('"%(written)s" is not one of: %(options)s.', written=written, options=", ".join(sorted(options)) or "-")
        + did_you_mean(written, options),
    )
    return False

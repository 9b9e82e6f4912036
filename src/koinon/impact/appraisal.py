"""Reading the outcomes of a social return on investment from a TOML file; every finding with the place it stands in.

docs/indicators/sroi.md shows the file. Everything is required: what nobody thought about cannot be left out silently.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from koinon.impact.indicators.sroi import ADJUSTMENTS, Judged, Outcome
from koinon.kernel.decisions import Finding
from koinon.kernel.errors import FindingsError

LARGEST = 1024 * 1024
LONGEST_TEXT = 400
MOST_OUTCOMES = 200
MOST_YEARS = 50
_NUMBER = re.compile(r"-?\d{1,12}(?:[.,]\d{1,9})?")
_TEXTS = ("name", "stakeholder", "indicator", "evidence", "proxy_source")
_KNOWN = {*_TEXTS, "quantity", "baseline", "proxy", "proxy_year", "years", *ADJUSTMENTS}


@dataclass(frozen=True, slots=True)
class Appraisal:
    """What the file says; money in whole units, as it is written."""

    outcomes: tuple[Outcome, ...]
    investment: Fraction
    discount_rate: Fraction


def read_appraisal(file: Path) -> Appraisal:
    """The file, or ``FindingsError`` with everything that is wrong with it."""
    reading = _Reading(file.name)
    root = reading.root(file)
    investment = reading.number(root, "investment", "", least=Fraction(0))
    rate = reading.number(root, "discount_rate", "", least=Fraction(0), most=Fraction(1))
    tables = root.get("outcomes")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        reading.add("outcomes", "missing", "there is no table of an outcome", "Add a table [[outcomes]].")
        tables = []
    if len(tables) > MOST_OUTCOMES:
        reading.add("outcomes", "invalid", f"more than {MOST_OUTCOMES} outcomes", "Keep those that are material.")
        tables = []
    outcomes = [reading.outcome(table, f"outcomes[{place}]") for place, table in enumerate(tables, start=1)]
    for key in root.keys() - {"investment", "discount_rate", "outcomes"}:
        reading.add(key, "unknown", "there is no such setting", "Correct its name, or remove it.")
    names = [outcome.name for outcome in outcomes if outcome]
    for name in sorted({name for name in names if names.count(name) > 1}):
        reading.add("outcomes", "invalid", f"two outcomes are called “{name}”", "Give each a name of its own.")
    if reading.findings:
        raise FindingsError(reading.findings)
    return Appraisal(tuple(outcome for outcome in outcomes if outcome), investment or Fraction(0), rate or Fraction(0))


@dataclass(slots=True)
class _Reading:
    file: str
    findings: list[Finding] = field(default_factory=list)

    def add(self, place: str, code: str, message: str, remedy: str) -> None:
        self.findings.append(Finding(self.file, 0, place, f"sroi.{code}", message, remedy))

    def root(self, file: Path) -> Mapping[str, Any]:
        try:
            if file.stat().st_size > LARGEST:
                raise FindingsError([Finding(self.file, 0, "", "sroi.too-large", "more than 1 MB", "Shorten it.")])
            return tomllib.loads(file.read_bytes().decode("utf-8-sig"), parse_float=Decimal)
        except (ValueError, RecursionError) as wrong:  # No UTF-8, no TOML, or a number too long to be read.
            broken = Finding(
                self.file, 0, "", "sroi.toml", str(wrong)[:200], "Correct the line; texts stand in quotes."
            )
            raise FindingsError([broken]) from None
        except OSError as failed:
            unread = Finding(self.file, 0, "", "sroi.unreadable", str(failed.strerror), "Name a TOML file.")
            raise FindingsError([unread]) from None

    def outcome(self, table: Mapping[str, Any], place: str) -> Outcome | None:
        before = len(self.findings)
        for key in sorted(table.keys() - _KNOWN):
            self.add(f"{place}.{key}", "unknown", "there is no such setting", "Correct its name, or remove it.")
        said: dict[str, Any] = {key: self.text(table, key, place) for key in _TEXTS}
        said |= {key: self.judged(table, key, place, most=Fraction(1)) for key in ADJUSTMENTS}
        said |= {
            "quantity": self.judged(table, "quantity", place),
            "baseline": self.number(table, "baseline", place, least=Fraction(0)),
            "proxy": self.judged(table, "proxy", place, least=None),
            "proxy_year": self.whole(table, "proxy_year", place, 1900, 2200),
            "years": self.whole(table, "years", place, 1, MOST_YEARS),
        }
        return Outcome(**said) if len(self.findings) == before else None

    def text(self, table: Mapping[str, Any], key: str, place: str) -> str:
        value = table.get(key)
        if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_TEXT:
            self.add(f"{place}.{key}", "missing", "a text is needed here", "Say it in a sentence.")
            return ""
        return value.strip()

    def whole(self, table: Mapping[str, Any], key: str, place: str, least: int, most: int) -> int | None:
        value = table.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.add(f"{place}.{key}", "invalid", f"a whole number from {least} to {most} is needed here", "Write one.")
            return None
        return value

    def judged(
        self,
        table: Mapping[str, Any],
        key: str,
        place: str,
        *,
        least: Fraction | None = Fraction(0),
        most: Fraction | None = None,
    ) -> Judged | None:
        """Three numbers, the lowest first. One that nobody gave is never taken as zero."""
        value = table.get(key)
        if not isinstance(value, list) or len(value) != 3:
            remedy = "Write [lowest, best, highest]; 0 if it is nothing, and mean it."
            self.add(f"{place}.{key}", "missing", "three numbers are needed here", remedy)
            return None
        numbers = [self._exact(one) for one in value]
        if any(
            one is None or (least is not None and one < least) or (most is not None and one > most) for one in numbers
        ):
            within = "from 0 to 1" if most is not None else "of at least 0" if least is not None else ""
            self.add(
                f"{place}.{key}",
                "invalid",
                f"three numbers {within} are needed here".replace("  ", " "),
                "Correct them.",
            )
            return None
        low, best, high = (one for one in numbers if one is not None)
        if not low <= best <= high:
            self.add(f"{place}.{key}", "invalid", "the numbers are not in order", "Write [lowest, best, highest].")
            return None
        return Judged(low, best, high)

    def number(
        self, table: Mapping[str, Any], key: str, place: str, *, least: Fraction, most: Fraction | None = None
    ) -> Fraction | None:
        value = self._exact(table.get(key))
        name = f"{place}.{key}" if place else key
        if key not in table:
            self.add(name, "missing", "it is not set", "Set it; 0 if it is nothing, and mean it.")
            return None
        if value is None or value < least or (most is not None and value > most):
            self.add(name, "invalid", "this is no number that fits here", 'Write it in quotes, such as "0.035".')
            return None
        return value

    @staticmethod
    def _exact(value: object) -> Fraction | None:
        """As it is written: 0.1 is a tenth."""
        if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
            return None
        written = format(value, "f") if isinstance(value, Decimal) else str(value).strip()
        return Fraction(written.replace(",", ".")) if _NUMBER.fullmatch(written) else None

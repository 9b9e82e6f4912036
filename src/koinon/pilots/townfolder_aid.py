"""Whom a programme is for, how much it gives and who comes first, as a programme's TOML file says it.

The shapes are read by ``koinon.programmes``; here the town's own words become
codes, amounts as people write them become minor units, and whatever is wrong
becomes a finding with its line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from koinon.kernel.text import fold
from koinon.pilots.townfolder_cells import CellProblem, amount_minor
from koinon.pilots.townfolder_findings import did_you_mean
from koinon.pilots.townfolder_findings import said as _
from koinon.programmes.amounts import OF_AWARD, AmountRule, read_amounts
from koinon.programmes.eligibility import EVERYBODY, Condition, Path, Reading, Resident, each, read
from koinon.programmes.waiting import WaitingRule, read_waiting


@dataclass(frozen=True, slots=True)
class Words:
    """What the town's words mean: neighbourhoods as it spells them, bands and statuses of its lists."""

    zones: Mapping[str, str]
    zone_names: tuple[str, ...]
    income_bands: tuple[str, ...] | None
    statuses: tuple[str, ...] | None
    knows_residence: bool
    exponent: int


Place = Callable[[Path, str, str], None]  # Where in the table, which finding, what is said.


class TownReading(Reading):
    """Rules as a town writes them; each problem is a finding at once."""

    def __init__(self, words: Words, found: Place) -> None:
        super().__init__()
        self._words = words
        self._found = found

    def problem(self, path: Path, code: str, **facts: Any) -> None:
        super().problem(path, code, **facts)
        kind, message = _said(code, path, facts)
        self._found(path, kind, message)

    def zone(self, path: Path, word: str) -> str | None:
        code = self._words.zones.get(fold(word))
        if code is None:
            close = did_you_mean(word, self._words.zone_names)
            self._found(
                path, "town.zone-unknown", _('The town has no neighbourhood "%(word)s".', word=word[:40]) + close
            )
        return code

    def income_band(self, path: Path, word: str) -> str | None:
        return self._one_of(path, word, self._words.income_bands)

    def status(self, path: Path, word: str) -> str | None:
        if self._words.statuses is None:
            self._found(path, "town.setting-invalid", _("No list of statuses is named in town.toml: [files.statuses]."))
            return word
        return self._one_of(path, word, self._words.statuses)

    def amount(self, path: Path, value: Any) -> int | None:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            self.problem(path, "rule.not-an-amount")
            return None
        try:
            minor = amount_minor(value, exponent=self._words.exponent)
        except CellProblem as problem:
            self._found(path, problem.code, problem.why)
            return None
        if minor < 0:
            self._found(path, "town.amount-negative", _("The amount is less than zero."))
            return None
        return minor

    def check_facts(self, condition: Condition, path: Path) -> None:
        """A rule that asks for a fact no list gives would refuse everybody."""
        if not self._words.knows_residence and any(isinstance(one, Resident) for one in each(condition)):
            self._found(
                path,
                "town.setting-invalid",
                _("The list of households says of nobody since when they live here: `resident_since`."),
            )

    def _one_of(self, path: Path, word: str, known: tuple[str, ...] | None) -> str:
        if known is not None and word not in known:
            listed = _('"%(written)s" is not one of: %(options)s.', written=word[:40], options=", ".join(known))
            self._found(path, "town.setting-invalid", listed + did_you_mean(word, known))
        return word


def eligibility(written: Any, reading: TownReading) -> Condition:
    condition = EVERYBODY if written is None else read(written, reading)
    reading.check_facts(condition, ())
    return condition


def amounts(written: Any, reading: TownReading) -> AmountRule:
    return OF_AWARD if written is None else read_amounts(written, reading)


def waiting(written: Any, reading: TownReading) -> WaitingRule | None:
    return read_waiting(written, reading)


def _said(code: str, path: Path, facts: dict[str, Any]) -> tuple[str, str]:
    """The kind of finding that a problem of a rule is, and its sentence."""
    listed = ", ".join(str(one) for one in facts.get("known") or facts.get("wanted") or facts.get("options") or ())
    match code:
        case "rule.unknown-key":
            close = did_you_mean(facts["key"], facts["known"])
            return "town.setting-unknown", _("There is no setting `%(name)s` here.", name=facts["key"][:40]) + close
        case "rule.missing":
            return "town.setting-missing", _("`%(name)s` is not set.", name=facts["key"])
        case "rule.not-a-table":
            name = next((str(one) for one in reversed(path) if isinstance(one, str)), "")
            return "town.setting-invalid", _("A table is expected here, such as %(table)s.", table=f"{name} = {{ … }}")
        case "rule.not-a-list-of-tables":
            return "town.setting-invalid", _("A list of tables is expected here, such as %(table)s.", table="[{ … }]")
        case "rule.not-a-list":
            return "town.setting-invalid", _('A list of texts is expected here, such as ["a", "b"].')
        case "rule.too-long":
            return "town.setting-invalid", _("More than %(most)s entries.", most=facts["most"])
        case "rule.too-deep":
            return "town.setting-invalid", _("More than %(most)s tables within each other.", most=facts["most"])
        case "rule.not-a-number":
            return "town.setting-invalid", _("A whole number from 0 to %(most)s is expected here.", most=facts["most"])
        case "rule.not-an-amount":
            return "town.amount-invalid", _("This is not an amount.")
        case "rule.not-a-share":
            return "town.setting-invalid", _('A share above 0 and up to 1 is expected here, such as "1/4".')
        case "rule.not-true-or-false":
            return "town.setting-invalid", _("true or false is expected here.")
        case "rule.not-above-zero":
            return "town.setting-invalid", _("The amount must be above zero.")
        case "rule.reversed":
            return "town.setting-invalid", _(
                "`%(last)s` is less than `%(first)s`.", last=facts["last"], first=facts["first"]
            )
        case "rule.says-nothing":
            return "town.setting-invalid", _("One of these must be set: %(options)s.", options=listed)
        case "rule.not-one-of":
            return "town.setting-invalid", _(
                '"%(written)s" is not one of: %(options)s.', written=facts["word"], options=listed
            )
        case "rule.either-or":
            return "town.setting-invalid", _("Either `%(one)s` or `%(other)s`, not both.", **facts)
        case "rule.rows-after-the-last":
            return "town.setting-invalid", _(
                "Row %(row)s holds for everybody, so no row after it is ever reached.", row=facts["row"]
            )
    raise AssertionError(f"no sentence for {code}")

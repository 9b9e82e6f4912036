"""What programmes/*.toml say of funds beyond their name: the limits of their rules, and what holds from later days on."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

from koinon.pilots.townfolder_cells import CellProblem, bare_identifier, tax_identifier
from koinon.pilots.townfolder_findings import Findings, did_you_mean
from koinon.pilots.townfolder_findings import said as _
from koinon.pilots.townfolder_types import ChangeSpec, FundSpec, RuleSpec
from koinon.programmes.spending import LONGEST_REASON, SIZES, SpendingRule, parse_window

if TYPE_CHECKING:
    from koinon.pilots.townfolder_settings import Section

MOST_DAYS = 365


def limits(section: Section, *, exponent: int, country: str) -> dict[str, Any]:
    """The limits of a ``[[rules]]`` table that say whom by name or size, for what, when, and how much a month."""
    per_cycle = section.amount("per_month", exponent, required=False)
    if per_cycle == 0:
        section.problem("per_month", "town.setting-invalid", _("The amount must be above zero."))
    return {
        "payees": _payees(section, "payees", country) or None,
        "except_payees": _payees(section, "except_payees", country) or None,
        "sizes": _sizes(section) or None,
        "categories": _categories(section) or None,
        "hours": _hours(section) or None,
        "per_cycle_minor": per_cycle or None,
        "chain": section.flag("chain"),
        "peers_bound": section.flag("peers_bound"),
    }


def change(section: Section, rule: RuleSpec) -> ChangeSpec | None:
    """What a ``[[rules]]`` table says from a day on; None where it says what holds first."""
    from_day, last_day = section.day("from_day"), section.day("last_day")
    reason = section.text("reason", required=from_day is not None, most=LONGEST_REASON)
    if from_day is None:
        for key, value in (("last_day", last_day), ("reason", reason)):
            if value:
                section.problem(key, "town.setting-invalid", _("Only a rule with `from_day` says this."))
        return None
    if last_day and last_day < from_day:
        section.problem(
            "last_day",
            "town.dates-reversed",
            _("`%(last)s` comes before `%(first)s`.", last="last_day", first="from_day"),
        )
    file, row = section.place("from_day")
    return ChangeSpec(from_day, last_day, reason, rule, file, row)


def notice(section: Section) -> tuple[int, int]:
    """How many days before a change it is announced, and before the last day whoever has the money is told."""
    days = section.whole("notice_days", 14, MOST_DAYS), section.whole("warn_days", 14, MOST_DAYS)
    for key, given in zip(("notice_days", "warn_days"), days, strict=True):
        if given == 0:
            section.problem(key, "town.setting-invalid", _("At least one day is expected here."))
    return days


def check_payees(funds: Collection[FundSpec], known: Collection[str], findings: Findings) -> None:
    """Whoever a rule names by tax identifier stands in the list of businesses."""
    for rule in (rule for fund in funds for rule in (fund.rule, *(change.rule for change in fund.changes))):
        for key, named in (("payees", rule.payees), ("except_payees", rule.except_payees)):
            for number in named or ():
                if number not in known:
                    ends = f"{number[:2]}…{number[-2:]}"
                    findings.add(
                        "town.payee-unknown", _("No business of the list has the tax identifier %(ends)s.", ends=ends),
                        file=rule.file, row=rule.row, column=f"rules.{key}",
                    )  # fmt: skip


def spending(rule: RuleSpec, by_tax_id: Mapping[str, UUID]) -> SpendingRule:
    """The rule as its record keeps it. Whom a list names and the town does not know cannot be paid anyway."""

    def listed(values: tuple[str, ...] | None) -> frozenset[str] | None:
        return frozenset(values) if values else None

    def parties(numbers: tuple[str, ...] | None) -> frozenset[UUID] | None:
        return frozenset(by_tax_id[number] for number in numbers if number in by_tax_id) if numbers else None

    return SpendingRule(
        zones=listed(rule.zones),
        sectors=listed(rule.sectors),
        legal_forms=listed(rule.legal_forms),
        sse_only=rule.sse_only,
        exclude_chains=rule.exclude_chains,
        share_of_price=rule.share_of_price,
        per_day_minor=rule.per_day_minor,
        peers_allowed=rule.peers_allowed,
        payees=parties(rule.payees),
        except_payees=parties(rule.except_payees) or None,
        sizes=listed(rule.sizes),
        categories=listed(rule.categories),
        hours=rule.hours,
        per_cycle_minor=rule.per_cycle_minor,
        chain=rule.chain,
        peers_bound=rule.peers_bound,
    )


def in_order(fund: str, changes: list[tuple[Section, ChangeSpec]]) -> tuple[ChangeSpec, ...]:
    """A fund's changes by the day from which they hold; two for one day are found."""
    found: dict[date, ChangeSpec] = {}
    for section, spec in sorted(changes, key=lambda pair: pair[1].from_day):
        if spec.from_day in found:
            section.problem(
                "from_day", "town.rule-twice", _('The fund "%(code)s" has another rule already.', code=fund)
            )
        found[spec.from_day] = spec
    return tuple(found.values())


def _payees(section: Section, key: str, country: str) -> tuple[str, ...]:
    numbers = []
    for word in section.texts(key):
        try:
            numbers.append(tax_identifier(word, country=country))
        except CellProblem:
            numbers.append(bare_identifier(word))  # Whether the list has it is looked at once it is read.
    return tuple(numbers)


def _sizes(section: Section) -> tuple[str, ...]:
    sizes = section.texts("sizes")
    for word in sizes:
        if word not in SIZES:
            listed = _('"%(written)s" is not one of: %(options)s.', written=word, options=", ".join(SIZES))
            section.problem("sizes", "town.setting-invalid", listed + did_you_mean(word, SIZES))
    return tuple(word for word in sizes if word in SIZES)


def _categories(section: Section) -> tuple[str, ...]:
    categories = section.texts("categories")
    for word in categories:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", word):
            section.problem(
                "categories", "town.setting-invalid", _("A code is made of lower-case letters, digits and dashes.")
            )
    return categories


def _hours(section: Section) -> tuple[Any, ...]:
    windows = []
    for word in section.texts("hours"):
        window = parse_window(word)
        if window is None:
            section.problem(
                "hours", "town.setting-invalid", _('Days and hours are expected here, such as "mon-fri 08:00-20:00".')
            )
        else:
            windows.append(window)
    return tuple(sorted(windows))

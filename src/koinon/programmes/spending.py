"""Where money of a fund may be spent: no clock, no database.

A spending rule as the record of the fund keeps it; a town writes its own in ``programmes/*.toml``, of which
docs/reference/town-folder.md tells:

| key | says |
| --- | --- |
| zones | list of neighbourhood codes; only there |
| sectors | list of sector groups (``food``) or NACE codes and their beginnings (``47``) |
| legal_forms | list of legal forms |
| sse_only | true: only social and solidarity economy organisations |
| exclude_chains | true: no chains and franchises |
| share_of_price | at most this share of a price: ``"1/2"``, ``"50 %"``, ``0.5`` |
| per_day_minor | at most this many minor units a local day |
| peers_allowed | true: residents may be paid too, not only tills |

What a rule does not say, it allows; except ``peers_allowed``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from koinon.kernel.decisions import Decision, Finding, Ground
from koinon.parties.types import PartyFacts


@dataclass(frozen=True, slots=True)
class SpendingRule:
    """Who may be paid from a fund, and how much of it. ``None`` and ``False`` mean: no such limit."""

    zones: frozenset[str] | None = None
    sectors: frozenset[str] | None = None
    legal_forms: frozenset[str] | None = None
    sse_only: bool = False
    exclude_chains: bool = False
    share_of_price: Fraction | None = None
    per_day_minor: int | None = None
    peers_allowed: bool = False

    @property
    def restrictions(self) -> int:
        """How many limits the rule sets: the more, the sooner its money is used where it can be."""
        return sum(
            (
                self.zones is not None,
                self.sectors is not None,
                self.legal_forms is not None,
                self.sse_only,
                self.exclude_chains,
                self.share_of_price is not None,
                self.per_day_minor is not None,
                not self.peers_allowed,
            )
        )

    def as_json(self) -> dict[str, Any]:
        """The rule as ``Fund.rule`` keeps it; ``parse`` reads it back.

        >>> parse(SpendingRule(share_of_price=Fraction(1, 2), sse_only=True).as_json())[0].as_json()
        {'sse_only': True, 'share_of_price': '1/2'}
        """
        kept: dict[str, Any] = {}
        for name in ("zones", "sectors", "legal_forms"):
            values = getattr(self, name)
            if values is not None:
                kept[name] = sorted(values)
        for name in ("sse_only", "exclude_chains", "peers_allowed"):
            if getattr(self, name):
                kept[name] = True
        if self.share_of_price is not None:
            kept["share_of_price"] = f"{self.share_of_price.numerator}/{self.share_of_price.denominator}"
        if self.per_day_minor is not None:
            kept["per_day_minor"] = self.per_day_minor
        return kept


FREE = SpendingRule(peers_allowed=True)
"""The rule of the free fund: none."""


def may_spend(
    rule: SpendingRule,
    *,
    payee: PartyFacts,
    day: date,
    spend_from: date | None = None,
    last_day: date | None = None,
) -> Decision:
    """Whether money under this rule may pay this payee on this local day, with every ground against it.

    ``spend_from`` and ``last_day`` are the first and last local days on which the
    money is good, inclusive. A party that is erased or no longer takes part is
    refused before anything else is looked at, because the rest no longer matters.

    >>> from uuid import UUID
    >>> bakery = PartyFacts(UUID(int=1), "organisation", zone="besos", sector="47.24", sector_group="food")
    >>> rule = SpendingRule(zones=frozenset({"verneda"}), sectors=frozenset({"47"}), sse_only=True)
    >>> [ground.code for ground in may_spend(rule, payee=bakery, day=date(2026, 10, 5)).grounds]
    ['spending.not-in-zone', 'spending.only-social-economy']
    """
    if not payee.active:
        return Decision((Ground("spending.not-taking-part"),))
    grounds: list[Ground] = []
    if payee.accepts_since is not None and day < payee.accepts_since:
        grounds.append(Ground("spending.not-accepting-yet", {"accepts_since": payee.accepts_since.isoformat()}))
    if spend_from is not None and day < spend_from:
        grounds.append(Ground("spending.not-yet", {"spend_from": spend_from.isoformat()}))
    if last_day is not None and day > last_day:
        grounds.append(Ground("spending.last-day-passed", {"last_day": last_day.isoformat()}))
    if not payee.is_enterprise:
        if not rule.peers_allowed:
            grounds.append(Ground("spending.only-at-shops"))
        return Decision(tuple(grounds))
    if rule.zones is not None and payee.zone not in rule.zones:
        grounds.append(Ground("spending.not-in-zone", {"zones": sorted(rule.zones), "zone": payee.zone}))
    if rule.sectors is not None and not _in_sectors(rule.sectors, payee):
        grounds.append(
            Ground(
                "spending.not-in-sector",
                {"sectors": sorted(rule.sectors), "sector": payee.sector_group or payee.sector},
            )
        )
    if rule.legal_forms is not None and payee.legal_form not in rule.legal_forms:
        grounds.append(
            Ground("spending.legal-form", {"legal_forms": sorted(rule.legal_forms), "legal_form": payee.legal_form})
        )
    if rule.sse_only and not payee.is_sse:
        grounds.append(Ground("spending.only-social-economy"))
    if rule.exclude_chains and payee.is_chain:
        grounds.append(Ground("spending.no-chains"))
    return Decision(tuple(grounds))


def _in_sectors(sectors: frozenset[str], payee: PartyFacts) -> bool:
    """Whether the payee's group is listed, or its NACE code or a beginning of it: 47 covers 47.1 and 47.11."""
    if payee.sector_group and payee.sector_group in sectors:
        return True
    digits = payee.sector.replace(".", "")
    codes = (listed for listed in sectors if _NACE.fullmatch(listed))
    return bool(digits) and any(digits.startswith(code.replace(".", "")) for code in codes)


# --- Reading a rule as its record keeps it --------------------------------------------------------

_LISTS = ("zones", "sectors", "legal_forms")
_FLAGS = ("sse_only", "exclude_chains", "peers_allowed")
_NACE = re.compile(r"\d\d(\.\d{1,2})?")
_KNOWN = frozenset({*_LISTS, *_FLAGS, "share_of_price", "per_day_minor"})
_LONGEST_SHARE = 40
_MARKS = str.maketrans({",": ".", "٫": ".", "٪": "%"})
_PARTS = re.compile(r"(\d{1,6})/(\d{1,6})")
_DECIMALS = re.compile(r"(\d?)\.(\d{1,5})|(\d)")
_PER_CENT = re.compile(r"(\d{1,3})(?:\.(\d{1,3}))?%")


def parse(
    written: Mapping[str, Any],
    *,
    file: str = "",
    table: str = "spending",
    zones: frozenset[str] | None = None,
) -> tuple[SpendingRule, list[Finding]]:
    """A spending rule from JSON, with a finding for everything in it that cannot be meant.

    Where ``zones`` is given, codes that are not among them are found too. The
    rule holds what could be read; use it only when there are no findings.

    >>> rule, findings = parse({"share_of_price": "1/2", "sse_only": "yes", "zonas": []}, file="aid.toml")
    >>> [(finding.column, finding.code) for finding in findings]
    [('spending.zonas', 'rule.unknown-key'), ('spending.sse_only', 'rule.not-true-or-false')]
    """
    findings: list[Finding] = []

    def found(key: str, code: str, message: str, remedy: str) -> None:
        findings.append(Finding(file, 0, f"{table}.{key}", code, message, remedy))

    for key in written:
        if key not in _KNOWN:
            found(
                key, "rule.unknown-key", f"a spending rule knows no “{key}”", f"use one of {', '.join(sorted(_KNOWN))}"
            )
    lists: dict[str, frozenset[str] | None] = dict.fromkeys(_LISTS)
    for key in _LISTS:
        value = written.get(key)
        if value is None:
            continue
        if not isinstance(value, list) or not all(isinstance(entry, str) and entry.strip() for entry in value):
            found(key, "rule.not-a-list", f"“{key}” is not a list of texts", f'write {key} = ["one", "two"]')
        elif not value:
            found(key, "rule.empty-list", f"“{key}” is empty: nobody could be paid", "leave it out, or list who may be")
        else:
            lists[key] = frozenset(entry.strip() for entry in value)
    if zones is not None:
        for code in sorted((lists["zones"] or frozenset()) - zones):
            found("zones", "rule.unknown-zone", f"the town has no zone “{code}”", "use a code from the list of zones")
    flags = dict.fromkeys(_FLAGS, False)
    for key in _FLAGS:
        value = written.get(key, False)
        if isinstance(value, bool):
            flags[key] = value
        else:
            found(key, "rule.not-true-or-false", f"“{key}” is neither true nor false", f"write {key} = true or false")
    share = None
    if (given := written.get("share_of_price")) is not None:
        share = parse_share(given)
        if share is None:
            found(
                "share_of_price", "rule.not-a-share", "the share of the price is not above 0 and at most 1",
                'write it as "1/2" or "50 %"',
            )  # fmt: skip
    per_day = written.get("per_day_minor")
    if per_day is not None and (isinstance(per_day, bool) or not isinstance(per_day, int) or per_day <= 0):
        found(
            "per_day_minor", "rule.not-an-amount", "the amount a day is not a whole number of minor units above zero",
            "write it as 5000",
        )  # fmt: skip
        per_day = None
    rule = SpendingRule(
        zones=lists["zones"],
        sectors=lists["sectors"],
        legal_forms=lists["legal_forms"],
        sse_only=flags["sse_only"],
        exclude_chains=flags["exclude_chains"],
        share_of_price=None if share == 1 else share,
        per_day_minor=per_day,
        peers_allowed=flags["peers_allowed"],
    )
    return rule, findings


def parse_share(given: object) -> Fraction | None:
    """A share above 0 and at most 1, exactly; None for anything else.

    Written as two whole numbers of at most six digits, as a decimal of at most
    five places, or per cent with at most three places. Whatever a share could be
    is small: an exponent or a long number is not calculated, only refused.

    >>> parse_share("1/4"), parse_share("33,5 %"), parse_share(0.1), parse_share("5/4")
    (Fraction(1, 4), Fraction(67, 200), Fraction(1, 10), None)
    >>> parse_share("1e3000000"), parse_share("٢٥٪"), parse_share(1)
    (None, Fraction(1, 4), Fraction(1, 1))
    """
    if isinstance(given, int):
        return Fraction(1) if given == 1 and not isinstance(given, bool) else None
    if not isinstance(given, str | float):
        return None
    written = str(given)
    if len(written) > _LONGEST_SHARE:
        return None
    text = "".join(written.split()).translate(_MARKS)
    share = None
    if parts := _PARTS.fullmatch(text):
        share = Fraction(int(parts[1]), int(parts[2])) if int(parts[2]) else None
    elif decimals := _DECIMALS.fullmatch(text):
        places = decimals[2] or ""
        share = Fraction(int((decimals[1] or decimals[3] or "0") + places), 10 ** len(places))
    elif per_cent := _PER_CENT.fullmatch(text):
        places = per_cent[2] or ""
        share = Fraction(int(per_cent[1] + places), 100 * 10 ** len(places))
    return share if share is not None and 0 < share <= 1 else None


def spending_rule(kept: Mapping[str, Any]) -> SpendingRule:
    """The rule of a fund as its record keeps it; what is kept was checked when it was written."""
    rule, findings = parse(kept)
    assert not findings, [finding.code for finding in findings]
    return rule

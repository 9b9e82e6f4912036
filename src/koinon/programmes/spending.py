"""Where money of a fund may be spent: no clock, no database.

A spending rule as the record of the fund keeps it; a town writes its own in ``programmes/*.toml``, of which
docs/reference/town-folder.md tells:

| key | says |
| --- | --- |
| payees | list of parties, by their ids; only they |
| except_payees | list of parties, by their ids; not they |
| zones | list of neighbourhood codes; only there |
| sectors | list of sector groups (``food``) or NACE codes and their beginnings (``47``) |
| legal_forms | list of legal forms |
| sizes | list of sizes of enterprises: ``micro``, ``small``, ``medium``, ``large`` |
| sse_only | true: only social and solidarity economy organisations |
| exclude_chains | true: no chains and franchises |
| categories | list of what may be bought, as tills name it: ``food``, ``hygiene`` |
| hours | list of days of the week and hours: ``"mon-fri 08:00-20:00"`` |
| share_of_price | at most this share of a price: ``"1/2"``, ``"50 %"``, ``0.5`` |
| per_day_minor | at most this many minor units a local day |
| per_cycle_minor | at most this many minor units a local month |
| peers_allowed | true: residents may be paid too, not only tills |
| peers_bound | true: what a resident is paid stays money of the fund, with its rule and its last day; else it is free |
| chain | true: what a shop is paid stays bound, until it has paid it on to somebody whom the rule allows |

What a rule does not say, it allows; except ``peers_allowed``. docs/algorithms/spending-rules.md works a table for each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from koinon.kernel.decisions import Decision, Finding, Ground
from koinon.parties.types import PartyFacts

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_REASON = 300
SIZES = ("micro", "small", "medium", "large")
_MIDNIGHT = 24 * 60


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Some days of the week (0 is Monday), from a minute of the local day up to another one, which is not included.

    >>> str(Window((0, 1, 2, 3, 4, 6), 8 * 60, 20 * 60)), str(Window((5,), 0, 24 * 60))
    ('mon-fri,sun 08:00-20:00', 'sat 00:00-24:00')
    """

    days: tuple[int, ...]
    since: int
    until: int

    def __str__(self) -> str:
        runs: list[list[int]] = []
        for day in self.days:
            if runs and runs[-1][-1] == day - 1:
                runs[-1].append(day)
            else:
                runs.append([day])
        days = ",".join(DAYS[run[0]] if len(run) == 1 else f"{DAYS[run[0]]}-{DAYS[run[-1]]}" for run in runs)
        return f"{days} {_clock(self.since)}-{_clock(self.until)}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


@dataclass(frozen=True, slots=True)
class SpendingRule:
    """Who may be paid from a fund, for what, when, and how much of it. ``None`` and ``False`` mean: no such limit."""

    zones: frozenset[str] | None = None
    sectors: frozenset[str] | None = None
    legal_forms: frozenset[str] | None = None
    sse_only: bool = False
    exclude_chains: bool = False
    share_of_price: Fraction | None = None
    per_day_minor: int | None = None
    peers_allowed: bool = False
    payees: frozenset[UUID] | None = None
    except_payees: frozenset[UUID] | None = None
    sizes: frozenset[str] | None = None
    categories: frozenset[str] | None = None
    hours: tuple[Window, ...] | None = None
    per_cycle_minor: int | None = None
    chain: bool = False
    peers_bound: bool = False

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
                self.payees is not None,
                self.except_payees is not None,
                self.sizes is not None,
                self.categories is not None,
                self.hours is not None,
                self.per_cycle_minor is not None,
                self.chain,
                self.peers_bound,
            )
        )

    @property
    def counts(self) -> bool:
        """Whether it must be known what was paid before: on the day, or in the month."""
        return self.per_day_minor is not None or self.per_cycle_minor is not None

    def passed_on(self) -> SpendingRule:
        """What holds for bound money that a shop was paid: whom it may pay with it, and nothing else.

        >>> SpendingRule(zones=frozenset({"besos"}), per_day_minor=10_00, chain=True).passed_on().as_json()
        {'zones': ['besos']}
        """
        return SpendingRule(
            zones=self.zones,
            sectors=self.sectors,
            legal_forms=self.legal_forms,
            sse_only=self.sse_only,
            exclude_chains=self.exclude_chains,
            payees=self.payees,
            except_payees=self.except_payees,
            sizes=self.sizes,
        )

    def as_json(self) -> dict[str, Any]:
        """The rule as ``Fund.rule`` keeps it; ``parse`` reads it back.

        >>> parse(SpendingRule(share_of_price=Fraction(1, 2), sse_only=True).as_json())[0].as_json()
        {'sse_only': True, 'share_of_price': '1/2'}
        """
        kept: dict[str, Any] = {}
        for name in _LISTS:
            values = getattr(self, name)
            if values is not None:
                kept[name] = sorted(map(str, values))
        for name in _FLAGS:
            if getattr(self, name):
                kept[name] = True
        if self.hours is not None:
            kept["hours"] = [str(window) for window in self.hours]
        if self.share_of_price is not None:
            kept["share_of_price"] = f"{self.share_of_price.numerator}/{self.share_of_price.denominator}"
        for name in _AMOUNTS:
            if getattr(self, name) is not None:
                kept[name] = getattr(self, name)
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
    minute: int | None = None,
    category: str = "",
) -> Decision:
    """Whether money under this rule may pay this payee on this local day, with every ground against it.

    ``spend_from`` and ``last_day`` are the first and last local days on which the
    money is good, inclusive. ``minute`` counts from the local midnight; None asks whether there is any hour of the
    day. ``category`` is what the till says is bought; empty: it does not say. A party that is erased or no longer
    takes part is refused before anything else is looked at, because the rest no longer matters.

    Source
    ------
    docs/algorithms/spending-rules.md works a table for each limit.

    Examples
    --------
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
    if rule.hours is not None and not _in_hours(rule.hours, day.weekday(), minute):
        grounds.append(Ground("spending.not-at-this-hour", {"hours": [str(window) for window in rule.hours]}))
    if rule.categories is not None and category not in rule.categories:
        grounds.append(
            Ground("spending.not-in-category", {"categories": sorted(rule.categories), "category": category})
        )
    if not payee.is_enterprise:
        if not rule.peers_allowed:
            grounds.append(Ground("spending.only-at-shops"))
        return Decision(tuple(grounds))
    grounds += _whom(rule, payee)
    return Decision(tuple(grounds))


def _whom(rule: SpendingRule, payee: PartyFacts) -> list[Ground]:
    """What speaks against an enterprise as such, whenever and however much it is paid."""
    grounds: list[Ground] = []
    shut_out = rule.except_payees is not None and payee.party_id in rule.except_payees
    if shut_out or (rule.payees is not None and payee.party_id not in rule.payees):
        grounds.append(Ground("spending.not-this-payee"))
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
    if rule.sizes is not None and payee.size not in rule.sizes:
        grounds.append(Ground("spending.not-of-this-size", {"sizes": sorted(rule.sizes), "size": payee.size}))
    if rule.sse_only and not payee.is_sse:
        grounds.append(Ground("spending.only-social-economy"))
    if rule.exclude_chains and payee.is_chain:
        grounds.append(Ground("spending.no-chains"))
    return grounds


def _in_hours(hours: Sequence[Window], weekday: int, minute: int | None) -> bool:
    return any(weekday in window.days and (minute is None or window.since <= minute < window.until) for window in hours)


def _in_sectors(sectors: frozenset[str], payee: PartyFacts) -> bool:
    """Whether the payee's group is listed, or its NACE code or a beginning of it: 47 covers 47.1 and 47.11."""
    if payee.sector_group and payee.sector_group in sectors:
        return True
    digits = payee.sector.replace(".", "")
    codes = (listed for listed in sectors if _NACE.fullmatch(listed))
    return bool(digits) and any(digits.startswith(code.replace(".", "")) for code in codes)


# --- Reading a rule as its record keeps it --------------------------------------------------------

_LISTS = ("payees", "except_payees", "zones", "sectors", "legal_forms", "sizes", "categories")
_FLAGS = ("sse_only", "exclude_chains", "peers_allowed", "chain", "peers_bound")
_AMOUNTS = ("per_day_minor", "per_cycle_minor")
_NACE = re.compile(r"\d\d(\.\d{1,2})?")
_CATEGORY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_KNOWN = frozenset({*_LISTS, *_FLAGS, *_AMOUNTS, "share_of_price", "hours"})
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
    for key in (*_LISTS, "hours"):
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
    for size in sorted((lists["sizes"] or frozenset()) - set(SIZES)):
        found("sizes", "rule.unknown-size", f"there is no size “{size}”", f"use one of {', '.join(SIZES)}")
    for category in sorted(lists["categories"] or ()):
        if not _CATEGORY.fullmatch(category):
            found(
                "categories", "rule.not-a-category", f"“{category}” is no name of a category",
                "write lower-case letters, digits and dashes, as the tills do",
            )  # fmt: skip
    parties: dict[str, frozenset[UUID] | None] = {}
    for key in ("payees", "except_payees"):
        ids = [_party(entry) for entry in sorted(lists[key] or ())]
        if None in ids:
            found(key, "rule.not-a-party", f"“{key}” holds something that is no id of a party", "use the shops' ids")
        parties[key] = None if lists[key] is None else frozenset(one for one in ids if one is not None)
    hours: list[Window] = []
    for text in sorted(lists.get("hours") or ()):
        window = parse_window(text)
        if window is None:
            found("hours", "rule.not-hours", f"“{text}” names no days and hours", "write “mon-fri 08:00-20:00”")
        else:
            hours.append(window)
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
    amounts: dict[str, int | None] = dict.fromkeys(_AMOUNTS)
    for key, period in (("per_day_minor", "day"), ("per_cycle_minor", "month")):
        amount = written.get(key)
        if amount is not None and (isinstance(amount, bool) or not isinstance(amount, int) or amount <= 0):
            found(
                key, "rule.not-an-amount", f"the amount a {period} is not a whole number of minor units above zero",
                "write it as 5000",
            )  # fmt: skip
        else:
            amounts[key] = amount
    rule = SpendingRule(
        payees=parties["payees"],
        except_payees=parties["except_payees"],
        zones=lists["zones"],
        sectors=lists["sectors"],
        legal_forms=lists["legal_forms"],
        sizes=lists["sizes"],
        categories=lists["categories"],
        hours=tuple(sorted(hours)) or None,
        share_of_price=None if share == 1 else share,
        per_day_minor=amounts["per_day_minor"],
        per_cycle_minor=amounts["per_cycle_minor"],
        **flags,
    )
    return rule, findings


def parse_window(text: str) -> Window | None:
    """Days of the week and hours; None for anything else.

    A window ends on the day on which it begins: one that goes over midnight is written as two.

    >>> [str(parse_window(text)) for text in ("Mon-Fri 8:00-20:00", "sat, sun 09:30 - 24:00", "fri-mon", "10:00-14:00")]
    ['mon-fri 08:00-20:00', 'sat-sun 09:30-24:00', 'mon,fri-sun 00:00-24:00', 'mon-sun 10:00-14:00']
    >>> [parse_window(text) for text in ("fri 22:00-02:00", "mon 8-20:75", "someday 08:00-09:00")]
    [None, None, None]
    """
    found = _WINDOW.fullmatch(" ".join(text.translate(_DASHES).casefold().split()))
    if found is None or not found[0]:
        return None
    days: set[int] = set()
    for part in (found["days"] or "mon-sun").split(","):
        first, _, last = (word.strip() for word in part.partition("-"))
        if first not in DAYS or (last and last not in DAYS):
            return None
        start, end = DAYS.index(first), DAYS.index(last or first)
        days.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    since = int(found["h1"] or 0) * 60 + int(found["m1"] or 0)
    until = int(found["h2"] or 24) * 60 + int(found["m2"] or 0)
    if int(found["m1"] or 0) > 59 or int(found["m2"] or 0) > 59 or not 0 <= since < until <= _MIDNIGHT:
        return None
    return Window(tuple(sorted(days)), since, until)


_DASHES = str.maketrans(dict.fromkeys("–—−‑", "-"))
_WINDOW = re.compile(
    r"(?P<days>[a-z]{3}(?: ?[-,] ?[a-z]{3})*)? ?(?:(?P<h1>\d{1,2}):(?P<m1>\d\d) ?- ?(?P<h2>\d{1,2}):(?P<m2>\d\d))?"
)


def _party(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


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
    if not isinstance(given, str | float | Decimal):
        return None
    written = str(given)
    if len(written) > _LONGEST_SHARE:
        return None
    if isinstance(given, Decimal) and "." in written:
        written = written.rstrip("0").rstrip(".")
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


# --- What holds from which day --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Version:
    """What holds for a fund's money from a local day on, until the next one begins; the first holds from ever."""

    from_day: date | None
    rule: SpendingRule
    last_day: date | None = None


def versions_of(first: SpendingRule, last_day: date | None, later: str | None) -> tuple[Version, ...]:
    """What holds for a fund: first what its own record says, then what ``Fund.later`` keeps: first day, rule, last day."""
    return (
        Version(None, first, last_day),
        *(
            Version(date.fromisoformat(day), spending_rule(rule), date.fromisoformat(until) if until else None)
            for day, rule, until in json.loads(later or "[]")
        ),
    )


def may_change(
    versions: Sequence[Version],
    *,
    from_day: date,
    rule: SpendingRule,
    last_day: date | None,
    today: date,
    notice_days: int,
    reason: str = "-",
) -> Decision:
    """Whether a fund's rule and last day may become these from a local day on, with every ground against it.

    Rules change forward in time only: after at least ``notice_days`` (and not before tomorrow), not on a day on which
    another change begins, not before a change that was announced already, and not once the money is swept away.

    >>> aid = [Version(None, FREE, date(2026, 12, 31))]
    >>> change = dict(rule=FREE, last_day=date(2026, 10, 31), today=date(2026, 10, 5), notice_days=14)
    >>> [ground.code for ground in may_change(aid, from_day=date(2026, 10, 18), **change).grounds]
    ['change.too-soon']
    >>> bool(may_change(aid, from_day=date(2026, 10, 19), **change))
    True
    """
    grounds = []
    earliest = today + timedelta(days=max(1, notice_days))
    if from_day < earliest:
        grounds.append(
            Ground("change.too-soon", {"earliest": earliest.isoformat(), "notice_days": max(1, notice_days)})
        )
    newest = versions[-1]
    if newest.from_day is not None and newest.from_day >= from_day and newest.from_day > today:
        grounds.append(Ground("change.another-follows", {"from_day": newest.from_day.isoformat()}))
    if newest.last_day is not None and from_day > newest.last_day + timedelta(days=1):
        grounds.append(Ground("change.over-before", {"last_day": newest.last_day.isoformat()}))
    if last_day is not None and last_day < from_day:
        grounds.append(Ground("change.ends-before", {"last_day": last_day.isoformat()}))
    if (newest.rule, newest.last_day) == (rule, last_day):
        grounds.append(Ground("change.nothing"))
    if not 1 <= len(reason.strip()) <= LONGEST_REASON:
        grounds.append(Ground("change.no-reason", {"at_most": LONGEST_REASON}))
    return Decision(tuple(grounds))


def in_force(versions: Sequence[Version], day: date) -> Version:
    """The version that decides on a local day; ``versions`` stand in the order in which they begin.

    >>> from koinon.programmes.spending import FREE, SpendingRule, Version
    >>> aid = [Version(None, FREE), Version(date(2026, 11, 1), SpendingRule(per_day_minor=50_00))]
    >>> [in_force(aid, day).rule.per_day_minor for day in (date(2026, 10, 31), date(2026, 11, 1))]
    [None, 5000]
    """
    found = versions[0]
    for version in versions[1:]:
        if version.from_day is not None and version.from_day <= day:
            found = version
    return found

"""Which purses pay a price, and how a refund goes back to them: no clock, no database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Protocol, TypeVar
from uuid import UUID

from stdnum.iso7064 import mod_97_10

from koinon.kernel.decisions import Ground
from koinon.kernel.money import Amount, share_rounded_down, split_by_weight
from koinon.parties.rules import ascii_digits
from koinon.parties.types import PartyFacts
from koinon.payments.errors import NotACodeToPay
from koinon.payments.types import Leg, Plan
from koinon.programmes.spending import SpendingRule, may_spend


class Purse(Protocol):
    """What a plan looks at: ``PurseView``, or an account of a batch that is being planned."""

    @property
    def account(self) -> int: ...
    @property
    def available_minor(self) -> int: ...
    @property
    def rule(self) -> SpendingRule: ...
    @property
    def fund(self) -> UUID | None: ...
    @property
    def fund_name(self) -> str: ...
    @property
    def spend_from(self) -> date | None: ...
    @property
    def last_day(self) -> date | None: ...
    @property
    def spent_today_minor(self) -> int: ...
    @property
    def spent_cycle_minor(self) -> int: ...


AnyPurse = TypeVar("AnyPurse", bound=Purse)


def settle(amount_minor: int, purses: Iterable[AnyPurse]) -> list[tuple[AnyPurse, int]] | None:
    """The legs of ``plan`` where the price is paid, else None: the quick way, without a word about why not.

    ``purses`` are those whose rule allows payee and day, in the order in which they pay.

    >>> from koinon.payments.types import PurseView
    >>> from koinon.programmes.spending import FREE
    >>> [(purse.account, given) for purse, given in settle(700, [PurseView(1, 500, FREE), PurseView(2, 500, FREE)])]
    [(1, 500), (2, 200)]
    """
    legs = []
    left = amount_minor
    for purse in purses:
        most = purse.available_minor
        if most <= 0:
            continue
        rule = purse.rule
        if rule.share_of_price is not None:
            most = min(most, share_rounded_down(amount_minor, rule.share_of_price))
        if rule.per_day_minor is not None:
            most = min(most, rule.per_day_minor - purse.spent_today_minor)
        if rule.per_cycle_minor is not None:
            most = min(most, rule.per_cycle_minor - purse.spent_cycle_minor)
        if most >= left:
            legs.append((purse, left))
            return legs
        if most > 0:
            legs.append((purse, most))
            left -= most
    return None


def plan(
    amount_minor: int,
    purses: Sequence[Purse],
    *,
    payee: PartyFacts,
    day: date,
    minute: int | None = None,
    category: str = "",
) -> Plan:
    """Settle a price from the purses that may pay this payee for this on this local day.

    Soonest last day first, then the most restricted, then free money: what
    could be lost or is hard to place is used before what is good anywhere. Each
    purse gives at most what it has, its rule's share of the price (rounded
    down) and what its rule leaves of the day and of the month. ``minute`` and ``category`` are as in
    ``may_spend``; the rules of the purses are those that hold on the day.

    When that does not reach the price nothing is paid, and the grounds say
    everything that stood in the way: what is missing, and for each purse with
    money why it could not give all it has.

    Source
    ------
    docs/algorithms/purses.md works a table by hand.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from uuid import UUID
    >>> from koinon.payments.types import PurseView
    >>> from koinon.programmes.spending import FREE, SpendingRule
    >>> bakery = PartyFacts(UUID(int=9), "organisation", sector_group="food")
    >>> half = SpendingRule(share_of_price=Fraction(1, 2))
    >>> aid, own = PurseView(1, 20_00, half, fund=UUID(int=1)), PurseView(2, 5_00, FREE)
    >>> [(leg.account, leg.amount_minor) for leg in plan(9_01, [own, aid], payee=bakery, day=date(2026, 10, 5)).legs]
    [(1, 450), (2, 451)]
    >>> [ground.code for ground in plan(12_00, [own, aid], payee=bakery, day=date(2026, 10, 5)).grounds]
    ['payments.not-enough', 'payments.share-of-price']
    """
    assert amount_minor > 0
    legs: list[Leg] = []
    payable = 0
    refused: list[Ground] = []
    limited: list[Ground] = []
    for purse in sorted(purses, key=order):
        decision = may_spend(
            purse.rule, payee=payee, day=day, spend_from=purse.spend_from, last_day=purse.last_day,
            minute=minute, category=category,
        )  # fmt: skip
        if not decision:
            if purse.available_minor > 0:
                refused.extend(_of_purse(ground, purse) for ground in decision.grounds)
            continue
        most, grounds = _most(amount_minor, purse)
        limited.extend(grounds)
        given = min(most, amount_minor - payable)
        if given > 0:
            legs.append(Leg(purse.account, purse.fund, given))
            payable += given
    if payable == amount_minor:
        return Plan(tuple(legs), payable)
    short = Ground(
        "payments.not-enough",
        {"asked_minor": amount_minor, "payable_minor": payable, "missing_minor": amount_minor - payable},
    )
    return Plan((), payable, (short, *refused, *limited))


def order(purse: Purse) -> tuple[bool, date, int, int]:
    """Free money last; before it the soonest last day, then the most restricted, then the older account."""
    return (purse.fund is None, purse.last_day or date.max, -purse.rule.restrictions, purse.account)


def _most(amount_minor: int, purse: Purse) -> tuple[int, list[Ground]]:
    """The most a purse may give to a price, and the limits that keep it below what it has."""
    most = purse.available_minor
    grounds = []
    share = purse.rule.share_of_price
    if share is not None:
        by_share = share_rounded_down(amount_minor, share)
        if by_share < min(purse.available_minor, amount_minor):
            fields = {"share": f"{share.numerator}/{share.denominator}", "at_most_minor": by_share}
            grounds.append(_of_purse(Ground("payments.share-of-price", fields), purse))
        most = min(most, by_share)
    per_day = purse.rule.per_day_minor
    if per_day is not None:
        left = max(0, per_day - purse.spent_today_minor)
        if left < min(purse.available_minor, amount_minor):
            fields = {"per_day_minor": per_day, "left_minor": left}
            grounds.append(_of_purse(Ground("payments.day-limit", fields), purse))
        most = min(most, left)
    per_cycle = purse.rule.per_cycle_minor
    if per_cycle is not None:
        left = max(0, per_cycle - purse.spent_cycle_minor)
        if left < min(purse.available_minor, amount_minor):
            fields = {"per_cycle_minor": per_cycle, "left_minor": left}
            grounds.append(_of_purse(Ground("payments.cycle-limit", fields), purse))
        most = min(most, left)
    return max(0, most), grounds


def _of_purse(ground: Ground, purse: Purse) -> Ground:
    """The ground with the fund it speaks of, so that a page can name the purse."""
    if purse.fund is None:
        return ground
    return Ground(ground.code, {**ground.fields, "fund": str(purse.fund), "fund_name": purse.fund_name})


def split_refund(amount_minor: int, left_minor: Sequence[int]) -> list[int]:
    """Share a refund over the legs of a payment, in proportion to what is left of each.

    By largest remainder: nothing is lost, and no leg is given back more than is
    left of it, because a share is at most its exact proportion rounded up.

    >>> split_refund(5_01, [6_00, 4_00])
    [301, 200]
    >>> split_refund(10_00, [6_00, 4_00])
    [600, 400]
    """
    assert 0 < amount_minor <= sum(left_minor)
    return [share.minor for share in split_by_weight(Amount(amount_minor, ""), left_minor)]


# --- What a payer scans or types ------------------------------------------------------------------

PAYEE_MARK = "S1"
"""What the code of a payee begins with; a request begins with ``R1.`` and a card with ``K1``."""
PAYEE_BYTES = 16
_PAYEE = re.compile(r"S1[A-Z2-7]{26}")
_REQUEST = re.compile(r"R1\.[A-Za-z0-9_-]{100,400}")
_BETWEEN = re.compile(r"[\s\u00a0\u200e\u200f.-]+")


def payable_number(figures: int) -> str:
    """The eight digits by which a request or a payee is found: six, and two by which a wrong one is noticed.

    Those that begin with 0 to 4 are payees', the others requests' (ISO/IEC 7064, MOD 97-10).

    >>> payable_number(123456), payable_number(567890)
    ('12345676', '56789039')
    """
    assert 0 <= figures < 10**6
    bare = f"{figures:06d}"
    return bare + str(mod_97_10.calc_check_digits(bare))


def read_payable(text: str) -> tuple[str, str]:
    """What a payer scanned, opened or typed: ("request" | "payee" | "number", what it says), or ``NotACodeToPay``.

    A link says it behind its ``#``, where no server on the way reads it.

    >>> read_payable("١٢٣٤ ٥٦٧٦"), read_payable("https://besos.example/pay/#S1" + "A" * 26)[0]
    (('number', '12345676'), 'payee')
    """
    said = text.strip().rpartition("#")[2] if len(text) <= 600 else ""
    if _REQUEST.fullmatch(said):
        return "request", said
    bare = _BETWEEN.sub("", ascii_digits(said)).upper()
    if _PAYEE.fullmatch(bare):
        return "payee", bare
    if re.fullmatch(r"[0-9]{8}", bare) and mod_97_10.is_valid(bare):
        return "number", bare
    raise NotACodeToPay

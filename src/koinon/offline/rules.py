"""What a till may accept without a network, and who bears what cannot be paid: no clock, no database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from koinon.instruments.types import Card
from koinon.kernel.decisions import Decision, Ground
from koinon.offline.types import Bearer, Settlement, Terms

MOST_SYNC_DAYS = 30
MOST_DEVICES = 50
MOST_AT_ONCE = 200
AHEAD = timedelta(minutes=5)
"""How far a till's clock may run ahead of the town's. It is set by the town's at every sync."""


def may_be_terms(
    terms: Terms, *, today: date, held: Terms | None, fund_last_day: date | None = None, fund_known: bool = True
) -> Decision:
    """Whether a town can promise this from ``terms.from_day`` on.

    Whoever has been without a network for as long as the terms that hold allow has not heard of new ones: they begin
    after that. The first terms, which nobody can have missed, may begin today.
    """
    earliest = today if held is None else today + timedelta(days=held.sync_days)
    by_town = terms.bearer is Bearer.TOWN
    wrong = {
        "terms.too-soon": terms.from_day < earliest,
        "terms.amounts-not-positive": min(
            terms.voucher_most_minor, terms.card_most_minor, terms.device_most_minor
        ) <= 0,
        "terms.caps-out-of-order": not (
            terms.voucher_most_minor <= terms.card_most_minor <= terms.device_most_minor
        ),
        "terms.sync-days": not 1 <= terms.sync_days <= MOST_SYNC_DAYS,
        "terms.devices": not 1 <= terms.devices_most <= MOST_DEVICES,
        "terms.fund-missing": by_town and (terms.fund_id is None or not fund_known),
        "terms.fund-over": by_town and fund_last_day is not None and fund_last_day < terms.from_day,
        "terms.month-missing": by_town and terms.month_most_minor <= 0,
        "terms.not-the-towns": not by_town and (terms.fund_id is not None or terms.month_most_minor != 0),
    }  # fmt: skip
    fields = {"terms.too-soon": {"earliest": earliest}}
    return Decision(tuple(Ground(code, fields.get(code, {})) for code, is_so in wrong.items() if is_so))


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known where a voucher is settled. Amounts in minor units.

    ``blocked`` is how the card stood when the till says that it accepted it, ``card`` how it stands now.
    ``registered`` and ``withdrawn`` are how the till stood when it says that it accepted it.
    ``arriving`` are the terms of the local day on which it arrives, ``arrived_minor`` what vouchers of any till that arrived on
    that day charged to this card, whatever day they say, and ``arrived`` names them.
    ``here_minor`` is what vouchers of this till that came before took from this card on this local day, ``unsent_minor`` what
    of them the till still kept when it accepted this one, whatever their counters say; ``charged_minor`` is what vouchers of any till charged to this card on this
    day, and ``earlier`` names them. ``reused`` names a voucher that came first with the same counter.
    """

    terms: Terms | None
    arriving: Terms | None
    switched_on: bool
    registered: bool
    withdrawn: bool
    card: Card | None
    sealed_well: bool
    blocked: bool = False
    here_minor: int = 0
    unsent_minor: int = 0
    charged_minor: int = 0
    earlier: tuple[str, ...] = ()
    arrived_minor: int = 0
    arrived: tuple[str, ...] = ()
    reused: str = ""


def settle(amount_minor: int, *, accepted_at: datetime, received_at: datetime, seen: Circumstances) -> Settlement:
    """What may be charged to the card's holder, and whether a loss is the shop's whatever the policy says.

    The shop bears a loss that its till could have avoided: it knows the caps, its own count, its own clock and how old what
    it keeps is. What no till can know (what the card pays elsewhere, whether it was blocked, what its holder has)
    is for the policy. A holder whose PIN nobody asked for is charged at most the card's cap a day, over all tills.

    A till can write any day it likes; when a voucher arrives, the town sees itself. So what arrives on one day charges a
    holder at most the cap too, and what only that cap keeps from being charged is the shop's, which may have dated it back.
    """
    terms, grounds = seen.terms, _of_the_shop(amount_minor, accepted_at, received_at, seen)
    shop_bears = bool(grounds)
    if not seen.registered or seen.withdrawn or seen.reused or seen.card is None or terms is None:
        return Settlement(0, True, grounds)
    if ended := _ended(seen.card, accepted_at, blocked=seen.blocked):
        return Settlement(0, shop_bears, (*grounds, Ground(ended)))
    left = max(0, terms.card_most_minor - seen.charged_minor)
    if left < amount_minor:
        fields = {"most_minor": terms.card_most_minor, "left_minor": left, "earlier": list(seen.earlier)}
        grounds = (*grounds, Ground("offline.over-card", fields))
    charge = min(amount_minor, left)
    most = seen.arriving.card_most_minor if seen.arriving else 0
    left = max(0, most - seen.arrived_minor)
    if left < charge:
        fields = {"most_minor": most, "left_minor": left, "earlier": list(seen.arrived)}
        return Settlement(left, True, (*grounds, Ground("offline.over-card-arrived", fields)))
    return Settlement(charge, shop_bears, grounds)


def _of_the_shop(
    amount_minor: int, accepted_at: datetime, received_at: datetime, seen: Circumstances
) -> tuple[Ground, ...]:
    """Every ground on which the loss is the shop's own."""
    grounds = []
    if not seen.registered:
        grounds.append(Ground("offline.till-not-registered"))
    if seen.withdrawn:
        grounds.append(Ground("offline.till-withdrawn"))
    if seen.reused:
        grounds.append(Ground("offline.counter-reused", {"first": seen.reused}))
    if not seen.sealed_well:
        grounds.append(Ground("offline.card-unreadable"))
    elif seen.card is None:
        grounds.append(Ground("offline.card-unknown"))
    if accepted_at > received_at + AHEAD:
        grounds.append(Ground("offline.ahead"))
    if not seen.switched_on or seen.terms is None:
        return (*grounds, Ground("offline.not-switched-on"))
    terms = seen.terms
    if amount_minor > terms.voucher_most_minor:
        grounds.append(Ground("offline.over-voucher", {"most_minor": terms.voucher_most_minor}))
    if seen.here_minor + amount_minor > terms.card_most_minor:
        grounds.append(
            Ground("offline.over-card-here", {"most_minor": terms.card_most_minor, "had_minor": seen.here_minor})
        )
    if seen.unsent_minor + amount_minor > terms.device_most_minor:
        grounds.append(
            Ground("offline.over-till", {"most_minor": terms.device_most_minor, "had_minor": seen.unsent_minor})
        )
    if received_at > accepted_at + timedelta(days=terms.sync_days):
        grounds.append(Ground("offline.late", {"days": terms.sync_days}))
    return tuple(grounds)


def _ended(card: Card, accepted_at: datetime, *, blocked: bool) -> str:
    """Why a card paid nothing when the till accepted it; empty where it was good. What happens to it later changes nothing.

    The erasure of its holder does: it leads to nobody's purses any more.
    """
    if card.handed_at is None or card.party is None or card.handed_at > accepted_at:
        return "offline.card-not-handed-over"
    if card.holder_erased or (card.ended_at is not None and card.ended_at <= accepted_at):
        return "offline.card-ended"
    return "offline.card-blocked" if blocked else ""


def attribute(loss_minor: int, *, bearer: Bearer, shop_bears: bool, month_left_minor: int) -> tuple[int, int]:
    """Whose a loss is, in minor units: the town's, at most what is left of its month, and the shop's.

    >>> attribute(8_00, bearer=Bearer.TOWN, shop_bears=False, month_left_minor=5_00)
    (500, 300)
    >>> attribute(8_00, bearer=Bearer.TOWN, shop_bears=True, month_left_minor=5_00)
    (0, 800)
    >>> attribute(8_00, bearer=Bearer.SHOP, shop_bears=False, month_left_minor=0)
    (0, 800)
    """
    assert loss_minor >= 0
    assert month_left_minor >= 0
    towns = 0 if shop_bears or bearer is Bearer.SHOP else min(loss_minor, month_left_minor)
    return towns, loss_minor - towns

"""Switching shops on, registering tills, and settling what they accepted without a network.

Every function but ``accept`` is part of its caller's transaction. ``accept`` settles each voucher in a
transaction of its own, so that one that cannot be paid keeps no other waiting, and whoever is cut off in the
middle sends all of them again: a voucher that came before is found and not settled twice. What the town bears is paid
in a second transaction: the ledger orders its locks within a posting and not between two, so no transaction posts twice.
Where the second one never comes about, the town owes the shop, and pays like everything that it owes.

A town's vouchers take turns: the row of its tally is locked first, then the funds that bear losses by their ids, then the
books. So what comes first is settled first, and two tills that come back at once cannot both use up one card's cap.
docs/algorithms/offline-vouchers.md works an example.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import execute, many, one, scalar, statement
from koinon.db.transactions import savepoint
from koinon.instruments import queries as instruments
from koinon.instruments.errors import CardNotFound, NotACard
from koinon.instruments.types import Card, CardState, Way
from koinon.kernel.decisions import Ground
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import id_under, new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger import queries as books
from koinon.ledger.errors import AccountNotOpen, CeilingReached, GroupRefused, InsufficientFunds
from koinon.ledger.types import Code, Kind, NewAccount, Outcome, Refused, Reversal, Transfer
from koinon.offline import queries, rules, vouchers
from koinon.offline.errors import (
    DeviceNotFound,
    DeviceRevoked,
    KeyReused,
    NotSwitchedOn,
    OfflineError,
    ShopNotFound,
    SignatureWrong,
    TermsNotPossible,
    TooManyDevices,
    TooManyVouchers,
    VoucherMisplaced,
)
from koinon.offline.rules import Circumstances
from koinon.offline.types import Algorithm, Content, Device, Sent, Terms, Voucher
from koinon.parties import queries as parties
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownFacts
from koinon.payments import authorised
from koinon.payments.errors import NotPayable, SameParty
from koinon.programmes import funds
from koinon.programmes import queries as programmes
from koinon.programmes.errors import FundNotFound

PACKAGE = "koinon.offline"
_LABEL = 40
_TURNS = 64
_MOST_COVERED = 1000

Opened = Callable[[], AbstractContextManager[Connection[Any]]]


@dataclass(frozen=True, slots=True)
class _Seen:
    here_minor: int
    unsent_minor: int


@dataclass(frozen=True, slots=True)
class _OfCard:
    charged_minor: int
    earlier: list[str]
    arrived_minor: int
    arrived: list[str]


@dataclass(frozen=True, slots=True)
class _Refunded:
    id: UUID
    fund_id: UUID
    paid_minor: int
    covered_minor: int
    returned_minor: int
    refunded_minor: int

    @property
    def due_minor(self) -> int:
        """What is the town's of what the shop gave back: all of it once the whole sale is given back."""
        return self.covered_minor * self.refunded_minor // self.paid_minor - self.returned_minor


@dataclass(frozen=True, slots=True)
class _Owed:
    id: UUID
    party: UUID
    fund_id: UUID
    owed_minor: int


# Terms and shops


def set_terms(conn: Connection[Any], *, town_id: int, terms: Terms, at: datetime, actor: str) -> bool:
    """Say what holds for payments without a network from a local day on; False when it was so already.

    Refuses with ``TermsNotPossible``, every ground at once.
    """
    today = _today(parties.town(conn, town_id), at)
    execute(conn, statement(PACKAGE, "lock_town"), town_id=town_id)
    known = queries.terms_from(conn, town_id=town_id, day=today)
    if terms in known:
        return False
    fund_last_day, fund_known = None, True
    if terms.fund_id is not None:
        try:
            fund_last_day = programmes.fund(conn, town_id=town_id, fund_id=terms.fund_id).last_day
        except FundNotFound:
            fund_known = False
    held = known[0] if known and known[0].from_day <= today else None
    decision = rules.may_be_terms(
        terms, today=today, held=held, fund_last_day=fund_last_day, fund_known=fund_known
    )  # fmt: skip
    if not decision:
        raise TermsNotPossible(grounds=decision.grounds)
    facts: dict[str, Any] = {
        "voucher_most_minor": terms.voucher_most_minor,
        "card_most_minor": terms.card_most_minor,
        "device_most_minor": terms.device_most_minor,
        "sync_days": terms.sync_days,
        "devices_most": terms.devices_most,
        "bearer": terms.bearer.value,
        "fund_id": terms.fund_id,
        "month_most_minor": terms.month_most_minor,
        "source": terms.source,
    }
    execute(
        conn, statement(PACKAGE, "set_terms"),
        town_id=town_id, from_day=terms.from_day, set_by=actor, set_at=at, **facts,
    )  # fmt: skip
    after = facts | {"from_day": terms.from_day.isoformat(), "fund_id": str(terms.fund_id) if terms.fund_id else None}
    record(
        conn, town_id=town_id, actor=actor, action="offline.terms-set", subject=f"town:{town_id}", after=after, at=at
    )
    return True


def switch_on(conn: Connection[Any], *, town_id: int, party: UUID, at: datetime, actor: str) -> bool:
    """Let a shop accept payments without a network; False when it may already.

    Refuses with ``ShopNotFound``, and ``NotSwitchedOn`` where the town has no terms yet under which it would.
    """
    if not scalar(conn, statement(PACKAGE, "is_shop"), town_id=town_id, party=party):
        raise ShopNotFound(party=party)
    today = _today(parties.town(conn, town_id), at)
    if not queries.terms_from(conn, town_id=town_id, day=today):
        raise NotSwitchedOn(day=today)
    if not execute(conn, statement(PACKAGE, "switch_on"), town_id=town_id, party=party, at=at, actor=actor):
        return False
    record(conn, town_id=town_id, actor=actor, action="offline.shop-on", subject=f"party:{party}", at=at)
    return True


def switch_off(conn: Connection[Any], *, town_id: int, party: UUID, at: datetime, actor: str, reason: str = "") -> bool:
    """No longer let a shop; False when it may not already. What its tills accepted before is settled as it was promised."""
    if not execute(conn, statement(PACKAGE, "switch_off"), town_id=town_id, party=party, at=at, actor=actor):
        return False
    record(
        conn, town_id=town_id, actor=actor, action="offline.shop-off", subject=f"party:{party}", reason=reason, at=at
    )  # fmt: skip
    return True


# Tills


def register_device(
    conn: Connection[Any],
    *,
    town_id: int,
    device_id: UUID,
    party: UUID,
    label: str,
    algorithm: Algorithm,
    public_key: bytes,
    at: datetime,
    actor: str,
) -> Device:
    """Take up the public key of a till, which made the pair itself. The same again gives the till of the first time.

    Refuses with ``KeyNotUsable``, ``NotSwitchedOn``, ``TooManyDevices``, ``KeyReused`` and ``DeviceRevoked``.
    """
    key = vouchers.public_key(algorithm, public_key)
    today = _today(parties.town(conn, town_id), at)
    execute(conn, statement(PACKAGE, "lock_town"), town_id=town_id)
    if (known := _device(conn, town_id, device_id)) is not None:
        if (known.party, known.algorithm, known.public_key) != (party, algorithm, key):
            raise KeyReused(device=device_id)
        if known.revoked_at is not None:
            raise DeviceRevoked(device=device_id)
        return known
    if scalar(conn, statement(PACKAGE, "key_of"), town_id=town_id, public_key=key) is not None:
        raise KeyReused(device=device_id)
    terms = queries.terms(conn, town_id=town_id, day=today)
    if terms is None or not queries.was_on(conn, town_id=town_id, party=party, at=at):
        raise NotSwitchedOn(day=today)
    working = [found for found in queries.devices(conn, town_id=town_id, party=party) if found.revoked_at is None]
    if len(working) >= terms.devices_most:
        raise TooManyDevices(most=terms.devices_most)
    number = scalar(conn, statement(PACKAGE, "count_device"), town_id=town_id)
    execute(
        conn, statement(PACKAGE, "add_device"),
        town_id=town_id, id=device_id, number=number, party=party, label=_said(label) or f"{number}",
        algorithm=algorithm.value, public_key=key, at=at, actor=actor,
    )  # fmt: skip
    after = {"number": number, "party": str(party), "algorithm": algorithm.value}
    record(
        conn, town_id=town_id, actor=actor, action="offline.till-registered", subject=f"till:{device_id}", after=after,
        at=at,
    )  # fmt: skip
    return queries.device(conn, town_id=town_id, device_id=device_id)


def revoke_device(
    conn: Connection[Any],
    *,
    town_id: int,
    device_id: UUID,
    at: datetime,
    actor: str,
    party: UUID | None = None,
    reason: str = "",
) -> bool:
    """Withdraw a till, lost or no longer used: what it says it accepted from now on is charged to nobody.

    ``party`` where a shop withdraws one of its own. False when it was withdrawn already. Refuses with ``DeviceNotFound``.
    """
    queries.device(conn, town_id=town_id, device_id=device_id, party=party)
    if not execute(conn, statement(PACKAGE, "revoke_device"), town_id=town_id, device=device_id, at=at, actor=actor):
        return False
    record(
        conn, town_id=town_id, actor=actor, action="offline.till-withdrawn", subject=f"till:{device_id}", reason=reason,
        at=at,
    )  # fmt: skip
    return True


# Settling


def accept(
    opened: Opened,
    *,
    town_id: int,
    device_id: UUID,
    party: UUID,
    sent: Sequence[Sent],
    now: datetime,
    actor: str,
    secrets: Secrets,
) -> list[Voucher | OfflineError]:
    """Settle what a till of a shop accepted without a network, in the order sent; one outcome for each.

    A voucher that came before gives its first outcome again. One that the till did not sign is not taken: its refusal
    (``VoucherMalformed``, ``VoucherMisplaced``, ``SignatureWrong``) stands in its place. Everything else is settled:
    paid from the purses of the card's holder by the ordinary payment, as if at the time when the till accepted it; what these
    cannot pay is a loss, borne as the terms of that day say.

    ``opened`` opens a transaction and commits it at the end of its block. Refuses with ``TooManyVouchers`` and
    ``DeviceNotFound``. A withdrawn till is heard too: what it accepted before counts.
    """
    if len(sent) > rules.MOST_AT_ONCE:
        raise TooManyVouchers(most=rules.MOST_AT_ONCE)
    with opened() as conn:
        town = parties.town(conn, town_id)
        device = queries.device(conn, town_id=town_id, device_id=device_id, party=party)
        execute(conn, statement(PACKAGE, "note_sync"), town_id=town_id, device=device_id, at=now)
    outcomes: list[Voucher | OfflineError] = []
    for each in sent:
        try:
            content = _read(town, device, each)
        except OfflineError as refused:
            outcomes.append(refused)
            continue
        with opened() as conn:
            settled, is_new = _settle(conn, town, device, each, content, now=now, actor=actor, secrets=secrets)
        if is_new and settled.owed_minor:
            with opened() as conn:
                settled = _cover_at_once(conn, town, settled.id, at=now, actor=actor)
        outcomes.append(settled)
    return outcomes


def cover_owed(conn: Connection[Any], *, town_id: int, at: datetime, actor: str) -> int:
    """Pay shops what the town owes them for vouchers, the oldest first, as far as its funds have it; how many were paid.

    Whoever came first is paid first, large or small. A thousand at the most; call it again for more, in another transaction.
    """
    if not scalar(conn, statement(PACKAGE, "is_owed"), town_id=town_id):
        return 0
    town = parties.town(conn, town_id)
    execute(conn, statement(PACKAGE, "lock_town"), town_id=town_id)
    waiting = many(conn, statement(PACKAGE, "lock_owed"), _Owed, town_id=town_id, id=None)
    return len(_cover(conn, town, waiting, at=at, actor=actor))


def take_back(conn: Connection[Any], *, town_id: int, at: datetime, actor: str, payment_id: UUID | None = None) -> int:
    """Take from shops what the town covered of sales that they gave back since, to the fund; of how many sales.

    In the share in which the payment was given back, and all of it once that was given back wholly. Of one payment, or
    of every one. What a till has not got any more stays due: the next call asks again.
    """
    execute(conn, statement(PACKAGE, "lock_town"), town_id=town_id)
    found = many(conn, statement(PACKAGE, "lock_returned"), _Refunded, town_id=town_id, payment=payment_id)
    found = found[:_MOST_COVERED]
    if not found:
        return 0
    for fund_id in sorted({sale.fund_id for sale in found}):
        funds.take_turns(conn, fund_id=fund_id)  # With its sweep, which holds the reserve and goes on to purses.
    unit = parties.town(conn, town_id).unit_code
    requests: list[Reversal] = []
    for sale in found:
        group, amount = id_under(sale.id, "give-back", sale.returned_minor), Amount(sale.due_minor, unit)
        how: dict[str, Any] = {"effective_at": at, "actor": actor, "amount": amount, "group": group}
        how["reference"] = f"voucher:{sale.id}"
        back = id_under(sale.id, "to-reserve", sale.returned_minor)
        requests += [
            Reversal(group, id_under(sale.id, "cover"), **how),
            Reversal(back, id_under(sale.id, "issue"), **how),
        ]
    posted = ledger.post(conn, town_id=town_id, requests=requests)
    returned = 0
    for place, sale in enumerate(found):
        if not _both(posted[2 * place : 2 * place + 2]):
            continue
        execute(conn, statement(PACKAGE, "give_back"), town_id=town_id, id=sale.id, minor=sale.due_minor)
        record(
            conn, town_id=town_id, actor=actor, action="offline.given-back", subject=f"voucher:{sale.id}", at=at,
            after={"returned_minor": sale.due_minor},
        )  # fmt: skip
        returned += 1
    return returned


def _both(posted: Sequence[Outcome]) -> bool:
    """Whether a group was posted. False where the money was not there or the till is closed or full: that one waits, and
    holds up no other. What else was refused is our own mistake, and raised."""
    refused = [outcome.error for outcome in posted if isinstance(outcome, Refused)]
    for error in refused:
        if not isinstance(error, InsufficientFunds | AccountNotOpen | CeilingReached | GroupRefused):
            raise error
    return not refused


def _read(town: TownFacts, device: Device, sent: Sent) -> Content:
    """What the voucher says, once it is certain that the till said it."""
    content = vouchers.read(sent.body)
    if (content.town_id, content.device, content.unit) != (town.id, device.id, town.unit_code):
        raise VoucherMisplaced
    if not vouchers.is_signed(device.algorithm, device.public_key, sent.signature, sent.body):
        raise SignatureWrong
    return content


def _settle(
    conn: Connection[Any],
    town: TownFacts,
    device: Device,
    sent: Sent,
    content: Content,
    *,
    now: datetime,
    actor: str,
    secrets: Secrets,
) -> tuple[Voucher, bool]:
    """What became of a voucher, and whether it is the first time that it came. What the town bears is owed so far."""
    execute(conn, statement(PACKAGE, "lock_town"), town_id=town.id)
    digest = vouchers.digest(sent.body)
    before = queries.vouchers(conn, town_id=town.id, device_id=device.id, digest=digest)
    if before:
        return before[0], False
    first = queries.first_of_counter(conn, town_id=town.id, device_id=device.id, counter=content.counter)
    card, sealed_well = _card(conn, town, sent, content, secrets)
    day, arrived = _today(town, content.accepted_at), _today(town, now)
    seen = _circumstances(conn, town, device, content, card, sealed_well, day, arrived, first)
    settled = rules.settle(content.amount_minor, accepted_at=content.accepted_at, received_at=now, seen=seen)
    voucher_id = new_id()
    paid, payment_id = 0, None
    not_paid: tuple[Ground, ...] = ()
    if settled.charge_minor and card is not None:
        paid, payment_id, not_paid = _charge(
            conn, town, device, card, voucher_id, settled.charge_minor, min(content.accepted_at, now)
        )
    grounds = (*settled.grounds, *not_paid)
    shop_bears = settled.shop_bears or any(ground.code == "offline.own-card" for ground in not_paid)
    month = arrived.replace(day=1)
    towns, shops = 0, content.amount_minor - paid
    if shops and seen.terms is not None:
        left = max(0, seen.terms.month_most_minor - _borne(conn, town.id, month))
        towns, shops = rules.attribute(
            shops, bearer=seen.terms.bearer, shop_bears=shop_bears, month_left_minor=left
        )  # fmt: skip
        if shops and not shop_bears and seen.terms.bearer == "town":
            most = {"most_minor": seen.terms.month_most_minor, "left_minor": left}
            grounds = (*grounds, Ground("offline.town-has-borne-enough", most))
    fund = seen.terms.fund_id if towns and seen.terms is not None else None
    execute(
        conn, statement(PACKAGE, "add_voucher"),
        town_id=town.id, id=voucher_id, device=device.id, counter=content.counter, clashes=first is not None,
        party=device.party, card=card.id if card else None, amount_minor=content.amount_minor,
        accepted_at=content.accepted_at, received_at=now, day=day, arrived=arrived, month=month, paid_minor=paid,
        covered_minor=0, owed_minor=towns, borne_minor=shops, fund_id=fund,
        payment_id=payment_id, body=sent.body, digest=digest, signature=sent.signature,
        grounds=json.dumps([{"code": ground.code, "fields": ground.fields} for ground in grounds], default=str),
    )  # fmt: skip
    after: dict[str, Any] = {
        "till": str(device.id), "counter": content.counter, "amount_minor": content.amount_minor, "paid_minor": paid,
        "owed_minor": towns, "borne_minor": shops, "grounds": [ground.code for ground in grounds],
    }  # fmt: skip
    record(
        conn, town_id=town.id, actor=actor, action="offline.settled", subject=f"voucher:{voucher_id}", after=after, at=now
    )  # fmt: skip
    return queries.vouchers(conn, town_id=town.id, voucher_id=voucher_id)[0], True


def _card(
    conn: Connection[Any], town: TownFacts, sent: Sent, content: Content, secrets: Secrets
) -> tuple[Card | None, bool]:
    """The card whose code is in the box, and whether there is a code in it at all. The code goes no further than this."""
    code = None
    if vouchers.digest(sent.box) == content.box_digest:
        code = vouchers.unsealed(sent.box, secrets, town.id, device=content.device, counter=content.counter)
    if code is None:
        return None, False
    try:
        presented = instruments.presented(conn, town_id=town.id, text=code, secrets=secrets)
    except (NotACard, CardNotFound):
        return None, True
    # A number is read off a card by anybody: only the scanned code shows that the card was there.
    return (presented.card, True) if presented.way is Way.SCANNED else (None, True)


def _circumstances(
    conn: Connection[Any],
    town: TownFacts,
    device: Device,
    content: Content,
    card: Card | None,
    sealed_well: bool,
    day: date,
    arrived: date,
    first: Voucher | None,
) -> Circumstances:
    till = one(
        conn, statement(PACKAGE, "seen_by_till"), _Seen,
        town_id=town.id, device=device.id, counter=content.counter, card=card.id if card else None, day=day,
        accepted_at=content.accepted_at,
    )  # fmt: skip
    of_card, blocked = _OfCard(0, [], 0, []), False
    if card is not None:
        blocked = instruments.was_blocked(conn, town_id=town.id, card_id=card.id, at=content.accepted_at)
        of_card = one(
            conn, statement(PACKAGE, "seen_of_card"), _OfCard, town_id=town.id, card=card.id, day=day, arrived=arrived
        )  # fmt: skip
    return Circumstances(
        terms=queries.terms(conn, town_id=town.id, day=day),
        arriving=queries.terms(conn, town_id=town.id, day=arrived),
        switched_on=queries.was_on(conn, town_id=town.id, party=device.party, at=content.accepted_at),
        registered=content.accepted_at >= device.registered_at - rules.AHEAD,
        withdrawn=device.revoked_at is not None and content.accepted_at >= device.revoked_at,
        card=card,
        sealed_well=sealed_well,
        blocked=blocked,
        here_minor=till.here_minor,
        unsent_minor=till.unsent_minor,
        charged_minor=of_card.charged_minor,
        earlier=tuple(of_card.earlier),
        arrived_minor=of_card.arrived_minor,
        arrived=tuple(of_card.arrived),
        reused=first.name if first else "",
    )


def _charge(
    conn: Connection[Any],
    town: TownFacts,
    device: Device,
    card: Card,
    voucher_id: UUID,
    charge_minor: int,
    at: datetime,
) -> tuple[int, UUID | None, tuple[Ground, ...]]:
    """Pay as much of it as the holder's purses can, by one ordinary payment; what was paid, by which, and why not all.

    What the purses can pay of a smaller price may be smaller again, where a fund pays a share of the price: the price is
    lowered until it can be paid. Why a purse could not pay is told to its holder and to nobody else.
    """
    good = replace(card, state=CardState.ACTIVE)  # As it was when the till accepted it.
    price = charge_minor
    grounds: tuple[Ground, ...] = ()
    for _ in range(_TURNS):
        try:
            with savepoint(conn):
                payment = authorised.pay(
                    conn, town_id=town.id, payment_id=id_under(voucher_id, "payment"), card=good, payee=device.party,
                    amount=Amount(price, town.unit_code), effective_at=at, actor=f"till:{device.id}",
                    reference=f"voucher:{voucher_id}",
                )  # fmt: skip
        except NotPayable as refused:
            grounds = (Ground("offline.not-enough"),)
            price = min(refused.payable.minor, price - 1)
            if price <= 0:
                return 0, None, grounds
        except SameParty:
            return 0, None, (Ground("offline.own-card"),)
        except KoinonError as refused:
            return 0, None, (Ground("offline.not-paid", {"code": refused.code}),)
        else:
            return price, payment.id, grounds
    return 0, None, grounds


def _cover_at_once(conn: Connection[Any], town: TownFacts, voucher_id: UUID, *, at: datetime, actor: str) -> Voucher:
    """Pay what the town bears of a voucher that was just settled, where its fund has it."""
    execute(conn, statement(PACKAGE, "lock_town"), town_id=town.id)
    waiting = many(conn, statement(PACKAGE, "lock_owed"), _Owed, town_id=town.id, id=voucher_id)
    _cover(conn, town, waiting, at=at, actor=actor)
    return queries.vouchers(conn, town_id=town.id, voucher_id=voucher_id)[0]


def _cover(
    conn: Connection[Any], town: TownFacts, waiting: Sequence[_Owed], *, at: datetime, actor: str
) -> list[_Owed]:
    """Pay shops out of the funds that bear such losses; those that were paid.

    Each is issued from its fund's reserve and paid in one group, or not at all, and all of them in one posting. Where a
    fund is over, has no more budget or not the money for the next, the town goes on owing that and what came after it.
    """
    asked: list[_Owed] = []
    for fund_id in sorted({owed.fund_id for owed in waiting}):
        funds.take_turns(conn, fund_id=fund_id)
        left = _left(conn, town, fund_id, at)
        for owed in (each for each in waiting if each.fund_id == fund_id):
            left -= owed.owed_minor
            if left < 0 or len(asked) == _MOST_COVERED:
                break
            asked.append(owed)
    if not asked:
        return []
    posted = ledger.post(conn, town_id=town.id, requests=_covering(conn, town, asked, at, actor))
    paid = []
    for place, owed in enumerate(asked):
        if not _both(posted[2 * place : 2 * place + 2]):
            continue  # Somebody took the money since it was counted.
        execute(conn, statement(PACKAGE, "cover"), town_id=town.id, id=owed.id)
        record(
            conn, town_id=town.id, actor=actor, action="offline.covered", subject=f"voucher:{owed.id}", at=at,
            after={"covered_minor": owed.owed_minor},
        )  # fmt: skip
        paid.append(owed)
    return paid


def _left(conn: Connection[Any], town: TownFacts, fund_id: UUID, at: datetime) -> int:
    """What a fund, which is locked, may still pay for losses: what lies in its reserve, within its days and its budget."""
    fund = programmes.fund(conn, town_id=town.id, fund_id=fund_id)
    if fund.last_day is not None and _today(town, at) > fund.last_day:
        return 0
    reserve = books.account(conn, town_id=town.id, kind=Kind.RESERVE, holder=town.party_id, fund=fund_id)
    there = reserve.available.minor if reserve else 0
    if fund.budget_minor is None:
        return there
    return min(there, fund.budget_minor - programmes.committed_of_fund(conn, fund_id=fund_id))


def _covering(
    conn: Connection[Any], town: TownFacts, asked: Sequence[_Owed], at: datetime, actor: str
) -> list[Transfer]:
    """Two transfers for each: out of the reserve, and to the shop."""
    accounts = [
        account
        for owed in asked
        for account in (
            NewAccount(Kind.RESERVE, town.unit_code, town.party_id, owed.fund_id),
            NewAccount(Kind.ESCROW, town.unit_code, town.party_id, owed.fund_id),
            NewAccount(Kind.TILL, town.unit_code, owed.party),
        )
    ]
    numbers = iter(ledger.open_accounts(conn, town_id=town.id, accounts=accounts, at=at, actor=actor))
    requests = []
    for owed in asked:
        reserve, escrow, till = next(numbers), next(numbers), next(numbers)
        issue, amount = id_under(owed.id, "issue"), Amount(owed.owed_minor, town.unit_code)
        how: dict[str, Any] = {"effective_at": at, "actor": actor, "reference": f"voucher:{owed.id}", "group": issue}
        requests += [
            Transfer(issue, reserve, escrow, amount, Code.ISSUE, **how),
            Transfer(id_under(owed.id, "cover"), escrow, till, amount, Code.COVER, **how),
        ]
    return requests


def _borne(conn: Connection[Any], town_id: int, month: date) -> int:
    return int(scalar(conn, statement(PACKAGE, "borne_in_month"), town_id=town_id, month=month))


def _device(conn: Connection[Any], town_id: int, device_id: UUID) -> Device | None:
    try:
        return queries.device(conn, town_id=town_id, device_id=device_id)
    except DeviceNotFound:
        return None


def _today(town: TownFacts, at: datetime) -> date:
    return at.astimezone(town.zone).date()


def _said(label: str) -> str:
    return " ".join(label.split())[:_LABEL]

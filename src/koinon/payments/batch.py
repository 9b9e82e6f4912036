"""A batch of commands, decided one after the other in memory: no clock, no database.

``Batch`` starts from what payments.gather has locked and read, and keeps balances, limits by the
day and what was paid, held and given back as each command would leave them. What it
decides is what deciding and posting the commands one by one in this order would give.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from koinon.kernel.decisions import Ground
from koinon.kernel.errors import KoinonError, UnitMismatch
from koinon.kernel.identifiers import id_under
from koinon.kernel.money import Amount
from koinon.ledger.errors import AccountNotOpen, CeilingReached, KeyFromTheFuture
from koinon.ledger.types import Capture, Code, Hold, Kind, NewAccount, Release, Request, Reversal, Transfer
from koinon.parties.errors import PartyNotFound
from koinon.parties.types import PartyFacts
from koinon.payments import rules
from koinon.payments.commands import CaptureHold, Command, Pay, PlaceHold, RefundPayment, ReleaseHold
from koinon.payments.errors import (
    AmountNotPositive,
    CaptureTooLarge,
    HoldNotFound,
    HoldNotOpen,
    KeyReused,
    LapsesTooSoon,
    NotPayable,
    PaymentNotFound,
    RefundNotCovered,
    RefundTooLarge,
    SameParty,
    TooFarAhead,
)
from koinon.payments.groups import Group, Leg, Line, groups
from koinon.payments.types import HoldState
from koinon.programmes.spending import FREE, SpendingRule, Version, in_force, may_spend, spending_rule, versions_of

AHEAD = timedelta(days=1)
"""How far ahead of the clock something may happen; payments.posted_since says where walks over a day may end."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The row that payments.gather answers; its texts are JSON lists, None where there is nothing.

    ``clock`` is None in a demonstration, which lives ahead of every clock.
    """

    clock: datetime | None
    unit: str | None
    time_zone: str | None
    payers: str | None
    payees: str | None
    accounts: str | None
    funds: str | None
    spent: str | None
    named: str | None
    lines: str | None


class Account:
    """A purse or till as the commands so far leave it; fields as in ``PurseView``, and what a ceiling looks at."""

    __slots__ = (
        "_terms", "account", "available_minor", "ceiling_minor", "chains", "counts", "filled_minor", "fund", "fund_id",
        "fund_name", "is_open", "last_day", "rule", "spend_from", "spent_cycle_minor", "spent_today_minor", "stays",
    )  # fmt: skip

    def __init__(
        self,
        account: int,
        fund: _Fund | None,
        is_open: bool,
        available: int,
        filled: int,
        ceiling: int | None,
        bound: bool = False,
    ) -> None:
        self.account = account
        self.is_open = is_open
        self.available_minor = available
        self.filled_minor = filled
        self.ceiling_minor = ceiling
        self.spent_today_minor = 0
        self.spent_cycle_minor = 0
        self.chains = False
        self.stays = False
        if fund is None:
            self.fund: UUID | None = None
            self.fund_id = ""
            self.fund_name = ""
            self.rule = FREE
            self.spend_from: date | None = None
            self.last_day: date | None = None
            self.counts = False
            self._terms: tuple[Version, ...] = ()
            return
        self.fund = fund.id
        self.fund_id = fund.text + "*" if bound else fund.text
        self.fund_name = fund.name
        self.spend_from = None if bound else fund.spend_from
        self.counts = fund.counts and not bound
        self._terms = fund.bound if bound else fund.versions
        self.rule = self._terms[0].rule
        self.last_day = self._terms[0].last_day
        self.chains = self.rule.chain
        self.stays = self.rule.peers_bound

    def hold_on(self, day: date) -> None:
        """Take the rule and the last day that hold on a local day."""
        if len(self._terms) > 1:
            version = in_force(self._terms, day)
            self.rule = version.rule
            self.last_day = version.last_day
            self.chains = version.rule.chain
            self.stays = version.rule.peers_bound


@dataclass(frozen=True, slots=True)
class _Fund:
    """``bound`` is what holds for its money in tills, which is bound to be paid on: no last day, and only to whom."""

    id: UUID
    text: str
    name: str
    spend_from: date | None
    versions: tuple[Version, ...]
    bound: tuple[Version, ...]
    counts: bool
    finely: bool

    def changes_within(self, days: Collection[date]) -> bool:
        return len(self.versions) > 1 and len({in_force(self.versions, day).from_day for day in days}) > 1


@dataclass(frozen=True, slots=True)
class Told:
    """That a command did or found something: what to answer, once it is known when it was posted."""

    group: Group
    minor: int = 0
    state: str = ""
    fresh: bool = True


Decided = Told | KoinonError
_When = date | tuple[date, int, str]
"""What a decision about a payee holds for: a local day, or where some rule asks, minute and category too."""


class Batch:
    """What becomes of each command, in order; ``requests`` are then to be posted as they stand.

    ``to_open`` are accounts that payees need first. Where there are any, nothing may be posted: open
    them, gather again and decide again.
    """

    def __init__(self, found: Gathered, commands: Sequence[Command]) -> None:
        self.unit = found.unit or ""
        self.requests: list[Request] = []
        self.to_open: dict[tuple[UUID, UUID | None], NewAccount] = {}
        self._zone = ZoneInfo(found.time_zone or "UTC")
        self._latest = datetime.max.replace(tzinfo=UTC) if found.clock is None else found.clock + AHEAD
        self._days: dict[datetime, date] = {}
        self._accounts: dict[int, Account] = {}
        self._purses: dict[str, list[Account]] = {}
        self._ordered: set[str] = set()
        self._receiving: dict[tuple[str, str, UUID | None], Account] = {}
        self._funds: dict[str, _Fund] = {}
        self._finely = False  # Whether a rule asks for the hour, or for what is bought.
        self._changing = False  # Whether one rule gives way to another between the days of this batch.
        self._erased: dict[str, bool] = {}
        self._payees: dict[str, PartyFacts] = {}
        self._rules: dict[tuple[str, str, _When], bool] = {}
        self._may_pay: dict[tuple[str, str, _When], list[Account]] = {}
        self._spent: dict[tuple[int, date], int] = {}
        self._spent_in: dict[tuple[int, int, int], int] = {}
        self._groups: dict[UUID, Group] = {}
        self._taken: set[UUID] = set()
        self._read(found, commands)
        deciders: dict[type, Any] = {
            Pay: self._pay,
            RefundPayment: self._refund,
            PlaceHold: self._place,
            CaptureHold: self._capture,
            ReleaseHold: self._release,
        }
        self.decided: list[Decided] = []
        newest_id = (int(self._latest.timestamp() * 1000) << 80) | (7 << 76) | (2 << 62)
        for command in commands:
            if command.id.int > newest_id and command.id.version == 7:  # The ledger would refuse it for the same.
                self.decided.append(KeyFromTheFuture(key=str(command.id)))
            else:
                self.decided.append(deciders[type(command)](command))

    def _read(self, found: Gathered, commands: Sequence[Command]) -> None:
        funds = self._funds = {row[0]: _fund(*row) for row in _list(found.funds)}
        changing = self._read_rules(commands)
        for number, holder, kind, fund, is_open, available, filled, ceiling in _list(found.accounts):
            bound = fund is not None and kind == "till"
            account = Account(number, funds[fund] if fund else None, is_open, available, filled, ceiling, bound)
            if changing:
                account.hold_on(changing)
            self._accounts[number] = account
            if is_open:
                self._purses.setdefault(holder, []).append(account)
            self._receiving[holder, kind, account.fund] = account
        for party, erased in _list(found.payers):
            self._erased[party] = erased
        for row in _list(found.payees):
            self._payees[row[0]] = _facts(*row)
        for number, written, minor in _list(found.spent):
            day = date.fromisoformat(written)
            self._spent[number, day] = minor
            month = (number, day.year, day.month)
            self._spent_in[month] = self._spent_in.get(month, 0) + minor
        if found.named is None:
            return
        by_seq = {group.seq: group for group in groups(map(_line, _list(found.lines)))}
        for name, seq, leg, category in _list(found.named):
            named = UUID(name)
            self._taken.add(named)
            if leg == 0 and seq in by_seq:
                self._groups[named] = by_seq[seq]
                self._groups[named].category = category or ""

    def _read_rules(self, commands: Sequence[Command]) -> date | None:
        """What the rules of these funds ask for; a day on which they hold where one of them has versions."""
        changing = None
        for fund in self._funds.values():
            self._finely = self._finely or fund.finely
            if len(fund.versions) > 1:
                days = {self._day(one.effective_at) for one in commands if isinstance(one, Pay | PlaceHold)}
                changing = min(days, default=None)
                self._changing = self._changing or fund.changes_within(days)
        return changing

    # Paying and holding

    def _pay(self, asked: Pay) -> Decided:
        parts = self._settle(asked, "payment")
        if not isinstance(parts, list):
            return parts
        legs = []
        requests = self.requests
        group_id = asked.id if len(parts) > 1 else None
        at, actor, reference = asked.effective_at, asked.actor, asked.reference
        for place, (purse, to, minor) in enumerate(parts):
            leg_id = id_under(asked.id, place) if place else asked.id
            amount = Amount(minor, self.unit) if group_id else asked.amount
            requests.append(
                Transfer(leg_id, purse.account, to.account, amount, Code.PAY, at, actor, reference, group_id)
            )
            legs.append(Leg(leg_id, purse.account, to.account, minor))
            purse.available_minor -= minor
            purse.filled_minor -= minor
            to.available_minor += minor
            to.filled_minor += minor
            if purse.counts:
                self._spend(purse, at, minor)
        group = Group("payment", asked.id, asked.payer, asked.payee, self.unit, legs, at, actor, reference)
        group.category = asked.category
        self._groups[asked.id] = group
        return Told(group)

    def _place(self, asked: PlaceHold) -> Decided:
        if asked.lapses_at <= asked.effective_at and asked.id not in self._taken and asked.id not in self._groups:
            return LapsesTooSoon(lapses_at=asked.lapses_at)
        parts = self._settle(asked, "hold")
        if not isinstance(parts, list):
            return parts
        legs = []
        group_id = asked.id if len(parts) > 1 else None
        at, actor, reference = asked.effective_at, asked.actor, asked.reference
        for place, (purse, to, minor) in enumerate(parts):
            leg_id = id_under(asked.id, place) if place else asked.id
            self.requests.append(
                Hold(
                    leg_id,
                    purse.account,
                    to.account,
                    Amount(minor, self.unit),
                    Code.PAY,
                    at,
                    asked.lapses_at,
                    actor,
                    reference,
                    group_id,
                )
            )
            leg = Leg(leg_id, purse.account, to.account, minor)
            leg.state = HoldState.OPEN
            legs.append(leg)
            purse.available_minor -= minor
            to.filled_minor += minor
            if purse.counts:
                self._spend(purse, at, minor)
        group = Group("hold", asked.id, asked.payer, asked.payee, self.unit, legs, at, actor, reference)
        group.lapses_at = asked.lapses_at
        group.category = asked.category
        self._groups[asked.id] = group
        return Told(group, 0, HoldState.OPEN)

    def _settle(self, asked: Pay | PlaceHold, what: str) -> list[tuple[Account, Account, int]] | Decided:
        """Which purse pays how much to which account; or the refusal, or what the same id did before."""
        minor = asked.amount.minor
        if minor <= 0:
            return AmountNotPositive(amount=asked.amount)
        payer, payee = str(asked.payer), str(asked.payee)
        if payer == payee:
            return SameParty(party_id=asked.payer)
        if asked.id in self._groups or asked.id in self._taken:
            return self._again(asked, what)
        erased = self._erased.get(payer)
        if erased is None:
            return PartyNotFound(party_id=asked.payer)
        facts = self._payees.get(payee)
        if facts is None:
            return PartyNotFound(party_id=asked.payee)
        if asked.amount.unit != self.unit:
            return UnitMismatch(left=asked.amount.unit, right=self.unit)
        if asked.effective_at > self._latest:
            return TooFarAhead(effective_at=asked.effective_at)
        if erased:
            grounds = (Ground("payments.payer-erased"),)
            return NotPayable(asked=asked.amount, payable=Amount(0, self.unit), grounds=grounds)
        day = self._days.get(asked.effective_at) or self._day(asked.effective_at)
        if self._changing:
            for purse in self._purses.get(payer, []):
                purse.hold_on(day)
            self._ordered.discard(payer)
        minute = None
        when: _When = day
        if self._finely:
            minute = self._minute(asked.effective_at)
            when = (day, minute, asked.category)
        purses = self._may_pay.get((payer, payee, when))
        if purses is None:
            purses = self._may_pay[payer, payee, when] = self._allowed(payer, payee, facts, day, when)
        if self._spent:
            for purse in purses:
                purse.spent_today_minor = self._spent.get((purse.account, day), 0)
                if purse.rule.per_cycle_minor is not None:
                    purse.spent_cycle_minor = self._spent_in.get((purse.account, day.year, day.month), 0)
        legs = rules.settle(minor, purses)
        if legs is None:
            plan = rules.plan(
                minor, self._purses.get(payer, []), payee=facts, day=day, minute=minute, category=asked.category
            )
            assert not plan.decision
            return NotPayable(asked=asked.amount, payable=Amount(plan.payable_minor, self.unit), grounds=plan.grounds)
        kind = Kind.TILL if facts.is_enterprise else Kind.PURSE
        parts: list[tuple[Account, Account, int]] = []
        to = None
        for purse, given in legs:
            # What a chain binds arrives at a till of its fund; where residents are paid, a rule may say that it stays.
            fund = purse.fund if (purse.chains if kind is Kind.TILL else purse.stays) else None
            if to is None or to.fund != fund:
                to = self._receiving.get((payee, kind, fund)) or self._to_be_opened(asked.payee, kind, fund, day)
                if not to.is_open:
                    return AccountNotOpen(key=str(asked.id), account_id=to.account)
            if to.ceiling_minor is not None:
                filled = to.filled_minor + sum(before for _, there, before in parts if there is to)
                if filled + given > to.ceiling_minor:
                    return CeilingReached(
                        key=str(asked.id),
                        account_id=to.account,
                        available=Amount(to.ceiling_minor - filled, self.unit),
                        asked=Amount(given, self.unit),
                    )
            parts.append((purse, to, given))
        return parts

    def _to_be_opened(self, payee: UUID, kind: Kind, fund: UUID | None, day: date) -> Account:
        """An account that the payee needs first; what follows is decided as if it had it."""
        self.to_open[payee, fund] = NewAccount(kind, self.unit, payee, fund)
        of = self._funds[str(fund)] if fund else None
        to = Account(-len(self.to_open), of, True, 0, 0, None, bound=fund is not None and kind is Kind.TILL)
        to.hold_on(day)
        holder = str(payee)
        self._receiving[holder, kind, fund] = self._accounts[to.account] = to
        self._purses.setdefault(holder, []).append(to)
        self._ordered.discard(holder)
        self._may_pay.clear()  # The new account is one that pays, too.
        return to

    def _allowed(self, payer: str, payee: str, facts: PartyFacts, day: date, when: _When) -> list[Account]:
        """The payer's purses whose rules allow this payee at this time, in the order in which they pay."""
        purses = self._purses.get(payer, [])
        minute, category = when[1:] if isinstance(when, tuple) else (None, "")
        if len(purses) > 1 and payer not in self._ordered:
            purses.sort(key=rules.order)
            self._ordered.add(payer)
        found = []
        for purse in purses:
            key = (purse.fund_id, payee, when)
            allowed = self._rules.get(key)
            if allowed is None:
                allowed = self._rules[key] = bool(
                    may_spend(
                        purse.rule, payee=facts, day=day, spend_from=purse.spend_from, last_day=purse.last_day,
                        minute=minute, category=category,
                    )
                )  # fmt: skip
            if allowed:
                found.append(purse)
        return found

    def _again(self, asked: Pay | PlaceHold, what: str) -> Decided:
        first = self._groups.get(asked.id)
        if (
            first is None
            or first.what != what
            or (what == "payment" and first.target is not None)
            or (first.payer, first.payee, first.amount_minor, first.unit, first.reference, first.category)
            != (asked.payer, asked.payee, asked.amount.minor, asked.amount.unit, asked.reference, asked.category)
        ):
            return KeyReused(key=str(asked.id))
        return _as_it_stands(first)

    # Giving back

    def _refund(self, asked: RefundPayment) -> Decided:
        if asked.amount is not None and asked.amount.minor <= 0:
            return AmountNotPositive(amount=asked.amount)
        payment = self._groups.get(asked.payment)
        if payment is None or payment.what != "payment":
            return PaymentNotFound(payment_id=asked.payment)
        if asked.id in self._groups or asked.id in self._taken:
            first = self._groups.get(asked.id)
            if (
                first is None
                or first.what != "refund"
                or first.target != asked.payment
                or not _same(first, asked.amount)
            ):
                return KeyReused(key=str(asked.id))
            return _as_it_stands(first)
        if asked.amount is not None and asked.amount.unit != payment.unit:
            return UnitMismatch(left=asked.amount.unit, right=payment.unit)
        if asked.effective_at > self._latest:
            return TooFarAhead(effective_at=asked.effective_at)
        left = [leg.amount_minor - leg.reversed_minor for leg in payment.legs]
        minor = sum(left) if asked.amount is None else asked.amount.minor
        if not minor or minor > sum(left):
            return RefundTooLarge(
                payment_id=asked.payment, left=Amount(sum(left), payment.unit), asked=Amount(minor, payment.unit)
            )
        parts = [part for part in zip(payment.legs, rules.split_refund(minor, left), strict=True) if part[1]]
        if (refused := self._cannot_go_back(asked, parts, minor)) is not None:
            return refused
        group_id = asked.id if len(parts) > 1 else None
        legs = []
        for place, (leg, share) in enumerate(parts):
            back_id = id_under(asked.id, place) if place else asked.id
            amount = None if asked.amount is None else Amount(share, payment.unit)
            self.requests.append(
                Reversal(back_id, leg.id, asked.effective_at, asked.actor, amount, payment.reference, group_id)
            )
            legs.append(Leg(back_id, leg.credit, leg.debit, share))
            till, purse = self._accounts[leg.credit], self._accounts[leg.debit]
            till.available_minor -= share
            till.filled_minor -= share
            purse.available_minor += share
            purse.filled_minor += share
            leg.reversed_minor += share
            if purse.counts:
                self._spend(purse, payment.agreed_at, -share)
        group = Group(
            "refund", asked.id, payment.payer, payment.payee, payment.unit, legs, asked.effective_at, asked.actor,
            payment.reference,
        )  # fmt: skip
        group.target = asked.payment
        group.whole = asked.amount is None
        self._groups[asked.id] = group
        return Told(group)

    def _cannot_go_back(self, asked: RefundPayment, parts: Sequence[tuple[Leg, int]], minor: int) -> KoinonError | None:
        """The refusal of the first part that the ledger would refuse, as it would look at them: one after the other."""
        given = 0
        for leg, share in parts:
            till, purse = self._accounts[leg.credit], self._accounts[leg.debit]
            for account in (till, purse):
                if not account.is_open:
                    return AccountNotOpen(key=str(asked.id), account_id=account.account, asked=Amount(share, self.unit))
            if share > till.available_minor - given:
                return RefundNotCovered(payment_id=asked.payment, asked=Amount(minor, self.unit))
            if purse.ceiling_minor is not None and share > purse.ceiling_minor - purse.filled_minor:
                return CeilingReached(
                    key=str(asked.id),
                    account_id=purse.account,
                    available=Amount(purse.ceiling_minor - purse.filled_minor, self.unit),
                    asked=Amount(share, self.unit),
                )
            given += share
        return None

    # What becomes of holds

    def _capture(self, asked: CaptureHold) -> Decided:
        if asked.amount is not None and asked.amount.minor <= 0:
            return AmountNotPositive(amount=asked.amount)
        hold = self._groups.get(asked.hold)
        if hold is None or hold.what != "hold":
            return HoldNotFound(hold_id=asked.hold)
        if asked.id in self._groups or asked.id in self._taken:
            first = self._groups.get(asked.id)
            if first is None or first.what != "payment" or first.target != asked.hold or not _same(first, asked.amount):
                return KeyReused(key=str(asked.id))
            return _as_it_stands(first)
        if asked.amount is not None and asked.amount.unit != hold.unit:
            return UnitMismatch(left=asked.amount.unit, right=hold.unit)
        if asked.effective_at > self._latest:
            return TooFarAhead(effective_at=asked.effective_at)
        assert hold.lapses_at is not None
        if hold.state != HoldState.OPEN or asked.effective_at >= hold.lapses_at:
            state = HoldState.LAPSED if hold.state == HoldState.OPEN else hold.state
            return HoldNotOpen(hold_id=asked.hold, state=state)
        held_minor = hold.amount_minor
        minor = held_minor if asked.amount is None else asked.amount.minor
        if minor > held_minor:
            return CaptureTooLarge(
                hold_id=asked.hold, held=Amount(held_minor, hold.unit), asked=Amount(minor, hold.unit)
            )
        shares = rules.split_refund(minor, [leg.amount_minor for leg in hold.legs])
        # What is paid comes first, so that the payment has the id of its first transfer.
        parts = sorted(zip(hold.legs, shares, strict=True), key=lambda part: part[1] == 0)
        group_id = asked.id if len(parts) > 1 else None
        legs = []
        for place, (leg, share) in enumerate(parts):
            row_id = id_under(asked.id, place) if place else asked.id
            purse, till = self._accounts[leg.debit], self._accounts[leg.credit]
            purse.available_minor += leg.amount_minor - share
            purse.filled_minor -= share
            till.available_minor += share
            till.filled_minor += share - leg.amount_minor
            if purse.counts:
                self._spend(purse, hold.agreed_at, share - leg.amount_minor)
            if share:
                amount = None if asked.amount is None else Amount(share, hold.unit)
                self.requests.append(
                    Capture(row_id, leg.id, asked.effective_at, asked.actor, amount, hold.reference, group_id)
                )
                legs.append(Leg(row_id, leg.debit, leg.credit, share))
                leg.state = HoldState.CAPTURED
                leg.captured_minor = share
            else:
                self.requests.append(Release(row_id, leg.id, asked.effective_at, asked.actor, hold.reference, group_id))
                leg.state = HoldState.RELEASED
        group = Group(
            "payment", asked.id, hold.payer, hold.payee, hold.unit, legs, asked.effective_at, asked.actor,
            hold.reference,
        )  # fmt: skip
        group.target = asked.hold
        group.agreed_at = hold.agreed_at
        group.whole = asked.amount is None
        self._groups[asked.id] = group
        return Told(group)

    def _release(self, asked: ReleaseHold) -> Decided:
        hold = self._groups.get(asked.hold)
        if hold is None or hold.what != "hold":
            return HoldNotFound(hold_id=asked.hold)
        if asked.id in self._groups or asked.id in self._taken:
            first = self._groups.get(asked.id)
            if first is None or first.what != "release" or first.target != asked.hold:
                return KeyReused(key=str(asked.id))
            return _as_it_stands(hold)
        if asked.effective_at > self._latest:
            return TooFarAhead(effective_at=asked.effective_at)
        if hold.state != HoldState.OPEN:
            return HoldNotOpen(hold_id=asked.hold, state=hold.state)
        group_id = asked.id if len(hold.legs) > 1 else None
        for place, leg in enumerate(hold.legs):
            row_id = id_under(asked.id, place) if place else asked.id
            self.requests.append(Release(row_id, leg.id, asked.effective_at, asked.actor, hold.reference, group_id))
            purse, till = self._accounts[leg.debit], self._accounts[leg.credit]
            purse.available_minor += leg.amount_minor
            till.filled_minor -= leg.amount_minor
            leg.state = HoldState.RELEASED
            if purse.counts:
                self._spend(purse, hold.agreed_at, -leg.amount_minor)
        group = Group(
            "release", asked.id, hold.payer, hold.payee, hold.unit, [], asked.effective_at, asked.actor, hold.reference
        )
        group.target = asked.hold
        self._groups[asked.id] = group
        return Told(hold, 0, HoldState.RELEASED)

    # What bonuses look at

    @property
    def zone(self) -> ZoneInfo:
        """Where the town's days begin."""
        return self._zone

    def payee(self, party: UUID) -> PartyFacts | None:
        """A payee that a command names."""
        return self._payees.get(str(party))

    def fund_of(self, account: int) -> UUID | None:
        """Whose money an account holds."""
        return self._accounts[account].fund

    def available(self, account: int) -> int | None:
        """What an account has once the whole batch is posted; None for one that the batch did not read."""
        known = self._accounts.get(account)
        return known.available_minor if known is not None else None

    def left_of(self, payment: UUID) -> int:
        """What of a payment stays paid once the whole batch is posted."""
        group = self._groups[payment]
        return group.amount_minor - group.refunded_minor

    # Days

    def _day(self, at: datetime) -> date:
        day = self._days[at] = at.astimezone(self._zone).date()
        return day

    def _minute(self, at: datetime) -> int:
        """The minute of the local day."""
        local = at.astimezone(self._zone)
        return local.hour * 60 + local.minute

    def _spend(self, purse: Account, agreed_at: datetime, minor: int) -> None:
        day = self._days.get(agreed_at) or self._day(agreed_at)
        key = (purse.account, day)
        self._spent[key] = self._spent.get(key, 0) + minor
        month = (purse.account, day.year, day.month)
        self._spent_in[month] = self._spent_in.get(month, 0) + minor


def _same(first: Group, amount: Amount | None) -> bool:
    """Whether a refund or capture asked for this amount; None is all there was, however much."""
    if amount is None:
        return first.whole
    return not first.whole and (first.amount_minor, first.unit) == (amount.minor, amount.unit)


def _as_it_stands(group: Group) -> Told:
    if group.what == "hold":
        return Told(group, group.captured_minor, group.state, fresh=False)
    return Told(group, group.refunded_minor, fresh=False)


def _list(text: str | None) -> list[Any]:
    found: list[Any] = json.loads(text) if text else []
    return found


@lru_cache(maxsize=1024)
def _fund(number: str, name: str, rule: str, spend_from: str | None, last_day: str | None, later: str | None) -> _Fund:
    versions = versions_of(compiled(rule), _date(last_day), later)
    found = [version.rule for version in versions]
    return _Fund(
        UUID(number),
        number,
        name,
        _date(spend_from),
        versions,
        bound=tuple(Version(version.from_day, version.rule.passed_on()) for version in versions),
        counts=any(rule.counts for rule in found),
        finely=any(rule.hours is not None or rule.categories is not None for rule in found),
    )


@lru_cache(maxsize=1024)
def compiled(rule: str) -> SpendingRule:
    """A fund's rule as its record keeps it. The text itself is what is remembered: a changed rule is another text."""
    return spending_rule(json.loads(rule))


@lru_cache(maxsize=8192)
def _facts(
    party: str,
    kind: str,
    zone: str,
    sector: str,
    sector_group: str,
    legal_form: str,
    is_sse: bool,
    is_chain: bool,
    accepts_since: str | None,
    active: bool,
    size: str,
) -> PartyFacts:
    return PartyFacts(
        UUID(party), kind, zone, sector, sector_group, legal_form, is_sse, is_chain, _date(accepts_since), active, size
    )


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _line(row: dict[str, Any]) -> Line:
    for name in ("id", "debit_holder", "credit_holder"):
        row[name] = UUID(row[name])
    for name in ("effective_at", "agreed_at", "posted_at"):
        row[name] = datetime.fromisoformat(row[name])
    row["target"] = UUID(row["target"]) if row["target"] else None
    row["lapses_at"] = datetime.fromisoformat(row["lapses_at"]) if row["lapses_at"] else None
    return Line(**row)

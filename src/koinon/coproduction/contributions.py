"""Registering what people do, verifying it, rewarding it once, and undoing what was wrong.

    registered ──verify──► verified ──undo──► undone
        │   └──verify──► confirmed ──verify (another person)──► verified     above the activity's threshold
        └──reject──► rejected

Every step is part of its caller's transaction, may be repeated, and writes an
audit line. Locks are taken in one order: the fund, as approvals against its budget do,
the programme's purse strings, the activity, the contributions by id, the time bank,
then the books in one call. So two coordinators who verify at once, or one and an approver, take turns
before either has looked at a cap or a budget, and nobody who holds an account waits for any of these rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.coproduction import queries, rules, timebank
from koinon.coproduction.errors import (
    ContributionInState,
    ContributionNotFound,
    CoproductionError,
    DayNotAllowed,
    FundOver,
    KeyReused,
    NotForThem,
    OccasionNotOpen,
    OwnContribution,
    QuantityNotPlausible,
    ReasonMissing,
    RegisteredAlready,
    ReserveShort,
    SamePerson,
    StreamNotKnown,
    TimeLimit,
)
from koinon.coproduction.types import (
    WAITING,
    Activity,
    Cap,
    Contribution,
    Expected,
    Measure,
    Rate,
    Reward,
    State,
)
from koinon.db.statements import execute, many, maybe, one, statement
from koinon.db.transactions import savepoint
from koinon.kernel.identifiers import id_under
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger import queries as books
from koinon.ledger.errors import CeilingReached, InsufficientFunds
from koinon.ledger.types import Code, Kind, NewAccount, Request, Reversal, Transfer
from koinon.outbox import operations as outbox
from koinon.outbox.types import Event
from koinon.parties import queries as parties
from koinon.parties.types import TownFacts
from koinon.programmes import funds
from koinon.programmes import queries as programmes

_PACKAGE = "koinon.coproduction"
_ATTEMPTS = 3  # At taking back what a purse still has, which may be spent in between.


@dataclass(frozen=True, slots=True)
class _Strings:
    """``budget_minor`` is what the programme may have granted in all: the fund's budget less whatever else was issued or
    promised from it; None where there is none."""

    fund_id: UUID
    granted_minor: int
    last_day: date | None
    budget_minor: int | None


@dataclass(frozen=True, slots=True)
class _Id:
    id: UUID


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one contribution of several: how it stands, or why it was refused."""

    contribution: Contribution | None
    refused: CoproductionError | None = None


# --- Registering ----------------------------------------------------------------------------------


def register(
    conn: Connection[Any],
    *,
    town_id: int,
    contribution_id: UUID,
    activity_id: UUID,
    party: UUID,
    stream: str,
    quantity: int,
    day: date,
    actor: str,
    at: datetime,
    occasion_id: UUID | None = None,
    replaces: UUID | None = None,
) -> Contribution:
    """Keep what somebody says they did; a coordinator verifies it.

    ``quantity`` is whole steps of the measure: minutes, grams, sessions. With
    ``occasion_id`` people register themselves at a place, for the day it is.

    The same id with the same content gives the first registration again
    (``replayed``). Refuses with ``ActivityNotFound``, ``OccasionNotFound``,
    ``OccasionNotOpen``, ``NotForThem``, ``StreamNotKnown``, ``DayNotAllowed``,
    ``QuantityNotPlausible``, ``RegisteredAlready`` and ``KeyReused``.
    """
    first = queries.find_contribution(conn, town_id=town_id, contribution_id=contribution_id)
    if first is not None:
        return _same(first, activity_id, party, stream, quantity, day, occasion_id)
    town = parties.town(conn, town_id)
    activity = queries.activity(conn, town_id=town_id, activity_id=activity_id)
    payee = _may_take_part(conn, town, activity, party, stream, quantity, day, at)
    once = None
    if occasion_id is not None:
        occasion = queries.occasion(conn, town_id=town_id, occasion_id=occasion_id)
        if not occasion.is_open(at) or occasion.activity_id != activity_id:
            raise OccasionNotOpen(
                occasion=occasion_id, opens_at=occasion.opens_at, closes_at=occasion.closed_at or occasion.closes_at
            )
        if activity.measure != Measure.KILOGRAM:
            once = f"{occasion_id}/{party}/{day}"
    added = execute(
        conn,
        statement(_PACKAGE, "add_contribution"),
        town_id=town_id,
        id=contribution_id,
        activity_id=activity_id,
        occasion_id=occasion_id,
        party=party,
        payee=payee,
        stream=stream,
        quantity=quantity,
        day=day,
        needs_second=activity.second_above is not None and quantity > activity.second_above,
        once=once,
        replaces=replaces,
        registered_by=actor,
        registered_at=at,
    )
    if not added:
        first = queries.find_contribution(conn, town_id=town_id, contribution_id=contribution_id)
        if first is not None:
            return _same(first, activity_id, party, stream, quantity, day, occasion_id)
        known = queries.registered_once(conn, town_id=town_id, once=once or "")
        assert known is not None
        raise RegisteredAlready(contribution=known.id)
    after = {"activity": activity.code, "stream": stream, "quantity": quantity, "day": day.isoformat()}
    if replaces is not None:
        after["replaces"] = str(replaces)
    _record(conn, town_id, actor, "coproduction.registered", contribution_id, at, after=after)
    return queries.contribution(conn, town_id=town_id, contribution_id=contribution_id)


def _same(
    first: Contribution,
    activity_id: UUID,
    party: UUID,
    stream: str,
    quantity: int,
    day: date,
    occasion_id: UUID | None,
) -> Contribution:
    asked = (activity_id, party, stream, quantity, day, occasion_id)
    if (first.activity_id, first.party, first.stream, first.quantity, first.day, first.occasion_id) != asked:
        raise KeyReused(id=first.id)
    return replace(first, replayed=True)


def _may_take_part(
    conn: Connection[Any],
    town: TownFacts,
    activity: Activity,
    party: UUID,
    stream: str,
    quantity: int,
    day: date,
    at: datetime,
) -> UUID:
    """Whose purse it would go to."""
    who = queries.payee(conn, town_id=town.id, party=party, activity=activity.code)
    if activity.zones and who.zone not in activity.zones:
        raise NotForThem(activity=activity.code, party=party)
    earliest, latest = rules.days_allowed(activity.first_day, activity.last_day, today=at.astimezone(town.zone).date())
    if not earliest <= day <= latest:
        raise DayNotAllowed(day=day, first=earliest, last=latest)
    rates = queries.rates(conn, town_id=town.id, activity_id=activity.id)
    known = queries.streams_on(activity, rates, day)
    if stream not in known:
        raise StreamNotKnown(activity=activity.code, stream=stream, known=known)
    most = rules.MOST[Measure(activity.measure)]
    if not 0 < quantity <= most:
        raise QuantityNotPlausible(quantity=quantity, most=most)
    return who.payee


def record_for(
    conn: Connection[Any],
    *,
    town_id: int,
    contribution_id: UUID,
    activity_id: UUID,
    party: UUID,
    stream: str,
    quantity: int,
    day: date,
    actor: str,
    at: datetime,
    replaces: UUID | None = None,
) -> Contribution:
    """A coordinator registers somebody who has no telephone, and verifies it in the same breath.

    Above the activity's threshold a second coordinator verifies it. Refuses as
    ``register`` and ``verify`` do, and then nothing is registered.
    """
    with savepoint(conn):
        register(
            conn, town_id=town_id, contribution_id=contribution_id, activity_id=activity_id, party=party, stream=stream,
            quantity=quantity, day=day, actor=actor, at=at, replaces=replaces,
        )  # fmt: skip
        now = queries.contribution(conn, town_id=town_id, contribution_id=contribution_id)
        if now.state != State.REGISTERED:
            return replace(now, replayed=True)
        return verify(conn, town_id=town_id, contribution_id=contribution_id, actor=actor, at=at)


# --- Verifying ------------------------------------------------------------------------------------


def verify(conn: Connection[Any], *, town_id: int, contribution_id: UUID, actor: str, at: datetime) -> Contribution:
    """Somebody saw it: it is rewarded, once; or above the threshold, confirmed until a second person has.

    Refuses with ``ContributionNotFound``, ``ContributionInState``,
    ``OwnContribution``, ``SamePerson``, ``NotForThem`` (erased since), ``FundOver``,
    ``ReserveShort``, ``TimeLimit`` and what the ledger refuses of the purse.
    """
    (outcome,) = verify_many(conn, town_id=town_id, contribution_ids=[contribution_id], actor=actor, at=at)
    if outcome.refused is not None:
        raise outcome.refused
    assert outcome.contribution is not None
    return outcome.contribution


def verify_many(
    conn: Connection[Any], *, town_id: int, contribution_ids: Sequence[UUID], actor: str, at: datetime
) -> list[Outcome]:
    """``verify`` for many, in the order given: one outcome for each, and one call of the books.

    One that is refused stops no other. What the books refuse stops all of them:
    ``ReserveShort``, ``TimeLimit``, or the ledger's own refusal of a purse.
    """
    town = parties.town(conn, town_id)
    with savepoint(conn):
        batch = _Batch(conn, town, actor, at)
        batch.lock(contribution_ids)
        outcomes = [batch.verify(each) for each in dict.fromkeys(contribution_ids)]
        batch.post()
    return outcomes


class _Batch:
    """Contributions that are verified together, under locks taken in one order."""

    def __init__(self, conn: Connection[Any], town: TownFacts, actor: str, at: datetime) -> None:
        self.conn, self.town, self.actor, self.at = conn, town, actor, at
        self.activities: dict[UUID, Activity] = {}
        self.rates: dict[UUID, list[Rate]] = {}
        self.caps: dict[UUID, list[Cap]] = {}
        self.strings: dict[UUID, _Strings] = {}
        self.requests: list[Request] = []
        self.told: list[Event] = []
        self.asked: dict[UUID, int] = {}

    def lock(self, contribution_ids: Sequence[UUID]) -> None:
        met = [
            queries.find_contribution(self.conn, town_id=self.town.id, contribution_id=each)
            for each in contribution_ids
        ]
        wanted = {one.activity_id for one in met if one is not None}
        known = [each for each in queries.activities(self.conn, town_id=self.town.id) if each.id in wanted]
        for fund_id in sorted({each.fund_id for each in known if each.fund_id is not None}):
            funds.take_turns(self.conn, fund_id=fund_id)
        for programme_id in sorted({each.programme_id for each in known if each.programme_id is not None}):
            self.strings[programme_id] = _strings(self.conn, "lock_purse_strings", self.town.id, programme_id)
        for activity_id in sorted(wanted):
            execute(self.conn, statement(_PACKAGE, "lock_activity"), town_id=self.town.id, activity_id=activity_id)
        many(
            self.conn,
            statement(_PACKAGE, "lock_contributions"),
            _Id,
            town_id=self.town.id,
            ids=list(contribution_ids),
        )
        # Read anew: what stood there before the locks may have changed.
        for each in queries.activities(self.conn, town_id=self.town.id):
            if each.id in wanted:
                self.activities[each.id] = each
                self.rates[each.id] = queries.rates(self.conn, town_id=self.town.id, activity_id=each.id)
                self.caps[each.id] = queries.caps(self.conn, town_id=self.town.id, activity_id=each.id)

    def verify(self, contribution_id: UUID) -> Outcome:
        try:
            return Outcome(self._verified(contribution_id))
        except CoproductionError as refused:
            return Outcome(None, refused)

    def _verified(self, contribution_id: UUID) -> Contribution:
        found = self._now(contribution_id)
        if found.state == State.VERIFIED and found.verified_by == self.actor:
            return replace(found, replayed=True)
        if found.state not in WAITING:
            raise ContributionInState(contribution=found.id, state=found.state, wanted=WAITING)
        _not_their_own(self.conn, found, self.actor)
        activity = self.activities[found.activity_id]
        queries.payee(self.conn, town_id=self.town.id, party=found.party, activity=activity.code)
        if found.needs_second and found.state == State.REGISTERED:
            execute(
                self.conn, statement(_PACKAGE, "confirm"), town_id=self.town.id, id=found.id, actor=self.actor,
                at=self.at,
            )  # fmt: skip
            _record(self.conn, self.town.id, self.actor, "coproduction.confirmed", found.id, self.at)
            return self._now(contribution_id)
        if found.needs_second and found.confirmed_by == self.actor:
            raise SamePerson(contribution=found.id, actor=self.actor)
        return self._rewarded(found, activity)

    def _rewarded(self, found: Contribution, activity: Activity) -> Contribution:
        strings = self.strings.get(activity.programme_id) if activity.programme_id else None
        if strings is not None and strings.last_day and self.at.astimezone(self.town.zone).date() > strings.last_day:
            raise FundOver(fund_id=strings.fund_id, last_day=strings.last_day)
        replaced = self._replaced(found)
        kept = sum((one.reward_minor or 0) + (one.reward_minutes or 0) - (one.taken_back or 0) for one in replaced)
        earned = self._earned(found, activity, strings, [one.id for one in replaced], kept)
        due = max(0, earned.minor - kept)
        minor = due if activity.programme_id else 0
        minutes = due if activity.bank_id else 0
        if minor and strings is not None and activity.programme_id is not None:
            self._pay(found, activity, strings, minor)
            self._count(activity, strings, minor)
        if minutes and activity.bank_id is not None:
            self._credit(found, activity.bank_id, minutes)
        execute(
            self.conn,
            statement(_PACKAGE, "verify"),
            town_id=self.town.id,
            id=found.id,
            actor=self.actor,
            at=self.at,
            rewarded_quantity=earned.rewarded_quantity,
            reward_minor=minor,
            reward_minutes=minutes,
            grounds=json.dumps(rules.as_json(earned.grounds)),
        )
        after = {
            "rewarded_quantity": earned.rewarded_quantity,
            "reward_minor": minor,
            "reward_minutes": minutes,
            "grounds": [ground.code for ground in earned.grounds],
        }
        _record(self.conn, self.town.id, self.actor, "coproduction.verified", found.id, self.at, after=after)
        return self._now(found.id)

    def _replaced(self, found: Contribution) -> list[Contribution]:
        """What this one corrects, and what that one had corrected: their rewards, as far as they were spent, count as its own."""
        earlier: list[Contribution] = []
        before = found.replaces
        while before is not None:
            earlier.append(self._now(before))
            before = earlier[-1].replaces
        return earlier

    def _earned(
        self, found: Contribution, activity: Activity, strings: _Strings | None, replaced: Sequence[UUID], kept: int
    ) -> Reward:
        had = queries.rewarded(
            self.conn, town_id=self.town.id, activity_id=activity.id, party=found.party, payee=found.payee,
            day=found.day, apart_from=replaced,
        )  # fmt: skip
        left = None if strings is None else _left(strings, activity)
        return earned(
            found.quantity,
            stream=found.stream,
            day=found.day,
            activity=activity,
            rates=self.rates[activity.id],
            caps=self.caps[activity.id],
            rewarded=had,
            budget_left=None if left is None else left + kept,
        )

    def _count(self, activity: Activity, strings: _Strings, minor: int) -> None:
        assert activity.programme_id is not None
        _grant(self.conn, self.town.id, activity, minor)
        self.strings[activity.programme_id] = replace(strings, granted_minor=strings.granted_minor + minor)
        self.activities[activity.id] = replace(activity, granted_minor=activity.granted_minor + minor)

    def _pay(self, found: Contribution, activity: Activity, strings: _Strings, minor: int) -> None:
        """Out of the fund's reserve through the programme's escrow into the purse: one group, posted with the others."""
        unit = self.town.unit_code
        assert activity.programme_id is not None
        execute(
            self.conn,
            statement(_PACKAGE, "programme_of_fund"),
            town_id=self.town.id,
            fund_id=strings.fund_id,
            programme_id=activity.programme_id,
        )
        reserve, escrow, purse = ledger.open_accounts(
            self.conn,
            town_id=self.town.id,
            accounts=[
                NewAccount(Kind.RESERVE, unit, self.town.party_id, strings.fund_id),
                NewAccount(Kind.ESCROW, unit, activity.programme_id, strings.fund_id),
                NewAccount(Kind.PURSE, unit, found.payee, strings.fund_id),
            ],
            at=self.at,
            actor=self.actor,
        )
        issue, amount = id_under(found.id, "issue"), Amount(minor, unit)
        how: dict[str, Any] = {
            "effective_at": self.at, "actor": self.actor, "reference": reference(found.id), "group": issue,
        }  # fmt: skip
        self.requests.append(Transfer(issue, reserve, escrow, amount, Code.ISSUE, **how))
        self.requests.append(Transfer(id_under(found.id, "reward"), escrow, purse, amount, Code.REWARD, **how))
        self.told.append(_told("contribution.rewarded", found, activity, amount, self.at))
        self.asked[strings.fund_id] = self.asked.get(strings.fund_id, 0) + minor

    def _credit(self, found: Contribution, bank_id: UUID, minutes: int) -> None:
        bank = queries.time_bank(self.conn, town_id=self.town.id, bank_id=bank_id)
        member = timebank.join(
            self.conn, town_id=self.town.id, bank_id=bank_id, party=found.party, actor=self.actor, at=self.at
        )
        self.requests.append(
            Transfer(
                id_under(found.id, "reward"), bank.account, member.account, Amount(minutes, bank.unit), Code.EXCHANGE,
                effective_at=self.at, actor=self.actor, reference=reference(found.id),
            )
        )  # fmt: skip

    def post(self) -> None:
        try:
            ledger.post_all(self.conn, town_id=self.town.id, requests=self.requests)
            outbox.tell(self.conn, town_id=self.town.id, events=self.told)
        except InsufficientFunds as refused:
            available = refused.available or Amount(0, self.town.unit_code)
            if available.unit != self.town.unit_code:
                raise TimeLimit(whose="payer", limit=timebank.OF_THE_BANK) from refused
            short = self._short_fund(refused)
            asked = Amount(self.asked.get(short, 0), self.town.unit_code)
            raise ReserveShort(fund_id=short, available=available, asked=asked) from refused
        except CeilingReached as refused:
            if refused.asked is not None and refused.asked.unit != self.town.unit_code:
                raise TimeLimit(
                    whose="receiver", limit=refused.available.minor if refused.available else 0
                ) from refused
            raise

    def _short_fund(self, refused: InsufficientFunds) -> UUID:
        account = books.account_by_id(self.conn, town_id=self.town.id, account=refused.account_id or 0)
        assert account is not None
        assert account.fund is not None
        return account.fund

    def _now(self, contribution_id: UUID) -> Contribution:
        return queries.contribution(self.conn, town_id=self.town.id, contribution_id=contribution_id)


def earned(
    quantity: int,
    *,
    stream: str,
    day: date,
    activity: Activity,
    rates: Sequence[Rate],
    caps: Sequence[Cap],
    rewarded: Sequence[Any],
    budget_left: int | None,
) -> Reward:
    """What a contribution earns in the activity's own coin: money, minutes, or nothing but the record of it."""
    if activity.bank_id is not None:
        rate: Rate | None = Rate(stream, day, 1, 1)  # A minute for a minute, whoever's it is.
    elif activity.programme_id is None:
        rate = Rate(stream, day, 0, 1)
    else:
        rate = rules.rate_on(rates, stream=stream, day=day)
    in_force = rules.caps_on(caps, stream=stream, day=day)
    return rules.reward(quantity, rate=rate, caps=in_force, rewarded=rewarded, budget_left=budget_left)


def expected(
    conn: Connection[Any], *, town_id: int, activity: Activity, party: UUID, stream: str, quantity: int, day: date
) -> Expected:
    """What a contribution would earn if it were verified now; others may come first."""
    who = queries.payee(conn, town_id=town_id, party=party, activity=activity.code)
    left = None
    if activity.programme_id is not None:
        left = _left(_strings(conn, "purse_strings", town_id, activity.programme_id), activity)
    reward = earned(
        quantity,
        stream=stream,
        day=day,
        activity=activity,
        rates=queries.rates(conn, town_id=town_id, activity_id=activity.id),
        caps=queries.caps(conn, town_id=town_id, activity_id=activity.id),
        rewarded=queries.rewarded(
            conn, town_id=town_id, activity_id=activity.id, party=party, payee=who.payee, day=day
        ),
        budget_left=left,
    )
    return Expected(reward, activity.second_above is not None and quantity > activity.second_above)


def _strings(conn: Connection[Any], name: str, town_id: int, programme_id: UUID) -> _Strings:
    """Read in two statements: one that waits for a lock would still sum what it could see before it began to wait."""
    found = one(conn, statement(_PACKAGE, name), _Strings, town_id=town_id, programme_id=programme_id)
    if found.budget_minor is None:
        return found
    of_others = programmes.committed_of_fund(conn, fund_id=found.fund_id) - found.granted_minor
    return replace(found, budget_minor=found.budget_minor - of_others)


def _left(strings: _Strings, activity: Activity) -> int | None:
    lefts = [
        budget - granted
        for budget, granted in (
            (strings.budget_minor, strings.granted_minor),
            (activity.budget_minor, activity.granted_minor),
        )
        if budget is not None
    ]
    return max(0, min(lefts)) if lefts else None


def _grant(conn: Connection[Any], town_id: int, activity: Activity, minor: int) -> None:
    execute(conn, statement(_PACKAGE, "grant"), town_id=town_id, programme_id=activity.programme_id, minor=minor)
    execute(conn, statement(_PACKAGE, "grant_of_activity"), town_id=town_id, activity_id=activity.id, minor=minor)


# --- Rejecting and undoing ------------------------------------------------------------------------


def reject(
    conn: Connection[Any], *, town_id: int, contribution_id: UUID, reason: str, actor: str, at: datetime
) -> Contribution:
    """Nobody saw it, or it was not so: it is not rewarded. May be repeated.

    Refuses with ``ContributionNotFound``, ``ContributionInState`` once it was
    verified, ``OwnContribution`` and ``ReasonMissing``.
    """
    _locked_alone(conn, town_id, contribution_id)
    found = queries.contribution(conn, town_id=town_id, contribution_id=contribution_id)
    if found.state == State.REJECTED:
        return replace(found, replayed=True)
    if found.state not in WAITING:
        raise ContributionInState(contribution=found.id, state=found.state, wanted=WAITING)
    _not_their_own(conn, found, actor)
    return _end(conn, town_id, found, State.REJECTED, _said(reason), None, actor, at)


def withdraw(conn: Connection[Any], *, town_id: int, contribution_id: UUID, actor: str, at: datetime) -> Contribution:
    """Whoever registered themselves takes it back, while nobody has looked at it. May be repeated.

    Refuses with ``ContributionNotFound`` (another's too) and ``ContributionInState``.
    """
    _locked_alone(conn, town_id, contribution_id)
    found = queries.contribution(conn, town_id=town_id, contribution_id=contribution_id)
    if found.registered_by != actor:
        raise ContributionNotFound(contribution=str(contribution_id))
    if found.state == State.REJECTED:
        return replace(found, replayed=True)
    if found.state != State.REGISTERED:
        raise ContributionInState(contribution=found.id, state=found.state, wanted=[State.REGISTERED])
    return _end(conn, town_id, found, State.REJECTED, "withdrawn", None, actor, at)


def undo(
    conn: Connection[Any], *, town_id: int, contribution_id: UUID, reason: str, actor: str, at: datetime
) -> Contribution:
    """What was verified was wrong: take the reward back, as far as it is still there. May be repeated.

    What was spent meanwhile stays spent: ``taken_back`` says how much came back,
    and the budget and the caps carry the rest. What other contributions had to leave to a cap
    stays as it is.

    Refuses with ``ContributionNotFound``, ``ContributionInState`` before it was
    verified, ``OwnContribution`` and ``ReasonMissing``.
    """
    town = parties.town(conn, town_id)
    with savepoint(conn):
        batch = _Batch(conn, town, actor, at)
        batch.lock([contribution_id])
        found = queries.contribution(conn, town_id=town_id, contribution_id=contribution_id)
        if found.state == State.UNDONE:
            return replace(found, replayed=True)
        if found.state != State.VERIFIED:
            raise ContributionInState(contribution=found.id, state=found.state, wanted=[State.VERIFIED])
        _not_their_own(conn, found, actor)
        why = _said(reason)
        activity = batch.activities[found.activity_id]
        taken = _take_back(conn, town, found, activity, actor, at)
        if taken and activity.programme_id is not None:
            _grant(conn, town_id, activity, -taken)
            back = _told("contribution.undone", found, activity, Amount(taken, town.unit_code), at)
            outbox.tell(conn, town_id=town_id, events=[back])
        return _end(conn, town_id, found, State.UNDONE, why, taken, actor, at)


def correct(
    conn: Connection[Any],
    *,
    town_id: int,
    contribution_id: UUID,
    quantity: int,
    new_id: UUID,
    reason: str,
    actor: str,
    at: datetime,
) -> Contribution:
    """Undo a contribution and record it anew with the right quantity; the new one.

    What was spent of the first reward counts as paid: the new one is paid only what is missing to it.
    Refuses as ``undo`` and ``record_for`` do, with ``ContributionInState`` for one that was corrected already (its
    correction is what can be corrected), and then nothing has changed.
    """
    known = queries.find_contribution(conn, town_id=town_id, contribution_id=new_id)
    if known is not None:
        if (known.replaces, known.quantity) != (contribution_id, quantity):
            raise KeyReused(id=new_id)
        return replace(known, replayed=True)
    with savepoint(conn):
        before = undo(conn, town_id=town_id, contribution_id=contribution_id, reason=reason, actor=actor, at=at)
        # Locked by now, so that two who correct it at once take turns.
        other = maybe(conn, statement(_PACKAGE, "corrected_by"), _Id, town_id=town_id, id=contribution_id)
        if other is not None and other.id != new_id:
            raise ContributionInState(contribution=contribution_id, state=before.state, wanted=[State.VERIFIED])
        return record_for(
            conn, town_id=town_id, contribution_id=new_id, activity_id=before.activity_id, party=before.party,
            stream=before.stream, quantity=quantity, day=before.day, actor=actor, at=at, replaces=before.id,
        )  # fmt: skip


def _take_back(
    conn: Connection[Any], town: TownFacts, found: Contribution, activity: Activity, actor: str, at: datetime
) -> int:
    """How much came back. What lies in the purse may be spent between looking and taking: look again, then."""
    given = (found.reward_minor or 0) + (found.reward_minutes or 0)
    if not given:
        return 0
    paid = books.transfer(conn, town_id=town.id, transfer_id=id_under(found.id, "reward"))
    assert paid is not None
    for attempt in range(_ATTEMPTS):
        purse = books.account_by_id(conn, town_id=town.id, account=paid.credit_account)
        assert purse is not None
        there = purse.available.minor - (purse.floor_minor or 0)
        taken = max(0, min(given, there)) if purse.closed_at is None else 0
        if not taken:
            return 0
        back = id_under(found.id, "undo")
        how: dict[str, Any] = {"effective_at": at, "actor": actor, "reference": reference(found.id), "group": back}
        requests: list[Request] = [Reversal(back, paid.id, amount=Amount(taken, purse.unit), **how)]
        if activity.programme_id is not None:
            reserve = books.account(
                conn, town_id=town.id, kind=Kind.RESERVE, holder=town.party_id, fund=activity.fund_id
            )
            assert reserve is not None
            amount = Amount(taken, purse.unit)
            unissue = id_under(found.id, "unissue")
            requests.append(Transfer(unissue, paid.debit_account, reserve.id, amount, Code.UNISSUE, **how))
        try:
            with savepoint(conn):
                ledger.post_all(conn, town_id=town.id, requests=requests)
        except InsufficientFunds:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return taken
    raise AssertionError("the last attempt returns or raises")


def _end(
    conn: Connection[Any],
    town_id: int,
    found: Contribution,
    state: State,
    reason: str,
    taken_back: int | None,
    actor: str,
    at: datetime,
) -> Contribution:
    execute(
        conn,
        statement(_PACKAGE, "end_contribution"),
        town_id=town_id,
        id=found.id,
        state=state.value,
        actor=actor,
        at=at,
        reason=reason,
        taken_back=taken_back,
    )
    after: dict[str, Any] = {"state": state.value}
    if taken_back is not None:
        after["taken_back"] = taken_back
    _record(
        conn, town_id, actor, f"coproduction.{state}", found.id, at, before={"state": found.state}, after=after,
        reason=reason,
    )  # fmt: skip
    return queries.contribution(conn, town_id=town_id, contribution_id=found.id)


def _told(kind: str, found: Contribution, activity: Activity, amount: Amount, at: datetime) -> Event:
    data: dict[str, str | int] = {
        "party": str(found.payee),
        "activity": activity.code,
        "amount_minor": amount.minor,
        "unit": amount.unit,
    }
    return Event(kind, found.id, at, data)


def reference(contribution_id: UUID) -> str:
    """How the books point at a contribution."""
    return f"activity:{contribution_id}"


def _locked_alone(conn: Connection[Any], town_id: int, contribution_id: UUID) -> None:
    """Lock one contribution whose end touches neither a budget nor the books."""
    many(conn, statement(_PACKAGE, "lock_contributions"), _Id, town_id=town_id, ids=[contribution_id])


def _not_their_own(conn: Connection[Any], found: Contribution, actor: str) -> None:
    if queries.acts_for(conn, actor=actor, parties=[found.party, found.payee]):
        raise OwnContribution(actor=actor)


def _said(reason: str) -> str:
    words = " ".join(reason.split())[:200]
    if len(words) < 3:
        raise ReasonMissing
    return words


def _record(
    conn: Connection[Any],
    town_id: int,
    actor: str,
    action: str,
    contribution_id: UUID,
    at: datetime,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    record(
        conn,
        town_id=town_id,
        actor=actor,
        action=action,
        subject=f"contribution:{contribution_id}",
        before=before,
        after=after,
        reason=reason,
        at=at,
    )

"""Bonuses beside a payment or top-up: what is granted and undone is posted together with it.

Whoever posts payments or top-ups calls three times in one transaction: ``lock`` before any account is
locked, ``Grants`` once it is known what will be paid and given back, whose ``requests`` go into the
same call of the books, and ``keep`` afterwards.

Why nobody gets more than there is: a campaign's row is locked from before its figures are read until the
transaction ends, so that bonuses of a campaign are decided one batch after the other; and its escrow holds
the ceiling and has a floor of zero, so that the books would refuse what a wrong figure allowed.

Why nobody waits in a ring: campaigns come before all accounts, lowest id first. A bonus is posted in the same call
of the books as what earned it; what that call locks are tills and escrows, which have higher ids than purses.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection

from koinon.campaigns import rules
from koinon.campaigns.rules import Part
from koinon.campaigns.types import Campaign, CampaignRow, CampaignState, Earner, Trigger
from koinon.db.statements import execute, many, one, statement
from koinon.kernel.identifiers import id_under
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger.types import Code, Kind, NewAccount, Request, Reversal, Transfer
from koinon.outbox import operations as outbox
from koinon.outbox.types import Event
from koinon.parties.types import PartyFacts

_PACKAGE = "koinon.campaigns"


@dataclass(frozen=True, slots=True)
class Earning:
    """A purchase or top-up about to be posted. ``parts`` say of which funds the money is; ``payee`` None is a top-up."""

    id: UUID
    payer: UUID
    payee: PartyFacts | None
    parts: tuple[Part, ...]
    at: datetime
    actor: str

    @property
    def paid_minor(self) -> int:
        return sum(minor for _, minor in self.parts)


@dataclass(frozen=True, slots=True)
class GivingBack:
    """A refund about to be posted: ``left_minor`` of the payment stays paid after it."""

    id: UUID
    source: UUID
    payer: UUID
    left_minor: int
    at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class Freeing:
    """Money about to be let go that a hold kept in its payer's purses."""

    id: UUID
    payer: UUID
    at: datetime
    actor: str


Happening = Earning | GivingBack | Freeing


@dataclass(frozen=True, slots=True)
class _Id:
    id: UUID


def lock(conn: Connection[Any], *, town_id: int, trigger: Trigger, giving: bool, undoing: bool) -> tuple[UUID, ...]:
    """Lock the campaigns that may grant or have to undo, before any account is; none where there is nothing to do."""
    found = many(
        conn, statement(_PACKAGE, "lock_campaigns"), _Id,
        town_id=town_id, trigger=trigger.value, giving=giving, undoing=undoing,
    )  # fmt: skip
    return tuple(row.id for row in found)


def lock_purses(conn: Connection[Any], *, town_id: int, party: UUID) -> None:
    """Lock a party's purses before anything else is posted to, where nobody has yet."""
    execute(conn, statement(_PACKAGE, "lock_purses"), town_id=town_id, party=party)


@dataclass(frozen=True, slots=True)
class _Looked:
    """What ``look.sql`` says; None is an empty list."""

    given: str | None
    earners: str | None
    bonus_funds: str | None
    persons: str | None
    purses: str | None
    escrows: str | None


@dataclass(frozen=True, slots=True)
class _Purse:
    id: int
    is_open: bool
    available_minor: int
    room_minor: int | None


@dataclass(slots=True)
class _Given:
    """A bonus granted before, as the happenings so far leave it."""

    id: UUID
    campaign_id: UUID
    source: UUID
    party: UUID
    persons: list[UUID]
    purse: int
    paid_minor: int
    amount_minor: int
    due_back_minor: int
    undone_minor: int

    @property
    def owed_minor(self) -> int:
        return self.due_back_minor - self.undone_minor


@dataclass(frozen=True, slots=True)
class _New:
    """A bonus decided now."""

    id: UUID
    campaign: Campaign
    earning: Earning
    persons: tuple[UUID, ...]
    earning_minor: int
    amount_minor: int


class Grants:
    """What comes of happenings, in order: ``requests`` for the books, and what ``keep`` writes once they are posted.

    ``available`` answers what a purse has once everything else of this call is posted, or None for one that it does not
    know. ``touched`` names the places of the happenings whose payer's purses are posted to.
    """

    def __init__(
        self,
        conn: Connection[Any],
        *,
        town_id: int,
        unit: str,
        zone: ZoneInfo,
        trigger: Trigger,
        locked: Sequence[UUID],
        happenings: Sequence[Happening],
        available: Callable[[int], int | None],
    ) -> None:
        self.requests: list[Request] = []
        self.touched: list[int] = []
        self._conn = conn
        self._town_id = town_id
        self._unit = unit
        self._zone = zone
        self._available = available
        rows = many(conn, statement(_PACKAGE, "locked_campaigns"), CampaignRow, town_id=town_id, campaigns=list(locked))
        self._campaigns = {row.id: row.campaign() for row in rows}
        self._before = dict(self._campaigns)
        self._giving = [
            campaign
            for campaign in self._campaigns.values()
            if campaign.state is CampaignState.RUNNING and campaign.terms.trigger is trigger
        ]
        self._new: list[_New] = []
        self._steps: list[_New | Reversal] = []  # What is granted and taken back, in the order in which it was decided.
        self._taken: Counter[tuple[UUID, UUID]] = Counter()
        self._rows: list[dict[str, Any]] = []  # The bonuses as ``keep`` writes them.
        self._changed: dict[UUID, _Given] = {}
        self._counted: dict[tuple[UUID, UUID], int] = {}
        self._read(happenings)
        for place, happening in enumerate(happenings):
            before = len(self._steps)
            match happening:
                case Earning():
                    self._grant(happening)
                case GivingBack():
                    self._undo(happening)
            for campaign in sorted({given.campaign_id for given in self._given.get(happening.payer, [])}):
                self._collect(happening.payer, campaign, happening.id, happening.at, happening.actor)
            if len(self._steps) > before:
                self.touched.append(place)
        self._open_and_post()

    # What there is

    def _read(self, happenings: Sequence[Happening]) -> None:
        earnings = [one for one in happenings if isinstance(one, Earning)] if self._giving else []
        looked = one(
            self._conn, statement(_PACKAGE, "look"), _Looked, town_id=self._town_id, campaigns=list(self._campaigns),
            giving=bool(earnings),
            payers=[earning.payer for earning in earnings],
            payees=[earning.payee.party_id if earning.payee else None for earning in earnings],
            parties=list({happening.payer for happening in happenings}),
            sources=[back.source for back in happenings if isinstance(back, GivingBack)],
            unit=self._unit,
        )  # fmt: skip
        self._given: dict[UUID, list[_Given]] = {}
        for id, campaign, source, party, persons, *figures in _rows(looked.given):
            given = _Given(UUID(id), UUID(campaign), UUID(source), UUID(party), [*map(UUID, persons)], *figures)
            self._given.setdefault(given.party, []).append(given)
        self._earners: dict[tuple[UUID, UUID | None], Earner] = {}
        for payer_id, payee_id, is_resident, is_shop, related, persons in _rows(looked.earners):
            payer, payee = UUID(payer_id), UUID(payee_id) if payee_id else None
            self._earners[payer, payee] = Earner(payer, payee, is_resident, is_shop, related, tuple(map(UUID, persons)))
        self._bonus_funds = frozenset(map(UUID, _rows(looked.bonus_funds)))
        self._persons: dict[tuple[UUID, UUID], int] = {
            (UUID(campaign), UUID(person)): minor for campaign, person, minor in _rows(looked.persons)
        }
        self._purses = {
            (UUID(holder), UUID(fund)): _Purse(id, *facts) for id, holder, fund, *facts in _rows(looked.purses)
        }
        self._by_number = {purse.id: purse for purse in self._purses.values()}
        self._escrows = {UUID(campaign): number for campaign, number in _rows(looked.escrows)}
        self._more: dict[int, int] = {}  # What happenings so far put into a purse, or took out of it.

    def _has(self, purse: int) -> int:
        known = self._available(purse)
        if known is None:
            row = self._by_number.get(purse)
            known = row.available_minor if row is not None and row.is_open else 0
        return known + self._more.get(purse, 0)

    # Granting

    def _grant(self, earning: Earning) -> None:
        payee = earning.payee.party_id if earning.payee else None
        earner = self._earners.get((earning.payer, payee))
        if earner is None:
            return
        day, minute = self._local(earning.at)
        for campaign in self._giving:
            campaign = self._campaigns[campaign.id]
            terms = campaign.terms
            minor = rules.earning(earning.parts, excluded=terms.excluded_funds, bonus_funds=self._bonus_funds)
            allowed = rules.may_earn(terms, earner, day=day, minute=minute, payee=earning.payee, earning_minor=minor)
            if not allowed:
                continue
            has = max(self._person(campaign.id, person) for person in earner.persons)
            amount = rules.bonus(terms, earning_minor=minor, person_has_minor=has, granted_minor=campaign.granted_minor)
            amount = min(amount, self._fits(earning.payer, terms.fund_id, amount))
            if amount <= 0:
                continue
            bonus_id = id_under(earning.id, "bonus", campaign.id)
            self._new.append(_New(bonus_id, campaign, earning, earner.persons, minor, amount))
            self._steps.append(self._new[-1])
            self._count(campaign.id, earner.persons, amount)
            self._put(earning.payer, terms.fund_id, amount)
            self._collect(earning.payer, campaign.id, earning.id, earning.at, earning.actor)

    def _local(self, at: datetime) -> tuple[date, int]:
        here = at.astimezone(self._zone)
        return here.date(), here.hour * 60 + here.minute

    def _fits(self, payer: UUID, fund: UUID, amount: int) -> int:
        """At most what the purse has room for; nothing where it is closed."""
        purse = self._purses.get((payer, fund))
        if purse is None or purse.room_minor is None:
            return amount if purse is None or purse.is_open else 0
        return max(0, purse.room_minor - self._more.get(purse.id, 0)) if purse.is_open else 0

    def _put(self, payer: UUID, fund: UUID, amount: int) -> None:
        purse = self._purses.get((payer, fund))
        if purse is not None:
            self._more[purse.id] = self._more.get(purse.id, 0) + amount

    def _person(self, campaign: UUID, person: UUID) -> int:
        return self._persons.get((campaign, person), 0)

    def _count(self, campaign_id: UUID, persons: Iterable[UUID], minor: int) -> None:
        for person in persons:
            now = self._person(campaign_id, person) + minor
            self._persons[campaign_id, person] = self._counted[campaign_id, person] = now
        campaign = self._campaigns[campaign_id]
        self._campaigns[campaign_id] = replace(campaign, granted_minor=campaign.granted_minor + minor)

    # Undoing

    def _undo(self, back: GivingBack) -> None:
        for given in self._given.get(back.payer, []):
            if given.source != back.source:
                continue
            due = rules.due_back(given.amount_minor, paid_minor=given.paid_minor, left_minor=back.left_minor)
            if due > given.due_back_minor:
                given.due_back_minor = due
                self._changed[given.id] = given

    def _collect(self, payer: UUID, campaign_id: UUID, because: UUID, at: datetime, actor: str) -> None:
        """Take back what refunds have undone, oldest first, as far as bonus money lies in the purse.

        Where campaigns share a fund, what one of them grants pays what is owed to another: then a bonus is taken from
        once more, by another reversal.
        """
        for given in self._given.get(payer, []):
            if given.campaign_id != campaign_id or not given.owed_minor:
                continue
            taken = min(given.owed_minor, max(0, self._has(given.purse)))
            if not taken:
                continue
            again = self._taken[because, given.id]
            self._taken[because, given.id] += 1
            self._steps.append(
                Reversal(
                    id_under(because, "undo", given.id, *([again] if again else [])), given.id, at, actor,
                    Amount(taken, self._unit), f"campaign:{campaign_id}",
                )
            )  # fmt: skip
            given.undone_minor += taken
            self._changed[given.id] = given
            self._more[given.purse] = self._more.get(given.purse, 0) - taken
            self._count(campaign_id, given.persons, -taken)

    # Posting and keeping

    def _open_and_post(self) -> None:
        """Open the purses that bonuses go to. Each step is posted as it was decided: what is taken back may be taken from
        a bonus just granted, and a bonus be granted from what was just taken back."""
        wanted = list({(new.earning.payer, new.campaign.terms.fund_id) for new in self._new})
        purse = {one: self._purses[one].id for one in wanted if one in self._purses}
        missing = [one for one in wanted if one not in purse]
        if missing:
            first = self._new[0].earning
            numbers = ledger.open_accounts(
                self._conn,
                town_id=self._town_id,
                accounts=[NewAccount(Kind.PURSE, self._unit, holder, fund) for holder, fund in missing],
                at=first.at,
                actor=first.actor,
            )
            purse.update(zip(missing, numbers, strict=True))
        self._rows = [
            {
                "id": str(new.id),
                "campaign_id": str(new.campaign.id),
                "source": str(new.earning.id),
                "party": str(new.earning.payer),
                "persons": [str(person) for person in new.persons],
                "purse": purse[new.earning.payer, new.campaign.terms.fund_id],
                "paid_minor": new.earning.paid_minor,
                "earning_minor": new.earning_minor,
                "amount_minor": new.amount_minor,
                "granted_at": new.earning.at.isoformat(),
            }
            for new in self._new
        ]
        self.requests = [
            step
            if isinstance(step, Reversal)
            else self._transfer(step, purse[step.earning.payer, step.campaign.terms.fund_id])
            for step in self._steps
        ]

    def _transfer(self, new: _New, purse: int) -> Transfer:
        return Transfer(
            new.id, self._escrows[new.campaign.id], purse, Amount(new.amount_minor, self._unit), Code.BONUS, new.earning.at,
            new.earning.actor, f"campaign:{new.campaign.id}",
        )  # fmt: skip

    def keep(self) -> None:
        """Write what was granted and undone, and tell who listens."""
        if not self._changed and not self._counted:
            return
        undone = [
            {"id": str(one.id), "due_back_minor": one.due_back_minor, "undone_minor": one.undone_minor}
            for one in self._changed.values()
        ]
        counted = [
            {"campaign_id": str(campaign), "person": str(person), "granted_minor": minor}
            for (campaign, person), minor in self._counted.items()
        ]
        events = [
            Event("bonus.granted", new.id, new.earning.at, {
                "party": str(new.earning.payer), "amount_minor": new.amount_minor, "unit": self._unit,
                "campaign": str(new.campaign.id), "source": str(new.earning.id),
            })
            for new in self._new
        ]  # fmt: skip
        changed = []
        for campaign in self._campaigns.values():
            if campaign.granted_minor == self._before[campaign.id].granted_minor:
                continue
            if campaign.nearly_spent and campaign.alerted_at is None:
                at = self._last_at
                campaign = replace(campaign, alerted_at=at)
                events.append(_nearly_spent(campaign, self._unit, at))
            elif not campaign.nearly_spent:
                campaign = replace(campaign, alerted_at=None)
            changed.append({
                "id": str(campaign.id), "granted_minor": campaign.granted_minor,
                "alerted_at": campaign.alerted_at and campaign.alerted_at.isoformat(),
            })  # fmt: skip
        execute(
            self._conn, statement(_PACKAGE, "keep"), town_id=self._town_id, bonuses=json.dumps(self._rows),
            undone=json.dumps(undone), persons=json.dumps(counted), campaigns=json.dumps(changed),
        )  # fmt: skip
        outbox.tell(self._conn, town_id=self._town_id, events=events)

    @property
    def _last_at(self) -> datetime:
        times = [new.earning.at for new in self._new]
        times += [request.effective_at for request in self.requests if isinstance(request, Reversal)]
        return max(times)


def _rows(said: str | None) -> list[Any]:
    return json.loads(said) if said else []


def _nearly_spent(campaign: Campaign, unit: str, at: datetime) -> Event:
    told: Mapping[str, str | int] = {
        "amount_minor": campaign.granted_minor,
        "ceiling_minor": campaign.terms.ceiling_minor,
        "unit": unit,
        "campaign_code": campaign.code,
    }
    return Event("campaign.nearly-spent", campaign.id, at, told)

"""A campaign's life: drawn up, submitted, released by a second person, ended. Each function is part of its caller's transaction.

With its release the whole ceiling is issued from its fund's reserve into an escrow of its own;
with its end what is left goes back. A campaign is locked before the books, so that two people at once
take turns. Each step that was taken can be repeated by whoever took it and then answers as the first time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit import operations as trail
from koinon.audit import queries as lines
from koinon.campaigns import granting, queries, rules
from koinon.campaigns.errors import (
    BudgetExceeded,
    CampaignInOtherState,
    CampaignNotFound,
    CampaignNotSound,
    CampaignOver,
    CodeTaken,
    ReserveShort,
    SamePerson,
)
from koinon.campaigns.types import Campaign, CampaignState, Terms, Trigger
from koinon.db.statements import execute, many, maybe, statement
from koinon.db.transactions import savepoint
from koinon.kernel.identifiers import id_under, new_id
from koinon.kernel.money import Amount
from koinon.ledger import operations as ledger
from koinon.ledger import queries as books
from koinon.ledger.errors import InsufficientFunds
from koinon.ledger.types import Code, Kind, NewAccount, Transfer
from koinon.outbox import operations as outbox
from koinon.outbox.types import Event
from koinon.parties import queries as parties
from koinon.parties.types import TownFacts
from koinon.programmes import queries as programmes
from koinon.programmes.errors import FundNotFound

_PACKAGE = "koinon.campaigns"
TIMER = "job:campaigns"
_EVERY_LINE = 10_000


@dataclass(frozen=True, slots=True)
class _Id:
    id: UUID


@dataclass(frozen=True, slots=True)
class _Fund:
    budget_minor: int | None
    last_day: date | None
    pays_aid: bool


def draft(conn: Connection[Any], *, town_id: int, code: str, terms: Terms, at: datetime, actor: str) -> Campaign:
    """Draw a campaign up. The same code with the same terms, by the same person, gives the first draft again.

    Refuses with ``CampaignNotSound`` (every finding), ``CodeTaken`` and ``FundNotFound``.
    """
    _sound(conn, town_id, terms, at)
    campaign_id = new_id()
    is_new = execute(
        conn, statement(_PACKAGE, "add_campaign"),
        town_id=town_id, id=campaign_id, code=code, drafted_by=actor, drafted_at=at, **_columns(terms),
    )  # fmt: skip
    if not is_new:
        first = queries.campaign_by_code(conn, town_id=town_id, code=code)
        if (first.terms, first.drafted_by, first.state) != (terms, actor, CampaignState.DRAFT):
            raise CodeTaken(taken=code)
        return first
    _record(conn, town_id, actor, "campaign.drafted", campaign_id, at, after=_facts(terms))
    return queries.campaign(conn, town_id=town_id, campaign_id=campaign_id)


def change(
    conn: Connection[Any], *, town_id: int, campaign_id: UUID, terms: Terms, at: datetime, actor: str
) -> Campaign:
    """Change what a draft promises. Refuses as ``draft``, and with ``CampaignInOtherState``."""
    found = _locked(conn, town_id, campaign_id)
    _needs(found, CampaignState.DRAFT)
    _sound(conn, town_id, terms, at)
    if terms != found.terms:
        execute(conn, statement(_PACKAGE, "change_campaign"), town_id=town_id, id=campaign_id, **_columns(terms))
        _record(
            conn, town_id, actor, "campaign.changed", campaign_id, at, before=_facts(found.terms), after=_facts(terms)
        )
    return queries.campaign(conn, town_id=town_id, campaign_id=campaign_id)


def submit(conn: Connection[Any], *, town_id: int, campaign_id: UUID, at: datetime, actor: str) -> Campaign:
    """Hand a draft in, for a second person to release its money. Refuses with ``CampaignInOtherState``."""
    found = _locked(conn, town_id, campaign_id)
    if found.state is CampaignState.SUBMITTED and found.submitted_by == actor:
        return found
    _needs(found, CampaignState.DRAFT)
    _sound(conn, town_id, found.terms, at)
    execute(conn, statement(_PACKAGE, "submit_campaign"), town_id=town_id, campaign=campaign_id, at=at, actor=actor)
    _record(conn, town_id, actor, "campaign.submitted", campaign_id, at, after=_facts(found.terms))
    return queries.campaign(conn, town_id=town_id, campaign_id=campaign_id)


def hand_back(
    conn: Connection[Any], *, town_id: int, campaign_id: UUID, reason: str, at: datetime, actor: str
) -> Campaign:
    """A submitted campaign becomes a draft again, because its second person wants it otherwise."""
    found = _locked(conn, town_id, campaign_id)
    _needs(found, CampaignState.SUBMITTED)
    execute(conn, statement(_PACKAGE, "hand_back_campaign"), town_id=town_id, campaign=campaign_id, reason=reason)
    _record(conn, town_id, actor, "campaign.handed-back", campaign_id, at, reason=reason)
    return queries.campaign(conn, town_id=town_id, campaign_id=campaign_id)


def release(conn: Connection[Any], *, town_id: int, campaign_id: UUID, at: datetime, actor: str) -> Campaign:
    """A second person releases the money: the ceiling is issued into the campaign's escrow, and it runs.

    Refuses with ``CampaignInOtherState``, ``SamePerson``, ``CampaignOver``, ``BudgetExceeded`` and ``ReserveShort``.
    """
    found = _locked(conn, town_id, campaign_id)
    if found.state is CampaignState.RUNNING and found.approved_by == actor:
        return found
    _needs(found, CampaignState.SUBMITTED)
    if actor in (found.drafted_by, found.submitted_by) or actor in _changed_by(conn, town_id, campaign_id):
        raise SamePerson(campaign=campaign_id)
    town = parties.town(conn, town_id)
    terms = found.terms
    if at.astimezone(town.zone).date() > terms.last_day:
        raise CampaignOver(campaign=campaign_id, last_day=terms.last_day)
    needed = Amount(terms.ceiling_minor, town.unit_code)
    fund = _fund(conn, town_id, terms.fund_id)
    if fund.budget_minor is not None:
        committed = programmes.committed_of_fund(conn, fund_id=terms.fund_id)
        if committed + needed.minor > fund.budget_minor:
            left = Amount(max(0, fund.budget_minor - committed), town.unit_code)
            raise BudgetExceeded(campaign=campaign_id, left=left, needed=needed)
    with savepoint(conn):
        reserve, escrow = _accounts(conn, town, found, at=at, actor=actor)
        issue = Transfer(
            id_under(campaign_id, "issue"), reserve, escrow, needed, Code.ISSUE, at, actor, f"campaign:{campaign_id}"
        )
        try:
            ledger.post_all(conn, town_id=town_id, requests=[issue])
        except InsufficientFunds as short:
            available = short.available or Amount(0, town.unit_code)
            raise ReserveShort(campaign=campaign_id, available=available, needed=needed) from None
        execute(
            conn, statement(_PACKAGE, "release_campaign"), town_id=town_id, campaign=campaign_id, at=at, actor=actor
        )
    _record(conn, town_id, actor, "campaign.released", campaign_id, at, after=_facts(terms))
    return queries.campaign(conn, town_id=town_id, campaign_id=campaign_id)


def end(
    conn: Connection[Any], *, town_id: int, campaign_id: UUID, at: datetime, actor: str, reason: str = ""
) -> Campaign:
    """End a campaign: it grants nothing more, and what is left of its ceiling goes back to its fund's reserve.

    One that never ran is cancelled. Of one that has ended, what refunds brought back since goes to the reserve.
    Refuses with ``CampaignNotFound``.
    """
    found = _locked(conn, town_id, campaign_id)
    if found.state is CampaignState.CANCELLED:
        return found
    ran = found.state in (CampaignState.RUNNING, CampaignState.ENDED)
    returned = 0
    with savepoint(conn):
        if ran:
            returned = _return_rest(conn, parties.town(conn, town_id), found, at=at, actor=actor)
        if found.state is not CampaignState.ENDED:
            state = CampaignState.ENDED if ran else CampaignState.CANCELLED
            execute(
                conn, statement(_PACKAGE, "end_campaign"),
                town_id=town_id, campaign=campaign_id, state=state.value, at=at, actor=actor, reason=reason,
            )  # fmt: skip
    if found.state is CampaignState.ENDED:
        if returned:
            _record(conn, town_id, actor, "campaign.rest-returned", campaign_id, at, after={"minor": returned})
    else:
        action = "campaign.ended" if ran else "campaign.cancelled"
        after = {"granted_minor": found.granted_minor, "returned_minor": returned} if ran else None
        _record(conn, town_id, actor, action, campaign_id, at, reason=reason, after=after)
        if ran:
            unit = parties.town(conn, town_id).unit_code
            told: dict[str, str | int] = {
                "amount_minor": found.granted_minor, "returned_minor": returned, "unit": unit, "campaign_code": found.code,
            }  # fmt: skip
            outbox.tell(conn, town_id=town_id, events=[Event("campaign.ended", campaign_id, at, told)])
    return queries.campaign(conn, town_id=town_id, campaign_id=campaign_id)


def over(conn: Connection[Any], *, town_id: int, today: date) -> list[UUID]:
    """The campaigns whose last day has passed, and those that ended and have something to give back."""
    return [row.id for row in many(conn, statement(_PACKAGE, "over"), _Id, town_id=town_id, today=today)]


def owing(conn: Connection[Any], *, town_id: int) -> list[UUID]:
    """Who owes bonuses that were undone after they had been spent or held, and has bonus money again."""
    return [row.id for row in many(conn, statement(_PACKAGE, "owing"), _Id, town_id=town_id)]


def collect(conn: Connection[Any], *, town_id: int, party: UUID, at: datetime, actor: str) -> None:
    """Take back what a party owes, as far as bonus money lies in their purses; in a transaction of its own.

    Payments, refunds and holds do so by themselves. A hold that lapsed does not: the books let go of it alone.
    """
    ledger.meet(conn, town_id=town_id, actors=[actor])
    locked = granting.lock(conn, town_id=town_id, trigger=Trigger.PURCHASE, giving=False, undoing=True)
    granting.lock_purses(conn, town_id=town_id, party=party)
    town = parties.town(conn, town_id)
    grants = granting.Grants(
        conn, town_id=town_id, unit=town.unit_code, zone=town.zone, trigger=Trigger.PURCHASE, locked=locked,
        happenings=[granting.Freeing(new_id(), party, at, actor)], available=lambda _account: None,
    )  # fmt: skip
    ledger.post_all(conn, town_id=town_id, requests=grants.requests)
    grants.keep()


def _return_rest(conn: Connection[Any], town: TownFacts, campaign: Campaign, *, at: datetime, actor: str) -> int:
    """What the escrow holds goes back. Nobody grants or undoes meanwhile: the campaign is locked."""
    reserve, number = _accounts(conn, town, campaign, at=at, actor=actor)
    escrow = books.account(conn, town_id=town.id, kind=Kind.ESCROW, holder=campaign.id, fund=campaign.terms.fund_id)
    assert escrow is not None
    if not escrow.balance:
        return 0
    rest = Transfer(
        id_under(campaign.id, "rest", escrow.debits_posted), number, reserve, escrow.balance, Code.UNISSUE, at, actor,
        f"campaign:{campaign.id}",
    )  # fmt: skip
    ledger.post_all(conn, town_id=town.id, requests=[rest])
    return escrow.balance.minor


def _accounts(
    conn: Connection[Any], town: TownFacts, campaign: Campaign, *, at: datetime, actor: str
) -> tuple[int, int]:
    """The fund's reserve and the campaign's escrow."""
    fund = campaign.terms.fund_id
    reserve, escrow = ledger.open_accounts(
        conn,
        town_id=town.id,
        accounts=[
            NewAccount(Kind.RESERVE, town.unit_code, town.party_id, fund),
            NewAccount(Kind.ESCROW, town.unit_code, campaign.id, fund),
        ],
        at=at,
        actor=actor,
    )
    return reserve, escrow


def _changed_by(conn: Connection[Any], town_id: int, campaign_id: UUID) -> set[str]:
    """Whoever changed what it promises, as the trail has it."""
    written = lines.entries_of_subject(conn, town_id=town_id, subject=f"campaign:{campaign_id}", size=_EVERY_LINE)
    return {line.actor for line in written if line.action == "campaign.changed"}


def _sound(conn: Connection[Any], town_id: int, terms: Terms, at: datetime) -> None:
    fund = _fund(conn, town_id, terms.fund_id)
    today = at.astimezone(parties.town(conn, town_id).zone).date()
    found = rules.findings(terms, today=today, fund_pays_aid=fund.pays_aid, fund_last_day=fund.last_day)
    if found:
        raise CampaignNotSound(found)


def _fund(conn: Connection[Any], town_id: int, fund_id: UUID) -> _Fund:
    fund = maybe(conn, statement(_PACKAGE, "fund_facts"), _Fund, town_id=town_id, fund=fund_id)
    if fund is None:
        raise FundNotFound(fund=str(fund_id))
    return fund


def _locked(conn: Connection[Any], town_id: int, campaign_id: UUID) -> Campaign:
    if maybe(conn, statement(_PACKAGE, "lock_campaign"), _Id, town_id=town_id, campaign=campaign_id) is None:
        raise CampaignNotFound(campaign=str(campaign_id))
    return queries.campaign(conn, town_id=town_id, campaign_id=campaign_id)


def _needs(campaign: Campaign, *states: CampaignState) -> None:
    if campaign.state not in states:
        raise CampaignInOtherState(campaign=campaign.id, state=campaign.state, needed=states)


def _columns(terms: Terms) -> dict[str, Any]:
    return {
        "name": terms.name,
        "fund_id": terms.fund_id,
        "trigger": terms.trigger.value,
        "share_numerator": terms.share.numerator,
        "share_denominator": terms.share.denominator,
        "minimum_minor": terms.minimum_minor,
        "person_most_minor": terms.person_most_minor,
        "ceiling_minor": terms.ceiling_minor,
        "first_day": terms.first_day,
        "last_day": terms.last_day,
        "alert_percent": terms.alert_percent,
        "excluded_funds": sorted(terms.excluded_funds),
        "shops": json.dumps(terms.shops.as_json()),
        "terms_url": terms.terms_url,
    }


def _facts(terms: Terms) -> dict[str, Any]:
    """What the audit trail keeps of a campaign's terms."""
    return {
        "name": terms.name,
        "fund": str(terms.fund_id),
        "trigger": terms.trigger.value,
        "share": f"{terms.share.numerator}/{terms.share.denominator}",
        "minimum_minor": terms.minimum_minor,
        "person_most_minor": terms.person_most_minor,
        "ceiling_minor": terms.ceiling_minor,
        "first_day": terms.first_day.isoformat(),
        "last_day": terms.last_day.isoformat(),
        "alert_percent": terms.alert_percent,
        "excluded_funds": sorted(str(fund) for fund in terms.excluded_funds),
        "shops": terms.shops.as_json(),
        "terms_url": terms.terms_url,
    }


def _record(
    conn: Connection[Any],
    town_id: int,
    actor: str,
    action: str,
    campaign_id: UUID,
    at: datetime,
    *,
    reason: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    trail.record(
        conn, town_id=town_id, actor=actor, action=action, subject=f"campaign:{campaign_id}", at=at, reason=reason,
        before=before, after=after,
    )  # fmt: skip

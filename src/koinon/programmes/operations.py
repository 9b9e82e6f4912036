"""Running a programme's month: prepare, approve, disburse; cancel; sweep back what was not spent.

    prepared ──approve──► approved ──disburse──► disbursing ──► disbursed
        └───────cancel───────┴──► cancelled

Every step is part of its caller's transaction, may be repeated, and writes an
audit line. Paying out may be cut into pieces (``disburse_some``), each in a
transaction of its own: killed in between, the next call goes on where the last
commit ended, and ends in the same books.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import execute, many, maybe, scalar, statement
from koinon.db.transactions import savepoint
from koinon.kernel.decisions import Ground
from koinon.kernel.identifiers import id_under, new_id
from koinon.kernel.money import Amount
from koinon.kernel.periods import Month
from koinon.ledger import operations as ledger
from koinon.ledger.errors import AccountNotOpen, CeilingReached, InsufficientFunds, RequestRefused
from koinon.ledger.types import Code, Kind, NewAccount, Refused, Transfer
from koinon.outbox.operations import tell
from koinon.outbox.types import Event
from koinon.parties import queries as parties
from koinon.parties.types import TownFacts
from koinon.programmes import queries, rules
from koinon.programmes.errors import (
    BudgetExceeded,
    CycleNotFound,
    CycleNotInState,
    FundNotOver,
    ProgrammeNotFound,
    ReserveShort,
    SamePerson,
)
from koinon.programmes.rules import AwardFacts, Entitled, ProgrammeTerms
from koinon.programmes.types import CycleView, Swept

_PACKAGE = "koinon.programmes"
PIECE = 500  # Entitlements or purses in one call of the ledger.


@dataclass(frozen=True, slots=True)
class _Award:
    award_id: UUID
    party_id: UUID
    monthly_minor: int
    from_day: date
    to_day: date | None
    zone: str
    income_band: str
    members: int
    erased: bool


@dataclass(frozen=True, slots=True)
class _Due:
    id: UUID
    party_id: UUID
    amount_minor: int
    erased: bool


@dataclass(frozen=True, slots=True)
class _Purse:
    account: int
    available_minor: int
    debits_posted: int


def prepare_cycle(
    conn: Connection[Any], *, town_id: int, programme_id: UUID, month: Month, actor: str, now: datetime
) -> CycleView:
    """Decide for every award of the programme what its household is due in the month, and freeze it.

    Facts and grounds of every yes and every no are kept with the entitlement,
    so that later changes to award or household do not rewrite the decision. A
    month that was prepared before is given back as it is; to prepare it anew,
    cancel it first.
    """
    if maybe(conn, statement(_PACKAGE, "lock_programme"), _Id, town_id=town_id, programme_id=programme_id) is None:
        raise ProgrammeNotFound(programme=str(programme_id))
    before = queries.cycle_of_month(conn, town_id=town_id, programme_id=programme_id, month=str(month))
    if before is not None:
        return before
    terms = queries.programme(conn, town_id=town_id, programme_id=programme_id).terms
    awards = many(
        conn,
        statement(_PACKAGE, "awards_in_month"),
        _Award,
        programme_id=programme_id,
        first_day=month.first_day,
        last_day=month.last_day,
    )
    decided = [(award, rules.entitlement(_facts(award), terms=terms, month=month)) for award in awards]
    due = [entitled.amount_minor for _, entitled in decided if entitled.decision]
    cycle_id = new_id()
    execute(
        conn,
        statement(_PACKAGE, "insert_cycle"),
        id=cycle_id,
        programme_id=programme_id,
        month=str(month),
        actor=actor,
        now=now,
        total_minor=sum(due),
        count=len(due),
    )
    _insert_entitlements(conn, cycle_id, decided)
    after = {
        "month": str(month),
        "due": len(due),
        "refused": len(decided) - len(due),
        "total_minor": sum(due),
        "terms": _terms_json(terms),
    }
    _record(conn, town_id, actor, "cycle.prepared", cycle_id, now, after=after)
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


def approve_cycle(conn: Connection[Any], *, town_id: int, cycle_id: UUID, actor: str, now: datetime) -> CycleView:
    """A second person says yes to the frozen list; the same person's approval may be repeated.

    Refuses with ``CycleNotFound``, ``SamePerson`` for whoever prepared it,
    ``BudgetExceeded`` for more than the fund's budget, and ``CycleNotInState``
    when it was cancelled or another person has approved it.
    """
    cycle = _locked(conn, town_id, cycle_id)
    if cycle.state != "prepared":
        if cycle.state != "cancelled" and cycle.approved_by == actor:
            return cycle
        raise CycleNotInState(cycle_id=cycle_id, state=cycle.state, wanted={"prepared"})
    if cycle.prepared_by == actor:
        raise SamePerson(cycle_id=cycle_id, actor=actor)
    _keep_within_budget(conn, parties.town(conn, town_id), cycle)
    execute(conn, statement(_PACKAGE, "approve_cycle"), cycle_id=cycle_id, actor=actor, now=now)
    after = {"state": "approved", "total_minor": cycle.total_minor, "count": cycle.count}
    _record(conn, town_id, actor, "cycle.approved", cycle_id, now, before={"state": cycle.state}, after=after)
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


def cancel_cycle(
    conn: Connection[Any], *, town_id: int, cycle_id: UUID, actor: str, now: datetime, reason: str = ""
) -> CycleView:
    """Take a cycle back before any of it is paid out; its month can then be prepared anew. May be repeated.

    Refuses with ``CycleNotFound``, and ``CycleNotInState`` from the first payment on.
    """
    cycle = _locked(conn, town_id, cycle_id)
    if cycle.state == "cancelled":
        return cycle
    if cycle.state not in ("prepared", "approved"):
        raise CycleNotInState(cycle_id=cycle_id, state=cycle.state, wanted={"prepared", "approved"})
    execute(conn, statement(_PACKAGE, "cancel_cycle"), cycle_id=cycle_id, actor=actor, now=now)
    _record(
        conn, town_id, actor, "cycle.cancelled", cycle_id, now, reason=reason,
        before={"state": cycle.state}, after={"state": "cancelled"},
    )  # fmt: skip
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


def disburse_cycle(conn: Connection[Any], *, town_id: int, cycle_id: UUID, actor: str, now: datetime) -> CycleView:
    """Pay an approved cycle out, wholly within the caller's transaction. Refuses as ``disburse_some`` does."""
    while True:
        cycle = disburse_some(conn, town_id=town_id, cycle_id=cycle_id, actor=actor, now=now)
        if cycle.state == "disbursed":
            return cycle


def disburse_some(
    conn: Connection[Any], *, town_id: int, cycle_id: UUID, actor: str, now: datetime, at_most: int = PIECE
) -> CycleView:
    """Pay out the next piece of an approved cycle; finished when the state is ``disbursed``.

    The first piece issues the whole total from the fund's reserve into the
    programme's escrow; each piece pays households from there; the last returns to
    the reserve what could not be paid. All transfers carry the time at which the
    first piece began. Call it again until it is finished, each time in a
    transaction of its own where a long one would be in the way.

    A household that was erased, or whose purse is closed or full, is refused and
    the run goes on. Anything else that the books refuse stops the run, and its
    households stay due: when the cause is mended, call it again.

    Refuses with ``CycleNotFound``, ``CycleNotInState`` before the approval and
    after a cancellation, ``ReserveShort`` where the reserve lacks the total, and
    the ledger's own refusals where the escrow or the reserve is not as this run
    left it (``InsufficientFunds``, ``AccountNotOpen``) or an id of this cycle was
    used for something else (``KeyReused``).
    """
    assert at_most > 0
    cycle = _locked(conn, town_id, cycle_id)
    if cycle.state == "disbursed":
        return cycle
    if cycle.state not in ("approved", "disbursing"):
        raise CycleNotInState(cycle_id=cycle_id, state=cycle.state, wanted={"approved"})
    town = parties.town(conn, town_id)
    reserve, escrow = _reserve_and_escrow(conn, town, cycle, at=now, actor=actor)
    if cycle.state == "approved":
        _issue(conn, town, cycle, reserve=reserve, escrow=escrow, actor=actor, now=now)
        cycle = _locked(conn, town_id, cycle_id)
    due = many(conn, statement(_PACKAGE, "entitlements_due"), _Due, cycle_id=cycle_id, size=at_most)
    _pay(conn, town, cycle, due, escrow=escrow, actor=actor)
    if len(due) < at_most:
        _finish(conn, town, cycle, reserve=reserve, escrow=escrow, actor=actor, now=now)
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


def sweep_fund(conn: Connection[Any], *, town_id: int, fund_id: UUID, actor: str, now: datetime) -> Swept:
    """After the fund's last day, return what lies unspent in purses to the fund's reserve.

    Held amounts stay until their hold ends; a later sweep takes them. Running
    it again takes only what has come back since, a refund for example.

    Refuses with ``FundNotFound``, ``FundNotOver``, and the ledger's own refusals
    when anything but a spent purse stands in the way; nothing is swept then.
    """
    town = parties.town(conn, town_id)
    fund = queries.fund(conn, town_id=town_id, fund_id=fund_id)
    if fund.last_day is None or now.astimezone(town.zone).date() <= fund.last_day:
        raise FundNotOver(fund_id=fund_id, last_day=fund.last_day)
    reserve = _open(conn, town, Kind.RESERVE, town.party_id, fund_id, at=now, actor=actor)
    with savepoint(conn):
        swept = _sweep(conn, town, fund_id, reserve=reserve, actor=actor, now=now)
    if swept.purses:
        _record(
            conn, town_id, actor, "fund.swept", fund_id, now, kind="fund",
            after={"purses": swept.purses, "minor": swept.minor, "last_day": fund.last_day.isoformat()},
        )  # fmt: skip
    return swept


# --- Steps ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Id:
    id: UUID


def _facts(award: _Award) -> AwardFacts:
    return AwardFacts(
        monthly_minor=award.monthly_minor,
        from_day=award.from_day,
        to_day=award.to_day,
        zone=award.zone,
        income_band=award.income_band,
        members=award.members,
        erased=award.erased,
    )


def _snapshot(award: _Award) -> str:
    return json.dumps(
        {
            "award": str(award.award_id),
            "monthly_minor": award.monthly_minor,
            "from_day": award.from_day.isoformat(),
            "to_day": award.to_day.isoformat() if award.to_day else None,
            "zone": award.zone,
            "income_band": award.income_band,
            "members": award.members,
        }
    )


def _terms_json(terms: ProgrammeTerms) -> dict[str, Any]:
    return {
        "share": f"{terms.share.numerator}/{terms.share.denominator}",
        "floor_monthly_minor": terms.floor_monthly_minor,
        "eligibility": terms.eligibility.as_json(),
    }


def _insert_entitlements(conn: Connection[Any], cycle_id: UUID, decided: Sequence[tuple[_Award, Entitled]]) -> None:
    execute(
        conn,
        statement(_PACKAGE, "insert_entitlements"),
        cycle_id=cycle_id,
        ids=[new_id() for _ in decided],
        parties=[award.party_id for award, _ in decided],
        amounts=[entitled.amount_minor for _, entitled in decided],
        states=["due" if entitled.decision else "refused" for _, entitled in decided],
        grounds=[json.dumps(rules.as_json(entitled.grounds)) for _, entitled in decided],
        snapshots=[_snapshot(award) for award, _ in decided],
    )


def _locked(conn: Connection[Any], town_id: int, cycle_id: UUID) -> CycleView:
    if maybe(conn, statement(_PACKAGE, "lock_cycle"), _Id, town_id=town_id, cycle_id=cycle_id) is None:
        raise CycleNotFound(cycle=str(cycle_id))
    return queries.cycle(conn, town_id=town_id, cycle_id=cycle_id)


def _keep_within_budget(conn: Connection[Any], town: TownFacts, cycle: CycleView) -> None:
    execute(conn, statement(_PACKAGE, "lock_fund"), fund_id=cycle.fund_id)  # Two approvals take turns.
    fund = queries.fund(conn, town_id=town.id, fund_id=cycle.fund_id)
    if fund.budget_minor is None:
        return
    committed = int(scalar(conn, statement(_PACKAGE, "committed_of_fund"), fund_id=cycle.fund_id))
    if committed + cycle.total_minor > fund.budget_minor:
        raise BudgetExceeded(
            fund_id=fund.id,
            budget=Amount(fund.budget_minor, town.unit_code),
            committed=Amount(committed, town.unit_code),
            asked=Amount(cycle.total_minor, town.unit_code),
        )


def _open(
    conn: Connection[Any], town: TownFacts, kind: Kind, holder: UUID, fund_id: UUID, *, at: datetime, actor: str
) -> int:
    account = NewAccount(kind, town.unit_code, holder, fund_id)
    return ledger.open_accounts(conn, town_id=town.id, accounts=[account], at=at, actor=actor)[0]


def _reserve_and_escrow(
    conn: Connection[Any], town: TownFacts, cycle: CycleView, *, at: datetime, actor: str
) -> tuple[int, int]:
    """The fund's reserve and the programme's own escrow, which is held under the programme's id:

    a programme that pays out then holds up no other one.
    """
    wanted = [
        NewAccount(Kind.RESERVE, town.unit_code, town.party_id, cycle.fund_id),
        NewAccount(Kind.ESCROW, town.unit_code, cycle.programme_id, cycle.fund_id),
    ]
    reserve, escrow = ledger.open_accounts(conn, town_id=town.id, accounts=wanted, at=at, actor=actor)
    return reserve, escrow


def _issue(
    conn: Connection[Any], town: TownFacts, cycle: CycleView, *, reserve: int, escrow: int, actor: str, now: datetime
) -> None:
    if cycle.total_minor:
        asked = Amount(cycle.total_minor, town.unit_code)
        try:
            with savepoint(conn):
                ledger.transfer(
                    conn,
                    town_id=town.id,
                    id=id_under(cycle.id, "issue"),
                    debit=reserve,
                    credit=escrow,
                    amount=asked,
                    code=Code.ISSUE,
                    effective_at=now,
                    actor=actor,
                    reference=f"cycle:{cycle.id}",
                )
        except InsufficientFunds as refused:
            available = refused.available or Amount(0, town.unit_code)
            raise ReserveShort(fund_id=cycle.fund_id, available=available, asked=asked) from refused
    execute(conn, statement(_PACKAGE, "begin_disbursing"), cycle_id=cycle.id, actor=actor, now=now)
    _record(
        conn, town.id, actor, "cycle.issued", cycle.id, now,
        before={"state": cycle.state}, after={"state": "disbursing", "issued_minor": cycle.total_minor},
    )  # fmt: skip


def _pay(
    conn: Connection[Any], town: TownFacts, cycle: CycleView, due: Sequence[_Due], *, escrow: int, actor: str
) -> None:
    assert cycle.disbursing_at is not None
    open_to_all = [entitlement for entitlement in due if not entitlement.erased]
    purses = ledger.open_accounts(
        conn,
        town_id=town.id,
        accounts=[NewAccount(Kind.PURSE, town.unit_code, owed.party_id, cycle.fund_id) for owed in open_to_all],
        at=cycle.disbursing_at,
        actor=actor,
    )
    requests = [
        Transfer(
            id_under(cycle.id, "disburse", owed.party_id),
            escrow,
            purse,
            Amount(owed.amount_minor, town.unit_code),
            Code.DISBURSE,
            cycle.disbursing_at,
            actor,
            f"cycle:{cycle.id}",
        )
        for owed, purse in zip(open_to_all, purses, strict=True)
    ]
    refused = {owed.id: Ground("entitlement.household-erased") for owed in due if owed.erased}
    with savepoint(conn):
        outcomes = ledger.post(conn, town_id=town.id, requests=requests)
        for owed, purse, outcome in zip(open_to_all, purses, outcomes, strict=True):
            if isinstance(outcome, Refused):
                if not _of_the_purse(outcome.error, purse):
                    raise outcome.error
                refused[owed.id] = Ground(outcome.error.code)
    execute(
        conn,
        statement(_PACKAGE, "settle_entitlements"),
        ids=[owed.id for owed in due],
        states=["refused" if owed.id in refused else "paid" for owed in due],
        grounds=[json.dumps(rules.as_json([refused[owed.id]])) if owed.id in refused else "[]" for owed in due],
    )


def _of_the_purse(refused: RequestRefused, purse: int) -> bool:
    """Whether one household's purse stood in the way, rather than the escrow that pays them all."""
    return isinstance(refused, AccountNotOpen | CeilingReached) and refused.account_id == purse


def _finish(
    conn: Connection[Any], town: TownFacts, cycle: CycleView, *, reserve: int, escrow: int, actor: str, now: datetime
) -> None:
    assert cycle.disbursing_at is not None
    paid = int(scalar(conn, statement(_PACKAGE, "paid_of_cycle"), cycle_id=cycle.id))
    back = cycle.total_minor - paid
    if back:
        ledger.transfer(
            conn,
            town_id=town.id,
            id=id_under(cycle.id, "unissue"),
            debit=escrow,
            credit=reserve,
            amount=Amount(back, town.unit_code),
            code=Code.UNISSUE,
            effective_at=cycle.disbursing_at,
            actor=actor,
            reference=f"cycle:{cycle.id}",
        )
    execute(conn, statement(_PACKAGE, "finish_cycle"), cycle_id=cycle.id, now=now)
    _record(
        conn, town.id, actor, "cycle.disbursed", cycle.id, now,
        before={"state": "disbursing"},
        after={"state": "disbursed", "paid_minor": paid, "returned_minor": back},
    )  # fmt: skip
    told: dict[str, str | int] = {
        "programme": str(cycle.programme_id),
        "fund": str(cycle.fund_id),
        "month": cycle.month,
        "amount_minor": paid,
        "unit": town.unit_code,
    }
    tell(conn, town_id=town.id, events=[Event("cycle.disbursed", cycle.id, now, told)])


def _sweep(conn: Connection[Any], town: TownFacts, fund_id: UUID, *, reserve: int, actor: str, now: datetime) -> Swept:
    purses, minor, last = 0, 0, 0
    while found := many(
        conn, statement(_PACKAGE, "purses_with_money"), _Purse,
        town_id=town.id, fund_id=fund_id, after=last, size=PIECE,
    ):  # fmt: skip
        last = found[-1].account
        requests = [_expiry(town, fund_id, purse, reserve, actor, now) for purse in found]
        for purse, outcome in zip(found, ledger.post(conn, town_id=town.id, requests=requests), strict=True):
            if isinstance(outcome, Refused):
                # What was paid or held since it was read stays for the next sweep.
                if not isinstance(outcome.error, InsufficientFunds):
                    raise outcome.error
            elif not outcome.replayed:
                purses, minor = purses + 1, minor + purse.available_minor
    return Swept(purses, minor)


def _expiry(town: TownFacts, fund_id: UUID, purse: _Purse, reserve: int, actor: str, now: datetime) -> Transfer:
    # The id names the state it was read in: the same purse may be swept again after a refund.
    return Transfer(
        id_under(fund_id, "sweep", purse.account, purse.debits_posted, purse.available_minor),
        purse.account,
        reserve,
        Amount(purse.available_minor, town.unit_code),
        Code.EXPIRE,
        now,
        actor,
        f"fund:{fund_id}",
    )


def _record(
    conn: Connection[Any],
    town_id: int,
    actor: str,
    action: str,
    subject_id: UUID,
    at: datetime,
    *,
    kind: str = "cycle",
    reason: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    record(
        conn, town_id=town_id, actor=actor, action=action, subject=f"{kind}:{subject_id}", at=at,
        reason=reason, before=before, after=after,
    )  # fmt: skip

"""What a demonstrated month has beside aid and purchases: a bonus campaign, contributions, a statement of the bank.

Each goes through the operations that staff use, at moments of the simulated calendar, under ids and keys that follow
from the town: a second run finds what the first did. A town whose folder has no fund for campaigns, no activity that
pays, or no account at a bank lives without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from datetime import time as clock
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.banking import operations as banking
from koinon.campaigns import operations as campaigns
from koinon.campaigns import queries as campaign_records
from koinon.campaigns.types import Terms, Trigger
from koinon.coproduction import contributions, queries
from koinon.coproduction.types import Activity, Measure
from koinon.db.statements import many, statement
from koinon.db.transactions import transaction
from koinon.kernel.identifiers import id_from
from koinon.kernel.periods import Month
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownFacts
from koinon.pilots import demo_bank
from koinon.pilots.demo_bank import Movement
from koinon.programmes import queries as plans
from koinon.treasury import queries as treasury_books
from koinon.treasury.types import Run

CAMPAIGN = "cap-de-setmana"
HELPERS = 16  # More than ten, so that what they did together may be published.
_FIRST_DAY, _LAST_DAY = 9, 11  # Of the month, in which the campaign runs.
_WEDNESDAY, _SATURDAY = 2, 5
_PACKAGE = "koinon.pilots"


@dataclass(frozen=True, slots=True)
class _Party:
    party: UUID


# --- A bonus campaign ---------------------------------------------------------------------------------


def release_campaign(conn: Connection[Any], town: TownFacts, month: Month, staff: Mapping[str, str]) -> None:
    """A tenth more on what residents buy on a long weekend, drawn up by one person and released by another."""
    if any(one.code == CAMPAIGN for one in campaign_records.campaigns(conn, town_id=town.id)):
        return
    giving = {one.fund_id for one in plans.programmes(conn, town_id=town.id)}
    funds = [one for one in plans.funds(conn, town_id=town.id) if one.id not in giving and one.budget_minor]
    if not funds:
        return
    unit = 10**town.exponent
    terms = Terms(
        name="Cap de setmana al barri",
        fund_id=funds[0].id,
        trigger=Trigger.PURCHASE,
        share=Fraction(1, 10),
        minimum_minor=5 * unit,
        person_most_minor=10 * unit,
        ceiling_minor=min(2_000 * unit, funds[0].budget_minor or 0),
        first_day=_day(month, _FIRST_DAY),
        last_day=_day(month, _LAST_DAY),
    )

    def moment(hour: int) -> datetime:
        return datetime.combine(month.first_day, clock(hour, 15), town.zone)

    officer, approver = staff["officer"], staff["approver"]
    drawn = campaigns.draft(conn, town_id=town.id, code=CAMPAIGN, terms=terms, at=moment(6), actor=officer)
    campaigns.submit(conn, town_id=town.id, campaign_id=drawn.id, at=moment(7), actor=officer)
    campaigns.release(conn, town_id=town.id, campaign_id=drawn.id, at=moment(8), actor=approver)


def end_campaigns(conn: Connection[Any], town: TownFacts, day: date) -> None:
    """What the timer does each morning: a campaign whose last day has passed ends, and its rest goes back."""
    for campaign in campaigns.over(conn, town_id=town.id, today=day):
        at = datetime.combine(day, clock(0, 5), town.zone)
        campaigns.end(conn, town_id=town.id, campaign_id=campaign, at=at, actor=campaigns.TIMER)


def _day(month: Month, number: int) -> date:
    return month.first_day.replace(day=number)


# --- Contributions ------------------------------------------------------------------------------------


def contribute(conn: Connection[Any], town: TownFacts, day: date, staff: Mapping[str, str]) -> None:
    """On the second and fourth Saturday people work together, on the Wednesdays before they bring what they sorted.

    A coordinator verifies it the same evening.
    """
    if (day.day - 1) // 7 not in (1, 3) or day.weekday() not in (_WEDNESDAY, _SATURDAY):
        return
    sorts = day.weekday() == _WEDNESDAY
    chosen = [one for one in queries.activities(conn, town_id=town.id) if _is_for_all(one, day)]
    chosen = [one for one in chosen if (one.measure == Measure.KILOGRAM) == sorts]
    if not chosen:
        return
    activity = chosen[(day.day > 14) % len(chosen)]
    streams = queries.streams_on(activity, queries.rates(conn, town_id=town.id, activity_id=activity.id), day)
    if not streams:
        return
    helpers = many(conn, statement(_PACKAGE, "demo_life_helpers"), _Party, town_id=town.id, most=HELPERS)
    evening = datetime.combine(day, clock(21, 30), town.zone)
    registered = []
    for number, helper in enumerate(helpers):
        found = contributions.register(
            conn,
            town_id=town.id,
            contribution_id=id_from(town.slug, "demonstrated contribution", day.isoformat(), number),
            activity_id=activity.id,
            party=helper.party,
            stream=streams[0],
            quantity=_quantity(Measure(activity.measure), number),
            day=day,
            actor=staff["coordinator"],
            at=evening,
        )
        registered.append(found.id)
    contributions.verify_many(
        conn, town_id=town.id, contribution_ids=registered, actor=staff["coordinator"], at=evening
    )


def _is_for_all(activity: Activity, day: date) -> bool:
    """Whether it pays whoever takes part on a day, as long as its fund has a budget."""
    return (
        activity.programme_id is not None
        and not activity.zones
        and (activity.first_day or day) <= day <= (activity.last_day or day)
    )


def _quantity(measure: Measure, number: int) -> int:
    """In whole steps: from one to three hours, from 0.8 to 3.2 kilograms, or one session."""
    if measure is Measure.HOUR:
        return 60 + 30 * (number % 5)
    return 800 + 600 * (number % 5) if measure is Measure.KILOGRAM else 1


# --- The bank's statement -----------------------------------------------------------------------------


def statement_of(conn: Connection[Any], town: TownFacts, month: Month, run: Run, secrets: Secrets) -> bytes | None:
    """camt.053 of the days since the last one: the budget's euros at first, the payout as one movement, and one nobody knows.

    None where the town's payouts leave from no account that a statement could name.
    """
    account, opening = demo_bank.account_of(conn, town, secrets), demo_bank.last_closing(conn, town)
    if not account or run.exported_at is None:
        return None
    movements = [
        Movement(_day(month, 20), int(Decimal(40).scaleb(town.exponent)), f"DEMO/{month}/?", text="Ingrés en efectiu"),
        Movement(
            run.exported_at.astimezone(town.zone).date(),
            -run.total.minor,
            f"DEMO/{month}/payout",
            message_id=run.id.hex,
        ),
    ]
    if opening is None:
        movements += [
            Movement(one.effective_at.astimezone(town.zone).date(), one.amount.minor, one.bank_reference)
            for one in treasury_books.receipts(conn, town_id=town.id)
            if one.bank_reference.startswith("DEMO/")
        ]
    movements.sort(key=lambda one: one.day)
    return demo_bank.camt053(account, town, f"DEMO-{month}", opening or 0, movements)


def take_in_statement(
    conn: Connection[Any], town: TownFacts, content: bytes, secrets: Secrets, *, at: datetime, actor: str
) -> None:
    """Import it and match what can be told; opens transactions of its own."""
    with transaction(conn):
        banking.import_file(conn, town_id=town.id, content=content, secrets=secrets, at=at, actor=actor)
    banking.match_listed(conn, town_id=town.id, at=at, actor=actor, in_transaction=lambda: transaction(conn))

"""A town for trying the API: a few households, shops and play money in the unit that ISO 4217 keeps for tests (XTS).

It is founded as real ones are: money arrives for each fund, a cycle is prepared, approved by a second
actor and paid out, and every invariant holds in it. What marks it: a row in ``api.sandbox``, the unit,
keys that begin with ``koinon_test_``, ``sandbox`` in /whoami, and that pages show it as generated.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.api import operations, queries
from koinon.api.errors import CredentialInvalid
from koinon.api.types import NewCredential, Scope
from koinon.db.statements import execute, maybe, scalar, statement
from koinon.kernel.identifiers import id_from, new_id
from koinon.kernel.money import Amount
from koinon.kernel.periods import Month
from koinon.parties import queries as parties
from koinon.parties.types import TownFacts
from koinon.programmes import operations as programmes
from koinon.treasury import operations as treasury

_PACKAGE = "koinon.api"
SLUG, UNIT, KEY = "sandbox", "XTS", "sandbox"
RATE = 1000
OFFICER, APPROVER, TREASURER = "sandbox:officer", "sandbox:approver", "sandbox:treasurer"


@dataclass(frozen=True, slots=True)
class _Fund:
    code: str
    name: str
    rule: dict[str, Any]
    monthly_minor: int


FUNDS = (
    _Fund("aid", "Household aid", {"exclude_chains": True}, 400_00),
    _Fund("gift", "Gift, also between neighbours", {"peers_allowed": True}, 100_00),
)
HOUSEHOLDS = ("first household", "second household", "third household")
SHOPS = (
    ("Bakery of the sandbox", "10.71", "food", False),
    ("Bookshop of the sandbox", "47.61", "culture", False),
    ("Chain of the sandbox", "47.11", "food", True),
)


@dataclass(frozen=True, slots=True)
class _Town:
    id: int


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The town, who is in it by what they are, and its key where one was made."""

    town: TownFacts
    households: dict[str, UUID]
    shops: dict[str, UUID]
    key: NewCredential | None


def household(town_id: int, name: str) -> UUID:
    return id_from("sandbox", town_id, "household", name)


def shop(town_id: int, name: str) -> UUID:
    return id_from("sandbox", town_id, "shop", name)


def found(conn: Connection[Any], *, at: datetime, new_key: bool = False) -> Sandbox:
    """The sandbox, made where there is none; this month's money in its purses; and a key with all scopes.

    Repeatable: a second run in a month does nothing, one in another month pays that month's money. The key
    is made once, and again only with ``new_key``. Refuses with ``CredentialInvalid`` where a town that is
    no sandbox has its name.
    """
    town_id = scalar(conn, statement(_PACKAGE, "sandbox"), slug=SLUG)
    if town_id is None:
        if maybe(conn, "SELECT id FROM parties_town WHERE slug = %(slug)s", _Town, slug=SLUG):
            raise CredentialInvalid(reason=f"the town {SLUG!r} is no sandbox; play money and real money do not mix")
        town_id = _found(conn, at)
    town = parties.town(conn, town_id)
    _pay_month(conn, town, at)
    known = [one for one in queries.credentials(conn, town_id=town_id) if one.name == KEY and one.revoked_at is None]
    key = None
    if new_key or not known:
        key = operations.add_key(
            conn, town_id=town_id, name=KEY, scopes=tuple(Scope), actor=OFFICER, at=at, requests_per_second=RATE
        )
    return Sandbox(
        town,
        {name: household(town_id, name) for name in HOUSEHOLDS},
        {name: shop(town_id, name) for name, *_ in SHOPS},
        key,
    )


def _found(conn: Connection[Any], at: datetime) -> int:
    body = new_id()
    town_id = int(scalar(conn, statement(_PACKAGE, "found_sandbox"), slug=SLUG, unit=UNIT, body=body, at=at))
    execute(
        conn,
        statement(_PACKAGE, "settle_sandbox"),
        town_id=town_id,
        at=at,
        households=[household(town_id, name) for name in HOUSEHOLDS],
        shops=[shop(town_id, name) for name, *_ in SHOPS],
        names=[name for name, *_ in SHOPS],
        sectors=[sector for _, sector, *_ in SHOPS],
        sector_groups=[group for *_, group, _chain in SHOPS],
        chains=[chain for *_, chain in SHOPS],
    )
    for fund in FUNDS:
        execute(
            conn,
            statement(_PACKAGE, "begin_sandbox_programme"),
            town_id=town_id,
            fund_id=_of_fund(town_id, fund, "fund"),
            programme_id=_of_fund(town_id, fund, "programme"),
            code=fund.code,
            name=fund.name,
            rule=json.dumps(fund.rule),
            households=[household(town_id, name) for name in HOUSEHOLDS],
            award_ids=[new_id() for _ in HOUSEHOLDS],
            monthly_minor=fund.monthly_minor,
            from_day=date(at.year, 1, 1),
        )
    return town_id


def _of_fund(town_id: int, fund: _Fund, what: str) -> UUID:
    return id_from("sandbox", town_id, what, fund.code)


def _pay_month(conn: Connection[Any], town: TownFacts, at: datetime) -> None:
    month = Month.of(at.astimezone(town.zone).date().replace(day=1))
    for fund in FUNDS:
        programme = _of_fund(town.id, fund, "programme")
        reference = f"sandbox/{month}/{fund.code}"
        treasury.receive_budget(
            conn,
            town_id=town.id,
            fund=_of_fund(town.id, fund, "fund"),
            amount=Amount(fund.monthly_minor * len(HOUSEHOLDS), UNIT),
            bank_reference=reference,
            idempotency_key=reference,
            at=at,
            actor=TREASURER,
        )
        cycle = programmes.prepare_cycle(
            conn, town_id=town.id, programme_id=programme, month=month, actor=OFFICER, now=at
        )
        if cycle.state == "prepared":
            programmes.submit_cycle(conn, town_id=town.id, cycle_id=cycle.id, actor=OFFICER, now=at)
            cycle = programmes.approve_cycle(conn, town_id=town.id, cycle_id=cycle.id, actor=APPROVER, now=at)
        if cycle.state != "disbursed":
            programmes.disburse_cycle(conn, town_id=town.id, cycle_id=cycle.id, actor=OFFICER, now=at)

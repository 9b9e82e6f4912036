"""A town folder's plan becomes a running town, or what changed of one.

First everything is compared with what is recorded, then only the differences
are written, so that a second application of the same folder touches nothing and
a dry run says exactly what a real one would do. What a folder no longer lists
stays as it is, and is counted: an award ends by its last day, not by vanishing
from a file.

People are recognised by the keyed digest of their identifier in the vault;
their party's id is random and can be computed from nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Connection

from koinon.audit import operations as audit
from koinon.coproduction.types import ActivityTerms, BankTerms
from koinon.db.statements import execute, many, maybe, scalar, statement
from koinon.db.transactions import savepoint
from koinon.impact import aims, targets
from koinon.impact.aims import Aim
from koinon.kernel.errors import FindingsError
from koinon.kernel.identifiers import id_from, new_id
from koinon.kernel.money import Amount
from koinon.kernel.text import fold
from koinon.ledger import operations as ledger
from koinon.ledger.types import Kind, NewAccount
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.pilots import apply_funds, apply_rewards, townfolder_funds
from koinon.pilots.errors import TownFixed
from koinon.pilots.townfolder_aims import keep_confirmed
from koinon.pilots.townfolder_settings import WEEKDAYS
from koinon.pilots.townfolder_types import BusinessSpec, PersonSpec, Role, TownPlan
from koinon.programmes.approvals import as_json as steps_as_json
from koinon.programmes.eligibility import Status
from koinon.treasury import operations as treasury
from koinon.treasury import queries as euros
from koinon.treasury.rules import default_terms
from koinon.treasury.types import Terms

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_PACKAGE = "koinon.pilots"
RECORDED_BELOW = ("time_bank", "activity", "rate", "cap", "aim")  # Their operations write audit lines themselves.
Key = TypeVar("Key")
Row = TypeVar("Row", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done, or in a dry run what would be: how many of each kind, and each change to what was there.

    ``town_id`` is None in the dry run of a new town.
    """

    town_id: int | None
    counts: dict[str, int]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A record that differs from the folder. Of what lies in the vault, only the names of fields are said."""

    subject: str
    before: dict[str, Any]
    after: dict[str, Any]
    vault_fields: tuple[str, ...] = ()


# --- Rows as the database has them --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Town:
    id: int
    name: str
    country: str
    unit_code: str
    unit_name: str
    unit_symbol: str
    exponent: int
    national_currency: str
    time_zone: str
    languages: str
    legal_basis: str
    income_bands: str
    party_id: UUID


@dataclass(frozen=True, slots=True)
class _Zone:
    code: str
    name: str
    outline: str


@dataclass(frozen=True, slots=True)
class _Household:
    party_id: UUID
    zone: str
    members: int
    income_band: str
    joined_on: date | None
    resident_since: date | None
    children_born: str
    statuses: str


@dataclass(frozen=True, slots=True)
class _Person:
    party_id: UUID
    household: UUID | None
    zone: str
    is_reference: bool


@dataclass(frozen=True, slots=True)
class _Business:
    party_id: UUID
    trade_name: str
    sector: str
    sector_group: str
    legal_form: str
    is_sse: bool
    registry_number: str
    size_class: str
    zone: str
    is_chain: bool
    accepts_since: date | None
    latitude: Decimal | None
    longitude: Decimal | None
    active: bool


@dataclass(frozen=True, slots=True)
class _Fund:
    id: UUID
    code: str
    name: str
    source: str
    budget_minor: int | None
    rule: str
    spend_from: date | None
    last_day: date | None
    notice_days: int
    warn_days: int


@dataclass(frozen=True, slots=True)
class _Programme:
    id: UUID
    code: str
    name: str
    fund_id: UUID
    share_numerator: int
    share_denominator: int
    floor_monthly_minor: int
    rule: str
    for_whom: str
    amounts: str
    waiting: str | None
    holds_duplicates: bool
    approvals: str


@dataclass(frozen=True, slots=True)
class _Award:
    id: UUID
    programme: UUID
    household: UUID
    monthly_minor: int
    from_day: date
    to_day: date | None


@dataclass(frozen=True, slots=True)
class _Account:
    kind: str
    holder: UUID
    fund: UUID | None


@dataclass(slots=True)
class _Differences:
    """What is to be written, kind by kind, in the order of the folder."""

    zones: list[_Zone] = field(default_factory=list)
    new_parties: dict[str, list[UUID]] = field(default_factory=dict)
    households: list[_Household] = field(default_factory=list)
    people: list[_Person] = field(default_factory=list)
    businesses: list[_Business] = field(default_factory=list)
    funds: list[_Fund] = field(default_factory=list)
    issued: set[UUID] = field(default_factory=set)
    programmes: list[_Programme] = field(default_factory=list)
    awards: list[_Award] = field(default_factory=list)
    accounts: list[NewAccount] = field(default_factory=list)
    terms: Terms | None = None
    time_banks: list[BankTerms] = field(default_factory=list)
    activities: list[ActivityTerms] = field(default_factory=list)
    rates: list[apply_rewards.RateRow] = field(default_factory=list)
    caps: list[apply_rewards.CapRow] = field(default_factory=list)
    aims: list[Aim] = field(default_factory=list)
    sealed: dict[UUID, dict[str, str]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        return any(count for name, count in self.counts.items() if name.endswith(("_new", "_changed")))


def apply(
    conn: Connection[Any],
    plan: TownPlan,
    *,
    at: datetime,
    actor: str,
    accept_warnings: bool = False,
    dry_run: bool = False,
    secrets: Secrets | None = None,
) -> Applied:
    """Create the town of a folder, or bring it up to date, in the caller's transaction.

    Parameters
    ----------
    plan
        As ``townfolder.read`` gave it.
    at, actor
        When and by whom, for the records and the audit trail.
    accept_warnings
        Whether a person has seen the plan's warnings and wants to go on.
    dry_run
        Compare only; nothing is written.
    secrets
        The vault's keys; those of this installation when not given.

    Refuses
    -------
    ``FindingsError`` with the warnings that nobody accepted; ``TownFixed`` when
    the folder names another country, unit or currency than the town's books.
    """
    if plan.warnings and not accept_warnings:
        raise FindingsError(plan.warnings)
    execute(conn, statement(_PACKAGE, "apply_lock"), slug=plan.town.slug)
    town = maybe(conn, statement(_PACKAGE, "apply_town"), _Town, slug=plan.town.slug)
    if town is not None:
        _keep_fixed(town, plan)
    today = at.astimezone(ZoneInfo(plan.town.time_zone)).date()
    comparison = _Comparison(conn, plan, town, Vault(conn, secrets or Secrets.load()), today)
    found = comparison.differences()
    if dry_run:
        return Applied(town.id if town else None, found.counts, tuple(found.changes))
    with savepoint(conn):
        town_id = _write(conn, plan, comparison, found, at=at, actor=actor)
    return Applied(town_id, found.counts, tuple(found.changes))


def apply_list(
    conn: Connection[Any],
    kind: str,
    plan: TownPlan,
    *,
    programme: tuple[str, UUID] | None,
    at: datetime,
    actor: str,
    dry_run: bool = False,
    secrets: Secrets | None = None,
) -> Applied:
    """Take one list in (``townfolder.read_list``): what is new in it and what differs; all else stays.

    ``programme`` is the one whose awards they are, by code and id. Of a household
    that is there, children and statuses stay, because such a list has none.
    """
    execute(conn, statement(_PACKAGE, "apply_lock"), slug=plan.town.slug)
    town = maybe(conn, statement(_PACKAGE, "apply_town"), _Town, slug=plan.town.slug)
    assert town is not None, "a list is taken in by a town that is there"
    comparison = _Comparison(conn, plan, town, Vault(conn, secrets or Secrets.load()), at.date())
    found = comparison.differences_of_list(kind, programme)
    if not dry_run:
        with savepoint(conn):
            _write(conn, plan, comparison, found, at=at, actor=actor)
    return Applied(town.id, found.counts, tuple(found.changes))


def apply_policies(
    conn: Connection[Any],
    plan: TownPlan,
    *,
    at: datetime,
    actor: str,
    dry_run: bool = False,
    secrets: Secrets | None = None,
) -> Applied:
    """Take the plan's funds and programmes in, for a town that is there; all else stays.

    Refuses with ``FindingsError`` where it would change what holds already for money that people have.
    """
    execute(conn, statement(_PACKAGE, "apply_lock"), slug=plan.town.slug)
    town = maybe(conn, statement(_PACKAGE, "apply_town"), _Town, slug=plan.town.slug)
    assert town is not None, "policies are written for a town that is there"
    comparison = _Comparison(conn, plan, town, Vault(conn, secrets or Secrets.load()), at.date())
    found = comparison.differences_of_policies()
    if not dry_run:
        with savepoint(conn):
            _write(conn, plan, comparison, found, at=at, actor=actor)
    return Applied(town.id, found.counts, tuple(found.changes))


def _keep_fixed(town: _Town, plan: TownPlan) -> None:
    wanted = {
        "country": plan.town.country,
        "unit_code": plan.town.unit.code,
        "exponent": plan.town.unit.exponent,
        "national_currency": plan.town.national_currency,
    }
    different = [name for name, value in wanted.items() if getattr(town, name) != value]
    if different:
        raise TownFixed(town=plan.town.slug, settings=different)


def _town_row(plan: TownPlan, *, id: int, party_id: UUID) -> _Town:
    agreed = {
        "acts": [
            {**asdict(basis), "since": _iso(basis.since), "until": _iso(basis.until)} for basis in plan.town.legal_basis
        ],
        "terms": asdict(plan.town.terms),
    }
    return _Town(
        id=id,
        name=plan.town.name,
        country=plan.town.country,
        unit_code=plan.town.unit.code,
        unit_name=plan.town.unit.name,
        unit_symbol=plan.town.unit.symbol,
        exponent=plan.town.unit.exponent,
        national_currency=plan.town.national_currency,
        time_zone=plan.town.time_zone,
        languages=_json(list(plan.town.languages)),
        legal_basis=_json(agreed),
        income_bands=_json(dict(plan.town.income_bands)),
        party_id=party_id,
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


class _Comparison:
    """The folder against what is recorded."""

    def __init__(self, conn: Connection[Any], plan: TownPlan, town: _Town | None, vault: Vault, today: date) -> None:
        self.conn = conn
        self.plan = plan
        self.town = town
        self.vault = vault
        self.today = today
        self.town_party = town.party_id if town else new_id()
        self.found = _Differences()
        self.household_party: dict[str, UUID] = {}
        self.fund_id: dict[str, UUID] = {}
        self.programme_id: dict[str, UUID] = {}
        self.tills: list[UUID] = []
        self.by_tax_id: dict[str, UUID] = {}
        self.recognised: dict[str, UUID] = {}

    def differences(self) -> _Differences:
        self._compare_town()
        self._compare_zones()
        self.recognised = self._recognise()
        self._compare_households()
        self._compare_people()
        self._compare_businesses()
        self._compare_funds()
        self._compare_programmes()
        self._compare_awards()
        self._compare_accounts()
        self._compare_terms()
        self._compare_rewards()
        self._compare_aims()
        return self.found

    def differences_of_list(self, kind: str, programme: tuple[str, UUID] | None) -> _Differences:
        """As ``differences``, of one list of a town that is there."""
        self._count("town", 1, 0, 0)
        self.recognised = self._recognise()
        if kind == "households":
            self._keep_what_no_list_says()
            self._compare_households()
        elif kind == "businesses":
            self._compare_businesses()
            self._compare_accounts()
        else:
            assert programme is not None
            self.household_party = dict(self.recognised)
            self.programme_id[programme[0]] = programme[1]
            self._compare_awards()
        return self.found

    def differences_of_policies(self) -> _Differences:
        """As ``differences``, of funds and programmes of a town that is there."""
        self._count("town", 1, 0, 0)
        self.by_tax_id = self._by_tax_id([row.party_id for row in self._rows("apply_businesses", _Business)])
        self._compare_funds()
        for row in self._rows("apply_funds", _Fund):
            self.fund_id.setdefault(row.code, row.id)
        self._compare_programmes()
        self._compare_accounts()
        return self.found

    def _keep_what_no_list_says(self) -> None:
        """Children and statuses of households that are there, which would be read as none."""
        there = {row.party_id: row for row in self._rows("apply_households", _Household)}
        kept = []
        for household in self.plan.households:
            row = there.get(self.recognised.get(household.key, self.town_party))
            if row is not None:
                statuses = tuple(
                    Status(one["code"], _day(one.get("from_day")), _day(one.get("to_day")))
                    for one in json.loads(row.statuses)
                )
                household = replace(
                    household,
                    children_born=tuple(json.loads(row.children_born)),
                    statuses=statuses,
                    resident_since=household.resident_since or row.resident_since,
                )
            kept.append(household)
        self.plan = replace(self.plan, households=tuple(kept))

    def _rows(self, name: str, row: type[Row]) -> list[Row]:
        return many(self.conn, statement(_PACKAGE, name), row, town_id=self.town.id) if self.town else []

    def _compare(self, kind: str, wanted: Mapping[Key, Row], present: Mapping[Key, Row], subject: str) -> list[Row]:
        """The rows to write, counted; changes to what is there are remembered."""
        new = [row for key, row in wanted.items() if key not in present]
        changed = [(present[key], row) for key, row in wanted.items() if key in present and present[key] != row]
        for before, after in changed:
            self.found.changes.append(_change(subject, before, after))
        getattr(self.found, kind).extend([*new, *(after for _, after in changed)])
        self._count(kind, len(wanted), len(new), len(changed))
        self.found.counts[f"{kind}_not_listed"] = len(present.keys() - wanted.keys())
        return new

    def _count(self, kind: str, listed: int, new: int, changed: int) -> None:
        self.found.counts |= {kind: listed, f"{kind}_new": new, f"{kind}_changed": changed}

    def _seal(self, kind: str, wanted: Mapping[UUID, dict[str, str]], new: Iterable[UUID]) -> None:
        """Personal data to put into the vault: all of new parties, of others the fields that differ."""
        fresh = set(new)
        held = self.vault.get_many([party for party in wanted if party not in fresh])
        differing = 0
        for party, values in wanted.items():
            if party in fresh:
                self.found.sealed[party] = {name: value for name, value in values.items() if value}
                continue
            different = {name: value for name, value in values.items() if held.get(party, {}).get(name, "") != value}
            if different:
                differing += 1
                self.found.sealed[party] = different
                self.found.changes.append(Change(f"party:{party}", {}, {}, tuple(sorted(different))))
        self.found.counts[f"{kind}_personal_changed"] = differing

    def _compare_town(self) -> None:
        present = (
            {
                self.plan.town.slug: replace(
                    self.town,
                    languages=_json(json.loads(self.town.languages)),
                    legal_basis=_json(json.loads(self.town.legal_basis)),
                    income_bands=_json(json.loads(self.town.income_bands)),
                )
            }
            if self.town
            else {}
        )
        wanted = {
            self.plan.town.slug: _town_row(self.plan, id=self.town.id if self.town else 0, party_id=self.town_party)
        }
        changed = bool(present) and present != wanted
        if changed:
            self.found.changes.append(_change("town", present[self.plan.town.slug], wanted[self.plan.town.slug]))
        self._count("town", 1, int(not present), int(changed))
        values = {
            self.town_party: {
                "name": self.plan.town.account_holder,
                "tax_id": self.plan.town.tax_id,
                "iban": self.plan.town.iban,
            }
        }
        self._seal("town", values, [] if self.town else [self.town_party])

    def _compare_zones(self) -> None:
        """A folder without a map leaves the outlines that are there."""
        present = {
            zone.code: replace(zone, outline=_json(json.loads(zone.outline)) if zone.outline else "")
            for zone in self._rows("apply_zones", _Zone)
        }
        wanted = {}
        for zone in self.plan.zones:
            kept = present[zone.code].outline if zone.code in present else ""
            outline = _json(json.loads(zone.outline)) if zone.outline else kept
            wanted[zone.code] = _Zone(zone.code, zone.name, outline)
        self._compare("zones", wanted, present, "zone")

    def _recognise(self) -> dict[str, UUID]:
        """The parties of the households and people whom the town knows, by the identifier as the folder has it."""
        if self.town is None:
            return {}
        identifiers = (
            *(household.key for household in self.plan.households),
            *(person.identifier for person in self.plan.people),
        )
        return self.vault.find_many(self.town.id, "identifier", identifiers)

    def _compare_households(self) -> None:
        present = {
            row.party_id: replace(
                row, children_born=_json(json.loads(row.children_born)), statuses=_json(json.loads(row.statuses))
            )
            for row in self._rows("apply_households", _Household)
        }
        wanted: dict[UUID, _Household] = {}
        personal: dict[UUID, dict[str, str]] = {}
        for household in self.plan.households:
            party = self.recognised.get(household.key) or new_id()
            self.household_party[household.key] = party
            wanted[party] = _Household(
                party,
                household.zone,
                household.members,
                household.income_band,
                household.joined_on,
                household.resident_since,
                _json(list(household.children_born)),
                _json([status.as_json() for status in household.statuses]),
            )
            personal[party] = {"identifier": household.key}
        new = [row.party_id for row in self._compare("households", wanted, present, "party")]
        self.found.new_parties["household"] = new
        self._seal("households", personal, new)

    def _compare_people(self) -> None:
        present = {row.party_id: row for row in self._rows("apply_people", _Person)}
        unnumbered = self._people_without_identifier(present)
        zone_of = {household.key: household.zone for household in self.plan.households}
        wanted: dict[UUID, _Person] = {}
        personal: dict[UUID, dict[str, str]] = {}
        for person in self.plan.people:
            household = self.household_party[person.household]
            party = (
                self.recognised.get(person.identifier)
                or unnumbered.get((household, fold(_full_name(person)), person.born_on.isoformat()))
                or new_id()
            )
            wanted[party] = _Person(party, household, zone_of[person.household], person.role is Role.REFERENCE)
            personal[party] = {
                "name": _full_name(person),
                "identifier": person.identifier,
                "identifier_kind": person.identifier_kind if person.identifier else "",
                "born_on": person.born_on.isoformat(),
                "sex": person.sex,
                "phone": person.phone,
                "language": person.language,
            }
        new = [row.party_id for row in self._compare("people", wanted, present, "party")]
        self.found.new_parties["person"] = new
        self._seal("people", personal, new)

    def _people_without_identifier(self, present: Mapping[UUID, _Person]) -> dict[tuple[UUID | None, str, str], UUID]:
        """Children without a document are recognised by household, name and date of birth."""
        held = self.vault.get_many(present, ("name", "born_on", "identifier"))
        return {
            (present[party].household, fold(values.get("name", "")), values.get("born_on", "")): party
            for party, values in held.items()
            if not values.get("identifier")
        }

    def _by_tax_id(self, parties: Collection[UUID]) -> dict[str, UUID]:
        held = self.vault.get_many(parties, ("tax_id",))
        return {values["tax_id"]: party for party, values in held.items() if values.get("tax_id")}

    def _compare_businesses(self) -> None:
        present = {row.party_id: row for row in self._rows("apply_businesses", _Business)}
        by_tax_id = self._by_tax_id(present)
        wanted: dict[UUID, _Business] = {}
        personal: dict[UUID, dict[str, str]] = {}
        known_but_excluded = [shop for shop in self.plan.excluded if shop.tax_id in by_tax_id]
        for shop in (*self.plan.businesses, *known_but_excluded):
            party = by_tax_id.get(shop.tax_id) or new_id()
            self.by_tax_id[shop.tax_id] = party
            wanted[party] = _business_row(party, shop, present.get(party), active=shop not in known_but_excluded)
            personal[party] = {
                "name": shop.legal_name,
                "tax_id": shop.tax_id,
                "iban": shop.iban,
                # A self-employed shopkeeper's tax number is that person's own, who may be a resident here too.
                "identifier": "" if shop.legal_form == "self-employed" else shop.tax_id,
            }
        self.tills = [party for party, row in wanted.items() if row.active]
        new = [row.party_id for row in self._compare("businesses", wanted, present, "party")]
        self.found.new_parties["organisation"] = new
        self.found.counts["businesses_excluded"] = len(self.plan.excluded)
        self._seal("businesses", personal, new)

    def _compare_funds(self) -> None:
        present = {row.code: replace(row, rule=_json(json.loads(row.rule))) for row in self._rows("apply_funds", _Fund)}
        for fund in self.plan.funds:
            known = present.get(fund.code)
            self.fund_id[fund.code] = known.id if known else id_from(self.plan.town.slug, "fund", fund.code)
        wanted = {
            fund.code: _Fund(
                self.fund_id[fund.code],
                fund.code,
                fund.name,
                fund.source,
                fund.budget_minor,
                _json(townfolder_funds.spending(fund.rule, self.by_tax_id).as_json()),
                fund.spend_from,
                fund.last_day,
                fund.notice_days,
                fund.warn_days,
            )
            for fund in self.plan.funds
        }
        issued = set() if self.town is None else apply_funds.issued(self.conn, town_id=self.town.id)
        apply_funds.keep_forward(self.plan.funds, present, wanted, issued)
        self._compare("funds", wanted, present, "fund")
        self.found.issued = issued

    def _compare_programmes(self) -> None:
        present = {
            row.code: replace(
                row,
                rule=_json(json.loads(row.rule)),
                amounts=_json(json.loads(row.amounts)),
                waiting=_json(json.loads(row.waiting)) if row.waiting else None,
                approvals=_json(json.loads(row.approvals)),
            )
            for row in self._rows("apply_programmes", _Programme)
        }
        for programme in self.plan.programmes:
            known = present.get(programme.code)
            self.programme_id[programme.code] = (
                known.id if known else id_from(self.plan.town.slug, "programme", programme.code)
            )
        wanted = {
            programme.code: _Programme(
                self.programme_id[programme.code],
                programme.code,
                programme.name,
                self.fund_id[programme.fund],
                programme.share.numerator,
                programme.share.denominator,
                programme.floor_monthly_minor,
                _json(programme.eligibility.as_json()),
                programme.for_whom,
                _json(programme.amounts.as_json()),
                _json(programme.waiting.as_json()) if programme.waiting else None,
                programme.holds_duplicates,
                _json(steps_as_json(programme.approvals)),
            )
            for programme in self.plan.programmes
        }
        self._compare("programmes", wanted, present, "programme")

    def _compare_awards(self) -> None:
        present = {(row.programme, row.household, row.from_day): row for row in self._rows("apply_awards", _Award)}
        wanted: dict[tuple[UUID, UUID, date], _Award] = {}
        for award in self.plan.awards:
            programme, household = self.programme_id[award.programme], self.household_party[award.household]
            known = present.get((programme, household, award.from_day))
            award_id = (
                known.id if known else id_from("award", str(programme), str(household), award.from_day.isoformat())
            )
            wanted[programme, household, award.from_day] = _Award(
                award_id, programme, household, award.monthly_minor, award.from_day, award.to_day
            )
        self._compare("awards", wanted, present, "award")

    def _compare_accounts(self) -> None:
        """The town's own accounts and a till for each shop; purses are opened when something first arrives."""
        present = {(row.kind, row.holder, row.fund) for row in self._rows("apply_accounts", _Account)}
        unit, town = self.plan.town.unit.code, self.town_party
        wanted = [
            NewAccount(Kind.ISSUANCE, unit, town, floor_minor=None),
            NewAccount(Kind.REDEMPTION, unit, town),
            *(NewAccount(Kind.RESERVE, unit, town, fund) for fund in self.fund_id.values()),
            *(
                NewAccount(Kind.ESCROW, unit, self.programme_id[programme.code], self.fund_id[programme.fund])
                for programme in self.plan.programmes
            ),
            *(NewAccount(Kind.TILL, unit, shop) for shop in self.tills),
        ]
        missing = [account for account in wanted if (account.kind, account.holder, account.fund) not in present]
        self.found.accounts = missing
        self.found.counts |= {"accounts": len(wanted), "accounts_new": len(missing)}

    def _compare_rewards(self) -> None:
        """Activities, what they earn and the most one person earns by them, and time banks."""
        listed = apply_rewards.wanted(self.plan, self.fund_id)
        there = apply_rewards.present(self.conn, self.town.id if self.town else None)
        for kind, subject in zip(("time_banks", "activities", "rates", "caps"), RECORDED_BELOW, strict=False):
            self._compare(kind, getattr(listed, kind), getattr(there, kind), subject)

    def _compare_aims(self) -> None:
        """What the town wants to reach, and what its figures need."""
        confirmed = targets.confirmed(self.conn, town_id=self.town.id) if self.town else frozenset()
        present = aims.present(self.conn, self.town.id) if self.town else ()
        keep_confirmed(self.plan.aims, present, confirmed)
        self._compare(
            "aims", {aims.key(aim): aim for aim in self.plan.aims}, {aims.key(aim): aim for aim in present}, "aim"
        )

    def _compare_terms(self) -> None:
        """What shops are promised about redemption holds from the day on which a folder first says so.

        The folder says the smallest amount and the day of the week; the rest stays as it is in force.
        """
        if self.town:
            present = euros.terms(self.conn, town_id=self.town.id, day=self.today)
        else:
            present = default_terms(currency=self.plan.town.national_currency)
        said = self.plan.town.terms
        minimum = max(said.minimum_redemption_minor, 1)
        schedule = f"weekly:{WEEKDAYS.index(said.payout_weekday) + 1}" if said.payout_weekday else present.schedule
        differs = (present.minimum_minor, present.schedule) != (minimum, schedule)
        if differs:
            self.found.terms = replace(
                present, from_day=self.today, minimum_minor=minimum, schedule=schedule, source="town.toml, [terms]"
            )
        said_before = present.from_day != date.min
        self._count("terms", 1, int(differs and not said_before), int(differs and said_before))


def _change(subject: str, before: Row, after: Row) -> Change:
    different = [
        column.name for column in fields(before) if getattr(before, column.name) != getattr(after, column.name)
    ]
    named = getattr(before, "party_id", None) or getattr(before, "id", None) or getattr(before, "code", "")
    if subject == "town":
        named = getattr(before, "id", "")
    return Change(
        f"{subject}:{named}",
        {name: _plain(getattr(before, name)) for name in different},
        {name: _plain(getattr(after, name)) for name in different},
    )


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int) else str(value)


def _full_name(person: PersonSpec) -> str:
    return f"{person.name} {person.surnames}".strip()


def _business_row(party: UUID, shop: BusinessSpec, there: _Business | None, *, active: bool) -> _Business:
    """What the town will know of a shop; a list that does not say where it is leaves that as it was."""
    place = (shop.latitude, shop.longitude)
    if None in place:
        place = (there.latitude, there.longitude) if there is not None else (None, None)
    return _Business(
        party_id=party,
        trade_name=shop.trade_name,
        sector=shop.sector,
        sector_group=shop.sector_group,
        legal_form=shop.legal_form,
        is_sse=shop.is_sse,
        registry_number=shop.registry_number,
        size_class=shop.size_class,
        zone=shop.zone,
        is_chain=shop.is_chain,
        accepts_since=shop.accepts_since,
        latitude=place[0],
        longitude=place[1],
        active=active,
    )


# --- Writing ------------------------------------------------------------------------------------


def _write(
    conn: Connection[Any], plan: TownPlan, comparison: _Comparison, found: _Differences, *, at: datetime, actor: str
) -> int:
    town_id = _write_town(conn, plan, comparison, found, at=at)

    def put(name: str, rows: Sequence[DataclassInstance], **given: Any) -> None:
        if rows:
            execute(conn, statement(_PACKAGE, name), **_columns(rows), **given)

    put("apply_put_zones", found.zones, town_id=town_id)
    for kind, ids in found.new_parties.items():
        if ids:
            execute(conn, statement(_PACKAGE, "apply_new_parties"), town_id=town_id, kind=kind, ids=ids, at=at)
    put("apply_put_households", found.households, town_id=town_id)
    put("apply_put_people", found.people, town_id=town_id)
    put("apply_put_businesses", found.businesses, town_id=town_id)
    for fund in found.funds:
        execute(conn, statement(_PACKAGE, "apply_put_fund"), town_id=town_id, **asdict(fund))
    apply_funds.write_changes(
        conn, plan.funds, comparison.fund_id, found.issued, town_id=town_id, by_tax_id=comparison.by_tax_id, at=at, actor=actor
    )  # fmt: skip
    for programme in found.programmes:
        execute(conn, statement(_PACKAGE, "apply_put_programme"), town_id=town_id, **asdict(programme))
    put("apply_put_awards", found.awards)
    if found.sealed:
        comparison.vault.put_many(found.sealed)
    ledger.open_accounts(conn, town_id=town_id, accounts=found.accounts, at=at, actor=actor)
    if found.terms:
        treasury.set_terms(
            conn,
            town_id=town_id,
            from_day=found.terms.from_day,
            minimum=Amount(found.terms.minimum_minor, plan.town.unit.code),
            file_format=found.terms.file_format,
            execution_days=found.terms.execution_days,
            source=found.terms.source,
            fee_minor=found.terms.fee_minor,
            fee_bps=found.terms.fee_bps,
            cooling_days=found.terms.cooling_days,
            schedule=found.terms.schedule,
            at=at,
            actor=actor,
        )
    apply_rewards.write(
        conn, town_id=town_id, time_banks=found.time_banks, terms=found.activities, rates=found.rates, caps=found.caps,
        at=at, actor=actor,
    )  # fmt: skip
    aims.put_all(conn, town_id=town_id, aims=found.aims, actor=actor, at=at)
    _record(conn, plan, found, town_id=town_id, at=at, actor=actor)
    return town_id


def _write_town(
    conn: Connection[Any], plan: TownPlan, comparison: _Comparison, found: _Differences, *, at: datetime
) -> int:
    town = _town_row(plan, id=0, party_id=comparison.town_party)
    values = {name: value for name, value in asdict(town).items() if name not in ("id", "party_id")}
    if comparison.town is None:
        town_id = int(scalar(conn, statement(_PACKAGE, "apply_new_town"), slug=plan.town.slug, at=at, **values))
        party = [comparison.town_party]
        execute(conn, statement(_PACKAGE, "apply_new_parties"), town_id=town_id, kind="public_body", ids=party, at=at)
        execute(conn, statement(_PACKAGE, "apply_town_party"), town_id=town_id, party_id=comparison.town_party)
        return town_id
    if found.counts["town_changed"]:
        changing = {
            name: values[name]
            for name in (
                "name",
                "unit_name",
                "unit_symbol",
                "time_zone",
                "languages",
                "legal_basis",
                "income_bands",
            )
        }
        execute(conn, statement(_PACKAGE, "apply_change_town"), town_id=comparison.town.id, **changing)
    return comparison.town.id


def _columns(rows: Sequence[DataclassInstance]) -> dict[str, list[Any]]:
    return {column.name: [getattr(row, column.name) for row in rows] for column in fields(rows[0])}


def _record(
    conn: Connection[Any], plan: TownPlan, found: _Differences, *, town_id: int, at: datetime, actor: str
) -> None:
    """One line for the whole folder, and one for each record that was there and is different now."""
    if not found.any:
        return
    counted = {name: count for name, count in found.counts.items() if count}
    audit.record(
        conn,
        town_id=town_id,
        actor=actor,
        action="town.applied",
        subject=f"town:{town_id}",
        after={"counts": counted, "sha256": plan.sha256},
        at=at,
    )
    for change in found.changes:
        if change.subject.partition(":")[0] in RECORDED_BELOW:
            continue
        sealed = {"vault_fields": list(change.vault_fields)} if change.vault_fields else {}
        audit.record(
            conn,
            town_id=town_id,
            actor=actor,
            action="town.record-changed",
            subject=change.subject,
            before=change.before,
            after={**change.after, **sealed},
            at=at,
        )

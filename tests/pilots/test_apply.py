"""Applying a town folder: everything once, then only what changed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from koinon.coproduction import queries as coproduction
from koinon.coproduction.types import Rate
from koinon.kernel.decisions import Finding, Severity
from koinon.kernel.errors import FindingsError
from koinon.kernel.money import Amount, Unit
from koinon.kernel.periods import Month
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.pilots import townfolder
from koinon.pilots.apply import Applied, apply
from koinon.pilots.errors import TownFixed
from koinon.pilots.townfolder_types import TownPlan
from koinon.programmes import operations as programmes
from koinon.programmes.eligibility import EVERYBODY, kept
from koinon.programmes.queries import entitlements, funds
from koinon.programmes.queries import programmes as all_programmes
from koinon.treasury import operations as treasury
from koinon.treasury import queries as euros
from koinon.treasury.types import FileFormat
from tests.pilots import small_town

TOWNS = Path(__file__).parents[2] / "towns"
NOW = datetime(2026, 9, 28, 9, 0, tzinfo=UTC)
TODAY = date(2026, 9, 28)
LATER = datetime(2026, 10, 20, 9, 0, tzinfo=UTC)
Conn = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def besos() -> TownPlan:
    return townfolder.read(TOWNS / "besos")


@pytest.fixture(scope="module")
def secrets() -> Secrets:
    return Secrets.fresh()


@dataclass(frozen=True, slots=True)
class Applying:
    """Applies plans on one connection with one set of keys."""

    conn: Conn
    secrets: Secrets

    def __call__(self, plan: TownPlan, *, at: datetime = NOW, **options: Any) -> Applied:
        return apply(self.conn, plan, at=at, actor="cli:test", secrets=self.secrets, **options)

    @property
    def vault(self) -> Vault:
        return Vault(self.conn, self.secrets)


@pytest.fixture
def applying(conn: Conn, secrets: Secrets) -> Applying:
    return Applying(conn, secrets)


def changed(applied: Applied) -> dict[str, int]:
    endings = ("_new", "_changed")
    return {name: count for name, count in applied.counts.items() if count and name.endswith(endings)}


def everything(conn: Conn) -> Counter[str]:
    """Every row of the tables that applying may write, as text."""
    tables = (
        "parties_town", "parties_zone", "parties_party", "parties_household", "parties_person", "parties_organisation",
        "parties_vaultentry", "parties_vaultlookup", "programmes_fund", "programmes_programme", "programmes_award",
        "ledger.account", "treasury.terms", "audit.entry",
    )  # fmt: skip
    rows: Counter[str] = Counter()
    for table in tables:
        rows.update(row[0] for row in conn.execute(f"SELECT t::text FROM {table} AS t").fetchall())
    return rows


def test_a_new_town_gets_everything_that_its_folder_says(applying: Applying, besos: TownPlan) -> None:
    applied = applying(besos)

    assert changed(applied) == {
        "town_new": 1,
        "zones_new": 10,
        "households_new": 533,
        "people_new": len(besos.people),
        "businesses_new": 175,
        "funds_new": 3,
        "programmes_new": 1,
        "awards_new": 533,
        "accounts_new": 2 + 3 + 1 + 175,
        "terms_new": 1,
        "time_banks_new": 1,
        "activities_new": 4,
        "rates_new": 7,
        "caps_new": 4,
        "aims_new": 19,
    }
    assert applied.counts["businesses_excluded"] == 2
    kinds = dict(applying.conn.execute("SELECT kind, count(*) FROM ledger.account GROUP BY kind").fetchall())
    assert kinds == {"issuance": 1, "member": 1, "redemption": 1, "reserve": 3, "escrow": 1, "till": 175}


def test_the_first_month_of_the_town_is_the_published_one(applying: Applying, besos: TownPlan) -> None:
    town_id = applying(besos).town_id
    assert town_id is not None
    programme = applying.conn.execute("SELECT id FROM programmes_programme").fetchone()
    assert programme is not None

    cycle = programmes.prepare_cycle(
        applying.conn, town_id=town_id, programme_id=programme[0], month=Month(2026, 10), actor="user:1", now=NOW
    )

    assert (cycle.count, cycle.total_minor) == (315, 42_590_39)
    grounds = applying.conn.execute(
        "SELECT grounds::jsonb->0->>'code' AS code, count(*) FROM programmes_entitlement"
        " WHERE decision = 'refused' GROUP BY code"
    ).fetchall()
    assert dict(grounds) == {"entitlement.award-not-begun": 210, "entitlement.not-above-floor": 8}


def test_applying_a_second_time_changes_nothing(applying: Applying, besos: TownPlan) -> None:
    applying(besos)
    before = everything(applying.conn)

    again = applying(besos, at=LATER)

    assert changed(again) == {}
    assert again.changes == ()
    assert everything(applying.conn) == before


def test_a_dry_run_says_what_would_be_done_and_writes_nothing(applying: Applying, besos: TownPlan) -> None:
    before = everything(applying.conn)

    dry = applying(besos, dry_run=True)

    assert dry.town_id is None
    assert everything(applying.conn) == before
    assert applying(besos).counts == dry.counts


def test_what_changed_in_the_folder_is_changed_and_audited_without_personal_values(
    applying: Applying, besos: TownPlan
) -> None:
    town_id = applying(besos).town_id
    household, person, shop, award = besos.households[0], besos.people[0], besos.businesses[0], besos.awards[0]
    moved = replace(household, zone="73" if household.zone != "73" else "50")
    plan = replace(
        besos,
        households=(moved, *besos.households[1:]),
        people=(replace(person, phone="799 000 001"), *besos.people[1:]),
        businesses=(replace(shop, trade_name="Un altre rètol", iban="ES9121000418450200051332"), *besos.businesses[1:]),
        awards=(replace(award, monthly_minor=award.monthly_minor + 1), *besos.awards[1:]),
    )

    dry = applying(plan, dry_run=True)
    applied = applying(plan, at=LATER)

    assert dry == applied
    family = [one for one in besos.people if one.household == household.key]
    assert changed(applied) == {
        "households_changed": 1,
        "people_changed": len(family),
        "people_personal_changed": 1,
        "businesses_changed": 1,
        "businesses_personal_changed": 1,
        "awards_changed": 1,
    }
    audited = applying.conn.execute(
        "SELECT action, after::text FROM audit.entry WHERE town_id = %s AND at = %s", [town_id, LATER]
    ).fetchall()
    assert Counter(action for action, _ in audited) == {"town.applied": 1, "town.record-changed": len(family) + 5}
    said = " ".join(after for _, after in audited)
    for private in ("799 000 001", "799000001", "ES9121000418450200051332", person.identifier, person.surnames):
        assert private not in said
    assert '"vault_fields": ["iban"]' in said
    assert changed(applying(plan, at=LATER)) == {}


def test_a_person_is_recognised_by_the_digest_and_keeps_the_party(applying: Applying, besos: TownPlan) -> None:
    town_id = applying(besos).town_id
    assert town_id is not None
    person = next(one for one in besos.people if one.identifier)
    party = applying.vault.find(town_id, "identifier", person.identifier)
    assert party is not None
    renamed = replace(person, name="Maria Rosa")
    applying(replace(besos, people=tuple(renamed if one is person else one for one in besos.people)))

    assert (
        applying.vault.find(town_id, "identifier", f" {person.identifier[:-1]}-{person.identifier[-1].lower()} ")
        == party
    )
    assert applying.vault.get(party, ("name",)) == {"name": f"Maria Rosa {person.surnames}"}


def test_party_ids_say_nothing_of_who_they_are(applying: Applying, besos: TownPlan, secrets: Secrets) -> None:
    first = applying(besos).town_id
    other = replace(besos, town=replace(besos.town, slug="besos-again"))
    second = applying(other).town_id

    def parties(town_id: int | None) -> set[UUID]:
        found = applying.conn.execute("SELECT id FROM parties_party WHERE town_id = %s", [town_id]).fetchall()
        return {row[0] for row in found}

    assert len(parties(first)) == len(parties(second)) == 1 + 533 + len(besos.people) + 175
    assert not parties(first) & parties(second)


def test_nothing_personal_stands_outside_the_vault(applying: Applying, besos: TownPlan) -> None:
    applying(besos)
    shown = "\n".join(everything(applying.conn))

    owners = {one.legal_name for one in besos.businesses if one.legal_form == "self-employed"}
    signs = {one.trade_name for one in besos.businesses}
    private = [
        *(one.identifier for one in besos.people if one.identifier),
        *(f"{one.name} {one.surnames}" for one in besos.people),
        *(one.phone for one in besos.people if one.phone),
        *(one.key for one in besos.households),
        *(one.tax_id for one in besos.businesses),
        *(one.iban for one in besos.businesses),
        *(owners - signs),
        besos.town.iban,
    ]
    assert [value for value in private if value in shown] == []


def test_a_chain_that_was_accepted_before_takes_part_no_longer(applying: Applying, besos: TownPlan) -> None:
    applying(besos)
    shop = besos.businesses[0]
    plan = replace(besos, businesses=besos.businesses[1:], excluded=(*besos.excluded, replace(shop, is_chain=True)))

    applied = applying(plan, at=LATER)

    assert changed(applied) == {"businesses_changed": 1}
    states = applying.conn.execute(
        "SELECT is_chain, active, count(*) FROM parties_organisation GROUP BY 1, 2 ORDER BY 1"
    ).fetchall()
    assert states == [(False, True, 174), (True, False, 1)]


def test_warnings_stop_the_application_until_somebody_accepts_them(applying: Applying, besos: TownPlan) -> None:
    warning = Finding("households.csv", 7, "Membres", "town.members-differ", "…", "…", Severity.WARNING)
    doubtful = replace(besos, warnings=(warning,))
    before = everything(applying.conn)

    with pytest.raises(FindingsError) as refused:
        applying(doubtful)
    assert refused.value.findings == (warning,)
    assert everything(applying.conn) == before
    assert applying(doubtful, accept_warnings=True).counts["households_new"] == 533


def test_the_unit_of_running_books_cannot_be_changed_by_a_folder(applying: Applying, besos: TownPlan) -> None:
    applying(besos)
    other = replace(besos, town=replace(besos.town, unit=Unit("LOC"), country="PT"))

    with pytest.raises(TownFixed) as refused:
        applying(other)
    assert refused.value.fields == {"town": "besos", "settings": ["country", "unit_code"]}


def test_the_towns_words_for_income_bands_are_kept_with_its_record(applying: Applying, besos: TownPlan) -> None:
    def kept() -> Any:
        return applying.conn.execute("SELECT income_bands::text FROM parties_town").fetchone()[0]

    applying(besos)
    words = {"none": "Sense ingressos", "up-to-50": "Fins a 50 % IRSC", "50-to-100": "50-100 % IRSC"}
    assert json.loads(kept()) == words
    assert not changed(applying(besos, at=LATER))
    called = replace(besos, town=replace(besos.town, income_bands=(("none", "Sense renda"),)))
    assert changed(applying(called, at=LATER)) == {"town_changed": 1}
    assert json.loads(kept()) == {"none": "Sense renda"}


def test_the_terms_of_the_town_are_kept_with_its_record(applying: Applying, besos: TownPlan) -> None:
    applying(besos)
    row = applying.conn.execute("SELECT legal_basis::text FROM parties_town").fetchone()
    assert row is not None
    agreed = json.loads(row[0])

    assert agreed["terms"] == {"minimum_redemption_minor": 20_00, "payout_weekday": "friday"}
    assert [act["article"] for act in agreed["acts"]] == ["3(k)", "37(2)"]


def test_activities_of_a_folder_can_be_rewarded_and_change_from_a_day_on(applying: Applying, besos: TownPlan) -> None:
    town_id = applying(besos).town_id
    assert town_id is not None
    point = coproduction.activity_by_code(applying.conn, town_id=town_id, code="punt-verd")
    garden = coproduction.activity_by_code(applying.conn, town_id=town_id, code="hort-comunitari")
    assert (point.second_above, point.budget_minor, garden.second_above) == (25_000, 6_000_00, 480)
    assert [(rate.stream, rate.pays_minor, rate.per_quantity) for rate in coproduction.rates(
        applying.conn, town_id=town_id, activity_id=point.id
    )] == [("glass", 50, 1000), ("oil", 1_00, 1000), ("packaging", 60, 1000), ("paper", 40, 1000)]  # fmt: skip
    bank = coproduction.time_bank_by_code(applying.conn, town_id=town_id, code="banc-del-temps")
    assert (bank.unit, bank.credit_limit, bank.most) == ("HORES", 600, 2400)

    dearer = replace(besos, rewards=tuple(
        replace(one, name="Punt net", rates=(*one.rates, Rate("glass", date(2026, 12, 1), 25, 1000)))
        if one.code == "punt-verd" else one for one in besos.rewards
    ))  # fmt: skip
    assert changed(applying(dearer, dry_run=True)) == {"activities_changed": 1, "rates_new": 1}
    assert changed(applying(dearer)) == {"activities_changed": 1, "rates_new": 1}
    assert changed(applying(dearer)) == {}


def test_the_smallest_redemption_holds_from_the_day_on_which_the_folder_says_so(
    applying: Applying, besos: TownPlan
) -> None:
    town_id = applying(besos).town_id
    assert town_id is not None
    dearer = replace(besos, town=replace(besos.town, terms=replace(besos.town.terms, minimum_redemption_minor=25_00)))
    treasury.set_terms(
        applying.conn, town_id=town_id, from_day=TODAY, minimum=Amount(20_00, "REC"),
        file_format=FileFormat.PAIN_001_03, execution_days=3, source="agreement 7", at=NOW, actor="user:1",
    )  # fmt: skip

    assert changed(applying(dearer, at=LATER, dry_run=True)) == {"town_changed": 1, "terms_changed": 1}
    assert changed(applying(dearer, at=LATER)) == {"town_changed": 1, "terms_changed": 1}
    assert changed(applying(dearer, at=LATER)) == {}

    terms = [euros.terms(applying.conn, town_id=town_id, day=LATER.date() - timedelta(days=ago)) for ago in (0, 1)]
    assert [(one.minimum_minor, one.file_format, one.execution_days) for one in terms] == [
        (25_00, FileFormat.PAIN_001_03, 3),
        (20_00, FileFormat.PAIN_001_03, 3),
    ]
    assert terms[0].from_day == LATER.date()


def test_a_folder_without_a_smallest_redemption_promises_any_amount(applying: Applying, besos: TownPlan) -> None:
    said = replace(besos.town.terms, minimum_redemption_minor=0, payout_weekday="")
    free = replace(besos, town=replace(besos.town, terms=said))

    applied = applying(free)

    assert applied.counts["terms_new"] == 0
    assert applied.town_id is not None
    assert euros.terms(applying.conn, town_id=applied.town_id, day=TODAY).minimum_minor == 1


def test_two_applications_at_once_make_one_town(
    connect_again: Callable[[], Conn], database_url: str, besos: TownPlan, secrets: Secrets
) -> None:
    small = replace(besos, households=(), people=(), businesses=(), excluded=(), awards=())
    first, second = connect_again(), connect_again()
    apply(first, small, at=NOW, actor="cli:one", secrets=secrets)
    second.execute("SET LOCAL lock_timeout = '200ms'")

    with pytest.raises(psycopg.errors.LockNotAvailable):
        apply(second, small, at=NOW, actor="cli:two", secrets=secrets)
    second.rollback()
    first.commit()
    assert changed(apply(second, small, at=NOW, actor="cli:two", secrets=secrets)) == {}


def test_what_a_folder_no_longer_lists_stays_and_is_counted(applying: Applying, besos: TownPlan) -> None:
    applying(besos)
    before = everything(applying.conn)
    gone = besos.households[3]
    plan = replace(
        besos,
        households=tuple(one for one in besos.households if one is not gone),
        people=tuple(one for one in besos.people if one.household != gone.key),
        awards=tuple(one for one in besos.awards if one.household != gone.key),
        businesses=besos.businesses[2:],
    )

    applied = applying(plan, at=LATER)

    assert changed(applied) == {}
    assert {name: count for name, count in applied.counts.items() if count and name.endswith("_not_listed")} == {
        "households_not_listed": 1,
        "people_not_listed": sum(one.household == gone.key for one in besos.people),
        "awards_not_listed": 1,
        "businesses_not_listed": 2,
    }
    assert everything(applying.conn) == before


def test_a_child_who_gets_a_document_stays_the_same_party(applying: Applying, besos: TownPlan) -> None:
    town_id = applying(besos).town_id
    assert town_id is not None
    child = next(one for one in besos.people if not one.identifier)
    grown = replace(child, identifier="99999999R", identifier_kind="national")

    applied = applying(replace(besos, people=tuple(grown if one is child else one for one in besos.people)))

    assert changed(applied) == {"people_personal_changed": 1}
    party = applying.vault.find(town_id, "identifier", "99.999.999-R")
    assert party is not None
    assert applying.vault.get(party, ("name",)) == {"name": f"{child.name} {child.surnames}"}


def test_an_award_that_ends_is_updated_in_place(applying: Applying, besos: TownPlan) -> None:
    applying(besos)
    award = next(one for one in besos.awards if one.to_day is None)
    ended = replace(award, to_day=date(2026, 12, 31))
    plan = replace(besos, awards=tuple(ended if one is award else one for one in besos.awards))

    assert changed(applying(plan)) == {"awards_changed": 1}
    count = applying.conn.execute("SELECT count(*) FROM programmes_award").fetchone()
    assert count == (533,)


def test_a_limit_a_day_is_read_with_the_decimals_of_the_towns_currency(applying: Applying, tmp_path: Path) -> None:
    """Jordan's dinar has a thousand fils."""
    town = small_town.TOWN.replace('at_par_with = "EUR"', 'at_par_with = "JOD"\nexponent = 3')
    programme = small_town.PROGRAMME.replace("per_day = 50", 'per_day = "12,345"')
    changes = {"town.toml": town.encode(), "programmes/epidoma.toml": programme.encode()}
    plan = townfolder.read(small_town.write(tmp_path, changes))

    town_id = applying(plan, accept_warnings=True).town_id

    assert town_id is not None
    (fund,) = funds(applying.conn, town_id=town_id)
    assert fund.rule.per_day_minor == 12_345


def test_what_holds_for_money_that_people_have_changes_forward_in_time_only(applying: Applying, tmp_path: Path) -> None:
    """Until the first unit is issued a folder may correct a rule; from then on it announces what will hold."""

    def plan(programme: str) -> TownPlan:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        return townfolder.read(small_town.write(folder, {"programmes/epidoma.toml": programme.encode()}))

    def rule(more: str, *, of: str = small_town.PROGRAMME) -> str:
        return of.replace("[[programmes]]", f'[[rules]]\nfund = "stiriksi"\n{more}\n\n[[programmes]]')

    town_id = applying(plan(small_town.PROGRAMME), accept_warnings=True).town_id
    assert town_id is not None
    corrected = small_town.PROGRAMME.replace("per_day = 50", 'per_day = 40\npayees = ["094259216"]')
    early = rule('from_day = 2026-10-10\nreason = "voted"\nchain = true', of=corrected)
    assert applying(plan(early), accept_warnings=True).counts["funds_changed"] == 1
    (fund,) = funds(applying.conn, town_id=town_id)
    assert fund.rule.per_day_minor == 40_00
    assert len(fund.rule.payees or ()) == 1
    assert fund.on(date(2026, 10, 10)).rule.chain

    _give(applying, town_id, fund.id)
    with pytest.raises(FindingsError) as refused:
        applying(plan(small_town.PROGRAMME), accept_warnings=True)
    (finding,) = refused.value.findings
    assert (finding.code, finding.column, finding.row > 0) == ("town.rule-forward-only", "rules", True)
    with pytest.raises(FindingsError) as refused:
        applying(plan(rule('from_day = 2026-10-09\nreason = "voted"', of=early)), accept_warnings=True)
    assert [one.column for one in refused.value.findings] == ["rules.from_day"]
    later = rule('from_day = 2027-01-01\nreason = "voted"\nhours = ["mon-fri 08:00-20:00"]', of=early)
    for _again in range(2):
        applying(plan(later), accept_warnings=True)
    (fund,) = funds(applying.conn, town_id=town_id)
    assert [version.from_day for version in fund.versions] == [None, date(2026, 10, 10), date(2027, 1, 1)]


def _give(applying: Applying, town_id: int, fund_id: UUID) -> None:
    """The month is paid: money of the fund lies in purses."""
    treasury.receive_budget(
        applying.conn, town_id=town_id, fund=fund_id, amount=Amount(1_000_00, "PAG"), bank_reference="b/1",
        idempotency_key="b/1", at=NOW, actor="user:1",
    )  # fmt: skip
    (programme,) = all_programmes(applying.conn, town_id=town_id)
    cycle = programmes.prepare_cycle(
        applying.conn, town_id=town_id, programme_id=programme.id, month=Month(2026, 10), actor="user:1", now=NOW
    )
    of: Any = {"town_id": town_id, "cycle_id": cycle.id, "now": NOW}
    programmes.submit_cycle(applying.conn, actor="user:1", **of)
    programmes.approve_cycle(applying.conn, actor="user:2", **of)
    programmes.disburse_cycle(applying.conn, actor="user:1", **of)


ELIGIBILITY = """
[programmes.eligibility]
zones = ["Νεα Περαμος"]
income_bands = ["none"]
"""


def paggaio(folder: Path, eligibility: str) -> TownPlan:
    programme = small_town.PROGRAMME + eligibility
    return townfolder.read(small_town.write(folder, {"programmes/epidoma.toml": programme.encode()}))


def test_whom_a_programme_is_for_is_decided_as_its_file_says(applying: Applying, tmp_path: Path) -> None:
    town_id = applying(paggaio(tmp_path, ELIGIBILITY), accept_warnings=True).town_id
    assert town_id is not None

    (programme,) = all_programmes(applying.conn, town_id=town_id)
    assert programme.terms.eligibility == kept({"zones": ["nea-peramos"], "income_bands": ["none"]})
    cycle = programmes.prepare_cycle(
        applying.conn, town_id=town_id, programme_id=programme.id, month=Month(2026, 10), actor="user:1", now=NOW
    )
    assert (cycle.count, cycle.refused, cycle.total_minor) == (1, 1, 262_50)
    (refused,) = entitlements(applying.conn, town_id=town_id, cycle_id=cycle.id, state="refused")
    assert [ground.code for ground in refused.grounds] == ["entitlement.not-in-zone"]


def test_a_limit_that_its_file_no_longer_names_is_lifted_and_audited(applying: Applying, tmp_path: Path) -> None:
    applying(paggaio(tmp_path, ELIGIBILITY), accept_warnings=True)

    again = applying(paggaio(tmp_path, ELIGIBILITY), accept_warnings=True)
    lifted = applying(paggaio(tmp_path, ""), accept_warnings=True, at=LATER)

    assert changed(again) == {}
    assert changed(lifted) == {"programmes_changed": 1}
    (change,) = lifted.changes
    assert json.loads(change.before["rule"]) == {"income_bands": ["none"], "zones": ["nea-peramos"]}
    assert change.after == {"rule": "{}"}
    assert lifted.town_id is not None
    (programme,) = all_programmes(applying.conn, town_id=lifted.town_id)
    assert programme.terms.eligibility == EVERYBODY


def test_a_town_is_compared_with_as_few_questions_however_many_people_it_has(
    applying: Applying, besos: TownPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    applying(besos)
    asked: list[str] = []
    execute = psycopg.Cursor.execute

    def count(cursor: psycopg.Cursor[Any], query: Any, *given: Any, **options: Any) -> psycopg.Cursor[Any]:
        asked.append(str(query))
        return execute(cursor, query, *given, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", count)
    again = applying(besos, dry_run=True)

    assert changed(again) == {}
    assert 0 < len(asked) < 40

"""Reading a town folder: a municipality's spreadsheets and settings become a plan, or findings.

Everything is read before anything is said, so that a town hall gets one list
and not one error a day. docs/reference/town-folder.md describes the folder,
docs/reference/findings.md every finding.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from koinon.impact.aims import Aim
from koinon.kernel.decisions import Severity
from koinon.kernel.errors import FindingsError
from koinon.kernel.text import fold
from koinon.pilots.townfolder_aims import TARGETS_FILE, Known, read_aims
from koinon.pilots.townfolder_cells import (
    Cell,
    CellProblem,
    amount_minor,
    bare_identifier,
    day,
    iban,
    is_garbled,
    person_identifier,
    tax_identifier,
    text,
    whole_number,
)
from koinon.pilots.townfolder_findings import Findings
from koinon.pilots.townfolder_findings import said as _
from koinon.pilots.townfolder_funds import check_payees
from koinon.pilots.townfolder_limits import MOST_FINDINGS, Allowance
from koinon.pilots.townfolder_map import Place, degrees, read_map
from koinon.pilots.townfolder_settings import (
    LEGAL_FORMS,
    SSE_LEGAL_FORMS,
    TOWN_FILE,
    AwardTable,
    Policies,
    TableSettings,
    TownSettings,
    nace_class,
    read_policies,
    read_toml,
    read_town,
    sector_group,
    zone_finder,
)
from koinon.pilots.townfolder_tables import Line, Table, read_table
from koinon.pilots.townfolder_types import (
    AwardSpec,
    BusinessSpec,
    HouseholdSpec,
    Note,
    PersonSpec,
    Role,
    TownPlan,
)
from koinon.programmes.eligibility import Status

Result = TypeVar("Result")
REQUIRED, OPTIONAL = True, False
AGE_OF_OWN_IDENTIFIER = 14  # Spain: Ley Orgánica 4/2015 art. 9; younger people may have none.
OLDEST = 120

HOUSEHOLD_FIELDS = {
    "household": REQUIRED,
    "zone": REQUIRED,
    "members": REQUIRED,
    "income_band": REQUIRED,
    "joined_on": REQUIRED,
    "resident_since": OPTIONAL,
}
STATUS_FIELDS = {
    "household": REQUIRED,
    "status": REQUIRED,
    "from_day": OPTIONAL,
    "to_day": OPTIONAL,
}
RESIDENT_FIELDS = {
    "household": REQUIRED,
    "identifier": REQUIRED,
    "identifier_kind": OPTIONAL,
    "name": REQUIRED,
    "surnames": OPTIONAL,
    "born_on": REQUIRED,
    "sex": OPTIONAL,
    "phone": OPTIONAL,
    "language": OPTIONAL,
    "role": REQUIRED,
}
BUSINESS_FIELDS = {
    "tax_id": REQUIRED,
    "legal_name": REQUIRED,
    "trade_name": REQUIRED,
    "sector": REQUIRED,
    "legal_form": REQUIRED,
    "zone": REQUIRED,
    "chain": REQUIRED,
    "accepts_since": REQUIRED,
    "iban": REQUIRED,
    "workers": OPTIONAL,
    "sse": OPTIONAL,
    "registry_number": OPTIONAL,
    "supplier": OPTIONAL,
    "latitude": OPTIONAL,
    "longitude": OPTIONAL,
}
AWARD_FIELDS = {
    "household": REQUIRED,
    "monthly": REQUIRED,
    "from_day": REQUIRED,
    "to_day": OPTIONAL,
}
LONGEST = {"trade_name": 160, "registry_number": 60}
LONGEST_TEXT = 200
LARGEST_HOUSEHOLD = 99
YES_NO = ("yes", "no")
MEANINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "households": {"income_band": ()},
    "statuses": {"status": ()},
    "residents": {
        "identifier_kind": ("national", "passport"),
        "sex": ("female", "male", "other", "unsaid"),
        "language": (),
        "role": ("reference", "member"),
    },
    "businesses": {"legal_form": LEGAL_FORMS, "chain": YES_NO, "sse": YES_NO, "supplier": YES_NO},
}
TABLES = {
    "households": (HOUSEHOLD_FIELDS, MEANINGS["households"]),
    "statuses": (STATUS_FIELDS, MEANINGS["statuses"]),
    "residents": (RESIDENT_FIELDS, MEANINGS["residents"]),
    "businesses": (BUSINESS_FIELDS, MEANINGS["businesses"]),
}


def read(folder: Path) -> TownPlan:
    """What the folder describes.

    Parameters
    ----------
    folder
        Holds town.toml, the files that it names, programmes/*.toml and perhaps
        rewards.toml and targets.toml. Nothing outside it is opened, nothing in it is changed.

    Refuses
    -------
    ``FindingsError`` with every finding, errors and warnings, when there is an
    error. Warnings alone come with the plan: whoever applies it decides.
    """
    findings = Findings()
    root = read_toml(folder, TOWN_FILE, findings)
    if root is None:
        raise FindingsError(findings.in_order())
    settings = read_town(root, TABLES)
    policies = read_policies(folder, settings, findings, AWARD_FIELDS)
    reading = _Reading(folder, settings, policies, findings)
    plan = reading.plan()
    if findings.of(Severity.ERROR):
        raise FindingsError(findings.in_order())
    return plan


def read_list(
    kind: str,
    folder: Path,
    settings: TownSettings,
    *,
    award_table: AwardTable | None,
    known: Callable[[set[str]], Mapping[str, HouseholdSpec]],
) -> TownPlan:
    """One list alone, as the folder's own tables are read: households, businesses, or the awards of a programme.

    ``known`` says which of these file numbers the town has. Refuses with
    ``FindingsError`` as ``read`` does.
    """
    source = (award_table.settings if award_table is not None else settings.tables[kind]).source
    findings = Findings()
    policies = Policies(award_tables=[award_table] if award_table is not None else [])
    reading = _Reading(folder, settings, policies, findings)
    reading.zone_of = zone_finder(settings.zones)
    households = reading._households()[0] if kind == "households" else []
    businesses = reading._businesses() if kind == "businesses" else []
    awards = []
    if award_table is not None:
        awards = reading._awards({}, False)
        there = known({award.household for award in awards if award.household})
        households = list(there.values())
        for award in awards:
            if award.household and award.household not in there:
                findings.add(
                    "town.household-unknown",
                    _("No household has this file number."),
                    file=award.file,
                    row=award.row,
                    column=award_table.settings.columns["household"],
                )
    if findings.of(Severity.ERROR):
        raise FindingsError(findings.in_order())
    return TownPlan(
        town=settings.town,
        zones=settings.zones,
        households=tuple(households),
        people=(),
        businesses=tuple(shop for shop in businesses if not shop.is_chain or settings.chains_accepted),
        excluded=tuple(shop for shop in businesses if shop.is_chain and not settings.chains_accepted),
        funds=(),
        programmes=(),
        awards=tuple(awards),
        rewards=(),
        warnings=findings.of(Severity.WARNING),
        notes=tuple(reading.notes),
        sha256={source.file: hashlib.sha256((folder / source.file).read_bytes()).hexdigest()},
    )


def size_class(workers: int) -> str:
    """By head count alone, of Recommendation 2003/361/EC, annex, article 2.

    >>> [size_class(workers) for workers in (9, 10, 249, 250)]
    ['micro', 'small', 'medium', 'large']
    """
    bounds = ((10, "micro"), (50, "small"), (250, "medium"))
    return next((name for bound, name in bounds if workers < bound), "large")


@dataclass(slots=True)
class _Row:
    """One row asked field by field; what cannot be understood becomes a finding and gives None."""

    line: Line
    table: Table
    settings: TableSettings
    findings: Findings

    def __post_init__(self) -> None:
        for name in self.table.places:
            if self._garbled(name):
                self.problem(name, "town.encoding-broken", _("Letters of this cell were lost or changed."))

    def problem(self, name: str, code: str, message: str) -> None:
        place = self.table.places.get(name)
        heading = self.table.headings[place] if place is not None else self.settings.columns.get(name, name)
        self.findings.add(code, message, file=self.table.file, row=self.line.number, column=heading)

    def _cell(self, name: str) -> Cell:
        place = self.table.places.get(name)
        return self.line.cells[place] if place is not None and place < len(self.line.cells) else None

    def _garbled(self, name: str) -> bool:
        cell = self._cell(name)
        return isinstance(cell, str) and is_garbled(cell)

    def optional(self, name: str) -> Cell:
        """The cell of a field that may say nothing. A garbled one has been reported and says nothing."""
        cell = self._cell(name)
        return None if text(cell) == "" or self._garbled(name) else cell

    def required(self, name: str, *, code: str = "town.value-missing") -> Cell:
        """The cell of a field that must say something; a missing column has been reported once for all rows."""
        cell = self.optional(name)
        if cell is None and name in self.table.places and not self._garbled(name):
            self.problem(name, code, _("The cell is empty."))
        return cell

    def understand(self, name: str, cell: Cell, meaning: Callable[[Cell], Result]) -> Result | None:
        if cell is None:
            return None
        try:
            return meaning(cell)
        except CellProblem as problem:
            self.problem(name, problem.code, problem.why)
            return None

    def words(self, name: str) -> str:
        return self._short(name, text(self.required(name)))

    def optional_words(self, name: str) -> str:
        return self._short(name, text(self.optional(name)))

    def _short(self, name: str, words: str) -> str:
        most = LONGEST.get(name, LONGEST_TEXT)
        if len(words) > most:
            self.problem(name, "town.value-too-long", _("The text has more than %(most)s letters.", most=most))
        return words

    def key(self, name: str) -> str:
        """A file number in its one spelling."""
        cell = self.required(name)
        return bare_identifier(self._short(name, text(cell)))

    def day(self, name: str) -> date | None:
        return self.understand(name, self.required(name), day)

    def optional_day(self, name: str) -> date | None:
        return self.understand(name, self.optional(name), day)

    def number(self, name: str) -> int | None:
        return self.understand(name, self.required(name), whole_number)

    def meaning(self, name: str, cell: Cell, default: str) -> str:
        """What town.toml says that the word means; a number or a word that it does not know is a finding."""
        if cell is None:
            return default
        word = text(cell)
        known = self.settings.values.get(name, {})
        if fold(word) in known:
            return known[fold(word)]
        if "*" in known:
            return known["*"]
        self.problem(
            name,
            "town.value-unknown",
            _('"%(word)s" has no meaning here.', word=word[:40]) + self.findings.did_you_mean(word, known),
        )
        return default

    def flag(self, name: str, cell: Cell, *, default: bool = False) -> bool:
        if isinstance(cell, bool):
            return cell
        return self.meaning(name, cell, "yes" if default else "no") == "yes"


@dataclass(slots=True)
class _Reading:
    """One reading of a folder: what was met so far, to compare the files with each other."""

    folder: Path
    settings: TownSettings
    policies: Policies
    findings: Findings
    notes: list[Note] = field(default_factory=list)
    zone_of: dict[str, str] = field(default_factory=dict)
    allowance: Allowance = field(default_factory=Allowance)

    def plan(self) -> TownPlan:
        self.zone_of = zone_finder(self.settings.zones)
        households, households_known = self._households()
        people = self._people({household.key for household in households}, households_known)
        if people is not None:
            self._compare_households(households, people)
        statuses = self._statuses({household.key for household in households}, households_known)
        members: dict[str, list[PersonSpec]] = defaultdict(list)
        for person in people or ():
            members[person.household].append(person)
        households = [self._complete(one, members[one.key], statuses.get(one.key, [])) for one in households]
        businesses = self._businesses()
        check_payees(self.policies.funds, {shop.tax_id for shop in businesses}, self.findings)
        zones = self.settings.zones
        drawn = read_map(
            self.folder,
            zone_of=self.zone_of,
            zone_names=[zone.name for zone in zones],
            shops={shop.tax_id for shop in businesses},
            findings=self.findings,
        )
        businesses = [_placed(shop, drawn.places.get(shop.tax_id)) for shop in businesses]
        awards = self._awards({household.key: household for household in households}, households_known)
        left_out = tuple(shop for shop in businesses if shop.is_chain and not self.settings.chains_accepted)
        return TownPlan(
            town=self.settings.town,
            zones=tuple(replace(zone, outline=drawn.outlines.get(zone.code, "")) for zone in zones),
            households=tuple(households),
            people=tuple(people or ()),
            businesses=tuple(shop for shop in businesses if not shop.is_chain or self.settings.chains_accepted),
            excluded=left_out,
            funds=tuple(self.policies.funds),
            programmes=tuple(self.policies.programmes),
            awards=tuple(awards),
            rewards=tuple(self.policies.rewards),
            time_banks=tuple(self.policies.time_banks),
            aims=self._aims(),
            warnings=self.findings.of(Severity.WARNING),
            notes=tuple(self.notes),
            sha256={
                str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted(self.folder.rglob("*"))
                if path.is_file()
            },
        )

    def _aims(self) -> dict[Aim, int]:
        """What targets.toml says, where there is one."""
        if not (self.folder / TARGETS_FILE).is_file():
            return {}
        root = read_toml(self.folder, TARGETS_FILE, self.findings)
        if root is None:
            return {}
        known = Known(
            zones=self.zone_of,
            activities={reward.code for reward in self.policies.rewards},
            funds={fund.code for fund in self.policies.funds},
            exponent=self.settings.town.unit.exponent,
        )
        return read_aims(root, known)

    def _rows(self, settings: TableSettings | None, required: dict[str, bool]) -> Iterator[_Row] | None:
        """The rows of a table after its columns were checked; None when there is no table."""
        if settings is None:
            return None
        table = read_table(
            self.folder, settings.source, settings.columns, self.settings.town.country, self.findings, self.allowance
        )
        if table is None:
            return None
        for name, heading in settings.columns.items():
            if name in table.places:
                continue
            if required[name]:
                unused = [other for place, other in enumerate(table.headings) if place not in table.places.values()]
                self.findings.add(
                    "town.column-missing",
                    _('There is no column "%(heading)s".', heading=heading)
                    + self.findings.did_you_mean(heading, unused),
                    file=table.file,
                    row=table.headings_row,
                    column=heading,
                )
            else:
                self._note(
                    table.file, table.headings_row, heading, "town.column-absent", _("An optional column is absent.")
                )
        for place, heading in enumerate(table.headings):
            if heading and place not in table.places.values():
                self._note(
                    table.file,
                    table.headings_row,
                    heading,
                    "town.column-unread",
                    _("Koinon does not take this column in."),
                )
        return (_Row(line, table, settings, self.findings) for line in table.lines)

    def _note(self, file: str, row: int, column: str, code: str, message: str) -> None:
        if len(self.notes) < MOST_FINDINGS:
            self.notes.append(Note(file, row, column, code, message))

    def _zone(self, row: _Row) -> str:
        word = row.words("zone")
        if not word:
            return ""
        code = self.zone_of.get(fold(word))
        if code is None:
            names = [zone.name for zone in self.settings.zones]
            row.problem(
                "zone",
                "town.zone-unknown",
                _('The town has no neighbourhood "%(word)s".', word=word) + self.findings.did_you_mean(word, names),
            )
        return code or ""

    def _households(self) -> tuple[list[HouseholdSpec], bool]:
        """The households, and whether their file numbers could be read at all."""
        rows = self._rows(self.settings.tables.get("households"), HOUSEHOLD_FIELDS)
        households: list[HouseholdSpec] = []
        seen: dict[str, int] = {}
        complete = rows is not None
        for row in rows or ():
            key = row.key("household")
            complete = complete and "household" in row.table.places
            if key and key in seen:
                row.problem("household", "town.household-twice", _("It stands in row %(row)s too.", row=seen[key]))
            household = HouseholdSpec(
                key=key,
                zone=self._zone(row),
                members=self._members(row),
                income_band=row.meaning("income_band", row.required("income_band"), ""),
                joined_on=row.day("joined_on") or date.min,
                row=row.line.number,
                resident_since=row.optional_day("resident_since"),
            )
            if key not in seen:
                seen[key] = row.line.number
                households.append(household)
        return households, complete

    def _statuses(self, keys: set[str], households_known: bool) -> dict[str, list[Status]]:
        """What the town has on record of its households, by file number."""
        settings = self.settings.tables.get("statuses")
        found: dict[str, list[Status]] = {}
        for row in self._rows(settings, STATUS_FIELDS) or ():
            key = row.key("household")
            if households_known and key and key not in keys:
                row.problem("household", "town.household-unknown", _("No household has this file number."))
            status = Status(
                row.meaning("status", row.required("status"), ""),
                row.optional_day("from_day"),
                row.optional_day("to_day"),
            )
            if status.from_day and status.to_day and status.to_day < status.from_day:
                row.problem("to_day", "town.dates-reversed", _("The status ends before it begins."))
            found.setdefault(key, []).append(status)
        return found

    def _complete(self, household: HouseholdSpec, people: list[PersonSpec], statuses: list[Status]) -> HouseholdSpec:
        """The household with what its people and its statuses add.

        Of birthdays only the month is kept, and only of those whom a programme of the town counts: younger
        than that on the first day of any fund, so that a second reading agrees with the first.
        """
        below = max((one.counts_children_below for one in self.policies.programmes), default=0)
        born = [
            person.born_on.isoformat()[:7]
            for person in people
            if below and (age := self._age(person.born_on)) is not None and age < below
        ]
        order = sorted(statuses, key=lambda one: (one.code, one.from_day or date.min, one.to_day or date.max))
        return replace(household, children_born=tuple(sorted(born)), statuses=tuple(order))

    def _members(self, row: _Row) -> int:
        members = row.number("members")
        if members is not None and not 0 < members <= LARGEST_HOUSEHOLD:
            row.problem(
                "members", "town.number-invalid", _("A household has 1 to %(most)s members.", most=LARGEST_HOUSEHOLD)
            )
        return members or 0

    def _people(self, keys: set[str], households_known: bool) -> list[PersonSpec] | None:
        """The people, or None when nothing can be said of who belongs to which household."""
        rows = self._rows(self.settings.tables.get("residents"), RESIDENT_FIELDS)
        people: list[PersonSpec] = []
        seen: dict[str, int] = {}
        complete = rows is not None and households_known
        for row in rows or ():
            complete = complete and "household" in row.table.places
            person = self._person(row)
            if households_known and person.household and person.household not in keys:
                row.problem("household", "town.household-unknown", _("No household has this file number."))
            mark = (
                person.identifier or f"{person.household}|{fold(person.name)}|{fold(person.surnames)}|{person.born_on}"
            )
            if mark in seen:
                row.problem("identifier", "town.person-twice", _("It stands in row %(row)s too.", row=seen[mark]))
                continue
            seen[mark] = row.line.number
            people.append(person)
        return people if complete else None

    def _person(self, row: _Row) -> PersonSpec:
        country = self.settings.town.country
        born_on = row.day("born_on")
        kind = row.meaning("identifier_kind", row.optional("identifier_kind"), "national")
        age = self._age(born_on)
        grown_up = age is not None and age >= AGE_OF_OWN_IDENTIFIER
        cell = row.required("identifier") if grown_up else row.optional("identifier")
        identifier = row.understand(
            "identifier", cell, lambda value: person_identifier(value, country=country, kind=kind)
        )
        if age is not None and not 0 <= age <= OLDEST:
            row.problem("born_on", "town.birth-implausible", _("Nobody of this age can be alive when the fund begins."))
        return PersonSpec(
            identifier=identifier or (bare_identifier(cell) if cell is not None else ""),
            identifier_kind=kind,
            name=row.words("name"),
            surnames=row.optional_words("surnames"),
            born_on=born_on or date.min,
            sex=row.meaning("sex", row.optional("sex"), "unsaid"),
            phone=row.optional_words("phone"),
            language=row.meaning("language", row.optional("language"), ""),
            household=row.key("household"),
            role=Role(row.meaning("role", row.required("role"), "member")),
            row=row.line.number,
        )

    def _age(self, born_on: date | None) -> int | None:
        """Years on the first day of any fund, so that a re-run agrees; None where that cannot be said."""
        days = [fund.spend_from for fund in self.policies.funds if fund.spend_from is not None]
        if born_on is None or not days:
            return None
        on = min(days)
        return on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))

    def _compare_households(self, households: list[HouseholdSpec], people: list[PersonSpec]) -> None:
        tables = self.settings.tables
        file, columns = tables["households"].source.file, tables["households"].columns
        members: dict[str, list[PersonSpec]] = {}
        for person in people:
            members.setdefault(person.household, []).append(person)
        for household in households:
            group = members.get(household.key, [])
            if not group:
                self.findings.add(
                    "town.household-empty",
                    _('Nobody in "%(file)s" belongs to the household.', file=tables["residents"].source.file),
                    file=file,
                    row=household.row,
                    column=columns["household"],
                )
                continue
            if household.members and len(group) != household.members:
                self.findings.add(
                    "town.members-differ",
                    _("Members said: %(said)s. People listed: %(listed)s.", said=household.members, listed=len(group)),
                    file=file,
                    row=household.row,
                    column=columns["members"],
                )
            references = [person for person in group if person.role is Role.REFERENCE]
            if len(references) != 1:
                self.findings.add(
                    "town.reference-twice" if references else "town.reference-missing",
                    _("People marked as the one the file is about: %(marked)s.", marked=len(references)),
                    file=tables["residents"].source.file,
                    row=(references or group)[-1].row,
                    column=tables["residents"].columns["role"],
                )

    def _businesses(self) -> list[BusinessSpec]:
        rows = self._rows(self.settings.tables.get("businesses"), BUSINESS_FIELDS)
        businesses: list[BusinessSpec] = []
        seen: dict[str, int] = {}
        for row in rows or ():
            shop = self._business(row)
            if shop.tax_id and shop.tax_id in seen:
                row.problem("tax_id", "town.business-twice", _("It stands in row %(row)s too.", row=seen[shop.tax_id]))
                continue
            seen[shop.tax_id] = row.line.number
            businesses.append(shop)
            if shop.is_chain and not self.settings.chains_accepted:
                self._note(
                    row.table.file,
                    row.line.number,
                    row.settings.columns["chain"],
                    "town.chain-excluded",
                    _("%(name)s belongs to a chain and gets no account.", name=shop.trade_name),
                )
        return businesses

    def _business(self, row: _Row) -> BusinessSpec:
        country, revision = self.settings.town.country, self.settings.nace_revision
        cell = row.required("tax_id")
        sector = row.understand(
            "sector",
            row.required("sector", code="town.sector-missing"),
            lambda value: nace_class(_class_code(value), revision),
        )
        legal_form = row.meaning("legal_form", row.required("legal_form"), "other")
        is_sse = row.flag("sse", row.optional("sse"), default=legal_form in SSE_LEGAL_FORMS)
        registry_number = row.optional_words("registry_number")
        if is_sse and not registry_number and "registry_number" in row.table.places:
            row.problem(
                "registry_number", "town.registry-missing", _("A social economy entity without register number.")
            )
        workers = row.understand("workers", row.optional("workers"), whole_number)
        return BusinessSpec(
            tax_id=row.understand("tax_id", cell, lambda value: tax_identifier(value, country=country))
            or (bare_identifier(cell) if cell is not None else ""),
            legal_name=row.words("legal_name"),
            trade_name=row.words("trade_name"),
            sector=sector or "",
            sector_group=sector_group(sector or ""),
            legal_form=legal_form,
            is_sse=is_sse,
            registry_number=registry_number,
            size_class="" if workers is None else size_class(workers),
            zone=self._zone(row),
            is_chain=row.flag("chain", row.optional("chain")),
            is_supplier=row.flag("supplier", row.optional("supplier")),
            accepts_since=row.day("accepts_since") or date.min,
            iban=row.understand("iban", row.required("iban"), iban) or "",
            row=row.line.number,
            latitude=self._degrees(row, "latitude", 90),
            longitude=self._degrees(row, "longitude", 180),
        )

    def _degrees(self, row: _Row, name: str, most: int) -> Decimal | None:
        cell = row.optional(name)
        if cell is None:
            return None
        found = degrees(cell, most)
        if found is None:
            row.problem(name, "town.degrees-invalid", _("This is no number of degrees on earth."))
        return found

    def _awards(self, households: dict[str, HouseholdSpec], households_known: bool) -> list[AwardSpec]:
        awards: list[AwardSpec] = []
        for table in self.policies.award_tables:
            running: dict[str, list[AwardSpec]] = {}
            for row in self._rows(table.settings, dict(table.fields)) or ():
                award = self._award(row, table)
                household = households.get(award.household)
                if award.household and household is None and households_known:
                    row.problem("household", "town.household-unknown", _("No household has this file number."))
                if award.to_day is not None and award.to_day < award.from_day:
                    row.problem("to_day", "town.dates-reversed", _("The award ends before it begins."))
                elif household is not None and award.to_day is not None and award.to_day < household.joined_on:
                    row.problem("to_day", "town.dates-reversed", _("The award ends before the household joined."))
                earlier = running.setdefault(award.household, []) if award.household else []
                overlapping = next((other for other in earlier if _overlap(award, other)), None)
                if overlapping is not None:
                    row.problem(
                        "household",
                        "town.award-twice",
                        _("The award of row %(row)s runs then too.", row=overlapping.row),
                    )
                earlier.append(award)
                awards.append(award)
        return awards

    def _award(self, row: _Row, table: AwardTable) -> AwardSpec:
        exponent = self.settings.town.unit.exponent
        cell = row.required("monthly") if table.fields["monthly"] else row.optional("monthly")
        monthly = row.understand("monthly", cell, lambda cell: amount_minor(cell, exponent=exponent))
        if monthly is not None and monthly < 0:
            row.problem("monthly", "town.amount-negative", _("The amount is less than zero."))
        return AwardSpec(
            programme=table.programme,
            household=row.key("household"),
            monthly_minor=monthly or 0,
            from_day=row.day("from_day") or date.min,
            to_day=row.optional_day("to_day"),
            file=row.table.file,
            row=row.line.number,
        )


def _placed(shop: BusinessSpec, place: Place | None) -> BusinessSpec:
    """A shop where its list says, else where the map does."""
    listed = shop.latitude is not None and shop.longitude is not None
    if place is None or listed:
        return shop if listed else replace(shop, latitude=None, longitude=None)
    return replace(shop, latitude=place[0], longitude=place[1])


def _overlap(one: AwardSpec, other: AwardSpec) -> bool:
    return one.from_day <= (other.to_day or date.max) and other.from_day <= (one.to_day or date.max)


def _class_code(value: Cell) -> str:
    """A class of four digits; a spreadsheet that took 01.13 or 46.30 for a number dropped a zero."""
    words = f"{value:05.2f}" if isinstance(value, float) and not value.is_integer() else text(value)
    digits = words.replace(".", "").replace(",", "").replace(" ", "")
    if len(digits) != 4:
        raise CellProblem("town.sector-unknown", _('"%(written)s" is not a class of four digits.', written=words[:24]))
    return digits

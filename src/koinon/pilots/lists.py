"""Taking one list in: a spreadsheet of households, of shops or of a programme's awards, whoever drew it up.

The list is read as a town folder's tables are (``townfolder``), with a mapping of
its headings and words that the back office remembers for the next list with the
same headings. Looking writes nothing; taking in writes all of it or nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit import operations as audit
from koinon.db.statements import many, scalar, statement
from koinon.kernel.decisions import Finding
from koinon.kernel.errors import FindingsError
from koinon.kernel.text import fold
from koinon.office import operations as office
from koinon.office import queries as remembered
from koinon.office.rules import guessed_columns
from koinon.office.types import ColumnMapping
from koinon.parties import queries as parties
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownFacts
from koinon.parties.vault import Vault
from koinon.pilots import apply, townfolder
from koinon.pilots.apply import Applied
from koinon.pilots.looking import Looked, looked, same_as_shown
from koinon.pilots.townfolder_cells import text
from koinon.pilots.townfolder_findings import Findings
from koinon.pilots.townfolder_findings import said as _
from koinon.pilots.townfolder_limits import Allowance
from koinon.pilots.townfolder_settings import AwardTable, TableSettings, TownSettings, zone_finder
from koinon.pilots.townfolder_tables import SEPARATORS, WORKBOOKS, Line, Source, lines_of_file
from koinon.pilots.townfolder_types import HouseholdSpec, Terms, TownPlan, TownSpec, ZoneSpec
from koinon.programmes import queries as programmes

_PACKAGE = "koinon.pilots"
ROWS_SEARCHED = 25
MOST_WORDS = 40  # Different words of a column whose meaning a person may be asked for.

KINDS: dict[str, dict[str, bool]] = {
    "awards": townfolder.AWARD_FIELDS,
    "households": townfolder.HOUSEHOLD_FIELDS,
    # Whom a shop supplies is kept nowhere: it follows from who pays it.
    "businesses": {name: needed for name, needed in townfolder.BUSINESS_FIELDS.items() if name != "supplier"},
}
# Words by which a field is known in the languages of the towns' spreadsheets.
KNOWN: dict[str, tuple[str, ...]] = {
    "household": ("household", "file", "expediente", "expedient", "unidad familiar", "φάκελος", "αρ. φακέλου", "νοικοκυριό", "processo", "dossier", "foyer", "رقم الملف", "الأسرة"),
    "monthly": ("monthly", "amount", "importe", "import", "importe mensual", "ποσό", "μηνιαίο ποσό", "montante", "valor", "montant", "المبلغ"),
    "from_day": ("from", "start", "desde", "inicio", "fecha inicio", "des de", "από", "έναρξη", "início", "début", "من"),
    "to_day": ("to", "until", "end", "hasta", "fin", "fecha fin", "fins", "έως", "λήξη", "até", "fim", "jusqu'au", "إلى"),
    "zone": ("zone", "neighbourhood", "barrio", "barri", "zona", "οικισμός", "συνοικία", "bairro", "quartier", "الحي"),
    "members": ("members", "size", "miembros", "membres", "nº miembros", "μέλη", "membros", "أفراد"),
    "income_band": ("income band", "income", "tramo de renta", "renta", "tram de renda", "tram d'ingressos", "tramo de ingresos", "εισόδημα", "escalão", "tranche", "الدخل"),
    "joined_on": ("joined", "alta", "fecha alta", "data alta", "data d'incorporació", "fecha de incorporación", "ημ/νία ένταξης", "inscrição", "inscription", "تاريخ الانضمام"),
    "resident_since": ("resident since", "empadronado desde", "empadronamiento", "κάτοικος από", "residente desde"),
    "tax_id": ("tax id", "tax number", "nif", "cif", "αφμ", "nipc", "الرقم الضريبي"),
    "legal_name": ("legal name", "company", "razón social", "raó social", "επωνυμία", "firma", "raison sociale", "الاسم القانوني"),
    "trade_name": ("trade name", "shop", "sign", "nombre comercial", "rótulo", "nom comercial", "διακριτικός τίτλος", "nome comercial", "enseigne", "الاسم التجاري"),
    "sector": ("sector", "nace", "cnae", "activity", "actividad", "κλάδος", "κωδικός δραστηριότητας", "κωδ. δραστηριότητας", "cae", "activité", "النشاط"),
    "legal_form": ("legal form", "forma jurídica", "νομική μορφή", "forma jurídica", "forme juridique", "الشكل القانوني"),
    "chain": ("chain", "franchise", "cadena", "franquicia", "αλυσίδα", "cadeia", "chaîne", "سلسلة"),
    "accepts_since": ("accepts since", "since", "fecha adhesión", "adhesió", "data d'adhesió", "αποδέχεται από", "adesão", "depuis", "منذ"),
    "iban": ("iban", "account", "cuenta", "λογαριασμός", "conta", "compte", "الحساب"),
    "workers": ("workers", "employees", "trabajadores", "plantilla", "εργαζόμενοι", "trabalhadores", "employés", "العاملون"),
    "sse": ("sse", "social economy", "economía social", "κοινωνική οικονομία", "economia social", "économie sociale"),
    "registry_number": ("registry number", "register", "nº registro", "αριθμός μητρώου", "n.º de registo", "registre"),
    "latitude": ("latitude", "lat", "latitud", "γεωγραφικό πλάτος", "خط العرض"),
    "longitude": ("longitude", "lon", "lng", "longitud", "γεωγραφικό μήκος", "خط الطول"),
}  # fmt: skip
YES = ("yes", "y", "sí", "si", "ναι", "sim", "oui", "نعم", "x", "1", "true")
NO = ("no", "n", "όχι", "não", "non", "لا", "0", "false", "-")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A list as it was sent: its headings, how it is separated, and the words under each heading."""

    headings: tuple[str, ...]
    separator: str | None
    rows: int
    words: Mapping[str, tuple[str, ...]]


def sheet(file: Path, country: str) -> Sheet:
    """The headings of a list, and the words of its columns, before anybody has said which is which.

    Refuses with ``FindingsError`` a file that is no table.
    """
    findings = Findings()
    lines, separator = _lines(file, country, findings)
    candidates = lines[:ROWS_SEARCHED]
    filled = [sum(bool(text(cell)) for cell in line.cells) for line in candidates]
    widest = max(filled, default=0)
    best = next((line for line, count in zip(candidates, filled, strict=True) if count >= max(2, 0.6 * widest)), None)
    if best is None:
        findings.add(
            "town.headings-missing",
            _("No row with headings was found."),
            file=file.name,
            remedy=_("Put a row of headings above the rows."),
        )
        raise FindingsError(findings.in_order())
    headings = tuple(text(cell) for cell in best.cells)
    below = [line for line in lines if line.number > best.number]
    words = {heading: _words(below, place) for place, heading in enumerate(headings) if heading}
    return Sheet(headings, separator, len(below), words)


def _words(lines: Sequence[Line], place: int) -> tuple[str, ...]:
    """What stands in a column, the most frequent first; of words that differ in capitals or accents alone, the first."""
    written = [word for line in lines if place < len(line.cells) and (word := text(line.cells[place]))]
    first = {fold(word): word for word in reversed(written)}
    counted = Counter(fold(word) for word in written)
    return tuple(first[word] for word, _count in counted.most_common(MOST_WORDS))


def _lines(file: Path, country: str, findings: Findings) -> tuple[list[Line], str | None]:
    separators = [None] if file.suffix.lower() in WORKBOOKS else list(SEPARATORS)
    best: tuple[int, list[Line], str | None] = (-1, [], None)
    for separator in separators:
        lines = lines_of_file(file, Source(file.name, separator=separator), country, findings, Allowance())
        if lines is None:
            continue
        width = max((len([cell for cell in line.cells if text(cell)]) for line in lines[:ROWS_SEARCHED]), default=0)
        if width > best[0]:
            best = (width, lines, separator)
    if best[0] < 0:
        raise FindingsError(findings.in_order())
    return best[1], best[2]


def guessed(conn: Connection[Any], *, town_id: int, kind: str, found: Sheet) -> ColumnMapping:
    """What is remembered of such a list, else what its headings look like."""
    kept = remembered.mapping(conn, town_id=town_id, kind=kind, headings=found.headings)
    if kept is not None:
        return kept
    return ColumnMapping(
        guessed_columns({name: (name, *KNOWN.get(name, ())) for name in KINDS[kind]}, found.headings), {}
    )


def meanings(kind: str, bands: Sequence[str], zones: Sequence[ZoneSpec] = ()) -> dict[str, tuple[str, ...]]:
    """The fields whose words have a meaning, and what they can mean; a spelling of a neighbourhood means one by its name."""
    if kind == "awards":
        return {}
    found = {"zone": tuple(zone.name for zone in zones)} if zones else {}
    if kind == "households":
        return found | ({"income_band": tuple(bands)} if bands else {})
    return found | {name: options for name, options in townfolder.MEANINGS[kind].items() if name in KINDS[kind]}


def unknown_words(
    kind: str, found: Sheet, mapping: ColumnMapping, bands: Sequence[str], zones: Sequence[ZoneSpec] = ()
) -> dict[str, list[str]]:
    """The words of each such field that nobody has explained yet."""
    asked: dict[str, list[str]] = {}
    for name, options in meanings(kind, bands, zones).items():
        known = _known_words(name, options, mapping)
        if name == "zone":
            known |= zone_finder(tuple(zones))
        words = found.words.get(mapping.columns.get(name, ""), ())
        missing = [word for word in words[:MOST_WORDS] if fold(word) not in known]
        if missing:
            asked[name] = missing
    return asked


def _known_words(name: str, options: Sequence[str], mapping: ColumnMapping) -> dict[str, str]:
    known = {fold(option): option for option in options}
    known |= {fold(option.replace("-", " ")): option for option in options}
    if set(options) == {"yes", "no"}:
        known |= {fold(word): "yes" for word in YES} | {fold(word): "no" for word in NO}
    return known | {fold(word): meaning for word, meaning in mapping.values.get(name, {}).items()}


def look(
    conn: Connection[Any],
    *,
    town: TownFacts,
    kind: str,
    file: Path,
    mapping: ColumnMapping,
    programme_id: UUID | None,
    secrets: Secrets,
    at: datetime,
    actor: str,
) -> Looked:
    """Read a list and compare it with what is recorded; nothing is written."""
    try:
        plan, programme = _read(conn, town, kind, file, mapping, programme_id, secrets)
    except FindingsError as refused:
        return Looked(_of_a_list(refused.findings), None, "")
    applied = apply.apply_list(conn, kind, plan, programme=programme, at=at, actor=actor, dry_run=True, secrets=secrets)
    return looked(plan, applied)


def _of_a_list(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """What to do about each, where no town.toml says how the list is read."""
    said = {"town.sector-unknown": _("Use a class of NACE, such as 47.21.")}
    return tuple(replace(one, remedy=said.get(one.code, one.remedy)) for one in findings)


def take_in(
    conn: Connection[Any],
    *,
    town: TownFacts,
    kind: str,
    file: Path,
    mapping: ColumnMapping,
    programme_id: UUID | None,
    fingerprint: str,
    secrets: Secrets,
    at: datetime,
    actor: str,
) -> Applied:
    """Write what ``look`` showed, wholly, and remember the mapping.

    Refuses with ``FindingsError``, with ``ChangedSincePreview`` where the records
    changed since, and with ``NothingToDo`` where all of it is recorded already.
    """
    plan, programme = _read(conn, town, kind, file, mapping, programme_id, secrets)
    foreseen = apply.apply_list(
        conn, kind, plan, programme=programme, at=at, actor=actor, dry_run=True, secrets=secrets
    )
    same_as_shown(plan, foreseen, fingerprint)
    done = apply.apply_list(conn, kind, plan, programme=programme, at=at, actor=actor, secrets=secrets)
    office.remember_mapping(
        conn,
        town_id=town.id,
        kind=kind,
        headings=sheet(file, town.country).headings,
        columns=mapping.columns,
        meanings=mapping.values,
        actor=actor,
        at=at,
    )
    audit.record(
        conn,
        town_id=town.id,
        actor=actor,
        action="office.list-imported",
        subject=f"list:{kind}",
        after={
            "counts": {name: count for name, count in done.counts.items() if count},
            "sha256": next(iter(plan.sha256.values()), ""),
        },
        at=at,
    )
    return done


@dataclass(frozen=True, slots=True)
class _Zone:
    code: str
    name: str
    outline: str


def _read(
    conn: Connection[Any],
    town: TownFacts,
    kind: str,
    file: Path,
    mapping: ColumnMapping,
    programme_id: UUID | None,
    secrets: Secrets,
) -> tuple[TownPlan, tuple[str, UUID] | None]:
    found = sheet(file, town.country)
    _needs_columns(kind, mapping, file.name)
    source = Source(file.name, separator=found.separator)
    settings = _settings(conn, town, kind, source, mapping, found)
    table, programme = None, None
    if kind == "awards":
        assert programme_id is not None
        view = programmes.programme(conn, town_id=town.id, programme_id=programme_id)
        programme = (view.code, view.id)
        table = AwardTable(view.code, TableSettings(source, dict(mapping.columns), {}), townfolder.AWARD_FIELDS)
    vault = Vault(conn, secrets)

    def known(keys: set[str]) -> dict[str, HouseholdSpec]:
        there = vault.find_many(town.id, "identifier", keys)
        return {key: HouseholdSpec(key, "", 0, "", date.min, 0) for key in there}

    plan = townfolder.read_list(kind, file.parent, settings, award_table=table, known=known)
    return plan, programme


def _needs_columns(kind: str, mapping: ColumnMapping, file: str) -> None:
    """Refuse with a finding for each field that must be there and that no heading was given for."""
    findings = Findings()
    for name, required in KINDS[kind].items():
        if required and not mapping.columns.get(name):
            findings.add(
                "town.column-missing",
                _("No column was chosen for this."),
                file=file,
                column=name,
                remedy=_("choose a column"),
            )
    if findings.found:
        raise FindingsError(findings.in_order())


def _settings(
    conn: Connection[Any], town: TownFacts, kind: str, source: Source, mapping: ColumnMapping, found: Sheet
) -> TownSettings:
    """What a town.toml would say of this list."""
    columns = {name: heading for name, heading in mapping.columns.items() if name in KINDS[kind]}
    values: dict[str, dict[str, str]] = {}
    for name, options in meanings(kind, bands(conn, town.id)).items():  # Neighbourhoods are found by their spellings.
        values[name] = _known_words(name, options, mapping)
    if kind == "households" and "income_band" not in values:
        values["income_band"] = {
            fold(word): word for word in found.words.get(mapping.columns.get("income_band", ""), ())
        }
    return settings_of(
        conn,
        town,
        {} if kind == "awards" else {kind: TableSettings(source, columns, values)},
        spellings=mapping.values.get("zone", {}),
    )


def settings_of(
    conn: Connection[Any],
    town: TownFacts,
    tables: dict[str, TableSettings],
    *,
    spellings: Mapping[str, str] | None = None,
) -> TownSettings:
    """What a town.toml would say, from the town as it is recorded. ``spellings`` leads from words to names of neighbourhoods."""
    neighbourhoods = tuple(
        replace(zone, also=tuple(word for word, name in (spellings or {}).items() if name == zone.name))
        for zone in zones(conn, town.id)
    )
    spec = TownSpec(
        slug=town.slug,
        name=town.name,
        country=town.country,
        time_zone=town.time_zone,
        languages=(),
        unit=town.unit,
        national_currency=town.national_currency,
        tax_id="",
        iban="",
        account_holder="",
        legal_basis=(),
        terms=Terms(1, ""),
    )
    chains = bool(scalar(conn, statement(_PACKAGE, "list_chains_accepted"), town_id=town.id))
    return TownSettings(spec, neighbourhoods, chains, "2.1", tables)


def zones(conn: Connection[Any], town_id: int) -> tuple[ZoneSpec, ...]:
    """The neighbourhoods of the town, by the names and codes that a list may use."""
    found = many(conn, statement(_PACKAGE, "apply_zones"), _Zone, town_id=town_id)
    return tuple(ZoneSpec(zone.code, zone.name) for zone in found)


@dataclass(frozen=True, slots=True)
class _Band:
    income_band: str


def bands(conn: Connection[Any], town_id: int) -> tuple[str, ...]:
    """The income bands that the town's households have, in the town's own codes."""
    return tuple(
        row.income_band for row in many(conn, statement(_PACKAGE, "list_income_bands"), _Band, town_id=town_id)
    )


def town_facts(conn: Connection[Any], town_id: int) -> TownFacts:
    """The town whose list it is."""
    return parties.town(conn, town_id)

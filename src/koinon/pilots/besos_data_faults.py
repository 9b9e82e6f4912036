"""Planting faults of every kind in the lists of Besòs, and remembering where.

Each fault is what somebody at a town hall has done before: typed a number
twice, pasted text from another program, deleted a column that looked empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from koinon.pilots.besos_data import (
    AWARD_HEADINGS,
    BUSINESS_HEADINGS,
    HOUSEHOLD_HEADINGS,
    RESIDENT_HEADINGS,
    Files,
    Rows,
    written,
)
from koinon.pilots.townfolder_cells import Cell

HOUSEHOLDS, RESIDENTS, BUSINESSES, AWARDS = (
    "households.csv",
    "residents.xlsx",
    "businesses.csv",
    "programmes/inclusio-ajuts.xlsx",
)
# A letter that is written as one byte of Windows-1252 into a file of UTF-8.
FOREIGN_BYTE = "\ue000"


@dataclass(frozen=True, slots=True)
class Planted:
    """Where a fault stands and the finding that it must give; ``story`` is for people."""

    file: str
    row: int
    column: str
    code: str
    story: str


@dataclass(slots=True)
class _Grid:
    """One list that is being spoilt. Rows are numbered as the spreadsheet numbers them."""

    file: str
    rows: Rows
    headings: list[str]
    planted: list[Planted]

    @property
    def first(self) -> int:
        """The number of the first row below the headings."""
        return self.rows.index(list(self.headings)) + 2

    @property
    def last(self) -> int:
        """The number of the last row that says something."""
        return max(number for number, row in enumerate(self.rows, start=1) if any(row) and str(row[0]) != "TOTAL")

    def at(self, row: int, heading: str) -> Cell:
        return self.rows[row - 1][self.headings.index(heading)]

    def put(self, row: int, heading: str, value: Cell) -> None:
        self.rows[row - 1][self.headings.index(heading)] = value

    def fault(self, row: int, heading: str, value: Cell, code: str, story: str) -> None:
        self.put(row, heading, value)
        self.expect(row, heading, code, story)

    def expect(self, row: int, heading: str, code: str, story: str) -> None:
        self.planted.append(Planted(self.file, row, heading, code, story))

    def append(self, cells: Mapping[str, Cell]) -> int:
        """Add a row below the last one and say its number."""
        number = self.last + 1
        self.rows.insert(number - 1, [cells.get(heading, "") for heading in self.headings])
        return number

    def copy_of(self, row: int) -> dict[str, Cell]:
        return dict(zip(self.headings, self.rows[row - 1], strict=True))


def spoil(files: Files) -> tuple[dict[str, bytes], list[Planted]]:
    """The folder with its faults, and the list of them."""
    planted: list[Planted] = []
    _spoil_households(_Grid(HOUSEHOLDS, files.households, HOUSEHOLD_HEADINGS, planted))
    _spoil_residents(_Grid(RESIDENTS, files.residents, RESIDENT_HEADINGS, planted))
    torn = _spoil_businesses(_Grid(BUSINESSES, files.businesses, BUSINESS_HEADINGS, planted))
    _spoil_awards(_Grid(AWARDS, files.awards, AWARD_HEADINGS, planted))
    files.settings.update(_spoilt_settings(files.settings, planted))
    folder = written(files)
    del folder["map.geojson"]  # Its points would name shops whose identifiers were spoilt.
    del folder["programmes/campanyes.toml"]  # Nothing in it is wrong.
    del folder["targets.toml"]  # It names neighbourhoods and activities that were spoilt.
    folder[BUSINESSES] = folder[BUSINESSES].replace(FOREIGN_BYTE.encode(), "ú".encode("cp1252"))
    quoted = f'"{torn}"'.encode()
    assert folder[BUSINESSES].count(quoted) == 1
    folder[BUSINESSES] = folder[BUSINESSES].replace(quoted, torn.encode())
    return folder, planted


def planted_json(planted: list[Planted]) -> bytes:
    """The list of faults as a file."""
    return (json.dumps([asdict(fault) for fault in planted], ensure_ascii=False, indent=1) + "\n").encode()


def _spoil_households(grid: _Grid) -> None:
    first = grid.first
    grid.fault(first + 4, "Barri", "el Bon Pastro", "town.zone-unknown", "a neighbourhood misspelt")
    grid.fault(first + 9, "Data d'incorporació", "31/09/2026", "town.date-invalid", "a day that no calendar has")
    grid.fault(first + 17, "Membres", "quatre", "town.number-invalid", "a number written as a word")
    garbled = "BarÃ³ de Viver"  # UTF-8 pasted into a list of Windows-1252
    grid.fault(
        first + 23, "Barri", garbled, "town.encoding-broken", "a name pasted from a program with another encoding"
    )
    members = int(str(grid.at(first + 31, "Membres")))
    grid.fault(
        first + 31, "Membres", str(members + 2), "town.members-differ", "more members than the list of people has"
    )
    grid.fault(first + 44, "Data d'incorporació", "", "town.value-missing", "a date forgotten")
    twice = grid.append(grid.copy_of(first + 60))
    grid.expect(twice, "Núm. expedient", "town.household-twice", "the same file number on two rows")
    empty = {**grid.copy_of(first + 61), "Núm. expedient": "EXP-2026/09901", "Membres": "2"}
    grid.expect(grid.append(empty), "Núm. expedient", "town.household-empty", "a household without members")
    lost = grid.headings.index("Tram d'ingressos")
    for row in grid.rows:
        del row[lost]
    grid.expect(1, "Tram d'ingressos", "town.column-missing", "a column deleted")


def _spoil_residents(grid: _Grid) -> None:
    first = grid.first
    rows = range(first, grid.last + 1)
    document = "DNI / NIE / passaport"

    def plain(row: int) -> str:
        kept = [mark for mark in str(grid.at(row, document)) if mark.isalnum()]
        return "".join(kept).upper()

    holders = [row for row in rows if grid.at(row, "Tipus doc.") == "DNI" and len(plain(row)) == 9]
    titulars = [row for row in rows if str(grid.at(row, "Parentiu")).casefold() == "titular"]
    adults = [row for row in holders if row in titulars]

    number = plain(adults[3])
    grid.put(adults[3], document, number)
    spelt = {**grid.copy_of(adults[3]), document: f"{number[:2]}.{number[2:5]}.{number[5:8]}-{number[8].lower()}"}
    grid.expect(grid.append(spelt), document, "town.person-twice", "a person twice, under two spellings of a number")

    wrong = plain(adults[11])
    letter = "A" if wrong[8] != "A" else "B"
    grid.fault(adults[11], document, f"{wrong[:8]}-{letter}", "town.identifier-invalid", "a wrong control letter")
    grid.fault(adults[20], document, "", "town.value-missing", "an adult without a document")
    grid.fault(adults[29], "Data naixement", "04/05/86", "town.date-invalid", "a year with two digits")
    grid.fault(adults[33], "Data naixement", "12/03/1873", "town.birth-implausible", "a century too early")
    grid.fault(adults[40], "Cognoms", "GarcÃ\u00ada MuÃ±oz", "town.encoding-broken", "letters changed on the way")
    grid.fault(adults[52], "Nom", "", "town.value-missing", "a person without a name")
    others = [row for row in rows if row not in titulars and row - 1 in titulars]
    grid.fault(others[5], "Parentiu", "Cosí 2n", "town.value-unknown", "a relation that the settings do not translate")
    grid.fault(others[14], "Parentiu", "Titular", "town.reference-twice", "two people the file is about")
    alone = next(row for row in titulars if row > adults[60] and (row + 1 in titulars))
    grid.fault(alone, "Parentiu", "Mare", "town.reference-missing", "nobody the file is about")
    stranger = {
        **grid.copy_of(adults[70]),
        "Expedient": "EXP-2026/09977",
        document: "99999999-R",
        "Nom": "Prova",
        "Cognoms": "Prova Prova",
    }
    grid.expect(grid.append(stranger), "Expedient", "town.household-unknown", "a household that is in no list")


def _spoil_businesses(grid: _Grid) -> str:
    """Spoil the shops; returns the address from which the quotes are to be taken."""
    first = grid.first
    companies = [row for row in range(first, grid.last + 1) if str(grid.at(row, "Forma jurídica")).upper() == "SL"]
    own = [row for row in range(first, grid.last + 1) if str(grid.at(row, "Forma jurídica")).casefold() == "autònom"]

    account = str(grid.at(companies[2], "IBAN")).replace(" ", "").replace("-", "").upper()
    swapped = account[:-3] + account[-2] + account[-3] + account[-1]
    if swapped == account:
        swapped = account[:-1] + str((int(account[-1]) + 1) % 10)
    grid.fault(companies[2], "IBAN", swapped, "town.iban-invalid", "two digits of an account swapped")

    tax_id = str(grid.at(companies[5], "NIF")).replace("-", "").strip().upper().removeprefix("ES")
    off_by_one = tax_id[:-1] + str((int(tax_id[-1]) + 1) % 10)
    grid.fault(companies[5], "NIF", off_by_one, "town.tax-id-invalid", "a wrong control digit")
    grid.fault(companies[8], "CCAE", "", "town.sector-missing", "a shop without sector")
    grid.fault(companies[11], "CCAE", "47.99", "town.sector-unknown", "a class that the classification does not have")
    grid.fault(companies[14], "Barri", "Sant Adrià", "town.zone-unknown", "a shop of the next town")
    grid.fault(own[3], "Forma jurídica", "Autònim", "town.value-unknown", "a legal form misspelt")
    grid.fault(own[6], "Treballadors", "2,5", "town.number-invalid", "half a worker")
    grid.fault(own[9], "Data d'adhesió", "2026", "town.date-invalid", "a year instead of a day")
    grid.fault(
        own[12], "Nom comercial", f"Queviures N{FOREIGN_BYTE}ria", "town.encoding-broken", "a line in another encoding"
    )
    grid.fault(own[15], "IBAN", "", "town.value-missing", "nowhere to pay the shop out")
    social = next(row for row in range(first, grid.last + 1) if str(grid.at(row, "Núm. registre")).startswith("COOP"))
    grid.fault(social, "Núm. registre", "", "town.registry-missing", "a co-operative without its number")
    again = grid.copy_of(companies[17])
    again["NIF"] = str(again["NIF"]).strip().upper().removeprefix("ES").replace("-", "").lower()
    grid.expect(grid.append(again), "NIF", "town.business-twice", "a shop twice")
    torn = "C/ de Guipúscoa, 77, baixos"
    grid.put(own[18], "Adreça", torn)
    grid.expect(own[18], "", "town.row-too-long", "commas without quotes")
    return torn


def _spoil_awards(grid: _Grid) -> None:
    first = grid.first
    money, begins, ends = "Import mensual", "Des de", "Fins a"
    grid.fault(first + 3, money, -312.40, "town.amount-negative", "a recovery among the awards")
    grid.fault(first + 8, money, "1.234", "town.amount-ambiguous", "a thousand, or one?")
    grid.fault(first + 13, money, "512,455", "town.amount-ambiguous", "three decimals, or half a million?")
    grid.fault(first + 18, money, 412.125, "town.amount-too-fine", "half a cent")
    grid.fault(first + 25, money, "pendent", "town.amount-invalid", "a word instead of an amount")
    grid.fault(first + 33, ends, "31/06/2027", "town.date-invalid", "a day that no calendar has")
    grid.fault(first + 41, ends, "30/06/2026", "town.dates-reversed", "an award that ends before it begins")
    grid.fault(first + 50, begins, "", "town.value-missing", "an award without a beginning")
    unknown = {"Núm. expedient": "EXP-2026/09955", money: "450,00", begins: "01/10/2026"}
    grid.expect(
        grid.append(unknown), "Núm. expedient", "town.household-unknown", "an award for a household not in the list"
    )
    twice = {**grid.copy_of(first + 70), begins: "01/12/2026", ends: None}
    grid.put(first + 70, ends, None)
    grid.expect(grid.append(twice), "Núm. expedient", "town.award-twice", "two awards at a time")


def _line(content: str, start: str, after: str = "") -> int:
    """The number of the first line that begins so, counted from the line that holds ``after``."""
    lines = content.splitlines()
    skip = next(number for number, line in enumerate(lines) if after in line)
    return next(number for number, line in enumerate(lines, start=1) if number > skip and line.startswith(start))


def _spoilt_settings(settings: dict[str, str], planted: list[Planted]) -> dict[str, str]:
    def expect(file: str, content: str, start: str, column: str, code: str, story: str, after: str = "") -> None:
        planted.append(Planted(file, _line(content, start, after), column, code, story))

    town = settings["town.toml"]
    account = town.split('\niban = "')[1].split('"')[0]
    town = town.replace(account, account[:-2] + account[-1] + str((int(account[-2]) + 3) % 10))
    town = town.replace('time_zone = "Europe/Madrid"', 'time_zone = "Europe/Barcelona"')
    town = town.replace('payout_weekday = "friday"', 'payout_weekday = "friday"\npayout_wekday = "monday"')
    expect("town.toml", town, "iban", "town.iban", "town.iban-invalid", "a wrong account of the town")
    expect("town.toml", town, "time_zone", "town.time_zone", "town.setting-invalid", "a time zone that does not exist")
    expect("town.toml", town, "payout_wekday", "terms.payout_wekday", "town.setting-unknown", "a setting misspelt")

    aid = settings["programmes/inclusio.toml"]
    aid = aid.replace('[[rules]]\nfund = "inclusio"\n', '[[rules]]\nzones = ["Ciutat Meridiena"]\n')
    aid = aid.replace("last_day = 2027-06-30", "last_day = 2027-06-30\nlast_dya = 2027-07-31")
    file = "programmes/inclusio.toml"
    expect(file, aid, "[[rules]]", "rules.fund", "town.fund-missing", "a rule that names no fund")
    expect(file, aid, "zones", "rules.zones", "town.zone-unknown", "a rule for a neighbourhood that is none")
    expect(file, aid, "last_dya", "funds.last_dya", "town.setting-unknown", "a setting misspelt")

    rewards = settings["rewards.toml"]
    rewards = rewards.replace('measure = "kilogram"', 'measure = "kilo"', 1).replace(
        'name = "Acompanyament digital a veïnes i veïns"\nfund = "coproduccio"',
        'name = "Acompanyament digital a veïnes i veïns"\nfund = "coproducio"',
    )
    rewards = rewards.replace("last_day = 2027-09-30", "last_day = 2026-09-30").replace(
        'each = "4,00"', 'each = "4.000"'
    )
    file = "rewards.toml"
    expect(file, rewards, "last_day", "funds.last_day", "town.dates-reversed", "a fund that ends before it begins")
    expect(file, rewards, "each", "rewards.each", "town.amount-ambiguous", "four, or four thousand an hour?")
    expect(
        file, rewards, "measure", "rewards.measure", "town.setting-invalid", "a measure that there is not", "Matèria"
    )
    expect(file, rewards, "fund", "rewards.fund", "town.fund-unknown", "a fund misspelt", "Acompanyament")

    school = """# Written in a hurry before the summer.

[[funds]]
code = "escola"
name = "Beques de menjador"
source = "Pressupost municipal 2026"
budget = "80.000,00"

[[programmes]]
code = "beques-menjador"
name = "Beques de menjador"
fund = "escola"
share = "1/2"

[programmes.awards]
file = "escola-ajuts.csv"

[programmes.awards.columns]
household = "Núm. expedient"
monthly = "Import mensual"
from_day = "Des de"
"""
    planted.append(
        Planted("programmes/escola-ajuts.csv", 0, "", "town.file-missing", "a list that was not put into the folder")
    )
    energy = '[[funds]]\ncode = "energia"\nname = Ajut energètic\n'
    planted.append(Planted("programmes/energia.toml", 3, "", "town.toml-invalid", "text without quotes"))
    return {
        "town.toml": town,
        "programmes/inclusio.toml": aid,
        "programmes/escola.toml": school,
        "programmes/energia.toml": energy,
        "rewards.toml": rewards,
    }

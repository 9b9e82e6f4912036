"""The generated town of Besòs: towns/besos and, with planted faults, towns/besos-faulty.

The figures that were published of the pilot hold exactly: 533 households with
municipal inclusion support of 568.00 euros on average; 315 of them in the first
month, whose quarter comes to 42,590.39; only aid above 100 euros a month counts;
72 % of the reference persons are women, 36 % in their thirties, 32 % in their
forties; 175 shops, without chains; ten neighbourhoods. Who lives and trades
there is generated: identifiers come from ranges that no authority has given
out, accounts and telephones from ranges that are not in use.

The same bytes come out every time (``--check`` compares them with the folders):
only ``Random.random`` is drawn from, whose sequence Python keeps for a seed, and
the workbooks carry a fixed date.

    python -m koinon.pilots.besos_data [--check] [FOLDER]
"""

from __future__ import annotations

import csv
import io
import json
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import TypeVar

import xlsxwriter
from stdnum.es import cif, dni, nie

from koinon.pilots import besos_data_map
from koinon.pilots.besos_data_names import CHAINS, COOP, EI, ORIGINS, OWN, SOCIAL, STREETS, TRADES, ZONES, Origin
from koinon.pilots.townfolder_cells import Cell

SEED = "besos-2026"
HOUSEHOLDS = 533
FIRST_MONTH = 315
FIRST_MONTH_QUARTERS_MINOR = 42_590_39
AVERAGE_MINOR = 568_00
FLOOR_MINOR = 100_00
BELOW_FLOOR = (8, 6, 4)  # households at or below the floor, by the month in which they join
JOINED_BY_SECOND_MONTH = 500
WOMEN, UNSAID = 384, 5  # 72.0 % and 0.9 % of 533; men are the rest, 27.0 %
THIRTIES, FORTIES = 192, 171  # 36.0 % and 32.1 %
MONTHS = (date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1))
EXPORTED_ON = date(2026, 9, 15)
CREATED = datetime(2026, 9, 15, 9, tzinfo=UTC)

# Bank codes exist; the branch 9999 and the accounts do not.
BANKS = ("2100", "2100", "2100", "0182", "0081", "0049", "0128", "3025", "1491")
BUSINESS_LETTER = {
    "SL": "B",
    "SA": "A",
    "Comunitat de béns": "E",
    "Cooperativa": "F",
    "Associació": "G",
    "Fundació": "G",
}

Item = TypeVar("Item")


class Draw:
    """Random choices made from ``Random.random`` alone, so that they stay the same in every Python."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed).random  # noqa: S311  (nothing secret: the data are meant to be the same)

    def chance(self, share: float) -> bool:
        return self._random() < share

    def below(self, bound: int) -> int:
        return int(self._random() * bound)

    def between(self, least: int, most: int) -> int:
        return least + self.below(most - least + 1)

    def one(self, items: Sequence[Item]) -> Item:
        return items[self.below(len(items))]

    def weighted(self, items: Sequence[Item], weights: Sequence[int]) -> Item:
        left = self._random() * sum(weights)
        for item, weight in zip(items, weights, strict=True):
            left -= weight
            if left < 0:
                return item
        return items[-1]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        drawn = list(items)
        for last in range(len(drawn) - 1, 0, -1):
            other = self.below(last + 1)
            drawn[last], drawn[other] = drawn[other], drawn[last]
        return drawn


@dataclass(slots=True)
class Person:
    kind: str
    identifier: str
    name: str
    surnames: str
    born_on: date
    sex: str
    phone: str
    language: str
    relation: str


@dataclass(slots=True)
class Household:
    number: int
    zone: str
    band: str
    joined_on: date
    from_day: date
    to_day: date | None
    monthly_minor: int
    people: list[Person] = field(default_factory=list)


@dataclass(slots=True)
class Business:
    tax_id: str
    legal_name: str
    trade_name: str
    sector: str
    activity: str
    legal_form: str
    zone: str
    address: str
    chain: bool
    workers: int
    social: bool
    registry_number: str
    supplier: bool
    accepts_since: date
    iban: str
    phone: str


@dataclass(slots=True)
class Numbers:
    """Identifiers, each given out once, from ranges that no authority has used."""

    draw: Draw
    given: set[str] = field(default_factory=set)

    def _unused(self, least: int, most: int, prefix: str) -> str:
        while True:
            number = f"{prefix}{self.draw.between(least, most)}"
            if number not in self.given:
                self.given.add(number)
                return number

    def dni(self) -> str:
        number = self._unused(99_000_000, 99_999_999, "")
        return number + dni.calc_check_digit(number)

    def nie(self) -> str:
        number = self._unused(9_900_000, 9_999_999, "Z")
        return number + nie.calc_check_digit(number)

    def passport(self) -> str:
        return self._unused(900_000, 999_999, "X9")

    def company(self, letter: str) -> str:
        number = self._unused(10_000, 99_999, f"{letter}00")  # no province has the number 00
        controls = cif.calc_check_digits(number)
        digit, mark = controls[0], controls[1]
        return number + (mark if letter in "PQSNWR" else digit)

    def phone(self) -> str:
        return self._unused(1_000_000, 9_999_999, "79")  # mobile numbers are given out up to 74

    def iban(self) -> str:
        account = f"{self._unused(1_000_000, 9_999_999, '000')}"
        return spanish_iban(self.draw.one(BANKS), "9999", account)


def spanish_iban(bank: str, branch: str, account: str) -> str:
    """An IBAN with the two Spanish check digits (weights 2^k modulo 11) and those of ISO 13616.

    >>> spanish_iban("2100", "0418", "0200051332")
    'ES9121000418450200051332'
    """

    def control(digits: str) -> str:
        rest = 11 - sum(int(digit) * 2**place % 11 for place, digit in enumerate(digits)) % 11
        return str({11: 0, 10: 1}.get(rest, rest))

    bban = bank + branch + control(f"00{bank}{branch}") + control(account) + account
    return f"ES{98 - int(bban + '142800') % 97:02d}{bban}"


@dataclass(slots=True)
class Besos:
    """The whole generated town, before it is written the way a town hall writes."""

    households: list[Household]
    businesses: list[Business]


def generate() -> Besos:
    """The town, the same every time."""
    draw = Draw(SEED)
    numbers = Numbers(draw)
    households = _households(draw, numbers)
    return Besos(households, _businesses(Draw(f"{SEED}/shops"), Numbers(Draw(f"{SEED}/shop numbers"))))


def _aid(draw: Draw) -> tuple[list[int], list[int], list[int]]:
    """The monthly aid of those who join in the first, second and third month, in minor units.

    First the first month: quarters are drawn, then moved cent by cent until they
    come to the published sum; up to 3 cents on top of each leave the quarter
    (rounded down) as it is. Then the others, to the published average.
    """
    low = [[draw.between(31_00, FLOOR_MINOR - 1) for _ in range(count)] for count in BELOW_FLOOR]
    low[0][0] = FLOOR_MINOR  # exactly at the floor: not above it
    quarters = [_typical(draw) // 4 for _ in range(FIRST_MONTH)]
    quarters[0] = FLOOR_MINOR // 4  # one cent above the floor: paid
    _move_to(draw, quarters, FIRST_MONTH_QUARTERS_MINOR, least=FLOOR_MINOR // 4 + 25, most=330_00, fixed=1)
    first = [4 * quarter + (draw.below(4) if draw.chance(0.6) else 0) for quarter in quarters]
    first[0] = FLOOR_MINOR + 1
    others = HOUSEHOLDS - FIRST_MONTH - sum(BELOW_FLOOR)
    rest = [_typical(draw) for _ in range(others)]
    left = HOUSEHOLDS * AVERAGE_MINOR - sum(first) - sum(map(sum, low))
    _move_to(draw, rest, left, least=FLOOR_MINOR + 25_00, most=1_320_00, fixed=0)
    second = JOINED_BY_SECOND_MONTH - FIRST_MONTH - BELOW_FLOOR[0] - BELOW_FLOOR[1]
    return first + low[0], rest[:second] + low[1], rest[second:] + low[2]


def _typical(draw: Draw) -> int:
    """Aid tops an income up: few get little, many about 500, some with children far more."""
    euros = 140 + sum(draw.below(190) for _ in range(4)) + (draw.between(100, 420) if draw.chance(0.25) else 0)
    return euros * 100 + draw.one((0, 0, 0, 50, 25, 75, draw.below(100)))


def _move_to(draw: Draw, amounts: list[int], wanted: int, *, least: int, most: int, fixed: int) -> None:
    """Move amounts, all but the first ``fixed``, within bounds until they add up."""
    while (out_by := wanted - sum(amounts)) != 0:
        place = fixed + draw.below(len(amounts) - fixed)
        step = max(-2_000, min(2_000, out_by))
        amounts[place] = max(least, min(most, amounts[place] + step))


def _households(draw: Draw, numbers: Numbers) -> list[Household]:
    aid = _aid(draw)
    slots = [(month, amount) for month, amounts in enumerate(aid) for amount in amounts]
    slots = draw.shuffled(slots)
    sexes = draw.shuffled(["D"] * WOMEN + [""] * UNSAID + ["H"] * (HOUSEHOLDS - WOMEN - UNSAID))
    others = HOUSEHOLDS - THIRTIES - FORTIES
    decades = draw.shuffled(
        [30] * THIRTIES + [40] * FORTIES + [20] * (others * 4 // 10) + [50] * (others * 6 // 10 + 1)
    )
    households = []
    for number, (month, amount) in enumerate(slots, start=1):
        joined = MONTHS[month] if month else MONTHS[0] - timedelta(days=draw.below(31))
        to_day = draw.one((date(2027, 3, 31), date(2027, 6, 30))) if draw.chance(0.3) else None
        household = Household(
            number=118 + 3 * number + draw.below(3),
            zone=draw.weighted([zone[0] for zone in ZONES], [zone[2] for zone in ZONES]),
            band=draw.weighted(("Sense ingressos", "Fins a 50 % IRSC", "50-100 % IRSC"), (38, 41, 21)),
            joined_on=joined,
            from_day=MONTHS[month],
            to_day=to_day,
            monthly_minor=amount,
        )
        age = min(decades[number - 1] + draw.below(10), 64)
        _people(draw, numbers, household, sexes[number - 1], age)
        households.append(household)
    return households


def _people(draw: Draw, numbers: Numbers, household: Household, sex: str, age: int) -> None:
    origin = draw.weighted(ORIGINS, [origin.share for origin in ORIGINS])
    surname = draw.one(origin.surnames)
    members = draw.weighted((1, 2, 3, 4, 5, 6), (22, 24, 23, 17, 9, 5))
    household.people.append(_person(draw, numbers, origin, sex, age, "Titular", surname))
    partner = members > 1 and draw.chance(0.42)
    if partner:
        other = {"D": "H", "H": "D"}.get(sex, "")
        relation = "Cònjuge" if draw.chance(0.6) else "Parella"
        household.people.append(
            _person(
                draw, numbers, origin, other, max(20, age + draw.between(-6, 6)), relation, draw.one(origin.surnames)
            )
        )
    while len(household.people) < members:
        oldest_child = age - 18
        if oldest_child < 1 or (age > 48 and draw.chance(0.25)):
            relative = "D" if draw.chance(0.6) else "H"
            relation = "Mare" if relative == "D" else "Pare"
            household.people.append(
                _person(draw, numbers, origin, relative, min(91, age + draw.between(19, 30)), relation, surname)
            )
        else:
            child = "D" if draw.chance(0.49) else "H"
            relation = "Filla" if child == "D" else "Fill"
            household.people.append(
                _person(draw, numbers, origin, child, draw.below(min(oldest_child, 22)), relation, surname)
            )


def _person(draw: Draw, numbers: Numbers, origin: Origin, sex: str, age: int, relation: str, surname: str) -> Person:
    names = origin.women if sex == "D" or (sex == "" and draw.chance(0.5)) else origin.men
    surnames = surname.replace("_", " ")
    if origin.language in ("Català", "Castellà"):
        surnames += f" {draw.one(origin.surnames)}"
    born_on = date(2026 - age, 10, 1) - timedelta(days=1 + draw.below(364))
    kind = origin.document if draw.chance(0.86) else "DNI" if origin.document == "NIE" else origin.document
    identifier = {"DNI": numbers.dni, "NIE": numbers.nie, "Passaport": numbers.passport}[kind]()
    if age < 14 and draw.chance(0.4):
        kind, identifier = "", ""
    return Person(
        kind=kind,
        identifier=identifier,
        name=draw.one(names),
        surnames=surnames.strip(),
        born_on=born_on,
        sex=sex,
        phone=numbers.phone() if age >= 16 and (relation == "Titular" or draw.chance(0.5)) else "",
        language=origin.language,
        relation=relation,
    )


def _businesses(draw: Draw, numbers: Numbers) -> list[Business]:
    surnames = [surname.replace("_", " ") for origin in ORIGINS for surname in origin.surnames]
    taken: set[str] = set()
    businesses = []
    for trade in TRADES:
        for _ in range(trade.count):
            while (sign := draw.one(trade.signs).format(draw.one(surnames))) in taken:
                pass
            taken.add(sign)
            zone = draw.weighted([zone[0] for zone in ZONES], [zone[3] for zone in ZONES])
            form = draw.one(trade.legal_forms)
            workers = draw.between(*trade.workers)
            businesses.append(
                _business(draw, numbers, sign, trade.sector, trade.activity, form, zone, workers, trade.supplier)
            )
    for sign, sector, activity, form, zone, workers, supplier in SOCIAL:
        businesses.append(_business(draw, numbers, sign, sector, activity, form, zone, workers, supplier, social=True))
    for sign, sector, activity, zone, workers in CHAINS:
        chain = _business(draw, numbers, sign, sector, activity, "SA", zone, workers, False)
        businesses.append(replace(chain, chain=True))
    return draw.shuffled(businesses)


def _business(
    draw: Draw,
    numbers: Numbers,
    sign: str,
    sector: str,
    activity: str,
    form: str,
    zone: str,
    workers: int,
    supplier: bool,
    *,
    social: bool = False,
) -> Business:
    owner_origin = draw.weighted(ORIGINS, [origin.share for origin in ORIGINS])
    owner = f"{draw.one(owner_origin.women + owner_origin.men)} {draw.one(owner_origin.surnames)}".replace("_", " ")
    if form == OWN:
        foreign = owner_origin.document != "DNI"
        tax_id, legal_name, workers = numbers.nie() if foreign else numbers.dni(), owner, min(workers, 4)
    else:
        tax_id = numbers.company(BUSINESS_LETTER.get(form, "B"))
        suffix = {"SL": ", SL", "SA": ", SA", "Comunitat de béns": ", CB", COOP: ", SCCL", EI: ", EI SL"}.get(form, "")
        legal_name = sign + suffix
    register = {"Cooperativa": "COOP-", "Empresa d'inserció": "EI-", "Centre especial de treball": "CET-T"}.get(
        form, "ASS-"
    )
    return Business(
        tax_id=tax_id,
        legal_name=legal_name,
        trade_name=sign,
        sector=sector,
        activity=activity,
        legal_form=form,
        zone=zone,
        address=f"{draw.one(STREETS[zone])}, {draw.between(1, 240)}",
        chain=False,
        workers=workers,
        social=social,
        registry_number=f"{register}{draw.between(90_000, 99_999)}" if social else "",
        supplier=supplier,
        accepts_since=date(2026, 5, 4) + timedelta(days=draw.below(149)),
        iban=numbers.iban(),
        phone=numbers.phone(),
    )


# --- The way a town hall writes -----------------------------------------------------------------

Rows = list[list[Cell]]
NBSP = "\u00a0"


class Hand:
    """Several hands have typed these lists, each in its own way."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw

    def spaced(self, words: str) -> str:
        return self.draw.weighted((words, f"{words} ", f" {words}", f"{words}{NBSP}"), (82, 8, 5, 5))

    def identifier(self, plain: str) -> str:
        if not plain:
            return ""
        first, last = plain[:-1], plain[-1]
        dotted = f"{first[:-6]}.{first[-6:-3]}.{first[-3:]}"
        return self.draw.weighted(
            (
                plain,
                f"{first}-{last}",
                f"{dotted}-{last}",
                f"{dotted} {last}".replace(".", " "),
                f"{first}{last.lower()}",
                f"{first}–{last}",
                f"{NBSP}{plain} ",
            ),
            (48, 18, 10, 8, 8, 3, 5),
        )

    def tax_id(self, plain: str) -> str:
        return self.draw.weighted(
            (plain, f"{plain[0]}-{plain[1:]}", f"ES{plain}", plain.lower(), f"{plain} "), (60, 22, 4, 8, 6)
        )

    def iban(self, plain: str) -> str:
        grouped = " ".join(plain[place : place + 4] for place in range(0, len(plain), 4))
        return self.draw.weighted((plain, grouped, grouped.lower(), grouped.replace(" ", "-")), (30, 45, 18, 7))

    def zone(self, code: str) -> str:
        _, name, _, _, also = next(zone for zone in ZONES if zone[0] == code)
        plain = name.translate(str.maketrans("òóà", "ooa"))
        words = self.draw.weighted(
            (name, name.upper(), name.title(), plain, self.draw.one(also or (name,))), (66, 10, 8, 6, 10)
        )
        return self.spaced(words)

    def household(self, number: int) -> str:
        return self.draw.weighted(
            (f"EXP-2026/{number:05d}", f"exp-2026/{number:05d}", f"EXP 2026/{number:05d}", f"EXP2026-{number:05d} "),
            (80, 6, 8, 6),
        )

    def day_text(self, day: date) -> str:
        return self.draw.weighted(
            (f"{day:%d/%m/%Y}", f"{day.day}/{day.month}/{day.year}", f"{day:%d-%m-%Y}", f"{day:%d.%m.%Y}"),
            (76, 10, 8, 6),
        )

    def day_cell(self, day: date | None) -> Cell:
        """In a workbook most dates are real ones; some are text."""
        if day is None:
            return None
        return day if self.draw.chance(0.75) else self.day_text(day)

    def amount_cell(self, minor: int) -> Cell:
        whole, cents = divmod(minor, 100)
        comma = f"{whole},{cents:02d}"
        grouped = f"{whole:,},{cents:02d}".replace(",", ".", 1) if whole >= 1000 else comma
        thin = f"{whole:,}".replace(",", " ") + f",{cents:02d}"
        spellings: tuple[Cell, ...] = (minor / 100, comma, f"{grouped} €", f"{thin}{NBSP}€", f" {grouped}")
        return self.draw.weighted(spellings, (62, 16, 10, 6, 6))

    def yes_no(self, said: bool) -> str:
        return (
            self.draw.weighted(("Sí", "SI", "sí"), (80, 12, 8))
            if said
            else self.draw.weighted(("No", "NO", ""), (80, 12, 8))
        )

    def phone(self, plain: str) -> str:
        if not plain:
            return ""
        grouped = f"{plain[:3]} {plain[3:6]} {plain[6:]}"
        return self.draw.weighted((plain, grouped, f"+34 {grouped}", grouped.replace(" ", ".")), (50, 30, 12, 8))

    def sector(self, code: str) -> Cell:
        return self.draw.weighted((code, code.replace(".", ""), f"{code} "), (66, 28, 6))


HOUSEHOLD_HEADINGS = [
    "Núm. expedient",
    "Barri",
    "Membres",
    "Tram d'ingressos",
    "Data d'incorporació",
    "Professional de referència",
    "Observacions",
]
RESIDENT_HEADINGS = [
    "Expedient",
    "Tipus doc.",
    "DNI / NIE / passaport",
    "Nom",
    "Cognoms",
    "Data naixement",
    "Sexe",
    "Telèfon",
    "Idioma",
    "Parentiu",
]
BUSINESS_HEADINGS = [
    "NIF",
    "Raó social",
    "Nom comercial",
    "CCAE",
    "Activitat",
    "Forma jurídica",
    "Barri",
    "Adreça",
    "Cadena o franquícia",
    "Treballadors",
    "Economia social",
    "Núm. registre",
    "Proveïdor",
    "Data d'adhesió",
    "IBAN",
    "Telèfon",
]
AWARD_HEADINGS = ["Núm. expedient", "Import mensual", "Des de", "Fins a"]


@dataclass(slots=True)
class Files:
    """The lists as grids of cells, each with its headings, ready to be written or spoilt."""

    households: Rows
    residents: Rows
    businesses: Rows
    awards: Rows
    settings: dict[str, str]
    map: str


def typed(town: Besos) -> Files:
    """The lists as the several hands of a town hall typed them."""
    hand = Hand(Draw(f"{SEED}/hands"))
    workers = ("M. Vidal", "J. Pons", "A. Farré", "L. Otero")
    households: Rows = [list(HOUSEHOLD_HEADINGS)]
    for home in town.households:
        band = hand.draw.weighted((home.band, home.band.upper()), (90, 10))
        remark = hand.draw.weighted(("", "pendent de trucar", "renovat; documentació completa"), (85, 8, 7))
        households.append(
            [
                hand.household(home.number),
                hand.zone(home.zone),
                str(len(home.people)),
                band,
                hand.day_text(home.joined_on),
                hand.draw.one(workers),
                remark,
            ]
        )
    households += [[""] * len(HOUSEHOLD_HEADINGS) for _ in range(6)]
    residents: Rows = [
        ["Ajuntament · Serveis Socials Bàsics"],
        [f"Membres de les unitats familiars · dades generades · exportació {EXPORTED_ON:%d/%m/%Y}"],
        [],
        list(RESIDENT_HEADINGS),
    ]
    for home in town.households:
        for person in home.people:
            residents.append(_resident_row(hand, home, person))
    businesses: Rows = [list(BUSINESS_HEADINGS)]
    businesses += [_business_row(hand, shop) for shop in town.businesses]
    businesses += [[""] * len(BUSINESS_HEADINGS) for _ in range(3)]
    awards: Rows = [list(AWARD_HEADINGS)]
    for home in sorted(town.households, key=lambda home: home.number):
        awards.append(
            [
                hand.household(home.number),
                hand.amount_cell(home.monthly_minor),
                hand.day_cell(home.from_day),
                hand.day_cell(home.to_day),
            ]
        )
    awards += [[None] * 4, ["TOTAL", sum(home.monthly_minor for home in town.households) / 100]]
    drawn = besos_data_map.geojson(
        {zone[0]: zone[1] for zone in ZONES}, {shop.tax_id: shop.zone for shop in town.businesses}
    )
    return Files(households, residents, businesses, awards, settings(), drawn)


def _resident_row(hand: Hand, home: Household, person: Person) -> list[Cell]:
    return [
        hand.household(home.number),
        person.kind,
        hand.identifier(person.identifier),
        hand.spaced(person.name),
        hand.spaced(person.surnames),
        hand.day_cell(person.born_on),
        person.sex or hand.draw.one(("", "NC")),
        hand.phone(person.phone),
        person.language,
        hand.draw.weighted((person.relation, person.relation.upper()), (92, 8)),
    ]


def _business_row(hand: Hand, shop: Business) -> list[Cell]:
    return [
        hand.tax_id(shop.tax_id),
        shop.legal_name,
        hand.spaced(shop.trade_name),
        hand.sector(shop.sector),
        shop.activity,
        hand.draw.weighted((shop.legal_form, shop.legal_form.upper()), (92, 8)),
        hand.zone(shop.zone),
        shop.address,
        hand.yes_no(shop.chain),
        str(shop.workers),
        hand.yes_no(shop.social),
        shop.registry_number or hand.draw.one(("", "-")),
        hand.yes_no(shop.supplier),
        hand.day_text(shop.accepts_since),
        hand.iban(shop.iban),
        hand.phone(shop.phone),
    ]


def csv_bytes(rows: Rows, *, separator: str, encoding: str) -> bytes:
    """A CSV file with the line ends of Windows."""
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode(encoding)


def xlsx_bytes(sheets: dict[str, Rows]) -> bytes:
    """A workbook whose bytes depend on nothing but its cells."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"created": CREATED})
    as_day = book.add_format({"num_format": "dd/mm/yyyy"})
    as_money = book.add_format({"num_format": "#,##0.00"})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                if isinstance(cell, date):
                    sheet.write_datetime(row, column, datetime.combine(cell, time.min), as_day)
                elif isinstance(cell, int | float):
                    sheet.write_number(row, column, cell, as_money)
                elif cell:
                    sheet.write_string(row, column, cell)
    book.close()
    return out.getvalue()


LEGEND: Rows = [
    ["Camp", "Significat"],
    ["Parentiu", "Relació amb la persona titular de l'expedient"],
    ["Sexe", "D dona, H home, NC no consta"],
]


def written(files: Files) -> dict[str, bytes]:
    """Every file of the folder, by its path."""
    return {
        "households.csv": csv_bytes(files.households, separator=";", encoding="cp1252"),
        "residents.xlsx": xlsx_bytes({"Llegenda": LEGEND, "Membres": files.residents}),
        "businesses.csv": csv_bytes(files.businesses, separator=",", encoding="utf-8-sig"),
        "programmes/inclusio-ajuts.xlsx": xlsx_bytes({"Ajuts": files.awards}),
        "map.geojson": files.map.encode(),
        **{name: content.encode() for name, content in files.settings.items()},
    }


def settings() -> dict[str, str]:
    """The TOML files, as towns/besos has them; the town's account is a generated one."""
    zones = "\n".join(
        f'[[zones]]\ncode = "{code}"\nname = "{name}"\n'
        + (f"also = [{', '.join(json.dumps(word, ensure_ascii=False) for word in also)}]\n" if also else "")
        for code, name, _, _, also in ZONES
    )
    tax_id = Numbers(Draw("town hall")).company("P")
    account = spanish_iban("2100", "9999", "0009000001")
    folder = Path(__file__).with_name("besos_data_settings")
    return {
        "town.toml": (folder / "town.toml")
        .read_text(encoding="utf-8")
        .replace("@TAX_ID@", tax_id)
        .replace("@IBAN@", account)
        .replace("@ZONES@", zones),
        "programmes/inclusio.toml": (folder / "inclusio.toml").read_text(encoding="utf-8"),
        "programmes/campanyes.toml": (folder / "campanyes.toml").read_text(encoding="utf-8"),
        "rewards.toml": (folder / "rewards.toml").read_text(encoding="utf-8"),
        "targets.toml": (folder / "targets.toml").read_text(encoding="utf-8"),
    }


def folders() -> dict[str, dict[str, bytes]]:
    """Both town folders: their files by path."""
    from koinon.pilots.besos_data_faults import planted_json, spoil

    sound = typed(generate())
    spoilt, planted = spoil(typed(generate()))
    return {
        "besos": written(sound),
        "besos-faulty": {**spoilt, "planted.json": planted_json(planted)},
    }


def same_content(name: str, one: bytes, other: bytes) -> bool:
    """Byte for byte; a workbook by what is in its archive, because compressors differ between machines."""
    if not name.endswith(".xlsx"):
        return one == other
    with zipfile.ZipFile(io.BytesIO(one)) as left, zipfile.ZipFile(io.BytesIO(other)) as right:
        return left.namelist() == right.namelist() and all(
            left.read(part) == right.read(part) for part in left.namelist()
        )


def differences(root: Path) -> list[str]:
    """The files under ``root`` that are not what the generator writes."""
    wrong = []
    for town, files in folders().items():
        there = {str(path.relative_to(root / town)) for path in (root / town).rglob("*") if path.is_file()}
        wrong += [f"{town}/{name}: not generated" for name in sorted(there - files.keys())]
        for name, content in files.items():
            path = root / town / name
            if not path.is_file():
                wrong.append(f"{town}/{name}: missing")
            elif not same_content(name, path.read_bytes(), content):
                wrong.append(f"{town}/{name}: differs")
    return wrong


def main(arguments: Sequence[str]) -> int:
    check = "--check" in arguments
    places = [Path(argument) for argument in arguments if not argument.startswith("-")]
    root = places[0] if places else Path("towns")
    if check:
        wrong = differences(root)
        print("\n".join(wrong) or "as generated", file=sys.stderr)
        return 1 if wrong else 0
    for town, files in folders().items():
        for name, content in files.items():
            path = root / town / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

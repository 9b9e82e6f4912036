"""Reading a town folder: the whole of it, in any encoding, with every finding at once."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from django.utils import translation

from koinon.kernel.decisions import Severity
from koinon.kernel.errors import FindingsError
from koinon.pilots import townfolder
from koinon.pilots.townfolder_findings import KINDS
from koinon.pilots.townfolder_types import Role
from tests.pilots import small_town
from tests.pilots.test_townfolder_limits import HOSTILE

PROJECT = Path(__file__).parents[2]
TOWNS = PROJECT / "towns"
Place = tuple[str, int, str, str]


def places(folder: Path) -> list[Place]:
    return sorted((one.file, one.row, one.column, one.code) for one in small_town.findings(folder))


def planted() -> list[Place]:
    listed = json.loads((TOWNS / "besos-faulty" / "planted.json").read_text(encoding="utf-8"))
    return sorted((one["file"], one["row"], one["column"], one["code"]) for one in listed)


# --- The bundled towns --------------------------------------------------------------------------


def test_the_bundled_town_is_read_without_a_warning_in_under_two_seconds() -> None:
    start = time.process_time()
    plan = townfolder.read(TOWNS / "besos")

    assert time.process_time() - start < 2
    assert plan.warnings == ()
    assert (len(plan.households), len(plan.businesses), len(plan.excluded)) == (533, 175, 2)


def test_the_faulty_town_yields_exactly_the_planted_faults() -> None:
    assert places(TOWNS / "besos-faulty") == planted()


def test_the_faulty_town_has_a_fault_of_every_kind_that_was_asked_for() -> None:
    asked = {
        "town.person-twice", "town.iban-invalid", "town.tax-id-invalid", "town.zone-unknown", "town.amount-negative",
        "town.date-invalid", "town.sector-missing", "town.household-empty", "town.fund-missing",
        "town.encoding-broken", "town.column-missing",
    }  # fmt: skip

    assert asked <= {code for *_, code in planted()}


def test_a_finding_says_what_to_do_and_nobodys_name_or_number() -> None:
    faulty = small_town.findings(TOWNS / "besos-faulty")
    plan = townfolder.read(TOWNS / "besos")
    said = "\n".join(f"{one.message} {one.remedy}" for one in faulty)

    assert faulty
    assert all(one.message and one.remedy for one in faulty)
    private = [one.identifier for one in plan.people if one.identifier] + [one.iban for one in plan.businesses]
    assert [value for value in private if value in said] == []
    assert [one for one in plan.people if one.surnames in said] == []


def test_findings_are_listed_file_by_file_from_top_to_bottom() -> None:
    faulty = small_town.findings(TOWNS / "besos-faulty")
    files = list(dict.fromkeys(one.file for one in faulty))

    assert list(faulty) == sorted(faulty, key=lambda one: (files.index(one.file), one.row))
    assert files[0] == "town.toml"


def test_a_note_says_which_columns_are_not_taken_in_and_who_is_left_out() -> None:
    notes = townfolder.read(TOWNS / "besos").notes

    assert sorted((note.code, note.column) for note in notes if note.code == "town.column-unread") == [
        ("town.column-unread", "Activitat"),
        ("town.column-unread", "Adreça"),
        ("town.column-unread", "Observacions"),
        ("town.column-unread", "Professional de referència"),
        ("town.column-unread", "Telèfon"),
    ]
    assert len([note for note in notes if note.code == "town.chain-excluded"]) == 2


# --- Any town -----------------------------------------------------------------------------------


def test_a_greek_folder_in_four_encodings_and_three_separators_is_read(tmp_path: Path) -> None:
    plan = townfolder.read(small_town.write(tmp_path))

    assert [(one.key, one.zone, one.members, one.joined_on) for one in plan.households] == [
        ("Φ12026", "eleftheroupoli", 2, date(2026, 9, 1)),
        ("Φ22026", "nea-peramos", 1, date(2026, 9, 1)),
    ]
    assert [(one.identifier, one.household, one.role) for one in plan.people] == [
        ("01018000016", "Φ12026", Role.REFERENCE),
        ("", "Φ12026", Role.MEMBER),
        ("02029000011", "Φ22026", Role.REFERENCE),
    ]
    assert [(one.tax_id, one.trade_name, one.sector_group, one.is_sse, one.zone) for one in plan.businesses] == [
        ("094259216", "Το Παντοπωλείο", "food", False, "eleftheroupoli"),
        ("998144460", "Ψωμί κι ελιά", "food", True, "nea-peramos"),
    ]
    assert [(one.monthly_minor, one.to_day) for one in plan.awards] == [(450_50, date(2027, 3, 31)), (1050_00, None)]
    rule = plan.funds[0].rule
    assert (rule.sectors, rule.share_of_price, rule.per_day_minor) == (("food", "47.73"), Fraction(1, 2), 50_00)


def replacing(file: str, *pairs: tuple[str, str], encoding: str = "utf-8") -> dict[str, bytes | None]:
    content = small_town.FILES[file].decode(encoding)
    for old, new in pairs:
        assert old in content
        content = content.replace(old, new, 1)
    return {file: content.encode(encoding)}


def no_workbook() -> dict[str, bytes | None]:
    settings = replacing("town.toml", ("melh.csv", "melh.xlsx"))
    return {**settings, "melh.csv": None, "melh.xlsx": b"PK\x03\x04 not a workbook"}


def other_sheet() -> dict[str, bytes | None]:
    workbook = (TOWNS / "besos" / "residents.xlsx").read_bytes()
    settings = replacing("town.toml", ('"melh.csv"', '"melh.xlsx"\nsheet = "Μέλη"'))
    return {**settings, "melh.csv": None, "melh.xlsx": workbook}


HOUSEHOLDS, RESIDENTS, BUSINESSES = "noikokyria.csv", "melh.csv", "epixeiriseis.csv"
AID, AWARDS = "programmes/epidoma.toml", "programmes/enisxyseis.csv"
CASES: dict[str, tuple[Callable[[], dict[str, bytes | None]], list[Place]]] = {
    "a file that is no workbook": (no_workbook, [("melh.xlsx", 0, "", "town.file-unreadable")]),
    "a sheet of another name": (other_sheet, [("melh.xlsx", 0, "", "town.sheet-missing")]),
    "a file that is not there": (lambda: {HOUSEHOLDS: None}, [(HOUSEHOLDS, 0, "", "town.file-missing")]),
    "a file without anything": (lambda: {BUSINESSES: b"\r\n;;\r\n"}, [(BUSINESSES, 0, "", "town.file-empty")]),
    "a file with other headings": (
        lambda: {BUSINESSES: "Α;Β;Γ\n1;2;3\n".encode()},
        [(BUSINESSES, 0, "", "town.headings-missing")],
    ),
    "an encoding that nobody knows": (
        lambda: replacing("town.toml", ("windows-1253", "windows-9999")),
        [("town.toml", 0, "encoding", "town.encoding-unknown")],
    ),
    "a heading twice": (
        lambda: replacing(HOUSEHOLDS, ("ένταξης", "ένταξης;ΜΕΛΗ"), encoding="cp1253"),
        [(HOUSEHOLDS, 1, "ΜΕΛΗ", "town.column-twice")],
    ),
    "settings that are missing": (
        lambda: replacing("town.toml", ('account_holder = "Δήμος Παγγαίου"\n', ""), ('code = "PAG"\n', "")),
        [
            ("town.toml", 2, "town.account_holder", "town.setting-missing"),
            ("town.toml", 11, "unit.code", "town.setting-missing"),
        ],
    ),
    "a tax number of the town that fails its check": (
        lambda: replacing("town.toml", ("EL 094259216", "EL 094259217")),
        [("town.toml", 8, "town.tax_id", "town.tax-id-invalid")],
    ),
    "two neighbourhoods with one code": (
        lambda: replacing("town.toml", ('code = "nea-peramos"', 'code = "eleftheroupoli"')),
        [("town.toml", 25, "zones.code", "town.code-twice")],
    ),
    "two rules for one fund": (
        lambda: replacing(AID, ("[[programmes]]", '[[rules]]\nfund = "stiriksi"\n\n[[programmes]]')),
        [(AID, 17, "rules.fund", "town.rule-twice")],
    ),
    "a rule about what does not exist": (
        lambda: replacing(AID, ('"food", "47.73"', '"foood", "47.98"'), ('"1/2"', '"3/2"')),
        [
            (AID, 12, "rules.sectors", "town.sector-unknown"),
            (AID, 12, "rules.sectors", "town.sector-unknown"),
            (AID, 13, "rules.share_of_price", "town.setting-invalid"),
        ],
    ),
    "limits of a rule that cannot be meant": (
        lambda: replacing(
            AID,
            (
                'share_of_price = "1/2"',
                (
                    'share_of_price = "1/2"\nsizes = ["tiny"]\nhours = ["always"]\ncategories = ["Φαγητό"]\nper_month = 0\n'
                    'payees = ["094259217"]\nreason = "γιατί"'
                ),
            ),
        ),
        [
            (AID, 11, "rules.payees", "town.payee-unknown"),
            (AID, 14, "rules.sizes", "town.setting-invalid"),
            (AID, 15, "rules.hours", "town.setting-invalid"),
            (AID, 16, "rules.categories", "town.setting-invalid"),
            (AID, 17, "rules.per_month", "town.setting-invalid"),
            (AID, 19, "rules.reason", "town.setting-invalid"),
        ],
    ),
    "two changes for one day, one without a reason, one that ends before it begins": (
        lambda: replacing(
            AID,
            (
                "[[programmes]]",
                (
                    '[[rules]]\nfund = "stiriksi"\nfrom_day = 2027-01-01\n\n[[rules]]\nfund = "stiriksi"\n'
                    'from_day = 2027-01-01\nlast_day = 2026-12-31\nreason = "απόφαση"\n\n[[programmes]]'
                ),
            ),
        ),
        [
            (AID, 16, "rules.reason", "town.setting-missing"),
            (AID, 22, "rules.from_day", "town.rule-twice"),
            (AID, 23, "rules.last_day", "town.dates-reversed"),
        ],
    ),
    "a floor below zero": (
        lambda: replacing(AID, ('share = "1/4"', 'share = "1/4"\nfloor_monthly = "-1"')),
        [(AID, 21, "programmes.floor_monthly", "town.amount-negative")],
    ),
    "TOML that is not UTF-8": (
        lambda: {AID: small_town.FILES[AID].decode().encode("cp1253")},
        [(AID, 4, "", "town.encoding-broken")],
    ),
    "a sign that fits on no wall": (
        lambda: replacing(BUSINESSES, ("Το Παντοπωλείο", "Παντοπωλείο" * 20), encoding="utf-8-sig"),
        [(BUSINESSES, 2, "Διακριτικός τίτλος", "town.value-too-long")],
    ),
    "a household of nobody": (
        lambda: replacing(HOUSEHOLDS, (";2;", ";0;"), encoding="cp1253"),
        [(HOUSEHOLDS, 2, "Μέλη", "town.number-invalid")],
    ),
    "a list outside the folder": (
        lambda: replacing("town.toml", ('"epixeiriseis.csv"', '"../../etc/passwd"')),
        [("town.toml", 54, "files.businesses.file", "town.setting-invalid")],
    ),
    "settings that no record could hold": (
        lambda: replacing(
            "town.toml", ('"PAG"', '"pag 1"'), ('at_par_with = "EUR"', 'at_par_with = "EUR"\nexponent = 12')
        ),
        [
            ("town.toml", 13, "unit.code", "town.setting-invalid"),
            ("town.toml", 16, "unit.exponent", "town.setting-invalid"),
        ],
    ),
    "no programme at all": (
        lambda: {AID: None},
        [("programmes", 0, "", "town.file-missing")],
    ),
    "a key column missing does not accuse every household": (
        lambda: replacing(RESIDENTS, ("Φάκελος", "Φακ"), encoding="utf-16"),
        [(RESIDENTS, 1, "Φάκελος", "town.column-missing")],
    ),
    "a shop's other findings survive a missing column": (
        lambda: replacing(BUSINESSES, ("ΚΑΔ", "Κλάδος"), ("094259216,", "094259217,"), encoding="utf-8-sig"),
        [(BUSINESSES, 1, "ΚΑΔ", "town.column-missing"), (BUSINESSES, 2, "ΑΦΜ", "town.tax-id-invalid")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_spoilt_folder_is_found_out_at_its_place(tmp_path: Path, case: str) -> None:
    changes, expected = CASES[case]

    assert places(small_town.write(tmp_path, changes())) == sorted(expected)


def test_every_kind_of_finding_turns_up_in_a_test() -> None:
    in_cases = {code for _, expected in CASES.values() for *_, code in expected}
    of_limits = {code for _, (_, code) in HOSTILE.values()} | {"town.more-warnings"}
    of_limits |= {"town.rule-forward-only"}  # Found as a folder is applied: test_apply.py.
    of_limits |= {"town.target-confirmed"}  # Likewise: test_townfolder_aims.py.
    of_limits |= {"town.degrees-invalid", "town.map-invalid", "town.map-shop-unknown"}  # test_townfolder_map.py.

    assert in_cases | of_limits | {code for *_, code in planted()} == KINDS.keys()


def test_every_kind_of_finding_has_its_place_in_the_documents() -> None:
    page = (PROJECT / "docs" / "reference" / "findings.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(town\.[a-z-]+)` \|", page, re.MULTILINE))
    notes = {"town.column-unread", "town.column-absent", "town.chain-excluded"}

    assert documented == KINDS.keys() | notes


def test_a_misspelt_setting_is_answered_with_what_was_probably_meant(tmp_path: Path) -> None:
    small_town.write(tmp_path, replacing(AID, ("last_day", "last_dya"), ("[[rules]]", "[[rulse]]")))

    messages = {one.column: one.message for one in small_town.findings(tmp_path)}
    assert messages["funds.last_dya"] == 'There is no setting `last_dya` here. Did you mean "last_day"?'
    assert messages["rulse"] == 'There is no setting `rulse` here. Did you mean "rules"?'


def test_an_accented_word_without_quotes_is_answered_with_quotes(tmp_path: Path) -> None:
    small_town.write(tmp_path, replacing("town.toml", ('"ναι" =', "ναι =")))

    (one,) = small_town.findings(tmp_path)
    assert (one.code, one.row) == ("town.toml-invalid", 69)
    assert one.remedy == 'Put the word before the "=" between quotes.'


@pytest.mark.parametrize(
    ("language", "message", "remedy"),
    [
        ("el", "Δεν υπάρχει ημέρα 31/09/2026.", "Γράψτε μια ημέρα που υπάρχει"),
        ("es", "No existe el día 31/09/2026.", "Escriba un día que exista"),
        ("ar", "لا يوجد يوم 31/09/2026.", "اكتب يومًا موجودًا"),
        ("en", "There is no day 31/09/2026.", "Write a day that exists"),
    ],
)
def test_findings_speak_the_language_of_the_page(tmp_path: Path, language: str, message: str, remedy: str) -> None:
    small_town.write(tmp_path, replacing(HOUSEHOLDS, ("01/09/2026", "31/09/2026"), encoding="cp1253"))

    with translation.override(language):
        (found,) = small_town.findings(tmp_path)

    assert found.message == message
    assert found.remedy.startswith(remedy)


def test_warnings_alone_come_with_the_plan(tmp_path: Path) -> None:
    small_town.write(tmp_path, replacing(HOUSEHOLDS, (";2;", ";3;"), encoding="cp1253"))
    plan = townfolder.read(tmp_path)

    assert [(one.row, one.code, one.severity) for one in plan.warnings] == [
        (2, "town.members-differ", Severity.WARNING)
    ]


def test_a_folder_without_town_toml_says_so(tmp_path: Path) -> None:
    with pytest.raises(FindingsError) as refused:
        townfolder.read(tmp_path)

    assert [(one.file, one.code) for one in refused.value.findings] == [("town.toml", "town.file-missing")]


def test_reading_leaves_the_folder_as_it_is(tmp_path: Path) -> None:
    small_town.write(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    townfolder.read(tmp_path)

    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before

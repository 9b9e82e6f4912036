"""One list at a time: read with a mapping, looked at, taken in whole, and remembered."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import xlsxwriter

from koinon.office import queries as office
from koinon.office.errors import ChangedSincePreview, NothingToDo
from koinon.office.types import ColumnMapping
from koinon.parties import queries as parties
from koinon.parties.secrets import Secrets
from koinon.parties.types import TownFacts
from koinon.pilots import lists, looking, townfolder
from koinon.pilots.apply import apply
from tests.pilots import small_town

NOW = datetime(2026, 10, 20, 9, 0, tzinfo=UTC)
Conn = psycopg.Connection[Any]
AWARDS = {"household": "Αρ. φακέλου", "monthly": "Ποσό", "from_day": "Από", "to_day": "Έως"}
SHOPS = {
    "tax_id": "ΑΦΜ", "legal_name": "Επωνυμία", "trade_name": "Διακριτικός τίτλος", "sector": "ΚΑΔ",
    "legal_form": "Μορφή", "zone": "Οικισμός", "chain": "Αλυσίδα", "accepts_since": "Από", "iban": "IBAN",
}  # fmt: skip


@pytest.fixture(scope="module")
def secrets() -> Secrets:
    return Secrets.fresh()


@pytest.fixture
def town(conn: Conn, secrets: Secrets, tmp_path: Path) -> TownFacts:
    plan = townfolder.read(small_town.write(tmp_path / "town"))
    applied = apply(conn, plan, at=NOW, actor="job:test", accept_warnings=True, secrets=secrets)
    assert applied.town_id is not None
    return parties.town(conn, applied.town_id)


class Desk:
    """Somebody with a list in hand."""

    def __init__(self, conn: Conn, town: TownFacts, secrets: Secrets, kind: str, file: Path) -> None:
        self.conn, self.town, self.secrets, self.kind, self.file = conn, town, secrets, kind, file
        row = conn.execute("SELECT id FROM programmes_programme WHERE town_id = %s", [town.id]).fetchone()
        assert row is not None
        self.told: dict[str, Any] = {
            "town": town, "kind": kind, "file": file, "programme_id": row[0] if kind == "awards" else None,
            "secrets": secrets, "at": NOW, "actor": "user:7",
        }  # fmt: skip

    def look(self, mapping: ColumnMapping) -> looking.Looked:
        return lists.look(self.conn, mapping=mapping, **self.told)

    def take_in(self, mapping: ColumnMapping, fingerprint: str) -> Any:
        return lists.take_in(self.conn, mapping=mapping, fingerprint=fingerprint, **self.told)


@pytest.fixture
def desk(conn: Conn, town: TownFacts, secrets: Secrets, tmp_path: Path) -> Any:
    def at(kind: str, content: str, encoding: str = "utf-8", name: str = "list.csv") -> Desk:
        folder = tmp_path / "sent"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content.encode(encoding))
        return Desk(conn, town, secrets, kind, folder / name)

    return at


def awards(conn: Conn) -> list[tuple[int, date, date | None]]:
    query = "SELECT monthly_minor, from_day, to_day FROM programmes_award ORDER BY monthly_minor"
    return [tuple(row) for row in conn.execute(query).fetchall()]  # type: ignore[misc]


def test_awards_are_changed_and_added_after_a_look(conn: Conn, desk: Any) -> None:
    content = "Κατάσταση Οκτωβρίου\n\nΑρ. φακέλου;Ποσό;Από;Έως\nΦ-1/2026;500,00;01/10/2026;31/03/2027\nΦ-2/2026;80;1/4/2027;\n"
    before = awards(conn)
    at = desk("awards", content, "cp1253")
    found = lists.sheet(at.file, "GR")
    assert found.headings == ("Αρ. φακέλου", "Ποσό", "Από", "Έως")
    mapping = lists.guessed(conn, town_id=at.town.id, kind="awards", found=found)
    assert dict(mapping.columns) == AWARDS
    conn.execute("UPDATE programmes_award SET to_day = '2027-03-31' WHERE to_day IS NULL")
    seen = at.look(mapping)
    assert (seen.errors, seen.applied.counts["awards_new"], seen.applied.counts["awards_changed"]) == (0, 1, 1)
    assert len(awards(conn)) == len(before)
    at.take_in(mapping, seen.fingerprint)
    assert (80_00, date(2027, 4, 1), None) in awards(conn)
    assert (500_00, date(2026, 10, 1), date(2027, 3, 31)) in awards(conn)
    with pytest.raises(ChangedSincePreview):
        at.take_in(mapping, seen.fingerprint)  # Sent twice, it is done once.
    with pytest.raises(NothingToDo):
        at.take_in(mapping, at.look(mapping).fingerprint)


def test_every_finding_has_its_place_and_nothing_is_written(conn: Conn, desk: Any) -> None:
    before = awards(conn)
    content = "Αρ. φακέλου;Ποσό;Από;Έως\nΦ-9/2026;12;01/10/2026;\nΦ-1/2026;much;31/11/2026;\nΦ-2/2026;5;01/10/2026;01/09/2026\n"
    seen = desk("awards", content).look(ColumnMapping(AWARDS, {}))
    assert sorted((one.row, one.column, one.code) for one in seen.findings) == [
        (2, "Αρ. φακέλου", "town.household-unknown"),
        (3, "Από", "town.date-invalid"),
        (3, "Ποσό", "town.amount-invalid"),
        (4, "Έως", "town.dates-reversed"),
    ]
    assert seen.applied is None
    assert awards(conn) == before


def test_a_column_that_nobody_chose_is_asked_for(desk: Any) -> None:
    chosen = {name: heading for name, heading in AWARDS.items() if name != "monthly"}
    seen = desk("awards", "Αρ. φακέλου;Ποσό;Από\nΦ-1/2026;5;01/10/2026\n").look(ColumnMapping(chosen, {}))
    assert [(one.code, one.column, one.remedy) for one in seen.findings] == [
        ("town.column-missing", "monthly", "choose a column")
    ]


def test_shops_from_a_workbook_have_a_till_and_their_words_are_remembered(
    conn: Conn, desk: Any, tmp_path: Path
) -> None:
    at = desk("businesses", "", name="shops.xlsx")
    with xlsxwriter.Workbook(at.file) as book:
        rows = book.add_worksheet()
        rows.write_row(0, 0, list(SHOPS.values()))
        rows.write_row(
            1, 0, ["094014201", "Αγορά ΟΕ", "Αγορά", "47.21", "Ο.Ε.", "Νέα Πέραμος", "όχι", "01/10/2026", "GR1601101250000000012300695"],
        )  # fmt: skip
    found = lists.sheet(at.file, "GR")
    mapping = ColumnMapping(SHOPS, {})
    assert lists.unknown_words("businesses", found, mapping, ()) == {"legal_form": ["Ο.Ε."]}
    assert [one.code for one in at.look(mapping).findings] == ["town.value-unknown"]
    explained = ColumnMapping(SHOPS, {"legal_form": {"Ο.Ε.": "civil-partnership"}})
    seen = at.look(explained)
    assert (seen.errors, seen.applied.counts["businesses_new"], seen.applied.counts["accounts_new"]) == (0, 1, 1)
    at.take_in(explained, seen.fingerprint)
    till = conn.execute(
        "SELECT o.legal_form, a.kind FROM parties_organisation o JOIN ledger.account a ON a.holder = o.party_id"
        " WHERE o.trade_name = 'Αγορά'"
    ).fetchall()
    assert [tuple(row) for row in till] == [("civil-partnership", "till")]
    kept = office.mapping(conn, town_id=at.town.id, kind="businesses", headings=[one.upper() for one in found.headings])
    assert kept == explained


def test_a_list_of_households_leaves_children_and_statuses_as_they_are(conn: Conn, desk: Any) -> None:
    conn.execute("UPDATE parties_household SET children_born = '[\"2016-02\"]' WHERE members = 2")
    content = "Αρ. φακέλου;Οικισμός;Μέλη;Εισόδημα;Ημ/νία ένταξης\nΦ-1/2026;Νέα Πέραμος;3;none;01/09/2026\n"
    at = desk("households", content)
    mapping = lists.guessed(conn, town_id=at.town.id, kind="households", found=lists.sheet(at.file, "GR"))
    seen = at.look(mapping)
    assert [(one.row, one.code) for one in seen.findings] == []
    assert {**seen.applied.changes[0].after}.keys() == {"zone", "members"}
    at.take_in(mapping, seen.fingerprint)
    rows = conn.execute("SELECT children_born::text FROM parties_household WHERE members = 3").fetchall()
    assert [row[0] for row in rows] == ['["2016-02"]']


def test_a_spelling_of_a_neighbourhood_is_asked_for_once_and_remembered(conn: Conn, desk: Any) -> None:
    content = "Αρ. φακέλου;Οικισμός;Μέλη;Εισόδημα;Ημ/νία ένταξης\nΦ-1/2026;Ν. Πέραμος;3;none;01/09/2026\nΦ-2/2026;Ν. ΠΕΡΑΜΟΣ;2;none;01/09/2026\n"
    at = desk("households", content)
    found, zones = lists.sheet(at.file, "GR"), lists.zones(conn, at.town.id)
    mapping = lists.guessed(conn, town_id=at.town.id, kind="households", found=found)

    def asked(told: ColumnMapping) -> list[str]:
        return lists.unknown_words("households", found, told, ("none",), zones).get("zone", [])

    assert asked(mapping) == ["Ν. Πέραμος"]
    assert [one.code for one in at.look(mapping).findings] == ["town.zone-unknown", "town.zone-unknown"]
    explained = ColumnMapping(mapping.columns, {"zone": {"Ν. Πέραμος": "Νέα Πέραμος"}})
    seen = at.look(explained)
    assert seen.errors == 0
    at.take_in(explained, seen.fingerprint)
    kept = lists.guessed(conn, town_id=at.town.id, kind="households", found=found)
    assert (kept, asked(kept)) == (explained, [])


def test_headings_of_the_bundled_town_are_understood_as_they_are(conn: Conn, desk: Any) -> None:
    at = desk(
        "households", "Núm. expedient;Barri;Membres;Tram d'ingressos;Data d'incorporació\nΦ-1;x;1;none;01/09/2026\n"
    )
    mapping = lists.guessed(conn, town_id=at.town.id, kind="households", found=lists.sheet(at.file, "GR"))
    assert {*mapping.columns} == {"household", "zone", "members", "income_band", "joined_on"}


def test_whom_a_shop_supplies_is_not_asked_for_and_does_no_harm_where_it_was_remembered(conn: Conn, desk: Any) -> None:
    content = (
        "ΑΦΜ;Επωνυμία;Διακριτικός τίτλος;ΚΑΔ;Μορφή;Οικισμός;Αλυσίδα;Από;IBAN;Προμηθευτής\n"
        "094014201;Νέα ΑΕ;Νέο;47.21;public-limited-company;Νέα Πέραμος;Όχι;01/10/2026;GR1601101250000000012300695;Μάλλον\n"
    )
    at = desk("businesses", content)
    mapping = lists.guessed(conn, town_id=at.town.id, kind="businesses", found=lists.sheet(at.file, "GR"))
    kept = ColumnMapping({**mapping.columns, "supplier": "Προμηθευτής"}, mapping.values)

    assert "supplier" not in mapping.columns
    assert lists.unknown_words("businesses", lists.sheet(at.file, "GR"), kept, ()) == {}
    assert "Προμηθευτής" not in {one.column for one in at.look(kept).findings}


def test_a_list_without_headings_is_told_so_without_a_word_of_a_town_folder(desk: Any) -> None:
    from koinon.kernel.errors import FindingsError

    at = desk("awards", "Κατάσταση\nΟκτωβρίου\n")
    with pytest.raises(FindingsError) as refused:
        lists.sheet(at.file, "GR")
    assert [(one.code, one.remedy) for one in refused.value.findings] == [
        ("town.headings-missing", "Put a row of headings above the rows.")
    ]


def test_what_is_no_table_is_a_finding(desk: Any) -> None:
    from koinon.kernel.errors import FindingsError

    at = desk("awards", "PK\x03\x04 not a workbook", name="list.xlsx")
    with pytest.raises(FindingsError):
        lists.sheet(at.file, "GR")

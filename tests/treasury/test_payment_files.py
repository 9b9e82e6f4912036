"""The files a bank takes: valid, complete, the same each time."""

from __future__ import annotations

import csv
import io
import stat
import xml.etree.ElementTree as ET
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koinon.treasury import pain001, payout_csv, payout_file
from koinon.treasury.sepa_text import sepa_text
from koinon.treasury.types import CreditTransfer, FileFormat, Payee

TOWN = Payee(name="Ajuntament de Besòs i Ribera", account="ES9121000418450200051332")
SHOPS = [
    CreditTransfer(
        "0f" * 16, Payee("Forn Núñez & Vilà, S.L.", "ES7921000813610123456789"), 1_234_56, "Redempció 2026-10"
    ),
    CreditTransfer("1e" * 16, Payee("ΠΑΝΤΟΠΩΛΕΙΟ Ψαρρά", "GR1601101250000000012300695"), 5, "Εξαργύρωση"),
    CreditTransfer("2d" * 16, Payee("بقالة الأمل", "ES9121000418450200051332"), 10_000_00, "x" * 300),
]
FORMATS = [FileFormat.PAIN_001_03, FileFormat.PAIN_001_09]


def written(file_format: FileFormat, transfers: list[CreditTransfer] = SHOPS) -> bytes:
    return pain001.write(
        file_format=file_format,
        message_id="ab" * 16,
        created_at=datetime(2026, 11, 2, 9, 30, tzinfo=UTC),
        execution_day=date(2026, 11, 4),
        debtor=TOWN,
        transfers=transfers,
    )


def texts(content: bytes, name: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(content).iter() if element.tag.endswith("}" + name)]


@pytest.mark.parametrize("file_format", FORMATS)
def test_file_is_valid_and_its_control_sums_are_those_of_its_payments(file_format):
    content = written(file_format)

    assert pain001.faults(content, file_format) == []
    assert texts(content, "InstdAmt") == ["1234.56", "0.05", "10000.00"]
    assert texts(content, "CtrlSum") == ["11234.61", "11234.61"]
    assert texts(content, "NbOfTxs") == ["3", "3"]


@pytest.mark.parametrize("file_format", FORMATS)
def test_same_run_gives_the_same_bytes(file_format):
    assert written(file_format) == written(file_format)


@pytest.mark.parametrize("file_format", FORMATS)
def test_names_are_in_the_letters_that_sepa_knows(file_format):
    content = written(file_format)

    assert texts(content, "Nm") == [
        "Ajuntament de Besos i Ribera",
        "Ajuntament de Besos i Ribera",
        "Forn Nunez + Vila, S.L.",
        "PANTOPOLEIO Psarra",
        sepa_text("بقالة الأمل", longest=70),
    ]
    assert max(map(len, texts(content, "Ustrd"))) <= 140


@pytest.mark.parametrize("file_format", FORMATS)
def test_identifiers_are_opaque_and_short_enough(file_format):
    content = written(file_format)

    assert texts(content, "EndToEndId") == [shop.end_to_end_id for shop in SHOPS]
    assert all(len(value) <= 35 for name in ("EndToEndId", "MsgId", "PmtInfId") for value in texts(content, name))
    assert texts(content, "ReqdExctnDt")[0].strip() or texts(content, "Dt") == ["2026-11-04"]


def test_a_file_that_breaks_its_schema_is_found_out():
    broken = written(FileFormat.PAIN_001_09).replace(b"<Cd>SEPA</Cd>", b"<Cd>TOO-LONG-A-CODE</Cd>")

    assert pain001.faults(broken, FileFormat.PAIN_001_09) != []


@given(st.text(max_size=200), st.integers(1, 140))
def test_any_text_becomes_one_that_sepa_allows(text, longest):
    allowed = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ ")

    written_text = sepa_text(text, longest=longest)

    assert set(written_text) <= allowed
    assert len(written_text) <= longest
    assert written_text == written_text.strip("/")
    assert "//" not in written_text


def test_csv_keeps_three_decimals_and_the_names_script():
    shop = CreditTransfer("3c" * 16, Payee("=بقالة الأمل", "JO94CBJO0010000000000131000302"), 12_345, "2026-10")

    content = payout_csv.write(currency="JOD", exponent=3, execution_day=date(2026, 11, 4), transfers=[shop])

    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert rows == [
        {
            "reference": "3c" * 16,
            "name": "بقالة الأمل",
            "account": "JO94CBJO0010000000000131000302",
            "amount": "12.345",
            "currency": "JOD",
            "execution_day": "2026-11-04",
            "remittance": "2026-10",
        }
    ]
    assert Decimal(rows[0]["amount"]) * 1000 == shop.amount_minor


def test_payee_does_not_print_itself():
    assert repr(SHOPS[0].payee) == "Payee(...)"


def test_a_file_for_the_bank_follows_no_link_and_is_its_owners_alone(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    folder = tmp_path / "bank"
    folder.mkdir()
    (folder / "run.xml").symlink_to(elsewhere)

    kept = payout_file.keep(folder, "run.xml", b"<Document/>")

    assert elsewhere.read_text() == "mine"
    assert (kept.is_symlink(), kept.read_bytes(), stat.S_IMODE(kept.stat().st_mode)) == (False, b"<Document/>", 0o600)
    assert list(folder.iterdir()) == [kept]


def test_a_file_for_the_bank_does_not_keep_the_permissions_of_an_older_one(tmp_path):
    older = tmp_path / "run.xml"
    older.write_text("older")
    older.chmod(0o666)

    kept = payout_file.keep(tmp_path, "run.xml", b"newer")

    assert (kept.read_bytes(), stat.S_IMODE(kept.stat().st_mode)) == (b"newer", 0o600)


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "run.xml").mkdir()

    with pytest.raises(IsADirectoryError):
        payout_file.keep(tmp_path, "run.xml", b"content")

    assert [entry.name for entry in tmp_path.iterdir()] == ["run.xml"]

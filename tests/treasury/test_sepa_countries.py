"""A run leaves as a file that every SEPA country's bank takes, and as a table elsewhere."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest

from koinon.treasury import operations as treasury
from koinon.treasury import pain001
from koinon.treasury.errors import TermsNotPossible
from koinon.treasury.sepa_text import _ALLOWED
from koinon.treasury.types import FileFormat, PaymentFile
from tests.treasury.place import APPROVER, NOON, TREASURER, Place, build

LATER = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
SEPA = {
    "GR": ("Δήμος Χαλανδρίου", "GR1601101250000000012300695", {
        "ΑΡΤΟΠΟΙΕΙΟ Ο ΓΙΩΡΓΟΣ & ΥΙΟΙ Ο.Ε.": ("GR1601101250000000012300695", "ARTOPOIEIO O GIORGOS + YIOI O.E."),
        "Κοιν.Σ.Επ. Ψυχή": ("CY17002001280000001200527600", "Koin.S.Ep. Psychi"),
    }),
    "ES": ("Ajuntament de Besòs", "ES9121000418450200051332", {
        "Forn de pa L'Espiga d'Or, Núñez & Vilà, S.L.": (
            "ES7921000813610123456789", "Forn de pa L'Espiga d'Or, Nunez + Vila, S.L."),
        "Col·lectiu Ronda, SCCL": ("FR1420041010050500013M02606", "Col.lectiu Ronda, SCCL"),
    }),
    "PT": ("Câmara Municipal de Évora", "PT50000201231234567890154", {
        "Padaria São João & Irmãos, Lda.": ("PT50000201231234567890154", "Padaria Sao Joao + Irmaos, Lda."),
        "Cooperativa Três Açúcares": ("IT60X0542811101000000123456", "Cooperativa Tres Acucares"),
    }),
}  # fmt: skip


def exported(place: Place, file_format: FileFormat) -> PaymentFile:
    treasury.set_terms(
        place.conn, town_id=place.town.pk, from_day=NOON.date(), minimum=place.money("1"), file_format=file_format,
        execution_days=1, source="s. 7", at=NOON, actor=TREASURER,
    )  # fmt: skip
    here = {"town_id": place.town.pk, "at": LATER}
    run = treasury.prepare_run(place.conn, **here, idempotency_key="k", actor=TREASURER)
    treasury.approve_run(place.conn, **here, run_id=run.id, secrets=place.secrets, actor=APPROVER)
    return treasury.export_run(place.conn, **here, run_id=run.id, secrets=place.secrets, actor=TREASURER)


@pytest.mark.parametrize("file_format", [FileFormat.PAIN_001_03, FileFormat.PAIN_001_09])
@pytest.mark.parametrize("country", SEPA)
def test_a_sepa_file_is_valid_and_its_names_are_in_letters_that_every_bank_reads(django_db, country, file_format):
    name, iban, shops = SEPA[country]
    place = build(django_db, slug=country.lower(), name=name, country=country)
    from koinon.parties.vault import Vault

    Vault(django_db, place.secrets).put(place.town.party_id, {"name": name, "iban": iban})
    for shop, (account, _) in shops.items():
        place.shop(shop, iban=account)
        place.fill_till(shop, "50.00")
        place.redeem(shop, "12.34")

    file = exported(place, file_format)

    assert pain001.faults(file.content, file_format) == []
    root = ET.fromstring(file.content)
    space = {"p": root.tag[1:].partition("}")[0]}
    paid = {one.findtext("p:Cdtr/p:Nm", "", space): one.findtext("p:CdtrAcct/p:Id/p:IBAN", "", space)
            for one in root.iterfind(".//p:CdtTrfTxInf", space)}  # fmt: skip
    assert paid == {latin: account for account, latin in shops.values()}
    assert root.findtext(".//p:DbtrAcct/p:Id/p:IBAN", "", space) == iban
    assert {amount.get("Ccy") for amount in root.iterfind(".//p:InstdAmt", space)} == {"EUR"}
    assert root.findtext(".//p:CtrlSum", "", space) == "24.68"
    names = [one.text or "" for one in root.iterfind(".//p:Nm", space)] + [
        one.text or "" for one in root.iterfind(".//p:Ustrd", space)
    ]
    assert set("".join(names)) <= _ALLOWED


@pytest.mark.parametrize(
    ("country", "currency", "exponent", "iban", "amount"),
    [
        ("JO", "JOD", 3, "JO94CBJO0010000000000131000302", "12.345"),
        ("TN", "TND", 3, "TN5910006035183598478831", "12.345"),
        ("PS", "ILS", 2, "PS92PALS000000000400123456702", "12.34"),
    ],
)
def test_outside_the_euro_a_run_leaves_as_a_table_and_never_as_sepa(
    django_db, country, currency, exponent, iban, amount
):
    place = build(
        django_db, slug=country.lower(), name="بلدية", country=country, national_currency=currency, exponent=exponent,
        unit_code="LOC", unit_name="LOC",
    )  # fmt: skip
    place.shop("مخبز الأمل", iban=iban)
    place.fill_till("مخبز الأمل", "50")
    place.redeem("مخبز الأمل", amount)
    for sepa in (FileFormat.PAIN_001_03, FileFormat.PAIN_001_09):
        with pytest.raises(TermsNotPossible), django_db.transaction():
            exported(place, sepa)

    file = exported(place, FileFormat.CSV)

    (row,) = csv.DictReader(io.StringIO(file.content.decode("utf-8-sig")))
    assert (row["name"], row["account"], row["amount"], row["currency"]) == ("مخبز الأمل", iban, amount, currency)

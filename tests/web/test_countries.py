"""A town in Portugal, one in Jordan and one in Tunisia: pages write their money, their days and their direction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils.translation import override

from koinon.kernel.money import Amount
from koinon.pilots import townfolder
from koinon.pilots.apply import apply
from koinon.treasury import topups
from koinon.treasury.types import Way
from koinon.web import formats
from tests.conftest import Databases, django_on
from tests.pilots import small_town
from tests.web.signing import in_browser

NOON = datetime(2026, 10, 31, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Place:
    """A country, and how 1234.5 of its money and the last day of October are written in its languages."""

    country: str
    zone: str
    unit: str
    exponent: int
    iban: str
    tax_id: str
    written: dict[str, tuple[str, str]]


PLACES = [
    Place(
        "PT", "Europe/Lisbon", "EUR", 2, "PT50000201231234567890154", "501964843",
        {"pt": ("1 234,50 PAG", "31 de outubro de 2026"), "ar": ("1,234.50 PAG", "31 أكتوبر 2026")},
    ),
    Place(
        "JO", "Asia/Amman", "JOD", 3, "JO94CBJO0010000000000131000302", "12345678",
        {"ar": ("1,234.500 PAG", "31 تشرين الأول 2026"), "en": ("1,234.500 PAG", "31 October 2026")},
    ),
    Place(
        "TN", "Africa/Tunis", "TND", 3, "TN5910006035183598478831", "1182431M/A/M/000",
        {"ar": ("1.234,500 PAG", "31 أكتوبر 2026"), "fr": ("1 234,500 PAG", "31 octobre 2026")},
    ),
]  # fmt: skip


def folder_of(place: Place, folder: Path) -> Path:
    spoken = ", ".join(f'"{language}"' for language in place.written)
    lines = small_town.TOWN.replace('"GR"', f'"{place.country}"').replace("Europe/Athens", place.zone)
    lines = lines.replace('at_par_with = "EUR"', f'exponent = {place.exponent}\nat_par_with = "{place.unit}"')
    lines = lines.replace('languages = ["el", "en"]', f"languages = [{spoken}]")
    lines = lines.replace("GR16 0110 1250 0000 0001 2300 695", place.iban).replace("EL 094259216", place.tax_id)
    fund = small_town.PROGRAMME.split("[[programmes]]")[0]
    changed = {"town.toml": lines.encode(), "programmes/epidoma.toml": fund.encode(), "programmes/enisxyseis.csv": None}
    return small_town.write(folder, changed)


@pytest.fixture(scope="module", params=PLACES, ids=lambda place: place.country)
def place(request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: Any) -> Iterator[tuple[Place, Any]]:
    """The town of the folder, in which one household has free money."""
    from koinon.parties.connection import raw
    from koinon.parties.models import Household, RoleGrant, Town, User

    found: Place = request.param
    plan = replace(read(folder_of(found, tmp_path_factory.mktemp(found.country))), businesses=())
    with databases.clone() as database, django_on(database):
        with transaction.atomic():
            town_id = apply(raw(), plan, at=NOON, actor="cli:setup", accept_warnings=True).town_id
            assert town_id is not None
            household = Household.objects.order_by("pk").first()
            assert household is not None
            amount = Amount(12345 * 10 ** (found.exponent - 1), "PAG")
            how: dict[str, Any] = {"town_id": town_id, "amount": amount, "way": Way.BANK, "at": NOON, "actor": "user:1"}
            asked = topups.request(raw(), party=household.pk, idempotency_key="1", **how)
            topups.confirm(raw(), reference=asked.reference, source_reference="1", **how)
            resident = User.objects.create(username="resident")
            RoleGrant.objects.create(user=resident, town=Town.objects.get(), role="resident", party_id=household.pk)
        yield found, in_browser(resident)


def read(folder: Path) -> Any:
    """The folder's town and households; its shops have tax numbers of another country."""
    from koinon.kernel.errors import FindingsError

    (folder / "epixeiriseis.csv").write_text(small_town.BUSINESSES.splitlines()[0], encoding="utf-8")
    try:
        return townfolder.read(folder)
    except FindingsError as refused:
        pytest.fail("\n".join(str(one) for one in refused.findings))


def bare(text: str) -> str:
    return " ".join(text.translate({0x200E: None, 0x200F: None, 0x061C: None}).split())


def test_residents_see_their_countrys_money_and_days(place: tuple[Place, Any]) -> None:
    found, client = place
    for language, (amount, day) in found.written.items():
        client.cookies["django_language"] = language
        purse = bare(client.get("/purse/").content.decode())
        assert amount in purse
        assert day in bare(client.get("/purse/movements/").content.decode())
        assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}"' in purse


def test_the_same_is_written_outside_a_page(place: tuple[Place, Any]) -> None:
    found, _client = place
    for language, (amount, day) in found.written.items():
        with override(language), formats.in_country(found.country):
            minor = 12345 * 10 ** (found.exponent - 1)
            assert bare(formats.amount(Amount(minor, "PAG"), exponent=found.exponent)) == amount
            assert bare(formats.day(NOON)) == day


def test_national_money_is_called_by_its_name(place: tuple[Place, Any]) -> None:
    found, resident = place
    resident.cookies["django_language"] = "en"
    called = {"EUR": "euros", "JOD": "Jordanian dinars", "TND": "Tunisian dinars"}[found.unit]
    for address in ("/", "/how/units/", "/how/multiplier/", "/how/velocity/", "/how/recirculation/"):
        page = resident.get(address).content.decode().partition("<main")[2].partition("</main>")[0]
        assert called in page, address
        assert found.unit == "EUR" or "euro" not in page.lower(), address
    del resident.cookies["django_language"]

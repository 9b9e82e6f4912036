"""A shop's day: its list, its files and its statement say the same, whatever was paid by whom."""

from __future__ import annotations

import csv
import io
import re
import threading
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from koinon.db.connections import Database
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount
from tests.conftest import django_on
from tests.web.test_access import client_of


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


def cover(minor: int, now: datetime, key: str = "cover") -> None:
    """The town pays the shop in the place of a card, as it does for a sale without a network."""
    from django.db import transaction

    from koinon.ledger import operations as ledger
    from koinon.ledger.types import Code, Kind, NewAccount, Transfer
    from koinon.parties.connection import raw
    from koinon.parties.models import RoleGrant, Town
    from koinon.programmes.models import Fund
    from koinon.treasury import operations as treasury

    town, shop = Town.objects.get(), RoleGrant.objects.get(role="shop").party_id
    fund: UUID = Fund.objects.filter(town=town).order_by("code").values_list("pk", flat=True)[0]
    assert shop is not None
    assert town.party_id is not None
    amount, how = Amount(minor, town.unit_code), {"at": now, "actor": "user:1"}
    with transaction.atomic():
        conn = raw()
        treasury.receive_budget(
            conn, town_id=town.pk, fund=fund, amount=amount, bank_reference=key, idempotency_key=key, **how
        )
        accounts = [
            NewAccount(Kind.RESERVE, town.unit_code, town.party_id, fund),
            NewAccount(Kind.ESCROW, town.unit_code, town.party_id, fund),
            NewAccount(Kind.TILL, town.unit_code, shop),
        ]
        reserve, escrow, till = ledger.open_accounts(conn, town_id=town.pk, accounts=accounts, **how)
        issue, reference = new_id(), f"voucher:{new_id()}"
        moved: dict[str, Any] = {"effective_at": now, "actor": "user:1", "reference": reference, "group": issue}
        ledger.post_all(
            conn,
            town_id=town.pk,
            requests=[
                Transfer(issue, reserve, escrow, amount, Code.ISSUE, **moved),
                Transfer(new_id(), escrow, till, amount, Code.COVER, **moved),
            ],
        )


def test_a_tills_list_its_file_and_the_statement_agree_on_what_was_sold(site: Database) -> None:
    from django.utils import timezone

    now = timezone.now()
    client, day = client_of("shop"), now.astimezone(ZoneInfo("Europe/Madrid")).date().isoformat()

    def shown() -> tuple[Decimal, Decimal, Decimal, Decimal, Decimal]:
        """What the big figure and the lines of the till's list add up to, the file, the statement, the shop's page."""
        pages = [client.get(address).content.decode() for address in (f"/till/sales/?day={day}", f"/shop/?day={day}")]
        big = [
            Decimal(re.sub(r"[^\d.]", "", re.findall(r'class="big">(.*?)</p>', page, re.DOTALL)[0])) for page in pages
        ]
        lines = re.findall(r'<li><span class="what">.*?<span class="much">(.*?)</span></li>', pages[0], re.DOTALL)
        file = csv.DictReader(io.StringIO(client.get(f"/till/sales/?day={day}&file=csv").content.decode()))
        said = csv.DictReader(
            io.StringIO(client.get(f"/shop/statement/?first={day}&last={day}&file=csv").content.decode())
        )
        return (
            big[0],
            sum((Decimal(re.sub(r"<[^>]*>|[^\d.]", "", line)) for line in lines), Decimal(0)),
            sum((Decimal(row["amount"]) for row in file if row["what"] == "sold"), Decimal(0)),
            sum((Decimal(row["minor_units"]) / 100 for row in said if row["what"] == "sold"), Decimal(0)),
            big[1],
        )

    before = shown()
    cover(8_00, now)
    after = shown()

    assert len(set(before)) == 1
    assert set(after) == {before[0] + 8}
    assert "Covered by the town: accepted without a network" in client.get(f"/till/sales/?day={day}").content.decode()


@pytest.mark.parametrize("address", ["/till/sales/", "/shop/"])
def test_a_days_sum_and_its_list_are_of_one_moment(
    site: Database, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Money comes on another connection between the sum and the list."""
    from django.utils import timezone

    from koinon.payments import queries

    client, list_of_day = client_of("shop"), queries.sold_on
    seen = []

    def and_money_comes(conn: Any, **asked: Any) -> Any:
        before = list_of_day(conn, **asked)
        beside = threading.Thread(target=beside_it)
        beside.start()
        beside.join(60)
        after = list_of_day(conn, **asked)
        seen.append(before == after)
        return after

    def beside_it() -> None:
        from django.db import connection

        cover(1_00, timezone.now(), key=address)
        connection.close()

    def covered() -> int:
        return client.get(address).content.decode().count("Covered by the town: accepted without a network")

    before = covered()
    monkeypatch.setattr(queries, "sold_on", and_money_comes)
    during = covered()
    monkeypatch.undo()

    assert seen == [True]
    assert (during, covered()) == (before, before + 1)


@pytest.mark.parametrize("address", ["/till/sales/", "/shop/"])
def test_a_list_that_is_not_all_of_a_day_says_so(site: Database, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    from django.utils import timezone

    from koinon.web import movements

    client, said = client_of("shop"), "Only the newest 2 sales are listed."
    for number in range(3):
        cover(1_00, timezone.now(), key=f"{address}{number}")

    whole = client.get(address).content.decode()
    monkeypatch.setattr(movements, "SALES_LISTED", 2)
    part = client.get(address).content.decode()

    assert (said in whole, said in part) == (False, True)
    assert part.count('<span class="what">') == 2

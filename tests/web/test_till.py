"""Tills: who may open what at one, and that nothing of a card or a PIN is left behind anywhere."""

from __future__ import annotations

import http.cookiejar
import json
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from koinon.db.connections import connect
from koinon.db.transactions import transaction
from koinon.instruments import rules
from koinon.parties.secrets import Secrets
from koinon.payments import shifts
from koinon.payments.shifts import Duty
from tests.journeys.test_till import PIN, Town
from tests.web.town import TownSite

WRONG = "903817"


class Shop:
    """The shop signed in, without a browser: forms and questions as a till's page sends them."""

    def __init__(self, site: TownSite) -> None:
        self.url = site.url
        jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        self.csrf = ""
        self.post(
            "/accounts/login/", {"login": "demo-shop", "password": site.passwords["shop"]}, seen="/accounts/login/"
        )

    def get(self, path: str) -> tuple[str, str]:
        """Where it ended, and what stood there."""
        try:
            with self.opener.open(self.url + path) as answer:
                text = answer.read().decode()
                return answer.url.removeprefix(self.url), text
        except urllib.error.HTTPError as refused:
            return str(refused.code), refused.read().decode()

    def post(self, path: str, fields: dict[str, Any], *, seen: str = "") -> tuple[int, str]:
        if seen:
            _, text = self.get(seen)
            found = re.search(r'(?:csrfmiddlewaretoken" value|csrf-token" content)="([^"]+)"', text)
            assert found is not None, seen
            self.csrf = found[1]
        sent = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": self.csrf}).encode()
        asked = urllib.request.Request(self.url + path, sent, {"Referer": self.url + path})
        if not path.startswith("/accounts/") and "form_id" not in fields:
            asked.add_header("Accept", "application/json")
        try:
            with self.opener.open(asked) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def pay(self, town: Town, *, pin: str = PIN, amount: int = 1_00) -> str:
        fields = {"key": uuid4(), "card": town.printed.token, "pin": pin, "amount": amount, "language": "en"}
        status, said = self.post("/till/pay/", fields)
        return "paid" if status == 200 else str(json.loads(said)["code"])


@pytest.fixture
def town(town_site: TownSite) -> Iterator[Town]:
    with connect(town_site.site.database.app_url, application_name="koinon tests") as conn:
        yield Town(conn)


@pytest.fixture
def shop(town_site: TownSite) -> Shop:
    found = Shop(town_site)
    found.post("/till/give-up/", {}, seen="/till/")  # Takes up the till's token.
    return found


def test_five_wrong_pins_at_many_tills_at_once_lock_and_nothing_tells_of_the_card(
    town_site: TownSite, town: Town, shop: Shop
) -> None:
    outcomes: list[str] = []
    threads = [threading.Thread(target=lambda: outcomes.append(shop.pay(town, pin=WRONG))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["instruments.pin-locked"] * 7 + ["instruments.pin-wrong"] * 5
    assert shop.pay(town) == "instruments.pin-locked"

    # Nobody is kept out for long: in five minutes at the latest the card is looked at again.
    with transaction(town.conn):
        row = town.conn.execute(
            "SELECT last_at, clock_timestamp() FROM instruments.tries WHERE instrument = %s", [town.card.id]
        ).fetchone()
        assert row is not None
        trail = town.conn.execute("SELECT row_to_json(e)::text FROM audit.entry AS e").fetchall()
        kept = town.conn.execute(
            "SELECT c.*::text FROM payments.charge AS c UNION ALL SELECT t.*::text FROM instruments.tries AS t"
        ).fetchall()
    assert (row[1] - row[0]).total_seconds() < 60
    written = town_site.site.log.read_text() + "".join(text for [text] in [*trail, *kept])
    for secret in (WRONG, PIN, town.printed.token, town.card.number, town.card.grouped, str(town.household)):
        assert secret not in town_site.site.log.read_text(), "the log tells of somebody"
    for secret in (WRONG, town.printed.token, town.card.number):
        assert secret not in written


def test_numbers_are_guessed_at_a_shop_only_so_often_and_its_sales_are_not_counted(town: Town, shop: Shop) -> None:
    assert shop.pay(town) == "paid"
    fields = {"key": uuid4(), "amount": 1_00, "pin": PIN, "language": "en"}

    def guess(path: str, number: str) -> str:
        return str(json.loads(shop.post(path, {**fields, "card": number})[1])["code"])

    numbers = [rules.number_of(figures) for figures in range(60)]
    assert {guess("/till/card/", number) for number in numbers[:58]} == {"instruments.card-not-found"}
    assert {guess("/till/card/", "4006381333931") for _again in range(3)} == {"instruments.not-a-card"}  # A bar code.
    assert shop.pay(town) == "paid"
    last = [guess("/till/pay/", numbers[58]), guess("/till/balance/", numbers[59])]
    assert last == ["instruments.card-not-found"] * 2
    for path in ("/till/card/", "/till/pay/", "/till/balance/"):
        status, said = shop.post(path, {**fields, "card": town.printed.token})
        assert (status, json.loads(said)["code"]) == (429, "till.too-many-tries")
    town.conn.execute("DELETE FROM koinon_cache")  # For the tests after this one.
    town.conn.commit()


def test_the_days_file_has_every_sale_and_what_the_town_says_about_vat(town: Town, shop: Shop) -> None:
    before = shop.get("/till/sales/?file=csv")[1].splitlines()
    assert shop.pay(town, amount=2_50) == "paid"
    text = shop.get("/till/sales/?file=csv")[1]
    (sold,) = [line for line in text.splitlines() if line not in before]
    assert ",2.50," in sold
    assert "at par with EUR" in text


def test_a_cashier_opens_the_till_and_no_other_page_until_a_manager_says_who_they_are(town: Town, shop: Shop) -> None:
    assert shop.get("/shop/payout/")[0] == "/shop/payout/"
    for name, role, pin in (("Anna", "manager", "4719"), ("Eleni", "cashier", "8204")):
        shop.post(
            "/till/cashiers/", {"form_id": uuid4(), "name": name, "role": role, "pin": pin}, seen="/till/cashiers/"
        )
    _, page = shop.get("/till/who/")
    ids = dict(re.findall(r'value="([0-9a-f-]{36})"[^>]*> <bdi>(\w+)</bdi>', page))
    anna, eleni = (next(one for one, name in ids.items() if name == asked) for asked in ("Anna", "Eleni"))

    def begin(who: str, pin: str) -> None:
        shop.post("/till/who/", {"form_id": "", "cashier": who, "pin": pin}, seen="/till/who/")

    begin(eleni, "8204")
    assert [shop.get(path)[0] for path in ("/shop/", "/shop/payout/", "/account/", "/purse/", "/till/sales/")] == [
        "/till/", "/till/", "/till/", "/till/", "/till/sales/",
    ]  # fmt: skip
    assert shop.get("/till/cashiers/")[0] == "403"
    assert shop.pay(town) == "paid"
    _, sales = shop.get("/till/sales/")
    sale = re.search(r'href="(/till/sales/[0-9a-f-]{36}/)"', sales)
    assert sale is not None
    shop.post(sale[1], {"form_id": uuid4(), "amount": "1", "manager": anna, "pin": "0000"}, seen=sale[1])
    assert "Everything of this sale" not in shop.get(sale[1])[1]
    shop.post(sale[1], {"form_id": uuid4(), "amount": "1", "manager": anna, "pin": "4719"}, seen=sale[1])
    assert "Everything of this sale has been given back." in shop.get(sale[1])[1]

    _, mine = shop.get("/till/shifts/")
    shift = re.search(r'name="shift" value="([0-9a-f-]{36})"', mine)
    assert shift is not None
    shop.post("/till/shifts/close/", {"form_id": "", "shift": shift[1]}, seen="/till/shifts/")
    assert shop.get("/shop/")[0] == "/till/who/"  # The shift is over; whoever comes next says who they are.
    begin(anna, "4719")
    assert shop.get("/shop/payout/")[0] == "/shop/payout/"


def test_who_was_let_go_neither_charges_nor_opens_the_shops_pages_where_they_still_stand(
    town_site: TownSite, town: Town, shop: Shop
) -> None:
    for name, role, pin in (("Maria", "manager", "4719"), ("Nikos", "manager", "8204")):
        with transaction(town.conn):
            shifts.add_cashier(
                town.conn, town_id=town.facts.id, payee=town.shop, name=name, role=Duty(role), pin=pin, key=name,
                actor="user:1", at=datetime.now(UTC), secrets=Secrets.load(),
            )  # fmt: skip
    with transaction(town.conn):
        there = shifts.cashiers(town.conn, town_id=town.facts.id, payee=town.shop, secrets=Secrets.load())
    nikos = next(one for one in there if one.name == "Nikos")

    # Who stood there before the shop had cashiers has to say who they are.
    assert shop.pay(town) == "till.who"
    shop.post("/till/who/", {"form_id": "", "cashier": nikos.id, "pin": "8204"}, seen="/till/who/")
    assert (shop.pay(town), shop.get("/shop/payout/")[0]) == ("paid", "/shop/payout/")

    with transaction(town.conn):
        shifts.end_cashier(
            town.conn, town_id=town.facts.id, payee=town.shop, cashier_id=nikos.id, actor="user:1",
            at=datetime.now(UTC),
        )  # fmt: skip
    assert (shop.pay(town), shop.get("/shop/payout/")[0], shop.get("/till/sales/")[0]) == (
        "till.who", "/till/who/", "/till/who/",
    )  # fmt: skip
    with transaction(town.conn):
        for one in sorted(there, key=lambda one: one.role is Duty.MANAGER):
            if one.id != nikos.id:
                shifts.end_cashier(
                    town.conn, town_id=town.facts.id, payee=town.shop, cashier_id=one.id, actor="user:1",
                    at=datetime.now(UTC),
                )  # fmt: skip

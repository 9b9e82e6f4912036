"""Pages and questions about payments without a network: the treasury's, the shop's, the till's."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.urls import reverse
from django.utils import timezone

from koinon.db.connections import Database
from koinon.kernel.identifiers import new_id
from koinon.offline import vouchers
from koinon.offline.types import Content
from tests.conftest import django_on
from tests.web.test_access import client_of


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def test_terms_are_set_a_shop_switched_on_and_a_till_registered_heard_and_withdrawn(site: Database) -> None:
    from koinon.parties.models import RoleGrant

    treasurer, shop, resident = client_of("treasurer"), client_of("shop"), client_of("resident")
    party = RoleGrant.objects.get(role="shop").party_id
    today = timezone.localdate(timezone=ZoneInfo("Europe/Madrid")).isoformat()  # Where the town lies.
    terms = {
        "from_day": today, "voucher_most": "20,00", "card_most": "10,00", "device_most": "90,00", "sync_days": "3",
        "devices_most": "1", "bearer": "town", "fund": "", "month_most": "", "source": "council 12/2026",
    }  # fmt: skip
    wrong = treasurer.post(reverse("treasury-offline-terms"), terms)
    assert wrong.status_code == 422
    for sentence in ("One payment can be no more than", "Choose the fund out of which", "Say how much the town bears"):
        assert sentence in wrong.content.decode()
    terms |= {"bearer": "shop", "card_most": "30,00"}
    assert treasurer.post(reverse("treasury-offline-terms"), terms).status_code == 302

    ours, key = new_id(), Ed25519PrivateKey.generate()
    public = text(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    asked = {"device": str(ours), "algorithm": "ed25519", "key": public, "label": "Counter"}
    register = reverse("till-offline-register")
    refused = shop.post(register, asked)
    assert (refused.status_code, refused.json()["code"]) == (409, "offline.not-switched-on")
    assert treasurer.post(reverse("treasury-offline-switch"), {"party": str(party)}).status_code == 302
    assert shop.post(register, asked | {"key": "not a key"}).status_code == 422
    assert shop.post(register, asked | {"key": text(b"short")}).json()["code"] == "offline.key-not-usable"
    assert resident.post(register, asked).status_code == 403
    for role, cashier in (("cashier", str(new_id())), ("", "")):
        session = shop.session
        session["till"] = {"shop": str(party), "cashier": cashier, "role": role}
        session.save()
        assert shop.post(register, asked).json()["code"] == "payments.manager-needed"
    session = shop.session
    del session["till"]
    session.save()
    told = shop.post(register, asked).json()
    assert (told["device"]["number"], told["on"], told["terms"][0]["card"]) == (1, True, 30_00)

    def sent(amount: int, counter: int) -> dict[str, str]:
        box = vouchers.sealed("K1" + "A" * 32, unbase64(told["key"]), device=ours, counter=counter)
        at = timezone.now().replace(microsecond=0)
        body = vouchers.written(Content(told["town"], ours, counter, amount, told["unit"], at, vouchers.digest(box)))
        return {"body": text(body), "signature": text(key.sign(body)), "box": text(box)}

    sync = reverse("till-offline-sync")
    for broken in ("no JSON", "[1]", '[{"body": "?"}]', json.dumps([{"body": "", "signature": "", "box": ""}])):
        assert shop.post(sync, {"device": str(ours), "vouchers": broken}).status_code == 422
    assert shop.post(sync, {"device": str(new_id()), "vouchers": "[]"}).status_code == 404
    first = sent(5_00, 2)
    forged = first | {"signature": text(bytes(64))}
    found = shop.post(sync, {"device": str(ours), "vouchers": json.dumps([first, forged])}).json()
    assert [(one["taken"], one.get("name"), one.get("code")) for one in found["outcomes"]] == [
        (True, "1-2", None), (False, None, "offline.signature-wrong"),
    ]  # fmt: skip
    assert "lost by the shop" in found["outcomes"][0]["said"]
    forged = sent(7_00, 3) | {"signature": text(bytes(64))}
    found = shop.post(sync, {"device": str(ours), "vouchers": json.dumps([forged])}).json()
    assert found["outcomes"][0]["code"] == "offline.signature-wrong"
    assert found["device"]["highest"] == 2

    page = shop.get(reverse("shop-offline")).content.decode()
    assert "1-2" in page
    assert "The code is that of no card of the town." in page
    page = treasurer.get(reverse("treasury-offline")).content.decode()
    assert "1-1" in page  # The number that never came.
    assert "Not wholly paid" in page
    assert treasurer.get(reverse("treasury-offline"), {"first": "x"}).status_code == 200
    assert client_of("auditor").get(reverse("treasury-offline")).status_code == 200
    assert shop.post(reverse("shop-offline-withdraw"), {"device": str(new_id())}).status_code == 404
    assert shop.post(reverse("shop-offline-withdraw"), {"device": str(ours)}).status_code == 302
    assert shop.post(register, asked).json()["code"] == "offline.device-revoked"
    off: dict[str, Any] = {"party": str(UUID(str(party))), "off": "1"}
    assert treasurer.post(reverse("treasury-offline-switch"), off).status_code == 302
    assert "No shop may yet." in treasurer.get(reverse("treasury-offline")).content.decode()


def unbase64(written: str) -> bytes:
    return base64.urlsafe_b64decode(written + "=" * (-len(written) % 4))

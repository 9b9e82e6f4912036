"""What a treasurer types about payments without a network: terms, shops, an outage that comes as a file, and its report.

The commands of docs/guides/payments-without-a-network.md.
"""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from koinon.parties.secrets import Secrets
from tests.cli.test_bank_answers import Desk
from tests.instruments.desk import Desk as Counter
from tests.offline import outage
from tests.offline.outage import Outage, Sent


@pytest.fixture
def field(database, conn, tmp_path, monkeypatch) -> Outage:
    monkeypatch.setenv("KOINON_VAR", str(tmp_path))
    for name in ("KOINON_DATABASE_URL", "KOINON_USER", "KOINON_SECRETS"):
        monkeypatch.delenv(name, raising=False)
    built = outage.build(conn)
    built.town.user("teresa", "treasurer")
    field = Outage(built.town, Counter(built.town, Secrets.load()))
    conn.commit()
    return field


@pytest.fixture
def desk(field, database, capsys) -> Desk:
    return Desk(field.town, database.app_url, capsys)


def saved(till: Any, *sent: Sent) -> str:
    def text(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    vouchers = [{"body": text(one.body), "signature": text(one.signature), "box": text(one.box)} for one in sent]
    return json.dumps({"format": "koinon-vouchers-1", "device": str(till.id), "vouchers": vouchers})


def test_terms_shops_an_outage_and_its_report(field: Outage, desk: Desk, tmp_path):
    today = datetime.now(ZoneInfo("Europe/Madrid")).date().isoformat()  # Where the town lies.
    caps = ("--payment", "20", "--card", "30", "--till", "100", "--source", "council 12/2026")
    wrong = desk("offline", "terms", "--from", today, *caps, "--bearer", "town", "--days", "99", by="teresa")["refused"]
    assert [one["code"] for one in wrong["fields"]["grounds"]] == [
        "terms.sync-days", "terms.fund-missing", "terms.month-missing",
    ]  # fmt: skip
    town = ("--bearer", "town", "--fund", "risk", "--month", "40")
    [held] = desk("offline", "terms", "--from", today, *caps, *town, by="teresa")["terms"]
    assert (held["card_most_minor"], held["bearer"], held["month_most_minor"]) == (30_00, "town", 40_00)
    shop = str(field.town.parties["forn"])
    assert desk("offline", "on", shop, by="teresa")["changed"]
    assert [one["trade_name"] for one in desk.read("offline", "shops")["shops"]] == ["Forn"]

    time.sleep(1)  # A voucher counts whole seconds, and is only good from when its shop was switched on.
    now = datetime.now(UTC)
    till = field.till("forn", at=now)
    card = field.card("pere")
    field.conn.commit()
    file = tmp_path / "till.json"
    file.write_text(saved(till, till.takes(card, "20.00", at=now), till.takes("K1" + "A" * 32, "5.00", at=now)))
    field.desk.conn.commit()
    for _ in range(2):
        settled = desk("offline", "settle", str(file), by="teresa")["settled"]
        assert [(one["name"], one["paid"], one["covered"], one["borne"]) for one in settled] == [
            ("1-1", 12_00, 8_00, 0), ("1-2", 0, 0, 5_00),
        ]  # fmt: skip
    report = desk.read("offline", "report")
    assert report["totals"] | {"vouchers": 2, "covered_minor": 8_00, "borne_minor": 5_00} == report["totals"]
    assert [one["grounds"][0]["code"] for one in report["losses"]] == [
        "offline.not-enough",
        "offline.card-unknown",
    ]
    assert "Till" not in desk.told("offline", "report", by="")
    assert [one["vouchers"] for one in desk.read("offline", "tills")["tills"]] == [2]
    assert desk("offline", "cover", by="teresa")["covered"] == 0
    assert desk("offline", "withdraw", str(till.id), by="teresa")["changed"]
    assert desk("offline", "off", shop, by="teresa")["changed"]

"""What people are told about their own cards and money reaches them, by whichever way they have, and no log says to whom."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from django.core import mail

from koinon.jobs.messages import WORDS, messages_round
from koinon.jobs.messaging import messaging
from koinon.jobs.sms import FileGateway
from koinon.jobs.webhooks import NotSent
from koinon.kernel.identifiers import new_id
from koinon.outbox import messages
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from tests.programmes import small_town
from tests.programmes.small_town import NOON, SmallTown

DATA = {
    "card": "9092", "amount_minor": 12_50, "last_day": "2026-12-31", "from_day": "2026-12-01", "number": "C-17",
    "due_day": "2026-12-15", "part_minor": 2_50, "cards": 1, "balance": "SALDO", "lock": "BLOQUEAR", "stop": "ALTO", "shop": "Forn",
    "paid_day": "2026-12-01",
}  # fmt: skip


@pytest.fixture
def town(database: Any, conn: Any) -> SmallTown:
    town = small_town.build(conn)
    town.household("ana")
    conn.commit()
    return town


@pytest.fixture
def secrets() -> Secrets:
    return Secrets.fresh()


@pytest.fixture(autouse=True)
def outbox(settings_mail: None) -> list[Any]:
    return mail.outbox


@pytest.fixture
def settings_mail() -> Any:
    from django.test.utils import override_settings

    with override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
        mail.outbox = []
        yield


def leave(town: SmallTown, kind: str = "card.blocked", **how: Any) -> Any:
    message_id = how.pop("message_id", new_id())
    messages.leave(
        town.conn,
        town_id=town.id,
        message_id=message_id,
        party=town.parties["ana"],
        kind=kind,
        at=NOON,
        data=DATA,
        **how,
    )
    town.conn.commit()
    return message_id


def know(town: SmallTown, secrets: Secrets, **fields: str) -> None:
    Vault(town.conn, secrets).put(town.parties["ana"], fields)
    town.conn.commit()


def told(town: SmallTown) -> list[tuple[str, str, str]]:
    found = messages.of_party(town.conn, town_id=town.id, party=town.parties["ana"])
    town.conn.commit()
    return [(each.state, each.channel, each.last_error) for each in found]


def texts(folder: Path) -> list[dict[str, str]]:
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def test_a_message_goes_by_the_way_that_is_preferred_and_there(town, secrets, tmp_path, caplog):
    gateway = FileGateway(tmp_path / "sms")
    know(town, secrets, email="ana@example.org", phone="600 11 22 33")
    first = leave(town, prefer="sms")
    assert messages_round(town.conn, now=NOON, gateway=gateway, secrets=secrets) == 1
    leave(town, prefer="mail")
    know(town, secrets, phone="")
    leave(town, prefer="sms")
    assert messages_round(town.conn, now=NOON, gateway=gateway, secrets=secrets) == 2

    [text] = texts(tmp_path / "sms")
    assert (text["reference"], text["to"]) == (str(first), "+34600112233")
    assert "9092 is blocked" in text["text"]
    assert [letter.to for letter in mail.outbox] == [["ana@example.org"]] * 2
    assert told(town) == [("sent", "mail", ""), ("sent", "mail", ""), ("sent", "sms", "")]
    assert (tmp_path / "sms").stat().st_mode & 0o077 == 0
    assert not any(part in caplog.text for part in ("600112233", "ana@example.org", "9092"))


def test_the_same_message_left_twice_is_sent_once(town, secrets, tmp_path):
    know(town, secrets, phone="600112233")
    one = leave(town)
    leave(town, message_id=one)
    gateway = FileGateway(tmp_path)
    assert [messages_round(town.conn, now=NOON, gateway=gateway, secrets=secrets) for _ in range(2)] == [1, 0]
    gateway.send(to="+34600112233", text="again", reference=one)
    assert len(texts(tmp_path)) == 1


def test_a_gateway_that_fails_is_asked_again_and_nobody_without_address_is(town, secrets):
    class Broken:
        def send(self, **_how: Any) -> None:
            raise NotSent("sms-gateway")

    leave(town)
    messages_round(town.conn, now=NOON, gateway=Broken(), secrets=secrets)
    assert told(town) == [("failed", "", "no-address")]
    know(town, secrets, phone="600112233")
    leave(town)
    messages_round(town.conn, now=NOON, gateway=Broken(), secrets=secrets)
    assert told(town)[0] == ("due", "sms", "sms-gateway")


def test_who_was_erased_is_told_nothing(town, secrets, tmp_path):
    know(town, secrets, phone="600112233")
    leave(town)
    Vault(town.conn, secrets).erase(town.parties["ana"], actor="user:1", reason="asked", at=NOON)
    town.conn.commit()
    messages_round(town.conn, now=NOON, gateway=FileGateway(tmp_path), secrets=secrets)
    assert told(town) == [("failed", "", "nobody")]
    assert texts(tmp_path) == []


def test_every_kind_has_words_for_what_it_is_given(town, secrets, tmp_path):
    know(town, secrets, phone="600112233")
    for kind in WORDS:
        leave(town, kind)
    assert messages_round(town.conn, now=NOON, gateway=FileGateway(tmp_path), secrets=secrets) == len(WORDS)
    assert not any("%(" in text["text"] for text in texts(tmp_path))


def broken(*_args: Any, **_more: Any) -> None:
    raise RuntimeError


def test_the_messenger_sends_by_itself_and_stops_when_it_is_told(database, town, tmp_path, monkeypatch):
    monkeypatch.setenv("KOINON_SMS_FOLDER", str(tmp_path))
    know(town, Secrets.load(), phone="600112233")
    leave(town)
    monkeypatch.setattr("koinon.jobs.inbox.inbox_round", broken)  # What is sent does not wait for what comes in.
    with messaging(database.app_url) as messenger:
        until = time.monotonic() + 60
        while not texts(tmp_path) and time.monotonic() < until:
            time.sleep(0.05)
    assert not messenger.is_alive()
    assert len(texts(tmp_path)) == 1

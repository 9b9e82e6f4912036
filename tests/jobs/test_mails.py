"""Notices by e-mail: in the reader's language, to an address that no row of the outbox holds."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.core import mail
from django.test import override_settings

from koinon.db.transactions import transaction
from koinon.jobs import mails
from koinon.jobs.deliveries import Manner, delivering
from koinon.jobs.mails import WORDS
from koinon.kernel.identifiers import new_id
from koinon.outbox import operations as outbox
from koinon.outbox import queries
from koinon.outbox.types import KINDS, Event
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
KEYS = Secrets.fresh()
MANNER = Manner(timeout_seconds=15, lease_seconds=20, secrets=KEYS)  # However busy the machine is.


@dataclass
class Town:
    """A town that writes its money with three decimals, as Jordan does."""

    conn: psycopg.Connection[Any]
    owner: psycopg.Connection[Any]

    def party(self, kind: str, *, email: str = "", household: UUID | None = None) -> UUID:
        party = new_id()
        self.owner.execute(
            "INSERT INTO parties_party (id, town_id, kind, created_at) VALUES (%s, 1, %s, now())", [party, kind]
        )
        if kind == "person":
            self.owner.execute(
                "INSERT INTO parties_person (party_id, household_id, is_reference) VALUES (%s, %s, true)",
                [party, household],
            )
        if kind == "household":
            self.owner.execute(
                "INSERT INTO parties_household (party_id, members, income_band) VALUES (%s, 1, '')", [party]
            )
        if email:
            with transaction(self.conn):
                Vault(self.conn, KEYS).put(party, {"email": email, "name": "Μαρία Παπαδοπούλου"})
        return party

    def user(self, name: str, role: str, *, party: UUID | None = None, language: str = "") -> None:
        (user,) = self.owner.execute(
            "INSERT INTO parties_user (username, email, password, first_name, last_name, is_superuser, is_staff,"
            " is_active, date_joined, language) VALUES (%s, %s, '', '', '', false, false, true, now(), %s) RETURNING id",
            [name, f"{name}@town.example", language],
        ).fetchone()
        self.owner.execute(
            "INSERT INTO parties_rolegrant (user_id, town_id, role, party_id) VALUES (%s, 1, %s, %s)",
            [user, role, party],
        )

    def notice(self, kinds: list[str], **who: Any) -> UUID:
        with transaction(self.conn):
            return outbox.add_notice(self.conn, town_id=1, kinds=kinds, actor="user:1", at=NOW, **who).id

    def tell(self, kind: str, **data: str | int) -> UUID:
        subject = new_id()
        with transaction(self.conn):
            outbox.tell(self.conn, town_id=1, events=[Event(kind, subject, NOW, {"unit": "JOD", **data})])
        return subject

    def log(self, notice: UUID) -> list[tuple[str, str, str]]:
        with transaction(self.conn):
            found = queries.deliveries(self.conn, town_id=1, listener=notice)
        return [(one.recipient, one.state, one.last_error) for one in found]


@pytest.fixture
def town(conn: psycopg.Connection[Any], owner_conn: psycopg.Connection[Any]) -> Town:
    body = new_id()
    owner_conn.execute(
        "INSERT INTO parties_town (id, slug, name, country, unit_code, unit_name, unit_symbol, exponent,"
        " national_currency, time_zone, languages, legal_basis, created_at)"
        " VALUES (1, 'one', 'Wadi', 'JO', 'JOD', 'dinar', '', 3, 'JOD', 'Asia/Amman', '[\"ar\"]', '{}', now())"
    )
    owner_conn.execute(
        "INSERT INTO parties_party (id, town_id, kind, created_at) VALUES (%s, 1, 'public_body', now())", [body]
    )
    owner_conn.execute("UPDATE parties_town SET party_id = %s", [body])
    return Town(conn, owner_conn)


@pytest.fixture(autouse=True)
def post() -> Iterator[None]:
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
        mail.outbox = []
        yield


def sent(number: int) -> list[mail.EmailMessage]:
    ends = time.monotonic() + 60
    while len(mail.outbox) < number and time.monotonic() < ends:
        time.sleep(0.02)
    assert len(mail.outbox) == number
    return sorted(mail.outbox, key=lambda message: message.to)


def until_ended(town: Town, notice: UUID) -> list[tuple[str, str, str]]:
    ends = time.monotonic() + 60
    while any(state == "due" and not error for _, state, error in town.log(notice)) and time.monotonic() < ends:
        time.sleep(0.05)
    return town.log(notice)


def test_shop_reads_in_arabic_that_its_payout_is_on_its_way(town, database):
    shop = town.party("organisation", email="shop@wadi.example")
    notice = town.notice(["redemption.paid"], party=shop)
    with delivering(database.app_url, MANNER):
        number = town.tell("redemption.paid", party=str(shop), amount_minor=1250500)
        (message,) = sent(1)
        assert until_ended(town, notice) == [(f"party:{shop}", "delivered", "")]
    assert message.to == ["shop@wadi.example"]
    assert message.subject == "Wadi: 1,250.500\xa0د.أ. في طريقها إلى حسابك المصرفي"
    assert "دفع مصرف البلدة ما سلّمته." in message.body
    assert "2 تشرين الثاني 2026" in message.body
    assert str(number) in message.body


def test_resident_reads_in_greek_of_a_payment_as_the_one_who_paid(town, database):
    household = town.party("household")
    town.party("person", email="maria@wadi.example", household=household)
    town.user("maria", "resident", party=household, language="el")
    notice = town.notice(["payment.posted"], party=household, at_least_minor=10_000)
    with delivering(database.app_url, MANNER):
        town.tell("payment.posted", payer=str(household), payee=str(new_id()), amount_minor=9_999)
        town.tell("payment.posted", payer=str(household), payee=str(new_id()), amount_minor=12_345)
        (message,) = sent(1)
        until_ended(town, notice)
    assert message.to == ["maria@wadi.example"]
    assert message.subject == "Wadi: Πληρώσατε 12,345\xa0JOD"
    assert "2 Νοεμβρίου 2026" in message.body
    assert message.extra_headers["Content-Language"] == "el"
    assert "Μαρία" not in message.body


def test_everybody_with_a_role_gets_a_mail_of_their_own(town, database):
    town.user("tess", "treasurer", language="en")
    town.user("theo", "treasurer", language="es")
    town.user("anna", "officer", language="en")
    notice = town.notice(["cycle.disbursed"], role="treasurer")
    with delivering(database.app_url, MANNER):
        town.tell("cycle.disbursed", amount_minor=1_000_000)
        tess, theo = sent(2)
        log = until_ended(town, notice)
    assert (tess.to, theo.to) == (["tess@town.example"], ["theo@town.example"])
    assert tess.subject == "Wadi: A programme's month was paid out: 1,000.000\xa0JOD"
    assert theo.subject.startswith("Wadi: Se ha pagado un mes de un programa: 1.000,000")
    assert sorted(kind.partition(":")[0] for kind, _, _ in log) == ["role", "user", "user"]
    assert {state for _, state, _ in log} == {"delivered"}


def test_no_row_holds_an_address_and_no_log_names_one(town, database, capsys):
    shop = town.party("organisation", email="shop@wadi.example")
    notice = town.notice(["redemption.paid"], party=shop)
    with delivering(database.app_url, MANNER):
        town.tell("redemption.paid", party=str(shop), amount_minor=1)
        sent(1)
        until_ended(town, notice)
    for table in ("listener", "event", "delivery", "attempt", "subscription"):
        rows = town.owner.execute(f"SELECT to_jsonb(t)::text FROM outbox.{table} AS t").fetchall()
        assert not [row for row in rows if "wadi.example" in row[0]]
    told = capsys.readouterr()
    assert "wadi.example" not in told.out + told.err


def test_who_has_no_address_is_not_tried_for_days(town, database):
    shop = town.party("organisation")
    notice = town.notice(["redemption.paid"], party=shop)
    with delivering(database.app_url, MANNER):
        town.tell("redemption.paid", party=str(shop), amount_minor=1)
        assert until_ended(town, notice) == [(f"party:{shop}", "failed", "no-address")]
    assert mail.outbox == []


def test_who_was_erased_is_not_written_to(town, database):
    shop = town.party("organisation", email="shop@wadi.example")
    notice = town.notice(["redemption.paid"], party=shop)
    town.tell("redemption.paid", party=str(shop), amount_minor=1)
    with transaction(town.conn):
        Vault(town.conn, KEYS).erase(shop, actor="user:1", reason="asked", at=NOW)
    town.tell("redemption.paid", party=str(shop), amount_minor=1)
    with delivering(database.app_url, MANNER):
        time.sleep(0.5)
    assert town.log(notice) == [(f"party:{shop}", "abandoned", "removed")]
    assert mail.outbox == []


def test_who_left_the_town_is_not_written_to(town, database):
    town.user("tess", "treasurer")
    notice = town.notice(["cycle.disbursed"], role="treasurer")
    town.tell("cycle.disbursed", amount_minor=1)
    with transaction(town.conn):
        (claimed,) = outbox.claim(town.conn, most=1, each=1, busy={}, lease_seconds=0)
        (tess,) = mails.recipients(town.conn, claimed)
        outbox.fan_out(town.conn, claimed, [tess])
    town.owner.execute("UPDATE parties_user SET is_active = false")
    with delivering(database.app_url, MANNER):
        log = until_ended(town, notice)
    assert (tess, "failed", "nobody") in log
    assert mail.outbox == []


def test_mail_server_that_is_away_is_tried_again(town, database):
    shop = town.party("organisation", email="shop@wadi.example")
    notice = town.notice(["redemption.paid"], party=shop)
    away = override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=1
    )
    with delivering(database.app_url, MANNER):
        with away:
            town.tell("redemption.paid", party=str(shop), amount_minor=1)
            assert until_ended(town, notice) == [(f"party:{shop}", "due", "mail-server")]
        town.owner.execute("UPDATE outbox.delivery SET next_at = now()")
        sent(1)


def test_real_mail_server_gets_letters_it_can_read_and_says_whom_it_does_not_know(town, database):
    shop = town.party("organisation", email="shop@wadi.example")
    unknown = town.party("organisation", email="unknown@wadi.example")
    good = town.notice(["redemption.paid"], party=shop)
    bad = town.notice(["redemption.paid"], party=unknown)
    with mail_server() as (port, letters):
        smtp = override_settings(
            EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=port
        )
        with smtp, delivering(database.app_url, MANNER):
            town.tell("redemption.paid", party=str(shop), amount_minor=1)
            town.tell("redemption.paid", party=str(unknown), amount_minor=1)
            assert until_ended(town, good) == [(f"party:{shop}", "delivered", "")]
            assert until_ended(town, bad) == [(f"party:{unknown}", "failed", "recipient-refused")]
    (letter,) = letters
    assert "To: shop@wadi.example" in letter
    assert "Auto-Submitted: auto-generated" in letter


class mail_server:
    """Just enough of SMTP (RFC 5321) to take a letter, and to know nobody called unknown."""

    def __enter__(self) -> tuple[int, list[str]]:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.letters: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()
        return self._listening.getsockname()[1], self.letters

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                talking, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=[talking], daemon=True).start()

    def _talk(self, talking: socket.socket) -> None:
        with talking, talking.makefile("rwb", buffering=0) as line:
            line.write(b"220 here\r\n")
            while said := line.readline().decode():
                word = said[:4].upper().strip()
                if word == "RCPT" and "unknown@" in said:
                    line.write(b"550 nobody of that name\r\n")
                elif word == "DATA":
                    line.write(b"354 go on\r\n")
                    letter = []
                    while (heard := line.readline().decode()) not in (".\r\n", ""):
                        letter.append(heard.rstrip())
                    self.letters.append("\n".join(letter))
                    line.write(b"250 taken\r\n")
                elif word == "QUIT":
                    line.write(b"221 bye\r\n")
                    return
                else:
                    line.write(b"250 well\r\n")


def test_there_are_words_for_every_kind_of_event():
    assert {kind for kind, side in WORDS if side == ""} == set(KINDS)


def test_data_of_an_event_never_reach_a_mail_but_for_amount_and_number(town, database):
    shop = town.party("organisation", email="shop@wadi.example")
    town.notice(["payment.posted"], party=shop)
    payer = new_id()
    with delivering(database.app_url, MANNER):
        town.tell("payment.posted", payer=str(payer), payee=str(shop), amount_minor=1, reference="till-7")
        (message,) = sent(1)
    said = message.subject + message.body
    assert "0.001" in said
    assert [secret for secret in (str(payer), str(shop), "till-7") if secret in said] == []


def test_whoever_chose_text_messages_is_told_of_payments_by_telephone(town, database, tmp_path, monkeypatch):
    from koinon.parties import preferences

    monkeypatch.setenv("KOINON_SMS_FOLDER", str(tmp_path))
    maria, eleni = (
        town.party("household", email="maria@example.org"),
        town.party("household", email="eleni@example.org"),
    )
    with transaction(town.conn):
        Vault(town.conn, KEYS).put(maria, {"phone": "079 123 4567"})
        for party in (maria, eleni):  # Eleni has no telephone: what she chose cannot be, so she is written to.
            preferences.choose_notices(
                town.conn, town_id=1, party_id=party, ways={"payment": "sms"}, actor="user:1", at=NOW
            )
    with delivering(database.app_url, MANNER):
        for party in (maria, eleni):
            town.tell("payment.posted", payer=str(party), payee=str(new_id()), amount_minor=1500)
        (message,) = sent(1)
        ends = time.monotonic() + 60
        while not list(tmp_path.glob("*.json")) and time.monotonic() < ends:
            time.sleep(0.02)
    assert message.to == ["eleni@example.org"]
    (text,) = (json.loads(path.read_text()) for path in tmp_path.glob("*.json"))
    assert text["to"] == "+962791234567"
    assert text["text"].startswith("Wadi: ")
    assert "1.500" in text["text"]

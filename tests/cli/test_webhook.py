"""An officer adds a webhook on the command line, sees what became of it, and sends again what failed."""

from __future__ import annotations

import json
import os
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from koinon.cli.main import run
from koinon.db.transactions import transaction
from koinon.kernel.identifiers import new_id
from koinon.outbox import operations as outbox
from koinon.outbox.types import Event, Outcome

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def koinon(database, owner_conn, capsys, tmp_path, monkeypatch):
    """Exit status and JSON document of a command on a town that has an officer and a treasurer."""
    monkeypatch.setenv("KOINON_SECRETS", str(tmp_path))
    body = new_id()
    owner_conn.execute(
        "INSERT INTO parties_town (id, slug, name, country, unit_code, unit_name, unit_symbol, exponent,"
        " national_currency, time_zone, languages, legal_basis, created_at)"
        " VALUES (1, 'one', 'One', 'ES', 'LOC', 'Loc', '', 2, 'EUR', 'UTC', '[]', '{}', now())"
    )
    owner_conn.execute(
        "INSERT INTO parties_party (id, town_id, kind, created_at) VALUES (%s, 1, 'public_body', now())", [body]
    )
    owner_conn.execute("UPDATE parties_town SET party_id = %s", [body])
    for name, role in (("anna", "officer"), ("tess", "treasurer")):
        (user,) = owner_conn.execute(
            "INSERT INTO parties_user (username, email, password, first_name, last_name, is_superuser, is_staff,"
            " is_active, date_joined, language) VALUES (%s, %s, '', '', '', false, false, true, now(), '') RETURNING id",
            [name, f"{name}@one.example"],
        ).fetchone()
        owner_conn.execute("INSERT INTO parties_rolegrant (user_id, town_id, role) VALUES (%s, 1, %s)", [user, role])

    def called(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        status = run([*arguments, "--json", "--database", database.app_url])
        return status, json.loads(capsys.readouterr().out)

    called.told = lambda *arguments: (
        capsys.readouterr(),
        run([*arguments, "--database", database.app_url]),
        capsys.readouterr().out,
    )[1:]
    return called


def fail(conn: psycopg.Connection[Any]) -> UUID:
    """An event that was told and given up."""
    with transaction(conn):
        event = Event("payment.posted", new_id(), NOW, {"amount_minor": 5, "unit": "LOC"})
        outbox.tell(conn, town_id=1, events=[event])
        (claimed,) = outbox.claim(conn, most=1, each=1, busy={}, lease_seconds=60)
        outbox.finish(conn, [Outcome(claimed, took_ms=12, status=500, error="status")], at=NOW)
    return claimed.event_id


def test_webhook_from_its_first_secret_to_its_removal(koinon, conn):
    status, made = koinon(
        "webhook", "add", "https://shop.example/hook", "--events", "payment.posted, hold.placed", "--as", "anna"
    )
    assert (status, made["url"], made["kinds"]) == (0, "https://shop.example/hook", ["payment.posted", "hold.placed"])
    assert made["secret"].startswith("whsec_")
    webhook = made["id"]

    status, listed = koinon("webhook", "list")
    assert [one["id"] for one in listed["webhooks"]] == [webhook]
    assert made["secret"] not in json.dumps(listed)

    event = str(fail(conn))
    _, log = koinon("webhook", "log", webhook, "--failed")
    assert [(one["event_id"], one["state"], one["last_status"]) for one in log["deliveries"]] == [
        (event, "failed", 500)
    ]
    _, tries = koinon("webhook", "log", webhook, "--event", event)
    assert [(one["number"], one["took_ms"], one["error"]) for one in tries["attempts"]] == [(1, 12, "status")]

    assert koinon("webhook", "send-again", webhook, "--as", "anna")[1]["deliveries"] == 1
    assert koinon("webhook", "send-again", webhook, "--as", "anna")[1]["deliveries"] == 0
    _, log = koinon("webhook", "log", webhook)
    assert [one["state"] for one in log["deliveries"]] == ["due"]

    _, turned = koinon("webhook", "rotate", webhook, "--as", "anna")
    assert turned["secret"] not in ("", made["secret"])
    assert turned["two_secrets_until"] is not None

    changed = koinon(
        "webhook", "change", webhook, "--url", "https://new.example/", "--events", "hold.lapsed", "--as", "anna"
    )
    assert (changed[1]["url"], changed[1]["kinds"]) == ("https://new.example/", ["hold.lapsed"])

    assert koinon("webhook", "resume", webhook, "--as", "anna")[0] == 0
    assert koinon("webhook", "remove", webhook, "--as", "anna")[1]["removed"]
    status, refused = koinon("webhook", "log", webhook)
    assert (status, refused["refused"]["code"]) == (1, "outbox.endpoint-not-found")


def test_people_read_tables(koinon, conn):
    _, made = koinon("webhook", "add", "https://shop.example/", "--events", "payment.posted", "--as", "anna")
    event = str(fail(conn))
    assert "https://shop.example/" in koinon.told("webhook", "list")[1]
    assert event in koinon.told("webhook", "log", made["id"])[1]
    assert "12 ms" in koinon.told("webhook", "log", made["id"], "--event", event)[1]
    status, said = koinon.told("webhook", "rotate", made["id"], "--as", "anna", "--at-once")
    assert status == 0
    assert "shown only now: whsec_" in said


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["http://shop.example/", "--events", "payment.posted", "--as", "anna"], "outbox.address-refused"),
        (["https://10.0.0.1/", "--events", "payment.posted", "--as", "anna"], "outbox.address-refused"),
        (["https://shop.example/", "--events", "payment.dreamt", "--as", "anna"], "outbox.kind-unknown"),
        (["https://shop.example/", "--events", "payment.posted", "--as", "tess"], "cli.role-missing"),
        (["https://shop.example/", "--events", "payment.posted", "--as", "anna", "--party", str(new_id())], "parties.not-found"),
    ],
)  # fmt: skip
def test_what_cannot_be_added_is_refused(koinon, arguments, code):
    status, said = koinon("webhook", "add", *arguments)
    assert (status, said["refused"]["code"]) == (1, code)


def test_inner_address_is_added_where_the_installation_is_a_sandbox(koinon, monkeypatch):
    monkeypatch.setitem(os.environ, "KOINON_WEBHOOKS_INSIDE", "1")
    assert koinon("webhook", "add", "http://127.0.0.1:9/", "--events", "hold.lapsed", "--as", "anna")[0] == 0


def test_notice_is_added_listed_and_removed(koinon):
    status, made = koinon(
        "notice", "add", "--events", "redemption.paid", "--role", "treasurer", "--at-least", "1.234,50", "--as", "anna"
    )
    assert (status, made["role"], made["at_least_minor"]) == (0, "treasurer", 123450)
    assert [one["id"] for one in koinon("notice", "list")[1]["notices"]] == [made["id"]]
    assert "every treasurer" in koinon.told("notice", "list")[1]
    assert koinon("notice", "remove", made["id"], "--as", "anna")[0] == 0
    assert koinon("notice", "list")[1]["notices"] == []


def test_a_role_that_is_never_written_to_is_named(koinon, database, capsys):
    asked = ["notice", "add", "--events", "redemption.paid", "--role", "mayor", "--as", "anna"]
    assert run([*asked, "--database", database.app_url]) == 2
    assert "'mayor' is not officer" in capsys.readouterr().err


def test_notice_is_for_somebody(koinon, database):
    assert run(["notice", "add", "--events", "redemption.paid", "--as", "anna", "--database", database.app_url]) == 2


def test_every_command_of_the_guide_does_what_it_says(koinon, conn):
    guide = Path(__file__).parents[2] / "docs" / "guides" / "tell-people-and-programs.md"
    commands = re.findall(r"^\$ koinon (.*)$", guide.read_text(encoding="utf-8"), re.MULTILINE)
    town = str(conn.execute("SELECT party_id FROM parties_town").fetchone()[0])
    conn.commit()
    _, made = koinon("webhook", "add", "https://shop.example/", "--events", "payment.posted", "--as", "anna")
    event = str(fail(conn))
    meant = {"019ab3a4-...": made["id"], "019ab3a5-...": event, "...": town}

    done = [koinon(*(meant.get(word, word) for word in shlex.split(command)))[0] for command in commands]

    assert len(commands) == 10
    assert done == [0] * len(commands)

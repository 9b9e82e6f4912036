"""Signing in: limited, without telling who has an account, and out again."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from koinon.db.connections import Database
from tests.conftest import django_on
from tests.web.test_access import client_of
from tests.web.town import Lived


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


@pytest.fixture(autouse=True)
def nobody_has_tried_before() -> None:
    cache.clear()


def attempt(client: Client, user: str, password: str) -> tuple[int, str]:
    answer = client.post("/accounts/login/", {"login": user, "password": password})
    return answer.status_code, answer.content.decode()


def test_the_right_password_opens_the_own_first_page(site: Database, lived: Lived) -> None:
    client = Client()
    assert attempt(client, "demo-shop", lived.passwords["shop"])[0] == 302
    assert client.get("/home/").headers["Location"] == "/shop/"


def test_guessing_is_stopped_even_for_the_right_password(site: Database, lived: Lived) -> None:
    client = Client()
    for _try in range(5):
        assert attempt(client, "demo-treasurer", "a wrong password")[0] == 200
    status, text = attempt(client, "demo-treasurer", lived.passwords["treasurer"])
    assert status == 200
    assert "Too many failed login attempts" in text


def test_a_wrong_password_and_a_wrong_name_sound_the_same(site: Database) -> None:
    def complaint(user: str) -> str:
        text = attempt(Client(), user, "a wrong password")[1]
        return text.split('role="alert">')[1].split("</div>")[0]

    assert complaint("demo-auditor") == complaint("nobody-here")


def test_asking_for_a_new_password_tells_nobody_who_has_an_account(site: Database) -> None:
    answers = [
        Client().post("/accounts/password/reset/", {"email": mail}).headers.get("Location")
        for mail in ("shop@besos.example", "nobody@besos.example")
    ]
    assert answers[0] == answers[1] == "/accounts/password/reset/confirm/"


@pytest.mark.parametrize("page", ["/accounts/login/code/", "/accounts/password/reset/"])
def test_asking_for_a_code_looks_the_same_for_an_account_and_for_none(site: Database, page: str) -> None:
    def told(mail: str) -> tuple[str, str]:
        client = Client()
        onward = client.post(page, {"email": mail}).headers["Location"]
        shown = client.get(onward).content.decode().split("<main")[1].split("</main>")[0]
        return onward, re.sub(r'value="\w{64}"', "", shown.replace(mail, "…"))

    assert told("shop@besos.example") == told("nobody@besos.example")


def test_tries_at_once_are_counted_as_those_one_after_the_other(site: Database, lived: Lived) -> None:
    """Eight browsers, each on a connection of its own, as processes have: five tries and no sixth."""
    from django.contrib.auth.signals import user_login_failed
    from django.db import connections

    looked: list[str] = []

    def note(**_more: object) -> None:
        looked.append("wrong")

    def attempts() -> None:
        attempt(Client(), "demo-coordinator", "a wrong password")
        connections.close_all()

    user_login_failed.connect(note)
    try:
        threads = [threading.Thread(target=attempts) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        user_login_failed.disconnect(note)
    assert len(looked) <= 5
    status, text = attempt(Client(), "demo-coordinator", lived.passwords["coordinator"])
    assert (status, "Too many failed login attempts" in text) == (200, True)


@pytest.mark.parametrize("mail", ["resident@besos.example", "nobody@besos.example"])
@pytest.mark.parametrize("page", ["/accounts/login/code/", "/accounts/password/reset/"])
def test_a_mailed_code_is_guessed_three_times_by_however_many_requests_at_once(
    site: Database, monkeypatch: pytest.MonkeyPatch, page: str, mail: str
) -> None:
    """The session, which counts them one after the other, is read by all of them before one has written it."""
    from allauth.account import forms

    looked: list[str] = []
    monkeypatch.setattr(forms, "compare_user_code", lambda *, actual, expected: looked.append(actual))
    asker = Client()
    onward = asker.post(page, {"email": mail}).headers["Location"]
    guess_at_once(asker, onward)
    assert 1 <= len(looked) <= 3


def test_the_code_that_proves_an_address_is_guessed_three_times_by_however_many_requests_at_once(
    site: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from koinon.web.views import signing

    asker = client_of("resident")
    session = asker.session
    session["account_authentication_methods"] = [{"method": "password", "at": time.time(), "reauthenticated": True}]
    session.save()
    sent = asker.post("/account/address/", {"email": "somebody.else@besos.example"})
    assert sent.headers["Location"] == "/account/address/"
    looked: list[str] = []
    monkeypatch.setattr(signing, "_hashed", lambda code: looked.append(code) or "wrong")
    guess_at_once(asker, "/account/address/")
    assert 1 <= len(looked) <= 3


def guess_at_once(asker: Client, page: str) -> None:
    """Twelve requests of one browser, each with another code."""
    from django.db import connections

    together = threading.Barrier(12, timeout=60)

    def guess(number: int) -> None:
        client = Client()
        client.cookies = asker.cookies
        together.wait()
        client.post(page, {"code": f"{number:08d}"})
        connections.close_all()

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_asking_for_a_code_gives_the_same_work_for_an_account_and_for_none(
    site: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No letter is written while the browser waits; beside it one is for a stranger as well, who is sent nothing."""
    from django.core.mail import EmailMessage

    from koinon.web import accounts

    beside: list[Callable[[], None]] = []
    written: list[str] = []
    sent: list[str] = []
    here, really_sent, rendered = threading.get_ident(), EmailMessage.send, accounts.Adapter.render_mail

    def send(mail: EmailMessage) -> Any:
        if threading.get_ident() != here:  # A letter of the test before, which its thread has not posted yet.
            return really_sent(mail)
        return sent.append(mail.subject)

    def render(adapter: accounts.Adapter, *what: Any) -> Any:
        if threading.get_ident() == here:
            written.append(what[0])
        return rendered(adapter, *what)

    monkeypatch.setattr(accounts._posting, "submit", beside.append)
    monkeypatch.setattr(EmailMessage, "send", send)
    monkeypatch.setattr(accounts.Adapter, "render_mail", render)
    for page in ("/accounts/login/code/", "/accounts/password/reset/"):
        for mail in ("shop@besos.example", "nobody@besos.example"):
            Client().post(page, {"email": mail})
    assert (len(beside), written) == (4, [])
    for post in beside:
        post()
    assert len(written) == 4
    assert sent == ["Eix Besòs: Code to sign in", "Eix Besòs: Code for a new password"]


def test_signing_out_ends_the_session(site: Database) -> None:
    client = client_of("resident")
    assert client.get("/purse/").status_code == 200
    client.post("/accounts/logout/")
    assert client.get("/purse/").status_code == 302


def test_every_way_of_signing_out_takes_along_what_the_device_remembers(site: Database) -> None:
    """A resident may ask a phone to remember what it showed; whoever signs out leaves it to nobody."""
    import koinon.web

    unforgotten = []
    for file in (Path(koinon.web.__file__).parent / "templates").rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        forms = re.findall(r"<form [^>]*account_logout[^>]*>", text.replace('id="logout-from-stage"', "data-leaves"))
        if file.parent.name != "till" and not all("data-leaves" in form for form in forms):
            unforgotten.append(file.name)
        if "data-leaves" in text and "koinon/wallet/leave.js" not in text:
            unforgotten.append(file.name)
    assert unforgotten == []
    shown = client_of("resident").get("/accounts/logout/").content.decode()
    assert "data-leaves" in shown
    assert "leave" in shown.split("</main>")[1]


def test_the_language_of_the_account_is_kept(site: Database) -> None:
    client = client_of("approver")
    client.post("/language/", {"language": "el", "next": "/approvals/"})
    elsewhere = client_of("approver")
    assert '<html lang="el"' in elsewhere.get("/approvals/").content.decode()


@pytest.mark.parametrize("onward", ["https://elsewhere.example/", "//elsewhere.example/", "javascript:alert(1)"])
def test_choosing_a_language_leads_to_no_other_site(site: Database, onward: str) -> None:
    answer = Client().post("/language/", {"language": "el", "next": onward})
    assert answer.headers["Location"] == "/"


def test_a_form_without_its_token_is_refused(site: Database) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies.load(client_of("shop").cookies.output(header="", sep=";"))
    assert strict.post("/shop/payout/", {"amount": "20"}).status_code == 403

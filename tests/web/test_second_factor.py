"""Staff pages open to nobody who has shown one thing only, whichever way they signed in."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import URLPattern

from koinon.db.connections import Database
from koinon.parties import factors
from tests.conftest import VAR, django_on
from tests.web.signing import in_browser
from tests.web.test_access import address, ids, patterns
from tests.web.town import Lived

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


@pytest.fixture(autouse=True)
def nobody_has_tried_before(site: Database) -> None:
    cache.clear()


def newcomer(name: str) -> Any:
    """Somebody of the staff who has every role of it, a password, an address, and no second factor yet."""
    from koinon.parties.models import RoleGrant, Town, User
    from koinon.web.access import STAFF

    user, made = User.objects.get_or_create(username=name, email=f"{name}@besos.example")
    if made:
        user.set_password(PASSWORD)
        user.save()
        for role in STAFF:
            RoleGrant.objects.create(user=user, town=Town.objects.get(), role=role)
    return user


def by_password(name: str) -> Client:
    client = Client()
    answer = client.post("/accounts/login/", {"login": name, "password": PASSWORD})
    assert answer.status_code == 302
    return client


def code_mailed(after: float) -> str:
    """The code of the newest mail."""
    for _wait in range(1200):
        fresh = [file for file in (VAR / "mail").glob("*.log") if file.stat().st_mtime >= after]
        if fresh and (
            found := re.findall(r"^(\d{4}-\d{4})$", max(fresh, key=lambda f: f.stat().st_mtime_ns).read_text(), re.M)
        ):
            return str(found[-1])
        time.sleep(0.05)
    raise AssertionError("no mail came")


def by_mailed_code(name: str) -> Client:
    client, began = Client(), time.time()
    client.post("/accounts/login/code/", {"email": f"{name}@besos.example"})
    answer = client.post("/accounts/login/code/confirm/", {"code": code_mailed(began)})
    assert answer.status_code == 302
    return client


def by_reset_password(name: str) -> Client:
    client, began = Client(), time.time()
    client.post("/accounts/password/reset/", {"email": f"{name}@besos.example"})
    client.post("/accounts/password/reset/confirm/", {"code": code_mailed(began)})
    client.post("/accounts/password/reset/complete/", {"password1": PASSWORD, "password2": PASSWORD})
    answer = client.post("/accounts/login/", {"login": name, "password": PASSWORD})
    assert answer.status_code == 302
    return client


def by_provider(name: str) -> Client:
    """As the callback of a provider signs in; journeys/test_signing_in goes the whole way with a real one."""
    from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY

    from koinon.parties.models import User

    user = User.objects.get(username=name)
    client = in_browser(user, proven=False)
    session = client.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "socialaccount", "at": time.time(), "provider": "p"}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return client


def of_staff() -> list[URLPattern]:
    from koinon.web.access import STAFF

    return [one for one in patterns() if STAFF & set(getattr(one.callback, "seen_by", ()))]


WAYS: dict[str, Callable[[str], Client]] = {
    "password": by_password,
    "code by mail": by_mailed_code,
    "password reset": by_reset_password,
    "provider": by_provider,
}


@pytest.mark.parametrize("way", WAYS)
def test_no_page_of_the_staff_opens_to_one_factor(site: Database, way: str) -> None:
    user = newcomer("newcomer")
    client = WAYS[way](user.username)
    found = ids()
    opened = {}
    for pattern in of_staff():
        url = address(pattern, found)
        for asked in (client.get, client.post):
            answer = asked(url)
            if answer.status_code != 302 or not answer.headers["Location"].startswith("/account/second-factor/"):
                opened[url] = answer.status_code
    assert opened == {}


@pytest.mark.parametrize("way", ["password", "code by mail"])
def test_whoever_has_a_second_factor_is_asked_for_it_before_being_signed_in(site: Database, way: str) -> None:
    from allauth.mfa.models import Authenticator

    from koinon.parties.secrets import Secrets

    user = newcomer("settled")
    secret = factors.new_secret()
    kept = {"secret": factors.seal_secret(Secrets.load(), secret)}
    Authenticator.objects.update_or_create(user=user, type="totp", defaults={"data": kept})
    client = WAYS[way](user.username)
    assert client.get("/account/").status_code == 302
    assert client.get("/office/").headers["Location"].startswith("/accounts/login/")
    assert client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    code = factors.code_at(secret, datetime.now(UTC))
    assert client.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 302
    assert client.get("/office/").status_code == 200
    again = WAYS[way](user.username)
    assert "Incorrect code" in again.post("/accounts/2fa/authenticate/", {"code": code}).content.decode()


def test_a_colleagues_new_password_holds_once_the_second_thing_was_shown_too(site: Database) -> None:
    from allauth.mfa.models import Authenticator
    from django.db import transaction

    from koinon.parties import invitations
    from koinon.parties.connection import raw
    from koinon.parties.models import Invitation, Town, User
    from koinon.parties.secrets import Secrets

    user, chosen = newcomer("forgetful"), "the old bridge and four swallows"
    secret = factors.new_secret()
    Authenticator.objects.create(
        user=user, type="totp", data={"secret": factors.seal_secret(Secrets.load(), secret)}
    )  # fmt: skip
    with transaction.atomic():
        made = invitations.invite_colleague(
            raw(),
            town_id=Town.objects.get().pk,
            user_id=user.pk,
            secrets=Secrets.load(),
            actor="user:1",
            at=datetime.now(UTC),
        )

    def chooses() -> Client:
        client = Client()
        assert client.post("/invitation/", {"code": made.code}).headers["Location"] == "/invitation/open/"
        answer = client.post("/invitation/open/", {"password": chosen})
        assert answer.headers["Location"].startswith("/accounts/2fa/authenticate/")
        return client

    def stands() -> tuple[bool, bool]:
        """Whether the old password still holds, and whether the letter was used."""
        used = Invitation.objects.get(pk=made.id).used_by_id is not None
        return User.objects.get(pk=user.pk).check_password(PASSWORD), used

    first, second = chooses(), chooses()
    assert first.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert stands() == (True, False)
    at = datetime.now(UTC)
    first.post("/accounts/2fa/authenticate/", {"code": factors.code_at(secret, at)})
    assert stands() == (False, True)
    assert first.get("/office/").status_code == 200
    # Whoever typed the same code beside them has shown nothing else that counts, and is not signed in.
    late = second.post("/accounts/2fa/authenticate/", {"code": factors.code_at(secret, at, step=1)})
    assert late.headers["Location"] == "/invitation/"
    assert second.get("/account/").status_code == 302


def test_a_code_from_an_app_is_set_up_and_opens_the_pages_at_once(site: Database) -> None:
    user = newcomer("enroller")
    client = by_password(user.username)
    assert client.get("/office/").headers["Location"] == "/account/second-factor/?next=%2Foffice%2F"
    page = "/accounts/2fa/totp/activate/"
    client.post("/accounts/reauthenticate/?next=" + page, {"password": PASSWORD})
    client.get(page)
    secret = client.session["mfa.totp.secret"]
    done = client.post(page, {"code": factors.code_at(secret, datetime.now(UTC))})
    assert done.status_code == 302
    assert client.get("/office/").status_code == 200
    # The last one stays: without it, the next door would be closed.
    client.post("/accounts/2fa/totp/deactivate/")
    assert user.authenticator_set.filter(type="totp").count() == 1
    key = user.authenticator_set.create(type="webauthn", data={"name": "key"})
    user.authenticator_set.filter(type="totp").delete()
    client.post(f"/accounts/2fa/webauthn/keys/{key.pk}/remove/")
    assert list(user.authenticator_set.exclude(type="recovery_codes")) == [key]


def test_the_secret_of_an_app_is_sealed(site: Database) -> None:
    user = newcomer("sealed")
    client = by_password(user.username)
    page = "/accounts/2fa/totp/activate/"
    client.post("/accounts/reauthenticate/?next=" + page, {"password": PASSWORD})
    client.get(page)
    secret = client.session["mfa.totp.secret"]
    client.post(page, {"code": factors.code_at(secret, datetime.now(UTC))})
    assert secret not in str(user.authenticator_set.get(type="totp").data)


def test_a_resident_needs_no_second_factor(site: Database) -> None:
    from koinon.parties.models import User

    client = in_browser(User.objects.get(username="demo-resident"), proven=False)
    assert client.get("/purse/").status_code == 200


def test_staff_of_the_demonstration_are_shown_their_code_and_nobody_else_is(site: Database, lived: Lived) -> None:
    from koinon.parties.models import Town

    client = Client()
    client.post("/accounts/login/", {"login": "demo-auditor", "password": lived.passwords["auditor"]})
    shown = re.search(r'id="demonstrated">(\d{6})<', client.get("/accounts/2fa/authenticate/").content.decode())
    assert shown is not None
    client.post("/accounts/2fa/authenticate/", {"code": shown.group(1)})
    assert client.get("/audit/").status_code == 200

    real = Town.objects.get()
    until, real.demonstrated_until = real.demonstrated_until, None
    real.save()
    try:
        client = Client()
        client.post("/accounts/login/", {"login": "demo-auditor", "password": lived.passwords["auditor"]})
        assert "demonstrated" not in client.get("/accounts/2fa/authenticate/").content.decode()
    finally:
        real.demonstrated_until = until
        real.save()

"""Every way into an account: by letter, password, mailed code, provider and passkey; and what staff need on top."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from koinon.parties import factors
from koinon.parties.secrets import Secrets
from tests.conftest import VAR, serving
from tests.web import provider
from tests.web.browsing import DESK, PHONE, Reader, axe_findings, follow, reader, signed_in
from tests.web.signing import session_cookie
from tests.web.town import Lived, TownSite
from tests.web.walking import text_of

PASSWORD = "the olive tree behind our school"


@pytest.fixture(scope="module")
def town_site(lived: Lived, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TownSite]:
    """The town's site, with a provider that two people have accounts at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    named = {
        "KOINON_OIDC_ISSUER": f"http://127.0.0.1:{port}",
        "KOINON_OIDC_CLIENT": provider.CLIENT,
        "KOINON_OIDC_SECRET": provider.SECRET,
        "KOINON_OIDC_NAME": "Region",
    }
    os.environ.update(named)
    try:
        with lived.copy() as database, serving(database) as site:
            users = ["ines", "stranger"]
            with provider.running(tmp_path_factory.mktemp("provider"), port=port, site=site.url, users=users):
                yield TownSite(site, lived.passwords)
    finally:
        for name in named:
            del os.environ[name]


def party_of(site: TownSite, role: str) -> Any:
    import psycopg

    with psycopg.connect(site.site.database.app_url) as conn:
        sql = "SELECT party_id FROM parties_rolegrant WHERE role = %s LIMIT 1"
        row = conn.execute(sql, [role]).fetchone()
    assert row is not None
    return row[0]


def letter(browser: Browser, site: TownSite, role: str, folder: Path) -> str:
    """The code of a letter that the counter prints for a household or a shop."""
    officer = signed_in(browser, site, "officer")
    page = officer.open(f"/counter/people/{party_of(site, role)}/accounts/")
    assert axe_findings(page) == []
    with page.expect_download() as printed:
        page.click("text=Print a letter")
    printed.value.save_as(folder / "letter.pdf")
    officer.context.close()
    found = re.search(r"\b(?:[a-z2-9]{4}-){3}[a-z2-9]{4}\b", text_of("", (folder / "letter.pdf").read_bytes()))
    assert found is not None
    return found.group(0)


def mailed(after: float) -> str:
    """The code in the newest mail."""
    for _wait in range(1200):
        files = sorted((VAR / "mail").glob("*.log"), key=lambda file: file.stat().st_mtime_ns)
        if files and files[-1].stat().st_mtime >= after:
            found = re.findall(r"^(\d{4}-\d{4})$", files[-1].read_text(), re.MULTILINE)
            if found:
                return str(found[-1])
        time.sleep(0.05)
    raise AssertionError("no mail came")


def give_app(site: TownSite, username: str) -> str:
    """Somebody's app, as if it had been set up on an earlier day: its secret."""
    import psycopg

    secret = factors.new_secret()
    kept = {"secret": factors.seal_secret(Secrets.load(), secret)}
    with psycopg.connect(site.site.database.app_url) as conn:
        conn.execute(
            "INSERT INTO mfa_authenticator (user_id, type, data, created_at)"
            " SELECT id, 'totp', %s::jsonb, now() FROM parties_user WHERE username = %s",
            [json.dumps(kept), username],
        )
    return secret


def identities(site: TownSite, username: str) -> int:
    """How many identities at the provider open somebody's account."""
    import psycopg

    with psycopg.connect(site.site.database.app_url) as conn:
        sql = "SELECT count(*) FROM socialaccount_socialaccount AS s INNER JOIN parties_user AS u ON u.id = s.user_id WHERE u.username = %s"
        [found] = conn.execute(sql, [username]).fetchone() or [0]
    return int(found)


def sign_out(found: Reader) -> None:
    page = found.open("/account/")
    follow(page, "main form[action='/accounts/logout/'] button")


def title(page: Page) -> str:
    return page.locator("h1").inner_text()


def test_a_resident_opens_an_account_by_letter_and_gets_in_by_password_and_by_mail(
    browser: Browser, town_site: TownSite, tmp_path: Path
) -> None:
    code = letter(browser, town_site, "resident", tmp_path)
    ana = reader(browser, town_site, size=PHONE)

    # The picture of the letter leads here: its code is in the field, and nowhere in the address.
    page = ana.open(f"/invitation/#{code}")
    page.wait_for_function("document.querySelector('#id_code').value !== ''")
    assert page.url == f"{town_site.url}/invitation/"
    follow(page, "text=Go on")
    page.fill("#id_username", "ana")
    page.fill("#id_password", "password1234")
    follow(page, "main form button[type=submit]")
    assert "too common" in page.inner_text("main")
    page.fill("#id_password", PASSWORD)
    follow(page, "main form button[type=submit]")
    assert title(page) == "Your account is open"
    follow(page, "text=Add an e-mail address")
    began = time.time()
    page.fill("#id_email", "ana@mail.example")
    follow(page, "main form button[type=submit]")
    page.fill("#id_code", mailed(began))
    follow(page, "text=Confirm")
    assert "The address is yours" in page.inner_text("main")
    ana.open("/home/")
    assert page.url == f"{town_site.url}/purse/"
    assert ana.open("/office/").title().startswith("This page is not for you")

    # The letter was good once.
    other = reader(browser, town_site, size=PHONE)
    again = other.open("/invitation/")
    again.fill("#id_code", code.upper().replace("-", " "))
    follow(again, "text=Go on")
    assert "No invitation waits" in again.inner_text("main")

    # In another browser she has forgotten her password.
    other.open("/accounts/login/")
    follow(again, "text=Send me a code by e-mail")
    began = time.time()
    again.fill("#id_email", "ana@mail.example")
    follow(again, "text=Send the code")
    assert axe_findings(again) == []
    again.fill("#id_code", mailed(began))
    follow(again, "text=Confirm")
    assert again.url == f"{town_site.url}/purse/"

    # She sees both browsers, and ends the other one.
    page = ana.open("/account/sessions/")
    assert page.locator("main .moves li").count() == 2
    assert axe_findings(page) == []
    follow(page, "text=Sign out everywhere else")
    assert "/accounts/login/" in other.open("/purse/").url
    other.page.fill("#id_login", "ana")
    other.page.fill("#id_password", PASSWORD)
    follow(other.page, "main form button[type=submit]")
    assert other.page.url == f"{town_site.url}/purse/"
    for window in (ana, other):
        window.context.close()
        assert window.problems == []


def test_a_shop_is_bound_to_an_identity_at_the_provider_and_nobody_else_is(
    browser: Browser, town_site: TownSite, tmp_path: Path
) -> None:
    def at_the_provider(page: Page, name: str) -> None:
        page.fill("#id_login", name)
        page.fill("#id_password", provider.PASSWORD)
        follow(page, "form button[type=submit]")

    stranger = reader(browser, town_site)
    page = stranger.open("/accounts/login/")
    follow(page, "text=Sign in with Region")
    at_the_provider(page, "stranger")
    assert title(page) == "Nobody is known by this yet"
    assert axe_findings(page) == []
    stranger.context.close()

    ines = reader(browser, town_site)
    page = ines.open("/invitation/")
    page.fill("#id_code", letter(browser, town_site, "shop", tmp_path))
    follow(page, "text=Go on")
    assert axe_findings(page) == []
    follow(page, "text=Open it with Region")
    at_the_provider(page, "ines")
    assert title(page) == "Your account is open"
    ines.open("/home/")
    assert page.url == f"{town_site.url}/shop/"
    sign_out(ines)

    # From now on the provider is enough; it still knows her.
    page = ines.open("/accounts/login/?next=/shop/movements/")
    follow(page, "text=Sign in with Region")
    page.wait_for_url(f"{town_site.url}/**")
    assert page.url == f"{town_site.url}/shop/movements/"
    ines.context.close()

    # A colleague who has a second factor takes up an identity only once that was shown, too.
    officer = signed_in(browser, town_site, "officer", size=DESK)
    page = officer.open("/office/staff/new/")
    page.fill("#id_username", "rosa")
    page.select_option("#id_role", "auditor")
    follow(page, "text=Make the account")
    code, app = page.locator("#code").inner_text(), give_app(town_site, "rosa")
    rosa = reader(browser, town_site)
    page = rosa.open("/invitation/")
    page.fill("#id_code", code)
    follow(page, "text=Go on")
    follow(page, "text=Open it with Region")
    at_the_provider(page, "stranger")
    assert title(page) == "The second thing"
    assert identities(town_site, "rosa") == 0
    page.fill("#id_code", factors.code_at(app, datetime.now(UTC)))
    follow(page, "main form button[type=submit]")
    page.wait_for_url("**/account/opened/")
    assert identities(town_site, "rosa") == 1
    for window in (ines, stranger, officer, rosa):
        assert window.problems == []
    officer.context.close()
    rosa.context.close()


def test_a_colleague_gets_rights_by_two_people_and_in_by_a_passkey_alone(browser: Browser, town_site: TownSite) -> None:
    officer, approver = (signed_in(browser, town_site, role, size=DESK) for role in ("officer", "approver"))
    page = officer.open("/office/staff/new/")
    page.fill("#id_username", "tom")
    page.select_option("#id_role", "treasurer")
    follow(page, "text=Make the account")
    code = page.locator("#code").inner_text()
    assert "waits for an approver" in page.inner_text("main")
    page = approver.open("/office/staff/")
    assert axe_findings(page) == []
    follow(page, page.locator("main").get_by_role("button", name="Give tom"))
    assert "Given, from now on" in page.inner_text("main")

    tom = reader(browser, town_site)
    page = tom.open("/invitation/")
    devtools = tom.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
                "isUserVerified": True, "automaticPresenceSimulation": True,
            }
        },
    )  # fmt: skip
    page.fill("#id_code", code)
    follow(page, "text=Go on")
    page.fill("#id_password", PASSWORD)
    follow(page, "main form button[type=submit]")
    tom.open("/treasury/")
    assert title(page) == "A second thing to sign in with"
    assert axe_findings(page) == []
    follow(page, "text=Add a passkey")
    page.fill("#id_name", "work telephone")
    page.click("#mfa_webauthn_add")
    page.wait_for_url(lambda url: "/add/" not in url)
    assert title(tom.open("/treasury/")) == "Reserve"

    sign_out(tom)
    tom.open("/treasury/")
    page.click("#passkey_login")
    page.wait_for_url(lambda url: "/login/" not in url)
    assert title(page) == "Reserve"

    # A session that has shown one thing only opens nothing, and leads to the other.
    other = reader(browser, town_site)
    other.context.add_cookies([session_cookie(town_site.site.database, "tom", town_site.url, proven=False)])  # type: ignore[list-item]
    assert "/accounts/2fa/reauthenticate/" in other.open("/treasury/").url
    for window in (officer, approver, tom, other):
        window.context.close()
        assert window.problems == []

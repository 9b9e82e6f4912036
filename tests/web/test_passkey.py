"""A passkey, from adding it to signing in with it, in a browser that has an authenticator of its own."""

from __future__ import annotations

from playwright.sync_api import Browser

from tests.web.browsing import axe_findings, follow, signed_in
from tests.web.town import TownSite


def test_a_passkey_is_added_and_signs_in(browser: Browser, town_site: TownSite) -> None:
    found = signed_in(browser, town_site, "approver")
    page = found.page
    devtools = found.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    found.open("/accounts/2fa/webauthn/add/")
    if page.locator("#id_password").count():  # Whoever changes how one signs in proves once more who one is.
        page.fill("#id_password", town_site.passwords["approver"])
        follow(page, "main form button[type=submit]")
    assert axe_findings(page) == []
    page.fill("#id_name", "my telephone")
    page.check("#id_passwordless")
    page.click("#mfa_webauthn_add")
    page.wait_for_url(lambda url: "/add/" not in url)
    assert axe_findings(page) == []

    found.open("/account/")
    follow(page, "text=Sign out")
    found.open("/approvals/")
    page.click("#passkey_login")
    page.wait_for_url(lambda url: "/login/" not in url)
    assert page.locator("h1").inner_text() == "To approve"
    found.context.close()
    assert found.problems == []

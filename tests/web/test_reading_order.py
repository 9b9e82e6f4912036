"""What a screen reader says, in which order: read from the accessibility tree of the pages that most people use."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web.browsing import PHONE, signed_in
from tests.web.town import TownSite

FRAME = """
- link "Skip to the content"
- banner
- main
- contentinfo
"""
# Who opens which page, and what is said there one after the other.
FLOWS = {
    "signing in": (
        "public",
        "/accounts/login/",
        """
        - main:
          - heading "Sign in" [level=1]
          - textbox "User name or e-mail"
          - textbox "Password"
          - button "Sign in"
          - paragraph:
            - link "Forgotten your password or user name?"
        """,
    ),
    "what a resident has": (
        "resident",
        "/purse/",
        """
        - main:
          - heading "You have" [level=1]
          - paragraph: /[\\d.,]+ REC/
          - link "Pay"
          - region "Your money and until when":
            - heading "Your money and until when" [level=2]
            - article:
              - heading [level=3]
              - paragraph: /[\\d.,]+ REC/
              - paragraph: /until/
          - region "Last movements":
            - heading "Last movements" [level=2]
        """,
    ),
    "a sale": (
        "shop",
        "/till/",
        """
        - main:
          - region "New sale":
            - heading "New sale" [level=1]
            - paragraph:
              - status: /0\\.00 REC/
            - group "Digits"
            - button "Charge"
        """,
    ),
    "asking for euros": (
        "shop",
        "/shop/payout/",
        """
        - main:
          - heading "Pay out in euros" [level=1]
          - paragraph: In your till
          - paragraph: /[\\d.,]+ REC/
          - region "Ask to be paid out":
            - heading "Ask to be paid out" [level=2]
            - textbox "Amount to pay out"
            - button "Pay this out"
        """,
    ),
    "preparing a month": (
        "officer",
        "/office/",
        """
        - main:
          - heading "Programmes" [level=1]
          - region:
            - heading [level=2]
            - combobox "Month to prepare"
            - button "Prepare the month"
        """,
    ),
    "what a treasurer sees": (
        "treasurer",
        "/treasury/",
        """
        - main:
          - heading [level=1]
        """,
    ),
}
# On a phone what is read first stands first: nothing in the content jumps up the page. What is pinned is left out.
JUMPS = """
    [...document.querySelectorAll("main :is(h1, h2, h3, a[href], button, input:not([type=hidden]), select, textarea)")]
        .filter(e => e.checkVisibility() && !e.closest(".hidden-text, .scroll, .sheet, .leaflet-container, [inert]"))
        .map(e => [e.textContent.trim().slice(0, 40) || e.id, e.getBoundingClientRect()])
        .filter(([name, box], at, all) => at && box.bottom <= all[at - 1][1].top - 1)
        .map(([name]) => name)
"""


def said(page: Page) -> list[str]:
    """The roles of everything on the page, in the order in which they are read."""
    return re.findall(r"^\s*- \'?(?:/\w+:)?([a-z]+)", page.locator("main").aria_snapshot(), re.MULTILINE)


@pytest.mark.parametrize("flow", FLOWS)
def test_the_page_is_read_in_the_order_in_which_it_is_used(browser: Browser, town_site: TownSite, flow: str) -> None:
    role, path, expected = FLOWS[flow]
    found = signed_in(browser, town_site, role, size=PHONE)
    found.speak("en")
    page = found.open(path)
    expect(page.locator("body")).to_match_aria_snapshot(FRAME)
    expect(page.locator("body")).to_match_aria_snapshot(_dedented(expected))
    assert page.evaluate(JUMPS) == []
    in_english = said(page)
    found.speak("ar")
    in_arabic = found.open(path)
    assert said(in_arabic) == in_english  # From right to left is a matter of looks alone.
    assert in_arabic.evaluate(JUMPS) == []
    found.context.close()


def _dedented(text: str) -> str:
    lines = text.strip("\n").splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[indent:] for line in lines)

"""Pages in Chromium: signing in as a role, in a language, and looking at a page with axe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Browser, BrowserContext, Page

from tests.web.signing import session_cookie
from tests.web.town import TownSite

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
PAGES: dict[str, list[str]] = {
    "public": [
        "/", "/how/multiplier/", "/how/hidden-figures/", "/check/", "/accounts/login/", "/accounts/password/reset/",
        "/nothing-here/",
    ],
    "resident": ["/purse/", "/purse/movements/", "/purse/where/", "/account/", "/treasury/", "/contributions/", "/hours/", "/top-up/"],
    "shop": ["/shop/", "/shop/movements/", "/shop/payout/", "sale"],
    "officer": ["/campaigns/", "/campaigns/new/", "/counter/", "/counter/cards/", "/counter/complaints/", "/office/", "month", "/office/exceptions/", "/office/duplicates/", "/office/funds/", "fund", "/office/check-folder/", "/office/households/", "/office/organisations/", "/office/lists/"],
    "approver": ["/approvals/"],
    "treasurer": ["/treasury/top-ups/", "/treasury/", "/treasury/bank/", "/treasury/terms/", "/treasury/runs/", "run", "/bookkeeping/network/", "/bookkeeping/till/", "/bookkeeping/journal/", "/bookkeeping/year/", "/bookkeeping/statements/"],
    "coordinator": ["/activities/", "activity", "/activities/find/", "/time-banks/"],
    "auditor": ["/audit/", "/audit/seals/", "/audit/trail/"],
}  # fmt: skip
LINKS = {
    "sale": ("/shop/?day=", "main .moves a"),
    "month": ("/office/", "main td a, main th a"),
    "fund": ("/office/funds/", "main th a"),
    "run": ("/treasury/runs/", "main th a"),
    "activity": ("/activities/", "main .cards a"),
}


@dataclass(slots=True)
class Reader:
    """Somebody at a browser, with everything that went wrong in it."""

    context: BrowserContext
    page: Page
    site: TownSite
    problems: list[str]

    def open(self, path: str) -> Page:
        answer = self.page.goto(self.site.url + path)
        assert answer is not None
        return self.page

    def speak(self, language: str) -> None:
        self.context.add_cookies([{"name": "django_language", "value": language, "url": self.site.url}])


def reader(browser: Browser, site: TownSite, *, size: dict[str, int] = DESK, **options: Any) -> Reader:
    """A fresh browser window; whoever asks for it closes ``context``."""
    context = browser.new_context(
        viewport={"width": size["width"], "height": size["height"]}, reduced_motion="reduce", **options
    )
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    # A page that answers 403 or 404 is noted by the browser too; the test opened it on purpose.
    page.on(
        "console",
        lambda said: (
            problems.append(said.text)
            if said.type in ("error", "warning") and "Failed to load resource" not in said.text
            else None
        ),
    )
    return Reader(context, page, site, problems)


def signed_in(browser: Browser, site: TownSite, role: str, *, size: dict[str, int] = DESK) -> Reader:
    found = reader(browser, site, size=size)
    if role != "public":
        found.context.add_cookies([session_cookie(site.site.database, f"demo-{role}", site.url)])  # type: ignore[list-item]
    return found


def path_of(found: Reader, name: str) -> str:
    """A page's address; of a thing that has no fixed one, the first that its list links to."""
    if name.startswith("/"):
        return name
    start, selector = LINKS[name]
    if name == "sale":
        page = found.open("/shop/")
        page.locator("main table a").first.click()
    else:
        page = found.open(start)
    href = page.locator(selector).first.get_attribute("href")
    assert href is not None
    return href


def thin(page: Page) -> None:
    """Leave the first rows of each shape in every table and list: a hundred alike take axe a hundred times as long."""
    page.evaluate(
        """() => document.querySelectorAll("tbody, .moves").forEach(list => {
            const seen = {};
            for (const row of [...list.children]) {
                const shape = [row, ...row.querySelectorAll("*")].map(e => e.tagName + "." + e.className).join();
                seen[shape] = (seen[shape] || 0) + 1;
                if (seen[shape] > 3) row.remove();
            }
        })"""
    )


def axe_findings(page: Page, *rules: str) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA and its own best practices, each on one line."""
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(AXE)
    if rules:
        run_only = {"type": "rule", "values": list(rules)}
    else:
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        run_only = {"type": "tag", "values": tags}
    violations = page.evaluate(
        "options => axe.run(document, options).then(found => found.violations)",
        {"runOnly": run_only, "resultTypes": ["violations"]},
    )
    return [f"{violation['id']}: {node['html'][:160]}" for violation in violations for node in violation["nodes"][:3]]

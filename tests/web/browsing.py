"""Pages in Chromium: signing in as a role, in a language, and looking at a page with axe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import axe_playwright_python
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.conftest import PATIENCE_MILLISECONDS
from tests.web.signing import session_cookie
from tests.web.town import TownSite

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
PHONE = {"width": 390, "height": 844}
NARROW = {"width": 320, "height": 693}  # The narrowest that WCAG 2.2 asks for (1.4.10, reflow).
DESK = {"width": 1280, "height": 900}
LANGUAGES = ("en", "el", "es", "fr", "pt", "ar")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What a page's words and its direction can break; everything else is the same in all languages.
BY_LANGUAGE = [
    "document-title", "html-has-lang", "html-lang-valid", "html-xml-lang-mismatch", "valid-lang",
    "button-name", "link-name", "input-button-name", "select-name", "summary-name", "label", "label-title-only",
    "form-field-multiple-labels", "aria-command-name", "aria-input-field-name", "aria-toggle-field-name",
    "aria-dialog-name", "aria-meter-name", "aria-progressbar-name", "aria-valid-attr-value",
    "image-alt", "role-img-alt", "svg-img-alt", "empty-heading", "empty-table-header", "page-has-heading-one",
    "landmark-unique", "table-duplicate-name", "duplicate-id-aria", "scrollable-region-focusable",
]  # fmt: skip
THIN = """
    for (const list of document.querySelectorAll("tbody, .moves, .choices, select, datalist, .cards")) {
        const seen = {};
        for (const row of [...list.children]) {
            const shape = [row, ...row.querySelectorAll("*")].map(e => e.tagName + "." + e.className).join();
            seen[shape] = (seen[shape] || 0) + 1;
            if (seen[shape] > 3) row.remove();
        }
    }
"""
# Headings, names of fields and buttons that run over their edge or whose words are torn apart. An address or a code is no
# word and may be.
CUT = r"""
    const cut = () => {
        const torn = [], range = document.createRange();
        for (const heading of document.querySelectorAll("h1, h2, h3, h4, legend, caption, summary, dt, figcaption, th, .what, .button, label, .menu a, .menu button")) {
            if (!heading.checkVisibility()) continue;
            const frame = heading.matches("caption") && heading.closest(".scroll") || document.documentElement;
            const {left, right} = frame.getBoundingClientRect(), slides = heading.closest("tr, .chart") !== null;
            const words = document.createTreeWalker(heading, NodeFilter.SHOW_TEXT);
            while (words.nextNode()) {
                const text = words.currentNode;
                if (text.parentElement.closest(".hidden-text, .wide-only, .code")) continue;
                for (const {0: word, index} of text.data.matchAll(/(?<!\S)\p{P}*[\p{L}\p{M}]+\p{P}*(?!\S)/gu)) {
                    range.setStart(text, index);
                    range.setEnd(text, index + word.length);
                    const box = range.getBoundingClientRect(), lines = new Set();
                    for (const {top, width} of range.getClientRects()) if (width) lines.add(Math.round(top));
                    if (lines.size > 1) torn.push(`torn apart: ${word}`);
                    else if (!slides && (box.left < left - 1 || box.right > right + 1)) torn.push(`cut: ${word}`);
                }
            }
        }
        return torn;
    };
"""
# A page in one language after the other, in the window at hand: what axe finds and what runs over a phone's edge.
# In ``deep`` it looks for everything, and at contrast in light and in dark; in the others for what words can break.
LOOK = (
    """
    async ({path, languages, deep, tags, words}) => {
"""
    + CUT
    + """
        const TOUCHED = "button:not([disabled]), .button, .menu a, summary, select, main input:not([type=hidden])";
        const findings = [], told = found => found.violations.flatMap(
            broken => broken.nodes.slice(0, 3).map(node => `${broken.id}: ${node.html.slice(0, 160)}`));
        const look = options => axe.run(document, {resultTypes: ["violations"], ...options}).then(told);
        for (const language of languages) {
            document.cookie = `django_language=${language}; path=/; samesite=lax`;
            const answer = await fetch(path, {headers: {Accept: "text/html"}, redirect: "manual"});
            const kind = (answer.headers.get("Content-Type") || "").split(";")[0];
            if (kind !== "text/html" || answer.status === 405) return null;
            const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
            history.replaceState(null, "", path);
            document.replaceChild(document.adoptNode(parsed.documentElement), document.documentElement);
            await Promise.all([...document.querySelectorAll("link[rel=stylesheet]")].map(
                link => link.sheet || new Promise(loaded => link.onload = link.onerror = loaded)));
            await document.fonts.ready;
            const root = document.documentElement, found = [];
            if (root.lang !== language) found.push(`speaks ${root.lang}`);
            const wide = root.scrollWidth - window.innerWidth;
            if (wide > 0) found.push(`${wide} pixels run over the edge of a phone`);
            found.push(...cut());
            for (const inline of document.querySelectorAll("[style], style, script:not([src], [type$=json])"))
                found.push(`inline style or script: ${inline.outerHTML.slice(0, 80)}`);
"""
    + THIN
    + """
            for (const touched of document.querySelectorAll(TOUCHED)) {
                const hidden = !touched.matches("summary") && touched.closest("details:not([open])");
                // A box is touched with the line that it stands in.
                const box = /checkbox|radio/.test(touched.type) && touched.closest(".check, label") || touched;
                const {width, height} = box.getBoundingClientRect();
                if (height && (Math.round(height) < 44 || width < 24) && !hidden)
                    found.push(`${Math.round(width)} by ${Math.round(height)} pixels: ${touched.outerHTML.slice(0, 80)}`);
            }
            if (language === deep) {
                root.dataset.theme = "light";
                found.push(...await look({runOnly: {type: "tag", values: tags}}));
                root.dataset.theme = "dark";
                found.push(...await look({runOnly: {type: "rule", values: ["color-contrast"]}}));
            } else {
                found.push(...await look({runOnly: {type: "rule", values: words}}));
            }
            findings.push(...found.map(one => `${language}: ${one}`));
        }
        return {findings, alive: document.querySelector("script[src]") !== null};
    }
"""
)


@dataclass(slots=True)
class Reader:
    """Somebody at a browser, with everything that went wrong in it."""

    context: BrowserContext
    page: Page
    site: TownSite
    problems: list[str]

    def open(self, path: str) -> Page:
        """The page, once it stands: the till and the phone show nothing before their script knows which view."""
        answer = self.page.goto(self.site.url + path)
        assert answer is not None
        if self.page.locator(".app-view").count():
            expect(self.page.locator(".app-view:not([hidden])")).not_to_have_count(0)
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


def follow(page: Page, leads: str | Locator) -> None:
    """Click on what leads to another page, which has come when this returns.

    A click alone may return while the page at hand is still the one before: what is looked at, typed into or opened next
    would be looked for there, or would end the request that the click began.
    """
    with page.expect_navigation(timeout=PATIENCE_MILLISECONDS):
        if isinstance(leads, str):
            page.click(leads)
        else:
            leads.click()


def window_for_axe(found: Reader) -> Page:
    """A second window of the reader's in which pages are looked at one after the other, with axe loaded once."""
    page = found.context.new_page()
    page.goto(found.site.url + "/healthz")
    page.evaluate(AXE)
    return page


@dataclass(frozen=True, slots=True)
class Looked:
    """What is wrong with a page, and whether it runs a script."""

    findings: list[str]
    alive: bool


def look(window: Page, path: str, languages: tuple[str, ...] = LANGUAGES) -> Looked | None:
    """What is wrong with a page in these languages and both themes; nothing for what is no page to look at."""
    deep = deep_language(path) if languages == LANGUAGES else languages[0]
    asked = {"path": path, "languages": languages, "deep": deep, "tags": TAGS, "words": BY_LANGUAGE}
    found = window.evaluate(LOOK, asked)
    return Looked(**found) if found else None


def deep_language(path: str) -> str:
    """The language in which a page is looked at most closely: another one from page to page, the same each time."""
    return LANGUAGES[crc32(re.sub(r"[0-9a-f-]{36}", "", path).encode()) % len(LANGUAGES)]


def thin(page: Page) -> None:
    """Leave the first rows of each shape in every table and list: a hundred alike take axe a hundred times as long."""
    page.evaluate("() => {" + THIN + "}")


def axe_findings(page: Page, *rules: str) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA and its own best practices, each on one line."""
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(AXE)
    run_only = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": TAGS}
    violations = page.evaluate(
        "options => axe.run(document, options).then(found => found.violations)",
        {"runOnly": run_only, "resultTypes": ["violations"]},
    )
    return [f"{violation['id']}: {node['html'][:160]}" for violation in violations for node in violation["nodes"][:3]]

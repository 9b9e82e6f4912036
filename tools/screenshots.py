"""Take the documentation's pictures from a running demonstration.

    koinon serve --port 8000          # in another window, after `make demo`
    python tools/screenshots.py http://localhost:8000 var

Signs in with the demonstration's passwords and writes docs/images/*.png, each of
them one screen in Debian's Chromium. Looks only; changes nothing.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, StorageState, sync_playwright

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
PHONE, DESK = (390, 844), (1280, 860)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as somebody sees it; only ``part`` of it where that is given."""

    name: str
    role: str
    path: str
    language: str
    size: tuple[int, int]
    theme: str = "light"
    follow: str = ""
    part: str = ""


PICTURES = [
    Picture("town-page", "", "/", "en", DESK),
    Picture("town-page-greek-phone", "", "/", "el", PHONE),
    Picture("town-page-arabic-dark", "", "/", "ar", DESK, "dark"),
    Picture("purse-greek-phone", "resident", "/purse/", "el", PHONE),
    Picture("purse-arabic-phone-dark", "resident", "/purse/", "ar", PHONE, "dark"),
    Picture("where-to-spend-arabic-phone", "resident", "/purse/where/", "ar", PHONE),
    Picture("shop-day-greek-phone", "shop", "/shop/", "el", PHONE),
    Picture("shop-payout-phone", "shop", "/shop/payout/", "en", PHONE),
    Picture("programmes", "officer", "/office/", "en", DESK),
    Picture("month-arabic", "officer", "/office/", "ar", DESK, follow="main th a"),
    Picture("reserve-greek", "treasurer", "/treasury/", "el", DESK),
    Picture("month-way", "", "/", "en", DESK, part="figure.sankey"),
    Picture("month-way-arabic-dark", "", "/", "ar", DESK, "dark", part="figure.sankey"),
    Picture("month-map-greek", "", "/", "el", DESK, part="figure.zones"),
    Picture("every-unit", "officer", "/impact/", "en", DESK),
    Picture("suppliers-greek-phone", "shop", "/shop/suppliers/", "el", PHONE),
    Picture("books-dark", "auditor", "/audit/", "en", DESK, "dark"),
]


def take(browser: Browser, site: str, passwords: dict[str, str]) -> None:
    states: dict[str, StorageState] = {}
    for role in sorted({picture.role for picture in PICTURES}):
        context = browser.new_context()
        page = context.new_page()
        if role:
            page.goto(f"{site}/accounts/login/")
            page.fill("#id_login", f"demo-{role}")
            page.fill("#id_password", passwords[role])
            page.click("main form button[type=submit]")
            shown = page.locator("#demonstrated")
            if shown.count():
                page.fill("#id_code", shown.inner_text())
                page.click("main form button[type=submit]")
        states[role] = context.storage_state()
        context.close()
    for picture in PICTURES:
        width, height = picture.size
        context = browser.new_context(
            storage_state=states[picture.role],
            viewport={"width": width, "height": height},
            color_scheme="dark" if picture.theme == "dark" else "light",
            reduced_motion="reduce",
        )
        context.add_cookies([{"name": "django_language", "value": picture.language, "url": site}])
        page = context.new_page()
        page.goto(site + picture.path)
        if picture.follow:
            page.locator(picture.follow).first.click()
        page.evaluate("document.fonts.ready")
        target = IMAGES / f"{picture.name}.png"
        if picture.part:
            page.locator(picture.part).screenshot(path=target)
        else:
            page.screenshot(path=target)
        print(f"{target.name}: {target.stat().st_size // 1000} kB")
        context.close()


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    site, var = sys.argv[1].rstrip("/"), Path(sys.argv[2])
    kept = json.loads(next(var.rglob("sign-in.json")).read_text())
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        take(browser, site, {row["role"]: row["password"] for row in kept["sign_in"]})
        browser.close()


if __name__ == "__main__":
    main()

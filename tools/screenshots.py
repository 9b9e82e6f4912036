"""Take the documentation's pictures from a running demonstration.

    koinon serve --port 8000          # in another window, after `make demo`
    python tools/screenshots.py http://localhost:8000 var

Signs in with the demonstration's passwords, traces the researchers' tutorial and writes docs/images/*.png, each of
them one screen in Debian's Chromium, in as few colours as the eye needs. Looks only; changes nothing. A third
argument takes the pictures whose names it is part of.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, StorageState, sync_playwright

DOCS = Path(__file__).resolve().parent.parent / "docs"
IMAGES = DOCS / "images"
TUTORIAL = DOCS / "guides" / "researchers-tutorial"
# As the tutorial has it.
TRACE = (
    "--column time=timestamp --column source=payer --column target=payee --column amount=value --issuers town "
    "--redeemers bank --expiry lapsed --accounts accounts.csv --unit euros"
)
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


def take(browser: Browser, site: str, passwords: dict[str, str], named: str = "") -> None:
    pictures = [picture for picture in PICTURES if named in picture.name]
    states: dict[str, StorageState] = {}
    for role in sorted({picture.role for picture in pictures}):
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
    for picture in pictures:
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
        smaller(target)
        context.close()


def take_trace(browser: Browser) -> None:
    """The top of the report that the researchers' tutorial makes."""
    target = IMAGES / "trace-report.png"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "koinon", "impact", "trace", "transfers.csv", *TRACE.split(), "--out", folder]
        subprocess.run(command, cwd=TUTORIAL, check=True)
        page = browser.new_page(viewport={"width": DESK[0], "height": 1640})
        page.goto(f"file://{folder}/report.html")
        page.screenshot(path=target)
        page.close()
    smaller(target)


def smaller(target: Path) -> None:
    """The same picture in 128 colours: pages have few, and half the bytes."""
    with Image.open(target) as picture:
        few = picture.convert("RGB").quantize(128, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(target, optimize=True)
    print(f"{target.name}: {target.stat().st_size // 1000} kB")


def main() -> None:
    if len(sys.argv) not in (3, 4):
        raise SystemExit(__doc__)
    site, var = sys.argv[1].rstrip("/"), Path(sys.argv[2])
    kept = json.loads(next(var.rglob("sign-in.json")).read_text())
    named = sys.argv[3] if len(sys.argv) == 4 else ""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        take(browser, site, {row["role"]: row["password"] for row in kept["sign_in"]}, named)
        if named in "trace-report":
            take_trace(browser)
        browser.close()


if __name__ == "__main__":
    main()

"""``koinon bench till``: how long a purchase keeps a queue waiting, and how much a till loads, in a real browser.

A small town on a durable server of the command's own, the site in a process of its own, and Chromium as a phone. Each charge
is driven inside the page, without a pause: charge, card, PIN, paid. What is left is what the machine takes: the server's answers
as the browser sees them, and the page's own work. A person's own time is not in it, and neither is a network's.
"""

from __future__ import annotations

import os
import secrets as chance
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from koinon.bench import books, machine, server, town
from koinon.bench.errors import BrowserMissing
from koinon.bench.figures import median
from koinon.bench.town import Town
from koinon.db.connections import Database, connect
from koinon.db.statements import scalar, statement
from koinon.db.transactions import transaction
from koinon.instruments import operations as instruments
from koinon.instruments import pins
from koinon.kernel.identifiers import new_id
from koinon.parties import operations as parties
from koinon.parties.passwords import new_password
from koinon.parties.secrets import Secrets

WANTED_MS, WANTED_BYTES = 300.0, 200_000
HOUSEHOLDS, SHOPS = 40, 4
PIN, USER, PHONE = "471930", "bench-shop", {"width": 390, "height": 844}
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_SERVE = (
    "from koinon.server.site import bind, serve\n"
    "serve(listening=bind('127.0.0.1', 0), on_ready=lambda address: print(address, flush=True))\n"
)

# One charge from the tap to "paid", by the page itself; the answer says when each part began and ended.
_CHARGE = """async (told) => {
  const at = (id) => document.getElementById(id);
  const seen = (test) => new Promise((resolve) => {
    const look = () => (test() ? resolve() : undefined);
    const watching = new MutationObserver(() => test() && (watching.disconnect(), resolve()));
    watching.observe(document.body, { subtree: true, attributes: true, childList: true, characterData: true });
    if (test()) { watching.disconnect(); resolve(); }
  });
  for (const digit of told.digits) document.querySelector(`#keys [data-digit="${digit}"]`).click();
  performance.clearResourceTimings();
  const began = performance.now();
  at("charge").click();
  at("number").value = told.card;
  at("type-card").requestSubmit();
  await seen(() => !at("view-payer").hidden && !at("payer-pin").hidden && at("payer-busy").textContent === "");
  for (const digit of told.pin) document.querySelector(`#pin-keys [data-digit="${digit}"]`).click();
  at("confirm").requestSubmit();
  await seen(() => !at("view-done").hidden || !at("view-refused").hidden);
  const ended = performance.now();
  const asked = {};
  for (const one of performance.getEntriesByType("resource")) {
    const path = new URL(one.name).pathname;
    if (path === "/till/card/" || path === "/till/pay/") asked[path] = one.responseEnd - one.requestStart;
  }
  const paid = !at("view-done").hidden;
  at("next").click();
  return { paid, whole: ended - began, card: asked["/till/card/"], pay: asked["/till/pay/"] };
}"""


@dataclass(frozen=True, slots=True)
class Asked:
    """How many charges to measure, after so many that warm the server up."""

    charges: int = 60
    warm_up: int = 10


def measure(
    asked: Asked, *, root: Path, prepare: Callable[[Database], int], say: Callable[[str], None]
) -> dict[str, Any]:
    """The document that the command prints. Raises ``BrowserMissing``, ``NotDurable`` and ``BooksBroken``."""
    chromium = _chromium()
    variable = Path(tempfile.mkdtemp(prefix="bench-till-"))
    try:
        with server.running(root) as running, _keeping(variable):
            document: dict[str, Any] = {
                "measured_at": datetime.now(UTC),
                "asked": {"charges": asked.charges, "warm_up_charges": asked.warm_up, "wallets": HOUSEHOLDS},
                "machine": machine.machine(running.data),
                "settings": running.settings(),
            }
            say("a small town, its shop and its card")
            books.make_base(running, prepare)
            found = town.make_template(running, books.BASE, households=HOUSEHOLDS, shops=SHOPS)
            database = running.database(town.TEMPLATE)
            password, card = _ready(database, found)
            with _serving(database, variable) as address:
                say(f"{asked.charges} charges in Chromium")
                document |= _in_the_browser(chromium, address, password, card, asked)
            say("every invariant")
            document["checked"] = books.check(database, workload="till", expected_rows=None)
            document["targets"] = _targets(document)
        return document
    finally:
        shutil.rmtree(variable, ignore_errors=True)


def _targets(document: dict[str, Any]) -> list[dict[str, Any]]:
    wanted = [
        ("charge to paid, server and script, median ms", WANTED_MS, document["charge"]["machine_ms"]),
        ("first load of the till, bytes", WANTED_BYTES, document["first_load"]["bytes"]),
    ]
    return [
        {"name": name, "wanted": f"< {limit:,g}", "found": found, "met": found < limit} for name, limit, found in wanted
    ]


def _chromium() -> str:
    try:
        import playwright.sync_api  # noqa: F401
    except ModuleNotFoundError:
        raise BrowserMissing(what="playwright (make setup-test brings it)") from None
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise BrowserMissing(what="Chromium")
    return found


@contextmanager
def _keeping(variable: Path) -> Iterator[None]:
    """Keys of the measurement's own, in a folder that is removed with it."""
    before = os.environ.get("KOINON_VAR")
    os.environ["KOINON_VAR"] = str(variable)
    try:
        yield
    finally:
        if before is None:
            del os.environ["KOINON_VAR"]
        else:
            os.environ["KOINON_VAR"] = before


def _ready(database: Database, found: Town) -> tuple[str, str]:
    """Somebody who signs in for the first shop, and a household's card: the password, and the card's number."""
    from django.contrib.auth.hashers import make_password

    password, now, secrets = new_password(), datetime.now(UTC), Secrets.load()
    how: dict[str, Any] = {"town_id": found.id, "actor": town.OFFICER, "at": now}
    with connect(database.owner_url, application_name="koinon bench") as conn, transaction(conn):
        user = scalar(conn, statement("koinon.bench", "add_user"), name=USER, password=make_password(password), at=now)
        parties.grant_role(conn, user_id=user, role="shop", party_id=found.shops[0], **how)
        [card] = instruments.make_cards(conn, count=1, idempotency_key=str(new_id()), secrets=secrets, **how)
        instruments.hand_over(conn, card_id=card.id, party=found.households[0], **how)
        pins.set_pin(conn, card_id=card.id, pin=PIN, secrets=secrets, **how)
    return password, card.number


@contextmanager
def _serving(database: Database, variable: Path) -> Iterator[str]:
    environment = {**os.environ, "KOINON_DATABASE_URL": database.app_url, "KOINON_VAR": str(variable)}
    with (variable / "site.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVE], stdout=subprocess.PIPE, stderr=log, env=environment, text=True
        )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip().rstrip("/")
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _in_the_browser(chromium: str, address: str, password: str, card: str, asked: Asked) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        # The worker keeps copies of what the page has loaded; it is left out so that nothing is counted twice.
        context = browser.new_context(viewport=PHONE, service_workers="block")  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(f"{address}/accounts/login/")
        page.fill("#id_login", USER)
        page.fill("#id_password", password)
        page.click("main form button[type=submit]")
        loaded = _first_load(context.new_page(), address, context)
        page.goto(f"{address}/till/")
        page.wait_for_selector("html[data-till=ready]")
        watching = context.new_cdp_session(page)
        watching.send("Performance.enable")
        told = {"card": card, "pin": PIN, "digits": ""}
        found = []
        for number in range(asked.warm_up + asked.charges):
            told["digits"] = str(100 + chance.randbelow(400))
            before = _worked(watching)
            one = page.evaluate(_CHARGE, told)
            assert one["paid"], "every charge of the measurement is paid"
            if number >= asked.warm_up:
                found.append({**one, "script": (_worked(watching) - before) * 1000})
        browser.close()
    return {"charge": _said(found), "first_load": loaded}


def _worked(session: Any) -> float:
    """Seconds that the page's main thread has worked: scripts, styles, layout."""
    told = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return float(told["TaskDuration"])


def _first_load(page: Any, address: str, context: Any) -> dict[str, Any]:
    """What travels when the till is opened for the first time, the code reader included, as it is compressed."""
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    names: dict[str, str] = {}
    sizes: dict[str, int] = {}
    session.on("Network.responseReceived", lambda got: names.__setitem__(got["requestId"], got["response"]["url"]))
    session.on(
        "Network.loadingFinished", lambda got: sizes.__setitem__(got["requestId"], int(got["encodedDataLength"]))
    )
    page.goto(f"{address}/till/")
    page.wait_for_selector("html[data-till=ready]")
    page.wait_for_load_state("networkidle")
    files: dict[str, int] = {}
    for request, size in sizes.items():
        path = names.get(request, "").removeprefix(address)
        files[path] = files.get(path, 0) + size
    page.close()
    by_size = sorted(files.items(), key=lambda pair: -pair[1])
    return {
        "bytes": sum(files.values()),
        "requests": len(files),
        "files": [{"path": p, "bytes": b} for p, b in by_size],
    }


def _said(found: list[dict[str, Any]]) -> dict[str, Any]:
    def middle(name: str) -> float:
        return round(median([one[name] for one in found]), 1)

    machine_ms = [one["card"] + one["pay"] + one["script"] for one in found]
    return {
        "charges": len(found),
        "machine_ms": round(median(machine_ms), 1),
        "machine_p95_ms": round(sorted(machine_ms)[int(len(machine_ms) * 0.95)], 1),
        "card_ms": middle("card"),
        "pay_ms": middle("pay"),
        "script_ms": middle("script"),
        "tap_to_paid_ms": middle("whole"),
    }

"""Measure what pages weigh and cost in Chromium, and say which are over their budget.

    koinon serve --port 8000          # in another window, after `make demo`
    python tools/budgets.py http://localhost:8000 [--json]

Without signing in it measures the pages that anybody may see; the tests measure
the others as well. The budgets are data: tools/budgets.toml.
"""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

BUDGETS = Path(__file__).resolve().with_name("budgets.toml")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
PHONE = {"width": 390, "height": 844}
LANGUAGE = "ar"
WATCH = """
    window.shifted = 0;
    new PerformanceObserver(list => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
    }).observe({type: "layout-shift", buffered: true});
"""
AT_REST = "document.fonts.ready.then(() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 150))))"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a page weighs and costs, or may at most."""

    weight_kb: float
    requests: int
    layout_shift: float
    main_thread_ms: float

    def over(self, most: Cost) -> list[str]:
        """Everything that is more than allowed, in words."""
        return [
            f"{name} {getattr(self, name):g}, at most {getattr(most, name):g}"
            for name in (field.name for field in fields(self))
            if getattr(self, name) > getattr(most, name)
        ]


@dataclass(frozen=True, slots=True)
class Budget:
    """A page, as whom it is opened, and what it may cost."""

    path: str
    role: str
    most: Cost


def budgets() -> list[Budget]:
    read = tomllib.loads(BUDGETS.read_text(encoding="utf-8"))
    found = []
    for page in read["pages"]:
        path, role = page.pop("path"), page.pop("role")
        found.append(Budget(path, role, Cost(**{**read["usual"], **page})))
    return found


def measure(browser: Browser, site: str, path: str, cookies: Sequence[Any] = ()) -> Cost:
    """The cost of a page's first visit, in a window that has seen nothing before."""
    context = browser.new_context(viewport={"width": PHONE["width"], "height": PHONE["height"]})
    try:
        context.add_cookies([{"name": "django_language", "value": LANGUAGE, "url": site}, *cookies])
        context.add_init_script(WATCH)
        page = context.new_page()
        wire = context.new_cdp_session(page)
        asked: set[str] = set()
        came: list[float] = []
        wire.on("Network.requestWillBeSent", lambda sent: asked.add(sent["request"]["url"]))
        wire.on("Network.loadingFinished", lambda done: came.append(done["encodedDataLength"]))
        wire.send("Network.enable")
        wire.send("Performance.enable", {"timeDomain": "threadTicks"})  # Its own time, whatever else the machine does.
        answer = page.goto(site + path)
        assert answer is not None
        assert answer.status == 200, f"{path} answered {answer.status}"
        page.evaluate(AT_REST)
        metrics = {one["name"]: one["value"] for one in wire.send("Performance.getMetrics")["metrics"]}
        return Cost(
            weight_kb=round(sum(came) / 1000, 1),
            requests=len([url for url in asked if url.startswith("http")]),
            layout_shift=round(page.evaluate("window.shifted"), 3),
            main_thread_ms=round(metrics["TaskDuration"] * 1000),
        )
    finally:
        context.close()


def main(arguments: Sequence[str]) -> int:
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    site = arguments[0].rstrip("/")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        found = [(one, measure(browser, site, one.path)) for one in budgets() if one.role == "public"]
        browser.close()
    if "--json" in arguments:
        rows = [{"path": one.path, **asdict(cost), "over": cost.over(one.most)} for one, cost in found]
        print(json.dumps(rows, indent=2))
    else:
        for one, cost in found:
            verdict = "; ".join(cost.over(one.most)) or "within its budget"
            print(
                f"{one.path:24} {cost.weight_kb:7.1f} kB {cost.requests:3d} requests"
                f" {cost.layout_shift:6.3f} shift {cost.main_thread_ms:5.0f} ms  {verdict}"
            )
    return 1 if any(cost.over(one.most) for one, cost in found) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

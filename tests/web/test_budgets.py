"""Pages stay light: weight, requests, layout shift and main-thread time, each within tools/budgets.toml."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from playwright.sync_api import Browser

from tests.web.signing import session_cookie
from tests.web.town import ROLES, TownSite


def tool() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "tools" / "budgets.py"
    spec = importlib.util.spec_from_file_location("budgets_tool", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # Where dataclasses look for the module's names.
    spec.loader.exec_module(module)
    return module


def test_every_page_keeps_within_its_budget(browser: Browser, town_site: TownSite) -> None:
    budgets = tool()
    cookies = {role: [session_cookie(town_site.site.database, f"demo-{role}", town_site.url)] for role in ROLES}
    over = {}
    for one in budgets.budgets():
        cost = budgets.measure(browser, town_site.url, one.path, cookies.get(one.role, []))
        over[one.path] = cost.over(one.most)
    assert over
    assert {path: found for path, found in over.items() if found} == {}


def test_a_page_over_its_budget_is_named_with_each_figure() -> None:
    cost = tool().Cost
    assert cost(300.5, 4, 0.2, 10).over(cost(200, 5, 0.1, 600)) == [
        "weight_kb 300.5, at most 200",
        "layout_shift 0.2, at most 0.1",
    ]

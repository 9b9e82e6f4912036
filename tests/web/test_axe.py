"""Every page there is, in six languages, in light and in dark, on a phone: axe finds nothing and nothing runs over.

The pages come from the addresses themselves, so that one added tomorrow is looked at tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse
from playwright.sync_api import Browser

from tests.conftest import django_on
from tests.web import test_access as addresses
from tests.web.browsing import CUT, NARROW, axe_findings, deep_language, look, signed_in, window_for_axe
from tests.web.town import ROLES, TownSite

MORE = {"public": ["/nothing-here/"]}


@pytest.fixture(scope="module")
def ids(town_site: TownSite) -> Iterator[dict[str, Any]]:
    with django_on(town_site.site.database):
        yield addresses.ids()


def pages_of(role: str, ids: dict[str, Any]) -> list[str]:
    """The addresses that are looked at as this role: each as the first of those who may see it."""
    if role == "shop":
        ids = {**ids, "topup": ids["own topup"]}
    if role == "resident":
        ids = {**ids, "payment": ids["own payment"]}
    own = []
    for pattern in addresses.patterns():
        seen_by = getattr(pattern.callback, "seen_by", ("resident",))
        if (seen_by[0] if seen_by else "public") == role:
            own.append(addresses.address(pattern, ids))
    return own + MORE.get(role, []) + (of_accounts() if role in ("public", "resident", "officer") else [])


def of_accounts() -> list[str]:
    """The pages about signing in that need no argument."""
    found = []

    def walk(patterns: list[URLPattern | URLResolver]) -> None:
        for one in patterns:
            if isinstance(one, URLResolver):
                walk(one.url_patterns)
            elif one.name and (one.callback.__module__ or "").startswith("allauth"):
                try:
                    found.append(reverse(one.name))
                except NoReverseMatch:
                    continue

    walk(get_resolver().url_patterns)
    return sorted({path for path in found if "logout" not in path})


@pytest.mark.parametrize("role", ["public", *ROLES])
def test_nothing_is_wrong_with_any_page(browser: Browser, town_site: TownSite, ids: dict[str, Any], role: str) -> None:
    found = signed_in(browser, town_site, role, size=NARROW)
    window = window_for_axe(found)
    wrong: dict[str, list[str]] = {}
    for path in pages_of(role, ids):
        looked = look(window, path)
        if looked is None:
            continue
        wrong[path] = looked.findings
        if looked.alive:  # Once more as it is after its scripts have run.
            found.speak(deep_language(path))
            wrong[path] += axe_findings(found.open(path))
    found.context.close()
    assert {path: findings for path, findings in wrong.items() if findings} == {}
    assert len(wrong) > 1
    assert found.problems == []


def test_a_heading_that_is_cut_or_torn_is_found(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": NARROW["width"], "height": NARROW["height"]})
    page.set_content(
        "<h2 style='inline-size: 40px; overflow-wrap: anywhere'>Neighbourhoods example.org/neighbourhoods</h2>"
        "<div class=scroll style='overflow-x: auto'><table><caption style='white-space: nowrap'>"
        "What shops received, by neighbourhood and by month</caption><tr><th>Here<td>1</table></div>"
    )
    found = page.evaluate("() => {" + CUT + " return cut() }")
    page.close()
    assert (found[0], found[-1]) == ("torn apart: Neighbourhoods", "cut: month")

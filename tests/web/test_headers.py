"""What every answer carries, and what it does not."""

from __future__ import annotations

import json
import urllib.request
from http.client import HTTPResponse
from typing import cast

import pytest

from tests.web.town import TownSite

PUBLIC = ["/", "/how/multiplier/", "/check/", "/accounts/login/", "/accounts/password/reset/", "/nothing-here/"]


def get(url: str, **headers: str) -> HTTPResponse:
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        return cast(HTTPResponse, urllib.request.urlopen(request, timeout=20))
    except urllib.error.HTTPError as answered:
        return cast(HTTPResponse, answered)


@pytest.mark.parametrize("path", PUBLIC)
def test_the_policy_is_strict_and_has_no_exceptions(town_site: TownSite, path: str) -> None:
    headers = get(town_site.url + path).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/", "/how/velocity/", "/check/"])
def test_who_only_reads_gets_no_cookie(town_site: TownSite, path: str) -> None:
    assert get(town_site.url + path).headers.get_all("Set-Cookie") is None


@pytest.mark.parametrize("path", PUBLIC)
def test_pages_hold_no_inline_script_style_or_foreign_address(town_site: TownSite, path: str) -> None:
    body = get(town_site.url + path).read().decode()
    assert " style=" not in body
    assert "<style" not in body
    assert "onclick" not in body
    assert "http://" not in body.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "https://" not in body


def test_static_files_are_kept_for_good_and_travel_compressed(town_site: TownSite) -> None:
    body = get(town_site.url + "/").read().decode()
    sheet = body.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = get(town_site.url + sheet, Accept_Encoding="gzip")
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"


def test_the_first_visit_is_light(town_site: TownSite) -> None:
    """Page, style sheet and the fonts of the heaviest language together: under 120 kB."""
    page = get(town_site.url + "/", Accept_Language="ar").read()
    text = page.decode()
    sheet = text.split('rel="stylesheet" href="')[1].split('"')[0]
    css = get(town_site.url + sheet).read().decode()
    fonts = [name for name in ("latin", "arabic") if f"noto-sans-{name}" in css]
    weight = len(page) + len(get(town_site.url + sheet, Accept_Encoding="gzip").read())
    for name in fonts:
        font = css.split(f"noto-sans-{name}")[1].split('"')[0]
        weight += len(get(f"{town_site.url}/static/koinon/fonts/noto-sans-{name}{font}").read())
    assert len(fonts) == 2
    assert weight < 120_000


def test_the_log_names_routes_and_never_addresses(town_site: TownSite) -> None:
    get(town_site.url + "/check/?card=in-the-query")
    get(town_site.url + "/?month=2026-10")
    lines = [json.loads(line) for line in town_site.site.log.read_text().splitlines() if line.startswith("{")]
    answered = [line for line in lines if line["event"] == "answered"]
    assert {"check", "town"} <= {line["route"] for line in answered}
    assert all(len(line["request_id"]) >= 8 for line in answered)
    whole = town_site.site.log.read_text()
    assert "in-the-query" not in whole
    assert "127.0.0.1" not in whole


def test_the_seal_head_is_a_file_that_verify_reads(town_site: TownSite) -> None:
    found = json.loads(get(town_site.url + "/check/head.json").read())
    assert found["town"] == "besos"
    assert len(bytes.fromhex(found["hash"])) == 32
    assert found["block"] >= 1


def test_the_site_says_that_it_is_well(town_site: TownSite) -> None:
    assert get(town_site.url + "/healthz").read() == b"ok"


@pytest.mark.parametrize(
    ("asked", "language", "direction"), [("el", "el", "ltr"), ("ar", "ar", "rtl"), ("de", "en", "ltr")]
)
def test_the_page_is_in_the_browsers_language(town_site: TownSite, asked: str, language: str, direction: str) -> None:
    body = get(town_site.url + "/", Accept_Language=asked).read().decode()
    assert f'<html lang="{language}" dir="{direction}">' in body

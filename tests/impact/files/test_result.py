"""What a trace of a file says: figures that a pencil confirms, a documented form, and a page that keeps small groups to itself."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest
from babel.lists import format_list
from babel.numbers import format_decimal, format_percent
from babel.units import format_unit
from playwright.sync_api import Page

from koinon.impact.files import disclosure, speech, tracing, writing
from koinon.impact.files.errors import FolderNotOurs, FolderNotWritten, LedgerFileRefused
from koinon.impact.files.reading import read
from koinon.impact.files.types import Asked, CohortBy
from tests.web.browsing import AXE

HEAD = "time,source,target,amount,cohort\n"


def ledger(folder: Path) -> Asked:
    """Two months of a little town. 24 residents, 12 bakeries in two zones, one pharmacy alone in its sector."""
    rows, accounts = [], ["account,sector,zone,sse"]
    for month in (1, 2):
        for who in range(24):
            rows.append(f"2027-0{month}-01T08:00:00Z,town,r{who},100.00,aid 2027-0{month}")
            shop = who % 12
            rows.append(f"2027-0{month}-0{2 + who % 7}T12:00:00Z,r{who},bakery{shop},80.00,")
    for shop in range(12):
        accounts.append(f"bakery{shop},Bakeries,{'North' if shop % 2 else 'South'},{'yes' if shop < 11 else 'no'}")
        rows.append(f"2027-02-20T12:00:00Z,bakery{shop},wholesale,50.00,")
        rows.append(f"2027-02-21T12:00:00Z,bakery{shop},bank,100.00,")
    rows.append("2027-02-22T12:00:00Z,wholesale,pharmacy,33.00,")
    accounts += ["wholesale,Wholesale,North,no", "pharmacy,Pharmacies,North,no"]
    (folder / "ledger.csv").write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    (folder / "accounts.csv").write_text("\n".join(accounts) + "\n", encoding="utf-8")
    return Asked(
        folder / "ledger.csv",
        issuers=("town",),
        redeemers=("bank",),
        accounts=folder / "accounts.csv",
        unit="euros",
    )


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    folder = tmp_path_factory.mktemp("traced")
    return tracing.trace_file(ledger(folder), "all", out=folder / "out"), folder


def test_figures_are_those_of_a_pencil(traced: tuple[dict[str, Any], Path]) -> None:
    document, _ = traced
    lots = [each for each in document["traces"] if each["convention"] != "mixing"]

    # 48 × 100.00 issued; 48 × 80.00 + 12 × 50.00 + 33.00 paid on; 12 × 100.00 redeemed after one payment each.
    for each in lots:
        total = each["total"]
        assert (total["issued"], total["volume"], total["redeemed"], total["held"]) == (
            4800_00,
            4473_00,
            1200_00,
            3600_00,
        )
        assert (total["by_hops"][1], total["mean_hops"], each["conservation_error"]) == (1200_00, 1.0, 0)
        assert [cohort["label"] for cohort in each["cohorts"]] == ["aid 2027-01", "aid 2027-02"]
    mixing = next(each for each in document["traces"] if each["convention"] == "mixing")
    assert mixing["total"]["redeemed"] == pytest.approx(1200_00)
    assert mixing["conservation_error"] < 1e-9


@pytest.mark.parametrize("days", [80, 300, 5000, 6000])
def test_half_of_what_left_did_so_by_the_day_that_is_said(tmp_path: Path, days: int) -> None:
    rows = [f"{who},town,h{who},1.00\n{who + 1},h{who},bank,0.50\n" for who in range(3)]
    rows += [f"{days * 86_400 - 9},h{who},bank,0.50\n" for who in range(3)]
    (tmp_path / "long.csv").write_text("time,source,target,amount\n" + "".join(rows), encoding="utf-8")

    asked = Asked(tmp_path / "long.csv", issuers=("town",), redeemers=("bank",), cohort_by=CohortBy.ALL)
    quantiles = tracing.trace_file(asked, "fifo")["traces"][0]["total"]["days_to_exit"]["quantiles"]

    assert quantiles["50"] < 1
    assert quantiles["75"] == pytest.approx(days, rel=1 / 50)


def test_result_has_the_form_that_is_documented(traced: tuple[dict[str, Any], Path]) -> None:
    document, folder = traced
    schema = json.loads(files("koinon.impact.files").joinpath("trace.schema.json").read_text(encoding="utf-8"))

    jsonschema.Draft202012Validator(schema).validate(document)
    jsonschema.Draft202012Validator(schema).validate(
        json.loads((folder / "out/trace.json").read_text(encoding="utf-8"))
    )


def test_tables_hold_what_the_document_says(traced: tuple[dict[str, Any], Path]) -> None:
    document, folder = traced
    tables = {file.stem: pq.read_table(file).to_pylist() for file in (folder / "out").glob("*.parquet")}

    assert sorted(tables) == ["cohorts", "flows", "hops", "paths", "reach"]
    assert {
        (row["convention"], row["cohort"]): row["redeemed"] for row in tables["cohorts"] if row["part"] == "cohort"
    } == {
        (each["convention"], cohort["label"]): cohort["redeemed"]
        for each in document["traces"]
        for cohort in each["cohorts"]
    }
    assert (
        sum(row["amount"] for row in tables["flows"] if row["dimension"] == "zone" and row["from"] == "issued")
        == 4800_00
    )
    assert (
        sum(row["left"] for row in tables["hops"] if row["part"] == "total" and row["convention"] == "fifo") == 1200_00
    )


def test_the_same_file_gives_the_same_result(traced: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    document, folder = traced
    again = tracing.trace_file(ledger(tmp_path), "all", out=tmp_path / "out")

    assert [each["digest"] for each in again["traces"]] == [each["digest"] for each in document["traces"]]
    for name in ("cohorts", "hops", "reach", "flows", "paths"):
        assert (tmp_path / "out" / f"{name}.parquet").read_bytes() == (folder / "out" / f"{name}.parquet").read_bytes()


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.asked: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.asked += [given[name] or "" for name in ("href", "src", "srcset", "action", "data") if name in given]


def page_of(folder: Path) -> str:
    return (folder / "out/report.html").read_text(encoding="utf-8")


def test_report_needs_nothing_but_itself_and_each_link_arrives(traced: tuple[dict[str, Any], Path]) -> None:
    page = _Page(page_of(traced[1]))

    assert len(page.ids) == len(set(page.ids))
    assert page.asked
    assert {link.removeprefix("#") for link in page.asked} <= set(page.ids)
    assert not page.tags & {"script", "img", "link", "iframe", "object"}
    assert "style=" not in page_of(traced[1])


def test_every_figure_in_short_links_to_what_it_means(traced: tuple[dict[str, Any], Path]) -> None:
    tiles = re.findall(r"<dt>(.*?)</dt><dd>[^<]", page_of(traced[1]).split("</dl>")[0])

    assert len(tiles) == 6  # Of zones too little is known here for a share.
    assert all(tile.startswith('<a href="#def-') for tile in tiles)


def test_report_names_no_group_of_few_accounts(traced: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    told = page_of(traced[1])
    tracing.trace_file(ledger(tmp_path), "fifo", out=tmp_path / "out", least=1)
    everything = page_of(tmp_path)

    # Pharmacies and Wholesale are one shop each; told together they would still be two.
    assert "Bakeries" not in told or "Pharmac" not in told
    assert "Wholesale" not in told
    assert "Pharmacies" in everything
    assert "Wholesale" in everything
    for account in ("bakery3", "r17", "pharmacy"):
        assert account not in told
        assert account not in everything


def test_names_of_the_file_are_only_names_on_the_page(tmp_path: Path) -> None:
    asked = ledger(tmp_path)
    assert asked.accounts is not None
    accounts = asked.accounts.read_text(encoding="utf-8")
    hostile = '<img src=x onerror=alert(1)>" & مخبز'
    asked.accounts.write_text(accounts.replace("Bakeries", '"' + hostile.replace('"', '""') + '"'), encoding="utf-8")

    tracing.trace_file(asked, "fifo", out=tmp_path / "out", title="</title><script>", least=1)

    assert not _Page(page_of(tmp_path)).tags & {"script", "img"}
    assert "<bdi>&lt;img src=x onerror=alert(1)&gt;&quot; &amp; مخبز</bdi>" in page_of(tmp_path)


@pytest.mark.parametrize("least", [2, 5, 10, 13])
def test_what_is_told_together_is_never_a_few_alone(tmp_path: Path, least: int) -> None:
    found = read(ledger(tmp_path)).ledger

    told = [disclosure.groups(found, dimension, least) for dimension in found.accounts.attributes]
    assert any(told)
    assert [each for each in told if each is not None and min(each.accounts.values()) < least] == []


def test_small_cohorts_are_told_together(tmp_path: Path) -> None:
    asked = ledger(tmp_path)
    with asked.file.open("a", encoding="utf-8") as opened:
        opened.write("2027-02-23T12:00:00Z,town,r3,70.00,special help\n")
    found = read(asked).ledger

    small = disclosure.small_cohorts(found, 10)

    assert {found.cohorts[place] for place in small} > {"special help"}
    assert disclosure.small_cohorts(found, 1) == set()


def test_folder_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ledger(tmp_path)
    tracing.trace_file(asked, "fifo", out=tmp_path / "out")
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}

    def full(*_: Any, **__: Any) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("koinon.impact.files.report.page", full)
        with pytest.raises(FolderNotWritten):
            tracing.trace_file(asked, "mixing", out=tmp_path / "out")

    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["accounts.csv", "ledger.csv", "out"]
    asked.file.write_text(HEAD + "soon,town,ana,1,\n", encoding="utf-8")
    with pytest.raises(LedgerFileRefused):
        tracing.trace_file(asked, "fifo", out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.md").write_text("…", encoding="utf-8")

    for folder in (tmp_path / "thesis", tmp_path / "thesis/chapter.md"):
        with pytest.raises(FolderNotOurs):
            writing.may_write(folder)
    with pytest.raises(FolderNotWritten):
        writing.may_write(tmp_path / "nowhere/out")


@pytest.mark.parametrize("language", speech.LANGUAGES)
def test_report_speaks_the_language_that_is_asked_for(tmp_path: Path, language: str) -> None:
    tracing.trace_file(ledger(tmp_path), "fifo", out=tmp_path / "out", language=language)
    told = page_of(tmp_path)
    page = _Page(told)

    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in told
    assert {link.removeprefix("#") for link in page.asked} <= set(page.ids)
    with speech.speaking(language):
        assert f"<dd>{speech.decimal(4800, 0)}</dd>" in told
    assert "%(" not in told


def test_english_is_written_as_babel_writes_it() -> None:
    for value, places in ((1234567.891, 2), (-0.5, 1), (12, 0), (0.005, 2), (Decimal("12345678901234.50"), 2)):
        exact = Decimal(f"{value:.{places}f}")
        pattern = "#,##0." + "0" * places if places else "#,##0"
        assert speech.decimal(value, places) == format_decimal(exact, format=pattern, locale="en").replace("-", "−")
    assert speech.percent(33.333, 1) == format_percent(Decimal("0.333"), format="#,##0.0%", locale="en")
    assert speech.listed(["a", "b", "c"]) == format_list(["a", "b", "c"], locale="en_GB")
    assert speech.duration(31.24, "day", 1) == format_unit(Decimal("31.2"), "duration-day", locale="en")


@pytest.mark.browser
def test_report_is_read_on_a_phone_in_the_dark_and_by_a_screen_reader(
    traced: tuple[dict[str, Any], Path], tmp_path: Path, page: Page
) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    arabic = tmp_path / "ar"
    tracing.trace_file(ledger(tmp_path), "fifo", out=arabic, language="ar")
    for width, scheme, folder in (
        (390, "light", traced[1] / "out"),
        (1280, "dark", traced[1] / "out"),
        (390, "dark", arabic),
    ):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 800})
        page.goto((folder / "report.html").as_uri())

        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.locator("svg.flow:visible").count() == page.locator("svg.flow").count() / 2
        page.evaluate(AXE)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    assert said == []

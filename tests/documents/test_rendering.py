"""What is printed can be read: by people in their script, by a scanner, by a screen reader."""

from __future__ import annotations

import io

import pypdf
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from koinon.documents import qr
from koinon.documents.rendering import pictures, render

GREEK_TOWN = {"name": "Δήμος Βέσου", "lines": ["Οδός Αγοράς 1 · 60100 Βέσος"]}
ARABIC_TOWN = {"name": "بلدية إربد"}
TOKEN = "K1ABCDEFGHJKMNPQRSTUVWXYZ234567ABC"


def cards(count: int, layout: str, town: dict = GREEK_TOWN) -> dict:
    card = {"svg": qr.svg(TOKEN), "alt": "QR", "number": "1234\u00a05678\u00a09012"}
    return {"title": "Κάρτες", "layout": layout, "town": town, "name": "Κάρτα Βέσου", "cards": [card] * count}


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def picture(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("L")


def ink(image: Image.Image) -> tuple[int, int, int, int]:
    box = ImageChops.invert(image).getbbox()
    assert box is not None
    return box


def test_a_greek_letter_says_every_word_it_was_given_and_takes_none_for_markup():
    data = {
        "title": "Η νέα σας κάρτα",
        "town": GREEK_TOWN,
        "to": ["Μαρία Παπαδοπούλου-Ἀγγέλου"],
        "paragraphs": ["Με *εκτίμηση* #eval $x$ \\ @you <b> `ls`"],
        "facts": [["Αριθμός", "1234 5678 9012"]],
    }
    said = text_of(render("letter", data, "el"))
    for words in (
        "Δήμος Βέσου",
        "Μαρία Παπαδοπούλου-Ἀγγέλου",
        "Με *εκτίμηση* #eval $x$ \\ @you <b> `ls`",
        "1234 5678 9012",
    ):
        assert words in said


def test_the_same_data_give_the_same_bytes():
    assert render("cards", cards(3, "single"), "el") == render("cards", cards(3, "single"), "el")


def test_an_arabic_page_begins_on_the_right_and_its_letters_join():
    def page(words: str) -> Image.Image:
        return picture(pictures("letter", {"title": words, "town": ARABIC_TOWN}, "ar", ppi=72)[0])

    joined, apart = ink(page("بطاقتكم الجديدة")), ink(page("\u200c".join("بطاقتكم الجديدة")))
    width = page("بطاقتكم الجديدة").width
    assert joined[2] > 0.85 * width  # the right margin
    title = (0, 90, width, 200)
    joined, apart = ink(page("بطاقتكم الجديدة").crop(title)), ink(page("\u200c".join("بطاقتكم الجديدة")).crop(title))
    assert joined[2] - joined[0] < apart[2] - apart[0]


def test_figures_keep_their_order_on_an_arabic_page():
    def line(figures: str, language: str) -> Image.Image:
        data = {"title": "-", "town": {"name": "-"}, "facts": [["", figures]]}
        whole = picture(pictures("letter", data, language, ppi=100)[0]).crop((0, 190, 827, 400))
        return whole.crop(ink(whole)).resize((240, 24))

    def unlike(one: Image.Image, other: Image.Image) -> float:
        return ImageStat.Stat(ImageChops.difference(one, other)).mean[0]

    arabic = line("1234 5678 9012", "ar")
    assert unlike(arabic, line("1234 5678 9012", "el")) < unlike(arabic, line("9012 5678 1234", "el")) / 2


@pytest.mark.parametrize(("language", "town"), [("el", GREEK_TOWN), ("ar", ARABIC_TOWN)])
def test_ten_cards_stand_on_a_sheet_and_each_is_read_by_a_scanner(language, town):
    pages = [picture(png) for png in pictures("cards", cards(12, "sheet", town), language, ppi=110)]
    read = [[code.text for code in zxingcpp.read_barcodes(page)] for page in pages]
    assert read == [[TOKEN] * 10, [TOKEN] * 2]


def test_a_single_card_is_as_large_as_a_card():
    pdf = pypdf.PdfReader(io.BytesIO(render("cards", cards(2, "single"), "el")))
    sizes = [(float(page.mediabox.width) / 72 * 25.4, float(page.mediabox.height) / 72 * 25.4) for page in pdf.pages]
    assert sizes == [(pytest.approx(85.6, abs=0.05), pytest.approx(54, abs=0.05))] * 2


def test_a_long_statement_repeats_its_headings_and_counts_its_pages():
    columns = [{"title": "Ημέρα"}, {"title": "Περιγραφή", "wide": True}, {"title": "Ποσό", "amount": True}]
    rows = [[f"{day:02}/11/2026", "Αγορά", "-12,50 €"] for day in range(1, 31)] * 3
    data = {
        "title": "Κινήσεις",
        "town": GREEK_TOWN,
        "columns": columns,
        "rows": rows,
        "totals": [["Υπόλοιπο", "87,50 €"]],
    }
    pdf = pypdf.PdfReader(io.BytesIO(render("statement", data, "el")))
    pages = [page.extract_text() for page in pdf.pages]
    assert len(pages) > 1
    assert all("Περιγραφή" in page and f"{number} / {len(pages)}" in page for number, page in enumerate(pages, 1))
    assert "Υπόλοιπο" in pages[-1]


def test_a_page_says_its_title_and_language_to_a_screen_reader():
    pdf = pypdf.PdfReader(io.BytesIO(render("certificate", {"title": "Βεβαίωση", "town": GREEK_TOWN}, "el")))
    root = pdf.trailer["/Root"]
    assert (pdf.metadata.title, root["/Lang"], root["/MarkInfo"]["/Marked"].value) == ("Βεβαίωση", "el", True)


def test_characters_that_would_turn_a_line_around_are_left_out():
    said = text_of(render("letter", {"title": "A\u202ecod\u2066.exe", "town": {"name": "T\x00own"}}, "en"))
    assert "Acod.exe" in said
    assert "Town" in said


def test_a_name_in_letters_that_no_font_has_is_printed_all_the_same():
    for name in ("😀 Μαρία", "漢字", "שלום", "\ud800", "\ufdd0"):
        said = text_of(render("letter", {"title": "Κάρτα", "town": {"name": "Βέσος"}, "to": [name]}, "el"))
        assert "Κάρτα" in said


@settings(max_examples=30)
@given(st.text(max_size=60))
def test_whatever_somebody_is_called_it_can_be_printed(name):
    assert render("letter", {"title": "-", "town": {"name": name}, "facts": [[name, name]]}, "ar")[:5] == b"%PDF-"

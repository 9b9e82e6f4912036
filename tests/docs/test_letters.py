"""The site's fonts hold the letters of its languages, and its catalogues compile; what two decisions promise."""

from __future__ import annotations

import unicodedata
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parents[2]
FONTS = ROOT / "src" / "koinon" / "web" / "static" / "koinon" / "fonts"
CATALOGUES = sorted((ROOT / "src" / "koinon" / "server" / "locale").glob("*/LC_MESSAGES/django.po"))
WRITTEN = {
    "latin": "ABCXYZabcxyz0123456789€ÀàÇçÉéÍíL·lÑñÓóÜü¿¡“”–…",
    "greek": "ΑΒΓΔΩαβγδωςάέήίόύώϊϋΐΰ",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأؤإئةى٠١٢٣٤٥٦٧٨٩،؛؟",
}


@pytest.mark.parametrize("script", WRITTEN)
def test_font_has_every_letter_of_its_script(script: str) -> None:
    with TTFont(FONTS / f"noto-sans-{script}.woff2") as font:
        missing = [unicodedata.name(letter) for letter in WRITTEN[script] if ord(letter) not in font.getBestCmap()]

    assert missing == []


@pytest.mark.parametrize("script", WRITTEN)
def test_font_is_light_enough_for_an_old_telephone_on_a_slow_line(script: str) -> None:
    assert FONTS.joinpath(f"noto-sans-{script}.woff2").stat().st_size < 48_000


def test_licence_of_the_fonts_lies_beside_them() -> None:
    assert "SIL OPEN FONT LICENSE" in FONTS.joinpath("OFL.txt").read_text(encoding="utf-8")


def test_every_language_of_the_site_but_its_own_has_a_catalogue() -> None:
    offered = {code for code, _ in settings.LANGUAGES} - {settings.LANGUAGE_CODE}

    assert offered <= {path.parent.parent.name for path in CATALOGUES}


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_catalogue_compiles_with_the_plural_forms_of_its_language(path: Path) -> None:
    with path.open("rb") as stream:
        catalogue = read_po(stream, locale=path.parent.parent.name)

    write_mo(BytesIO(), catalogue)

    cut_short = [
        message.id for message in catalogue if message.pluralizable and len(message.string) != catalogue.num_plurals
    ]
    assert cut_short == []

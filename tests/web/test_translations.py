"""Every string is there in every language, with the same places to fill, and can be drawn with our fonts."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from fontTools.ttLib import TTFont

ROOT = Path(__file__).resolve().parents[2]
FONTS = ROOT / "src" / "koinon" / "web" / "static" / "koinon" / "fonts"
LANGUAGES = ("el", "es", "fr", "pt", "ar")


@cache
def tool() -> ModuleType:
    path = ROOT / "tools" / "translations.py"
    spec = importlib.util.spec_from_file_location("translations_tool", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def wanted() -> list[Message]:
    """Every string of the source; what the tests below ask for again and again is collected once."""
    return [message for message in tool().collected() if message.id]


@cache
def catalogue(language: str) -> Catalog:
    with (tool().CATALOGUES / language / "LC_MESSAGES" / "django.po").open("rb") as stream:
        return read_po(stream, locale=language)


def forms(message: Message) -> tuple[str, ...]:
    return tuple(message.string) if isinstance(message.string, tuple | list) else (message.string,)


def ids(message: Message) -> tuple[str, ...]:
    return message.id if isinstance(message.id, tuple) else (message.id,)


def places(text: str) -> list[str]:
    """Placeholders and tags of a text: what a translation must keep."""
    return sorted(set(re.findall(r"%\(\w+\)[sd]|%%|</?\w+>", text)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_of_the_source_has_a_translation(language: str) -> None:
    known = {(message.context, ids(message)): message for message in catalogue(language) if message.id}
    missing = [
        message.id
        for message in wanted()
        if (message.context, ids(message)) not in known or not all(forms(known[message.context, ids(message)]))
    ]
    assert missing == [], "run `make translations`, then fill in what is empty"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_every_place_to_fill(language: str) -> None:
    wrong = []
    for message in catalogue(language):
        if not message.id:
            continue
        singular, plural = ids(message)[0], ids(message)[-1]
        for form in forms(message):
            allowed = [places(singular), places(plural)] if singular != plural else [places(singular)]
            if places(form) not in allowed:
                wrong.append((message.id, form))
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_plural_forms_are_as_many_as_the_language_has(language: str) -> None:
    found = catalogue(language)
    expected = {"el": 2, "es": 2, "fr": 2, "pt": 2, "ar": 6}[language]
    assert found.num_plurals == expected
    assert {len(forms(message)) for message in found if isinstance(message.id, tuple)} == {expected}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_string_is_left_from_an_older_source(language: str) -> None:
    known = {(message.context, ids(message)) for message in wanted()}
    left = [
        message.id for message in catalogue(language) if message.id and (message.context, ids(message)) not in known
    ]
    assert left == [], "run `make translations`"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_fonts_have_every_letter(language: str) -> None:
    letters: set[int] = set()
    for font in FONTS.glob("*.woff2"):
        letters |= set(TTFont(font).getBestCmap())
    text = "".join(form for message in catalogue(language) if message.id for form in forms(message))
    drawn = {letter for letter in text if not letter.isspace() and ord(letter) not in letters}
    assert drawn == set()


def test_residents_are_never_called_beneficiaries() -> None:
    words = ("beneficiar", "δικαιούχ", "مستفيد")
    found = [
        form
        for language in LANGUAGES
        for message in catalogue(language)
        if message.id
        for form in (*forms(message), *ids(message))
        if any(word in form.lower() for word in words)
    ]
    assert found == []

"""A template and its data become a PDF: the same bytes for the same data, whatever the machine has installed.

Data reach a template as JSON text and are set as they are: nothing in a name or a
reason is taken for markup. Every PDF is tagged and conforms to PDF/UA-1, so that
it can be read aloud.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import fontpkg_noto_sans
import fontpkg_noto_sans_arabic
import typst

TEMPLATES = Path(__file__).parent / "templates"
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
# Characters that direct the order of text or cannot be drawn: a name that carries them would turn its line around.
_UNSEEN = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069\\ufeff\\ufffe\\uffff\\ud800-\\udfff]"
)


def render(template: str, data: Mapping[str, Any], language: str, *, folder: Path = TEMPLATES) -> bytes:
    """The PDF of a template of docs/reference/documents.md, or of another package's ``folder``.

    ``data`` holds text, lists and mappings of text, already in ``language`` (a code
    such as ``el`` or ``pt-br``), which decides direction, hyphenation and how the
    page is read aloud. A template in another folder begins with ``#import "base.typ": *``
    as those here do.

    >>> render("letter", {"title": "Καλημέρα", "town": {"name": "Βέσος"}, "paragraphs": ["..."]}, "el")[:5]
    b'%PDF-'
    """
    pdf = _compile(template, data, language, folder, "pdf")
    assert len(pdf) == 1
    return pdf[0]


def pictures(
    template: str, data: Mapping[str, Any], language: str, *, folder: Path = TEMPLATES, ppi: float = 144
) -> list[bytes]:
    """The same pages as PNG, for a preview on screen."""
    return _compile(template, data, language, folder, "png", ppi)


def _compile(
    template: str,
    data: Mapping[str, Any],
    language: str,
    folder: Path,
    to: typst.OutputFormat,
    ppi: float | None = None,
) -> list[bytes]:
    assert _NAME.fullmatch(template)
    assert data["title"], "a page that is read aloud begins with its title"
    primary, _, region = language.replace("_", "-").partition("-")
    inputs = {
        "data": json.dumps(_drawable(data), ensure_ascii=False),
        "lang": primary.lower(),
        "region": region.upper() if len(region) == 2 else "",
        "dir": "rtl" if primary.lower() in RIGHT_TO_LEFT else "ltr",
    }
    source = (folder / f"{template}.typ").read_text(encoding="utf-8").replace('#import "base.typ": *\n', _base(), 1)

    def compiled(standards: list[typst.PDFStandard]) -> list[bytes]:
        compiler = typst.Compiler(
            input=source.encode(), root=folder, font_paths=_fonts(), ignore_system_fonts=True, sys_inputs=inputs
        )
        made = compiler.compile(format=to, ppi=ppi, timestamp=0, pdf_standards=standards)
        assert made is not None
        return made if isinstance(made, list) else [made]

    try:
        return compiled(["ua-1"] if to == "pdf" else [])
    except typst.TypstError as refused:
        if "could not be displayed" not in refused.message:
            raise
        # Somebody's name holds a letter that no font here has: it is printed as a box, and the page is not called
        # accessible, which a page with a box is not.
        return compiled([])


def _drawable(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSEEN.sub("", value)
    if isinstance(value, Mapping):
        return {str(name): _drawable(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_drawable(each) for each in value]
    assert value is None or isinstance(value, (bool, int)), "floats and dates are written by who calls"
    return value


@cache
def _base() -> str:
    """What every template begins with, put in its place: a template of another package cannot import from this folder."""
    return (TEMPLATES / "base.typ").read_text(encoding="utf-8")


@cache
def _fonts() -> typst.Fonts:
    """Read once a process: 5 MB of Noto, and nothing of the machine's own."""
    roots = [str(fontpkg_noto_sans.ROOT), str(fontpkg_noto_sans_arabic.ROOT)]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=list(roots))

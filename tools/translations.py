"""Collect strings into the gettext catalogues, and compile the catalogues, with Babel.

    python tools/translations.py collect   source -> .po files of every language
    python tools/translations.py compile   .po -> .mo, only where the .po is newer

Collecting keeps every translation that still has its string, drops those that
do not, and leaves new strings empty; a test fails until they are filled.
Only ``compile`` runs on the way to the demo, and it needs nothing but Babel.
"""

from __future__ import annotations

import re
import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "koinon"
CATALOGUES = SOURCE / "server" / "locale"
# The plural forms that translators of each language count with; Arabic's are Django's own order.
LANGUAGES = {
    "el": "nplurals=2; plural=(n != 1);",
    "es": "nplurals=2; plural=(n != 1);",
    "fr": "nplurals=2; plural=(n > 1);",
    "pt": "nplurals=2; plural=(n != 1);",
    "ar": "nplurals=6; plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 && n%100<=99 ? 4 : 5;",
}
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
# A gettext call in a templatized template; what stands between the calls is no Python.
_STRING = r"""u?'(?:[^'\\]|\\.)*'|u?"(?:[^"\\]|\\.)*\""""
CALL = re.compile(rf"(?:npgettext|pgettext|ngettext|gettext|_)\(\s*(?:{_STRING})(?:\s*,\s*(?:{_STRING}|count))*\s*\)")


def compile_catalogues() -> None:
    for source in sorted(CATALOGUES.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        with source.open("rb") as stream:
            catalogue = read_po(stream, locale=source.parent.parent.name)
        part = target.with_suffix(".part")
        with part.open("wb") as stream:
            write_mo(stream, catalogue)
        part.replace(target)


def collected() -> Catalog:
    """Every string of the code and the templates, by the file it stands in; no line numbers, for quiet diffs."""
    found = Catalog(fuzzy=False, charset="utf-8")
    for path in sorted(
        [*SOURCE.rglob("*.py"), *SOURCE.rglob("templates/**/*.html"), *SOURCE.rglob("templates/**/*.txt")]
    ):
        place = path.relative_to(ROOT).as_posix()
        for _line, message, comments, context in extract(
            "python", BytesIO(_as_python(path)), KEYWORDS, ["Translators:"]
        ):
            found.add(message, locations=[(place, 0)], auto_comments=comments, context=context)
    return found


def _as_python(path: Path) -> bytes:
    """A template as Django rewrites it for string extraction: gettext calls among blanks."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return text.encode()
    from django.conf import settings
    from django.utils.translation.template import templatize

    if not settings.configured:
        settings.configure()
    return "\n".join(CALL.findall(templatize(text, origin=str(path)))).encode()


def collect() -> None:
    fresh = collected()
    for language, plural in LANGUAGES.items():
        target = CATALOGUES / language / "LC_MESSAGES" / "django.po"
        target.parent.mkdir(parents=True, exist_ok=True)
        known = target.read_bytes() if target.exists() else _header(language, plural)
        catalogue = read_po(BytesIO(known), locale=language)
        catalogue.update(fresh, no_fuzzy_matching=True, update_creation_date=False)
        catalogue.obsolete.clear()
        content = BytesIO()
        write_po(content, catalogue, width=110, sort_by_file=True, omit_header=True, include_lineno=False)
        header = f"# Koinon in {catalogue.locale.english_name}. EUPL-1.2.\n".encode() + _header(language, plural)
        target.write_bytes(header + b"\n\n" + content.getvalue())
        missing = sum(not filled(message) for message in catalogue if message.id)
        print(f"{language}: {len(catalogue)} strings, {missing} without a translation", file=sys.stderr)


def _header(language: str, plural: str) -> bytes:
    lines = ["Project-Id-Version: Koinon", f"Language: {language}", "MIME-Version: 1.0"]
    lines += ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", f"Plural-Forms: {plural}"]
    return "\n".join(['msgid ""', 'msgstr ""', *(f'"{line}\\n"' for line in lines)]).encode()


def filled(message: object) -> bool:
    """Whether every plural form of a message has a translation."""
    string = message.string  # type: ignore[attr-defined]
    return all(string) if isinstance(string, (tuple, list)) else bool(string)


if __name__ == "__main__":
    if sys.argv[1:] == ["compile"]:
        compile_catalogues()
    elif sys.argv[1:] == ["collect"]:
        collect()
    else:
        raise SystemExit(__doc__)

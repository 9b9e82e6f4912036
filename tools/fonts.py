"""Cut the site's fonts out of the Noto wheels: only the scripts we write, two weights' range, WOFF2.

    python tools/fonts.py

The whole variable Noto Sans is 2.0 MB and its Arabic 0.8 MB; what a page in one
language loads is 23 kB (Latin), 13 kB (Greek) or 37 kB (Arabic). The results are
kept in the repository, because cutting them takes half a minute.
Noto is under the SIL Open Font License, which lies beside them.
"""

from __future__ import annotations

import shutil
from io import BytesIO
from pathlib import Path

import fontpkg_noto_sans
import fontpkg_noto_sans_arabic
from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

TARGET = Path(__file__).resolve().parent.parent / "src" / "koinon" / "web" / "static" / "koinon" / "fonts"
SANS = Path(fontpkg_noto_sans.__file__).parent / "files" / "NotoSans[wdth,wght].ttf"
ARABIC = Path(fontpkg_noto_sans_arabic.__file__).parent / "files" / "NotoSansArabic[wdth,wght].ttf"
FEATURES = ["kern", "liga", "mark", "mkmk", "ccmp", "locl", "tnum", "calt", "init", "medi", "fina", "isol", "rlig"]


def characters(*ranges: tuple[int, int]) -> list[int]:
    return [point for first, last in ranges for point in range(first, last + 1)]


MARKS = [(0x200C, 0x200F), (0x2010, 0x2027), (0x202F, 0x202F), (0x2032, 0x2032), (0x20AC, 0x20AC)]
SYMBOLS = [(0x2116, 0x2116), (0x2190, 0x2193), (0x2212, 0x2212), (0x2264, 0x2265), (0xFFFD, 0xFFFD)]
FONTS = {
    "latin": (SANS, characters((0x20, 0x7E), (0xA0, 0x17F), *MARKS, *SYMBOLS)),
    "greek": (SANS, characters((0x370, 0x3FF))),
    "arabic": (ARABIC, characters((0x600, 0x6FF), (0x200C, 0x200F))),
}


def cut(source: Path, wanted: list[int]) -> bytes:
    variable = instancer.instantiateVariableFont(TTFont(source), {"wdth": 100, "wght": (400, 700)})
    whole = BytesIO()
    variable.save(whole)
    font = TTFont(BytesIO(whole.getvalue()), lazy=False)
    options = subset.Options()
    options.flavor = "woff2"
    options.layout_features = FEATURES
    options.hinting = False
    options.name_IDs = [0, 1, 2, 5, 13, 14]
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=wanted)
    cutter.subset(font)
    font.flavor = "woff2"
    result = BytesIO()
    font.save(result)
    return result.getvalue()


if __name__ == "__main__":
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, (source, wanted) in FONTS.items():
        (TARGET / f"noto-sans-{name}.woff2").write_bytes(cut(source, wanted))
    shutil.copyfile(Path(fontpkg_noto_sans.__file__).parent / "LICENSE", TARGET / "OFL.txt")

"""Reading XML from outside: no declarations, no entities, bounded in size, depth and number."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from io import BytesIO

import defusedxml.ElementTree  # type: ignore[import-untyped]
from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]

LARGEST_FILE = 10 * 2**20
_DEEPEST = 40
_MOST_ELEMENTS = 1_000_000
_PIECE = 256 * 1024
# What stands from one tag to the next, attributes included; the longest field of a statement has 500 letters.
_TOO_LONG = re.compile(rb"<[^<]{65536}")


class Unreadable(Exception):
    """The code of the finding that says why a file cannot be read at all."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


class _InLargePieces(BytesIO):
    """A part of the file that has not ended is looked at from its beginning with each piece, so there are few."""

    def read(self, _size: int | None = -1) -> bytes:
        return super().read(_PIECE)


def parse(content: bytes) -> tuple[str, ET.Element]:
    """The namespace of a document, and its root with every tag's namespace taken off.

    Refuses with ``Unreadable``: a document type or entity is refused where it is
    declared, before anything is expanded; depth and number are counted while reading, and a
    tag or a text of many kilobytes, over which a parser takes long, is not read at all.
    """
    if _TOO_LONG.search(content):
        raise Unreadable("bank.text-too-long")
    depth = elements = 0
    root: ET.Element | None = None
    try:
        reading = defusedxml.ElementTree.iterparse(_InLargePieces(content), events=("start", "end"), forbid_dtd=True)
        for event, element in reading:
            if event == "end":
                depth -= 1
                continue
            depth += 1
            elements += 1
            if depth > _DEEPEST or elements > _MOST_ELEMENTS:
                raise Unreadable("bank.xml-nested")
            root = element if root is None else root
    except DefusedXmlException:
        raise Unreadable("bank.xml-declares") from None
    except (ET.ParseError, ValueError, LookupError):
        raise Unreadable("bank.xml-broken") from None
    if root is None:
        raise Unreadable("bank.xml-broken")
    namespace = found[1] if (found := re.match(r"\{([^}]*)\}", root.tag)) else ""
    for element in root.iter():
        element.tag = re.sub(r"^\{[^}]*\}", "", element.tag) if isinstance(element.tag, str) else ""
    return namespace, root


def text(element: ET.Element | None, path: str) -> str:
    """The text at a path, with its blanks made single; "" where there is none."""
    found = None if element is None else element.find(path)
    return " ".join((found.text or "").split()) if found is not None else ""


def first(element: ET.Element | None, *paths: str) -> str:
    """The first of these paths that says something."""
    return next((said for path in paths if (said := text(element, path))), "")

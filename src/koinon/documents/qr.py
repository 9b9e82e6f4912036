"""QR codes as SVG text, which a template draws."""

from __future__ import annotations

import io

import segno


def drawing(text: str, *, error: str = "m") -> str:
    """The same for a page: as large as the page makes it.

    >>> "viewBox" in drawing("KOINON")
    True
    """
    out = io.BytesIO()
    segno.make(text, error=error, micro=False, boost_error=False).save(
        out,
        kind="svg",
        border=4,
        xmldecl=False,
        svgclass=None,
        lineclass=None,
        dark="#000",
        light="#fff",
        omitsize=True,
    )
    return out.getvalue().decode()


def svg(text: str, *, error: str = "m") -> str:
    """The code of a text, as small as it can be at this level of error correction (``l``, ``m``, ``q``, ``h``).

    The four modules of quiet zone that scanners need are part of the picture.

    >>> svg("KOINON")[:4]
    '<svg'
    """
    out = io.BytesIO()
    segno.make(text, error=error, micro=False, boost_error=False).save(
        out, kind="svg", border=4, xmldecl=False, svgclass=None, lineclass=None, dark="#000", light="#fff"
    )
    return out.getvalue().decode()

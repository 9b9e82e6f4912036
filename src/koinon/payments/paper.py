"""A shop's own code on paper, for the counter or the window."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import override

from koinon.documents import qr
from koinon.documents.rendering import render
from koinon.payments.types import PayeeCode


def poster(code: PayeeCode, *, sign: str, town: str, unit: str, address: str, language: str) -> bytes:
    """A PDF of A4. ``address`` is where the town's site is; the code stands behind the ``#``, where no server reads it."""
    with override(language):
        data = {
            "title": sign,
            "what-to-do": _("Scan to pay with the %(unit)s") % {"unit": unit},
            "by-number": _("Or type this number in your wallet:"),
            "number": code.grouped,
            "check": _("Your telephone shows this name before you pay: %(name)s") % {"name": sign},
            "town": {"name": town, "lines": [_("The %(unit)s, our public currency") % {"unit": unit}]},
            "code": {"svg": qr.svg(f"{address}/pay/#{code.token}", error="q"), "alt": _("Code to pay by")},
            "footer": town,
        }
    return render("payhere", data, language)

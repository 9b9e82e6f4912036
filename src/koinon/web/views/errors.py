"""Pages for what cannot be shown or done."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _

from koinon.kernel.errors import KoinonError
from koinon.web import refusals


def _page(request: HttpRequest, status: int, title: str, text: str, reasons: list[str] | None = None) -> HttpResponse:
    context = {"title": title, "text": text, "reasons": reasons or []}
    return render(request, "koinon/errors/error.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 400, _("That did not make sense to us"), _("Go back, and try it once more."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    text = _("Your account does not open this page. If it should, ask the town hall.")
    return _page(request, 403, _("This page is not for you"), text)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 404, _("There is no such page"), _("It may have moved, or the address has a slip."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Drawn without the request: whoever is signed in, the database may be what failed."""
    context = {
        "title": _("Something went wrong here"),
        "text": _("It is our fault, and it has been noted. No money moved. Try again in a while."),
        "language": (get_language() or "en").split("-")[0],
        "direction": "rtl" if get_language_bidi() else "ltr",
    }
    return HttpResponse(render_to_string("koinon/errors/error.html", context), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    text = _("The page was open for too long. Go back, load it again and send it once more.")
    return _page(request, 403, _("Please try once more"), text)


def refused(request: HttpRequest, refusal: KoinonError) -> HttpResponse:
    reasons: list[Any] = refusals.sentences(refusal)
    return _page(request, refusals.status(refusal), _("That could not be done"), _("Nothing was changed."), reasons)

"""Pages that are put on a phone's home screen: what every such app is made of.

An app is a start page and what belongs to it under one address, its scope. Its browser keeps the *shell*:
the pages named here, which hold no personal data, and the style sheet, letters and scripts they need, so that
the app opens without a network and can say how things stand. Everything else always comes from the server.

docs/reference/browser-code.md explains the scripts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language, get_language_bidi
from django.views.decorators.http import require_GET

from koinon.web.access import View, everyone
from koinon.web.context import the_town

# What the layout of every app needs (templates/koinon/app.html).
LAYOUT = (
    "koinon/koinon.css",
    "koinon/app/app.css",
    "koinon/app/app.js",
    "koinon/app/net.js",
    "koinon/icon.svg",
)
LETTERS = {"el": "koinon/fonts/noto-sans-greek.woff2", "ar": "koinon/fonts/noto-sans-arabic.woff2"}
SCANNING = ("koinon/app/scan.js", "made/qr/decode.js", "made/qr/index.js")
ICONS = (
    ("made/icons/icon-192.png", "192x192", "any"),
    ("made/icons/icon-512.png", "512x512", "any"),
    ("made/icons/maskable-512.png", "512x512", "maskable"),
)


@dataclass(frozen=True)
class App:
    """One app. ``scope`` is the route of its start page, under which all its addresses lie.

    ``shell`` are routes without arguments whose pages hold no personal data; ``files`` the static files that
    they need beside those of the layout. ``fallback`` is the page of the shell that is shown in place of any other
    page of the app while there is no network.
    """

    name: str
    title: Any
    scope: str
    shell: tuple[str, ...]
    files: tuple[str, ...] = ()
    fallback: str = ""

    def kept(self) -> dict[str, Any]:
        """What the browser keeps; the version changes with any of it, and with the language."""
        language = (get_language() or "en").split("-")[0]
        letters = ["koinon/fonts/noto-sans-latin.woff2", *([LETTERS[language]] if language in LETTERS else [])]
        files = [static(name) for name in (*LAYOUT, *letters, *self.files)]
        pages = [reverse(name) for name in self.shell]
        fallback = reverse(self.fallback) if self.fallback else ""
        version = hashlib.sha256(json.dumps([files, pages, fallback, language]).encode()).hexdigest()[:12]
        shell = {"files": files, "pages": pages, "fallback": fallback}
        return {"app": self.name, "version": version, "language": language, **shell}


def manifest(app: App) -> View:
    """The web app manifest of an app, in the reader's language: a view for a public address."""

    @everyone
    @require_GET
    def view(request: HttpRequest) -> HttpResponse:
        town, scope = the_town(request), reverse(app.scope)
        said = {
            "id": scope,
            "name": f"{app.title} · {town.name}" if town else str(app.title),
            "short_name": str(app.title),
            "start_url": scope,
            "scope": scope,
            "display": "standalone",
            "lang": get_language() or "en",
            "dir": "rtl" if get_language_bidi() else "ltr",
            "background_color": "#fbf8f2",
            "theme_color": "#fbf8f2",
            "icons": [
                {"src": static(name), "sizes": sizes, "type": "image/png", "purpose": purpose}
                for name, sizes, purpose in ICONS
            ],
        }
        answer = JsonResponse(said, content_type="application/manifest+json")
        answer["Cache-Control"] = "no-cache"
        return answer

    return view


def worker(app: App) -> View:
    """The service worker of an app: what to keep, and the script that keeps it."""

    @everyone
    @require_GET
    def view(request: HttpRequest) -> HttpResponse:
        source = (
            f"self.KEPT = {json.dumps(app.kept())};\nimportScripts({json.dumps(static('koinon/app/worker.js'))});\n"
        )
        answer = HttpResponse(source, content_type="text/javascript; charset=utf-8")
        answer["Cache-Control"] = "no-cache"
        return answer

    return view


def scans(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page that may use the camera; no other may."""

    @wraps(view)
    def seeing(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        request.may_scan = True  # type: ignore[attr-defined]
        return view(request, *args, **kwargs)

    return seeing

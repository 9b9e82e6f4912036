"""How pages look to one reader: light or dark, usual or large text.

The choice lives in the browser, in two cookies that say nothing about anybody;
without them pages follow the device. Every layout puts what ``looks`` gives
into its ``<html>``, where the style sheet finds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

THEME_COOKIE, TEXT_COOKIE = "koinon_theme", "koinon_text"
THEMES = ("light", "dark")  # Anything else: as the device has it.
TEXTS = ("large",)  # Anything else: the usual size.


@dataclass(frozen=True, slots=True)
class Looks:
    """What the reader chose; empty where the device or the usual decides."""

    theme: str = ""
    text: str = ""


def looks(request: HttpRequest) -> Looks:
    """This browser's choice; where it made none, the account's."""
    user: Any = getattr(request, "user", None)
    return Looks(
        _known(request.COOKIES.get(THEME_COOKIE), getattr(user, "theme", ""), THEMES),
        _known(request.COOKIES.get(TEXT_COOKIE), getattr(user, "text_size", ""), TEXTS),
    )


def _known(told: str | None, kept: str, choices: tuple[str, ...]) -> str:
    chosen = kept if told is None else told
    return chosen if chosen in choices else ""


def keep(response: HttpResponse, *, theme: str = "", text: str = "") -> None:
    """Let the browser remember what was chosen; what is empty stays as it was."""
    for name, chosen in ((THEME_COOKIE, theme), (TEXT_COOKIE, text)):
        if chosen:
            response.set_cookie(
                name, chosen, max_age=settings.LANGUAGE_COOKIE_AGE, secure=settings.LANGUAGE_COOKIE_SECURE,
                httponly=True, samesite="Lax",
            )  # fmt: skip

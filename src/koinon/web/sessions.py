"""Where somebody is signed in: which browsers, since when, and ending one of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from allauth.account.internal.flows.login import get_authentication_records
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.models import Session
from django.db import DatabaseError, transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from koinon.parties.models import BrowserSession, User

log = structlog.get_logger("koinon.sessions")
_LOOK_SECONDS = 10 * 60
_BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def device(agent: str) -> str:
    """A browser and its system in two words, enough to know it again and too little to know who it is.

    >>> device("Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile")
    'Chrome · Android'
    >>> device("curl/8")
    ''
    """
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return " · ".join(part for part in (browser, system) if part)


def way_of(records: list[dict[str, Any]]) -> str:
    """How a session began, from what was shown in it.

    >>> way_of([{"method": "mfa", "passwordless": True}]), way_of([{"method": "password"}, {"method": "mfa"}])
    ('passkey', 'password')
    """
    if any(record.get("passwordless") for record in records):
        return "passkey"
    known = {"password": "password", "code": "code", "socialaccount": "provider"}
    return next((known[record["method"]] for record in records if record.get("method") in known), "password")


class Browsers:
    """Notes, at most every ten minutes, that somebody's browser was seen."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.session.accessed and request.session.get(SESSION_KEY):
            try:
                self._note(request)
            except DatabaseError as failed:  # The page is done; that its browser was seen is said the next time.
                log.error("browser not noted", error=type(failed).__name__)
        return response

    def _note(self, request: HttpRequest) -> None:
        key, last = request.session.get("seen", ("", 0))
        now = time.time()
        if key and key == request.session.session_key and now - last < _LOOK_SECONDS:
            return
        if not request.session.session_key:
            request.session.save()
        at = datetime.fromtimestamp(now, UTC)
        user_id = int(request.session[SESSION_KEY])
        records = get_authentication_records(request, User(pk=user_id))
        with transaction.atomic():
            BrowserSession.objects.update_or_create(
                session_key=request.session.session_key,
                defaults={"user_id": user_id, "seen_at": at},
                create_defaults={
                    "user_id": user_id,
                    "seen_at": at,
                    "began_at": at,
                    "way": way_of(records),
                    "device": device(request.headers.get("User-Agent", "")),
                },
            )
        request.session["seen"] = (request.session.session_key, now)


def of_user(user: User, *, now: datetime) -> list[BrowserSession]:
    """Where a user is signed in, the browser seen last first; what ended by itself is forgotten."""
    mine = BrowserSession.objects.filter(user=user)
    live = set(
        Session.objects.filter(session_key__in=mine.values("session_key"), expire_date__gt=now).values_list(
            "session_key", flat=True
        )
    )
    mine.exclude(session_key__in=live).delete()
    return list(mine.order_by("-seen_at", "-id"))


def end(user: User, *, ids: list[int]) -> int:
    """Sign a user out in these browsers; how many there were."""
    found = BrowserSession.objects.filter(user=user, pk__in=ids)
    keys = list(found.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    found.delete()
    return len(keys)


@receiver(user_logged_out, dispatch_uid="koinon.web.signed_out")
def forget(request: HttpRequest | None, **_more: object) -> None:
    """Whoever signs out is not signed in there any more."""
    if request is not None and request.session.session_key:
        BrowserSession.objects.filter(session_key=request.session.session_key).delete()

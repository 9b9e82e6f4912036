"""Being signed in without going through the pages that do it: with a second factor shown, as staff need it.

What the pages themselves do is told in test_signing_in, test_second_factor and journeys/test_signing_in.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.utils.crypto import get_random_string

from koinon.db.connections import Database

BACKEND = "django.contrib.auth.backends.ModelBackend"


def shown_factor(user_id: int) -> dict[str, Any]:
    """What a session holds after a second factor was shown in it."""
    return {
        "account_authentication_methods": [{"method": "mfa", "at": time.time(), "type": "totp"}],
        "account_authentication_methods_user": str(user_id),
    }


def in_browser(user: Any, *, proven: bool = True) -> Client:
    """A client signed in as a user; unless told otherwise, with a second factor shown."""
    client = Client()
    client.force_login(user, backend=BACKEND)
    if proven:
        session = client.session
        session.update(shown_factor(user.pk))
        session.save()
    return client


def session_cookie(database: Database, username: str, site: str, *, proven: bool = True) -> dict[str, Any]:
    """The cookie of a new session in this database, as Playwright takes it; asks Django for no connection."""
    from koinon.parties.models import User

    store = SessionStore()
    key = get_random_string(32, "abcdefghijklmnopqrstuvwxyz0123456789")
    with psycopg.connect(database.app_url, autocommit=True) as conn:
        row = conn.execute("SELECT id, password FROM parties_user WHERE username = %s", [username]).fetchone()
        assert row is not None, username
        user = User(pk=row[0], password=row[1])
        held = {
            "_auth_user_id": str(user.pk),
            "_auth_user_backend": BACKEND,
            "_auth_user_hash": user.get_session_auth_hash(),
            **(shown_factor(user.pk) if proven else {}),
        }
        conn.execute(
            "INSERT INTO django_session (session_key, session_data, expire_date)"
            " VALUES (%s, %s, now() + interval '8 hours')",
            [key, store.encode(held)],
        )
    return {"name": settings.SESSION_COOKIE_NAME, "value": key, "url": site}

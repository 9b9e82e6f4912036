"""The whole site as one ASGI application: the API, and everything else by Django.

Requests under /api/v1 never reach Django, its middleware or its database connections.
``koinon.server.site`` serves it; another ASGI server does as well, one process to a town.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.core.asgi import get_asgi_application

from koinon.api.application import PREFIX, Api
from koinon.api.application import application as api
from koinon.db.private import keep_to_owner

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MOST_PAGES_AT_ONCE = 60  # Each has a database connection; a PostgreSQL as installed takes 100.
_BUSY = b"The site is busy. Try again in a moment.\n"


class Site:
    """Sends each request to the API or to Django, and starts and stops the API with the server."""

    def __init__(self, pages: Any) -> None:
        self._pages = pages
        self._under_way = 0
        self._api: Api | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            self._api = _made()
            await self._api(scope, receive, send)
            return
        path = scope.get("path", "")
        if path == PREFIX or path.startswith(PREFIX + "/"):
            if self._api is None:  # A server without lifespan.
                self._api = _made()
            if not self._api.started:
                await self._api.start()
            await self._api(scope, receive, send)
            return
        if self._under_way >= MOST_PAGES_AT_ONCE:
            await _busy(send)
            return
        self._under_way += 1
        try:
            await self._pages(scope, receive, send)
        finally:
            self._under_way -= 1


def _made() -> Api:
    inside = os.environ.get("KOINON_WEBHOOKS_INSIDE") == "1"
    return api(os.environ.get("KOINON_DATABASE_URL", ""), webhooks_inside=inside)


async def _busy(send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"retry-after", b"1")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": _BUSY})


keep_to_owner()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "koinon.server.settings")
application = Site(get_asgi_application())

"""The ASGI application: the door that every request passes, and what starts and stops with it."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import sys
import time
from base64 import b32encode
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import blake2b
from logging import INFO, getLogger
from typing import Any, Protocol

from koinon.api import openapi, problems, words
from koinon.api.asking import Answer, Ask
from koinon.api.credentials import Credentials, Known
from koinon.api.errors import (
    BodyTooLarge,
    CredentialRefused,
    HeadersAmbiguous,
    KeyMissing,
    MediaTypeUnsupported,
    NoSuchRoute,
    ScopeMissing,
    TooManyRequests,
)
from koinon.api.messages import encode
from koinon.api.readers import Readers
from koinon.api.routes import Route, Router
from koinon.api.table import ROUTES
from koinon.kernel.errors import KoinonError
from koinon.parties.secrets import Secrets

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PREFIX = problems.PREFIX
_AUTHORIZATION, _KEY, _LENGTH, _TYPE, _LANGUAGE, _MATCH, _REQUEST_ID = range(7)
_HEADERS = {
    b"authorization": _AUTHORIZATION,
    b"idempotency-key": _KEY,
    b"content-length": _LENGTH,
    b"content-type": _TYPE,
    b"accept-language": _LANGUAGE,
    b"if-none-match": _MATCH,
    b"x-request-id": _REQUEST_ID,
}
_ONCE = {_AUTHORIZATION: "Authorization", _KEY: "Idempotency-Key", _LENGTH: "Content-Length", _TYPE: "Content-Type"}
_REQUEST_ID_FORM = re.compile(rb"[A-Za-z0-9-]{8,64}")
_CLOSED = "closed"  # What a request is counted as whose client went before its end.


class Posting(Protocol):
    """``koinon.payments.engine.Engine``: the one way in which money moves."""

    def start(self) -> Any: ...

    def stop(self) -> Any: ...

    def perform(self, town_id: int, command: Any) -> Awaitable[Any]: ...

    def perform_many(self, town_id: int, commands: Any) -> Awaitable[Any]: ...


class Api:
    """The API on one database. ``engine`` is another's to start and stop where it is given."""

    def __init__(self, url: str, *, engine: Posting | None = None, readers: int = 4, log: bool | None = None,
        webhooks_inside: bool = False,
    ) -> None:  # fmt: skip
        self.url = url
        self.webhooks_inside = webhooks_inside
        self.clock = time.monotonic
        self.router = Router(ROUTES)
        self.healthy_at = float("-inf")
        self._own_engine = engine is None
        self._given_engine = engine
        self._reader_threads = readers
        self._described: tuple[bytes, bytes] | None = None
        self._mark = b32encode(os.urandom(5)).decode().lower()
        self._numbers = itertools.count(1)
        self._log = log
        self.lines: Lines | None = None
        self.started = False

    # Start and stop

    async def start(self) -> None:
        """Open the posting engine and the reading connections."""
        if self.started:
            return
        self.readers = Readers(self.url, threads=self._reader_threads, most_waiting=500, name="koinon api")
        self.doorkeepers = Readers(self.url, threads=1, most_waiting=200, name="koinon api keys")
        self.credentials = Credentials(strangers=self.doorkeepers, known=self.readers, clock=self.clock)
        self.engine = self._given_engine or _engine(self.url)
        if self._own_engine:
            await asyncio.get_running_loop().run_in_executor(None, self.engine.start)
        logged = getLogger("koinon.api").isEnabledFor(INFO) if self._log is None else self._log
        self.lines = Lines() if logged else None
        self.started = True

    async def stop(self) -> None:
        """Finish what is under way and close everything."""
        if not self.started:
            return
        self.started = False
        loop = asyncio.get_running_loop()
        if self._own_engine:
            await loop.run_in_executor(None, self.engine.stop)
        await loop.run_in_executor(None, self.readers.stop)
        await loop.run_in_executor(None, self.doorkeepers.stop)
        if self.lines is not None:
            self.lines.write()

    def description(self) -> tuple[bytes, bytes]:
        """The OpenAPI document and its entity tag; made once."""
        if self._described is None:
            body = encode(openapi.document(self.router.routes))
            self._described = body, b'"' + blake2b(body, digest_size=16).hexdigest().encode() + b'"'
        return self._described

    def secrets(self) -> Secrets:
        """The installation's keys, which sign requests and seal the secrets of webhooks; read in a thread.

        Each time anew: they are turned over while the site runs, and what is sealed from then on is under the new one.
        """
        return Secrets.load()

    # Requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self.start()
                except Exception as failed:
                    await send({"type": "lifespan.startup.failed", "message": type(failed).__name__})
                    raise
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = self.clock()
        given: list[bytes | None] = [None] * 7
        twice = 0
        for name, value in scope["headers"]:
            place = _HEADERS.get(name)
            if place is not None:
                before = given[place]
                if before is None:
                    given[place] = value
                elif place in _ONCE:
                    twice = place + 1
                else:
                    given[place] = before + b"," + value
        request_id = given[_REQUEST_ID]
        if request_id is None or not _REQUEST_ID_FORM.fullmatch(request_id):
            request_id = b"%s-%x" % (self._mark.encode(), next(self._numbers))
        route: Route | None = None
        known: Known | None = None
        ask: Ask | None = None
        code = ""
        try:
            if twice:
                raise HeadersAmbiguous(header=_ONCE[twice - 1])
            path: str = scope["path"]
            if not path.startswith(PREFIX):
                raise NoSuchRoute
            route, parts = self.router.find(scope["method"], path[len(PREFIX) :])
            if not route.public:
                header = given[_AUTHORIZATION]
                if header is None:
                    raise CredentialRefused(given=False)
                known = self.credentials.at_once(header)
                if known is None:
                    known = await self.credentials.of(header)
                wait = known.bucket.take(1, now=began)
                if wait:
                    raise TooManyRequests(retry_after_seconds=problems.whole(wait))
                if route.needed and not route.needed & known.scopes:
                    raise ScopeMissing(scope=" ".join(route.scopes))
            if route.asks is not None:
                if given[_TYPE] != b"application/json" or route.media_type != "application/json":
                    _right_type(given[_TYPE], route)
                if route.moves_money and given[_KEY] is None:
                    raise KeyMissing
                body = await _body(receive, given[_LENGTH], route.limit)
                if body is None:
                    code = _CLOSED
                    return
            else:
                body = b""
            ask = Ask(
                self, known, parts, scope["query_string"], body, given[_AUTHORIZATION], given[_KEY], given[_MATCH],
                datetime.now(UTC), request_id.decode(),
            )  # fmt: skip
            if given[_LANGUAGE] is not None:
                ask.language = words.language_of(given[_LANGUAGE])
            answer = await route.handler(ask)
        except KoinonError as refusal:
            code = refusal.code
            answer = _refused(refusal, ask, given[_LANGUAGE], request_id)
        except asyncio.CancelledError:
            code = _CLOSED
            raise
        except Exception as defect:  # noqa: BLE001  The last resort: told without its message, which may quote data.
            code = "defect"
            answer = _defect(defect, given[_LANGUAGE], request_id)
        finally:
            if code == _CLOSED and self.lines is not None:
                self.lines.add(scope["method"], route, 499, code, began, self.clock(), request_id, known)
        headers = [
            (b"content-type", answer.media_type),
            (b"content-length", b"%d" % len(answer.body)),
            (b"x-request-id", request_id),
            (b"x-content-type-options", b"nosniff"),
            *answer.headers,
        ]
        if known is not None:
            headers.append(known.bucket.policy)
            headers.append(known.bucket.left)
        if answer.status in (204, 304):
            del headers[:2]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        if self.lines is not None:
            self.lines.add(scope["method"], route, answer.status, code, began, self.clock(), request_id, known)


def application(
    url: str, *, engine: Posting | None = None, readers: int = 4, log: bool | None = None,
    webhooks_inside: bool = False,
) -> Api:  # fmt: skip
    """The API on a prepared database, as an ASGI application.

    Parameters
    ----------
    url
        Address of the database, as the application's role.
    engine
        The process's posting engine where it has one already; otherwise the application makes its own, which its
        lifespan starts and stops.
    readers
        How many connections read at a time.
    log
        Whether to write a line for each request; without it as the logger ``koinon.api`` is set up.
    webhooks_inside
        Whether webhooks may be at http addresses and in inner networks: for tests, never where others have keys.
    """
    return Api(url, engine=engine, readers=readers, log=log, webhooks_inside=webhooks_inside)


def _engine(url: str) -> Posting:
    from koinon.payments.engine import Engine

    engine: Posting = Engine(url)
    return engine


def _right_type(header: bytes | None, route: Route) -> None:
    """The media type of the body, whatever its parameters say but another encoding."""
    kind, _semicolon, parameters = (header or b"").lower().partition(b";")
    charset = parameters.replace(b" ", b"").replace(b'"', b"")
    if kind.strip() != route.media_type.encode() or charset not in (b"", b"charset=utf-8"):
        raise MediaTypeUnsupported(expected=route.media_type)


async def _body(receive: Receive, length: bytes | None, limit: int) -> bytes | None:
    """The whole body, or None where the client went away. More than ``limit`` bytes are not even read."""
    if length is not None:
        if not length.isdigit():
            raise HeadersAmbiguous(header="Content-Length")
        if len(length) > 12 or int(length) > limit:
            raise BodyTooLarge(limit=limit)
    message = await receive()
    if message["type"] != "http.request":
        return None
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        if len(body) > limit:
            raise BodyTooLarge(limit=limit)
        return body
    pieces, size = [body], len(body)
    while message.get("more_body"):
        if size > limit:
            raise BodyTooLarge(limit=limit)
        message = await receive()
        if message["type"] != "http.request":
            return None
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
    if size > limit:
        raise BodyTooLarge(limit=limit)
    return b"".join(pieces)


def _refused(refusal: KoinonError, ask: Ask | None, language_header: bytes | None, request_id: bytes) -> Answer:
    language = words.language_of(language_header)
    told = problems.problem(
        refusal, language=language, request_id=request_id.decode(), discreet=ask is not None and ask.discreet
    )
    headers = [(b"cache-control", b"no-store"), *problems.headers_of(refusal, told, language)]
    return Answer(told.status, encode(told), headers, problems.MEDIA_TYPE)


def _defect(defect: Exception, language_header: bytes | None, request_id: bytes) -> Answer:
    told = problems.defect(defect, language=words.language_of(language_header), request_id=request_id.decode())
    return Answer(told.status, encode(told), [(b"cache-control", b"no-store")], problems.MEDIA_TYPE)


class Lines:
    """A JSON line for each request, as the site's own, written together ten times a second.

    The line names the route and never the address, the credential and never a person.
    """

    EVERY_SECONDS = 0.1

    def __init__(self) -> None:
        self._kept: list[str] = []
        self._due = False

    def add(
        self, method: str, route: Route | None, status: int, code: str, began: float, ended: float, request_id: bytes,
        known: Known | None,
    ) -> None:  # fmt: skip
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        who = f', "credential": "{known.credential.id}"' if known is not None else ""
        why = f', "code": "{code}"' if code else ""
        self._kept.append(
            f'{{"event": "answered", "method": "{method if route else "-"}", "route": "{route.name if route else "-"}", '
            f'"status": {status}, "milliseconds": {(ended - began) * 1000:.1f}, "request_id": "{request_id.decode()}"'
            f'{who}{why}, "level": "info", "logger": "koinon.api", "timestamp": "{stamp}.{int(now % 1 * 1000):03d}Z"}}\n'
        )
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_later(self.EVERY_SECONDS, self.write)

    def write(self) -> None:
        """Hand over what is kept."""
        self._due = False
        if self._kept:
            written = "".join(self._kept)
            self._kept.clear()
            with suppress(OSError, ValueError):  # Nobody reads the log any more; payments go on.
                sys.stderr.write(written)

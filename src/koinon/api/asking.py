"""One request as the handlers see it, and their answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from koinon.api import decoding, problems
from koinon.api.errors import KeyMalformed, KeyMissing, NoSuchThing, TooManyRequests
from koinon.api.messages import encode
from koinon.kernel.identifiers import id_for_key

if TYPE_CHECKING:
    from psycopg import Connection

    from koinon.api.application import Api
    from koinon.api.credentials import Known

T = TypeVar("T")
_VISIBLE = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")
_CANONICAL = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
REPLAYED = (b"idempotency-replayed", b"true")
JSON = b"application/json"


class Answer:
    """Status, body and headers of a response."""

    __slots__ = ("body", "headers", "media_type", "status")

    def __init__(
        self, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = (), media_type: bytes = JSON
    ) -> None:
        self.status = status
        self.body = body
        self.headers = headers
        self.media_type = media_type


class Ask:
    """A request that has passed the door: its credential is known and it was within its rate."""

    __slots__ = (
        "_known",
        "api",
        "authorization",
        "body",
        "discreet",
        "given",
        "if_none_match",
        "key",
        "language",
        "now",
        "query",
        "request_id",
    )  # fmt: skip

    def __init__(
        self,
        api: Api,
        known: Known | None,
        given: list[str],
        query: bytes,
        body: bytes,
        authorization: bytes | None,
        key: bytes | None,
        if_none_match: bytes | None,
        now: datetime,
        request_id: str,
    ) -> None:
        self.api = api
        self._known = known
        self.given = given
        self.query = query
        self.body = body
        self.authorization = authorization
        self.key = key
        self.if_none_match = if_none_match
        self.now = now
        self.request_id = request_id
        self.language = "en"
        self.discreet = False

    @property
    def known(self) -> Known:
        assert self._known is not None, "only public routes have no credential"
        return self._known

    def decoded(self, kind: type[T]) -> T:
        return decoding.body(kind, self.body)

    def parameters(self, kind: type[T]) -> T:
        return decoding.parameters(self.query, kind)

    def uuid(self, place: int = 0) -> UUID:
        """A variable part of the path that is an id; what cannot be one is not there."""
        if not _CANONICAL.fullmatch(self.given[place]):
            raise NoSuchThing
        return UUID(self.given[place])

    def id(self) -> UUID:
        """What the Idempotency-Key of this request stands for: two credentials never mean the same thing by one."""
        if self.key is None:
            raise KeyMissing
        return self.id_of(key_in(self.key))

    def id_of(self, key: str) -> UUID:
        return id_for_key(self.known.actor, key)

    def charge(self, cost: int) -> None:
        """Count further requests against the credential's rate."""
        bucket = self.known.bucket
        wait = bucket.take(cost, now=self.api.clock())
        if wait:
            raise TooManyRequests(retry_after_seconds=problems.whole(wait))

    async def read(self, read: Callable[[Connection[Any]], T]) -> T:
        return await self.api.readers.run(read)

    def tagged(self, told: Any, headers: Iterable[tuple[bytes, bytes]] = ()) -> Answer:
        """An answer with its entity tag, or 304 where the client has it already (RFC 9110, 13.1.2)."""
        body = encode(told)
        tag = b'"' + blake2b(body, digest_size=16).hexdigest().encode() + b'"'
        listed = [(b"etag", tag), (b"cache-control", b"private, no-cache"), *headers]
        if self.if_none_match is not None:
            known = [one.strip().removeprefix(b"W/") for one in self.if_none_match.split(b",")]
            if tag in known or known == [b"*"]:
                return Answer(304, b"", listed)
        return Answer(200, body, listed)


def key_in(header: bytes) -> str:
    """The key of an Idempotency-Key header: a quoted string (RFC 8941) or the bare text; ``KeyMalformed``.

    >>> key_in(b'"receipt 17"'), key_in(b"receipt-17")
    ('receipt 17', 'receipt-17')
    """
    try:
        text = header.decode("ascii").strip()
    except UnicodeDecodeError:
        raise KeyMalformed from None
    if len(text) >= 2 and text[0] == text[-1] == '"':
        inner = text[1:-1]
        if "\\" in inner or '"' in inner:
            unescaped = re.sub(r'\\(["\\])', r"\1", inner)
            if re.search(r'(?<!\\)(?:\\\\)*(?:\\(?!["\\])|")', inner):
                raise KeyMalformed
            inner = unescaped
        text = inner
    if not _VISIBLE.fullmatch(text):
        raise KeyMalformed
    return text

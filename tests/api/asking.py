"""A small town with money in its purses, and the API asked through ASGI itself: no socket, real database, real engine.

| fixture | gives |
| --- | --- |
| `town` | ana (a household with 50.00 of aid and 20.00 free money), pere, the shops forn and llibres; committed |
| `api` | the started application on the town's database |
| `asking` | `asking("POST", "/payments", json={...}, key="k1", by=secret)` -> an `Told` |
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from koinon.api import operations
from koinon.api.application import Api, application
from koinon.api.types import NewCredential, Scope
from koinon.db.connections import Database, connect
from koinon.kernel.identifiers import new_id
from tests.programmes.small_town import SmallTown, build

EVERYTHING = tuple(Scope)


@dataclass
class Books:
    """The town and what the tests write in it besides."""

    town: SmallTown
    conn: Connection[Any]
    secrets: dict[str, NewCredential] = field(default_factory=dict)

    def key(
        self, name: str = "all", *, scopes: Any = EVERYTHING, party: str = "", rate: int = 10_000, **more: Any
    ) -> str:
        """The secret of a key of this name, made when it is first asked for."""
        if name not in self.secrets:
            self.secrets[name] = operations.add_key(
                self.conn, town_id=self.town.id, name=name, scopes=scopes, actor="test", at=datetime.now(UTC),
                party=self.town.parties[party] if party else None, requests_per_second=rate, **more,
            )  # fmt: skip
            self.conn.commit()
        return self.secrets[name].secret

    def party(self, name: str) -> str:
        return str(self.town.parties[name])

    def balance(self, name: str, fund: str = "") -> str:
        try:
            return self.town.balance(name, fund)
        finally:
            self.conn.rollback()


@dataclass(frozen=True)
class Told:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json.get("code", ""))


class Loop:
    """An event loop in a thread of its own, as the server has it, so that tests are plain functions."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def begin(self, coroutine: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def run(self, coroutine: Any) -> Any:
        return self.begin(coroutine).result(60)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@dataclass
class Asking:
    """Asks the application, in order or many at a time."""

    app: Api
    loop: Loop

    def __call__(self, method: str, path: str, **how: Any) -> Told:
        return self.begin(method, path, **how).result(60)  # type: ignore[no-any-return]

    def begin(
        self, method: str, path: str, *, by: str = "", json: Any = None, key: str = "", body: bytes | None = None,
        headers: dict[str, str] | list[tuple[str, str]] | None = None, query: str = "", pieces: int = 1,
    ) -> Future[Any]:  # fmt: skip
        listed = list(headers.items() if isinstance(headers, dict) else headers or [])
        names = {name.lower() for name, _ in listed}
        if by and "authorization" not in names:
            listed.append(("authorization", f"Bearer {by}"))
        if key and "idempotency-key" not in names:
            listed.append(("idempotency-key", key))
        if json is not None or body is not None:
            body = body if body is not None else _json(json)
            if "content-type" not in names:
                listed.append(("content-type", "application/json"))
            if "content-length" not in names:
                listed.append(("content-length", str(len(body))))
        return self.loop.begin(ask(self.app, method, f"/api/v1{path}", listed, body or b"", query, pieces))


def _json(content: Any) -> bytes:
    return json.dumps(content).encode()


async def ask(
    app: Any,
    method: str,
    path: str,
    headers: list[tuple[str, str]],
    body: bytes = b"",
    query: str = "",
    pieces: int = 1,
) -> Told:
    """One request through ASGI."""
    step = max(1, -(-len(body) // pieces))
    parts = [body[place : place + step] for place in range(0, len(body), step)] or [b""]
    waiting = [
        {"type": "http.request", "body": part, "more_body": number < len(parts) - 1}
        for number, part in enumerate(parts)
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": query.encode(), "scheme": "http", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
    }  # fmt: skip
    await app(scope, receive, send)
    if not sent:
        return Told(0, {}, b"")
    listed = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
    return Told(sent[0]["status"], listed, b"".join(message.get("body", b"") for message in sent[1:]))


def build_books(conn: Connection[Any], slug: str = "vila") -> Books:
    town = build(conn, slug=slug)
    town.fund("aid", rule={"exclude_chains": True})
    town.fund("gift", rule={"peers_allowed": True})
    town.household("ana", zone="besos")
    town.household("pere", zone="centre")
    town.shop("forn", zone="besos")
    town.shop("llibres", zone="centre", sector="47.61", sector_group="books")
    town.shop("cadena", zone="centre", is_chain=True)
    town.give("ana", "aid", "50.00")
    town.give("ana", "gift", "20.00")
    conn.commit()
    return Books(town, conn)


@pytest.fixture(scope="module")
def books(databases: Any) -> Iterator[Books]:
    """One town for the tests of a file, which give their own keys and references."""
    with databases.clone() as database, connect(database.app_url, application_name="koinon tests") as conn:
        made = build_books(conn)
        made.database = database  # type: ignore[attr-defined]
        yield made


@pytest.fixture
def town(books: Books) -> SmallTown:
    return books.town


@pytest.fixture(scope="module")
def api(books: Books) -> Iterator[Api]:
    database: Database = books.database  # type: ignore[attr-defined]
    app, loop = application(database.app_url, log=False), Loop()
    loop.run(app.start())
    app.loop = loop  # type: ignore[attr-defined]
    yield app
    loop.run(app.stop())
    loop.close()


@pytest.fixture
def asking(api: Api) -> Asking:
    return Asking(api, api.loop)  # type: ignore[attr-defined]


def fresh() -> str:
    """A key nobody has used."""
    return str(new_id())


Pay = Callable[..., Told]


def payment(books: Books, payer: str, payee: str, minor: int, **more: Any) -> dict[str, Any]:
    """The body of a payment."""
    return {"payer": books.party(payer), "payee": books.party(payee), "amount_minor": minor, "unit": "REC", **more}


def uuid(text: str) -> UUID:
    return UUID(text)

"""The parts of the application that only ``server`` knows how to join.

The command line lies beneath ``server`` and beside ``jobs`` (a test keeps the
layers); it is the entry point all the same, so it asks for them by name, here
and nowhere else.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from psycopg import Connection

    from koinon.db.connections import Database
    from koinon.parties.types import TownFacts


class Preparing(Protocol):
    """``koinon.server.prepare``."""

    def prepare(self, database: Database) -> int: ...


class Site(Protocol):
    """``koinon.server.site``."""

    def bind(self, host: str, port: int) -> socket.socket: ...

    def serve(self, *, listening: socket.socket, on_ready: Callable[[str], None] | None = None) -> None: ...


class Bench(Protocol):
    """``koinon.bench.payments``."""

    def measure(
        self, asked: object, *, root: Path, prepare: Callable[[Database], int], say: Callable[[str], None]
    ) -> dict[str, Any]: ...

    def Asked(self, **what: Any) -> object: ...


class BenchTrace(Protocol):
    """``koinon.bench.trace``."""

    def measure(self, asked: object, *, root: Path, say: Callable[[str], None]) -> dict[str, Any]: ...

    def Asked(self, **what: Any) -> object: ...


class Timer(Protocol):
    """``koinon.jobs.timer``."""

    def running(self, url: str) -> AbstractContextManager[object]: ...


class Inbox(Protocol):
    """``koinon.jobs.inbox``."""

    def inbox_round(self, conn: Connection[Any], *, now: datetime) -> dict[Any, int]: ...


class MadeKey(Protocol):
    """``koinon.api.types.NewCredential``."""

    @property
    def id(self) -> UUID: ...

    @property
    def client_id(self) -> str: ...

    @property
    def secret(self) -> str: ...


class KeptKey(Protocol):
    """``koinon.api.types.CredentialFacts``."""

    @property
    def id(self) -> UUID: ...

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def scopes(self) -> list[str]: ...

    @property
    def party(self) -> UUID | None: ...

    @property
    def requests_per_second(self) -> int: ...

    @property
    def created_at(self) -> datetime: ...

    @property
    def expires_at(self) -> datetime | None: ...

    @property
    def revoked_at(self) -> datetime | None: ...


class Api(Protocol):
    """``koinon.api.operations``."""

    def add_key(self, conn: Connection[Any], **asked: Any) -> MadeKey: ...

    def revoke_key(self, conn: Connection[Any], **asked: Any) -> None: ...


class ApiQueries(Protocol):
    """``koinon.api.queries``."""

    def credentials(self, conn: Connection[Any], *, town_id: int) -> list[KeptKey]: ...


class MadeSandbox(Protocol):
    """``koinon.api.sandbox.Sandbox``."""

    @property
    def town(self) -> TownFacts: ...

    @property
    def households(self) -> dict[str, UUID]: ...

    @property
    def shops(self) -> dict[str, UUID]: ...

    @property
    def key(self) -> MadeKey | None: ...


class Founding(Protocol):
    """``koinon.api.sandbox``."""

    def found(self, conn: Connection[Any], *, at: datetime, new_key: bool = False) -> MadeSandbox: ...


def api() -> Api:
    return cast(Api, import_module("koinon.api.operations"))


def api_queries() -> ApiQueries:
    return cast(ApiQueries, import_module("koinon.api.queries"))


def sandbox() -> Founding:
    return cast(Founding, import_module("koinon.api.sandbox"))


def preparing() -> Preparing:
    return cast(Preparing, import_module("koinon.server.prepare"))


def site() -> Site:
    return cast(Site, import_module("koinon.server.site"))


def bench_disburse() -> Bench:
    return cast(Bench, import_module("koinon.bench.disburse"))


def bench_journal() -> Bench:
    return cast(Bench, import_module("koinon.bench.journal"))


def bench_till() -> Bench:
    return cast(Bench, import_module("koinon.bench.till"))


def bench_trace() -> BenchTrace:
    return cast(BenchTrace, import_module("koinon.bench.trace"))


def bench() -> Bench:
    return cast(Bench, import_module("koinon.bench.payments"))


def timer() -> Timer:
    return cast(Timer, import_module("koinon.jobs.timer"))


def text_messages(conn: Connection[Any], *, now: datetime) -> dict[str, int]:
    """Take in the text messages that wait; how many of each kind. What goes wrong is logged to stderr."""
    with redirect_stdout(sys.stderr):
        found = cast(Inbox, import_module("koinon.jobs.inbox")).inbox_round(conn, now=now)
    return {str(answer): count for answer, count in found.items()}

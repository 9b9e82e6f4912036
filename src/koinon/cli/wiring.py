"""The parts of the application that only ``server`` knows how to join.

The command line lies beneath ``server`` and beside ``jobs`` (a test keeps the
layers); it is the entry point all the same, so it asks for them by name, here
and nowhere else.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from koinon.db.connections import Database


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


class Timer(Protocol):
    """``koinon.jobs.timer``."""

    def running(self, url: str) -> AbstractContextManager[object]: ...


def preparing() -> Preparing:
    return cast(Preparing, import_module("koinon.server.prepare"))


def site() -> Site:
    return cast(Site, import_module("koinon.server.site"))


def bench() -> Bench:
    return cast(Bench, import_module("koinon.bench.payments"))


def timer() -> Timer:
    return cast(Timer, import_module("koinon.jobs.timer"))

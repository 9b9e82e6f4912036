"""Statements that an event loop sends itself: no thread is woken to write, and none to hear what came of it.

    lane = await Lane.open(url, "koinon payments")
    [rows] = await lane.ask((sql, {"town_id": 1}), ends=True)

Several statements go to the server in one piece (libpq's pipeline mode), and what ``ends`` a piece ends the
transaction that it began: statements that were asked before belong to it too.
Whatever goes wrong is raised, and the lane is then of no further use: what became of the transaction is
for somebody with more patience to find out (koinon.db.batching).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Self
from uuid import UUID

from psycopg import Connection, DataError, OperationalError
from psycopg import errors as refusals
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult

from koinon.db.arrays import Packed
from koinon.db.connections import connect

Statement = tuple[str, Mapping[str, Any]]
"""SQL with named parameters, as psycopg writes them, and their values."""

BEGIN: Statement = ("BEGIN", {})
COMMIT: Statement = ("COMMIT", {})
ROLLBACK: Statement = ("ROLLBACK", {})


@dataclass(frozen=True, slots=True)
class Rows:
    """What one statement answered."""

    names: tuple[str, ...]
    values: list[tuple[Any, ...]]

    def only(self) -> dict[str, Any]:
        """The only row by its names; that there is exactly one is for our own code to know."""
        (row,) = self.values
        return dict(zip(self.names, row, strict=True))


class Lane:
    """One connection, driven by the event loop in which it was opened; one piece is under way at a time."""

    def __init__(self, conn: Connection[Any], loop: asyncio.AbstractEventLoop) -> None:
        self._conn = conn
        self._pg: PGconn = conn.pgconn
        self._transformer = Transformer(conn)
        self._loop = loop
        self._prepared: dict[str, tuple[bytes, tuple[str, ...]]] = {}
        self._due: list[bool] = []  # For each answer to come, whether its rows are wanted.
        self._came: list[Rows] = []
        self._group: list[PGresult] = []
        self._refused: Exception | None = None
        self._asked: asyncio.Future[list[Rows]] | None = None
        self._writing = False
        self._pg.nonblocking = 1
        self._pg.enter_pipeline_mode()
        self._socket = self._pg.socket
        loop.add_reader(self._socket, self._readable)

    @classmethod
    async def open(cls, url: str, name: str) -> Self:
        """Raises ``Unreachable``."""
        loop = asyncio.get_running_loop()
        conn = await loop.run_in_executor(None, lambda: connect(url, application_name=name))
        conn.autocommit = True
        try:
            return cls(conn, loop)
        except BaseException:
            conn.close()  # A loop that cannot drive it.
            raise

    async def ask(self, *statements: Statement, ends: bool = False) -> list[Rows]:
        """The rows of each statement, in order, once all of them have answered.

        Raises what psycopg does, and ``OperationalError`` where the connection is gone.
        """
        assert self._asked is None, "one piece at a time"
        for sql, values in statements:
            self._send(sql, values)
        if ends:
            self._pg.pipeline_sync()
            self._due.append(False)
        else:
            self._pg.send_flush_request()
        self._asked = self._loop.create_future()
        self._flush()
        return await self._asked

    def close(self) -> None:
        """Give the connection up; whoever waits is told."""
        if self._socket >= 0 and not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
            if self._writing:
                self._loop.remove_writer(self._socket)
        self._socket = -1
        self._conn.close()
        self._tell(OperationalError("the connection was given up"))

    def _send(self, sql: str, values: Mapping[str, Any]) -> None:
        parameters: list[bytes | None]
        if sql not in self._prepared:
            text, names = _numbered(sql)
            name = f"lane_{len(self._prepared)}".encode()
            types = [_type(values[called]) for called in names]
            self._pg.send_prepare(name, text.encode(), types)
            self._due.append(False)
            self._prepared[sql] = name, names
        name, names = self._prepared[sql]
        given = [values[called] for called in names]
        parameters = [_content(value) for value in given]
        formats = [Format.BINARY if isinstance(value, Packed) else Format.TEXT for value in given]
        self._pg.send_query_prepared(name, parameters, param_formats=formats, result_format=Format.TEXT)
        self._due.append(True)

    def _flush(self) -> None:
        try:
            unsent = bool(self._pg.flush())
        except OperationalError as lost:
            self._tell(lost)
            return
        if unsent and not self._writing:
            self._loop.add_writer(self._socket, self._flush)
        elif self._writing and not unsent:
            self._loop.remove_writer(self._socket)
        self._writing = unsent

    def _readable(self) -> None:
        try:
            self._pg.consume_input()
            self._take()
            if self._pg.status != ConnStatus.OK:
                raise OperationalError("the connection is lost")
        except Exception as lost:  # noqa: BLE001  Told to whoever waits, who gives the lane up.
            if self._asked is None:
                self._loop.remove_reader(self._socket)  # Idle and dead: the next question finds out.
            self._tell(lost)

    def _take(self) -> None:
        """Read what has come; each statement's results end with None, and the end of a transaction stands alone."""
        while self._due and not self._pg.is_busy():
            result = self._pg.get_result()
            if result is None:
                if not self._group:
                    break
                self._answered(self._group[-1])
                self._group = []
            elif result.status == ExecStatus.PIPELINE_SYNC:
                self._due.pop(0)
            else:
                self._group.append(result)
        if self._asked is not None and not self._due:
            came, self._came = self._came, []
            asked, self._asked = self._asked, None
            refused, self._refused = self._refused, None
            if asked.done():  # Whoever asked has been cancelled.
                return
            if refused is None:
                asked.set_result(came)
            else:
                asked.set_exception(refused)

    def _answered(self, result: PGresult) -> None:
        wanted = self._due.pop(0)
        if result.status in (ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED):
            if self._refused is None:
                code = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
                self._refused = _refusal(code, result.error_message.decode(errors="replace"))
                self._tell(self._refused)
        elif wanted:
            transformer = self._transformer
            transformer.set_pgresult(result)
            names = tuple((result.fname(place) or b"").decode() for place in range(result.nfields))
            rows = transformer.load_rows(0, result.ntuples, tuple) if names else []
            self._came.append(Rows(names, rows))

    def _tell(self, error: Exception) -> None:
        asked, self._asked = self._asked, None
        if asked is not None and not asked.done() and not self._loop.is_closed():
            asked.set_exception(error)


def _refusal(code: str, message: str) -> Exception:
    try:
        kind: type[Exception] = refusals.lookup(code)
    except KeyError:
        kind = refusals.DatabaseError
    return kind(message)


@cache
def _numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """A statement with numbers for names, and the names in order.

    >>> _numbered("SELECT %(a)s, %(b)s, %(a)s, 5 %% 2")
    ('SELECT $1, $2, $1, 5 % 2', ('a', 'b'))
    """
    names: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        name = found.group(1)
        return "%" if name is None else f"${names.setdefault(name, len(names) + 1)}"

    return re.sub(r"%\((\w+)\)s|%%", number, sql), tuple(names)


def _type(value: Any) -> int:
    return value.ARRAY if isinstance(value, Packed) else 0  # 0: as the statement needs it.


def _content(value: Any) -> bytes | None:
    match value:
        case Packed():
            return value.content
        case None:
            return None
        case str():
            if "\0" in value:  # libpq would send what comes before it.
                raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
            return value.encode()
        case int() | UUID():
            return str(value).encode()
        case datetime():
            return value.isoformat().encode()
    raise TypeError(f"{type(value).__name__} is not sent by a lane")

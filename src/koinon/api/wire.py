"""HTTP on the wire, for the site and for the API alone: uvicorn's own, with an end to what a client may keep it busy with."""

from __future__ import annotations

import asyncio
from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle


class _Held:
    """Takes what would be written to the connection, so that it goes out together with what follows."""

    __slots__ = ("closing", "pieces")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.pieces.append(data)

    def close(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing


class JoinedCycle(RequestResponseCycle):
    """One answer, written in one piece: its head waits for the first of its body.

    Two writes are two calls of the system and, for a small answer, two packets and two moments for its reader.
    """

    _head: _Held | None = None

    async def send(self, message: Any) -> None:
        connection = self.transport
        held = self._head or _Held()
        self.transport = held  # type: ignore[assignment]
        try:
            await super().send(message)
        finally:
            self.transport = connection
        if message["type"] == "http.response.start":
            self._head = held
            return
        self._head = None
        if held.pieces:
            connection.write(b"".join(held.pieces))
        if held.closing:
            connection.close()


class Wire(HttpToolsProtocol):
    """Closes a connection whose headers grow without end, or on which a request does not arrive as a whole in time.

    A request that arrives in one piece, as those of tills do, costs nothing more.
    """

    largest_head_bytes = 64 * 1024
    slowest_seconds = 120.0  # A folder of two megabytes over a slow line takes half of that.

    _head = 0
    _in_head = True
    _whole = False
    _deadline: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self.slowest_seconds, self._give_up)

    def data_received(self, data: bytes) -> None:
        before = self._in_head
        super().data_received(data)
        if self._whole:
            return
        if before and self._in_head:
            self._head += len(data)
            if self._head > self.largest_head_bytes:
                self._give_up()
                return
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.slowest_seconds, self._give_up)

    def on_message_begin(self) -> None:
        self._head, self._in_head, self._whole = 0, True, False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            self.cycle.__class__ = JoinedCycle  # uvicorn names its own class where it makes one.

    def on_message_complete(self) -> None:
        self._whole = True
        self._no_deadline()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._no_deadline()
        super().connection_lost(exc)

    def _no_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.abort()

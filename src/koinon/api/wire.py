"""HTTP on the wire, for the site and for the API alone: uvicorn's own, with an end to what a client may keep it busy with."""

from __future__ import annotations

import asyncio
from asyncio import TimerHandle

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


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
        super().on_headers_complete()

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

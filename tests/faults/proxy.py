"""Stands in connections and cuts them: at once, in the middle of a request, around a commit, before an answer.

All proxies of a run share one event loop in a thread of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHUNK = 2**16


@dataclass
class Plan:
    """What to do at the next chosen moment; it happens once.

    ``moment`` is one of

    - ``request``   half of a request has gone through
    - ``answer``    an answer is about to be given
    - ``before``    a commit is about to go through
    - ``during``    a commit has gone through
    - ``slowly``    the same, but ``act`` runs before the commit arrives
    - ``after``     a commit is done and nobody has been told

    ``act`` runs at that moment; then the connection is cut.
    """

    moment: str
    act: Callable[[], None] = lambda: None
    happened: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        self.act()
        self.happened.set()


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, what: Callable[[], Any]) -> Any:
        async def now() -> Any:
            return what()

        return asyncio.run_coroutine_threadsafe(now(), self.loop).result(30)

    def wait(self, task: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(task, self.loop).result(30)

    def close(self) -> None:
        async def cancel() -> None:
            running = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

        self.wait(cancel())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


class Proxy:
    """Passes bytes between whoever connects to it and the socket at ``target``."""

    def __init__(self, loop: Loop, target: Path) -> None:
        self.target = target
        self.cuts = 0
        self._loop = loop
        self._plan: Plan | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    def listen_on_port(self) -> int:
        self._server = self._loop.wait(asyncio.start_server(self._serve, "127.0.0.1", 0))
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def listen_on_socket(self, path: Path) -> None:
        self._server = self._loop.wait(asyncio.start_unix_server(self._serve, str(path)))

    def arm(self, plan: Plan | None) -> None:
        """Wait for the plan's moment, on whichever connection meets it first; None waits for nothing any more."""

        def set_plan() -> None:
            self._plan = plan

        self._loop.call(set_plan)

    def cut_all(self) -> None:
        """Cut every connection now."""

        def cut() -> None:
            self.cuts += 1
            for writer in list(self._open):
                writer.transport.abort()

        self._loop.call(cut)

    def close(self) -> None:
        def stop() -> None:
            if self._server is not None:
                self._server.close()
            for writer in list(self._open):
                writer.transport.abort()

        self._loop.call(stop)

    def _take(self, *moments: str) -> Plan | None:
        plan = self._plan
        if plan is None or plan.moment not in moments:
            return None
        self._plan = None
        self.cuts += 1
        return plan

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        there: asyncio.StreamWriter | None = None
        try:
            back, there = await asyncio.open_unix_connection(str(self.target))
            self._open.add(there)
            wire = _Wire(self)
            pumps = [asyncio.create_task(wire.up(reader, there)), asyncio.create_task(wire.down(back, writer))]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            pass  # Nobody is there: the caller sees the connection end.
        finally:
            for end in (writer, there):
                if end is not None:
                    self._open.discard(end)
                    with suppress(OSError):
                        end.close()


class _Wire:
    """One connection through a proxy. Either way returns when the connection is to be cut."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._after: Plan | None = None

    async def up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if plan := self._proxy._take("request"):
                    writer.write(data[: len(data) // 2])
                    await writer.drain()
                    plan.run()
                    return
                plan = self._proxy._take("before", "during", "slowly", "after") if b"COMMIT" in data else None
                if plan is not None and plan.moment == "before":
                    plan.run()
                    return
                if plan is not None and plan.moment == "after":
                    self._after = plan
                if plan is not None and plan.moment == "slowly":
                    plan.run()
                writer.write(data)
                await writer.drain()
                if plan is not None and plan.moment == "during":
                    plan.run()
                if plan is not None and plan.moment in ("during", "slowly"):
                    return

    async def down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                plan = self._after or self._proxy._take("answer")
                if plan is not None:
                    plan.run()
                    return
                writer.write(data)
                await writer.drain()

"""A client in a process of its own: ``python -m tests.faults.client FILE`` with a ``Wish`` as JSON in it.

Each of its askers asks one thing at a time and asks again, with the same ids, until
it is told what became of it. Killed and started again, it reads its own history and
begins with what nobody has told it yet. It stops when its standard input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import history
from tests.faults.over_http import Dialect
from tests.faults.traffic import Known, Traffic

PATIENCE_SECONDS = 4.0
LINE_LIMIT = 2**20


@dataclass(frozen=True, slots=True)
class Wish:
    """Who a client is and what it may touch."""

    name: str
    seed: str
    life: int  # How often it was started.
    ports: list[int]
    accounts: list[int]
    askers: int
    reads_of: int
    pause_seconds: float
    journal: str
    actor: str = ""
    secret: str = ""  # Of a key: then asks go over HTTP.
    parties: dict[str, str] = field(default_factory=dict)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


class Unknown(Exception):
    """Nobody said what became of it."""


class Link:
    """A connection that is made when it is needed."""

    def __init__(self, wish: Wish, turn: int) -> None:
        self._ports = wish.ports
        self._turn = turn
        self._http = Dialect(wish.secret, wish.parties) if wish.secret else None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> None:
        while self._streams is None:
            port = self._ports[self._turn % len(self._ports)]
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    self._streams = await asyncio.open_connection("127.0.0.1", port, limit=LINE_LIMIT)
            except (OSError, TimeoutError):
                await asyncio.sleep(0.1)
                self._turn += 1

    async def ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert self._streams is not None
        reader, writer = self._streams
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                writer.write(self._http.request(asked) if self._http else json.dumps(asked).encode() + b"\n")
                await writer.drain()
                if self._http:
                    return await self._http.response(reader, asked)
                answer: dict[str, Any] = json.loads(await reader.readuntil(b"\n"))
                return answer
        except (OSError, TimeoutError, EOFError) as broken:
            self.close()
            raise Unknown(type(broken).__name__) from broken

    def close(self) -> None:
        """The next attempt goes to the next application, where there are several."""
        self._turn += 1
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Client:
    """Several askers and one history."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        path = Path(wish.journal)
        before = history.operations(history.lines(path))
        self.known = Known()
        for operation in before.values():
            if not operation.is_read:
                self.known.learn(operation)
        self.unsettled = [operation for operation in before.values() if not operation.said]
        self.journal = history.Journal(path)
        self.traffic = Traffic(
            random.Random(f"{wish.seed}/{wish.name}/{wish.life}"),
            wish.accounts,
            wish.reads_of,
            wish.actor or f"till:{wish.name}",
            over_http=bool(wish.secret),
        )
        self.stopping = asyncio.Event()
        self._number = 0

    async def run(self) -> None:
        watch = asyncio.create_task(self._watch())
        await asyncio.gather(*(self._asker(number) for number in range(self.wish.askers)))
        watch.cancel()

    async def _watch(self) -> None:
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await reader.read()
        self.stopping.set()

    async def _asker(self, number: int) -> None:
        link = Link(self.wish, number)
        while self.unsettled:
            operation = self.unsettled.pop()
            await self._settle(link, operation.name, operation.asked, operation.tries + 1)
        while not self.stopping.is_set():
            asked = self.traffic.next(self.known)
            if asked["do"] == "post" and self.traffic.chance.random() < 0.06:
                other = Link(self.wish, number + 1)
                again = self.traffic.twice(asked)
                await asyncio.gather(self._settle(link, self._name(), asked), self._settle(other, self._name(), again))
                other.close()
            else:
                await self._settle(link, self._name(), asked)
            if self.wish.pause_seconds:
                await asyncio.sleep(self.traffic.chance.expovariate(1 / self.wish.pause_seconds))

    def _name(self) -> str:
        self._number += 1
        return f"{self.wish.name}.{self.wish.life}.{self._number}"

    async def _settle(self, link: Link, name: str, asked: dict[str, Any], attempt: int = 1) -> None:
        while True:
            await link.open()
            self.journal.invoke(name, asked, attempt=attempt)
            attempt += 1
            try:
                answer = await link.ask(asked)
            except Unknown as why:
                self.journal.told(name, "unknown", why=str(why))
                await asyncio.sleep(self.traffic.chance.uniform(0.02, 0.2))
                continue
            said = answer.pop("said")
            self.journal.told(name, said, **answer)
            if said in ("ok", "refused", "read"):
                if asked["do"] == "post":
                    self.known.learn(history.Operation(name, 0, asked, said=said))
                return
            await asyncio.sleep(answer.get("retry_after", 0.1))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(Client(Wish(**json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))).run())

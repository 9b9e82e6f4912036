"""One posting path for everybody: what is asked at the same time is collected and posted as one exact batch.

Nobody waits for a clock: while one batch commits, the next one fills, and a lone command goes at once. When too
much is waiting, nothing more is taken and the caller is told when to ask again. An answer is given after
the commit and never before it; a batch whose connection broke is written again, and because each command's
id is its idempotency key, what was posted already is found and not posted twice.

Knows no page, no API and no Django: the ways in hold an ``Engine`` each, or share one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice
from math import ceil
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from psycopg import Connection, InterfaceError, OperationalError

from koinon.db.batching import Batcher, NotQuick
from koinon.db.errors import QueueFull
from koinon.db.lanes import Lane
from koinon.db.transactions import savepoint
from koinon.payments import operations
from koinon.payments.commands import Command
from koinon.payments.errors import Busy
from koinon.payments.operations import Done, Outcome

MOST_AT_ONCE = 1000
"""Commands in one call of ``perform``: enough to be quick, few enough that a failing one does not cost many."""

_Asked = tuple[int, tuple[Command, ...]]
_Answered = list[Outcome | Exception]


class Engine:
    """Collects commands of all towns. An event loop writes its own through lanes; the others, and what a lane leaves,
    go to ``writers``, threads with a connection each. docs/algorithms/batching.md compares the two ways.
    """

    def __init__(self, url: str, *, writers: int = 1, most_waiting: int = 4000, most_in_a_batch: int = 500) -> None:
        self._batcher: Batcher[_Asked, _Answered] = Batcher(
            url,
            write,
            writers=writers,
            most_waiting=most_waiting,
            most_in_a_batch=most_in_a_batch,
            quick=write_by,
            weigh=_weight,
            application_name="koinon payments",
        )
        self._most_waiting = most_waiting
        self._attempts: dict[tuple[asyncio.AbstractEventLoop, int, UUID], asyncio.Event] = {}
        self._behind: set[asyncio.Future[Any]] = set()  # Attempts that wait for an earlier one of the same id.

    def start(self) -> None:
        self._batcher.start()

    def stop(self) -> None:
        """Take nothing more, answer what was taken, and close the connections."""
        self._batcher.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def perform(self, town_id: int, command: Command) -> Done:
        """What came of a command once it is committed; or raise its refusal, or ``Busy``."""
        (answer,) = await self._collect(town_id, (command,))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def perform_many(self, town_id: int, commands: Sequence[Command]) -> list[Outcome | Exception]:
        """What came of each of some commands, in order, once all are committed; refusals and errors are values.

        They stand together and in this order between those of others. Raises ``Busy``, and then none was tried.
        """
        return await self._collect(town_id, tuple(commands)) if commands else []

    async def _collect(self, town_id: int, commands: tuple[Command, ...]) -> _Answered:
        """One attempt of an id after the other: what an earlier one comes to must not follow a later one's refusal.

        An attempt that its caller has given up goes on, so the next one waits for its end all the same.
        """
        loop = asyncio.get_running_loop()
        ours = {(loop, town_id, command.id) for command in commands}
        while earlier := next((attempt for one in ours if (attempt := self._attempts.get(one))), None):
            await self._wait_for(earlier)
        try:
            asked = self._batcher.ask((town_id, commands))
        except QueueFull as full:
            raise Busy(retry_after_seconds=ceil(full.retry_after_seconds)) from full
        ended = asyncio.Event()
        self._attempts.update(dict.fromkeys(ours, ended))

        def end(_: object = None) -> None:
            for one in ours:
                del self._attempts[one]
            ended.set()

        try:
            return await asyncio.shield(asked)
        finally:
            if asked.done():
                end()
            else:
                asked.add_done_callback(end)

    async def _wait_for(self, earlier: asyncio.Event) -> None:
        if len(self._behind) >= self._most_waiting:
            raise Busy(retry_after_seconds=1)
        waiting = asyncio.ensure_future(earlier.wait())
        self._behind.add(waiting)
        try:
            await waiting
        finally:
            self._behind.discard(waiting)


def write(conn: Connection[Any], asked: Sequence[_Asked]) -> list[_Answered]:
    """Perform what was asked, town by town, in the order in which it came; the Batcher commits.

    What makes a batch fail as a whole, or must be decided one by one because the books refused what the plan
    allowed, is sought by the Batcher, who writes its items alone; and here among the commands
    of an item that is alone already.
    """
    answered: list[_Answered] = [[] for _ in asked]
    for town_id in sorted({town for town, _ in asked}):
        ours = [
            (place, command) for place, (town, commands) in enumerate(asked) if town == town_id for command in commands
        ]
        for start in range(0, len(ours), MOST_AT_ONCE):
            part = ours[start : start + MOST_AT_ONCE]
            commands = [command for _, command in part]
            perform = _each if len(asked) == 1 and len(ours) > 1 else operations.attempt
            for (place, _), outcome in zip(part, perform(conn, town_id=town_id, commands=commands), strict=True):
                answered[place].append(outcome)
    return answered


async def write_by(lane: Lane, asked: Sequence[_Asked]) -> list[_Answered]:
    """``write`` through a lane: the commands of one town, all of them at once. Otherwise it raises ``NotQuick``."""
    town_id = asked[0][0]
    commands = [command for _, some in asked for command in some]
    if len(commands) > MOST_AT_ONCE or any(town != town_id for town, _ in asked):
        raise NotQuick
    outcomes = iter(await operations.attempt_by(lane, town_id=town_id, commands=commands))
    return [list(islice(outcomes, len(some))) for _, some in asked]


def _weight(asked: _Asked) -> int:
    return len(asked[1])


def _each(conn: Connection[Any], *, town_id: int, commands: Sequence[Command]) -> _Answered:
    """Perform commands together, or one by one where one of them makes them fail; its error stands in its place."""
    try:
        with savepoint(conn):
            return list(operations.attempt(conn, town_id=town_id, commands=commands))
    except (OperationalError, InterfaceError):
        raise  # The connection, or somebody in the way: all of it is written again.
    except Exception as failed:  # noqa: BLE001  # Whatever it is, it is told to whom it concerns.
        if len(commands) == 1:
            return [failed]
    return [_each(conn, town_id=town_id, commands=[command])[0] for command in commands]

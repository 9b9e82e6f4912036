"""Whether what everybody was told is explained by one order of the books, and by nothing else.

The order is that of the books themselves. What is left to find out is cheap: an
accepted operation has its place; a refusal, a repetition and a reading must fit
somewhere between what was acknowledged before it was asked and what was asked after
it was answered. Each takes the earliest place that explains it, in the order in
which they were asked; no other choice leaves more room to those that follow, so that
an explanation is found whenever there is one.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate

from tests.faults import stack
from tests.faults.books import Account, Books, Key, Opened, content
from tests.faults.history import NEVER, Leg, Operation
from tests.faults.stack import Row

EVERYTHING: Key = "everything"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something that must never be.

    kind
        - ``lost``         acknowledged, and not in the books
        - ``twice``        in the books more often than once
        - ``changed``      in the books with other content than was asked
        - ``torn``         in the books in part, or not side by side
        - ``ghost``        in the books though refused, or never asked
        - ``overtaken``    the same, but an earlier attempt that nobody answered was on its way through another writer
        - ``unsettled``    nobody ever told what became of it
        - ``order``        acknowledged before another was asked, and stands behind it
        - ``impossible``   accepted where the books before it do not allow it
        - ``unexplained``  refused, repeated or read as at no moment between question and answer
        - ``balance``      an account holds something else than its history says
        - ``invariant``    one of ``koinon check``
        - ``seal``         the chain of blocks does not verify
        - ``defect``       the application failed for another reason than a fault
        - ``stuck``        nobody got an answer any more
    """

    kind: str
    says: str


@dataclass
class Placed:
    """Rows of the books that belong together, with what was asked and told about them."""

    place: int
    rows: list[Row]
    invoked: int = NEVER
    answered: int = NEVER
    cut: bool = False  # Whether somebody who asked for it was left without an answer.
    keys: set[Key] = field(default_factory=set)


def check(
    operations: Sequence[Operation],
    rows: Sequence[Row],
    accounts: Mapping[int, Account],
    opened: Mapping[int, Opened],
    *,
    one_writer: bool = True,
    over_http: bool = False,
    still_going: bool = False,
) -> list[Anomaly]:
    """Everything that is wrong with what was told (``operations``) and what stands (``rows``, ``accounts``).

    With ``one_writer`` the order of the books is the order in which they were
    committed, so that all must fit into one story of the whole town. Several
    writers may commit what does not touch in another order; then the story must
    hold for everything that shares an account. A writer that was cut off leaves a batch
    behind that the database may still be committing when the next one writes: while
    that may be so, what is read of several accounts must hold for each of them.

    While clients are ``still_going``, some have not been told, and rows may be of
    operations that were asked after ``operations`` were read.
    """
    checker = Checker(operations, rows, accounts, opened, one_writer=one_writer)
    checker.over_http = over_http
    checker.still_going = still_going
    return checker.run()


class Checker:
    """The parts of ``check``, which share what they find out."""

    def __init__(
        self,
        operations: Sequence[Operation],
        rows: Sequence[Row],
        accounts: Mapping[int, Account],
        opened: Mapping[int, Opened],
        *,
        one_writer: bool,
    ) -> None:
        self.operations = sorted(operations, key=lambda each: each.invoked)
        self.rows = rows
        self.accounts = accounts
        self.books = Books(opened)
        self.one_writer = one_writer
        self.by_id: dict[str, list[Operation]] = defaultdict(list)
        for operation in self.operations:
            if not operation.is_read:
                self.by_id[operation.legs[0]["id"]].append(operation)
        self.placed: list[Placed] = []
        self.performers: dict[str, Placed] = {}
        self.found: list[Anomaly] = []
        self.over_http = False
        self.still_going = False

    def run(self) -> list[Anomaly]:
        self._unsettled()
        self._match()
        self._replay()
        self._real_time()
        self._between()
        self._balances()
        return self.found

    def _note(self, kind: str, says: str) -> None:
        self.found.append(Anomaly(kind, says))

    def _unsettled(self) -> None:
        for operation in self.operations:
            if not operation.said and not operation.is_read and not self.still_going:
                self._note("unsettled", f"{operation.name} was asked {operation.tries} times and never answered")

    def _match(self) -> None:
        """Put rows and operations together: each acknowledged once, each refused nowhere."""
        for group in _groups(self.rows):
            first = str(group[0].id)
            if [row.leg for row in group] != list(range(group[0].legs)):
                self._note("torn", f"{first} stands in {len(group)} of {group[0].legs} rows")
            placed = Placed(len(self.placed), group)
            self.placed.append(placed)
            if first in self.performers:
                self._note("twice", f"{first} stands in the books again at {placed.place}: {self._told(first)}")
                continue
            self.performers[first] = placed
            self._content(first, placed)
        seen = Counter(str(row.id) for row in self.rows)
        firsts = set(self.performers)
        for number, times in seen.items():
            if times > 1 and number not in firsts:
                self._note("twice", f"{number} stands in {times} rows")
        for first, told in self.by_id.items():
            if first not in self.performers and any(each.said == "ok" for each in told):
                self._note("lost", f"{first} was acknowledged and is not in the books: {self._told(first)}")

    def _content(self, first: str, placed: Placed) -> None:
        told = self.by_id.get(first, [])
        if not told:
            if not self.still_going:
                self._note("ghost", f"{first} is in the books and nobody asked for it")
            return
        legs = [content(leg) for leg in self._legs(placed)]
        same = [each for each in told if [content(leg) for leg in each.legs] == legs]
        if not same:
            self._note("changed", f"{first} is {legs} in the books: {self._told(first)}")
            return
        if all(each.said == "refused" for each in same):
            late = not self.one_writer and any(each.tries > 1 for each in same)
            self._note(
                "overtaken" if late else "ghost", f"{first} was refused and is in the books: {self._told(first)}"
            )
        at, actor = same[0].asked.get("at"), same[0].asked["actor"]
        times = {row.effective_at for row in placed.rows}
        if {row.actor for row in placed.rows} != {actor} or (at and times != {datetime.fromisoformat(at)}):
            self._note("changed", f"{first} has another time or actor in the books: {self._told(first)}")
        placed.invoked = min(each.invoked for each in same)
        placed.cut = any(each.unknown for each in same)
        placed.answered = min((each.answered for each in same if each.said == "ok"), default=NEVER)

    def _legs(self, placed: Placed) -> list[Leg]:
        return [stack.leg_of(row, over_http=self.over_http) for row in placed.rows]

    def _told(self, first: str) -> str:
        return "; ".join(
            f"{each.name} asked {each.tries} times, told {each.said or 'nothing'} {each.code}".strip()
            for each in self.by_id.get(first, [])
        )

    def _replay(self) -> None:
        for placed in self.placed:
            legs = self._legs(placed)
            placed.keys = self.books.keys(legs)
            outcome = self.books.apply(legs)
            if outcome != "posted":
                first = str(placed.rows[0].id)
                self._note("impossible", f"{first} at {placed.place} would be {outcome}: {self._told(first)}")

    def _real_time(self) -> None:
        """What was acknowledged before another was asked stands before it."""
        waiting = sorted((placed for placed in self.placed if placed.answered < NEVER), key=lambda each: each.answered)
        newest: Placed | None = None
        done = 0
        for placed in sorted(
            (placed for placed in self.placed if placed.invoked < NEVER), key=lambda each: each.invoked
        ):
            while done < len(waiting) and waiting[done].answered < placed.invoked:
                newest = waiting[done] if newest is None else max(newest, waiting[done], key=lambda each: each.place)
                done += 1
            if newest is not None and newest.place > placed.place:
                self._note(
                    "order",
                    f"{placed.rows[0].id} at {placed.place} was asked after {newest.rows[0].id} "
                    f"at {newest.place} was acknowledged",
                )

    def _between(self) -> None:
        """Find a place for everything that changed nothing."""
        bounds = _Bounds(self.placed, one_writer=self.one_writer)
        for operation in self.operations:
            if not operation.said or (operation.said == "ok" and self._performed(operation)):
                continue
            keys = set(operation.asked["accounts"]) if operation.is_read else self.books.keys(operation.legs)
            first, last = bounds.of(operation, keys)
            for place in self.books.changes(keys, first, last) if first <= last else []:
                if self._explained(operation, place):
                    bounds.settle(operation, keys, place)
                    break
            else:
                if operation.is_read and self._read_apart(operation, first, last):
                    continue
                would = "" if operation.is_read else self.books.outcome(operation.legs, min(first, self.books.size))
                self._note(
                    "unexplained",
                    f"{operation.name} was told {operation.said} {operation.code or operation.values or ''}, "
                    f"which it was at no place from {first} to {last} {f'(at first {would})' if would else ''}",
                )

    def _performed(self, operation: Operation) -> bool:
        """Whether this is the one that was told first of what now stands in the books."""
        placed = self.performers.get(operation.legs[0]["id"])
        return placed is None or placed.answered == operation.answered

    def _explained(self, operation: Operation, place: int) -> bool:
        if operation.is_read:
            return all(self._reads(self.books.account(number, place), seen) for number, *seen in operation.values)
        outcome = self.books.outcome(operation.legs, place)
        return outcome == ("replayed" if operation.said == "ok" else operation.code)

    def _read_apart(self, operation: Operation, first: int, last: int) -> bool:
        """Whether each account is as it was at some place, and a batch that was cut off may have been committing meanwhile."""
        late = [
            placed.place
            for placed in self.placed
            if placed.cut and placed.invoked < operation.answered and placed.answered > operation.invoked
        ]
        first = min([first, *late])
        return bool(late) and all(
            any(self._reads(self.books.account(number, at), seen) for at in self.books.changes({number}, first, last))
            for number, *seen in operation.values
        )

    def _reads(self, account: Account, seen: list[int]) -> bool:
        """Over HTTP a reader sees only what is available."""
        if self.over_http:
            return [account.balance - account.held_out] == seen
        return [account.balance, account.held_out, account.held_in] == seen

    def _balances(self) -> None:
        for number, stands in self.accounts.items():
            expected = self.books.account(number, self.books.size)
            if stands != expected:
                self._note("balance", f"account {number} is {stands} and its history says {expected}")


def _groups(rows: Sequence[Row]) -> Iterable[list[Row]]:
    group: list[Row] = []
    for row in rows:
        if group and row.leg == 0:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


class _Bounds:
    """From where to where an operation that changed nothing may stand."""

    def __init__(self, placed: Sequence[Placed], *, one_writer: bool) -> None:
        self._one_writer = one_writer
        asked: dict[Key, list[tuple[int, int]]] = defaultdict(list)
        answered: dict[Key, list[tuple[int, int]]] = defaultdict(list)
        self._size = len(placed)
        for each in placed:
            for key in [EVERYTHING] if one_writer else each.keys:
                if each.invoked < NEVER:
                    asked[key].append((each.invoked, each.place))
                if each.answered < NEVER:
                    answered[key].append((each.answered, each.place + 1))
        # Latest first, with negative times, so that both lists ascend.
        self._asked = {key: _running(((-time, place) for time, place in pairs), min) for key, pairs in asked.items()}
        self._answered = {key: _running(pairs, max) for key, pairs in answered.items()}
        self._settled: list[tuple[int, int, int, tuple[Key, ...]]] = []
        self._floor: dict[Key, int] = {}
        self._count = 0

    def of(self, operation: Operation, keys: Iterable[Key]) -> tuple[int, int]:
        while self._settled and self._settled[0][0] < operation.invoked:
            _, _, place, touched = heapq.heappop(self._settled)
            for key in touched:
                self._floor[key] = max(place, self._floor.get(key, 0))
        first, last = 0, self._size
        for key in [EVERYTHING] if self._one_writer else keys:
            times, places = self._answered.get(key, ([], []))
            before = bisect_left(times, operation.invoked)
            first = max(first, places[before - 1] if before else 0, self._floor.get(key, 0))
            times, places = self._asked.get(key, ([], []))
            later = bisect_left(times, -operation.answered)
            last = min(last, places[later - 1] if later else last)
        return first, last

    def settle(self, operation: Operation, keys: Iterable[Key], place: int) -> None:
        touched = (EVERYTHING,) if self._one_writer else tuple(keys)
        self._count += 1
        heapq.heappush(self._settled, (operation.answered, self._count, place, touched))


def _running(pairs: Iterable[tuple[int, int]], best: Callable[..., int]) -> tuple[list[int], list[int]]:
    ordered = sorted(pairs)
    return [time for time, _ in ordered], list(accumulate((place for _, place in ordered), best))

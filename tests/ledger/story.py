"""Text tables that tell a story of the books, line by line, in words an accountant can object to.

    open    bank  issuance            an account and its kind
    open    ana   purse ceiling 80    ... with a ceiling (and ``floor -50`` for credit, ``floor none``, ``unit EUR``)
    receive bank  reserve 100.00      any code of the ledger, from one account to another
    hold    h1 ana shop 10.00 until 12:00
    capture h1 [4.00]
    release h1
    reverse p1 [3.00]                 by the name of another line
    balance ana   50.00
    close   ana
    lapse   12:00                     holds whose time is over end
    month                             the books go on in a new month
    id p1 0198...                     the id that a name stands for (else a fresh one)

A line may begin with ``p1:`` (or ``@p1``) to be named: the name is its id, and the same name again is
the same id; ``hold`` says its name itself. It may begin with ``(g)`` to stand in a group with its neighbours,
and end with ``as disburse`` (a hold's code), ``for receipt/1`` (its reference), ``at 12:05`` (when it counts)
and ``-> outcome`` (``posted`` when left out; the codes of refusals without ``ledger.``). What follows a # is
not read. Lines between ``batch`` and ``end`` are posted in one call.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4, uuid5

from psycopg import Connection

from koinon.db.checks import run_checks
from koinon.kernel.identifiers import new_id
from koinon.kernel.money import Amount, to_minor
from koinon.ledger import operations, queries
from koinon.ledger.errors import LedgerError
from koinon.ledger.types import (
    Block,
    Capture,
    Hold,
    NewAccount,
    Outcome,
    Posted,
    Release,
    Request,
    Reversal,
    Transfer,
)

NOON = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
UNIT = "LOC"
ACTOR = "test:story"


def money(text: str) -> Amount:
    """12.50 of the town's unit, 12.50EUR of another."""
    said = re.fullmatch(r"(-?[\d.]+)([A-Z]{3})?", text)
    assert said, f"{text} is no amount"
    return Amount(to_minor(Decimal(said[1]), 2), said[2] or UNIT)


@dataclass
class Story:
    """A town whose books are told line by line."""

    conn: Connection[Any]
    town_id: int = 1
    accounts: dict[str, int] = field(default_factory=dict)
    named: dict[str, UUID] = field(default_factory=dict)
    batch: list[tuple[str, Request, str]] | None = None
    owner: Connection[Any] | None = None  # For ``month``, on what is committed.

    def tell(self, text: str) -> None:
        for line in text.splitlines():
            if told := line.partition("  #")[0].strip():
                self._line(told)

    def _line(self, line: str) -> None:
        words, _, expected = (part.strip() for part in line.partition("->"))
        if words == "batch":
            self.batch = []
        elif words == "end":
            batch, self.batch = self.batch or [], None
            outcomes = operations.post(self.conn, town_id=self.town_id, requests=[request for _, request, _ in batch])
            for (told, _, wanted), outcome in zip(batch, outcomes, strict=True):
                assert said(outcome) == wanted, f"{told}: {said(outcome)}"
        elif words.split()[0] in ("open", "balance", "close", "lapse", "held", "month", "id"):
            self._housekeeping(words.split(), expected)
        else:
            request = self._request(words)
            if self.batch is not None:
                self.batch.append((line, request, expected or "posted"))
                return
            (outcome,) = operations.post(self.conn, town_id=self.town_id, requests=[request])
            assert said(outcome) == (expected or "posted"), f"{line}: {said(outcome)}"

    def _housekeeping(self, words: list[str], expected: str) -> None:
        match words:
            case ["open", name, kind, *limits]:
                given = dict(zip(limits[::2], limits[1::2], strict=True))
                floor = given.get("floor", "none" if kind == "issuance" else "0")
                account = NewAccount(
                    kind,
                    given.get("unit", UNIT),
                    holder=uuid4(),
                    floor_minor=None if floor == "none" else money(floor).minor,
                    ceiling_minor=money(given["ceiling"]).minor if "ceiling" in given else None,
                )
                (self.accounts[name],) = operations.open_accounts(
                    self.conn, town_id=self.town_id, accounts=[account], at=NOON, actor=ACTOR
                )
            case ["balance", name, amount]:
                assert self.balance(name) == money(amount), f"{name} has {self.balance(name)}"
            case ["held", name, amount]:
                found = queries.account_by_id(self.conn, town_id=self.town_id, account=self.accounts[name])
                assert found is not None
                assert found.balance - found.available == money(amount)
            case ["close", name]:
                account_id = self.accounts[name]
                outcome = "closed"
                try:
                    operations.close_account(self.conn, town_id=self.town_id, account=account_id, at=NOON, actor=ACTOR)
                except LedgerError as refused:
                    outcome = refused.code.removeprefix("ledger.")
                assert outcome == (expected or "closed")
            case ["lapse", clock]:
                operations.lapse_holds(self.conn, town_id=self.town_id, now=at(clock))
            case ["month"]:
                assert self.owner is not None
                next_month(self.owner, self.town_id)
            case ["id", name, id]:
                self.named[name] = UUID(id)
            case _:
                raise AssertionError(f"no such line: {words}")

    def balance(self, name: str) -> Amount:
        found = queries.account_by_id(self.conn, town_id=self.town_id, account=self.accounts[name])
        assert found is not None
        return found.balance

    def _request(self, words: str) -> Request:
        label = group = None
        while match := re.match(r"(?:(\w+):|@(\S+)|\((\w+)\))\s+", words):
            label = match[1] or match[2] or label
            group = uuid5(UUID(int=0), match[3]) if match[3] else group
            words = words[match.end() :]
        words, *endings = re.split(r"\s+(?=(?:as|for|at)\s)", words)
        ending = dict(each.split() for each in endings)
        verb, *rest = words.split()
        if verb == "hold":
            label = rest[0]
        told: dict[str, Any] = {
            "id": self._named(label) if label else new_id(),
            "effective_at": at(ending["at"]) if "at" in ending else NOON,
            "actor": ACTOR,
            "reference": ending.get("for", ""),
            "group": group,
        }
        match verb, *rest:
            case ["hold", _, debit, credit, amount, "until", clock]:
                return Hold(
                    debit=self.accounts.get(debit, -1),
                    credit=self.accounts.get(credit, -1),
                    amount=money(amount),
                    code=ending.get("as", "pay"),
                    lapses_at=at(clock),
                    **told,
                )
            case ["capture", name, *amount]:
                return Capture(hold=self._named(name), amount=money(amount[0]) if amount else None, **told)
            case ["release", name]:
                return Release(hold=self._named(name), **told)
            case ["reverse", name, *amount]:
                return Reversal(original=self._named(name), amount=money(amount[0]) if amount else None, **told)
            case [code, debit, credit, amount]:
                return Transfer(
                    debit=self.accounts.get(debit, -1),
                    credit=self.accounts.get(credit, -1),
                    amount=money(amount),
                    code=code,
                    **told,
                )
            case _:
                raise AssertionError(f"no such line: {words}")

    def _named(self, name: str) -> UUID:
        return self.named.setdefault(name, new_id())


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-10-01T{clock}+00:00")


def said(outcome: Outcome) -> str:
    if isinstance(outcome, Posted):
        return "replayed" if outcome.replayed else "posted"
    return outcome.error.code.removeprefix("ledger.")


def check(conn: Connection[Any], text: str) -> Story:
    """Tell a story to the books on this connection; every line must come out as it says."""
    story = Story(conn)
    story.tell(text)
    return story


TOWN = """
    open bank issuance
    open reserve reserve
    open escrow escrow
    open owed redemption
    open ana purse
    open ben purse
    open shop till
    open coop till
    receive bank reserve 1000.00
    issue reserve escrow 500.00
    disburse escrow ana 100.00
"""


def broken(conn: Connection[Any]) -> list[str]:
    """The ledger's own invariants that do not hold."""
    return [result.name for result in run_checks(conn) if result.failures and "ledger" in result.package]


def seal_to_the_end(conn: Connection[Any]) -> list[Block]:
    """Seal until no row waits: any transaction on the server, one of autovacuum's too, puts sealing off until it ends."""
    blocks, until = [], time.monotonic() + 60
    while True:
        blocks += operations.seal_all(conn, town_id=1, at=NOON)
        conn.commit()
        if not (waiting := queries.unsealed(conn, town_id=1)):
            return blocks
        assert time.monotonic() < until, f"{waiting} rows are not sealed though nobody posts"


def next_month(owner: Connection[Any], town_id: int) -> None:
    """Let a town's books go on in the month after the newest one; ``owner`` commits by itself."""
    (month,) = owner.execute(
        "SELECT coalesce(max(month), ledger.month_of(now())) + 1 FROM ledger.period WHERE town_id = %s", (town_id,)
    ).fetchone() or (None,)
    owner.execute("SELECT ledger.open_month(%s)", (month,))
    owner.execute("INSERT INTO ledger.period VALUES (%s, %s, clock_timestamp())", (town_id, month))

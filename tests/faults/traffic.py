"""What clients ask: payments between few accounts with little money, so that everything meets everything."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.faults.history import Leg, Operation

REMEMBERED = 400


@dataclass
class Known:
    """What a client may point at later: holds and payments that it was told of, newest last."""

    holds: list[str] = field(default_factory=list)
    payments: list[str] = field(default_factory=list)
    done: list[dict[str, Any]] = field(default_factory=list)

    def learn(self, operation: Operation) -> None:
        if operation.said != "ok":
            return
        for leg in operation.legs:
            if leg["kind"] == "hold":
                self.holds.append(leg["id"])
            elif leg["kind"] in ("transfer", "capture"):
                self.payments.append(leg["id"])
        self.done.append(operation.asked)
        for remembered in (self.holds, self.payments, self.done):
            del remembered[:-REMEMBERED]


@dataclass
class Traffic:
    """An endless choice of things to ask."""

    chance: random.Random
    accounts: Sequence[int]
    reads_of: int  # How many accounts a reader looks at in one question.
    actor: str

    def next(self, known: Known) -> dict[str, Any]:
        draw = self.chance.random()
        if draw < 0.15:
            return {"do": "read", "accounts": sorted(self.chance.sample(self.accounts, self.reads_of))}
        if draw < 0.20 and known.done:
            return self.chance.choice(known.done)  # The same again.
        if draw < 0.22 and known.done:
            return self._other_content(self.chance.choice(known.done))
        return self._asking(self._legs(known))

    def _asking(self, legs: list[Leg]) -> dict[str, Any]:
        now = datetime.now(UTC)
        lapses = now + timedelta(days=7)
        return {"do": "post", "legs": legs, "at": now.isoformat(), "lapses": lapses.isoformat(), "actor": self.actor}

    def _legs(self, known: Known) -> list[Leg]:
        draw = self.chance.random()
        if draw < 0.12:
            first = self._payment()
            return [first, *(self._payment(first["debit"]) for _ in range(self.chance.randint(1, 2)))]
        if draw < 0.26:
            return [{**self._payment(), "kind": "hold"}]
        if draw < 0.36 and known.holds:
            return [self._pointing("capture", known.holds)]
        if draw < 0.40 and known.holds:
            leg = self._pointing("release", known.holds)
            del leg["amount"]
            return [leg]
        if draw < 0.50 and known.payments:
            return [self._pointing("reversal", known.payments)]
        return [self._payment()]

    def _payment(self, debit: int | None = None) -> Leg:
        if debit is None:
            hot = self.chance.random() < 0.3
            debit = self.accounts[0] if hot else self.chance.choice(self.accounts)
        credit = self.chance.choice([number for number in self.accounts if number != debit])
        return {
            "kind": "transfer",
            "id": self.fresh_id(),
            "debit": debit,
            "credit": credit,
            "amount": self.chance.randint(1, 60),
            "code": "pay",
            "reference": self._reference(),
        }

    def _pointing(self, kind: str, targets: list[str]) -> Leg:
        target = self.chance.choice(targets[-40:]) if self.chance.random() < 0.97 else self.fresh_id()
        amount = self.chance.choice([None, self.chance.randint(1, 60)])
        return {
            "kind": kind,
            "id": self.fresh_id(),
            "target": target,
            "amount": amount,
            "reference": self._reference(),
        }

    def twice(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What is asked at the same moment under the same ids: the same, or a payment between others."""
        if self.chance.random() < 0.5:
            return asked
        return {**asked, "legs": [{**self._payment(), "id": leg["id"]} for leg in asked["legs"]]}

    def _other_content(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {**asked, "legs": [{**leg, "reference": self._reference()} for leg in asked["legs"]]}

    def _reference(self) -> str:
        return f"r{self.chance.randrange(10**9)}"

    def fresh_id(self) -> str:
        """A UUIDv7 whose random part comes from the seed."""
        number = (time.time_ns() // 1_000_000) << 80 | self.chance.getrandbits(80)
        number = number & ~(0xF << 76) | 7 << 76
        return str(UUID(int=number & ~(3 << 62) | 2 << 62))

"""What clients ask: payments between few accounts with little money, so that everything meets everything."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from koinon.kernel.identifiers import id_for_key
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
    over_http: bool = False  # Ids follow from keys, and there is less to choose.

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
        asked = {"do": "post", "legs": legs, "lapses": (now + timedelta(days=7)).isoformat(), "actor": self.actor}
        return asked if self.over_http else {**asked, "at": now.isoformat()}

    def _legs(self, known: Known) -> list[Leg]:
        draw = self.chance.random()
        if draw < 0.12 and not self.over_http:
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
        hot = self.accounts[0]  # Everybody pays it and is paid by it.
        draw = self.chance.random()
        if debit is None:
            debit = hot if draw < 0.2 else self.chance.choice(self.accounts)
        others = [number for number in self.accounts if number != debit]
        credit = hot if draw > 0.8 and hot in others else self.chance.choice(others)
        return {
            "kind": "transfer",
            **self._fresh(),
            "debit": debit,
            "credit": credit,
            "amount": self.chance.randint(1, 60),
            "code": "pay",
            "reference": self._reference(),
        }

    def _pointing(self, kind: str, targets: list[str]) -> Leg:
        target = self.chance.choice(targets[-40:]) if self.chance.random() < 0.97 else self.fresh_id()
        leg: Leg = {"kind": kind, **self._fresh(), "target": target, "amount": self.chance.randint(1, 60)}
        if self.over_http:
            return leg
        return {**leg, "amount": self.chance.choice([None, leg["amount"]]), "reference": self._reference()}

    def twice(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What is asked at the same moment under the same ids: the same, or a payment between others."""
        if self.chance.random() < 0.5:
            return asked
        names = ("id", "key") if self.over_http else ("id",)
        return {
            **asked,
            "legs": [{**self._payment(), **{name: leg[name] for name in names}} for leg in asked["legs"]],
        }

    def _other_content(self, asked: dict[str, Any]) -> dict[str, Any]:
        legs = [
            {**leg, "reference": self._reference()}
            if "reference" in leg
            else {**leg, **({"amount": leg["amount"] + 1} if "amount" in leg else {})}
            for leg in asked["legs"]
        ]
        return {**asked, "legs": legs}

    def _reference(self) -> str:
        return f"r{self.chance.randrange(10**9)}"

    def _fresh(self) -> Leg:
        number = self.fresh_id()
        return {"id": str(id_for_key(self.actor, number)), "key": number} if self.over_http else {"id": number}

    def fresh_id(self) -> str:
        """A UUIDv7 whose random part comes from the seed."""
        number = (time.time_ns() // 1_000_000) << 80 | self.chance.getrandbits(80)
        number = number & ~(0xF << 76) | 7 << 76
        return str(UUID(int=number & ~(3 << 62) | 2 << 62))

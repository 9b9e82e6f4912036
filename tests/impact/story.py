"""Text tables that tell a town's month, line by line, in its local time.

    shop    bakery [sse] [zone=north]
    home    ana
    2026-11-01 00:00  issue    100.00
    2026-11-01 00:00  give     ana 60.00
    2026-11-02 10:00  pay      ana bakery 40.00
    2026-11-05 10:00  p: pay   ben bakery 30.00          named, to be refunded
    2026-11-06 10:00  refund   p 10.00
    2026-11-11 00:00  redeem   bakery 20.00
    2026-11-21 00:00  expire   ben 10.00
    2026-11-30 10:00  unissue  5.00

A home pays from the fund's purse unless the line says ``own``: then from what
it earned. Euros for everything are received before the first line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from koinon.impact import queries
from koinon.impact.types import MonthReport
from koinon.kernel.identifiers import new_id
from koinon.kernel.periods import Month
from koinon.ledger import operations as ledger
from koinon.ledger.types import Reversal
from tests.treasury.place import Place, build

MADRID = ZoneInfo("Europe/Madrid")


@dataclass
class Story:
    """A town whose month is told line by line."""

    place: Place
    shops: set[str] = field(default_factory=set)
    named: dict[str, UUID] = field(default_factory=dict)

    def tell(self, text: str) -> None:
        for line in filter(None, (line.strip() for line in text.splitlines())):
            self._line(line.split())

    def _line(self, words: list[str]) -> None:
        match words:
            case ["shop", name, *marks]:
                zone = next((mark.removeprefix("zone=") for mark in marks if mark.startswith("zone=")), "")
                self.place.shop(name, is_sse="sse" in marks, zone=zone)
                self.shops.add(name)
            case ["home", name]:
                self.place.household(name)
            case [day, clock, *what]:
                self._movement(datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=MADRID), what)
            case _:
                raise AssertionError(f"no such line: {words}")

    def _movement(self, at: datetime, what: list[str]) -> None:
        label = what.pop(0).removesuffix(":") if what[0].endswith(":") else ""
        place, town, fund = self.place, self.place.town.party_id, self.place.fund
        reserve, escrow = ("reserve", town, fund), ("escrow", town, fund)
        match what:
            case ["issue", amount]:
                place.receive(amount, at=at)
                done = place.move("issue", reserve, escrow, place.money(amount), at)
            case ["unissue", amount]:
                done = place.move("unissue", escrow, reserve, place.money(amount), at)
            case ["give", name, amount]:
                done = place.move("disburse", escrow, self._purse(name, fund), place.money(amount), at)
            case ["pay", payer, payee, amount, *how]:
                debit = self._till(payer) or self._purse(payer, None if "own" in how else fund)
                credit = self._till(payee) or self._purse(payee, None)
                done = place.move("pay", debit, credit, place.money(amount), at)
            case ["expire", name, amount]:
                done = place.move("expire", self._purse(name, fund), reserve, place.money(amount), at)
            case ["redeem", shop, amount]:
                done = place.redeem(shop, amount, at=at).transfer_id
            case ["refund", name, *amount]:
                reversal = Reversal(
                    new_id(),
                    self.named[name],
                    at,
                    actor="test",
                    amount=place.money(amount[0]) if amount else None,
                )
                done = ledger.post_all(place.conn, town_id=place.town.pk, requests=[reversal])[0].id
            case _:
                raise AssertionError(f"no such line: {what}")
        if label:
            self.named[label] = done

    def _till(self, name: str) -> tuple[str, UUID, UUID | None] | None:
        return ("till", self.place.parties[name], None) if name in self.shops else None

    def _purse(self, name: str, fund: UUID | None) -> tuple[str, UUID, UUID | None]:
        return ("purse", self.place.parties[name], fund)

    def month(self, text: str, until: datetime | None = None) -> MonthReport:
        return queries.month(self.place.conn, self.place.town.pk, Month.parse(text), MADRID, until)


def told(conn, text: str) -> Story:
    """A town in which all this happened."""
    story = Story(build(conn))
    story.tell(text)
    return story

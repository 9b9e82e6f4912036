"""The small town of the tests, with a garden, a collection point and a time bank."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.coproduction import activities, contributions, queries, timebank
from koinon.coproduction.types import Activity, ActivityTerms, BankTerms, Cap, Contribution, Measure, Rate, TimeBank
from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import id_for_key, new_id
from tests.programmes import small_town
from tests.programmes.small_town import NOON

COORDINATOR, SECOND, OFFICER = "user:901", "user:902", "user:903"
TODAY = date(2026, 10, 5)
YEAR = date(2026, 1, 1)


class GardenTown(small_town.SmallTown):
    def activity(
        self,
        code: str,
        measure: Measure = Measure.KILOGRAM,
        *,
        fund: str = "",
        bank: str = "",
        rates: dict[str, tuple[str, int]] | None = None,
        **more: Any,
    ) -> Activity:
        """``rates``: stream to what is paid for so many whole kilograms, hours or sessions, from January on."""
        terms = ActivityTerms(code, code.title(), measure, self.funds.get(fund), bank, **more)
        found = activities.put_activity(self.conn, town_id=self.id, terms=terms, actor=OFFICER, at=NOON)
        for stream, (pays, per) in (rates or {}).items():
            self.rate(found, stream, pays, per)
        return found

    def rate(self, activity: Activity, stream: str, pays: str, per: int = 1, since: date = YEAR) -> bool:
        rate = Rate(stream, since, small_town.money(pays).minor, per * activity.step)
        return activities.set_rate(
            self.conn, town_id=self.id, activity_id=activity.id, rate=rate, actor=OFFICER, at=NOON
        )

    def cap(
        self, activity: Activity, period: str, *, quantity: int | None = None, amount: str = "", stream: str = "",
        since: date = YEAR,
    ) -> bool:  # fmt: skip
        cap = Cap(
            stream, period, since, None if quantity is None else quantity * activity.step,
            small_town.money(amount).minor if amount else None,
        )  # fmt: skip
        return activities.set_cap(self.conn, town_id=self.id, activity_id=activity.id, cap=cap, actor=OFFICER, at=NOON)

    def registers(
        self, who: str, activity: Activity, quantity: int, *, stream: str = "", day: date = TODAY, key: str = "",
        occasion: UUID | None = None, actor: str = "user:500", conn: Connection[Any] | None = None, at: datetime = NOON,
    ) -> Contribution:  # fmt: skip
        """``quantity`` in the smallest steps: minutes, grams, sessions."""
        return contributions.register(
            conn or self.conn, town_id=self.id, contribution_id=id_for_key("test", key) if key else new_id(),
            activity_id=activity.id, party=self.parties[who], stream=stream, quantity=quantity, day=day,
            occasion_id=occasion, actor=actor, at=at,
        )  # fmt: skip

    def verifies(
        self, found: Contribution, actor: str = COORDINATOR, conn: Connection[Any] | None = None
    ) -> Contribution:
        return contributions.verify(conn or self.conn, town_id=self.id, contribution_id=found.id, actor=actor, at=NOON)

    def brings(
        self, who: str, activity: Activity, quantity: int, *, stream: str = "", day: date = TODAY
    ) -> Contribution:
        """Registered and verified by a coordinator."""
        return contributions.record_for(
            self.conn, town_id=self.id, contribution_id=new_id(), activity_id=activity.id, party=self.parties[who],
            stream=stream, quantity=quantity, day=day, actor=COORDINATOR, at=NOON,
        )  # fmt: skip

    def undoes(self, found: Contribution, actor: str = COORDINATOR) -> Contribution:
        return contributions.undo(
            self.conn, town_id=self.id, contribution_id=found.id, reason="weighed twice", actor=actor, at=NOON
        )

    def corrects(self, found: Contribution, quantity: int) -> Contribution:
        return contributions.correct(
            self.conn, town_id=self.id, contribution_id=found.id, quantity=quantity, new_id=new_id(),
            reason="a wrong figure", actor=COORDINATOR, at=NOON,
        )  # fmt: skip

    def now(self, activity: Activity) -> Activity:
        return queries.activity(self.conn, town_id=self.id, activity_id=activity.id)

    def time_bank(self, *, limit: int = 10, most: int = 20) -> TimeBank:
        terms = BankTerms("bela-flor", "Banco de tempo", "HORA", limit * 60, most * 60)
        return timebank.found_bank(self.conn, town_id=self.id, terms=terms, actor=OFFICER, at=NOON)

    def gives_time(
        self,
        bank: TimeBank,
        giver: str,
        receiver: str,
        minutes: int,
        *,
        key: str = "",
        conn: Connection[Any] | None = None,
    ) -> str:
        """``done``, or the code of the refusal."""
        try:
            timebank.exchange(
                conn or self.conn, town_id=self.id, exchange_id=id_for_key("time", key) if key else new_id(),
                bank_id=bank.id, payer=self.parties[receiver], payee=self.parties[giver], minutes=minutes,
                actor=COORDINATOR, at=NOON,
            )  # fmt: skip
        except KoinonError as refused:
            return refused.code
        return "done"

    def minutes(self, bank: TimeBank, who: str) -> int:
        return queries.member(self.conn, town_id=self.id, bank_id=bank.id, party=self.parties[who]).balance


def build(conn: Connection[Any]) -> GardenTown:
    town = small_town.build(conn, slug="jardim")
    return GardenTown(town.conn, town.id, town.party, town.parties)


def collection_point(town: GardenTown, *, euros: str = "500.00", budget: str | None = None) -> Activity:
    """Campolide's rates of 2016: two for a kilogram sorted, one for a kilogram mixed; ten kilograms a person in all."""
    town.fund("lixo", budget=budget)
    if euros:
        town.receive("lixo", euros)
    point = town.activity("lixo", fund="lixo", rates={"glass": ("2.00", 1), "paper": ("2.00", 1), "mixed": ("1.00", 1)})
    town.cap(point, "activity", quantity=10)
    return point

"""The small town of the tests with campaigns in it."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import Any

from psycopg import Connection

from koinon.campaigns import operations, queries
from koinon.campaigns.types import Campaign, Terms, Trigger
from koinon.programmes.spending import SpendingRule
from koinon.treasury import topups
from koinon.treasury.types import TopUp, Way
from tests.payments import paying_town
from tests.payments.paying_town import NOON, money
from tests.programmes.small_town import APPROVER, OFFICER

__all__ = ["APPROVER", "NOON", "OFFICER", "BonusTown", "build", "money"]


class BonusTown(paying_town.PayingTown):
    def terms(
        self,
        *,
        fund: str = "gift",
        on: str = "purchase",
        percent: int = 20,
        minimum: str = "0.00",
        most: str | None = None,
        ceiling: str = "100.00",
        first_day: date = date(2026, 10, 1),
        last_day: date = date(2026, 10, 31),
        excluded: tuple[str, ...] = (),
        shops: SpendingRule | None = None,
        alert: int = 80,
    ) -> Terms:
        if fund not in self.funds:
            self.fund(fund)
        return Terms(
            name="Autumn", fund_id=self.funds[fund], trigger=Trigger(on), share=Fraction(percent, 100),
            minimum_minor=money(minimum).minor, person_most_minor=money(most).minor if most else None,
            ceiling_minor=money(ceiling).minor, first_day=first_day, last_day=last_day, alert_percent=alert,
            excluded_funds=frozenset(self.funds[code] for code in excluded), shops=shops or SpendingRule(),
        )  # fmt: skip

    def draft(self, code: str = "autumn", **terms: Any) -> Campaign:
        return operations.draft(
            self.conn, town_id=self.id, code=code, terms=self.terms(**terms), at=NOON, actor=OFFICER
        )

    def campaign(self, code: str = "autumn", **terms: Any) -> Campaign:
        """One that runs: its fund's euros have come, and a second person has released them."""
        drawn = self.draft(code, **terms)
        self.receive(next(name for name, fund in self.funds.items() if fund == drawn.terms.fund_id), "1000.00")
        operations.submit(self.conn, town_id=self.id, campaign_id=drawn.id, at=NOON, actor=OFFICER)
        return operations.release(self.conn, town_id=self.id, campaign_id=drawn.id, at=NOON, actor=APPROVER)

    def now(self, campaign: Campaign) -> Campaign:
        return queries.campaign(self.conn, town_id=self.id, campaign_id=campaign.id)

    def granted(self, campaign: Campaign) -> str:
        return str(money("0.00") + type(money("0"))(self.now(campaign).granted_minor, "REC")).removesuffix(" REC")

    def top_up(self, who: str, amount: str, *, key: str = "") -> TopUp:
        """Free money: euros that somebody brought."""
        number = key or f"topup-{next(self.keys)}"
        asked = topups.request(
            self.conn, town_id=self.id, party=self.parties[who], amount=money(amount), way=Way.BANK,
            idempotency_key=number, at=NOON, actor="user:9",
        )  # fmt: skip
        return topups.confirm(
            self.conn, town_id=self.id, reference=asked.reference, amount=money(amount), way=Way.BANK,
            source_reference=f"NTRY/{number}", at=NOON, actor="user:9",
        )  # fmt: skip


def build(conn: Connection[Any], *, slug: str = "vila") -> BonusTown:
    town = paying_town.build(conn, slug=slug)
    return BonusTown(town.conn, town.id, town.party, town.parties)

"""What the town is told of campaigns and top-ups, and what the timer does by itself."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from koinon.campaigns.types import CampaignState
from koinon.jobs import mails, metrics, timer
from koinon.jobs.metrics import figures
from koinon.kernel.identifiers import new_id
from koinon.ledger.errors import AccountNotOpen
from koinon.outbox import operations as outbox
from koinon.outbox.types import KINDS
from koinon.parties.secrets import Secrets
from tests.campaigns.bonus_town import NOON, BonusTown, build


def told(town: BonusTown, kind: str) -> list[dict[str, Any]]:
    rows = town.conn.execute(
        "SELECT subject, data::text FROM outbox.event WHERE town_id = %s AND kind = %s ORDER BY id", [town.id, kind]
    ).fetchall()
    return [{"subject": subject, **json.loads(data)} for subject, data in rows]


def test_bonuses_alerts_ends_and_top_ups_are_told_once_and_the_timer_ends_what_is_over(conn, database):
    town = build(conn)
    town.person("noa")
    town.shop("forn")
    outbox.add_endpoint(
        conn, town_id=town.id, url="https://books.example/", kinds=list(KINDS), keys=Secrets.fresh(), actor="user:1",
        at=NOON,
    )  # fmt: skip
    topup = town.top_up("noa", "100.00")
    campaign = town.campaign(percent=50, ceiling="10.00", alert=50)
    noa = str(town.parties["noa"])
    first = town.pay_for("noa", "forn", "8.00")
    town.pay("noa", "forn", "8.00")
    town.pay("noa", "forn", "40.00")
    conn.commit()

    assert told(town, "topup.received") == [{"subject": topup.id, "party": noa, "amount_minor": 100_00, "unit": "REC"}]
    granted = told(town, "bonus.granted")
    assert [(one["party"], one["amount_minor"], one["campaign"]) for one in granted] == [
        (noa, 4_00, str(campaign.id)), (noa, 2_00, str(campaign.id)), (noa, 4_00, str(campaign.id)),
    ]  # fmt: skip
    assert granted[0]["source"] == str(first.id)
    alerts = told(town, "campaign.nearly-spent")
    assert [(one["subject"], one["amount_minor"], one["ceiling_minor"]) for one in alerts] == [
        (campaign.id, 6_00, 10_00)
    ]
    conn.commit()

    november = NOON + timedelta(days=27)
    assert (timer.campaigns_round(conn, now=NOON), timer.campaigns_round(conn, now=november)) == (0, 1)
    town.give_back(first, None)
    conn.commit()
    assert timer.campaigns_round(conn, now=november + timedelta(days=1)) == 1
    assert timer.campaigns_round(conn, now=november + timedelta(days=2)) == 0
    assert town.now(campaign).state is CampaignState.ENDED
    assert [one["returned_minor"] for one in told(town, "campaign.ended")] == [0]
    assert town.reserve("gift") == "994.00"  # 4.00 came back after the end.
    assert town.broken() == []
    assert {kind for kind in KINDS if kind.startswith(("bonus", "campaign", "topup"))} <= {
        kind for kind, _ in mails.WORDS
    }


def test_the_timer_takes_back_a_bonus_that_a_hold_kept_until_it_lapsed(conn, database):
    town = build(conn)
    town.person("noa")
    for shop in ("forn", "llibres"):
        town.shop(shop)
    town.top_up("noa", "100.00")
    campaign = town.campaign(percent=50, ceiling="40.00")
    first = town.pay_for("noa", "forn", "20.00")
    town.hold_for("noa", "llibres", "10.00")  # All of the bonus.
    town.give_back(first, None)
    conn.commit()
    assert town.now(campaign).lost_minor == 10_00
    conn.commit()

    timer.seal_round(conn, now=NOON + timedelta(days=1))
    assert (town.balance("noa", "gift"), town.now(campaign).lost_minor) == ("0.00", 0)
    assert town.broken() == []


def test_a_campaign_that_cannot_be_ended_is_counted_and_holds_up_no_other(conn, database, monkeypatch):
    town = build(conn)
    stuck, over = town.campaign("stuck", ceiling="10.00"), town.campaign("over", ceiling="10.00")
    conn.commit()
    before, end = figures.value(metrics.FAILED, job="campaigns") or 0, timer.campaigns.end

    def stuck_or_ended(conn, *, campaign_id, **given):
        if campaign_id == stuck.id:
            raise AccountNotOpen(key="end")
        return end(conn, campaign_id=campaign_id, **given)

    monkeypatch.setattr(timer.campaigns, "end", stuck_or_ended)

    assert timer.campaigns_round(conn, now=NOON + timedelta(days=27)) == 1
    assert [town.now(one).state for one in (stuck, over)] == [CampaignState.RUNNING, CampaignState.ENDED]
    assert figures.value(metrics.FAILED, job="campaigns") == before + 1


def test_a_bonus_that_cannot_be_taken_back_is_counted_and_holds_up_no_other(conn, database, monkeypatch):
    build(conn)
    conn.commit()
    stuck, owes = new_id(), new_id()
    before, collected = figures.value(metrics.FAILED, job="campaigns") or 0, []

    def stuck_or_collected(conn, *, party, **given):
        if party == stuck:
            raise AccountNotOpen(key="collect")
        collected.append(party)

    monkeypatch.setattr(timer.campaigns, "owing", lambda conn, *, town_id: [stuck, owes])
    monkeypatch.setattr(timer.campaigns, "collect", stuck_or_collected)
    timer.seal_round(conn, now=NOON)

    assert collected == [owes]
    assert figures.value(metrics.FAILED, job="campaigns") == before + 1

"""What the town is told of campaigns and top-ups, and what the timer does by itself."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from koinon.campaigns.types import CampaignState
from koinon.jobs import mails, timer
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

"""How somebody wants to be told, topic by topic: not at all, by e-mail, by text message.

Without a choice the town tells as it always did: by mail where it has an address, else by telephone, and
of single payments not at all. Of what happens to a card somebody is always told: whoever holds it must
hear of a PIN or a block that was not their own doing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import execute, many, statement
from koinon.db.transactions import savepoint
from koinon.outbox import operations as outbox
from koinon.outbox import queries as listeners
from koinon.parties import queries
from koinon.parties.errors import NoticeAlwaysSent

_PACKAGE = "koinon.parties"

TOPICS = ("card", "money", "complaint", "payment")
WAYS = ("none", "mail", "sms")
ALWAYS = frozenset({"card"})

# Events that are told one by one to whoever asked for it.
PAYMENT_KINDS = ("payment.posted", "payment.refunded", "contribution.rewarded", "topup.received", "bonus.granted")

_TOPIC_OF = {"card": "card", "phone": "card", "pin": "card", "fund": "money", "complaint": "complaint"}


@dataclass(frozen=True, slots=True)
class _Choice:
    topic: str
    way: str


def topic_of(kind: str) -> str:
    """The topic under which a message or event is told; empty for one that nobody chooses about.

    >>> topic_of("pin.changed"), topic_of("payment.posted"), topic_of("bonus.granted"), topic_of("statement.ready")
    ('card', 'payment', 'payment', '')
    """
    return "payment" if kind in PAYMENT_KINDS else _TOPIC_OF.get(kind.partition(".")[0], "")


def notices(conn: Connection[Any], *, party_id: UUID) -> dict[str, str]:
    """The ways a party chose, by topic; what it did not choose is left out."""
    rows = many(conn, statement(_PACKAGE, "notice_choices"), _Choice, party_id=party_id)
    return {row.topic: row.way for row in rows}


def choose_notices(
    conn: Connection[Any], *, town_id: int, party_id: UUID, ways: Mapping[str, str], actor: str, at: datetime
) -> list[str]:
    """Keep by which way a party wants to be told of each topic; which of them changed. An empty way takes a choice back.

    Refuses with ``PartyNotFound`` and ``NoticeAlwaysSent``; then nothing is changed.
    """
    assert set(ways) <= set(TOPICS)
    assert set(ways.values()) <= {*WAYS, ""}
    for topic, way in ways.items():
        if way == "none" and topic in ALWAYS:
            raise NoticeAlwaysSent(topic=topic)
    queries.party_facts(conn, town_id, party_id)
    before = notices(conn, party_id=party_id)
    changed = [topic for topic, way in ways.items() if before.get(topic, "") != way]
    with savepoint(conn):
        for topic in changed:
            execute(conn, statement(_PACKAGE, "choose_notice"), party_id=party_id, topic=topic, way=ways[topic], at=at)
        if "payment" in changed:
            _listen(conn, town_id, party_id, ways["payment"] in ("mail", "sms"), actor, at)
        if changed:
            record(
                conn,
                town_id=town_id,
                actor=actor,
                action="parties.notices-chosen",
                subject=f"party:{party_id}",
                before={topic: before.get(topic, "") for topic in changed},
                after={topic: ways[topic] for topic in changed},
                at=at,
            )
    return changed


def _listen(conn: Connection[Any], town_id: int, party_id: UUID, wanted: bool, actor: str, at: datetime) -> None:
    """Have the outbox tell of this party's payments, or no more."""
    ours = [
        notice
        for notice in listeners.notices(conn, town_id=town_id, party=party_id)
        if set(notice.kinds) == set(PAYMENT_KINDS)
    ]
    if wanted and not ours:
        outbox.add_notice(conn, town_id=town_id, kinds=PAYMENT_KINDS, party=party_id, actor=actor, at=at)
    if not wanted:
        for notice in ours:
            outbox.remove_notice(conn, town_id=town_id, notice_id=notice.id, actor=actor, at=at)


def forget(conn: Connection[Any], *, party_id: UUID) -> int:
    """Forget a party's choices, because its data are erased; how many there were."""
    return execute(conn, statement(_PACKAGE, "forget_notice_choices"), party_id=party_id)

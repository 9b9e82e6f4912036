"""What a town knows about somebody, for themselves: all of it, who looked at it, and asking for its erasure.

A sign-in speaks for one party. Of a household these are its own facts and those of the people whom the town
writes to; what the vault keeps of its other members is theirs alone, and they are told at the counter.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit import queries as trail
from koinon.audit.operations import record
from koinon.casework import operations as casework
from koinon.casework import queries as complaints
from koinon.casework.types import About, Complaint, ComplaintState
from koinon.coproduction import queries as coproduction
from koinon.db.statements import many, maybe, statement
from koinon.helpdesk import documents, letters
from koinon.instruments import authorised
from koinon.instruments import queries as instruments
from koinon.outbox import messages
from koinon.parties import preferences
from koinon.parties import queries as parties
from koinon.parties.errors import PartyErased
from koinon.parties.naming import Reader
from koinon.parties.vault import Vault
from koinon.payments import queries as payments
from koinon.payments import requesting
from koinon.payments.types import PartyMovement
from koinon.treasury import topups

_PACKAGE = "koinon.helpdesk"
_PAGE = 500
_ALL = 10**6
FORMAT = "koinon-my-data-1"
ERASURE = "erasure"


@dataclass(frozen=True, slots=True)
class Registered:
    """What the town's registers say about a party, outside the vault."""

    kind: str
    known_since: datetime
    zone: str
    members: int | None
    income_band: str
    joined_on: str | None
    resident_since: str | None
    children_born: str
    statuses: str
    trade_name: str
    people: list[UUID]


@dataclass(frozen=True, slots=True)
class _User:
    username: str
    email: str
    role: str
    last_login: datetime | None


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody looked: when, as whom the trail names them, how and at what, and on which occasion."""

    at: datetime
    actor: str
    action: str
    fields: tuple[str, ...]
    reason: str
    own: bool


@dataclass(frozen=True, slots=True)
class OwnData:
    """What a town knows about a party. Values of the vault never show in ``repr``."""

    town: str
    party: UUID
    at: datetime
    content: dict[str, Any]

    def __repr__(self) -> str:
        return f"OwnData({self.party})"

    def document(self) -> dict[str, Any]:
        """As a file holds it: plain JSON values."""
        head = {"format": FORMAT, "town": self.town, "party": self.party, "at": self.at}
        plain: dict[str, Any] = json.loads(json.dumps({**head, **self.content}, default=_plain, ensure_ascii=False))
        return plain


def registered(conn: Connection[Any], *, town_id: int, party: UUID) -> Registered:
    """What the registers say. Refuses with ``PartyNotFound`` and ``PartyErased``."""
    parties.party_facts(conn, town_id, party)
    found = maybe(conn, statement(_PACKAGE, "registered"), Registered, town_id=town_id, party=party)
    if found is None:
        raise PartyErased(party_id=party)
    return found


def personal(vault: Vault, party: UUID, people: Sequence[UUID]) -> dict[str, dict[str, str]]:
    """What the vault keeps of a party and of those the town writes to for it, by opaque id."""
    return {str(one): fields for one, fields in vault.get_many([party, *people]).items()}


def looks(
    conn: Connection[Any], *, town_id: int, party: UUID, people: Sequence[UUID], own: str = "", most: int = 200
) -> list[Look]:
    """Who looked at these people and at their complaints, the newest first; ``own`` is the actor who asks."""
    subjects = [f"party:{one}" for one in (party, *people)]
    subjects += [f"complaint:{one.id}" for one in complaints.complaints_of(conn, town_id=town_id, party=party)]
    return [
        Look(entry.at, entry.actor, entry.action, tuple(_fields(entry.after)), entry.reason, entry.actor == own)
        for entry in trail.looks_at(conn, town_id=town_id, subjects=subjects, size=most)
    ]


def _fields(after: Any) -> list[str]:
    found = json.loads(after) if isinstance(after, str) else after
    fields = found.get("fields", []) if isinstance(found, dict) else []
    return [str(one) for one in fields]


def everything(conn: Connection[Any], *, town_id: int, party: UUID, vault: Vault, actor: str, at: datetime) -> OwnData:
    """All that a town knows about a party; that it was handed out is recorded.

    Refuses with ``PartyNotFound`` and ``PartyErased``.
    """
    town = parties.town(conn, town_id)
    facts = registered(conn, town_id=town_id, party=party)
    seen = looks(conn, town_id=town_id, party=party, people=facts.people, own=actor, most=_ALL)
    own_complaints = complaints.complaints_of(conn, town_id=town_id, party=party)
    reader = Reader(actor, sees_personal_data=True)
    content = {
        "register": {
            **asdict(facts),
            "children_born": json.loads(facts.children_born),
            "statuses": json.loads(facts.statuses),
        },
        "personal": personal(vault, party, facts.people),
        "sign_ins": [asdict(user) for user in many(conn, statement(_PACKAGE, "sign_ins_of"), _User, party=party)],
        "notices": preferences.notices(conn, party_id=party),
        "money": [
            {"fund": view.fund_name, "available_minor": view.available_minor, "last_day": view.last_day}
            for view in payments.purses(conn, town_id=town_id, payer=party, at=at)
        ],
        "movements": [
            {
                "receipt": one.id, "at": one.effective_at, "what": one.code, "given_back": one.is_reversal,
                "minor": one.signed_minor, "unit": one.unit, "with": one.counterparty_name, "parts": one.parts,
                "reference": one.reference,
            }
            for one in _movements(conn, town_id, party)
        ],
        "cards": [
            {"number_ends": card.number[-4:], "state": str(card.state), "kind": str(card.kind), "made_at": card.made_at,
             "handed_at": card.handed_at, "blocked_at": card.blocked_at, "ended_at": card.ended_at}
            for card in instruments.cards_of(conn, town_id=town_id, party=party)
        ],
        "lets_pay": [
            {"name": vault.get(one.person, ("name",)).get("name", "") if not one.person_erased else "",
             "per_day_minor": one.per_day_minor, "last_day": one.last_day, "ended_at": one.ended_at}
            for one in authorised.authorisations_of(conn, town_id=town_id, party=party)
        ],
        "documents": [
            {"name": one.name, "about": one.about.value, "kept_at": one.added_at}
            for one in documents.documents(conn, town_id=town_id, party=party, reader=reader, vault=vault)
        ],
        "monthly_letter": letters.wishes(conn, town_id=town_id, party=party, vault=vault).monthly,
        "asked_to_be_paid": [
            {"at": one.request.made_at, "minor": one.request.amount_minor, "until": one.request.expires_at,
             "state": str(one.state), "payment": one.payment.id if one.payment else None}
            for one in requesting.asked_by(
                conn, town_id=town_id, payee=party, at=at, limit=_ALL, since=facts.known_since
            )
        ],
        "top_ups": [
            {"at": one.requested_at, "minor": one.amount.minor, "way": str(one.way), "state": str(one.state)}
            for one in topups.topups(conn, town_id=town_id, party=party, limit=_ALL)
        ],
        "contributions": [
            {"activity": one.activity_name, "day": one.day, "quantity": one.quantity, "measure": one.measure,
             "stream": one.stream, "state": one.state, "reward_minor": one.reward_minor}
            for one in coproduction.contributions(conn, town_id=town_id, payee=party, limit=_ALL)
        ],
        "complaints": [
            {
                "number": one.number, "about": one.about.value, "state": one.state.value, "opened_at": one.opened_at,
                "due_day": one.due_day, "outcome": one.outcome, "closed_at": one.closed_at,
                "words": [
                    {"kind": note.kind, "at": note.at, "words": note.words}
                    for note in complaints.notes(
                        conn, town_id=town_id, complaint_id=one.id, reader=reader, at=at, vault=vault
                    )
                    if note.kind != "note"
                ],
            }
            for one in own_complaints
        ],
        "told": [
            {"kind": one.kind, "at": one.at, "state": one.state, "way": one.channel}
            for one in messages.of_party(conn, town_id=town_id, party=party, most=_ALL)
        ],
        "looked_at_by": [
            {"at": one.at, "who": "yourself" if one.own else one.actor, "at_what": one.fields, "occasion": one.reason}
            for one in seen
        ],
    }  # fmt: skip
    record(
        conn, town_id=town_id, actor=actor, action="parties.own-data-exported", subject=f"party:{party}", at=at
    )  # fmt: skip
    return OwnData(town.slug, party, at, content)


def _movements(conn: Connection[Any], town_id: int, party: UUID) -> list[PartyMovement]:
    found: list[PartyMovement] = []
    while True:
        before = found[-1].id if found else None
        page = payments.movements(conn, town_id=town_id, party_id=party, before=before, limit=_PAGE)
        found += page
        if len(page) < _PAGE:
            return found


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def ask_for_erasure(
    conn: Connection[Any],
    *,
    town_id: int,
    party: UUID,
    words: str,
    idempotency_key: str,
    actor: str,
    at: datetime,
    vault: Vault,
) -> Complaint:
    """Ask the town to erase a party's data: a request with a number and the day by which it is answered.

    While one is open, asking again gives that one. Erasing itself is done by somebody who can be named
    (``Vault.erase``), after looking whether a law says that something must be kept. Refuses with
    ``PartyNotFound``, ``PartyErased``, ``WordsMissing`` and ``WordsTooLong``.
    """
    registered(conn, town_id=town_id, party=party)
    waiting = asked_for_erasure(conn, town_id=town_id, party=party)
    if waiting is not None and waiting.state is ComplaintState.OPEN:
        return waiting
    return casework.open_complaint(
        conn,
        town_id=town_id,
        about=About.DATA,
        words=words,
        idempotency_key=idempotency_key,
        actor=actor,
        at=at,
        vault=vault,
        party=party,
        subject=f"{ERASURE}:{party}",
    )


def asked_for_erasure(conn: Connection[Any], *, town_id: int, party: UUID) -> Complaint | None:
    """The newest request for erasure of a party, if there is one."""
    found = complaints.complaints_of(conn, town_id=town_id, party=party)
    return next((one for one in found if one.subject.startswith(f"{ERASURE}:")), None)

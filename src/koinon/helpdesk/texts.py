"""Text messages from people: what they have, and a lost card blocked, for a telephone of any kind.

Only a number that was bound to one person at the counter is answered, and the answer goes to the number that the vault
has, whatever the message says of where it comes from: whoever pretends to write from somebody's number learns nothing.
Every function is part of its caller's transaction. What is answered is left as a row, and sent by a job.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import execute, maybe, one, scalar, statement
from koinon.db.transactions import savepoint
from koinon.helpdesk import rules
from koinon.helpdesk.errors import NumberNotUsable, NumberShared
from koinon.helpdesk.types import Answer, Asked, Wish
from koinon.instruments import operations as cards
from koinon.instruments import queries as instruments
from koinon.instruments.types import CardState, InstrumentKind, Why
from koinon.kernel.identifiers import id_for_key, new_id
from koinon.outbox import messages
from koinon.parties import queries as parties
from koinon.parties.rules import normal_phone
from koinon.parties.types import TownFacts
from koinon.parties.vault import Vault
from koinon.payments import queries as payments

_PACKAGE = "koinon.helpdesk"
# The vault's field that holds the number which is answered. It is answered for as long as it is the person's telephone, too.
BOUND = "texts"
ACTOR = "text"


@dataclass(frozen=True, slots=True)
class _Household:
    party: UUID
    language: str


@dataclass(frozen=True, slots=True)
class _Counted:
    within_an_hour: int
    within_a_day: int


def bind(
    conn: Connection[Any], *, town_id: int, person: UUID, number: str, actor: str, at: datetime, vault: Vault
) -> bool:
    """Answer this number from now on, as that of one person; False where it was so.

    The person stands at the counter and has shown who they are. The number becomes their telephone in the vault, and a
    first message tells them what they can write. Refuses with ``NumberNotUsable``, ``NumberShared``, ``PartyNotFound`` and
    ``PartyErased``.
    """
    town = parties.town(conn, town_id)
    plain = normal_phone(number, country=town.country)
    if not 8 <= len(plain) <= 16:
        raise NumberNotUsable
    if set(vault.find_all(town_id, "phone", plain)) - {person}:
        raise NumberShared
    with savepoint(conn):
        if not vault.put(person, {"phone": plain, BOUND: plain}):
            return False
        _record(conn, town_id, person, "helpdesk.number-bound", actor, at)
        language = _language(conn, town, person, Asked(Wish.HELP, ()), vault)
        _leave(conn, town_id, new_id(), person, "text.bound", at, _words(language))
    return True


def unbind(conn: Connection[Any], *, town_id: int, person: UUID, actor: str, at: datetime, vault: Vault) -> bool:
    """Answer this person's number no more; False where it was not answered."""
    with savepoint(conn):
        if not vault.put(person, {BOUND: ""}):
            return False
        _record(conn, town_id, person, "helpdesk.number-unbound", actor, at)
    return True


def is_bound(kept: dict[str, str], town: TownFacts) -> bool:
    """Whether the number that was bound is still the person's telephone; ``kept`` has both fields of the vault."""
    bound = kept.get(BOUND, "")
    return bool(bound) and bound == normal_phone(kept.get("phone", ""), country=town.country)


def receive(
    conn: Connection[Any], *, town_id: int, reference: str, sender: str, text: str, at: datetime, vault: Vault
) -> Answer:
    """Take a text message in and leave the answer to be sent; the same reference again does nothing.

    A number that is not bound to exactly one person is answered by nothing and kept nowhere. A lock is always obeyed, also
    where so many messages came that nothing is answered any more.
    """
    person = vault.find(town_id, "phone", sender)
    town = parties.town(conn, town_id)
    if person is None or not is_bound(vault.get(person, ("phone", BOUND)), town):
        return Answer.UNKNOWN
    message = id_for_key(f"{_PACKAGE}.text:{town_id}", reference)
    asked = rules.read(text)
    with savepoint(conn):
        execute(conn, statement(_PACKAGE, "lock_writer"), town_id=town_id, party=person)
        if scalar(conn, statement(_PACKAGE, "text_came"), town_id=town_id, id=message):
            return Answer.REPEATED
        counted = one(
            conn,
            statement(_PACKAGE, "texts_answered"),
            _Counted,
            town_id=town_id,
            party=person,
            hour=at - rules.HOUR,
            day=at - rules.DAY,
        )
        answers = rules.may_answer(within_an_hour=counted.within_an_hour, within_a_day=counted.within_a_day)
        execute(
            conn,
            statement(_PACKAGE, "add_text"),
            town_id=town_id,
            id=message,
            party=person,
            wish=asked.wish.value,
            at=at,
            answered=answers,
        )
        language = _language(conn, town, person, asked, vault)
        came, kind, data = _done(conn, town, person, asked, at, language, vault)
        if not answers:
            return came if came in (Answer.LOCKED, Answer.STOPPED) else Answer.LIMITED
        _leave(conn, town_id, message, person, kind, at, {"language": language, **data})
    return came


def forget(conn: Connection[Any], *, before: datetime) -> int:
    """Forget that messages came before ``before``; how many."""
    return execute(conn, statement(_PACKAGE, "forget_texts"), before=before)


def _done(
    conn: Connection[Any], town: TownFacts, person: UUID, asked: Asked, at: datetime, language: str, vault: Vault
) -> tuple[Answer, str, dict[str, str | int]]:
    """Do what was asked, and say which message answers it."""
    home = _home(conn, town.id, person).party
    if asked.wish is Wish.BALANCE:
        return Answer.BALANCE, *_balance(conn, town, home, at)
    if asked.wish is Wish.LOCK:
        blocked = _lock(conn, town.id, home, person, asked.digits, at)
        return Answer.LOCKED, "text.locked" if blocked else "text.nothing-locked", {"cards": blocked}
    if asked.wish is Wish.STOP:
        unbind(conn, town_id=town.id, person=person, actor=f"{ACTOR}:{person}", at=at, vault=vault)
        return Answer.STOPPED, "text.stopped", {}
    return Answer.HELPED, "text.help", _words(language)


def _balance(conn: Connection[Any], town: TownFacts, home: UUID, at: datetime) -> tuple[str, dict[str, str | int]]:
    today = at.astimezone(town.zone).date()
    purses = [
        purse
        for purse in payments.purses(conn, town_id=town.id, payer=home, at=at)
        if purse.available_minor and (purse.last_day is None or purse.last_day >= today)
    ]
    amount: dict[str, str | int] = {"amount_minor": sum(purse.available_minor for purse in purses)}
    ending = min((purse.last_day for purse in purses if purse.last_day is not None), default=None)
    if ending is None:
        return "text.balance", amount
    part = sum(purse.available_minor for purse in purses if purse.last_day == ending)
    return "text.balance-until", amount | {"part_minor": part, "last_day": ending.isoformat()}


def _lock(conn: Connection[Any], town_id: int, home: UUID, person: UUID, digits: str, at: datetime) -> int:
    """Block the cards that work, or the one that ends in ``digits``; how many. Who asked is recorded."""
    held = instruments.cards_of(conn, town_id=town_id, party=home)
    wanted = [
        card
        for card in held
        if card.state is CardState.ACTIVE and card.kind is InstrumentKind.CARD and card.number.endswith(digits)
    ]
    for card in sorted(wanted, key=lambda one: one.id):
        cards.block(conn, town_id=town_id, card_id=card.id, why=Why.LOST, actor=f"{ACTOR}:{person}", at=at)
    return len(wanted)


def _home(conn: Connection[Any], town_id: int, person: UUID) -> _Household:
    return one(conn, statement(_PACKAGE, "household_of"), _Household, town_id=town_id, person=person)


def _language(conn: Connection[Any], town: TownFacts, person: UUID, asked: Asked, vault: Vault) -> str:
    kept = vault.get(person, ("language",)).get("language", "")
    found = maybe(conn, statement(_PACKAGE, "household_of"), _Household, town_id=town.id, person=person)
    own = kept or (found.language if found else "")
    spoken = tuple(scalar(conn, statement(_PACKAGE, "town_languages"), town_id=town.id) or ())
    return rules.language_of(asked, own=own.partition("-")[0].lower(), spoken=spoken)


def _words(language: str) -> dict[str, str | int]:
    return {
        "language": language,
        "balance": rules.word(Wish.BALANCE, language),
        "lock": rules.word(Wish.LOCK, language),
        "stop": rules.word(Wish.STOP, language),
    }


def _leave(
    conn: Connection[Any],
    town_id: int,
    message: UUID,
    person: UUID,
    kind: str,
    at: datetime,
    data: dict[str, str | int],
) -> None:
    messages.leave(conn, town_id=town_id, message_id=message, party=person, kind=kind, at=at, data=data, prefer="sms")


def _record(conn: Connection[Any], town_id: int, person: UUID, action: str, actor: str, at: datetime) -> None:
    record(conn, town_id=town_id, actor=actor, action=action, subject=f"party:{person}", at=at)

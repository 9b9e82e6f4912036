"""Making, handing over, blocking, replacing and withdrawing cards. Every function is part of its caller's transaction.

A card's money is its holder's: none of these steps moves any. Locks are taken holder first, then
cards lowest id first, so that two officers at once take turns.
"""

from __future__ import annotations

import base64
import os
import secrets as chance
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.statements import execute, many, maybe, statement
from koinon.db.transactions import savepoint
from koinon.instruments import queries, rules
from koinon.instruments.errors import (
    CardInOtherState,
    CardNotFound,
    CardNotPrintable,
    CardPromised,
    KeyReused,
    TooManyCards,
)
from koinon.instruments.types import Card, CardState, InstrumentKind, Printable, Why
from koinon.kernel.identifiers import id_for_key, id_under, new_id
from koinon.outbox import messages
from koinon.parties import crypto
from koinon.parties.errors import PartyErased, PartyNotFound, SealBroken
from koinon.parties.secrets import Secrets

_PACKAGE = "koinon.instruments"
_TOKEN_FIELD = "card-token"  # noqa: S105  The name of a field, which no field of the vault can have.


@dataclass(frozen=True, slots=True)
class _Holder:
    erased: bool


@dataclass(frozen=True, slots=True)
class _Sealed:
    id: UUID
    key_id: str
    sealed_token: bytes


@dataclass(frozen=True, slots=True)
class _SealedInTown:
    town_id: int
    id: UUID
    key_id: str
    sealed_token: bytes


def make_cards(
    conn: Connection[Any],
    *,
    town_id: int,
    count: int,
    idempotency_key: str,
    actor: str,
    at: datetime,
    secrets: Secrets,
    party: UUID | None = None,
) -> list[Card]:
    """Make cards to be printed: for the drawer, or with ``party`` for one person. None of them works yet.

    The same key gives the cards of the first time again. Refuses with ``TooManyCards``,
    ``KeyReused``, ``PartyNotFound`` and ``PartyErased``.
    """
    if not 1 <= count <= rules.MOST_MADE_AT_ONCE:
        raise TooManyCards(most=rules.MOST_MADE_AT_ONCE)
    batch = id_for_key(f"{_PACKAGE}.cards:{town_id}", idempotency_key)
    made = queries.cards_of_batch(conn, town_id=town_id, batch=batch)
    if made:
        # What was made for nobody may have been handed over since; only the first state of a card counts here.
        if len(made) != count or (party is not None and any(card.party != party for card in made)):
            raise KeyReused(key=idempotency_key)
        return made
    with savepoint(conn):
        if party is not None:
            lock_holder(conn, town_id, party)
        missing = [id_under(batch, number) for number in range(count)]
        while missing:
            _add(conn, town_id, missing, party, batch, actor, at, secrets)
            made = queries.cards_of_batch(conn, town_id=town_id, batch=batch)
            missing = sorted(set(missing) - {card.id for card in made})
        record(
            conn,
            town_id=town_id,
            actor=actor,
            action="instruments.cards-made",
            subject=f"cards:{batch}",
            after={"cards": count, "party": str(party) if party else None},
            at=at,
        )
    return made


def printable(
    conn: Connection[Any], *, town_id: int, cards: Sequence[UUID], actor: str, at: datetime, secrets: Secrets
) -> list[Printable]:
    """What stands on these cards, for the printer, in the order asked; who printed how many is recorded.

    Refuses with ``CardNotFound`` and ``CardNotPrintable``: once a card is handed over, nobody can copy it.
    """
    found = {card.id: card for card in locked(conn, town_id, cards)}
    sealed = {
        row.id: row
        for row in many(conn, statement(_PACKAGE, "sealed_tokens"), _Sealed, town_id=town_id, cards=list(cards))
    }
    for card_id in cards:
        if card_id not in sealed:
            raise CardNotPrintable(card=card_id)
    for batch in sorted({card.batch for card in found.values()}):
        of_batch = [card for card in found.values() if card.batch == batch]
        record(
            conn,
            town_id=town_id,
            actor=actor,
            action="instruments.cards-printed",
            subject=f"cards:{batch}",
            after={"cards": len(of_batch)},
            at=at,
        )
    return [
        Printable(
            found[card_id],
            crypto.unseal(
                secrets.key(sealed[card_id].key_id),
                bytes(sealed[card_id].sealed_token),
                crypto.place(town_id, card_id, _TOKEN_FIELD),
            ).decode(),
        )
        for card_id in cards
    ]


def hand_over(
    conn: Connection[Any],
    *,
    town_id: int,
    card_id: UUID,
    party: UUID,
    actor: str,
    at: datetime,
    authorisation: UUID | None = None,
) -> Card:
    """Give a card to its holder: from now on it works, with the PIN that is chosen next.

    With ``authorisation`` it is given to whoever ``party`` lets pay (``koinon.instruments.authorised``).

    Repeated, it answers as the first time. Refuses with ``CardNotFound``, ``CardInOtherState``,
    ``CardPromised``, ``TooManyCards``, ``PartyNotFound`` and ``PartyErased``.
    """
    with savepoint(conn):
        lock_holder(conn, town_id, party)
        [card] = locked(conn, town_id, [card_id])
        again = card.state is CardState.ACTIVE and card.party == party and card.replaces is None
        if again and card.authorisation == authorisation:
            return card
        _room_for_one_more(conn, town_id, party)
        _hand_over(conn, town_id, card, party, None, authorisation, actor, at)
    return queries.card(conn, town_id=town_id, card_id=card_id)


def block(conn: Connection[Any], *, town_id: int, card_id: UUID, why: Why, actor: str, at: datetime) -> Card:
    """Stop a card at once. Its holder's money stays; the card can be unblocked or replaced.

    Refuses with ``CardNotFound`` and ``CardInOtherState``.
    """
    return _turn(conn, town_id, card_id, CardState.ACTIVE, CardState.BLOCKED, why, actor, at)


def unblock(conn: Connection[Any], *, town_id: int, card_id: UUID, why: Why, actor: str, at: datetime) -> Card:
    """Let a blocked card work again. Refuses with ``CardNotFound`` and ``CardInOtherState``."""
    return _turn(conn, town_id, card_id, CardState.BLOCKED, CardState.ACTIVE, why, actor, at)


def replace(
    conn: Connection[Any], *, town_id: int, card_id: UUID, by: UUID, why: Why, actor: str, at: datetime
) -> Card:
    """End a card and give its holder another one, in one step: the old one is dead at once, and no money moves.

    ``by`` is a card that was made and not handed over: from the drawer, or made for this
    person. It has no PIN yet. Repeated, it answers as the first time. Refuses with
    ``CardNotFound``, ``CardInOtherState``, ``CardPromised``, ``PartyNotFound`` and ``PartyErased``.
    """
    with savepoint(conn):
        party = queries.card(conn, town_id=town_id, card_id=card_id).party
        if party is not None:
            lock_holder(conn, town_id, party)
        cards = {card.id: card for card in locked(conn, town_id, [card_id, by])}
        old, new = cards[card_id], cards[by]
        if old.replaced_by == by:
            return new
        if not old.is_open or old.party is None or old.kind is not InstrumentKind.CARD:
            raise CardInOtherState(card=old.id, state=old.state)
        _hand_over(conn, town_id, new, old.party, old.id, old.authorisation, actor, at)
        _end(conn, town_id, old, CardState.REPLACED, by, why, actor, at)
        tell(conn, town_id, old, "card.replaced", at)
    return queries.card(conn, town_id=town_id, card_id=by)


def withdraw(conn: Connection[Any], *, town_id: int, card_id: UUID, why: Why, actor: str, at: datetime) -> Card:
    """End a card for good without another one: spoiled in the printer, or no longer wanted.

    Refuses with ``CardNotFound`` and ``CardInOtherState``.
    """
    with savepoint(conn):
        [card] = locked(conn, town_id, [card_id])
        if card.state is CardState.WITHDRAWN:
            return card
        if card.state is CardState.REPLACED:
            raise CardInOtherState(card=card.id, state=card.state)
        _end(conn, town_id, card, CardState.WITHDRAWN, None, why, actor, at)
    return queries.card(conn, town_id=town_id, card_id=card_id)


def rewrap(conn: Connection[Any], secrets: Secrets, *, limit: int = 1000) -> int:
    """Seal up to ``limit`` codes that are not under the current key again; how many.

    Repeat until it answers 0: then the old key may leave the secrets file (see ``Vault.rewrap``).
    """
    sql = statement(_PACKAGE, "sealed_by_other_keys")
    stale = many(conn, sql, _SealedInTown, key_id=secrets.current, size=limit)
    for row in stale:
        place = crypto.place(row.town_id, row.id, _TOKEN_FIELD)
        try:
            token = crypto.unseal(secrets.key(row.key_id), bytes(row.sealed_token), place)
        except SealBroken:
            raise SealBroken(place=f"card:{row.id}") from None
        execute(
            conn,
            statement(_PACKAGE, "seal_anew"),
            town_id=row.town_id,
            card=row.id,
            key_id=secrets.current,
            sealed_token=crypto.seal(secrets.key(secrets.current), token, place),
        )
    return len(stale)


def tell(conn: Connection[Any], town_id: int, card: Card, kind: str, at: datetime) -> None:
    """Leave word for a card's holder of what was done to it: whoever did not ask for it shall know."""
    assert card.party is not None
    data: dict[str, str | int] = {"card": card.number[-4:]}
    if card.kind is InstrumentKind.PHONE:  # Its number is nobody's to know.
        kind, data = f"phone.{kind.rpartition('.')[2]}", {}
    messages.leave(
        conn, town_id=town_id, message_id=new_id(), party=card.party, kind=kind, at=at, data=data, prefer="sms"
    )


# --- Steps ------------------------------------------------------------------------------------


def _add(
    conn: Connection[Any],
    town_id: int,
    ids: Sequence[UUID],
    party: UUID | None,
    batch: UUID,
    actor: str,
    at: datetime,
    secrets: Secrets,
) -> None:
    key = secrets.key(secrets.current)
    numbers, digests, sealed = [], [], []
    for card_id in ids:
        token = rules.TOKEN_MARK + base64.b32encode(os.urandom(rules.TOKEN_BYTES)).decode()
        numbers.append(rules.number_of(chance.randbelow(10**10)))
        digests.append(queries.token_digest(secrets, town_id, token))
        sealed.append(crypto.seal(key, token.encode(), crypto.place(town_id, card_id, _TOKEN_FIELD)))
    execute(
        conn,
        statement(_PACKAGE, "add_cards"),
        town_id=town_id,
        ids=list(ids),
        numbers=numbers,
        digests=digests,
        sealed=sealed,
        key_id=secrets.current,
        party=party,
        batch=batch,
        made_at=at,
        made_by=actor,
    )


def lock_holder(conn: Connection[Any], town_id: int, party: UUID) -> None:
    """Lock a party before its cards, or refuse with ``PartyNotFound``, for the town itself too, or ``PartyErased``."""
    holder = maybe(conn, statement(_PACKAGE, "lock_holder"), _Holder, town_id=town_id, party=party)
    if holder is None:
        raise PartyNotFound(party_id=party)
    if holder.erased:
        raise PartyErased(party_id=party)


def locked(conn: Connection[Any], town_id: int, cards: Sequence[UUID]) -> list[Card]:
    """These cards as they stand, nobody else's to change until the transaction ends, or ``CardNotFound``."""
    found = many(conn, statement(_PACKAGE, "lock_cards"), Card, town_id=town_id, cards=list(cards))
    missing = set(cards) - {card.id for card in found}
    if missing:
        raise CardNotFound(card=min(missing))
    return found


def _room_for_one_more(conn: Connection[Any], town_id: int, party: UUID) -> None:
    cards = queries.cards_of(conn, town_id=town_id, party=party)
    held = [card for card in cards if card.is_open and card.kind is InstrumentKind.CARD]
    if len(held) >= rules.MOST_CARDS_OF_A_PARTY:
        raise TooManyCards(most=rules.MOST_CARDS_OF_A_PARTY)


def _hand_over(
    conn: Connection[Any],
    town_id: int,
    card: Card,
    party: UUID,
    replaces: UUID | None,
    authorisation: UUID | None,
    actor: str,
    at: datetime,
) -> None:
    if card.state is not CardState.MADE:
        raise CardInOtherState(card=card.id, state=card.state)
    if card.party not in (None, party):
        raise CardPromised(card=card.id)
    execute(
        conn,
        statement(_PACKAGE, "hand_over"),
        town_id=town_id,
        card=card.id,
        party=party,
        replaces=replaces,
        authorisation=authorisation,
        at=at,
        actor=actor,
    )
    after = {"party": str(party)} | ({"replaces": str(replaces)} if replaces else {})
    after |= {"authorisation": str(authorisation)} if authorisation else {}
    _record(
        conn, town_id, card.id, "instruments.card-handed-over", "", actor, at, card.state, CardState.ACTIVE, **after
    )


def _turn(
    conn: Connection[Any],
    town_id: int,
    card_id: UUID,
    before: CardState,
    after: CardState,
    why: Why,
    actor: str,
    at: datetime,
) -> Card:
    with savepoint(conn):
        [card] = locked(conn, town_id, [card_id])
        if card.state is after:
            return card
        if card.state is not before:
            raise CardInOtherState(card=card.id, state=card.state)
        blocked = after is CardState.BLOCKED
        execute(
            conn,
            statement(_PACKAGE, "set_state"),
            town_id=town_id,
            card=card_id,
            state=after.value,
            blocked_at=at if blocked else None,
            why=why.value,
        )
        action = "instruments.card-blocked" if blocked else "instruments.card-unblocked"
        _record(conn, town_id, card_id, action, why.value, actor, at, before, after)
        if blocked:
            tell(conn, town_id, card, "card.blocked", at)
    return queries.card(conn, town_id=town_id, card_id=card_id)


def _end(
    conn: Connection[Any],
    town_id: int,
    card: Card,
    state: CardState,
    by: UUID | None,
    why: Why,
    actor: str,
    at: datetime,
) -> None:
    execute(
        conn,
        statement(_PACKAGE, "end_card"),
        town_id=town_id,
        card=card.id,
        state=state.value,
        replaced_by=by,
        why=why.value,
        at=at,
        actor=actor,
    )
    execute(conn, statement(_PACKAGE, "forget_pin"), town_id=town_id, card=card.id)
    execute(conn, statement(_PACKAGE, "forget_tries"), town_id=town_id, card=card.id)
    after = {"replaced_by": str(by)} if by else {}
    _record(conn, town_id, card.id, f"instruments.card-{state.value}", why.value, actor, at, card.state, state, **after)


def _record(
    conn: Connection[Any],
    town_id: int,
    card_id: UUID,
    action: str,
    why: str,
    actor: str,
    at: datetime,
    before: CardState,
    after: CardState,
    **more: str,
) -> None:
    record(
        conn,
        town_id=town_id,
        actor=actor,
        action=action,
        subject=f"card:{card_id}",
        reason=why,
        before={"state": before.value},
        after={"state": after.value, **more},
        at=at,
    )

"""Telling: writing down what is to be sent, deciding who hears of it, and keeping what became of it.

``tell`` is called by whoever moves money, in the same transaction. ``claim``,
``finish`` and their like are for the job that sends.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection

from koinon.audit.operations import record
from koinon.db.arrays import Int8Array, TextArray, TimeArray, UuidArray, cursor
from koinon.db.statements import execute, many, maybe, scalar, statement
from koinon.kernel.identifiers import new_id
from koinon.outbox import queries, rules, sealing
from koinon.outbox.errors import DeliveryNotFound, EndpointNotFound, NoticeNotFound, TooManyListeners
from koinon.outbox.types import (
    ANYBODY,
    KINDS,
    PARTY_KEYS,
    Channel,
    Claimed,
    Endpoint,
    Event,
    FreshSecret,
    Heard,
    Keys,
    Notice,
    Outcome,
)

_PACKAGE = "koinon.outbox"
MOST_LISTENERS = 20
SENDER = "job:deliveries"


def tell(conn: Connection[Any], *, town_id: int, events: Sequence[Event], heard: Heard | None = None) -> int:
    """Write events down for whoever listens, part of the caller's transaction; how many deliveries that makes.

    Where nobody in the town listens to these kinds it asks one small question and
    writes nothing. ``heard`` spares even that to a caller that asked before
    (``queries.heard``). Sent once the transaction is committed, and never when it is not.
    """
    if not events:
        return 0
    if heard is None:
        heard = queries.heard(conn, town_id=town_id, kinds={event.kind for event in events})
    if not heard:
        return 0
    ours = [event for event in events if _concerns(event, heard)]
    if not ours:
        return 0
    assert all(event.kind in KINDS for event in ours)
    with cursor(conn) as asked:
        row = asked.execute(
            statement(_PACKAGE, "tell"),
            {
                "town_id": town_id,
                "ids": UuidArray([new_id() for _ in ours]),
                "kinds": TextArray([event.kind for event in ours]),
                "subjects": UuidArray([event.subject for event in ours]),
                "ats": TimeArray([event.at for event in ours]),
                "data": TextArray([json.dumps(event.data) for event in ours]),
                "payers": TextArray([_text(event, "payer") for event in ours]),
                "payees": TextArray([_text(event, "payee") for event in ours]),
                "parties": TextArray([_text(event, "party") for event in ours]),
                "minors": Int8Array([_whole(event, "amount_minor") for event in ours]),
            },
        ).fetchone()
    assert row is not None
    return int(row[0])


def _text(event: Event, key: str) -> str | None:
    value = event.data.get(key)
    return None if value is None else str(value)


def _whole(event: Event, key: str) -> int | None:
    value = event.data.get(key)
    return None if value is None else int(value)


def _concerns(event: Event, heard: Heard) -> bool:
    parties = heard.get(event.kind)
    if parties is None:
        return False
    return ANYBODY in parties or any(event.data.get(key) in parties for key in PARTY_KEYS)


# Webhook endpoints


def add_endpoint(
    conn: Connection[Any],
    *,
    town_id: int,
    url: str,
    kinds: Iterable[str],
    keys: Keys,
    actor: str,
    at: datetime,
    party: UUID | None = None,
    inside: bool = False,
) -> FreshSecret:
    """Tell an address of these kinds of events from now on; its signing secret is answered this once.

    With ``party`` it hears only of events in which the party stands, and no other party is named to it.
    ``inside`` allows http and addresses of inner networks, for tests and sandboxes.
    Refuses with ``AddressRefused``, ``KindUnknown`` and ``TooManyListeners``.
    """
    wanted = rules.checked_kinds(kinds)
    address = rules.checked_address(url, inside=inside)
    _room(conn, town_id, Channel.WEBHOOK, party)
    endpoint_id, secret = new_id(), secrets.token_bytes(rules.SECRET_BYTES)
    key_id, sealed = sealing.seal(keys, town_id=town_id, endpoint=endpoint_id, secret=secret)
    execute(
        conn,
        statement(_PACKAGE, "add_listener"),
        town_id=town_id,
        id=endpoint_id,
        channel=Channel.WEBHOOK.value,
        kinds=wanted,
        party=party,
        at=at,
        actor=actor,
        url=address,
        key_id=key_id,
        secret=sealed,
        role="",
        at_least_minor=0,
    )
    after = {"kinds": wanted, "party": None if party is None else str(party)}
    _record(conn, town_id, actor, "outbox.endpoint-added", f"webhook:{endpoint_id}", at, after=after)
    return FreshSecret(queries.endpoint(conn, town_id=town_id, endpoint_id=endpoint_id), rules.secret_text(secret))


def change_endpoint(
    conn: Connection[Any],
    *,
    town_id: int,
    endpoint_id: UUID,
    actor: str,
    at: datetime,
    url: str | None = None,
    kinds: Iterable[str] | None = None,
    party: UUID | None = None,
    inside: bool = False,
) -> Endpoint:
    """Another address or other kinds; what is due already goes to the new address."""
    before = _locked(conn, town_id, endpoint_id, party)
    wanted = before.kinds if kinds is None else rules.checked_kinds(kinds)
    address = before.url if url is None else rules.checked_address(url, inside=inside)
    sql = statement(_PACKAGE, "change_endpoint")
    execute(conn, sql, town_id=town_id, id=endpoint_id, url=address, kinds=wanted)
    _record(
        conn,
        town_id,
        actor,
        "outbox.endpoint-changed",
        f"webhook:{endpoint_id}",
        at,
        before={"kinds": before.kinds},
        after={"kinds": wanted, "address_changed": address != before.url},
    )
    return queries.endpoint(conn, town_id=town_id, endpoint_id=endpoint_id)


def rotate_secret(
    conn: Connection[Any],
    *,
    town_id: int,
    endpoint_id: UUID,
    keys: Keys,
    actor: str,
    at: datetime,
    party: UUID | None = None,
    at_once: bool = False,
) -> FreshSecret:
    """A new signing secret. For a day messages carry both signatures; ``at_once`` ends the old one now."""
    _locked(conn, town_id, endpoint_id, party)
    secret = secrets.token_bytes(rules.SECRET_BYTES)
    key_id, sealed = sealing.seal(keys, town_id=town_id, endpoint=endpoint_id, secret=secret)
    until = at if at_once else at + rules.TWO_SECRETS_FOR
    sql = statement(_PACKAGE, "rotate_secret")
    execute(conn, sql, town_id=town_id, id=endpoint_id, key_id=key_id, secret=sealed, until=until)
    _record(conn, town_id, actor, "outbox.secret-rotated", f"webhook:{endpoint_id}", at, after={"at_once": at_once})
    return FreshSecret(queries.endpoint(conn, town_id=town_id, endpoint_id=endpoint_id), rules.secret_text(secret))


def resume_endpoint(
    conn: Connection[Any], *, town_id: int, endpoint_id: UUID, actor: str, at: datetime, party: UUID | None = None
) -> Endpoint:
    """Begin again with an endpoint that was disabled; what waited goes out at once. Nothing where it is active."""
    if _locked(conn, town_id, endpoint_id, party).state == "disabled":
        execute(conn, statement(_PACKAGE, "resume_endpoint"), town_id=town_id, id=endpoint_id)
        _wake(conn)
        _record(conn, town_id, actor, "outbox.endpoint-resumed", f"webhook:{endpoint_id}", at)
    return queries.endpoint(conn, town_id=town_id, endpoint_id=endpoint_id)


def remove_endpoint(
    conn: Connection[Any], *, town_id: int, endpoint_id: UUID, actor: str, at: datetime, party: UUID | None = None
) -> None:
    """Send it nothing more: secrets are deleted, what is due is abandoned, the log stays as long as logs do."""
    _locked(conn, town_id, endpoint_id, party)
    execute(conn, statement(_PACKAGE, "remove_listener"), town_id=town_id, id=endpoint_id)
    _record(conn, town_id, actor, "outbox.endpoint-removed", f"webhook:{endpoint_id}", at)


def send_again(
    conn: Connection[Any],
    *,
    town_id: int,
    listener: UUID,
    actor: str,
    at: datetime,
    event: UUID | None = None,
    party: UUID | None = None,
) -> int:
    """Send one event to an endpoint once more, or without ``event`` everything that failed; how many deliveries.

    ``DeliveryNotFound`` where the event was never for this listener. One that is being sent at this moment is left alone.
    """
    _locked(conn, town_id, listener, party)
    if event is not None and not scalar(
        conn,
        "SELECT 1 FROM outbox.delivery WHERE town_id = %(town_id)s AND event_id = %(event)s AND listener_id = %(listener)s LIMIT 1",
        town_id=town_id,
        event=event,
        listener=listener,
    ):
        raise DeliveryNotFound(listener=listener, event=event)
    number = execute(conn, statement(_PACKAGE, "send_again"), town_id=town_id, listener=listener, event=event)
    if number:
        _wake(conn)
    after: dict[str, Any] = {"deliveries": number, "event": None if event is None else str(event)}
    _record(conn, town_id, actor, "outbox.sent-again", f"webhook:{listener}", at, after=after)
    return number


# Notices by e-mail


def add_notice(
    conn: Connection[Any],
    *,
    town_id: int,
    kinds: Iterable[str],
    actor: str,
    at: datetime,
    party: UUID | None = None,
    role: str = "",
    at_least_minor: int = 0,
) -> Notice:
    """Tell a party of what concerns it, or everybody with a role of the staff, by e-mail from now on.

    ``at_least_minor`` leaves smaller amounts out. The address is looked up when a mail is sent.
    Refuses with ``KindUnknown`` and ``TooManyListeners``.
    """
    assert (party is None) != (role == ""), "a notice is for a party or for a role"
    assert at_least_minor >= 0
    wanted = rules.checked_kinds(kinds)
    _room(conn, town_id, Channel.MAIL, party)
    notice_id = new_id()
    execute(
        conn,
        statement(_PACKAGE, "add_listener"),
        town_id=town_id,
        id=notice_id,
        channel=Channel.MAIL.value,
        kinds=wanted,
        party=party,
        at=at,
        actor=actor,
        url="",
        key_id="",
        secret=None,
        role=role,
        at_least_minor=at_least_minor,
    )
    after = {"kinds": wanted, "party": None if party is None else str(party), "role": role}
    _record(conn, town_id, actor, "outbox.notice-added", f"notice:{notice_id}", at, after=after)
    return queries.notice(conn, town_id=town_id, notice_id=notice_id)


def remove_notice(
    conn: Connection[Any], *, town_id: int, notice_id: UUID, actor: str, at: datetime, party: UUID | None = None
) -> None:
    """Write no more of these mails."""
    if _maybe_locked(conn, town_id, notice_id, Channel.MAIL, party) is None:
        raise NoticeNotFound(notice=notice_id)
    execute(conn, statement(_PACKAGE, "remove_listener"), town_id=town_id, id=notice_id)
    _record(conn, town_id, actor, "outbox.notice-removed", f"notice:{notice_id}", at)


def forget_party(conn: Connection[Any], *, town_id: int, party: UUID, actor: str, at: datetime) -> int:
    """Tell a party nothing more, because its data are erased; how many endpoints and notices it had."""
    there = [one.id for one in queries.endpoints(conn, town_id=town_id, party=party)]
    for endpoint_id in there:
        remove_endpoint(conn, town_id=town_id, endpoint_id=endpoint_id, actor=actor, at=at)
    notices = [one.id for one in queries.notices(conn, town_id=town_id, party=party)]
    for notice_id in notices:
        remove_notice(conn, town_id=town_id, notice_id=notice_id, actor=actor, at=at)
    return len(there) + len(notices)


# For the job that sends


def claim(
    conn: Connection[Any], *, most: int, each: int, busy: Mapping[UUID, int], lease_seconds: int
) -> list[Claimed]:
    """Take up to ``most`` due deliveries, of each listener no more than ``each`` less those ``busy`` already.

    What is not finished when the lease ends comes back: a worker that died loses nothing.
    """
    return many(
        conn,
        statement(_PACKAGE, "claim"),
        Claimed,
        most=most,
        each=each,
        busy=list(busy),
        counts=list(busy.values()),
        lease_seconds=lease_seconds,
    )


@dataclass(frozen=True, slots=True)
class _Ill:
    town_id: int
    id: UUID


@dataclass(frozen=True, slots=True)
class Disabled:
    """An endpoint to which nothing is sent any more until somebody resumes it."""

    town_id: int
    id: UUID
    failing_since: datetime | None
    failures: int


def finish(conn: Connection[Any], outcomes: Sequence[Outcome], *, at: datetime) -> list[Disabled]:
    """Keep how attempts ended; the endpoints that were disabled because they failed for too long, or said they are gone."""
    if not outcomes:
        return []
    touched = sorted({(outcome.claimed.town_id, outcome.claimed.listener_id) for outcome in outcomes})
    execute(
        conn,
        statement(_PACKAGE, "lock_listeners"),
        towns=[town_id for town_id, _ in touched],
        ids=[listener for _, listener in touched],
    )
    ill = many(
        conn,
        statement(_PACKAGE, "finish"),
        _Ill,
        towns=[outcome.claimed.town_id for outcome in outcomes],
        events=[outcome.claimed.event_id for outcome in outcomes],
        listeners=[outcome.claimed.listener_id for outcome in outcomes],
        recipients=[outcome.claimed.recipient for outcome in outcomes],
        numbers=[outcome.claimed.attempt for outcome in outcomes],
        took=[outcome.took_ms for outcome in outcomes],
        statuses=[outcome.status for outcome in outcomes],
        errors=[outcome.error for outcome in outcomes],
        waits=[outcome.wait_seconds for outcome in outcomes],
        ill_seconds=int(rules.DISABLED_AFTER.total_seconds()),
    )
    gone = [_Ill(outcome.claimed.town_id, outcome.claimed.listener_id) for outcome in outcomes if outcome.gone]
    return [*_disable(conn, ill, "failing", at), *_disable(conn, gone, "gone", at)]


def _disable(conn: Connection[Any], ill: Sequence[_Ill], why: str, at: datetime) -> list[Disabled]:
    if not ill:
        return []
    disabled = many(
        conn,
        statement(_PACKAGE, "disable_endpoints"),
        Disabled,
        towns=[one.town_id for one in ill],
        ids=[one.id for one in ill],
        why=why,
    )
    for one in disabled:
        after = {"why": why, "failures": one.failures}
        _record(conn, one.town_id, SENDER, "outbox.endpoint-disabled", f"webhook:{one.id}", at, after=after)
    return disabled


def fan_out(conn: Connection[Any], claimed: Claimed, recipients: Sequence[str]) -> None:
    """Make a delivery for each of these recipients out of one for a whole role."""
    execute(
        conn,
        statement(_PACKAGE, "fan_out"),
        town_id=claimed.town_id,
        event=claimed.event_id,
        listener=claimed.listener_id,
        recipients=list(recipients),
    )


def signing_secrets(claimed: Claimed, keys: Keys) -> list[bytes]:
    """The secrets with which a webhook is signed now, the current one first; ``SecretNotReadable`` otherwise."""
    sealed = [(claimed.key_id, claimed.secret)]
    if claimed.old_secret is not None:
        sealed.append((claimed.old_key_id, claimed.old_secret))
    town_id, endpoint = claimed.town_id, claimed.listener_id
    return [
        sealing.unseal(keys, town_id=town_id, endpoint=endpoint, key_id=key_id, sealed=bytes(secret))
        for key_id, secret in sealed
    ]


def purge(conn: Connection[Any], *, before: datetime, most: int = 5000) -> int:
    """Delete deliveries that ended before then, their attempts, and events nobody needs; how many deliveries.

    What has waited since before then for a disabled endpoint is abandoned first. Repeat until it answers 0.
    """
    execute(conn, statement(_PACKAGE, "abandon"), before=before)
    return int(scalar(conn, statement(_PACKAGE, "purge"), before=before, most=most))


@dataclass(frozen=True, slots=True)
class _Sealed:
    town_id: int
    id: UUID
    key_id: str
    secret: bytes
    old_key_id: str
    old_secret: bytes | None
    old_secret_until: datetime | None


def rewrap(conn: Connection[Any], keys: Keys, *, limit: int = 1000) -> int:
    """Seal up to ``limit`` endpoints' secrets under the installation's current key; how many. Repeat until it answers 0."""
    stale = many(conn, statement(_PACKAGE, "sealed_by_other_keys"), _Sealed, key_id=keys.current, size=limit)
    for one in stale:
        key_id, secret = _sealed_anew(keys, one, one.key_id, bytes(one.secret))
        old_key_id, old = "", None
        if one.old_secret is not None:
            old_key_id, old = _sealed_anew(keys, one, one.old_key_id, bytes(one.old_secret))
        execute(
            conn,
            statement(_PACKAGE, "seal_anew"),
            town_id=one.town_id,
            id=one.id,
            key_id=key_id,
            secret=secret,
            old_key_id=old_key_id,
            old_secret=old,
        )
    return len(stale)


def _sealed_anew(keys: Keys, one: _Sealed, key_id: str, sealed: bytes) -> tuple[str, bytes]:
    secret = sealing.unseal(keys, town_id=one.town_id, endpoint=one.id, key_id=key_id, sealed=sealed)
    return sealing.seal(keys, town_id=one.town_id, endpoint=one.id, secret=secret)


# What they are made of


@dataclass(frozen=True, slots=True)
class _Listener:
    id: UUID
    state: str
    url: str
    kinds: list[str]
    key_id: str
    secret: bytes | None


def _maybe_locked(
    conn: Connection[Any], town_id: int, listener: UUID, channel: Channel, party: UUID | None
) -> _Listener | None:
    sql = statement(_PACKAGE, "lock_listener")
    return maybe(conn, sql, _Listener, town_id=town_id, id=listener, channel=channel.value, party=party)


def _locked(conn: Connection[Any], town_id: int, endpoint: UUID, party: UUID | None) -> _Listener:
    found = _maybe_locked(conn, town_id, endpoint, Channel.WEBHOOK, party)
    if found is None:
        raise EndpointNotFound(endpoint=endpoint)
    return found


def _room(conn: Connection[Any], town_id: int, channel: Channel, party: UUID | None) -> None:
    there = scalar(conn, statement(_PACKAGE, "count_listeners"), town_id=town_id, channel=channel.value, party=party)
    if there >= MOST_LISTENERS:
        raise TooManyListeners(most=MOST_LISTENERS)


def _wake(conn: Connection[Any]) -> None:
    scalar(conn, statement(_PACKAGE, "wake"))


def _record(
    conn: Connection[Any],
    town_id: int,
    actor: str,
    action: str,
    subject: str,
    at: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    record(conn, town_id=town_id, actor=actor, action=action, subject=subject, at=at, before=before, after=after)

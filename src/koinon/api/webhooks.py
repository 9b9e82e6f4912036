"""Webhooks over HTTP: a credential of a party sees and manages that party's own, any other those of the town."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any, TypeVar
from uuid import UUID

from koinon.api.asking import Answer, Ask
from koinon.api.errors import NoSuchThing, OutsideOfParty
from koinon.api.handlers import NO_STORE, cursor_in
from koinon.api.messages import (
    DeliveriesAsked,
    DeliveriesTold,
    DeliveryTold,
    SentAgain,
    WebhookAsked,
    WebhookMade,
    WebhooksTold,
    WebhookTold,
    encode,
)
from koinon.outbox import operations, queries
from koinon.outbox.errors import DeliveryNotFound, EndpointNotFound
from koinon.outbox.types import Delivery, Endpoint
from koinon.parties import queries as parties

T = TypeVar("T")


def _told(found: Endpoint) -> WebhookTold:
    return WebhookTold(
        found.id, found.url, found.kinds, found.party, found.state, found.created_at, found.failures,
        found.failing_since, found.disabled_at, found.disabled_why,
    )  # fmt: skip


async def _of_mine(ask: Ask, work: Any) -> Any:
    """``work``, and what is another's or nobody's is not there."""
    try:
        return await ask.read(work)
    except (EndpointNotFound, DeliveryNotFound):
        raise NoSuchThing from None


async def add(ask: Ask) -> Answer:
    asked = ask.decoded(WebhookAsked)
    credential = ask.known.credential
    party = credential.party
    if isinstance(asked.party, UUID):
        if party is not None and party != asked.party:
            raise OutsideOfParty
        party = asked.party

    def write(conn: Any) -> Any:
        if party is not None:
            parties.party_facts(conn, credential.town_id, party)
        return operations.add_endpoint(
            conn, town_id=credential.town_id, url=asked.url, kinds=asked.events, keys=ask.api.secrets(),
            actor=ask.known.actor, at=ask.now, party=party, inside=ask.api.webhooks_inside,
        )  # fmt: skip

    made = await ask.read(write)
    location = (b"location", b"/api/v1/webhooks/%s" % str(made.endpoint.id).encode())
    return Answer(201, encode(WebhookMade(_told(made.endpoint), made.secret)), [NO_STORE, location])


async def listed(ask: Ask) -> Answer:
    credential = ask.known.credential
    found = await ask.read(lambda conn: queries.endpoints(conn, town_id=credential.town_id, party=credential.party))
    return ask.tagged(WebhooksTold([_told(one) for one in found]))


async def one(ask: Ask) -> Answer:
    credential, webhook = ask.known.credential, ask.uuid()
    found = await _of_mine(
        ask,
        lambda conn: queries.endpoint(conn, town_id=credential.town_id, endpoint_id=webhook, party=credential.party),
    )
    return ask.tagged(_told(found))


async def remove(ask: Ask) -> Answer:
    credential, webhook = ask.known.credential, ask.uuid()
    await _of_mine(
        ask,
        lambda conn: operations.remove_endpoint(
            conn, town_id=credential.town_id, endpoint_id=webhook, actor=ask.known.actor, at=ask.now,
            party=credential.party,
        ),
    )  # fmt: skip
    return Answer(204, b"", [NO_STORE])


async def rotate(ask: Ask) -> Answer:
    credential, webhook = ask.known.credential, ask.uuid()
    made = await _of_mine(
        ask,
        lambda conn: operations.rotate_secret(
            conn, town_id=credential.town_id, endpoint_id=webhook, keys=ask.api.secrets(), actor=ask.known.actor,
            at=ask.now, party=credential.party,
        ),
    )  # fmt: skip
    return Answer(200, encode(WebhookMade(_told(made.endpoint), made.secret)), [NO_STORE])


async def resume(ask: Ask) -> Answer:
    credential, webhook = ask.known.credential, ask.uuid()
    found = await _of_mine(
        ask,
        lambda conn: operations.resume_endpoint(
            conn, town_id=credential.town_id, endpoint_id=webhook, actor=ask.known.actor, at=ask.now,
            party=credential.party,
        ),
    )  # fmt: skip
    return Answer(200, encode(_told(found)), [NO_STORE])


async def deliveries(ask: Ask) -> Answer:
    asked = ask.parameters(DeliveriesAsked)
    credential, webhook = ask.known.credential, ask.uuid()
    before = cursor_in(asked.cursor)

    def read(conn: Any) -> list[Delivery]:
        queries.endpoint(conn, town_id=credential.town_id, endpoint_id=webhook, party=credential.party)
        return queries.deliveries(
            conn, town_id=credential.town_id, listener=webhook, before=before, state=asked.state, size=asked.limit + 1
        )

    found = await _of_mine(ask, read)
    shown = found[: asked.limit]
    following = None
    if len(found) > asked.limit:
        following = urlsafe_b64encode(shown[-1].event_id.bytes).rstrip(b"=").decode()
    told = DeliveriesTold([_delivery(each) for each in shown], following)
    state = f"&state={asked.state}" if asked.state else ""
    here = f"/api/v1/webhooks/{webhook}/deliveries?limit={asked.limit}{state}"
    links = f'<{here}>; rel="first"' + (f', <{here}&cursor={following}>; rel="next"' if following else "")
    return ask.tagged(told, [(b"link", links.encode())])


def _delivery(found: Delivery) -> DeliveryTold:
    return DeliveryTold(
        found.event_id, found.kind, found.subject, found.at, found.state, found.attempts, found.next_at,  # type: ignore[arg-type]
        found.last_status, found.last_error,
    )  # fmt: skip


async def send_again(ask: Ask) -> Answer:
    credential, webhook, event = ask.known.credential, ask.uuid(), ask.uuid(1)
    number = await _of_mine(
        ask,
        lambda conn: operations.send_again(
            conn, town_id=credential.town_id, listener=webhook, actor=ask.known.actor, at=ask.now, event=event,
            party=credential.party,
        ),
    )  # fmt: skip
    return Answer(200, encode(SentAgain(number)), [NO_STORE])

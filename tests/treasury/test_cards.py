"""Top-ups by card: what a signed message of the provider does, and what nobody else's does."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from koinon.parties.secrets import Secrets
from koinon.treasury import cards, topups
from koinon.treasury.cards import SandboxCards
from koinon.treasury.errors import CallbackNotGenuine, CardsNotOffered, TopUpAmountDiffers
from koinon.treasury.types import TopUp, TopUpState, Way
from tests.treasury.place import NOON, Place, build
from tests.treasury.test_topups import ask, came


@pytest.fixture
def place(django_db) -> Place:
    place = build(django_db)
    place.household("Ana")
    return place


@pytest.fixture
def provider() -> SandboxCards:
    return SandboxCards(b"s" * 32)


def hear(place: Place, provider: SandboxCards, headers: dict[str, str], body: bytes, *, at=NOON) -> TopUp | None:
    return cards.heard(place.conn, town_id=place.town.pk, provider=provider, headers=headers, body=body, at=at)


def test_a_card_that_was_good_makes_the_units_once_however_often_the_provider_says_so(place, provider):
    asked = ask(place, "Ana", "50.00", way=Way.CARD)
    headers, body = provider.sent(asked, currency="EUR", paid=True, now=NOON)

    assert [hear(place, provider, headers, body).replayed for _ in range(3)] == [False, True, True]
    assert came(place, asked, "50.00", source="NTRY/1").replayed  # The bank shows the same euros some days later.
    assert place.balance("purse", place.parties["Ana"]) == place.money("50.00")
    assert place.broken() == []


def test_a_card_that_was_not_good_makes_nothing(place, provider):
    asked = ask(place, "Ana", "50.00", way=Way.CARD)

    assert hear(place, provider, *provider.sent(asked, currency="EUR", paid=False, now=NOON)) is None
    found = topups.topup(place.conn, town_id=place.town.pk, topup_id=asked.id)
    assert found.state is TopUpState.PENDING


def test_messages_of_nobody_are_refused_and_change_nothing(place, provider):
    asked = ask(place, "Ana", "50.00", way=Way.CARD)
    headers, body = provider.sent(asked, currency="EUR", paid=True, now=NOON)
    forged = json.dumps({**json.loads(body), "amount_minor": 500_00}).encode()
    others = SandboxCards(b"t" * 32).sent(asked, currency="EUR", paid=True, now=NOON)
    dollars = provider.sent(asked, currency="USD", paid=True, now=NOON)

    for wrong_headers, wrong_body, at in [
        (headers, forged, NOON),
        ({}, body, NOON),
        ({**headers, "webhook-timestamp": "soon"}, body, NOON),
        (headers, body, NOON + timedelta(minutes=6)),
        (*others, NOON),
        (*dollars, NOON),
    ]:
        with pytest.raises(CallbackNotGenuine):
            hear(place, provider, wrong_headers, wrong_body, at=at)
    assert place.balance("purse", place.parties["Ana"]) == place.money("0")


def test_another_amount_than_announced_is_not_credited_by_a_machine(place, provider):
    asked = ask(place, "Ana", "50.00", way=Way.CARD)
    body = json.loads(provider.sent(asked, currency="EUR", paid=True, now=NOON)[1]) | {"amount_minor": 45_00}
    raw_body = json.dumps(body).encode()
    seconds = int(NOON.timestamp())
    signed = cards.signature([b"s" * 32], message_id="m", seconds=seconds, body=raw_body)
    headers = {"Webhook-Id": "m", "Webhook-Timestamp": str(seconds), "Webhook-Signature": signed}

    with pytest.raises(TopUpAmountDiffers):
        hear(place, provider, headers, raw_body)


def test_the_sandbox_is_for_demonstrations_alone(place):
    secrets = Secrets.fresh()
    assert cards.provider_of(demonstration=False, secrets=secrets) is None
    assert cards.provider_of(demonstration=True, secrets=secrets) is not None
    with pytest.raises(CardsNotOffered):
        cards.heard(place.conn, town_id=place.town.pk, provider=None, headers={}, body=b"", at=NOON)

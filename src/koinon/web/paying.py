"""Paying and asking to be paid, as people see it: whom a payer is shown, what pays, what a QR code says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg import Connection

from koinon.kernel.money import Amount
from koinon.parties.connection import raw
from koinon.parties.models import Person, RoleGrant, Town
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.payments import by_phone, requesting, signing
from koinon.payments.types import PaymentRequest, Plan, PurseView
from koinon.web.access import party_of


@contextmanager
def opened() -> Iterator[Connection[Any]]:
    """A transaction of its own, for a page that Django gives none."""
    with transaction.atomic():
        yield raw()


@dataclass(frozen=True, slots=True)
class Payee:
    """Whom a payer is shown. ``is_shop`` says that it is what stands over a door; else somebody's own name, shortened."""

    party: UUID
    name: str
    is_shop: bool


def payee(town: Town, party: UUID, *, actor: str, why: str) -> Payee:
    """Whom to show to a payer. A resident who asks for money is shown by a shortened name, and finds out who looked."""
    conn = raw()
    sign = requesting.shop_sign(conn, town_id=town.pk, party=party)
    if sign:
        return Payee(party, sign, True)
    person = _reference(party)
    found = Vault(conn, Secrets.load()).reveal([person], ["name"], actor=actor, reason=why, at=timezone.now())
    return Payee(party, shortened(found.get(person, {}).get("name", "")) or _("a resident"), False)


def own_short_name(grant: RoleGrant) -> str:
    """What others are shown of a resident who asks them for money."""
    person = _reference(party_of(grant))
    found = Vault(raw(), Secrets.load()).get(person, ["name"])
    return shortened(found.get("name", "")) or _("a resident")


def _reference(party: UUID) -> UUID:
    """Of a household, the person the town writes to."""
    return Person.objects.filter(household=party, is_reference=True).values_list("pk", flat=True).first() or party


def shortened(name: str) -> str:
    """The first name whole, of every other the first letter: enough for those who know somebody.

    >>> shortened("Ana Maria Kosta"), shortened("Ωμέγα"), shortened("  ")
    ('Ana M. K.', 'Ωμέγα', '')
    """
    first, *others = name.split() or [""]
    return " ".join([first, *(f"{other[0]}." for other in others)])


@dataclass(frozen=True, slots=True)
class Part:
    """What one purse pays; ``fund_name`` empty for free money."""

    fund_name: str
    minor: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What would pay, or why it cannot."""

    parts: Sequence[Part]
    plan: Plan


def preview(grant: RoleGrant, payee: UUID, amount: Amount, category: str = "") -> Preview:
    """Which of a resident's purses would pay this now."""
    plan, purses = by_phone.preview(
        raw(), town_id=grant.town_id, payer=party_of(grant), payee=payee, amount=amount, at=timezone.now(),
        category=category,
    )  # fmt: skip
    names: dict[int, PurseView] = {purse.account: purse for purse in purses}
    return Preview([Part(names[leg.account].fund_name, leg.amount_minor) for leg in plan.legs], plan)


def link(request: HttpRequest, token: str) -> str:
    """What a QR code says: the page that pays, and behind the ``#``, where no server reads it, what is to be paid."""
    return f"{request.build_absolute_uri(reverse('pay'))}#{token}"


def token_of(town_id: int, found: PaymentRequest) -> str:
    """A request as it travels."""
    return signing.token(requesting.signed(found, town_id=town_id))

"""Payments without a network in words: what became of each, and what a till and whoever pays at it are told."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.translation import get_language_info, gettext_lazy, override
from django.utils.translation import gettext as _
from psycopg import Connection

from koinon.kernel.decisions import Ground
from koinon.kernel.money import Amount
from koinon.offline import queries, vouchers
from koinon.offline.types import Device, Terms, Voucher
from koinon.parties.models import Town
from koinon.parties.secrets import Secrets
from koinon.web import formats
from koinon.web.till import pattern

WHY: dict[str, Any] = {
    "offline.over-card": gettext_lazy("The card had paid as much on that day as it may without a PIN."),
    "offline.not-enough": gettext_lazy("There was not enough money for it when it arrived."),
    "offline.not-paid": gettext_lazy("The books did not take the payment."),
    "offline.card-blocked": gettext_lazy("The card was blocked when the till accepted it."),
    "offline.card-ended": gettext_lazy("The card had been replaced or withdrawn."),
    "offline.card-not-handed-over": gettext_lazy("The card had not been handed to anybody."),
    "offline.town-has-borne-enough": gettext_lazy("The town had borne as much in that month as it promised."),
    "offline.own-card": gettext_lazy("It was the shop's own card."),
    "offline.till-not-registered": gettext_lazy("The till had not been registered by then."),
    "offline.till-withdrawn": gettext_lazy("The till had been withdrawn."),
    "offline.counter-reused": gettext_lazy("The till signed another payment with the same number."),
    "offline.card-unreadable": gettext_lazy("The code of the card could not be opened."),
    "offline.card-unknown": gettext_lazy("The code is that of no card of the town."),
    "offline.ahead": gettext_lazy("The clock of the till was ahead."),
    "offline.not-switched-on": gettext_lazy("The shop was not switched on when the till accepted it."),
    "offline.over-voucher": gettext_lazy("It was more than one payment may be without a network."),
    "offline.over-card-here": gettext_lazy("The till accepted more from this card on that day than it may."),
    "offline.over-card-arrived": gettext_lazy("The card had paid as much on that day as it may without a PIN."),
    "offline.over-till": gettext_lazy("The till kept more unsent than it may."),
    "offline.late": gettext_lazy("It arrived too late."),
}
TERMS_GROUNDS: dict[str, Any] = {
    "terms.too-soon": gettext_lazy("Tills that are without a network now must hear of it first. Choose a later day."),
    "terms.amounts-not-positive": gettext_lazy("Every amount must be above zero."),
    "terms.caps-out-of-order": gettext_lazy(
        "One payment can be no more than a card pays a day, and that no more than a till keeps."
    ),
    "terms.sync-days": gettext_lazy("A till keeps payments for one to thirty days."),
    "terms.devices": gettext_lazy("A shop registers one to fifty tills."),
    "terms.fund-missing": gettext_lazy("Choose the fund out of which the town bears losses."),
    "terms.fund-over": gettext_lazy("The last day of this fund is before that day."),
    "terms.month-missing": gettext_lazy("Say how much the town bears in a month at the most."),
    "terms.not-the-towns": gettext_lazy("Where shops bear losses there is no fund and no limit."),
}


@dataclass(frozen=True, slots=True)
class Loss:
    """A payment that was not wholly paid, for a table."""

    voucher: Voucher
    why: list[str]
    others: list[Voucher]


def why(grounds: Sequence[Ground]) -> list[str]:
    """Every ground as a sentence."""
    return [str(WHY[ground.code]) for ground in grounds if ground.code in WHY]


def losses(found: Sequence[tuple[Voucher, list[Voucher]]]) -> list[Loss]:
    return [Loss(voucher, why(voucher.grounds), others) for voucher, others in found]


def became(voucher: Voucher, town: Town) -> str:
    """What became of a payment, as its shop reads it: who paid how much."""
    parts = [
        text % {"amount": f"\u2068{money(minor, town)}\u2069"}  # Kept together in whatever direction the sentence runs.
        for minor, text in (
            (voucher.paid_minor, _("%(amount)s paid by the card")),
            (voucher.covered_minor, _("%(amount)s paid by the town")),
            (voucher.owed_minor, _("%(amount)s to be paid by the town")),
            (voucher.borne_minor, _("%(amount)s lost by the shop")),
            (voucher.returned_minor, _("%(amount)s of it given back to the town")),
        )
        if minor
    ]
    return "; ".join(parts)


def money(minor: int, town: Town) -> str:
    return formats.amount(
        Amount(minor, town.unit_code), exponent=town.exponent, country=town.country, symbol=town.unit_symbol
    )


# What a till is told


def for_till(
    conn: Connection[Any], town: Town, *, party: UUID, device: Device | None, now: datetime, secrets: Secrets
) -> dict[str, Any]:
    """What a till keeps to accept payments without a network: the terms, the town's key, the time, its own place."""
    today = now.astimezone(ZoneInfo(town.time_zone)).date()
    return {
        "town": town.pk,
        "unit": town.unit_code,
        "now": int(now.timestamp() * 1000),
        "zone": town.time_zone,
        "on": queries.was_on(conn, town_id=town.pk, party=party, at=now),
        "key": _b64(vouchers.sealing_point(secrets, town.pk)),
        "terms": [_terms(held) for held in queries.terms_from(conn, town_id=town.pk, day=today)],
        "device": None
        if device is None
        else {
            "id": str(device.id),
            "number": device.number,
            "highest": device.highest,
            "withdrawn": device.revoked_at is not None,
        },
    }


def _terms(held: Terms) -> dict[str, Any]:
    return {
        "from": held.from_day.isoformat(),
        "voucher": held.voucher_most_minor,
        "card": held.card_most_minor,
        "till": held.device_most_minor,
        "days": held.sync_days,
    }


def payer_words(town: Town) -> dict[str, dict[str, Any]]:
    """What whoever pays reads at a till without a network, in every language, before it is needed."""
    found = {}
    for code, _name in settings.LANGUAGES:
        with override(code):
            found[code] = {
                "dir": "rtl" if get_language_info(code)["bidi"] else "ltr",
                "name": get_language_info(code)["name_local"].capitalize(),
                "pattern": pattern(town),
                "you_pay": _("You pay"),
                "to": _("To"),
                "no_pin": _("There is no network, so no PIN can be asked. It is paid when the till is back."),
                "agree": _("I pay this"),
                "cancel": _("Do not pay"),
                "accepted": _("Accepted"),
                "number": _("Number"),
                "keep": _("Keep the number: by it the shop finds this payment."),
                "not_accepted": _("Not paid"),
                "why": {
                    "over-payment": _("Without a network it is more than one payment may be."),
                    "over-card": _("Without a network this card has paid here today as much as it may."),
                    "over-till": _("This till cannot accept more without a network."),
                    "send-first": _("This till cannot accept more without a network."),
                    "stale": _("This till cannot accept more without a network."),
                },
            }
    return found


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")

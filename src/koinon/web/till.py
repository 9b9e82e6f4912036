"""The till: what its page is given, in the words of the shop and of whoever pays.

A payer reads and types on the shop's device, so their words are there in every language, before they are needed:
the language of the card's holder, or the one they choose.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language_info, gettext_lazy, override
from django.utils.translation import gettext as _
from psycopg import Connection

from koinon.kernel.decisions import Ground
from koinon.kernel.errors import KoinonError
from koinon.kernel.money import Amount
from koinon.parties import queries as parties
from koinon.parties.connection import raw
from koinon.parties.models import Role, RoleGrant, Town
from koinon.payments import queries, shifts
from koinon.payments.types import Payment
from koinon.programmes import queries as programmes
from koinon.programmes.spending import in_force, may_spend
from koinon.web import formats, installable, refusals, words
from koinon.web.access import grants_of
from koinon.web.installable import App

WITHOUT_NETWORK = ("koinon/till/offline.js", "koinon/till/send.js", "koinon/till/vouchers.js")
TILL = App(  # noqa: S604  A shell of pages, not a shell.
    name="till",
    title=gettext_lazy("Till"),
    scope="till",
    shell=("till", "till-offline"),
    files=(
        "koinon/till/till.css",
        "koinon/till/till.js",
        "koinon/till/request.js",
        "koinon/till/money.js",
        *WITHOUT_NETWORK,
        *installable.SCANNING,
    ),
)
SESSION = (
    "till"  # Who works at this till, in the session: never a name. {"shop": id, "cashier": id or "", "role": ...}.
)


def frame() -> dict[str, Any]:
    """What the layout of every page of the till needs."""
    return {
        "app_title": TILL.title,
        "app_worker": reverse("till-worker"),
        "app_manifest": reverse("till-manifest"),
    }


def show(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """A page of the till."""
    return render(request, template, {**frame(), "at_work": at_work(request), **context}, status=status)


# --- Who works here ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AtWork:
    """Who stands at this till: a cashier who said who they are, or (None) whoever signed in, where there are none."""

    cashier: UUID | None
    role: shifts.Duty

    @property
    def is_manager(self) -> bool:
        return self.role is shifts.Duty.MANAGER

    def actor(self, grant: RoleGrant) -> str:
        """How the books name them."""
        return f"cashier:{self.cashier}" if self.cashier else grant.user.actor


def at_work(request: HttpRequest) -> AtWork | None:
    """Who works at this till in this session; None where somebody has to say who they are."""
    kept = request.session.get(SESSION)
    grant = getattr(request, "seat", None)
    shop = str(grant.party_id) if grant is not None else ""
    if not isinstance(kept, dict) or not kept.get("role") or kept.get("shop") != shop:
        return None
    cashier = UUID(kept["cashier"]) if kept.get("cashier") else None
    return AtWork(cashier, shifts.Duty(kept["role"]))


def is_managed(request: HttpRequest) -> bool:
    """Whether no cashier stands here in this session, and nobody who would have to say who they are."""
    kept = request.session.get(SESSION)
    return not kept or bool(kept.get("role") == shifts.Duty.MANAGER)


def begin(request: HttpRequest, grant: RoleGrant, cashier: shifts.Cashier | None) -> None:
    """Remember in the session who works at this till. Only that, and on the server."""
    role = cashier.role if cashier else shifts.Duty.MANAGER
    request.session[SESSION] = {
        "shop": str(grant.party_id),
        "cashier": str(cashier.id) if cashier else "",
        "role": role.value,
    }


def leave(request: HttpRequest) -> None:
    """Nobody stands here now; the next one says who they are, and until then no other page of the shop opens."""
    kept = request.session.get(SESSION) or {}
    request.session[SESSION] = {**kept, "cashier": "", "role": ""}


class OnlyTheTill:
    """While a cashier stands at a till, or nobody does who said so, this session opens the till and public pages only.

    The shop signs in once in the morning; whoever charges all day must not thereby be paid out, see the shop's books or
    act in another role of whoever signed in. Whoever works there no more stands at no till, wherever it is still open.
    """

    ALWAYS = frozenset({"account_logout", "language", "looks"})

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        kept = request.session.get(SESSION)
        name = (request.resolver_match.url_name or "") if request.resolver_match else ""
        if not kept or not request.user.is_authenticated or name in self.ALWAYS or getattr(view, "seen_by", None) == ():
            return None
        if kept.get("role") and not _works_here(request, kept):
            kept = _forget(request, kept)
        if not kept or kept.get("role") == shifts.Duty.MANAGER or name.startswith("till"):
            return None
        return redirect("till" if kept.get("role") else "till-who")


def _works_here(request: HttpRequest, kept: dict[str, Any]) -> bool:
    """Whether the shop still has them; one that took its first cashiers asks everybody who they are."""
    for grant in grants_of(request.user):
        if grant.role == Role.SHOP and grant.party_id is not None and str(grant.party_id) == kept.get("shop"):
            cashier = UUID(kept["cashier"]) if kept.get("cashier") else None
            with transaction.atomic():
                duty = shifts.duty_of(raw(), town_id=grant.town_id, payee=grant.party_id, cashier_id=cashier)
            return duty is not None
    return True  # No page of that shop opens for them anyway.


def _forget(request: HttpRequest, kept: dict[str, Any]) -> dict[str, Any]:
    """Nobody stands here now. Whoever only signed in is as they were before they came to the till."""
    if kept.get("cashier"):
        leave(request)
    else:
        del request.session[SESSION]
    return dict(request.session.get(SESSION) or {})


# --- Amounts in a script -------------------------------------------------------------------------


def pattern(town: Town) -> dict[str, Any]:
    """How a script writes an amount in the reader's language, taken from how the server writes one.

    >>> with override("el"): pattern(Town(unit_code="LOC", country="GR", exponent=2))
    {'before': '', 'after': '\\xa0LOC', 'decimal': ',', 'group': '.', 'groupFrom': 4, 'exponent': 2}
    """
    written = {figures: _written(10**town.exponent * int(figures), town) for figures in ("1", "1111", "1111111")}
    one = re.search(r"1(?P<decimal>\D?)(?:0+)?", written["1"])
    assert one is not None
    grouped = re.search(r"1(\D)111\D111", written["1111111"])
    return {
        "before": written["1"][: one.start()],
        "after": written["1"][one.end() :],
        "decimal": one["decimal"] if town.exponent else "",
        "group": grouped[1] if grouped else "",
        "groupFrom": 4 if re.search(r"1\D111", written["1111"]) else 5,
        "exponent": town.exponent,
    }


def _written(minor: int, town: Town) -> str:
    return formats.amount(
        Amount(minor, town.unit_code), exponent=town.exponent, country=town.country, symbol=town.unit_symbol
    )


def money(minor: int, town: Town) -> str:
    """An amount of the town's unit in the language that is active."""
    return _written(minor, town)


def _apart(text: str) -> str:
    """A name or an amount inside a sentence that may run the other way."""
    return f"\u2068{text}\u2069"


# --- The payer's words ---------------------------------------------------------------------------


def spoken() -> list[str]:
    return [code for code, _name in settings.LANGUAGES]


def payer_words(conn: Connection[Any], town: Town, shop: UUID, now: datetime) -> dict[str, dict[str, Any]]:
    """All that a payer reads at this till, in every language."""
    accepted = accepts(conn, town, shop, now)
    found = {}
    for code in spoken():
        with override(code):
            found[code] = {
                "dir": "rtl" if get_language_info(code)["bidi"] else "ltr",
                "name": get_language_info(code)["name_local"].capitalize(),
                "pattern": pattern(town),
                "you_pay": _("You pay"),
                "to": _("To"),
                "pin": _("Your PIN"),
                "pin_hint": _("Six digits. Nobody may ask you to say it."),
                "no_pin": _("For this amount no PIN is asked."),
                "pay": _("Pay"),
                "show": _("Show"),
                "cancel": _("Do not pay"),
                "one_moment": _("One moment …"),
                "paid": _("Paid"),
                "shop": _("Shop"),
                "when": _("When"),
                "number": _("Number"),
                "balance": _("What you have"),
                "balance_why": _("Your PIN shows what is yours to spend."),
                "nothing": _("There is nothing in this card's purses."),
                "not_paid": _("Not paid"),
                "accepts": accepts_words(accepted),
            }
    return found


@dataclass(frozen=True, slots=True)
class Accepted:
    """A fund whose money this shop may be paid with at this hour."""

    name: str
    last_day: date | None
    share: Any
    categories: frozenset[str] | None


def accepts(conn: Connection[Any], town: Town, shop: UUID, now: datetime) -> list[Accepted]:
    """Which of the town's funds may pay this shop now: the same for everybody, whatever card they have."""
    there = now.astimezone(ZoneInfo(town.time_zone))
    facts = parties.party_facts(conn, town.pk, shop)
    found = []
    for fund in programmes.funds(conn, town_id=town.pk):
        version = in_force(fund.versions, there.date())
        rule = version.rule
        for category in sorted(rule.categories) if rule.categories else [""]:
            if may_spend(
                rule, payee=facts, day=there.date(), spend_from=fund.spend_from, last_day=version.last_day,
                minute=there.hour * 60 + there.minute, category=category,
            ):  # fmt: skip
                found.append(Accepted(fund.name, version.last_day, rule.share_of_price, rule.categories))
                break
    return found


def accepts_words(accepted: Sequence[Accepted]) -> str:
    """What a purchase here can use from which purse, in one line."""
    told = []
    for fund in accepted:
        if fund.share is not None:
            share = formats.percent(fund.share, digits=0 if 100 % fund.share.denominator == 0 else 1)
            told.append(_("%(fund)s (up to %(share)s of the price)") % {"fund": _apart(fund.name), "share": share})
        elif fund.categories:
            goods = ", ".join(sorted(words.sector(one) for one in fund.categories))
            told.append(_("%(fund)s (for: %(goods)s)") % {"fund": _apart(fund.name), "goods": goods})
        else:
            told.append(_apart(fund.name))
    if not told:
        return _("Here you pay with money that is not bound to a purpose.")
    return _("Here you can pay with: %(funds)s; and with money that is not bound to a purpose.") % {
        "funds": ", ".join(told)
    }


def categories(conn: Connection[Any], town: Town, day: date) -> list[tuple[str, str]]:
    """What a till may say is bought, where any money of the town asks: code and word."""
    asked: set[str] = set()
    for fund in programmes.funds(conn, town_id=town.pk):
        asked |= in_force(fund.versions, day).rule.categories or frozenset()
    return sorted(((code, words.sector(code)) for code in asked), key=lambda pair: pair[1])


def receipt(conn: Connection[Any], town: Town, payment: Payment, sign: str) -> dict[str, Any]:
    """What a payer is told of a payment, in the language that is active: which purse paid how much, in one line too."""
    legs = queries.legs_of(conn, town_id=town.pk, payment_id=payment.id)
    paid = [(leg.fund_name or _("your own money"), leg.amount_minor) for leg in legs]
    line = "; ".join(
        _("%(amount)s from %(purse)s") % {"amount": _apart(money(minor, town)), "purse": _apart(name)}
        for name, minor in paid
    )
    return {
        "payment": str(payment.id),
        "amount": money(payment.amount_minor, town),
        "line": line,
        "shop": sign,
        "when": formats.instant(payment.effective_at, town.time_zone),
        "number": str(payment.id).replace("-", "")[-8:].upper(),
        "lines": [[name, money(minor, town)] for name, minor in paid],
    }


# --- Why not -------------------------------------------------------------------------------------

PAYMENT_GROUNDS: dict[str, Any] = {
    "payments.share-of-price": gettext_lazy("it pays only a share of a price"),
    "payments.day-limit": gettext_lazy("its limit for today is reached"),
    "payments.cycle-limit": gettext_lazy("its limit for this month is reached"),
    "spending.not-at-this-hour": gettext_lazy("it is not good at this hour"),
    "spending.not-in-category": gettext_lazy("it does not pay for this kind of goods"),
    "spending.not-this-payee": gettext_lazy("it is not for this shop"),
    "spending.not-of-this-size": gettext_lazy("it is not for enterprises of this size"),
    "spending.not-taking-part": gettext_lazy("this shop does not take part"),
    "spending.not-accepting-yet": gettext_lazy("this shop does not accept it yet"),
    "spending.not-yet": gettext_lazy("it is not good yet"),
    "spending.last-day-passed": gettext_lazy("its last day has passed"),
    "spending.only-at-shops": gettext_lazy("it is for shops only"),
    "spending.not-in-zone": gettext_lazy("it is not for this neighbourhood"),
    "spending.not-in-sector": gettext_lazy("it is not for this kind of shop"),
    "spending.legal-form": gettext_lazy("it is not for this kind of enterprise"),
    "spending.only-social-economy": gettext_lazy("it is for the social economy only"),
    "spending.no-chains": gettext_lazy("it is not for chain stores"),
}


def why_not(refusal: KoinonError, town: Town) -> list[str]:
    """Every ground of a refusal in the language that is active, each purse's under its name."""
    if refusal.code == "payments.not-payable":
        return [*_why_not_payable(refusal, town)]
    told = refusals.sentences(refusal)[:-1]
    tries = getattr(refusal, "tries_left", None)
    if tries is not None:
        told.append(_tries(tries))
    until = getattr(refusal, "until", None)
    if isinstance(until, datetime):
        told.append(_("It can be tried again at %(time)s.") % {"time": formats.clock(until, town.time_zone)})
    return told


def _tries(left: int) -> str:
    from django.utils.translation import ngettext

    if left == 0:
        return _("It must wait now before another PIN is looked at. The town's counter can help at once.")
    return ngettext("%(count)s more try before a wait.", "%(count)s more tries before a wait.", left) % {"count": left}


def _why_not_payable(refusal: KoinonError, town: Town) -> list[str]:
    asked, payable = refusal.asked, refusal.payable  # type: ignore[attr-defined]
    told = [
        _("%(asked)s cannot be paid here. At this price %(payable)s could be.")
        % {"asked": _apart(money(asked.minor, town)), "payable": _apart(money(payable.minor, town))}
    ]
    for ground in refusal.grounds:  # type: ignore[attr-defined]
        if (said := _ground(ground)) and said not in told:
            told.append(said)
    return told


def _ground(ground: Ground) -> str:
    if ground.code == "payments.not-enough":
        return ""  # The first sentence has said it with its figures.
    reason = PAYMENT_GROUNDS.get(ground.code)
    if reason is None:
        return str(refusals.SENTENCES.get(ground.code, ""))
    fund = ground.fields.get("fund_name")
    if fund:
        return _("%(fund)s: %(reason)s.") % {"fund": _apart(str(fund)), "reason": reason}
    return _("Money that is not bound: %(reason)s.") % {"reason": reason}

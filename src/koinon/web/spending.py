"""A fund's spending rule in plain words, and why a change of it cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, time
from typing import Any
from uuid import UUID

from babel.dates import get_day_names
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from koinon.kernel.decisions import Ground
from koinon.kernel.money import Amount
from koinon.kernel.text import fold
from koinon.parties.models import Town
from koinon.programmes.spending import SpendingRule, Window
from koinon.web import formats, words

SIZES: dict[str, Any] = {
    "micro": gettext_lazy("fewer than 10 workers"),
    "small": gettext_lazy("10 to 49 workers"),
    "medium": gettext_lazy("50 to 249 workers"),
    "large": gettext_lazy("250 workers and more"),
}
FORMS: dict[str, Any] = {
    "self-employed": gettext_lazy("self-employed"),
    "civil-partnership": gettext_lazy("civil partnership"),
    "limited-company": gettext_lazy("limited company"),
    "public-limited-company": gettext_lazy("public limited company"),
    "worker-owned-company": gettext_lazy("worker-owned company"),
    "cooperative": gettext_lazy("co-operative"),
    "mutual": gettext_lazy("mutual society"),
    "association": gettext_lazy("association"),
    "foundation": gettext_lazy("foundation"),
    "special-employment-centre": gettext_lazy("special employment centre"),
    "insertion-company": gettext_lazy("insertion company"),
    "public-body": gettext_lazy("public body"),
    "other": gettext_lazy("other form"),
}


def sentences(
    rule: SpendingRule, *, town: Town, zones: Mapping[str, str], payees: Mapping[UUID, Any] | None = None
) -> list[str]:
    """What money under this rule may buy, a sentence for each limit. ``payees`` says what to call who is named."""
    told: list[str] = []
    called = payees or {}

    def names(parties: frozenset[UUID]) -> str:
        return _listed(str(called.get(party, party)) for party in parties)

    if rule.payees is not None:
        told.append(_("Only at: %(names)s.") % {"names": names(rule.payees)})
    if rule.except_payees is not None:
        told.append(_("Not at: %(names)s.") % {"names": names(rule.except_payees)})
    if rule.zones is not None:
        told.append(_("Only in: %(zones)s.") % {"zones": _listed(zones.get(code, code) for code in rule.zones)})
    if rule.sectors is not None:
        told.append(_("Only for these trades: %(trades)s.") % {"trades": _listed(map(words.sector, rule.sectors))})
    if rule.categories is not None:
        told.append(
            _("Only for what the till calls: %(categories)s.")
            % {"categories": _listed(map(words.sector, rule.categories))}
        )
    if rule.legal_forms is not None:
        forms = _listed(str(FORMS.get(form, form)) for form in rule.legal_forms)
        told.append(_("Only at enterprises of this form: %(forms)s.") % {"forms": forms})
    if rule.sizes is not None:
        sizes = _listed(str(SIZES.get(size, size)) for size in rule.sizes)
        told.append(_("Only at enterprises of this size: %(sizes)s.") % {"sizes": sizes})
    if rule.sse_only:
        told.append(_("Only at co-operatives and other social economy shops."))
    if rule.exclude_chains:
        told.append(_("Not at chain stores."))
    if rule.hours is not None:
        told.append(_("At these hours: %(hours)s.") % {"hours": "; ".join(window(one, town) for one in rule.hours)})
    if rule.share_of_price is not None:
        share = formats.percent(rule.share_of_price, digits=0 if 100 % rule.share_of_price.denominator == 0 else 1)
        told.append(_("It pays at most %(share)s of a price; the rest is paid with other money.") % {"share": share})
    if rule.per_day_minor is not None:
        told.append(_("At most %(amount)s a day.") % {"amount": _money(rule.per_day_minor, town)})
    if rule.per_cycle_minor is not None:
        told.append(_("At most %(amount)s a calendar month.") % {"amount": _money(rule.per_cycle_minor, town)})
    if rule.chain:
        told.append(
            _("What a shop is paid with it stays bound: it pays it on to somebody this rule allows, where it is free.")
        )
    told.append(_("Residents may be paid too.") if rule.peers_allowed else _("Only shops are paid, not residents."))
    if rule.peers_allowed and rule.peers_bound:
        told.append(_("What a resident is paid with it stays this money, with the same rules and the same last day."))
    return told


def named(rules: Iterable[SpendingRule]) -> set[UUID]:
    """Whoever these rules name as payees."""
    return {party for rule in rules for party in (rule.payees or frozenset()) | (rule.except_payees or frozenset())}


def window(one: Window, town: Town) -> str:
    """Days and hours, as the reader's language writes them."""
    locale = formats.current_locale(town.country)
    names = get_day_names("abbreviated", locale=locale)
    runs: list[list[int]] = []
    for day in one.days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    days = ", ".join(names[run[0]] if len(run) == 1 else f"{names[run[0]]}–{names[run[-1]]}" for run in runs)
    if (one.since, one.until) == (0, 24 * 60):
        return days
    since = formats.of_day(time(*divmod(one.since, 60)), town.country)
    until = formats.of_day(time(*divmod(one.until % (24 * 60), 60)), town.country)
    return f"{days} {since}–{until}"


def against(ground: Ground) -> str:
    """Why a fund's rule cannot change so."""

    def day(name: str) -> str:
        return formats.day(date.fromisoformat(ground.fields[name]))

    match ground.code:
        case "change.too-soon":
            return _("Whoever has this money is told before: it can hold from %(day)s on.") % {"day": day("earliest")}
        case "change.another-follows":
            return _("Another change is announced for %(day)s. Choose a later day, or take that one back.") % {
                "day": day("from_day")
            }
        case "change.over-before":
            return _("The money ends before that, on %(day)s.") % {"day": day("last_day")}
        case "change.ends-before":
            return _("The last day comes before the day from which the change holds.")
        case "change.nothing":
            return _("Nothing would be different.")
        case "change.no-reason":
            return _("Say why, in at most %(most)s letters.") % {"most": ground.fields["at_most"]}
    return ground.code


def _money(minor: int, town: Town) -> str:
    return formats.amount(
        Amount(minor, town.unit_code), exponent=town.exponent, country=town.country, symbol=town.unit_symbol
    )


def _listed(names: Any) -> str:
    return ", ".join(sorted(map(str, names), key=fold))

"""What every template knows: the town, the reader's language and direction, where they may go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language, get_language_bidi, gettext_lazy
from django.utils.translation import gettext as _

from koinon.parties.models import Role, RoleGrant, Town
from koinon.web import published
from koinon.web.access import ROLE_NAMES, STAFF, grants_of, is_proven, seat
from koinon.web.looks import looks

OWN_NAMES = {"en": "English", "el": "Ελληνικά", "es": "Español", "ar": "العربية", "fr": "Français", "pt": "Português"}


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the menu."""

    title: str
    url: str
    current: bool


MENUS: dict[str, list[tuple[Any, str]]] = {
    Role.RESIDENT: [
        (gettext_lazy("What I have"), "purse"),
        (gettext_lazy("Movements"), "purse-movements"),
        (gettext_lazy("Where to spend"), "purse-where"),
        (gettext_lazy("Top up"), "top-up"),
        (gettext_lazy("What I do"), "contributions"),
    ],
    Role.SHOP: [
        (gettext_lazy("Till"), "till"),
        (gettext_lazy("Today"), "shop"),
        (gettext_lazy("Movements"), "shop-movements"),
        (gettext_lazy("Pay out"), "shop-payout"),
        (gettext_lazy("Whom to pay with it"), "shop-suppliers"),
        (gettext_lazy("Top up"), "top-up"),
        (gettext_lazy("Without a network"), "shop-offline"),
        (gettext_lazy("Statement"), "shop-statement"),
    ],
    Role.OFFICER: [
        (gettext_lazy("Programmes"), "office"),
        (gettext_lazy("Bonus campaigns"), "campaigns"),
        (gettext_lazy("Funds"), "office-funds"),
        (gettext_lazy("Counter"), "counter"),
        (gettext_lazy("Complaints"), "complaints"),
        (gettext_lazy("Directory"), "office-households"),
        (gettext_lazy("Exceptions"), "exceptions"),
        (gettext_lazy("Possible duplicates"), "duplicates"),
        (gettext_lazy("Activities"), "activities"),
        (gettext_lazy("What every unit did"), "impact"),
        (gettext_lazy("Town folder"), "office-folder"),
        (gettext_lazy("Staff and rights"), "staff"),
    ],
    Role.APPROVER: [
        (gettext_lazy("To approve"), "approvals"),
        (gettext_lazy("Targets"), "impact-targets"),
        (gettext_lazy("Bonus campaigns"), "campaigns"),
        (gettext_lazy("Exceptions"), "exceptions"),
        (gettext_lazy("The town's till"), "accounts-till"),
        (gettext_lazy("Staff and rights"), "staff"),
    ],
    Role.TREASURER: [
        (gettext_lazy("Reserve"), "treasury"),
        (gettext_lazy("What every unit did"), "impact"),
        (gettext_lazy("Bank"), "bank"),
        (gettext_lazy("Paying shops out"), "treasury-runs"),
        (gettext_lazy("Top-ups"), "treasury-top-ups"),
        (gettext_lazy("Bonus campaigns"), "campaigns"),
        (gettext_lazy("Shops"), "office-organisations"),
        (gettext_lazy("The town's till"), "accounts-till"),
        (gettext_lazy("Statements"), "accounts-statements"),
        (gettext_lazy("Journal"), "accounts-journal"),
        (gettext_lazy("Year"), "accounts-year"),
        (gettext_lazy("Limited network"), "accounts-network"),
        (gettext_lazy("Without a network"), "treasury-offline"),
    ],
    Role.COORDINATOR: [
        (gettext_lazy("Activities"), "activities"),
        (gettext_lazy("Find somebody"), "activities-find"),
        (gettext_lazy("Time banks"), "time-banks"),
    ],
    Role.AUDITOR: [
        (gettext_lazy("Books"), "audit"),
        (gettext_lazy("Bank"), "bank"),
        (gettext_lazy("Seals"), "audit-seals"),
        (gettext_lazy("What every unit did"), "impact"),
        (gettext_lazy("Audit trail"), "audit-trail"),
        (gettext_lazy("Contributions"), "activities-contributions"),
        (gettext_lazy("Without a network"), "treasury-offline"),
        (gettext_lazy("Journal"), "accounts-journal"),
        (gettext_lazy("Year"), "accounts-year"),
    ],
}


# Pages that stand under another menu entry than their address says.
UNDER: dict[str, str] = {
    **dict.fromkeys(("office-residents", "office-organisations", "office-organisation"), "office-households"),
    **dict.fromkeys(
        ("office-awards", "office-find", "office-many", "office-lists", "office-list"), "office-households"
    ),
    **dict.fromkeys(("time-banks", "time-bank", "time-bank-new", "time-exchange"), "activities"),
    "treasury-terms": "treasury-runs",
    **dict.fromkeys(("programs", "webhook"), "staff"),
    "treasury-small": "treasury",
}


def the_town(request: HttpRequest) -> Town | None:
    """The town of the person signed in; the only town of the installation for everyone else."""
    current = getattr(request, "seat", None)
    if current is not None:
        return current.town  # type: ignore[no-any-return]
    try:
        own = seat(request) if hasattr(request, "user") and hasattr(request, "session") else None
        return own.town if own is not None else Town.objects.order_by("id").first()
    except DatabaseError:
        return None  # The page that says the site is down must not need the database.


def menu(request: HttpRequest, grant: RoleGrant | None) -> list[Place]:
    if grant is None or (grant.role in STAFF and not is_proven(request)):
        return []  # Doors that would not open are not shown.
    match = request.resolver_match
    here = match.view_name if match else ""
    entries = [(title, name, reverse(name)) for title, name in MENUS.get(grant.role, ())]
    # A page below a menu entry (one cycle, one run) lights the entry whose address it begins with.
    fitting = [name for _title, name, url in entries if here == name or request.path.startswith(url)]
    names = {name for _title, name, _url in entries}
    if here not in names and UNDER.get(here) in names:
        fitting = [UNDER[here]]
    current = max(fitting, key=lambda name: (name == here, len(reverse(name))), default="")
    return [Place(str(title), url, name == current) for title, name, url in entries]


def _is_demo(town: Town | None) -> bool:
    return town is not None and published.is_demo(town)


def page(request: HttpRequest) -> dict[str, Any]:
    language = (get_language() or "en").split("-")[0]

    def current_seat() -> RoleGrant | None:
        if not hasattr(request, "user") or not hasattr(request, "session"):
            return None
        return getattr(request, "seat", None) or seat(request)

    return {
        "language": language,
        "direction": "rtl" if get_language_bidi() else "ltr",
        "languages": [(code, OWN_NAMES[code]) for code, _name in settings.LANGUAGES],
        "looks": looks(request),
        "town": SimpleLazyObject(lambda: the_town(request)),
        "seat": SimpleLazyObject(current_seat),
        "seats": SimpleLazyObject(lambda: grants_of(getattr(request, "user", None))),
        "menu": SimpleLazyObject(lambda: menu(request, current_seat())),
        "seen_by": [ROLE_NAMES[role] for role in getattr(request, "seen_by", ())],
        "is_demo": SimpleLazyObject(lambda: _is_demo(the_town(request))),
        "site_name": _("Koinon"),
    }

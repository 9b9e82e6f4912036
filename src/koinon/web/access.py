"""Who may see which page: a role in a town, and for residents and shops a party of their own.

A view says it in one line, ``@seen_by(Role.OFFICER)``; the page repeats it at its
foot, and a test walks every address with every role.

A role of the staff opens nothing until its holder has shown a second factor in
the same session, whichever way they signed in (docs/decisions/0024).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from uuid import UUID

import rules
from allauth.account.internal.flows.login import get_authentication_records
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.functional import SimpleLazyObject
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from koinon.parties.models import Role, RoleGrant, Town, User
from koinon.web import formats

ROLE_NAMES = {
    Role.RESIDENT: _("residents, each their own household"),
    Role.SHOP: _("shops, each its own till"),
    Role.OFFICER: _("programme officers"),
    Role.APPROVER: _("approvers"),
    Role.TREASURER: _("the treasury"),
    Role.AUDITOR: _("auditors"),
    Role.COORDINATOR: _("coordinators of activities"),
}

STAFF = frozenset({Role.OFFICER, Role.APPROVER, Role.TREASURER, Role.AUDITOR, Role.COORDINATOR})

View = Callable[..., HttpResponse]
NOWHERE = Town(country="")  # Where no town has been set up yet.


def grants_of(user: Any) -> list[RoleGrant]:
    """What the user may act as; read once for each request."""
    if not getattr(user, "is_authenticated", False):
        return []
    if not hasattr(user, "_koinon_grants"):
        found = RoleGrant.objects.filter(user=user).select_related("town", "party").order_by("id")
        user._koinon_grants = list(found)
    return cast(list[RoleGrant], user._koinon_grants)


def _holds(role: Role) -> rules.Predicate:
    @rules.predicate(f"holds_{role.value}")
    def holds(user: User, town: Town | None = None) -> bool:
        return any(grant.role == role and (town is None or grant.town_id == town.pk) for grant in grants_of(user))

    return holds


HOLDS = {role: _holds(role) for role in Role}
for _role, _predicate in HOLDS.items():
    if not rules.perm_exists(f"koinon.act_as_{_role.value}"):
        rules.add_perm(f"koinon.act_as_{_role.value}", rules.is_authenticated & _predicate)


def seat(request: HttpRequest, *roles: Role) -> RoleGrant | None:
    """The grant this request acts under: the one chosen for the session, else the first that fits."""
    fitting = [grant for grant in grants_of(request.user) if not roles or grant.role in roles]
    chosen = request.session.get("grant")
    return next((grant for grant in fitting if grant.pk == chosen), fitting[0] if fitting else None)


def seat_of(request: HttpRequest) -> RoleGrant:
    """The grant under which a page that ``seen_by`` guards is looked at."""
    return request.seat  # type: ignore[attr-defined,no-any-return]


def party_of(grant: RoleGrant) -> UUID:
    """The household or organisation that a resident or a shop acts for."""
    assert grant.party_id is not None, "a resident's and a shop's grant name their party"
    return grant.party_id


def is_proven(request: HttpRequest) -> bool:
    """Whether whoever is signed in has shown a second factor in this session.

    A passkey with which one signs in is both: the device, and the finger or PIN that unlocks it.
    """
    records = get_authentication_records(request, request.user)  # type: ignore[arg-type]
    return any(record.get("method") == "mfa" for record in records)


def _asked_for_second_factor(request: HttpRequest) -> HttpResponse:
    onward = f"?{urlencode({'next': request.get_full_path()})}" if request.method == "GET" else ""
    return redirect(reverse("second-factor") + onward)


def seen_by(*roles: Role) -> Callable[[View], View]:
    """Only these roles; the view finds the grant it acts under as ``request.seat``."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            found = seat(request, *roles)
            if found is None or not request.user.has_perm(f"koinon.act_as_{found.role}", found.town):
                raise PermissionDenied
            if found.role in STAFF and not is_proven(request):
                return _asked_for_second_factor(request)
            request.seat = found  # type: ignore[attr-defined]
            request.seen_by = roles  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)

        guarded.seen_by = roles  # type: ignore[attr-defined]
        return guarded

    return guard


def everyone(view: View) -> View:
    """A page without sign-in, said aloud so that none is public by oversight."""
    view.seen_by = ()  # type: ignore[attr-defined]
    return view


class OwnLanguage:
    """A signed-in person's chosen language, where this browser has not been told another one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        from django.conf import settings

        if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
            chosen = getattr(request.user, "language", "")
            if chosen in dict(settings.LANGUAGES):
                translation.activate(chosen)
                request.LANGUAGE_CODE = chosen  # type: ignore[attr-defined]
        return self.get_response(request)


class HomeCountry:
    """Whatever this request writes, it writes as in its town's country; the town is asked for when needed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        from koinon.web.context import the_town

        town = SimpleLazyObject(lambda: the_town(request) or NOWHERE)
        with formats.in_country(lambda: str(town.country)):
            return self.get_response(request)

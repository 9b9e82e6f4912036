"""Who works for the town, with which rights; and accounts of residents and shops, opened by letter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import messages
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db.models import Max, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from koinon.db.transactions import savepoint
from koinon.kernel.errors import KoinonError
from koinon.parties import invitations, naming, operations, queries, rights
from koinon.parties.connection import raw
from koinon.parties.errors import SignInTaken
from koinon.parties.models import BrowserSession, Role, RoleGrant, User
from koinon.parties.rights import What
from koinon.parties.secrets import Secrets
from koinon.parties.types import StaffFacts
from koinon.web import inviting, names, paper, refusals
from koinon.web.access import seat_of, seen_by

ROLES: dict[str, Any] = {
    "officer": gettext_lazy("Officer: runs programmes, the counter and the directory"),
    "approver": gettext_lazy("Approver: the second person for money and rights"),
    "treasurer": gettext_lazy("Treasurer: keeps the reserve and pays shops out"),
    "auditor": gettext_lazy("Auditor: reads everything and changes nothing"),
    "coordinator": gettext_lazy("Coordinator: verifies what residents do"),
}
SHORT: dict[str, Any] = {
    "officer": gettext_lazy("Officer"),
    "approver": gettext_lazy("Approver"),
    "treasurer": gettext_lazy("Treasurer"),
    "auditor": gettext_lazy("Auditor"),
    "coordinator": gettext_lazy("Coordinator"),
}
NO_PASSWORD = "!"  # noqa: S105  Django's word for a password that nothing matches.


class ColleagueForm(forms.Form):
    """Somebody who will work for the town."""

    username = forms.CharField(
        label=gettext_lazy("User name"),
        help_text=gettext_lazy("Letters, figures and . @ + - _, without spaces."),
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    email = forms.EmailField(
        label=gettext_lazy("E-mail at work"),
        help_text=gettext_lazy("Codes are sent there. Leave it empty where there is none."),
        required=False,
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "dir": "ltr"}),
    )
    role = forms.ChoiceField(label=gettext_lazy("Works as"), choices=list(ROLES.items()))


class RoleForm(forms.Form):
    """One more role for somebody."""

    role = forms.ChoiceField(label=gettext_lazy("One more role"))

    def __init__(self, *args: Any, roles: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [(code, SHORT[code]) for code in roles]  # type: ignore[attr-defined]


@seen_by(Role.OFFICER, Role.APPROVER)
def staff(request: HttpRequest) -> HttpResponse:
    """Everybody who works for the town, and what was asked for them."""
    seat = seat_of(request)
    found = queries.staff(raw(), town_id=seat.town_id)
    safe = set(
        Authenticator.objects.filter(user_id__in=[one.id for one in found])
        .exclude(type=Authenticator.Type.RECOVERY_CODES)
        .values_list("user_id", flat=True)
    )
    seen = dict(
        BrowserSession.objects.filter(user_id__in=[one.id for one in found])
        .values_list("user_id")
        .annotate(last=Max("seen_at"))
    )
    lines = [
        {
            "one": one,
            "roles": [SHORT[role] for role in one.roles],
            "sees": [SHORT[role] for role in one.sees_personal_data],
            "safe": one.id in safe,
            "seen_at": seen.get(one.id),
        }
        for one in found
    ]
    context = {"lines": lines, "asked": _asked(request), "may_change": seat.role == Role.OFFICER}
    return render(request, "koinon/staff/list.html", context)


def _asked(request: HttpRequest, user: int | None = None) -> list[dict[str, Any]]:
    """Rights that wait for a second person, in words, with what this reader may do about each."""
    seat = seat_of(request)
    found = [one for one in rights.requests(raw(), town_id=seat.town_id) if user in (None, one.user_id)]
    called = dict(User.objects.filter(pk__in=[one.asked_by for one in found]).values_list("pk", "username"))
    return [
        {
            "one": one,
            "what": in_words(one),
            "by": called.get(one.asked_by, ""),
            "mine": one.asked_by == seat.user_id,
            "may_decide": seat.role == Role.APPROVER and seat.user_id not in (one.asked_by, one.user_id),
        }
        for one in found
    ]


def in_words(one: rights.Request) -> str:
    """What was asked for."""
    if one.what == What.ROLE:
        return str(ROLES[one.role])
    if one.what == What.PEOPLE:
        return _("Sees who people are, as %(role)s") % {"role": SHORT[one.role]}
    return _("Sets up a new second factor: the one before is lost")


@seen_by(Role.OFFICER)
def new_colleague(request: HttpRequest) -> HttpResponse:
    """An account for a colleague, who opens it with a code; what takes a second person is asked for."""
    seat = seat_of(request)
    form = ColleagueForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        conn, at = raw(), datetime.now(UTC)
        try:
            with savepoint(conn):
                made = operations.add_user(
                    conn, username=form.cleaned_data["username"], email=form.cleaned_data["email"],
                    password_hash=NO_PASSWORD, at=at,
                )  # fmt: skip
                rights.ask(
                    conn, town_id=seat.town_id, user_id=made.id, what=What.ROLE, role=form.cleaned_data["role"],
                    asked_by=seat.user_id, at=at,
                )  # fmt: skip
                invited = invitations.invite_colleague(
                    conn, town_id=seat.town_id, user_id=made.id, secrets=Secrets.load(), actor=seat.user.actor, at=at
                )
        except SignInTaken:
            form.add_error("username", _("Somebody signs in by this name or address already."))
        else:
            waits = rights.takes_two(What.ROLE, form.cleaned_data["role"])
            return _shown_once(request, made.username, invited, waits=waits)
    return render(request, "koinon/staff/new.html", {"form": form})


def _shown_once(
    request: HttpRequest, username: str, invited: invitations.NewInvitation, *, waits: bool = False
) -> HttpResponse:
    context = {"username": username, "invited": invited, "waits": waits}
    answer = render(request, "koinon/staff/invited.html", context)
    answer["Cache-Control"] = "no-store"
    return answer


def _colleague(request: HttpRequest, user: int) -> StaffFacts:
    """Somebody of this town's staff, or somebody for whom a role was asked for."""
    seat = seat_of(request)
    conn = raw()
    found = next((one for one in queries.staff(conn, town_id=seat.town_id) if one.id == user), None)
    if found is not None:
        return found
    if any(one.user_id == user for one in rights.requests(conn, town_id=seat.town_id)):
        waiting = User.objects.get(pk=user)
        return StaffFacts(waiting.pk, waiting.username, waiting.email, [], [])
    raise Http404


@seen_by(Role.OFFICER)
def colleague(request: HttpRequest, user: int) -> HttpResponse:
    """Somebody of the staff: what they may do, and what can be changed about it."""
    found = _colleague(request, user)
    missing = [role for role in ROLES if role not in found.roles]
    asked = _asked(request, user)
    waiting = {(one["one"].what, one["one"].role) for one in asked}
    context = {
        "one": found,
        "roles": [
            {
                "code": role,
                "name": ROLES[role],
                "sees": role in found.sees_personal_data,
                "asked": (What.PEOPLE, role) in waiting,
            }
            for role in found.roles
        ],
        "form": RoleForm(roles=missing) if missing else None,
        "asked": asked,
        "factor_asked": (What.FACTOR, "") in waiting,
        "myself": user == seat_of(request).user_id,
    }
    return render(request, "koinon/staff/colleague.html", context)


@seen_by(Role.OFFICER)
@require_POST
def change_colleague(request: HttpRequest, user: int) -> HttpResponse:
    """Give or end one right of somebody; what takes a second person is asked for."""
    seat = seat_of(request)
    found = _colleague(request, user)
    conn, at = raw(), datetime.now(UTC)
    act, role = request.POST.get("act", ""), request.POST.get("role", "")
    where: dict[str, Any] = {"town_id": seat.town_id, "at": at}
    if role and role not in ROLES:
        raise Http404
    if act == "invite" and _only_a_code_away(found):
        messages.error(
            request,
            _(
                "This account has rights over money or people and no second factor yet. End the rights first, or ask whoever runs the town's computers."
            ),
        )
        return redirect("staff-colleague", user=user)
    if act == "invite":
        invited = invitations.invite_colleague(
            conn, user_id=user, secrets=Secrets.load(), actor=seat.user.actor, **where
        )
        return _shown_once(request, found.username, invited)
    try:
        with savepoint(conn):
            said = _changed(request, user, act, role, found.username, where)
    except KoinonError as refused:
        refusals.note(request, refused)
        messages.error(request, refusals.sentences(refused)[0])
    else:
        messages.success(request, said)
    still_there = any(one.id == user for one in queries.staff(conn, town_id=seat.town_id))
    return redirect("staff-colleague", user=user) if still_there else redirect("staff")


def _only_a_code_away(found: StaffFacts) -> bool:
    """Whether a code would give whoever types it a right that takes two people, in any town, with nothing else asked for."""
    given = RoleGrant.objects.filter(user_id=found.id)
    if not given.filter(Q(role__in=rights.OVER_MONEY) | Q(sees_personal_data=True)).exists():
        return False
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    return not Authenticator.objects.filter(user_id=found.id, type__in=kinds).exists()


def _changed(request: HttpRequest, user: int, act: str, role: str, username: str, where: dict[str, Any]) -> str:
    seat = seat_of(request)
    conn = raw()
    whats = {"give": What.ROLE, "sees": What.PEOPLE, "factor": What.FACTOR}
    if act in whats:
        what = whats[act]
        asked = rights.ask(
            conn, user_id=user, what=what, role=role if what is not What.FACTOR else "", asked_by=seat.user_id, **where
        )
        return _("Asked for. An approver decides.") if asked else _("Given.")
    if act == "end":
        rights.end(conn, user_id=user, role=role, actor=seat.user.actor, **where)
        return _("Ended, from now on.")
    if act == "blind":
        operations.let_see_people(conn, username=username, role=role, sees=False, actor=seat.user.actor, **where)
        return _("Ended, from now on.")
    raise Http404


@seen_by(Role.OFFICER, Role.APPROVER)
@require_POST
def decide_right(request: HttpRequest, right: UUID) -> HttpResponse:
    """The second person gives or declines; whoever asked may take it back."""
    seat = seat_of(request)
    conn, at = raw(), datetime.now(UTC)
    act = request.POST.get("act", "")
    if act == "withdraw":
        rights.withdraw(conn, town_id=seat.town_id, request=right, asked_by=seat.user_id, at=at)
        messages.success(request, _("Taken back."))
    elif act in ("give", "decline"):
        rights.decide(conn, town_id=seat.town_id, request=right, decided_by=seat.user_id, give=act == "give", at=at)
        messages.success(request, _("Given, from now on.") if act == "give" else _("Declined."))
    else:
        raise Http404
    return redirect("staff")


# --- Accounts of residents and shops ----------------------------------------------------------


@seen_by(Role.OFFICER)
def accounts_of(request: HttpRequest, party: UUID) -> HttpResponse:
    """Who signs in for a household or a shop, without names: since when, last seen; and letters that open accounts."""
    seat = seat_of(request)
    queries.party_facts(raw(), seat.town_id, party)
    now = datetime.now(UTC)
    grants = RoleGrant.objects.filter(town=seat.town, party_id=party).select_related("user").order_by("id")
    seen = dict(
        BrowserSession.objects.filter(user_id__in=[grant.user_id for grant in grants])
        .values_list("user_id")
        .annotate(last=Max("seen_at"))
    )
    lines = [
        {"grant": grant, "since": grant.user.date_joined, "seen_at": seen.get(grant.user_id) or grant.user.last_login}
        for grant in grants
    ]
    letters = [
        {"one": one, "waits": one.ended_at is None and one.good_until > now}
        for one in invitations.of_party(raw(), town_id=seat.town_id, party_id=party)
    ]
    context = {
        "party": party,
        "name": names.called(request, [party], names=False)[party].text,
        "lines": lines,
        "letters": letters,
        "may_see": names.may_see(request),
    }
    return render(request, "koinon/staff/accounts_of.html", context)


@seen_by(Role.OFFICER)
@require_POST
def invitation_letter(request: HttpRequest, party: UUID) -> HttpResponse:
    """Make an invitation and print the letter that tells its code, which is kept nowhere."""
    seat = seat_of(request)
    invited = invitations.invite(
        raw(), town_id=seat.town_id, party_id=party, secrets=Secrets.load(), actor=seat.user.actor,
        at=datetime.now(UTC),
    )  # fmt: skip
    wanted = names.may_see(request) and request.POST.get("names") == "1"
    to = [names.called(request, [party], names=wanted)[party].text]
    zone = ZoneInfo(seat.town.time_zone)
    pdf = inviting.letter(
        seat.town,
        code=invited.code,
        address=request.build_absolute_uri(reverse("invitation")),
        until=(invited.good_until.astimezone(zone) - timedelta(days=1)).date(),
        to=to,
        day=datetime.now(zone).date(),
    )
    return paper.answer(pdf, f"account-{naming.pseudonym(party)}")


@seen_by(Role.OFFICER)
@require_POST
def end_account(request: HttpRequest, party: UUID) -> HttpResponse:
    """Stop an account acting for this party, or make a letter that was not used worthless."""
    seat = seat_of(request)
    at = datetime.now(UTC)
    if letter := request.POST.get("letter"):
        try:
            invitation = UUID(letter)
        except ValueError:
            raise Http404 from None
        invitations.withdraw(
            raw(), town_id=seat.town_id, party_id=party, invitation=invitation, actor=seat.user.actor, at=at
        )
        messages.success(request, _("The code opens nothing any more."))
    else:
        number = request.POST.get("grant", "")
        held = RoleGrant.objects.filter(town=seat.town, party_id=party)
        grant = held.filter(pk=number).first() if number.isdecimal() and len(number) < 20 else None
        if grant is None:
            raise Http404
        operations.revoke_role(
            raw(), town_id=seat.town_id, user_id=grant.user_id, role=grant.role, party_id=party,
            actor=seat.user.actor, at=at,
        )  # fmt: skip
        messages.success(request, _("Ended, from now on."))
    return redirect("counter-accounts", party=party)

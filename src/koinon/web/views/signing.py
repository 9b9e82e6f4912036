"""Signing in and all around it: the second factor, where one is signed in, one's address, and invitations."""

from __future__ import annotations

import hmac
import time
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, cast

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.core.internal import ratelimit
from allauth.core.internal.cryptokit import generate_user_code
from allauth.mfa.webauthn.views import RemoveWebAuthnView
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from koinon.audit.operations import record
from koinon.parties import invitations, operations, queries
from koinon.parties.connection import raw
from koinon.parties.errors import InvitationNotGood, SignInTaken
from koinon.parties.models import Organisation, Town, User
from koinon.parties.rules import ascii_digits
from koinon.parties.secrets import Secrets
from koinon.web import sessions as browsers
from koinon.web.access import everyone, is_proven
from koinon.web.accounts import INVITATION, MOST_TRIES, FactorAdapter, invited, keep_for, may_try, real_factors

CODE_SECONDS = 10 * 60
LIMITS = {"invitation": "10/m/ip,60/h/ip", "address": "5/m/user,20/d/user"}
WAYS: dict[str, Any] = {
    "password": gettext_lazy("with a password"),
    "passkey": gettext_lazy("with a passkey"),
    "code": gettext_lazy("with a code by e-mail"),
    "provider": gettext_lazy("through the provider"),
}


def user_of(request: HttpRequest) -> User:
    """Whoever is signed in, on pages that ask for it."""
    return cast(User, request.user)


def onward(request: HttpRequest, otherwise: str) -> str:
    """Where somebody was going, where that is a page of ours."""
    wanted = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if wanted and safe else reverse(otherwise)


def within(request: HttpRequest, action: str) -> bool:
    """Whether this is not tried too often."""
    return ratelimit.consume(request, app="koinon", action=action, config=LIMITS) is not None


@login_required
def second_factor(request: HttpRequest) -> HttpResponse:
    """Staff choose a second factor, or show the one they have, before any of their pages opens."""
    wanted = onward(request, "home")
    if is_proven(request):
        return redirect(wanted)
    if real_factors(user_of(request)).exists():
        return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': wanted})}")
    return render(request, "koinon/signing/second_factor.html")


class RemoveKey(RemoveWebAuthnView):  # type: ignore[misc]
    """Take a passkey away, but not the last second factor of somebody who works for a town."""

    def form_valid(self, form: Any) -> HttpResponse:
        if not FactorAdapter().can_delete_authenticator(self.get_object()):
            messages.error(self.request, _("Staff keep one second factor. Add another one first."))
            return redirect("mfa_list_webauthn")
        return cast(HttpResponse, super().form_valid(form))


@login_required
def sessions(request: HttpRequest) -> HttpResponse:
    """Where one is signed in; a browser that is not one's own any more is ended here."""
    user = user_of(request)
    now = datetime.now(UTC)
    found = browsers.of_user(user, now=now)
    here = request.session.session_key
    if request.method == "POST":
        others = [one.pk for one in found if one.session_key != here]
        chosen = request.POST.get("session", "")
        ended = [one for one in others if chosen in ("others", str(one))]
        if browsers.end(user, ids=ended):
            messages.success(request, _("Signed out there."))
        return redirect("sessions")
    lines = [{"one": one, "way": WAYS[one.way], "here": one.session_key == here} for one in found]
    return render(request, "koinon/signing/sessions.html", {"lines": lines})


# --- The address to which codes are sent ------------------------------------------------------


class AddressForm(forms.Form):
    """An address that is to be tried."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "dir": "ltr"}),
    )


class CodeForm(forms.Form):
    """The code that came by mail."""

    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "dir": "ltr"}),
    )


@reauthentication_required
def address(request: HttpRequest) -> HttpResponse:
    """Set the address that codes go to: only once a code that was sent there has come back."""
    user = user_of(request)
    kept: dict[str, Any] = request.session.get("address") or {}
    waiting = bool(kept) and kept["until"] > time.time()
    form: forms.Form = AddressForm(initial={"email": ""})
    if request.method == "POST" and request.POST.get("action") == "remove" and user.email:
        _set_address(request, user, "")
        messages.success(request, _("The address is removed. Codes are sent nowhere any more."))
        return redirect("account")
    if request.method == "POST" and "code" in request.POST and waiting:
        form = CodeForm(request.POST)
        if form.is_valid() and _came_back(request, kept, form.cleaned_data["code"]):
            return _address_shown(request, user, kept["email"])
        if form.is_valid():
            form.add_error("code", _("This is not the code, or its time is over."))
        waiting = "address" in request.session
        if not waiting:
            form = AddressForm()
    elif request.method == "POST" and "email" in request.POST:
        form = AddressForm(request.POST)
        if form.is_valid() and not within(request, "address"):
            form.add_error("email", _("Too many codes were sent. Wait a while."))
        elif form.is_valid():
            _send_code(request, form.cleaned_data["email"])
            return redirect("address")
    elif waiting:
        form = CodeForm()
    shown = {"form": form, "waiting": waiting, "to": kept["email"] if waiting else "", "current": user.email}
    return render(request, "koinon/signing/address.html", shown)


def _send_code(request: HttpRequest, to: str) -> None:
    code = generate_user_code(numeric=True, length=8)
    request.session["address"] = {
        "email": to,
        "code": _hashed(code),
        "until": time.time() + CODE_SECONDS,
        "tries": MOST_TRIES,
    }
    get_adapter(request).send_mail("koinon/signing/mail/address", to, {"code": code})


def _came_back(request: HttpRequest, kept: dict[str, Any], code: str) -> bool:
    counted = may_try(request, since=kept["until"])  # Requests at once have all read the same session.
    if counted and hmac.compare_digest(_hashed(code), kept["code"]):
        del request.session["address"]
        return True
    kept["tries"] -= 1
    if kept["tries"] <= 0:
        del request.session["address"]
    request.session.modified = True
    return False


def _hashed(code: str) -> str:
    plain = "".join(figure for figure in ascii_digits(code) if figure.isdigit())
    return hmac.new(settings.SECRET_KEY.encode(), f"address|{plain}".encode(), sha256).hexdigest()


def _address_shown(request: HttpRequest, user: User, email: str) -> HttpResponse:
    conn = raw()
    if any(other.id != user.pk for other in queries.users_called(conn, [email])):
        # Whoever reads that mailbox may know: the code came back from it.
        messages.error(request, _("Another account has this address. Sign in with a code sent there, or ask the town."))
        return redirect("address")
    before = user.email
    _set_address(request, user, email)
    if before:
        get_adapter(request).send_mail("koinon/signing/mail/address_changed", before, {})
    messages.success(request, _("The address is yours. Codes are sent there from now on."))
    return redirect("account")


def _set_address(request: HttpRequest, user: User, email: str) -> None:
    user.email = email
    user.save(update_fields=["email"])
    at = datetime.now(UTC)
    for town in Town.objects.filter(grants__user=user).distinct():
        record(
            raw(), town_id=town.pk, actor=user.actor, action="parties.address-changed", subject=user.actor, at=at,
            after={"has_address": bool(email)},
        )  # fmt: skip


# --- Invitations ------------------------------------------------------------------------------


class InvitationForm(forms.Form):
    """The code of the letter."""

    code = forms.CharField(
        label=gettext_lazy("The code of your letter"),
        help_text=gettext_lazy("Four groups of four letters and figures, such as k7pm-2xqd-vz9t-aafe."),
        max_length=60,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "dir": "ltr"}
        ),
    )


class OpenForm(forms.Form):
    """How somebody will sign in from now on."""

    username = forms.CharField(
        label=gettext_lazy("User name"),
        help_text=gettext_lazy("Letters, figures and . @ + - _, without spaces. It need not be your name."),
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        help_text=gettext_lazy("Twelve characters or more. Three or four words that only you put together are good."),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, colleague: User | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.colleague = colleague
        if colleague is not None:
            del self.fields["username"]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        password = found.get("password")
        if password:
            somebody = self.colleague or User(username=found.get("username", ""))
            try:
                validate_password(password, somebody)
            except ValidationError as weak:
                self.add_error("password", weak)
        return found


@everyone
@sensitive_post_parameters("code")
def invitation(request: HttpRequest) -> HttpResponse:
    """Type the code of a letter. Links in letters carry it behind ``#``, where no server and no log sees it."""
    form = InvitationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not within(request, "invitation"):
            form.add_error("code", _("There were too many tries from here. Wait a minute."))
        else:
            try:
                with transaction.atomic():
                    found = invitations.waiting(
                        raw(), code=form.cleaned_data["code"], secrets=Secrets.load(), at=datetime.now(UTC)
                    )
            except InvitationNotGood:
                form.add_error(
                    "code", _("No invitation waits under this code. Look at every letter again, or ask for a new one.")
                )
            else:
                request.session[INVITATION] = str(found.id)
                return redirect("invitation-open")
    return render(request, "koinon/signing/invitation.html", {"form": form})


@everyone
@sensitive_post_parameters("password")
def open_account(request: HttpRequest) -> HttpResponse:
    """Open an account with the invitation whose code was typed, or bind the one that is signed in."""
    found = invited(request)
    if found is None:
        request.session.pop(INVITATION, None)
        return redirect("invitation")
    colleague = User.objects.filter(pk=found.user_id).first() if found.user_id is not None else None
    signed_in = isinstance(request.user, User)
    if signed_in and (colleague is None or colleague == request.user):
        if request.method == "POST":
            return _bound(request, found)
        form = None
    else:
        form = OpenForm(request.POST or None, colleague=colleague)
        if request.method == "POST" and not signed_in and form.is_valid():
            answer = _opened(request, form, found)
            if answer is not None:
                return answer
    shop = Organisation.objects.filter(pk=found.party_id).first()
    shown = {"form": form, "colleague": colleague, "shop": shop, "other": signed_in and form is not None}
    return render(request, "koinon/signing/open.html", {**shown, "town": Town.objects.get(pk=found.town_id)})


def _bound(request: HttpRequest, found: invitations.Invitation) -> HttpResponse:
    try:
        with transaction.atomic():
            done = invitations.use(raw(), invitation=found.id, user_id=user_of(request).pk, at=datetime.now(UTC))
    except InvitationNotGood:
        return redirect("invitation")
    request.session.pop(INVITATION, None)
    if done.party_id is not None:
        grant = user_of(request).grants.filter(town_id=done.town_id, role=done.role, party_id=done.party_id).first()
        if grant is not None:
            request.session["grant"] = grant.pk
    messages.success(request, _("It is opened for this account."))
    return redirect("home")


def _opened(request: HttpRequest, form: OpenForm, found: invitations.Invitation) -> HttpResponse | None:
    """A new account, or a colleague's with its first password; then signed in as by any other password."""
    password, colleague = make_password(form.cleaned_data["password"]), form.colleague
    if colleague is None:
        at = datetime.now(UTC)
        try:
            with transaction.atomic():
                made = operations.add_user(
                    raw(), username=form.cleaned_data["username"], email="", password_hash=password, at=at
                )
                invitations.use(raw(), invitation=found.id, user_id=made.id, at=at)
        except SignInTaken:
            form.add_error("username", _("Somebody has this user name. Choose another one."))
            return None
        except InvitationNotGood:
            return redirect("invitation")
        request.session.pop(INVITATION, None)
        user = User.objects.get(pk=made.id)
    else:
        user = colleague
        keep_for(request, found, {"password": password})  # Whoever has a second factor is asked for it first.
    user.backend = "django.contrib.auth.backends.ModelBackend"
    record_authentication(request, user, method="password", reauthenticated=True)
    return cast(HttpResponse, perform_login(request, Login(user=user, redirect_url=reverse("opened"))))


@login_required
def opened(request: HttpRequest) -> HttpResponse:
    """An account is open: what makes it safe to lose a password."""
    return render(request, "koinon/signing/opened.html")

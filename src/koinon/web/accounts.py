"""How allauth behaves here: what a second factor is, how its secrets are kept, to whom mail goes, who may come in."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from allauth.account.forms import (
    ConfirmLoginCodeForm,
    ConfirmPasswordResetCodeForm,
    LoginForm,
    RequestLoginCodeForm,
    ResetPasswordForm,
)
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.internal.flows.password_reset_by_code import PASSWORD_RESET_VERIFICATION_SESSION_KEY
from allauth.account.models import Login
from allauth.account.signals import user_logged_in
from allauth.core import context as under_way
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal import ratelimit
from allauth.mfa import signals as factor_signals
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base import forms as factor_forms
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import logout, update_session_auth_hash
from django.core.cache import cache
from django.core.mail import EmailMessage
from django.db import IntegrityError, connection, transaction
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.crypto import get_random_string
from django.utils.translation import gettext_lazy as _

from koinon.parties import factors, invitations
from koinon.parties.connection import raw
from koinon.parties.errors import InvitationNotGood
from koinon.parties.models import Town, User
from koinon.parties.secrets import Secrets
from koinon.web.access import STAFF, grants_of

log = structlog.get_logger("koinon.accounts")
STRANGER = "account/email/unknown_account"  # allauth's name of the mail for an address that nobody has.
INVITATION = "invitation"  # In the session: whose code was typed a moment ago.
CHOSEN = "invitation-chosen"  # In the session: how a colleague will sign in, once they are signed in.
MOST_TRIES = 3
TRIES = {"code": f"{MOST_TRIES}/15m/key"}  # Longer than a code is good.
_posting = ThreadPoolExecutor(max_workers=2, thread_name_prefix="koinon mail")
_ONCE_SECONDS = 4 * factors.PERIOD_SECONDS  # Longer than a code is taken, so that each is taken once.


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    """The town hall opens accounts; a stranger cannot."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Have a mail written and sent beside the request: how long it takes tells nobody who has an account.

        For an address that nobody has the same is done, down to the letter, and the letter is not sent.
        """
        post = partial(copy_context().run, self._post, template_prefix, email, context)
        transaction.on_commit(lambda: _posting.submit(post))

    def _post(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        began = time.perf_counter()
        try:
            mail = self._written(template_prefix, email, context)
            if template_prefix == STRANGER:
                mail.message().as_bytes()
                return
            mail.send()
        except Exception as failed:  # noqa: BLE001  Whoever waits for a code asks for another one; the log says why.
            log.error("mail not sent", error=type(failed).__name__)
            return
        finally:
            connection.close()  # This thread's own.
        log.info("mail sent", milliseconds=round((time.perf_counter() - began) * 1000))

    def _written(self, template_prefix: str, email: str, context: dict[str, Any]) -> EmailMessage:
        user = User.objects.filter(email__iexact=email, is_active=True).first()
        shown = {
            "request": self.request,
            "email": email,
            "town_name": _town_name(user),
            "username": user.username if user else "",
            "code": "",
            **context,
        }
        prefix = "account/email/login_code" if template_prefix == STRANGER else template_prefix
        mail: EmailMessage = self.render_mail(prefix, email, shown)
        mail.subject = f"{shown['town_name']}: {mail.subject}"
        return mail

    def format_email_subject(self, subject: str) -> str:
        return subject  # ``_written`` says whose town it comes from.

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        from django.urls import reverse

        return reverse("account")


def _town_name(user: Any) -> str:
    """The town that writes to a user: the first that they act in, and the installation's first to a stranger."""
    grants = grants_of(user)
    town = grants[0].town if grants else Town.objects.order_by("id").first()
    return town.name if town is not None else "Koinon"


class ProviderAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """An identity at the provider opens the account it was bound to, and no other.

    Nobody is let in because of a name or an address that the provider tells: an identity is bound by somebody who is
    signed in, or who has just typed the code of their invitation.
    """

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return invited(request) is not None

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        sociallogin.email_addresses = []
        found = invited(request)
        if found is not None and found.user_id is not None and not sociallogin.is_existing:
            # A colleague's account is there already: the identity is bound to it, and to no new one.
            account = sociallogin.account
            user = User.objects.get(pk=found.user_id)
            keep_for(request, found, {"provider": account.provider, "uid": account.uid})
            user.backend = "allauth.account.auth_backends.AuthenticationBackend"
            record_authentication(request, user, "socialaccount", provider=account.provider, uid=account.uid)
            login = Login(user=user, redirect_url=sociallogin.get_redirect_url(request))
            raise ImmediateHttpResponse(perform_login(request, login))

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: Any) -> User:
        user: User = sociallogin.user
        user.username = f"account-{get_random_string(10, 'abcdefghjkmnpqrstuvwxyz23456789')}"
        return user

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> User:
        """A new account, bound to the household or shop of the invitation."""
        user: User = sociallogin.user
        user.set_unusable_password()
        user.email = ""
        sociallogin.save(request)
        return user


@receiver(pre_save, sender=SocialAccount, dispatch_uid="koinon.web.keep_no_claims")
def keep_no_claims(instance: Any, **_more: object) -> None:
    """Of what a provider tells about a person, only its own number of them is kept."""
    instance.extra_data = {}


def invited(request: HttpRequest) -> invitations.Invitation | None:
    """The invitation whose code was typed in this session, where it still waits."""
    kept = request.session.get(INVITATION)
    if not kept:
        return None
    try:
        with transaction.atomic():
            return invitations.still_waiting(raw(), invitation=UUID(kept), at=datetime.now(UTC))
    except (InvitationNotGood, ValueError):
        return None


def keep_for(request: HttpRequest, invitation: invitations.Invitation, way: dict[str, str]) -> None:
    """Keep the way of signing in that a colleague chose until they are signed in: a password's hash, or an identity.

    Whoever has a second factor is asked for it in between. Until then nothing of the account is changed.
    """
    request.session[CHOSEN] = {"invitation": str(invitation.id), **way}


@receiver(user_logged_in, dispatch_uid="koinon.web.use_invitation")
def use_invitation(request: HttpRequest, user: User, **_more: object) -> None:
    """Whoever signed in with an invitation in hand has their account bound by it, and to what they chose with it."""
    chosen = request.session.pop(CHOSEN, None)
    found = invited(request)
    if found is not None:
        request.session.pop(INVITATION, None)
        try:
            with transaction.atomic():
                invitations.use(raw(), invitation=found.id, user_id=user.pk, at=datetime.now(UTC))
                if chosen is not None and chosen["invitation"] == str(found.id):
                    _bind(user, chosen)
        except (InvitationNotGood, IntegrityError) as failed:
            log.info("refused", code=InvitationNotGood.code, error=type(failed).__name__)
        else:
            if chosen is not None and "password" in chosen:
                update_session_auth_hash(request, user)  # type: ignore[arg-type]
            user.__dict__.pop("_koinon_grants", None)
            return
    if chosen is not None:
        # The code was all that they showed in the first place, and somebody has used it since.
        logout(request)
        raise ImmediateHttpResponse(redirect("invitation"))


def _bind(user: User, chosen: dict[str, str]) -> None:
    if "password" in chosen:
        user.password = chosen["password"]
        user.save(update_fields=["password"])
    else:
        SocialAccount.objects.create(user=user, provider=chosen["provider"], uid=chosen["uid"])


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors: their secrets are sealed, and staff keep the last one they have."""

    def encrypt(self, text: str) -> str:
        return factors.seal_secret(Secrets.load(), text)

    def decrypt(self, encrypted_text: str) -> str:
        return factors.open_secret(Secrets.load(), encrypted_text)

    def can_delete_authenticator(self, authenticator: Any) -> bool:
        """Not the last one of somebody who works for a town: they would stand before their own door."""
        user = authenticator.user
        if not any(grant.role in STAFF for grant in grants_of(user)):
            return True
        return bool(real_factors(user).exclude(pk=authenticator.pk).exists())

    def generate_authenticator_name(self, user: User, type: Any) -> str:
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return str(_("My telephone")) if number == 1 else f"{_('Passkey')} {number}"

    def get_totp_issuer(self) -> str:
        return _town_name(under_way.request.user)


def real_factors(user: User) -> Any:
    """The second factors of a user; recovery codes only stand in for one."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    return Authenticator.objects.filter(user_id=user.pk, type__in=kinds)


def shown_code(user: User, now: datetime) -> str:
    """The code that the telephone of somebody in a demonstration would show; empty for everybody else.

    Only where the demonstration made the factor, and whoever it is acts in demonstrated towns alone.
    """
    found = Authenticator.objects.filter(user_id=user.pk, type=Authenticator.Type.TOTP).first()
    grants = grants_of(user)
    if found is None or not found.data.get("shown") or not grants:
        return ""
    if any(grant.town.demonstrated_until is None for grant in grants):
        return ""
    secret = factors.open_secret(Secrets.load(), found.data["secret"])
    codes = [factors.code_at(secret, now, step=step) for step in (0, 1, -1)]
    return next((code for code in codes if cache.get(_used(user, code)) is None), codes[0])


def _used(user: User, code: str) -> str:
    return f"koinon.factor.used?user={user.pk}&code={code}"


class _Once:
    """A one-time code is taken once, however long it is good."""

    user: User

    def clean_code(self) -> str:
        code = str(super().clean_code())  # type: ignore[misc]
        authenticator = self.authenticator  # type: ignore[attr-defined]
        if authenticator.type == Authenticator.Type.TOTP:
            plain = "".join(code.split())
            if not cache.add(_used(self.user, plain), "y", timeout=_ONCE_SECONDS):
                raise FactorAdapter().validation_error("incorrect_code")
        return code


class GiveCode(_Once, factor_forms.AuthenticateForm):  # type: ignore[misc]
    """The second thing at signing in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plain_code(self)
        self.demonstrated = shown_code(self.user, datetime.now(UTC))


class GiveCodeAgain(_Once, factor_forms.ReauthenticateForm):  # type: ignore[misc]
    """The second thing, once more, before ways of signing in are changed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plain_code(self)
        self.demonstrated = shown_code(self.user, datetime.now(UTC))


class AddKey(AddWebAuthnForm):  # type: ignore[misc]
    """A passkey: it signs in alone, unless somebody wants it beside a password only."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("What you call it")
        self.fields["passwordless"].label = _("It signs me in alone, without a password")
        self.fields["passwordless"].help_text = ""
        self.fields["passwordless"].initial = True


class UseApp(ActivateTOTPForm):  # type: ignore[misc]
    """The first code of an app."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plain_code(self)


def plain_code(form: Any) -> None:
    """A field for a code as telephones fill it in, with its label above and nothing in it."""
    field = form.fields["code"]
    field.label = _("Code")
    field.widget.attrs.pop("placeholder", None)
    field.widget.attrs |= {
        "autocomplete": "one-time-code",
        "dir": "ltr",
        "autocapitalize": "off",
        "spellcheck": "false",
    }


class SignIn(LoginForm):  # type: ignore[misc]
    """Labels above the fields and nothing inside them: a placeholder goes away when it is needed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("User name or e-mail")
        self.fields["login"].widget.attrs["autocomplete"] = "username"
        self.fields["password"].help_text = ""
        without_hints(self)


class AskForCode(RequestLoginCodeForm):  # type: ignore[misc]
    """An address to which a code for signing in is sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("E-mail")
        without_hints(self)


class _FewTries:
    """A code that came by mail is guessed as often as is said, and no more often by many requests at once.

    allauth counts in the session, which all of them have read before one has written. Here each takes its try before it
    is looked at, and they wait for each other.
    """

    def clean_code(self) -> str:
        request = under_way.request
        stage = getattr(request, "_login_stage", None)
        asked = stage.state if stage is not None else request.session.get(PASSWORD_RESET_VERIFICATION_SESSION_KEY, {})
        if not may_try(request, since=asked.get("at", 0)):
            raise get_adapter().validation_error("too_many_login_attempts")
        return str(super().clean_code())  # type: ignore[misc]


def may_try(request: HttpRequest, *, since: float) -> bool:
    """Whether a code that was asked for in this session at that time may be tried once more; this try is counted."""
    key = f"{request.session.session_key}|{since}"
    return ratelimit.consume(request, app="koinon", action="code", key=key, config=TRIES) is not None


class TypeCode(_FewTries, ConfirmLoginCodeForm):  # type: ignore[misc]
    """The code for signing in."""


class TypeResetCode(_FewTries, ConfirmPasswordResetCodeForm):  # type: ignore[misc]
    """The code for a new password."""


class ForgottenPassword(ResetPasswordForm):  # type: ignore[misc]
    """An address to which a code for a new password is sent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("E-mail")
        without_hints(self)


def without_hints(form: Any) -> Any:
    """A form whose fields have nothing written in them that goes away when it is needed."""
    for field in getattr(form, "fields", {}).values():
        field.widget.attrs.pop("placeholder", None)
    return form


@receiver(factor_signals.authenticator_added, dispatch_uid="koinon.web.factor_added")
def count_new_factor(request: HttpRequest, user: User, authenticator: Any, **_more: object) -> None:
    """Whoever has just shown a new factor has shown one: they need not do so again in this session."""
    if authenticator.type != Authenticator.Type.RECOVERY_CODES and request.user.pk == user.pk:
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)

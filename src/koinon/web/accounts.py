"""How allauth behaves here: what a second factor is, how its secrets are kept, whose address a mail may go to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import LoginForm
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa import signals as factor_signals
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base import forms as factor_forms
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from koinon.parties import factors
from koinon.parties.models import Role, User
from koinon.parties.secrets import Secrets
from koinon.web.access import STAFF, grants_of

_ONCE_SECONDS = 4 * factors.PERIOD_SECONDS  # Longer than a code is taken, so that each is taken once.


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]
    """The town hall opens accounts; a stranger cannot."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


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

    def get_totp_issuer(self) -> str:
        from koinon.parties.models import Town

        town = Town.objects.order_by("id").first()
        return town.name if town is not None else "Koinon"


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
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


@receiver(factor_signals.authenticator_added, dispatch_uid="koinon.web.factor_added")
def count_new_factor(request: HttpRequest, user: User, authenticator: Any, **_more: object) -> None:
    """Whoever has just shown a new factor has shown one: they need not do so again in this session."""
    if authenticator.type != Authenticator.Type.RECOVERY_CODES and request.user.pk == user.pk:
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)


def needs_factor(user: User) -> bool:
    """Whether somebody has a role that takes a second factor."""
    return any(Role(grant.role) in STAFF for grant in grants_of(user))

"""Signing in: the second factor that staff are asked for."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from koinon.parties.models import User
from koinon.web.access import is_proven
from koinon.web.accounts import real_factors


def onward(request: HttpRequest, otherwise: str) -> str:
    """Where somebody was going, where that is a page of ours."""
    wanted = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if wanted and safe else reverse(otherwise)


@login_required
def second_factor(request: HttpRequest) -> HttpResponse:
    """Staff choose a second factor, or show the one they have, before any of their pages opens."""
    wanted = onward(request, "home")
    if is_proven(request):
        return redirect(wanted)
    if real_factors(cast(User, request.user)).exists():
        return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': wanted})}")
    return render(request, "koinon/signing/second_factor.html")

"""A person's own corner: language, role, sign-in."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from koinon.parties.models import Role, User
from koinon.web import looks as how_it_looks
from koinon.web.access import everyone, grants_of, seat

HOMES = {
    Role.RESIDENT: "purse",
    Role.SHOP: "shop",
    Role.OFFICER: "office",
    Role.APPROVER: "approvals",
    Role.TREASURER: "treasury",
    Role.AUDITOR: "audit",
    Role.COORDINATOR: "activities",
}


def _back(request: HttpRequest) -> HttpResponse:
    """To the page that the form stood on, never to another site."""
    onward = request.POST.get("next", "/")
    safe = url_has_allowed_host_and_scheme(
        onward, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(onward if safe else "/")


@everyone
@csrf_exempt
@require_POST
def looks(request: HttpRequest) -> HttpResponse:
    """Keep light or dark and the size of text in the browser, and for a signed-in person in the account; without a CSRF token, as with the language."""
    response = _back(request)
    theme, text = request.POST.get("theme", ""), request.POST.get("text", "")
    theme = theme if theme in (*how_it_looks.THEMES, "device") else ""
    text = text if text in (*how_it_looks.TEXTS, "usual") else ""
    how_it_looks.keep(response, theme=theme, text=text)
    if isinstance(request.user, User):
        kept = {"theme": theme.replace("device", "")} if theme else {}
        kept |= {"text_size": text.replace("usual", "")} if text else {}
        if kept:
            User.objects.filter(pk=request.user.pk).update(**kept)
    return response


@everyone
@csrf_exempt
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Keep the language in the browser, and for a signed-in person in the account.

    Without a CSRF token, so that who only reads gets no cookie: the worst a
    forged request does is to show somebody another language.
    """
    chosen = request.POST.get("language", "")
    response = _back(request)
    if chosen not in dict(settings.LANGUAGES):
        return response
    translation.activate(chosen)
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        chosen,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite="Lax",
    )
    if isinstance(request.user, User):
        User.objects.filter(pk=request.user.pk).update(language=chosen)
    return response


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """To the first page of the role somebody acts in; a choice where there are several."""
    if request.method == "POST":
        chosen = next((grant for grant in grants_of(request.user) if str(grant.pk) == request.POST.get("grant")), None)
        if chosen is not None:
            request.session["grant"] = chosen.pk
    current = seat(request)
    return redirect("account" if current is None else HOMES[Role(current.role)])


@login_required
def account(request: HttpRequest) -> HttpResponse:
    apps = settings.SOCIALACCOUNT_PROVIDERS.get("openid_connect", {}).get("APPS", [])
    shown = {"current": seat(request), "providers": ", ".join(app["name"] for app in apps)}
    return render(request, "koinon/account.html", shown)

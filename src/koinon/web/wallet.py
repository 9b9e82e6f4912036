"""The wallet: a resident's pages as an app on the phone.

Every page of it is an ordinary page that works without a script; the app adds a shell that opens without a network.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy

from koinon.parties.models import User
from koinon.web.installable import App

WALLET = App(  # noqa: S604  A shell of pages, not a shell.
    name="wallet",
    title=gettext_lazy("Wallet"),
    scope="purse",
    shell=("wallet-offline",),
    files=("koinon/wallet/wallet.css", "koinon/wallet/offline.js", "koinon/wallet/seen.js"),
    fallback="wallet-offline",
)


def frame() -> dict[str, Any]:
    """What the layout of every page of the wallet needs."""
    return {
        "app_title": WALLET.title,
        "app_worker": reverse("wallet-worker"),
        "app_manifest": reverse("wallet-manifest"),
    }


def whose(user: User) -> str:
    """A mark by which a device knows that it is the same person again, and by which nobody else knows who."""
    return salted_hmac("koinon.wallet.device", str(user.pk)).hexdigest()[:16]


def show(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """A page of the wallet."""
    return render(request, template, {**frame(), **context}, status=status)

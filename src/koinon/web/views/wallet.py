"""What makes the wallet an app: its manifest, its worker, and the page it shows without a network."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from koinon.web import installable
from koinon.web import wallet as frame
from koinon.web.access import everyone

manifest = installable.manifest(frame.WALLET)
worker = installable.worker(frame.WALLET)


@everyone
@require_GET
def offline(request: HttpRequest) -> HttpResponse:
    """Kept on the device: says that there is no network, and what this device last saw, if it was asked to remember."""
    return frame.show(request, "koinon/purse/offline.html", {})

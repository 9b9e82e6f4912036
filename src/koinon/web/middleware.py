"""What every request passes through: a log line without personal data, headers, refusals as pages."""

from __future__ import annotations

import re
import sys
import time
import traceback
from collections.abc import Callable

import structlog
from django.conf import settings
from django.core.signals import got_request_exception
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, JsonResponse

from koinon.kernel.errors import KoinonError
from koinon.kernel.identifiers import new_id
from koinon.web import refusals
from koinon.web.views import errors

log = structlog.get_logger("koinon.request")
Handler = Callable[[HttpRequest], HttpResponse]

POLICY = "; ".join(
    [
        "default-src 'self'",
        "base-uri 'none'",
        f"form-action 'self' {settings.OIDC_ORIGIN}".strip(),  # Where a provider's page may follow a form of ours.
        "frame-ancestors 'none'",
        "img-src 'self' data:",  # data: for the QR code of a second factor.
        "object-src 'none'",
    ]
)


class RequestLog:
    """One JSON line for each request: which page, how it went, how long it took.

    The line names the route and never the address: addresses hold ids and
    query strings may hold what somebody searched for. No user, no IP.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if re.fullmatch(r"[A-Za-z0-9-]{8,64}", given) else str(new_id())
        request.request_id = request_id  # type: ignore[attr-defined]
        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
            match = request.resolver_match
            if match is not None and match.view_name != "healthz":
                log.info(
                    "answered",
                    method=request.method,
                    route=match.view_name or match.route,
                    status=response.status_code,
                    milliseconds=round((time.perf_counter() - began) * 1000),
                )
        response["X-Request-ID"] = request_id
        return response


@receiver(got_request_exception, dispatch_uid="koinon.web.failed")
def note_failure(sender: object, request: HttpRequest, **_more: object) -> None:
    """A defect: what kind, and where in the code. Not its message, which may quote what somebody wrote."""
    kind, _error, trace = sys.exc_info()
    frames = traceback.extract_tb(trace)[-8:]
    log.error(
        "failed",
        kind=f"{kind.__module__}.{kind.__qualname__}" if kind else "",
        where=[f"{frame.filename.rsplit('/site-packages/')[-1]}:{frame.lineno} {frame.name}" for frame in frames],
    )


class SecurityHeaders:
    """A Content-Security-Policy without exceptions, and no device the page does not need."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response["Content-Security-Policy"] = POLICY
        camera = "(self)" if getattr(request, "may_scan", False) else "()"
        response["Permissions-Policy"] = f"camera={camera}, geolocation=(), microphone=(), payment=(), usb=()"
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            response["Cache-Control"] = "no-store"
        return response


class Refusals:
    """Any refusal of the layers below becomes a page that says why, with the status of its kind, and an audit line."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        refusals.record(request)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, KoinonError):
            return None
        log.info("refused", code=exception.code)
        refusals.note(request, exception)
        if "application/json" in request.headers.get("Accept", ""):
            found = {"code": exception.code, "message": str(exception), "fields": exception.fields}
            return JsonResponse(found, status=refusals.status(exception), json_dumps_params={"default": str})
        return errors.refused(request, exception)

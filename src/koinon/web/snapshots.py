"""Pages whose figures come from several statements and must agree: everything on one is of one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from koinon.parties.connection import one_snapshot
from koinon.web.access import View


@contextmanager
def of_one_moment() -> Iterator[None]:
    """The transaction of such a page, also of one that is read again because what was sent from it was refused."""
    with one_snapshot():
        yield


def in_one_snapshot(view: View) -> View:
    """A page that is read in a transaction of one snapshot; inside what says who may see it.

    A POST writes: it has a transaction like that of any other page, which sees what was done while it waited.
    """

    @transaction.non_atomic_requests
    @wraps(view)
    def seen_at_once(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with of_one_moment() if request.method in ("GET", "HEAD") else transaction.atomic():
            return view(request, *args, **kwargs)

    return seen_at_once

"""What a page calls a party: by its name before a reader who may see it, else by its pseudonym.

The only way in which a page or a file of the site comes to a name of somebody
other than the reader (``koinon.parties.naming`` says what is shown to whom, and records each look).
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone

from koinon.parties import naming
from koinon.parties.connection import raw
from koinon.parties.naming import Name, Reader
from koinon.web.access import seat_of


def reader_of(request: HttpRequest) -> Reader:
    """Who looks at this page, and whether they may see who people are."""
    seat = seat_of(request)
    return Reader(seat.user.actor, seat.sees_personal_data)


def may_see(request: HttpRequest) -> bool:
    """Whether this reader has the right to see who people are."""
    return bool(seat_of(request).sees_personal_data)


def names_asked(request: HttpRequest) -> bool:
    """Whether this page is asked to show names: nobody looks by opening a list, only by saying so (``?names=1``)."""
    return may_see(request) and request.GET.get("names") == "1"


def called(request: HttpRequest, parties: Iterable[UUID], *, names: bool | None = None) -> dict[UUID, Name]:
    """What to call each of these parties on this page. ``names`` shows them without ``?names=1``, to those with the right."""
    return called_as(request, reader_of(request), parties, names=names_asked(request) if names is None else names)


def called_as(request: HttpRequest, reader: Reader, parties: Iterable[UUID], *, names: bool = True) -> dict[UUID, Name]:
    """``called`` before another reader: a resident is told the names of those whom they let pay."""
    match = request.resolver_match
    return naming.called(
        raw(),
        town_id=seat_of(request).town_id,
        parties=parties,
        reader=reader,
        reason=f"page:{match.view_name if match else 'unknown'}",
        at=timezone.now(),
        names=names,
    )

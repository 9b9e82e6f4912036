"""Certificates as pages hand them out: with the name on paper only, and a code by which anybody can check the figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from koinon import coproduction
from koinon.coproduction import codes, queries
from koinon.coproduction.errors import CodeNotValid
from koinon.coproduction.streams import stream_name
from koinon.coproduction.types import Certificate, Occasion
from koinon.documents import qr
from koinon.documents.rendering import render
from koinon.parties.connection import raw
from koinon.parties.models import Household, Person, RoleGrant, Town
from koinon.parties.secrets import Secrets
from koinon.parties.vault import Vault
from koinon.web import doing, formats, paper
from koinon.web.access import party_of

POSTERS = Path(coproduction.__file__).parent / "papers"


def printed(request: HttpRequest, town: Town, found: Certificate, *, name: str) -> bytes:
    """The certificate as PDF, in the reader's language."""
    token = codes.token(Secrets.load(), codes.CERTIFICATE, found.id)
    address = request.build_absolute_uri(reverse("certificate-check", args=[token]))
    data = {
        "title": _("Certificate of participation"),
        "town": paper.head(town),
        "name": name,
        "paragraphs": [
            (
                _(
                    "%(town)s certifies that the household of the person named above took part, from %(first)s until %(last)s, in:"
                )
                if Household.objects.filter(pk=found.party).exists()
                else _("%(town)s certifies that the person named above took part, from %(first)s until %(last)s, in:")
            )
            % {"town": town.name, "first": formats.day(found.first_day), "last": formats.day(found.last_day)}
        ],
        "facts": [[line["what"], line["quantity"]] for line in lines(found, town)],
        "date": formats.day(found.issued_at, town.time_zone),
        "signatures": [_("For %(town)s") % {"town": town.name}],
        "code": {
            "svg": qr.svg(address),
            "alt": _("Code to check this certificate"),
            "caption": _("Anybody can check these figures: scan the code. No name is shown there."),
        },
        "footer": town.name,
    }
    return render("certificate", data, get_language() or "en")


def lines(found: Certificate, town: Town) -> list[dict[str, str]]:
    """What was certified, line by line, in words."""
    return [
        {
            "what": f"{line['activity']} · {stream_name(line['stream'])}" if line["stream"] else line["activity"],
            "quantity": doing.quantity(line["quantity"], line["measure"], town),
        }
        for line in found.totals
    ]


def own_name(grant: RoleGrant) -> str:
    """What residents are called on their own papers: of a household, the person the town writes to."""
    party = party_of(grant)
    person = Person.objects.filter(household=party, is_reference=True).values_list("pk", flat=True).first()
    return Vault(raw(), Secrets.load()).get(person or party, ["name"]).get("name", "")


def checked(token: str) -> dict[str, Any]:
    """What the town certified on the paper with this code; ``CodeNotValid`` where it certified nothing of the kind."""
    wanted = codes.subject_of(Secrets.load(), codes.CERTIFICATE, token)
    conn = raw()
    for town in Town.objects.order_by("id"):
        found = queries.find_certificate(conn, town_id=town.pk, certificate_id=wanted)
        if found is not None:
            return {"certificate": found, "lines": lines(found, town), "town": town}
    raise CodeNotValid


def poster(town: Town, found: Occasion, address: str) -> bytes:
    """The code of an occasion on A4, to hang up at the place."""
    until = formats.instant(found.closes_at, town.time_zone)
    data = {
        "title": found.activity_name,
        "place": found.place or None,
        "town": paper.head(town),
        "what-to-do": _("Scan to register"),
        "until": _("Until %(when)s") % {"when": until},
        "code": {"svg": qr.svg(address), "alt": _("Code to register by"), "caption": address},
        "footer": town.name,
    }
    return render("poster", data, get_language() or "en", folder=POSTERS)

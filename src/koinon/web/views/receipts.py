"""A receipt, and the proof that it is in the public books: computed by whoever holds it, not by us."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from koinon.ledger import queries as books
from koinon.ledger import receipts as proofs
from koinon.ledger import seals
from koinon.ledger.errors import TransferNotSealed
from koinon.parties.connection import raw
from koinon.parties.models import Role, RoleGrant
from koinon.payments import queries
from koinon.payments.types import PartyMovement, Receipt
from koinon.web import movements, wallet
from koinon.web.access import party_of, seat_of, seen_by

LINKS_AT_ONCE = 5000  # Blocks a telephone is sent in one piece: 280 kB.


@seen_by(Role.RESIDENT)
@require_GET
def receipt(request: HttpRequest, payment: UUID) -> HttpResponse:
    """One movement of one's own; anybody else's is not found."""
    grant = seat_of(request)
    found = _own(grant, payment)
    context: dict[str, Any] = {
        "receipt": found,
        "what": movements.what(_movement(found), shop=False),
        "refunds": queries.refunds_of(raw(), town_id=grant.town_id, payment_id=payment) if found.refunded.minor else [],
        "sealed": {
            "proof": reverse("purse-proof", kwargs={"payment": payment}),
            "head": f"{reverse('seal-head')}?{urlencode({'town': grant.town.slug})}",
            "town": grant.town.slug,
            "townNumber": grant.town_id,
            "effectiveAt": str(seals.microseconds(found.effective_at)),
            "lines": [{"transfer": line.transfer_id.hex, "minor": str(abs(line.signed_minor))} for line in found.lines],
        },
    }
    return wallet.show(request, "koinon/purse/receipt.html", context)


def _own(grant: RoleGrant, payment: UUID) -> Receipt:
    return queries.receipt(raw(), town_id=grant.town_id, party_id=party_of(grant), receipt_id=payment)


def _movement(found: Receipt) -> PartyMovement:
    return PartyMovement(
        id=found.id, effective_at=found.effective_at, code=found.code, is_reversal=found.is_reversal,
        signed_minor=found.signed_minor, unit=found.unit, counterparty=found.counterparty,
        counterparty_name=found.counterparty_name, reference=found.reference, parts_json="[]",
    )  # fmt: skip


@seen_by(Role.RESIDENT)
@require_GET
def proof(request: HttpRequest, payment: UUID) -> HttpResponse:
    """The proof of a receipt: in pieces for the page, or as a file to keep (``?file=1``).

    ``?after=N`` gives the blocks after block N. A receipt that no block covers yet is answered with its own status.
    """
    grant = seat_of(request)
    found = _own(grant, payment)
    after = request.GET.get("after", "")
    if after.isdecimal():
        return JsonResponse(_links(grant.town_id, int(after) + 1))
    try:
        given = proofs.prove(raw(), town_id=grant.town_id, transfers=found.transfers)
    except TransferNotSealed:
        if "file" in request.GET:
            raise
        return JsonResponse({"sealed": False})
    if "file" in request.GET:
        later = books.blocks(raw(), town_id=grant.town_id, first=given.block.number + 1)
        content = proofs.document(given, town=grant.town.slug, receipt=payment, later=later)
        answer = JsonResponse(content, json_dumps_params={"indent": 1})
        name = f"{grant.town.slug}-{_('receipt')}-{payment.hex[-6:]}.json"
        answer["Content-Disposition"] = f'attachment; filename="{name}"' if name.isascii() else "attachment"
        return answer
    block = given.block
    return JsonResponse(
        {
            "sealed": True,
            "proofs": [
                {
                    "canonical": one.canonical.hex(),
                    "path": [
                        {"before": [x.hex() for x in step.before], "after": [x.hex() for x in step.after]}
                        for step in one.path
                    ],
                }
                for one in given.proofs
            ],
            "number": block.number,
            "seqFrom": str(block.seq_from),
            "previous": block.previous.hex(),
            **_links(grant.town_id, block.number),
        }
    )


def _links(town_id: int, first: int) -> dict[str, Any]:
    blocks = books.blocks(raw(), town_id=town_id, first=first, most=LINKS_AT_ONCE)
    return {"links": base64.b64encode(proofs.packed(blocks)).decode(), "more": len(blocks) == LINKS_AT_ONCE}

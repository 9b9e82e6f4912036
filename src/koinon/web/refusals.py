"""Refusals in the reader's words, and the HTTP status of each.

The code stands at the end of every sentence's page, so that a person can read it
to somebody on the telephone.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from koinon.kernel.errors import KoinonError

SENTENCES: dict[str, Any] = {
    "ledger.insufficient-funds": gettext_lazy("There is not enough money for this."),
    "ledger.amount-not-positive": gettext_lazy("The amount must be above zero."),
    "ledger.amount-too-large": gettext_lazy("The amount is larger than one movement may be."),
    "ledger.amount-exceeds-original": gettext_lazy("More was to be given back than is left of this sale."),
    "ledger.key-reused": gettext_lazy("This form was sent before with other figures. Open it again."),
    "ledger.ceiling-reached": gettext_lazy("The receiver's account may not hold that much."),
    "programmes.same-person": gettext_lazy("Whoever prepared this cannot approve it. A second person must."),
    "programmes.cycle-not-in-state": gettext_lazy("Somebody has taken this step already. Look at the page again."),
    "programmes.budget-exceeded": gettext_lazy("All months together would spend more than the fund's budget."),
    "programmes.reserve-short": gettext_lazy("The reserve holds fewer euros than this month needs. Nothing was paid."),
    "payments.amount-not-positive": gettext_lazy("The amount must be above zero."),
    "payments.key-reused": gettext_lazy("This form was sent before with other figures. Open it again."),
    "payments.refund-too-large": gettext_lazy("More was to be given back than is left of this sale."),
    "payments.refund-not-covered": gettext_lazy("There is not enough money in your till to give this back."),
    "treasury.same-person": gettext_lazy("Whoever prepared this cannot approve it. A second person must."),
    "treasury.below-minimum": gettext_lazy("This is less than the smallest amount the town pays out."),
    "treasury.no-till": gettext_lazy("This account has no till to pay out from."),
    "treasury.redemption-not-open": gettext_lazy("This request is on its way to the bank already."),
    "treasury.nothing-to-pay": gettext_lazy("No shop is waiting to be paid."),
    "treasury.run-in-other-state": gettext_lazy("Somebody has taken this step already. Look at the page again."),
    "treasury.key-reused": gettext_lazy("This form was sent before with other figures. Open it again."),
    "treasury.bank-reference-reused": gettext_lazy("This bank reference is on the books already, with another amount."),
    "treasury.payees-not-payable": gettext_lazy("Some shops have no bank account or name that the bank would accept."),
    "treasury.file-would-differ": gettext_lazy("A shop's name or account changed since this file was first made."),
}


def sentences(refusal: KoinonError) -> list[str]:
    """What a person reads: a sentence for each ground, and the code to quote."""
    known = SENTENCES.get(refusal.code)
    text = str(known) if known else _("This is not possible as things stand.")
    return [text, _("Code: %(code)s") % {"code": refusal.code}]


def status(refusal: KoinonError) -> int:
    """404 for what is not there, 409 for what cannot be done as things stand."""
    return 404 if refusal.code.endswith("-not-found") else 409

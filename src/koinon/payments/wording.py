"""What a movement was, in a person's words, on pages and on paper."""

from __future__ import annotations

from django.utils.translation import gettext as _

from koinon.payments.types import PartyMovement


def what(movement: PartyMovement, *, shop: bool) -> str:
    """What happened, as the one whose money it is would say it."""
    other = movement.counterparty_name
    came = movement.signed_minor > 0
    if movement.code == "pay" and movement.is_reversal:
        if came:
            return _("%(shop)s gave back") % {"shop": other} if other else _("Given back to you")
        return _("Given back to a customer")
    if movement.code == "pay" and came:
        if other:
            return _("From %(shop)s") % {"shop": other}
        return _("Sale") if shop else _("Received")
    if movement.code == "pay" and movement.helper_card:
        # To the holder alone: whoever they let pay is told apart by the card that is in that person's hands.
        said = {"shop": other or _("Paid"), "card": movement.helper_card}
        return _("%(shop)s · with the other person's card ending in %(card)s") % said
    if movement.code == "pay":
        return other or _("Paid")
    if movement.code == "disburse":
        return _("Aid taken back") if movement.is_reversal else _("Aid")
    if movement.code == "reward":
        return _("Reward taken back") if movement.is_reversal else _("Reward for what you did")
    if movement.code == "topup":
        return _("Top-up given back") if movement.is_reversal else _("Topped up")
    if movement.code == "bonus":
        return _("Bonus taken back") if movement.is_reversal else _("Bonus")
    if movement.code == "redeem":
        return _("Payout undone") if movement.is_reversal else _("Asked for payout in euros")
    if movement.code == "cover":
        return _("Covered by the town: accepted without a network")
    if movement.code == "unbind":
        return _("Bound money became free")
    if movement.code == "expire":
        return _("Given again") if movement.is_reversal else _("Its last day passed: back to the town")
    return _("Movement")

"""Euros in, euros out. Every function is part of its caller's transaction.

``budget`` moves euros between the town's budget and the reserve, ``redemptions``
takes what businesses ask for, ``runs`` brings it to the bank on two signatures,
and ``answers`` books what the bank says of it.
"""

from koinon.treasury.answers import reject_payment, return_payment, settle_run
from koinon.treasury.budget import receive_budget, withdraw
from koinon.treasury.redemptions import request_redemption, set_terms, undo_redemption
from koinon.treasury.runs import approve_run, cancel_run, export_run, payees, prepare_run, withdraw_approval

__all__ = [
    "approve_run",
    "cancel_run",
    "export_run",
    "payees",
    "prepare_run",
    "receive_budget",
    "reject_payment",
    "request_redemption",
    "return_payment",
    "set_terms",
    "settle_run",
    "undo_redemption",
    "withdraw",
    "withdraw_approval",
]

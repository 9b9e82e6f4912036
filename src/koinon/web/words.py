"""Codes of the layers below in words: states, kinds of movement, grounds, acts of the audit trail."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from koinon.kernel.decisions import Ground
from koinon.parties import sectors
from koinon.parties.models import Town, User
from koinon.programmes.models import EntitlementState

CYCLE_STATES: dict[str, Any] = {
    "prepared": gettext_lazy("Draft"),
    "submitted": gettext_lazy("Waiting for approval"),
    "approved": gettext_lazy("Approved, not paid yet"),
    "disbursing": gettext_lazy("Being paid"),
    "disbursed": pgettext_lazy("state", "Paid"),
    "cancelled": gettext_lazy("Cancelled"),
}
RUN_STATES: dict[str, Any] = {
    "prepared": gettext_lazy("Waiting for approval"),
    "approved": gettext_lazy("Approved, file not made yet"),
    "exported": gettext_lazy("With the bank"),
    "settled": gettext_lazy("Paid by the bank"),
    "cancelled": gettext_lazy("Cancelled"),
}
PAYMENT_STATES: dict[str, Any] = {
    "due": gettext_lazy("Not paid yet"),
    "paid": pgettext_lazy("state", "Paid"),
    "rejected": gettext_lazy("The bank refused it"),
    "returned": gettext_lazy("The money came back"),
}
PAYOUT_STATES: dict[str, Any] = {
    "open": gettext_lazy("Waiting for the next payment run"),
    "in-run": gettext_lazy("In a payment run"),
    "sent": gettext_lazy("With the bank"),
    "paid": pgettext_lazy("state", "Paid"),
    "undone": gettext_lazy("Taken back"),
    "returned": gettext_lazy("The bank sent it back; it is in your till again"),
}
TOWN_PAYMENT_STATES: dict[str, Any] = {
    "prepared": gettext_lazy("Waiting for approval"),
    "paid": pgettext_lazy("state", "Paid"),
    "cancelled": gettext_lazy("Cancelled"),
}
CARD_STATES: dict[str, Any] = {
    "made": gettext_lazy("In the drawer"),
    "active": gettext_lazy("In use"),
    "blocked": gettext_lazy("Blocked"),
    "replaced": gettext_lazy("Replaced"),
    "withdrawn": pgettext_lazy("card", "Withdrawn"),
}
LINE_STATES: dict[str, Any] = {
    EntitlementState.DUE: gettext_lazy("Not paid yet"),
    EntitlementState.PAID: pgettext_lazy("state", "Paid"),
    EntitlementState.FAILED: gettext_lazy("Could not be paid"),
    EntitlementState.REFUSED: gettext_lazy("Gets nothing"),
    EntitlementState.WAITING: gettext_lazy("On the waiting list"),
}
# Why a line of a month could not be paid; other refusals have the sentences of koinon.web.refusals.
FAILURES: dict[str, Any] = {
    "entitlement.household-erased": gettext_lazy("The household's data were erased."),
    "ledger.account-not-open": gettext_lazy("The household's purse is closed."),
    "ledger.ceiling-reached": gettext_lazy("The household's purse would hold more than it may."),
}
STATES = {
    "card": CARD_STATES,
    "cycle": CYCLE_STATES,
    "run": RUN_STATES,
    "payment": PAYMENT_STATES,
    "town-payment": TOWN_PAYMENT_STATES,
}
# How a state looks; the words beside it say the same.
TONES = {
    "registered": "soon",
    "confirmed": "soon",
    "verified": "done",
    "undone": "plain",
    "prepared": "soon",
    "submitted": "soon",
    "approved": "",
    "disbursing": "soon",
    "exported": "soon",
    "disbursed": "done",
    "settled": "done",
    "cancelled": "plain",
    "due": "soon",
    "paid": "done",
    "rejected": "care",
    "returned": "care",
    "made": "plain",
    "active": "done",
    "blocked": "care",
    "replaced": "plain",
    "withdrawn": "plain",
    "held": "done",
    "missing": "soon",
}
MESSAGE_KINDS: dict[str, Any] = {
    "card.handed-over": gettext_lazy("Card handed over"),
    "card.blocked": gettext_lazy("Card blocked"),
    "card.replaced": gettext_lazy("Card replaced"),
    "account.opened": gettext_lazy("Account opened"),
    "phone.added": gettext_lazy("Phone set up for paying"),
    "phone.blocked": gettext_lazy("Phone blocked for paying"),
    "phone.changed": gettext_lazy("PIN of the phone chosen anew"),
    "pin.changed": gettext_lazy("PIN chosen anew"),
    "payment.receipt": gettext_lazy("Receipt of a purchase"),
    "fund.ending": gettext_lazy("Money ends soon"),
    "fund.rule-changes": gettext_lazy("Rules of money change"),
    "fund.change-withdrawn": gettext_lazy("Rules of money stay as they are"),
    "helper.authorised": gettext_lazy("Somebody else may pay"),
    "helper.ended": gettext_lazy("Ended that somebody may pay"),
    "text.balance": gettext_lazy("Answer to a text message: what there is"),
    "text.balance-until": gettext_lazy("Answer to a text message: what there is"),
    "text.locked": gettext_lazy("Answer to a text message: cards blocked"),
    "text.nothing-locked": gettext_lazy("Answer to a text message: no card to block"),
    "text.help": gettext_lazy("Answer to a text message: what to write"),
    "text.bound": gettext_lazy("Telephone answered from now on"),
    "text.stopped": gettext_lazy("Telephone answered no more"),
    "complaint.received": gettext_lazy("Complaint taken in"),
    "complaint.answered": gettext_lazy("Complaint answered"),
}
ENTITLEMENT_GROUNDS: dict[str, Any] = {
    "entitlement.household-erased": gettext_lazy("The household's data were erased."),
    "entitlement.award-not-begun": gettext_lazy("The award begins after this month."),
    "entitlement.award-ended": gettext_lazy("The award ended before this month."),
    "entitlement.not-above-floor": gettext_lazy("The monthly aid is not above the programme's lower limit."),
    "entitlement.not-in-zone": gettext_lazy("The household lives outside the programme's neighbourhoods."),
    "entitlement.income-band": gettext_lazy("The household's income band is not one of the programme's."),
    "entitlement.nothing-after-rounding": gettext_lazy("The share is less than the smallest unit."),
    "entitlement.share-of-award": gettext_lazy("A share of the monthly aid."),
    "entitlement.no-award": gettext_lazy("The household has no award."),
    "entitlement.no-row": gettext_lazy("No row of the table of amounts fits the household."),
    "entitlement.by-table": gettext_lazy("A share of what the table of amounts says."),
    "entitlement.by-formula": gettext_lazy("A share of what the formula gives."),
    "entitlement.members": gettext_lazy("The number of its members is not what the programme asks for."),
    "entitlement.children": gettext_lazy("The number of its children is not what the programme asks for."),
    "entitlement.residence": gettext_lazy("The household has not lived in the town for long enough."),
    "entitlement.residence-not-said": gettext_lazy("It is not on record since when the household has lived here."),
    "entitlement.status": gettext_lazy("What the programme asks for is not on record of the household."),
    "entitlement.none-of": gettext_lazy("None of several possible reasons holds for the household."),
    "entitlement.excluded": gettext_lazy("The programme leaves such households out."),
    "entitlement.same-household": gettext_lazy("It stands in the register twice and is paid once."),
    "entitlement.duplicate-undecided": gettext_lazy("It may stand in the register twice; nobody has decided yet."),
    "entitlement.exception-pays": gettext_lazy("Two people decided to pay it."),
    "entitlement.exception-refuses": gettext_lazy("Two people decided to pay it nothing."),
    "entitlement.amount-of-exception": gettext_lazy("The amount is the one that two people decided."),
    "entitlement.waiting": gettext_lazy("On the waiting list: the budget ends before it."),
    "entitlement.place": gettext_lazy("The budget reaches its place on the list."),
}
SECTORS = sectors.SECTORS
sector = sectors.sector

ACTS: dict[str, Any] = {
    "casework.complaint-opened": gettext_lazy("Complaint taken in"),
    "casework.complaint-noted": gettext_lazy("Note on a complaint"),
    "casework.complaint-assigned": gettext_lazy("Complaint assigned"),
    "casework.complaint-answered": gettext_lazy("Complaint answered"),
    "casework.complaint-withdrawn": gettext_lazy("Complaint taken back"),
    "casework.complaint-reopened": gettext_lazy("Complaint opened again"),
    "casework.document-added": gettext_lazy("Document attached"),
    "casework.document-removed": gettext_lazy("Document destroyed"),
    "casework.looked": gettext_lazy("Looked at what a complaint says"),
    "casework.term-set": gettext_lazy("Time for answers set"),
    "payments.request-made": gettext_lazy("Asked to be paid"),
    "payments.request-withdrawn": gettext_lazy("Request to be paid taken back"),
    "payments.payee-code-made": gettext_lazy("Shop's own code made"),
    "payments.payee-code-ended": gettext_lazy("Shop's own code ended"),
    "instruments.cards-made": gettext_lazy("Cards made"),
    "instruments.cards-printed": gettext_lazy("Cards printed"),
    "instruments.card-handed-over": gettext_lazy("Card handed over"),
    "helpdesk.document-added": gettext_lazy("Document kept"),
    "helpdesk.document-opened": gettext_lazy("Document opened"),
    "helpdesk.document-removed": gettext_lazy("Document destroyed"),
    "helpdesk.letters-printed": gettext_lazy("Letters printed"),
    "helpdesk.letters-queued": gettext_lazy("Letters added to print"),
    "helpdesk.looked": gettext_lazy("Looked at at the counter"),
    "helpdesk.number-bound": gettext_lazy("Telephone answered from now on"),
    "helpdesk.number-unbound": gettext_lazy("Telephone answered no more"),
    "helpdesk.paper-wishes-set": gettext_lazy("Said how letters are to be written"),
    "instruments.authorisation-changed": gettext_lazy("Limit of somebody who may pay changed"),
    "instruments.authorisation-ended": gettext_lazy("Ended that somebody may pay"),
    "instruments.authorised": gettext_lazy("Somebody else may pay"),
    "instruments.card-blocked": gettext_lazy("Card blocked"),
    "instruments.card-unblocked": gettext_lazy("Card unblocked"),
    "instruments.card-replaced": gettext_lazy("Card replaced"),
    "instruments.card-withdrawn": gettext_lazy("Card withdrawn"),
    "instruments.pin-set": gettext_lazy("PIN chosen"),
    "instruments.pin-reset": gettext_lazy("PIN chosen anew"),
    "instruments.pin-locked": gettext_lazy("PIN locked after wrong ones"),
    "instruments.small-terms-set": gettext_lazy("Small purchases without a PIN decided"),
    "payments.cashier-added": gettext_lazy("Cashier added"),
    "payments.cashier-pin-set": gettext_lazy("PIN of a cashier set"),
    "payments.cashier-ended": gettext_lazy("Cashier works there no more"),
    "payments.shift-closed": gettext_lazy("Shift closed"),
    "accounting.account-set": gettext_lazy("Chart of accounts changed"),
    "accounting.agreement-recorded": gettext_lazy("Agreement with a shop recorded"),
    "accounting.authority-notified": gettext_lazy("Authority notified"),
    "accounting.fund-recorded": gettext_lazy("Convertibility of a fund recorded"),
    "accounting.town-payment-prepared": gettext_lazy("Payment of the town prepared"),
    "accounting.town-payment-paid": gettext_lazy("Payment of the town made"),
    "accounting.town-payment-cancelled": gettext_lazy("Payment of the town cancelled"),
    "accounting.wording-set": gettext_lazy("Words of statements changed"),
    "api.key-added": gettext_lazy("API key made"),
    "api.key-revoked": gettext_lazy("API key revoked"),
    "coproduction.activity-set": gettext_lazy("Activity set"),
    "coproduction.rate-set": gettext_lazy("Rate set"),
    "coproduction.cap-set": gettext_lazy("Limit set"),
    "coproduction.occasion-opened": gettext_lazy("Code opened"),
    "coproduction.occasion-closed": gettext_lazy("Code closed"),
    "coproduction.registered": gettext_lazy("Contribution registered"),
    "coproduction.confirmed": gettext_lazy("Contribution confirmed by the first of two"),
    "coproduction.verified": gettext_lazy("Contribution verified"),
    "coproduction.rejected": gettext_lazy("Contribution not accepted"),
    "coproduction.undone": gettext_lazy("Contribution undone"),
    "coproduction.time-bank-set": gettext_lazy("Time bank set"),
    "coproduction.member-joined": gettext_lazy("Member of a time bank joined"),
    "coproduction.member-left": gettext_lazy("Member of a time bank left"),
    "coproduction.time-exchanged": gettext_lazy("Time exchanged"),
    "coproduction.exchange-undone": gettext_lazy("Exchange of time undone"),
    "coproduction.certificate-issued": gettext_lazy("Certificate issued"),
    "cycle.prepared": gettext_lazy("Month prepared"),
    "cycle.submitted": gettext_lazy("Month submitted"),
    "cycle.returned": gettext_lazy("Month sent back"),
    "cycle.approval-given": gettext_lazy("Month approved by one of several"),
    "cycle.approved": gettext_lazy("Month approved"),
    "cycle.scheduled": gettext_lazy("Payment scheduled"),
    "cycle.unscheduled": gettext_lazy("Payment no longer scheduled"),
    "cycle.stopped": gettext_lazy("Payment stopped"),
    "cycle.resumed": gettext_lazy("Payment resumed"),
    "cycle.retried": gettext_lazy("Another try begun"),
    "cycle.retry-disbursed": gettext_lazy("Another try ended"),
    "cycle.cancelled": gettext_lazy("Month cancelled"),
    "cycle.issued": gettext_lazy("Units issued"),
    "cycle.disbursed": gettext_lazy("Month paid"),
    "duplicates.looked": gettext_lazy("Looked for households that stand in the register twice"),
    "duplicate.decided": gettext_lazy("Decided whether two households are one"),
    "exception.proposed": gettext_lazy("Exception proposed"),
    "exception.approved": gettext_lazy("Exception approved"),
    "exception.rejected": gettext_lazy("Exception not accepted"),
    "exception.withdrawn": gettext_lazy("Exception withdrawn"),
    "fund.swept": gettext_lazy("Unspent money returned"),
    "fund.unbound": gettext_lazy("Bound money of shops made free"),
    "fund.change-announced": gettext_lazy("Change of a fund announced"),
    "fund.change-withdrawn": gettext_lazy("Change of a fund taken back"),
    "fund.notice-given": gettext_lazy("Holders of a fund's money told"),
    "fund.notice-set": gettext_lazy("Time of notice set"),
    "parties.notices-chosen": gettext_lazy("Chose how to be told"),
    "parties.own-data-exported": gettext_lazy("Own data handed out"),
    "parties.revealed": gettext_lazy("Personal data looked at"),
    "parties.erased": gettext_lazy("Personal data erased"),
    "parties.key-turned": gettext_lazy("Key outside the database turned over"),
    "parties.key-destruction-begun": gettext_lazy("Destruction of an old key outside the database begun"),
    "parties.key-destroyed": gettext_lazy("Old key outside the database destroyed"),
    "parties.personal-data-allowed": gettext_lazy("Right to see personal data given"),
    "parties.personal-data-disallowed": gettext_lazy("Right to see personal data taken away"),
    "parties.role-granted": gettext_lazy("Role given"),
    "parties.invited": gettext_lazy("Invitation made"),
    "parties.invitation-used": gettext_lazy("Invitation used"),
    "parties.invitation-withdrawn": gettext_lazy("Invitation withdrawn"),
    "parties.address-changed": gettext_lazy("Address for codes changed"),
    "parties.right-asked": gettext_lazy("Right asked for"),
    "parties.right-given": gettext_lazy("Right given by a second person"),
    "parties.right-declined": gettext_lazy("Right declined"),
    "parties.right-withdrawn": gettext_lazy("Request for a right taken back"),
    "parties.factor-forgotten": gettext_lazy("Second factor set up anew"),
    "parties.role-revoked": gettext_lazy("Role taken away"),
    "pilots.day-simulated": gettext_lazy("Day generated"),
    "town.applied": gettext_lazy("Town folder taken in"),
    "town.record-changed": gettext_lazy("Record changed"),
    "award.ended": gettext_lazy("Award ended"),
    "household.moved": gettext_lazy("Household moved"),
    "organisation.left": gettext_lazy("Shop no longer takes part"),
    "organisation.takes-part": gettext_lazy("Shop takes part"),
    "office.list-imported": gettext_lazy("List taken in"),
    "office.table-exported": gettext_lazy("List taken along as a file"),
    "request.refused": gettext_lazy("Request refused"),
    "banking.account-added": gettext_lazy("Bank account added"),
    "banking.columns-set": gettext_lazy("Record changed"),
    "banking.file-imported": gettext_lazy("Bank's file imported"),
    "banking.entry-matched": gettext_lazy("Bank entry matched"),
    "banking.match-undone": gettext_lazy("Bank entry listed again"),
    "banking.details-revealed": gettext_lazy("Other side of a bank entry looked at"),
    "impact.target-proposed": gettext_lazy("Target proposed"),
    "impact.target-set": gettext_lazy("Target set"),
    "impact.target-declined": gettext_lazy("Target declined"),
    "impact.target-withdrawn": gettext_lazy("Target taken back"),
    "impact.zone-residents-set": gettext_lazy("Number of a neighbourhood's residents set"),
    "impact.conversion-factor-set": gettext_lazy("Conversion factor set"),
    "impact.running-cost-set": gettext_lazy("Running cost set"),
    "impact.reuse-set": gettext_lazy("Activity counted as reuse"),
    "impact.house-report-opened": gettext_lazy("Report for the town's own use opened"),
    "campaign.drafted": gettext_lazy("Campaign drawn up"),
    "campaign.changed": gettext_lazy("Campaign changed"),
    "campaign.submitted": gettext_lazy("Campaign handed in"),
    "campaign.handed-back": gettext_lazy("Campaign handed back"),
    "campaign.released": gettext_lazy("Campaign's money released"),
    "campaign.ended": gettext_lazy("Campaign ended"),
    "campaign.cancelled": gettext_lazy("Campaign cancelled"),
    "campaign.rest-returned": gettext_lazy("Rest of a campaign returned"),
    "treasury.topup-requested": gettext_lazy("Top-up asked for"),
    "treasury.topup-received": gettext_lazy("Top-up received"),
    "treasury.topup-confirmed-again": gettext_lazy("Top-up confirmed by a second source"),
    "treasury.topup-given-back": gettext_lazy("Top-up given back"),
    "treasury.topup-cancelled": gettext_lazy("Top-up given up"),
    "treasury.terms-set": gettext_lazy("Payout terms set"),
    "offline.terms-set": gettext_lazy("Terms for payments without a network set"),
    "offline.shop-on": gettext_lazy("Shop may accept payments without a network"),
    "offline.shop-off": gettext_lazy("Shop may no longer accept payments without a network"),
    "offline.till-registered": gettext_lazy("Till registered"),
    "offline.till-withdrawn": gettext_lazy("Till withdrawn"),
    "offline.settled": gettext_lazy("Payment without a network settled"),
    "offline.covered": gettext_lazy("Loss without a network paid to the shop"),
    "offline.given-back": gettext_lazy("What covered a sale came back with the sale"),
    "treasury.budget-received": gettext_lazy("Budget received"),
    "treasury.budget-withdrawn": gettext_lazy("Budget withdrawn"),
    "treasury.redemption-requested": gettext_lazy("Payout asked for"),
    "treasury.redemption-undone": gettext_lazy("Payout request taken back"),
    "treasury.run-prepared": gettext_lazy("Run prepared"),
    "treasury.run-approved": gettext_lazy("Run approved"),
    "treasury.run-approval-withdrawn": gettext_lazy("Approval of a run withdrawn"),
    "treasury.run-cancelled": gettext_lazy("Run cancelled"),
    "treasury.run-exported": gettext_lazy("Bank's file made"),
    "treasury.run-settled": gettext_lazy("Run settled"),
    "treasury.run-paid-in-part": gettext_lazy("Run paid in part"),
    "treasury.standing-order-set": gettext_lazy("Payout on every run set up"),
    "treasury.standing-order-ended": gettext_lazy("Payout on every run ended"),
    "treasury.payment-rejected": gettext_lazy("Payment refused by the bank"),
    "treasury.payment-returned": gettext_lazy("Payment came back"),
    "outbox.endpoint-added": gettext_lazy("Webhook added"),
    "outbox.endpoint-changed": gettext_lazy("Webhook changed"),
    "outbox.endpoint-disabled": gettext_lazy("Webhook disabled, because its receiver failed"),
    "outbox.endpoint-resumed": gettext_lazy("Webhook resumed"),
    "outbox.endpoint-removed": gettext_lazy("Webhook removed"),
    "outbox.secret-rotated": gettext_lazy("Webhook given a new secret"),
    "outbox.sent-again": gettext_lazy("Messages sent again"),
    "outbox.notice-added": gettext_lazy("E-mail notice added"),
    "outbox.notice-removed": gettext_lazy("E-mail notice removed"),
}

# Accounts

STATEMENT_LINES: dict[str, Any] = {
    "sold": gettext_lazy("Sold"),
    "refunded": gettext_lazy("Given back to customers"),
    "spent": gettext_lazy("Paid to others"),
    "returned": gettext_lazy("Given back by others"),
    "redeemed": gettext_lazy("Turned into national money"),
    "given_back": gettext_lazy("Payout undone"),
    "fees": gettext_lazy("Fees"),
    "fees_back": gettext_lazy("Fees given back"),
    "fees_received": gettext_lazy("Fees received"),
    "fees_returned": gettext_lazy("Fees given back"),
    "topped_up": gettext_lazy("Topped up"),
    "topups_returned": gettext_lazy("Top-up given back"),
    "other_in": gettext_lazy("Other, in"),
    "other_out": gettext_lazy("Other, out"),
}
YEAR_FIGURES: dict[str, Any] = {
    "received": gettext_lazy("Received from the budget and from top-ups"),
    "withdrawn": gettext_lazy("Given back to the budget"),
    "issued": gettext_lazy("Issued"),
    "disbursed": gettext_lazy("Paid out as aid"),
    "rewarded": gettext_lazy("Paid as rewards"),
    "bonus": gettext_lazy("Granted as bonus"),
    "topped_up": gettext_lazy("Topped up by residents and shops"),
    "covered": gettext_lazy("Paid to shops for losses without a network"),
    "paid": gettext_lazy("Spent in payments"),
    "refunded": gettext_lazy("Given back in refunds"),
    "redeemed": gettext_lazy("Turned into national money by shops"),
    "fees": gettext_lazy("Fees kept by the town"),
    "paid_out": gettext_lazy("Paid to shops by the bank"),
    "expired": gettext_lazy("Not spent in time and returned"),
}
PLACES: dict[str, Any] = {
    "issuance": gettext_lazy("Bank"),
    "reserve": gettext_lazy("Received, not issued"),
    "escrow": gettext_lazy("Issued, being handed out"),
    "purse": gettext_lazy("With residents"),
    "till": gettext_lazy("With enterprises"),
    "town-till": gettext_lazy("In the town's own till"),
    "redemption": gettext_lazy("Owed to enterprises"),
    "clearing": gettext_lazy("In clearing"),
}
ACCOUNTS: dict[
    str, Any
] = {  # What accounting.rules.CHART calls them, for pages; files of the books keep the names of the chart.
    "issuance": gettext_lazy("Bank, account of the reserve"),
    "reserve": gettext_lazy("Reserve received and not issued"),
    "escrow": gettext_lazy("Units issued and not handed out yet"),
    "purse": gettext_lazy("Units with residents"),
    "till": gettext_lazy("Units with enterprises"),
    "town-till": gettext_lazy("Units in the town's own till"),
    "redemption": gettext_lazy("Owed to enterprises for units redeemed"),
    "clearing": gettext_lazy("Units in clearing"),
}
PURPOSES: dict[str, Any] = {
    "SUPP": gettext_lazy("Supplier"),
    "SALA": gettext_lazy("Wages"),
    "SCVE": gettext_lazy("Services"),
    "GOVT": gettext_lazy("Other public payment"),
}
CONVERTIBLE: dict[str, Any] = {
    "nobody": gettext_lazy("Nobody"),
    "shops": gettext_lazy("Shops only"),
    "anybody": gettext_lazy("Anybody"),
}
AGREEMENT_STATES: dict[str, Any] = {
    "held": gettext_lazy("In force today"),
    "missing": gettext_lazy("None on record"),
}
STANDINGS: dict[str, Any] = {
    "no-threshold": gettext_lazy("No threshold of this country's law is on record."),
    "below": gettext_lazy("Below the threshold: nobody need be told."),
    "near": gettext_lazy("Near the threshold: prepare the notification."),
    "above": gettext_lazy("Above the threshold: the authority must be told."),
    "notified": gettext_lazy("Above the threshold, and the authority was told."),
}


def income_band(town: Town, code: str) -> str:
    """An income band as the town's own list calls it; a code that it has no word for stays one."""
    return str(town.income_bands.get(code, code)) or "–"


def act(code: str) -> str:
    """What was done, as the audit trail names it; the code itself where it is not known here."""
    return str(ACTS.get(code, code))


def ground(found: Ground) -> str:
    """Why a household is due something, or nothing."""
    known = ENTITLEMENT_GROUNDS.get(found.code)
    return str(known) if known else found.code


def staff_names(actors: Iterable[str]) -> dict[str, str]:
    """``staff_name`` of many, with one question to the database."""
    asked = set(actors)
    numbers = {int(one.partition(":")[2]): one for one in asked if re.fullmatch(r"user:[0-9]{1,9}", one)}
    users = dict(User.objects.filter(pk__in=numbers).values_list("pk", "username")) if numbers else {}
    found = {actor: _("a scheduled job") if actor.startswith("job:") else actor or "–" for actor in asked}
    return found | {numbers[pk]: name for pk, name in users.items()}


def staff_name(actor: str) -> str:
    """How staff pages name an actor: the user name of a colleague, or what kind of job it was."""
    kind, _colon, number = actor.partition(":")
    if kind == "user" and number.isdecimal():
        found = User.objects.filter(pk=int(number)).values_list("username", flat=True).first()
        return found or actor
    if kind == "job":
        return _("a scheduled job")
    return actor or "–"

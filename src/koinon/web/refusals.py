"""Refusals in the reader's words, and the HTTP status of each.

The code stands at the end of every sentence's page, so that a person can read it
to somebody on the telephone.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from koinon.accounting import errors as accounting
from koinon.audit import operations as audit
from koinon.banking import errors as banking
from koinon.campaigns import errors as campaigns
from koinon.casework import errors as casework
from koinon.coproduction import errors as coproduction
from koinon.db import errors as db
from koinon.helpdesk import errors as helpdesk
from koinon.impact import errors as impact
from koinon.instruments import errors as instruments
from koinon.kernel.errors import FindingsError, KoinonError
from koinon.kernel.money import Amount
from koinon.ledger import errors as ledger
from koinon.office import errors as office
from koinon.offline import errors as offline
from koinon.outbox import errors as outbox
from koinon.parties import errors as parties
from koinon.parties.connection import raw
from koinon.payments import errors as payments
from koinon.programmes import errors as programmes
from koinon.treasury import errors as treasury

log = structlog.get_logger("koinon.refusals")

# The nearest type above a refusal decides: 404 for what is not there, 409 for what cannot be done as things stand.
STATUS: dict[type[KoinonError], int] = {
    KoinonError: 409,
    accounting.FundNotFound: 404,
    accounting.OrganisationNotFound: 404,
    accounting.TownPaymentNotFound: 404,
    FindingsError: 422,
    db.DatabaseError: 503,
    casework.ComplaintNotFound: 404,
    casework.DocumentNotFound: 404,
    impact.TargetNotFound: 404,
    impact.TargetNotSound: 422,
    instruments.AuthorisationNotFound: 404,
    instruments.CardNotFound: 404,
    helpdesk.BatchNotFound: 404,
    helpdesk.DocumentNotFound: 404,
    coproduction.ActivityNotFound: 404,
    coproduction.CertificateNotFound: 404,
    coproduction.ContributionNotFound: 404,
    coproduction.ExchangeNotFound: 404,
    coproduction.MemberNotFound: 404,
    coproduction.OccasionNotFound: 404,
    coproduction.TimeBankNotFound: 404,
    banking.AccountNotFound: 404,
    banking.EntryNotFound: 404,
    banking.FileNotFound: 404,
    banking.MatchNotPossible: 422,
    campaigns.CampaignNotFound: 404,
    campaigns.CampaignNotSound: 422,
    ledger.AccountNotFound: 404,
    ledger.HoldNotFound: 404,
    ledger.OriginalNotFound: 404,
    office.FilterNotFound: 404,
    office.UploadNotFound: 404,
    offline.DeviceNotFound: 404,
    offline.KeyNotUsable: 422,
    offline.ShopNotFound: 404,
    offline.TermsNotPossible: 422,
    offline.TooManyVouchers: 422,
    offline.VoucherNotReadable: 422,
    outbox.DeliveryNotFound: 404,
    outbox.EndpointNotFound: 404,
    outbox.NoticeNotFound: 404,
    parties.InvitationNotFound: 404,
    parties.PartyNotFound: 404,
    parties.RightNotFound: 404,
    parties.PersonalDataNotAllowed: 403,
    parties.TownNotFound: 404,
    payments.HoldNotFound: 404,
    payments.PaymentNotFound: 404,
    payments.CashierNotFound: 404,
    payments.ShiftNotFound: 404,
    payments.CashierPinWrong: 403,
    payments.ManagerNeeded: 403,
    payments.RequestNotFound: 404,
    programmes.CycleNotFound: 404,
    programmes.DuplicateNotFound: 404,
    programmes.ExceptionNotFound: 404,
    programmes.ChangeNotFound: 404,
    programmes.FundNotFound: 404,
    programmes.HouseholdNotFound: 404,
    programmes.LineNotFound: 404,
    programmes.ProgrammeNotFound: 404,
    treasury.FundNotFound: 404,
    treasury.PaymentNotFound: 404,
    treasury.RedemptionNotFound: 404,
    treasury.RunNotFound: 404,
    treasury.TopUpNotFound: 404,
    treasury.CallbackNotGenuine: 400,
}

SENTENCES: dict[str, Any] = {
    "pilots.other-town": gettext_lazy("This folder describes another town. Nothing was changed."),
    "pilots.town-fixed": gettext_lazy(
        "The folder names another country, unit or currency than the town's books have. Nothing was changed."
    ),
    "impact.target-same-person": gettext_lazy("Whoever proposed a target cannot confirm it. A second person must."),
    "impact.target-decided": gettext_lazy("Somebody has decided this already. Look at the page again."),
    "impact.target-not-found": gettext_lazy("The town has no such proposed target."),
    "impact.target-not-sound": gettext_lazy("This target cannot be set any more: propose it anew."),
    "campaigns.same-person": gettext_lazy("Whoever drew this up cannot release its money. A second person must."),
    "campaigns.in-other-state": gettext_lazy("Somebody has taken this step already. Look at the page again."),
    "campaigns.code-taken": gettext_lazy("Another campaign has this short name."),
    "campaigns.reserve-short": gettext_lazy(
        "The fund's reserve holds less money than the ceiling. Nothing was issued."
    ),
    "campaigns.budget-exceeded": gettext_lazy("This would issue more than the fund's budget. Nothing was issued."),
    "campaigns.over": gettext_lazy("The campaign's last day has passed."),
    "treasury.topup-not-found": gettext_lazy("The town knows no top-up with this reference."),
    "treasury.topup-return-too-large": gettext_lazy("More was to go back than is left of this top-up."),
    "treasury.topup-not-open": gettext_lazy("This top-up is not waiting for its money any more."),
    "treasury.topup-amount-differs": gettext_lazy("Another amount was announced. Look first, then credit what came."),
    "treasury.topup-already-received": gettext_lazy("This top-up was received before: this is more money for it."),
    "coproduction.rate-in-use": gettext_lazy(
        "Something was paid by the rate or limit of that day. Choose a later day."
    ),
    "coproduction.stream-not-known": gettext_lazy("This is not taken there on that day."),
    "coproduction.occasion-not-open": gettext_lazy("Registering by this code is not possible now."),
    "coproduction.occasion-too-long": gettext_lazy("A code is good for a month at the most."),
    "coproduction.code-not-valid": gettext_lazy("This code was not made by the town."),
    "coproduction.not-for-them": gettext_lazy("This activity is for other residents."),
    "coproduction.day-not-allowed": gettext_lazy(
        "This day is too far back, in the future, or outside the activity's days."
    ),
    "coproduction.quantity-not-plausible": gettext_lazy("This is more than one person can do or bring at once."),
    "coproduction.registered-already": gettext_lazy("You have registered here today already."),
    "coproduction.key-reused": gettext_lazy("This form was sent before with other figures. Open it again."),
    "coproduction.contribution-in-state": gettext_lazy("Somebody has taken this step already. Look at the page again."),
    "coproduction.own-contribution": gettext_lazy(
        "This is yours or your household's. Another coordinator must look at it."
    ),
    "coproduction.same-person": gettext_lazy("You confirmed this. A second coordinator must verify it."),
    "coproduction.reserve-short": gettext_lazy(
        "The fund's reserve holds less money than this needs. Nothing was paid."
    ),
    "coproduction.fund-over": gettext_lazy("The fund's last day has passed. Nothing can be paid from it."),
    "coproduction.reason-missing": gettext_lazy("Say why in a few words."),
    "coproduction.member-not-found": gettext_lazy("No member has this number. Look at every digit again."),
    "coproduction.same-member": gettext_lazy("Nobody gives time to themselves."),
    "coproduction.time-limit": gettext_lazy("This would pass the limit of one of the two members."),
    "coproduction.nothing-to-certify": gettext_lazy("Nothing was verified between these days."),
    "accounting.already-said": gettext_lazy(
        "Something else is on record from that day on. Say it from another day on."
    ),
    "accounting.key-reused": gettext_lazy("This form was sent before with other figures. Open it again."),
    "accounting.only-forward": gettext_lazy("That day is over. Say it from today on, or later."),
    "accounting.same-person": gettext_lazy("Whoever prepared this cannot approve it. A second person must."),
    "accounting.town-payment-in-other-state": gettext_lazy(
        "Somebody has taken this step already. Look at the page again."
    ),
    "ledger.insufficient-funds": gettext_lazy("There is not enough money for this."),
    "ledger.amount-not-positive": gettext_lazy("The amount must be above zero."),
    "ledger.amount-too-large": gettext_lazy("The amount is larger than one movement may be."),
    "ledger.amount-exceeds-original": gettext_lazy("More was to be given back than is left of this sale."),
    "ledger.key-reused": gettext_lazy("This form was sent before with other figures. Open it again."),
    "ledger.ceiling-reached": gettext_lazy("The receiver's account may not hold that much."),
    "parties.personal-data-not-allowed": gettext_lazy(
        "This needs the right to see personal data, which you do not have."
    ),
    "parties.invitation-not-good": gettext_lazy(
        "No invitation waits under this code. Look at every letter again, or ask for a new one."
    ),
    "parties.invitation-not-found": gettext_lazy("This invitation was used or withdrawn already."),
    "parties.own-right": gettext_lazy("Nobody gives themselves a right. Ask a colleague."),
    "parties.same-person": gettext_lazy(
        "Whoever asked for this, or would have it, cannot decide. A second person must."
    ),
    "parties.right-decided": gettext_lazy("Somebody decided on this already, or it waits already."),
    "parties.right-not-found": gettext_lazy("Nobody asked for such a right."),
    "parties.last-officer": gettext_lazy("This is the last officer. Give somebody else the role first."),
    "parties.not-staff": gettext_lazy("This person does not have the role that this needs."),
    "parties.sign-in-taken": gettext_lazy("Somebody signs in by this name or address already."),
    "api.scope-unknown": gettext_lazy("A key may do only what is listed."),
    "api.credential-invalid": gettext_lazy("Such a key cannot be made. Look at its name, its end and what it may do."),
    "api.credential-unknown": gettext_lazy("The town has no such key."),
    "outbox.address-refused": gettext_lazy("Messages cannot be sent to this address. It begins with https://."),
    "casework.complaint-closed": gettext_lazy("This complaint is closed already. It can be opened again."),
    "casework.complaint-not-found": gettext_lazy("The town has no such complaint."),
    "casework.document-not-found": gettext_lazy("This document is not there any more."),
    "casework.document-kind-refused": gettext_lazy("Only PDF, JPEG, PNG and plain text are kept."),
    "casework.document-too-large": gettext_lazy("The file is larger than 5 MB."),
    "casework.too-many-documents": gettext_lazy("No more documents can be attached to this complaint."),
    "casework.words-missing": gettext_lazy("Write what it is about."),
    "casework.words-too-long": gettext_lazy("This is more text than is kept. Attach it as a document."),
    "casework.key-reused": gettext_lazy("This form was sent before with other content. Open it again."),
    "instruments.authorisation-not-found": gettext_lazy("The town knows of nobody who may pay by this."),
    "instruments.authorisation-not-sound": gettext_lazy("This limit or last day cannot be."),
    "instruments.authorisation-over": gettext_lazy("This has ended. Let them pay anew."),
    "instruments.too-many-authorised": gettext_lazy("Three others may pay already. End one first."),
    "helpdesk.number-not-usable": gettext_lazy("This is not a telephone number."),
    "helpdesk.number-shared": gettext_lazy("Somebody else has this number, too. It cannot be told who writes."),
    "helpdesk.name-missing": gettext_lazy("Write the name, in at most 120 letters."),
    "helpdesk.month-not-over": gettext_lazy("A month's statements are written when the month is over."),
    "helpdesk.batch-not-found": gettext_lazy("The town has printed no such letters."),
    "helpdesk.nothing-to-print": gettext_lazy("No letter waits to be printed."),
    "helpdesk.document-not-found": gettext_lazy("This document is not there any more."),
    "instruments.card-not-found": gettext_lazy("The town has no such card."),
    "instruments.not-a-card": gettext_lazy("This is not the code or number of a card. A digit may be wrong."),
    "instruments.card-in-other-state": gettext_lazy("Somebody has taken this step already. Look at the card again."),
    "instruments.card-not-handed-over": gettext_lazy("This card has not been handed to anybody yet."),
    "instruments.card-blocked": gettext_lazy("This card is blocked."),
    "instruments.card-ended": gettext_lazy("This card was replaced or withdrawn. It will not work again."),
    "instruments.card-promised": gettext_lazy("This card was made for somebody else."),
    "instruments.card-not-printable": gettext_lazy("This card was handed over. It cannot be printed again."),
    "instruments.too-many-cards": gettext_lazy("This is more cards than are allowed."),
    "instruments.key-reused": gettext_lazy("This form was sent before with other figures. Open it again."),
    "instruments.pin-weak": gettext_lazy("This PIN is too easy to guess. Choose another one."),
    "instruments.pin-not-set": gettext_lazy("This card has no PIN yet."),
    "instruments.pin-wrong": gettext_lazy("The PIN is wrong."),
    "instruments.pin-locked": gettext_lazy("There were too many wrong PINs. Wait, or choose a new one at the counter."),
    "instruments.phone-not-set-up": gettext_lazy("Choose a PIN first: this account pays by no phone yet."),
    "instruments.code-over": gettext_lazy("This code is over. Let the phone show a new one."),
    "instruments.code-used": gettext_lazy("This code was used already. Let the phone show a new one."),
    "instruments.pin-needed": gettext_lazy("This purchase takes the card's PIN."),
    "instruments.small-terms-not-sound": gettext_lazy("These terms cannot hold."),
    "payments.charge-given-up": gettext_lazy("This charge was given up. It was not paid; begin a new one."),
    "payments.cashier-not-found": gettext_lazy("Nobody of this shop is meant."),
    "payments.cashier-pin-wrong": gettext_lazy("The PIN is wrong."),
    "payments.cashier-must-wait": gettext_lazy("There were too many wrong PINs. Wait, or ask a manager for a new one."),
    "payments.cashier-pin-weak": gettext_lazy("A PIN here has four to six digits that are not all the same."),
    "payments.manager-needed": gettext_lazy("This takes a manager of the shop, and the last one stays."),
    "payments.shift-not-found": gettext_lazy("The shop has no such shift."),
    "instruments.place-must-wait": gettext_lazy("There were too many wrong PINs here. This till must wait."),
    "programmes.same-person": gettext_lazy("Whoever prepared this cannot approve it. A second person must."),
    "programmes.cycle-changed": gettext_lazy("The list is not the one you looked at. Look at it again."),
    "programmes.cycle-stopped": gettext_lazy("Somebody stopped this payment. Resume it first."),
    "programmes.nothing-to-retry": gettext_lazy("Nothing of this month waits for another try."),
    "programmes.cycle-not-in-state": gettext_lazy("Somebody has taken this step already. Look at the page again."),
    "programmes.exception-invalid": gettext_lazy(
        "An exception needs a reason, months in their order, and an amount only where it pays."
    ),
    "programmes.exception-key-reused": gettext_lazy("This form was sent before with other figures. Open it again."),
    "programmes.exception-not-in-state": gettext_lazy("Somebody has taken this step already. Look at the page again."),
    "programmes.exception-overlaps": gettext_lazy(
        "Another exception is in force for this household in one of these months. Withdraw it first."
    ),
    "programmes.exception-same-person": gettext_lazy(
        "Whoever proposed this exception cannot decide on it. A second person must."
    ),
    "programmes.household-not-found": gettext_lazy("The town has no household with this number."),
    "programmes.budget-exceeded": gettext_lazy("All months together would spend more than the fund's budget."),
    "programmes.change-refused": gettext_lazy("The rule of a fund changes forward in time only, and with a reason."),
    "programmes.change-not-withdrawn": gettext_lazy("This change holds already, or another one follows it."),
    "programmes.still-bound": gettext_lazy("This money stays bound until its last day."),
    "programmes.fund-not-over": gettext_lazy("The last day of this money is not over yet."),
    "programmes.reserve-short": gettext_lazy("The reserve holds less money than this month needs. Nothing was paid."),
    "office.changed-since-preview": gettext_lazy("The records changed since you looked. Look at the preview again."),
    "office.nothing-to-do": gettext_lazy("None of the records chosen would change."),
    "office.upload-not-found": gettext_lazy("The file is kept no longer. Send it again."),
    "offline.terms-not-possible": gettext_lazy("The town cannot promise this."),
    "offline.not-switched-on": gettext_lazy("The town has not switched payments without a network on for this shop."),
    "offline.shop-not-found": gettext_lazy("The town has no such shop."),
    "offline.too-many-devices": gettext_lazy("No more tills of this shop may be registered. Withdraw one first."),
    "offline.device-not-found": gettext_lazy("This till is not registered for this shop."),
    "offline.device-revoked": gettext_lazy("This till was withdrawn. Register it anew."),
    "offline.key-not-usable": gettext_lazy("This browser sent a key that the town cannot use."),
    "offline.key-reused": gettext_lazy("This till is registered already, for another shop."),
    "offline.too-many-vouchers": gettext_lazy("This is more than is taken at once. Send it in parts."),
    "offline.voucher-malformed": gettext_lazy("This cannot be read as a payment that a till accepted."),
    "offline.voucher-misplaced": gettext_lazy("This was accepted by another till, or for another town."),
    "offline.signature-wrong": gettext_lazy("This was not signed by this till. Nothing was paid."),
    "payments.amount-not-positive": gettext_lazy("The amount must be above zero."),
    "payments.key-reused": gettext_lazy("This form was sent before with other figures. Open it again."),
    "payments.refund-too-large": gettext_lazy("More was to be given back than is left of this sale."),
    "authorised.day-limit": gettext_lazy("Whoever carries this card has paid as much today as they may."),
    "authorised.last-day-passed": gettext_lazy("The last day of this card has passed."),
    "authorised.ended": gettext_lazy("This card was ended by the household or the town."),
    "payments.not-payable": gettext_lazy("This cannot be paid from these purses."),
    "payments.not-enough": gettext_lazy("There is not enough money for this."),
    "payments.payer-erased": gettext_lazy("The payer's data were erased."),
    "payments.not-a-code-to-pay": gettext_lazy("This is no code by which somebody here is paid. A digit may be wrong."),
    "payments.payee-code-replaced": gettext_lazy("This code was replaced. Ask for the new one."),
    "payments.request-not-genuine": gettext_lazy("This request does not come from the town. Nothing was paid."),
    "payments.request-not-found": gettext_lazy("Nobody asks for money under this number. A digit may be wrong."),
    "payments.request-too-long": gettext_lazy("A request can be paid for a month at the most."),
    "payments.request-paid": gettext_lazy("This request was paid already."),
    "payments.request-withdrawn": gettext_lazy("This request was taken back. Nothing was paid."),
    "payments.request-expired": gettext_lazy("The time for paying this request is over. Ask for a new one."),
    "payments.same-party": gettext_lazy("This request is your own."),
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
    "treasury.payee-changed": gettext_lazy(
        "A shop's account or name changed since the approval. Withdraw the approval, look at the run, "
        "then approve it anew."
    ),
    "banking.entry-matched": gettext_lazy("Somebody has matched this entry already. Look at the page again."),
    "banking.file-not-found": gettext_lazy("The file is no longer kept. Send it again."),
    "banking.preview-outdated": gettext_lazy(
        "Something changed since this was shown. Look at the file again, then import it."
    ),
    "treasury.terms-not-possible": gettext_lazy(
        "These terms cannot be kept. Look at the fee, the days and the schedule."
    ),
    "treasury.other-than-shown": gettext_lazy(
        "A shop's account, name or amount changed while this page was open. Look at the run again, then approve it."
    ),
    "treasury.file-would-differ": gettext_lazy("A shop's name or account changed since this file was first made."),
}


def sentences(refusal: KoinonError) -> list[str]:
    """What a person reads: a sentence for each ground, and the code to quote."""
    known = SENTENCES.get(refusal.code)
    text = str(known) if known else _("This is not possible as things stand.")
    codes = dict.fromkeys(getattr(ground, "code", "") for ground in getattr(refusal, "grounds", ()))
    grounds = [str(SENTENCES[code]) for code in codes if code in SENTENCES]
    return [text, *grounds, _("Code: %(code)s") % {"code": refusal.code}]


def status(refusal: KoinonError) -> int:
    """The HTTP status of a refusal, whether it is answered as a page or as JSON."""
    return next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)


def note(request: HttpRequest, refusal: KoinonError) -> None:
    """Remember what this request was refused, for the audit trail."""
    request.refused = [*getattr(request, "refused", ()), refusal]  # type: ignore[attr-defined]


def record(request: HttpRequest) -> None:
    """Leave an audit line for each refusal of a request that would have changed something.

    The request's own transaction has ended by now, and with it every trace of
    what was refused; this one holds nothing but the lines. Of the refusal's fields
    it keeps opaque ids and amounts.
    """
    refused, grant, match = getattr(request, "refused", ()), getattr(request, "seat", None), request.resolver_match
    if not refused or grant is None or match is None or request.method != "POST":
        return
    try:
        with transaction.atomic():
            for refusal in refused:
                audit.record(
                    raw(),
                    town_id=grant.town_id,
                    actor=grant.user.actor,
                    action="request.refused",
                    subject=f"view:{match.view_name}",
                    reason=refusal.code,
                    after={name: _plain(value) for name, value in refusal.fields.items() if _is_opaque(value)},
                    at=timezone.now(),
                )
    except DatabaseError as failed:  # The answer stands all the same: nothing was changed.
        log.error("refusal not in the trail", kind=type(failed).__name__)


def _is_opaque(value: object) -> bool:
    return isinstance(value, UUID | Amount | int) and not isinstance(value, bool)


def _plain(value: UUID | Amount | int) -> str | int:
    return value if isinstance(value, int) else str(value)

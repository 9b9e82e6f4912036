"""What the bank's pages say for codes: what an entry is, why it is listed, what is wrong in a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy

from koinon.banking.types import MatchKind
from koinon.kernel.decisions import Ground

KINDS: dict[str, Any] = {
    "receipt": gettext_lazy("Euros for a fund"),
    "withdrawal": gettext_lazy("Euros of a fund back to the budget"),
    "topup": gettext_lazy("A top-up"),
    "payout": gettext_lazy("A payout to a shop"),
    "return": gettext_lazy("A payout that came back"),
    "charge": gettext_lazy("A charge of the bank"),
    "own": gettext_lazy("Between the town's own accounts"),
    "other": gettext_lazy("Nothing of the currency's"),
}
COLUMNS: dict[str, Any] = {
    "day": gettext_lazy("Column of the day"),
    "value_day": gettext_lazy("Column of the value day"),
    "amount": gettext_lazy("Column of the amount"),
    "debit": gettext_lazy("Column of what left"),
    "credit": gettext_lazy("Column of what came"),
    "reference": gettext_lazy("Column of the bank's reference"),
    "end_to_end_id": gettext_lazy("Column of the payment's own number"),
    "structured": gettext_lazy("Column of the structured reference"),
    "name": gettext_lazy("Column of the name"),
    "text": gettext_lazy("Column of what was written"),
    "balance": gettext_lazy("Column of the balance"),
    "currency": gettext_lazy("Column of the currency"),
    "return_code": gettext_lazy("Column of why it came back"),
}
# ISO 20022 external status and return reasons that banks give most.
REASONS: dict[str, Any] = {
    "AC01": gettext_lazy("The account number is wrong"),
    "AC04": gettext_lazy("The account is closed"),
    "AC06": gettext_lazy("The account is blocked"),
    "AG01": gettext_lazy("The account takes no such payment"),
    "BE04": gettext_lazy("The payee's address is missing or wrong"),
    "MD07": gettext_lazy("The payee has died"),
    "MS02": gettext_lazy("The payee did not want it"),
    "MS03": gettext_lazy("The bank gave no reason"),
    "RC01": gettext_lazy("The bank's code is wrong"),
    "RR04": gettext_lazy("For a reason of law"),
}
COMES = ("receipt", "topup", "return", "own", "other")
LEAVES = ("payout", "withdrawal", "charge", "own", "other")
STANDING: dict[str, Any] = {"matched": gettext_lazy("Matched"), "listed": gettext_lazy("To be looked at")}
GROUNDS: dict[str, Any] = {
    "entry.not-looked-at": gettext_lazy("Nobody has tried to match it yet."),
    "entry.nothing-recognised": gettext_lazy("Nothing in it names a payout, a top-up or a fund."),
    "entry.reference-unknown": gettext_lazy("No top-up and no fund has this reference."),
    "entry.id-unknown": gettext_lazy("The town has made no payment with this number."),
    "entry.return-unknown": gettext_lazy("Money came back, and it does not say for which payment."),
    "entry.return-names-run": gettext_lazy("Money came back for a whole run; say for which payment."),
    "entry.return-leaves": gettext_lazy("It is marked as a return, but the money left."),
    "entry.amount-differs": gettext_lazy("The amount is not the one that was expected."),
    "entry.bank-reference-reused": gettext_lazy("Another movement has the same bank reference."),
    "entry.several-payments": gettext_lazy("It names several payments."),
    "entry.run-not-sent": gettext_lazy("The run is not with the bank."),
    "entry.payment-rejected": gettext_lazy("The bank had refused this payment."),
    "entry.payment-not-paid": gettext_lazy("This payment is not one that was paid."),
    "entry.payment-unknown": gettext_lazy("Choose the payment."),
    "entry.fund-missing": gettext_lazy("Choose the fund."),
    "entry.reason-missing": gettext_lazy("Say why, in a few words."),
    "entry.nothing-due": gettext_lazy("Nothing of this run is waiting to be paid."),
    "entry.payout-seen": gettext_lazy("Another entry shows this payout already."),
    "entry.return-seen": gettext_lazy("Another entry shows this return already."),
    "entry.receipt-seen": gettext_lazy("Another entry shows this receipt already."),
    "entry.withdrawal-seen": gettext_lazy("Another entry shows this withdrawal already."),
    "entry.topup-seen": gettext_lazy("This top-up was paid before."),
    "entry.refused": gettext_lazy("The books refuse it as things stand."),
    "entry.match-undone": gettext_lazy("Somebody took back what it was matched with."),
    "entry.money-came": gettext_lazy("Money came in, and that needs money that left."),
    "entry.money-left": gettext_lazy("Money left, and that needs money that came."),
}
PARTS: dict[str, Any] = {
    "opening": gettext_lazy("In the account before the first statement"),
    "statements-missing": gettext_lazy("Statements that are missing in between"),
    "listed": gettext_lazy("Entries still to be looked at"),
    "charge": gettext_lazy("Charges of the bank, which the town's budget has to cover"),
    "own": gettext_lazy("Between the town's own accounts"),
    "other": gettext_lazy("Nothing of the currency's"),
    "receipt-not-seen": gettext_lazy("Received by the books, and on no statement"),
    "withdrawal-not-seen": gettext_lazy("Taken back by the books, and on no statement"),
    "topup-not-seen": gettext_lazy("Top-ups on the books, and on no statement"),
    "payout-not-seen": gettext_lazy("Paid out by the books, and on no statement"),
    "return-not-seen": gettext_lazy("Come back by the books, and on no statement"),
}
OUTCOMES: dict[str, Any] = {
    "rejected": gettext_lazy("Refused by the bank; it waits for the next run"),
    "noted": gettext_lazy("Noted; paid is what the statement shows"),
    "answer.payment-unknown": gettext_lazy("The town has made no such payment"),
    "answer.rejected-already": gettext_lazy("Refused before"),
    "answer.payment-not-due": gettext_lazy("Not waiting to be paid"),
}
FINDINGS: dict[str, tuple[Any, Any]] = {
    "bank.file-too-large": (
        gettext_lazy("The file is larger than 10 MB."),
        gettext_lazy("Ask the bank for a shorter period."),
    ),
    "bank.file-empty": (gettext_lazy("The file is empty."), gettext_lazy("Download it from the bank again.")),
    "bank.file-unknown": (
        gettext_lazy("This is neither a camt.053 statement nor a pain.002 report nor a table of movements."),
        gettext_lazy("Download the statement as camt.053, or as CSV."),
    ),
    "bank.version-unknown": (
        gettext_lazy("This version of the format is not read."),
        gettext_lazy("Ask the bank for camt.053.001.02 or .08, or pain.002.001.03 or .10."),
    ),
    "bank.xml-broken": (
        gettext_lazy("The XML is broken or in another encoding than it says."),
        gettext_lazy("Download it again, and do not edit it."),
    ),
    "bank.xml-declares": (
        gettext_lazy("The XML declares types or entities, which no bank does."),
        gettext_lazy("Do not import this file."),
    ),
    "bank.xml-nested": (
        gettext_lazy("The XML is nested deeper or has more elements than any statement."),
        gettext_lazy("Do not import this file."),
    ),
    "bank.entries-too-many": (
        gettext_lazy("The file has more than 20,000 movements."),
        gettext_lazy("Ask the bank for a shorter period."),
    ),
    "bank.field-missing": (
        gettext_lazy("A field that every statement has is missing."),
        gettext_lazy("Download the statement again."),
    ),
    "bank.text-too-long": (
        gettext_lazy("A reference is longer than the format allows."),
        gettext_lazy("Ask the bank for a correct file."),
    ),
    "bank.amount-invalid": (
        gettext_lazy("The amount is negative, zero, too large, or has more decimals than the currency."),
        gettext_lazy("Ask the bank for a correct file."),
    ),
    "bank.currency-differs": (
        gettext_lazy("The amount is in another currency than the account."),
        gettext_lazy("Import statements of the town's own currency only."),
    ),
    "bank.day-invalid": (
        gettext_lazy("This is not a day."),
        gettext_lazy("Write days as 2026-12-31 or 31/12/2026."),
    ),
    "bank.day-in-future": (
        gettext_lazy("The day lies in the future or more than ten years back."),
        gettext_lazy("Ask the bank for a correct file."),
    ),
    "bank.direction-invalid": (
        gettext_lazy("Neither a credit nor a debit."),
        gettext_lazy("Ask the bank for a correct file."),
    ),
    "bank.balance-differs": (
        gettext_lazy("The opening balance and the movements do not add up to the closing balance."),
        gettext_lazy("The file is incomplete: download it again."),
    ),
    "bank.details-differ": (
        gettext_lazy("The single payments of a batch do not add up to its amount."),
        gettext_lazy("Ask the bank for a correct file."),
    ),
    "bank.account-unknown": (
        gettext_lazy("The statement is of an account that is not the town's."),
        gettext_lazy("Add the account first, or look for the right file."),
    ),
    "bank.account-needed": (
        gettext_lazy("The file does not say which account it is of."),
        gettext_lazy("Say which of the town's accounts it is."),
    ),
    "bank.account-differs": (
        gettext_lazy("The statement is of another account than the one chosen."),
        gettext_lazy("Choose the right account."),
    ),
    "bank.format-mixed": (
        gettext_lazy(
            "These days of the account were imported in another format, in which the same movements look different."
        ),
        gettext_lazy("Import an account's statements in one format."),
    ),
    "bank.status-invalid": (
        gettext_lazy("This is not a status of a payment."),
        gettext_lazy("Ask the bank for a correct file."),
    ),
    "bank.heading-missing": (
        gettext_lazy("A column is missing: a day, and an amount or a debit and a credit, are needed."),
        gettext_lazy("Say how this bank's columns are called."),
    ),
    "bank.encoding-unknown": (
        gettext_lazy("The text is in no encoding that is read."),
        gettext_lazy("Save the table as UTF-8."),
    ),
    "bank.row-uneven": (
        gettext_lazy("The row has more cells than there are headings."),
        gettext_lazy("Download the table again."),
    ),
}


def kinds(found: Iterable[MatchKind]) -> list[str]:
    """What an entry is made of, each kind once: "A payout to a shop × 144"."""
    return [f"{KINDS[kind]} × {often}" if often > 1 else str(KINDS[kind]) for kind, often in Counter(found).items()]


def ground(found: Ground) -> str:
    """Why an entry is listed."""
    known = GROUNDS.get(found.code)
    return str(known) if known else found.code

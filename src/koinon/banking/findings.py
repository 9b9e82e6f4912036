"""What may be wrong with a bank's file: a code for each, with what to say and what to do."""

from __future__ import annotations

from koinon.kernel.decisions import Finding

# code: (what is wrong, what to do)
KNOWN: dict[str, tuple[str, str]] = {
    "bank.file-too-large": ("The file is larger than 10 MB.", "Ask the bank for a shorter period."),
    "bank.file-empty": ("The file is empty.", "Download it from the bank again."),
    "bank.file-unknown": (
        "This is neither a camt.053 statement nor a pain.002 report nor a table of movements.",
        "Download the statement as camt.053, or as CSV.",
    ),
    "bank.version-unknown": (
        "This version of the format is not read.",
        "Ask the bank for camt.053.001.02 or .08, or pain.002.001.03 or .10.",
    ),
    "bank.xml-broken": (
        "The XML is broken or in another encoding than it says.",
        "Download it again, and do not edit it.",
    ),
    "bank.xml-declares": ("The XML declares types or entities, which no bank does.", "Do not import this file."),
    "bank.xml-nested": (
        "The XML is nested deeper or has more elements than any statement.",
        "Do not import this file.",
    ),
    "bank.entries-too-many": ("The file has more than 20,000 movements.", "Ask the bank for a shorter period."),
    "bank.field-missing": ("A field that every statement has is missing.", "Download the statement again."),
    "bank.text-too-long": ("A reference is longer than the format allows.", "Ask the bank for a correct file."),
    "bank.amount-invalid": (
        "The amount is negative, zero, too large, or has more decimals than the currency.",
        "Ask the bank for a correct file.",
    ),
    "bank.currency-differs": (
        "The amount is in another currency than the account.",
        "Import statements of the town's own currency only.",
    ),
    "bank.day-invalid": ("This is not a day.", "Write days as 2026-12-31 or 31/12/2026."),
    "bank.day-in-future": (
        "The day lies in the future or more than ten years back.",
        "Ask the bank for a correct file.",
    ),
    "bank.direction-invalid": ("Neither a credit nor a debit.", "Ask the bank for a correct file."),
    "bank.balance-differs": (
        "The opening balance and the movements do not add up to the closing balance.",
        "The file is incomplete: download it again.",
    ),
    "bank.details-differ": (
        "The single payments of a batch do not add up to its amount.",
        "Ask the bank for a correct file.",
    ),
    "bank.account-unknown": (
        "The statement is of an account that is not the town's.",
        "Add the account first, or look for the right file.",
    ),
    "bank.account-needed": (
        "The file does not say which account it is of.",
        "Say which of the town's accounts it is.",
    ),
    "bank.account-differs": ("The statement is of another account than the one chosen.", "Choose the right account."),
    "bank.format-mixed": (
        "These days of the account were imported in another format, in which the same movements look different.",
        "Import an account's statements in one format.",
    ),
    "bank.status-invalid": ("This is not a status of a payment.", "Ask the bank for a correct file."),
    "bank.heading-missing": (
        "A column is missing: a day, and an amount or a debit and a credit, are needed.",
        "Say how this bank's columns are called.",
    ),
    "bank.encoding-unknown": ("The text is in no encoding that is read.", "Save the table as UTF-8."),
    "bank.row-uneven": ("The row has more cells than there are headings.", "Download the table again."),
}


def finding(code: str, *, row: int = 0, column: str = "", file: str = "") -> Finding:
    """A finding at its place: the number of the movement, or the row of the table."""
    message, remedy = KNOWN[code]
    return Finding(file=file, row=row, column=column, code=code, message=message, remedy=remedy)

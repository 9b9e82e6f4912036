"""The words of the report, and what each figure means. One place, so that they can be read against the glossary."""

from __future__ import annotations

from typing import Final, NamedTuple

from koinon.impact.tracing.types import UNKNOWN, UNKNOWN_ORIGIN, Convention


class Words(NamedTuple):
    name: str
    short: str
    meaning: str


CONVENTIONS: Final = {
    Convention.FIFO: Words(
        "first in, first out",
        "first in, first out",
        "Whoever pays, pays with the units they have had longest. Amounts are exact to the last minor unit.",
    ),
    Convention.LIFO: Words(
        "last in, first out",
        "last in, first out",
        "Whoever pays, pays with the units that came last. Amounts are exact to the last minor unit.",
    ),
    Convention.MIXING: Words(
        "proportional mixing",
        "mixing",
        "Whoever pays, pays with the same mixture that is in the purse. Amounts are exact to about a billionth.",
    ),
}

DIMENSIONS: Final = {
    "zone": "zone",
    "sector": "sector",
    "legal_form": "legal form",
    "sse": "social economy",
    "size": "size",
    "kind": "kind of holder",
    "part": "part in circulation",
}

ENDINGS: Final = {
    "issued": "issued",
    UNKNOWN_ORIGIN: "of unknown origin",
    "redeemed": "redeemed",
    "expired": "run out",
    "withdrawn": "taken back",
    "held": "still held",
}

ANCHORS: Final = {"redeemed": "redeemed", "expired": "expired", "withdrawn": "withdrawn", "held": "heldnow"}

PLAIN: Final = {UNKNOWN: "not known", "sse": "social enterprises"}

HOPS: Final = ("no payment", "1 payment", "2 payments", "3 payments", "4 payments or more")

DEFINITIONS: Final = {
    "issued": ("Issued", "Units that came into circulation in the period: from an issuing account to anybody else."),
    "volume": (
        "Paid on, in all",
        (
            "The value of all payments between two different holders. Issuing, redeeming, running out and payments to oneself "
            "are none; what was given back is taken out again."
        ),
    ),
    "multiplier": (
        "Multiplier",
        (
            "What was paid on, divided by what came in: how many payments each unit was part of. The same under every "
            "convention for the whole; how it divides over cohorts depends on the convention. It says nothing of what would "
            "have been bought anyway. Undefined, and shown as a dash, when nothing came in."
        ),
    ),
    "cohort": (
        "Cohort",
        "Units that were issued together, by the file's own word or in the same month. All are followed at once.",
    ),
    "redeemed": ("Redeemed", "Units that somebody turned back into money and that left circulation."),
    "expired": ("Run out", "Units whose last day passed before they were spent."),
    "withdrawn": ("Taken back", "Units that went back to the account that issued them."),
    "heldnow": (
        "Still held",
        "Units that lie in some account when the file ends. Issued = redeemed + run out + taken back + still held.",
    ),
    "hops": (
        "Payments before it left",
        (
            "How many payments a unit was part of from its issue until it was redeemed or ran out; the mean is over what left. "
            "What is still held may be paid on yet and is told apart."
        ),
    ),
    "exit": (
        "Days until it left",
        (
            "From issue to redemption or running out, over what left in the period. What has not left yet is not in it, so the "
            "figure grows as a file grows longer."
        ),
    ),
    "held": (
        "How long it was held",
        "The time that units lay in one account before they moved on, by the number of payments before.",
    ),
    "reach": (
        "Where it arrived",
        (
            "What arrived at accounts of a group with the first, second, third and fourth payment after issue. A unit that is "
            "paid on within a group counts again with each payment."
        ),
    ),
    "flow": (
        "From whom to whom",
        (
            "Sums of transfers by the group of the payer and of the payee, with issues, redemptions, what ran out and what is "
            "still held. The same under every convention."
        ),
    ),
    "sse": (
        "Through social enterprises",
        (
            "The share of what came in that reached an organisation of the social and solidarity economy with at least one "
            "payment. Each unit counts once."
        ),
    ),
    "zone": (
        "Stayed in its zone",
        "The share of what came in that was paid at least once, and each time between two accounts of the same zone.",
    ),
    "way": (
        "Ways it took",
        (
            "The groups that units passed through one after another. Told only where enough different accounts stand at each "
            "step, and where no single one makes up nearly all of it."
        ),
    ),
    "convention": (
        "Convention",
        (
            "Units in a purse cannot be told apart. Which of them a payment takes is decided by a rule, and honest figures name "
            "it. What is the same under every rule is the truth of the file; what differs is how it is attributed."
        ),
    ),
}

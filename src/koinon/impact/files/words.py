"""The words of the report, and what each figure means. One place, so that they can be read against the glossary."""

from __future__ import annotations

from typing import Final, NamedTuple

from koinon.impact.files.disclosure import FURTHER, SMALL
from koinon.impact.files.speech import gettext_noop as _
from koinon.impact.files.speech import pgettext_noop as pgettext
from koinon.impact.tracing.types import UNKNOWN, UNKNOWN_ORIGIN, Convention


class Words(NamedTuple):
    name: str
    short: str
    meaning: str


CONVENTIONS: Final = {
    Convention.FIFO: Words(
        _("first in, first out"),
        _("first in, first out"),
        _("Whoever pays, pays with the units they have had longest. Amounts are exact to the last minor unit."),
    ),
    Convention.LIFO: Words(
        _("last in, first out"),
        _("last in, first out"),
        _("Whoever pays, pays with the units that came last. Amounts are exact to the last minor unit."),
    ),
    Convention.MIXING: Words(
        _("proportional mixing"),
        _("mixing"),
        _("Whoever pays, pays with the same mixture that is in the purse. Amounts are exact to about a billionth."),
    ),
}

DIMENSIONS: Final = {
    "zone": _("zone"),
    "sector": _("sector"),
    "legal_form": _("legal form"),
    "sse": _("social economy"),
    "size": _("size"),
    "kind": _("kind of holder"),
    "part": _("part in circulation"),
}

ENDINGS: Final = {
    "issued": _("issued"),
    UNKNOWN_ORIGIN: _("of unknown origin"),
    "redeemed": _("redeemed"),
    "expired": _("run out"),
    "withdrawn": pgettext("units", "taken back"),
    "held": _("still held"),
}

ANCHORS: Final = {"redeemed": "redeemed", "expired": "expired", "withdrawn": "withdrawn", "held": "heldnow"}

PLAIN: Final = {
    UNKNOWN: _("not known"),
    "sse": _("social enterprises"),
    "other": pgettext("enterprises", "other"),
    "first holders": _("first holders"),
    "others": pgettext("holders", "others"),
    SMALL: _("small groups"),
    FURTHER: _("further cohorts"),
}

COHORTS: Final = {"all": _("everything issued"), "(not said)": _("(not said)")}

HOPS: Final = (_("no payment"), _("1 payment"), _("2 payments"), _("3 payments"), _("4 payments or more"))

DEFINITIONS: Final = {
    "issued": (
        _("Issued"),
        _("Units that came into circulation in the period: from an issuing account to anybody else."),
    ),
    "volume": (
        _("Paid on, in all"),
        (
            _(
                "The value of all payments between two different holders. Issuing, redeeming, running out and payments to oneself "
                "are none; what was given back is taken out again."
            )
        ),
    ),
    "multiplier": (
        _("Multiplier"),
        (
            _(
                "What was paid on, divided by what came in: how many payments each unit was part of. The same under every "
                "convention for the whole; how it divides over cohorts depends on the convention. It says nothing of what would "
                "have been bought anyway. Undefined, and shown as a dash, when nothing came in."
            )
        ),
    ),
    "cohort": (
        _("Cohort"),
        _("Units that were issued together, by the file's own word or in the same month. All are followed at once."),
    ),
    "redeemed": (_("Redeemed"), _("Units that somebody turned back into money and that left circulation.")),
    "expired": (_("Run out"), _("Units whose last day passed before they were redeemed.")),
    "withdrawn": (pgettext("units", "Taken back"), _("Units that went back to the account that issued them.")),
    "heldnow": (
        _("Still held"),
        _("Units that lie in some account when the file ends. Issued = redeemed + run out + taken back + still held."),
    ),
    "hops": (
        _("Payments before it left"),
        (
            _(
                "How many payments a unit was part of from its issue until it was redeemed or ran out; the mean is over what left. "
                "What is still held may be paid on yet and is told apart."
            )
        ),
    ),
    "exit": (
        _("Days until it left"),
        (
            _(
                "From issue to redemption or running out, over what left in the period. What has not left yet is not in it, so the "
                "figure grows as a file grows longer."
            )
        ),
    ),
    "held": (
        _("How long it was held"),
        _("The time that units lay in one account before they moved on, by the number of payments before."),
    ),
    "reach": (
        _("Where it arrived"),
        (
            _(
                "What arrived at accounts of a group with the first, second, third and fourth payment after issue. A unit that is "
                "paid on within a group counts again with each payment."
            )
        ),
    ),
    "flow": (
        _("From whom to whom"),
        (
            _(
                "Sums of transfers by the group of the payer and of the payee, with issues, redemptions, what ran out and what is "
                "still held. The same under every convention."
            )
        ),
    ),
    "sse": (
        _("Through social enterprises"),
        (
            _(
                "The share of what came in that reached an organisation of the social and solidarity economy with at least one "
                "payment. Each unit counts once."
            )
        ),
    ),
    "zone": (
        _("Stayed in its zone"),
        _(
            "The share of what came in that was paid at least once, and each time between two accounts of the same zone."
        ),
    ),
    "way": (
        _("Ways it took"),
        (
            _(
                "The groups that units passed through one after another. Told only where enough different accounts stand at each "
                "step, and where no single one makes up nearly all of it."
            )
        ),
    ),
    "convention": (
        _("Convention"),
        (
            _(
                "Units in a purse cannot be told apart. Which of them a payment takes is decided by a rule, and honest figures name "
                "it. What is the same under every rule is the truth of the file; what differs is how it is attributed."
            )
        ),
    ),
}

AFTER: Final = (
    _("before the first payment"),
    _("after 1 payment"),
    _("after 2 payments"),
    _("after 3 payments"),
    _("after 4 payments or more"),
)

WITH_PAYMENT: Final = (_("1st payment"), _("2nd payment"), _("3rd payment"), _("4th payment"))

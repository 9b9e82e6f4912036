"""What the public indicators mean, for citizens: what is computed, what counts, how it can mislead, where it comes from.

The full definition of each stands in docs/indicators; the key is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from koinon.impact.indicators.catalogue import BY_KEY, Entry


@dataclass(frozen=True, slots=True)
class Explained:
    """One page in words. Each is translated where it is shown."""

    key: str
    plain: Any
    formula: Any
    counts: Any
    misleads: tuple[Any, ...]
    source: str

    @property
    def entry(self) -> Entry:
        return BY_KEY[self.key]

    @property
    def slug(self) -> str:
        return self.key.replace("_", "-")


_ALL = (
    Explained(
        "lm3",
        _("Public money makes income when it is spent here, and again when whoever received it spends it here. This adds up the first three rounds."),
        _("what was issued + what of it was paid at least once + what of it was paid at least twice, over what was issued"),
        _("Each unit is followed from the purse that first had it. The first units that come into a purse are the first to leave it. What shops redeem counts as gone, although they spend part of it in the town: the true figure is higher."),
        (
            _("Money of last month has had one round only. Compare months of the same age."),
            _("2.1 does not mean that the town is 2.1 times richer: it counts spending, and not what would have been spent anyway."),
        ),
        "Sacks, The Money Trail, New Economics Foundation, 2002",
    ),
    Explained(
        "retention",
        _("Of what arrives in each round, the part that is paid on here."),
        _("what was paid at least once more ÷ what arrived in the round"),
        _("Round 0 is what residents were given, round 1 what their shops received, round 2 what those shops' suppliers received."),
        (
            _("What a shop still holds counts as not paid on: a young month looks poor."),
            _("What shops spend in national money after redeeming is not seen."),
        ),
        "Koinon; the rounds are those of Sacks, The Money Trail, 2002",
    ),
    Explained(
        "leakage",
        _("After how many payments money left the currency, by being redeemed or by expiring."),
        _("what left after so many payments ÷ what was issued"),
        _("Everything that was issued: what has not left is still held."),
        (
            _("Redeeming is no failure: a shop that could not would not accept the currency."),
            _("Leaving the currency is not leaving the town."),
        ),
        "Mattsson and Takes, Trajectories through temporal networks, Applied Network Science 6, 2021",
    ),
    Explained(
        "b2b_depth",
        _("How often a unit that a resident spends is then paid from one business to another."),
        _("payments between businesses ÷ residents' payments to businesses"),
        _("Whoever holds a till is a business. What a business moves between its own tills does not count, and neither do refunds."),
        (
            _("Two businesses that pay each other round and round look deep. The number of suppliers shows it."),
            _("In a month with little aid shops spend what they took before, and the figure jumps."),
        ),
        "Koinon; JRFM 14(9):430, 3.1, divides the same payments by income",
    ),
    Explained(
        "unspent",
        _("Of all that households were given for a purpose: what was spent, what expired, what still waits in purses."),
        _("what is still in purses ÷ what was given"),
        _("Aid, rewards, bonuses and top-ups since the first unit. Money without a purpose, such as a shop's takings, is left out."),
        (
            _("Before a fund's last day a large share says little."),
            _("A lost card, too few shops or aid that was not needed look alike. Ask before judging."),
        ),
        "Koinon",
    ),
    Explained(
        "shop_reach",
        _("What part of the businesses that take the currency received any in the month."),
        _("businesses that received something ÷ businesses that have a till"),
        _("Shown of numbers of businesses rounded to 5, so that the exact number does not follow."),
        (
            _("One cent is enough to be reached. Read it beside the concentration of receipts."),
            _("What households may buy decides it as much as where they go."),
        ),
        "Koinon",
    ),
    Explained(
        "active_shops",
        _("How many businesses received more than they gave back in the month."),
        _("the number of them, rounded to 5"),
        _("Two tills of one business count once."),
        (_("One payment makes a business active."),),
        "Koinon",
    ),
    Explained(
        "concentration",
        _("Whether the money goes to many businesses or to a few: from close to 0 (very many alike) to 1 (one has everything)."),
        _("the sum of the squares of each business's share of receipts"),
        _("Beside it: how many businesses of equal size would be as concentrated."),
        (
            _("In a village with four shops 0.25 is the best there can be."),
            _("It does not say who the large ones are: it may be a co-operative that the town wishes to be large."),
        ),
        "Hirschman, American Economic Review 54(5), 1964",
    ),
    Explained(
        "zone_equity",
        _("How evenly the money is spent over the neighbourhoods, for each of their residents: 0 when each gets the same."),
        _("for each neighbourhood, its share of receipts × the logarithm of that share over its share of residents; added up"),
        _("The number of residents and its source are the town's. The index is hidden when a neighbourhood's receipts are."),
        (
            _("It says where money is spent, not where those who spend it live."),
            _("Fair need not mean equal: a town may want its poorest neighbourhood to get most."),
        ),
        "Theil, Economics and Information Theory, 1967, chapter 4",
    ),
    Explained(
        "cost_per_unit",
        _("What an hour, a kilogram or a session that residents contributed cost the town."),
        _("(rewards + running costs) ÷ what was verified"),
        _("What coordinators verified in the month. Running costs are those the town has written down, with their source."),
        (
            _("Without running costs it says what the town pays people, not what the thing costs."),
            _("Cheap is not good: ask what the hour was for."),
        ),
        "Koinon",
    ),
    Explained(
        "environment",
        _("Kilograms that residents separated or gave to be used again, and what that spares the climate."),
        _("kilograms × the factor of their material, from a dated source"),
        _("What coordinators weighed and verified. A material without a factor has kilograms and no CO2."),
        (
            _("What would have been separated anyway is in it."),
            _("A factor is an average of some country and year."),
        ),
        "Koinon; each factor names its own source",
    ),
)  # fmt: skip

BY_SLUG = {one.slug: one for one in _ALL}

# Pages that were there first, by the key of their indicator: each has a template of its own.
_OLDER = {
    "units": "units",
    "multiplier": "multiplier",
    "recirculation": "recirculation",
    "velocity": "velocity",
    "days_to_first_spend": "days-to-first-spend",
    "share_by_zone": "share-by-neighbourhood",
    "share_by_sse": "share-by-social-economy",
}


def slug_of(key: str) -> str:
    """The address of the page that explains an indicator."""
    return _OLDER.get(key) or next(one.slug for one in _ALL if one.key == key)

"""Every indicator, once: what it is called, what it asks, its unit, where it comes from and what recomputes it.

Reports, pages and tests walk this list; an indicator that is not in it does not exist. The key is the name of
the module beside this one and of its page, docs/indicators/<key>.md. Sentences are in English here and are
translated where they are shown: ``gettext(entry.title)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase


def gettext_noop(sentence: str) -> str:
    """Marks a sentence for translators. Django's own asks for settings, which a researcher's script has none of."""
    return sentence


class Unit(StrEnum):
    """What a figure is counted in. Ratios and shares have none; a share lies between 0 and 1."""

    RATIO = "ratio"
    SHARE = "share"
    INDEX = "index"
    PER_YEAR = "per-year"
    DAYS = "days"
    COUNT = "count"
    MONEY = "money"
    MONEY_PER_PERSON = "money-per-person"
    MONEY_PER_UNIT = "money-per-unit"
    KILOGRAMS = "kilograms"


class Source(StrEnum):
    """Where an indicator's material comes from."""

    BOOKS = "books"  # SQL over the town's ledger
    TRACE = "trace"  # the tracing engine, over the same ledger
    CONTRIBUTIONS = "contributions"  # what coordinators verified
    SURVEY = "survey"  # answers of a sample, in a file: comes with an interval
    APPRAISAL = "appraisal"  # judgements with evidence, in a file: comes with a range


class Better(StrEnum):
    """Which way is good news; ``NEITHER`` where that depends on what a town wants."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Entry:
    """One indicator. ``public``: a figure of it may be published, after disclosure control; else it is the staff's.

    ``statements`` are the SQL files in impact/sql that read its material, ``parts`` what its figures are called beside
    the whole.
    """

    key: str
    symbol: str
    title: str
    asks: str
    unit: Unit
    source: Source
    better: Better
    public: bool = True
    statements: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    def has(self, part: str) -> bool:
        """Whether a figure of it may be called so: "" for the whole, or a part; in ``parts`` a star stands for a code."""
        return part == "" or any(fnmatchcase(part, pattern) for pattern in self.parts)

    @property
    def page(self) -> str:
        """Its page, from the root of the documents."""
        return f"indicators/{self.key}.md"

    @property
    def module(self) -> str:
        return f"koinon.impact.indicators.{self.key}"

    def command(self, town: str, first: str, last: str) -> str:
        """What anybody with the books (or the file) types to compute the figure of these months again.

        A trace is told as it stood when the last month ended, which only a report does.
        """
        months = f"--month {first}" if last == first else f"--month {first} --to {last}"
        match self.source:
            case Source.SURVEY:
                return f"koinon impact survey ANSWERS.csv --town {town} {months}"
            case Source.APPRAISAL:
                return "koinon impact sroi OUTCOMES.toml"
            case Source.TRACE:
                return f"koinon impact report --town {town} {months.replace('--month', '--from')} --for house --json"
            case _:
                return f"koinon impact indicators {self.key} --town {town} {months}"


_ = gettext_noop

CATALOGUE: tuple[Entry, ...] = (
    Entry(
        "units",
        "",
        _("Units"),
        _("What was issued, spent, redeemed, expired, and is outstanding?"),
        Unit.MONEY,
        Source.BOOKS,
        Better.NEITHER,
        statements=("flows",),
        parts=("issued", "spent", "refunded", "redeemed", "expired", "outstanding-start"),
    ),
    Entry(
        "multiplier",
        "M",
        _("Local multiplier"),
        _("How often is each issued unit paid on?"),
        Unit.RATIO,
        Source.BOOKS,
        Better.HIGHER,
        statements=("flows",),
    ),
    Entry(
        "recirculation",
        "R",
        _("Recirculation"),
        _("How much of what businesses take do they spend in the currency?"),
        Unit.SHARE,
        Source.BOOKS,
        Better.HIGHER,
        statements=("flows",),
    ),
    Entry(
        "velocity",
        "v",
        _("Velocity"),
        _("How often does a unit change hands, a year?"),
        Unit.PER_YEAR,
        Source.BOOKS,
        Better.HIGHER,
        statements=("flows",),
    ),
    Entry(
        "lm3",
        "LM3",
        _("Local multiplier over three rounds"),
        _("How much local income does each unit of public money make in its first three rounds?"),
        Unit.RATIO,
        Source.TRACE,
        Better.HIGHER,
        parts=("cohort:*",),
    ),
    Entry(
        "retention",
        "",
        _("Retention by round"),
        _("Of what arrives in each round, how much is paid on locally?"),
        Unit.SHARE,
        Source.TRACE,
        Better.HIGHER,
        parts=("hop:*",),
    ),
    Entry(
        "leakage",
        "",
        _("Leakage by round"),
        _("After how many payments does money leave the currency?"),
        Unit.SHARE,
        Source.TRACE,
        Better.LOWER,
        parts=("hop:*", "beyond"),
    ),
    Entry(
        "local_share",
        "",
        _("Local share after redemption"),
        _("Of the money shops redeem, how much do they spend in the town anyway?"),
        Unit.SHARE,
        Source.SURVEY,
        Better.HIGHER,
    ),
    Entry(
        "days_to_first_spend",
        "",
        _("Days to the first purchase"),
        _("How soon does aid reach a shop?"),
        Unit.DAYS,
        Source.BOOKS,
        Better.LOWER,
        statements=("first_spend",),
        parts=("purses", "spent"),
    ),
    Entry(
        "unspent",
        "",
        _("Unspent and expired"),
        _("How much of what households were given was spent, expired, or still waits?"),
        Unit.SHARE,
        Source.BOOKS,
        Better.LOWER,
        statements=("fund_use",),
        parts=("spent", "expired", "fund:*"),
    ),
    Entry(
        "shop_reach",
        "",
        _("Reach of shops"),
        _("What part of the businesses that accept the currency did it reach?"),
        Unit.SHARE,
        Source.BOOKS,
        Better.HIGHER,
        statements=("receipts",),
        parts=("reached", "accepting"),
    ),
    Entry(
        "active_shops",
        "",
        _("Active shops"),
        _("How many businesses took it?"),
        Unit.COUNT,
        Source.BOOKS,
        Better.HIGHER,
        statements=("receipts",),
    ),
    Entry(
        "concentration",
        "HHI",
        _("Concentration of receipts"),
        _("Does the money go to many businesses or to a few?"),
        Unit.INDEX,
        Source.BOOKS,
        Better.LOWER,
        statements=("receipts",),
        parts=("equals",),
    ),
    Entry(
        "share_by_sse",
        "",
        _("Share of the social economy"),
        _("How much reaches the social and solidarity economy?"),
        Unit.SHARE,
        Source.BOOKS,
        Better.HIGHER,
        statements=("receipts",),
        parts=("other",),
    ),
    Entry(
        "share_by_zone",
        "",
        _("Share by neighbourhood"),
        _("In which neighbourhoods does it arrive?"),
        Unit.SHARE,
        Source.BOOKS,
        Better.NEITHER,
        statements=("receipts", "zones"),
        parts=("zone:*",),
    ),
    Entry(
        "zone_equity",
        "T",
        _("Equity between neighbourhoods"),
        _("How evenly, for each resident, does the money reach the neighbourhoods?"),
        Unit.INDEX,
        Source.BOOKS,
        Better.LOWER,
        statements=("receipts", "zone_residents"),
        parts=("most", "zone:*"),
    ),
    Entry(
        "b2b_depth",
        "",
        _("Depth of supply"),
        _("How far does a unit spent in a shop go from business to business?"),
        Unit.RATIO,
        Source.BOOKS,
        Better.HIGHER,
        statements=("supply",),
        parts=("of-spending", "buying", "suppliers"),
    ),
    Entry(
        "price_signals",
        "",
        _("Price signals"),
        _("At which shops do purchases paid with aid cost more than those paid with own money?"),
        Unit.COUNT,
        Source.BOOKS,
        Better.LOWER,
        public=False,
        statements=("baskets",),
        parts=("compared", "too-few", "shop:*"),
    ),
    Entry(
        "cost_per_unit",
        "",
        _("Cost of each unit delivered"),
        _("What did each verified hour, kilogram or session cost?"),
        Unit.MONEY_PER_UNIT,
        Source.CONTRIBUTIONS,
        Better.LOWER,
        statements=("delivered",),
        parts=("activity:*",),
    ),
    Entry(
        "environment",
        "",
        _("Material kept out of waste"),
        _("How many kilograms were separated or used again, and what does that spare the climate?"),
        Unit.KILOGRAMS,
        Source.CONTRIBUTIONS,
        Better.HIGHER,
        statements=("delivered", "conversion_factors"),
        parts=("reused", "co2e", "stream:*"),
    ),
    Entry(
        "sroi",
        "SROI",
        _("Social return on investment"),
        _("What change, in money's terms, does each unit invested bring, after what would have happened anyway?"),
        Unit.RATIO,
        Source.APPRAISAL,
        Better.HIGHER,
    ),
)

BY_KEY: dict[str, Entry] = {entry.key: entry for entry in CATALOGUE}

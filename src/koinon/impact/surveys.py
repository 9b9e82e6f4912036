"""A survey of shops beside the ledger: answers weighted by what each sector redeemed, and LM3 completed by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from psycopg import Connection

from koinon.db.statements import many, statement
from koinon.impact.figures import Figure, Period
from koinon.impact.indicators.catalogue import Unit
from koinon.impact.indicators.lm3 import lm3
from koinon.impact.indicators.local_share import DRAWS, Estimate, local_share
from koinon.impact.measures import Answer, Hops, Traced, hops_of
from koinon.impact.town.queries import followed

_PACKAGE = "koinon.impact"


@dataclass(frozen=True, slots=True)
class _Redeemed:
    division: str
    minor: int


@dataclass(frozen=True, slots=True)
class Surveyed:
    """``lm3`` with the interval that the survey's gives it, ``ledger`` the ledger's own.

    ``weights`` in minor units by stratum, None where the strata are not divisions of NACE; ``left_out`` are divisions
    that redeemed and from which nobody answered.
    """

    estimate: Estimate
    weights: dict[str, int] | None
    left_out: tuple[str, ...]
    ledger: Fraction | None
    lm3: Figure


def weighed(
    conn: Connection[Any],
    town_id: int,
    period: Period,
    answers: Iterable[Answer],
    *,
    seed: int,
    draws: int = DRAWS,
    cohorts: Iterable[Traced] | None = None,
) -> Surveyed:
    """The local share of what was redeemed in the period, and LM3 of what was given out in it.

    Where answers name divisions of NACE (two digits) as their strata, each division counts by what it redeemed;
    otherwise by what its answers spent.
    """
    rows = list(answers)
    redeemed = {
        row.division: row.minor
        for row in many(
            conn, statement(_PACKAGE, "redeemed_by_division"), _Redeemed,
            town_id=town_id, start=period.start, until=period.until,
        )
        if row.minor > 0
    }  # fmt: skip
    strata = {row.stratum for row in rows}
    weights = redeemed if strata and strata & redeemed.keys() else None
    estimate = local_share(rows, seed=seed, weights=weights, draws=draws)
    if cohorts is None:
        lots = followed(conn, town_id=town_id).get("fifo")
        cohorts = lots.cohorts if lots else ()
    hops = hops_of(one for one in cohorts if one.issued and one.label[-7:] in period.months)
    return Surveyed(
        estimate=estimate,
        weights=weights,
        left_out=tuple(sorted(redeemed.keys() - strata)) if weights else (),
        ledger=lm3(hops).lm3,
        lm3=Figure(
            "lm3",
            "",
            "",
            _with(hops, estimate.value),
            Unit.RATIO,
            _with(hops, estimate.low),
            _with(hops, estimate.high),
        ),
    )


def _with(hops: Hops, share: Fraction | None) -> Fraction | None:
    return None if share is None else lm3(hops, local_share=share).lm3

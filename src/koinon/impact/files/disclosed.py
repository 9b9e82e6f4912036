"""A trace that says no more than the report does, so that its data can be passed on as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from koinon.impact.files import cells, disclosure
from koinon.impact.files.disclosure import FURTHER, Groups
from koinon.impact.tracing.types import CohortTrace, Days, Ledger, Trace

MOST_COHORTS = 60


def groups(ledger: Ledger, trace: Trace, least: int) -> dict[str, Groups | None]:
    """The groups that are named in each dimension; None where there would be fewer than two."""
    return disclosure.groups_of_all(ledger, list(trace.flows), least)


def flows(ledger: Ledger, trace: Trace, told: dict[str, Groups | None], least: int) -> dict[str, cells.Shown | None]:
    """The flows that are told in each dimension."""
    moved = cells.moves(ledger, lends=bool(trace.unknown_origin.issued)) if least > 1 else None
    return {
        name: None if of is None else cells.shown(ledger, name, trace.flows[name], of, least, moved)
        for name, of in told.items()
    }


def traces(ledger: Ledger, found: Sequence[Trace], least: int) -> list[Trace]:
    """Traces of which nothing follows that the report keeps to itself.

    Groups, cohorts and flows as there; a hidden flow is masked. Where a cohort's units arrived, how often they were paid
    and how long they were held is told of all cohorts together only. Dimensions that are not told are left out.
    """
    told = groups(ledger, found[0], least)
    shown = flows(ledger, found[0], told, least)
    return [
        replace(
            trace,
            total=_reached(trace.total, told),
            cohorts=tuple(_cohorts(ledger, trace, least)),
            unknown_origin=_plain(trace.unknown_origin),
            flows={name: each.flows for name, each in shown.items() if each is not None},
            paths={
                name: tuple(disclosure.paths(of, groups_, None if each is None else each.flows, least))
                for name, of in trace.paths.items()
                if (groups_ := told.get(name)) is not None and (each := shown.get(name)) is not None
            },
        )
        for trace in found
    ]


def split(ledger: Ledger, trace: Trace, least: int) -> tuple[list[CohortTrace], list[CohortTrace]]:
    """The cohorts that are told one by one, and those that are told together."""
    small = disclosure.small_cohorts(ledger, least) if least > 1 else set()
    large = [place for place in range(len(trace.cohorts)) if place not in small]
    cut = set(large)
    if len(large) > MOST_COHORTS:
        cut = set(sorted(large, key=lambda place: -trace.cohorts[place].issued)[:MOST_COHORTS])
    return (
        [cohort for place, cohort in enumerate(trace.cohorts) if place in cut],
        [cohort for place, cohort in enumerate(trace.cohorts) if place not in cut and cohort.issued],
    )


def _cohorts(ledger: Ledger, trace: Trace, least: int) -> list[CohortTrace]:
    listed, rest = split(ledger, trace, least)
    return [*map(_plain, listed), *([together(FURTHER, rest)] if rest else [])]


def _plain(cohort: CohortTrace) -> CohortTrace:
    """What the report says of one cohort."""
    return replace(
        cohort,
        by_hops=(),
        days_by_hop=(),
        reach={},
        through_sse=None,
        stayed_in_zone=None,
        days_to_exit=replace(cohort.days_to_exit, quantiles=None),
    )


def together(label: str, parts: Sequence[CohortTrace]) -> CohortTrace:
    """Cohorts as one: sums, and means by what they are means of."""

    def mean(pairs: Sequence[tuple[float | None, float]]) -> float | None:
        weight = sum(amount for value, amount in pairs if value is not None)
        return sum(value * amount for value, amount in pairs if value is not None) / weight if weight else None

    issued, volume = sum(part.issued for part in parts), sum(part.volume for part in parts)
    times = [part.issued_at for part in parts if part.issued_at is not None]
    return CohortTrace(
        label=label,
        issued=issued,
        held=sum(part.held for part in parts),
        redeemed=sum(part.redeemed for part in parts),
        expired=sum(part.expired for part in parts),
        withdrawn=sum(part.withdrawn for part in parts),
        by_hops=(),
        mean_hops=mean([(part.mean_hops, float(part.redeemed + part.expired)) for part in parts]),
        volume=volume,
        multiplier=volume / issued if issued else None,
        days_to_exit=Days(
            sum(part.days_to_exit.amount for part in parts),
            mean([(part.days_to_exit.mean, float(part.days_to_exit.amount)) for part in parts]),
        ),
        days_by_hop=(),
        reach={},
        through_sse=None,
        stayed_in_zone=None,
        issued_at=(min(first for first, _ in times), max(last for _, last in times)) if times else None,
    )


def _reached(total: CohortTrace, told: dict[str, Groups | None]) -> CohortTrace:
    """Where everything arrived, by the groups that are named."""
    return replace(
        total,
        reach={name: disclosure.reach(total, name, of) for name, of in told.items() if of is not None},
        through_sse=total.through_sse if told.get("sse") is not None else None,
        stayed_in_zone=total.stayed_in_zone if told.get("zone") is not None else None,
    )

"""The way of a month's units in the reader's words: the drawing, and the rows of the table beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from koinon.impact.flow import PublicFlow, Source
from koinon.impact.reports import drawings
from koinon.impact.reports.compose import source_name
from koinon.impact.sankey import Drawing
from koinon.programmes.models import Fund


@dataclass(frozen=True, slots=True)
class Step:
    """A row of the table: whose, what, and how much; ``minor`` None where it is hidden. ``gone`` went, else it came."""

    label: str
    minor: int | None
    gone: bool


@dataclass(frozen=True, slots=True)
class Way:
    """``drawing`` is None where the way through people's hands is hidden."""

    drawing: Drawing | None
    sources: tuple[Step, ...]
    residents: tuple[Step, ...]
    businesses: tuple[Step, ...]


def way(flow: PublicFlow, *, town_id: int) -> Way:
    """What became of a month's units, to be drawn and to be read."""
    names = dict(Fund.objects.filter(town_id=town_id).values_list("pk", "name"))
    sources = tuple(Step(_source(source, names), source.minor, gone=False) for source in flow.sources)
    residents = (
        Step(_("Kept from the month before"), flow.carried_by_residents, gone=False),
        Step(_("Received from businesses"), flow.paid_to_residents, gone=False),
        Step(_("Spent at businesses"), flow.spent_by_residents, gone=True),
        Step(_("Expired"), flow.expired, gone=True),
        Step(_("Kept at the end"), flow.kept_by_residents, gone=True),
    )
    businesses = (
        Step(_("Kept from the month before"), flow.carried_by_businesses, gone=False),
        Step(_("Received from residents"), flow.spent_by_residents, gone=False),
        Step(_("Received from other businesses"), flow.between_businesses, gone=False),
        Step(_("Spent at other businesses"), flow.between_businesses, gone=True),
        Step(_("Paid to residents"), flow.paid_to_residents, gone=True),
        Step(_("Redeemed"), flow.redeemed, gone=True),
        Step(_("Kept at the end"), flow.kept_by_businesses, gone=True),
    )
    drawing = (
        drawings.way(flow, [(step.label, step.minor or 0) for step in sources]) if flow.told and flow.held else None
    )
    return Way(drawing, sources, residents, businesses)


def _source(source: Source, names: Mapping[UUID, str]) -> str:
    return source_name(source.code, names.get(source.fund, "") if source.fund else "")

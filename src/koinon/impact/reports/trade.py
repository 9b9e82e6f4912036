"""What of a month's trade among businesses may be told, as tables of text."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from koinon.documents import formats
from koinon.impact.reports.types import Row, Section, Sheet
from koinon.impact.town.network import PublicNetwork
from koinon.kernel.periods import Month
from koinon.parties.sectors import sector

PAGE = "algorithms/network.md"


def section(months: Sequence[tuple[Month, PublicNetwork | None]], command: str) -> Section | None:
    """Each month's tables; None where no month tells any. Numbers as the country that is active writes them."""
    found = tuple(
        sheet
        for month, network in months
        if network is not None
        for sheet in sheets(network, command, month=formats.month(month) if len(months) > 1 else "")
    )
    return Section(_("Who trades with whom"), (), found) if found else None


def sheets(network: PublicNetwork, command: str, *, month: str = "") -> tuple[Sheet, ...]:
    """How money goes round among businesses, and in which sectors it stops."""

    def row(label: str, value: str | None) -> Row:
        return Row(label, value or "", hidden=value is None, page=PAGE, command=command)

    def count(number: int | None) -> str | None:
        return None if number is None else formats.number(number)

    def titled(title: str) -> str:
        return f"{title} · {month}" if month else title

    share = None if network.in_circles is None else formats.percent(network.in_circles, digits=0)
    round_and_round = [
        row(_("Businesses that trade"), count(network.businesses)),
        row(_("Pairs of customer and supplier"), count(network.links)),
        row(_("Of what businesses pay each other, what can come back to them"), share),
        *(row(_("Businesses in the most common circles"), count(one.length)) for one in [network.commonest] if one),
        *(row(_circles(one.length), count(one.found)) for one in network.circles),
        row(_("Businesses that pay on at least half of what leaves them"), count(network.keepers)),
    ]
    found = [
        Sheet(
            titled(_("Money that goes round")),
            _("Does what businesses pay each other come back to them?"),
            tuple(round_and_round),
        )
    ]
    if network.stops:
        stops = (
            row(
                sector(stop.sector) if stop.sector else _("not known"),
                None if stop.share is None else formats.percent(stop.share, digits=0),
            )
            for stop in network.stops
        )
        asks = _("In which sectors was it redeemed? Parts of all that was redeemed, rounded to twentieths.")
        found.append(Sheet(titled(_("Where it stops")), asks, tuple(stops)))
    return tuple(found)


def _circles(length: int) -> str:
    told = ngettext("Circles of %(count)s business", "Circles of %(count)s businesses", length)
    return told % {"count": formats.number(length)}

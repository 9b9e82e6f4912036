"""From figures to a report in words: which question each table answers, what was hoped for, where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from django.utils.translation import get_language_bidi, ngettext
from django.utils.translation import gettext as _

from koinon.coproduction.streams import stream_name
from koinon.documents import formats
from koinon.impact import aims
from koinon.impact.aims import Target
from koinon.impact.disclosure import Shown
from koinon.impact.figures import Figure, Period
from koinon.impact.flow import PublicFlow
from koinon.impact.indicators.catalogue import BY_KEY, Better, Entry, Unit
from koinon.impact.opendata import decimal
from koinon.impact.publication import PublicReport
from koinon.impact.reports import drawings, places, trade
from koinon.impact.reports.types import Audience, Number, Picture, Report, Row, Section, Sheet
from koinon.impact.town.network import PublicNetwork
from koinon.kernel.money import Amount, to_minor
from koinon.kernel.periods import Month
from koinon.ledger.types import Block

_GROUPS: tuple[tuple[Callable[[], str], tuple[str, ...]], ...] = (
    (lambda: _("The money"), ("units", "multiplier", "recirculation", "velocity")),
    (lambda: _("How far it went"), ("lm3", "retention", "leakage", "local_share", "b2b_depth")),
    (lambda: _("Whom it served"), ("days_to_first_spend", "unspent")),
    (lambda: _("Where it was spent"), ("shop_reach", "active_shops", "concentration", "share_by_zone", "zone_equity")),
    (lambda: _("The social economy"), ("share_by_sse",)),
    (lambda: _("What was done"), ("cost_per_unit", "environment", "sroi")),
    (lambda: _("To look at"), ("price_signals",)),
)

# Shares of numbers of businesses that are rounded to 5: a decimal would say more than is known.
_OF_COUNTS = {("shop_reach", ""), ("b2b_depth", "buying")}


@dataclass(frozen=True, slots=True)
class Money:
    """How a town writes money."""

    unit: str
    exponent: int
    symbol: str
    national: str


@dataclass(frozen=True, slots=True)
class About:
    """What a report is about and for whom. ``flows`` are the months' ways, ``networks`` their trade and ``reports`` the months
    as published, oldest first; ``zones`` are its neighbourhoods (code, name, GeoJSON outline), ``head`` the newest seal.
    """

    town: str
    slug: str
    country: str
    money: Money
    audience: Audience
    period: Period
    language: str
    flows: Sequence[PublicFlow]
    funds: Mapping[UUID, str]
    head: Block | None
    made_on: date
    networks: Sequence[PublicNetwork | None] = ()
    reports: Sequence[PublicReport] = ()
    zones: Sequence[tuple[str, str, Mapping[str, Any] | None]] = ()
    demonstration: bool = False


def compose(about: About, shown: Sequence[Shown], targets: Sequence[Target]) -> Report:
    """The report, in the language that is active; every figure formatted as the town's country writes it."""
    with formats.in_country(about.country):
        wanted = aims.in_force(tuple(targets), first_day=about.period.first_day, last_day=about.period.last_day)
        sections = [_way(about)] if about.flows else []
        for title, keys in _GROUPS:
            found = [_sheet(BY_KEY[key], shown, wanted, about) for key in keys]
            found += [_where(about)] if "share_by_zone" in keys else []
            sheets = tuple(sheet for sheet in found if sheet is not None)
            if sheets:
                sections.append(Section(title(), (), sheets))
        sections += [by_month] if (by_month := _months(about)) is not None else []
        months = [flow.month for flow in about.flows]
        told = trade.section(list(zip(months, about.networks, strict=False)), _of_the_months(about))
        sections += [told] if told is not None else []
        return Report(
            title=_title(about.period),
            town=about.town,
            slug=about.slug,
            unit=about.money.unit,
            language=about.language,
            right_to_left=get_language_bidi(),
            audience=about.audience,
            facts=_facts(about),
            words=_words(about),
            sections=tuple(sections),
            notes=_notes(about),
            numbers=tuple(_number(one, wanted, about) for one in shown),
            first_day=about.period.first_day,
            last_day=about.period.last_day,
            demonstration=about.demonstration,
        )


def sheets(
    about: About, shown: Sequence[Shown], targets: Sequence[Target], keys: Sequence[str]
) -> tuple[tuple[str, Sheet], ...]:
    """Some indicators as tables, by key: for a page that has room for these."""
    wanted = aims.in_force(tuple(targets), first_day=about.period.first_day, last_day=about.period.last_day)
    with formats.in_country(about.country):
        found = ((key, _sheet(BY_KEY[key], shown, wanted, about)) for key in keys)
        return tuple((key, sheet) for key, sheet in found if sheet is not None)


def _title(period: Period) -> str:
    if period.first == period.last:
        return _("What the money did in %(month)s") % {"month": formats.month(period.first)}
    between = {"first": formats.month(period.first), "last": formats.month(period.last)}
    return _("What the money did from %(first)s to %(last)s") % between


def _facts(about: About) -> tuple[tuple[str, str], ...]:
    days = f"{formats.day(about.period.first_day)} – {formats.day(about.period.last_day)}"
    facts = [(_("Days"), days), (_("For whom"), _for_whom(about.audience)), (_("Made on"), formats.day(about.made_on))]
    if about.head is not None:
        facts.append((_("Newest seal"), f"{about.head.number} · {about.head.hash.hex()}"))
    return tuple(facts)


def _for_whom(audience: Audience) -> str:
    match audience:
        case Audience.COUNCIL:
            return _("The council and everybody")
        case Audience.FUNDER:
            return _("Those who fund it")
        case Audience.HOUSE:
            return _("The town's own use: not to be published")


def _words(about: About) -> tuple[str, ...]:
    generated = " ".join(
        (
            _("This is a demonstration."),
            _("Its people, shops and purchases are generated. The rules, the books and the sums are the real ones."),
        )
    )
    exact = _(
        "Figures are exact and complete. Single shops and households may follow from them: keep this report in the house."
    )
    hidden = _(
        "Figures of fewer than ten businesses or households, or mostly of one, are hidden, and as many beside them as "
        "subtraction takes. Amounts are rounded. A dash is a figure that is undefined, never zero."
    )
    return (*([generated] if about.demonstration else []), exact if about.audience is Audience.HOUSE else hidden)


def _notes(about: About) -> tuple[str, ...]:
    notes = [
        _("Each figure names the page that defines it and the command that computes it again from the same books."),
        _("Whoever keeps the newest seal can show later that the books behind these figures were not changed."),
    ]
    if about.audience is Audience.FUNDER:
        notes.append(
            _("Nothing here says what would have happened without the currency: no figure of the books can. Where a figure "
              "compares, it says with what.")
        )  # fmt: skip
    return tuple(notes)


def _way(about: About) -> Section:
    """What came in and where it went: months added up; hidden where any of them hides it."""

    def summed(name: str) -> int | None:
        found = [getattr(flow, name) for flow in about.flows]
        return None if None in found else sum(found)

    first, last = about.flows[0], about.flows[-1]
    lines: list[tuple[str, int | None]] = []
    sources: dict[str, int] = {}
    for flow in about.flows:
        for source in flow.sources:
            label = source_name(source.code, about.funds.get(source.fund, "") if source.fund else "")
            sources[label] = sources.get(label, 0) + source.minor
    lines += sources.items()
    lines += [
        (_("Held by residents as the period began"), first.carried_by_residents),
        (_("Held by businesses as the period began"), first.carried_by_businesses),
        (_("Residents spent at businesses"), summed("spent_by_residents")),
        (_("Businesses spent at other businesses"), summed("between_businesses")),
        (_("Businesses paid to residents"), summed("paid_to_residents")),
        (_("Businesses redeemed"), summed("redeemed")),
        (_("Expired, back in the budget"), summed("expired")),
        (_("Held by residents as the period ended"), last.kept_by_residents),
        (_("Held by businesses as the period ended"), last.kept_by_businesses),
    ]
    command = _of_the_months(about)
    rows = tuple(
        Row(
            label,
            "" if minor is None else _money(Fraction(minor, 10**about.money.exponent), about.money),
            hidden=minor is None,
            page="algorithms/disclosure-control.md",
            command=command,
        )
        for label, minor in lines
    )
    title = _("Where it came from and where it went")
    asks = _("Where did units come from, and where did they go?")
    whole = PublicFlow(
        month=last.month,
        sources=(),
        carried_by_residents=first.carried_by_residents,
        carried_by_businesses=first.carried_by_businesses,
        kept_by_residents=last.kept_by_residents,
        kept_by_businesses=last.kept_by_businesses,
        **{name: summed(name) for name in MOVED},
    )
    return Section(title, (), (Sheet(title, asks, rows, _drawn(whole, sources, about)),))


MOVED = ("spent_by_residents", "between_businesses", "paid_to_residents", "redeemed", "expired")


def _drawn(flow: PublicFlow, sources: Mapping[str, int], about: About) -> Picture | None:
    """The way as a drawing; None where a part of it is hidden, or there is none."""
    parts = [flow.carried_by_residents, flow.carried_by_businesses, flow.kept_by_residents, flow.kept_by_businesses]
    parts += [getattr(flow, name) for name in MOVED]
    drawing = drawings.way(flow, list(sources.items()))
    if None in parts or not drawing.boxes:
        return None
    says = _("Where units came from, who had them, where they went")
    return drawings.sankey(drawing, says, lambda minor: _money(Fraction(minor, 10**about.money.exponent), about.money))


def _where(about: About) -> Sheet | None:
    """What shops received, by neighbourhood: of the months as they were published."""
    entry = BY_KEY["share_by_zone"]
    return places.sheet(
        about.reports,
        about.zones,
        unit=about.money.unit,
        exponent=about.money.exponent,
        money=lambda minor: _money(Fraction(minor, 10**about.money.exponent), about.money),
        asks=_(entry.asks),
        command=_command(entry, about),
    )


def _months(about: About) -> Section | None:
    """Each month beside the others, as it was published; None of a single one."""
    if len(about.reports) < 2:
        return None
    sheets = tuple(
        _series(BY_KEY[key], [(one.month, getattr(one, key)) for one in about.reports], about)
        for key in ("multiplier", "recirculation", "velocity")
    )
    return Section(_("Month by month"), (), sheets)


def _series(entry: Entry, values: Sequence[tuple[Month, Fraction | None]], about: About) -> Sheet:
    """Hidden and undefined are one here, as they were published: each has a dash."""
    told = [(formats.month(month), value, written(value, entry.unit, about.money)) for month, value in values]
    rows = tuple(
        Row(label, words, page=entry.page, command=entry.command(about.slug, str(month), str(month)))
        for (label, _value, words), (month, _same) in zip(told, values, strict=True)
    )
    drawn = [(label, value, words) for label, value, words in told if value is not None]
    title = _(entry.title)
    return Sheet(title, _(entry.asks), rows, drawings.bars(title, drawn) if drawn else None)


def _of_the_months(about: About) -> str:
    return f"koinon impact report --town {about.slug} --from {about.period.first} --to {about.period.last} --json"


def source_name(code: str | None, fund: str) -> str:
    """What units came from, in the reader's words; ``fund`` is its name as the town wrote it, or empty."""
    match code:
        case None:
            return _("Several sources together")
        case "disburse":
            return fund or _("Aid")
        case "reward":
            return _("Rewards for contributions: %(fund)s") % {"fund": fund} if fund else _("Rewards for contributions")
        case "topup":
            return _("Bought with national money")
        case "bonus":
            return _("Bonuses")
        case _:
            return _("Losses that the town bore")


def _sheet(
    entry: Entry, shown: Sequence[Shown], wanted: Mapping[tuple[str, str], Target], about: About
) -> Sheet | None:
    rows = tuple(_row(entry, one, wanted, about) for one in shown if one.figure.indicator == entry.key)
    if not rows:
        return None
    return Sheet(_(entry.title), _(entry.asks), rows, _bars(entry, rows, shown) if entry.key in _WITH_BARS else None)


_WITH_BARS = {"share_by_zone", "share_by_sse", "leakage"}


def _bars(entry: Entry, rows: Sequence[Row], shown: Sequence[Shown]) -> Picture | None:
    """The parts of a whole, as long as they are large; None where no two of them are told."""
    found = [one for one in shown if one.figure.indicator == entry.key]
    parts = [
        (row.label, one.value, row.value)
        for row, one in zip(rows, found, strict=True)
        if one.value is not None and (entry.key != "leakage" or one.figure.part)
    ]
    return drawings.bars(_(entry.title), parts) if len(parts) > 1 else None


def _row(entry: Entry, one: Shown, wanted: Mapping[tuple[str, str], Target], about: About) -> Row:
    figure = one.figure
    target = wanted.get((figure.indicator, figure.part))

    def told(value: Fraction | None) -> str:
        if value is not None and (figure.indicator, figure.part) in _OF_COUNTS:
            return formats.percent(value, digits=0)
        return written(value, figure.unit, about.money)

    between = ""
    if figure.low is not None and figure.high is not None:
        between = f"{told(figure.low)} – {told(figure.high)}"
    return Row(
        label=_label(entry, figure),
        value="" if one.hidden else told(one.value),
        hidden=one.hidden,
        target="" if target is None else told(Fraction(target.value)),
        verdict="" if target is None else _verdict(entry, one, target, about),
        range=between,
        page=entry.page,
        command=_command(entry, about),
    )


def _label(entry: Entry, figure: Figure) -> str:
    if figure.part.startswith("hop:"):
        hop = int(figure.part[4:])
        return _("After payment %(number)s") % {"number": formats.number(hop)} if hop else _("Before any payment")
    name = stream_name(figure.name) if figure.part.startswith("stream:") else figure.name
    told = ": ".join(filter(None, (name, _(figure.label) if figure.label else "")))
    return told or _(entry.title)


def _verdict(entry: Entry, one: Shown, target: Target, about: About) -> str:
    if one.hidden or entry.better is Better.NEITHER:
        return ""
    found = aims.reached(one.value, target, lower_is_better=entry.better is Better.LOWER)
    if found is None:
        return ""
    if not found and target.by_day > about.period.last_day:
        return _("not yet")
    return _("reached") if found else _("not reached")


def _command(entry: Entry, about: About) -> str:
    return entry.command(about.slug, str(about.period.first), str(about.period.last))


def _number(one: Shown, wanted: Mapping[tuple[str, str], Target], about: About) -> Number:
    figure = one.figure
    target = wanted.get((figure.indicator, figure.part))
    entry = BY_KEY[figure.indicator]
    return Number(
        indicator=figure.indicator,
        part=figure.part,
        label=_label(entry, figure),
        unit=figure.unit.value,
        value=decimal(one.value),
        low=None if one.hidden else decimal(figure.low),
        high=None if one.hidden else decimal(figure.high),
        target=None if target is None else target.value,
        state=one.state,
        page=entry.page,
        command=_command(entry, about),
    )


def written(value: Fraction | None, unit: Unit, money: Money) -> str:
    """A figure as people write it; the dash is undefined."""
    if value is None:
        return "–"
    match unit:
        case Unit.SHARE:
            return formats.percent(value)
        case Unit.MONEY | Unit.MONEY_PER_PERSON:
            return _money(value, money)
        case Unit.MONEY_PER_UNIT:
            return _money(value, money, exact=True)
        case Unit.COUNT:
            return formats.number(value, digits=0 if value.denominator == 1 else 1)
        case Unit.DAYS:
            whole = value.denominator == 1
            words = ngettext("%(number)s day", "%(number)s days", int(value) if whole else 100)  # 7.5 as a hundred are.
            return words % {"number": formats.number(value, digits=0 if whole else 1)}
        case Unit.KILOGRAMS:
            return f"{formats.number(value)} kg"
        case Unit.PER_YEAR:
            return _("%(number)s a year") % {"number": formats.number(value, digits=1)}
        case _:
            return formats.number(value, digits=2)


def _money(value: Fraction, money: Money, *, exact: bool = False) -> str:
    if value.denominator == 1 and not exact:
        return f"{formats.number(value)} {money.symbol or money.unit}"
    cents = Decimal(round(value * 10**money.exponent)).scaleb(-money.exponent)
    amount = Amount(to_minor(cents, money.exponent), money.unit)
    return formats.amount(amount, exponent=money.exponent, symbol=money.symbol)

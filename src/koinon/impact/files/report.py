"""The result as one page that anybody can open, keep and print: no network, no script, a table beside every drawing."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from importlib.resources import files
from typing import Any

import numpy as np

from koinon.impact.files import disclosed, disclosure, results, speech
from koinon.impact.files.disclosure import FURTHER, OTHERS, SMALL, Groups
from koinon.impact.files.markup import (
    ENDS,
    Money,
    bar,
    days,
    flow_diagram,
    link,
    named,
    number,
    share,
    table,
    text,
)
from koinon.impact.files.speech import gettext as _
from koinon.impact.files.speech import ngettext, pgettext
from koinon.impact.files.types import Asked, LedgerFile
from koinon.impact.files.words import (
    AFTER,
    ANCHORS,
    COHORTS,
    CONVENTIONS,
    DEFINITIONS,
    DIMENSIONS,
    ENDINGS,
    HOPS,
    PLAIN,
    WITH_PAYMENT,
)
from koinon.impact.sankey import Link, Node
from koinon.impact.tracing.types import UNKNOWN_ORIGIN, CohortTrace, FlowMatrix, Role, Trace

MOST_PATHS = 12
MOST_FLOWS = 12
MOST_REACHED = 40
STAGES = 4
USUAL = Asked.__dataclass_fields__["unit"].default
HIDDEN = "flows of few accounts"


def page(
    read: LedgerFile,
    traces: Sequence[Trace],
    document: Mapping[str, Any],
    *,
    title: str | None,
    least: int,
    language: str = "en",
) -> str:
    """The whole page. ``least``: no group of fewer accounts is named."""
    with speech.speaking(language) as spoken:
        report = _Report(read, traces, document, least)
        style = files("koinon.impact.files").joinpath("report.css").read_text(encoding="utf-8")
        allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        heading = title or report.heading()
        body = "".join(report.sections())
        return (
            f'<!doctype html>\n<html lang="{spoken.code}" dir="{"rtl" if spoken.right_to_left else "ltr"}">'
            '<head><meta charset="utf-8">'
            f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{allowed}'\">"
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark"><meta name="generator" content="koinon impact trace">'
            f"<title>{text(heading)}</title><style>{style}</style></head><body>"
            f"<header><h1>{text(heading)}</h1><p class=soft>{report.about()}</p>{report.contents()}</header>"
            f"<main>{body}</main><footer>{report.origin()}</footer></body></html>\n"
        )


class _Report:
    """The parts of the page, each from the same few figures."""

    def __init__(self, read: LedgerFile, traces: Sequence[Trace], document: Mapping[str, Any], least: int) -> None:
        self.read = read
        self.traces = traces
        self.document = document
        self.least = least
        self.first = traces[0]
        self.total = traces[0].total
        self.usual = read.ledger.unit == USUAL
        self.money = Money(_("units") if self.usual else read.ledger.unit, read.ledger.exponent)
        self.one = _("unit") if self.usual else read.ledger.unit.removesuffix("s")
        self.groups = disclosed.groups(read.ledger, self.first, least)
        self.shown = disclosed.flows(read.ledger, self.first, self.groups, least)

    # --- What frames it ---

    def heading(self) -> str:
        return _("What every %(unit)s did") % {"unit": self.one}

    def about(self) -> str:
        file = self.document["file"]
        transfers, accounts = file["transfers"], file["accounts"]
        counted = _("%(transfers)s between %(accounts)s") % {
            "transfers": ngettext("%(count)s transfer", "%(count)s transfers", transfers) % {"count": whole(transfers)},
            "accounts": ngettext("%(count)s account", "%(count)s accounts", accounts) % {"count": whole(accounts)},
        }
        if file["first"]:
            between = {"first": _day(file["first"]), "last": _day(file["last"])}
            counted += ", " + _("%(first)s to %(last)s") % between
        return text(f"{counted}. " + _("Amounts in %(unit)s.") % {"unit": self.money.unit})

    def contents(self) -> str:
        places = [
            ("flow", _("From whom to whom")),
            ("often", _("How often it was paid on")),
            ("long", _("How long it took")),
            ("where", _("Where it arrived")),
        ]
        places = [place for place in places if place[0] != "where" or self._tells_where()]
        places += [("cohorts", _("What was issued when"))]
        places += [("ways", _("Ways it took"))] if any(trace.paths for trace in self.traces) else []
        places += [("notes", _("About this file")), ("words", _("What the figures mean"))]
        return (
            f'<nav aria-label="{text(_("Contents"))}"><ul>'
            + "".join(f"<li>{link(at, words)}</li>" for at, words in places)
            + "</ul></nav>"
        )

    def _tells_where(self) -> bool:
        return any(groups is not None for groups in self.groups.values())

    def origin(self) -> str:
        file = self.document["file"]

        def digest(trace: Trace) -> str:
            return _filled(
                _("Result by %(convention)s: %(digest)s, conservation error %(error)s."),
                convention=text(_(CONVENTIONS[trace.convention].name)),
                digest=_code(trace.digest),
                error=f"<bdi>{text(trace.conservation_error)}</bdi>",
            )

        hashes = [(file["name"], file["sha256"])]
        hashes += [(file["accounts_file"], file["accounts_sha256"])] if file["accounts_file"] else []
        return (
            f"<p>{text(_('Anybody who has the same file gets the same figures:'))}</p>"
            f"<pre dir=ltr><code>{text(shlex.join(self.document['asked']['command']))}</code></pre>"
            + "".join(f"<p>{named(name)}: SHA-256 {_code(found)}</p>" for name, found in hashes)
            + "".join(f"<p>{digest(trace)}</p>" for trace in self.traces)
        )

    def sections(self) -> Iterator[str]:
        yield self.short()
        yield self.flow()
        yield self.often()
        yield self.long()
        yield self.where()
        yield self.cohorts()
        yield self.ways()
        yield self.notes()
        yield self.words()

    # --- In short ---

    def short(self) -> str:
        total, unknown = self.total, self.first.unknown_origin
        issued = total.issued - unknown.issued
        unit = self.money.unit
        parts = [
            words % {"share": share(amount, total.issued)}
            for amount, words in (
                (total.redeemed, _("%(share)s was turned back into money")),
                (total.expired, _("%(share)s expired before it was redeemed")),
                (total.withdrawn, _("%(share)s was taken back")),
                (total.held, _("%(share)s is still held by somebody")),
            )
            if amount
        ]
        said = []
        if issued:
            said.append(_("%(amount)s %(unit)s were issued.") % {"amount": self.money.whole(issued), "unit": unit})
        if unknown.issued:
            words = _("Another %(amount)s were paid without having been issued in this file.")
            said.append(words % {"amount": self.money.whole(unknown.issued)})
        if parts:
            said.append(_("%(parts)s.") % {"parts": speech.listed(parts)})
        if total.multiplier is not None:
            words = _("On the way, each %(unit)s was paid on %(number)s times on average.")
            said.append(words % {"unit": self.one, "number": number(total.multiplier)})
        sentence = text(" ".join(said))
        tiles = [
            ("issued", _("Issued"), self.money.whole(issued), ""),
            ("volume", _("Paid on, in all"), self.money.whole(total.volume), ""),
            (
                "multiplier",
                _("Multiplier"),
                number(total.multiplier),
                _("payments for each unit issued or of unknown origin")
                if unknown.issued
                else _("payments for each unit issued"),
            ),
            ("exit", _("Left after"), *self._between([trace.total.days_to_exit.mean for trace in self.traces], days)),
            (
                "hops",
                _("Payments before it left"),
                *self._between([trace.total.mean_hops for trace in self.traces], number),
            ),
        ]
        for name, words, amounts in (
            ("sse", _("Through social enterprises"), [trace.total.through_sse for trace in self.traces]),
            ("zone", _("Stayed in its zone"), [trace.total.stayed_in_zone for trace in self.traces]),
        ):
            if all(amount is not None for amount in amounts) and self._is_known(name):
                shares = [
                    None if not trace.total.issued else 100 * float(amount or 0) / float(trace.total.issued)
                    for trace, amount in zip(self.traces, amounts, strict=True)
                ]
                tiles.append((name, words, *self._between(shares, _per_cent)))
        return (
            f"<section aria-labelledby=short><h2 id=short>{text(_('In short'))}</h2><p class=lead>{sentence}</p>"
            f"{self._became()}<dl class=tiles>"
            + "".join(
                f"<div><dt>{link(f'def-{name}', words)}</dt><dd>{figure}{f' <small>{text(small)}</small>' if small else ''}</dd></div>"
                for name, words, figure, small in tiles
            )
            + "</dl>"
            + self._two_conventions()
            + "</section>"
        )

    def _became(self) -> str:
        """What became of everything, as one bar with its key; the sentence above it says the same."""
        parts = [(kind, float(getattr(self.total, kind))) for kind in ("redeemed", "expired", "withdrawn", "held")]
        key = "".join(
            f'<li><svg viewBox="0 0 14 14" aria-hidden="true"><rect class="{kind}" width="14" height="14"/></svg>'
            f"{link(f'def-{ANCHORS[kind]}', _(ENDINGS[kind]))} {share(amount, self.total.issued)}</li>"
            for kind, amount in parts
            if amount
        )
        return f"<div class=became>{bar(parts, float(self.total.issued))}<ul class=key>{key}</ul></div>"

    def _is_known(self, dimension: str) -> bool:
        """Whether a share by this dimension means something: its groups may be told, and zones are known of most holders."""
        if self.groups.get(dimension) is None:
            return False
        holders = self.read.ledger.accounts.role == Role.HOLDER
        known = self.read.ledger.accounts.attributes[dimension].codes[holders] >= 0
        return dimension != "zone" or bool(2 * known.sum() >= holders.sum())

    def _two_conventions(self) -> str:
        if len(self.traces) == 1:
            return "<p>{}</p>".format(
                _filled(
                    _("Units in a purse are alike. Followed here: %(convention)s."),
                    convention=link("def-convention", _(CONVENTIONS[self.first.convention].name)),
                )
            )
        return "<p>{}</p>".format(
            _filled(
                _(
                    "Units in a purse are alike, so which of them a payment takes is a %(convention)s. Followed here by "
                    "%(conventions)s; where they differ, both figures are given."
                ),
                convention=link("def-convention", _("convention")),
                conventions=text(speech.listed([_(CONVENTIONS[trace.convention].name) for trace in self.traces])),
            )
        )

    def _between(self, values: Sequence[float | None], written: Callable[[float | None], str]) -> tuple[str, str]:
        """One figure, or both ends where conventions differ."""
        told = [written(value) for value in values]
        if len(set(told)) == 1:
            return told[0], ""
        small = ", ".join(
            f"{_(CONVENTIONS[trace.convention].short)} {one}" for trace, one in zip(self.traces, told, strict=True)
        )
        known = sorted(value for value in values if value is not None)
        if len(known) < 2:
            return written(known[0]) if known else "—", small
        low, high = written(known[0]), written(known[-1])
        words = low.rsplit(" ", 1)[-1]
        if words == high.rsplit(" ", 1)[-1] and words != low:
            low = low.removesuffix(f" {words}")
        elif speech.current().code == "en":
            low = low.removesuffix("%") if high.endswith("%") else low
        return _("%(low)s to %(high)s") % {"low": low, "high": high}, small

    # --- From whom to whom ---

    def flow(self) -> str:
        drawn = [self._flow(name) for name in self.first.flows]
        return (
            f"<section aria-labelledby=flow><h2 id=flow>{text(_('From whom to whom'))}</h2><p>"
            + _filled(
                _(
                    "Every payment of the period, what came in and where it went (%(how)s). A group stands on both sides: "
                    "where money comes to, with what it received, and where money comes from, with what it passed on."
                ),
                how=link("def-flow", _("how?")),
            )
            + "</p>"
            + "".join(drawn)
            + "</section>"
        )

    def _flow(self, dimension: str) -> str:
        words = _dimension(dimension)
        by = _("By %(dimension)s") % {"dimension": words}
        shown = self.shown[dimension]
        if shown is None:
            why = _(
                "Not shown: the groups have fewer than %(least)s accounts, or one account makes up nearly all of them, or "
                "what is of few would follow from the rest. Whoever has the file can name all with %(option)s."
            )
            return f"<h3>{text(by)}</h3><p>{_filled(why, least=whole(self.least), option=_code('--least 1'))}</p>"
        amounts, kept = _apart(shown.flows)
        if kept:
            amounts[HIDDEN, HIDDEN] = sum(kept)
        payers = self._ordered({pair[0] for pair in amounts}, amounts, 0)
        payees = self._ordered({pair[1] for pair in amounts}, amounts, 1)
        called = {one: _told(one, shown.others) for pair in amounts for one in pair}
        nodes = [Node(f"from:{one}", called[one], 0) for one in payers]
        nodes += [Node(_place(one), called[one], 1) for one in payees]
        kinds = {f"from:{one}": _kind(one) for one in payers} | {_place(one): _kind(one) for one in payees}
        links = [Link(f"from:{source}", _place(target), amount) for (source, target), amount in amounts.items()]
        all_ = sum(amounts.values())
        largest = sorted(amounts.items(), key=lambda item: (item[0] == (HIDDEN, HIDDEN), -item[1], item[0]))
        told = largest[:-1] if kept else largest
        title = _("Flows by %(dimension)s, %(unit)s") % {"dimension": words, "unit": self.money.unit}
        picture = flow_diagram(
            f"flow-{_anchor(dimension)}",
            _("Flows by %(dimension)s") % {"dimension": words},
            _("The table beside it says the same:")
            + " "
            + "; ".join(
                _("%(source)s to %(target)s %(share)s")
                % {"source": called[source], "target": called[target], "share": share(amount, all_)}
                for (source, target), amount in told[:3]
            ),
            nodes,
            links,
            {key: kind if kind in ENDS or kind in ("issued", "unknown") else "" for key, kind in kinds.items()},
            self.money,
        )
        rows = [
            [
                f"{named(called[source])} {speech.arrow()} {named(called[target])}",
                self.money.exact(amount),
                share(amount, all_),
            ]
            for (source, target), amount in told[:MOST_FLOWS]
        ]
        if more := told[MOST_FLOWS:]:
            rest = sum(amount for _pair, amount in more)
            smaller = ngettext("%(count)s smaller flow", "%(count)s smaller flows", len(more))
            rows.append([text(smaller % {"count": whole(len(more))}), self.money.exact(rest), share(rest, all_)])
        note = ""
        if kept:
            rest = sum(kept)
            together = ngettext("%(count)s flow told together", "%(count)s flows told together", len(kept))
            rows.append([text(together % {"count": whole(len(kept))}), self.money.exact(rest), share(rest, all_)])
            note = "<p class=soft>{}</p>".format(
                text(
                    _(
                        "Told together are flows of fewer than %(least)s accounts, or nearly all of one, and as many others "
                        "as it takes for none of them to follow from the sums."
                    )
                    % {"least": whole(self.least)}
                )
            )
        return (
            f"<h3>{text(by)}</h3><div class=beside><figure>{picture}</figure><div>"
            + table(
                text(title),
                [
                    (
                        text(
                            f"\u2068{pgettext('of a flow', 'from')}\u2069 {speech.arrow()} \u2068{pgettext('of a flow', 'to')}\u2069"
                        ),
                        False,
                    ),
                    (text(_("amount")), True),
                    (text(pgettext("heading of a table", "share")), True),
                ],
                rows,
                foot=[text(_("Together")), self.money.exact(all_), share(all_, all_)],
            )
            + f"{note}</div></div>"
        )

    @staticmethod
    def _ordered(there: set[str], amounts: Mapping[tuple[str, str], int], side: int) -> list[str]:
        size = {one: sum(amount for pair, amount in amounts.items() if pair[side] == one) for one in there}
        first = [one for one in ("issued", UNKNOWN_ORIGIN) if one in there]
        last = [one for one in (HIDDEN, "redeemed", "expired", "withdrawn", "held") if one in there]
        return first + sorted(there - {*first, *last}, key=lambda one: (-size[one], one)) + last

    # --- How often, and how long ---

    def often(self) -> str:
        tables = "".join(self._stages(trace) for trace in self.traces)
        return (
            f"<section aria-labelledby=often><h2 id=often>{text(_('How often it was paid on'))}</h2><p>"
            + _filled(
                _(
                    "Of everything that came in: how much was paid at least so many times, and where it stopped (%(how)s)."
                ),
                how=link("def-hops", _("how?")),
            )
            + "</p><ul class=key>"
            + "".join(
                f'<li><svg viewBox="0 0 14 14" aria-hidden="true"><rect{kind} width="14" height="14"/></svg>{text(words)}</li>'
                for kind, words in (
                    # Translators: of units, passed on by a further payment.
                    ("", _("paid on")),
                    (' class="left"', _("left here, redeemed or run out")),
                    (' class="held"', _("still held here")),
                )
            )
            + "</ul>"
            + tables
            + "</section>"
        )

    def _stages(self, trace: Trace) -> str:
        total = trace.total
        arrived: list[float] = [total.issued]  # Of lots whole minor units, and they stay whole.
        labels = next(iter(total.reach.values()), {})
        arrived += [sum(hops.get(hop, 0) for hops in labels.values()) for hop in range(1, STAGES + 1)]
        rows = []
        for stage in range(STAGES + 1):
            last = stage == STAGES
            onward = 0 if last else arrived[stage + 1]
            left = sum(total.by_hops[stage:]) if last else total.by_hops[stage]
            left = min(left, max(0, arrived[stage] - onward))
            stays = max(0, arrived[stage] - onward - left)
            rows.append(
                [
                    text(_(HOPS[stage])),
                    self.money.whole(arrived[stage]),
                    share(arrived[stage], arrived[0]),
                    "" if last else self.money.whole(onward),
                    self.money.whole(left),
                    self.money.whole(stays),
                    bar([("", onward), ("left", left), ("held", stays)], arrived[0]),
                ]
            )
        return table(
            self._followed(trace),
            [
                (text(_("payments")), False),
                (text(_("came this far")), True),
                (text(_("of all")), True),
                (text(_("paid on")), True),
                (text(_("left here")), True),
                (text(_("still held here or taken back") if total.withdrawn else _("still held here")), True),
                ("", False),
            ],
            rows,
        ).replace('<th scope="col"></th>', "<td></td>")

    def _followed(self, trace: Trace) -> str:
        words = _("Followed by %(convention)s, %(unit)s")
        return text(words % {"convention": _(CONVENTIONS[trace.convention].name), "unit": self.money.unit})

    def long(self) -> str:
        rows = []
        for place in range(STAGES + 1):
            figures = [
                trace.total.days_by_hop[place] if place < len(trace.total.days_by_hop) else None
                for trace in self.traces
            ]
            if any(figure is not None for figure in figures):
                rows.append([text(_(AFTER[place])), *map(days, figures)])
        heads = [
            (text(pgettext("heading of a table", "held")), False),
            *((text(_(CONVENTIONS[trace.convention].short)), True) for trace in self.traces),
        ]
        caption = _filled(_("How long it was held on average (%(how)s)"), how=link("def-held", _("how?")))
        held = table(caption, heads, rows) if rows else ""
        exact = next((trace for trace in self.traces if trace.total.days_to_exit.quantiles), None)
        quantiles = ""
        if exact is not None and exact.total.days_to_exit.quantiles:
            quantiles = table(
                _filled(
                    _("From issue until it left, by %(convention)s (%(how)s)"),
                    convention=text(_(CONVENTIONS[exact.convention].name)),
                    how=link("def-exit", _("how?")),
                ),
                [(text(_("of what left")), False), (text(pgettext("heading of a table", "within")), True)],
                [
                    [text(_("the first %(share)s") % {"share": speech.percent(per_cent, 0)}), days(value)]
                    for per_cent, value in sorted(exact.total.days_to_exit.quantiles.items())
                ],
            )
        return (
            f"<section aria-labelledby=long><h2 id=long>{text(_('How long it took'))}</h2><div class=beside>"
            f"<div>{held}</div><div>{quantiles}</div></div></section>"
        )

    # --- Where it arrived ---

    def where(self) -> str:
        told = [self._reach(name, groups) for name, groups in self.groups.items() if groups is not None]
        if not told:
            return ""
        words = _filled(
            _("With its first payment, its second and so on (%(how)s), followed by %(convention)s."),
            how=link("def-reach", _("how?")),
            convention=text(_(CONVENTIONS[self.first.convention].name)),
        )
        return (
            f"<section aria-labelledby=where><h2 id=where>{text(_('Where it arrived'))}</h2><p>{words}</p>"
            + "".join(told)
            + "</section>"
        )

    def _reach(self, dimension: str, groups: Groups) -> str:
        words = _dimension(dimension)
        found = disclosure.reach(self.total, dimension, groups)
        size = {group: sum(hops.values()) for group, hops in found.items()}
        ranked = sorted((group for group in found if size[group] > 0), key=lambda group: (-size[group], group))
        all_ = sum(size.values())
        rows = [
            [
                named(_told(group)),
                whole(groups.accounts.get(group, 0)),
                *(self.money.whole(found[group].get(hop, 0)) for hop in range(1, STAGES + 1)),
                share(size[group], all_),
                bar([("", size[group])], max(size.values())),
            ]
            for group in ranked[:MOST_REACHED]
        ]
        title = _("What arrived, by %(dimension)s, %(unit)s") % {"dimension": words, "unit": self.money.unit}
        return f"<h3>{text(_('By %(dimension)s') % {'dimension': words})}</h3>" + table(
            text(title),
            [
                (text(words), False),
                (text(_("accounts")), True),
                *((text(_(name)), True) for name in WITH_PAYMENT),
                (text(pgettext("heading of a table", "share")), True),
                ("", False),
            ],
            rows,
        ).replace('<th scope="col"></th>', "<td></td>")

    # --- Cohorts and ways ---

    def cohorts(self) -> str:
        listed, rest = disclosed.split(self.read.ledger, self.first, self.least)
        rows = [self._cohort(named(_cohort(cohort.label)), cohort) for cohort in listed]
        if rest:
            label = ngettext("%(count)s further cohort", "%(count)s further cohorts", len(rest))
            rows.append(self._cohort(text(label % {"count": whole(len(rest))}), disclosed.together(FURTHER, rest)))
        if self.first.unknown_origin.issued:
            rows.append(self._cohort(text(_("unknown origin")), self.first.unknown_origin))
        words = _filled(
            _(
                "Each %(cohort)s by itself, followed by %(convention)s. What was issued lately has had less time to move: "
                "compare cohorts of the same age only."
            ),
            cohort=link("def-cohort", _("cohort")),
            convention=text(_(CONVENTIONS[self.first.convention].name)),
        )
        return (
            f"<section aria-labelledby=cohorts><h2 id=cohorts>{text(_('What was issued when'))}</h2><p>{words}</p>"
            + table(
                text(_("Cohorts, %(unit)s") % {"unit": self.money.unit}),
                [
                    (text(_("cohort")), False),
                    (link("def-issued", _("issued")), True),
                    (link("def-redeemed", _("redeemed")), True),
                    (link("def-expired", _("run out")), True),
                    (link("def-heldnow", _("still held")), True),
                    (link("def-multiplier", _("multiplier")), True),
                    (link("def-hops", _("payments before it left")), True),
                    (link("def-exit", _("days until it left")), True),
                ],
                rows,
                foot=self._cohort(text(_("Together")), self.total),
            )
            + "</section>"
        )

    def _cohort(self, label: str, cohort: CohortTrace) -> list[str]:
        return [
            label,
            self.money.exact(cohort.issued),
            *(
                f"{self.money.exact(amount)} <span class=soft>{share(amount, cohort.issued)}</span>"
                for amount in (cohort.redeemed, cohort.expired, cohort.held)
            ),
            number(cohort.multiplier),
            number(cohort.mean_hops),
            number(cohort.days_to_exit.mean, 1),
        ]

    def ways(self) -> str:
        trace = next((trace for trace in self.traces if trace.paths), None)
        if trace is None:
            return ""
        told = []
        for dimension, found in trace.paths.items():
            groups, shown = self.groups.get(dimension), self.shown.get(dimension)
            if groups is None or shown is None:
                continue
            kept = disclosure.paths(found, groups, shown.flows, self.least)
            if not kept:
                continue
            arrow = f" {speech.arrow()} "
            rows = [
                [
                    arrow.join(named(_told(label)) for label in path.labels)
                    + f"{arrow}<em>{text(_told(path.end))}</em>",
                    self.money.exact(path.amount),
                    share(path.amount, trace.total.issued),
                    whole(path.holders),
                ]
                for path in kept[:MOST_PATHS]
            ]
            by = {"dimension": _dimension(dimension), "unit": self.money.unit}
            told.append(
                f"<h3>{text(_('By %(dimension)s') % by)}</h3>"
                + table(
                    text(_("Most used ways, by %(dimension)s, %(unit)s") % by),
                    [
                        (text(pgettext("heading of a table", "way")), False),
                        (text(_("amount")), True),
                        (text(_("of all")), True),
                        (text(_("accounts at its end")), True),
                    ],
                    rows,
                )
            )
        none = _("No way was taken by enough different accounts to be told here (%(least)s at each step).")
        said = "".join(told) or f"<p>{text(none % {'least': whole(self.least)})}</p>"
        words = _filled(
            _("From its first holder to where it left or lies now (%(how)s), followed by %(convention)s."),
            how=link("def-way", _("how?")),
            convention=text(_(CONVENTIONS[trace.convention].name)),
        )
        return f"<section aria-labelledby=ways><h2 id=ways>{text(_('Ways it took'))}</h2><p>{words}</p>{said}</section>"

    # --- What to know ---

    def notes(self) -> str:
        told = [message for _code, message in results.notes(self.read, self.traces)]
        if self.least > 1:
            told.append(
                _(
                    "Groups and cohorts of fewer than %(least)s accounts, and groups of which one account makes up more than "
                    "%(share)s, are told together as “%(small)s” or “%(further)s”. So are flows between groups, and as many "
                    "others as it takes for none of them to follow from the sums."
                )
                % {
                    "least": whole(self.least),
                    "share": speech.percent(100 * disclosure.DOMINANT, 0),
                    "small": _told(SMALL),
                    "further": _told(FURTHER),
                }
            )
            told.append(
                _("The data files beside this page say no more than it does.")
                if self.document["asked"]["disclosed"]
                else _("The data files beside this page hold everything: look at them before you pass them on.")
            )
        else:
            told.append(
                _("This page names every group, however small: think of who could be recognised before you pass it on.")
            )
        return (
            f"<section aria-labelledby=notes><h2 id=notes>{text(_('About this file'))}</h2><ul>"
            + "".join(f"<li>{text(one)}</li>" for one in told)
            + "</ul></section>"
        )

    def words(self) -> str:
        conventions = "".join(
            f"<dt>{text(_(CONVENTIONS[trace.convention].name))}</dt><dd>{text(_(CONVENTIONS[trace.convention].meaning))}</dd>"
            for trace in self.traces
        )
        return (
            f"<section aria-labelledby=words><h2 id=words>{text(_('What the figures mean'))}</h2><dl class=words>"
            + "".join(
                f'<dt id="def-{name}">{text(_(word))}</dt><dd>{text(_(meaning))}</dd>'
                for name, (word, meaning) in DEFINITIONS.items()
            )
            + conventions
            + "</dl></section>"
        )


def whole(count: int) -> str:
    return speech.decimal(count, 0)


def _apart(flows: FlowMatrix) -> tuple[dict[tuple[str, str], int], list[int]]:
    """Amounts above zero by name of payer and payee, and those that are told together only."""
    amounts, kept = {}, []
    hidden = np.ma.getmaskarray(flows.amounts)
    data = np.ma.getdata(flows.amounts)
    for row, column in zip(*np.nonzero(data), strict=True):
        amount = int(data[row, column])
        if hidden[row, column]:
            kept.append(amount)
        elif amount > 0:
            amounts[flows.rows[row], flows.columns[column]] = amount
    return amounts, kept


def _filled(sentence: str, **parts: str) -> str:
    """A sentence with pieces of markup in it."""
    return text(sentence) % parts


def _code(words: str) -> str:
    return f"<code dir=ltr>{text(words)}</code>"


def _day(instant: str) -> str:
    try:
        return speech.day(date.fromisoformat(instant[:10]))
    except ValueError:
        return instant[:10]


def _per_cent(value: float | None) -> str:
    return "—" if value is None else speech.percent(value, 1)


def _cohort(label: str) -> str:
    return _(COHORTS[label]) if label in COHORTS else label


def _dimension(name: str) -> str:
    return _(DIMENSIONS[name]) if name in DIMENSIONS else name


def _told(label: str, others: int = 0) -> str:
    if label == OTHERS:
        return ngettext("%(count)s other group", "%(count)s other groups", others) % {"count": whole(others)}
    if label == HIDDEN:
        return _("told together")
    known = PLAIN.get(label) or ENDINGS.get(label)
    return _(known) if known else label


def _kind(label: str) -> str:
    return {"issued": "issued", UNKNOWN_ORIGIN: "unknown", HIDDEN: "unknown"}.get(label, label if label in ENDS else "")


def _place(label: str) -> str:
    return label if label in ENDS else f"to:{label}"


def _anchor(words: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in words)

"""The result as one page that anybody can open, keep and print: no network, no script, a table beside every drawing."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from koinon.impact.files import disclosure
from koinon.impact.files.disclosure import FURTHER, SMALL, Groups
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
from koinon.impact.files.types import LedgerFile
from koinon.impact.files.words import ANCHORS, CONVENTIONS, DEFINITIONS, DIMENSIONS, ENDINGS, HOPS, PLAIN
from koinon.impact.sankey import Link, Node
from koinon.impact.tracing.types import UNKNOWN_ORIGIN, CohortTrace, Role, Trace

MOST_GROUPS = 10
MOST_COHORTS = 60
MOST_PATHS = 12
MOST_FLOWS = 12
MOST_REACHED = 40
STAGES = 4


def page(
    read: LedgerFile, traces: Sequence[Trace], document: Mapping[str, Any], *, title: str | None, least: int
) -> str:
    """The whole page. ``least``: no group of fewer accounts is named."""
    report = _Report(read, traces, document, least)
    style = files("koinon.impact.files").joinpath("report.css").read_text(encoding="utf-8")
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    heading = title or f"What every {read.ledger.unit.removesuffix('s')} did"
    body = "".join(report.sections())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
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
        self.money = Money(read.ledger.unit, read.ledger.exponent)
        self.groups: dict[str, Groups | None] = {
            name: disclosure.groups(read.ledger, name, least) for name in self.first.flows
        }

    # --- What frames it ---

    def about(self) -> str:
        file = self.document["file"]
        period = f"{file['first'][:10]} to {file['last'][:10]}" if file["first"] else "no transfers"
        return (
            f"{file['transfers']:,} transfers between {file['accounts']:,} accounts, {period}. Amounts in "
            f"{text(self.money.unit)}."
        )

    def contents(self) -> str:
        places = [
            ("flow", "From whom to whom"),
            ("often", "How often"),
            ("long", "How long"),
            ("where", "Where it arrived"),
        ]
        places += [("cohorts", "What was issued when")]
        places += [("ways", "Ways it took")] if any(trace.paths for trace in self.traces) else []
        places += [("notes", "About this file"), ("words", "What the figures mean")]
        return (
            "<nav aria-label=Contents><ul>"
            + "".join(f"<li>{link(at, words)}</li>" for at, words in places)
            + "</ul></nav>"
        )

    def origin(self) -> str:
        file = self.document["file"]
        digests = "".join(
            f"<p>Result by {text(CONVENTIONS[trace.convention].name)}: <code>{text(trace.digest)}</code>, "
            f"conservation error {text(trace.conservation_error)}.</p>"
            for trace in self.traces
        )
        beside = (
            f"<p>{text(file['accounts_file'])}: SHA-256 <code>{text(file['accounts_sha256'])}</code></p>"
            if file["accounts_file"]
            else ""
        )
        return (
            "<p>Anybody who has the same file gets the same figures:</p>"
            f"<pre><code>{text(shlex.join(self.document['asked']['command']))}</code></pre>"
            f"<p>{text(file['name'])}: SHA-256 <code>{text(file['sha256'])}</code></p>{beside}{digests}"
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
        parts = [
            f"{share(amount, total.issued)} {words}"
            for amount, words in (
                (total.redeemed, "was turned back into money"),
                (total.expired, "ran out unspent"),
                (total.withdrawn, "was taken back"),
                (total.held, "is still held by somebody"),
            )
            if amount
        ]
        sentence = f"{self.money.whole(issued)} {text(self.money.unit)} were issued. " if issued else ""
        if unknown.issued:
            sentence += (
                f"Another {self.money.whole(unknown.issued)} were paid without having been issued in this file. "
            )
        if len(parts) > 1:
            sentence += ", ".join(parts[:-1]) + " and " + parts[-1] + ". "
        elif parts:
            sentence += f"{parts[0]}. "
        if total.multiplier is not None:
            sentence += f"On the way, each {text(self.money.unit.removesuffix('s'))} was paid on {number(total.multiplier)} times on average."
        tiles = [
            ("issued", "Issued", self.money.whole(issued), ""),
            ("volume", "Paid on, in all", self.money.whole(total.volume), ""),
            ("multiplier", "Multiplier", number(total.multiplier), "payments for each unit issued"),
            ("exit", "Left after", *self._between([trace.total.days_to_exit.mean for trace in self.traces], days)),
            (
                "hops",
                "Payments before it left",
                *self._between([trace.total.mean_hops for trace in self.traces], number),
            ),
        ]
        for name, words, amounts in (
            ("sse", "Through social enterprises", [trace.total.through_sse for trace in self.traces]),
            ("zone", "Stayed in its zone", [trace.total.stayed_in_zone for trace in self.traces]),
        ):
            dimension = "sse" if name == "sse" else "zone"
            if all(amount is not None for amount in amounts) and self._is_known(dimension):
                shares = [
                    None if not trace.total.issued else 100 * float(amount or 0) / float(trace.total.issued)
                    for trace, amount in zip(self.traces, amounts, strict=True)
                ]
                tiles.append((name, words, *self._between(shares, lambda per: "—" if per is None else f"{per:.1f}%")))
        return (
            f"<section aria-labelledby=short><h2 id=short>In short</h2><p class=lead>{sentence}</p>{self._became()}<dl class=tiles>"
            + "".join(
                f"<div><dt>{link(f'def-{name}', words)}</dt><dd>{figure}{f' <small>{small}</small>' if small else ''}</dd></div>"
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
            f"{link(f'def-{ANCHORS[kind]}', ENDINGS[kind])} {share(amount, self.total.issued)}</li>"
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
            return f"<p>Units in a purse are alike. Followed here: {link('def-convention', CONVENTIONS[self.first.convention].name)}.</p>"
        names = " and ".join(CONVENTIONS[trace.convention].name for trace in self.traces)
        return (
            f"<p>Units in a purse are alike, so which of them a payment takes is a {link('def-convention', 'convention')}. "
            f"Followed here by {text(names)}; where they differ, both figures are given.</p>"
        )

    def _between(self, values: Sequence[float | None], written: Any) -> tuple[str, str]:
        """One figure, or both ends where conventions differ."""
        told = [written(value) for value in values]
        if len(set(told)) == 1:
            return told[0], ""
        small = ", ".join(
            f"{CONVENTIONS[trace.convention].short} {one}" for trace, one in zip(self.traces, told, strict=True)
        )
        known = sorted(value for value in values if value is not None)
        if len(known) < 2:
            return written(known[0]) if known else "—", small
        low, high = written(known[0]), written(known[-1])
        words = low.rsplit(" ", 1)[-1]
        if words == high.rsplit(" ", 1)[-1] and words != low:
            low = low.removesuffix(f" {words}")
        elif low.endswith("%") and high.endswith("%"):
            low = low.removesuffix("%")
        return f"{low} to {high}", small

    # --- From whom to whom ---

    def flow(self) -> str:
        drawn = [self._flow(name) for name in self.first.flows]
        return (
            "<section aria-labelledby=flow><h2 id=flow>From whom to whom</h2>"
            f"<p>Every payment of the period, what came in and where it went ({link('def-flow', 'how?')}). A group stands on "
            "both sides: on the right with what it received, on the left with what it passed on.</p>"
            + "".join(drawn)
            + "</section>"
        )

    def _flow(self, dimension: str) -> str:
        words = DIMENSIONS.get(dimension, dimension)
        told = self.groups[dimension]
        if told is None:
            return (
                f"<h3>By {text(words)}</h3><p>Not shown: the groups have fewer than {self.least} accounts, or one account "
                "makes up nearly all of them. Whoever has the file can name all with <code>--least 1</code>.</p>"
            )
        amounts = {
            pair: amount
            for pair, amount in self._few(disclosure.flows(self.first.flows[dimension], told)).items()
            if amount > 0
        }
        payers = self._ordered({pair[0] for pair in amounts}, amounts, 0)
        payees = self._ordered({pair[1] for pair in amounts}, amounts, 1)
        nodes = [Node(f"from:{one}", _told(one), 0) for one in payers]
        nodes += [Node(_place(one), _told(one), 1) for one in payees]
        kinds = {f"from:{one}": _kind(one) for one in payers} | {_place(one): _kind(one) for one in payees}
        links = [Link(f"from:{source}", _place(target), amount) for (source, target), amount in amounts.items()]
        whole = sum(amounts.values())
        largest = sorted(amounts.items(), key=lambda item: (-item[1], item[0]))
        picture = flow_diagram(
            f"flow-{_anchor(dimension)}",
            f"Flows by {words}",
            "The table beside it says the same: "
            + "; ".join(
                f"{_told(source)} to {_told(target)} {share(amount, whole)}" for (source, target), amount in largest[:3]
            ),
            nodes,
            links,
            {key: kind if kind in ENDS or kind in ("issued", "unknown") else "" for key, kind in kinds.items()},
            self.money,
        )
        rows = [
            [f"{named(_told(source))} → {named(_told(target))}", self.money.exact(amount), share(amount, whole)]
            for (source, target), amount in largest[:MOST_FLOWS]
        ]
        if len(largest) > MOST_FLOWS:
            rest = sum(amount for _, amount in largest[MOST_FLOWS:])
            rows.append([f"{len(largest) - MOST_FLOWS} smaller flows", self.money.exact(rest), share(rest, whole)])
        return (
            f"<h3>By {text(words)}</h3><div class=beside><figure>{picture}</figure>"
            + table(
                f"Flows by {text(words)}, {text(self.money.unit)}",
                [("from → to", False), ("amount", True), ("share", True)],
                rows,
                foot=["Together", self.money.exact(whole), share(whole, whole)],
            )
            + "</div>"
        )

    def _few(self, amounts: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
        """At most ten groups by name, so that the drawing can be read; the rest as one."""
        size: dict[str, int] = {}
        for pair, amount in amounts.items():
            for one in set(pair):
                if one not in ENDINGS:
                    size[one] = size.get(one, 0) + abs(amount)
        ranked = sorted(size, key=lambda one: (-size[one], one))
        if len(ranked) <= MOST_GROUPS:
            return dict(amounts)
        kept = {*ranked[: MOST_GROUPS - 1], *ENDINGS}
        others = f"{len(ranked) - MOST_GROUPS + 1} others"
        found: dict[tuple[str, str], int] = {}
        for (source, target), amount in amounts.items():
            pair = (source if source in kept else others, target if target in kept else others)
            found[pair] = found.get(pair, 0) + amount
        return found

    @staticmethod
    def _ordered(there: set[str], amounts: Mapping[tuple[str, str], int], side: int) -> list[str]:
        size = {one: sum(amount for pair, amount in amounts.items() if pair[side] == one) for one in there}
        first = [one for one in ("issued", UNKNOWN_ORIGIN) if one in there]
        last = [one for one in ("redeemed", "expired", "withdrawn", "held") if one in there]
        return first + sorted(there - {*first, *last}, key=lambda one: (-size[one], one)) + last

    # --- How often, and how long ---

    def often(self) -> str:
        tables = "".join(self._stages(trace) for trace in self.traces)
        return (
            "<section aria-labelledby=often><h2 id=often>How often it was paid on</h2>"
            f"<p>Of everything that came in: how much was paid at least so many times, and where it stopped ({link('def-hops', 'how?')}).</p>"
            "<ul class=key>"
            '<li><svg viewBox="0 0 14 14" aria-hidden="true"><rect width="14" height="14"/></svg>paid on</li>'
            '<li><svg viewBox="0 0 14 14" aria-hidden="true"><rect class="left" width="14" height="14"/></svg>left here, redeemed or run out</li>'
            '<li><svg viewBox="0 0 14 14" aria-hidden="true"><rect class="held" width="14" height="14"/></svg>still held here</li></ul>'
            + tables
            + "</section>"
        )

    def _stages(self, trace: Trace) -> str:
        total = trace.total
        arrived: list[float] = [float(total.issued)]
        labels = next(iter(total.reach.values()), {})
        arrived += [float(sum(hops.get(hop, 0) for hops in labels.values())) for hop in range(1, STAGES + 1)]
        rows = []
        for stage in range(STAGES + 1):
            last = stage == STAGES
            onward = 0.0 if last else arrived[stage + 1]
            left = float(sum(total.by_hops[stage:]) if last else total.by_hops[stage])
            left = min(left, max(0.0, arrived[stage] - onward))
            stays = max(0.0, arrived[stage] - onward - left)
            rows.append(
                [
                    HOPS[stage],
                    self.money.whole(arrived[stage]),
                    share(arrived[stage], arrived[0]),
                    "" if last else self.money.whole(onward),
                    self.money.whole(left),
                    self.money.whole(stays),
                    bar([("", onward), ("left", left), ("held", stays)], arrived[0]),
                ]
            )
        return table(
            f"Followed by {text(CONVENTIONS[trace.convention].name)}, {text(self.money.unit)}",
            [
                ("payments", False),
                ("came this far", True),
                ("of all", True),
                ("paid on", True),
                ("left here", True),
                ("still held here" + (" or taken back" if total.withdrawn else ""), True),
                ("", False),
            ],
            rows,
        ).replace('<th scope="col"></th>', "<td></td>")

    def long(self) -> str:
        rows = []
        for place in range(STAGES + 1):
            figures = [
                trace.total.days_by_hop[place] if place < len(trace.total.days_by_hop) else None
                for trace in self.traces
            ]
            if any(figure is not None for figure in figures):
                rows.append([f"after {HOPS[place]}" if place else "before the first payment", *map(days, figures)])
        heads = [("held", False), *((text(CONVENTIONS[trace.convention].short), True) for trace in self.traces)]
        held = table(f"How long it was held on average ({link('def-held', 'how?')})", heads, rows) if rows else ""
        exact = next((trace for trace in self.traces if trace.total.days_to_exit.quantiles), None)
        quantiles = ""
        if exact is not None and exact.total.days_to_exit.quantiles:
            named = exact.total.days_to_exit.quantiles
            quantiles = table(
                f"From issue until it left, by {text(CONVENTIONS[exact.convention].name)} ({link('def-exit', 'how?')})",
                [("of what left", False), ("within", True)],
                [[f"the first {per_cent}%", days(value)] for per_cent, value in sorted(named.items())],
            )
        return (
            "<section aria-labelledby=long><h2 id=long>How long it took</h2><div class=beside>"
            f"<div>{held}</div><div>{quantiles}</div></div></section>"
        )

    # --- Where it arrived ---

    def where(self) -> str:
        told = [self._reach(name, groups) for name, groups in self.groups.items() if groups is not None]
        if not told:
            return ""
        return (
            "<section aria-labelledby=where><h2 id=where>Where it arrived</h2>"
            f"<p>With its first payment, its second and so on ({link('def-reach', 'how?')}), followed by "
            f"{text(CONVENTIONS[self.first.convention].name)}.</p>" + "".join(told) + "</section>"
        )

    def _reach(self, dimension: str, groups: Groups) -> str:
        words = DIMENSIONS.get(dimension, dimension)
        found = disclosure.reach(self.total, dimension, groups)
        size = {group: sum(hops.values()) for group, hops in found.items()}
        ranked = sorted((group for group in found if size[group] > 0), key=lambda group: (-size[group], group))
        whole = sum(size.values())
        rows = [
            [
                named(_told(group)),
                f"{groups.accounts.get(group, 0):,}",
                *(self.money.whole(found[group].get(hop, 0)) for hop in range(1, STAGES + 1)),
                share(size[group], whole),
                bar([("", size[group])], max(size.values())),
            ]
            for group in ranked[:MOST_REACHED]
        ]
        return f"<h3>By {text(words)}</h3>" + table(
            f"What arrived, by {text(words)}, {text(self.money.unit)}",
            [
                (text(words), False),
                ("accounts", True),
                *((f"{name} payment", True) for name in ("1st", "2nd", "3rd", "4th")),
                ("share", True),
                ("", False),
            ],
            rows,
        ).replace('<th scope="col"></th>', "<td></td>")

    # --- Cohorts and ways ---

    def cohorts(self) -> str:
        listed, together = self._cohorts()
        rows = [self._cohort(cohort.label, [cohort]) for cohort in listed]
        if together:
            rows.append(self._cohort(f"{len(together)} {FURTHER}", together))
        if self.first.unknown_origin.issued:
            rows.append(self._cohort(f"{UNKNOWN_ORIGIN}", [self.first.unknown_origin]))
        return (
            "<section aria-labelledby=cohorts><h2 id=cohorts>What was issued when</h2>"
            f"<p>Each {link('def-cohort', 'cohort')} by itself, followed by {text(CONVENTIONS[self.first.convention].name)}. "
            "What was issued lately has had less time to move: compare cohorts of the same age only.</p>"
            + table(
                f"Cohorts, {text(self.money.unit)}",
                [
                    ("cohort", False),
                    (link("def-issued", "issued"), True),
                    (link("def-redeemed", "redeemed"), True),
                    (link("def-expired", "run out"), True),
                    (link("def-heldnow", "still held"), True),
                    (link("def-multiplier", "multiplier"), True),
                    (link("def-hops", "payments before it left"), True),
                    (link("def-exit", "days until it left"), True),
                ],
                rows,
                foot=self._cohort("Together", [self.total]),
            )
            + "</section>"
        )

    def _cohorts(self) -> tuple[list[CohortTrace], list[CohortTrace]]:
        small = disclosure.small_cohorts(self.read.ledger, self.least) if self.least > 1 else set()
        large = [place for place in range(len(self.first.cohorts)) if place not in small]
        cut = set(large)
        if len(large) > MOST_COHORTS:
            cut = set(sorted(large, key=lambda place: -self.first.cohorts[place].issued)[:MOST_COHORTS])
        return (
            [cohort for place, cohort in enumerate(self.first.cohorts) if place in cut],
            [cohort for place, cohort in enumerate(self.first.cohorts) if place not in cut and cohort.issued],
        )

    def _cohort(self, label: str, parts: Sequence[CohortTrace]) -> list[str]:
        def sum_of(name: str) -> float:
            return float(sum(getattr(part, name) for part in parts)) if len(parts) > 1 else getattr(parts[0], name)

        def mean(pairs: Sequence[tuple[float | None, float]]) -> float | None:
            weight = sum(amount for value, amount in pairs if value is not None)
            return sum(value * amount for value, amount in pairs if value is not None) / weight if weight else None

        issued = sum_of("issued")
        return [
            named(label),
            self.money.exact(issued),
            *(
                f"{self.money.exact(sum_of(name))} <span class=soft>{share(sum_of(name), issued)}</span>"
                for name in ("redeemed", "expired", "held")
            ),
            number(sum_of("volume") / issued if issued else None),
            number(mean([(part.mean_hops, float(part.redeemed + part.expired)) for part in parts])),
            number(mean([(part.days_to_exit.mean, float(part.days_to_exit.amount)) for part in parts]), 1),
        ]

    def ways(self) -> str:
        trace = next((trace for trace in self.traces if trace.paths), None)
        if trace is None:
            return ""
        told = []
        for dimension, found in trace.paths.items():
            groups = self.groups.get(dimension)
            kept = disclosure.paths(found, groups, self.least) if groups is not None else []
            if not kept:
                continue
            rows = [
                [
                    " → ".join(named(_told(label)) for label in path.labels)
                    + f" → <em>{text(ENDINGS.get(path.end, path.end))}</em>",
                    self.money.exact(path.amount),
                    share(path.amount, trace.total.issued),
                    f"{path.holders:,}",
                ]
                for path in kept[:MOST_PATHS]
            ]
            words = DIMENSIONS.get(dimension, dimension)
            told.append(
                f"<h3>By {text(words)}</h3>"
                + table(
                    f"Most used ways, by {text(words)}, {text(self.money.unit)}",
                    [("way", False), ("amount", True), ("of all", True), ("accounts at its end", True)],
                    rows,
                )
            )
        said = (
            "".join(told)
            or f"<p>No way was taken by enough different accounts to be told here ({self.least} at each step).</p>"
        )
        return (
            "<section aria-labelledby=ways><h2 id=ways>Ways it took</h2>"
            f"<p>From its first holder to where it left or lies now ({link('def-way', 'how?')}), followed by "
            f"{text(CONVENTIONS[trace.convention].name)}.</p>{said}</section>"
        )

    # --- What to know ---

    def notes(self) -> str:
        told = [text(note["message"]) for note in self.document["notes"]]
        if self.least > 1:
            told.append(
                f"Groups and cohorts of fewer than {self.least} accounts, and groups of which one account makes up more than "
                f"85%, are told together as “{SMALL}” or “{FURTHER}”. A flow between two of the groups that are "
                "named may still be that of few of their accounts. The data files beside this page hold everything: look "
                "at them before you pass them on."
            )
        else:
            told.append(
                "This page names every group, however small: think of who could be recognised before you pass it on."
            )
        return (
            "<section aria-labelledby=notes><h2 id=notes>About this file</h2><ul>"
            + "".join(f"<li>{one}</li>" for one in told)
            + "</ul></section>"
        )

    def words(self) -> str:
        conventions = "".join(
            f"<dt>{text(CONVENTIONS[trace.convention].name)}</dt><dd>{text(CONVENTIONS[trace.convention].meaning)}</dd>"
            for trace in self.traces
        )
        return (
            "<section aria-labelledby=words><h2 id=words>What the figures mean</h2><dl class=words>"
            + "".join(
                f'<dt id="def-{name}">{text(word)}</dt><dd>{text(meaning)}</dd>'
                for name, (word, meaning) in DEFINITIONS.items()
            )
            + conventions
            + "</dl></section>"
        )


def _told(label: str) -> str:
    return PLAIN.get(label) or ENDINGS.get(label, label)


def _kind(label: str) -> str:
    return {"issued": "issued", UNKNOWN_ORIGIN: "unknown"}.get(label, label if label in ENDS else "")


def _place(label: str) -> str:
    return label if label in ENDS else f"to:{label}"


def _anchor(words: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in words)

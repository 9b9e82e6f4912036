"""The one way in which staff pages list things: filtered, sorted, paged by key, exported, the columns chosen.

A table is declared once, beside its view; its rows come from a statement that
names the town, or from values at hand:

    PAYMENTS = Table(
        name="run-payments",
        title=_("Payments"),
        source=statement("koinon.treasury", "payments_listed"),   # SELECT … WHERE town_id = %(town_id)s AND …
        columns=[
            Column("id", _("Payment"), Kind.CODE),
            Column("party", _("Shop"), Kind.PARTY),
            Column("state", _("State"), Kind.STATE, words=words.PAYMENT_STATES),
            Column("amount_minor", _("Amount"), Kind.MONEY, national=True),
        ],
        sort="-amount_minor",
    )

    def run(request, run):
        return tables.render(request, "…/run.html", {"payments": PAYMENTS.read(request, run_id=run)})

The page shows it by ``{% include "koinon/parts/table.html" with table=payments %}``.
``render`` answers ``?export=csv``, ``xlsx`` and ``json`` with the file instead of
the page. A ``PARTY`` column holds ids and shows names to those alone who may see
them (``names.py``). docs/reference/tables.md says all of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render as render_page
from django.urls import reverse

if TYPE_CHECKING:
    from koinon.web.listing import Listing

Row = Mapping[str, Any]
SIZES = (25, 50, 100, 200)


class Kind(StrEnum):
    """What a column holds: how it is shown, filtered, sorted and exported."""

    TEXT = "text"
    CODE = "code"  # An opaque id or a code, compared as text; long ids show their end.
    NUMBER = "number"
    MONEY = "money"  # Whole minor units of the town's unit, or with ``national`` of its currency.
    DAY = "day"
    MONTH = "month"  # YYYY-MM
    INSTANT = "instant"
    STATE = "state"  # A code with a word and a colour; filtered by choosing among ``words``.
    FLAG = "flag"
    PARTY = "party"  # The id of a party; shown as its name to whoever may see it, else as its number.


# As which type PostgreSQL compares what a filter or a page's last row says.
SQL_TYPES = {
    Kind.TEXT: "text",
    Kind.CODE: "text",
    Kind.NUMBER: "numeric",
    Kind.MONEY: "bigint",
    Kind.DAY: "date",
    Kind.MONTH: "text",
    Kind.INSTANT: "timestamptz",
    Kind.STATE: "text",
    Kind.FLAG: "boolean",
    Kind.PARTY: "uuid",
}


@dataclass(frozen=True)
class Column:
    """One column: the name its rows give it, its heading, and what it holds."""

    name: str
    title: Any
    kind: Kind = Kind.TEXT
    # Code to word: for STATE always, for TEXT and CODE where the values are codes of a closed list.
    words: Mapping[str, Any] | None = None
    # Where a cell leads: the name of an address, whose only argument is ``link_to``'s value (its own without it).
    link: str = ""
    link_to: str = ""
    national: bool = False
    signed: bool = False
    # Filtered and sorted unless said otherwise; a column that ``value`` computes can be neither.
    filtered: bool = True
    sorted: bool = True
    nullable: bool = True  # False lets an index serve pages in this column's order.
    hidden: bool = False  # Offered among the columns, and not shown at first.
    value: Callable[[Row], Any] | None = None
    template: str = ""  # Draws the cell from ``row``; for buttons. Never exported.

    @property
    def is_listed(self) -> bool:
        """Whether its values stand in the rows, so that PostgreSQL can compare them."""
        return self.value is None and not self.template

    @property
    def may_filter(self) -> bool:
        return self.filtered and self.is_listed

    @property
    def may_sort(self) -> bool:
        return self.sorted and self.is_listed

    @property
    def is_figure(self) -> bool:
        return self.kind in (Kind.NUMBER, Kind.MONEY)

    @property
    def is_choice(self) -> bool:
        return self.words is not None or self.kind is Kind.FLAG

    @property
    def is_range(self) -> bool:
        return self.kind in (Kind.NUMBER, Kind.MONEY, Kind.DAY, Kind.MONTH, Kind.INSTANT)


@dataclass(frozen=True)
class Bulk:
    """Something that can be done to many rows at once.

    Its button posts ``action`` (the name), the keys picked (``pick``), or with
    ``scope=all`` the list's ``query``, to the address called ``to``, whose page
    shows first what will happen.
    """

    name: str
    title: Any
    to: str = "office-many"

    @property
    def url(self) -> str:
        return reverse(self.to)


@dataclass(frozen=True)
class Table:
    """A list as staff see it. ``name`` is its own among all tables: saved filters and the audit trail know it by that."""

    name: str
    title: Any
    columns: Sequence[Column]
    source: str = ""  # SQL; every parameter by name, %(town_id)s among them. Empty where rows are given.
    key: str = "id"  # A column of the rows, one of a kind, that breaks ties and is picked by bulk actions.
    key_type: str = "uuid"
    sort: str = ""  # A column's name, with a minus before it for the largest first; the key without it.
    size: int = 50
    prefix: str = ""  # Before its parameters in the address, where a page has several tables.
    hint: Any = ""  # A sentence below the heading.
    empty: Any = ""  # What stands there when nothing does.
    bulk: Sequence[Bulk] = field(default_factory=tuple)
    search: bool = True  # One field that looks in every TEXT, CODE and PARTY column.
    exported: bool = True

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)

    def read(
        self,
        request: HttpRequest,
        rows: Sequence[Any] | None = None,
        *,
        bulk: Sequence[Bulk] | None = None,
        query: QueryDict | None = None,
        **params: Any,
    ) -> Listing:
        """The rows this request asks for, of ``source`` with these parameters or among ``rows``.

        ``rows`` are mappings or dataclasses. ``town_id`` is the seat's unless given;
        ``query`` stands for the address where that is another page's.
        Nothing is asked of the database before the page or the file needs it.
        """
        from koinon.web.listing import Listing

        table = self if bulk is None else dataclasses.replace(self, bulk=bulk)
        return Listing(table, request, rows, params, query)


def render(request: HttpRequest, template: str, context: Mapping[str, Any], status: int = 200) -> HttpResponse:
    """The page, or the file that one of its tables is asked for."""
    from koinon.web.listing import Listing

    for value in context.values():
        if isinstance(value, Listing) and value.export_asked:
            return value.file()
    return render_page(request, template, dict(context), status=status)


def address(column: Column, row: Row) -> str:
    """Where a cell leads; empty where it leads nowhere."""
    target = row.get(column.link_to or column.name) if column.link else None
    return reverse(column.link, args=[target]) if target not in (None, "") else ""

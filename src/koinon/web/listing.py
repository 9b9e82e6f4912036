"""One table as one request asks for it: which rows, in which order, from which row on, with which columns."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _
from psycopg import sql
from psycopg.rows import dict_row

from koinon.kernel.money import Amount
from koinon.kernel.periods import Month
from koinon.office.queries import filters
from koinon.office.types import SavedFilter
from koinon.parties.connection import raw
from koinon.parties.naming import Name, pseudonym
from koinon.parties.rules import ascii_digits
from koinon.web import names
from koinon.web.access import seat_of
from koinon.web.forms import typed_amount
from koinon.web.tables import SIZES, SQL_TYPES, Column, Kind, Row, Table, address

COUNTED = 10_000  # Rows are counted up to here: nobody needs to know whether it is 80 or 90 thousand.
EXPORTED = 200_000  # A file of more rows is no longer read by anybody; it has to be filtered first.
LONGEST = 200  # Signs of what may be typed into a filter.


@dataclass(frozen=True, slots=True)
class Cell:
    """A value under its column, and where it leads."""

    column: Column
    value: Any
    row: Row
    link: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A row as the page shows it."""

    key: str
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Head:
    """A heading, and what choosing it does to the order."""

    column: Column
    url: str
    order: str  # "ascending", "descending" or empty


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a column's values in its filter."""

    code: str
    word: Any
    chosen: bool


@dataclass(frozen=True, slots=True)
class Field:
    """A column's filter, as it was filled in."""

    column: Column
    name: str
    value: str = ""
    low: str = ""
    high: str = ""
    choices: Sequence[Choice] = ()
    error: str = ""

    @property
    def is_set(self) -> bool:
        return bool(self.value or self.low or self.high or any(choice.chosen for choice in self.choices))


@dataclass(frozen=True, slots=True)
class _Condition:
    """What a filter asks for, ready for either kind of source."""

    column: Column
    low: Any = None
    high: Any = None  # Exclusive for instants, inclusive for everything else.
    one_of: tuple[Any, ...] = ()
    contains: str = ""


class Unreadable(ValueError):
    """What was typed into a filter means nothing there."""


class Listing:
    """The rows a request asks for of a table. Everything is worked out when it is first looked at."""

    def __init__(
        self,
        table: Table,
        request: HttpRequest,
        given: Sequence[Any] | None,
        params: Mapping[str, Any],
        query: QueryDict | None = None,
    ) -> None:
        self.table = table
        self.request = request
        self._address = request.GET if query is None else query
        self._given = None if given is None else [_as_row(row) for row in given]
        self._params = {"town_id": seat_of(request).town_id, **params} if self._given is None else dict(params)

    # --- What was asked ----------------------------------------------------------------------------

    def _asked(self, name: str) -> str:
        return self._address.get(self.table.prefix + name, "")[:LONGEST].strip()

    def _asked_all(self, name: str) -> list[str]:
        return self._address.getlist(self.table.prefix + name)[:100]

    @property
    def export_asked(self) -> str:
        asked = self._asked("export")
        return asked if self.table.exported and asked in ("csv", "xlsx", "json") else ""

    @cached_property
    def shows_names(self) -> bool:
        return names.names_asked(self.request)

    @cached_property
    def columns(self) -> list[Column]:
        """The columns to show: those chosen, in the table's own order, else those not hidden."""
        chosen = self._asked_all("col")
        wanted = [column for column in self.table.columns if column.name in chosen]
        return wanted or [column for column in self.table.columns if not column.hidden]

    @cached_property
    def order(self) -> tuple[Column, bool]:
        """The column that orders the rows, and whether the largest come first."""
        for asked in (self._asked("sort"), self.table.sort):
            column = self.table.column(asked.removeprefix("-"))
            if column is not None and column.may_sort:
                return column, asked.startswith("-")
        return self._key_column, self.table.sort.startswith("-")

    @cached_property
    def size(self) -> int:
        asked = self._asked("size")
        return int(asked) if asked in {str(size) for size in SIZES} else self.table.size

    @property
    def search(self) -> str:
        return self._asked("q")

    @property
    def _key_column(self) -> Column:
        return Column(self.table.key, "", Kind.PARTY if self.table.key_type == "uuid" else Kind.TEXT, nullable=False)

    # --- Filters -----------------------------------------------------------------------------------

    @cached_property
    def fields(self) -> list[Field]:
        """The filters of the table, as filled in, with what is wrong in them."""
        found = []
        for column in self.table.columns:
            if not column.may_filter:
                continue
            name = self.table.prefix + column.name
            if column.is_choice:
                chosen = self._asked_all(column.name)
                offered = {"yes": _("yes"), "no": _("no")} if column.kind is Kind.FLAG else dict(column.words or {})
                choices = [Choice(code, word, code in chosen) for code, word in offered.items()]
                found.append(Field(column, name, choices=choices))
                continue
            filled = Field(
                column,
                name,
                value="" if column.is_range else self._asked(column.name),
                low=self._asked(f"{column.name}.from") if column.is_range else "",
                high=self._asked(f"{column.name}.to") if column.is_range else "",
            )
            try:
                self._condition(filled)
            except Unreadable as wrong:
                filled = dataclasses.replace(filled, error=str(wrong))
            found.append(filled)
        return found

    @property
    def errors(self) -> list[Field]:
        return [filled for filled in self.fields if filled.error]

    @property
    def filtered(self) -> bool:
        return bool(self.search) or any(filled.is_set for filled in self.fields)

    @cached_property
    def _conditions(self) -> list[_Condition]:
        return [
            found
            for filled in self.fields
            if filled.is_set and not filled.error and (found := self._condition(filled)) is not None
        ]

    def _condition(self, filled: Field) -> _Condition | None:
        column = filled.column
        if column.kind is Kind.FLAG:
            chosen = tuple(choice.code == "yes" for choice in filled.choices if choice.chosen)
            return _Condition(column, one_of=chosen)
        if column.is_choice:
            return _Condition(column, one_of=tuple(choice.code for choice in filled.choices if choice.chosen))
        if column.is_range:
            low, high = self._typed(column, filled.low), self._typed(column, filled.high)
            if column.kind is Kind.INSTANT:
                zone = ZoneInfo(seat_of(self.request).town.time_zone)
                low = low and datetime.combine(low, time(), zone)
                high = high and datetime.combine(high + timedelta(days=1), time(), zone)
            return _Condition(column, low, high)
        return _Condition(column, contains=filled.value)

    def _typed(self, column: Column, text: str) -> Any:
        if not text:
            return None
        plain = ascii_digits(text)
        try:
            if column.kind is Kind.MONEY:
                sign = -1 if plain.startswith(("-", "\N{MINUS SIGN}")) else 1
                return sign * typed_amount(plain.lstrip("-\N{MINUS SIGN}"), seat_of(self.request).town.exponent)
            if column.kind is Kind.NUMBER:
                number = Decimal(plain.replace(",", "."))
                if not number.is_finite():
                    raise Unreadable(_("Write a number."))
                return number
            if column.kind is Kind.MONTH:
                return str(Month.parse(plain))
            return date.fromisoformat(plain)
        except (ValueError, InvalidOperation, OverflowError) as unreadable:
            said = {
                Kind.MONEY: _("Write the amount with figures, such as 12,50."),
                Kind.NUMBER: _("Write a number."),
                Kind.MONTH: _("Write the month as 2026-10."),
            }
            raise Unreadable(said.get(column.kind, _("Write the day as 2026-10-31."))) from unreadable

    # --- Rows --------------------------------------------------------------------------------------

    @cached_property
    def _page(self) -> tuple[list[dict[str, Any]], bool, bool]:
        """The rows of this page, whether there are rows before them, and after them."""
        if self.errors:
            return [], False, False
        after, before = self._cursor("after"), self._cursor("before")
        found = self._read(after=after, before=before, size=self.size + 1)
        more = len(found) > self.size
        found = found[: self.size]
        if before is not None:
            found.reverse()
            return found, more, True
        return found, after is not None, more

    def _read(
        self, *, after: tuple[str | None, str] | None = None, before: tuple[str | None, str] | None = None, size: int
    ) -> list[dict[str, Any]]:
        if self._given is not None:
            return self._read_given(after=after, before=before, size=size)
        query, values = self._query(after=after, before=before, size=size)
        with raw().cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, values).fetchall()

    def _query(
        self, *, after: tuple[str | None, str] | None, before: tuple[str | None, str] | None, size: int
    ) -> tuple[sql.Composed, dict[str, Any]]:
        where, values = self._where()
        column, largest_first = self.order
        backwards = before is not None
        descending = largest_first != backwards
        at = before if backwards else after
        if at is not None:
            where.append(self._beyond(at, column, descending=descending, nulls_first=backwards, values=values))
        direction = sql.SQL("DESC" if descending else "ASC")
        ordered = [self._key_order(direction)]
        if column.name != self.table.key:
            nulls = sql.SQL(" NULLS FIRST" if backwards else " NULLS LAST") if column.nullable else sql.SQL("")
            ordered.insert(0, sql.SQL("{} {}{}").format(self._compared(column), direction, nulls))
        query = sql.SQL("SELECT listed.* FROM ({}) AS listed{} ORDER BY {} LIMIT {}").format(
            sql.SQL(self.table.source.rstrip().rstrip(";")),  # type: ignore[arg-type]
            _all_of(where),
            sql.SQL(", ").join(ordered),
            sql.Literal(size),
        )
        return query, values

    def _key_order(self, direction: sql.SQL) -> sql.Composed:
        return sql.SQL("{} {}").format(sql.Identifier("listed", self.table.key), direction)

    def _compared(self, column: Column) -> sql.Composable:
        named = sql.Identifier("listed", column.name)
        return sql.SQL("{}::text").format(named) if column.kind is Kind.CODE else named

    def _where(self) -> tuple[list[sql.Composable], dict[str, Any]]:
        values: dict[str, Any] = dict(self._params)
        where: list[sql.Composable] = []

        def bound(value: Any, kind: str) -> sql.Composed:
            name = f"listed_{len(values)}"
            values[name] = value
            return sql.SQL("{}::{}").format(sql.Placeholder(name), sql.SQL(kind))  # type: ignore[arg-type]

        for condition in self._conditions:
            column = condition.column
            named, kind = self._compared(column), SQL_TYPES[column.kind]
            if condition.one_of:
                where.append(sql.SQL("{} = ANY({})").format(named, bound(list(condition.one_of), f"{kind}[]")))
            if condition.low is not None:
                where.append(sql.SQL("{} >= {}").format(named, bound(condition.low, kind)))
            if condition.high is not None:
                below = "{} < {}" if column.kind is Kind.INSTANT else "{} <= {}"
                where.append(sql.SQL(below).format(named, bound(condition.high, kind)))  # type: ignore[arg-type]
            if condition.contains:
                where.append(self._contains([column], condition.contains, bound))
        if self.search:
            searched = [
                column
                for column in self.table.columns
                if column.is_listed and not column.is_choice and column.kind in (Kind.TEXT, Kind.CODE, Kind.PARTY)
            ]
            where.append(self._contains(searched, self.search, bound) if searched else sql.SQL("FALSE"))
        return where, values

    def _contains(self, columns: Sequence[Column], text: str, bound: Any) -> sql.Composable:
        """Whether any of the columns has the text in it; a party is found by the end of its number."""
        parts = []
        for column in columns:
            named = sql.Identifier("listed", column.name)
            if column.kind is Kind.PARTY:
                wanted = f"%{_escaped(text.replace('-', '').lstrip('…'))}"
                parts.append(sql.SQL("replace({}::text, '-', '') ILIKE {}").format(named, bound(wanted, "text")))
            else:
                parts.append(sql.SQL("{}::text ILIKE {}").format(named, bound(f"%{_escaped(text)}%", "text")))
        return sql.SQL("({})").format(sql.SQL(" OR ").join(parts))

    def _beyond(
        self,
        at: tuple[str | None, str],
        column: Column,
        *,
        descending: bool,
        nulls_first: bool,
        values: dict[str, Any],
    ) -> sql.Composable:
        """Rows that come after the one a page ended with: keyset paging, which no growing table slows."""
        value, key = at
        values["listed_key"] = key
        beyond = sql.SQL("<" if descending else ">")
        key_at = sql.SQL("{}::{}").format(sql.Placeholder("listed_key"), sql.SQL(self.table.key_type))  # type: ignore[arg-type]
        key_name = sql.Identifier("listed", self.table.key)
        by_key = sql.SQL("{} {} {}").format(key_name, beyond, key_at)
        if column.name == self.table.key:
            return by_key
        named = self._compared(column)
        if value is None:
            same = sql.SQL("({} IS NULL AND {})").format(named, by_key)
            return sql.SQL("({} OR {} IS NOT NULL)").format(same, named) if nulls_first else same
        values["listed_value"] = value
        value_at = sql.SQL("{}::{}").format(sql.Placeholder("listed_value"), sql.SQL(SQL_TYPES[column.kind]))  # type: ignore[arg-type]
        further = sql.SQL("({}, {}) {} ({}, {})").format(named, key_name, beyond, value_at, key_at)
        if column.nullable and not nulls_first:
            return sql.SQL("({} OR {} IS NULL)").format(further, named)
        return further

    def _cursor(self, name: str) -> tuple[str | None, str] | None:
        """The row a page goes on from, as its link says; an address that was tampered with is the first page."""
        text = self._address.get(self.table.prefix + name, "")
        try:
            value, key = json.loads(base64.urlsafe_b64decode(text.encode()))
            assert isinstance(key, str)
            assert value is None or isinstance(value, str)
            assert "\0" not in key + (value or "")
            column, _descending = self.order
            _checked(SQL_TYPES[column.kind], value)
            _checked(self.table.key_type, key)
        except (ValueError, TypeError, AssertionError, InvalidOperation):
            return None
        return value, key

    def _cursor_of(self, row: Row) -> str:
        column, _descending = self.order
        value = row.get(column.name)
        kept = [None if value is None else _text_of(value), str(row[self.table.key])]
        return base64.urlsafe_b64encode(json.dumps(kept).encode()).decode()

    # --- Rows given, not asked of the database -------------------------------------------------------

    def _read_given(
        self, *, after: tuple[str | None, str] | None, before: tuple[str | None, str] | None, size: int
    ) -> list[dict[str, Any]]:
        column, descending = self.order
        kept = [row for row in self._given or () if self._fits(row)]

        def place(row: Row) -> tuple[Any, Any]:
            return _comparable(row.get(column.name)), _comparable(row[self.table.key])

        present = sorted((row for row in kept if row.get(column.name) is not None), key=place, reverse=descending)
        absent = sorted(
            (row for row in kept if row.get(column.name) is None), key=lambda row: _comparable(row[self.table.key])
        )
        if descending:
            absent.reverse()
        ordered = [*present, *absent]
        keys = [str(row[self.table.key]) for row in ordered]
        if before is not None:
            end = keys.index(before[1]) if before[1] in keys else 0
            return ordered[max(0, end - size) : end][::-1]
        start = keys.index(after[1]) + 1 if after is not None and after[1] in keys else 0
        return ordered[start : start + size]

    def _fits(self, row: Row) -> bool:
        if self.search:
            searched = [column for column in self.table.columns if column.is_listed and not column.is_range]
            if not any(_has(column, row.get(column.name), self.search) for column in searched):
                return False
        return all(_meets(condition, row.get(condition.column.name)) for condition in self._conditions)

    # --- What the page shows -------------------------------------------------------------------------

    @cached_property
    def lines(self) -> list[Line]:
        rows, _earlier, _later = self._page
        return self._lines(rows)

    def _lines(self, rows: Sequence[dict[str, Any]]) -> list[Line]:
        called = self._called(rows)
        return [
            Line(
                str(row[self.table.key]),
                [Cell(column, self._value(column, row, called), row, address(column, row)) for column in self.columns],
            )
            for row in rows
        ]

    def _called(self, rows: Sequence[Row]) -> dict[UUID, Any]:
        parties = {
            row[column.name]
            for column in self.columns
            if column.kind is Kind.PARTY and column.is_listed
            for row in rows
            if row.get(column.name) is not None
        }
        return dict(names.called(self.request, parties)) if parties else {}

    def _value(self, column: Column, row: Row, called: Mapping[UUID, Any]) -> Any:
        if column.value is not None:
            return column.value(row)
        value = row.get(column.name)
        return called.get(value, value) if column.kind is Kind.PARTY and value is not None else value

    @property
    def holds_parties(self) -> bool:
        """Whether there are names here that the reader may ask for."""
        return names.may_see(self.request) and any(column.kind is Kind.PARTY for column in self.columns)

    @property
    def mixes_signs(self) -> bool:
        """Whether some stand here by the signs of their companies and others, whose names are not shown, by numbers."""
        called = [cell.value for line in self.lines for cell in line.cells if isinstance(cell.value, Name)]
        return not self.shows_names and len({name.is_name for name in called}) > 1

    @cached_property
    def count(self) -> int:
        """How many rows there are in all, up to ``COUNTED`` and one more."""
        if self.errors:
            return 0
        if self._given is not None:
            return sum(self._fits(row) for row in self._given)
        where, values = self._where()
        query = sql.SQL("SELECT count(*) FROM (SELECT FROM ({}) AS listed{} LIMIT {}) AS counted").format(
            sql.SQL(self.table.source.rstrip().rstrip(";")),  # type: ignore[arg-type]
            _all_of(where),
            sql.Literal(COUNTED + 1),
        )
        row = raw().execute(query, values).fetchone()
        assert row is not None
        return int(row[0])

    @property
    def is_beyond_count(self) -> bool:
        return self.count > COUNTED

    @property
    def shown_count(self) -> int:
        return min(self.count, COUNTED)

    @cached_property
    def heads(self) -> list[Head]:
        current, descending = self.order
        found = []
        for column in self.columns:
            own = column.name == current.name
            asked = column.name if own and descending else f"-{column.name}" if own else column.name
            url = self._url(sort=asked) if column.may_sort else ""
            found.append(Head(column, url, ("descending" if descending else "ascending") if own else ""))
        return found

    @property
    def next_url(self) -> str:
        rows, _earlier, later = self._page
        return self._url(after=self._cursor_of(rows[-1])) if later and rows else ""

    @property
    def previous_url(self) -> str:
        rows, earlier, _later = self._page
        return self._url(before=self._cursor_of(rows[0])) if earlier and rows else ""

    @property
    def first_url(self) -> str:
        return self._url() if self.previous_url else ""

    @property
    def clear_url(self) -> str:
        return self.request.path

    @property
    def names_url(self) -> str:
        """The same page with names shown, or with them hidden again."""
        return self._url(keep_page=True, names="" if self.shows_names else "1")

    @property
    def exports(self) -> list[tuple[str, str]]:
        if not self.table.exported or self.errors:
            return []
        return [(kind.upper(), self._url(export=kind)) for kind in ("csv", "xlsx", "json")]

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What the filter form passes on: everything of the address that is not its own field."""
        own = {filled.name for filled in self.fields} | {
            f"{filled.name}.{end}" for filled in self.fields for end in ("from", "to")
        }
        own |= {self.table.prefix + name for name in ("q", "after", "before", "export", "col", "size")}
        return [(name, value) for name, values in self._address.lists() if name not in own for value in values]

    @property
    def query(self) -> str:
        """The filters, order and columns of this page, as a saved filter keeps them."""
        query = self._query_dict()
        query.pop("names", None)
        return query.urlencode()

    @cached_property
    def saved(self) -> list[SavedFilter]:
        """The reader's saved filters of this table, and those that colleagues share."""
        seat = seat_of(self.request)
        return filters(raw(), town_id=seat.town_id, user_id=seat.user_id, table_name=self.table.name)

    @property
    def path(self) -> str:
        return self.request.path

    @property
    def bulk_form(self) -> str:
        """The id of the form that the rows' boxes belong to."""
        return f"{self.table.prefix}{self.table.name}-many"

    @property
    def sizes(self) -> Sequence[int]:
        return SIZES

    def _query_dict(self, *, keep_page: bool = False) -> QueryDict:
        query = self._address.copy()
        gone = ("export",) if keep_page else ("after", "before", "export")
        for name in gone:
            query.pop(self.table.prefix + name, None)
        return query

    def _url(self, *, keep_page: bool = False, **changed: str) -> str:
        query = self._query_dict(keep_page=keep_page)
        for name, value in changed.items():
            parameter = name if name == "names" else self.table.prefix + name
            query.pop(parameter, None)
            if value:
                query[parameter] = value
        return f"{self.request.path}?{query.urlencode()}" if query else self.request.path

    # --- Everything at once ----------------------------------------------------------------------------

    def every_row(self) -> list[dict[str, Any]]:
        """Every row the filters let through, in order; at most ``EXPORTED`` and one more."""
        return [] if self.errors else self._read(size=EXPORTED + 1)

    def keys(self, picked: Sequence[str]) -> list[str]:
        """The keys of the rows that are here among those picked; what is not the reader's own is left out."""
        if not picked:
            return []
        wanted = set(picked)
        if self._given is not None:
            return [str(row[self.table.key]) for row in self._given if str(row[self.table.key]) in wanted]
        query = sql.SQL(
            "SELECT listed.{key}::text FROM ({source}) AS listed WHERE listed.{key}::text = ANY(%(picked)s)"
        )
        found = query.format(
            key=sql.Identifier(self.table.key),
            source=sql.SQL(self.table.source.rstrip().rstrip(";")),  # type: ignore[arg-type]
        )
        return [row[0] for row in raw().execute(found, {**self._params, "picked": list(wanted)}).fetchall()]

    def file(self) -> HttpResponse:
        """The answer to ``?export=``: every row, in the columns chosen; that it was taken is recorded."""
        from koinon.web.table_files import answer

        return answer(self)


def _as_row(given: Any) -> dict[str, Any]:
    if isinstance(given, Mapping):
        return dict(given)
    return {one.name: _plain(getattr(given, one.name)) for one in dataclasses.fields(given)}


def _plain(value: Any) -> Any:
    return value.minor if isinstance(value, Amount) else value


def _all_of(where: Sequence[sql.Composable]) -> sql.Composable:
    return sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(where)) if where else sql.SQL("")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("\0", "")


def _text_of(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _checked(kind: str, value: str | None) -> None:
    """``ValueError`` for what PostgreSQL could not read as this type: links are typed by nobody but the curious."""
    if value is None:
        return
    if kind == "uuid":
        UUID(value)
    elif kind in ("bigint", "integer", "smallint"):
        if abs(int(value)) >= 2**63:
            raise ValueError(value)
    elif kind == "numeric":
        if not Decimal(value).is_finite():
            raise ValueError(value)
    elif kind == "date":
        date.fromisoformat(value)
    elif kind == "timestamptz":
        datetime.fromisoformat(value)
    elif kind == "boolean" and value not in ("True", "False"):
        raise ValueError(value)


def _comparable(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value.casefold() if isinstance(value, str) else value


def _has(column: Column, value: Any, text: str) -> bool:
    if value is None:
        return False
    if column.kind is Kind.PARTY:
        return pseudonym(value).endswith(text.casefold().lstrip("…")) or value.hex.endswith(text.replace("-", ""))
    return text.casefold() in str(value).casefold()


def _meets(condition: _Condition, value: Any) -> bool:
    if condition.one_of and value not in condition.one_of:
        return False
    if condition.contains and not _has(condition.column, value, condition.contains):
        return False
    if condition.low is None and condition.high is None:
        return True
    if value is None or (condition.low is not None and value < condition.low):
        return False
    if condition.high is None:
        return True
    return bool(value < condition.high if condition.column.kind is Kind.INSTANT else value <= condition.high)

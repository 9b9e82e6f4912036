"""Lists as PostgreSQL's binary arrays, made in one go.

psycopg asks each element how it wants to be sent, which for batches of thousands
takes longer than the posting. These wrappers know their type: wrap the list and pass it as a parameter
of a ``cursor`` of this module.

>>> len(Int8Array([1, 2, None]).content)
48

Source
------
array_send in PostgreSQL: dimensions, whether there are nulls, element type, length, lower bound,
then each element's length (-1 for NULL) and bytes, all big-endian.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from struct import pack
from typing import Any, ClassVar
from uuid import UUID

from psycopg import Connection, Cursor, ProgrammingError
from psycopg.adapt import Dumper, PyFormat
from psycopg.pq import Format
from psycopg.rows import Row, RowFactory, tuple_row

_Y2K = datetime(2000, 1, 1, tzinfo=UTC)
_NULL = b"\xff\xff\xff\xff"


class Packed:
    """A list on its way to the database."""

    __slots__ = ("content",)
    ELEMENT: ClassVar[int]  # Type numbers that never change: pg_type.dat.
    ARRAY: ClassVar[int]

    def __init__(self, values: Sequence[Any]) -> None:
        self.content = self._head(len(values)) + self.body(values)

    def _head(self, size: int) -> bytes:
        # That nulls may come is what the second number says; it does no harm when none does.
        return pack(">iiiii", 1, 1, self.ELEMENT, size, 1) if size else pack(">iii", 0, 0, self.ELEMENT)

    def body(self, values: Sequence[Any]) -> bytes:
        raise NotImplementedError


class _Integers(Packed):
    __slots__ = ()
    LETTER: ClassVar[str]
    WIDTH: ClassVar[int]

    def body(self, values: Sequence[int | None]) -> bytes:
        if None in values:
            letter, width = f">i{self.LETTER}", self.WIDTH
            return b"".join(_NULL if value is None else pack(letter, width, value) for value in values)
        flat: list[int] = [self.WIDTH] * (2 * len(values))
        flat[1::2] = values  # type: ignore[assignment]  # None was looked for above.
        return pack(f">{f'i{self.LETTER}' * len(values)}", *flat)


class Int2Array(_Integers):
    """smallint[]"""

    __slots__ = ()
    ELEMENT, ARRAY, LETTER, WIDTH = 21, 1005, "h", 2


class Int4Array(_Integers):
    """integer[]"""

    __slots__ = ()
    ELEMENT, ARRAY, LETTER, WIDTH = 23, 1007, "i", 4


class Int8Array(_Integers):
    """bigint[]"""

    __slots__ = ()
    ELEMENT, ARRAY, LETTER, WIDTH = 20, 1016, "q", 8


class UuidArray(Packed):
    """uuid[]"""

    __slots__ = ()
    ELEMENT, ARRAY = 2950, 2951

    def body(self, values: Sequence[UUID | None]) -> bytes:
        return b"".join([_NULL if value is None else b"\x00\x00\x00\x10" + value.bytes for value in values])


class TextArray(Packed):
    """text[]"""

    __slots__ = ()
    ELEMENT, ARRAY = 25, 1009

    def body(self, values: Sequence[str | None]) -> bytes:
        parts = []
        for value in values:
            if value is None:
                parts.append(_NULL)
            else:
                content = value.encode()
                parts += [len(content).to_bytes(4, "big"), content]
        return b"".join(parts)


class TimeArray(Packed):
    """timestamptz[]"""

    __slots__ = ()
    ELEMENT, ARRAY = 1184, 1185

    def body(self, values: Sequence[datetime | None]) -> bytes:
        return b"".join([_NULL if value is None else pack(">iq", 8, _microseconds(value)) for value in values])


def _microseconds(at: datetime) -> int:
    since = at - _Y2K
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _dumper(kind: type[Packed]) -> type[Dumper]:
    class PackedDumper(Dumper):
        format = Format.BINARY
        oid = kind.ARRAY

        def dump(self, obj: Packed) -> bytes:
            return obj.content

    return PackedDumper


_DUMPERS = {kind: _dumper(kind) for kind in (Int2Array, Int4Array, Int8Array, UuidArray, TextArray, TimeArray)}


def cursor(conn: Connection[Any], rows: RowFactory[Row] = tuple_row) -> Cursor[Row]:  # type: ignore[assignment]
    """A cursor that takes these lists, on any connection.

    Django's own cursors write parameters into the statement, which nothing binary
    survives; and a connection only knows of the types that were registered before it was opened.
    """
    try:
        conn.adapters.get_dumper(Int2Array, PyFormat.BINARY)
    except ProgrammingError:
        for kind, dumper in _DUMPERS.items():
            conn.adapters.register_dumper(kind, dumper)
    return Cursor(conn, row_factory=rows)

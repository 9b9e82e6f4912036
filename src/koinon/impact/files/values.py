"""Texts and columns as exact values: whole minor units, microseconds, indices of accounts.

Everything is first read at once; where that fails, row by row, so that each finding has its row.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from koinon.impact.files.findings import Findings, shortly
from koinon.impact.files.types import TimeUnit

MOST = 2**63 - 1
DIGITS = 18
_AMOUNT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")
_WHOLE = r"^[+-]?\d+$"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPREADSHEET_DAYS: Final = (20_000, 80_000)  # 1954 to 2119, as spreadsheets count days.
_PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_TRUE: Final = frozenset({"true", "t", "yes", "y", "1"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "0", ""})


def _one(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)


def _texts(column: pa.ChunkedArray) -> pa.Array:
    """A column as texts without spaces around them; what is empty is an empty text."""
    texts = _one(column)
    if not pa.types.is_string(texts.type):
        texts = texts.cast(pa.string())
    return pc.fill_null(pc.utf8_trim_whitespace(texts), "")


def _marked(mask: pa.Array) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.asarray(mask.to_numpy(zero_copy_only=False), dtype=np.bool_)
    return found


# --- Amounts -----------------------------------------------------------------


def amounts(
    column: pa.ChunkedArray,
    heading: str,
    findings: Findings,
    *,
    decimals: int | None,
    mark: str = ".",
    thousands: str = "",
    minor: bool = False,
) -> tuple[NDArray[np.int64], int]:
    """Amounts in whole minor units, and how many decimal places the unit has.

    Nothing is rounded: an amount with more decimals than the unit is a finding.
    Floating-point numbers are taken as they are written in their shortest form.
    """
    kind = column.type
    if pa.types.is_boolean(kind) or pa.types.is_temporal(kind) or pa.types.is_nested(kind):
        findings.add(
            None, heading, "ledger-file.amount", f"the column holds {kind}, no amounts", "Name another column."
        )
        return np.zeros(len(column), np.int64), decimals or 0
    if pa.types.is_integer(kind):
        return _whole(column, heading, findings, decimals=decimals, minor=minor)
    texts = _texts(column)
    if thousands:
        texts = _without_thousands(texts, heading, findings, mark, thousands)
    if mark == ",":
        dotted = _marked(pc.match_substring(texts, "."))
        findings.add_rows(
            dotted,
            heading,
            "ledger-file.amount",
            lambda index: f"{shortly(texts[index])} has a point beside the decimal comma",
            "Write amounts without marks between thousands, or say which mark it is: --thousands .",
        )
        texts = pc.replace_substring(texts, ",", ".")
    places = pc.subtract(pc.subtract(pc.binary_length(texts), pc.find_substring(texts, ".")), 1)
    most = pc.max(pc.if_else(pc.match_substring(texts, "."), places, 0)).as_py() or 0
    try:
        if most > DIGITS:
            raise pa.ArrowInvalid("too many decimals")
        # An exponent (1e3) and the words nan and inf are no way to write money.
        if pc.any(pc.match_substring_regex(texts, "[^0-9.+-]")).as_py():
            raise pa.ArrowInvalid("no figures")
        read = _from_decimal(texts.cast(pa.decimal128(38, most)))
    except pa.ArrowInvalid:
        read = None
    if read is None:
        return _each_amount(texts, heading, findings, decimals=decimals, minor=minor)
    return _to_places(read, most, heading, findings, texts, decimals=decimals, minor=minor)


def _without_thousands(texts: pa.Array, heading: str, findings: Findings, mark: str, thousands: str) -> pa.Array:
    """Figures without the mark between thousands, which must stand where it belongs: three figures after each."""
    marked = pc.match_substring(texts, thousands)
    one, point = re.escape(thousands), re.escape(mark)
    right = pc.match_substring_regex(texts, rf"^[+-]?[0-9]{{1,3}}({one}[0-9]{{3}})+({point}[0-9]+)?$")
    findings.add_rows(
        _marked(pc.and_not(marked, right)),
        heading,
        "ledger-file.amount",
        lambda index: f"{shortly(texts[index])} has “{thousands}” where no thousands end",
        "Three figures stand after each mark between thousands: correct it, or --thousands and --decimal-mark.",
    )
    return pc.if_else(marked, pc.replace_substring(texts, thousands, ""), texts)


def _from_decimal(values: pa.Array) -> NDArray[np.int64] | None:
    """The whole numbers behind 128-bit decimals; None where one of them needs more than 64 bits."""
    raw = np.frombuffer(values.buffers()[1], dtype="<i8").reshape(-1, 2)[values.offset : values.offset + len(values)]
    low = np.ascontiguousarray(raw[:, 0])
    return low if bool(np.array_equal(raw[:, 1], low >> 63)) else None


def _to_places(
    read: NDArray[np.int64],
    places: int,
    heading: str,
    findings: Findings,
    texts: pa.Array,
    *,
    decimals: int | None,
    minor: bool,
) -> tuple[NDArray[np.int64], int]:
    """Numbers with so many decimal places, as minor units of a unit with ``decimals``."""
    wanted = 0 if minor else decimals
    least = wanted if wanted is not None else min(places, 2)  # 12.50 keeps its second place; 12.500 loses its third.
    while places > least and not (read % 10).any():
        read, places = read // 10, places - 1
    if wanted is None:
        wanted = places
    if places > wanted:
        findings.add_rows(
            read % 10 ** (places - wanted) != 0,
            heading,
            "ledger-file.amount-decimals",
            lambda index: (
                f"{shortly(texts[index])} is no whole number of minor units"
                if minor
                else f"{shortly(texts[index])} has more than {wanted} decimals"
            ),
            "Nothing is rounded here. Say --decimals with as many as there are, or round in the file."
            if not minor
            else "Leave out --minor, or write whole minor units.",
        )
        return read // 10 ** (places - wanted), decimals or 0
    factor = 10 ** (wanted - places)
    if len(read) and int(np.abs(read).max()) > MOST // factor:
        _too_large(findings, heading)
        return read, wanted
    return read * factor, (decimals if decimals is not None else 2) if minor else wanted


def _too_large(findings: Findings, heading: str) -> None:
    findings.add(
        None,
        heading,
        "ledger-file.amount-large",
        f"an amount has more than {DIGITS} figures in minor units, which cannot be kept exactly",
        "Say fewer --decimals, or write the amounts in a larger unit.",
    )


def _whole(
    column: pa.ChunkedArray, heading: str, findings: Findings, *, decimals: int | None, minor: bool
) -> tuple[NDArray[np.int64], int]:
    values = _one(column)
    findings.add_rows(
        _marked(pc.is_null(values)), heading, "ledger-file.amount", lambda _: "there is no amount", "Fill it in."
    )
    filled = pc.fill_null(values, 1)
    try:
        read = filled.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        _too_large(findings, heading)
        return np.zeros(len(column), np.int64), decimals or 0
    return _to_places(read, 0, heading, findings, filled, decimals=decimals, minor=minor)


def _each_amount(
    texts: pa.Array, heading: str, findings: Findings, *, decimals: int | None, minor: bool
) -> tuple[NDArray[np.int64], int]:
    """Amounts row by row: only where some of them are none."""
    read: list[tuple[int, int]] = []
    for row, text in enumerate(texts.to_pylist(), start=1):
        if _AMOUNT.fullmatch(text) is None:
            remedy = "Write figures with a decimal point and nothing between thousands: 1234.50"
            if "," in text:
                remedy += "; for a comma between thousands say --thousands , and for a decimal comma --decimal-mark ,"
            told = f"{shortly(text)} is no amount" if text else "there is no amount"
            findings.add(row, heading, "ledger-file.amount", told, remedy)
            read.append((1, 0))
            continue
        whole, _, part = text.partition(".")
        part = part.rstrip("0")
        number = int(f"{whole}{part}" if whole.strip("+-") or part else "0")
        if abs(number) > MOST:
            findings.add(
                row,
                heading,
                "ledger-file.amount-large",
                f"{shortly(text)} has more than {DIGITS} figures",
                "Write the amounts in a larger unit, or with fewer decimals.",
            )
            number, part = 1, ""
        read.append((number, len(part)))
    places = max((places for _, places in read), default=0)
    scaled = [number * 10 ** (places - each) for number, each in read]
    if any(abs(number) > MOST for number in scaled):
        _too_large(findings, heading)
        return np.ones(len(read), np.int64), decimals or 0
    return _to_places(np.array(scaled, np.int64), places, heading, findings, texts, decimals=decimals, minor=minor)


# --- Times -------------------------------------------------------------------


def times(
    column: pa.ChunkedArray,
    heading: str,
    findings: Findings,
    *,
    zone: ZoneInfo | None,
    unit: TimeUnit,
    form: str | None = None,
) -> tuple[NDArray[np.int64], str | None, bool]:
    """Microseconds since 1970 UTC, what whole numbers were taken to count, and whether ``zone`` was needed.

    ``form`` is how times are written, as ``strptime`` has it.
    """
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _instants(column, heading, findings, zone)
    if pa.types.is_integer(kind):
        values = _one(column)
        _empty_times(_marked(pc.is_null(values)), heading, findings)
        return (*_counted(pc.fill_null(values, 0).cast(pa.int64()).to_numpy(), heading, findings, unit), False)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind)):
        findings.add(
            None,
            heading,
            "ledger-file.time",
            f"the column holds {kind}, no times",
            "Write instants as 2027-03-01T10:00:00+01:00, as timestamps or as whole numbers since 1970.",
        )
        return np.zeros(len(column), np.int64), None, False
    texts = _texts(column)
    if form is not None:
        return _written_so(texts, heading, findings, zone, form)
    first = next((text for text in texts[:64].to_pylist() if text), "")
    is_day = unit == TimeUnit.AUTO and len(first.lstrip("+-")) == 8  # 20270301
    if re.match(_WHOLE, first) and not is_day:
        try:
            return (*_counted(texts.cast(pa.int64()).to_numpy(), heading, findings, unit), False)
        except pa.ArrowInvalid:
            return _each_time(texts, heading, findings, zone, unit, counted=True)
    for grain in ("us", "ns"):
        try:
            read = texts.cast(pa.timestamp(grain, "UTC"))
            return read.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64()).to_numpy(), None, False
        except pa.ArrowInvalid:
            continue
    if zone is not None:
        try:
            naive = texts.cast(pa.timestamp("us"))
            known = pc.assume_timezone(naive, zone.key, ambiguous="earliest", nonexistent="raise")
            return known.cast(pa.int64()).to_numpy(), None, True
        except pa.ArrowInvalid:
            pass
    return _each_time(texts, heading, findings, zone, unit, counted=False)


def _written_so(
    texts: pa.Array, heading: str, findings: Findings, zone: ZoneInfo | None, form: str
) -> tuple[NDArray[np.int64], None, bool]:
    read = pc.strptime(texts, format=form, unit="us", error_is_null=True)
    findings.add_rows(
        _marked(pc.is_null(read)),
        heading,
        "ledger-file.time",
        lambda index: (
            f"{shortly(texts[index])} is not written as {form} says" if texts[index].as_py() else "there is no time"
        ),
        "Correct it, or say how times are written: --time-format '%d/%m/%Y %H:%M'",
    )
    return _instants(pa.chunked_array([pc.fill_null(read, _EPOCH.replace(tzinfo=None))]), heading, findings, zone)


def _empty_times(empty: NDArray[np.bool_], heading: str, findings: Findings) -> None:
    findings.add_rows(empty, heading, "ledger-file.time", lambda _: "there is no time", "Fill it in.")


def _instants(
    column: pa.ChunkedArray, heading: str, findings: Findings, zone: ZoneInfo | None
) -> tuple[NDArray[np.int64], None, bool]:
    values = _one(column)
    _empty_times(_marked(pc.is_null(values)), heading, findings)
    values = pc.fill_null(values.cast(pa.timestamp("us", getattr(values.type, "tz", None)), safe=False), _EPOCH)
    if values.type.tz is not None:
        return values.cast(pa.int64()).to_numpy(), None, False
    if zone is None:
        _needs_zone(findings, None, heading, "the times carry no zone")
        return np.zeros(len(column), np.int64), None, False
    try:
        known = pc.assume_timezone(values, zone.key, ambiguous="earliest", nonexistent="raise")
        return known.cast(pa.int64()).to_numpy(), None, True
    except pa.ArrowInvalid:
        read, _, assumed = _each_time(values.cast(pa.string()), heading, findings, zone, TimeUnit.AUTO, counted=False)
        return read, None, assumed


def _needs_zone(findings: Findings, row: int | None, heading: str, told: str) -> None:
    findings.add(
        row,
        heading,
        "ledger-file.time-zone",
        told,
        "Write the zone (2027-03-01T10:00:00+01:00), or say in which one the file was written: --zone Europe/Madrid",
    )


def _counted(
    values: NDArray[np.int64], heading: str, findings: Findings, unit: TimeUnit
) -> tuple[NDArray[np.int64], str]:
    """Whole numbers as microseconds. AUTO goes by size: 11 figures and fewer are seconds, 14 milliseconds, 17 micro."""
    most = int(np.abs(values).max()) if len(values) else 0
    if unit == TimeUnit.AUTO:
        if len(values) and _SPREADSHEET_DAYS[0] <= int(values.min()) and most < _SPREADSHEET_DAYS[1]:
            findings.add(
                None,
                heading,
                "ledger-file.time",
                f"whole numbers like {most} would be seconds of 1 January 1970; they look like the days of a spreadsheet",
                "Format the column as dates before it is exported; if they are seconds, say --time-unit s",
            )
        taken = "s" if most < 10**11 else "ms" if most < 10**14 else "us" if most < 10**17 else "ns"
    else:
        taken = unit.value
    if taken == "ns":
        return values // 1000, taken
    factor = 1_000_000 // _PER_SECOND[taken]
    if most > MOST // factor:
        findings.add(
            None,
            heading,
            "ledger-file.time",
            f"whole numbers of {taken} since 1970 cannot be so large",
            "Say what they count: --time-unit s, ms, us or ns",
        )
        return values, taken
    return values * factor, taken


def _each_time(
    texts: pa.Array, heading: str, findings: Findings, zone: ZoneInfo | None, unit: TimeUnit, *, counted: bool
) -> tuple[NDArray[np.int64], str | None, bool]:
    """Times row by row: only where not all of them are written alike."""
    read = np.zeros(len(texts), np.int64)
    assumed = False
    for index, text in enumerate(texts.to_pylist()):
        if counted:
            try:
                read[index] = int(text)
            except (ValueError, OverflowError):
                told = f"{shortly(text)} is no whole number as the times above it are" if text else "there is no time"
                findings.add(index + 1, heading, "ledger-file.time", told, "Write all times in the same way.")
            continue
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            told = f"{shortly(text)} is no time" if text else "there is no time"
            findings.add(
                index + 1,
                heading,
                "ledger-file.time",
                told,
                "Write it as 2027-03-01T10:00:00+01:00 or as a whole number, or say how it is written: --time-format '%d/%m/%Y %H:%M'",
            )
            continue
        if instant.tzinfo is None:
            if zone is None:
                _needs_zone(findings, index + 1, heading, f"{shortly(text)} carries no zone")
                continue
            assumed = True
            instant = instant.replace(tzinfo=zone)
            if instant.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != instant.replace(tzinfo=None):
                findings.add(
                    index + 1,
                    heading,
                    "ledger-file.time",
                    f"{shortly(text)} does not exist in {zone.key}: the clocks went forward",
                    "Write the zone beside the time.",
                )
                continue
        past = instant - _EPOCH
        read[index] = (past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds
    if counted:
        return (*_counted(read, heading, findings, unit), assumed)
    return read, None, assumed


# --- Words -------------------------------------------------------------------


def flags(column: pa.ChunkedArray, heading: str, findings: Findings) -> NDArray[np.bool_]:
    """Yes or no, as people and programs write it."""
    if pa.types.is_boolean(column.type):
        return _marked(pc.fill_null(_one(column), False))
    words, codes = labels(column)
    meant = np.array([word.lower() in _TRUE for word in words], np.bool_)
    strange = np.array([word.lower() not in _TRUE | _FALSE for word in words], np.bool_)
    findings.add_rows(
        strange[codes],
        heading,
        "ledger-file.word",
        lambda index: f"{shortly(words[codes[index]])} is neither true nor false",
        "Write true or false, or 1 or 0.",
    )
    return meant[codes]


def labels(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int32]]:
    """The different texts of a column, without spaces around them, and which one each row has."""
    texts, (codes,) = names([column])
    return texts, codes


def names(columns: list[pa.ChunkedArray]) -> tuple[list[str], list[NDArray[np.int32]]]:
    """The different texts of several columns together, in order of appearance, and which one each row of each has."""
    encoded = [_encoded(column) for column in columns]
    texts: dict[str, int] = {}
    places = []
    for values, _ in encoded:
        places.append(np.array([texts.setdefault(value, len(texts)) for value in values], np.int32))
    return list(texts), [
        np.ascontiguousarray(place[codes]) if len(place) else codes
        for place, (_, codes) in zip(places, encoded, strict=True)
    ]


def _encoded(column: pa.ChunkedArray) -> tuple[list[str], NDArray[np.int32]]:
    if not pa.types.is_dictionary(column.type):
        column = _as_text(column).dictionary_encode()
    one = _one(column.unify_dictionaries())
    codes: NDArray[np.int32] = pc.fill_null(one.indices, -1).to_numpy().astype(np.int32, copy=False)
    values = [_word(value) for value in _as_text(one.dictionary).to_pylist()]
    if bool((codes < 0).any()):
        codes = np.where(codes < 0, np.int32(len(values)), codes)
        values.append("")
    return values, codes


def _as_text(column: Any) -> Any:
    kind = column.type
    if pa.types.is_string(kind):
        return column
    if pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind) or pa.types.is_large_binary(kind):
        return pa.chunked_array(
            [pa.array([None if value is None else value.hex() for value in column.to_pylist()], pa.string())]
        )
    return column.cast(pa.string())


def _word(value: str | None) -> str:
    return "" if value is None else value.strip()

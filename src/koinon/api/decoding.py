"""Bodies and parameters, read strictly: unknown names, names given twice, and what is no JSON are all refused."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

import msgspec

from koinon.api.errors import BodyNotJson, Misfit, RequestInvalid

T = TypeVar("T")
_MOST_FINDINGS = 100
_DEEPEST = 20


@lru_cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def body(kind: type[T], raw: bytes) -> T:
    """The body as ``kind``; ``BodyNotJson``, or ``RequestInvalid`` with every finding.

    msgspec decodes and validates in one pass, but takes the last of two members with one name.
    A flat document has as many quotation marks as its strings need, and a repeated name adds
    two: counting them is enough, and only where the count differs is the document read again.
    """
    try:
        found: T = _decoder(cast(Any, kind)).decode(raw)
    except msgspec.ValidationError:
        raise RequestInvalid(findings=_findings(raw, kind)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refused:
        raise BodyNotJson(reason=_reason(refused)) from None
    if raw.count(b'"') != _quotes(found) and (twice := _names_given_twice(raw)):
        raise RequestInvalid(findings=twice)
    return found


def _reason(refused: Exception) -> str:
    return "it nests too deeply" if isinstance(refused, RecursionError) else str(refused).split(": ")[-1][:200]


def _quotes(found: Any) -> int:
    """How many quotation marks a document of these values needs where no string has an escaped one."""
    counted = 0
    for name in found.__struct_fields__:
        value = getattr(found, name)
        if value is msgspec.UNSET or value is None:
            continue
        if type(value) is int or type(value) is bool:
            counted += 2
        elif type(value) is list:
            counted += 2
            for item in value:
                counted += _quotes(item) if isinstance(item, msgspec.Struct) else 2
        else:
            counted += 4
    return counted


def _names_given_twice(raw: bytes) -> list[Misfit]:
    found: list[Misfit] = []

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = dict(members)
        if len(seen) != len(members):
            names = [name for name, _ in members]
            for name in seen:
                if names.count(name) > 1 and len(found) < _MOST_FINDINGS:
                    found.append(
                        Misfit(_pointer("", name), "twice", f"the member {name[:80]!r} is there more than once")
                    )
        return seen

    json.loads(raw, object_pairs_hook=pairs)
    return found


def _findings(raw: bytes, kind: Any) -> list[Misfit]:
    """Every reason why a document is no ``kind``: the slow way, for people."""
    try:
        twice = _names_given_twice(raw)
        found = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError) as refused:
        raise BodyNotJson(reason=_reason(refused)) from None
    listed = [*twice, *_misfits(found, kind, "", 0)]
    return listed[:_MOST_FINDINGS] or [Misfit("", "invalid", "the document makes no sense here")]


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def _misfits(value: Any, kind: Any, pointer: str, depth: int) -> Iterator[Misfit]:
    bare = get_args(kind)[0] if get_origin(kind) is not None and hasattr(kind, "__metadata__") else kind
    if isinstance(bare, type) and issubclass(bare, msgspec.Struct) and depth < _DEEPEST:
        if not isinstance(value, dict):
            yield Misfit(pointer, "type", "an object is expected here")
            return
        fields = {field.encode_name: field for field in msgspec.structs.fields(bare)}
        hints = get_type_hints(bare, include_extras=True)
        for name in value:
            if name not in fields:
                yield Misfit(_pointer(pointer, name), "unknown", "there is no member of this name")
        for name, field in fields.items():
            if name in value:
                yield from _misfits(value[name], hints[field.name], _pointer(pointer, name), depth + 1)
            elif field.required:
                yield Misfit(_pointer(pointer, name), "missing", "this member is required")
        return
    if get_origin(bare) is list and isinstance(value, list):
        (inner,) = get_args(bare)
        for place, item in enumerate(value):
            yield from _misfits(item, inner, f"{pointer}/{place}", depth + 1)
        bare = list[Any]
        kind = bare if kind is bare or not hasattr(kind, "__metadata__") else _with(kind, bare)
    try:
        msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as refused:
        yield Misfit(pointer, "value", str(refused).split(" - at")[0])
    except RecursionError:
        yield Misfit(pointer, "value", "it nests too deeply")


def _with(kind: Any, bare: Any) -> Any:
    from typing import Annotated

    return Annotated[(bare, *kind.__metadata__)]


def _pointer(pointer: str, name: str) -> str:
    """A JSON pointer (RFC 6901) to a member.

    >>> _pointer("/payments/3", "a/b~c")
    '/payments/3/a~1b~0c'
    """
    return f"{pointer}/{name[:80].replace('~', '~0').replace('/', '~1')}"


def parameters(query: bytes, kind: type[T]) -> T:
    """Query parameters as ``kind``, each at most once, or ``RequestInvalid`` with every finding."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=50, errors="strict")
    except ValueError:
        raise RequestInvalid(findings=[Misfit("", "invalid", "the query cannot be read")]) from None
    found = dict(pairs)
    findings = list(_odd_parameters(found, pairs, kind))
    if not findings:
        try:
            return msgspec.convert(found, kind, strict=False)
        except msgspec.ValidationError as refused:
            findings = [Misfit("", "value", str(refused).split(" - at")[0], _named(str(refused)))]
    raise RequestInvalid(findings=findings)


def _odd_parameters(found: dict[str, str], pairs: Iterable[tuple[str, str]], kind: Any) -> Iterator[Misfit]:
    known = {field.encode_name for field in msgspec.structs.fields(kind)}
    names = [name for name, _ in pairs]
    for name in found:
        if name not in known:
            yield Misfit("", "unknown", "there is no parameter of this name", name[:80])
        elif names.count(name) > 1:
            yield Misfit("", "twice", "this parameter is there more than once", name)


def _named(told: str) -> str:
    return told.partition(" - at `$.")[2].rstrip("`")

"""Where an export's files lie and what stands in them; docs/reference/export.md says the same to people.

    FOLDER/
      transfers/town=1/month=2027-03/0c8f1e2a9b7d4c55.parquet   a month of the books
      accounts/town=1/5d41402abc4b2a76.parquet                  what is known of each account
      periods/town=1/7d793037a0760186.parquet                   when each calendar month began and ended there
      manifests/town=1.json                                     the manifest: which of these files count

A file is called by its content and never changed. The manifest is replaced in one step when all files that it names are
there; what it no longer names is removed after that.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from koinon.impact.export.errors import ExportDamaged, NoExport

FORMAT, VERSION = "koinon-export", 2
"""Version 1 had instants as they were posted, mistyped years included."""

TRANSFERS = {
    "seq": "int64",
    "time": "int64",
    "period": "int32",
    "source": "int32",
    "target": "int32",
    "amount": "int64",
    "code": "string",
    "undoes": "bool",
    "cycle": "int32",
    "purchase": "int64",
    "original": "int64",
}
"""Columns of ``transfers`` and their types; ``town`` and ``month`` stand in the path."""

ACCOUNTS = {
    "account": "int32",
    "kind": "string",
    "role": "int32",
    "holder": "int32",
    "place": "int32",
    "trades": "bool",
    "fund": "string",
    "party": "string",
    "zone": "string",
    "sector": "string",
    "legal_form": "string",
    "sse": "string",
    "size": "string",
}

PERIODS = {"period": "int32", "starts": "int64", "ends": "int64"}

ATTRIBUTES = ("party", "zone", "sector", "legal_form", "sse", "size")


@dataclass(frozen=True, slots=True)
class File:
    """A file of an export. ``path`` is relative to the folder; rows of the books from ``seq_from`` up to ``seq_to``.

    ``complete``: the month is over and sealed to its end, so that no row will ever be added.
    """

    path: str
    rows: int
    bytes: int
    sha256: str
    amount_minor: int = 0
    seq_from: int = 0
    seq_to: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Seal:
    """The newest sealed block that is in an export: who kept its hash can prove that the export is of these books."""

    number: int
    hash: str
    seq_to: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export holds of one town, up to a seal."""

    town: int
    slug: str
    name: str
    country: str
    unit: str
    exponent: int
    time_zone: str
    seal: Seal
    rows: int
    amount_minor: int
    transfers: tuple[File, ...]
    accounts: File
    periods: File
    version: int = VERSION

    @property
    def files(self) -> tuple[File, ...]:
        return (*self.transfers, self.accounts, self.periods)

    def content(self) -> bytes:
        """As JSON: the same books give the same bytes."""
        document = {"format": FORMAT, **asdict(self)}
        return (json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()

    @classmethod
    def read(cls, content: bytes) -> Manifest:
        """From JSON, of this version or an earlier one; ``ValueError`` where it is none."""
        document = json.loads(content)
        if (
            not isinstance(document, dict)
            or document.pop("format", "") != FORMAT
            or document.get("version") not in range(1, VERSION + 1)
        ):
            raise ValueError("another format or version")
        try:
            return cls(
                **{
                    **document,
                    "seal": Seal(**document["seal"]),
                    "transfers": tuple(File(**one) for one in document["transfers"]),
                    "accounts": File(**document["accounts"]),
                    "periods": File(**document["periods"]),
                }
            )
        except (KeyError, TypeError) as other:
            raise ValueError(str(other)) from None


@dataclass(frozen=True, slots=True)
class Export:
    """The towns of an export's folder, lowest number first."""

    folder: Path
    towns: tuple[Manifest, ...]

    def only(self, towns: Sequence[int]) -> Export:
        """Those towns alone; all of them where none is named."""
        if not towns:
            return self
        missing = sorted(set(towns) - {one.town for one in self.towns})
        if missing:
            raise NoExport(folder=self.folder, towns=missing)
        return replace(self, towns=tuple(one for one in self.towns if one.town in set(towns)))

    def paths(self, table: str) -> list[str]:
        """The files of "transfers", "accounts" or "periods" in all towns."""
        found: list[File] = []
        for town in self.towns:
            found += town.transfers if table == "transfers" else [getattr(town, table)]
        return [str(self.folder / one.path) for one in found]


def manifest_path(folder: Path, town: int) -> Path:
    return folder / "manifests" / f"town={town}.json"


def manifest(folder: Path, town: int) -> Manifest | None:
    """What the folder holds of a town; None where it holds nothing of it."""
    path = manifest_path(folder, town)
    try:
        return Manifest.read(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        raise ExportDamaged(folder=folder, files=[str(path.relative_to(folder))]) from None


def opened(folder: Path, *, thoroughly: bool = False) -> Export:
    """The export in a folder, each of its files found there with its length, or ``thoroughly`` with its SHA-256.

    A town of an earlier version is ``ExportDamaged`` too: it would say other things than the towns beside it.
    """
    numbers = sorted(
        int(path.stem.removeprefix("town="))
        for path in (folder / "manifests").glob("town=*.json")
        if path.stem.removeprefix("town=").isdecimal()
    )
    towns = tuple(found for number in numbers if (found := manifest(folder, number)) is not None)
    if not towns:
        raise NoExport(folder=folder)
    broken = [str(manifest_path(Path(), town.town)) for town in towns if town.version != VERSION]
    broken += [file.path for town in towns for file in town.files if not is_there(folder, file, thoroughly=thoroughly)]
    if broken:
        raise ExportDamaged(folder=folder, files=broken)
    return Export(folder, towns)


def is_there(folder: Path, file: File, *, thoroughly: bool = False) -> bool:
    """Whether the file has the length, or ``thoroughly`` the bytes, that its manifest says."""
    path = folder / file.path
    try:
        return path.stat().st_size == file.bytes and (not thoroughly or sha256(path) == file.sha256)
    except FileNotFoundError:
        return False


def sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def schema(columns: dict[str, str]) -> Any:
    """The columns as an Arrow schema."""
    import pyarrow as pa

    return pa.schema([(name, getattr(pa, "bool_" if kind == "bool" else kind)()) for name, kind in columns.items()])


def begin(part: Path) -> None:
    """An empty file that its owner alone may read: a reader is not to find every movement before it is finished either."""
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def put(part: Path, path: Path) -> None:
    """Give a finished file its name; from here on it is there whatever happens to the machine."""
    with part.open("rb") as written:
        os.fsync(written.fileno())
    os.replace(part, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

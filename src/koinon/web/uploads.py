"""Taking in a ZIP file from outside: bounded, flat or in one folder, and nothing that leaves its place."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

LARGEST_FILE = 10 * 2**20
LARGEST_WHOLE = 60 * 2**20
MOST_FILES = 60
KINDS = {".toml", ".csv", ".xlsx", ".xls", ".ods", ".txt", ".md"}


class UploadRefused(Exception):
    """A sentence for the person who sent the file."""


def unpack(upload: UploadedFile, into: Path) -> Path:
    """Unpack a town folder; the folder in which its town.toml lies."""
    if (upload.size or 0) > LARGEST_FILE:
        raise UploadRefused(_("The file is larger than 10 MB."))
    stream: Any = upload.file
    try:
        with zipfile.ZipFile(stream) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            members = [member for member in members if not member.filename.startswith("__MACOSX/")]
            if len(members) > MOST_FILES or sum(member.file_size for member in members) > LARGEST_WHOLE:
                raise UploadRefused(_("The ZIP file holds more than a town folder has."))
            for member in members:
                _write(archive, member, into)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as broken:
        raise UploadRefused(_("This is not a ZIP file that can be opened.")) from broken
    found = sorted(into.rglob("town.toml"), key=lambda path: len(path.parts))
    if not found:
        raise UploadRefused(_("There is no town.toml in the ZIP file."))
    return found[0].parent


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, into: Path) -> None:
    name = PurePosixPath(member.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or name.suffix.lower() not in KINDS:
        return  # Whatever it is, a town folder has no use for it.
    target = into.joinpath(*name.parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, target.open("wb") as sink:
        _copy(source, sink, member.file_size)


def _copy(source: IO[bytes], sink: IO[bytes], promised: int) -> None:
    """No more than the archive's own list promised: the list was counted, the content was not."""
    shutil.copyfileobj(_Bounded(source, promised), sink)


class _Bounded:
    def __init__(self, source: IO[bytes], left: int) -> None:
        self._source, self._left = source, left

    def read(self, size: int = -1) -> bytes:
        block = self._source.read(min(self._left, size if size >= 0 else self._left))
        self._left -= len(block)
        return block

"""Taking in a ZIP file from outside: bounded, flat or in one folder, and nothing that leaves its place or stays.

What is sent waits in memory and is unpacked into a folder of its own under
``uploads/``, which a lock of this process marks as in use. The lock ends with
the process however that ends, so the next start and the next upload remove
what a killed one left behind.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any

from django.core.files.uploadedfile import InMemoryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.utils.translation import gettext as _

LARGEST_FILE = 10 * 2**20
LARGEST_WHOLE = 60 * 2**20
MOST_FILES = 60
KINDS = {".toml", ".csv", ".xlsx", ".xls", ".ods", ".txt", ".md"}


class UploadRefused(Exception):
    """A sentence for the person who sent the file."""


class InMemory(FileUploadHandler):
    """Keeps a file of the largest size in memory and lets the rest of a larger one go by; nothing lies on the disk."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._kept = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) <= LARGEST_FILE:
            self._kept.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        self._kept.seek(0)
        return InMemoryUploadedFile(
            self._kept,
            self.field_name,
            self.file_name,  # type: ignore[arg-type]
            self.content_type,
            file_size,
            self.charset,
            self.content_type_extra,
        )


@contextmanager
def folder_for_one(under: Path) -> Iterator[Path]:
    """An empty folder that only this user may enter, removed at the end of the block or of the process."""
    remove_left_behind(under)
    under.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        folder = Path(tempfile.mkdtemp(dir=under))
        held = _held(folder)
        if held is not None:
            break
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def remove_left_behind(under: Path) -> None:
    """Remove the folders whose process has ended."""
    with suppress(FileNotFoundError):
        for folder in under.iterdir():
            held = _held(folder)
            if held is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(held)


def _held(folder: Path) -> int | None:
    """The open folder, locked for us alone; None when another has it, or has removed it just now."""
    try:
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(held), folder.stat()):
            return held
    except OSError:
        pass
    os.close(held)
    return None


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
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeError, RuntimeError, NotImplementedError) as broken:
        raise UploadRefused(_("This is not a ZIP file that can be opened.")) from broken
    except OSError as unusable:
        raise UploadRefused(_("The ZIP file holds a name that is too long or that cannot be a file.")) from unusable
    found = sorted(into.rglob("town.toml"), key=lambda path: len(path.parts))
    if not found:
        raise UploadRefused(_("There is no town.toml in the ZIP file."))
    return found[0].parent


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, into: Path) -> None:
    name = PurePosixPath(member.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or name.suffix.lower() not in KINDS:
        return  # Whatever it is, a town folder has no use for it.
    if any(folder.suffix.lower() in KINDS for folder in name.parents):
        return  # A folder that is called as a file, and would stand in that file's place.
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

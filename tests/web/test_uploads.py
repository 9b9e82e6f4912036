"""A ZIP file from outside: whatever it holds, it stays in its place and within its bounds."""

from __future__ import annotations

import stat
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from koinon.web import uploads
from koinon.web.uploads import UploadRefused, unpack


def archive(files: dict[str, bytes]) -> SimpleUploadedFile:
    whole = BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return SimpleUploadedFile("town.zip", whole.getvalue())


def test_the_folder_is_found_at_any_depth(tmp_path: Path) -> None:
    found = unpack(archive({"a/b/town.toml": b"x", "a/b/households.csv": b"y"}), tmp_path)
    assert found == tmp_path / "a" / "b"
    assert (found / "households.csv").read_bytes() == b"y"


@pytest.mark.parametrize(
    "name", ["../outside.csv", "a/../../outside.csv", "/outside.csv", "..\\outside.csv", "C:\\x.csv"]
)
def test_nothing_is_written_outside(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    unpack(archive({"town.toml": b"x", name: b"y"}), inside)
    assert [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_relative_to(inside)] == []
    assert not Path("/outside.csv").exists()


def test_what_a_town_folder_has_no_use_for_is_left_out(tmp_path: Path) -> None:
    unpack(archive({"town.toml": b"x", "run.sh": b"y", "page.html": b"z"}), tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["town.toml"]


def test_a_link_in_the_archive_is_only_a_text(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("secrets.csv")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    whole = BytesIO()
    with zipfile.ZipFile(whole, "w") as packed:
        packed.writestr("town.toml", b"x")
        packed.writestr(link, "/etc/passwd")
    unpack(SimpleUploadedFile("town.zip", whole.getvalue()), tmp_path)
    assert not (tmp_path / "secrets.csv").is_symlink()


@pytest.mark.parametrize(
    "files",
    [
        {f"{number}.csv": b"x" for number in range(uploads.MOST_FILES + 1)},
        {"town.toml": bytes(uploads.LARGEST_WHOLE + 1)},
        {"households.csv": b"x"},
    ],
    ids=["too many files", "swells when unpacked", "no town.toml"],
)
def test_an_archive_that_is_no_town_folder_is_refused(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(UploadRefused):
        unpack(archive(files), tmp_path)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut short"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UploadRefused):
        unpack(SimpleUploadedFile("town.zip", content), tmp_path)


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    upload = SimpleUploadedFile("town.zip", b"x")
    upload.size = uploads.LARGEST_FILE + 1
    with pytest.raises(UploadRefused):
        unpack(upload, tmp_path)

"""A ZIP file from outside: whatever it holds, it stays in its place and within its bounds."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory

from koinon.db.connections import Database
from koinon.web import uploads
from koinon.web.uploads import UploadRefused, folder_for_one, remove_left_behind, unpack
from tests.conftest import django_on
from tests.pilots import small_town
from tests.pilots.test_townfolder_limits import far_apart
from tests.web.test_access import client_of


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


def test_a_name_that_no_disk_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UploadRefused, match="name"):
        unpack(archive({"town.toml": b"x", "n" * 300 + ".csv": b"y"}), tmp_path)


@pytest.mark.parametrize("first", ["town.toml", "town.toml/x.csv"])
def test_a_folder_that_is_called_as_a_file_takes_no_files_place(tmp_path: Path, first: str) -> None:
    names = sorted(["town.toml", "town.toml/x.csv", "households.csv/y.csv"], key=lambda name: name != first)
    found = unpack(archive(dict.fromkeys(names, b"x")), tmp_path)
    assert found == tmp_path
    assert [path.name for path in tmp_path.rglob("*")] == ["town.toml"]


def test_an_archive_whose_content_is_damaged_is_refused(tmp_path: Path) -> None:
    whole = bytearray(archive({"town.toml": os.urandom(50) * 40}).read())
    whole[60:90] = bytes(30)
    with pytest.raises(UploadRefused):
        unpack(SimpleUploadedFile("town.zip", bytes(whole)), tmp_path)


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    upload = SimpleUploadedFile("town.zip", b"x")
    upload.size = uploads.LARGEST_FILE + 1
    with pytest.raises(UploadRefused):
        unpack(upload, tmp_path)


def test_a_folder_goes_with_its_request_however_that_ends(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), folder_for_one(tmp_path) as folder:
        (folder / "town.toml").write_bytes(b"x")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_left_alone_and_one_of_a_killed_process_removed(tmp_path: Path) -> None:
    waits = "import sys, time; from pathlib import Path; from koinon.web.uploads import folder_for_one\n"
    waits += "with folder_for_one(Path(sys.argv[1])) as folder: print(folder, flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", waits, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    folder = Path(other.stdout.readline().strip())
    (folder / "residents.csv").write_bytes(b"x")

    remove_left_behind(tmp_path)
    assert (folder / "residents.csv").exists()

    os.kill(other.pid, signal.SIGKILL)
    other.wait(30)
    other.stdout.close()
    with folder_for_one(tmp_path) as own:
        assert list(tmp_path.iterdir()) == [own]
        assert stat.S_IMODE(own.stat().st_mode) == 0o700


@pytest.mark.parametrize(("size", "kept"), [(3 * 2**20, 3 * 2**20), (uploads.LARGEST_FILE + 1, uploads.LARGEST_FILE)])
def test_what_is_sent_lies_in_memory_only_and_is_bounded(size: int, kept: int) -> None:
    request = RequestFactory().post("/", {"folder": SimpleUploadedFile("town.zip", bytes(size))})
    (sent,) = request.FILES.values()
    assert sent.size == size
    assert isinstance(sent.file, BytesIO)
    assert len(sent.file.getvalue()) <= kept


def test_the_check_page_answers_a_workbook_that_would_end_the_site(town_database: Database) -> None:
    files = {**small_town.FILES, **far_apart("XFD", 1_048_576)}
    sent = archive({name: content for name, content in files.items() if content is not None})

    with django_on(town_database):
        answer = client_of("officer").post("/office/folder/", {"folder": sent}, follow=True)

    assert "town.file-too-costly" in answer.content.decode()
    assert list(Path(settings.UPLOADS).iterdir()) == []

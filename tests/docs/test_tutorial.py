"""The tutorial and the guides, followed to their end on a real installation in a folder of its own.

The tutorial starts where nothing lies, and stops and starts the embedded server with each command. In the guides after it
that is done once: one that has no site to be served still finds a server that runs, as the site's would.
"""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from koinon.db import embedded
from koinon.db.embedded import EmbeddedServer
from koinon.db.guardian import find_programs
from tests import prepared
from tests.docs.walk import ROOT, Shell, Step, follow

GUIDES = ROOT / "docs" / "guides"
FOLLOWED = (
    "your-towns-first-month",
    "keep-a-seal-head",
    "show-the-books",
    "back-up",
    "erase-a-person",
    "turn-the-keys",
    "start-for-real",
    "run-on-your-own-postgresql",
)
WITH_A_SERVER = {
    "keep-a-seal-head": "tutorial",
    "show-the-books": "tutorial",
    "erase-a-person": "tutorial",
    "turn-the-keys": "tutorial",
    "start-for-real": "real",
}
PAGES_OF_ROLES = {
    "resident": "/purse/",
    "shop": "/shop/",
    "officer": "/office/",
    "approver": "/approvals/",
    "treasurer": "/treasury/",
    "coordinator": "/activities/",
    "auditor": "/audit/",
}


class Browser:
    """As much of a browser as signing in and sending a form take."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        jar = http.cookiejar.CookieJar()
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar)).open

    def get(self, path: str) -> str:
        with self._open(f"{self.address}{path}", timeout=60) as answer:
            return answer.read().decode()

    def send(self, path: str, **fields: str) -> str:
        """Fill in the form of a page and send it, as its button does."""
        form = self.get(path)
        (token,) = set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)[:1])
        given = {"csrfmiddlewaretoken": token, "form_id": str(uuid4()), **fields}
        request = urllib.request.Request(
            f"{self.address}{path}",
            data=urllib.parse.urlencode(given).encode(),
            headers={"Referer": f"{self.address}{path}", "Origin": self.address},
        )
        with self._open(request, timeout=60) as answer:
            return answer.read().decode()


class Reader:
    """What the reader of the guides does outside the terminal."""

    def __init__(self, folder: Path, own_server: EmbeddedServer) -> None:
        self.folder = folder
        self.var = folder / "var" / "tutorial"
        self.own_server = own_server
        self.site: subprocess.Popen[str] | None = None
        self.address = ""

    @property
    def steps(self) -> dict[str, Step]:
        return {
            "the site is served": self.serve,
            "each role signs in": self.sign_in_as_each,
            "the shop asks for 20.00": self.ask_for_euros,
            "the site is stopped": self.stop,
            "the file from the page": lambda: "koinon seal verify --from from-the-page.json",
            "a receipt": self.a_receipt,
            "an identifier": self.an_identifier,
            "a server of one's own": self.a_server_of_ones_own,
            "its addresses": self.its_addresses,
        }

    @contextmanager
    def at(self, guide: str) -> Iterator[None]:
        """Where a guide is followed: beside a server that runs, or as the one before has left it."""
        if guide not in WITH_A_SERVER:
            yield
            return
        var = self.folder / "var" / WITH_A_SERVER[guide]
        if not var.exists():
            prepared.copy_to(var)
        with embedded.running(var):
            yield

    def serve(self) -> None:
        self.site = subprocess.Popen(
            ["koinon", "serve"],
            cwd=self.folder,
            env={**environment(), "KOINON_VAR": str(self.var)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.site.stdout is not None
        too_long = threading.Timer(90, self.site.kill)
        too_long.start()
        told = self.site.stdout.readline()
        too_long.cancel()
        self.address = re.findall(r"http://\S+", told)[0]
        passer_by = Browser(self.address)
        assert "My Town" in passer_by.get("/")
        self.folder.joinpath("from-the-page.json").write_text(passer_by.get("/check/head.json"), encoding="utf-8")

    def sign_in_as_each(self) -> None:
        for role, page in PAGES_OF_ROLES.items():
            assert "<h1" in self._signed_in(role).get(page), role

    def ask_for_euros(self) -> None:
        assert "20.00" in self._signed_in("shop").send("/shop/payout/", amount="20.00")

    def stop(self) -> None:
        if self.site is not None and self.site.poll() is None:
            self.site.send_signal(signal.SIGINT)
            self.site.wait(30)

    def a_receipt(self) -> str:
        bought = self._ask("SELECT id FROM ledger.transfer WHERE code = 'pay' ORDER BY seq LIMIT 1")
        return f"TRANSFER={bought}"

    def an_identifier(self) -> str:
        first = (self.folder / "my-town" / "households.csv").read_text(encoding="windows-1252").splitlines()[1]
        return f"IDENTIFIER='{first.split(';')[0]}'"

    def a_server_of_ones_own(self) -> str:
        return f"export PGHOST='{self.own_server.socket_folder}' PGUSER=postgres"

    def its_addresses(self) -> str:
        app, owner = (self.own_server.url(role, "town") for role in ("koinon_app", "postgres"))
        return f"export KOINON_DATABASE_URL='{app}' KOINON_OWNER_DATABASE_URL='{owner}'"

    def _signed_in(self, role: str) -> Browser:
        kept = json.loads((self.var / "demo" / "sign-in.json").read_text(encoding="utf-8"))["sign_in"]
        (one,) = [row for row in kept if row["role"] == role]
        browser = Browser(self.address)
        answered = browser.send("/accounts/login/", login=one["user"], password=one["password"])
        if one["second_factor"]:  # The page of the demonstration shows the code that a telephone would.
            shown = re.search(r'id="demonstrated">(\d{6})<', answered)
            assert shown is not None
            browser.send("/accounts/2fa/authenticate/", code=shown.group(1))
        return browser

    def _ask(self, sql: str) -> str:
        with embedded.running(self.var) as server, psycopg.connect(server.url("koinon_app")) as conn:
            return str(conn.execute(sql.encode()).fetchone()[0])  # type: ignore[index]


def environment() -> dict[str, str]:
    """A terminal in which the environment is active, and nothing of ours is set."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("KOINON_", "DJANGO_", "PG"))}
    programs = [str(Path(sys.executable).parent), str(find_programs() / "bin")]
    return {**clean, "PATH": os.pathsep.join([*programs, clean["PATH"]]), "LC_ALL": "C.UTF-8", "COLUMNS": "120"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_tutorial_and_guides_lead_to_their_end(tmp_path: Path, server: EmbeddedServer) -> None:
    folder = tmp_path / "koinon"
    folder.mkdir()
    (folder / "towns").symlink_to(ROOT / "towns")
    reader = Reader(folder, server)
    shell = Shell(folder, environment())
    walked = {}
    try:
        for name in FOLLOWED:
            with reader.at(name):
                walked[name] = follow(GUIDES / f"{name}.md", shell, reader.steps)
    finally:
        reader.stop()
        shell.close()

    assert all(walked.values())


def test_every_guide_with_commands_is_followed_by_some_test() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in ROOT.joinpath("tests").rglob("test_*.py"))

    forgotten = [
        page.name
        for page in GUIDES.glob("*.md")
        if "```console" in page.read_text(encoding="utf-8") and page.stem not in FOLLOWED and page.name not in tests
    ]

    assert forgotten == []

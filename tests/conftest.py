"""What every test may ask for: real databases, Django on them, the real site, a real browser.

| fixture | gives |
| --- | --- |
| `conn` | the application's connection; what the test did is rolled back |
| `database` | a fresh database of the test's own, with `app_url` and `owner_url`; dropped afterwards |
| `database_url` | its `app_url` |
| `owner_conn` | a superuser's connection to it, autocommit: for looking and for tampering |
| `connect_again` | further connections of the application to it, closed afterwards |
| `django_db` | Django's ORM and the psycopg connection beneath it, in one transaction that is rolled back |
| `django_fresh` | Django's ORM on the test's own database, for what commits |
| `live_site` | the real server in a process of its own, on a database of the test file's own |
| `page` | a page in Chromium, fresh for each test; a script error or a broken security policy fails the test |

`conn` is on the test's own database as well when the test also asks for one.
Databases are clones of a template that has all migrations, on a server that
lives as long as the test run and writes without waiting for the disk.
"""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import psycopg
import pytest

from koinon.db import embedded
from koinon.db.connections import Database, connect
from koinon.db.embedded import EmbeddedServer
from koinon.db.locks import Held, LockFile
from tests import prepared

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PROJECT = Path(__file__).resolve().parent.parent
MEMORY, MEMORY_BYTES = Path("/dev/shm"), 3_000_000_000  # What two processes need there with room to spare.


def _scratch() -> Path:
    """Where tests write: in memory where there is room, else on the project's disk.

    Each clone of a database is three hundred files, made and removed within a second. ext4 looks at everything removed
    in the last minute whenever it makes a file: a quarter of all processor time went there.
    """
    try:
        if os.access(MEMORY, os.R_OK | os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free > MEMORY_BYTES:
            return MEMORY
    except OSError:
        pass
    return PROJECT / "var"


SCRATCH = _scratch()
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
VAR = SCRATCH / f"koinon-test-{WORKER}-{os.getpid()}"
TEMPLATE = "koinon_template"
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}

# Before Django's settings are read: tests write nothing outside their own folder.
if SCRATCH == MEMORY:  # Temporary folders as well, those of the programs that tests start included.
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None
os.environ["KOINON_VAR"] = str(VAR)
os.environ.pop("KOINON_DATABASE_URL", None)
os.environ.pop("KOINON_OWNER_DATABASE_URL", None)
os.environ["DJANGO_SETTINGS_MODULE"] = "koinon.server.settings"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright's loop lives in the thread that asks the ORM.

# A run starts our programs hundreds of times and rewrites the assertions of every test file in each of its processes:
# what was compiled is kept for the next one, even where the environment asks Python to keep nothing.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Two busy cores make no promise about milliseconds; CI tries the same examples each time.
hypothesis.settings.register_profile("koinon", deadline=None, derandomize=IN_CI)
hypothesis.settings.load_profile("koinon")


def pytest_configure(config: pytest.Config) -> None:
    import django

    try:
        (VAR / "static").mkdir(parents=True, exist_ok=True)
    except OSError as refused:
        raise pytest.UsageError(f"{VAR} cannot be made: {refused.strerror}; is {VAR.parent} another user's?") from None
    _remove_what_killed_runs_left()
    prepared.keys_to(VAR)
    django.setup()


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(VAR, ignore_errors=True)
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(prepared.folder_of_run(SCRATCH), ignore_errors=True)


def _remove_what_killed_runs_left() -> None:
    for old in SCRATCH.glob("koinon-test-*-*"):
        with suppress(PermissionError):  # Another user's, then.
            if not Path(f"/proc/{old.name.rsplit('-', 1)[1]}").exists() and _is_unused(old):
                shutil.rmtree(old, ignore_errors=True)


def _is_unused(folder: Path) -> bool:
    lock = LockFile(folder / "pg.guardian.lock")
    try:
        return lock.held_by_others() is Held.NOT_AT_ALL
    finally:
        lock.let_go()


# Files go whole to one worker, so that what they prepare is prepared once; the longest go first, so that no worker
# is left alone with one of them at the end.
LONGEST = (
    "docs/test_tutorial.py", "web/test_axe.py", "journeys/test_demo.py", "faults/test_faults.py", "bench/",
    "impact/scale/", "ledger/test_model.py", "web/test_personal_data.py", "journeys/", "pilots/", "impact/", "web/",
    "db/", "jobs/", "cli/",
)  # fmt: skip


def _turn(item: pytest.Item) -> int:
    where = item.nodeid.removeprefix("tests/")
    return next((turn for turn, name in enumerate(LONGEST) if where.startswith(name)), len(LONGEST))


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.collect()
    gc.freeze()  # Thousands of tests and everything they import stay: nobody need look through them again and again.


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=_turn)
    for item in items:
        if {"browser", "page"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("browser")
    if os.geteuid() != 0:  # What only root can meet, an ordinary user's run does not have to prove.
        only_root = [item for item in items if item.get_closest_marker("root")]
        config.hook.pytest_deselected(items=only_root)
        items[:] = [item for item in items if item not in only_root]


# In CI nothing may be left out: a skipped test fails the run.


def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if IN_CI and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    if IN_CI and skipped:
        terminalreporter.section("skipped in CI, where nothing may be")
        for report in skipped:
            terminalreporter.write_line(f"{report.nodeid}: {report.longrepr}")


# Databases


class Databases:
    """Clones of the migrated template."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server
        self._numbers = itertools.count(1)
        self._admin = psycopg.connect(server.url("postgres", "postgres"), autocommit=True)
        # It would begin transactions whenever it likes, and what they overlap is sealed a moment later.
        self._admin.execute("ALTER SYSTEM SET autovacuum = off")
        self._admin.execute("SELECT pg_reload_conf()")
        self._make_template()

    def _make_template(self) -> None:
        self._admin.execute(f"ALTER DATABASE {embedded.DATABASE} RENAME TO {TEMPLATE}")
        self._admin.execute(
            f"CREATE DATABASE {embedded.DATABASE} TEMPLATE template0 ENCODING 'UTF8' "
            "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'PG_UNICODE_FAST' LOCALE 'C'"
        )

    def _addresses(self, name: str) -> Database:
        return Database(app_url=self.server.url("koinon_app", name), owner_url=self.server.url("postgres", name))

    @contextmanager
    def clone(self) -> Iterator[Database]:
        name = f"koinon_{next(self._numbers)}"
        self._admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
        try:
            yield self._addresses(name)
        finally:
            self._admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        self._admin.close()


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    prepared.copy_to(VAR)
    with embedded.running(VAR, durable=False) as running:
        yield running


@pytest.fixture(scope="session")
def databases(server: EmbeddedServer) -> Iterator[Databases]:
    found = Databases(server)
    yield found
    found.close()


@pytest.fixture(scope="session")
def shared_database(databases: Databases) -> Iterator[Database]:
    """For tests that undo what they do; nothing is ever committed here."""
    with databases.clone() as database:
        yield database


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    with databases.clone() as database:
        yield database


@pytest.fixture
def database_url(database: Database) -> str:
    return database.app_url


@pytest.fixture
def conn(request: pytest.FixtureRequest) -> Iterator[psycopg.Connection[Any]]:
    own = "database" in request.fixturenames
    database: Database = request.getfixturevalue("database" if own else "shared_database")
    connection = connect(database.app_url, application_name="koinon tests")
    yield connection
    if not connection.closed:
        connection.rollback()
        connection.close()


@pytest.fixture
def owner_conn(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def connect_again(database: Database) -> Iterator[Callable[[], psycopg.Connection[Any]]]:
    with ExitStack() as opened:

        def again() -> psycopg.Connection[Any]:
            connection = connect(database.app_url, application_name="koinon tests")
            opened.callback(connection.close)
            return connection

        yield again


# Django


@contextmanager
def django_on(database: Database) -> Iterator[None]:
    """Django's default connection on this database, until the block ends."""
    from django.db import connections

    from koinon.server.settings import database_settings

    default = connections["default"]
    default.close()
    before = default.settings_dict.copy()
    default.settings_dict.update(database_settings(database.app_url))
    try:
        yield
    finally:
        connections.close_all()
        default.settings_dict.clear()
        default.settings_dict.update(before)


@pytest.fixture
def django_db(shared_database: Database) -> Iterator[psycopg.Connection[Any]]:
    from django.db import transaction

    from koinon.parties.connection import raw

    with django_on(shared_database), transaction.atomic():
        yield raw()
        transaction.set_rollback(True)


@pytest.fixture
def django_fresh(database: Database) -> Iterator[Database]:
    with django_on(database):
        yield database


# The site


@dataclass(frozen=True, slots=True)
class LiveSite:
    """A server that answers at ``url`` (without a closing slash) on ``database``."""

    url: str
    database: Database
    log: Path


SERVE = """
from koinon.server.site import bind, serve
serve(listening=bind("127.0.0.1", 0), on_ready=lambda address: print(address, flush=True))
"""


@contextmanager
def serving(database: Database) -> Iterator[LiveSite]:
    """The real server on any free port, ended politely."""
    environment = {**os.environ, "KOINON_DATABASE_URL": database.app_url, "KOINON_VAR": str(VAR)}
    with tempfile.NamedTemporaryFile(dir=VAR, prefix="site-", suffix=".log", delete=False) as stderr:
        log = Path(stderr.name)
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE], stdout=subprocess.PIPE, stderr=stderr, env=environment, text=True
        )
    assert process.stdout is not None
    too_long = threading.Timer(60, process.kill)
    too_long.start()
    try:
        address = process.stdout.readline().strip().rstrip("/")
        too_long.cancel()
        if not address:
            pytest.fail(f"the site did not start:\n{log.read_text()[-4000:]}")
        yield LiveSite(address, database, log)
    finally:
        too_long.cancel()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@pytest.fixture(scope="module")
def live_site(databases: Databases) -> Iterator[LiveSite]:
    with databases.clone() as database, serving(database) as site:
        yield site


# The browser


PATIENCE_MILLISECONDS = 60_000  # For what is expected of a page, however busy the machine is.
# Of two lists of features to switch off Chromium hears the last: Playwright's own stands here again. After it the two pages
# of suggestions for the address bar, which no test asks for and each window would load into a process of its own.
SWITCHED_OFF = (
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,"
    "LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,"
    "TcpPortRandomizationWin,OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch,"
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup"
)
CHROMIUM_ARGUMENTS = [
    f"--disable-features={SWITCHED_OFF}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    problems: list[str] = []
    context = browser.new_context()
    fresh = context.new_page()
    fresh.on("pageerror", lambda error: problems.append(str(error)))
    fresh.on("console", lambda said: "Content Security Policy" in said.text and problems.append(said.text))
    yield fresh
    context.close()
    assert problems == []

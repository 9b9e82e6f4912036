"""pgledger beside us: a ledger as functions inside PostgreSQL, from the file its users install.

Its file is given by whoever measures; nothing of it is kept here. It is used as its own
performance check does: ``select id from pgledger_create_transfer(...)`` as a prepared statement on a
connection for each client, committed by itself. Its wallets may not go below zero, as ours may not.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.errors import RaiseException

from koinon.bench.crew import Crew, Plan
from koinon.bench.errors import PeerNotUsable
from koinon.bench.figures import Run
from koinon.bench.server import Server
from koinon.bench.traffic import HOT_MINOR, WALLET_MINOR

NAME = "pgledger"
_DATABASE = "bench_pgledger"
_HELPERS = ("ulid-to-uuid.sql", "uuid-to-ulid.sql")
_TRANSFER = "SELECT id FROM pgledger_create_transfer(%s::text, %s::text, %s::numeric)"

# Stands in for the helper that pgledger asks for where its folder was not given with the file. The digits are
# made by the server's own base conversion in one expression, so it is no slower than the loop it replaces.
_ULID = """
CREATE FUNCTION uuid_to_ulid(id uuid) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(
        substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ',
               (substring(bits FROM place * 5 + 1 FOR 5))::bit(5)::integer + 1, 1), '' ORDER BY place)
    FROM (SELECT (B'00' || ('x' || replace($1::text, '-', ''))::bit(128)) AS bits) AS number,
         generate_series(0, 25) AS place
$$
"""


class PgledgerClient:
    """One connection that pays by pgledger's own function."""

    def __init__(self, url: str) -> None:
        self._conn = psycopg.connect(url, autocommit=True, prepare_threshold=0)
        self._cursor = self._conn.cursor()
        self._accounts = [row[0] for row in self._conn.execute("SELECT id FROM bench_wallet ORDER BY place")]

    def pay(self, payer: int, payee: int, amount_minor: int) -> bool:
        try:
            self._cursor.execute(_TRANSFER, (self._accounts[payer], self._accounts[payee], amount_minor)).fetchone()
        except RaiseException:  # How it refuses.
            return False
        return True

    def close(self) -> None:
        self._conn.close()


class Pgledger:
    """pgledger with as many wallets as we have, in a database of its own on the same server."""

    name = NAME
    patterns: tuple[str, ...] = ("uniform", "lone", "hot")

    def __init__(self, server: Server, file: Path, *, wallets: int, clients: int) -> None:
        self._server = server
        self._wallets = wallets
        self._clients = clients
        self._url = server.database(_DATABASE).owner_url
        self._crew: Crew | None = None
        self.arrangement = ""
        self.version = ""
        server.drop(_DATABASE)
        server.create(_DATABASE)
        with psycopg.connect(self._url) as conn:
            self._install(conn, file)
            self._fill(conn)
        with psycopg.connect(self._url, autocommit=True) as conn:
            conn.execute("VACUUM ANALYZE")

    def choose_arrangement(self, *, seconds: float) -> dict[str, float]:
        """Try its clients as threads of one process, of two and of eight; keep what is fastest here."""
        tried: dict[str, float] = {}
        for processes in (1, 2, 8):
            crew = self._arranged(processes)
            run = crew.run("uniform", clients=self._clients, warm_up=0.5, seconds=seconds, seed=processes)
            crew.close()
            tried[f"{processes} x {self._clients // processes}"] = round(run.payments_per_second, 1)
        self.arrangement = max(tried, key=lambda name: tried[name])
        self._crew = self._arranged(int(self.arrangement.split()[0]))
        return tried

    def run(self, pattern: str, *, clients: int, warm_up: float, seconds: float, seed: int) -> Run:
        assert self._crew is not None, "choose_arrangement comes first"
        return self._crew.run(pattern, clients=clients, warm_up=warm_up, seconds=seconds, seed=seed)

    def booked(self) -> int:
        with psycopg.connect(self._url) as conn:
            row = conn.execute("SELECT count(*) FROM pgledger_transfers").fetchone()
        assert row is not None
        return int(row[0])

    def bytes_per_transfer(self) -> float | None:
        with psycopg.connect(self._url) as conn:
            row = conn.execute(
                "SELECT (pg_total_relation_size('pgledger_transfers') + pg_total_relation_size('pgledger_entries')) "
                "/ nullif((SELECT count(*) FROM pgledger_transfers), 0)::float8"
            ).fetchone()
        assert row is not None
        return None if row[0] is None else float(row[0])

    def close(self) -> None:
        if self._crew is not None:
            self._crew.close()
        self._server.drop(_DATABASE)

    def _arranged(self, processes: int) -> Crew:
        made_by = f"{PgledgerClient.__module__}:{PgledgerClient.__name__}"
        return Crew(NAME, Plan(made_by, {"url": self._url}, self._clients, processes, self._wallets))

    def _install(self, conn: Connection[Any], file: Path) -> None:
        try:
            texts = [path.read_text(encoding="utf-8") for path in (*_helpers_beside(file), file)]
        except (OSError, UnicodeDecodeError) as refused:
            raise PeerNotUsable(name=NAME, reason=f"{file} cannot be read ({refused})") from refused
        try:
            if len(texts) == 1 and "FUNCTION uuid_to_ulid" not in texts[0]:
                conn.execute(_ULID)
            for text in texts:
                conn.execute(text.encode())
            conn.execute("SELECT 1 FROM pgledger_accounts LIMIT 1")
        except psycopg.Error as refused:
            raise PeerNotUsable(name=NAME, reason=f"{file} does not install ({str(refused).strip()})") from refused

    def _fill(self, conn: Connection[Any]) -> None:
        """Wallets with money from the start, without the transfers that would have brought it: less history is kinder."""
        began = time.monotonic()
        conn.execute("CREATE TABLE bench_wallet (place integer PRIMARY KEY, id text NOT NULL)")
        conn.execute(
            "WITH made AS ("
            "  INSERT INTO pgledger_accounts (name, currency, balance, version, allow_negative_balance,"
            "                                 allow_positive_balance, created_at, updated_at)"
            "  SELECT 'wallet ' || place, 'LOC', CASE place WHEN 0 THEN %(hot)s ELSE %(wallet)s END, 1, false, true,"
            "         now(), now()"
            "  FROM generate_series(0, %(wallets)s - 1) AS place RETURNING id, name)"
            "INSERT INTO bench_wallet SELECT substr(name, 8)::integer, id FROM made",
            {"wallets": self._wallets, "wallet": WALLET_MINOR, "hot": HOT_MINOR},
        )
        self.filled_in_seconds = time.monotonic() - began


def _helpers_beside(file: Path) -> list[Path]:
    """The two files that pgledger's own folder keeps its helpers in, where they lie beside the one given."""
    folder = file.parent / "vendor" / "scoville-pgsql-ulid"
    helpers = [folder / name for name in _HELPERS]
    return helpers if all(helper.is_file() for helper in helpers) else []

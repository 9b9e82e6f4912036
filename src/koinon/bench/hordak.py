"""django-hordak beside us: double entry as Django models, with the payer's balance checked before each payment.

It runs in processes of its own, with settings of its own: its clients have nothing of Koinon but this file.
A payment is what its documentation says, in one transaction: lock both accounts in order of their
keys, read the payer's balance with ``with_balances()`` (recommended as the quick way), and ``transfer_to``.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import psycopg

from koinon.bench.crew import Crew, Plan
from koinon.bench.errors import PeerNotUsable
from koinon.bench.figures import Run
from koinon.bench.server import Server
from koinon.bench.traffic import WALLET_MINOR

NAME = "hordak"
_DATABASE = "bench_hordak"
_CURRENCY = "EUR"


def set_up(url: str) -> None:
    """Make this process a Django project with nothing in it but hordak."""
    import django
    from django.conf import settings
    from psycopg.conninfo import conninfo_to_dict

    if settings.configured:
        return
    parts = conninfo_to_dict(url)
    settings.configure(
        SECRET_KEY="measured",  # noqa: S106  Signs nothing.
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "mptt", "djmoney", "hordak"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": parts["dbname"],
                "USER": parts["user"],
                "HOST": parts["host"],
                "CONN_MAX_AGE": None,
                # Statements that come again and again are prepared, as ours and pgledger's are.
                "OPTIONS": {"server_side_binding": True, "prepare_threshold": 1},
            }
        },
        CURRENCIES=[_CURRENCY],
        DEFAULT_CURRENCY=_CURRENCY,
    )
    django.setup()


class HordakClient:
    """One thread with Django's connection of its own."""

    def __init__(self, url: str, wallets: int) -> None:
        set_up(url)
        from django.db import transaction
        from hordak.models import Account
        from moneyed import Money

        self._atomic = transaction.atomic
        self._accounts = Account.objects
        self._money = Money
        self._wallets = wallets

    def pay(self, payer: int, payee: int, amount_minor: int) -> bool:
        amount = self._money(amount_minor, _CURRENCY) / 100
        first, second = payer + 1, payee + 1
        with self._atomic():
            locked = {
                account.pk: account
                for account in self._accounts.select_for_update().filter(pk__in=(first, second)).order_by("pk")
            }
            # A statement of its own: the one that waited for the lock would still see the balance from before.
            balance = self._accounts.with_balances().values_list("balance", flat=True).get(pk=first)
            if balance[_CURRENCY] < amount:
                return False
            locked[first].transfer_to(locked[second], amount)
        return True

    def close(self) -> None:
        from django.db import connections

        connections.close_all()


class Hordak:
    """django-hordak with as many wallets as we have, in a database of its own on the same server."""

    name = NAME
    patterns: tuple[str, ...] = ("uniform",)

    def __init__(self, server: Server, *, wallets: int, clients: int) -> None:
        self._server = server
        self._wallets = wallets
        self._clients = clients
        self._url = server.database(_DATABASE).owner_url
        self._crew: Crew | None = None
        self.arrangement = ""
        server.drop(_DATABASE)
        server.create(_DATABASE)
        self.version = self._migrate()
        with psycopg.connect(self._url) as conn:
            self._fill(conn)
        with psycopg.connect(self._url, autocommit=True) as conn:
            conn.execute("VACUUM ANALYZE")
        self._filled = self.booked()

    def choose_arrangement(self, *, seconds: float) -> dict[str, float]:
        """Try its clients as threads of one process, of two and of four; keep what is fastest here."""
        tried: dict[str, float] = {}
        for processes in (1, 2, 4):
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
            row = conn.execute("SELECT count(*) FROM hordak_transaction").fetchone()
        assert row is not None
        return int(row[0])

    def bytes_per_transfer(self) -> float | None:
        with psycopg.connect(self._url) as conn:
            row = conn.execute(
                "SELECT (pg_total_relation_size('hordak_transaction') + pg_total_relation_size('hordak_leg')) "
                "/ nullif((SELECT count(*) FROM hordak_transaction), 0)::float8"
            ).fetchone()
        assert row is not None
        return None if row[0] is None else float(row[0])

    def close(self) -> None:
        if self._crew is not None:
            self._crew.close()
        self._server.drop(_DATABASE)

    def _arranged(self, processes: int) -> Crew:
        made_by = f"{HordakClient.__module__}:{HordakClient.__name__}"
        given = {"url": self._url, "wallets": self._wallets}
        return Crew(NAME, Plan(made_by, given, self._clients, processes, self._wallets))

    def _migrate(self) -> str:
        """Its own migrations, in a process of its own: Django is set up once in a process."""
        done = subprocess.run(
            [sys.executable, "-m", "koinon.bench.hordak", self._url], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            if "ModuleNotFoundError" in last or "ImportError" in last:
                last += "; install what requirements/bench.txt lists, with `make setup-bench`"
            raise PeerNotUsable(name=NAME, reason=last)
        return done.stdout.strip()

    def _fill(self, conn: psycopg.Connection[Any]) -> None:
        """Each wallet an account of its own, with one posting that brought its money: the least that gives it a balance.

        Each is the root of its own tree, because hordak looks through an account's
        whole tree to sum it up. Its triggers are off while we fill, and on when we measure.
        """
        conn.execute("SET LOCAL session_replication_role = replica")
        for statement in _FILLING:
            conn.execute(
                statement,
                {"wallets": self._wallets, "each": WALLET_MINOR // 100, "currency": _CURRENCY},
            )


_FILLING = (
    (
        "INSERT INTO hordak_account (id, uuid, name, code, type, is_bank_account, lft, rght, tree_id, level, currencies)"
        " SELECT n, gen_random_uuid(), 'wallet ' || n, NULL, 'AS', false, 1, 2, n, 0, jsonb_build_array(%(currency)s::text)"
        " FROM generate_series(1, %(wallets)s) AS n"
    ),
    (
        "INSERT INTO hordak_account (id, uuid, name, code, type, is_bank_account, lft, rght, tree_id, level, currencies)"
        " SELECT %(wallets)s + 1, gen_random_uuid(), 'budget', NULL, 'EQ', false, 1, 2, %(wallets)s + 1, 0,"
        " jsonb_build_array(%(currency)s::text)"
    ),
    (
        "INSERT INTO hordak_transaction (id, uuid, timestamp, date, description)"
        " SELECT n, gen_random_uuid(), now(), now()::date, '' FROM generate_series(1, %(wallets)s) AS n"
    ),
    (
        "INSERT INTO hordak_leg (uuid, transaction_id, account_id, debit, currency, description)"
        " SELECT gen_random_uuid(), n, n, %(each)s, %(currency)s, '' FROM generate_series(1, %(wallets)s) AS n"
    ),
    (
        "INSERT INTO hordak_leg (uuid, transaction_id, account_id, credit, currency, description)"
        " SELECT gen_random_uuid(), n, %(wallets)s + 1, %(each)s, %(currency)s, ''"
        " FROM generate_series(1, %(wallets)s) AS n"
    ),
    "SELECT setval(pg_get_serial_sequence('hordak_account', 'id'), %(wallets)s + 1)",
    "SELECT setval(pg_get_serial_sequence('hordak_transaction', 'id'), %(wallets)s)",
)


def main() -> None:
    from importlib.metadata import version

    set_up(sys.argv[1])
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    sys.stdout.write(version("django-hordak"))


if __name__ == "__main__":
    main()

"""Serving: a port of one's own, and an end that lets requests finish."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from koinon.db.connections import Database
from koinon.server.errors import PortTaken
from koinon.server.site import bind
from tests.conftest import VAR

SERVE = """
import sys
from koinon.server.site import bind, serve
serve(listening=bind("127.0.0.1", 0), on_ready=lambda address: print(address, flush=True))
print("the caller still closes its database", flush=True)
"""


def test_a_taken_port_is_refused_before_anything_else() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(PortTaken) as refused:
            bind("127.0.0.1", other.getsockname()[1])
    assert refused.value.code == "server.port-taken"


def test_two_sites_can_stand_side_by_side() -> None:
    with bind("127.0.0.1", 0) as one, bind("127.0.0.1", 0) as two:
        assert one.getsockname()[1] != two.getsockname()[1]


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_the_site_ends_in_order_when_told(database: Database, told: signal.Signals) -> None:
    environment = {**os.environ, "KOINON_DATABASE_URL": database.app_url, "KOINON_VAR": str(VAR)}
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with urllib.request.urlopen(f"{address}healthz", timeout=20) as answer:
            assert answer.status == 200
        process.send_signal(told)
        assert process.stdout.read().strip() == "the caller still closes its database"
        assert process.wait(20) == 0


def test_without_its_database_the_site_says_so_to_people_and_to_the_log(database: Database) -> None:
    broken = database.app_url.replace("/koinon_", "/gone_")
    environment = {**os.environ, "KOINON_DATABASE_URL": broken, "KOINON_VAR": str(VAR)}
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        address = process.stdout.readline().strip()
        cookie = {"Cookie": "koinon_session=somebody-signed-in-before", "Accept-Language": "el"}
        for path in ("healthz", "purse/"):
            with pytest.raises(urllib.error.HTTPError) as answered:
                urllib.request.urlopen(urllib.request.Request(address + path, headers=cookie), timeout=20)
            assert answered.value.code == 500
            body = answered.value.read().decode()
            assert '<html lang="el" dir="ltr">' in body
            assert "Κάτι πήγε στραβά εδώ" in body
            assert "Traceback" not in body
            assert "psycopg" not in body
        process.terminate()
        log = [json.loads(line) for line in process.stderr.read().splitlines() if line.startswith("{")]
        process.wait(20)
    failed = [line for line in log if line["event"] == "failed"]
    assert len(failed) == 2
    assert all(line["kind"] == "django.db.utils.OperationalError" and line["where"] for line in failed)
    assert "gone_" not in json.dumps(failed)

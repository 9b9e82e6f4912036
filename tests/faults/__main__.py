"""``python -m tests.faults``: the long run, with what it did and found. Status 1 where anything was found."""

from __future__ import annotations

import argparse
import secrets
import sys
from pathlib import Path

from tests.faults.harness import Settings, run


def main() -> int:
    """Run once as the arguments say, and print the report."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="processes to kill (default 200)")
    parser.add_argument("--seed", type=int, default=None, help="replay the choices of an earlier run")
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--askers", type=int, default=6, help="what each client asks at a time")
    parser.add_argument("--applications", type=int, default=1)
    parser.add_argument("--writers", type=int, default=1, help="of each application")
    parser.add_argument("--http", action="store_true", help="through the HTTP API with a key")
    parser.add_argument("--keep", type=Path, help="keep database and histories in this (short) folder")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else secrets.randbelow(10**6)
    print(f"seed {seed}", flush=True)
    report = run(
        Settings(
            seed,
            kills=given.kills,
            clients=given.clients,
            askers=given.askers,
            applications=given.applications,
            writers=given.writers,
            over_http=given.http,
        ),
        root=given.keep,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    print(report.text())
    return 1 if report.anomalies else 0


if __name__ == "__main__":
    raise SystemExit(main())

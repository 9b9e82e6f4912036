"""A process that pays a cycle out piece by piece, says so after each commit, and waits to be killed.

python -m tests.programmes.disburse_in_pieces URL TOWN CYCLE
"""

from __future__ import annotations

import sys
from uuid import UUID

from koinon.db.connections import connect
from koinon.programmes import operations
from tests.programmes.small_town import NOON


def main() -> None:
    url, town_id, cycle_id = sys.argv[1:]
    with connect(url) as conn:
        while True:
            cycle = operations.disburse_some(
                conn, town_id=int(town_id), cycle_id=UUID(cycle_id), actor="user:1", now=NOON, at_most=3
            )
            print("posted", flush=True)
            if sys.stdin.readline().strip() != "commit":
                sys.stdin.readline()  # Killed here, with the piece posted and not committed.
            conn.commit()
            print(cycle.state, flush=True)
            if cycle.state == "disbursed":
                return


if __name__ == "__main__":
    main()

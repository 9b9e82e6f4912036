"""The books: accounts, transfers, holds, reversals, sealed blocks and their self-checks.

Needs a PostgreSQL and nothing else of Koinon but ``kernel`` and ``db``. Knows
towns by number and holders by an opaque id; never who a holder is.
"""

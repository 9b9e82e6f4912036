"""Connections, transactions, SQL files, migrations, invariants and the embedded PostgreSQL.

Knows PostgreSQL and nothing of money, people or Django.
"""

"""Amounts, identifiers, periods, decisions and the root of all refusals.

Knows no database, no clock but the one it is handed, and nothing of towns or money laws.
"""

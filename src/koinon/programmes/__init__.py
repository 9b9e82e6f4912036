"""Budgets with a purpose: funds and their spending rules, programmes, awards, cycles and entitlements.

Knows households by their opaque id only; never a name.
"""

"""A Python client of Koinon's API: typed, without dependencies, and careful with money.

Knows nothing of the rest of Koinon: the package can be copied and used by itself.
"""

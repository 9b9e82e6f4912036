"""Koinon: complementary public currencies for municipalities."""

__version__ = "0.1.0"

"""Fixtures of the tests that look at pages; town.py explains them."""

from tests.web.town import lived, town_database, town_site

__all__ = ["lived", "town_database", "town_site"]

"""The town that has lived a month, for stories told at its site; tests/web/town.py explains it."""

from tests.web.town import lived, town_database, town_site

__all__ = ["lived", "town_database", "town_site"]

"""A small town, the API on its database, and a way to ask it without a socket; asking.py explains them."""

from tests.api.asking import api, asking, books, town

__all__ = ["api", "asking", "books", "town"]

"""Filters and tags of every template; see koinon.py."""

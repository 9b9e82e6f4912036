"""Anybody's ledger from a CSV or Parquet file: read, checked, traced, and told as data and as a page.

Needs no database and no town, and knows neither. Whose accounts they are it cannot know: the file's names stay in the
file, and what is written names groups only.
"""

"""Reference models and towns: describe, apply, compare, simulate.

Joins what the packages beneath keep apart. Knows no web page and no command line.
"""

"""Settings and wiring: what is installed, which address answers what, how the site is served.

Knows every layer by name and decides nothing of what they do.
"""

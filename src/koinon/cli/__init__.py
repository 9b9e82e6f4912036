"""The ``koinon`` command: reads what was typed, makes one call, says what came of it.

Knows nothing of web, API and jobs; what they share lies beneath them.
"""

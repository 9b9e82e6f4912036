"""A town's own books, followed: each unit from the hand that first got it until it left, and who keeps money moving.

Reads the books, the cycles and the public attributes of organisations; keeps what it computed in schema ``impact``.
Knows parties by their opaque ids alone.
"""

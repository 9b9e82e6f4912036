"""Passwords that are given out by the town hall, read aloud or copied from a slip of paper."""

from __future__ import annotations

import secrets

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # Without those that are taken for one another.


def new_password() -> str:
    """Sixteen letters and figures in groups of four: some 79 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))

"""Have what following needs compiled beside the site, once: the timer asks for it before it follows a town."""

from __future__ import annotations


def compile_beside() -> bool:
    """Have what is not compiled on this machine compiled by processes of their own; whether there was anything to do."""
    from koinon.impact.tracing import warm

    started = warm.start(warm.MODULES)
    warm.finish(started)
    return bool(started)

"""Write docs/reference/refusals.md from the code: every refusal with its code and what it means.

    python tools/refusals.py

A test compares the page with the code, so that no refusal goes undescribed.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import koinon
from koinon.kernel.errors import KoinonError

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "refusals.md"
HEAD = """# Refusals

A refusal is something that a person or another system can cause. It has a stable code, a message
and fields; a command prints it and ends with status 1, and the site answers with the code. Anything
else that escapes is a defect: please report it. Where the ledger has several reasons, it gives the
first; [posting](../algorithms/posting.md) lists them in their order.

This page is written from the code by `python tools/refusals.py`.
"""


def refusals() -> list[type[KoinonError]]:
    """Every type of refusal, by code."""
    for module in pkgutil.walk_packages(koinon.__path__, "koinon."):
        if not module.name.endswith(("__main__", ".asgi")):
            importlib.import_module(module.name)
    return sorted(set(_below(KoinonError)), key=lambda refusal: (refusal.code, refusal.__name__))


def _below(kind: type[KoinonError]) -> Iterator[type[KoinonError]]:
    for child in kind.__subclasses__():
        if child.__module__.startswith("koinon."):
            yield child
            yield from _below(child)


def raised() -> list[type[KoinonError]]:
    """The refusals somebody meets: those that are not the root of others."""
    return [refusal for refusal in refusals() if not any(_below(refusal))]


def meaning(refusal: type[KoinonError]) -> str:
    """The first paragraph of its docstring, on one line."""
    return " ".join((inspect.getdoc(refusal) or "").split("\n\n")[0].split()).replace("``", "`")


def page() -> str:
    lines = [HEAD.rstrip()]
    package = ""
    for refusal in raised():
        found = refusal.code.split(".")[0]
        if found != package:
            package = found
            lines.append(f"\n## {package}\n\n| code | means |\n| --- | --- |")
        lines.append(f"| `{refusal.code}` | {meaning(refusal).replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


def set_up() -> None:
    import django

    with tempfile.TemporaryDirectory() as scratch:
        os.environ.setdefault("KOINON_VAR", scratch)
        os.environ.setdefault("KOINON_SECRET_KEY", "only for reading the code")
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "koinon.server.settings")
        django.setup()


if __name__ == "__main__":
    set_up()
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name}: {len(raised())} refusals")

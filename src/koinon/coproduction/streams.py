"""What households sort, in a person's words."""

from __future__ import annotations

from typing import Any

from django.utils.translation import pgettext_lazy

STREAM_NAMES: dict[str, Any] = {
    "organic": pgettext_lazy("waste", "Organic"),
    "paper": pgettext_lazy("waste", "Paper and card"),
    "metal": pgettext_lazy("waste", "Metal"),
    "plastic": pgettext_lazy("waste", "Plastic"),
    "glass": pgettext_lazy("waste", "Glass"),
    "packaging": pgettext_lazy("waste", "Packaging"),
    "textile": pgettext_lazy("waste", "Clothes and fabric"),
    "oil": pgettext_lazy("waste", "Cooking oil"),
    "electronics": pgettext_lazy("waste", "Electric devices"),
    "mixed": pgettext_lazy("waste", "Not sorted"),
}


def stream_name(code: str) -> str:
    """A stream in words, where we know it."""
    return str(STREAM_NAMES.get(code, code.replace("-", " ").capitalize()))

"""What businesses do, in the few groups that a town tells apart, in words."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy, pgettext_lazy

SECTORS: dict[str, Any] = {
    "food": gettext_lazy("Food"),
    "hospitality": gettext_lazy("Cafés and restaurants"),
    "clothing": gettext_lazy("Clothing"),
    "health": gettext_lazy("Health"),
    "personal_care": gettext_lazy("Personal care"),
    "household": gettext_lazy("Household"),
    "culture": gettext_lazy("Culture and sport"),
    "education": gettext_lazy("Education"),
    "services": gettext_lazy("Services"),
    "other": pgettext_lazy("sector", "Other"),
}


def sector(code: str) -> str:
    """A town's grouping of sectors, in words where we know it."""
    known = SECTORS.get(code)
    return str(known) if known else code.replace("-", " ").replace("_", " ").capitalize()

"""The package as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PartiesConfig(AppConfig):
    name = "koinon.parties"
    label = "parties"
    verbose_name = _("People and organisations")
    default_auto_field = "django.db.models.BigAutoField"

"""Forms of other packages, shown as ours are."""

from __future__ import annotations

from django import template

from koinon.web.accounts import without_hints

register = template.Library()
register.filter("unhinted", without_hints)

"""The right to see who somebody is, apart from the right to see money."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("parties", "0004_household_facts")]

    operations = []

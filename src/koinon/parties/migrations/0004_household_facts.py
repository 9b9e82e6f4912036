"""What eligibility is decided on besides income and zone."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("parties", "0003_household_holds_purses")]

    operations = []

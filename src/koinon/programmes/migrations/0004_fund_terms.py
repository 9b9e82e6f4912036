"""What a fund's money may be spent on changes forward in time only."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("programmes", "0003_cycle_steps")]

    operations = []

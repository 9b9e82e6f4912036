from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("parties", "0007_preferences")]
    operations = []

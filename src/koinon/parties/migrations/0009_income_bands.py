"""What a town calls its income bands stands on record, so that people read words and not codes."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("parties", "0008_authorised_people")]

    operations = [
        migrations.AddField(
            model_name="town",
            name="income_bands",
            field=models.JSONField(
                db_comment="What the town calls its income bands, by their codes.", db_default={}, default=dict
            ),
        ),
    ]

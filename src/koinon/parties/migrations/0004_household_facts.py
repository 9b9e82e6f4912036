"""What eligibility is decided on besides income and zone."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("parties", "0003_household_holds_purses")]

    operations = [
        migrations.AddField(
            model_name="household",
            name="children_born",
            field=models.JSONField(
                blank=True,
                db_comment="Months (YYYY-MM) in which its children were born, kept while a programme counts children; never a day.",
                db_default=models.Value([], models.JSONField()),
                default=list,
            ),
        ),
        migrations.AddField(
            model_name="household",
            name="resident_since",
            field=models.DateField(
                blank=True, db_comment="Since when the household is registered as living in the town.", null=True
            ),
        ),
        migrations.AddField(
            model_name="household",
            name="statuses",
            field=models.JSONField(
                blank=True,
                db_comment="What the town has on record of it: the town's own code, from_day, to_day (inclusive or null).",
                db_default=models.Value([], models.JSONField()),
                default=list,
            ),
        ),
    ]

from __future__ import annotations

from django.db import migrations, models

KINDS = ["person", "authorised", "household", "organisation", "public_body"]


class Migration(migrations.Migration):
    dependencies = [("parties", "0007_preferences")]
    operations = [
        migrations.AlterField(
            model_name="party",
            name="kind",
            field=models.CharField(
                choices=[
                    ("person", "person"),
                    ("authorised", "authorised person"),
                    ("household", "household"),
                    ("organisation", "organisation"),
                    ("public_body", "public body"),
                ],
                max_length=12,
            ),
        ),
        migrations.RemoveConstraint(model_name="party", name="party_kind_is_known"),
        migrations.AddConstraint(
            model_name="party",
            constraint=models.CheckConstraint(condition=models.Q(kind__in=KINDS), name="party_kind_is_known"),
        ),
    ]

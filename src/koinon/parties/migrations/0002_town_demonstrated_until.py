"""Whether a town is a demonstration becomes a fact of the town."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("parties", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="town",
            name="demonstrated_until",
            field=models.DateField(
                blank=True,
                db_comment=(
                    "Last day that the demonstration has lived in this town; empty for a real town. "
                    "Only the demonstration sets it."
                ),
                editable=False,
                null=True,
            ),
        ),
    ]

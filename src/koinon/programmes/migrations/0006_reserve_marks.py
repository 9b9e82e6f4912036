"""What went out of a fund's reserve and came back is summed up as far as it was read already."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("programmes", "0005_lanes")]

    operations = [
        migrations.CreateModel(
            name="ReserveMark",
            fields=[
                (
                    "fund",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="reserve_mark",
                        serialize=False,
                        to="programmes.fund",
                    ),
                ),
                ("seq", models.BigIntegerField(db_comment="The newest transfer of the reserve that is in the sums.")),
                ("received_minor", models.BigIntegerField(db_comment="Euros received less those withdrawn.")),
                ("issued_minor", models.BigIntegerField(db_comment="Units issued less those given back.")),
                ("apart_minor", models.BigIntegerField(db_comment="Of these, what was not for a cycle.")),
                ("swept_minor", models.BigIntegerField(db_comment="What expired in purses and came back.")),
            ],
            options={
                "verbose_name": "mark in a reserve",
                "verbose_name_plural": "marks in reserves",
                "db_table_comment": "Sums over a fund's reserve up to one of its transfers, so that only what came later is walked.",
            },
        ),
    ]

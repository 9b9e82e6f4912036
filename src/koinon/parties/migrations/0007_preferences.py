"""What somebody chose about their wallet, and where shops and neighbourhoods lie."""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

TOPICS = [
    ("card", "your card and its PIN"),
    ("money", "money that ends, and rules that change"),
    ("complaint", "your complaints and requests"),
    ("payment", "each payment, refund and reward"),
]
WAYS = [("none", "not at all"), ("mail", "by e-mail"), ("sms", "by text message")]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("parties", "0006_accounts")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="user",
            name="theme",
            field=models.CharField(
                blank=True,
                db_comment="light or dark, as the person chose; empty: as the device has it.",
                db_default="",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="text_size",
            field=models.CharField(
                blank=True,
                db_comment="large, as the person chose; empty: the usual size.",
                db_default="",
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name="zone",
            name="outline",
            field=models.JSONField(
                blank=True,
                db_comment="Where it lies: a GeoJSON Polygon or MultiPolygon (RFC 7946); empty: not known.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="organisation",
            name="latitude",
            field=models.DecimalField(
                blank=True,
                db_comment="Of its door, in degrees (WGS 84); public.",
                decimal_places=6,
                max_digits=8,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="organisation",
            name="longitude",
            field=models.DecimalField(
                blank=True,
                db_comment="Of its door, in degrees (WGS 84); public.",
                decimal_places=6,
                max_digits=9,
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="organisation",
            constraint=models.CheckConstraint(
                condition=models.Q(latitude=None, longitude=None)
                | models.Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
                name="organisation_place_on_earth",
            ),
        ),
        migrations.CreateModel(
            name="NoticeChoice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("topic", models.CharField(choices=TOPICS, max_length=12)),
                ("way", models.CharField(choices=WAYS, max_length=4)),
                ("chosen_at", models.DateTimeField()),
                (
                    "party",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="notice_choices", to="parties.party"
                    ),
                ),
            ],
            options={
                "db_table_comment": "By which way a party wants to be told of something.",
                "constraints": [
                    models.UniqueConstraint(fields=("party", "topic"), name="notice_chosen_once"),
                    models.CheckConstraint(
                        condition=models.Q(topic__in=[code for code, _name in TOPICS]), name="notice_topic_is_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(way__in=[code for code, _name in WAYS]), name="notice_way_is_known"
                    ),
                    models.CheckConstraint(
                        condition=~models.Q(topic="card", way="none"), name="card_notices_are_never_off"
                    ),
                ],
            },
        ),
    ]

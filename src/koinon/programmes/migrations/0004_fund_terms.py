"""What a fund's money may be spent on changes forward in time only."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import koinon.kernel.identifiers


class Migration(migrations.Migration):
    dependencies = [("programmes", "0003_cycle_steps")]

    operations = [
        migrations.AddField(
            model_name="fund",
            name="later",
            field=models.JSONField(
                blank=True,
                db_comment="What payments read of the versions that were not withdrawn: first day, rule, last day, in order.",
                db_default=models.Value([], models.JSONField()),
                default=list,
            ),
        ),
        migrations.AddField(
            model_name="fund",
            name="notice_days",
            field=models.PositiveSmallIntegerField(
                db_comment="How many days before it holds a change of rule or last day is announced.",
                db_default=14,
                default=14,
            ),
        ),
        migrations.AddField(
            model_name="fund",
            name="warn_days",
            field=models.PositiveSmallIntegerField(
                db_comment="How many days before the last day whoever has money of it is told.",
                db_default=14,
                default=14,
            ),
        ),
        migrations.CreateModel(
            name="FundNotice",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=koinon.kernel.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("what", models.CharField(db_comment="changing or ending", max_length=8)),
                ("day", models.DateField(db_comment="The first day of the change, or the last day.")),
                ("told_at", models.DateTimeField()),
                ("told_by", models.CharField(max_length=80)),
                ("purses", models.IntegerField(db_comment="How many purses held money of the fund.")),
                ("minor", models.BigIntegerField(db_comment="How much lay in them, in minor units.")),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notices", to="programmes.fund"
                    ),
                ),
            ],
            options={
                "verbose_name": "notice about a fund",
                "verbose_name_plural": "notices about funds",
                "db_table_comment": "Notices about a fund that were given to whoever has money of it.",
                "constraints": [
                    models.UniqueConstraint(fields=("fund", "what", "day"), name="notice_is_given_once"),
                    models.CheckConstraint(
                        condition=models.Q(("what__in", ["changing", "ending"])), name="notice_is_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FundVersion",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=koinon.kernel.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("from_day", models.DateField(db_comment="First local day on which it decides.")),
                (
                    "rule",
                    models.JSONField(blank=True, db_comment="Spending rule; see programmes/spending.py.", default=dict),
                ),
                (
                    "last_day",
                    models.DateField(
                        blank=True, db_comment="Last local day on which it may be spent, inclusive.", null=True
                    ),
                ),
                ("announced_at", models.DateTimeField()),
                ("announced_by", models.CharField(max_length=80)),
                ("reason", models.CharField(db_comment="Why, as residents and shops are told.", max_length=300)),
                (
                    "withdrawn_at",
                    models.DateTimeField(blank=True, db_comment="Taken back before its first day.", null=True),
                ),
                ("withdrawn_by", models.CharField(blank=True, max_length=80)),
                (
                    "fund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="programmes.fund"
                    ),
                ),
            ],
            options={
                "verbose_name": "version of a fund's rule",
                "verbose_name_plural": "versions of funds' rules",
                "db_table_comment": "A change of a fund's rule or last day, with the day from which it holds.",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("withdrawn_at__isnull", True)),
                        fields=("fund", "from_day"),
                        name="one_version_begins_on_a_day",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("last_day__isnull", True), ("last_day__gte", models.F("from_day")), _connector="OR"
                        ),
                        name="version_ends_after_it_begins",
                    ),
                ],
            },
        ),
    ]

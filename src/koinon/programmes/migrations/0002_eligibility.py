"""Eligibility, amounts, exceptions, waiting lists and duplicates."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import koinon.kernel.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("parties", "0004_household_facts"),
        ("programmes", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="AidException",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=koinon.kernel.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        db_comment="pay: although the rules say no; refuse: although they say yes.", max_length=8
                    ),
                ),
                (
                    "aid_minor",
                    models.BigIntegerField(
                        blank=True,
                        db_comment="Whole monthly aid instead of what the rules give; empty: what they give.",
                        null=True,
                    ),
                ),
                ("first_month", models.CharField(db_comment="YYYY-MM, inclusive.", max_length=7)),
                (
                    "last_month",
                    models.CharField(
                        blank=True, db_comment="YYYY-MM, inclusive; empty: until withdrawn.", max_length=7
                    ),
                ),
                ("reason", models.CharField(db_comment="Why, in words that name nobody.", max_length=400)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "waiting for a second person"),
                            ("approved", "in force"),
                            ("rejected", "rejected"),
                            ("withdrawn", "withdrawn"),
                        ],
                        default="proposed",
                        max_length=10,
                    ),
                ),
                ("proposed_by", models.CharField(max_length=80)),
                ("proposed_at", models.DateTimeField()),
                ("decided_by", models.CharField(blank=True, max_length=80)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("withdrawn_by", models.CharField(blank=True, max_length=80)),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "exception",
                "verbose_name_plural": "exceptions",
                "db_table_comment": "A decision about a household against what the rules say, by two people.",
            },
        ),
        migrations.CreateModel(
            name="DuplicatePair",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=koinon.kernel.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "score",
                    models.PositiveSmallIntegerField(
                        db_comment="0 to 100: how alike; see docs/algorithms/duplicates.md."
                    ),
                ),
                (
                    "grounds",
                    models.JSONField(
                        db_comment="Every likeness found: code and fields, no personal data.", default=list
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "not decided"),
                            ("same", "the same household"),
                            ("different", "different households"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("found_at", models.DateTimeField()),
                ("decided_by", models.CharField(blank=True, max_length=80)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                (
                    "reason",
                    models.CharField(
                        blank=True, db_comment="Why so decided, in words that name nobody.", max_length=400
                    ),
                ),
            ],
            options={
                "verbose_name": "possible duplicate",
                "verbose_name_plural": "possible duplicates",
                "db_table_comment": "Two households that may be one.",
            },
        ),
        migrations.RemoveConstraint(
            model_name="entitlement",
            name="entitlement_state_is_known",
        ),
        migrations.AddField(
            model_name="cycle",
            name="terms",
            field=models.JSONField(
                db_comment="The programme's rules as they were when the cycle was prepared.",
                db_default=models.Value({}, models.JSONField()),
                default=dict,
            ),
        ),
        migrations.AddField(
            model_name="programme",
            name="amounts",
            field=models.JSONField(
                blank=True,
                db_comment="How much aid; empty: what the award says. See programmes/amounts.py.",
                db_default=models.Value({}, models.JSONField()),
                default=dict,
            ),
        ),
        migrations.AddField(
            model_name="programme",
            name="for_whom",
            field=models.CharField(
                db_comment="awards: households with an award; households: every registered household.",
                db_default="awards",
                default="awards",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="programme",
            name="holds_duplicates",
            field=models.BooleanField(
                db_comment="Whether a household that may be in the register twice waits until a person has decided.",
                db_default=False,
                default=False,
            ),
        ),
        migrations.AddField(
            model_name="programme",
            name="waiting",
            field=models.JSONField(
                blank=True,
                db_comment="Who comes first when the budget ends; empty: nobody waits. See programmes/waiting.py.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="entitlement",
            name="state",
            field=models.CharField(
                choices=[("due", "due"), ("paid", "paid"), ("refused", "refused"), ("waiting", "waiting")], max_length=8
            ),
        ),
        migrations.AlterField(
            model_name="programme",
            name="rule",
            field=models.JSONField(
                blank=True, db_comment="Eligibility rule; see programmes/eligibility.py.", default=dict
            ),
        ),
        migrations.AddConstraint(
            model_name="entitlement",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["due", "paid", "refused", "waiting"])),
                name="entitlement_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="programme",
            constraint=models.CheckConstraint(
                condition=models.Q(("for_whom__in", ["awards", "households"])), name="programme_for_whom_is_known"
            ),
        ),
        migrations.AddField(
            model_name="aidexception",
            name="household",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="exceptions", to="parties.household"
            ),
        ),
        migrations.AddField(
            model_name="aidexception",
            name="programme",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="exceptions", to="programmes.programme"
            ),
        ),
        migrations.AddField(
            model_name="duplicatepair",
            name="kept",
            field=models.ForeignKey(
                db_comment="The one registered first; it is paid.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="parties.household",
            ),
        ),
        migrations.AddField(
            model_name="duplicatepair",
            name="other",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="parties.household"
            ),
        ),
        migrations.AddField(
            model_name="duplicatepair",
            name="town",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="duplicates", to="parties.town"
            ),
        ),
        migrations.AddIndex(
            model_name="aidexception",
            index=models.Index(fields=["programme", "household"], name="exception_by_household"),
        ),
        migrations.AddConstraint(
            model_name="aidexception",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["pay", "refuse"])), name="exception_kind_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="aidexception",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["proposed", "approved", "rejected", "withdrawn"])),
                name="exception_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="aidexception",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decided_by", ""),
                    models.Q(("decided_by", models.F("proposed_by")), _negated=True),
                    _connector="OR",
                ),
                name="exception_has_four_eyes",
            ),
        ),
        migrations.AddConstraint(
            model_name="aidexception",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("aid_minor__isnull", True), models.Q(("aid_minor__gt", 0), ("kind", "pay")), _connector="OR"
                ),
                name="exception_amount_is_paid",
            ),
        ),
        migrations.AddConstraint(
            model_name="aidexception",
            constraint=models.CheckConstraint(
                condition=models.Q(("last_month", ""), ("last_month__gte", models.F("first_month")), _connector="OR"),
                name="exception_ends_after_it_begins",
            ),
        ),
        migrations.AddConstraint(
            model_name="aidexception",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="exception_has_a_reason"
            ),
        ),
        migrations.AddIndex(
            model_name="duplicatepair",
            index=models.Index(fields=["other", "state"], name="pair_by_other"),
        ),
        migrations.AddConstraint(
            model_name="duplicatepair",
            constraint=models.UniqueConstraint(fields=("town", "kept", "other"), name="pair_found_once"),
        ),
        migrations.AddConstraint(
            model_name="duplicatepair",
            constraint=models.CheckConstraint(
                condition=models.Q(("kept", models.F("other")), _negated=True), name="pair_is_of_two"
            ),
        ),
        migrations.AddConstraint(
            model_name="duplicatepair",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["open", "same", "different"])), name="pair_state_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="duplicatepair",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_by", ""), ("state", "open")),
                    models.Q(models.Q(("state", "open"), _negated=True), models.Q(("decided_by", ""), _negated=True)),
                    _connector="OR",
                ),
                name="pair_is_decided_by_somebody",
            ),
        ),
    ]

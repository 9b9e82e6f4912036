"""A cycle is submitted, approved by as many as its amount asks for, scheduled, stopped and resumed."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


COUNT_WHAT_WAS_PAID = """
UPDATE programmes_cycle AS cycle
SET paid = counted.paid, paid_minor = counted.minor
FROM (
    SELECT cycle_id, count(*) AS paid, sum(amount_minor) AS minor
    FROM programmes_entitlement WHERE state = 'paid' GROUP BY cycle_id
) AS counted
WHERE counted.cycle_id = cycle.id
"""

# Each line is written twice, when it is prepared and when it is paid: the second time beside the first.
LEAVE_ROOM_FOR_OUTCOMES = "ALTER TABLE programmes_entitlement SET (fillfactor = 50)"


class Migration(migrations.Migration):
    dependencies = [("parties", "0005_grant_sees_personal_data"), ("programmes", "0002_eligibility")]

    operations = [
        migrations.CreateModel(
            name="CycleApproval",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("actor", models.CharField(max_length=80)),
                ("at", models.DateTimeField()),
                (
                    "submitted_at",
                    models.DateTimeField(db_comment="Of which submission: a list that was sent back is approved anew."),
                ),
                ("fingerprint", models.CharField(db_comment="Of the list that the person saw.", max_length=64)),
                ("total_minor", models.BigIntegerField()),
                ("count", models.IntegerField()),
            ],
            options={
                "verbose_name": "approval",
                "verbose_name_plural": "approvals",
                "db_table_comment": "Who approved which list of a cycle.",
            },
        ),
        migrations.RemoveConstraint(
            model_name="cycle",
            name="cycle_state_is_known",
        ),
        migrations.RemoveConstraint(
            model_name="cycle",
            name="cycle_has_four_eyes",
        ),
        migrations.RemoveConstraint(
            model_name="entitlement",
            name="entitlement_state_is_known",
        ),
        migrations.RemoveIndex(
            model_name="entitlement",
            name="entitlement_by_state",
        ),
        migrations.AddField(
            model_name="cycle",
            name="approvers_needed",
            field=models.PositiveSmallIntegerField(
                db_comment="How many people other than those who prepared and submitted it approve it.",
                db_default=1,
                default=1,
            ),
        ),
        migrations.AddField(
            model_name="cycle",
            name="checksum",
            field=models.CharField(
                blank=True,
                db_comment="Quick sum of the same list, asked before it is paid.",
                db_default="",
                max_length=64,
            ),
        ),
        migrations.AddField(
            model_name="cycle",
            name="failed",
            field=models.IntegerField(
                db_comment="Number of entitlements that could not be paid so far.", db_default=0, default=0
            ),
        ),
        migrations.AddField(
            model_name="cycle",
            name="fingerprint",
            field=models.CharField(
                blank=True,
                db_comment="SHA-256 of the list as it was submitted; what approvers approve. See docs/algorithms/disbursement.md.",
                db_default="",
                max_length=64,
            ),
        ),
        migrations.AddField(
            model_name="cycle",
            name="paid",
            field=models.IntegerField(db_comment="Number of entitlements paid so far.", db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="cycle",
            name="paid_minor",
            field=models.BigIntegerField(db_comment="Their sum.", db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="cycle",
            name="paid_upto",
            field=models.UUIDField(
                blank=True, db_comment="The last party that the run has come to, in the order of party ids.", null=True
            ),
        ),
        migrations.AddField(
            model_name="cycle",
            name="problem",
            field=models.CharField(
                blank=True,
                db_comment="Code of the refusal that last stopped the timer from it.",
                db_default="",
                max_length=80,
            ),
        ),
        migrations.AddField(
            model_name="cycle",
            name="refused",
            field=models.IntegerField(
                db_comment="Number of households that are due nothing, once submitted.", db_default=0, default=0
            ),
        ),
        migrations.AddField(
            model_name="cycle",
            name="retried_at",
            field=models.DateTimeField(
                blank=True, db_comment="When the last try began; the effective time of its transfers.", null=True
            ),
        ),
        migrations.AddField(
            model_name="cycle",
            name="retries",
            field=models.PositiveSmallIntegerField(
                db_comment="How often what had failed was tried again.", db_default=0, default=0
            ),
        ),
        migrations.AddField(
            model_name="cycle",
            name="scheduled_at",
            field=models.DateTimeField(
                blank=True, db_comment="From when on the timer pays it out; empty: when somebody does.", null=True
            ),
        ),
        migrations.AddField(
            model_name="cycle",
            name="scheduled_by",
            field=models.CharField(blank=True, db_default="", max_length=80),
        ),
        migrations.AddField(
            model_name="cycle",
            name="stopped_at",
            field=models.DateTimeField(
                blank=True, db_comment="Since when nothing of it is paid until somebody resumes it.", null=True
            ),
        ),
        migrations.AddField(
            model_name="cycle",
            name="stopped_by",
            field=models.CharField(blank=True, db_default="", max_length=80),
        ),
        migrations.AddField(
            model_name="cycle",
            name="submitted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="cycle",
            name="submitted_by",
            field=models.CharField(blank=True, db_default="", max_length=80),
        ),
        migrations.AddField(
            model_name="cycle",
            name="waiting",
            field=models.IntegerField(
                db_comment="Number of households that the budget does not reach, once submitted.",
                db_default=0,
                default=0,
            ),
        ),
        migrations.AddField(
            model_name="entitlement",
            name="failure",
            field=models.CharField(
                blank=True, db_comment="Why it could not be paid: the code of a refusal.", db_default="", max_length=80
            ),
        ),
        migrations.AddField(
            model_name="programme",
            name="approvals",
            field=models.JSONField(
                blank=True,
                db_comment="How many approve a cycle, by its total; empty: one. See programmes/approvals.py.",
                db_default=models.Value([], models.JSONField()),
                default=list,
            ),
        ),
        migrations.AlterField(
            model_name="cycle",
            name="state",
            field=models.CharField(
                choices=[
                    ("prepared", "draft"),
                    ("submitted", "submitted"),
                    ("approved", "approved"),
                    ("disbursing", "being paid out"),
                    ("disbursed", "paid out"),
                    ("cancelled", "cancelled"),
                ],
                default="prepared",
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="entitlement",
            name="cycle",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="entitlements",
                to="programmes.cycle",
            ),
        ),
        migrations.AlterField(
            model_name="entitlement",
            name="state",
            field=models.CharField(
                choices=[
                    ("due", "due"),
                    ("paid", "paid"),
                    ("refused", "refused"),
                    ("waiting", "waiting"),
                    ("failed", "could not be paid"),
                ],
                max_length=8,
            ),
        ),
        migrations.AddIndex(
            model_name="entitlement",
            index=models.Index(
                condition=models.Q(("failure", ""), _negated=True),
                fields=["cycle", "party"],
                name="entitlement_that_failed",
            ),
        ),
        migrations.AddConstraint(
            model_name="cycle",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["prepared", "submitted", "approved", "disbursing", "disbursed", "cancelled"])
                ),
                name="cycle_state_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="cycle",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by", ""),
                    models.Q(
                        models.Q(("approved_by", models.F("prepared_by")), _negated=True),
                        models.Q(("approved_by", models.F("submitted_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="cycle_has_four_eyes",
            ),
        ),
        migrations.AddConstraint(
            model_name="entitlement",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["due", "paid", "refused", "waiting", "failed"])),
                name="entitlement_state_is_known",
            ),
        ),
        migrations.AddField(
            model_name="cycleapproval",
            name="cycle",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="approvals", to="programmes.cycle"
            ),
        ),
        migrations.AddConstraint(
            model_name="cycleapproval",
            constraint=models.UniqueConstraint(fields=("cycle", "submitted_at", "actor"), name="one_approval_a_person"),
        ),
        migrations.RunSQL(COUNT_WHAT_WAS_PAID, migrations.RunSQL.noop),
        migrations.RunSQL(LEAVE_ROOM_FOR_OUTCOMES, migrations.RunSQL.noop),
    ]

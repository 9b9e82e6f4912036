"""What was decided stays as it was written, what became of it is kept beside it, and a long list is paid in lanes."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

# What became of a line so far was written into the line itself. Now a line is only ever decided; what could not be paid has a
# row of its own, and a cycle under way says how far it has come.
KEEP_OUTCOMES = """
INSERT INTO programmes_failure (entitlement_id, cycle_id, code, again)
SELECT line.id, line.cycle_id, line.failure, line.decision = 'due'
FROM programmes_entitlement AS line
INNER JOIN programmes_cycle AS cycle ON cycle.id = line.cycle_id
WHERE line.decision = 'failed' OR (line.decision = 'due' AND cycle.state = 'disbursing' AND cycle.retries > 0);

INSERT INTO programmes_lane (cycle_id, number, escrow, total_minor, paid_upto, paid, paid_minor, failed, done)
SELECT cycle.id, 0, account.id, cycle.total_minor, cycle.paid_upto, cycle.paid, cycle.paid_minor, cycle.failed, FALSE
FROM programmes_cycle AS cycle
INNER JOIN programmes_programme AS programme ON programme.id = cycle.programme_id
INNER JOIN ledger.account AS account
    ON account.town_id = programme.town_id AND account.holder = programme.id AND account.kind = 'escrow'
    AND account.fund = programme.fund_id
WHERE cycle.state = 'disbursing' AND cycle.retries = 0;

UPDATE programmes_cycle SET paid = 0, paid_minor = 0, failed = 0 WHERE state = 'disbursing' AND retries = 0;
UPDATE programmes_entitlement SET decision = 'due' WHERE decision IN ('paid', 'failed');
"""

# A line is written once. What was left free for its outcome is used by the lines that come.
WRITE_CLOSER = "ALTER TABLE programmes_entitlement RESET (fillfactor)"
LEAVE_ROOM = "ALTER TABLE programmes_entitlement SET (fillfactor = 50)"

SHOW_LINES = """
CREATE VIEW programmes_line AS
SELECT
    entitlement.id, entitlement.cycle_id, entitlement.party_id, entitlement.amount_minor,
    CASE
        WHEN entitlement.decision <> 'due' THEN entitlement.decision::text
        WHEN failure.again THEN 'due'
        WHEN failure.entitlement_id IS NOT NULL THEN 'failed'
        WHEN cycle.state = 'disbursed' OR cycle.retries > 0 THEN 'paid'
        WHEN cycle.state = 'disbursing' AND EXISTS (
            SELECT FROM programmes_lane AS lane
            WHERE
                lane.cycle_id = entitlement.cycle_id AND entitlement.party_id <= lane.paid_upto
                AND (lane.after IS NULL OR entitlement.party_id > lane.after)
        ) THEN 'paid'
        ELSE 'due'
    END AS state,
    entitlement.grounds, entitlement.snapshot,
    CASE WHEN failure.again THEN '' ELSE coalesce(failure.code, '') END AS failure
FROM programmes_entitlement AS entitlement
INNER JOIN programmes_cycle AS cycle ON cycle.id = entitlement.cycle_id
LEFT JOIN programmes_failure AS failure ON failure.entitlement_id = entitlement.id;
COMMENT ON VIEW programmes_line IS 'What a household is due in a cycle, or why nothing, and what became of it so far.';
COMMENT ON COLUMN programmes_line.state IS 'due, paid, failed, refused or waiting.';
COMMENT ON COLUMN programmes_line.failure IS 'Why it could not be paid: the code of a refusal; empty where it was not tried, or is tried again.';
"""

FIND_THE_ERASED = """
CREATE INDEX party_that_was_erased ON parties_party (id) WHERE erased_at IS NOT NULL;
COMMENT ON INDEX party_that_was_erased IS 'Serves programmes/sql/pay_piece.sql: they are few, and asked for with every piece.';
"""


class Migration(migrations.Migration):
    dependencies = [("programmes", "0004_fund_terms")]

    operations = [
        migrations.CreateModel(
            name="Failure",
            fields=[
                (
                    "entitlement",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="failure",
                        serialize=False,
                        to="programmes.entitlement",
                    ),
                ),
                (
                    "cycle",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="failures", to="programmes.cycle"
                    ),
                ),
                ("code", models.CharField(db_comment="Why: the code of a refusal.", max_length=80)),
                (
                    "again",
                    models.BooleanField(db_comment="Whether it is due again, in a try that is under way.", default=False),
                ),
            ],
            options={
                "verbose_name": "line that could not be paid",
                "verbose_name_plural": "lines that could not be paid",
                "db_table_comment": "A line of a cycle that could not be paid, and why.",
            },
        ),
        migrations.CreateModel(
            name="Lane",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "cycle",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lanes",
                        to="programmes.cycle",
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                (
                    "after",
                    models.UUIDField(
                        blank=True, db_comment="It begins after this party; empty: with the first one.", null=True
                    ),
                ),
                (
                    "upto",
                    models.UUIDField(blank=True, db_comment="Its last party; empty: the last one there is.", null=True),
                ),
                ("total_minor", models.BigIntegerField(db_comment="Sum of what its lines are due.")),
                (
                    "escrow",
                    models.IntegerField(
                        blank=True, db_comment="The account it is paid from, once the cycle is being paid out.", null=True
                    ),
                ),
                (
                    "paid_upto",
                    models.UUIDField(
                        blank=True, db_comment="The last party it has come to, in the order of party ids.", null=True
                    ),
                ),
                ("paid", models.IntegerField(db_default=0, default=0)),
                ("paid_minor", models.BigIntegerField(db_default=0, default=0)),
                ("failed", models.IntegerField(db_default=0, default=0)),
                ("done", models.BooleanField(db_default=False, default=False)),
            ],
            options={
                "verbose_name": "lane",
                "verbose_name_plural": "lanes",
                "db_table_comment": "A part of a cycle's list, in the order of party ids, with an escrow of its own: lanes are paid side by side.",
            },
        ),
        migrations.AddConstraint(
            model_name="lane",
            constraint=models.UniqueConstraint(fields=("cycle", "number"), name="lanes_of_a_cycle"),
        ),
        migrations.RemoveConstraint(model_name="entitlement", name="entitlement_state_is_known"),
        migrations.RenameField(model_name="entitlement", old_name="state", new_name="decision"),
        migrations.RunSQL(KEEP_OUTCOMES, migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.RemoveIndex(model_name="entitlement", name="entitlement_that_failed"),
        migrations.RemoveField(model_name="entitlement", name="failure"),
        migrations.RemoveField(model_name="cycle", name="paid_upto"),
        migrations.AlterField(
            model_name="entitlement",
            name="decision",
            field=models.CharField(
                choices=[("due", "due"), ("refused", "refused"), ("waiting", "waiting")],
                db_comment="What was decided; what became of it says programmes_line.",
                max_length=8,
            ),
        ),
        migrations.AddConstraint(
            model_name="entitlement",
            constraint=models.CheckConstraint(
                condition=models.Q(("decision__in", ["due", "refused", "waiting"])),
                name="entitlement_decision_is_known",
            ),
        ),
        migrations.RunSQL(WRITE_CLOSER, LEAVE_ROOM),
        migrations.RunSQL(SHOW_LINES, "DROP VIEW programmes_line"),
        migrations.RunSQL(FIND_THE_ERASED, "DROP INDEX party_that_was_erased"),
    ]

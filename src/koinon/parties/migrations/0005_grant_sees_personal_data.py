"""The right to see who somebody is, apart from the right to see money; and the coordinator among the roles.

Treasurers made the bank's files until now, which name people, and go on doing so.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models

ROLES = [
    ("resident", "resident"),
    ("shop", "shop"),
    ("officer", "officer"),
    ("approver", "approver"),
    ("treasurer", "treasurer"),
    ("auditor", "auditor"),
    ("coordinator", "coordinator"),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("parties", "0004_household_facts")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="rolegrant",
            name="sees_personal_data",
            field=models.BooleanField(
                db_comment="Whether staff acting in this role are shown who people are; apart from every right to money.",
                db_default=False,
                default=False,
            ),
        ),
        migrations.RunSQL(
            "UPDATE parties_rolegrant SET sees_personal_data = TRUE WHERE role = 'treasurer'",
            migrations.RunSQL.noop,
        ),
        migrations.RemoveConstraint(model_name="rolegrant", name="grant_role_is_known"),
        migrations.AlterField(
            model_name="rolegrant", name="role", field=models.CharField(choices=ROLES, max_length=12)
        ),
        migrations.AddConstraint(
            model_name="rolegrant",
            constraint=models.CheckConstraint(
                condition=models.Q(role__in=[code for code, _name in ROLES]), name="grant_role_is_known"
            ),
        ),
    ]

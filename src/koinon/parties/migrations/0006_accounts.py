"""Invitations by which people open accounts, rights that take a second person, browsers signed in, a cache for all.

The cache is where rate limits count, so that every process sees what the others saw.
"""

from __future__ import annotations

from typing import ClassVar

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import koinon.kernel.identifiers

CACHE = """
CREATE TABLE koinon_cache (
    cache_key varchar(255) NOT NULL PRIMARY KEY,
    value text NOT NULL,
    expires timestamptz NOT NULL
);
CREATE INDEX koinon_cache_expires ON koinon_cache (expires);
COMMENT ON TABLE koinon_cache IS 'What all processes remember for a while: tries at signing in, codes that were used.';
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("parties", "0005_grant_sees_personal_data")]

    operations: ClassVar = [
        migrations.RunSQL(CACHE, "DROP TABLE koinon_cache"),
        migrations.CreateModel(
            name="BrowserSession",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("session_key", models.CharField(db_comment="Of django_session.", max_length=40, unique=True)),
                ("began_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField(db_comment="Written at most once in ten minutes.")),
                ("way", models.CharField(db_comment="password, passkey, code or provider.", max_length=20)),
                ("device", models.CharField(blank=True, db_comment="Browser and system in two words; no version, no address.", max_length=60)),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={"db_table_comment": "Where somebody is signed in. No network address."},
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.UUIDField(default=koinon.kernel.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ("role", models.CharField(blank=True, db_comment="What the account may act as: resident or shop; empty for staff.", max_length=12)),
                ("digest", models.BinaryField(db_comment="HMAC-SHA256 of the code with a key outside the database.", unique=True)),
                ("invited_by", models.CharField(db_comment="Actor, as the audit trail names one.", max_length=60)),
                ("made_at", models.DateTimeField()),
                ("good_until", models.DateTimeField(db_comment="From when on it opens nothing any more.")),
                ("ended_at", models.DateTimeField(db_comment="When it was used or withdrawn; empty while it waits.", null=True)),
                ("party", models.ForeignKey(db_comment="The household, person or organisation it binds an account to; empty for the town's own staff.", null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to="parties.party")),
                ("town", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="parties.town")),
                ("used_by", models.ForeignKey(db_comment="Whose account it opened or bound.", null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL)),
                ("user", models.ForeignKey(db_comment="The colleague whose account it opens; empty for residents and shops.", null=True, on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "db_table_comment": "Codes by which people open their accounts; the codes themselves are kept nowhere.",
                "indexes": [models.Index(fields=["town", "party"], name="invitation_by_party")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("party__isnull", False), ("role__in", ["resident", "shop"]), ("user__isnull", True)),
                            models.Q(("party__isnull", True), ("role", ""), ("user__isnull", False)),
                            _connector="OR",
                        ),
                        name="invitation_binds_a_party_or_a_colleague",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RightRequest",
            fields=[
                ("id", models.UUIDField(default=koinon.kernel.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ("what", models.CharField(db_comment="role, people (seeing who people are) or factor (a new second factor).", max_length=12)),
                ("role", models.CharField(blank=True, db_comment="The role, or the one in which people are seen.", max_length=12)),
                ("asked_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(null=True)),
                ("outcome", models.CharField(blank=True, db_comment="given, declined or withdrawn; empty while it waits.", max_length=10)),
                ("asked_by", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
                ("decided_by", models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL)),
                ("town", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="parties.town")),
                ("user", models.ForeignKey(db_comment="Who would have the right.", on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "db_table_comment": "Rights that take a second person, asked for and decided.",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("what__in", ["role", "people", "factor"])), name="right_request_is_known"),
                    models.UniqueConstraint(condition=models.Q(("outcome", "")), fields=("town", "user", "what", "role"), name="right_asked_for_once"),
                ],
            },
        ),
    ]

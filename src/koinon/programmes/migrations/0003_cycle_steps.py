"""A cycle is submitted, approved by as many as its amount asks for, scheduled, stopped and resumed."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("programmes", "0002_eligibility")]

    operations = []

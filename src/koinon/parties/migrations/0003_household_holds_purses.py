"""Calls what a household holds by its name in the glossary: purses."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("parties", "0002_town_demonstrated_until")]

    operations: ClassVar = [
        migrations.AlterModelTableComment(
            name="household", table_comment="A household: holder of the purses for household aid."
        ),
    ]

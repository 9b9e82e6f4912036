"""Funds, programmes, the awards they rest on, and the cycles that pay them out."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from koinon.kernel.identifiers import new_id
from koinon.parties.models import Household, Party, Town


class Fund(models.Model):
    """Money with a purpose: where it comes from, how much, where and until when it may be spent."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    town = models.ForeignKey(Town, on_delete=models.PROTECT, related_name="funds")
    code = models.SlugField()
    name = models.CharField(max_length=120)
    source = models.CharField(max_length=200, blank=True, db_comment="Budget line or grant the money comes from.")
    budget_minor = models.BigIntegerField(
        null=True,
        blank=True,
        db_comment="Ceiling of what all cycles may issue, in minor units; empty: the reserve alone.",
    )
    rule = models.JSONField(default=dict, blank=True, db_comment="Spending rule; see programmes/rules.py.")
    spend_from = models.DateField(null=True, blank=True, db_comment="First local day on which it may be spent.")
    last_day = models.DateField(null=True, blank=True, db_comment="Last local day on which it may be spent, inclusive.")

    class Meta:
        db_table_comment = "Money with a purpose."
        verbose_name = _("fund")
        verbose_name_plural = _("funds")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["town", "code"], name="fund_code_in_town"),
            models.CheckConstraint(
                condition=models.Q(budget_minor__isnull=True) | models.Q(budget_minor__gte=0),
                name="fund_budget_is_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Programme(models.Model):
    """A policy that spends a fund: which share of whose award is paid in the currency."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    town = models.ForeignKey(Town, on_delete=models.PROTECT, related_name="programmes")
    code = models.SlugField()
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, default="aid")
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="programmes")
    share_numerator = models.PositiveIntegerField(default=1)
    share_denominator = models.PositiveIntegerField(default=1)
    floor_monthly_minor = models.BigIntegerField(
        default=0, db_comment="Only awards above this monthly amount are paid in the currency."
    )
    rule = models.JSONField(default=dict, blank=True, db_comment="Eligibility rule; see programmes/rules.py.")

    class Meta:
        db_table_comment = "A policy that spends a fund."
        verbose_name = _("programme")
        verbose_name_plural = _("programmes")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["town", "code"], name="programme_code_in_town"),
            models.CheckConstraint(
                condition=models.Q(share_numerator__gte=1, share_denominator__gte=models.F("share_numerator")),
                name="programme_share_is_a_share",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Award(models.Model):
    """What a household gets in all from this policy each month, in the national currency."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="awards")
    household = models.ForeignKey(Household, on_delete=models.PROTECT, related_name="awards")
    monthly_minor = models.BigIntegerField(db_comment="Whole monthly aid in minor units of the national currency.")
    from_day = models.DateField()
    to_day = models.DateField(null=True, blank=True, db_comment="Last day, inclusive; empty: until further notice.")

    class Meta:
        db_table_comment = "A household's monthly award under a programme."
        verbose_name = _("award")
        verbose_name_plural = _("awards")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["programme", "household", "from_day"], name="award_begins_once"),
            models.CheckConstraint(condition=models.Q(monthly_minor__gte=0), name="award_is_not_negative"),
            models.CheckConstraint(
                condition=models.Q(to_day__isnull=True) | models.Q(to_day__gte=models.F("from_day")),
                name="award_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"award {self.pk}"


class CycleState(models.TextChoices):
    PREPARED = "prepared", _("prepared")
    APPROVED = "approved", _("approved")
    DISBURSING = "disbursing", _("being paid out")
    DISBURSED = "disbursed", _("paid out")
    CANCELLED = "cancelled", _("cancelled")


class Cycle(models.Model):
    """One month of a programme: prepared, approved by a second person, disbursed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="cycles")
    month = models.CharField(max_length=7, db_comment="YYYY-MM")
    state = models.CharField(max_length=12, choices=CycleState.choices, default=CycleState.PREPARED)
    prepared_by = models.CharField(max_length=80)
    prepared_at = models.DateTimeField()
    approved_by = models.CharField(max_length=80, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    disbursed_by = models.CharField(max_length=80, blank=True)
    disbursing_at = models.DateTimeField(
        null=True, blank=True, db_comment="When paying out began; the effective time of every transfer of the cycle."
    )
    disbursed_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.CharField(max_length=80, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    total_minor = models.BigIntegerField(default=0, db_comment="Sum of the entitlements due or paid.")
    count = models.IntegerField(default=0, db_comment="Number of entitlements due or paid.")

    class Meta:
        db_table_comment = "One month of a programme."
        verbose_name = _("cycle")
        verbose_name_plural = _("cycles")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["programme", "month"], condition=~models.Q(state="cancelled"), name="one_cycle_a_month"
            ),
            models.CheckConstraint(condition=models.Q(state__in=CycleState.values), name="cycle_state_is_known"),
            models.CheckConstraint(
                condition=models.Q(approved_by="") | ~models.Q(approved_by=models.F("prepared_by")),
                name="cycle_has_four_eyes",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.programme_id} {self.month}"


class EntitlementState(models.TextChoices):
    DUE = "due", _("due")
    PAID = "paid", _("paid")
    REFUSED = "refused", _("refused")


class Entitlement(models.Model):
    """What a household is due in a cycle, or why it is due nothing, frozen when prepared."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    cycle = models.ForeignKey(Cycle, on_delete=models.PROTECT, related_name="entitlements")
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="entitlements")
    amount_minor = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=EntitlementState.choices)
    grounds = models.JSONField(default=list, db_comment="Every reason for the yes or the no: code and fields.")
    snapshot = models.JSONField(default=dict, db_comment="The facts the decision was made on; no personal data.")

    class Meta:
        db_table_comment = "What a household is due in a cycle, or why nothing."
        verbose_name = _("entitlement")
        verbose_name_plural = _("entitlements")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cycle", "party"], name="one_entitlement_a_cycle"),
            models.CheckConstraint(condition=models.Q(amount_minor__gte=0), name="entitlement_is_not_negative"),
            models.CheckConstraint(
                condition=models.Q(state__in=EntitlementState.values), name="entitlement_state_is_known"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["cycle", "state"], name="entitlement_by_state")]

    def __str__(self) -> str:
        return f"entitlement {self.pk}"

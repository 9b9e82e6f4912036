"""Funds, programmes, the awards they rest on, and the cycles that pay them out."""

from __future__ import annotations

from enum import StrEnum
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
    later = models.JSONField(
        db_default=models.Value([], models.JSONField()),
        default=list,
        blank=True,
        db_comment="What payments read of the versions that were not withdrawn: first day, rule, last day, in order.",
    )
    notice_days = models.PositiveSmallIntegerField(
        db_default=14, default=14, db_comment="How many days before it holds a change of rule or last day is announced."
    )
    warn_days = models.PositiveSmallIntegerField(
        db_default=14, default=14, db_comment="How many days before the last day whoever has money of it is told."
    )

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


class FundVersion(models.Model):
    """What holds for a fund from a later day on than what its own record says; announced before, never changed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="versions")
    from_day = models.DateField(db_comment="First local day on which it decides.")
    rule = models.JSONField(default=dict, blank=True, db_comment="Spending rule; see programmes/spending.py.")
    last_day = models.DateField(null=True, blank=True, db_comment="Last local day on which it may be spent, inclusive.")
    announced_at = models.DateTimeField()
    announced_by = models.CharField(max_length=80)
    reason = models.CharField(max_length=300, db_comment="Why, as residents and shops are told.")
    withdrawn_at = models.DateTimeField(null=True, blank=True, db_comment="Taken back before its first day.")
    withdrawn_by = models.CharField(max_length=80, blank=True)

    class Meta:
        db_table_comment = "A change of a fund's rule or last day, with the day from which it holds."
        verbose_name = _("version of a fund's rule")
        verbose_name_plural = _("versions of funds' rules")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["fund", "from_day"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="one_version_begins_on_a_day",
            ),
            models.CheckConstraint(
                condition=models.Q(last_day__isnull=True) | models.Q(last_day__gte=models.F("from_day")),
                name="version_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fund_id} from {self.from_day}"


class FundNotice(models.Model):
    """That whoever has money of a fund was told: its rule changes, or its last day is near."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="notices")
    what = models.CharField(max_length=8, db_comment="changing or ending")
    day = models.DateField(db_comment="The first day of the change, or the last day.")
    told_at = models.DateTimeField()
    told_by = models.CharField(max_length=80)
    purses = models.IntegerField(db_comment="How many purses held money of the fund.")
    minor = models.BigIntegerField(db_comment="How much lay in them, in minor units.")

    class Meta:
        db_table_comment = "Notices about a fund that were given to whoever has money of it."
        verbose_name = _("notice about a fund")
        verbose_name_plural = _("notices about funds")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["fund", "what", "day"], name="notice_is_given_once"),
            models.CheckConstraint(condition=models.Q(what__in=["changing", "ending"]), name="notice_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.fund_id} {self.what} {self.day}"


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
    rule = models.JSONField(default=dict, blank=True, db_comment="Eligibility rule; see programmes/eligibility.py.")
    for_whom = models.CharField(
        max_length=12,
        default="awards",
        db_default="awards",
        db_comment="awards: households with an award; households: every registered household.",
    )
    amounts = models.JSONField(
        default=dict,
        blank=True,
        db_default=models.Value({}, models.JSONField()),
        db_comment="How much aid; empty: what the award says. See programmes/amounts.py.",
    )
    waiting = models.JSONField(
        null=True,
        blank=True,
        db_comment="Who comes first when the budget ends; empty: nobody waits. See programmes/waiting.py.",
    )
    holds_duplicates = models.BooleanField(
        default=False,
        db_default=False,
        db_comment="Whether a household that may be in the register twice waits until a person has decided.",
    )
    approvals = models.JSONField(
        default=list,
        blank=True,
        db_default=models.Value([], models.JSONField()),
        db_comment="How many approve a cycle, by its total; empty: one. See programmes/approvals.py.",
    )

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
            models.CheckConstraint(
                condition=models.Q(for_whom__in=["awards", "households"]), name="programme_for_whom_is_known"
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
    PREPARED = "prepared", _("draft")
    SUBMITTED = "submitted", _("submitted")
    APPROVED = "approved", _("approved")
    DISBURSING = "disbursing", _("being paid out")
    DISBURSED = "disbursed", _("paid out")
    CANCELLED = "cancelled", _("cancelled")


class Cycle(models.Model):
    """One month of a programme: prepared, submitted, approved by others, disbursed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="cycles")
    month = models.CharField(max_length=7, db_comment="YYYY-MM")
    state = models.CharField(max_length=12, choices=CycleState.choices, default=CycleState.PREPARED)
    prepared_by = models.CharField(max_length=80)
    prepared_at = models.DateTimeField()
    submitted_by = models.CharField(max_length=80, blank=True, db_default="")
    submitted_at = models.DateTimeField(null=True, blank=True)
    fingerprint = models.CharField(
        max_length=64,
        blank=True,
        db_default="",
        db_comment="SHA-256 of the list as it was submitted; what approvers approve. See docs/algorithms/disbursement.md.",
    )
    checksum = models.CharField(
        max_length=64, blank=True, db_default="", db_comment="Quick sum of the same list, asked before it is paid."
    )
    approvers_needed = models.PositiveSmallIntegerField(
        default=1, db_default=1, db_comment="How many people other than those who prepared and submitted it approve it."
    )
    approved_by = models.CharField(max_length=80, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    scheduled_by = models.CharField(max_length=80, blank=True, db_default="")
    scheduled_at = models.DateTimeField(
        null=True, blank=True, db_comment="From when on the timer pays it out; empty: when somebody does."
    )
    problem = models.CharField(
        max_length=80, blank=True, db_default="", db_comment="Code of the refusal that last stopped the timer from it."
    )
    disbursed_by = models.CharField(max_length=80, blank=True)
    disbursing_at = models.DateTimeField(
        null=True, blank=True, db_comment="When paying out began; the effective time of every transfer of the cycle."
    )
    stopped_by = models.CharField(max_length=80, blank=True, db_default="")
    stopped_at = models.DateTimeField(
        null=True, blank=True, db_comment="Since when nothing of it is paid until somebody resumes it."
    )
    disbursed_at = models.DateTimeField(null=True, blank=True)
    retries = models.PositiveSmallIntegerField(
        default=0, db_default=0, db_comment="How often what had failed was tried again."
    )
    retried_at = models.DateTimeField(
        null=True, blank=True, db_comment="When the last try began; the effective time of its transfers."
    )
    cancelled_by = models.CharField(max_length=80, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    terms = models.JSONField(
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        db_comment="The programme's rules as they were when the cycle was prepared.",
    )
    total_minor = models.BigIntegerField(default=0, db_comment="Sum of the entitlements due or paid.")
    count = models.IntegerField(default=0, db_comment="Number of entitlements due or paid.")
    paid = models.IntegerField(default=0, db_default=0, db_comment="Number of entitlements paid so far.")
    paid_minor = models.BigIntegerField(default=0, db_default=0, db_comment="Their sum.")
    failed = models.IntegerField(
        default=0, db_default=0, db_comment="Number of entitlements that could not be paid so far."
    )
    refused = models.IntegerField(
        default=0, db_default=0, db_comment="Number of households that are due nothing, once submitted."
    )
    waiting = models.IntegerField(
        default=0, db_default=0, db_comment="Number of households that the budget does not reach, once submitted."
    )

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
                condition=models.Q(approved_by="")
                | (~models.Q(approved_by=models.F("prepared_by")) & ~models.Q(approved_by=models.F("submitted_by"))),
                name="cycle_has_four_eyes",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.programme_id} {self.month}"


class CycleApproval(models.Model):
    """That one person has approved one list."""

    cycle = models.ForeignKey(Cycle, on_delete=models.PROTECT, related_name="approvals")
    actor = models.CharField(max_length=80)
    at = models.DateTimeField()
    submitted_at = models.DateTimeField(db_comment="Of which submission: a list that was sent back is approved anew.")
    fingerprint = models.CharField(max_length=64, db_comment="Of the list that the person saw.")
    total_minor = models.BigIntegerField()
    count = models.IntegerField()

    class Meta:
        db_table_comment = "Who approved which list of a cycle."
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cycle", "submitted_at", "actor"], name="one_approval_a_person"),
        ]

    def __str__(self) -> str:
        return f"approval {self.pk}"


class EntitlementState(StrEnum):
    """What became of a line so far, as the view ``programmes_line`` says."""

    DUE = "due"
    PAID = "paid"
    REFUSED = "refused"
    WAITING = "waiting"
    FAILED = "failed"


class EntitlementDecision(models.TextChoices):
    DUE = "due", _("due")
    REFUSED = "refused", _("refused")
    WAITING = "waiting", _("waiting")


class Entitlement(models.Model):
    """What a household is due in a cycle, or why it is due nothing, frozen when prepared.

    It is written once and never touched again: that it was paid follows from how far the cycle has come, and a
    line that could not be paid has a ``Failure``. The view ``programmes_line`` puts them together.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # The constraint below begins with the cycle and serves as its index.
    cycle = models.ForeignKey(Cycle, on_delete=models.PROTECT, related_name="entitlements", db_index=False)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="entitlements")
    amount_minor = models.BigIntegerField()
    decision = models.CharField(
        max_length=8,
        choices=EntitlementDecision.choices,
        db_comment="What was decided; what became of it says programmes_line.",
    )
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
                condition=models.Q(decision__in=EntitlementDecision.values), name="entitlement_decision_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"entitlement {self.pk}"


class Failure(models.Model):
    """That a line of a cycle could not be paid, and why."""

    entitlement = models.OneToOneField(Entitlement, primary_key=True, on_delete=models.PROTECT, related_name="failure")
    cycle = models.ForeignKey(Cycle, on_delete=models.PROTECT, related_name="failures")
    code = models.CharField(max_length=80, db_comment="Why: the code of a refusal.")
    again = models.BooleanField(default=False, db_comment="Whether it is due again, in a try that is under way.")

    class Meta:
        db_table_comment = "A line of a cycle that could not be paid, and why."
        verbose_name = _("line that could not be paid")
        verbose_name_plural = _("lines that could not be paid")

    def __str__(self) -> str:
        return f"failure of {self.entitlement_id}"


class Lane(models.Model):
    """A part of a cycle's list that is paid by itself, from an escrow of its own, while the other lanes are."""

    cycle = models.ForeignKey(Cycle, on_delete=models.PROTECT, related_name="lanes", db_index=False)
    number = models.PositiveSmallIntegerField()
    after = models.UUIDField(null=True, blank=True, db_comment="It begins after this party; empty: with the first one.")
    upto = models.UUIDField(null=True, blank=True, db_comment="Its last party; empty: the last one there is.")
    total_minor = models.BigIntegerField(db_comment="Sum of what its lines are due.")
    escrow = models.IntegerField(
        null=True, blank=True, db_comment="The account it is paid from, once the cycle is being paid out."
    )
    paid_upto = models.UUIDField(
        null=True, blank=True, db_comment="The last party it has come to, in the order of party ids."
    )
    paid = models.IntegerField(default=0, db_default=0)
    paid_minor = models.BigIntegerField(default=0, db_default=0)
    failed = models.IntegerField(default=0, db_default=0)
    done = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table_comment = "A part of a cycle's list, in the order of party ids, with an escrow of its own: lanes are paid side by side."
        verbose_name = _("lane")
        verbose_name_plural = _("lanes")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cycle", "number"], name="lanes_of_a_cycle"),
        ]

    def __str__(self) -> str:
        return f"lane {self.number} of {self.cycle_id}"


class ReserveMark(models.Model):
    """What went out of a fund's reserve and came back, up to one of its transfers: nothing before it ever changes."""

    fund = models.OneToOneField(Fund, primary_key=True, on_delete=models.PROTECT, related_name="reserve_mark")
    seq = models.BigIntegerField(db_comment="The newest transfer of the reserve that is in the sums.")
    received_minor = models.BigIntegerField(db_comment="Euros received less those withdrawn.")
    issued_minor = models.BigIntegerField(db_comment="Units issued less those given back.")
    apart_minor = models.BigIntegerField(db_comment="Of these, what was not for a cycle.")
    swept_minor = models.BigIntegerField(db_comment="What expired in purses and came back.")

    class Meta:
        db_table_comment = (
            "Sums over a fund's reserve up to one of its transfers, so that only what came later is walked."
        )
        verbose_name = _("mark in a reserve")
        verbose_name_plural = _("marks in reserves")

    def __str__(self) -> str:
        return f"mark of {self.fund_id}"


class ExceptionState(models.TextChoices):
    PROPOSED = "proposed", _("waiting for a second person")
    APPROVED = "approved", _("in force")
    REJECTED = "rejected", _("rejected")
    WITHDRAWN = "withdrawn", _("withdrawn")


class AidException(models.Model):
    """What two people decided about a household against what the rules say, for some months, with a reason."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="exceptions")
    household = models.ForeignKey(Household, on_delete=models.PROTECT, related_name="exceptions")
    kind = models.CharField(max_length=8, db_comment="pay: although the rules say no; refuse: although they say yes.")
    aid_minor = models.BigIntegerField(
        null=True, blank=True, db_comment="Whole monthly aid instead of what the rules give; empty: what they give."
    )
    first_month = models.CharField(max_length=7, db_comment="YYYY-MM, inclusive.")
    last_month = models.CharField(max_length=7, blank=True, db_comment="YYYY-MM, inclusive; empty: until withdrawn.")
    reason = models.CharField(max_length=400, db_comment="Why, in words that name nobody.")
    state = models.CharField(max_length=10, choices=ExceptionState.choices, default=ExceptionState.PROPOSED)
    proposed_by = models.CharField(max_length=80)
    proposed_at = models.DateTimeField()
    decided_by = models.CharField(max_length=80, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.CharField(max_length=80, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table_comment = "A decision about a household against what the rules say, by two people."
        verbose_name = _("exception")
        verbose_name_plural = _("exceptions")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(kind__in=["pay", "refuse"]), name="exception_kind_is_known"),
            models.CheckConstraint(
                condition=models.Q(state__in=ExceptionState.values), name="exception_state_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by="") | ~models.Q(decided_by=models.F("proposed_by")),
                name="exception_has_four_eyes",
            ),
            models.CheckConstraint(
                condition=models.Q(aid_minor__isnull=True) | models.Q(aid_minor__gt=0, kind="pay"),
                name="exception_amount_is_paid",
            ),
            models.CheckConstraint(
                condition=models.Q(last_month="") | models.Q(last_month__gte=models.F("first_month")),
                name="exception_ends_after_it_begins",
            ),
            models.CheckConstraint(condition=~models.Q(reason=""), name="exception_has_a_reason"),
        ]
        indexes: ClassVar = [models.Index(fields=["programme", "household"], name="exception_by_household")]

    def __str__(self) -> str:
        return f"exception {self.pk}"


class DuplicateState(models.TextChoices):
    OPEN = "open", _("not decided")
    SAME = "same", _("the same household")
    DIFFERENT = "different", _("different households")


class DuplicatePair(models.Model):
    """Two households of the register that may be one, why so, and what a person decided. No names."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    town = models.ForeignKey(Town, on_delete=models.PROTECT, related_name="duplicates")
    kept = models.ForeignKey(
        Household, on_delete=models.PROTECT, related_name="+", db_comment="The one registered first; it is paid."
    )
    other = models.ForeignKey(Household, on_delete=models.PROTECT, related_name="+")
    score = models.PositiveSmallIntegerField(db_comment="0 to 100: how alike; see docs/algorithms/duplicates.md.")
    grounds = models.JSONField(default=list, db_comment="Every likeness found: code and fields, no personal data.")
    state = models.CharField(max_length=10, choices=DuplicateState.choices, default=DuplicateState.OPEN)
    found_at = models.DateTimeField()
    decided_by = models.CharField(max_length=80, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=400, blank=True, db_comment="Why so decided, in words that name nobody.")

    class Meta:
        db_table_comment = "Two households that may be one."
        verbose_name = _("possible duplicate")
        verbose_name_plural = _("possible duplicates")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["town", "kept", "other"], name="pair_found_once"),
            models.CheckConstraint(condition=~models.Q(kept=models.F("other")), name="pair_is_of_two"),
            models.CheckConstraint(condition=models.Q(state__in=DuplicateState.values), name="pair_state_is_known"),
            models.CheckConstraint(
                condition=models.Q(state="open", decided_by="") | (~models.Q(state="open") & ~models.Q(decided_by="")),
                name="pair_is_decided_by_somebody",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["other", "state"], name="pair_by_other")]

    def __str__(self) -> str:
        return f"pair {self.pk}"

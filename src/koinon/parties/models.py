"""Towns, the parties that live and trade in them, and who may act for whom.

Nothing here names a person: names, identifiers, addresses and bank accounts of
people are sealed in the vault (``vault.py``), under the party's id. What an
organisation shows on its shop sign (its trade name) is public and stands here.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from koinon.kernel.identifiers import new_id


class Town(models.Model):
    """A municipality running one currency: the tenant."""

    id = models.AutoField(primary_key=True)
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    country = models.CharField(max_length=2, db_comment="ISO 3166-1 alpha-2.")
    unit_code = models.CharField(max_length=12, db_comment="Code of the town's unit, as the ledger knows it.")
    unit_name = models.CharField(max_length=60)
    unit_symbol = models.CharField(max_length=8, blank=True)
    exponent = models.PositiveSmallIntegerField(default=2, db_comment="Decimals of the unit: EUR 2, JOD 3.")
    national_currency = models.CharField(
        max_length=3, default="EUR", db_comment="ISO 4217; the unit is at par with it."
    )
    time_zone = models.CharField(max_length=64, default="UTC", db_comment="IANA name; days begin and end here.")
    languages = models.JSONField(default=list, db_comment="Language tags, the first one preferred.")
    legal_basis = models.JSONField(default=dict, db_comment="Acts and agreements the currency rests on.")
    income_bands = models.JSONField(
        default=dict, db_default={}, db_comment="What the town calls its income bands, by their codes."
    )
    party = models.OneToOneField(
        "parties.Party",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_comment="The public body that holds the town's own accounts; empty only while the town is being created.",
    )
    created_at = models.DateTimeField()
    demonstrated_until = models.DateField(
        null=True,
        blank=True,
        editable=False,
        db_comment=(
            "Last day that the demonstration has lived in this town; empty for a real town. "
            "Only the demonstration sets it."
        ),
    )

    class Meta:
        db_table_comment = "A municipality (or consortium) running one currency."
        verbose_name = _("town")
        verbose_name_plural = _("towns")

    def __str__(self) -> str:
        return self.name


class Zone(models.Model):
    """A neighbourhood of a town."""

    town = models.ForeignKey(Town, on_delete=models.CASCADE, related_name="zones")
    code = models.CharField(max_length=40)
    name = models.CharField(max_length=120)
    outline = models.JSONField(
        null=True,
        blank=True,
        db_comment="Where it lies: a GeoJSON Polygon or MultiPolygon (RFC 7946); empty: not known.",
    )

    class Meta:
        db_table_comment = "A neighbourhood of a town."
        verbose_name = _("neighbourhood")
        verbose_name_plural = _("neighbourhoods")
        constraints: ClassVar = [models.UniqueConstraint(fields=["town", "code"], name="zone_code_in_town")]

    def __str__(self) -> str:
        return self.name


class PartyKind(models.TextChoices):
    PERSON = "person", _("person")
    AUTHORISED = "authorised", _("authorised person")
    HOUSEHOLD = "household", _("household")
    ORGANISATION = "organisation", _("organisation")
    PUBLIC_BODY = "public_body", _("public body")


class Party(models.Model):
    """Anyone who can hold an account, known to the ledger by this opaque id only."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    town = models.ForeignKey(Town, on_delete=models.PROTECT, related_name="parties")
    kind = models.CharField(max_length=12, choices=PartyKind.choices)
    created_at = models.DateTimeField()
    erased_at = models.DateTimeField(
        null=True, blank=True, db_comment="When the key to the party's personal data was destroyed."
    )

    class Meta:
        db_table_comment = "Anyone who can hold an account. Opaque on purpose: no personal data in this row."
        verbose_name = _("party")
        verbose_name_plural = _("parties")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(kind__in=PartyKind.values), name="party_kind_is_known")
        ]
        indexes: ClassVar = [models.Index(fields=["town", "kind"], name="party_by_town_and_kind")]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Household(models.Model):
    """The people who share the purses into which household aid is paid."""

    party = models.OneToOneField(Party, on_delete=models.PROTECT, primary_key=True, related_name="household")
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, null=True, blank=True, related_name="households")
    members = models.PositiveSmallIntegerField(default=1)
    income_band = models.CharField(max_length=20, blank=True, db_comment="The town's own band code; never an income.")
    joined_on = models.DateField(null=True, blank=True)
    resident_since = models.DateField(
        null=True, blank=True, db_comment="Since when the household is registered as living in the town."
    )
    children_born = models.JSONField(
        default=list,
        blank=True,
        db_default=models.Value([], models.JSONField()),
        db_comment="Months (YYYY-MM) in which its children were born, kept while a programme counts children; never a day.",
    )
    statuses = models.JSONField(
        default=list,
        blank=True,
        db_default=models.Value([], models.JSONField()),
        db_comment="What the town has on record of it: the town's own code, from_day, to_day (inclusive or null).",
    )

    class Meta:
        db_table_comment = "A household: holder of the purses for household aid."
        verbose_name = _("household")
        verbose_name_plural = _("households")

    def __str__(self) -> str:
        return f"household {self.pk}"


class Person(models.Model):
    """A resident. Name, identifiers and birth date live in the vault only."""

    party = models.OneToOneField(Party, on_delete=models.PROTECT, primary_key=True, related_name="person")
    household = models.ForeignKey(Household, on_delete=models.SET_NULL, null=True, blank=True, related_name="people")
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, null=True, blank=True, related_name="people")
    is_reference = models.BooleanField(
        default=False, db_comment="Whether the town writes to this person about the household."
    )

    class Meta:
        db_table_comment = "A resident; names and identifiers are in the vault."
        verbose_name = _("person")
        verbose_name_plural = _("people")

    def __str__(self) -> str:
        return f"person {self.pk}"


class Organisation(models.Model):
    """A shop, co-operative, association or company that accepts the currency."""

    party = models.OneToOneField(Party, on_delete=models.PROTECT, primary_key=True, related_name="organisation")
    trade_name = models.CharField(max_length=160, blank=True, db_comment="What the shop sign says; public.")
    sector = models.CharField(max_length=12, blank=True, db_comment="NACE Rev. 2 code, such as 47.11.")
    sector_group = models.CharField(
        max_length=40, blank=True, db_comment="The town's grouping of sectors: food, clothing, health, ..."
    )
    legal_form = models.CharField(max_length=40, blank=True)
    is_sse = models.BooleanField(default=False, db_comment="A social and solidarity economy organisation.")
    registry_number = models.CharField(max_length=60, blank=True, db_comment="In the register of its legal form.")
    size_class = models.CharField(max_length=20, blank=True, db_comment="micro, small, medium or large (2003/361/EC).")
    zone = models.ForeignKey(Zone, on_delete=models.PROTECT, null=True, blank=True, related_name="organisations")
    is_chain = models.BooleanField(default=False, db_comment="Belongs to a chain or franchise.")
    accepts_since = models.DateField(null=True, blank=True, db_comment="First local day on which it accepts payments.")
    latitude = models.DecimalField(
        max_digits=8, decimal_places=6, null=True, blank=True, db_comment="Of its door, in degrees (WGS 84); public."
    )
    longitude = models.DecimalField(
        max_digits=9, decimal_places=6, null=True, blank=True, db_comment="Of its door, in degrees (WGS 84); public."
    )
    active = models.BooleanField(default=True)

    class Meta:
        db_table_comment = "An organisation that accepts the currency."
        verbose_name = _("organisation")
        verbose_name_plural = _("organisations")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(latitude=None, longitude=None)
                | models.Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
                name="organisation_place_on_earth",
            )
        ]

    def __str__(self) -> str:
        return self.trade_name or f"organisation {self.pk}"


class User(AbstractUser):
    """Somebody who signs in. What they may do stands in their role grants."""

    language = models.CharField(
        max_length=12, blank=True, db_comment="Language tag the person chose; empty: browser's."
    )
    theme = models.CharField(
        max_length=8,
        blank=True,
        db_default="",
        db_comment="light or dark, as the person chose; empty: as the device has it.",
    )
    text_size = models.CharField(
        max_length=8, blank=True, db_default="", db_comment="large, as the person chose; empty: the usual size."
    )

    class Meta(AbstractUser.Meta):
        db_table_comment = "Somebody who signs in."

    @property
    def actor(self) -> str:
        """How the ledger and the audit trail name this user."""
        return f"user:{self.pk}"


class Role(models.TextChoices):
    RESIDENT = "resident", _("resident")
    SHOP = "shop", _("shop")
    OFFICER = "officer", _("officer")
    APPROVER = "approver", _("approver")
    TREASURER = "treasurer", _("treasurer")
    AUDITOR = "auditor", _("auditor")
    COORDINATOR = "coordinator", _("coordinator")


class RoleGrant(models.Model):
    """What a user may do in a town, and for which party."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="grants")
    town = models.ForeignKey(Town, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=12, choices=Role.choices)
    party = models.ForeignKey(
        Party,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="grants",
        db_comment="The household, person or organisation a resident or shop acts for; empty for staff.",
    )
    sees_personal_data = models.BooleanField(
        default=False,
        db_default=False,
        db_comment="Whether staff acting in this role are shown who people are; apart from every right to money.",
    )

    class Meta:
        db_table_comment = "What a user may do in a town."
        verbose_name = _("role")
        verbose_name_plural = _("roles")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "town", "role", "party"], name="grant_given_once", nulls_distinct=False
            ),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="grant_role_is_known"),
            models.CheckConstraint(
                condition=~models.Q(role__in=[Role.RESIDENT, Role.SHOP]) | models.Q(party__isnull=False),
                name="grant_acts_for_a_party",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} in town {self.town_id}"


class Invitation(models.Model):
    """A code on a letter, by which one person opens or binds an account: for a household, a shop, or a colleague."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    town = models.ForeignKey(Town, on_delete=models.CASCADE, related_name="+")
    party = models.ForeignKey(
        Party,
        on_delete=models.CASCADE,
        null=True,
        related_name="+",
        db_comment="The household, person or organisation it binds an account to; empty for the town's own staff.",
    )
    user = models.ForeignKey(
        User,
        on_delete=models.CASCADE,
        null=True,
        related_name="+",
        db_comment="The colleague whose account it opens; empty for residents and shops.",
    )
    role = models.CharField(
        max_length=12, blank=True, db_comment="What the account may act as: resident or shop; empty for staff."
    )
    digest = models.BinaryField(unique=True, db_comment="HMAC-SHA256 of the code with a key outside the database.")
    invited_by = models.CharField(max_length=60, db_comment="Actor, as the audit trail names one.")
    made_at = models.DateTimeField()
    good_until = models.DateTimeField(db_comment="From when on it opens nothing any more.")
    ended_at = models.DateTimeField(null=True, db_comment="When it was used or withdrawn; empty while it waits.")
    used_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", db_comment="Whose account it opened or bound."
    )

    class Meta:
        db_table_comment = "Codes by which people open their accounts; the codes themselves are kept nowhere."
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(party__isnull=False, user__isnull=True, role__in=[Role.RESIDENT, Role.SHOP])
                | models.Q(party__isnull=True, user__isnull=False, role=""),
                name="invitation_binds_a_party_or_a_colleague",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["town", "party"], name="invitation_by_party")]


class RightRequest(models.Model):
    """A right over money or people that somebody of the staff asked for a colleague, and a second person decides."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    town = models.ForeignKey(Town, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", db_comment="Who would have the right.")
    what = models.CharField(
        max_length=12, db_comment="role, people (seeing who people are) or factor (a new second factor)."
    )
    role = models.CharField(max_length=12, blank=True, db_comment="The role, or the one in which people are seen.")
    asked_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    asked_at = models.DateTimeField()
    decided_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    outcome = models.CharField(
        max_length=10, blank=True, db_comment="given, declined or withdrawn; empty while it waits."
    )

    class Meta:
        db_table_comment = "Rights that take a second person, asked for and decided."
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(what__in=["role", "people", "factor"]), name="right_request_is_known"
            ),
            models.UniqueConstraint(
                fields=["town", "user", "what", "role"],
                condition=models.Q(outcome=""),
                name="right_asked_for_once",
            ),
        ]


class BrowserSession(models.Model):
    """A browser in which somebody is signed in, so that they can see it and end it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    session_key = models.CharField(max_length=40, unique=True, db_comment="Of django_session.")
    began_at = models.DateTimeField()
    seen_at = models.DateTimeField(db_comment="Written at most once in ten minutes.")
    way = models.CharField(max_length=20, db_comment="password, passkey, code or provider.")
    device = models.CharField(
        max_length=60, blank=True, db_comment="Browser and system in two words; no version, no address."
    )

    class Meta:
        db_table_comment = "Where somebody is signed in. No network address."


class VaultEntry(models.Model):
    """A party's personal data, each field sealed with the party's own key.

    Written and read by ``vault.py`` only. Destroying ``wrapped_key`` makes the rest noise.
    """

    party = models.OneToOneField(Party, on_delete=models.PROTECT, primary_key=True, related_name="+")
    town = models.ForeignKey(Town, on_delete=models.PROTECT, related_name="+")
    key_id = models.CharField(
        max_length=40, db_comment="Which key-encryption key (outside the database) wraps the key."
    )
    wrapped_key = models.BinaryField(db_comment="The party's AES-256 key, wrapped with AES-256-GCM.")
    sealed = models.JSONField(default=dict, db_comment="Field name to base64 of nonce and AES-256-GCM ciphertext.")

    class Meta:
        db_table_comment = "Personal data, sealed. Field names are readable, values are not."
        indexes: ClassVar = [models.Index(fields=["town", "key_id"], name="vault_entry_by_key")]


class VaultLookup(models.Model):
    """Finds a party by an identifier without storing it: a keyed hash of the normalised value."""

    town = models.ForeignKey(Town, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, db_comment="identifier, phone, email or iban.")
    digest = models.BinaryField(db_comment="HMAC-SHA256 with a key outside the database.")
    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="+")

    class Meta:
        db_table_comment = "Keyed hashes by which a party is found."
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["town", "kind", "digest", "party"], name="lookup_written_once"),
            models.UniqueConstraint(
                fields=["town", "digest"], condition=models.Q(kind="identifier"), name="identifier_names_one_party"
            ),
            models.UniqueConstraint(fields=["party", "kind"], name="one_lookup_of_a_kind"),
        ]


class NoticeTopic(models.TextChoices):
    """What somebody may be told of."""

    CARD = "card", _("your card and its PIN")
    MONEY = "money", _("money that ends, and rules that change")
    COMPLAINT = "complaint", _("your complaints and requests")
    PAYMENT = "payment", _("each payment, refund and reward")


class NoticeWay(models.TextChoices):
    """How somebody wants to be told."""

    NONE = "none", _("not at all")
    MAIL = "mail", _("by e-mail")
    SMS = "sms", _("by text message")


class NoticeChoice(models.Model):
    """By which way a party wants to be told of something; without a row, as the town does it."""

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="notice_choices")
    topic = models.CharField(max_length=12, choices=NoticeTopic.choices)
    way = models.CharField(max_length=4, choices=NoticeWay.choices)
    chosen_at = models.DateTimeField()

    class Meta:
        db_table_comment = "By which way a party wants to be told of something."
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["party", "topic"], name="notice_chosen_once"),
            models.CheckConstraint(condition=models.Q(topic__in=NoticeTopic.values), name="notice_topic_is_known"),
            models.CheckConstraint(condition=models.Q(way__in=NoticeWay.values), name="notice_way_is_known"),
            models.CheckConstraint(
                condition=~models.Q(topic=NoticeTopic.CARD, way=NoticeWay.NONE), name="card_notices_are_never_off"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic}: {self.way}"

"""A programme from a form: what an officer chooses becomes the same text that a town folder holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date
from io import BytesIO
from typing import Any

from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from text_unidecode import unidecode  # type: ignore[import-untyped]

from koinon.kernel.money import to_decimal
from koinon.parties.models import Town
from koinon.programmes.types import FundView
from koinon.web import words
from koinon.web.forms import AmountField

NEW = "new"
DATE: dict[str, Any] = {"widget": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}


def as_upload(content: bytes) -> UploadedFile:
    """A file that was kept, as one that was sent."""
    file = SimpleUploadedFile("town.zip", b"")
    file.file, file.size = BytesIO(content), len(content)
    return file


class ProgrammeForm(forms.Form):
    """The usual programme: whom it is for, how much, and the fund that pays, an old or a new one."""

    name = forms.CharField(label=gettext_lazy("Name of the programme"), max_length=120)
    for_whom = forms.ChoiceField(
        label=gettext_lazy("Who is looked at"),
        choices=[
            ("awards", gettext_lazy("Households with an award")),
            ("households", gettext_lazy("Every household of the register")),
        ],
        widget=forms.RadioSelect,
        initial="awards",
    )
    zones = forms.MultipleChoiceField(
        label=gettext_lazy("Only these neighbourhoods"), required=False, widget=forms.CheckboxSelectMultiple
    )
    income_bands = forms.MultipleChoiceField(
        label=gettext_lazy("Only these income bands"), required=False, widget=forms.CheckboxSelectMultiple
    )
    children_below = forms.IntegerField(
        label=gettext_lazy("With a child younger than"), required=False, min_value=1, max_value=25,
        help_text=gettext_lazy("Years. Empty: children do not matter."),
    )  # fmt: skip
    amounts = forms.ChoiceField(
        label=gettext_lazy("How much aid a month"),
        choices=[
            ("award", gettext_lazy("What each award says")),
            ("formula", gettext_lazy("A sum for the household, and more for each further adult and child")),
        ],
        widget=forms.RadioSelect,
        initial="award",
    )
    share = forms.IntegerField(
        label=gettext_lazy("Part of the aid paid in the currency, per cent"), min_value=1, max_value=100, initial=100
    )
    fund = forms.ChoiceField(label=gettext_lazy("Paid from"))
    fund_name = forms.CharField(label=gettext_lazy("Name of the new fund"), max_length=120, required=False)
    source = forms.CharField(
        label=gettext_lazy("Budget line or grant the money comes from"), max_length=200, required=False
    )
    spend_from = forms.DateField(label=gettext_lazy("First day on which it can be spent"), required=False, **DATE)
    last_day = forms.DateField(
        label=gettext_lazy("Last day on which it can be spent"), required=False,
        help_text=gettext_lazy("What is left then goes back to the budget line."), **DATE,
    )  # fmt: skip

    def __init__(
        self, *args: Any, town: Town, zones: dict[str, str], bands: Iterable[str], funds: Sequence[FundView],
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        self._town, self._funds = town, funds
        self._taken = {fund.code for fund in funds}
        self.fields["zones"].choices = list(zones.items())  # type: ignore[attr-defined]
        self._zones = zones
        self.fields["income_bands"].choices = [(band, words.income_band(town, band)) for band in bands]  # type: ignore[attr-defined]
        self.fields["fund"].choices = [  # type: ignore[attr-defined]
            *((fund.code, fund.name) for fund in funds),
            (NEW, _("a new fund")),
        ]
        labels = {
            "base": gettext_lazy("For the household"),
            "each_further_adult": gettext_lazy("For each further adult"),
            "each_child": gettext_lazy("For each child younger than 18"),
            "at_most": gettext_lazy("At most"),
            "floor": gettext_lazy("Only aid above"),
            "second_from": gettext_lazy("Two people approve a month from this total on"),
            "budget": gettext_lazy("Budget of the new fund"),
        }
        for field, label in labels.items():
            self.fields[field] = AmountField(exponent=town.exponent, label=label, required=False)
        self.order_fields(
            ["name", "for_whom", "zones", "income_bands", "children_below", "amounts", "base", "each_further_adult",
             "each_child", "at_most", "share", "floor", "second_from", "fund", "fund_name", "source", "budget",
             "spend_from", "last_day"]
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("amounts") == "formula" and not given.get("base"):
            self.add_error("base", _("Say how much a household of one person gets."))
        if given.get("amounts") == "award" and given.get("for_whom") == "households":
            self.add_error("amounts", _("Without awards, say how much aid there is."))
        if given.get("fund") == NEW:
            for field in ("fund_name", "source", "budget"):
                if not given.get(field) and field not in self.errors:
                    self.add_error(field, _("A new fund needs this."))
        return given

    def written(self) -> str:
        """The text: a fund where there is a new one, and the programme."""
        given = self.cleaned_data
        fund, parts = given["fund"], []
        if fund == NEW:
            fund = self._code(given["fund_name"], self._taken)
            parts.append(
                _table(
                    "[[funds]]", code=fund, name=given["fund_name"], source=given["source"],
                    budget=self._plain(given["budget"]), spend_from=given["spend_from"], last_day=given["last_day"],
                )
            )  # fmt: skip
        parts.append(
            _table(
                "[[programmes]]", code=self._code(given["name"], {fund}), name=given["name"], fund=fund,
                share=f"{given['share']}/100", floor_monthly=self._plain(given["floor"]),
                **{"for": given["for_whom"]},
            )
        )  # fmt: skip
        children = f"{{ younger_than = {given['children_below']}, at_least = 1 }}" if given["children_below"] else ""
        if given["zones"] or given["income_bands"] or children:
            zones = [self._zones[code] for code in given["zones"]]
            parts.append(_table("[programmes.eligibility]", zones=zones, income_bands=given["income_bands"]))
            parts[-1] += f"children = {children}\n" if children else ""
        if given["amounts"] == "formula":
            parts.append(
                _table(
                    "[programmes.amounts.formula]", base=self._plain(given["base"]),
                    each_further_adult=self._plain(given["each_further_adult"]), at_most=self._plain(given["at_most"]),
                )
            )  # fmt: skip
            if given["each_child"]:
                each = json.dumps(self._plain(given["each_child"]))
                parts[-1] += f"each_child = [{{ younger_than = 18, pays = {each} }}]\n"
        if given["second_from"]:
            parts.append('[[programmes.approvals]]\nfrom = "0"\npeople = 1\n')
            parts.append(
                _table("[[programmes.approvals]]", **{"from": self._plain(given["second_from"])}) + "people = 2\n"
            )
        return "\n".join(parts)

    def _code(self, name: str, taken: set[str]) -> str:
        """A short name made of a long one, whatever it is written in."""
        bare = slugify(unidecode(name))[:36].strip("-") or "programme"
        return next(
            code for number in range(1, 1000) if (code := bare if number == 1 else f"{bare}-{number}") not in taken
        )

    def _plain(self, minor: int | None) -> str:
        return str(to_decimal(minor, self._town.exponent)) if minor else ""


def _table(heading: str, **settings: str | list[str] | date | None) -> str:
    """A table of a TOML file; settings without a value are left out."""
    lines = [heading]
    for name, value in settings.items():
        if not value:
            continue
        lines.append(
            f"{name} = {value.isoformat() if isinstance(value, date) else json.dumps(value, ensure_ascii=False)}"
        )
    return "\n".join(lines) + "\n"

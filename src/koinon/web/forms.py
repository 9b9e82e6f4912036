"""Reading what people type: amounts with the comma or point of their own language."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from koinon.kernel.money import to_minor
from koinon.parties.rules import ascii_digits


def typed_amount(text: str, exponent: int) -> int:
    """Minor units of an amount as typed anywhere around the Mediterranean; ``ValueError`` for anything else.

    Of a point and a comma the last is the decimal mark. One of them alone
    followed by three digits is refused where it could be read both ways.

    >>> [typed_amount(text, 2) for text in ["12,5", "1.234,56", "1,234.56", "1 234", "١٢٫٥٠"]]
    [1250, 123456, 123456, 123400, 1250]
    >>> typed_amount("1.234", 2)
    Traceback (most recent call last):
    ValueError: 1.234
    """
    bare = re.sub(r"[\s\u00a0\u202f'’\u200e\u200f\u066c]", "", ascii_digits(text)).replace("\u066b", ".")
    marks = [mark for mark in bare if mark in ".,"]
    if not marks or (len(marks) > 1 and len(set(marks)) == 1):
        whole, decimals = bare, ""
    else:
        whole, decimals = bare.rsplit(marks[-1], 1)
        if len(marks) == 1 and len(decimals) == 3 and exponent < 3:
            raise ValueError(text)
    if not re.fullmatch(r"\d+|\d{1,3}(?:\.\d{3})+|\d{1,3}(?:,\d{3})+", whole) or not re.fullmatch(r"\d*", decimals):
        raise ValueError(text)
    return to_minor(Decimal(f"{re.sub('[.,]', '', whole)}.{decimals or 0}"), exponent)


class AmountField(forms.CharField):
    """An amount of the town's unit; its clean value is whole minor units above zero."""

    def __init__(self, *, exponent: int = 2, **kwargs: Any) -> None:
        self.exponent = exponent
        super().__init__(max_length=24, **kwargs)
        self.widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            minor = typed_amount(str(text), self.exponent)
        except ValueError as unreadable:
            raise ValidationError(_("Write the amount with figures, such as 12,50.")) from unreadable
        if minor <= 0:
            raise ValidationError(_("The amount must be above zero."))
        return minor

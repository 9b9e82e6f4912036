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
from koinon.web import formats

# Figures, or groups of three after the first with one kind of mark; then perhaps the decimals after another mark.
_TYPED = re.compile(
    r"(?P<whole>[0-9]+|[0-9]{1,3}(?P<mark>[ '.,])[0-9]{3}(?:(?P=mark)[0-9]{3})*)(?:(?P<decimal>[.,])(?P<fraction>[0-9]*))?"
)


def typed_amount(text: str, exponent: int, thousands: str = "") -> int:
    """Minor units of an amount as typed anywhere around the Mediterranean; ``ValueError`` for anything else.

    Of a point and a comma the last is the decimal mark. One of them alone
    followed by three digits is refused where it could be read both ways: with
    three decimals, where it is the mark that parts ``thousands``.

    >>> [typed_amount(text, 2) for text in ["12,5", "1.234,56", "1,234.56", "1 234", "١٢٫٥٠"]]
    [1250, 123456, 123456, 123400, 1250]
    >>> typed_amount("1.234", 2)
    Traceback (most recent call last):
    ValueError: 1.234
    """
    bare = re.sub(r"[\u200e\u200f]", "", ascii_digits(text)).strip()
    bare = re.sub(r"\s", " ", bare.replace("’", "'").replace("\u066c", "'").replace("\u066b", "."))
    unclear = re.fullmatch(r"\d+([.,])\d{3}", bare)
    if unclear and (exponent < 3 or unclear[1] == thousands):
        raise ValueError(text)
    read = _TYPED.fullmatch(bare)
    if read is None or read["decimal"] == read["mark"] is not None:
        raise ValueError(text)
    whole = re.sub(r"\D", "", read["whole"])
    return to_minor(Decimal(f"{whole}.{read['fraction'] or 0}"), exponent)


class AmountField(forms.CharField):
    """An amount of the town's unit; its clean value is whole minor units above zero."""

    def __init__(self, *, exponent: int = 2, **kwargs: Any) -> None:
        self.exponent = exponent
        super().__init__(max_length=24, **kwargs)
        self.widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}

    def prepare_value(self, value: Any) -> Any:
        """An amount that stands there to begin with is written so that it is read as the same one."""
        if not isinstance(value, Decimal):
            return value
        text = f"{value:f}"
        return text.replace(".", ",") if formats.thousands_mark() == "." else text

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            minor = typed_amount(str(text), self.exponent, formats.thousands_mark())
        except ValueError as unreadable:
            raise ValidationError(_("Write the amount with figures, such as 12,50.")) from unreadable
        if minor <= 0:
            raise ValidationError(_("The amount must be above zero."))
        return minor

"""Refusals and grounds in the reader's words: by gettext, from the same catalogues as the pages, without Django."""

from __future__ import annotations

import gettext as catalogues
import string
from functools import lru_cache
from importlib.resources import as_file, files

LANGUAGES = ("en", "el", "es", "fr", "pt", "ar")


def gettext_noop(text: str) -> str:
    """Mark a string for the catalogues."""
    return text


TITLES: dict[str, str] = {
    "ledger.insufficient-funds": gettext_noop("There is not enough money for this."),
    "ledger.amount-too-large": gettext_noop("The amount is larger than one movement may be."),
    "ledger.amount-exceeds-original": gettext_noop("More was to be given back than is left of this sale."),
    "ledger.amount-not-positive": gettext_noop("The amount must be above zero."),
    "ledger.ceiling-reached": gettext_noop("The receiver's account may not hold that much."),
    "ledger.key-reused": gettext_noop("This key was used before, for something else."),
    "payments.key-reused": gettext_noop("This key was used before, for something else."),
    "payments.amount-not-positive": gettext_noop("The amount must be above zero."),
    "payments.refund-too-large": gettext_noop("More was to be given back than is left of this sale."),
    "payments.refund-not-covered": gettext_noop("There is not enough money in your till to give this back."),
    "payments.not-payable": gettext_noop("This cannot be paid from these purses."),
    "payments.busy": gettext_noop("Too much is going on at this moment. Try again shortly."),
    "api.not-ready": gettext_noop("Too much is going on at this moment. Try again shortly."),
    "api.too-many-requests": gettext_noop("Too many requests. Try again shortly."),
    "api.credential-refused": gettext_noop("There is no valid credential in the request."),
    "api.scope-missing": gettext_noop("The credential was not made for this."),
    "api.request-invalid": gettext_noop("The request makes no sense as it is."),
    "api.no-such-thing": gettext_noop("There is no such thing that this credential may see."),
}
OTHER_TITLE = gettext_noop("This is not possible as things stand.")
DEFECT_TITLE = gettext_noop("It is our fault, and it has been noted.")

GROUNDS: dict[str, str] = {
    "payments.not-enough": gettext_noop("There is not enough money for this."),
    "payments.payer-erased": gettext_noop("The payer's data were erased."),
    "payments.share-of-price": gettext_noop("This money pays only a share of a price."),
    "payments.day-limit": gettext_noop("This money may be spent only up to a limit a day."),
    "payments.cycle-limit": gettext_noop("This money may be spent only up to a limit a month."),
    "authorised.day-limit": gettext_noop("Whoever carries this card has paid as much today as they may."),
    "authorised.last-day-passed": gettext_noop("The last day of this card has passed."),
    "authorised.ended": gettext_noop("This card was ended by the household or the town."),
    "spending.not-at-this-hour": gettext_noop("This money is not good at this hour."),
    "spending.not-in-category": gettext_noop("This money does not pay for this kind of goods."),
    "spending.not-this-payee": gettext_noop("This money is not for this payee."),
    "spending.not-of-this-size": gettext_noop("This money is not for enterprises of this size."),
    "spending.not-taking-part": gettext_noop("The payee does not take part."),
    "spending.not-accepting-yet": gettext_noop("The payee does not accept it yet."),
    "spending.not-yet": gettext_noop("This money is not good yet."),
    "spending.last-day-passed": gettext_noop("The last day of this money has passed."),
    "spending.only-at-shops": gettext_noop("This money is for shops only."),
    "spending.not-in-zone": gettext_noop("This money is not for this neighbourhood."),
    "spending.not-in-sector": gettext_noop("This money is not for this kind of shop."),
    "spending.legal-form": gettext_noop("This money is not for this kind of enterprise."),
    "spending.only-social-economy": gettext_noop("This money is for the social economy only."),
    "spending.no-chains": gettext_noop("This money is not for chains."),
}


@lru_cache
def _catalogue(language: str) -> catalogues.NullTranslations:
    with as_file(files("koinon").joinpath("server", "locale")) as folder:
        return catalogues.translation("django", str(folder), languages=[language], fallback=True)


def said(text: str, language: str) -> str:
    """The text in a language, or as it is where there is no translation."""
    return text if language == "en" else _catalogue(language).gettext(text)


def title(code: str, language: str) -> str:
    return said(TITLES.get(code, OTHER_TITLE), language)


def ground(code: str, language: str) -> str:
    known = GROUNDS.get(code)
    return said(known, language) if known else code


def language_of(header: bytes | None) -> str:
    """The language that Accept-Language likes best among ours (RFC 9110, 12.5.4); English where none is.

    >>> language_of(b"de;q=0.9, es-ES;q=0.8, el;q=0.3"), language_of(b"*"), language_of(None), language_of(b"el;q=x")
    ('es', 'en', 'en', 'en')
    """
    best, liked = "en", 0.0
    for part in (header or b"").decode("latin-1")[:500].split(","):
        tag, _semicolon, parameters = part.strip().partition(";")
        name = tag.split("-")[0].strip().lower()
        weight = parameters.strip().removeprefix("q=").strip() if parameters else "1"
        if name in LANGUAGES and weight and set(weight) <= {*string.digits, "."}:
            try:
                quality = float(weight)
            except ValueError:
                continue
            if quality > liked:
                best, liked = name, quality
    return best

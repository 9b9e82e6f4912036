"""Aid in words: whom a programme is for, how much it gives, and why a household gets something or nothing.

A rule and a ground are trees ("none of these holds: …"), so each is told as a
sentence with the sentences within it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from koinon.kernel.decisions import Ground
from koinon.kernel.money import Amount
from koinon.parties.models import Town
from koinon.programmes.amounts import AmountRule, Formula, Row, Table
from koinon.programmes.eligibility import (
    Ages,
    All,
    AnyOf,
    Children,
    Condition,
    IncomeBands,
    Members,
    Not,
    Resident,
    Statuses,
    Zones,
    grounds_from_json,
)
from koinon.programmes.waiting import Points
from koinon.web import formats, words


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence, and what it consists of."""

    text: str
    inside: list[Told] = field(default_factory=list)


EXCEPTION_STATES: dict[str, Any] = {
    "proposed": gettext_lazy("Waiting for a second person"),
    "approved": gettext_lazy("In force"),
    "rejected": gettext_lazy("Not accepted"),
    "withdrawn": gettext_lazy("Withdrawn"),
}
EXCEPTION_KINDS: dict[str, Any] = {
    "pay": gettext_lazy("Pay although the rules say no"),
    "refuse": gettext_lazy("Pay nothing although the rules say yes"),
}
DUPLICATE_STATES: dict[str, Any] = {
    "open": gettext_lazy("Not decided"),
    "same": gettext_lazy("The same household"),
    "different": gettext_lazy("Two households"),
}
LIKENESSES: dict[str, Any] = {
    "duplicates.same-identifier": gettext_lazy("The same number of a document, written differently."),
    "duplicates.identifier-but-one-sign": gettext_lazy("Numbers of documents that differ by one sign."),
    "duplicates.name-and-birth": gettext_lazy("The same day of birth and the same or a similar name."),
    "duplicates.name-and-birth-but-one-sign": gettext_lazy(
        "A similar name, and days of birth that differ by one digit or by day and month changed over."
    ),
    "duplicates.name-and-phone": gettext_lazy("A similar name and the same telephone."),
    "duplicates.name-and-email": gettext_lazy("A similar name and the same e-mail address."),
    "duplicates.name-and-iban": gettext_lazy("A similar name and the same bank account."),
}


@dataclass(frozen=True, slots=True)
class Speaker:
    """Tells rules and grounds of a town: its amounts, its neighbourhoods, the days of its calendar."""

    town: Town
    zones: Mapping[str, str]

    def band(self, code: str) -> str:
        """An income band as the town calls it."""
        return words.income_band(self.town, code)

    # Grounds

    def grounds(self, found: Sequence[Ground]) -> list[Told]:
        return [self.ground(one) for one in found]

    def ground(self, found: Ground) -> Told:
        fields = found.fields
        said: dict[str, Any]
        match found.code.removeprefix("entitlement."):
            case "in-zone":
                return Told(_("Lives in %(zone)s.") % {"zone": self._zone(fields["zone"])})
            case "not-in-zone":
                said = {"zone": self._zone(fields["zone"]), "zones": self._listed(map(self._zone, fields["zones"]))}
                return Told(_("Lives in %(zone)s; the programme is for %(zones)s.") % said)
            case "has-income-band":
                return Told(_("Its income band is %(band)s.") % {"band": self.band(fields["income_band"])})
            case "income-band":
                wanted = self._listed(map(self.band, fields["income_bands"]))
                said = {"band": self.band(fields["income_band"]), "bands": wanted}
                return Told(_("Its income band is %(band)s; the programme is for %(bands)s.") % said)
            case "has-members" | "members":
                said = {"members": fields["members"], "wanted": _bounds(fields)}
                return Told(_("Members: %(members)s; asked for: %(wanted)s.") % said)
            case "has-children" | "children":
                said = {"children": fields["children"], "ages": _ages(fields), "wanted": _bounds(fields)}
                return Told(_("Children %(ages)s: %(children)s; asked for: %(wanted)s.") % said)
            case "is-resident" | "residence":
                said = {
                    "day": self._day(fields["since"]), "months": fields["months"], "wanted": fields["at_least_months"],
                }  # fmt: skip
                text = ngettext(
                    "Has lived here since %(day)s, %(months)s full month; asked for: %(wanted)s.",
                    "Has lived here since %(day)s, %(months)s full months; asked for: %(wanted)s.",
                    fields["months"],
                )
                return Told(text % said)
            case "residence-not-said":
                return Told(_("It is not on record since when the household has lived here."))
            case "has-status":
                return Told(_("On record: %(statuses)s.") % {"statuses": self._listed(fields["held"])})
            case "status":
                return Told(_("Not on record: %(statuses)s.") % {"statuses": self._listed(fields["any_of"])})
            case "none-of":
                tried = [self.grounds(grounds_from_json(one)) for one in fields["tried"]]
                inside = [one[0] if len(one) == 1 else Told(_("Together:"), one) for one in tried]
                return Told(_("None of these holds:"), inside)
            case "excluded":
                return Told(_("The programme is not for households of which this is true:"), self._because(fields))
            case "not-excluded":
                return Told(_("What would keep it out is not true:"), self._because(fields))
            case "by-table":
                said = {"row": fields["row"], "amount": self.money(fields["aid_minor"])}
                return Told(_("Row %(row)s of the table: %(amount)s a month.") % said + self._share(fields))
            case "by-formula":
                steps = [Told(self._step(step)) for step in fields["steps"]]
                said = {"amount": self.money(fields["aid_minor"])}
                return Told(_("By the formula: %(amount)s a month.") % said + self._share(fields), steps)
            case "share-of-award" if "monthly_minor" in fields:
                said = {"amount": self.money(fields["monthly_minor"])}
                return Told(_("The award is %(amount)s a month.") % said + self._share(fields))
            case "not-above-floor":
                said = {"amount": self.money(fields["monthly_minor"]), "floor": self.money(fields["floor_minor"])}
                return Told(_("The monthly aid of %(amount)s is not above the lower limit of %(floor)s.") % said)
            case "exception-pays":
                inside = self.grounds(grounds_from_json(fields["outweighed"]))
                if not inside:
                    return Told(_("Two people decided to pay it."))
                return Told(_("Two people decided to pay it although:"), inside)
            case "amount-of-exception":
                said = {"amount": self.money(fields["aid_minor"])}
                return Told(_("They set the aid at %(amount)s a month.") % said + self._share(fields))
            case "waiting":
                said = {
                    "place": fields["place"], "of": fields["of"], "points": fields["score"],
                    "amount": self.money(fields["amount_minor"]),
                }  # fmt: skip
                text = ngettext(
                    "Place %(place)s of %(of)s with %(points)s point: the budget ends before its %(amount)s.",
                    "Place %(place)s of %(of)s with %(points)s points: the budget ends before its %(amount)s.",
                    fields["score"],
                )
                return Told(text % said, self._because(fields))
            case "place":
                said = {"place": fields["place"], "of": fields["of"], "points": fields["score"]}
                text = ngettext(
                    "Place %(place)s of %(of)s with %(points)s point.",
                    "Place %(place)s of %(of)s with %(points)s points.",
                    fields["score"],
                )
                return Told(text % said)
        return Told(words.ground(found))

    def _because(self, fields: Mapping[str, Any]) -> list[Told]:
        return self.grounds(grounds_from_json(fields["because"]))

    def _share(self, fields: Mapping[str, Any]) -> str:
        share = Fraction(fields.get("share", "1"))
        if share == 1:
            return ""
        said = {"share": formats.percent(share, country=self.town.country)}
        return " " + _("%(share)s of it is paid in the currency.") % said

    def _step(self, step: Mapping[str, Any]) -> str:
        what = {
            "base": _("for every household"),
            "each_member": _("for each member"),
            "each_further_adult": _("for each adult after the first"),
            "each_child": _("for each child %(ages)s") % {"ages": _ages(step)} if step["what"] == "each_child" else "",
            "supplement": _("supplement %(number)s") % {"number": step.get("number", "")},
            "share_of_award": _("from the award"),
        }[step["what"]]
        said = {"count": step["count"], "each": self.money(step["each_minor"]), "what": what}
        return _("%(count)s × %(each)s %(what)s") % {**said} + f" = {self.money(step['minor'])}"

    # Rules

    def condition(self, found: Condition) -> Told:
        said: dict[str, Any]
        match found:
            case Zones(codes):
                return Told(_("Lives in %(zones)s.") % {"zones": self._listed(map(self._zone, sorted(codes)), _("or"))})
            case IncomeBands(codes):
                return Told(
                    _("Its income band is %(bands)s.") % {"bands": self._listed(map(self.band, sorted(codes)), _("or"))}
                )
            case Members(at_least, at_most):
                return Told(_("Members: %(wanted)s.") % {"wanted": _bounds({"at_least": at_least, "at_most": at_most})})
            case Children(ages, at_least, at_most):
                said = {
                    "ages": _ages(ages.as_json()), "wanted": _bounds({"at_least": at_least, "at_most": at_most}),
                }  # fmt: skip
                return Told(_("Children %(ages)s: %(wanted)s.") % said)
            case Resident(months):
                said = {"months": months}
                return Told(
                    ngettext(
                        "Has lived here for at least %(months)s full month.",
                        "Has lived here for at least %(months)s full months.",
                        months,
                    )
                    % said
                )
            case Statuses(any_of, months):
                said = {"statuses": self._listed(sorted(any_of), _("or")), "months": months}
                if months:
                    text = ngettext(
                        "On record for at least %(months)s full month: %(statuses)s.",
                        "On record for at least %(months)s full months: %(statuses)s.",
                        months,
                    )
                    return Told(text % said)
                return Told(_("On record: %(statuses)s.") % said)
            case All(parts):
                inside = [self.condition(part) for part in parts]
                return Told(_("All of this:") if inside else _("Every household."), inside)
            case AnyOf(parts):
                return Told(_("One of these at least:"), [self.condition(part) for part in parts])
            case Not(part):
                return Told(_("Not:"), [self.condition(part)])
        raise AssertionError(f"no words for {type(found).__name__}")

    def rows(self, rule: AmountRule) -> list[tuple[Told, str]]:
        """A table of amounts, row by row."""
        return [self._row(row) for row in rule.rows] if isinstance(rule, Table) else []

    def _row(self, row: Row) -> tuple[Told, str]:
        everybody = row.when == All()
        return Told(_("Everybody else.")) if everybody else self.condition(row.when), self.money(row.pays)

    def formula(self, rule: AmountRule) -> list[Told]:
        """The steps of a formula, then its limits."""
        if not isinstance(rule, Formula):
            return []
        lines = [
            Told(f"{self.money(minor)} {what}")
            for minor, what in (
                (rule.base, _("for every household")),
                (rule.each_member, _("for each member")),
                (rule.each_further_adult, _("for each adult after the first")),
            )
            if minor
        ]
        for one in rule.each_child:
            ages = {"ages": _ages(one.ages.as_json())}
            lines.append(Told(f"{self.money(one.pays)} {_('for each child %(ages)s') % ages}"))
        for row in rule.supplements:
            lines.append(Told(_("%(amount)s where:") % {"amount": self.money(row.pays)}, [self.condition(row.when)]))
        if rule.share_of_award is not None:
            said = {"share": formats.percent(rule.share_of_award, country=self.town.country)}
            lines.append(Told(_("%(share)s of the award") % said))
        if rule.at_least is not None:
            lines.append(Told(_("at least %(amount)s") % {"amount": self.money(rule.at_least)}))
        if rule.at_most is not None:
            lines.append(Told(_("at most %(amount)s") % {"amount": self.money(rule.at_most)}))
        if rule.round_down_to > 1:
            lines.append(Told(_("rounded down to whole %(amount)s") % {"amount": self.money(rule.round_down_to)}))
        return lines

    def points(self, entry: Points) -> Told:
        each = {
            "": ngettext("%(points)s point", "%(points)s points", entry.points),
            "child": ngettext(
                "%(points)s point for each child %(ages)s", "%(points)s points for each child %(ages)s", entry.points
            ),
            "member": ngettext("%(points)s point for each member", "%(points)s points for each member", entry.points),
            "month_waiting": ngettext(
                "%(points)s point for each month on the list",
                "%(points)s points for each month on the list",
                entry.points,
            ),
            "month_resident": ngettext(
                "%(points)s point for each month of residence",
                "%(points)s points for each month of residence",
                entry.points,
            ),
        }[entry.each]
        text = each % {"points": entry.points, "ages": _ages(entry.ages.as_json())}
        if entry.at_most is not None:
            text += " " + _("(%(points)s at most)") % {"points": entry.at_most}
        return Told(text, [] if entry.when == All() else [self.condition(entry.when)])

    # Words

    def money(self, minor: int) -> str:
        currency = self.town.national_currency
        return formats.amount(Amount(minor, currency), exponent=self.town.exponent, country=self.town.country)

    def _zone(self, code: str) -> str:
        return self.zones.get(code, code) or "–"

    def _day(self, text: str | None) -> str:
        if not text:
            return "–"
        return formats.day(date.fromisoformat(text), style="medium")

    def _listed(self, found: Any, joined: str = ",") -> str:
        separator = ", " if joined == "," else f" {joined} "
        return separator.join(str(one) for one in found) or "–"


def _bounds(fields: Mapping[str, Any]) -> str:
    at_least, at_most = fields.get("at_least"), fields.get("at_most")
    if at_least == at_most and at_least is not None:
        return _("exactly %(count)s") % {"count": at_least}
    if at_least is not None and at_most is not None:
        return _("%(first)s to %(last)s") % {"first": at_least, "last": at_most}
    if at_most is not None:
        return _("at most %(count)s") % {"count": at_most}
    return _("at least %(count)s") % {"count": at_least or 0}


def _ages(fields: Mapping[str, Any]) -> str:
    ages = Ages(fields["younger_than"], fields.get("from_age", 0))
    if ages.from_age:
        return _("aged %(first)s to %(last)s") % {"first": ages.from_age, "last": ages.younger_than - 1}
    return _("younger than %(age)s") % {"age": ages.younger_than}


def likeness(found: Ground) -> str:
    """Why two households may be one."""
    known = LIKENESSES.get(found.code)
    return str(known) if known else found.code

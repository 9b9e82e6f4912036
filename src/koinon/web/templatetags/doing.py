"""Co-production in templates: quantities, hours, rates and states in the reader's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.template.context import RequestContext
from django.utils.html import format_html
from django.utils.safestring import SafeString

from koinon.coproduction.rules import with_check_digit
from koinon.coproduction.streams import stream_name
from koinon.coproduction.types import Cap, Contribution, Rate
from koinon.kernel.decisions import Ground
from koinon.web import doing

register = template.Library()
Context = RequestContext | Mapping[str, Any]


@register.simple_tag(takes_context=True)
def quantity(context: Context, steps: int, measure: str) -> SafeString:
    return format_html('<bdi class="number">{}</bdi>', doing.quantity(steps, measure, context["town"]))


@register.simple_tag(takes_context=True)
def minutes(context: Context, count: int, sign: str = "") -> SafeString:
    text = doing.minutes(count, context["town"], signed=sign == "signed")
    return format_html('<bdi class="number">{}</bdi>', text)


@register.simple_tag(takes_context=True)
def rate(context: Context, found: Rate, measure: str) -> SafeString:
    return format_html("<bdi>{}</bdi>", doing.rate(found, measure, context["town"]))


@register.simple_tag(takes_context=True)
def cap(context: Context, found: Cap, measure: str) -> SafeString:
    return format_html("<bdi>{}</bdi>", doing.cap(found, measure, context["town"]))


@register.simple_tag(takes_context=True)
def earned(context: Context, found: Contribution) -> SafeString:
    return format_html('<bdi class="money">{}</bdi>', doing.earned(found, context["town"]))


@register.simple_tag(takes_context=True)
def reward_ground(context: Context, found: Ground, measure: str) -> str:
    return doing.ground(found, measure, context["town"])


@register.simple_tag
def contribution_state(code: str) -> SafeString:
    return format_html('<span class="tag {}">{}</span>', doing.TONES.get(code, ""), doing.STATES.get(code, code))


@register.filter
def stream(code: str) -> str:
    return stream_name(code)


@register.filter
def measure(code: str) -> str:
    return str(doing.MEASURES.get(code, code))


@register.filter
def member_number(number: int) -> str:
    return with_check_digit(number)

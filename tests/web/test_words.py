"""Nobody reads a code: what the layers below call by a code has words, which are translated."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from koinon.accounting.types import TownPaymentState
from koinon.api.types import Scope
from koinon.api.words import GROUNDS
from koinon.campaigns.types import CampaignState, Trigger
from koinon.casework.types import ComplaintState
from koinon.coproduction import types as coproduction
from koinon.coproduction.streams import STREAM_NAMES
from koinon.impact.aims import Reuse, Target
from koinon.impact.indicators.catalogue import BY_KEY
from koinon.impact.measures import ConversionFactor, RunningCost, ZoneResidents
from koinon.instruments.types import CardState
from koinon.jobs import messages
from koinon.kernel.decisions import Ground
from koinon.kernel.money import Amount
from koinon.outbox.types import KINDS
from koinon.parties.models import Town
from koinon.payments.errors import NotPayable
from koinon.programmes.models import CycleState, DuplicateState, EntitlementState, ExceptionState
from koinon.treasury.types import PaymentState, RunState, TopUpState, Way
from koinon.web import aid, doing, programs, till, words
from koinon.web.views import campaigns, complaints, directory, topups

SOURCE = Path(words.__file__).parents[1]
ACT = re.compile(r"[a-z]+\.[a-z0-9]+(?:-[a-z0-9]+)*")
(MONTHS,) = [column.words or {} for column in directory.ENTITLEMENTS.columns if column.name == "state"]


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        (words.CYCLE_STATES, CycleState),
        (words.RUN_STATES, RunState),
        (words.PAYMENT_STATES, PaymentState),
        (words.TOWN_PAYMENT_STATES, TownPaymentState),
        (words.CARD_STATES, CardState),
        (words.LINE_STATES, EntitlementState),
        (MONTHS, EntitlementState),
        (aid.EXCEPTION_STATES, ExceptionState),
        (aid.DUPLICATE_STATES, DuplicateState),
        (campaigns.STATES, CampaignState),
        (campaigns.TRIGGERS, Trigger),
        (complaints.STATES, ComplaintState),
        (topups.STATES, TopUpState),
        (topups.WAYS, Way),
        (doing.STATES, coproduction.State),
        (doing.MEASURES, coproduction.Measure),
        (STREAM_NAMES, coproduction.STREAMS),
        (programs.SCOPES, Scope),
        (programs.EVENTS, KINDS),
        (words.MESSAGE_KINDS, messages.WORDS),
    ],
)
def test_every_code_has_its_words_and_no_words_are_of_none(said: Mapping[str, Any], codes: Iterable[str]) -> None:
    assert {str(code) for code in said} == {str(code) for code in codes}


def test_every_act_that_is_recorded_has_its_words() -> None:
    acts = set(recorded())

    assert len(acts) > 100
    assert sorted(acts - words.ACTS.keys()) == []


@pytest.mark.parametrize("code", sorted(GROUNDS))
def test_every_ground_against_a_payment_that_the_api_says_is_said_at_the_till(code: str) -> None:
    refused = NotPayable(asked=Amount(5_00, "REC"), payable=Amount(0, "REC"), grounds=[Ground(code)])

    figures, *grounds = till.why_not(refused, Town(unit_code="REC", country="ES", exponent=2))

    assert "5.00" in figures
    assert len(grounds) == (code != "payments.not-enough")  # Of that the figures have told.


@pytest.mark.parametrize(
    "aim",
    [Target, ZoneResidents, ConversionFactor, RunningCost, Reuse],
    ids=lambda kind: kind.__name__,
)
def test_whatever_a_town_says_of_itself_is_recorded_in_words(aim: type) -> None:
    named = re.sub(r"(?<!^)(?=[A-Z])", "-", aim.__name__).lower()

    assert f"impact.{named}-set" in words.ACTS


def recorded() -> Iterator[str]:
    """The acts that are written out where something is recorded in the audit trail; not those that are put together."""
    for file in SOURCE.rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        for call in calls:
            if not re.search(r"(?:^|[._])record$", ast.unparse(call.func)):
                continue
            for value in [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "action")]:
                for part in ast.walk(value):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and ACT.fullmatch(part.value):
                        yield part.value


@pytest.mark.parametrize("key", ["days_to_first_spend", "multiplier", "recirculation", "velocity"])
def test_a_figure_has_one_name_in_lists_on_its_page_and_in_its_document(key: str) -> None:
    page = (SOURCE / f"web/templates/koinon/how/{key.replace('_', '-')}.html").read_text(encoding="utf-8")
    document = (SOURCE.parents[1] / f"docs/indicators/{key}.md").read_text(encoding="utf-8")

    assert f'{{% block heading %}}{{% trans "{BY_KEY[key].title}" %}}' in page
    assert re.match(rf"# {re.escape(BY_KEY[key].title)}( \(.\))?\n", document)

"""The page of targets: an officer proposes, an approver confirms, and the public page shows it when its day has come."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from koinon.db.connections import Database
from tests.conftest import django_on
from tests.web.test_access import client_of

PROPOSED = {
    "figure": "recirculation|", "value": "35 %", "first": "2099-01-01", "by": "2099-12-31", "source": "Ple 12"
}  # fmt: skip


@pytest.fixture(scope="module")
def site(town_database: Database) -> Iterator[Database]:
    with django_on(town_database):
        yield town_database


def page(client: Client) -> str:
    return client.get(reverse("impact-targets")).content.decode()


def test_an_officer_proposes_and_an_approver_confirms(site: Database) -> None:
    officer, approver = client_of("officer"), client_of("approver")
    said = {**PROPOSED, "form_id": str(uuid4())}
    assert officer.post(reverse("impact-targets"), said).status_code == 302
    assert officer.post(reverse("impact-targets"), said).status_code == 302
    waiting = page(approver)
    assert waiting.count("Confirm it") == 1
    assert "35.0%" in waiting.replace("\u00a0", "").replace(",", ".")
    assert "Confirm it" not in page(officer)
    (target,) = {part.split('"')[0] for part in waiting.split('name="target" value="')[1:]}

    own = officer.post(reverse("impact-targets-decide"), {"target": target, "answer": "confirm"}, follow=True)
    assert "Say why, in a few words." in own.content.decode()
    done = approver.post(reverse("impact-targets-decide"), {"target": target, "answer": "confirm"}, follow=True)

    assert "not shown yet" in done.content.decode()
    assert "What was decided" in page(client_of("auditor"))
    assert approver.post(reverse("impact-targets-decide"), {"target": "no id"}).status_code == 404


def test_what_cannot_be_meant_stands_beside_its_field(site: Database) -> None:
    said = {**PROPOSED, "form_id": str(uuid4()), "value": "140 %", "first": "2020-01-01"}

    answer = client_of("officer").post(reverse("impact-targets"), said).content.decode()

    assert "A share is at most 1" in answer
    assert "A target is dated forward" in answer

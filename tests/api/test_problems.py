"""Every refusal that can reach the API has a status of its own choosing, and every description is complete."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from koinon.api import problems, words
from koinon.api.table import ROUTES
from koinon.api.types import Scope
from koinon.kernel.errors import KoinonError
from tests.conftest import PROJECT

EVERY = sorted(problems.every().items())
# What stands for a whole package: good enough for its odd refusals, never for those that say "not there".
BROAD = {KoinonError}


@pytest.mark.parametrize(("code", "kind"), EVERY, ids=[code for code, _ in EVERY])
def test_every_refusal_that_can_reach_the_api_has_a_status(code, kind):
    decided_by = next(above for above in kind.__mro__ if above in problems.STATUS)
    assert decided_by not in BROAD, f"give {kind.__qualname__} or its family a line in koinon.api.problems.STATUS"
    absent = code.endswith((".not-found", "-not-found", "no-such-thing", "no-such-route", "credential-unknown"))
    assert (problems.status_of(kind) == 404) == absent
    assert problems.meaning(kind)


def test_every_code_in_words_is_one_that_there_is():
    assert set(words.TITLES) <= set(problems.every())


@pytest.mark.parametrize("language", ["el", "es", "ar"])
def test_titles_and_grounds_are_there_in_every_language(language):
    texts = {*words.TITLES.values(), *words.GROUNDS.values(), words.OTHER_TITLE, words.DEFECT_TITLE}
    assert sorted(text for text in texts if words.said(text, language) == text) == []


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_operation_is_described_with_all_that_can_come_of_it(asking, route):
    document = asking("GET", "/openapi.json").json
    found = document["paths"][route.path][route.method.lower()]
    assert found["summary"]
    assert found["description"]
    assert str(route.status) in found["responses"]
    assert "500" in found["responses"]
    if not route.public:
        assert {"401", "429", "503"} <= set(found["responses"])
        assert found["security"]
    if route.moves_money:
        assert "Idempotency-Key" in [one["name"] for one in found["parameters"]]
    if route.asks is not None:
        assert "example" in found["requestBody"]["content"][route.media_type]


def test_the_description_is_valid_and_has_no_loose_ends(asking):
    jsonschema_rs = pytest.importorskip("jsonschema_rs")
    told = asking("GET", "/openapi.json")
    text = json.dumps(told.json)
    names = set(told.json["components"]["schemas"])
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.split('"')[0] in names
    for route in ROUTES:
        if isinstance(route.asks, type) and route.asks is not dict:
            schema = {"$ref": f"#/components/schemas/{route.asks.__name__}", "components": told.json["components"]}
            assert jsonschema_rs.validator_for(schema).is_valid(route.example)
    again = asking("GET", "/openapi.json", headers={"if-none-match": told.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_the_money_path_needs_no_django():
    code = (
        "import sys\nsys.modules['django'] = None\n"
        "from koinon.api.application import application\napplication('postgresql://').description()\n"
        "import koinon.payments.engine\n"
        "assert not [name for name in sys.modules if name.startswith(('django.', 'allauth'))]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_request_id_of_the_client_is_given_back(asking):
    assert asking("GET", "/whoami", headers={"x-request-id": "abc-12345"}).json["request_id"] == "abc-12345"
    assert asking("GET", "/whoami", headers={"x-request-id": 'a"} {'}).json["request_id"] != 'a"} {'


def test_the_page_of_the_api_lists_every_address_with_its_scopes():
    page = (PROJECT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(GET|POST|DELETE) (\S+)` \|", page, re.MULTILINE)
    assert sorted(listed) == sorted((route.method, route.path) for route in ROUTES)
    assert {scope for scope in Scope if f"`{scope}`" not in page} == set()

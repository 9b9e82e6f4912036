"""Every refusal has a code of its own, a meaning, and a line on the page of refusals."""

from __future__ import annotations

import re
import sys
from collections import Counter

import pytest

from koinon.kernel.errors import KoinonError
from tools import refusals


def test_no_two_refusals_share_a_code() -> None:
    counted = Counter(refusal.code for refusal in refusals.raised())
    assert [code for code, times in counted.items() if times > 1] == []


@pytest.mark.parametrize("refusal", refusals.refusals(), ids=lambda refusal: refusal.__qualname__)
def test_every_refusal_has_a_well_formed_code_and_says_what_it_means(refusal: type[KoinonError]) -> None:
    package = refusal.__module__.split(".")[1]
    assert re.fullmatch(rf"{package}\.[a-z0-9]+(-[a-z0-9]+)*", refusal.code)
    assert "__doc__" in vars(refusal)
    assert refusals.meaning(refusal)


@pytest.mark.parametrize("refusal", refusals.raised(), ids=lambda refusal: refusal.__qualname__)
def test_every_refusal_stands_in_the_tree_that_opens_its_file(refusal: type[KoinonError]) -> None:
    tree = sys.modules[refusal.__module__].__doc__ or ""
    assert re.search(rf"\b{refusal.__name__}\s+{re.escape(refusal.code)}$", tree, re.MULTILINE)


def test_the_page_of_refusals_is_what_the_code_says() -> None:
    assert refusals.PAGE.read_text(encoding="utf-8") == refusals.page(), "run: python tools/refusals.py"


MEANS_ABSENT = re.compile(r"[.-]not-found$")


@pytest.mark.parametrize("refusal", refusals.raised(), ids=lambda refusal: refusal.__qualname__)
def test_what_is_not_there_has_the_status_that_says_so(refusal: type[KoinonError]) -> None:
    """The one table of the web: a new refusal of something absent must be put into it."""
    from koinon.web.refusals import STATUS

    status = next(STATUS[kind] for kind in refusal.__mro__ if kind in STATUS)
    assert (status == 404) == bool(MEANS_ABSENT.search(refusal.code))

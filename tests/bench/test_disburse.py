"""``koinon bench disburse``: the document has the shape that its page describes. Nothing here is about how fast."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from koinon.cli.bench import show_disburse
from tests.cli.command import koinon


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Any:
    var: Path = tmp_path_factory.mktemp("bench")
    said = koinon(
        "bench", "disburse", "--wallets", "300", "--sample", "5", "--tills", "50", "--piece", "100", "--json",
        var=var,
    )  # fmt: skip
    assert said.status == 0, said.err
    assert [path.name for path in var.iterdir() if path.name.startswith("bench-")] == []
    return said.document


def test_every_run_pays_everybody_and_the_books_hold(document: Any) -> None:
    runs = {name: document[name]["wallets"] for name in ("small", "first", "again", "single", "beside_tills")}

    assert runs == {"small": 30, "first": 300, "again": 300, "single": 4, "beside_tills": 300}
    assert document["checked"] > sum(runs.values())
    assert document["beside_tills"]["tills"]["refused"] == 0
    assert document["first"]["server_peak_bytes"] > 0


def test_targets_say_what_was_wanted_and_found_and_a_person_can_read_it(document: Any) -> None:
    assert [one["name"] for one in document["targets"]] == [
        "wallets per second, purses opened",
        "wallets per second, purses there",
        "times as fast as one at a time",
        "p99 at tills meanwhile, ms",
    ]
    out = io.StringIO()
    show_disburse(Console(file=out, width=200), document)
    assert "tills meanwhile" in out.getvalue()

"""``koinon bench trace``: the document has the shape that its page describes. Nothing here is about how fast."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from koinon.bench import follow_the_money
from koinon.bench.errors import BooksBroken, PeerNotUsable, UnknownPeer, UnknownWorkload
from koinon.bench.trace import Asked, _holds, measure
from koinon.cli.bench_trace import show
from tests.cli.command import koinon


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Any:
    var: Path = tmp_path_factory.mktemp("bench")
    said = koinon(
        "bench", "trace", "--sizes", "5k", "--part", "sizes", "--part", "day", "--method", "fifo and mixing",
        "--method", "mixing, no reach", "--method", "mixing, streamed", "--json", var=var,
    )  # fmt: skip
    assert said.status == 0, said.err
    assert [path.name for path in var.iterdir() if path.name.startswith("bench-")] == []
    return said.document


def test_every_run_says_what_was_asked_for(document: Any) -> None:
    runs = {one["method"]: one for one in document["runs"]}

    assert set(runs) == {"fifo and mixing", "mixing, no reach", "mixing, streamed"}
    for one in runs.values():
        assert (one["transfers"], one["accounts"], one["cohorts"]) == (5_000, 50, 12)
        assert one["seconds"] > 0
        assert one["transfers_per_second"] == pytest.approx(5_000 / one["seconds"])
        assert one["peak_mb"] > 10
        assert 0 <= one["conservation_error"] < 1e-9
        assert len(one["digest"]) == 64
    assert runs["mixing, no reach"]["digest"] == runs["mixing, streamed"]["digest"]
    assert document["machine"]["cores"] >= 1
    assert document["day"]["same"]
    assert document["peers"] == []


def test_targets_say_what_was_wanted_and_a_person_can_read_it(document: Any) -> None:
    assert [one["name"] for one in document["targets"]] == ["a day appended, per cent of the whole"]
    peers = [
        {
            "peer": "followthemoney",
            "work": "lifo, from CSV to result",
            "ratio": 70.0,
            "agreement": {"differ": 0.0, "peer_lost": 0.01},
        },
        {"peer": "spark", "work": "flows", "ratio": 5.0, "agreement": True},
    ]
    out = io.StringIO()
    show(Console(file=out, width=200), {**document, "peers": peers})
    assert "a day of" in out.getvalue()
    assert "takes 70.0 times as long; results differ by 0.00%, it lost sight of 1.00%" in out.getvalue()


def test_a_run_that_loses_a_unit_or_is_not_as_another_fails() -> None:
    whole = {"conservation_error": 0.0, "digest": "a", "multiplier": 1.5}

    _holds({"fifo": whole, "mixing, no reach": whole, "mixing, streamed": whole})

    for method, wrong in (
        ("fifo", {**whole, "conservation_error": 1}),
        ("mixing", {**whole, "conservation_error": 1e-8}),
        ("mixing, streamed", {**whole, "digest": "b"}),
        ("lifo", {**whole, "multiplier": 1.6}),
    ):
        with pytest.raises(BooksBroken):
            _holds({"mixing, no reach": whole, method: wrong})


def test_what_nobody_knows_is_refused_before_anything_runs(tmp_path: Path) -> None:
    for asked, refusal in (
        (Asked(methods=("guessing",)), UnknownWorkload),
        (Asked(parts=("weather",)), UnknownWorkload),
        (Asked(peers=("followthemoney",)), UnknownPeer),
        (Asked(peers=("pgledger=x.sql",)), UnknownPeer),
    ):
        with pytest.raises(refusal):
            measure(asked, root=tmp_path, say=print)
    with pytest.raises(PeerNotUsable, match=r"no follow_the_money\.py"):
        follow_the_money.program(tmp_path)


def test_agreement_with_the_peer_is_by_the_number_of_payments(tmp_path: Path) -> None:
    flows = tmp_path / "flows.csv"
    flows.write_text(
        "trj_amt,trj_categ,trj_len,txn_types\n"
        '1.50,"(deposit,withdraw)",1,"[issue,payment,redeem]"\n'
        '0.40,"(deposit,withdraw)",2,"[issue,payment,payment,expire]"\n'
        '9.00,"(deposit,withdraw)",1,"[issue,payment,final]"\n'  # Held at the end: it has not left.
        '0.10,"(deposit,untracked)",1,"[issue,payment]"\n'
    )

    found = follow_the_money._agreement([0.0, 150.0, 50.0, *[0.0] * 14], flows)

    assert found["peer_by_hops"][:3] == pytest.approx([0, 150, 40])
    assert (found["differ"], found["peer_lost"]) == pytest.approx((0.05, 0.05))


def test_a_target_is_judged_only_on_the_number_of_transfers_that_it_is_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "follow_the_money.py").touch()
    monkeypatch.setattr(follow_the_money, "PLAYED", (("lifo", 2_000, 60.0), ("mixing", 1_000, 50.0)))
    for player in ("_ours", "_theirs"):
        monkeypatch.setattr(follow_the_money, player, lambda *_played: 1.0)
    monkeypatch.setattr(follow_the_money, "_agreement", lambda *_hops: {})

    found = follow_the_money.measure(
        tmp_path, tmp_path, rounds=1, most=1_000, seed=1, by_hops=lambda *_town: [], say=lambda _line: None
    )

    assert [(one["transfers"], one.get("wanted")) for one in found] == [(1_000, None), (1_000, 50.0)]

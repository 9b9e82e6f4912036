"""Figures are what they say: percentiles some payment really took, medians, ratios."""

from __future__ import annotations

import random

import pytest

from koinon.bench.figures import Latencies, Run, median, milliseconds, ratio_of_medians, together


def test_percentile_is_the_time_within_which_that_share_was_done() -> None:
    took = Latencies()
    times = [number / 1000 for number in range(1, 1001)]
    random.Random(1).shuffle(times)
    for seconds in times:
        took.add(seconds)

    assert took.percentiles([0.5, 0.95, 0.99, 0.999, 1.0]) == [0.5, 0.95, 0.99, 0.999, 1.0]


def test_a_batch_counts_as_often_as_it_has_payments() -> None:
    took = Latencies()
    took.add(0.1, payments=98)
    took.add(0.2, payments=2)

    assert len(took) == 100
    assert took.percentiles([0.5, 0.98, 0.99]) == [0.1, 0.1, 0.2]


def test_where_nothing_was_measured_there_is_no_percentile() -> None:
    assert Latencies().percentiles([0.5, 0.99]) == [None, None]
    assert milliseconds(None) is None


def test_latencies_survive_the_way_from_another_process() -> None:
    took = Latencies()
    took.add(0.001)
    took.add(0.005, payments=3)

    again = Latencies.from_bytes(took.to_bytes())

    assert (len(again), again.percentiles([1.0])) == (4, [0.005])


@pytest.mark.parametrize(("values", "middle"), [([1.0], 1.0), ([3.0, 1.0, 2.0], 2.0), ([1.0, 2.0, 3.0, 10.0], 2.5)])
def test_median_is_the_middle(values: list[float], middle: float) -> None:
    assert median(values) == middle


def test_ratio_is_of_medians_so_that_one_odd_round_changes_nothing() -> None:
    assert ratio_of_medians([80.0, 100.0, 5000.0], [10.0, 10.0, 1.0]) == 10.0
    assert ratio_of_medians([1.0], [0.0]) is None


def test_rounds_add_up_to_one_figure_over_all_payments() -> None:
    first, second = Run(seconds=2.0, payments=20, refused=5), Run(seconds=3.0, payments=80, wal_bytes=7)
    first.latencies.add(0.1, 20)
    second.latencies.add(0.2, 80)

    both = together([first, second])

    assert (both.seconds, both.payments, both.refused, both.wal_bytes) == (5.0, 100, 5, 7)
    assert both.payments_per_second == 20.0
    assert both.latencies.percentiles([0.2, 0.21]) == [0.1, 0.2]

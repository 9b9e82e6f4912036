"""Identifiers: unique, in order of time, and opaque."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from koinon.kernel.identifiers import new_id


def test_identifiers_come_in_order_and_never_twice() -> None:
    made = [new_id() for _ in range(20_000)]
    assert made == sorted(set(made))


def test_identifiers_made_by_threads_at_once_never_meet() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = [
            identity for many in threads.map(lambda _: [new_id() for _ in range(2_000)], range(8)) for identity in many
        ]
    assert len(set(made)) == 16_000


def test_an_identifier_is_a_valid_uuid_7_of_this_moment() -> None:
    identity = new_id()
    said = datetime.fromtimestamp((identity.int >> 80) / 1000, UTC)
    assert (identity.version, identity.variant) == (7, "specified in RFC 4122")
    assert abs((datetime.now(UTC) - said).total_seconds()) < 2

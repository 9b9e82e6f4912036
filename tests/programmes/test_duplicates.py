"""Who may stand in the register twice."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koinon.programmes.duplicates import THRESHOLD, PersonFacts, pairs

MARIA = {"name": "María López García", "identifier": "12345678Z", "born_on": date(1980, 5, 3), "phone": "600112233"}


def person(number: int, household: int, **facts) -> PersonFacts:
    return PersonFacts(UUID(int=number), UUID(int=household), **facts)


def found(one: dict, other: dict) -> list[str]:
    return [
        ground.code.removeprefix("duplicates.")
        for pair in pairs([person(1, 10, **one), person(2, 20, **other)])
        for ground in pair.grounds
    ]


@pytest.mark.parametrize(
    ("other", "grounds"),
    [
        ({"name": "LOPEZ GARCIA, Maria", "born_on": date(1980, 5, 3)}, ["name-and-birth"]),
        ({"name": "Maria Lopez", "born_on": date(1980, 5, 3)}, ["name-and-birth"]),
        ({"name": "Ana Vila", "identifier": "l2345678-z"}, ["same-identifier"]),
        ({"name": "Maria Lopez Garcia", "identifier": "12354678Z"}, ["identifier-but-one-sign"]),
        ({"name": "Ana Vila", "identifier": "12354678Z"}, []),
        ({"name": "María López García", "born_on": date(1980, 3, 5)}, ["name-and-birth-but-one-sign"]),
        ({"name": "María López García", "born_on": date(1980, 5, 13)}, ["name-and-birth-but-one-sign"]),
        ({"name": "María López García", "phone": "600 11 22 33"}, ["name-and-phone"]),
        ({"name": "Ana Vila", "phone": "600112233"}, []),
        ({"name": "María López García", "born_on": date(1991, 7, 9)}, []),
        ({"name": "Marta Llopis Garriga", "born_on": date(1980, 5, 3)}, []),
    ],
)
def test_a_likeness_is_found_with_its_kind_and_a_coincidence_is_not(other, grounds):
    assert found(MARIA, other) == grounds


def test_names_are_compared_across_alphabets():
    born = {"born_on": date(1975, 1, 30)}
    assert found({"name": "Γιώργος Παπαδόπουλος", **born}, {"name": "PAPADOPOULOS GIORGOS", **born})
    assert found({"name": "محمد خالد", **born}, {"name": "Mohammed Khaled", **born})


def test_people_of_one_household_are_no_duplicates():
    assert pairs([person(1, 10, **MARIA), person(2, 10, **MARIA)]) == []


def test_a_pair_of_households_counts_all_its_people_and_names_the_first_registered():
    child = {"name": "Pau Vila López", "born_on": date(2015, 2, 2)}
    (pair,) = pairs([person(1, 20, **MARIA), person(2, 10, **MARIA), person(3, 20, **child), person(4, 10, **child)])
    assert (pair.kept, pair.other, pair.score) == (UUID(int=10), UUID(int=20), 100)
    assert [ground.code for ground in pair.grounds] == ["duplicates.same-identifier", "duplicates.name-and-birth"]


def test_thousands_who_share_a_day_of_birth_are_compared_in_a_moment():
    crowd = [
        person(
            number, number, name=f"{chr(65 + number % 26)}{number} {chr(65 + number % 7)}x", born_on=date(1990, 1, 1)
        )
        for number in range(1, 3000)
    ]
    twice = [person(5001, 5001, **MARIA), person(5002, 5002, **MARIA)]
    assert [pair.kept for pair in pairs([*crowd, *twice]) if pair.score == 100] == [UUID(int=5001)]


words = st.text(alphabet="abcdeáñ ", max_size=12)


@given(
    st.lists(
        st.tuples(words, st.sampled_from(["", "1234567", "1234568", "O234567"]), st.sampled_from([None, date(2000, 1, 2), date(2000, 2, 1)])),
        max_size=8,
    )
)  # fmt: skip
def test_the_answer_does_not_depend_on_the_order_and_says_nothing_about_anybody(people):
    known = [
        person(number, 100 + number, name=name, identifier=identifier, born_on=born)
        for number, (name, identifier, born) in enumerate(people)
    ]
    one, other = pairs(known), pairs(list(reversed(known)))
    assert one == other
    for pair in one:
        assert pair.score >= THRESHOLD
        assert pair.kept < pair.other
        assert all(set(ground.fields) == {"names"} for ground in pair.grounds)

"""What the cells of a municipality's spreadsheets mean, and what is not guessed."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from koinon.pilots.townfolder_cells import (
    Cell,
    CellProblem,
    amount_minor,
    bare_identifier,
    day,
    iban,
    is_garbled,
    mask,
    person_identifier,
    tax_identifier,
    text,
    toml_fraction,
    whole_number,
)

NBSP, THIN = "\u00a0", "\u202f"


def problem_of(meaning: object, value: Cell, **options: object) -> str:
    with pytest.raises(CellProblem) as refused:
        meaning(value, **options)  # type: ignore[operator]
    return refused.value.code


def outcome(meaning: Callable[[], object]) -> str:
    try:
        meaning()
    except CellProblem as problem:
        return problem.code
    return "understood"


@pytest.mark.parametrize(
    ("written", "minor"),
    [
        ("1.234,56", 123456),
        ("1 234,56 €", 123456),
        (f"1{NBSP}234,56{NBSP}€", 123456),
        (f"1{THIN}234,5", 123450),
        ("1'234.56", 123456),
        ("1’234.56", 123456),
        ("1234.56", 123456),
        ("1,234.56", 123456),
        ("1.234.567", 123456700),
        ("1.234.567,8", 123456780),
        ("12", 1200),
        ("12,", 1200),
        ("0,05", 5),
        ("0.5", 50),
        ("EUR 99,90", 9990),
        ("99,90 euros", 9990),
        ("-12,00", -1200),
        ("−12,00 €", -1200),
        ("12,00-", -1200),
        ("(12,00)", -1200),
        ("+7", 700),
        ("١٬٢٣٤٫٥٠", 123450),
        (568.45, 56845),
        (142.00000000000003, 14200),
        (7, 700),
        (1234, 123400),
    ],
)
def test_an_amount_is_understood_however_it_is_written(written: Cell, minor: int) -> None:
    assert amount_minor(written, exponent=2) == minor


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("1.234", "town.amount-ambiguous"),
        ("1,234", "town.amount-ambiguous"),
        ("12.345", "town.amount-ambiguous"),
        ("0,123", "town.amount-too-fine"),
        ("1234,567", "town.amount-too-fine"),
        ("1.234,567", "town.amount-too-fine"),
        (0.125, "town.amount-too-fine"),
        ("12 50", "town.amount-invalid"),
        ("1.23.456", "town.amount-invalid"),
        ("1.234.56", "town.amount-invalid"),
        ("1,234,56", "town.amount-invalid"),
        ("pendent", "town.amount-invalid"),
        ("12 hores", "town.amount-invalid"),
        ("--5", "town.amount-invalid"),
        (",", "town.amount-invalid"),
        (None, "town.amount-invalid"),
        (True, "town.amount-invalid"),
        (date(2026, 12, 1), "town.amount-invalid"),
    ],
)
def test_an_amount_that_would_have_to_be_guessed_is_a_finding(written: Cell, code: str) -> None:
    assert problem_of(amount_minor, written, exponent=2) == code


def test_three_decimals_are_read_with_the_mark_of_the_country() -> None:
    assert amount_minor("1,234", exponent=3) == 1234
    assert amount_minor("1.234", exponent=3, decimal=".") == 1234
    assert problem_of(amount_minor, "1.234", exponent=3) == "town.amount-ambiguous"


def grouped(whole: int, mark: str) -> str:
    return f"{whole:,}".replace(",", mark)


@given(
    minor=st.integers(0, 10**11),
    negative=st.booleans(),
    marks=st.sampled_from(
        [(".", ","), (" ", ","), (NBSP, ","), (THIN, ","), (",", "."), ("'", "."), ("", ","), ("", ".")]
    ),
    tail=st.sampled_from(["", " ", " €", f"{NBSP}€", " EUR", "€"]),
)
def test_every_usual_way_to_write_an_amount_means_the_same(
    minor: int, negative: bool, marks: tuple[str, str], tail: str
) -> None:
    group, decimal = marks
    written = f"{'-' if negative else ''}{grouped(minor // 100, group)}{decimal}{minor % 100:02d}{tail}"

    assert amount_minor(written, exponent=2) == (-minor if negative else minor)


@given(minor=st.integers(-(10**12), 10**12), exponent=st.sampled_from([0, 2, 3]))
def test_a_number_of_the_spreadsheet_is_exact_to_the_minor_unit(minor: int, exponent: int) -> None:
    assert amount_minor(float(Decimal(minor).scaleb(-exponent)), exponent=exponent) == minor


@given(number=st.integers(-(2 * 10**15), 2 * 10**15), as_float=st.booleans(), exponent=st.sampled_from([0, 2, 3]))
def test_a_whole_number_of_any_length_is_exact_or_refused_and_never_rounded(
    number: int, as_float: bool, exponent: int
) -> None:
    written = float(number) if as_float else number
    if abs(number) * 10**exponent > 10**15:
        assert problem_of(amount_minor, written, exponent=exponent) == "town.amount-invalid"
    else:
        assert amount_minor(written, exponent=exponent) == number * 10**exponent


@pytest.mark.parametrize("written", [10**15 + 1, -(10**15) - 4, float(10**15 + 1), 2**62])
def test_a_number_of_sixteen_digits_is_not_taken_for_the_round_one_beside_it(written: Cell) -> None:
    assert problem_of(amount_minor, written, exponent=0) == "town.amount-invalid"


@pytest.mark.parametrize(
    ("written", "exponent", "meant"),
    [
        ("568.45", 2, 56845), ("568.450", 2, 56845), ("5e2", 2, 500_00), ("1_000.5", 2, 1000_50), ("-0.0", 2, 0),
        ("12.3000000000000000001", 2, "town.amount-too-fine"), ("123456789012.345678", 3, "town.amount-too-fine"),
        ("1.004999999999999999", 2, "town.amount-too-fine"), ("1e-30", 2, "town.amount-too-fine"),
        ("10000000000000.01", 2, "town.amount-invalid"), ("1e40", 2, "town.amount-invalid"),
    ],
)  # fmt: skip
def test_a_fraction_of_a_toml_file_is_exact_or_refused_and_never_rounded(
    written: str, exponent: int, meant: int | str
) -> None:
    number = tomllib.loads(f"amount = {written}", parse_float=toml_fraction)["amount"]

    if isinstance(meant, int):
        assert amount_minor(number, exponent=exponent) == meant
    else:
        assert problem_of(amount_minor, number, exponent=exponent) == meant


@given(minor=st.integers(-(10**15), 10**15), exponent=st.sampled_from([0, 2, 3]))
def test_every_amount_of_a_toml_file_is_exact_to_the_minor_unit(minor: int, exponent: int) -> None:
    assert amount_minor(toml_fraction(str(Decimal(minor).scaleb(-exponent))), exponent=exponent) == minor


@pytest.mark.parametrize("written", ["inf", "nan", "1e41", "1e-999999999", "1e99999999999999999999"])
def test_a_number_that_nobody_means_is_none(written: str) -> None:
    with pytest.raises(ValueError, match="no number that can be kept"):
        toml_fraction(written)


@given(st.text(max_size=14))
def test_any_text_is_an_amount_or_a_finding_and_never_a_crash(written: str) -> None:
    assert outcome(lambda: amount_minor(written, exponent=2)) in {
        "understood", "town.amount-invalid", "town.amount-ambiguous", "town.amount-too-fine",
    }  # fmt: skip


@given(
    day_meant=st.dates(date(1900, 1, 1), date(2199, 12, 31)),
    form=st.sampled_from(
        ["{d:02d}/{m:02d}/{y}", "{d}/{m}/{y}", "{d}-{m:02d}-{y}", " {d}.{m}.{y} ", "{y}-{m:02d}-{d:02d}"]
    ),
)
def test_a_day_is_understood_however_it_is_written(day_meant: date, form: str) -> None:
    written = form.format(d=day_meant.day, m=day_meant.month, y=day_meant.year)

    assert day(written) == day(day_meant) == day(datetime.combine(day_meant, time.min)) == day_meant


@pytest.mark.parametrize(
    "written",
    [
        "31/02/2026",
        "29/02/2026",
        "10/25/2026",
        "4/5/86",
        "2026",
        "demà",
        "1/1/0000",
        "2026-13-01",
        46296,
        46296.5,
        True,
    ],
)
def test_a_day_that_does_not_exist_or_leaves_a_doubt_is_a_finding(written: Cell) -> None:
    assert problem_of(day, written) == "town.date-invalid"


@given(st.text(max_size=14))
def test_any_text_is_a_day_or_a_finding_and_never_a_crash(written: str) -> None:
    assert outcome(lambda: day(written)) in {"understood", "town.date-invalid"}


@pytest.mark.parametrize("written", ["4,5", "-1", "quatre", "", 4.5, True, date(2026, 1, 1), "12345678901"])
def test_a_count_is_a_whole_number(written: Cell) -> None:
    assert problem_of(whole_number, written) == "town.number-invalid"


DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
between = st.sampled_from(["", " ", "-", ".", NBSP, "–", "‑", "  "])


@given(number=st.integers(10_000, 99_999_999), gaps=st.lists(between, min_size=9, max_size=9), lower=st.booleans())
def test_one_identifier_has_one_spelling_whatever_stands_between_its_marks(
    number: int, gaps: list[str], lower: bool
) -> None:
    plain = f"{number:08d}{DNI_LETTERS[number % 23]}"
    written = "".join(mark + gap for mark, gap in zip(plain, gaps, strict=True))

    assert person_identifier(written.lower() if lower else written, country="ES") == plain
    assert person_identifier(plain.lstrip("0"), country="ES") == plain  # a spreadsheet took it for a number


@given(number=st.integers(10_000, 99_999_999), wrong=st.integers(1, 22))
def test_a_wrong_control_letter_is_always_found(number: int, wrong: int) -> None:
    written = f"{number:08d}{DNI_LETTERS[(number + wrong) % 23]}"

    assert problem_of(person_identifier, written, country="ES") == "town.identifier-invalid"


@pytest.mark.parametrize(
    ("written", "country", "plain"),
    [
        ("z-9900001-r", "ES", "Z9900001R"),
        ("b-00.000.00 0", "ES", "B00000000"),
        ("ESB00000000", "ES", "B00000000"),
        ("EL 094259216", "GR", "094259216"),
        ("PT 501 964 843", "PT", "501964843"),
        ("12-34/5", "JO", "12345"),
    ],
)
def test_a_tax_identifier_is_checked_where_the_country_has_a_check(written: str, country: str, plain: str) -> None:
    assert tax_identifier(written, country=country) == plain


def test_a_tax_identifier_that_fails_its_check_is_a_finding() -> None:
    assert problem_of(tax_identifier, "B00000001", country="ES") == "town.tax-id-invalid"
    assert problem_of(tax_identifier, "094259217", country="GR") == "town.tax-id-invalid"
    assert problem_of(tax_identifier, "", country="JO") == "town.tax-id-invalid"


def test_a_passport_is_read_as_one() -> None:
    assert person_identifier(" xa-123 456 ", country="ES", kind="passport") == "XA123456"
    assert problem_of(person_identifier, "??", country="ES", kind="passport") == "town.identifier-invalid"


IBAN = "ES9121000418450200051332"


@given(place=st.integers(2, len(IBAN) - 1), digit=st.sampled_from("0123456789"))
def test_one_wrong_digit_of_an_iban_is_always_found(place: int, digit: str) -> None:
    assume(IBAN[place] != digit)

    assert problem_of(iban, IBAN[:place] + digit + IBAN[place + 1 :]) == "town.iban-invalid"


@given(gaps=st.lists(between, min_size=len(IBAN), max_size=len(IBAN)), lower=st.booleans())
def test_one_iban_has_one_spelling(gaps: list[str], lower: bool) -> None:
    written = "".join(mark + gap for mark, gap in zip(IBAN, gaps, strict=True))

    assert iban(written.lower() if lower else written) == IBAN


def test_messages_show_no_more_of_an_identifier_than_its_ends() -> None:
    for meaning, value, options in (
        (person_identifier, "99000001A", {"country": "ES"}),
        (tax_identifier, "B00000001", {"country": "ES"}),
        (iban, IBAN[:-1] + "9", {}),
    ):
        with pytest.raises(CellProblem) as refused:
            meaning(value, **options)
        assert value not in refused.value.why
        assert mask(value) in refused.value.why


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
@pytest.mark.parametrize("name", ["Martínez", "Núria", "Àlex Muñoz", "Ποταμός", "فاطمة"])
def test_utf_8_read_as_another_encoding_is_noticed(name: str, encoding: str) -> None:
    garbled = name.encode("utf-8").decode(encoding, errors="replace")

    assert is_garbled(garbled)
    assert not is_garbled(name)


@given(st.text(st.sampled_from("abcçdeéèfgiíïlnñoóòrstuúü·'- ÀÉÍÑÇ"), max_size=12))
def test_catalan_and_spanish_words_are_never_taken_for_garbled(words: str) -> None:
    assert not is_garbled(words)


def test_words_lose_marks_that_nobody_sees_and_keep_the_others() -> None:
    assert text(f"  L'Hort{NBSP}de\u200b  la Trini ") == "L'Hort de la Trini"
    assert [text(nothing) for nothing in (None, "", " ", "-", "—", "--", "?")] == [""] * 7
    assert bare_identifier("EXP-2026/00123") == bare_identifier("exp 2026 00123 ") == "EXP202600123"

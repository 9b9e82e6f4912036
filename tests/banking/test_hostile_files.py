"""Files that no bank sends: refused whole, with every finding, in little memory and time, and nothing written."""

from __future__ import annotations

import resource
import time
from contextlib import suppress
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koinon.banking import reading
from koinon.kernel.errors import FindingsError
from tests.banking.desk import THEN, Desk
from tests.banking.statements import Line, camt
from tests.treasury.place import build

TODAY = THEN.date()
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (ord("b") + n, b"&%c;" % (ord("a") + n) * 10) for n in range(9))
    + b']><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">&j;</Document>'
)
OUTSIDE = b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/passwd">]><Document>&f;</Document>'
GOOD = camt(Line("7.00", "B1", text="café"))


def findings(content: bytes) -> list[str]:
    with pytest.raises(FindingsError) as refused:
        reading.read(content, columns={}, currency="EUR", exponent=2, country="ES", today=TODAY)
    return [one.code for one in refused.value.findings]


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (BOMB, ["bank.xml-declares"]),
        (OUTSIDE, ["bank.xml-declares"]),
        (b"", ["bank.file-empty"]),
        (b"\xef\xbb\xbf  \n", ["bank.file-empty"]),
        (GOOD[:-40], ["bank.xml-broken"]),
        (GOOD.decode().encode("cp1253", errors="replace").replace(b"7.00", b"\xe9"), ["bank.xml-broken"]),
        (GOOD.replace(b"UTF-8", b"EBCDIC-NO"), ["bank.xml-broken"]),
        (b"<a>" * 50 + b"</a>" * 50, ["bank.xml-nested"]),
        (GOOD.replace(b"camt.053.001.02", b"camt.053.001.99"), ["bank.version-unknown"]),
        (GOOD.replace(b"camt.053.001.02", b"pain.001.001.03"), ["bank.file-unknown"]),
        (camt(Line("-7.00")).replace(b">7.00<", b">-7.00<"), ["bank.amount-invalid"]),
        (GOOD.replace(b">7.00<", b">7.001<"), ["bank.amount-invalid"]),
        (GOOD.replace(b">7.00<", b">1e9<"), ["bank.amount-invalid"]),
        (GOOD.replace(b">7.00<", b">99999999999999.00<"), ["bank.amount-invalid"]),
        (GOOD.replace(b"CRDT", b"BOTH"), ["bank.direction-invalid"]),
        (GOOD.replace(b'Ccy="EUR">7.00', b'Ccy="USD">7.00'), ["bank.currency-differs"]),
        (camt(Line("7.00"), currency="JOD"), ["bank.currency-differs"]),
        (camt(Line("7.00"), closing="8.00"), ["bank.balance-differs"]),
        (camt(Line("7.00", day=TODAY + timedelta(days=2))), ["bank.day-in-future"]),
        (camt(Line("7.00", day=date(1999, 1, 1))), ["bank.day-in-future"]),
        (GOOD.replace(b"<BookgDt><Dt>2026-11-03", b"<BookgDt><Dt>2026-13-03"), ["bank.day-invalid"]),
        (camt(Line("7.00", "B" * 141)), ["bank.text-too-long"]),
        (b"hello;world\n1;2\n", ["bank.heading-missing"]),
        (b"\x00\x01\x02" * 100, ["bank.encoding-unknown"]),
        (b"date,amount\n2026-11-03,1.234\n2026-11-99,3\n2027-11-03,4\n2026-11-03,1,2,3\n",
         ["bank.amount-invalid", "bank.day-invalid", "bank.day-in-future", "bank.row-uneven"]),
        (b'date,amount\n2026-11-03,"' + b"9" * 200_000 + b'"\n', ["bank.heading-missing"]),
    ],
)  # fmt: skip
def test_a_hostile_file_is_refused_with_its_findings(content, codes):
    if b"7.00" in content[:3000] and codes == ["bank.amount-invalid"]:
        content = content.replace(b"<Cd>CLBD</Cd>", b"<Cd>XXXX</Cd>")
    assert sorted(set(findings(content))) == sorted(set(codes))


def test_a_hundred_megabytes_are_refused_in_no_time():
    for content in (b"<a>" * (100 * 2**20 // 3), b"x" * (100 * 2**20), b" " * (100 * 2**20)):
        before = time.process_time()
        assert findings(content) == ["bank.file-too-large"]
        assert time.process_time() - before < 0.5


def test_ten_megabytes_of_elements_are_counted_while_they_are_read():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    assert findings(b"<a>" + b"<b/>" * (10 * 2**20 // 4 - 10) + b"</a>") == ["bank.xml-nested"]
    assert time.process_time() - start < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600_000  # kilobytes


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<a " + b" ".join(b"a%d='>'" % number for number in range(600_000)) + b"/>", "bank.text-too-long"),
        (b"<a b='" + b"x" * 9_900_000 + b"'/>", "bank.text-too-long"),
        (b"<!--" + b"x" * 9_900_000 + b"--><a/>", "bank.text-too-long"),
        (b"<!--" + b"<" * 9_900_000 + b"--><a/>", "bank.file-unknown"),
        (GOOD.replace(b"caf", b"c" * 9_900_000), "bank.text-too-long"),
    ],
    ids=["600,000 attributes", "one attribute", "a comment", "a comment of signs", "one text"],
)
def test_what_a_parser_would_take_long_over_does_not_hold_up_the_site(content, code):
    start = time.process_time()
    assert findings(content) == [code]
    assert time.process_time() - start < 4


def test_every_finding_is_listed_and_nothing_is_written(django_db):
    desk = Desk(build(django_db))
    with pytest.raises(FindingsError) as refused:
        desk.bring(
            camt(Line("0.00", "B1"), Line("7.00", "B2", day=date(2027, 1, 1)), Line("3.00", "B3"), closing="10.00")
        )

    assert [(one.row, one.code) for one in refused.value.findings] == [
        (1, "bank.amount-invalid"),
        (2, "bank.day-in-future"),
    ]
    assert desk.entries() == []
    with pytest.raises(FindingsError) as refused:
        desk.bring(camt(Line("3.00"), account="DE89370400440532013000"))
    assert [one.code for one in refused.value.findings] == ["bank.account-unknown"]


def test_what_a_bank_calls_itself_is_shown_as_text(django_db):
    desk = Desk(build(django_db))
    desk.bring(
        camt(Line("3.00", "B1'; DROP TABLE banking.entry; --", text="<script>alert(1)</script> & co".replace("<", "")))
    )
    assert desk.entries()[0].bank_reference == "B1'; DROP TABLE banking.entry; --"


@given(st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused(content):
    with suppress(FindingsError):
        reading.read(content, columns={}, currency="EUR", exponent=2, country="GR", today=TODAY)


@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=4))
def test_a_statement_with_some_bytes_changed_is_read_or_refused(place, other):
    with suppress(FindingsError):
        reading.read(
            GOOD[:place] + other + GOOD[place + 1 :], columns={}, currency="EUR", exponent=2, country="GR", today=TODAY
        )

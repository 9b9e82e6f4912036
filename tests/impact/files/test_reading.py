"""A ledger comes out of a file exactly as it stands there, or every finding is said with its row."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from koinon.impact.files.errors import SAID, LedgerFileRefused
from koinon.impact.files.reading import read
from koinon.impact.files.types import Asked, CohortBy, LedgerFile, TimeUnit
from koinon.impact.tracing.types import Role

Write = Callable[..., Path]
MONTH = """
time,source,target,amount
2027-03-01T08:00:00+01:00,town,ana,60.00
2027-03-01T08:00:00+01:00,town,ben,35.5
2027-03-02T10:30:00.250+01:00,ana,bakery,40.00
2027-03-09T10:00:00Z,bakery,mill,15.25
2027-04-01T00:30:00+02:00,town,ana,60.00
2027-04-02T00:00:00Z,mill,bank,10.00
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str, name: str = "ledger.csv", encoding: str = "utf-8") -> Path:
        file = tmp_path / name
        file.write_bytes(text.strip("\n").encode(encoding) + b"\n")
        return file

    return written


def rows(read: LedgerFile) -> list[tuple[Any, ...]]:
    """A ledger as its reader would tell it: when, who to whom, how much, of which cohort, whether it undoes."""
    ledger, moved = read.ledger, read.ledger.transfers
    names = ledger.accounts.names
    return [
        (
            int(time),
            names[source],
            names[target],
            int(amount),
            ledger.cohorts[cohort] if cohort >= 0 else None,
            bool(undoes),
        )
        for time, source, target, amount, cohort, undoes in zip(
            moved.time, moved.source, moved.target, moved.amount, moved.cohort, moved.undoes, strict=True
        )
    ]


def micro(text: str) -> int:
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1_000_000)


def found(file: Path, **asked: Any) -> list[tuple[int, str, str]]:
    with pytest.raises(LedgerFileRefused) as refused:
        read(Asked(file, **{"issuers": ("town",), **asked}))
    return [(finding.row, finding.column, finding.code) for finding in refused.value.findings]


def test_a_file_is_read_to_the_minor_unit_and_the_microsecond(write: Write) -> None:
    ledger = read(Asked(write(MONTH), issuers=("town",), redeemers=("bank",), zone=ZoneInfo("Europe/Madrid")))

    assert rows(ledger) == [
        (micro("2027-03-01T07:00:00+00:00"), "town", "ana", 60_00, "2027-03", False),
        (micro("2027-03-01T07:00:00+00:00"), "town", "ben", 35_50, "2027-03", False),
        (micro("2027-03-02T09:30:00.250+00:00"), "ana", "bakery", 40_00, None, False),
        (micro("2027-03-09T10:00:00+00:00"), "bakery", "mill", 15_25, None, False),
        (micro("2027-03-31T22:30:00+00:00"), "town", "ana", 60_00, "2027-04", False),
        (micro("2027-04-02T00:00:00+00:00"), "mill", "bank", 10_00, None, False),
    ]
    assert ledger.ledger.exponent == 2
    assert [Role(role).name for role in ledger.ledger.accounts.role] == [
        "ISSUER", "HOLDER", "HOLDER", "HOLDER", "HOLDER", "REDEEMER",
    ]  # fmt: skip


def test_other_headings_separators_marks_and_compression_give_the_same_ledger(write: Write, tmp_path: Path) -> None:
    same = read(Asked(write(MONTH), issuers=("town",), redeemers=("bank",)))
    other = MONTH.replace(".00\n", "\n").replace(",", ";").replace("35.5", "35,5").replace("15.25", "15,25")
    other = "\ufeff" + other.replace("time;source;target;amount", "when;payer;payee;how much").strip("\n")
    packed = tmp_path / "other.csv.gz"
    packed.write_bytes(gzip.compress(other.encode()))
    columns = {"time": "when", "source": "payer", "target": "payee", "amount": "how much"}

    read_from = read(
        Asked(packed, issuers=("t*n",), redeemers=("bank",), columns=columns, decimal_mark=",", decimals=2)
    )

    assert rows(read_from) == rows(same)


def test_rows_may_stand_in_any_order_and_those_of_one_instant_keep_theirs(write: Write) -> None:
    lines = MONTH.strip().splitlines()
    turned = "\n".join([lines[0], *lines[4:], *lines[1:4]])

    ledger = read(Asked(write(turned), issuers=("town",), redeemers=("bank",)))

    assert rows(ledger) == rows(read(Asked(write(MONTH, "b.csv"), issuers=("town",), redeemers=("bank",))))
    assert ledger.notes.unsorted


def test_a_file_from_the_newest_row_to_the_oldest_is_read_from_its_end(write: Write) -> None:
    days = "\n".join(re.sub("T[^,]*", "", line) for line in MONTH.strip().splitlines())
    lines = days.splitlines()
    asked: dict[str, Any] = {"issuers": ("town",), "redeemers": ("bank",), "zone": ZoneInfo("UTC")}

    ledger = read(Asked(write("\n".join([lines[0], *lines[:0:-1]])), **asked))

    assert rows(ledger) == rows(read(Asked(write(days, "b.csv"), **asked)))
    assert ledger.notes.newest_first


def test_what_a_spreadsheet_exports_is_read_as_its_user_says(write: Write) -> None:
    sheet = """
time;source;target;amount
01/03/2027 08:00;town;ana;1.060,00
02/03/2027 10:30;ana;bakery;40,5
"""
    ledger = read(
        Asked(
            write(sheet),
            issuers=("town",),
            zone=ZoneInfo("Europe/Madrid"),
            time_format="%d/%m/%Y %H:%M",
            decimal_mark=",",
            thousands=".",
        )
    )

    (first, issuer, _, amount, *_), second = rows(ledger)
    assert (datetime.fromtimestamp(first / 1e6, UTC).isoformat(), issuer, amount) == (
        "2027-03-01T07:00:00+00:00",
        "town",
        106_000,
    )
    assert second[3] == 4_050


@pytest.mark.parametrize(
    "amounts",
    [
        pa.array([Decimal("60.00"), Decimal("0.10")], pa.decimal128(12, 2)),
        pa.array([60.0, 0.1], pa.float64()),
        pa.array(["60", " 0.10 "]),
    ],
    ids=["decimals", "floats as they are written", "texts"],
)
@pytest.mark.parametrize(
    "times",
    [
        pa.array([datetime(2027, 3, 1, 7, tzinfo=UTC), datetime(2027, 3, 2, tzinfo=UTC)], pa.timestamp("ns", "UTC")),
        pa.array([1803884400, 1803945600], pa.int32()),
        pa.array(["1803884400", "1803945600"]),
        pa.array(["2027-03-01T08:00:00+01:00", "20270302T000000Z"]),
    ],
    ids=["timestamps", "numbers", "texts of numbers", "written in several ways"],
)
def test_parquet_may_hold_what_programs_write(tmp_path: Path, amounts: pa.Array, times: pa.Array) -> None:
    file = tmp_path / "ledger.parquet"
    ids = pa.array([b"\x01" * 16, b"\x02" * 16], pa.binary(16))
    pq.write_table(pa.table({"time": times, "source": pa.array(["1", "2"]), "target": ids, "amount": amounts}), file)

    ledger = read(Asked(file, issuers=("1", "2"), decimals=2))

    assert [(time, amount) for time, _, _, amount, _, _ in rows(ledger)] == [
        (micro("2027-03-01T07:00:00+00:00"), 60_00),
        (micro("2027-03-02T00:00:00+00:00"), 10),
    ]
    assert set(ledger.ledger.accounts.names) >= {"01" * 16, "02" * 16}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.decimals(0, 10**9, allow_nan=False, places=4), min_size=1, max_size=12), st.integers(0, 4))
def test_no_amount_is_rounded(tmp_path: Path, amounts: list[Decimal], places: int) -> None:
    amounts = [amount.quantize(Decimal(1).scaleb(-places)) + 1 for amount in amounts]
    text = "time,source,target,amount\n" + "".join(f"{when},town,ana,{each}\n" for when, each in enumerate(amounts))
    file = tmp_path / "amounts.csv"
    file.write_text(text, encoding="utf-8")

    ledger = read(Asked(file, issuers=("town",)))

    scale = Decimal(10) ** ledger.ledger.exponent
    assert [Decimal(int(each)) / scale for each in ledger.ledger.transfers.amount] == amounts


PIECES = [
    b'"', b",", b";", b"\n", b"\r\n", b"\xff", b"\x00", b"\xef\xbb\xbf", b"1e400", b"nan", b"--5", b"9" * 25, b"1." + b"1" * 30,
    b"2027-03-28 02:30", b"9999-12-31T23:59:59Z", b"0001-01-01T00:00:00+14:00", b"PAR1", b"time", "ق".encode(), b"town",
]  # fmt: skip


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 400), st.sampled_from(PIECES), st.booleans()), max_size=6), st.data())
def test_whatever_stands_in_a_file_is_read_or_refused(
    tmp_path: Path, changes: list[tuple[int, bytes, bool]], data: st.DataObject
) -> None:
    content = bytearray(MONTH.strip().encode() + b"\n")
    for place, piece, instead in changes:
        content[place : place + (len(piece) if instead else 0)] = piece
    file = tmp_path / "any.csv"
    file.write_bytes(content)
    asked = Asked(
        file,
        issuers=("town",),
        accounts=data.draw(st.sampled_from([None, file])),
        zone=data.draw(st.sampled_from([None, ZoneInfo("Europe/Madrid")])),
        decimals=data.draw(st.sampled_from([None, 0, 2, 18])),
        decimal_mark=data.draw(st.sampled_from([".", ","])),
        minor=data.draw(st.booleans()),
        time_unit=data.draw(st.sampled_from(TimeUnit)),
        encoding=data.draw(st.sampled_from(["utf-8", "windows-1256", "utf-16"])),
        cohort_by=data.draw(st.sampled_from(CohortBy)),
    )

    try:
        moved = read(asked).ledger.transfers
    except LedgerFileRefused as refused:
        assert refused.findings  # noqa: PT017  Either outcome is right.
    else:
        assert (moved.amount > 0).all()


def test_every_finding_is_said_with_its_row(write: Write) -> None:
    broken = """
time,source,target,amount

2027-03-01T08:00:00,town,ana,60.00
2027-03-01T08:00:00Z,town,,1.00
soon,town,ben,1e3
2027-03-01T08:00:00Z,town,ben,-4.00

2027-03-01T08:00:00Z,town,ben,"1,234.50"
"""
    assert found(write(broken)) == [
        (3, "time", "ledger-file.time-zone"),
        (4, "target", "ledger-file.account"),
        (5, "time", "ledger-file.time"),
        (5, "amount", "ledger-file.amount"),
        (6, "amount", "ledger-file.amount-negative"),
        (8, "amount", "ledger-file.amount"),
    ]


def test_at_most_twenty_findings_are_said_and_the_others_counted(write: Write) -> None:
    text = "time,source,target,amount\n" + "2027-03-01T08:00:00Z,town,ana,none\n" * 300

    with pytest.raises(LedgerFileRefused) as refused:
        read(Asked(write(text), issuers=("town",)))

    assert [finding.row for finding in refused.value.findings] == list(range(2, 2 + SAID))
    assert str(refused.value) == "300 findings, of which the first 20 are said; nothing was written"


@pytest.mark.parametrize(
    ("text", "asked", "expected"),
    [
        ("when,source,target,amount\n1,a,b,1", {}, (0, "time", "ledger-file.column-missing")),
        ("time,source,target,amount,amount\n1,a,b,1,1", {}, (0, "amount", "ledger-file.column-twice")),
        ("time,source,target,amount\n1,a,b", {}, (2, "", "ledger-file.row-length")),
        ("time,source,target,amount\n1,a,\xe9,1", {}, (2, "", "ledger-file.encoding")),
        ("time,source,target,amount", {}, (0, "", "ledger-file.no-rows")),
        ("", {}, (0, "", "ledger-file.no-table")),
        ("time,source,target,amount\n1,a,b,1.005", {"decimals": 2, "issuers": ("a",)}, (2, "amount", "ledger-file.amount-decimals")),
        ("time,source,target,amount\n1,a,b,1.5", {"minor": True, "issuers": ("a",)}, (2, "amount", "ledger-file.amount-decimals")),
        ("time,source,target,amount\n1,a,b,99999999999999999999", {"issuers": ("a",)}, (2, "amount", "ledger-file.amount-large")),
        ("time,source,target,amount\n1,a,b,9000000000000000000\n2,a,b,9000000000000000000", {"issuers": ("a",)}, (0, "amount", "ledger-file.amount-large")),
        ("time,source,target,amount\n1,a,b,1", {"issuers": ()}, (0, "", "ledger-file.no-issuer")),
        ("time,source,target,amount\n1,a,b,1", {"issuers": ("c",)}, (0, "", "ledger-file.account-unknown")),
        ("time,source,target,amount\n1,a,b,1", {"issuers": ("a",), "redeemers": ("*",)}, (0, "", "ledger-file.role-twice")),
        ("time,source,target,amount\n1,a,b,1", {"issuers": ("@nowhere.txt",)}, (0, "", "ledger-file.unreadable")),
        ("time,source,target,amount,kind\n1,a,b,1,gift", {"issuers": ("a",)}, (2, "kind", "ledger-file.word")),
        ("time,source,target,amount,undoes\n1,a,b,1,maybe", {"issuers": ("a",)}, (2, "undoes", "ledger-file.word")),
        ("time,source,target,amount\n1,a,b,1.06.00", {"issuers": ("a",), "thousands": ".", "decimal_mark": ","}, (2, "amount", "ledger-file.amount")),
        ("time,source,target,amount\n2027-03-01,a,b,1", {"issuers": ("a",), "time_format": "%d/%m/%Y", "zone": ZoneInfo("UTC")}, (2, "time", "ledger-file.time")),
        ("time,source,target,amount\n46082,a,b,1", {"issuers": ("a",)}, (0, "time", "ledger-file.time")),
        ("time,source,target,amount\n2027-03-28 02:30,a,b,1", {"issuers": ("a",), "zone": ZoneInfo("Europe/Madrid")}, (2, "time", "ledger-file.time")),
    ],
)  # fmt: skip
def test_what_is_wrong_has_its_code_and_place(
    write: Write, text: str, asked: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert expected in found(write(text, encoding="latin-1"), **asked)


def test_a_missing_column_is_answered_with_the_option_that_names_it(write: Write) -> None:
    with pytest.raises(LedgerFileRefused) as refused:
        read(Asked(write("timestamp,from,to,value\n1,a,b,1"), issuers=("a",)))

    assert [finding.remedy.rsplit(": ", 1)[1] for finding in refused.value.findings] == [
        "--column time=timestamp", "--column source=from", "--column target=to", "--column amount=value",
    ]  # fmt: skip


def test_whoever_names_no_issuer_is_told_who_only_pays(write: Write) -> None:
    with pytest.raises(LedgerFileRefused) as refused:
        read(Asked(write(MONTH)))

    assert "“town” only pay and are never paid" in refused.value.findings[0].remedy


def test_a_column_that_says_what_rows_are_lets_one_account_issue_and_trade(write: Write) -> None:
    text = """
time,source,target,amount,kind,cohort
1,town,ana,10,issue,aid
2,ana,town,4,payment,
3,town,ana,1,REFUND,
4,town,mill,3,supplies,
5,mill,town,2,redeem,
"""
    ledger = read(Asked(write(text), kinds={"supplies": "payment"})).ledger

    names, role, moved = ledger.accounts.names, ledger.accounts.role, ledger.transfers
    assert [
        (names[source], Role(role[source]).name, names[target], Role(role[target]).name, bool(undoes))
        for source, target, undoes in zip(moved.source, moved.target, moved.undoes, strict=True)
    ] == [
        ("town", "ISSUER", "ana", "HOLDER", False),
        ("ana", "HOLDER", "town", "HOLDER", False),
        ("town", "HOLDER", "ana", "HOLDER", True),
        ("town", "HOLDER", "mill", "HOLDER", False),
        ("mill", "HOLDER", "town", "REDEEMER", False),
    ]
    assert ledger.cohorts == ("aid",)
    assert moved.cohort.tolist() == [0, -1, -1, -1, -1]


def test_accounts_bring_their_attributes_and_roles(write: Write) -> None:
    accounts = write(
        """
account,zone,sse,role,women led
town,,,issuer,
bank,,,redeemer,
bakery,North,yes,,yes
mill,South,0,holder,no
stranger,South,1,,
""",
        "accounts.csv",
    )

    ledger = read(Asked(write(MONTH), accounts=accounts, by=("women led",)))

    known, names = ledger.ledger.accounts.attributes, ledger.ledger.accounts.names
    assert {
        name: {
            who: each.labels[code] for who, code in zip(names, each.codes.tolist(), strict=True) if code >= 0
        }
        for name, each in known.items()
    } == {
        "zone": {"bakery": "North", "mill": "South"},
        "sse": {"bakery": "sse", "mill": "other"},
        "women led": {"bakery": "yes", "mill": "no"},
    }  # fmt: skip
    assert (ledger.notes.without_attributes, ledger.notes.attributes_unused) == (2, 1)


def test_numbers_of_accounts_and_roles_are_taken_as_exports_write_them(tmp_path: Path) -> None:
    moved = {"time": [1, 2, 3], "source": [7, 8, 9], "target": [8, 9, 7], "amount": [500, 300, 100]}
    known = {"account": [7, 8, 9], "role": [1, 0, 2], "zone": [None, "North", None]}
    for name, columns in (("moved", moved), ("known", known)):
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")

    asked = Asked(tmp_path / "moved.parquet", accounts=tmp_path / "known.parquet", minor=True, decimals=3)
    ledger = read(asked).ledger

    assert [Role(role).name for role in ledger.accounts.role] == ["ISSUER", "HOLDER", "REDEEMER"]
    assert (ledger.transfers.amount.tolist(), ledger.exponent) == ([500, 300, 100], 3)


def test_a_group_called_like_an_end_of_the_way_is_told_apart_from_it(write: Write) -> None:
    accounts = write("account,sector\nbakery,held\nmill,unknown\nana,issued", "accounts.csv")

    known = read(Asked(write(MONTH), issuers=("town",), accounts=accounts)).ledger.accounts.attributes["sector"]

    assert known.labels == ("“held”", "“issued”")


def test_findings_about_accounts_are_said_with_those_about_transfers(write: Write) -> None:
    accounts = write("account,sse\nana,perhaps\nana,yes\n,no", "accounts.csv")

    assert found(write(MONTH.replace("40.00", "")), accounts=accounts) == [
        (4, "amount", "ledger-file.amount"),
        (2, "sse", "ledger-file.word"),
        (3, "account", "ledger-file.account-twice"),
        (4, "account", "ledger-file.account"),
    ]


@pytest.mark.parametrize(
    ("by", "cohorts"),
    [
        (CohortBy.DAY, ("2027-03-01", "2027-04-01")),
        (CohortBy.WEEK, ("2027-03-01", "2027-03-29")),
        (CohortBy.YEAR, ("2027",)),
        (CohortBy.ISSUER, ("town",)),
        (CohortBy.ALL, ("all",)),
    ],
)
def test_cohorts_are_told_apart_as_asked(write: Write, by: CohortBy, cohorts: tuple[str, ...]) -> None:
    zone = ZoneInfo("Europe/Madrid")

    assert read(Asked(write(MONTH), issuers=("town",), cohort_by=by, zone=zone)).ledger.cohorts == cohorts


@pytest.mark.parametrize(
    ("unit", "number"), [("s", 1), ("ms", 1_000), ("us", 1_000_000), ("ns", 1_000_000_000), ("auto", 1_000_000)]
)
def test_whole_numbers_count_what_is_said_or_what_their_size_says(write: Write, unit: str, number: int) -> None:
    text = f"time,source,target,amount\n{1_803_884_400 * number},town,ana,1"

    ledger = read(Asked(write(text), issuers=("town",), time_unit=TimeUnit(unit)))

    assert ledger.ledger.transfers.time.tolist() == [1_803_884_400_000_000]


def test_issuers_may_stand_in_a_file(write: Write, tmp_path: Path) -> None:
    listed = write("to*\n\nsomebody else", "issuers.txt")

    assert found(write(MONTH), issuers=(f"@{listed}",)) == [(0, "", "ledger-file.account-unknown")]
    listed.write_text("to*\n", encoding="utf-8")
    assert read(Asked(write(MONTH), issuers=(f"@{listed}",))).ledger.accounts.role[0] == Role.ISSUER


def test_what_moves_nothing_is_left_out_and_counted(write: Write) -> None:
    ledger = read(
        Asked(write(MONTH + "2027-05-01T00:00:00Z,ana,ben,0.00\n2027-05-02T00:00:00Z,ana,ana,1.00"), issuers=("town",))
    )

    assert (ledger.notes.zero, ledger.notes.to_self, len(ledger.ledger.transfers)) == (1, 1, 7)
    assert np.all(np.diff(ledger.ledger.transfers.time) >= 0)


def test_a_folder_of_parquet_parts_is_one_ledger(write: Write, tmp_path: Path) -> None:
    whole = read(Asked(write(MONTH), issuers=("town",)))
    lines = MONTH.strip().splitlines()
    for part in (0, 1):
        (tmp_path / f"parts/month={part}").mkdir(parents=True)
        rows_of = [line.split(",") for line in lines[1 + 3 * part : 4 + 3 * part]]
        columns = {name: [row[place] for row in rows_of] for place, name in enumerate(lines[0].split(","))}
        pq.write_table(pa.table(columns), tmp_path / f"parts/month={part}/part-{part}.parquet")

    parts = read(Asked(tmp_path / "parts", issuers=("town",)))

    assert rows(parts) == rows(whole)
    (tmp_path / "empty").mkdir()
    assert found(tmp_path / "empty") == [(0, "", "ledger-file.unreadable")]


def test_a_folder_of_csv_parts_is_one_ledger(write: Write, tmp_path: Path) -> None:
    whole = read(Asked(write(MONTH), issuers=("town",)))
    (tmp_path / "parts").mkdir()
    headings, *lines = MONTH.strip().splitlines()
    turned = ";".join(reversed(headings.split(",")))
    backwards = [";".join(reversed(line.split(","))) for line in lines[4:]]
    write("\n".join([headings, *lines[:4]]), "parts/2027-03.csv")
    (tmp_path / "parts/2027-04.csv.gz").write_bytes(gzip.compress("\n".join([turned, "", *backwards]).encode()))
    write("not a part", "parts/README.txt")

    parts = read(Asked(tmp_path / "parts", issuers=("town",)))

    assert rows(parts) == rows(whole)
    assert parts.sha256 != whole.sha256


def test_what_is_wrong_with_parts_is_said_with_the_part_and_its_line(write: Write, tmp_path: Path) -> None:
    def refused() -> list[tuple[str, int, str]]:
        with pytest.raises(LedgerFileRefused) as found:
            read(Asked(tmp_path / "parts", issuers=("town",)))
        return [(finding.file, finding.row, finding.code) for finding in found.value.findings]

    (tmp_path / "parts").mkdir()
    headings, *lines = MONTH.strip().splitlines()
    write("\n".join([headings, *lines[:2]]), "parts/a.csv")
    write("\n".join([headings, "", lines[2].replace("Z,", ",").replace("2027", "27")]), "parts/b.csv")
    assert refused()[0][:2] == ("parts/b.csv", 3)
    write(f"{headings}\n{lines[2]},more", "parts/b.csv")
    write(f"{headings},note\n{lines[2]},more", "parts/c.csv")
    assert refused() == [("parts/c.csv", 1, "ledger-file.parts-differ")]
    (tmp_path / "parts/c.csv").unlink()
    assert refused() == [("parts/b.csv", 2, "ledger-file.row-length")]
    pq.write_table(pa.table({"time": ["x"]}), tmp_path / "parts/d.parquet")
    assert refused() == [("parts", 0, "ledger-file.parts-differ")]


def test_every_code_of_a_finding_is_on_its_page() -> None:
    root = Path(__file__).resolve().parents[3]
    code = "".join(file.read_text(encoding="utf-8") for file in root.joinpath("src/koinon/impact/files").glob("*.py"))
    page = (root / "docs/reference/ledger-file.md").read_text(encoding="utf-8")

    assert set(re.findall(r'"(ledger-file\.[a-z-]+)"', code)) == set(re.findall(r"`(ledger-file\.[a-z-]+)`", page))
